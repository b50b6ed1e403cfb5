"""When an environment was last used."""

from __future__ import annotations

import os
import zlib

from .cache import open_folder


def note_use(prefixes: tuple[str, ...], cache_dir: str) -> None:
    """Let :func:`last_use` know that something starts in ``prefixes`` now. Never fails: it is started all the same."""
    try:
        try:
            folder = open_folder(cache_dir)
        except FileNotFoundError:
            os.makedirs(cache_dir, mode=0o700, exist_ok=True)
            folder = open_folder(cache_dir)
    except OSError:
        return
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        for prefix in prefixes:
            descriptor = os.open(_mark_of(prefix), flags, 0o600, dir_fd=folder)
            try:
                os.utime(descriptor)
            finally:
                os.close(descriptor)
    except OSError:
        pass
    finally:
        os.close(folder)


def last_use(prefix: str, cache_dir: str) -> float:
    """Seconds since 1970 at which something was last started in ``prefix`` or on top of it; 0 where nobody knows."""
    try:
        return os.lstat(os.path.join(cache_dir, _mark_of(prefix))).st_mtime
    except OSError:
        return 0.0


def _mark_of(prefix: str) -> str:
    return f"{zlib.crc32(os.fsencode(os.path.realpath(prefix))):08x}.used"
