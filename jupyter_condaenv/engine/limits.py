"""Whether there is room for a change, asked before anything is written, and how much was missing where there was not.

What is in the package cache is known to the byte. Of what has still to be fetched only the archive's size is known
before: it takes at least that, and likely three times as much. Where it may not fit, the archives are asked, of which
that takes a request each.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from . import storage
from .errors import StorageError
from .model import Package, Settings
from .prefix import PathEntry, decode_paths, read_record, record_files
from .telling import size
from .trees import storage_error

if TYPE_CHECKING:
    from .wheels import Taken

_BLOCK = 4096
"""Bytes that the smallest file takes on the file systems that people use."""
_UNPACKED = 3
"""Times the size of an archive is what it likely holds."""
_RECORD = 300
"""Bytes in the record of a package for each of its files."""
_HINT = (
    "Delete what nobody needs with `jupyter condaenv clean`, or environments; `jupyter condaenv storage` shows which."
)


class _Amount(NamedTuple):
    least: int
    likely: int

    def __add__(self, other: tuple[int, ...]) -> _Amount:  # type: ignore[override]
        return _Amount(self.least + other[0], self.likely + other[1])


_NONE = _Amount(0, 0)
Contents = Mapping[str, Sequence[PathEntry]]
NOTHING: Contents = {}


class Need(NamedTuple):
    """The room that is going to be taken on the file system of ``folder``, in bytes."""

    folder: Path
    least: int
    likely: int


def needs(incoming: Iterable[Package], prefix: Path, cache_dir: Path, contents: Contents = NOTHING) -> list[Need]:
    """What ``incoming`` packages take, one for each file system. ``contents`` is what is known, by name, of the files
    of those that have not been fetched yet."""
    linked = storage.device(str(prefix)) == storage.device(str(cache_dir))
    in_cache = in_prefix = _NONE
    for package in incoming:
        there = _fetched(package, cache_dir)
        entries = there if there is not None else contents.get(package.name)
        if entries is None:
            archive = _Amount(package.size, _UNPACKED * package.size)
            in_cache += archive
            in_prefix += _NONE if linked else archive
            continue
        folders = len({os.path.dirname(entry.path) for entry in entries})
        if there is None:
            whole = sum(map(_blocks, entries))
            in_cache += _Amount(whole, whole + (folders + 2) * _BLOCK)
        own = sum(_blocks(entry) for entry in entries if not (linked and _is_linked(entry)))
        in_prefix += _Amount(own, own + (folders + 1) * _BLOCK + len(entries) * _RECORD)
        in_cache += _Amount(0, sum(entry.size_in_bytes or 0 for entry in entries if entry.path.endswith(".py")))
    if linked:
        both = in_cache + in_prefix
        return [Need(prefix, both.least, both.likely)]
    return [Need(prefix, in_prefix.least, in_prefix.likely), Need(cache_dir, in_cache.least, in_cache.likely)]


def of_wheels(taken: Iterable[Taken], prefix: Path, cache_dir: Path) -> list[Need]:
    """What packages of pip take: the wheel in the cache, what it holds in the environment."""
    fetched = installed = known = 0
    for one in taken:
        fetched += one.download
        installed += one.installed
        known += one.installed if one.exact else one.download
    if storage.device(str(prefix)) == storage.device(str(cache_dir)):
        return [Need(prefix, fetched + known, fetched + installed)]
    # The wheel itself lies beside the prefix while it is fetched, and is kept in the cache.
    return [Need(cache_dir, fetched, fetched), Need(prefix, known, fetched + installed)]


def of_archive(archive: int, prefix: Path) -> list[Need]:
    """What ``archive`` bytes of one take, unpacked at ``prefix``."""
    return [Need(prefix, archive, _UNPACKED * archive)]


def of_packing(source: Path, folder: Path, *, compressed: bool) -> Need:
    """What the environment at ``source`` takes as one file in ``folder``, as far as its records tell."""
    known = sum(entry.size_in_bytes or 0 for file in record_files(source) for entry in read_record(file).paths)
    return Need(folder, 0, known // _UNPACKED if compressed else known)


def of_copies(sizes: Iterable[int], files: int, folders: int, prefix: Path) -> list[Need]:
    """What copies of ``sizes`` bytes take at ``prefix``, with records of ``files`` files in ``folders`` folders."""
    least = sum(-(-size // _BLOCK) * _BLOCK for size in sizes)
    return [Need(prefix, least, least + folders * _BLOCK + files * _RECORD)]


def check(
    wanted: Sequence[Need],
    settings: Settings,
    tick: Callable[[int], None],
    exactly: Callable[[], Sequence[Need]] | None = None,
) -> None:
    """Raises StorageError where the least that is needed does not fit into what is free but for the reserve, or into
    the quota. ``tick(files)`` is called now and then while what there is is counted, which only a quota needs.

    ``exactly`` finds out more of what is needed. It is asked where there is a quota, or where the likely does not fit.
    """
    used = storage.used(settings, tick) if settings.quota and any(need.least for need in wanted) else 0
    _check(wanted, settings, used)
    doubtful = settings.quota or any(need.likely > _free(need.folder) - settings.reserve for need in wanted)
    if exactly is not None and doubtful:
        _check(exactly(), settings, used)


def _check(wanted: Sequence[Need], settings: Settings, used: int) -> None:
    for need in wanted:
        room = _free(need.folder) - settings.reserve
        if need.least > max(room, 0) or (need.least == 0 and need.likely and room <= 0):
            kept = f", of which {size(settings.reserve)} are kept in reserve" if settings.reserve else ""
            raise _missing(
                f"There is not enough room for this at {need.folder}: it takes at least {size(need.least)}, and "
                f"{size(_free(need.folder))} are free{kept}",
                need.least - room,
                _HINT,
                needed=need.least,
            )
    least = sum(need.least for need in wanted)
    if settings.quota and least and used + least > settings.quota:
        raise _missing(
            f"The environments and the package cache take {size(used)} of the {size(settings.quota)} that they "
            f"may (quota), and this takes at least {size(least)} more",
            used + least - settings.quota,
            _HINT,
            needed=least,
        )


@contextmanager
def watched(
    wanted: Sequence[Need],
    settings: Settings,
    tick: Callable[[int], None],
    undo: Callable[[], None],
    before: Sequence[Need] = (),
    exactly: Callable[[], Sequence[Need]] | None = None,
) -> Iterator[None]:
    """:func:`check`, and where the disk gets full all the same, ``undo`` and say of how much there was too little.
    ``before`` is what is there already and undone as well."""
    check(wanted, settings, tick, exactly)
    try:
        yield
    except (OSError, StorageError) as error:
        failure = error if isinstance(error, StorageError) else storage_error(error)
        undo()
        raise (explained(failure, _together(wanted, before)) if is_full(failure) else failure) from error


def _together(*needs: Sequence[Need]) -> list[Need]:
    """One for each folder."""
    found: dict[Path, Need] = {}
    for need in (one for some in needs for one in some):
        known = found.get(need.folder, Need(need.folder, 0, 0))
        found[need.folder] = Need(need.folder, known.least + need.least, known.likely + need.likely)
    return list(found.values())


def is_full(error: StorageError) -> bool:
    """Whether it is for want of room, and it has not been said yet of how much."""
    return error.details.get("errno") in (errno.ENOSPC, errno.EDQUOT) and "missing" not in error.details


def explained(error: StorageError, wanted: Iterable[Need]) -> StorageError:
    """``error``, which is that a disk is full, with how much room was missing. Called when what was written is deleted
    again. Where it is not known what has to be fetched, there may be only a lower bound."""
    short = [(need, _free(need.folder)) for need in wanted if need.likely > _free(need.folder)]
    if short:
        need, free = max(short, key=lambda one: one[0].likely - one[1])
        told = f"It takes about {size(need.likely)} at {need.folder}, and {size(free)} are free"
        return _missing(f"{error.message} {told}", need.likely - free, error.hint, needed=need.likely)
    places = " and ".join(f"{size(_free(need.folder))} at {need.folder}" for need in wanted)
    return StorageError(f"{error.message} It takes more than the {places} that are free.", error.hint, **error.details)


def _missing(what: str, missing: int, hint: str, *, needed: int) -> StorageError:
    return StorageError(
        f"{what}: {size(missing)} are missing.", hint, errno=errno.ENOSPC, needed=needed, missing=missing
    )


def _fetched(package: Package, cache_dir: Path) -> list[PathEntry] | None:
    """What ``package`` holds; None where it has not been fetched yet."""
    folder = cache_dir / "pkgs" / f"{package.name}-{package.version}-{package.build}"
    try:
        return decode_paths((folder / "info" / "paths.json").read_bytes())
    except (OSError, msgspec.MsgspecError):
        return None


def _is_linked(entry: PathEntry) -> bool:
    """Whether it is one file with the cache's: what holds the prefix is written anew."""
    return entry.path_type == "hardlink" and not entry.prefix_placeholder and not entry.no_link


def _blocks(entry: PathEntry) -> int:
    size = 0 if entry.path_type == "softlink" else entry.size_in_bytes or 0
    return -(-size // _BLOCK) * _BLOCK


def _free(folder: Path) -> int:
    """Bytes that we may write where ``folder`` lies, or will lie."""
    while not folder.exists():
        folder = folder.parent
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize
