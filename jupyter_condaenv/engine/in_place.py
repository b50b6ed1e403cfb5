"""The way of changing a prefix where directories cannot be exchanged: a lower overlayfs directory, a mount point, NFS.

File by file, by renaming, after writing a journal; until the last move is done all of it can be undone, also by the
next process after a kill.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from .staging import APPENDED, NOT_COPIED, Snapshot, Workspace
from .trees import Inodes, files, free_name, remove_tree, storage_error, write_whole


class _Journal(NamedTuple):
    """A change in place. What a move replaces goes into ``backup/`` under the number of the move."""

    gone: Inodes
    """Files that are to go, with the inode that they had."""
    new: Inodes
    """Files that are to come from the stage, with the inode of what they replace or 0."""
    folders_gone: list[str]
    folders_new: list[str]
    began: int

    def moves(self, work: Workspace) -> Iterator[tuple[str, int, Path, Path | None, Path]]:
        """Of each move: path, inode before, the live place, the one in the stage, the one in the backup."""
        for number, (path, inode) in enumerate([*self.gone.items(), *self.new.items()]):
            staged = work.stage / path if number >= len(self.gone) else None
            yield path, inode, work.prefix / path, staged, work.backup / str(number)


def change(work: Workspace, snapshot: Snapshot) -> None:
    """Move what differs from the stage into the prefix, file by file, each move reversible until the last is done."""
    staged = files(work.stage)
    began, there, copied = snapshot
    gone = [path for path in there if path not in staged and copied.get(path) != NOT_COPIED]
    new = [path for path, inode in staged.items() if inode not in (there.get(path), copied.get(path))]
    journal = _Journal(
        {path: there[path] for path in gone if not path.endswith("/")},
        {path: there.get(path, 0) for path in new if not path.endswith("/")},
        sorted(path for path in gone if path.endswith("/")),
        sorted(path for path in new if path.endswith("/") and path not in there),
        began,
    )
    work.backup.mkdir()
    write_whole(work.journal, json.dumps(journal))
    try:
        for number, (_, _, live, source, kept) in enumerate(journal.moves(work)):
            if number == len(journal.gone):
                _make_folders(work, journal.folders_new)
            if os.path.lexists(live):
                os.rename(live, kept)
            if source is not None:
                os.rename(source, live)
        work.pending.unlink()
        os.rename(work.journal, work.done)
    except OSError as error:
        roll_back(work)
        raise storage_error(error) from error


def _make_folders(work: Workspace, folders: list[str]) -> None:
    for folder in folders:
        (work.prefix / folder).mkdir(exist_ok=True)
        shutil.copystat(work.stage / folder, work.prefix / folder)


def _read_journal(path: Path) -> _Journal:
    return _Journal(*json.loads(path.read_text(encoding="utf-8")))


def roll_back(work: Workspace) -> None:
    """Undo a change in place that did not come to its end. May itself be killed and called again."""
    journal = _read_journal(work.journal)
    moves = list(journal.moves(work))
    for move in reversed(moves[len(journal.gone) :]):
        _undo(*move)
    for folder in reversed(journal.folders_new):
        with suppress(OSError):
            (work.prefix / folder).rmdir()
    for move in reversed(moves[: len(journal.gone)]):
        _undo(*move)
    work.journal.unlink()


def _undo(path: str, inode: int, live: Path, staged: Path | None, kept: Path) -> None:
    if staged is not None and not os.path.lexists(staged) and os.path.lexists(live):
        staged.parent.mkdir(parents=True, exist_ok=True)
        os.rename(live, staged)
    if os.path.lexists(kept):
        if os.path.lexists(live):
            os.rename(live, free_name(live))  # somebody made it between our two moves
        os.rename(kept, live)


def finish(work: Workspace) -> None:
    """Tidy up after a change in place. May be killed and called again."""
    journal = _read_journal(work.done)
    for path, inode, live, _, kept in journal.moves(work):
        if os.path.lexists(kept) and path not in APPENDED and not path.endswith(".pyc"):
            _save_edited(kept, inode, journal.began, live)
    for folder in reversed(journal.folders_gone):
        with suppress(OSError):
            (work.prefix / folder).rmdir()
    work.done.unlink()


def _save_edited(kept: Path, inode: int, began: int, live: Path) -> None:
    """What somebody replaced, edited or made while the change was prepared is kept beside the new one."""
    found = os.lstat(kept)
    if stat.S_ISDIR(found.st_mode):
        with suppress(OSError):
            kept.rmdir()  # a folder gave way to a file
    if os.path.lexists(kept) and (found.st_ino != inode or found.st_mtime_ns >= began):
        os.rename(kept, free_name(live))


def remove(work: Workspace) -> None:
    """Empty a prefix that cannot be moved away. May be killed and called again."""
    with suppress(FileNotFoundError):
        (work.prefix / "conda-meta" / "history").unlink()  # from here on it is no environment
    remove_tree(work.prefix / "conda-meta" / "condaenv" / "revisions")  # nor one that has only lost that file
    spared = work.root if work.inside else None
    for folder in (work.prefix / "conda-meta", work.prefix):
        for entry in list(folder.iterdir()) if folder.is_dir() else []:
            if entry != spared and not (spared and entry in spared.parents):
                remove_tree(entry)
    work.removal.unlink()
    with suppress(OSError):
        if spared:
            remove_tree(spared.parent)
        work.prefix.rmdir()  # a mount point stays, empty
