"""What lies at a URL, or whether anything does."""

from __future__ import annotations

import asyncio
import hashlib
import io
from collections.abc import Sequence
from contextlib import suppress

import rattler
from rattler.package_streaming import download_to_writer

from .. import prefix
from ..channels import local_path, redact
from .client import new_client
from .failures import archive_error


def content(url: str) -> bytes:
    """What lies at ``url``; nothing where nothing does, or cannot be had."""
    path = local_path(url)
    with suppress(Exception):  # py-rattler's errors have no class in common
        if path is not None:
            return path.read_bytes()
        buffer = io.BytesIO()
        asyncio.run(_download(url, buffer))
        return buffer.getvalue()
    return b""


def sha256(url: str) -> str:
    """Of what lies at ``url`` now. Raises ChannelError where nothing does, or cannot be read."""
    path, found = local_path(url), _Digest()
    try:
        if path is not None:
            return prefix.sha256(path)
        asyncio.run(_download(url, found))
    except Exception as error:  # py-rattler's errors have no class in common
        raise archive_error(error, redact(url)) from error
    return found.sha256.hexdigest()


def answers(urls: Sequence[str], timeout: float) -> list[str]:
    """What is wrong with each of ``urls``, in py-rattler's words; empty where its beginning can be read within
    ``timeout`` seconds."""

    async def problem(url: str, client: rattler.Client) -> str:
        beginning = Beginning()
        try:
            await asyncio.wait_for(download_to_writer(client, url, beginning), timeout)
        except asyncio.TimeoutError:
            return "" if beginning.came else f"no answer came within {timeout:g} seconds"
        except Exception as error:  # py-rattler's errors have no class in common
            return "" if beginning.came else redact(str(error)) or type(error).__name__
        return ""

    async def run() -> list[str]:
        client = new_client()
        return list(await asyncio.gather(*(problem(url, client) for url in urls)))

    return asyncio.run(run())


async def _download(url: str, target: io.BytesIO | _Digest) -> None:
    await download_to_writer(new_client(), url, target)


class _Digest:
    """A file of which nothing is kept but what it is."""

    def __init__(self) -> None:
        self.sha256 = hashlib.sha256()

    def write(self, chunk: bytes) -> int:
        self.sha256.update(chunk)
        return len(chunk)


class Beginning:
    """A file that wants no more than the first bytes."""

    came = False

    def write(self, chunk: bytes) -> int:
        self.came = True
        raise EOFError
