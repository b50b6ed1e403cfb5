"""What a program writes into a tree that is being replaced is carried over into the one that takes its place."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import stat
from contextlib import suppress
from pathlib import Path

from .staging import APPENDED, MARK
from .trees import CANNOT_LINK, Inodes, files, free_name, read, swap, write_whole


def carry_over(old: Path, live: Path) -> None:
    """Bring what appeared in ``old`` since its snapshot into ``live``, by hard link, and note it in the snapshot."""
    noted = read(note_of(old))
    if not noted:
        return  # somebody deleted it, and without it nobody can tell what is new
    note = json.loads(noted)
    snapshot: Inodes = note["snapshot"]
    known = set(note.get("edited", ()))
    now = files(live)
    brought = {}
    for path, inode in files(old).items():
        before = snapshot.get(path)
        if path == MARK or path in APPENDED:
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
        write_whole(note_of(old), json.dumps(note | {"edited": sorted(known)}))


def note_of(old: Path) -> Path:
    return old.with_name(old.name + ".snapshot")


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
            return carry(source, target)
        if found == before:
            return _supersede(source, target, before)  # unchanged by us, so the newer file is the one that counts
        if found != inode and not path.endswith(".pyc"):
            return carry(source, free_name(target))
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


def carry(source: Path, target: Path) -> int:
    """``target`` becomes what ``source`` is; returns the inode that was."""
    try:
        os.link(source, target, follow_symlinks=False)
        return os.lstat(target).st_ino
    except OSError as error:
        if error.errno not in CANNOT_LINK:
            raise
        inode = os.lstat(source).st_ino
        if source.is_symlink() or source.is_file():
            shutil.copy2(source, target, follow_symlinks=False)
        return inode


def _supersede(source: Path, target: Path, before: int) -> int:
    """``target`` becomes what ``source`` is, without a moment at which it is not there; nothing newer is lost."""
    part = target.with_name(f".condaenv-{secrets.token_hex(8)}")
    inode = carry(source, part)
    try:
        swap(part, target)
    except OSError:
        os.replace(part, target)
        return inode
    if os.lstat(part).st_ino == before:
        part.unlink()
    else:  # somebody was quicker: theirs is the newer
        swap(part, target)
        os.rename(part, free_name(target))
    return inode


def _has_source(live: Path, pyc: str) -> bool:
    folder, name = os.path.split(pyc)
    if os.path.basename(folder) != "__pycache__":
        return True  # it is a module itself
    return os.path.exists(live / os.path.dirname(folder) / (name.split(".")[0] + ".py"))
