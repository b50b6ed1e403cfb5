"""What the indexes of the channels say."""

from __future__ import annotations

from msgspec import Struct


class FoundPackage(Struct, frozen=True, kw_only=True):
    """A package of a channel, as a search finds it."""

    name: str
    version: str
    """The newest."""
    versions: int
    """How many there are."""
    channel: str
    summary: str
    """What it is for; empty where the channel does not say."""
    license: str
    """Of the newest version."""


class ChannelIndex(Struct, frozen=True, kw_only=True):
    """What is searched of a channel."""

    channel: str
    time: str
    """When the channel was last seen to hold just this: UTC, ISO 8601, to the second."""
    packages: int


class FoundPackages(Struct, frozen=True, kw_only=True):
    """A page of what a search has found, the best first."""

    packages: tuple[FoundPackage, ...]
    total: int
    """How many there are on all pages."""
    indexes: tuple[ChannelIndex, ...]
    missing: tuple[str, ...]
    """Channels that could not be searched, because there is no index of them yet."""


class Build(Struct, frozen=True, kw_only=True):
    """One archive of a version."""

    build: str
    build_number: int
    subdir: str
    size: int
    """Bytes; 0 when the channel does not say."""
    timestamp: int
    """Milliseconds since 1970 at which it was built; 0 when unknown."""


class PackageVersion(Struct, frozen=True, kw_only=True):
    """One version of a package in a channel."""

    version: str
    channel: str
    license: str
    builds: tuple[Build, ...]
    """The highest build number first."""
    fits: bool | None
    """Whether one of the builds could come into the environment that was asked about without anything else moving, as
    far as their own needs tell; null where none was asked about."""
    obstacles: tuple[str, ...]
    """What is in the way of the build that comes nearest, where none fits."""


class PackageVersions(Struct, frozen=True, kw_only=True):
    """A package in all channels that are searched; the newest version first, of equal ones the first channel's."""

    name: str
    summary: str
    versions: tuple[PackageVersion, ...]
