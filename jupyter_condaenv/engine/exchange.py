"""From one state of a directory to the next without a state in between.

A change is prepared in a *stage*, a hard-link copy of the live tree, and put in place by :func:`commit`: in one system
call where the file system can exchange two directories, by a journaled change in place where it cannot (a lower
overlayfs directory, a mount point, NFS). After a kill at any moment :func:`recover` leaves the old state or the new.

What a program writes into the old tree while the change is made is not lost: :func:`settle` carries it over, and
deletes the old tree only when no process works in it any more.

Work in progress lies in the *workspace*, beside the prefix in ``.condaenv/<name>/`` or, where that place is on another
file system or cannot be written, inside the prefix:

``lock``           held by the one writer
``stage/``         what is being prepared; after an exchange and before the next step, the old tree
``pending``        id of the change that stage was prepared for, and the snapshot taken for it
``old-<id>/``      a tree that was exchanged away, with ``old-<id>.snapshot``
``journal``        a change in place that has begun, with ``backup/`` of what it replaced
``trash-<id>/``    being deleted
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import secrets
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from .errors import ReadOnly, StorageError
from .locking import try_lock

WORK_NAME = ".condaenv"
APPENDED = frozenset({"conda-meta/history"})
"""Files that are appended to: copied into a stage, since a hard link would change them in the live tree too."""
_MARK = "conda-meta/condaenv/change"
_RENAME_EXCHANGE = 2
_AT_FDCWD = -100
_CANNOT_LINK = {errno.EMLINK, errno.EPERM, errno.EXDEV, errno.EACCES, errno.EOPNOTSUPP}
_CANNOT_EXCHANGE = {errno.EXDEV, errno.EBUSY, errno.EINVAL, errno.ENOSYS, errno.EPERM, errno.EACCES, errno.EOPNOTSUPP}

Snapshot = dict[str, int]
"""Relative path -> inode, of everything that was in a tree when it was copied. The paths of folders end in ``/``."""


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


def workspace(prefix: Path) -> Workspace:
    """Where a change of ``prefix`` is prepared: beside it if that is the same file system and can be written."""
    parent = prefix.parent
    if prefix.is_dir() and (os.path.ismount(prefix) or not os.access(parent, os.W_OK)):
        if not os.access(prefix, os.W_OK):
            raise ReadOnly(
                f"The environment at {prefix} cannot be written by you.",
                "Put your packages on top of it instead, with `jupyter condaenv stack`.",
                prefix=str(prefix),
            )
        return Workspace(prefix, prefix / "conda-meta" / WORK_NAME)
    return Workspace(prefix, parent / WORK_NAME / prefix.name)


# --- preparing ---


def make_stage(work: Workspace, tick: Callable[[int], None] = lambda done: None) -> Snapshot:
    """A stage that is a hard-link copy of the prefix, or empty where there is none; and what was copied.

    ``tick(files)`` is called now and then. Raises StorageError when the disk is full.
    """
    snapshot: Snapshot = {}
    try:
        work.stage.mkdir(parents=True)
        if work.prefix.is_dir():
            _copy_tree(work.prefix, work.stage, snapshot, skip=work.root, tick=tick)
    except OSError as error:
        raise storage_error(error) from error
    return snapshot


def _copy_tree(source: Path, target: Path, snapshot: Snapshot, skip: Path, tick: Callable[[int], None]) -> None:
    base = len(str(source)) + 1
    todo = [(str(source), str(target))]
    skipped = str(skip)
    while todo:
        here, there = todo.pop()
        try:
            entries = list(os.scandir(here))
        except FileNotFoundError:
            continue
        for entry in entries:
            to = os.path.join(there, entry.name)
            relative = entry.path[base:]
            if entry.is_dir(follow_symlinks=False):
                if entry.path != skipped:
                    os.mkdir(to)
                    snapshot[relative + "/"] = entry.inode()
                    todo.append((entry.path, to))
                continue
            with suppress(FileNotFoundError):  # a temporary file that somebody deleted just now
                snapshot[relative] = _copy_file(entry, to, shared=relative not in APPENDED)
            if len(snapshot) % 1000 == 0:
                tick(len(snapshot))
        shutil.copystat(here, there)
    tick(len(snapshot))


def _copy_file(entry: os.DirEntry[str], to: str, shared: bool) -> int:
    """Link or copy one file and return the inode of the original."""
    if shared:
        try:
            os.link(entry.path, to, follow_symlinks=False)
            # Asked again: overlayfs gives a file of a lower layer another inode when it is linked.
            return os.lstat(to).st_ino
        except OSError as error:
            if error.errno not in _CANNOT_LINK:
                raise
    if entry.is_file(follow_symlinks=False) or entry.is_symlink():
        shutil.copy2(entry.path, to, follow_symlinks=False)
    return entry.inode()


# --- putting in place ---


def commit(work: Workspace, snapshot: Snapshot) -> None:
    """Make the stage the prefix. Afterwards :func:`settle` has to be called until it says that nothing is left."""
    change = secrets.token_hex(8)
    mark = work.stage / _MARK
    mark.parent.mkdir(parents=True, exist_ok=True)
    _write(mark, change)
    _write(work.pending, json.dumps({"change": change, "snapshot": snapshot}))
    if not os.path.lexists(work.prefix):
        os.rename(work.stage, work.prefix)
        work.pending.unlink()
        return
    try:
        _exchange(work.stage, work.prefix)
    except OSError as error:
        if error.errno not in _CANNOT_EXCHANGE:
            raise storage_error(error) from error
        _change_in_place(work, snapshot)
    recover(work)


def _exchange(one: Path, other: Path) -> None:
    """Exchange two directories in one call (``renameat2`` with RENAME_EXCHANGE, ``renamex_np`` with RENAME_SWAP)."""
    failed = -1
    ctypes.set_errno(errno.ENOSYS)
    if os.name == "posix":
        libc = ctypes.CDLL(None, use_errno=True)
        if hasattr(libc, "renameat2"):
            failed = libc.renameat2(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE)
        elif hasattr(libc, "renamex_np"):
            failed = libc.renamex_np(os.fsencode(one), os.fsencode(other), _RENAME_EXCHANGE)
    if failed:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), str(other))


def _change_in_place(work: Workspace, snapshot: Snapshot) -> None:
    """Move what differs from the stage into the prefix, file by file, each move reversible until the last is done."""
    staged = files(work.stage)
    moves = [path for path in snapshot if path not in staged and not path.endswith("/")]
    moves += [path for path, inode in staged.items() if snapshot.get(path) != inode and not path.endswith("/")]
    work.backup.mkdir()
    _write(work.journal, json.dumps(moves))
    try:
        for number, path in enumerate(moves):
            live, staged_path, kept = work.prefix / path, work.stage / path, work.backup / str(number)
            if os.path.lexists(live):
                os.rename(live, kept)
            if path in staged:
                live.parent.mkdir(parents=True, exist_ok=True)
                os.rename(staged_path, live)
    except OSError as error:
        _roll_back(work)
        raise storage_error(error) from error
    _save_edited(work, moves, snapshot)
    work.pending.unlink()
    work.journal.unlink()


def _save_edited(work: Workspace, moves: list[str], snapshot: Snapshot) -> None:
    """A file that somebody replaced while the change was prepared is kept beside the new one."""
    for number, path in enumerate(moves):
        kept = work.backup / str(number)
        with suppress(FileNotFoundError):
            if path in snapshot and path not in APPENDED and os.lstat(kept).st_ino != snapshot[path]:
                os.link(kept, _free_name(work.prefix / path), follow_symlinks=False)


def _roll_back(work: Workspace) -> None:
    """Undo a change in place that did not come to its end. May itself be killed and called again."""
    moves: list[str] = json.loads(work.journal.read_text(encoding="utf-8"))
    for number in reversed(range(len(moves))):
        live, staged, kept = work.prefix / moves[number], work.stage / moves[number], work.backup / str(number)
        if os.path.lexists(kept):
            os.replace(kept, live)
        elif not os.path.lexists(staged) and os.path.lexists(live):
            # Added by the change: it was not there before, and it is no longer in the stage.
            staged.parent.mkdir(parents=True, exist_ok=True)
            os.rename(live, staged)
    work.journal.unlink()


# --- afterwards ---


def recover(work: Workspace) -> None:
    """Finish or undo whatever an earlier change left half-way. The caller holds the lock."""
    if work.journal.exists():
        _roll_back(work)
    pending = _read_pending(work)
    if pending is not None and work.stage.is_dir():
        change, snapshot = pending
        if _read(work.prefix / _MARK) == change and _read(work.stage / _MARK) != change:
            _write(work.root / f"old-{change}.snapshot", json.dumps(snapshot))
            os.rename(work.stage, work.root / f"old-{change}")
    with suppress(FileNotFoundError):
        work.pending.unlink()
    for leftover in (work.stage, work.backup, *work.root.glob("trash-*")):
        remove_tree(leftover)


def settle(prefix: str) -> bool:
    """Carry over what was written into replaced trees, and delete those that nobody uses. True: nothing is left.

    Cheap when there is nothing to do. Does nothing while another operation holds the prefix.
    """
    try:
        work = workspace(Path(prefix))
    except ReadOnly:
        return True
    if not work.root.is_dir():
        return True
    with try_lock(work.lock) as held:
        if not held:
            return False
        recover(work)
        left = [old for old in replaced(work) if not _retire(work, old)]
    return not left


def replaced(work: Workspace) -> list[Path]:
    """The trees that were exchanged away and are still there."""
    return [old for old in sorted(work.root.glob("old-*")) if old.is_dir()]


def sweep(work: Workspace) -> None:
    """Carry over what was written into replaced trees so far. The caller holds the lock."""
    for old in replaced(work):
        note = _note(old)
        snapshot: Snapshot = json.loads(note.read_text(encoding="utf-8"))
        _sweep(old, work.prefix, snapshot)
        _write(note, json.dumps(snapshot))


def remove(work: Workspace) -> None:
    """Delete the prefix and everything of ours beside it. The caller holds the lock."""
    recover(work)
    trash = work.root / f"trash-{secrets.token_hex(8)}"
    try:
        os.rename(work.prefix, trash)
    except OSError as error:
        if error.errno not in _CANNOT_EXCHANGE:
            raise storage_error(error) from error
        trash = work.prefix
    for tree in (trash, *replaced(work)):
        try:
            remove_tree(tree)
        except OSError as error:
            if error.errno != errno.EBUSY:  # a mount point stays, empty
                raise storage_error(error) from error
    for note in work.root.glob("old-*.snapshot"):
        note.unlink()


def _note(old: Path) -> Path:
    return old.with_name(old.name + ".snapshot")


def _retire(work: Workspace, old: Path) -> bool:
    """Sweep ``old`` and delete it if no process works in it."""
    note = _note(old)
    snapshot: Snapshot = json.loads(note.read_text(encoding="utf-8"))
    used = in_use(old)  # asked before the sweep, so that nothing can appear after it
    if work.prefix.is_dir():
        _sweep(old, work.prefix, snapshot)
        _write(note, json.dumps(snapshot))
    if used:
        return False
    trash = old.with_name("trash-" + old.name)
    os.rename(old, trash)
    note.unlink()
    remove_tree(trash)
    return True


def _sweep(old: Path, live: Path, snapshot: Snapshot) -> None:
    """Bring what appeared in ``old`` since ``snapshot`` into ``live``, by hard link, and note it in ``snapshot``."""
    for path, inode in files(old).items():
        before = snapshot.get(path)
        if before == inode or path == _MARK or path in APPENDED:
            continue
        target = live / path
        if path.endswith("/"):
            if before is None:
                with suppress(FileExistsError):
                    target.mkdir(parents=True)
            continue
        if os.path.lexists(target):
            found = os.lstat(target).st_ino
            if found == inode:
                continue
            if found == before:
                os.unlink(target)  # unchanged by us, so the newer file is the one that counts
            elif path.endswith(".pyc"):
                continue
            else:
                target = _free_name(target)
        elif path.endswith(".pyc") and before is None and not _has_source(live, path):
            continue
        with suppress(FileNotFoundError, NotADirectoryError):
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(old / path, target, follow_symlinks=False)
            snapshot[path] = inode


def _has_source(live: Path, pyc: str) -> bool:
    folder, name = os.path.split(pyc)
    return os.path.exists(live / os.path.dirname(folder) / (name.split(".")[0] + ".py"))


def _free_name(path: Path) -> Path:
    number = 1
    while os.path.lexists(candidate := path.with_name(f"{path.name}.saved-{number}")):
        number += 1
    return candidate


def in_use(tree: Path) -> bool:
    """Whether a process that we can see has its working directory, root or an open file under ``tree``.

    Linux only; elsewhere the answer is no. Mapped files do not count: they live on after their name is gone.
    """
    inside = str(tree) + os.sep
    for process in _numbers("/proc"):
        links = [f"/proc/{process}/cwd", f"/proc/{process}/root"]
        links += [f"/proc/{process}/fd/{number}" for number in _numbers(f"/proc/{process}/fd")]
        for link in links:
            with suppress(OSError):
                if (os.readlink(link) + os.sep).startswith(inside):
                    return True
    return False


def _numbers(folder: str) -> list[str]:
    try:
        return [name for name in os.listdir(folder) if name.isdigit()]
    except OSError:
        return []


# --- small things ---


def storage_error(error: OSError) -> StorageError:
    """``error`` in words, with what to do about it."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    place = f" at {error.filename}" if error.filename else ""
    hints = {
        errno.ENOSPC: "The disk is full: free some space and try again.",
        errno.EDQUOT: "Your disk quota is used up: free some space and try again.",
        errno.EROFS: "The file system is read-only.",
    }
    hint = hints.get(error.errno or 0, "Check the permissions and the state of the disk, and try again.")
    return StorageError(f"{reason}{place}.", f"{hint} The environment is as it was.", errno=error.errno)


def remove_tree(tree: Path) -> None:
    """Delete a tree of ours, also where somebody took the write permission from a folder in it."""
    if not os.path.lexists(tree):
        return
    if tree.is_symlink() or not tree.is_dir():
        tree.unlink()
        return
    try:
        shutil.rmtree(tree)
    except OSError:
        for folder, _, _ in os.walk(tree):
            with suppress(OSError):
                os.chmod(folder, 0o700)
        shutil.rmtree(tree)


def files(tree: Path) -> Snapshot:
    """Everything in ``tree``, with its inode."""
    found: Snapshot = {}
    base = len(str(tree)) + 1
    todo = [str(tree)]
    while todo:
        with suppress(FileNotFoundError):
            for entry in os.scandir(todo.pop()):
                folder = entry.is_dir(follow_symlinks=False)
                found[entry.path[base:] + "/" * folder] = entry.inode()
                if folder:
                    todo.append(entry.path)
    return found


def _read_pending(work: Workspace) -> tuple[str, Snapshot] | None:
    text = _read(work.pending)
    if not text:
        return None
    pending = json.loads(text)
    return pending["change"], pending["snapshot"]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return ""


def _write(path: Path, text: str) -> None:
    """Whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8", errors="surrogateescape")
    os.replace(part, path)
