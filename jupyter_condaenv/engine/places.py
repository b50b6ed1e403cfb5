"""Places of environments: whether one is gone or only absent here, and those that a scan has found and written down."""

from __future__ import annotations

import glob
import os
from pathlib import Path

import msgspec
from msgspec import Struct

from .errors import InvalidRequest
from .model import Settings
from .trees import write_whole


class Place(Struct, frozen=True, kw_only=True):
    """Where an environment was found."""

    prefix: str
    folders: tuple[int, ...]
    """As ``folders_of`` gives them."""


def folders_of(prefix: str) -> tuple[int, ...]:
    """What tells the folders that ``prefix`` is in from others at the same places: their inodes, the nearest first, as
    far up as the file system reaches."""
    found: list[int] = []
    device = None
    for folder in Path(prefix).parents:
        try:
            status = os.stat(folder)
        except OSError:
            break
        device = status.st_dev if device is None else device
        if status.st_dev != device:
            break
        found.append(status.st_ino)
    return tuple(found)


def is_gone(prefix: str, folders: tuple[int, ...]) -> bool:
    """Whether what was at ``prefix``, in ``folders``, was deleted or moved away.

    It was where the nearest folder above it that is still there is the very one that was there: not where another host
    has it, another container of the same name, or a file system that is not mounted just now.
    """
    if _inode(prefix, follow=False) != 0:
        return False
    for folder, known in zip(Path(prefix).parents, folders, strict=False):
        inode = _inode(str(folder))
        if inode != 0:
            return inode == known
    return False


def _inode(path: str, *, follow: bool = True) -> int | None:
    """0 where there is nothing; None where that cannot be told."""
    try:
        return os.stat(path, follow_symlinks=follow).st_ino
    except (FileNotFoundError, NotADirectoryError):
        return 0
    except OSError:
        return None


# --- what scans look for, and what they have found ---


def pattern(text: str) -> str:
    """``text``, a path in which ``*``, ``?`` and ``[...]`` stand for names as in a shell, each for one folder: from the
    root, with what ``~`` stands for. Raises InvalidRequest for what could not be looked for."""
    first, slash, rest = text.partition("/")
    home = os.path.expanduser(first) if first.startswith("~") else first
    if not slash or (home and not os.path.isabs(home)):
        raise InvalidRequest(
            f"{text!r} is no pattern for environments: it is not from the root.", "Begin it with / or ~/."
        )
    parts = [part for part in rest.split("/") if part not in ("", ".")]
    if any("**" in part or part == ".." for part in parts) or "\0" in text:
        raise InvalidRequest(
            f"{text!r} is no pattern for environments: ** and .. could lead anywhere.",
            "Write a * for each folder, such as ~/*/envs/*.",
        )
    return "/".join([glob.escape(home.rstrip("/")), *parts]) or "/"


def found(settings: Settings) -> tuple[Place, ...]:
    """What the last scan has found; nothing where there was none, or where that cannot be read."""
    try:
        return msgspec.json.decode(_file(settings).read_bytes(), type=tuple[Place, ...])
    except (OSError, msgspec.MsgspecError):
        return ()


def keep(places: tuple[Place, ...], settings: Settings) -> None:
    """Write down what a scan has found. OSError where that cannot be written."""
    write_whole(_file(settings), msgspec.json.encode(places))


def scanned(settings: Settings) -> float:
    """When the last scan has ended, as ``time.time`` counts; 0 where there was none."""
    try:
        return _file(settings).stat().st_mtime
    except OSError:
        return 0.0


def _file(settings: Settings) -> Path:
    return Path(settings.data_dir) / "places.json"
