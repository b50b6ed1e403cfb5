"""A channel of which the solver sees a part."""

from __future__ import annotations

import rattler
from rattler.exceptions import GatewayError
from rattler.package_cache import CacheIndex

from ..channels import is_here
from .query import Query
from .records import package_of

_NOARCH = rattler.Subdir("noarch")
_OF_ANOTHER = "coalesced request failed"
"""Of two who want the same at once, only one is told why it cannot be had."""


class PartialChannel:
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
                records += await self._asked(some, of, spec)
            except GatewayError as error:
                if self._query.offline:
                    continue  # it is not in the cache; of two who want it at once only one is told so
                if _OF_ANOTHER not in str(error):
                    raise
                records += await self._asked(some, of, spec)
        return records

    async def _asked(
        self, channels: list[rattler.Channel], platforms: list[rattler.Subdir], spec: rattler.MatchSpec
    ) -> list[rattler.RepoDataRecord]:
        found = await self._reader.query(channels, platforms, [spec], recursive=False, channel_relations="disabled")
        return [record for one in found for record in one]

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
        return bool(self._there) and package_of(record).identity in self._there
