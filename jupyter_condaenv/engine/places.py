"""Places of environments: whether one is gone, or only absent here."""

from __future__ import annotations

import os
from pathlib import Path


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
