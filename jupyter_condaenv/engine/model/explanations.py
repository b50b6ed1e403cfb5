"""Why something cannot be installed, or is."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from .plans import Brief


class Clash(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Requests of which each but one can be fulfilled, and not all."""

    requests: tuple[str, ...]
    through: tuple[str, ...] = ()
    """Names of the packages by which they meet, the first to be met first."""
    against: tuple[str, ...] = ()
    """What else they meet: pins, and what is installed and may not move."""
    text: str = ""
    """What the solver says of them alone."""


WayKind = Literal["rename", "relax", "unpin", "unfreeze", "priority", "newer", "channel", "virtual", "drop"]


class Way(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A way out that was tried."""

    kind: WayKind
    text: str
    """What is done otherwise, in words."""
    works: bool
    specs: tuple[str, ...] = ()
    """All requests, with those that change; only of ways that work."""
    change: str = ""
    """What is different: the request that is dropped or relaxed, the channel, the virtual package and the like."""
    gives: tuple[str, ...] = ()
    """Name and version of what is then there of the packages asked for."""


class Untried(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A way out that could not be tried."""

    text: str
    """As of a ``Way``."""
    reason: str = ""
    """Why not, in a sentence; empty where there was no time."""


class Group(Struct, frozen=True, kw_only=True):
    """Requests that can live together."""

    specs: tuple[str, ...]
    packages: int
    """How many there would be in an environment of them."""


class Explanation(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a request cannot be fulfilled, and how another could be."""

    possible: bool
    """That it can be fulfilled; then there is nothing else but ``changes`` and what pip has to say of them."""
    changes: tuple[Brief, ...] = ()
    of_pip: tuple[str, ...] = ()
    """Sentences: which of pip's packages do not go with these ``changes``, so that pip would have to find others."""
    text: str = ""
    """What the solver says."""
    clashes: tuple[Clash, ...] = ()
    kept_out_by: tuple[str, ...] = ()
    """Sentences: what keeps the version out that ``why-not`` asks for."""
    ways: tuple[Way, ...] = ()
    """In the order of how little they give up."""
    groups: tuple[Group, ...] = ()
    """Where requests cannot live together: those that can, each for an environment of its own."""
    untried: tuple[Untried, ...] = ()
    platform: str = ""
    """Of several that were to be locked, the first that cannot be."""


class Demand(Struct, frozen=True, kw_only=True):
    """What a package that is there says of another one."""

    package: str
    """Who says it."""
    spec: str


class Reason(Struct, frozen=True, kw_only=True):
    """A way from something that was asked for to a package."""

    asked: str
    """The spec, verbatim."""
    through: tuple[Demand, ...]
    """From the package that was asked for to the one in question, each needing the next."""


class Reasons(Struct, frozen=True, kw_only=True):
    """Why a package is in an environment."""

    name: str
    version: str
    """Empty where it is not there."""
    below: bool
    """It lies in a base of this overlay."""
    asked: tuple[str, ...]
    """Specs that ask for it itself."""
    reasons: tuple[Reason, ...]
    """Of each other spec that it is there for, a shortest way; the shortest first."""
    needed_by: tuple[Demand, ...]
    constrained_by: tuple[Demand, ...]
    """Who does not need it, and says which versions could be there."""
    pins: tuple[str, ...]
    """Of the environment, those that are about it."""
