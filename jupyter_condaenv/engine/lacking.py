"""What no channel has: names that may have been meant, and versions and builds that there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from .model import Package
from .rattler import gateway, matchspec, solving
from .rattler.query import Query

_MOST_NEAR = 3
_MOST_SHOWN = 8


def meant(query: Query, asked: Sequence[str]) -> dict[str, list[str]]:
    """Those names of packages in the specs ``asked`` that no channel of ``query`` has, each with names that are near,
    the nearest first. Raises ChannelError."""
    names = [name for name in map(matchspec.spec_name, asked) if not name.startswith("__")]
    known = gateway.names(query.channels, (query.platform, "noarch"), query.cache_dir, query.offline)
    by_key = {_key(name): name for name in sorted(known)}
    return {
        name: [by_key[key] for key in get_close_matches(_key(name), by_key, n=_MOST_NEAR)]
        for name in names
        if name not in known
    }


def told(query: Query, asked: Sequence[str], name: str) -> Iterator[str]:
    """Sentences about the package ``name``, of which the solver has found nothing that fits, and about the others of
    ``asked``, for the solver names only one. Raises ChannelError."""
    unknown = meant(query, asked)
    for one, near in unknown.items():
        if one == "pip":  # mostly nobody has written that
            yield "No channel has a package called pip, which all that pip is asked for needs, as it needs Python."
            continue
        yield f"No channel has a package called {one}" + (f": did you mean {' or '.join(near)}?" if near else ".")
    if name not in unknown:
        found = solving.candidates(query, name, gateway.at(query.cache_dir, query.offline))
        if found:
            spec = next((spec for spec in asked if matchspec.spec_name(spec) == name), name)
            yield f"There is {instead(spec, found)}."


def instead(spec: str, available: Sequence[Package]) -> str:
    """The newest of ``available``, the oldest of which comes first, where none of them is one that ``spec`` allows:
    builds where only the build is another, versions otherwise."""
    name, any_build = matchspec.spec_name(spec), matchspec.without_build(spec)
    builds = [package for package in available if any_build and matchspec.matches(any_build, package)]
    shown = [f"{package.version}={package.build}" for package in builds] or [package.version for package in available]
    found = list(dict.fromkeys(reversed(shown)))
    more = f" and {len(found) - _MOST_SHOWN} more" if len(found) > _MOST_SHOWN else ""
    return f"{name} {', '.join(found[:_MOST_SHOWN])}{more}"


def _key(name: str) -> str:
    """``name`` as people remember it."""
    return name.replace("_", "-").replace(".", "-")
