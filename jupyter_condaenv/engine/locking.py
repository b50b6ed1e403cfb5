"""One writer at a time, by an OS lock that ends with its process.

``filelock`` is used because it falls back from ``flock`` to lock files with an owner record where a file system has
no ``flock`` (some NFS mounts), and does the right thing on Windows.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from .errors import StorageError


@contextmanager
def lock(path: Path, purpose: str, waiting: Callable[[str, float], None]) -> Iterator[None]:
    """Hold the lock at ``path``; ``purpose`` is what others are told who wait for it.

    ``waiting(holder, seconds)`` is called about once a second for as long as somebody else holds it; whatever it
    raises ends the wait.
    """
    guard = FileLock(path)
    began = time.monotonic()
    patience = 0.0
    while not _acquire(guard, path, patience):
        waiting(_holder(path), time.monotonic() - began)
        patience = 1.0
    with _held(guard, path, purpose):
        yield


@contextmanager
def try_lock(path: Path, purpose: str) -> Iterator[bool]:
    """Hold the lock at ``path`` if it is free; tells whether it was. ``purpose`` as for :func:`lock`."""
    guard = FileLock(path)
    if not _acquire(guard, path, 0.0):
        yield False
        return
    with _held(guard, path, purpose):
        yield True


@contextmanager
def _held(guard: FileLock, path: Path, purpose: str) -> Iterator[None]:
    note = path.with_suffix(".holder")
    try:
        with suppress(OSError):  # a full disk may still be changed for the better
            # It may be a link that another user has laid there.
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)
            with open(os.open(note, flags, 0o666), "w", encoding="utf-8") as file:
                file.write(purpose)
        yield
    finally:
        with suppress(OSError):
            note.unlink()
        guard.release()


def _acquire(guard: FileLock, path: Path, patience: float) -> bool:
    """Whether the lock was had within ``patience`` seconds."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _no_place(path, error) from error
    try:
        guard.acquire(timeout=patience, poll_interval=0.02)
    except (Timeout, FileNotFoundError):  # the folder went with the environment that somebody removed
        return False
    except OSError as error:
        raise _no_place(path, error) from error
    return True


def _no_place(path: Path, error: OSError) -> StorageError:
    return StorageError(
        f"{path.parent} cannot be written: {os.strerror(error.errno or 0)}.",
        "Choose a place that you can write to.",
        errno=error.errno,
    )


def _holder(path: Path) -> str:
    try:
        return path.with_suffix(".holder").read_text(encoding="utf-8")
    except OSError:
        return "another operation"
