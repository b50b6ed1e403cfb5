"""What a solve goes by."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from msgspec import Struct

from ..model import ChannelPriority, Package, Resolution


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
