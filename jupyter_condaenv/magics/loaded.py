"""What this very kernel has loaded or read, and what of it a change has replaced."""

from __future__ import annotations

import os
import sys
import sysconfig
from typing import Tuple

Stamp = Tuple[int, int, int]
"""Inode, size and time of a file. One that a change leaves alone is hard-linked, so it keeps all of them; two versions
of one may well have the same size and time."""


def files(prefix: str) -> dict[str, tuple[str, Stamp]]:
    """By path: each file in ``prefix`` that this process has loaded, by the name that people know, and its stamp."""
    names = {path: os.path.basename(path) for path in _mapped()}
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__dict__", {}).get("__file__")
        if isinstance(path, str):
            names[path] = name.partition(".")[0]
    found = {}
    for path, name in names.items():
        stamp = _stamp(path) if path.startswith(prefix + os.sep) else None
        if stamp:
            found[path] = (name, stamp)
    return found


def replaced(before: dict[str, tuple[str, Stamp]]) -> list[str]:
    """The names in ``before`` whose files are gone or others now."""
    return sorted({name for path, (name, stamp) in before.items() if _stamp(path) != stamp})


def at_start(prefix: str) -> dict[str, Stamp]:
    """By path: what is read when a kernel starts, by Python or by activation."""
    folders = [os.path.join(prefix, "etc", "conda", name) for name in ("activate.d", "env_vars.d")]
    paths = [entry for folder in folders for entry in _entries(folder)]
    paths += [entry for entry in _entries(sysconfig.get_path("purelib")) if entry.endswith(".pth")]
    paths.append(os.path.join(prefix, "conda-meta", "state"))
    return {path: stamp for path in paths for stamp in [_stamp(path)] if stamp}


def newer(before: dict[str, Stamp], after: dict[str, Stamp]) -> list[str]:
    """The names of the files that came or changed."""
    return sorted(os.path.basename(path) for path, stamp in after.items() if before.get(path) != stamp)


def _stamp(path: str) -> Stamp | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _entries(folder: str) -> list[str]:
    try:
        return [os.path.join(folder, name) for name in os.listdir(folder)]
    except OSError:
        return []


def _mapped() -> list[str]:
    """Libraries and the like, where the system tells."""
    try:
        with open("/proc/self/maps", encoding=sys.getfilesystemencoding(), errors="surrogateescape") as file:
            return [line.rstrip("\n").split(None, 5)[5] for line in file if line.count("/")]
    except OSError:
        return []
