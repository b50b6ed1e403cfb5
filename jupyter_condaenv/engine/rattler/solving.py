"""The solver."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta

import rattler
from rattler.exceptions import SolverError
from rattler.package_cache import CacheIndex

from ..channels import redact
from ..errors import ChannelError, Unsatisfiable
from ..model import Package
from . import gateway, package_cache
from .failures import UNREADABLE, channel_error
from .host import generic
from .matchspec import parse, spec_name
from .partial import PartialChannel
from .query import Query
from .records import package_of, record_of

_MISSING = re.compile(r"No candidates were found for (?P<name>\S+).*")
_NOARCH = rattler.Subdir("noarch")
_AT_ONCE = 2.0
"""Seconds in which what is in memory is there, also on a busy machine."""
_PRIORITY = {
    "strict": rattler.ChannelPriority.Strict,
    "flexible": rattler.ChannelPriority.Flexible,
    "disabled": rattler.ChannelPriority.Disabled,
}


def solve(query: Query, source: rattler.Gateway | None = None) -> tuple[Package, ...]:
    """The packages that fulfil ``query``, sorted by name.

    Raises Unsatisfiable with the solver's own explanation, ChannelError when a channel cannot be read.
    """
    reader = source or gateway.at(query.cache_dir, query.offline)

    async def run() -> list[rattler.RepoDataRecord]:
        index = await package_cache.index(query.cache_dir) if query.only_cached else None
        solving = rattler.solve(
            _sources(query, reader, index),
            _match_specs(query),
            gateway=reader,
            platforms=[rattler.Subdir(query.platform), _NOARCH],
            virtual_packages=[generic(text) for text in query.virtual],
            locked_packages=[record_of(package) for package in query.installed],
            pinned_packages=[record_of(package) for package in query.pinned],
            constraints=[parse(spec)[1] for spec in query.constraints],
            channel_priority=_PRIORITY[query.priority],
            strategy=query.resolution,
            timeout=timedelta(seconds=query.timeout),
        )
        # The solver looks at its limit only now and then, in hard cases never. Reading channels counts here as well.
        return await asyncio.wait_for(solving, limit)

    limit = 1.5 * query.timeout + 1
    too_long = Unsatisfiable(
        f"No answer was found within {query.timeout:g} seconds.",
        "Ask for fewer or more closely pinned packages, or raise solve_timeout.",
        specs=list(query.specs),
    )
    try:
        records = gateway.run(run, query.cache_dir)
    except asyncio.TimeoutError as error:
        if silent := _silent(query, reader):
            raise ChannelError(
                f"{', '.join(silent)} did not answer within {limit:g} seconds.",
                "Try again later. Where it is only slow, raise solve_timeout.",
                channels=silent,
            ) from error
        raise too_long from error
    except SolverError as error:
        text = redact(str(error))
        if "has been cancelled" in text:
            raise too_long from error
        # What holds for a package is told once for each of its versions.
        reason = "\n".join(dict.fromkeys(text.removeprefix("Cannot solve the request because of:").strip().split("\n")))
        # Of one missing package the solver says only this, without a tree.
        missing = _MISSING.fullmatch(reason)
        what = "The channels have nothing that fits" if missing else "These packages cannot be installed together"
        raise Unsatisfiable(
            f"{what}:\n{_indent(reason)}",
            "Relax or drop one of the requests that are named, or add the channel that has the package.",
            specs=list(query.specs),
            explanation=text,
            **({"missing": missing["name"].lower()} if missing else {}),
        ) from error
    except UNREADABLE as error:
        raise channel_error(error, query.channels) from error
    return tuple(sorted((package_of(record) for record in records), key=lambda package: package.name))


def _silent(query: Query, reader: rattler.Gateway) -> list[str]:
    """Those channels that are still waited for: what has been read, ``reader`` has at once."""
    name = spec_name(query.specs[0]) if query.specs else "python"

    async def answers(url: str) -> bool:
        looking = reader.query([rattler.Channel(url)], [rattler.Subdir(query.platform), _NOARCH], [name], False)
        try:
            await asyncio.wait_for(looking, _AT_ONCE)
        except (asyncio.TimeoutError, *UNREADABLE):  # the latter where it ends with the request that was given up
            return False
        return True

    async def run() -> list[bool]:
        return await asyncio.gather(*map(answers, query.channels))

    return [redact(url) for url, answered in zip(query.channels, asyncio.run(run()), strict=True) if not answered]


def candidates(query: Query, name: str, source: rattler.Gateway) -> tuple[Package, ...]:
    """What the channels of ``query`` have of the package ``name``, the oldest first. Raises ChannelError."""

    async def run() -> list[rattler.RepoDataRecord]:
        platforms = [rattler.Subdir(query.platform), _NOARCH]
        channels = [rattler.Channel(url) for url in query.channels]
        found = await source.query(channels, platforms, [parse(name)[1]], recursive=False)
        return [record for records in found for record in records]

    try:
        records = gateway.run(run, query.cache_dir)
    except UNREADABLE as error:
        raise channel_error(error, query.channels) from error
    records.sort(key=lambda record: (record.version, record.build_number))
    return tuple(package_of(record) for record in records)


def _match_specs(query: Query) -> list[rattler.MatchSpec]:
    """py-rattler reads only those records of a name that fit, and so would not see that an earlier channel has others
    of it, which strict priority is about: the bare name makes it read them all."""
    asked = list(dict.fromkeys(query.specs))  # an archive can be asked for in two ways
    found = [parse(spec)[1] for spec in asked]
    if query.priority != "strict" or len(query.channels) < 2:
        return found
    bare = [
        rattler.MatchSpec(parse(text)[0])
        for text, spec in zip(asked, found, strict=True)
        if spec.channel is None and "://" not in text
    ]
    return [*found, *bare]


def _sources(query: Query, reader: rattler.Gateway, index: CacheIndex | None) -> list[rattler.Channel | PartialChannel]:
    found = [rattler.Channel(url) for url in query.channels]
    if query.until is None and not query.offline:
        return list(found)
    return [PartialChannel(channel, found[:place], query, reader, index) for place, channel in enumerate(found)]


def _indent(text: str) -> str:
    return "\n".join("  " + line for line in text.splitlines())
