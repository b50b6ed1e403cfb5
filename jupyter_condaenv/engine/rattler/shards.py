"""What py-rattler keeps of an index in pieces (CEP 16)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from ..channels import redact

_MAGIC = b"SHARD-CACHE-V1"
"""Begins the file of an index: then the length of how it was answered, that, and the index."""
_START = len(_MAGIC) + 4
_VALIDATORS = ("etag", "last-modified")


class Kept:
    """An index as the file ``path`` has it."""

    def __init__(self, path: Path) -> None:
        data = path.read_bytes()
        if not data.startswith(_MAGIC):
            raise ValueError
        end = _START + int.from_bytes(data[len(_MAGIC) : _START], "little")
        self._path = path
        self._answer: list[Any] = msgspec.msgpack.decode(data[_START:end])
        self.index = data[end:]
        self.headers: dict[str, list[Any]] = self._answer[0][1]
        """Of the answer."""
        self.url = redact(self._answer[0][2])

    def forget_validators(self) -> bool:
        """Whether there were any: what is kept is next asked for whole. Until then it stays, for who has no network."""
        if not [self.headers.pop(name) for name in _VALIDATORS if name in self.headers]:
            return False
        answer = msgspec.msgpack.encode(self._answer)
        part = self._path.with_name(f"{self._path.name}.{os.getpid()}.part")  # others may be about it too
        part.write_bytes(_MAGIC + len(answer).to_bytes(4, "little") + answer + self.index)
        os.replace(part, self._path)
        return True


def kept(folder: Path) -> Iterator[Kept]:
    """All indexes in ``folder`` that can be read."""
    for path in folder.glob("*.shards-cache-v1"):
        with suppress(OSError, ValueError, TypeError, LookupError, msgspec.MsgspecError):
            yield Kept(path)
