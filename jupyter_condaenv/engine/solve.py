"""From what was asked for to a plan: which packages there will be, and what that changes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from . import (
    changes,
    channel_list,
    complete,
    condarc,
    deferred,
    distributions,
    environments,
    history,
    lockfiles,
    offline,
    pip,
    requirements,
    resolver,
    room,
    sites,
    specfiles,
    stack,
    staging,
    unasked,
)
from . import prefix as prefixes
from .channels import redact
from .errors import Broken, InvalidRequest, NotFound, Outdated, Refused, StorageError
from .formats.specfile import SpecFile
from .model import (
    Base,
    ChangePackages,
    CreateEnvironment,
    Lock,
    Package,
    Plan,
    Plannable,
    Revision,
    Rollback,
    Settings,
    StackEnvironment,
    Strategy,
    digest,
)
from .rattler import host, matchspec, package_cache

_TOLD = 3
"""Names in what is told of a request."""


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
        return _rollback(request, settings)
    return _change(request, settings)


def check_current(made: Plan) -> None:
    """Raises Outdated unless the environment, and the one it stands on, are as they were when the plan was made."""
    now = _now(made)
    if _state(Path(made.prefix), now) != made.before:
        raise _outdated(made)
    _check_place(made)


def check_waiting(made: Plan) -> None:
    """As ``check_current``, for a plan that waits for the next start of a kernel: what a person has installed with pip
    meanwhile is no reason to drop it, for every change carries that along."""
    now = _now(made)
    if now is None or not _still_waits(made, now):
        raise _outdated(made)
    _check_place(made)


def _now(made: Plan) -> Lock | None:
    prefix = Path(made.prefix)
    return history.current_lock(prefix) if environments.is_environment(prefix) else None


def _carries(made: Plan, now: Lock) -> bool:
    """Whether ``made`` does to ``now`` what it was shown to do, but for what was installed with pip by hand."""
    prefix = Path(made.prefix)
    by_name = {package.name: package for package in made.lock.packages}
    pinned = ((pin, by_name.get(matchspec.spec_name(pin))) for pin in prefixes.pins(prefix))
    by_hand = {one.name for one in sites.listed(prefix, now)} - {one.name for one in now.pip}
    return (
        changes.compare(now.packages, made.lock.packages) == made.changes
        and all(package is None or matchspec.matches(pin, package) for pin, package in pinned)
        and by_hand.isdisjoint(one.name for one in made.lock.pip)
    )


def _still_waits(waiting: Plan, now: Lock) -> bool:
    return _state(Path(waiting.prefix), now) == waiting.before or _carries(waiting, now)


def _outdated(made: Plan) -> Outdated:
    return Outdated(
        f"{made.prefix} has changed since this plan was made.",
        "Nothing was done. Make the plan again and look at it.",
        prefix=made.prefix,
    )


def _check_place(made: Plan) -> None:
    if not made.before:
        environments.check_free(made.prefix)
    if made.lock.base is not None:
        _check_base(made.lock.base)


def _state(prefix: Path, now: Lock | None) -> str:
    """A sha256 over what a plan for ``prefix``, whose lock is ``now``, is made from: packages, also those that a person
    has installed with pip, and pins. Empty where there is no environment."""
    if now is None:
        return ""
    pins: tuple[str, ...] = ()
    with suppress(StorageError, InvalidRequest):  # where they matter nothing is planned without them
        pins = prefixes.pins(prefix)
    lines = [now.digest, *(f"pip {one}" for one in sites.listed(prefix, now)), *(f"pin {pin}" for pin in pins)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _create(request: CreateEnvironment, settings: Settings) -> Plan:
    environments.check_free(request.prefix)
    if request.lock is not None:
        if request.specs or request.strategy != Strategy():
            raise InvalidRequest(
                "An environment is made either from a lock or from package requests, not from both.",
                "Make it from the lock and add the packages afterwards.",
            )
        _check_lock(request.lock, "the lock", bare=True)
        lock = complete.with_hashes(request.lock, settings, "The lock")
    else:
        lock = resolver.lock(_new(request), settings)
    asked = requirements.checked(request.pip)
    lock = replace(lock, pip_specs=requirements.together(lock.pip_specs, asked))
    made = replace(_plan(request.prefix, "create", None, lock, settings), variables=request.variables)
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
    return pip.planned(_plan(request.prefix, "stack", None, lock, settings), None, settings)


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
        lock = _without(asked.now, asked.dropped, asked.wanted.specs)
    else:
        lock = resolver.lock(asked.wanted, settings)
        if request.dependencies == "update":
            needed = _closure(asked.named, {package.name: package for package in lock.packages})
            kept = tuple(package for package in asked.wanted.installed if package.name not in needed)
            lock = resolver.lock(replace(asked.wanted, installed=kept), settings)
        still = sorted(asked.dropped & {package.name for package in lock.packages})
        if still:
            raise _still_needed(still, lock.packages)
    lock = replace(lock, strategy=asked.now.strategy, pip_specs=asked.pip_specs, pip=asked.now.pip)
    made = pip.planned(
        _plan(request.prefix, _verb(request), asked.installed, lock, settings), asked.installed, settings
    )
    named = asked.named
    if request.dependencies == "update":
        named = named | _closure(named, {package.name: package for package in lock.packages})
    pins = (*asked.wanted.pins, *condarc.read().pinned_packages)
    told = () if request.update_all else unasked.of(made.changes, named, lock, pins)
    there = prefixes.variables(Path(request.prefix))
    waiting = asked.waiting
    new = {one.name: one for one in (*(waiting.variables if waiting else ()), *request.variables)}
    return replace(
        made,
        words=_then(waiting, _words(request)),
        unasked=told,
        variables=tuple(one for one in new.values() if there.get(one.name) != one.value),
        unset=tuple(name for name in (waiting.unset if waiting else ()) if name not in new),
    )


def _words(request: ChangePackages) -> str:
    """What it asks for, for people."""
    asked = (*request.add, *request.pip)
    said = {
        "update to" if request.prune else "add": asked,
        "update": ("all",) if request.update_all else request.update,
        "remove": request.remove,
        "set": tuple(one.name for one in request.variables),
    }
    return redact(", ".join(f"{verb} {_few(names)}" for verb, names in said.items() if names))


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:_TOLD]) + (f" and {len(names) - _TOLD} more" if len(names) > _TOLD else "")


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
    installed = history.current_lock(prefix, host.platform())
    waiting = _waiting(prefix, installed)
    now = waiting.lock if waiting is not None else installed
    there = {package.name for package in now.packages}
    dropped, moved = {matchspec.spec_name(text) for text in request.remove}, _names(request.update)
    of_pip = {name for name in dropped - there if distributions.normalized(name) in _of_pip(prefix, now)}
    dropped -= of_pip
    _check_change(request, dropped, moved)
    missing = sorted((dropped | moved) - there)
    if missing:
        raise NotFound(
            f"{_and(missing)} {'is' if len(missing) == 1 else 'are'} not installed in {prefix.name}"
            + (", but in the environment it stands on." if _in_base(now, missing) else "."),
            "`jupyter condaenv show ENV` lists what is installed.",
            packages=missing,
        )
    specs = _by_name(now.specs)
    orphans = () if request.prune else _orphans(now, specs, dropped)
    added = {matchspec.spec_name(text) for text in request.add}
    pruned = specs.keys() - added - _default_names() if request.prune else set()
    for name in dropped | pruned:
        specs.pop(name, None)
    # A bare name takes nothing back of what was asked for, unless all is asked for anew.
    specs |= _by_name(text for text in request.add if request.prune or text.strip().lower() not in specs)
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
        base=base_now(now),
    )
    more = requirements.checked(request.pip)
    pip_specs = requirements.together(() if request.prune else _without_pip(now, of_pip), more)
    return _Asked(installed, now, wanted, dropped, dropped | pruned | moved | added, pip_specs, waiting)


def _waiting(prefix: Path, installed: Lock) -> Plan | None:
    """What waits for the next start of a kernel, and will be done then."""
    found = deferred.read(prefix)
    return found if found is not None and _still_waits(found, installed) else None


def _of_pip(prefix: Path, lock: Lock) -> set[str]:
    """Names of what pip has in the environment, or is asked for."""
    return {one.name for one in sites.listed(prefix, lock)} | set(map(requirements.name_of, lock.pip_specs))


def _without_pip(lock: Lock, names: set[str]) -> tuple[str, ...]:
    """What is still asked of pip when packages go. Raises Refused for one that was not asked for by itself."""
    left = {distributions.normalized(name) for name in names}
    asked = {requirements.name_of(spec): spec for spec in lock.pip_specs}
    needed = {name: sorted(one.name for one in lock.pip if name in one.dependencies) for name in left - asked.keys()}
    if any(needed.values()):
        raise _not_removed(needed)
    by_hand = sorted(needed)
    if by_hand:
        raise Refused(
            f"{_and(by_hand)} was installed by hand, with pip, and is not known here.",
            "Remove it with pip as well, in the environment.",
            packages=by_hand,
        )
    return tuple(spec for name, spec in asked.items() if name not in left)


def _by_name(specs: Iterable[str]) -> dict[str, list[str]]:
    """All requests for a package count, also where there are several."""
    found: dict[str, list[str]] = {}
    for text in dict.fromkeys(specs):
        found.setdefault(matchspec.spec_name(text), []).append(text)
    return found


def _channels(now: Lock, request: ChangePackages, settings: Settings) -> tuple[str, ...]:
    """Those that the environment uses, and after them those of the request."""
    if request.prune and request.channels:
        return channel_list.searched(request.channels, settings)
    urls = channel_list.searched(now.channels, settings) if now.channels else ()
    return (*urls, *(channel_list.searched(request.channels, settings) if request.channels or not urls else ()))


def _orphans(lock: Lock, specs: Iterable[str], dropped: set[str]) -> tuple[str, ...]:
    """Names of packages that nobody asked for and nothing needs, as in an environment that another tool made: they
    stay, but for what only ``dropped`` packages need."""
    by_name = {package.name: package for package in lock.packages}
    going = _closure(dropped, by_name)
    return tuple(sorted(by_name.keys() - _closure(specs, by_name) - going))


def _rollback(request: Rollback, settings: Settings) -> Plan:
    prefix = Path(request.prefix)
    environments.check_exists(prefix)
    staging.workspace(prefix)  # says early when the environment cannot be written
    now = history.current_lock(prefix, host.platform())
    wanted = _revision(prefix, request.revision, now)
    _check_lock(wanted.lock, f"revision {wanted.number} of {prefix.name}")
    made = _plan(request.prefix, "rollback", now, wanted.lock, settings)
    there, then = prefixes.variables(prefix), wanted.variables
    made = replace(
        made,
        words=f"rollback to {wanted.number}",
        variables=tuple(one for one in then or () if there.get(one.name) != one.value),
        unset=tuple(there.keys() - {one.name for one in then}) if then is not None else (),
    )
    return pip.planned(made, now, settings, exact=True)


def _revision(prefix: Path, number: int, now: Lock) -> Revision:
    """The revision to go back to: the one with ``number``, or the last that is not as things are now."""
    waiting = _waiting(prefix, now)
    if not number and waiting is not None:
        raise Refused(
            f"The last change of {prefix.name} waits for the next start of a kernel: {deferred.words(waiting)}.",
            "Give it up, or say by its number which revision to go back to.",
            waiting=deferred.words(waiting),
        )
    if not number:
        return _last_that_differs(prefix, now)
    wanted = history.revision(prefix, number)
    if _is(wanted, prefix, now):
        already = f"{prefix.name} is as it was at revision {number} already"
        if waiting is not None:
            raise Refused(
                f"{already}. What waits for the next start of a kernel: {deferred.words(waiting)}.",
                "Give up what waits, if it is to stay so.",
                waiting=deferred.words(waiting),
            )
        raise Refused(f"{already}.", "`jupyter condaenv history` shows the others.", revision=number)
    return wanted


def _last_that_differs(prefix: Path, now: Lock) -> Revision:
    found, damaged = history.readable(prefix)
    earlier = next((one for one in reversed(found) if not _is(one, prefix, now)), None)
    lost = [number for file in damaged if (number := history.number_of(file)) > (earlier.number if earlier else 0)]
    if lost:
        raise Broken(
            f"Revision {_and(list(map(str, lost)))} of {prefix.name} is damaged, and may be what was before.",
            "Say by its number which to go back to: `jupyter condaenv history` shows those there are.",
            revisions=lost,
        )
    if earlier is None:
        raise NotFound(f"{prefix.name} has not been otherwise than it is now.", "There is nothing to go back to.")
    return earlier


def _is(state: Revision, prefix: Path, now: Lock) -> bool:
    """Whether the environment at ``prefix``, whose lock is ``now``, is as it was then."""
    then = None if state.variables is None else {one.name: one.value for one in state.variables}
    return _same(state.lock, now) and then in (None, prefixes.variables(prefix))


def _same(one: Lock, other: Lock) -> bool:
    """Whether an environment of ``one`` is that of ``other``."""
    return (one.digest, one.specs, one.base, one.pip_specs) == (other.digest, other.specs, other.base, other.pip_specs)


def _check_change(request: ChangePackages, dropped: set[str], moved: set[str]) -> None:
    if request.prune and not request.add:
        raise InvalidRequest(
            "Nothing would be asked for any more, and so every package would go.", "Say which packages are to stay."
        )
    if not any((request.add, request.pip, request.variables, request.remove, request.update, request.update_all)):
        raise InvalidRequest("The request changes nothing.", "Name packages to add, to remove or to update.")
    twice = sorted(dropped & (moved | {matchspec.spec_name(text) for text in request.add}))
    if twice:
        raise InvalidRequest(f"{_and(twice)} cannot both go and stay.", "Name each package once.", packages=twice)


def _names(texts: Sequence[str]) -> set[str]:
    for text in texts:
        if matchspec.spec_name(text) != text.strip().lower():
            raise InvalidRequest(
                f"{text!r} is more than the name of a package to update.", "To ask for a version, add it."
            )
    return {matchspec.spec_name(text) for text in texts}


def base_now(lock: Lock) -> Base | None:
    """What the overlay of ``lock`` stands on, as it is now.

    Raises Refused where that is gone, or has another Python: compiled packages and bytecode would not fit it.
    """
    if lock.base is None:
        return None
    below = Path(lock.base.prefix)
    if not environments.is_environment(below):
        raise Refused(
            f"The environment it stands on, {below}, is gone.",
            "Put it back, or make an environment of its own with `jupyter condaenv create`.",
            base=str(below),
        )
    base = stack.base_of(below)
    before, after = (stack.python_minor_of(packages) for packages in (lock.base.packages, base.packages))
    if before != after:
        raise Refused(
            f"The environment it stands on, {below}, has moved from Python {before} to {after}.",
            "Stack the same packages on it anew with `jupyter condaenv stack`.",
            base=str(below),
        )
    return base if base.digest != lock.base.digest else lock.base


def _without(lock: Lock, dropped: set[str], specs: tuple[str, ...]) -> Lock:
    """``lock`` without ``dropped`` and without what only they needed. Needs no channel."""
    by_name = {package.name: package for package in lock.packages}
    wanted = {matchspec.spec_name(spec) for spec in specs}
    may_go = _closure(dropped, by_name)
    needed = _closure({name for name in by_name if name not in may_go or name in wanted} - dropped, by_name)
    still = sorted(dropped & needed)
    if still:
        raise _still_needed(still, [by_name[name] for name in needed])
    return replace(lock, specs=specs, packages=tuple(package for package in lock.packages if package.name in needed))


def _closure(names: Iterable[str], packages: Mapping[str, Package]) -> set[str]:
    """``names`` and all that they need, as far as it is in ``packages``."""
    found: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        if name in packages and name not in found:
            found.add(name)
            todo += _needs(packages[name])
    return found


def _still_needed(names: list[str], packages: Iterable[Package]) -> Refused:
    return _not_removed(
        {
            name: sorted(package.name for package in packages if package.name != name and name in _needs(package))
            for name in names
        }
    )


def _not_removed(who: dict[str, list[str]]) -> Refused:
    """``who`` needs what."""
    told = "; ".join(
        f"{name} is needed by {_and(users) if users else 'what was asked for'}" for name, users in who.items()
    )
    return Refused(f"Nothing was removed: {told}.", "Remove those packages as well, or keep it.", needed_by=who)


def _needs(package: Package) -> set[str]:
    """Names of the packages that ``package`` depends on."""
    return matchspec.names(package.depends)


def _plan(prefix: str, verb: str, before: Lock | None, lock: Lock, settings: Settings) -> Plan:
    """``before`` is what there is; None where a new environment is made."""
    found = changes.compare(before.packages if before is not None else (), lock.packages)
    incoming = [change.after for change in found if change.after is not None]
    there = package_cache.cached(incoming, Path(settings.cache_dir))
    if settings.offline:
        offline.check([package for package in incoming if package.name not in there])
    return Plan(
        prefix=prefix,
        verb=verb,
        before=_state(Path(prefix), before),
        lock=lock,
        changes=found,
        download_bytes=sum(package.size for package in incoming if package.name not in there),
    )


def _check_lock(lock: Lock, source: str, *, bare: bool = False) -> None:
    """Raises InvalidRequest or Outdated unless ``lock`` can be made into an environment here and now."""
    lockfiles.check(lock, source, bare=bare)
    if lock.base is not None:
        _check_base(lock.base)
    if lock.platform != host.platform():
        raise InvalidRequest(
            f"{source} is for {lock.platform}, and this machine is {host.platform()}.",
            "Lock the same requests on this machine.",
        )


def _check_base(base: Base) -> None:
    there = environments.is_environment(Path(base.prefix))
    if not there or not stack.base_of(Path(base.prefix)).digest == base.digest == digest(base.packages, base.pip):
        raise Outdated(
            f"This lock stands on {base.prefix}, which is not as it was when the lock was made.",
            "Stack the same requests on it again with `jupyter condaenv stack`.",
            base=base.prefix,
        )


def _in_base(lock: Lock, names: list[str]) -> bool:
    return lock.base is not None and set(names) <= {package.name for package in lock.base.packages}


def _and(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else "".join(names)
