"""Locks as files: what was decided, to be kept, shared and made again elsewhere, hash by hash."""

from __future__ import annotations

from pathlib import Path

import msgspec

from .errors import InvalidRequest
from .model import Lock

_MOST_BYTES = 100_000_000


def read(path: Path) -> Lock:
    """The lock in the file at ``path``. Raises InvalidRequest, naming the file and the place in it."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InvalidRequest(f"{path} is far too large for a lock.", "Is it the right file?")
        lock = msgspec.json.decode(path.read_bytes(), type=Lock)
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be read: {error.strerror}.", "Check the path.") from error
    except msgspec.MsgspecError as error:
        raise InvalidRequest(
            f"{path} is not a lock of jupyter_condaenv: {error}.",
            "Give a file that `jupyter condaenv lock` wrote.",
        ) from error
    check(lock, str(path))
    return lock


def write(lock: Lock, path: Path) -> None:
    """Write ``lock`` to ``path``, whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(msgspec.json.format(msgspec.json.encode(lock), indent=1) + b"\n")
        part.replace(path)
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be written: {error.strerror}.", "Choose another place with -o.") from error


def check(lock: Lock, source: str) -> None:
    """Raises InvalidRequest for a lock that leaves open what would be installed."""
    seen: set[str] = set()
    for package in lock.packages:
        if package.name in seen:
            raise InvalidRequest(f"{source} holds {package.name} twice.", "Make the lock again.")
        seen.add(package.name)
        if not package.sha256 and not package.md5:
            raise InvalidRequest(f"{source} has no hash for {package}.", "Make the lock again.")
        for name, digits in (("sha256", 64), ("md5", 32)):
            value = getattr(package, name)
            if value and (len(value) != digits or not set(value) <= set("0123456789abcdef")):
                raise InvalidRequest(f"{source}: the {name} of {package} is no {name}.", "Make the lock again.")
        if "/" in package.file_name or package.file_name in ("", ".", ".."):
            raise InvalidRequest(f"{source}: {package.file_name!r} is not the name of a package file.", "")
