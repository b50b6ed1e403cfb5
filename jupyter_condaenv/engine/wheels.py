"""Wheels that pip has fetched or built, kept to be had again without a network, and how large they are."""

from __future__ import annotations

import hashlib
import os
import shutil
import zipfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from packaging import tags
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from . import prefix as prefixes
from .model import PipFile, PipPackage
from .requirements import same_version

FOLDER = "wheels"
"""In the package cache."""
_UNPACKED = 3
"""Times its size is what a wheel likely holds."""
_BLOCK = 4096
"""Bytes that the smallest file takes on the file systems that people use."""
_PATIENCE = 5.0
"""Seconds for the answer of a server that is asked how large a file is."""
_AT_ONCE = 8


class Taken(NamedTuple):
    """Bytes that one of pip's packages takes."""

    download: int
    """Of the file, which the cache does not have; 0 where that is not known."""
    installed: int
    exact: bool
    """Else ``installed`` is an estimate, since the wheel is not there yet."""


class Cache:
    """Wheels for Pythons of the minor ``minor`` that pip has fetched or built."""

    def __init__(self, cache_dir: Path, minor: str) -> None:
        self._root, self._minor = cache_dir / FOLDER, minor

    def get(self, package: PipPackage) -> Path | None:
        """The wheel of ``package``, if it is still what it was."""
        promised = {file.name: file.sha256 for file in package.files}
        for path in self._folder(package).glob("*.whl"):
            with suppress(OSError):
                if promised.get(path.name, prefixes.sha256(path)) == prefixes.sha256(path):
                    return path
        return None

    def put(self, package: PipPackage, wheel: Path) -> Path:
        """Keep ``wheel``, which goes from where it is."""
        folder = self._folder(package)
        folder.mkdir(parents=True, exist_ok=True)
        part = self._root / f"{wheel.name}.{os.getpid()}.part"  # where ``clean`` finds it after a kill
        shutil.move(wheel, part)
        return part.replace(folder / wheel.name)

    def _folder(self, package: PipPackage) -> Path:
        return self._root / cached_name(package) / self._minor


def cached_name(package: PipPackage) -> str:
    """Of the folder in ``FOLDER`` that is kept for ``package``."""
    told = hashlib.sha256(" ".join(sorted(file.sha256 for file in package.files)).encode()).hexdigest()
    return f"{package.name}-{package.version}-{told[:16]}"


def is_of(name: str, package: PipPackage) -> bool:
    """Whether the wheel called ``name`` is one of ``package``."""
    try:
        found, version, *_ = parse_wheel_filename(name)
    except InvalidWheelFilename:
        return False
    return found == package.name and same_version(str(version), package.version)


def sizes(packages: Iterable[PipPackage], minor: str, cache_dir: Path, *, offline: bool) -> list[Taken]:
    """What each of ``packages`` takes in an environment of this machine with Python ``minor``. Servers are asked,
    unless ``offline``; one that does not answer leaves it unknown."""
    cache = Cache(cache_dir, minor)

    def size(package: PipPackage) -> Taken:
        wheel = cache.get(package)
        if wheel is not None:
            return Taken(0, unpacked(wheel), True)
        fetched = _size(likely_file(package, minor), offline=offline) if package.files else 0
        return Taken(fetched, _UNPACKED * fetched, False)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(size, packages))


def unpacked(wheel: Path) -> int:
    """Bytes that the files in ``wheel`` take on the disk."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            return sum(-(-one.file_size // _BLOCK) * _BLOCK for one in archive.infolist())
    except (OSError, zipfile.BadZipFile):
        return 0


def likely_file(package: PipPackage, minor: str) -> PipFile:
    """Of the files of ``package`` that which is installed on this machine, as far as their names tell."""
    version = tuple(map(int, minor.split(".")))
    fitting = [*tags.cpython_tags(version), *tags.compatible_tags(version)]
    best = {tag: rank for rank, tag in enumerate(reversed(fitting), 1)}

    def rank(file: PipFile) -> int:
        with suppress(InvalidWheelFilename):
            return max(best.get(tag, -1) for tag in parse_wheel_filename(file.name)[3])
        return 0

    return max(package.files, key=rank)


def _size(file: PipFile, *, offline: bool) -> int:
    """Bytes; 0 where nobody says it."""
    parts = urlsplit(file.url)
    with suppress(OSError, ValueError):
        if parts.scheme == "file":
            return os.stat(unquote(parts.path)).st_size
        if not offline and parts.scheme in ("http", "https"):
            import urllib.request  # slow to import, and few operations need it

            asked = urllib.request.Request(file.url, method="HEAD")
            with urllib.request.urlopen(asked, timeout=_PATIENCE) as answer:
                return int(answer.headers.get("Content-Length") or 0)
    return 0
