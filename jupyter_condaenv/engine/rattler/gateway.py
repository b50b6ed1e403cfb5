"""py-rattler's gateway: what reads of channels as much as is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import rattler
from rattler.exceptions import GatewayError
from rattler.repo_data.gateway import SourceConfig

from ..channels import redact
from ..model import Package
from . import shards
from .client import new_client
from .failures import UNREADABLE, channel_error
from .matchspec import parse
from .records import package_of

T = TypeVar("T")


def at(cache_dir: Path, offline: bool = False) -> rattler.Gateway:
    """What reads channels, and remembers them for further solves."""
    config = SourceConfig(cache_action="force-cache-only") if offline else None
    client = None if offline else new_client()
    return rattler.Gateway(cache_dir=cache_dir / "repodata", client=client, default_config=config)


def run(reading: Callable[[], Coroutine[Any, Any, T]], cache_dir: Path) -> T:
    """What ``reading`` channels comes to.

    A server may say "not modified" and not of what, as those do that know files by their dates alone. py-rattler takes
    that for a failure, which lasts for as long as it has the index that it asked about.
    """
    while True:
        try:
            return asyncio.run(reading())
        except UNREADABLE as error:
            text = redact(str(error))
            if "304 Not Modified" not in text:
                raise
            about = [index for index in shards.kept(cache_dir / "repodata") if index.url in text]
            if True not in [index.forget_validators() for index in about]:
                raise


def indexed(packages: Iterable[Package], cache_dir: Path, offline: bool = False) -> dict[str, Package]:
    """By their URLs, those of ``packages`` that the indexes of their channels have with a hash, as they have them.

    Raises ChannelError when a channel cannot be read; ``offline`` that is one of which no index is in the cache.
    """
    asked = list(packages)
    channels = list(dict.fromkeys(package.channel for package in asked))

    reader = at(cache_dir, offline)

    async def read() -> list[rattler.RepoDataRecord]:
        records: list[rattler.RepoDataRecord] = []
        # One by one: without a network, an index that a channel does not have counts as missing.
        for channel, subdir in dict.fromkeys((package.channel, package.subdir) for package in asked):
            specs = [parse(one.name)[1] for one in asked if (one.channel, one.subdir) == (channel, subdir)]
            found = await reader.query([rattler.Channel(channel)], [rattler.Subdir(subdir)], specs, recursive=False)
            records += [record for some in found for record in some]
        return records

    wanted = {(package.channel, package.subdir, package.file_name): package.url for package in asked}
    try:
        records = [package_of(record) for record in run(read, cache_dir)]
    except UNREADABLE as error:
        raise channel_error(error, channels) from error
    keys = {(record.channel, record.subdir, record.file_name): record for record in records}
    return {url: record for key, url in wanted.items() if (record := keys.get(key)) and (record.sha256 or record.md5)}


def unread(channels: Sequence[str], subdirs: Sequence[str], cache_dir: Path) -> list[str]:
    """Those of ``channels`` of which no index is in the cache."""

    async def known(reader: rattler.Gateway, channel: str) -> bool:
        for subdir in subdirs:
            with suppress(GatewayError):
                await reader.names([rattler.Channel(channel)], [rattler.Subdir(subdir)])
                return True
        return False

    async def run() -> list[str]:
        reader = at(cache_dir, offline=True)
        return [channel for channel in channels if not await known(reader, channel)]

    return asyncio.run(run())


def names(channels: Sequence[str], subdirs: Sequence[str], cache_dir: Path, offline: bool = False) -> set[str]:
    """Names of all packages there are. Raises ChannelError where an index cannot be read."""

    reader = at(cache_dir, offline)

    async def read() -> list[rattler.PackageName]:
        return await reader.names([rattler.Channel(url) for url in channels], [rattler.Subdir(one) for one in subdirs])

    try:
        return {name.normalized for name in run(read, cache_dir)}
    except UNREADABLE as error:
        raise channel_error(error, channels) from error
