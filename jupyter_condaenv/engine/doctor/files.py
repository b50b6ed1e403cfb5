"""Looking at every file of an environment."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from .. import prefix as prefixes
from .. import staging
from ..prefix import PathEntry, Record

_TICK = 500
"""Files between two signs of life."""
_OF_NOTHING = hashlib.sha256(b"").hexdigest()
"""What packages say of a link that leads nowhere when they are built."""


_PYTHON = re.compile(r"bin/python3?(\.[0-9]+)?\Z")


class Files(NamedTuple):
    """What looking at every file gave. The first three are by record file."""

    missing: dict[Path, list[str]]
    altered: dict[Path, list[str]]
    broken: dict[Path, list[str]]
    """Links of packages that lead nowhere."""
    dangling: list[str]
    """Links of nobody that lead nowhere."""
    below: list[str]
    """Links of an overlay to libraries of its base that are gone."""
    open: list[str]
    """Files and folders that everybody may write."""
    closed: list[str]
    """Files of packages that their owner may not read, and a Python that may not be executed."""


def look(prefix: Path, records: Mapping[Path, Record], levels: Iterable[str], tick: Callable[[int], None]) -> Files:
    """What the files of the environment at ``prefix`` are, which has ``records`` and stands on ``levels``.

    ``tick(files)`` is told now and then how many files have been looked at. Raises OSError where ``prefix`` cannot be
    read.
    """
    files = Files({}, {}, {}, [], [], [], [])
    owners = Counter(entry.path for record in records.values() for entry in record.paths)
    done = 0
    for path, record in records.items():
        for entry in record.paths:
            done += 1
            if done % _TICK == 0:
                tick(done)
            kind = _state(prefix / entry.path, entry, shared=owners[entry.path] > 1)
            if kind is not None:
                getattr(files, kind).setdefault(path, []).append(entry.path)
    below = tuple(f"{level}/" for level in levels)
    for relative, found in _walk(prefix):
        done += 1
        if done % _TICK == 0:
            tick(done)
        if stat.S_ISLNK(found.st_mode):
            place = prefix / relative
            if relative not in owners and not place.exists():
                target = os.readlink(place)
                (files.below if target.startswith(below) else files.dangling).append(relative)
        elif relative in owners and stat.S_ISREG(found.st_mode) and _is_closed(relative, found.st_mode):
            files.closed.append(relative)
        elif found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX:
            files.open.append(relative)
    tick(done)
    return files


def is_python(path: str) -> bool:
    return _PYTHON.match(path) is not None


def _is_closed(path: str, mode: int) -> bool:
    return not mode & stat.S_IRUSR or (is_python(path) and not mode & stat.S_IXUSR)


def _state(place: Path, entry: PathEntry, *, shared: bool) -> str | None:
    """What is wrong with a file of a package: the field of ``Files``; None when nothing is.

    Of files that several packages bring nobody can tell whose it should be.
    """
    if entry.path_type == "pyc_file":
        return None
    try:
        found = os.lstat(place)
    except (FileNotFoundError, NotADirectoryError):
        return "missing"
    if stat.S_ISLNK(found.st_mode) and not place.exists():
        return "broken" if entry.sha256 not in (None, _OF_NOTHING) else None
    if entry.path_type == "softlink":
        # Of one that leads somewhere nobody can tell where it should: what is written there may differ.
        known = entry.sha256 is not None and not shared and not stat.S_ISLNK(found.st_mode)
        return _compared(place, str(entry.sha256)) if known else None
    wanted = entry.sha256_in_prefix or (None if entry.prefix_placeholder or entry.file_mode else entry.sha256)
    if entry.path_type != "hardlink" or wanted is None or shared:
        return None
    if not entry.prefix_placeholder and entry.size_in_bytes not in (None, found.st_size):
        return "altered"
    return _compared(place, wanted)


def _compared(place: Path, wanted: str) -> str | None:
    try:
        return "altered" if prefixes.sha256(place) != wanted else None
    except IsADirectoryError:
        return "altered"
    except PermissionError:
        return None


def _walk(prefix: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Everything in ``prefix`` that lies on its file system, by relative path; not what waits to be tidied up."""
    device = prefix.stat().st_dev
    todo = [str(prefix)]
    while todo:
        with suppress(OSError):
            for entry in os.scandir(todo.pop()):
                found = entry.stat(follow_symlinks=False)
                if found.st_dev != device or entry.name == staging.WORK_NAME:
                    continue
                if stat.S_ISDIR(found.st_mode):
                    todo.append(entry.path)
                yield os.path.relpath(entry.path, prefix), found
