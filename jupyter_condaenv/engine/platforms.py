"""One lock for machines of several kinds, from whichever machine: solved for each, with what it is declared to have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, cast

from msgspec.structs import replace

from . import elsewhere, environments, export, history, resolver
from . import explain as explaining
from .errors import InvalidRequest, Refused, Unsatisfiable
from .model import (
    Explanation,
    Lock,
    Locked,
    LockedPlatform,
    LockFile,
    LockPlatforms,
    Message,
    Package,
    PipPackage,
    Platform,
    Settings,
    Step,
    Strategy,
    Target,
)
from .telling import Emit


def lock(request: LockPlatforms, settings: Settings, emit: Emit) -> Locked:
    """Solve for each platform, and write it all into one file. Changes nothing but caches.

    Raises InvalidRequest, NotFound, Refused, ChannelError, or Unsatisfiable, which names the platforms without any.
    """
    for text in request.notes:
        emit(Message(level="warning", text=text))
    asked = _asked(request)
    locks: list[Lock] = []
    failed: dict[str, Unsatisfiable] = {}
    for target, wanted in _wanted(request, asked):
        emit(Step(phase="solve", text=f"Solving for {target.platform}"))
        try:
            locks.append(resolver.lock(wanted, settings))
        except Unsatisfiable as error:
            failed[target.platform] = error
    if failed:
        raise _unsatisfiable(failed)
    for made in locks:
        export.check_hashes(made)
    locks, left_out = _with_pip(request, asked, locks)
    if left_out:
        told = "pip's packages are left out for " + ", ".join(left_out)
        emit(Message(level="warning", text=f"{told}: what they are there can be found out only on such a machine."))
    unlocked = [*asked.unlocked, *(f"{one.name}=={one.version}" for one in asked.pip if left_out)]
    return Locked(
        file=LockFile(
            name=export.FILE_NAMES[request.format],
            text=export.LOCKS[request.format](*locks, pip=unlocked),
            platforms=tuple(_summary(made) for made in locks),
        )
    )


def _with_pip(request: LockPlatforms, asked: _Asked, locks: list[Lock]) -> tuple[list[Lock], list[str]]:
    """``locks`` with pip's packages, and the platforms for which nobody knows what these would be."""
    if not asked.pip:
        return locks, []
    found = {made.platform: elsewhere.of_pip(Path(request.prefix), asked.pip, made) for made in locks}
    return (
        [replace(made, pip=found[made.platform] or ()) for made in locks],
        [platform for platform, pip in found.items() if pip is None],
    )


def explain(request: LockPlatforms, settings: Settings, seconds: float, emit: Emit) -> Explanation:
    """Why the first of the platforms that has nothing has nothing, and ways out, which are tried for ``seconds``."""
    for target, wanted in _wanted(request, _asked(request)):
        emit(Step(phase="solve", text=f"Solving for {target.platform}"))
        found = explaining.explain(wanted, settings, seconds, emit)
        if not found.possible:
            return replace(found, platform=target.platform)
    return Explanation(possible=True)


class _Asked(NamedTuple):
    """What an environment was asked for, and how that was chosen. All empty where there is none."""

    platform: str
    specs: tuple[str, ...]
    channels: tuple[str, ...]
    strategy: Strategy
    declared: tuple[str, ...]
    packages: tuple[Package, ...]
    pip: Sequence[PipPackage]
    """What pip has installed, each by its file."""
    unlocked: Sequence[str]
    """The same as requirements, where nobody knows the file."""


def _asked(request: LockPlatforms) -> _Asked:
    _check(request)
    if not request.prefix:
        return _Asked("", (), request.channels, request.strategy, (), (), (), ())
    environments.check_prefix(request.prefix)
    prefix = Path(request.prefix)
    environments.check_exists(prefix)
    there = export.whole(history.current_lock(prefix))
    if not there.specs:
        raise Refused(
            f"Nothing says what {prefix.name} was asked for, so there is nothing to look for on other platforms.",
            "Lock a file that says it, such as environment.yml.",
            prefix=request.prefix,
        )
    given = request.strategy
    strategy = replace(
        given,
        channel_priority=given.channel_priority or there.channel_priority,
        resolution=given.resolution or there.resolution,
        exclude_newer=given.exclude_newer or there.exclude_newer,
    )
    of_pip, unlocked = export.of_pip(prefix, there)
    return _Asked(
        platform=there.platform,
        specs=there.specs,
        channels=request.channels or there.channels,
        strategy=strategy,
        declared=there.declared,
        packages=there.packages,
        pip=of_pip,
        unlocked=unlocked,
    )


def _check(request: LockPlatforms) -> None:
    if not request.targets:
        raise InvalidRequest("There is no platform to lock for.", "Name one or several.")
    names = [target.platform for target in request.targets]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InvalidRequest(f"{twice[0]} is to be locked twice.", "A lock has one set of packages for a platform.")
    if request.strategy.virtual_packages:
        raise InvalidRequest(
            "Virtual packages are declared for each platform, not for all.", "Say which platform has them."
        )
    for target in request.targets:
        if bool(target.specs) == bool(request.prefix):
            raise InvalidRequest(
                f"For {target.platform} nothing is asked for."
                if not target.specs
                else "What is locked is what the environment was asked for, or package requests, not both.",
                "Give an environment, or package requests.",
            )


def _wanted(request: LockPlatforms, asked: _Asked) -> Iterator[tuple[Target, resolver.Wanted]]:
    for target in request.targets:
        own = target.platform == asked.platform
        virtual = (*(asked.declared if own else ()), *target.virtual_packages)
        yield (
            target,
            resolver.Wanted(
                specs=asked.specs or target.specs,
                platform=target.platform,
                channels=asked.channels,
                strategy=replace(asked.strategy, virtual_packages=virtual),
                installed=asked.packages if own else (),  # there it stays as it is, where that fits
                there=asked.packages if own else (),
            ),
        )


def _unsatisfiable(failed: dict[str, Unsatisfiable]) -> Unsatisfiable:
    """One error for all platforms, with the reasons of the first."""
    (platform, first), *others = failed.items()
    told = f" Nor is there anything for {', '.join(name for name, _ in others)}." if others else ""
    return Unsatisfiable(
        f"For {platform}: {first.message}", f"{first.hint}{told}", **first.details, platforms=list(failed)
    )


def _summary(made: Lock) -> LockedPlatform:
    return LockedPlatform(
        platform=cast("Platform", made.platform),
        virtual_packages=made.virtual_packages,
        packages=len(made.packages),
    )
