"""Looking for environments elsewhere than in the folders where they are found by name.

Patterns (``places.pattern``) say beforehand how deep is looked. Only names are read, and ``conda-meta/history`` is
asked for: nothing is run, and nothing in an environment is opened. On a file system of a network that may take a while,
so a job does it, and whoever lists environments reads what it has written down.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path

from . import environments, places
from .locking import lock
from .model import Message, Progress, Scanned, Settings, Step
from .places import Place
from .telling import Emit, waiting

MOST = 20_000
"""Names that are looked at for one pattern."""
_TICK = 500
"""Names between two signs of life."""


def scan(settings: Settings, emit: Emit) -> Scanned:
    """Look at all that ``settings.find`` names, and write down what is there. StorageError where that cannot be kept.

    What was found before and is only absent here is kept: another host may have it.
    """
    Path(settings.data_dir).mkdir(mode=0o700, parents=True, exist_ok=True)
    with lock(Path(settings.data_dir) / "places.lock", "looking for environments", waiting("for another scan", emit)):
        before = set(map(str, environments.prefixes(settings)))
        counter = _Counter(emit)
        found: dict[str, Place] = {}
        for wanted in settings.find:
            emit(Step(phase="scan", text=f"Looking for environments in {wanted}"))
            for prefix in counter.matching(wanted):
                if environments.is_text(prefix) and environments.is_environment(Path(prefix)):
                    found[prefix] = Place(prefix=prefix, folders=places.folders_of(prefix))
        last = places.found(settings)
        absent = [
            one
            for one in last
            if one.prefix not in found
            and not os.path.lexists(one.prefix)
            and not places.is_gone(one.prefix, one.folders)
        ]
        places.keep((*found.values(), *absent), settings)
    known = environments.list_environments(settings)
    prefixes = {one.prefix for one in known}
    return Scanned(
        environments=tuple(known),
        new=tuple(sorted(prefixes - before)),
        gone=tuple(sorted({one.prefix for one in last} - {one.prefix for one in absent} - prefixes)),
        looked_at=counter.looked_at,
    )


def is_sought(prefix: str, settings: Settings) -> bool:
    """Whether a pattern of ``settings.find`` stands for ``prefix``."""
    names = prefix.split("/")[1:]
    return any(
        len(parts) == len(names) and all(map(_stands_for, parts, names))
        for parts in (wanted.split("/")[1:] for wanted in settings.find)
    )


class _Counter:
    """Follows patterns, and counts the names that it looks at."""

    def __init__(self, emit: Emit) -> None:
        self.looked_at = 0
        self._emit = emit

    def matching(self, wanted: str) -> Iterator[str]:
        """The folders that ``wanted`` stands for, as far as they can be read; not more than is reasonable."""
        began = self.looked_at
        for place in _below("/", wanted.split("/")[1:], self._look):
            yield place
            if self.looked_at - began > MOST:
                text = f"{wanted} stands for more than {MOST} names; what comes after {place} was not looked at"
                self._emit(Message(level="warning", text=text))
                return

    def _look(self, place: str) -> None:
        self.looked_at += 1
        if self.looked_at % _TICK == 0:
            self._emit(Progress(phase="scan", done=self.looked_at, unit="files", item=place))


def _below(place: str, parts: list[str], look: Callable[[str], None]) -> Iterator[str]:
    """What the pattern ``parts`` stands for, below ``place``."""
    if not parts:
        yield place
        return
    part, rest = parts[0], parts[1:]
    if not glob.has_magic(part):
        yield from _below(os.path.join(place, part), rest, look)
        return
    for name in _names(place):
        look(place)
        if _stands_for(part, name):
            yield from _below(os.path.join(place, name), rest, look)


def _stands_for(part: str, name: str) -> bool:
    # As in a shell: what is hidden is only meant by who says so.
    return fnmatchcase(name, part) and (part.startswith(".") or not name.startswith("."))


def _names(folder: str) -> list[str]:
    """What is in ``folder``; nothing where it is none, or nobody lets us look."""
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []
