"""The control groups that limit this process."""

from __future__ import annotations

import os

GROUPS = "/proc/self/cgroup"
ROOT = "/sys/fs/cgroup"


def folders(controller: str, groups: str = GROUPS, root: str = ROOT) -> list[tuple[str, bool]]:
    """Those of the process whose groups the file ``groups`` tells, each before what is above it; and whether it is of
    version 1, where ``controller`` has a tree of its own."""
    found = []
    for line in _read(groups).splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        base = f"{root}/{controller}" if controllers else root
        while True:
            found.append((base + path.rstrip("/"), bool(controllers)))
            if path in ("/", ""):
                break
            path = os.path.dirname(path)
    return found


def words(path: str) -> list[str]:
    """Of the file at ``path``; none where it cannot be read."""
    return _read(path).split()


def _read(path: str) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        return os.read(descriptor, 1 << 16).decode("utf-8", "surrogateescape")
    except OSError:
        return ""
    finally:
        os.close(descriptor)
