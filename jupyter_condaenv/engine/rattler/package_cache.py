"""The package cache: where archives lie unpacked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

import rattler
from rattler.package_cache import CacheIndex

from ..model import Package
from .records import record_of


def cached(packages: Iterable[Package], cache_dir: Path) -> set[str]:
    """Names of those ``packages`` whose archive lies unpacked in the cache already."""
    cache = at(cache_dir)

    async def run() -> set[str]:
        index = await cache.index()
        return {package.name for package in packages if index.contains_record(record_of(package))}

    return asyncio.run(run()) if (cache_dir / "pkgs").is_dir() else set()


async def index(cache_dir: Path) -> CacheIndex:
    """What lies unpacked in the cache."""
    (cache_dir / "pkgs").mkdir(parents=True, exist_ok=True)
    return await at(cache_dir).index()


def at(cache_dir: Path) -> rattler.PackageCache:
    return rattler.PackageCache.new_layered([cache_dir / "pkgs"], False, rattler.ValidationMode.full())
