"""What lies at a URL, or whether anything does."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Sequence
from contextlib import suppress

import rattler
from rattler.package_streaming import download_to_writer

from ..channels import local_path, redact
from .client import new_client


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


async def _download(url: str, target: io.BytesIO) -> None:
    await download_to_writer(new_client(), url, target)


class Beginning:
    """A file that wants no more than the first bytes."""

    came = False

    def write(self, chunk: bytes) -> int:
        self.came = True
        raise EOFError
