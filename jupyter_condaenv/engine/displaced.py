"""What a person has put where a package now brings a file: it is kept beside that, and not lost."""

from __future__ import annotations

import filecmp
import os
from collections.abc import Iterable, Set
from pathlib import Path

from .carryover import carry
from .distributions import Distribution, promises, record_hash
from .prefix import Record
from .trees import free_name


def keep(
    prefix: Path, stage: Path, linked: Iterable[Record], owned: Set[str], of_pip: Iterable[Distribution]
) -> dict[str, str]:
    """Keep beside each file that ``linked`` brought into ``stage`` what lies in its place in ``prefix``, unless it is
    the same, or of a package: its path is ``owned`` by one of conda, or it is as one of pip has brought it.

    Returns under which path each was kept, relative to the prefix.
    """
    kept: dict[str, str] = {}
    root = os.path.realpath(prefix)
    promised: dict[str, str] | None = None
    for record in linked:
        for entry in record.paths:
            if entry.path in owned or entry.path in kept or entry.path.endswith(".pyc"):
                continue
            live, new = prefix / entry.path, stage / entry.path
            if not _is_file(live) or not new.parent.resolve().is_relative_to(stage.resolve()) or _same(live, new):
                continue
            # Seen through a link to a folder, it may be of a package by another path.
            if os.path.relpath(os.path.realpath(live.parent), root) + f"/{live.name}" in owned:
                continue
            if promised is None:
                # As it was before packages were linked, which may have brought a RECORD too.
                there = [one._replace(info=prefix / one.info.relative_to(stage)) for one in of_pip]
                promised = {os.path.relpath(path, prefix): said for one in there for path, said in promises(one)}
            # What its RECORD gives no hash for is the RECORD itself.
            if promised.get(entry.path, " ") in ("", record_hash(live.read_bytes())):
                continue
            beside = free_name(new)
            carry(live, beside)
            kept[entry.path] = str(beside.relative_to(stage))
    return kept


def _is_file(path: Path) -> bool:
    return path.is_symlink() or path.is_file()


def _same(one: Path, other: Path) -> bool:
    if one.is_symlink() or other.is_symlink():
        return one.is_symlink() and other.is_symlink() and os.readlink(one) == os.readlink(other)
    return other.is_file() and filecmp.cmp(one, other, shallow=False)
