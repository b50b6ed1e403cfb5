"""From what was asked for to a plan: which packages there will be, and what that changes."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from . import (
    bases,
    channel_list,
    complete,
    condarc,
    deferred,
    distributions,
    environments,
    history,
    needs,
    pip,
    plans,
    requested,
    requirements,
    resolver,
    rollback,
    room,
    sites,
    specfiles,
    stack,
    staging,
    unasked,
)
from . import prefix as prefixes
from .errors import InvalidRequest, NotFound, Refused
from .formats.specfile import SpecFile
from .model import (
    ChangePackages,
    CreateEnvironment,
    Lock,
    Plan,
    Plannable,
    Rollback,
    Settings,
    StackEnvironment,
    Strategy,
)
from .rattler import host, matchspec
from .telling import change_in_words, enumerated


def dry_run(request: Plannable, settings: Settings) -> Plan:
    """What ``request`` would do, with the room that it would take. Raises as ``plan`` does."""
    made = plan(request, settings)
    of_pip = pip.taken(made, settings)
    if made.pip is not None:
        fetched = sum(one.download for one in of_pip)
        made = replace(made, pip=replace(made.pip, download_bytes=fetched))
    return replace(made, room=room.added(made, of_pip, settings))


def plan(request: Plannable, settings: Settings) -> Plan:
    """What ``request`` would do. Reads channels; changes nothing but caches.

    Raises InvalidRequest, NotFound, AlreadyExists, Unsatisfiable, Refused or ChannelError.
    """
    environments.check_prefix(request.prefix)
    if isinstance(request, CreateEnvironment):
        return _create(request, settings)
    if isinstance(request, StackEnvironment):
        return _stack(request, settings)
    if isinstance(request, Rollback):
        return rollback.plan(request, settings)
    return _change(request, settings)


def _create(request: CreateEnvironment, settings: Settings) -> Plan:
    environments.check_free(request.prefix)
    if request.lock is not None:
        if request.specs or request.strategy != Strategy():
            raise InvalidRequest(
                "An environment is made either from a lock or from package requests, not from both.",
                "Make it from the lock and add the packages afterwards.",
            )
        plans.check_lock(request.lock, "the lock", bare=True)
        lock = complete.with_hashes(request.lock, settings, "The lock")
    else:
        lock = replace(resolver.lock(_new(request), settings), strategy=request.kept_strategy)
    asked = requirements.checked(request.pip)
    lock = replace(lock, pip_specs=requirements.together(lock.pip_specs, asked))
    made = replace(plans.draft(request.prefix, "create", None, lock, settings), variables=request.variables)
    return pip.planned(made, None, settings, exact=request.lock is not None and not asked)


def _new(request: CreateEnvironment) -> resolver.Wanted:
    specs = (*request.specs, *_by_default({matchspec.spec_name(spec) for spec in request.specs}))
    return resolver.Wanted(specs=specs, channels=request.channels, strategy=request.strategy)


def _by_default(asked: Collection[str]) -> tuple[str, ...]:
    """What ``.condarc`` wants in every new environment, ``asked`` apart."""
    return tuple(spec for spec in condarc.read().create_default_packages if matchspec.spec_name(spec) not in asked)


def _default_names() -> set[str]:
    return {matchspec.spec_name(spec) for spec in condarc.read().create_default_packages}


def _stack(request: StackEnvironment, settings: Settings) -> Plan:
    environments.check_free(request.prefix)
    asked = requirements.together((), requirements.checked(request.pip))
    lock = replace(resolver.lock(_on_base(request), settings), pip_specs=asked)
    return pip.planned(plans.draft(request.prefix, "stack", None, lock, settings), None, settings)


def _on_base(request: StackEnvironment) -> resolver.Wanted:
    environments.check_prefix(request.base)
    # A link such as `current` may lead elsewhere tomorrow; the overlay stays on what it was made for.
    below = Path(os.path.realpath(request.base) if os.path.islink(request.base) else request.base)
    if not environments.is_environment(below):
        raise NotFound(
            f"There is no environment at {request.base} to stack on.",
            "`jupyter condaenv list` shows those there are.",
            prefix=request.base,
        )
    return resolver.Wanted(
        specs=request.specs,
        channels=request.channels or history.current_lock(below).channels,
        strategy=request.strategy,
        base=stack.base_of(below),
    )


class _Asked(NamedTuple):
    """A change, and what it starts from."""

    installed: Lock
    now: Lock
    """With what waits for the next start of a kernel: that is part of what was asked for."""
    wanted: resolver.Wanted
    dropped: set[str]
    named: set[str]
    """All packages that the request names."""
    pip_specs: tuple[str, ...]
    """What is asked of pip after it."""
    waiting: Plan | None
    """What waits and is part of it."""


def wanted(request: CreateEnvironment | ChangePackages | StackEnvironment, settings: Settings) -> resolver.Wanted:
    """What the solver is to find for ``request``. Raises as ``plan`` does, but for what only the solver tells."""
    if isinstance(request, CreateEnvironment):
        if request.lock is not None:
            raise InvalidRequest("A lock is not solved, so there is nothing to explain.", "Give package requests.")
        return _new(request)
    if isinstance(request, StackEnvironment):
        return _on_base(request)
    return _asked(request, settings).wanted


def _change(request: ChangePackages, settings: Settings) -> Plan:
    staging.workspace(Path(request.prefix))  # says early when the environment cannot be written
    asked = _asked(request, settings)
    if not (request.add or request.update or request.update_all) and asked.wanted.base == asked.now.base:
        lock = needs.without(asked.now, asked.dropped, asked.wanted.specs)
    else:
        lock = resolver.lock(asked.wanted, settings)
        if request.dependencies == "update":
            needed = needs.closure(asked.named, {package.name: package for package in lock.packages})
            kept = tuple(package for package in asked.wanted.installed if package.name not in needed)
            lock = resolver.lock(replace(asked.wanted, installed=kept), settings)
        still = sorted(asked.dropped & {package.name for package in lock.packages})
        if still:
            raise needs.still_needed(still, lock.packages)
    lock = replace(lock, strategy=asked.now.strategy, pip_specs=asked.pip_specs, pip=asked.now.pip)
    made = pip.planned(
        plans.draft(request.prefix, _verb(request), asked.installed, lock, settings), asked.installed, settings
    )
    named = asked.named
    if request.dependencies == "update":
        named = named | needs.closure(named, {package.name: package for package in lock.packages})
    pins = (*asked.wanted.pins, *condarc.read().pinned_packages)
    told = () if request.update_all else unasked.of(made.changes, named, lock, pins)
    there = prefixes.variables(Path(request.prefix))
    waiting = asked.waiting
    new = {one.name: one for one in (*(waiting.variables if waiting else ()), *request.variables)}
    return replace(
        made,
        words=_then(waiting, change_in_words(request)),
        unasked=told,
        variables=tuple(one for one in new.values() if there.get(one.name) != one.value),
        unset=tuple(name for name in (waiting.unset if waiting else ()) if name not in new),
    )


def _then(waiting: Plan | None, words: str) -> str:
    """What is done in the end, where what waits is part of it."""
    return f"{deferred.words(waiting)}, then {words}" if waiting is not None else words


def _verb(request: ChangePackages) -> str:
    if request.prune or not (request.add or request.pip or request.variables or request.remove):
        return "update"
    return "add" if request.add or request.pip or request.variables else "remove"


def _asked(request: ChangePackages, settings: Settings) -> _Asked:
    prefix = Path(request.prefix)
    environments.check_exists(prefix)
    installed, _ = requested.sound(history.current_lock(prefix, host.platform()))
    waiting = plans.waiting(prefix, installed)
    now = waiting.lock if waiting is not None else installed
    there = {package.name for package in now.packages}
    dropped, moved = {matchspec.spec_name(text) for text in request.remove}, _names(request.update)
    of_pip = {name for name in dropped - there if distributions.normalized(name) in _of_pip(prefix, now)}
    dropped -= of_pip
    _check_change(request, dropped, moved)
    leaving = sorted((dropped | moved) & ({package.name for package in installed.packages} - there))
    if waiting is not None and leaving:
        raise NotFound(
            f"{enumerated(leaving)} {'goes' if len(leaving) == 1 else 'go'} with the change of {prefix.name} that "
            f"waits for the next start of a kernel: {deferred.words(waiting)}.",
            "There is nothing more to do, unless what waits is given up.",
            packages=leaving,
            waiting=deferred.words(waiting),
        )
    missing = sorted((dropped | moved) - there)
    if missing:
        raise NotFound(
            f"{enumerated(missing)} {'is' if len(missing) == 1 else 'are'} not installed in {prefix.name}"
            + (", but in the environment it stands on." if _in_base(now, missing) else "."),
            "`jupyter condaenv show ENV` lists what is installed.",
            packages=missing,
        )
    specs = _by_name(now.specs)
    orphans = () if request.prune else needs.orphans(now, specs, dropped)
    added = {matchspec.spec_name(text) for text in request.add}
    pruned = specs.keys() - added - _default_names() if request.prune else set()
    for name in dropped | pruned:
        specs.pop(name, None)
    # A bare name takes nothing back of what was asked for, unless all is asked for anew.
    new = _by_name(text for text in request.add if request.prune or text.strip().lower() not in specs)
    replaced = tuple(text for name in new for text in specs.get(name, ()) if text not in new[name])
    specs |= new
    strategy, _ = specfiles.chosen(SpecFile(strategy=now.strategy), "", request.strategy, settings.exclude_newer)
    machine = request.strategy.virtual_packages or now.declared  # the environment stays for the machine it was made for
    frozen = request.dependencies == "freeze"
    going = there if request.update_all else dropped | moved | (added if frozen else set())
    wanted = resolver.Wanted(
        specs=tuple(text for texts in specs.values() for text in texts),
        channels=_channels(now, request, settings),
        strategy=replace(strategy, virtual_packages=machine),
        kept=orphans,
        installed=tuple(package for package in now.packages if package.name not in going),
        frozen=frozen,
        there=now.packages,
        pins=prefixes.pins(prefix),
        base=bases.now(now),
        asked_before=tuple(text for texts in specs.values() for text in texts if text not in request.add),
        replaced=() if request.prune else replaced,
    )
    more = requirements.checked(request.pip)
    pip_specs = requirements.together(() if request.prune else _without_pip(prefix, now, of_pip), more)
    return _Asked(installed, now, wanted, dropped, dropped | pruned | moved | added, pip_specs, waiting)


def _of_pip(prefix: Path, lock: Lock) -> set[str]:
    """Names of what pip has in the environment, or is asked for."""
    return {one.name for one in sites.listed(prefix, lock)} | set(map(requirements.name_of, lock.pip_specs))


def _without_pip(prefix: Path, lock: Lock, names: set[str]) -> tuple[str, ...]:
    """What is still asked of pip when packages go. Raises Refused for one that others need, or nobody knows here."""
    left = {distributions.normalized(name) for name in names}
    specs = tuple(spec for spec in lock.pip_specs if requirements.name_of(spec) not in left)
    users = sites.users(specs, lock.pip, lock, sites.look(prefix, lock)) if left else {}
    needed = {name: sorted(users[name]) for name in sorted(left & users.keys())}
    if needed:
        raise needs.not_removed(needed)
    known = {*map(requirements.name_of, lock.pip_specs), *(one.name for one in lock.pip)}
    by_hand = sorted(left - known)
    if by_hand:
        raise Refused(
            f"{enumerated(by_hand)} was installed by hand, with pip, and is not known here.",
            "Remove it with pip as well, in the environment.",
            packages=by_hand,
        )
    return specs


def _by_name(specs: Iterable[str]) -> dict[str, list[str]]:
    """All requests for a package count, also where there are several."""
    found: dict[str, list[str]] = {}
    for text in dict.fromkeys(specs):
        found.setdefault(matchspec.spec_name(text), []).append(text)
    return found


def _channels(now: Lock, request: ChangePackages, settings: Settings) -> tuple[str, ...]:
    """Those that the environment uses, and after them those of the request. Whether the former may still be used only
    matters where something comes from them."""
    if request.prune and request.channels:
        return channel_list.searched(request.channels, settings)
    urls = tuple(channel.url for channel in channel_list.named(now.channels, settings))
    return (*urls, *(channel_list.searched(request.channels, settings) if request.channels or not urls else ()))


def _check_change(request: ChangePackages, dropped: set[str], moved: set[str]) -> None:
    if request.prune and not request.add:
        raise InvalidRequest(
            "Nothing would be asked for any more, and so every package would go.", "Say which packages are to stay."
        )
    if not any((request.add, request.pip, request.variables, request.remove, request.update, request.update_all)):
        raise InvalidRequest("The request changes nothing.", "Name packages to add, to remove or to update.")
    twice = sorted(dropped & (moved | {matchspec.spec_name(text) for text in request.add}))
    if twice:
        raise InvalidRequest(f"{enumerated(twice)} cannot both go and stay.", "Name each package once.", packages=twice)


def _names(texts: Sequence[str]) -> set[str]:
    for text in texts:
        if matchspec.spec_name(text) != text.strip().lower():
            raise InvalidRequest(
                f"{text!r} is more than the name of a package to update.", "To ask for a version, add it."
            )
    return {matchspec.spec_name(text) for text in texts}


def _in_base(lock: Lock, names: list[str]) -> bool:
    return lock.base is not None and set(names) <= {package.name for package in lock.base.packages}
