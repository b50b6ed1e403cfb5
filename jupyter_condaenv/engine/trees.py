"""Trees of files: what is in them, exchanging two, deleting one, and whether anybody works in it."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
from contextlib import suppress
from pathlib import Path

from .errors import StorageError

_RENAME_EXCHANGE = 2
_AT_FDCWD = -100
CANNOT_LINK = {errno.EMLINK, errno.EPERM, errno.EXDEV, errno.EACCES, errno.EOPNOTSUPP}
CANNOT_EXCHANGE = {errno.EXDEV, errno.EBUSY, errno.EINVAL, errno.ENOSYS, errno.EPERM, errno.EACCES, errno.EOPNOTSUPP}
UNREACHABLE = {errno.EACCES, errno.EPERM, errno.ENAMETOOLONG}
Inodes = dict[str, int]
"""Relative path -> inode, of everything in a tree. The paths of folders end in ``/``."""


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


def link_or_copy(source: Path | str, to: Path | str) -> None:
    """A hard link ``to`` a file, or a copy where none can be had."""
    try:
        os.link(source, to)
    except OSError as error:
        if error.errno not in CANNOT_LINK:
            raise
        shutil.copy2(source, to)


def swap(one: Path, other: Path) -> None:
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


def free_name(path: Path) -> Path:
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


def is_mount(prefix: Path) -> bool:
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


def read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return ""


def write_whole(path: Path, data: str | bytes) -> None:
    """Whole or not at all, and as a new file: the old one may have links elsewhere."""
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(data if isinstance(data, bytes) else data.encode(errors="surrogateescape"))
        os.replace(part, path)
    except OSError:  # the disk may be full, and half a file is only in the way
        with suppress(OSError):
            part.unlink()
        raise


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
