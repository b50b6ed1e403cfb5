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
``done``           the journal of a change in place that is complete but for tidying up
``removal``        a removal in place that has begun
``trash-<id>/``    being deleted
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
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

_UNREACHABLE = {errno.EACCES, errno.EPERM, errno.ENAMETOOLONG}
_NOT_COPIED = -1

Inodes = dict[str, int]
"""Relative path -> inode, of everything in a tree. The paths of folders end in ``/``."""


class Snapshot(NamedTuple):
    """A tree when it was copied into a stage."""

    began: int
    """When that was, in nanoseconds, by the clock of the file system: an inode alone may be another file's by now."""
    there: Inodes
    copied: Inodes
    """The inodes of those copies that are no links, and ``_NOT_COPIED`` for what cannot be read or lies on another file
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
    if prefix.is_dir() and (_is_mount(prefix) or not os.access(parent, os.W_OK)):
        if not os.access(prefix, os.W_OK):
            raise ReadOnly(
                f"The environment at {prefix} cannot be written by you.",
                "Put your packages on top of it instead, with `jupyter condaenv stack`.",
                prefix=str(prefix),
            )
        return _inside(prefix)
    return Workspace(prefix, parent / WORK_NAME / prefix.name)


def _is_mount(prefix: Path) -> bool:
    """Whether something is mounted at ``prefix``; a bind mount within one file system can be seen only in the list."""
    if os.path.ismount(prefix):
        return True
    place = os.fsencode(os.path.realpath(prefix))
    for plain, escaped in ((b"\\", b"\\134"), (b" ", b"\\040"), (b"\t", b"\\011"), (b"\n", b"\\012")):
        place = place.replace(plain, escaped)
    try:
        with open("/proc/self/mountinfo", "rb") as mounts:
            return any(line.split(b" ", 5)[4] == place for line in mounts)
    except OSError:
        return False


def _abandoned(work: Workspace) -> Workspace | None:
    """The other place, where a change was left half-way when the prefix was a mount point or its parent read-only."""
    other = _inside(work.prefix)
    return other if not work.inside and (other.journal.exists() or other.done.exists()) else None


def _inside(prefix: Path) -> Workspace:
    return Workspace(prefix, prefix / "conda-meta" / WORK_NAME)


# --- preparing ---


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
            snapshot.copied[here[base:] + "/"] = _NOT_COPIED
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
                        snapshot.copied[relative + "/"] = _NOT_COPIED
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
        if error.errno not in _UNREACHABLE:
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
            if error.errno not in _CANNOT_LINK | _UNREACHABLE:
                raise
    plain = entry.is_file(follow_symlinks=False)
    try:
        if plain or entry.is_symlink():
            shutil.copy2(entry.path, to, follow_symlinks=False)
        copy = os.lstat(to).st_ino if plain else None if entry.is_symlink() else _NOT_COPIED
    except OSError as error:
        if error.errno not in _UNREACHABLE:
            raise
        copy = _NOT_COPIED
    snapshot.there[relative] = entry.inode()
    if copy is not None and (relative not in APPENDED or copy == _NOT_COPIED):
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


# --- putting in place ---


def commit(work: Workspace, snapshot: Snapshot) -> None:
    """Make the stage the prefix. Afterwards :func:`settle` has to be called until it says that nothing is left."""
    change = secrets.token_hex(8)
    mark = work.stage / _MARK
    mark.parent.mkdir(parents=True, exist_ok=True)
    _write(mark, change)
    _write(work.pending, json.dumps({"change": change, "began": snapshot.began, "snapshot": snapshot.there}))
    if not os.path.lexists(work.prefix):
        os.rename(work.stage, work.prefix)
    elif work.inside or snapshot.copied or not _exchanged(work):
        _change_in_place(work, snapshot)
    recover(work)


def _exchanged(work: Workspace) -> bool:
    """Whether stage and prefix could be exchanged, and are."""
    try:
        _exchange(work.stage, work.prefix)
    except OSError as error:
        if error.errno not in _CANNOT_EXCHANGE:
            raise storage_error(error) from error
        return False
    return True


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


def _change_in_place(work: Workspace, snapshot: Snapshot) -> None:
    """Move what differs from the stage into the prefix, file by file, each move reversible until the last is done."""
    staged = files(work.stage)
    began, there, copied = snapshot
    gone = [path for path in there if path not in staged and copied.get(path) != _NOT_COPIED]
    new = [path for path, inode in staged.items() if inode not in (there.get(path), copied.get(path))]
    journal = _Journal(
        {path: there[path] for path in gone if not path.endswith("/")},
        {path: there.get(path, 0) for path in new if not path.endswith("/")},
        sorted(path for path in gone if path.endswith("/")),
        sorted(path for path in new if path.endswith("/") and path not in there),
        began,
    )
    work.backup.mkdir()
    _write(work.journal, json.dumps(journal))
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
        _roll_back(work)
        raise storage_error(error) from error


def _make_folders(work: Workspace, folders: list[str]) -> None:
    for folder in folders:
        (work.prefix / folder).mkdir(exist_ok=True)
        shutil.copystat(work.stage / folder, work.prefix / folder)


def _read_journal(path: Path) -> _Journal:
    return _Journal(*json.loads(path.read_text(encoding="utf-8")))


def _roll_back(work: Workspace) -> None:
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
            os.rename(live, _free_name(live))  # somebody made it between our two moves
        os.rename(kept, live)


def _finish(work: Workspace) -> None:
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
        os.rename(kept, _free_name(live))


# --- afterwards ---


def recover(work: Workspace) -> None:
    """Finish or undo whatever an earlier change left half-way. The caller holds the lock."""
    other = _abandoned(work)
    if other is not None:
        with try_lock(other.lock) as held:
            if held:
                recover(other)
    if work.journal.exists():
        _roll_back(work)
    if work.done.exists():
        _finish(work)
    if work.removal.exists():
        _remove_in_place(work)
    change = _pending_change(work)
    if change:
        old = work.root / f"old-{change}"
        if work.stage.is_dir() and _read(work.prefix / _MARK) == change and _read(work.stage / _MARK) != change:
            os.rename(work.stage, old)
        if old.is_dir():
            os.rename(work.pending, _note(old))
    with suppress(FileNotFoundError):
        work.pending.unlink()
    for note in work.root.glob("old-*.snapshot"):
        if not note.with_suffix("").is_dir():
            note.unlink()
    for leftover in (work.stage, work.backup, *work.root.glob("trash-*")):
        _discard(work, leftover)


def settle(prefix: str) -> bool:
    """Carry over what was written into replaced trees, and delete those that nobody uses. True: nothing is left.

    Cheap when there is nothing to do. Does nothing while another operation holds the prefix. Raises StorageError.
    """
    try:
        work = workspace(Path(prefix))
    except ReadOnly:
        return True
    if not os.access(work.root, os.W_OK):
        return not replaced(work)
    with try_lock(work.lock) as held:
        if not held:
            return False
        try:
            recover(work)
            left = [old for old in replaced(work) if not _retire(work, old)]
        except OSError as error:
            raise storage_error(error) from error
        return not left and not any(work.root.glob("trash-*"))


def replaced(work: Workspace) -> list[Path]:
    """The trees that were exchanged away and are still there."""
    return [old for old in sorted(work.root.glob("old-*")) if old.is_dir()]


def sweep(work: Workspace) -> None:
    """Carry over what was written into replaced trees so far. The caller holds the lock."""
    for old in replaced(work):
        _sweep(old, work.prefix)


def remove(work: Workspace) -> None:
    """Delete the prefix and everything of ours beside it. The caller holds the lock."""
    try:
        recover(work)
        try:
            os.rename(work.prefix, _trash(work))
        except OSError as error:
            if error.errno not in _CANNOT_EXCHANGE:
                raise
            _write(work.removal, "")
        for old in replaced(work):
            os.rename(old, _trash(work))
        recover(work)
    except OSError as error:
        raise storage_error(error) from error


def _remove_in_place(work: Workspace) -> None:
    """Empty a prefix that cannot be moved away. May be killed and called again."""
    with suppress(FileNotFoundError):
        (work.prefix / "conda-meta" / "history").unlink()  # from here on it is no environment
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


def _note(old: Path) -> Path:
    return old.with_name(old.name + ".snapshot")


def _trash(work: Workspace) -> Path:
    return work.root / f"trash-{secrets.token_hex(8)}"


def _discard(work: Workspace, leftover: Path) -> None:
    """Delete what is left of something, now or when that becomes possible: it must not be in anybody's way."""
    if os.path.lexists(leftover):
        trash = leftover if leftover.name.startswith("trash-") else _trash(work)
        if trash != leftover:
            os.rename(leftover, trash)
        with suppress(OSError):
            remove_tree(trash)


def _retire(work: Workspace, old: Path) -> bool:
    """Sweep ``old`` and delete it if no process works in it."""
    used = in_use(old)  # asked before the sweep, so that nothing can appear after it
    if work.prefix.is_dir():
        _sweep(old, work.prefix)
    if used:
        return False
    trash = _trash(work)
    os.rename(old, trash)
    with suppress(FileNotFoundError):
        _note(old).unlink()
    _discard(work, trash)
    return True


def _sweep(old: Path, live: Path) -> None:
    """Bring what appeared in ``old`` since its snapshot into ``live``, by hard link, and note it in the snapshot."""
    noted = _read(_note(old))
    if not noted:
        return  # somebody deleted it, and without it nobody can tell what is new
    note = json.loads(noted)
    snapshot: Inodes = note["snapshot"]
    known = set(note.get("edited", ()))
    now = files(live)
    brought = {}
    for path, inode in files(old).items():
        before = snapshot.get(path)
        if path == _MARK or path in APPENDED:
            continue
        edited = before == inode and now.get(path) != inode and _edited(old / path, note["began"])
        if before == inode and (not edited or path in known):
            continue
        accounted = _bring(old / path, live, path, inode, before)
        if accounted and edited:
            known.add(path)
        elif accounted:
            brought[path] = accounted
    if brought or len(known) > len(note.get("edited", ())):
        snapshot.update(brought)
        _write(_note(old), json.dumps(note | {"edited": sorted(known)}))


def _edited(file: Path, began: int) -> bool:
    """Whether a file that the change replaced was written into while it was prepared."""
    try:
        found = os.lstat(file)
    except FileNotFoundError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_mtime_ns >= began and file.suffix != ".pyc"


def _bring(source: Path, live: Path, path: str, inode: int, before: int | None) -> int:
    """Bring one path into ``live``, where ``before`` is what it was when it was copied.

    Returns the inode that is accounted for, which is another than ``inode`` when somebody was quick, or 0.
    """
    target = _reachable(live, path)
    if path.endswith("/"):
        if before is None and not target.is_dir():
            with suppress(FileNotFoundError):
                target.mkdir(parents=True)
                shutil.copystat(source, target)
        return inode
    if path.endswith(".pyc") and not _has_source(live, path):
        return 0
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        found = os.lstat(target).st_ino
    except FileNotFoundError:
        found = None
    with suppress(FileNotFoundError):  # a temporary file that somebody deleted just now
        if found is None:
            return _carry(source, target)
        if found == before:
            return _supersede(source, target, before)  # unchanged by us, so the newer file is the one that counts
        if found != inode and not path.endswith(".pyc"):
            return _carry(source, _free_name(target))
        return inode
    return 0


def _reachable(live: Path, path: str) -> Path:
    """The place of ``path`` in ``live``, or another where something that is no folder stands in its way."""
    target = live
    *folders, name = Path(path).parts
    for folder in folders if not path.endswith("/") else [*folders, name]:
        target = target / folder
        if os.path.lexists(target) and not target.is_dir():
            target = target.with_name(target.name + ".saved")
    return target if path.endswith("/") else target / name


def _carry(source: Path, target: Path) -> int:
    """``target`` becomes what ``source`` is; returns the inode that was."""
    try:
        os.link(source, target, follow_symlinks=False)
        return os.lstat(target).st_ino
    except OSError as error:
        if error.errno not in _CANNOT_LINK:
            raise
        inode = os.lstat(source).st_ino
        if source.is_symlink() or source.is_file():
            shutil.copy2(source, target, follow_symlinks=False)
        return inode


def _supersede(source: Path, target: Path, before: int) -> int:
    """``target`` becomes what ``source`` is, without a moment at which it is not there; nothing newer is lost."""
    part = target.with_name(f".condaenv-{secrets.token_hex(8)}")
    inode = _carry(source, part)
    try:
        _exchange(part, target)
    except OSError:
        os.replace(part, target)
        return inode
    if os.lstat(part).st_ino == before:
        part.unlink()
    else:  # somebody was quicker: theirs is the newer
        _exchange(part, target)
        os.rename(part, _free_name(target))
    return inode


def _has_source(live: Path, pyc: str) -> bool:
    folder, name = os.path.split(pyc)
    if os.path.basename(folder) != "__pycache__":
        return True  # it is a module itself
    return os.path.exists(live / os.path.dirname(folder) / (name.split(".")[0] + ".py"))


def _free_name(path: Path) -> Path:
    stem = os.fsdecode(os.fsencode(path.name)[:240])
    number = 1
    while os.path.lexists(candidate := path.with_name(f"{stem}.saved-{number}")):
        number += 1
    return candidate


def in_use(tree: Path) -> bool:
    """Whether a process that we can see has its working directory, root or an open file under ``tree``.

    Linux only; elsewhere the answer is no. Mapped files do not count: they live on after their name is gone.
    """
    inside = os.path.realpath(tree) + os.sep
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
        _allow(tree)
        shutil.rmtree(tree)


def _allow(tree: Path) -> None:
    """Give back the permissions on folders that deleting needs."""
    with suppress(OSError):
        os.chmod(tree, 0o700)
        for entry in os.scandir(tree):
            if entry.is_dir(follow_symlinks=False):
                _allow(Path(entry.path))


def files(tree: Path) -> Inodes:
    """Everything in ``tree``, with its inode."""
    found: Inodes = {}
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


def _pending_change(work: Workspace) -> str:
    text = _read(work.pending)
    return str(json.loads(text)["change"]) if text else ""


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
