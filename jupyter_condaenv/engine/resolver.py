"""Which packages fulfil what was asked for: the solver, told all that it has to know."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from . import channel_list, channels, condarc, cutoff, lacking, machine, offline
from .channels import redact
from .errors import ChannelError, InvalidRequest, Refused, Unsatisfiable
from .model import Base, Lock, Package, Settings, Strategy
from .rattler import downloads, host, matchspec, solving
from .rattler.query import Query

_VIRTUAL = re.compile(r"\b(?P<name>__[a-z]\w*)(?: *>=(?P<version>\d+(?:\.\d+)*))?")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


class Wanted(Struct, frozen=True, kw_only=True):
    """What is asked for, and what is there already."""

    specs: tuple[str, ...]
    platform: str = ""
    """Empty: this machine's, with what it has."""
    channels: tuple[str, ...]
    """Names or URLs in order of priority; empty: the configured ones."""
    strategy: Strategy = Strategy()
    kept: tuple[str, ...] = ()
    """Names of packages that nobody asked for and nothing needs, and that stay all the same."""
    installed: tuple[Package, ...] = ()
    """What stays where it can; with ``frozen``, in any case."""
    frozen: bool = False
    there: tuple[Package, ...] = ()
    """What is in the environment, whether it is to stay or not."""
    pins: tuple[str, ...] = ()
    """Of the environment; those of ``.condarc`` come on top."""
    base: Base | None = None
    asked_before: tuple[str, ...] = ()
    """Those of ``specs`` that were asked for earlier, and still are."""
    replaced: tuple[str, ...] = ()
    """What was asked for earlier, and would still be without those of ``specs`` for the same packages."""


def lock(wanted: Wanted, settings: Settings) -> Lock:
    """Raises InvalidRequest, Refused, Unsatisfiable or ChannelError."""
    asked = query(wanted, settings)
    _check_shadowing(wanted.specs, wanted.base.packages if wanted.base is not None else ())
    try:
        solved = solving.solve(asked)
    except Unsatisfiable as error:
        if asked.offline:
            offline.explain(asked, error)
        raise _with_what_was_held(error, wanted, asked) from error
    return lock_of(wanted, asked, solved)


def query(wanted: Wanted, settings: Settings) -> Query:
    """What the solver is asked."""
    own = condarc.read()
    platform = wanted.platform or host.platform()
    for spec in wanted.specs:
        matchspec.check_platform(spec, platform)
    named = [_spec_and_url(spec, settings) for spec in wanted.specs]
    pins = [_pin_and_url(spec, settings) for spec in (*wanted.pins, *own.pinned_packages)]
    # Like conda: a channel that a spec names is searched too, after the others.
    urls = channel_list.searched(wanted.channels, settings)
    urls = tuple(dict.fromkeys([*urls, *(url for _, url in named if url)]))
    channel_list.check_allowed(urls, settings)
    below = wanted.base.packages if wanted.base is not None else ()
    taken = {package.name for package in below}
    # To py-rattler, what is installed fits whatever channel it is asked for from.
    elsewhere = [(matchspec.spec_name(spec), spec) for spec, url in named if url or matchspec.url_of(spec)]
    stays = _stays(wanted)
    anew = {url for spec in wanted.specs if spec not in wanted.asked_before and (url := matchspec.url_of(spec))}
    installed = tuple(
        package
        for package in stays
        if package.name not in taken
        and package.url not in anew
        and all(matchspec.matches(spec, package) for name, spec in elsewhere if name == package.name)
    )
    strategy = wanted.strategy
    return Query(
        specs=(
            *(_exactly(spec, wanted, stays, settings) for spec, _ in named),
            *wanted.kept,
            *(f"{package.name} =={package.version} {package.build}" for package in below),
        ),
        channels=urls,
        platform=platform,
        virtual=machine.of(wanted.platform, strategy.virtual_packages),
        installed=installed,
        pinned=(*below, *installed) if wanted.frozen else below,
        constraints=tuple(dict.fromkeys(spec for spec, _ in pins)),
        priority=strategy.channel_priority or settings.channel_priority,
        resolution=strategy.resolution or "highest",
        until=cutoff.parse(strategy.exclude_newer or settings.exclude_newer),
        until_except=frozenset(
            matchspec.spec_name(name) for name in (*strategy.exclude_newer_except, *settings.exclude_newer_except)
        ),
        there=wanted.there,
        timeout=settings.solve_timeout,
        cache_dir=Path(settings.cache_dir),
        offline=settings.offline,
        only_cached=settings.offline,
    )


def others(asked: Query, settings: Settings) -> tuple[str, ...]:
    """Base URLs of the channels that are configured and allowed here, and that are not searched yet."""
    found = []
    for channel in channel_list.named((*settings.channels, *condarc.read().channels), settings):
        with suppress(Refused):
            channel_list.check_allowed((channel.url,), settings)
            found.append(channel.url)
    return tuple(url for url in found if url not in asked.channels)


def lock_of(wanted: Wanted, asked: Query, solved: Sequence[Package]) -> Lock:
    """The lock that the solution of ``asked`` is."""
    below = {package.name for package in wanted.base.packages} if wanted.base is not None else set()
    return Lock(
        platform=asked.platform,
        channels=asked.channels,
        channel_priority=asked.priority,
        resolution=asked.resolution,
        exclude_newer=asked.until.isoformat(timespec="seconds") if asked.until is not None else "",
        specs=wanted.specs,
        virtual_packages=asked.virtual,
        declared=wanted.strategy.virtual_packages,
        packages=tuple(package for package in solved if package.name not in below),
        base=wanted.base,
    )


def _with_what_was_held(error: Unsatisfiable, wanted: Wanted, asked: Query) -> Unsatisfiable:
    """``error`` with what may have been meant, and what else than the requests may have kept packages out."""
    also: list[str] = []
    held: dict[str, bool] = {}
    if asked.constraints:
        also.append(f"Pinned in conda-meta/pinned or .condarc: {', '.join(asked.constraints)}.")
    if wanted.frozen:
        stays = [one for one in held_by(error, wanted, asked) if one not in asked.constraints]
        also.append(f"What is installed was not allowed to move{': ' if stays else ''}{', '.join(stays)}.")
        held["frozen"] = True
    if asked.until is not None:
        also.append(f"What came after {asked.until:%Y-%m-%d %H:%M} UTC was left out (exclude_newer).")
    virtual = _VIRTUAL.search(error.message)
    first = [*lacking.told(asked, wanted.specs, error.details["missing"])] if "missing" in error.details else []
    first += _both_sides(error, wanted)
    if virtual is not None:
        declared = f"{virtual['name']}={virtual['version'] or 'VERSION'}"
        first.append(f"For a machine that has it, declare {declared} (--virtual, or virtual_packages).")
    return Unsatisfiable(error.message, " ".join([*first, error.hint, *also]), **error.details, **held)


def _both_sides(error: Unsatisfiable, wanted: Wanted) -> Iterator[str]:
    """What the solver does not tell of the requests that it names: where there is another for the same package, and
    which of them are not of now."""
    named = _named(error)
    by_name: dict[str, list[str]] = {}
    for spec in wanted.specs:
        by_name.setdefault(matchspec.spec_name(spec), []).append(redact(spec))
    for name in by_name.keys() & named:
        if len(by_name[name]) > 1:
            yield f"Asked for are both {' and '.join(by_name[name])}."
    earlier = [redact(spec) for spec in wanted.asked_before if matchspec.spec_name(spec) in named]
    if earlier:
        yield f"What was asked for earlier still holds: {', '.join(earlier)}."


def held_by(error: Unsatisfiable, wanted: Wanted, asked: Query) -> tuple[str, ...]:
    """What the solver met beside the requests, as ``error`` tells it: pins, and what is installed and may not move."""
    named = _named(error)
    pins = [pin for pin in asked.constraints if matchspec.spec_name(pin) in named]
    stays = [f"{one.name} {one.version}" for one in (asked.installed if wanted.frozen else ()) if one.name in named]
    return (*pins, *stays)


def _named(error: Unsatisfiable) -> set[str]:
    return {word.lower() for word in _NAME.findall(str(error.details.get("explanation", "")))}


def _spec_and_url(spec: str, settings: Settings) -> tuple[str, str]:
    return matchspec.with_channel(spec, lambda channel: _one_url(channel, settings))


def _stays(wanted: Wanted) -> tuple[Package, ...]:
    """What is to stay where it can: also what was asked for by the path of an archive, and that has gone."""
    earlier = {matchspec.url_of(spec) for spec in wanted.asked_before}
    gone = (
        package
        for package in wanted.there
        if package not in wanted.installed
        and package.url in earlier
        and (path := channels.local_path(package.url)) is not None
        and not path.exists()
    )
    return (*wanted.installed, *gone)


def _exactly(spec: str, wanted: Wanted, stays: Sequence[Package], settings: Settings) -> str:
    """``spec``, with its hash where it asks for an archive by its URL: that is what is locked. One that was asked for
    earlier is asked for as it is there, since the file may have gone, or be another one by now."""
    url = matchspec.url_of(spec)
    if not url:
        return spec
    there = next((one for one in stays if one.url == url), None)
    if there is not None and spec in wanted.asked_before:
        return f"{there.name} =={there.version} {there.build}"
    channel_list.check_allowed((channels.SUBDIR.sub("", url.rpartition("/")[0]),), settings)
    if not matchspec.without_hash(spec):
        return spec
    if settings.offline and channels.local_path(url) is None:
        raise ChannelError(f"{redact(url)} cannot be fetched, and nothing says its hash.", channels.OFFLINE)
    return matchspec.of_archive(spec, downloads.sha256(url))


def _pin_and_url(pin: str, settings: Settings) -> tuple[str, str]:
    try:
        return _spec_and_url(pin, settings)
    except InvalidRequest as error:
        raise InvalidRequest(
            f"Pinned in conda-meta/pinned or .condarc: {error.message}", error.hint, **error.details
        ) from error


def _check_shadowing(specs: Sequence[str], below: Sequence[Package]) -> None:
    """An overlay may not replace a package of its base: say so before the solver says it in its own way."""
    there = {package.name: package for package in below}
    for text in specs:
        package = there.get(matchspec.spec_name(text))
        if package is not None and not matchspec.matches(text, package):
            raise Refused(
                f"{text!r} asks for another {package.name} than the {package.version} that the base has.",
                "Packages of the base stay as they are. Make an environment of its own with `jupyter condaenv create` "
                "for another version.",
                package=package.name,
            )


def _one_url(channel: str, settings: Settings) -> str:
    found = channel_list.named((channel,), settings)
    if len(found) != 1:
        raise InvalidRequest(
            f"{channel!r} stands for several channels: {', '.join(one.name for one in found)}.",
            "Name one of them before the `::`.",
        )
    return found[0].url
