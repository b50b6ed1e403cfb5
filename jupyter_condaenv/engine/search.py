"""Searching channels for packages.

A job writes an index of each channel; who searches only reads it. It is an SQLite file in the cache, of this platform's
packages and ``noarch``: a row a package for searching, and beside it the builds, compressed, for those who look at one.
It is written under another name and renamed, so whoever reads finds all of it, and it never changes afterwards.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing, suppress
from datetime import datetime, timezone
from functools import partial
from itertools import chain, groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import msgspec
from msgspec import Struct

from . import channel_list, versions
from .channels import LOGIN_PLACES, OFFLINE, host_subdir, local_path
from .errors import ChannelError, InvalidRequest, NotFound, StorageError
from .fitting import Surroundings
from .locking import lock
from .model import (
    Build,
    ChannelIndex,
    FoundPackage,
    FoundPackages,
    IndexChannels,
    Indexed,
    Lock,
    Message,
    PackageVersion,
    PackageVersions,
    Progress,
    Settings,
    Step,
)
from .telling import Emit, waiting

if TYPE_CHECKING:
    from .rattler.repodata import Repodata

LONGEST_QUERY = 200
"""Characters."""
LONGEST_SUMMARY = 300
"""Characters."""
_FORMAT = 2
"""Of the file; part of its name, so that versions of this package that differ in it do not meet."""
_RANKS = 5
"""How well a word can fit."""
_MOST_TOLD = 10
_TICK = 500
"""Packages between two signs of life."""
_SCHEMA = """
CREATE TABLE about (channel TEXT, source TEXT, packages INTEGER, names TEXT, summaries TEXT);
CREATE TABLE packages (
    name TEXT PRIMARY KEY, version TEXT, versions INTEGER, license TEXT, summary TEXT
) WITHOUT ROWID;
CREATE TABLE builds (name TEXT PRIMARY KEY, records BLOB);
"""
"""``names`` and ``summaries`` are all that is searched, a line a package, by name. Looking through a text in memory
takes milliseconds also for 30,000 lines, finds parts of words, and needs no extension of SQLite."""

T = TypeVar("T")


class _Record(Struct, frozen=True, omit_defaults=True):
    """What is kept of a record of a channel."""

    version: str
    build: str
    subdir: str
    build_number: int = 0
    size: int | None = None
    timestamp: int | None = None
    license: str | None = None
    depends: tuple[str, ...] = ()
    constrains: tuple[str, ...] = ()


class _Described(Struct, frozen=True):
    summary: str | None = None


class _ChannelData(Struct, frozen=True):
    packages: dict[str, _Described] = {}


_DECODER = msgspec.json.Decoder(_Record)


# --- writing, in a job -----------------------------------------------------------------------------------------------


def index(request: IndexChannels, settings: Settings, emit: Emit) -> Indexed:
    """Make the channels searchable. One that cannot be read is warned of; raises ChannelError where none can be."""
    found: list[ChannelIndex] = []
    failures: dict[str, ChannelError] = {}
    for channel in channel_list.searched(request.channels, settings):
        try:
            found.append(_index(channel, settings, emit))
        except ChannelError as error:
            failures[channel] = error
            emit(Message(level="warning", text=error.message))
    if failures and not found:
        raise next(iter(failures.values()))
    return Indexed(indexes=tuple(found), failed=tuple(failures))


def _index(channel: str, settings: Settings, emit: Emit) -> ChannelIndex:
    from .rattler import repodata

    path = index_file(channel, settings)
    subdirs = (host_subdir(), "noarch")
    with lock(path.with_suffix(".lock"), f"indexing {channel}", waiting(f"for the index of {channel}", emit)):
        emit(Step(phase="download", text=f"Asking {channel} for its packages"))
        found = []
        for subdir in subdirs:
            read = repodata.read(
                channel, subdir, Path(settings.cache_dir), _reporter(subdir, emit), offline=settings.offline
            )
            found += [read] if read is not None else []
        if not found and settings.offline:
            raise ChannelError(f"Of {channel} no index is in the cache.", OFFLINE, channels=[channel])
        if not found:
            raise ChannelError(
                f"{channel} is no channel, or has no packages for {subdirs[0]}.",
                f"Check its name; where a login is needed, it is looked for in {LOGIN_PLACES}.",
                channels=[channel],
            )
        source = " ".join(one.state for one in found) if all(one.state for one in found) else ""
        if source and source == _source(channel, settings):
            os.utime(path)
        else:
            _write(path, channel, source, found, settings, emit)
        made = _about(channel, settings)
    assert made is not None
    return made


def _reporter(subdir: str, emit: Emit) -> Callable[[int, int], None]:
    return lambda done, total: emit(Progress(phase="download", done=done, total=total, unit="bytes", item=subdir))


def _write(path: Path, channel: str, source: str, found: Sequence[Repodata], settings: Settings, emit: Emit) -> None:
    """An index of what was ``found``, in place of the one there is."""
    names = sorted({name for one in found for name in one.names()})
    emit(Step(phase="index", text=f"Indexing the {len(names)} packages of {channel}"))
    part = path.with_suffix(".part")
    try:
        part.unlink(missing_ok=True)
        with closing(sqlite3.connect(part, isolation_level=None)) as database:
            # What is half-written is never read.
            database.executescript(f"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; {_SCHEMA} BEGIN")
            searched: list[str] = []
            summaries = {} if settings.offline and local_path(channel) is None else _summaries(channel)
            for number, name in enumerate(names):
                if number % _TICK == 0:
                    emit(Progress(phase="index", done=number, total=len(names), unit="packages", item=name))
                records = _records(name, found)
                if records:
                    _insert(database, name, summaries.get(name, ""), records)
                    searched.append(name)
            lines = "\n".join(f" {summaries.get(name, '')}" for name in searched) if summaries else ""
            about = (channel, source, len(searched), "\n".join(searched), lines)
            database.execute("INSERT INTO about VALUES (?, ?, ?, ?, ?)", about)
            database.execute("COMMIT")
        part.replace(path)
    except sqlite3.OperationalError as error:
        raise StorageError(
            f"The index of {channel} cannot be written to {path.parent}: {error}.", "Free some space there."
        ) from error
    finally:
        part.unlink(missing_ok=True)
    if unread := sorted({*names} - {*searched}):
        told = ", ".join(unread[:_MOST_TOLD]) + (", ..." if len(unread) > _MOST_TOLD else "")
        emit(Message(level="warning", text=f"Of {channel}, these are malformed and cannot be found: {told}"))


def _records(name: str, found: Iterable[Repodata]) -> list[_Record]:
    """Newest first; none where what the channel says of them cannot be read."""
    try:
        read = [_DECODER.decode(record) for repodata in found for record in repodata.records(name)]
    except Exception:  # py-rattler's errors have no class in common
        return []
    of_version: dict[str, list[_Record]] = {}
    for record in read:
        of_version.setdefault(record.version, []).append(record)
    return [
        record
        for version in versions.newest_first(of_version)
        for record in sorted(of_version[version], key=_later, reverse=True)
    ]


def _later(record: _Record) -> tuple[int, int]:
    return record.build_number, record.timestamp or 0


def _insert(database: sqlite3.Connection, name: str, summary: str, records: list[_Record]) -> None:
    newest, count = records[0], len({record.version for record in records})
    row = (name, newest.version, count, newest.license or "", summary)
    database.execute("INSERT INTO packages VALUES (?, ?, ?, ?, ?)", row)
    packed = zlib.compress(msgspec.json.encode(records), 1)
    database.execute("INSERT INTO builds VALUES (?, ?)", (name, packed))


def _summaries(channel: str) -> dict[str, str]:
    """What the packages of ``channel`` are for, each in a line, where the channel says so (``channeldata.json``)."""
    from .rattler import downloads

    try:
        told = msgspec.json.decode(downloads.content(f"{channel}/channeldata.json"), type=_ChannelData)
    except msgspec.MsgspecError:
        return {}
    lines = {name: " ".join(one.summary.split()) for name, one in told.packages.items() if one.summary}
    return {
        name: line if len(line) <= LONGEST_SUMMARY else f"{line[:LONGEST_SUMMARY]}…" for name, line in lines.items()
    }


# --- reading, in whatever process ------------------------------------------------------------------------------------


def find(
    query: str,
    settings: Settings,
    *,
    channels: Sequence[str] = (),
    environment: Lock | None = None,
    limit: int = 50,
    offset: int = 0,
) -> FoundPackages:
    """The packages that have every word of ``query`` in their name or summary; all of them for an empty one.

    First come those that are called so, then those whose name, or a part of it, begins so, those that have it in their
    name, those that have it in their summary; equal ones by name. One that several channels have is told of the first
    of them. ``channels`` are names or URLs; without any, those of the lock of an ``environment``, where one is given
    that has some, and else the configured ones are searched. Raises InvalidRequest for a query that is too long.
    """
    words = _words(query)
    ranked: list[list[str]] = [[] for _ in range(_RANKS)]
    known: set[str] = set()
    indexes: dict[str, ChannelIndex | None] = {}
    for url in _searched(channels, environment, settings):
        found = _read(url, settings, partial(_ranked, words=words))
        indexes[url] = _about(url, settings) if found is not None else None
        for rank, names in enumerate(found or ()):
            ranked[rank] += [name for name in names if name not in known] if known else names
        known.update(*(found or ()))
    total = sum(map(len, ranked))
    page = islice(chain.from_iterable(map(sorted, ranked)), offset, min(offset + limit, total))
    details: dict[str, FoundPackage | None] = dict.fromkeys(page)
    for url in indexes:
        wanted = [name for name, detail in details.items() if detail is None]
        details |= _read(url, settings, partial(_details, names=wanted, channel=url)) or {}
    return FoundPackages(
        packages=tuple(detail for detail in details.values() if detail is not None),
        total=total,
        indexes=tuple(one for one in indexes.values() if one is not None),
        missing=tuple(url for url, one in indexes.items() if one is None),
    )


def package(
    name: str, settings: Settings, *, channels: Sequence[str] = (), environment: Lock | None = None
) -> PackageVersions:
    """All versions of the package ``name``, and, where the lock of an ``environment`` is given, which fit into it.

    ``channels`` as in :func:`find`. Raises NotFound where no channel that has an index has it.
    """
    around = Surroundings(environment) if environment is not None else None
    found: list[PackageVersion] = []
    summary, missing = "", []
    for url in _searched(channels, environment, settings):
        read = _read(url, settings, partial(_builds, name=name))
        if read is None:
            missing.append(url)
            continue
        summary = summary or read[0]
        for version, records in groupby(read[1], key=lambda record: record.version):
            found.append(_version(name, version, url, list(records), around))
    if not found:
        hint = (
            f"{', '.join(missing)} cannot be searched yet: index it first." if missing else "Search for a part of it."
        )
        raise NotFound(f"No channel has a package called {name!r}.", hint, name=name, missing=missing)
    order = {version: place for place, version in enumerate(versions.newest_first({one.version for one in found}))}
    found.sort(key=lambda one: order[one.version])
    return PackageVersions(name=name, summary=summary, versions=tuple(found))


def _searched(channels: Sequence[str], environment: Lock | None, settings: Settings) -> tuple[str, ...]:
    return channel_list.searched(channels or (environment.channels if environment is not None else ()), settings)


def _words(query: str) -> list[str]:
    if len(query) > LONGEST_QUERY or not _is_text(query):
        raise InvalidRequest(
            f"A search takes at most {LONGEST_QUERY} characters, in UTF-8.", "Search for a part of the name."
        )
    return list(dict.fromkeys(_key(query).split()))


def _is_text(query: str) -> bool:
    try:
        query.encode()
    except UnicodeEncodeError:
        return False
    return True


def _key(text: str) -> str:
    """``text`` in small letters, with every separator of names a dash: people do not remember which it is."""
    return text.lower().replace("_", "-").replace(".", "-")


def _ranked(database: sqlite3.Connection, words: Sequence[str]) -> tuple[list[str], ...]:
    """The packages that have all words, by how badly the worst of them fits."""
    text, summaries = database.execute("SELECT names, summaries FROM about").fetchone()
    names = text.split("\n") if text else []
    ranked: tuple[list[str], ...] = tuple([] for _ in range(_RANKS))
    if not words:
        return (names, *ranked[1:])
    keys, told = _key(text).split("\n"), _key(summaries).split("\n")
    kept: Iterable[int] = range(len(names))
    for word in words:
        if summaries:
            kept = [number for number in kept if word in keys[number] or f" {word}" in told[number]]
        else:
            kept = [number for number in kept if word in keys[number]]
    for number in kept:
        ranked[max(_rank(word, keys[number]) for word in words)].append(names[number])
    return ranked


def _rank(word: str, name: str) -> int:
    """Whether ``word`` is ``name``, which begins with it, or a part of it does, or has it somewhere; or it was found in
    the summary."""
    if word not in name:
        return _RANKS - 1
    return 0 if word == name else 1 if name.startswith(word) else 2 if f"-{word}" in name else 3


def _details(database: sqlite3.Connection, names: Sequence[str], channel: str) -> dict[str, FoundPackage]:
    select = "SELECT version, versions, license, summary FROM packages WHERE name = ?"
    found = {}
    for name in names:
        for version, count, license, summary in database.execute(select, (name,)):
            found[name] = FoundPackage(
                name=name, version=version, versions=count, channel=channel, summary=summary, license=license
            )
    return found


def _builds(database: sqlite3.Connection, name: str) -> tuple[str, list[_Record]]:
    select = "SELECT summary, records FROM packages JOIN builds USING (name) WHERE name = ?"
    row = database.execute(select, (name,)).fetchone()
    return ("", []) if row is None else (row[0], msgspec.json.decode(zlib.decompress(row[1]), type=list[_Record]))


def _version(
    name: str, version: str, channel: str, records: list[_Record], around: Surroundings | None
) -> PackageVersion:
    obstacles: list[str] = []
    if around is not None:
        of_each = (around.obstacles(name, version, one.build, one.depends, one.constrains) for one in records)
        obstacles = min(of_each, key=len)
    return PackageVersion(
        version=version,
        channel=channel,
        license=records[0].license or "",
        builds=tuple(
            Build(
                build=one.build,
                build_number=one.build_number,
                subdir=one.subdir,
                size=one.size or 0,
                timestamp=one.timestamp or 0,
            )
            for one in records
        ),
        fits=None if around is None else not obstacles,
        obstacles=tuple(obstacles),
    )


def index_file(channel: str, settings: Settings) -> Path:
    key = hashlib.sha256(channel.encode()).hexdigest()[:16]
    return Path(settings.cache_dir) / "search" / f"{key}-{host_subdir()}-{_FORMAT}.sqlite"


def channel_of(index: Path) -> str:
    """Of which channel there is an index at ``index``; empty where that is none."""
    try:
        with closing(sqlite3.connect(f"{index.as_uri()}?mode=ro&immutable=1", uri=True)) as database:
            return str(database.execute("SELECT channel FROM about").fetchone()[0])
    except (sqlite3.DatabaseError, TypeError):
        return ""


def _about(channel: str, settings: Settings) -> ChannelIndex | None:
    """None where there is no index."""
    row = _read(channel, settings, lambda database: database.execute("SELECT packages FROM about").fetchone())
    with suppress(OSError):
        seen = datetime.fromtimestamp(index_file(channel, settings).stat().st_mtime, timezone.utc)
        if row is not None:
            return ChannelIndex(channel=channel, time=seen.isoformat(timespec="seconds"), packages=row[0])
    return None


def _source(channel: str, settings: Settings) -> str:
    """What the index was made from; empty where there is none that is whole."""
    return _read(channel, settings, _source_of_whole) or ""


def _source_of_whole(database: sqlite3.Connection) -> str:
    _ranked(database, ("a",))
    if database.execute("PRAGMA quick_check").fetchall() != [("ok",)]:
        return ""
    return str(database.execute("SELECT source FROM about").fetchone()[0])


def _read(channel: str, settings: Settings, look: Callable[[sqlite3.Connection], T]) -> T | None:
    """What ``look`` finds in the index of ``channel``; None where there is none. A damaged one is as good as none, and
    deleted, so that the next job makes it anew."""
    path = index_file(channel, settings)
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as database:
            return look(database)
    except sqlite3.OperationalError:  # it cannot be opened, or is empty
        return None
    except (sqlite3.DatabaseError, zlib.error, msgspec.MsgspecError, TypeError, AttributeError):
        with suppress(OSError):
            path.unlink()
        return None
