"""Channels, logins to them, and whether packages can be had from them."""

from __future__ import annotations

from msgspec import Struct


class Channel(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A channel by the name it was configured with."""

    name: str
    url: str
    place: str = ""
    """What names it: a file, or a variable as ``$NAME``; empty: Jupyter's configuration, or the default."""


class Login(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a server wants to know: either a password, or a token of one of two kinds."""

    username: str = ""
    password: str = ""
    conda_token: str = ""
    """As it stands in URLs behind ``/t/``."""
    bearer_token: str = ""

    def __repr__(self) -> str:
        return "Login(...)"


class SubdirReport(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A subdir that a channel has."""

    subdir: str
    shards: bool = False
    """Whether its index comes in pieces (CEP 16), so that a solve reads a small part of it."""
    packages: int = 0
    """Names of packages in it; 0 where that was not looked at: of other platforms than this machine's."""
    updated: str = ""
    """When its index was made: UTC, ISO 8601, to the second; empty where nobody says."""


class ChannelReport(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of asking for a channel."""

    name: str
    url: str
    reachable: bool = False
    authorised: bool = False
    subdirs: tuple[SubdirReport, ...] = ()
    problem: str = ""
    """Why packages cannot be had from it; empty when they can."""
    hint: str = ""
