"""``packages``."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from ...engine import search
from ...engine.model import IndexChannels, Settings
from .fields import MOST, Body, Query, checked_channels

MOST_PACKAGES = 200


class NewIndexes(Body, frozen=True, kw_only=True):
    """Channels whose packages are to be made searchable; by default the configured ones."""

    channels: tuple[str, ...] = ()

    def request(self, settings: Settings) -> IndexChannels:
        return IndexChannels(channels=checked_channels(self.channels, settings))


class SearchQuery(Query, frozen=True, kw_only=True):
    """Packages with every word of `q` in their name or summary: `limit` of them from number `offset` on, in
    `channels`, by default those of `environment`, a name or a prefix, or the configured ones."""

    q: Annotated[str, Meta(max_length=search.LONGEST_QUERY)] = ""
    limit: Annotated[int, Meta(ge=1, le=MOST_PACKAGES)] = 50
    offset: Annotated[int, Meta(ge=0, le=MOST)] = 0
    environment: str = ""
    channels: tuple[str, ...] = ()


class PackageQuery(Query, frozen=True, kw_only=True):
    """Which versions `channels` have, by default those of `environment`, a name or a prefix, or the configured ones,
    and which of them fit into that."""

    environment: str = ""
    channels: tuple[str, ...] = ()
