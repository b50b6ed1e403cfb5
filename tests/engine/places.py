"""Places where two directories cannot be exchanged, and users who may not write everywhere."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

NOBODY = 65534


def need_root(what: str) -> None:
    if os.geteuid() != 0:
        pytest.skip(f"{what} needs root: sudo python -m pytest tests/engine")


@contextmanager
def mounted(*arguments: str | Path) -> Iterator[Path]:
    """``mount ARGUMENTS...``, the last of which is the mount point; undone at the end."""
    need_root("mounting a file system")
    point = Path(arguments[-1])
    point.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["mount", *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"this machine refuses to mount. Run where `mount {arguments[1]}` is allowed: {done.stderr}")
    try:
        yield point
    finally:
        subprocess.run(["umount", "--lazy", str(point)], check=True)


@contextmanager
def tmpfs(point: Path, size: str = "200m") -> Iterator[Path]:
    with mounted("-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", point) as place:
        yield place


@contextmanager
def overlay(lower: Path, work: Path, point: Path) -> Iterator[Path]:
    """An overlayfs whose lower layer is ``lower``, as a container has its image; ``work`` holds the upper one."""
    for name in ("upper", "work"):
        (work / name).mkdir(parents=True)
    options = f"lowerdir={lower},upperdir={work / 'upper'},workdir={work / 'work'}"
    with mounted("-t", "overlay", "-o", options, "overlay", point) as place:
        yield place


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Nobody can write into ``folder`` or what is in it."""
    if os.geteuid() == 0:
        with mounted("--bind", "-o", "ro", folder, folder):
            yield
        return
    folders = [folder, *(path for path in folder.rglob("*") if path.is_dir() and not path.is_symlink())]
    for path in folders:
        path.chmod(0o555)
    try:
        yield
    finally:
        for path in folders:
            path.chmod(0o755)


@contextmanager
def unwritable(folder: Path) -> Iterator[tuple[str, ...]]:
    """``folder`` cannot be written by a command that has the yielded words before it; what is in it can."""
    mode = folder.stat().st_mode
    folder.chmod(0o555)
    try:
        yield ordinary()
    finally:
        folder.chmod(mode)


def ordinary() -> tuple[str, ...]:
    """What stands before a command for permissions to count, for root too."""
    if os.geteuid() != 0:
        return ()
    if shutil.which("setpriv") is None:
        pytest.skip("this needs setpriv, to give up root's rights: apt-get install util-linux")
    return ("setpriv", "--inh-caps=-all", "--bounding-set=-all")


def own(tree: Path, user: int = NOBODY) -> None:
    for folder, folders, names in os.walk(tree):
        for path in (folder, *(os.path.join(folder, name) for name in [*folders, *names])):
            os.chown(path, user, user, follow_symlinks=False)


def reach(folder: Path) -> None:
    """Everybody may pass through the folders above ``folder``."""
    for above in (folder, *folder.parents):
        if above != Path("/") and above.stat().st_mode & 0o055 != 0o055:
            above.chmod(above.stat().st_mode | 0o055)
