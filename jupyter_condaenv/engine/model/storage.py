"""How much room is taken, and what of it nobody needs."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class EnvironmentStorage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The room that an environment takes."""

    name: str
    prefix: str
    alone: int
    """Bytes on disk of all that is in it, also of what it shares with the package cache and other environments."""
    freed: int
    """Bytes on disk that deleting it would free: of files that have no link elsewhere."""
    files: int
    last_used: str = ""
    """When a kernel or a command was last started in it or on top of it: UTC, ISO 8601, to the second. Empty where
    that is not known."""
    unreadable: int = 0
    """Folders and files that could not be looked at, so that the other numbers are too small."""
    other_file_system: bool = False
    """It does not lie where the package cache does, so that packages were copied into it."""


class CacheStorage(Struct, frozen=True, kw_only=True):
    """The room that the package cache takes, in bytes on disk."""

    path: str
    archives: int
    packages: int
    """Of extracted packages."""
    unlinked: int
    """Of those extracted packages of which no environment has a hard link. Environments on other file systems have
    copies."""
    bytecode: int
    indexes: int
    """Of channels."""
    builds: int = 0
    """Of what builds of packages have fetched."""
    wheels: int = 0
    """Of what pip has fetched or built; uv has a cache of its own."""


class Storage(Struct, frozen=True, kw_only=True):
    """What was measured."""

    time: str
    """UTC, ISO 8601, to the second."""
    environments: tuple[EnvironmentStorage, ...]
    cache: CacheStorage


CleanKind = Literal["packages", "bytecode", "archives", "indexes", "builds", "stages", "jobs"]


class Unneeded(Struct, frozen=True, kw_only=True):
    """Something that nobody needs."""

    kind: CleanKind
    what: str
    """The same in a few words: names of files in a cache tell people nothing."""
    path: str
    bytes: int
    """On disk, that deleting it frees."""
