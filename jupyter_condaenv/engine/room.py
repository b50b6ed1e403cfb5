"""How much room a change takes on the disk, told from what is known of packages before they are linked."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from . import prefix as prefixes
from .model import Package, Plan, Room, Settings
from .prefix import PathEntry
from .rattler import archives, package_cache
from .wheels import Taken

_BLOCK = 4096
"""Bytes that the smallest file takes on the file systems that people use."""
_STAT_BLOCK = 512
"""Bytes; what ``st_blocks`` counts."""


class _Taken(NamedTuple):
    bytes: int
    inodes: int


def added(plan: Plan, of_pip: Sequence[Taken], settings: Settings) -> Room:
    """What ``plan`` adds to the environment and to the package cache; ``of_pip`` is what pip's packages take."""
    cache_dir, prefix = Path(settings.cache_dir), Path(plan.prefix)
    incoming = [change.after for change in plan.changes if change.after is not None]
    cached = package_cache.cached(incoming, cache_dir)
    contents = archives.contents(incoming, cache_dir)
    linked = _device(cache_dir) == _device(prefix)
    total = inodes = shared = unknown = 0
    folders: set[str] = set()
    for package in incoming:
        entries = contents.get(package.name)
        if entries is None:
            unknown += 1
            total += package.size
            continue
        parts = [_taken(entries)] if package.name not in cached else []
        own = [entry for entry in entries if not (linked and _is_linked(entry))]
        parts.append(_taken(own))
        folders |= _folders(entries)
        shared += sum(_blocks(entry) for entry in entries if linked and _is_linked(entry))
        total += sum(part.bytes for part in parts)
        inodes += sum(part.inodes for part in parts) + 1  # and its record in conda-meta
        inodes += 0 if package.name in cached else len(_folders(entries))
    inodes += sum(1 for folder in folders if not (prefix / folder).is_dir())
    pip = sum(one.download + one.installed for one in of_pip)
    unknown += sum(not one.exact for one in of_pip)
    if plan.pip is not None and not plan.pip.resolved:
        unknown += len(plan.lock.pip_specs)
    freed, held = _given_back(prefix, [change.before for change in plan.changes if change.before is not None])
    return Room(bytes=total + pip, inodes=inodes, shared=shared, unknown=unknown, pip=pip, freed=freed, held=held)


def _given_back(prefix: Path, going: Iterable[Package]) -> tuple[int, int]:
    """Bytes of the files of packages that nothing else has, and those that something else has as well."""
    freed = held = 0
    for package in going:
        record = prefix / "conda-meta" / f"{package.name}-{package.version}-{package.build}.json"
        for entry in prefixes.read_record(record).paths if record.is_file() else ():
            with suppress(OSError):
                found = os.lstat(prefix / entry.path)
                if found.st_nlink > 1:
                    held += found.st_blocks * _STAT_BLOCK
                else:
                    freed += found.st_blocks * _STAT_BLOCK
    return freed, held


def _taken(entries: Iterable[PathEntry]) -> _Taken:
    found = list(entries)
    return _Taken(sum(map(_blocks, found)), len(found))


def _blocks(entry: PathEntry) -> int:
    """Links take no more than their inode."""
    size = 0 if entry.path_type == "softlink" else entry.size_in_bytes or 0
    return -(-size // _BLOCK) * _BLOCK


def _is_linked(entry: PathEntry) -> bool:
    """Whether it is one file with the cache's: what holds the prefix is written anew."""
    return entry.path_type == "hardlink" and not entry.prefix_placeholder and not entry.no_link


def _folders(entries: Iterable[PathEntry]) -> set[str]:
    found: set[str] = set()
    for entry in entries:
        folder = os.path.dirname(entry.path)
        while folder and folder not in found:
            found.add(folder)
            folder = os.path.dirname(folder)
    return found


def _device(path: Path) -> int:
    """Of the file system that ``path`` lies on, or would lie on."""
    while not os.path.exists(path):
        path = path.parent
    return os.stat(path).st_dev
