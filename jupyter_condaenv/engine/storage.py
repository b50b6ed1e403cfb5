"""How much room environments and the package cache take.

Packages are hard-linked from the cache, so an environment has two sizes: what is in it, and what deleting it would
free. Bytes are those on disk (blocks, so that sparse files count as what they take), links are never followed, and
what lies on another file system below a prefix is left out.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

import msgspec

from . import environments
from .activation import FOLDER
from .activation.use import last_use
from .model import (
    AnyEvent,
    CacheStorage,
    Environment,
    EnvironmentStorage,
    Progress,
    Settings,
    Step,
    Storage,
)
from .trees import write_whole

_BLOCK = 512
"""Bytes, whatever the file system's own blocks are (POSIX, ``st_blocks``)."""
_TICK = 1000
"""Files between two signs of life."""
ARCHIVES = (".conda", ".tar.bz2")
BUILDS = "builds"
"""In the package cache: what builds of packages have fetched."""


def measure(settings: Settings, emit: Callable[[AnyEvent], None]) -> Storage:
    """Look at every file of every known environment and of the package cache, and keep what was found.

    What vanishes in the meantime is left out; what cannot be looked into is counted.
    """
    known = environments.list_environments(settings)
    tick = _ticker(emit)
    emit(Step(phase="measure", text="Measuring the package cache"))
    cache = _cache(Path(settings.cache_dir), tick)
    emit(
        Step(
            phase="measure",
            text=f"Measuring the {len(known)} environments" if len(known) != 1 else "Measuring the environment",
        )
    )
    measured = [found for one in known if (found := _environment(one, known, settings, tick)) is not None]
    storage = Storage(
        time=datetime.now(timezone.utc).isoformat(timespec="seconds"), environments=tuple(measured), cache=cache
    )
    _file(settings).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write(storage, settings)
    return storage


def measure_again(prefixes: Collection[str], settings: Settings) -> None:
    """What was measured, with what the environments at ``prefixes`` take now; nothing where nobody has measured yet."""
    before = latest(settings)
    if before is None:
        return
    known = environments.list_environments(settings)
    left = [one for one in before.environments if one.prefix not in prefixes]
    changed = [
        found
        for one in known
        if one.prefix in prefixes and (found := _environment(one, known, settings, lambda _item: None)) is not None
    ]
    measured = tuple(sorted([*left, *changed], key=lambda one: (one.name, one.prefix)))
    _write(msgspec.structs.replace(before, environments=measured), settings)


def latest(settings: Settings) -> Storage | None:
    """What was measured last; None where nothing was, or nothing that can be read."""
    try:
        return msgspec.json.decode(_file(settings).read_bytes(), type=Storage)
    except (OSError, msgspec.MsgspecError):
        return None


def used(settings: Settings, tick: Callable[[int], None]) -> int:
    """Bytes on disk that the user's own environments, of those that are known, and the package cache take together,
    each file counted once."""
    seen: set[tuple[int, int]] = set()
    total = done = 0
    todo = [settings.cache_dir, *(str(one) for one in environments.prefixes(settings) if _is_own(one))]
    while todo:
        for entry in _entries(todo.pop()) or ():
            with suppress(OSError):
                status = entry.stat(follow_symlinks=False)
                done += 1
                if done % _TICK == 0:
                    tick(done)
                if stat.S_ISDIR(status.st_mode):
                    todo.append(entry.path)
                elif status.st_nlink > 1:
                    if (status.st_dev, status.st_ino) in seen:
                        continue
                    seen.add((status.st_dev, status.st_ino))
                total += _bytes(status)
    return total


def _is_own(prefix: Path) -> bool:
    try:
        return os.name != "posix" or prefix.stat().st_uid == os.geteuid()
    except OSError:
        return False


def freed(path: Path) -> int:
    """Bytes on disk that deleting the file or the tree at ``path`` frees."""
    try:
        found = os.lstat(path)
    except OSError:
        return 0
    if stat.S_ISDIR(found.st_mode):
        return _walk(str(path), (), lambda: None).freed
    return _bytes(found) if found.st_nlink == 1 else 0


def is_linked(folder: Path) -> bool:
    """Whether a file in ``folder`` has a link elsewhere."""
    found = _walk(str(folder), (), lambda: None)
    return found.freed < found.alone or bool(found.unreadable)


def _write(storage: Storage, settings: Settings) -> None:
    write_whole(_file(settings), msgspec.json.encode(storage))


def _file(settings: Settings) -> Path:
    return Path(settings.data_dir) / "storage.json"


def _ticker(emit: Callable[[AnyEvent], None]) -> Callable[[str], None]:
    """Counts files, and tells how many there were now and then."""
    count = 0

    def tick(item: str) -> None:
        nonlocal count
        count += 1
        if count % _TICK == 0:
            emit(Progress(phase="measure", done=count, unit="files", item=item))

    return tick


def _environment(
    one: Environment, known: Iterable[Environment], settings: Settings, tick: Callable[[str], None]
) -> EnvironmentStorage | None:
    """None where it is gone by now."""
    prefix = os.path.realpath(one.prefix)
    others = {os.path.realpath(other.prefix) for other in known} - {prefix}
    found = _walk(prefix, others, lambda: tick(one.name))
    if not environments.is_environment(Path(prefix)):
        return None
    return EnvironmentStorage(
        name=one.name,
        prefix=one.prefix,
        alone=found.alone,
        freed=found.freed,
        files=found.files,
        last_used=_last_used(one.prefix, settings),
        unreadable=found.unreadable,
        other_file_system=device(prefix) != device(settings.cache_dir),
    )


def _last_used(prefix: str, settings: Settings) -> str:
    time = last_use(prefix, os.path.join(settings.data_dir, FOLDER))
    return datetime.fromtimestamp(time, timezone.utc).isoformat(timespec="seconds") if time else ""


def _cache(cache_dir: Path, tick: Callable[[str], None]) -> CacheStorage:
    from . import wheels

    archives = packages = unlinked = 0
    for entry in _entries(str(cache_dir / "pkgs")) or ():
        if entry.is_dir(follow_symlinks=False):
            package = _walk(entry.path, (), lambda name=entry.name: tick(name))  # type: ignore[misc]
            packages += package.alone
            unlinked += package.alone if package.freed == package.alone else 0
        elif entry.name.endswith(ARCHIVES):
            with suppress(OSError):
                archives += _bytes(entry.stat(follow_symlinks=False))
    bytecode, repodata, search, builds, of_pip = (
        _walk(str(cache_dir / name), (), lambda name=name: tick(name)).alone  # type: ignore[misc]
        for name in ("bytecode", "repodata", "search", BUILDS, wheels.FOLDER)
    )
    return CacheStorage(
        path=str(cache_dir),
        archives=archives,
        packages=packages,
        unlinked=unlinked,
        bytecode=bytecode,
        indexes=repodata + search,
        builds=builds,
        wheels=of_pip,
    )


class _Found(NamedTuple):
    alone: int = 0
    freed: int = 0
    files: int = 0
    unreadable: int = 0


def _walk(root: str, others: Iterable[str], tick: Callable[[], None]) -> _Found:
    """All that lies in the folder ``root``, without the folders ``others``."""
    try:
        top = os.lstat(root)
    except OSError:
        return _Found()
    alone = freed = _bytes(top)
    files = unreadable = 0
    links: dict[int, int] = {}
    """Inode -> how many of its links have not been seen yet."""
    todo = [root]
    while todo:
        entries = _entries(todo.pop())
        unreadable += entries is None
        for entry in entries or ():
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            except OSError:
                unreadable += 1
                continue
            if status.st_dev != top.st_dev or entry.path in others:
                continue
            tick()
            if stat.S_ISDIR(status.st_mode):
                todo.append(entry.path)
                alone += _bytes(status)
                freed += _bytes(status)
                continue
            files += 1
            left = links.get(status.st_ino, status.st_nlink) - 1
            alone += _bytes(status) if status.st_ino not in links else 0
            freed += _bytes(status) if left == 0 else 0
            links[status.st_ino] = left
    return _Found(alone, freed, files, unreadable)


def _entries(folder: str) -> list[os.DirEntry[str]] | None:
    """What is in ``folder``, nothing where it is gone; None where nobody lets us look."""
    try:
        return list(os.scandir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError:
        return None


def _bytes(status: os.stat_result) -> int:
    """On disk; where the system does not say (Windows), the length."""
    blocks: int | None = getattr(status, "st_blocks", None)
    return status.st_size if blocks is None else blocks * _BLOCK


def device(folder: str) -> int:
    """The file system of ``folder``, or, where it is not there yet, of the first folder above it that is."""
    while not os.path.exists(folder):
        folder = os.path.dirname(folder)
    return os.stat(folder).st_dev
