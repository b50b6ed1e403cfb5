"""The only import of py-rattler: solving, the package cache and linking, in our own terms.

Everything here runs in a worker process and blocks. What py-rattler does unexpectedly and we rely on being caught is
named in ``tests/engine/test_rattler.py``.
"""

from __future__ import annotations

import asyncio
import errno
import io
import json
import os
import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path

import rattler
from msgspec import Struct
from rattler.exceptions import (
    CacheDirError,
    ConversionError,
    ExtractError,
    FetchRepoDataError,
    GatewayError,
    InstallerError,
    InvalidChannelError,
    InvalidMatchSpecError,
    InvalidPackageNameError,
    InvalidUrlError,
    InvalidVersionError,
    LinkError,
    SolverError,
    TransactionError,
)
from rattler.index import index_fs
from rattler.networking import fetch_repo_data
from rattler.networking.fetch_repo_data import FetchRepoDataOptions
from rattler.package_cache import CacheIndex
from rattler.package_streaming import PackageArchive, download_to_writer
from rattler.repo_data import SparseRepoData
from rattler.repo_data.gateway import SourceConfig

from . import condarc, network
from .channels import LOGIN_PLACES, OFFLINE, is_here, local_path, redact
from .errors import Broken, ChannelError, InvalidRequest, StorageError, Tampered, Unsatisfiable
from .model import ChannelPriority, Package, Resolution
from .prefix import PathEntry, decode_paths

_PRIORITY = {
    "strict": rattler.ChannelPriority.Strict,
    "flexible": rattler.ChannelPriority.Flexible,
    "disabled": rattler.ChannelPriority.Disabled,
}

_FULL = {"no space left": errno.ENOSPC, "disk quota": errno.EDQUOT}
"""What the system says of a full disk, and what it means."""
_NOARCH = rattler.Subdir("noarch")
_MISFITS = (ConversionError, InvalidPackageNameError, InvalidUrlError, InvalidVersionError)
"""What py-rattler makes of records that cannot be: its errors have no class in common."""

_NOT_CACHED = re.compile(r"no usable repodata cache|is not in the cache")
"""What the gateway says of an index, or of a part of it, that it may not fetch."""
_PATHS = "info/paths.json"
_AT_ONCE = 16
"""Archives that are looked into at the same time."""
_LOOKING = 10.0
"""Seconds that looking into archives may take."""

Report = Callable[[str, str, int, int], None]
"""``report(kind, package, done, total)``: kind is ``download`` (bytes of that package), ``link`` or ``unlink``."""


def platform() -> str:
    """The subdir of this machine, such as ``linux-64``."""
    return str(rattler.Subdir.current())


def virtual_packages() -> tuple[str, ...]:
    """This machine's virtual packages as ``name=version=build``, with ``CONDA_OVERRIDE_*`` honoured (CEP 30)."""
    found = rattler.VirtualPackage.detect(rattler.VirtualPackageOverrides.from_env())
    generic = (package.into_generic() for package in found)
    return tuple(sorted(f"{package.name.normalized}={package.version}={package.build_string}" for package in generic))


def spec_name(spec: str) -> str:
    """The package that a MatchSpec is about. Raises InvalidRequest for text that is no spec."""
    return _match_spec(spec)[0]


def matches(spec: str, package: Package) -> bool:
    """Whether ``package`` is one that ``spec`` allows. A channel counts where it is given by its URL."""
    found = _match_spec(spec)[1]
    if found.channel is not None and "://" in spec and found.channel.base_url.rstrip("/") != package.channel:
        return False
    return bool(found.matches(_record(package)))  # which looks at no channel


def with_channel(spec: str, resolve: Callable[[str], str]) -> tuple[str, str]:
    """``spec`` with the name of its channel, as in ``conda-forge::numpy``, replaced by what ``resolve`` makes of it.

    And that URL, which is empty where the spec names no channel. py-rattler would look for every name below
    https://conda.anaconda.org.
    """
    channel = _match_spec(spec)[1].channel
    if channel is None:
        return spec, ""
    if "://" in spec or channel.name is None:
        return spec, channel.base_url.rstrip("/")
    url = resolve(channel.name)
    rest = str(_match_spec(spec)[1]).removeprefix(channel.name)
    return f"{url}{rest}", url


class Query(Struct, frozen=True, kw_only=True):
    """All that a solve goes by."""

    specs: tuple[str, ...]
    channels: tuple[str, ...]
    """Base URLs in order of priority."""
    platform: str
    virtual: tuple[str, ...]
    installed: tuple[Package, ...] = ()
    """Preferred where they can stay."""
    pinned: tuple[Package, ...] = ()
    """These may not move at all."""
    constraints: tuple[str, ...] = ()
    """What holds for a package if there is one of that name."""
    priority: ChannelPriority = "strict"
    resolution: Resolution = "highest"
    until: datetime | None = None
    """With a time zone; what came into its channel later is left out."""
    until_except: frozenset[str] = frozenset()
    """Names of packages that may be newer."""
    there: tuple[Package, ...] = ()
    """What is in the environment, and may stay although it is newer."""
    timeout: float
    """Seconds."""
    cache_dir: Path
    offline: bool = False
    """Whether indexes are taken from the cache alone, however old they are."""
    only_cached: bool = False
    """Whether packages are: of those that lie in a directory, all."""


def gateway(cache_dir: Path, offline: bool = False) -> rattler.Gateway:
    """What reads channels, and remembers them for further solves."""
    config = SourceConfig(cache_action="force-cache-only") if offline else None
    return rattler.Gateway(cache_dir=cache_dir / "repodata", client=_client(), default_config=config)


def solve(query: Query, source: rattler.Gateway | None = None) -> tuple[Package, ...]:
    """The packages that fulfil ``query``, sorted by name.

    Raises Unsatisfiable with the solver's own explanation, ChannelError when a channel cannot be read.
    """
    reader = source or gateway(query.cache_dir, query.offline)

    async def run() -> list[rattler.RepoDataRecord]:
        index = await _index(query.cache_dir) if query.only_cached else None
        solving = rattler.solve(
            _sources(query, reader, index),
            _match_specs(query),
            gateway=reader,
            platforms=[rattler.Subdir(query.platform), rattler.Subdir("noarch")],
            virtual_packages=[_generic(text) for text in query.virtual],
            locked_packages=[_record(package) for package in query.installed],
            pinned_packages=[_record(package) for package in query.pinned],
            constraints=[_match_spec(spec)[1] for spec in query.constraints],
            channel_priority=_PRIORITY[query.priority],
            strategy=query.resolution,
            timeout=timedelta(seconds=query.timeout),
        )
        # The solver looks at its limit only now and then, in hard cases never. Reading channels counts here as well.
        return await asyncio.wait_for(solving, 2 * query.timeout + 1)

    too_long = Unsatisfiable(
        f"No answer was found within {query.timeout:g} seconds.",
        "Ask for fewer or more closely pinned packages, or raise solve_timeout.",
        specs=list(query.specs),
    )
    try:
        records = asyncio.run(run())
    except asyncio.TimeoutError as error:
        raise too_long from error
    except SolverError as error:
        text = redact(str(error))
        if "has been cancelled" in text:
            raise too_long from error
        # What holds for a package is told once for each of its versions.
        reason = "\n".join(dict.fromkeys(text.removeprefix("Cannot solve the request because of:").strip().split("\n")))
        # Of one missing package the solver says only this, without a tree.
        missing = reason.startswith("No candidates") and "\n" not in reason
        what = "The channels have nothing that fits" if missing else "These packages cannot be installed together"
        raise Unsatisfiable(
            f"{what}:\n{_indent(reason)}",
            "Relax or drop one of the requests that are named, or add the channel that has the package.",
            specs=list(query.specs),
            explanation=text,
        ) from error
    except (GatewayError, FetchRepoDataError, InvalidChannelError, InvalidUrlError, OSError) as error:
        raise _channel_error(error, query.channels) from error
    return tuple(sorted((_package(record) for record in records), key=lambda package: package.name))


def indexed(packages: Iterable[Package], cache_dir: Path, offline: bool = False) -> dict[str, Package]:
    """By their URLs, those of ``packages`` that the indexes of their channels have with a hash, as they have them.

    Raises ChannelError when a channel cannot be read; ``offline`` that is one of which no index is in the cache.
    """
    asked = list(packages)
    channels = list(dict.fromkeys(package.channel for package in asked))

    async def run() -> list[rattler.RepoDataRecord]:
        reader = gateway(cache_dir, offline)
        records: list[rattler.RepoDataRecord] = []
        # One by one: without a network, an index that a channel does not have counts as missing.
        for channel, subdir in dict.fromkeys((package.channel, package.subdir) for package in asked):
            specs = [_match_spec(one.name)[1] for one in asked if (one.channel, one.subdir) == (channel, subdir)]
            found = await reader.query([rattler.Channel(channel)], [rattler.Subdir(subdir)], specs, recursive=False)
            records += [record for some in found for record in some]
        return records

    wanted = {(package.channel, package.subdir, package.file_name): package.url for package in asked}
    try:
        records = [_package(record) for record in asyncio.run(run())]
    except (GatewayError, FetchRepoDataError, InvalidChannelError, InvalidUrlError, OSError) as error:
        raise _channel_error(error, channels) from error
    keys = {(record.channel, record.subdir, record.file_name): record for record in records}
    return {url: record for key, url in wanted.items() if (record := keys.get(key)) and (record.sha256 or record.md5)}


def index(channel: Path) -> None:
    """Write the index of the directory ``channel``: of each subdir, whole and in shards (CEP 16). What an index that is
    there says of packages that are there too is kept. Raises ChannelError for a package that cannot be read."""
    try:
        asyncio.run(index_fs(channel))
    except Exception as error:  # py-rattler's errors have no class in common
        raise _channel_error(error, [channel.as_uri()]) from error


def names(specs: Iterable[str]) -> set[str]:
    """The packages that dependencies are about, virtual ones apart."""
    return {spec_name(spec) for spec in specs if not spec.startswith("__")}


def unread(channels: Sequence[str], subdirs: Sequence[str], cache_dir: Path) -> list[str]:
    """Those of ``channels`` of which no index is in the cache."""

    async def known(reader: rattler.Gateway, channel: str) -> bool:
        for subdir in subdirs:
            with suppress(GatewayError):
                await reader.names([rattler.Channel(channel)], [rattler.Subdir(subdir)])
                return True
        return False

    async def run() -> list[str]:
        reader = gateway(cache_dir, offline=True)
        return [channel for channel in channels if not await known(reader, channel)]

    return asyncio.run(run())


def _match_specs(query: Query) -> list[rattler.MatchSpec]:
    """py-rattler reads only those records of a name that fit, and so would not see that an earlier channel has others
    of it, which strict priority is about: the bare name makes it read them all."""
    found = [_match_spec(spec)[1] for spec in query.specs]
    if query.priority != "strict" or len(query.channels) < 2:
        return found
    bare = [
        rattler.MatchSpec(_match_spec(text)[0])
        for text, spec in zip(query.specs, found, strict=True)
        if spec.channel is None and "://" not in text
    ]
    return [*found, *bare]


def candidates(query: Query, name: str, source: rattler.Gateway) -> tuple[Package, ...]:
    """What the channels of ``query`` have of the package ``name``, the oldest first. Raises ChannelError."""

    async def run() -> list[rattler.RepoDataRecord]:
        platforms = [rattler.Subdir(query.platform), _NOARCH]
        channels = [rattler.Channel(url) for url in query.channels]
        found = await source.query(channels, platforms, [_match_spec(name)[1]], recursive=False)
        return [record for records in found for record in records]

    try:
        records = asyncio.run(run())
    except (GatewayError, FetchRepoDataError, InvalidChannelError, InvalidUrlError, OSError) as error:
        raise _channel_error(error, query.channels) from error
    records.sort(key=lambda record: (record.version, record.build_number))
    return tuple(_package(record) for record in records)


def _sources(query: Query, reader: rattler.Gateway, index: CacheIndex | None) -> list[rattler.Channel | _Part]:
    found = [rattler.Channel(url) for url in query.channels]
    if query.until is None and not query.offline:
        return list(found)
    return [_Part(channel, found[:place], query, reader, index) for place, channel in enumerate(found)]


class _Part:
    """A channel as it was at a time, with what may be newer; or as much of it as is known without a network.

    py-rattler's own ``exclude_newer`` knows no exceptions, and takes what is installed away as well. To its gateway
    without a network an index that the channel does not have is missing as much as one that was never fetched.
    """

    def __init__(
        self,
        channel: rattler.Channel,
        before: list[rattler.Channel],
        query: Query,
        reader: rattler.Gateway,
        index: CacheIndex | None,
    ) -> None:
        self._channel = channel
        self._before = before if query.priority == "strict" else []
        self._query = query
        self._reader = reader
        self._index = index
        self._there = {package.identity for package in query.there}

    async def fetch_package_records(
        self, platform: rattler.Subdir, name: rattler.PackageName
    ) -> list[rattler.RepoDataRecord]:
        # A name belongs to the first channel that has it, also where all that it has there is too new.
        if self._before and await self._read(self._before, [rattler.Subdir(self._query.platform), _NOARCH], name):
            return []
        return [record for record in await self._read([self._channel], [platform], name) if self._shows(record)]

    async def _read(
        self, channels: list[rattler.Channel], platforms: list[rattler.Subdir], name: rattler.PackageName
    ) -> list[rattler.RepoDataRecord]:
        spec = rattler.MatchSpec(name.normalized)
        parts = [(channels, platforms)]
        if self._query.offline:
            parts = [([channel], [platform]) for channel in channels for platform in platforms]
        records: list[rattler.RepoDataRecord] = []
        for some, of in parts:
            try:
                found = await self._reader.query(some, of, [spec], recursive=False, channel_relations="disabled")
            except GatewayError:
                if not self._query.offline:
                    raise
                continue  # it is not in the cache; of two who want it at once only one is told so
            records += [record for one in found for record in one]
        return records

    def package_names(self, platform: rattler.Subdir) -> list[str]:
        """The solver asks for one name after the other."""
        return []

    def _shows(self, record: rattler.RepoDataRecord) -> bool:
        if self._index is not None and not self._index.contains_record(record) and not is_here(record.url):
            return False
        if self._query.until is None:
            return True
        came = record.indexed_timestamp or record.timestamp  # CEP 47; what says neither may have come today
        if record.name.normalized in self._query.until_except or (came is not None and came <= self._query.until):
            return True
        return bool(self._there) and _package(record).identity in self._there


class Repodata:
    """The index of one subdir of a channel. It stays on disk; into memory comes what is asked for."""

    def __init__(self, sparse: SparseRepoData, state: str) -> None:
        self._sparse = sparse
        self.state = state
        """Equal for two that hold the same; empty where that cannot be told."""

    def names(self) -> list[str]:
        return self._sparse.package_names()

    def records(self, name: str) -> list[str]:
        """The records of all builds of the package ``name``, as JSON (CEP 36)."""
        return [record.to_json() for record in self._sparse.load_records(name)]

    def close(self) -> None:
        self._sparse.close()


def repodata(
    channel: str, subdir: str, cache_dir: Path, report: Callable[[int, int], None], *, offline: bool = False
) -> Repodata | None:
    """The index of ``subdir`` of ``channel``, None where the channel has no such subdir or, ``offline``, the cache.

    It is fetched where it has changed since the last time; ``report(done, total)`` is told of bytes. Raises
    ChannelError.
    """

    async def run() -> list[SparseRepoData]:
        return await fetch_repo_data(
            channels=[rattler.Channel(channel)],
            platforms=[rattler.Subdir(subdir)],
            cache_path=cache_dir / "repodata",
            callback=report,
            client=client,
            fetch_options=FetchRepoDataOptions(cache_action="force-cache-only") if from_cache else None,
        )

    client = _client()
    place = f"{channel}/{subdir}/repodata.json"
    on_disk = local_path(place)
    from_cache = offline and on_disk is None
    before = _state_of_file(on_disk) if on_disk is not None else ""
    try:
        (sparse,) = asyncio.run(run())
    except Exception as error:  # py-rattler's errors have no class in common
        if from_cache or "repodata not found" in str(error):
            return None
        raise _channel_error(error, [channel]) from error
    return Repodata(sparse, before or _state_of_download(place, cache_dir / "repodata"))


def content(url: str) -> bytes:
    """What lies at ``url``; nothing where nothing does, or cannot be had."""
    path = local_path(url)
    with suppress(Exception):  # py-rattler's errors have no class in common
        if path is not None:
            return path.read_bytes()
        buffer = io.BytesIO()
        asyncio.run(_download(url, buffer))
        return buffer.getvalue()
    return b""


async def _download(url: str, target: io.BytesIO) -> None:
    await download_to_writer(_client(), url, target)


def _state_of_file(path: Path) -> str:
    with suppress(OSError):
        found = path.stat()
        return f"{found.st_mtime_ns}-{found.st_size}"
    return ""


def _state_of_download(place: str, folder: Path) -> str:
    """The hash that py-rattler noted of the index it has fetched from ``place``."""
    for path in sorted(folder.glob("*.info.json")):
        with suppress(OSError, ValueError, KeyError, TypeError):
            noted = json.loads(path.read_bytes())
            if redact(noted["url"]).startswith(place):
                return str(noted["blake2_hash"])
    return ""


async def _index(cache_dir: Path) -> CacheIndex:
    """What lies unpacked in the cache."""
    (cache_dir / "pkgs").mkdir(parents=True, exist_ok=True)
    return await _cache(cache_dir).index()


def cached(packages: Iterable[Package], cache_dir: Path) -> set[str]:
    """Names of those ``packages`` whose archive lies unpacked in the cache already."""
    cache = _cache(cache_dir)

    async def run() -> set[str]:
        index = await cache.index()
        return {package.name for package in packages if index.contains_record(_record(package))}

    return asyncio.run(run()) if (cache_dir / "pkgs").is_dir() else set()


def contents(packages: Iterable[Package], cache_dir: Path) -> dict[str, list[PathEntry]]:
    """What the archives of ``packages`` hold, by name: read from the package cache, else from the archive, of which
    little is fetched. Left out are those of which it cannot be told soon."""
    at_once = asyncio.Semaphore(_AT_ONCE)

    async def look(package: Package, client: rattler.Client) -> tuple[str, list[PathEntry]] | None:
        unpacked = cache_dir / "pkgs" / f"{package.name}-{package.version}-{package.build}" / _PATHS
        with suppress(Exception):  # py-rattler's errors have no class in common
            if unpacked.is_file():
                return package.name, decode_paths(unpacked.read_bytes())
            async with at_once:
                local = local_path(package.url)
                archive = await (
                    PackageArchive.from_path(local)
                    if local is not None
                    else PackageArchive.from_url(client, package.url, sparse="require")
                )
                data = await archive.read_file(_PATHS)
            return (package.name, decode_paths(data)) if data else None
        return None

    async def run() -> dict[str, list[PathEntry]]:
        client = _client()
        looking = [asyncio.ensure_future(look(package, client)) for package in packages]
        if not looking:
            return {}
        done, late = await asyncio.wait(looking, timeout=_LOOKING)
        for one in late:
            one.cancel()
        return dict(found for one in done if (found := one.result()) is not None)

    return asyncio.run(run())


def unreachable(packages: Iterable[Package]) -> list[Package]:
    """Those of ``packages`` whose archive cannot be read at its URL. Of the others only the beginning is fetched."""

    async def missing(package: Package, client: rattler.Client) -> bool:
        path = local_path(package.url)  # py-rattler reads no file:// here
        if path is not None:
            return not os.access(path, os.R_OK)
        beginning = _Beginning()
        with suppress(Exception):  # py-rattler's errors have no class in common
            await download_to_writer(client, package.url, beginning)
        return not beginning.came

    async def run() -> list[Package]:
        asked = list(packages)
        client = _client()
        found = await asyncio.gather(*(missing(package, client) for package in asked))
        return [package for package, gone in zip(asked, found, strict=True) if gone]

    return asyncio.run(run())


def answers(urls: Sequence[str], timeout: float) -> list[str]:
    """What is wrong with each of ``urls``, in py-rattler's words; empty where its beginning can be read within
    ``timeout`` seconds."""

    async def problem(url: str, client: rattler.Client) -> str:
        beginning = _Beginning()
        try:
            await asyncio.wait_for(download_to_writer(client, url, beginning), timeout)
        except asyncio.TimeoutError:
            return "" if beginning.came else f"no answer came within {timeout:g} seconds"
        except Exception as error:  # py-rattler's errors have no class in common
            return "" if beginning.came else redact(str(error)) or type(error).__name__
        return ""

    async def run() -> list[str]:
        client = _client()
        return list(await asyncio.gather(*(problem(url, client) for url in urls)))

    return asyncio.run(run())


def package_names(channel: str, subdir: str, cache_dir: Path) -> int:
    """How many names of packages there are in a subdir. Raises ChannelError where its index cannot be read."""

    async def run() -> int:
        gateway = rattler.Gateway(cache_dir=cache_dir / "repodata", client=_client())
        return len(await gateway.names([rattler.Channel(channel)], [rattler.Subdir(subdir)]))

    try:
        return asyncio.run(run())
    except (GatewayError, FetchRepoDataError, InvalidChannelError, InvalidUrlError, OSError) as error:
        raise _channel_error(error, [channel]) from error


class _Beginning:
    """A file that wants no more than the first bytes."""

    came = False

    def write(self, chunk: bytes) -> int:
        self.came = True
        raise EOFError


def link(
    packages: Sequence[Package],
    stage: Path,
    prefix: Path,
    *,
    cache_dir: Path,
    ignored: set[str],
    platform: str,
    report: Report,
) -> None:
    """Make ``stage`` hold exactly ``packages`` (without those named in ``ignored``), as if it lay at ``prefix``.

    Downloads what the cache lacks; every cache entry is validated against the hashes of its files. Link scripts are
    not run. Raises Tampered, ChannelError or StorageError; ``stage`` is then of no more use.
    """

    async def run() -> None:
        await rattler.install(
            [_record(package) for package in packages],
            stage,
            package_cache=_cache(cache_dir),
            client=_client(),
            ignored_packages=ignored,
            platform=rattler.Subdir(platform),
            execute_link_scripts=False,
            show_progress=False,
            alternative_target_prefix=prefix,
            reporter=_Reporter(report),  # type: ignore[abstract]
        )

    mark = stage / "CACHEDIR.TAG"
    marked = mark.exists()
    try:
        asyncio.run(run())
        if not marked:
            mark.unlink(missing_ok=True)  # backups would leave the environment out, with what its user put there
        _open_records(stage)
    except (InstallerError, LinkError, ExtractError, TransactionError, CacheDirError, OSError) as error:
        raise _install_error(error) from error
    except Exception as error:
        if type(error).__name__ != "RustPanic":  # which has no place to be imported from
            raise
        raise Broken(
            f"The packages could not be linked: {_first_and_last(redact(str(error)))}",
            "Nothing was changed. An archive that was given another name does this; else please report it.",
        ) from error


def _open_records(stage: Path) -> None:
    """Let those read the new records who may read the rest: py-rattler writes them for their owner alone."""
    mask = os.umask(0o077)
    os.umask(mask)
    for path in (stage / "conda-meta").glob("*.json"):
        status = path.stat()
        if status.st_nlink == 1 and status.st_mode & 0o777 == 0o600:
            path.chmod(0o666 & ~mask)


class _Reporter(rattler.InstallerReporter):
    """Callbacks come on foreign threads, about a thousand a second; what they raise is swallowed by py-rattler."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._entries: list[str] = []
        self._downloads: list[str] = []
        self._linked = 0
        self._total = 0

    def on_transaction_start(self, total_operations: int) -> None:
        self._total = total_operations

    def on_populate_cache_start(self, operation: int, package_name: str) -> int:
        self._entries.append(package_name)
        return len(self._entries) - 1

    def on_download_start(self, cache_entry: int) -> int:
        self._downloads.append(self._entries[cache_entry])
        return len(self._downloads) - 1

    def on_download_progress(self, download_idx: int, progress: int, total: int | None) -> None:
        self._report("download", self._downloads[download_idx], progress, total or 0)

    def on_link_start(self, operation: int, package_name: str) -> int:
        self._entries.append(package_name)
        return len(self._entries) - 1

    def on_link_complete(self, index: int) -> None:
        self._linked += 1
        self._report("link", self._entries[index], self._linked, self._total)


def _client() -> rattler.Client:
    """What fetches: with the logins of ``.condarc``, ``~/.netrc``, rattler's own files and the keyring.

    A channel is asked for by its URL without secrets, so that they get into no record, cache or error; what adds them
    is below all that. Raises InvalidRequest for settings that cannot be used.
    """
    reached = network.of(condarc.read())
    config = rattler.Config()
    if reached.verify is False:
        config.set("tls-no-verify", "true")
    if reached.verify == "truststore":
        config.set("tls-root-certs", "system")
    for scheme, url in reached.proxies.items():
        config.set(f"proxy-config.{scheme}", url)
    if reached.no_proxy:
        config.set("proxy-config.non-proxy-hosts", json.dumps(reached.no_proxy))
    if reached.with_token:
        config.set("mirrors", json.dumps({plain: [url] for plain, url in reached.with_token.items()}))
    with reached.variables():
        return rattler.Client.from_config(config, max_retries=reached.retries)


def _cache(cache_dir: Path) -> rattler.PackageCache:
    return rattler.PackageCache.new_layered([cache_dir / "pkgs"], False, rattler.ValidationMode.full())


def _match_spec(spec: str) -> tuple[str, rattler.MatchSpec]:
    if redact(spec) != spec:
        raise InvalidRequest(
            f"{redact(spec)!r} was given with a token or a password in its URL.",
            f"Put the secret where it stays secret: {LOGIN_PLACES}.",
        )
    if not spec.isprintable():
        raise InvalidRequest(f"{spec!r} holds characters that no package request has.", "Give one package at a time.")
    try:
        parsed = rattler.MatchSpec(spec)
    except InvalidMatchSpecError as error:
        raise InvalidRequest(
            f"{redact(spec)!r} is not a package request: {redact(str(error))}",
            'Write it like numpy, "numpy>=1.20,<3" or conda-forge::numpy=2.1.',
            spec=redact(spec),
        ) from error
    if parsed.name is None:
        raise InvalidRequest(f"{redact(spec)!r} names no package.", "Name the package, as in numpy>=1.20.")
    return parsed.name.normalized, parsed


def _generic(text: str) -> rattler.GenericVirtualPackage:
    name, version, build = text.split("=", 2)
    return rattler.GenericVirtualPackage(
        rattler.PackageName(name), rattler.Version(version), rattler.BuildString(build)
    )


def _package(record: rattler.RepoDataRecord) -> Package:
    noarch = "python" if record.noarch.python else "generic" if record.noarch.generic else ""
    return Package(
        name=record.name.normalized,
        version=str(record.version),
        build=str(record.build),
        build_number=record.build_number,
        subdir=record.subdir,
        url=redact(record.url),
        # A package that was asked for by its URL comes without a channel.
        channel=redact(record.channel or record.url.rsplit("/", 2)[0]).rstrip("/"),
        file_name=record.file_name,
        sha256=record.sha256.hex() if record.sha256 else "",
        md5=record.md5.hex() if record.md5 else "",
        size=record.size or 0,
        depends=tuple(record.depends),
        constrains=tuple(record.constrains),
        noarch=noarch,  # type: ignore[arg-type]
        license=record.license or "",
        timestamp=round(record.timestamp.timestamp() * 1000) if record.timestamp else 0,
        python_site_packages_path=record.python_site_packages_path or "",
        track_features=tuple(record.track_features),
    )


def _record(package: Package) -> rattler.RepoDataRecord:
    try:
        return _record_of(package)
    except (*_MISFITS, ValueError, TypeError, OverflowError) as error:
        raise InvalidRequest(
            f"{package} is not a package that can be installed: {redact(str(error))}.",
            "Make the lock again.",
            package=package.name,
        ) from error


def _record_of(package: Package) -> rattler.RepoDataRecord:
    record = rattler.PackageRecord(
        package.name,
        package.version,
        rattler.BuildString(package.build),
        package.build_number,
        package.subdir,
        noarch=package.noarch or None,
        depends=list(package.depends),
        constrains=list(package.constrains),
        sha256=bytes.fromhex(package.sha256) or None,
        md5=bytes.fromhex(package.md5) or None,
        size=package.size or None,
        license=package.license or None,
        python_site_packages_path=package.python_site_packages_path or None,
    )
    if package.timestamp:
        record.timestamp = datetime.fromtimestamp(package.timestamp / 1000, timezone.utc)
    if package.track_features:
        record.track_features = list(package.track_features)
    return rattler.RepoDataRecord(record, package.file_name, package.url, package.channel)


def _indent(text: str) -> str:
    return "\n".join("  " + line for line in text.splitlines())


def _channel_error(error: Exception, channels: Sequence[str]) -> ChannelError:
    text = redact(str(error))
    names = ", ".join(redact(url) for url in channels)
    without = [f"{key} in .condarc has no effect: {why}." for key, why in condarc.unused(condarc.read()).items()]
    return ChannelError(
        f"A channel could not be read ({names}): {_first_and_last(text)}",
        " ".join([_channel_hint(text), *without]),
        channels=[redact(url) for url in channels],
    )


def _channel_hint(text: str) -> str:
    """What to do about what py-rattler says in ``text``."""
    if "401 Unauthorized" in text or "403 Forbidden" in text:
        return f"A login is needed, or it is not the right one: {LOGIN_PLACES}."
    if _NOT_CACHED.search(text):
        return f"{OFFLINE} Its index has to be fetched once."
    if "certificate" in text:
        return "Name the certificates of the authority that you trust by ssl_verify in .condarc."
    return f"Check the channel's name, the network and proxies. Where a login is needed: {LOGIN_PLACES}."


def _install_error(error: Exception) -> Tampered | ChannelError | StorageError:
    text = redact(str(error))
    lower = text.lower()
    if "hash mismatch" in lower or "checksum" in lower:
        return Tampered(
            f"A package is not what its channel's index promises: {_first_and_last(text)}",
            "Nothing of it was installed. Try again; if it stays, the channel or a proxy on the way is damaged.",
        )
    full = next((code for words, code in _FULL.items() if words in lower), None)
    if full is not None or "read-only file system" in lower or "permission denied" in lower:
        return StorageError(
            f"The packages could not be written: {_first_and_last(text)}",
            "Free some space or check the permissions of the package cache and of the environments' folder.",
            errno=full,
        )
    return ChannelError(
        f"The packages could not be fetched and linked: {_first_and_last(text)}",
        "Nothing was changed. Check the network and try again; what was downloaded completely is kept.",
    )


def _first_and_last(text: str) -> str:
    """What failed and, of the chain of reasons below it, the last."""
    told = list(dict.fromkeys(line.strip().removeprefix("Caused by: ") for line in text.splitlines() if line.strip()))
    return ": ".join([*told[:1], *told[1:][-1:]])
