"""The index of a channel, whole: read, and written."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import rattler
from rattler.index import index_fs
from rattler.networking import fetch_repo_data
from rattler.networking.fetch_repo_data import FetchRepoDataOptions
from rattler.repo_data import SparseRepoData

from ..channels import local_path, redact
from .client import new_client
from .failures import channel_error


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


def read(
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

    client = None if offline else new_client()
    place = f"{channel}/{subdir}/repodata.json"
    on_disk = local_path(place)
    from_cache = offline and on_disk is None
    before = _state_of_file(on_disk) if on_disk is not None else ""
    try:
        (sparse,) = asyncio.run(run())
    except Exception as error:  # py-rattler's errors have no class in common
        if from_cache or "repodata not found" in str(error):
            return None
        raise channel_error(error, [channel]) from error
    return Repodata(sparse, before or _state_of_download(place, cache_dir / "repodata"))


def write(channel: Path) -> None:
    """Write the index of the directory ``channel``: of each subdir, whole and in shards (CEP 16). What an index that is
    there says of packages that are there too is kept. Raises ChannelError for a package that cannot be read."""
    try:
        asyncio.run(index_fs(channel))
    except Exception as error:  # py-rattler's errors have no class in common
        raise channel_error(error, [channel.as_uri()]) from error


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
