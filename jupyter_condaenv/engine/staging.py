"""Where a change of a prefix is prepared, and the stage: a hard-link copy of what is there.

Work in progress lies in the *workspace*, beside the prefix in ``.condaenv/<name>/`` or, where that place is on another
file system or cannot be written, inside the prefix:

``lock``           held by the one writer
``stage/``         what is being prepared; after an exchange and before the next step, the old tree
``pending``        id of the change that stage was prepared for, and the snapshot taken for it
``old-<id>/``      a tree that was exchanged away, with ``old-<id>.snapshot``
``journal``        a change in place that has begun, with ``backup/`` of what it replaced
``done``           the journal of a change in place that is complete but for tidying up
``removal``        a removal in place that has begun
``trash-<id>/``    being deleted
``scratch-<id>/``  where a program that we run keeps its files, locked for as long as it does
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from .errors import ReadOnly
from .locking import lock, try_lock
from .trees import CANNOT_LINK, UNREACHABLE, Inodes, is_mount, remove_tree, storage_error

WORK_NAME = ".condaenv"
APPENDED = frozenset({"conda-meta/history"})
"""Files that are appended to: copied into a stage, since a hard link would change them in the live tree too."""
MARK = "conda-meta/condaenv/change"
NOT_COPIED = -1


class Snapshot(NamedTuple):
    """A tree when it was copied into a stage."""

    began: int
    """When that was, in nanoseconds, by the clock of the file system: an inode alone may be another file's by now."""
    there: Inodes
    copied: Inodes
    """The inodes of those copies that are no links, and ``NOT_COPIED`` for what cannot be read or lies on another file
    system. Where there are any the trees are not exchanged: what a program has open would be lost, or never come."""


class Workspace(NamedTuple):
    """The places that a change of ``prefix`` uses."""

    prefix: Path
    root: Path

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def stage(self) -> Path:
        return self.root / "stage"

    @property
    def pending(self) -> Path:
        return self.root / "pending"

    @property
    def journal(self) -> Path:
        return self.root / "journal"

    @property
    def backup(self) -> Path:
        return self.root / "backup"

    @property
    def done(self) -> Path:
        return self.root / "done"

    @property
    def removal(self) -> Path:
        return self.root / "removal"

    @property
    def inside(self) -> bool:
        return self.prefix in self.root.parents


def workspace(prefix: Path) -> Workspace:
    """Where a change of ``prefix`` is prepared: beside it if that is the same file system and can be written."""
    if prefix.is_symlink():
        prefix = Path(os.path.realpath(prefix))  # the environment is what is exchanged, not a link to it
    parent = prefix.parent
    if prefix.is_dir() and (is_mount(prefix) or not os.access(parent, os.W_OK)):
        if not os.access(prefix, os.W_OK):
            raise ReadOnly(
                f"The environment at {prefix} cannot be written by you.",
                "Put your packages on top of it instead, with `jupyter condaenv stack`.",
                prefix=str(prefix),
            )
        return _inside(prefix)
    return Workspace(prefix, parent / WORK_NAME / prefix.name)


def abandoned(work: Workspace) -> Workspace | None:
    """The other place, where a change was left half-way when the prefix was a mount point or its parent read-only."""
    other = _inside(work.prefix)
    return other if not work.inside and (other.journal.exists() or other.done.exists()) else None


def _inside(prefix: Path) -> Workspace:
    return Workspace(prefix, prefix / "conda-meta" / WORK_NAME)


def leftovers(work: Workspace) -> list[Path]:
    """What an interrupted operation left in ``work``. The caller knows that none is under way.

    A tree that was exchanged away is none: it waits for those who work in it.
    """
    places = (work.stage, work.pending, work.journal, work.backup, work.done, work.removal)
    there = [path for path in places if os.path.lexists(path)]
    return [*there, *abandoned_scratch(work), *sorted(work.root.glob("trash-*"))]


@contextmanager
def scratch(work: Workspace) -> Iterator[Path]:
    """A folder for the files of a program that we run: whoever settles ``work`` finds what is left when we are killed.

    The caller need not be the writer. Raises StorageError.
    """
    folder = work.root / f"scratch-{secrets.token_hex(8)}"
    try:
        with lock(folder / "lock", "running a program", lambda holder, seconds: None):
            yield folder
    finally:
        with suppress(OSError):
            remove_tree(folder)


def abandoned_scratch(work: Workspace) -> list[Path]:
    """Such folders of which nobody holds the lock any more."""
    found = []
    for folder in sorted(work.root.glob("scratch-*")):
        with try_lock(folder / "lock", "looking for what is left over") as held:
            if held:
                found.append(folder)
    return found


def make_stage(work: Workspace, tick: Callable[[int], None] = lambda done: None) -> Snapshot:
    """A stage that is a hard-link copy of the prefix, or empty where there is none; and what was copied.

    ``tick(files)`` is called now and then. Raises StorageError when the disk is full.
    """
    try:
        work.stage.mkdir(parents=True)
        snapshot = Snapshot(work.stage.stat().st_mtime_ns, {}, {})
        if work.prefix.is_dir():
            _copy_tree(work.prefix, work.stage, snapshot, skip=work.root, tick=tick)
    except OSError as error:
        raise storage_error(error) from error
    return snapshot


def _copy_tree(source: Path, target: Path, snapshot: Snapshot, skip: Path, tick: Callable[[int], None]) -> None:
    base = len(str(source)) + 1
    device = os.lstat(source).st_dev
    todo = [(str(source), str(target))]
    skipped = str(skip)
    while todo:
        here, there = todo.pop()
        try:
            found = os.lstat(here)
            entries = list(os.scandir(here)) if found.st_dev == device else None
        except FileNotFoundError:
            continue
        except PermissionError:
            entries = None
        if entries is None:
            os.rmdir(there)
            snapshot.copied[here[base:] + "/"] = NOT_COPIED
            continue
        for entry in entries:
            to = os.path.join(there, entry.name)
            relative = entry.path[base:]
            if entry.is_dir(follow_symlinks=False):
                if entry.path != skipped:
                    snapshot.there[relative + "/"] = entry.inode()
                    if _make_folder(to):
                        todo.append((entry.path, to))
                    else:
                        snapshot.copied[relative + "/"] = NOT_COPIED
                continue
            with suppress(FileNotFoundError):  # a temporary file that somebody deleted just now
                _copy_file(entry, to, relative, snapshot)
            if len(snapshot.there) % 1000 == 0:
                tick(len(snapshot.there))
        _copy_owner(found, there)
        shutil.copystat(here, there)
    tick(len(snapshot.there))


def _make_folder(path: str) -> bool:
    try:
        os.mkdir(path)
    except OSError as error:
        if error.errno not in UNREACHABLE:
            raise
        return False
    return True


def _copy_file(entry: os.DirEntry[str], to: str, relative: str, snapshot: Snapshot) -> None:
    """Link or copy one file and note it."""
    if relative not in APPENDED:
        try:
            os.link(entry.path, to, follow_symlinks=False)
            # Asked again: overlayfs gives a file of a lower layer another inode when it is linked.
            snapshot.there[relative] = os.lstat(to).st_ino
            return
        except OSError as error:
            if error.errno not in CANNOT_LINK | UNREACHABLE:
                raise
    plain = entry.is_file(follow_symlinks=False)
    try:
        if plain or entry.is_symlink():
            shutil.copy2(entry.path, to, follow_symlinks=False)
        copy = os.lstat(to).st_ino if plain else None if entry.is_symlink() else NOT_COPIED
    except OSError as error:
        if error.errno not in UNREACHABLE:
            raise
        copy = NOT_COPIED
    snapshot.there[relative] = entry.inode()
    if copy is not None and (relative not in APPENDED or copy == NOT_COPIED):
        snapshot.copied[relative] = copy


def _copy_owner(found: os.stat_result, there: str) -> None:
    """A folder stays its owner's when somebody else may change the environment."""
    made = os.lstat(there)
    if (made.st_uid, made.st_gid) != (found.st_uid, found.st_gid):
        try:
            os.chown(there, found.st_uid, found.st_gid)
        except OSError:
            with suppress(OSError):
                os.chown(there, -1, found.st_gid)
