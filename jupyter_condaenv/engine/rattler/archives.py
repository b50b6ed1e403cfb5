"""Looking into archives of packages, without fetching them whole."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import rattler
from rattler.package_streaming import PackageArchive, download_to_writer

from ..channels import local_path
from ..model import Package
from ..prefix import PathEntry, decode_paths
from .client import new_client
from .downloads import Beginning

_PATHS = "info/paths.json"


_AT_ONCE = 16
"""Archives that are looked into at the same time."""


_LOOKING = 10.0
"""Seconds that looking into archives may take."""


def contents(packages: Iterable[Package], cache_dir: Path) -> dict[str, list[PathEntry]]:
    """What the archives of ``packages`` hold, by name: read from the package cache, else from the archive, of which
    little is fetched. Left out are those of which it cannot be told soon."""
    at_once = asyncio.Semaphore(_AT_ONCE)

    async def look(package: Package, client: rattler.Client) -> tuple[str, list[PathEntry]] | None:
        unpacked = cache_dir / "pkgs" / f"{package.name}-{package.version}-{package.build}" / _PATHS
        with suppress(Exception):  # py-rattler's errors have no class in common
            if unpacked.is_file():
                return package.name, decode_paths(unpacked.read_bytes())
            async with at_once:
                local = local_path(package.url)
                archive = await (
                    PackageArchive.from_path(local)
                    if local is not None
                    else PackageArchive.from_url(client, package.url, sparse="require")
                )
                data = await archive.read_file(_PATHS)
            return (package.name, decode_paths(data)) if data else None
        return None

    async def run() -> dict[str, list[PathEntry]]:
        client = new_client()
        looking = [asyncio.ensure_future(look(package, client)) for package in packages]
        if not looking:
            return {}
        done, late = await asyncio.wait(looking, timeout=_LOOKING)
        for one in late:
            one.cancel()
        return dict(found for one in done if (found := one.result()) is not None)

    return asyncio.run(run())


def unreachable(packages: Iterable[Package]) -> list[Package]:
    """Those of ``packages`` whose archive cannot be read at its URL. Of the others only the beginning is fetched."""

    async def missing(package: Package, client: rattler.Client) -> bool:
        path = local_path(package.url)  # py-rattler reads no file:// here
        if path is not None:
            return not os.access(path, os.R_OK)
        beginning = Beginning()
        with suppress(Exception):  # py-rattler's errors have no class in common
            await download_to_writer(client, package.url, beginning)
        return not beginning.came

    async def run() -> list[Package]:
        asked = list(packages)
        client = new_client()
        found = await asyncio.gather(*(missing(package, client) for package in asked))
        return [package for package, gone in zip(asked, found, strict=True) if gone]

    return asyncio.run(run())
