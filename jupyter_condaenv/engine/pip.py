"""Python packages of pip beside conda's, as part of the same change.

Conda's come first, and nothing of theirs is ever overwritten: pip is held to their versions, and what it installs is
compared with what they own. What it is asked for and what it installed for that, file by file with hashes, is part of
the lock: so a rollback has it again, and the next change carries it along or, where it no longer fits, finds anew.
What a person installs with pip by hand stays as it is and is only named where it is left behind.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from msgspec.structs import replace
from packaging.requirements import Requirement

from . import (
    changes,
    installers,
    limits,
    requirements,
    sites,
    stack,
    staging,
    wheels,
)
from . import prefix as prefixes
from .distributions import Site
from .errors import InvalidRequest, Refused, StorageError
from .model import Lock, PipPackage, PipPart, Plan, Progress, Settings
from .telling import Emit


def planned(plan: Plan, now: Lock | None, settings: Settings, *, exact: bool = False) -> Plan:
    """``plan`` with what pip has to do with it; ``now`` is what is there, if there is an environment.

    ``exact``: its lock says already what pip installs. Else pip is asked, where conda's packages are in place. Raises
    Refused or InvalidRequest where pip cannot do anything, and what ``installers`` raises.
    """
    lock = plan.lock
    before = now or replace(lock, pip=(), pip_specs=(), packages=())
    again, stranded = _left_behind(plan, before)
    if not (lock.pip_specs or lock.pip or before.pip or before.pip_specs or stranded):
        return plan
    if lock.pip_specs or lock.pip:
        _check_possible(lock, settings)
    resolved = True
    if not exact and not plan.changes and now is not None:
        lock = replace(lock, pip=_found_now(plan, before, settings))
    elif not exact:
        resolved = not lock.pip_specs
        lock = replace(lock, pip=_needed(lock.pip_specs, lock.pip, before, sites.look(Path(plan.prefix), before)))
    part = PipPart(changes=changes.compare_pip(before.pip, lock.pip), resolved=resolved, again=again, stranded=stranded)
    return replace(plan, lock=lock, pip=part)


def taken(plan: Plan, settings: Settings) -> list[wheels.Taken]:
    """What those packages take that pip is known to install for ``plan``. Servers may be asked."""
    python = sites.python_of(plan.lock)
    if plan.pip is None or not plan.pip.resolved or python is None:
        return []
    new = {change.name for change in plan.pip.changes if change.after}
    packages = [one for one in plan.lock.pip if one.name in new]
    minor = prefixes.python_minor(python.version)
    return wheels.sizes(packages, minor, Path(settings.cache_dir), offline=settings.offline)


def done(plan: Plan, before: Lock | None, lock: Lock) -> Plan:
    """``plan`` as it was carried out: ``lock`` is what there was ``before`` has become."""
    if plan.pip is None:
        return plan
    found = changes.compare_pip(before.pip if before is not None else (), lock.pip)
    return replace(plan, lock=lock, pip=replace(plan.pip, changes=found, resolved=True))


def _left_behind(plan: Plan, before: Lock) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What another Python minor leaves behind: what was asked for here, and what was not."""
    old, new = stack.python_minor_of(before.packages), stack.python_minor_of(plan.lock.packages)
    if not old or old == new:
        return (), ()
    recorded = {one.name for one in before.pip}
    there = sites.listed(Path(plan.prefix), before)
    return (
        tuple(str(one) for one in there if one.name in recorded),
        tuple(str(one) for one in there if one.name not in recorded),
    )


def _check_possible(lock: Lock, settings: Settings) -> None:
    if sites.python_of(lock) is None:
        raise InvalidRequest(
            f"pip is asked for {', '.join(lock.pip_specs)}, and there is no Python in the environment.",
            "Ask for the package python as well.",
        )
    if _installer_of(lock, settings) is None:
        raise Refused(
            f"pip is asked for {', '.join(lock.pip_specs)}, and there is no pip in the environment.",
            "Add the package pip to it" + (", in what it stands on." if lock.base is not None else "."),
        )


def _installer_of(lock: Lock, settings: Settings) -> str | None:
    """The program that installs: the path of uv, ``pip``, or None where there is neither. uv would install a second
    time what an overlay has from its base."""
    if lock.base is None and settings.uv and (uv := installers.uv_program()):
        return uv
    below = lock.base.packages if lock.base is not None else ()
    return "pip" if any(package.name == "pip" for package in (*lock.packages, *below)) else None


def installer(
    lock: Lock, root: Path, work: staging.Workspace, settings: Settings, emit: Emit | None
) -> installers.Installer:
    """For the environment at ``root``, which is the prefix of ``work`` or its stage."""
    python, scratch = root / "bin" / "python", partial(staging.scratch, work)
    which, version = _installer_of(lock, settings), sites.python_of(lock)
    assert which is not None and version is not None, "_check_possible makes sure of it"
    seconds = 0

    def tick() -> None:
        nonlocal seconds
        seconds += round(installers.EVERY)
        if emit is not None:
            emit(Progress(phase="pip", done=seconds, unit="seconds"))

    if which != "pip":
        return installers.Uv(which, python, scratch, offline=settings.offline, tick=tick)
    minor = prefixes.python_minor(version.version)
    return installers.Pip(python, minor, Path(settings.cache_dir), scratch, offline=settings.offline, tick=tick)


def _found_now(plan: Plan, before: Lock, settings: Settings) -> tuple[PipPackage, ...]:
    """What there will be for the requirements of ``plan``, which changes nothing of conda's."""
    specs, prefix = plan.lock.pip_specs, Path(plan.prefix)
    site = sites.look(prefix, before)
    if set(specs) <= set(before.pip_specs):
        return _needed(specs, before.pip, before, site)
    program = installer(plan.lock, prefix, staging.workspace(prefix), settings, None)
    return find(plan.lock, site, sites.given(site, plan.lock), before.pip, program)


def find(
    lock: Lock,
    site: Site,
    given: Mapping[str, str],
    recorded: Sequence[PipPackage],
    program: installers.Installer,
) -> tuple[PipPackage, ...]:
    """What ``program`` says there has to be for what is asked of it, beside conda's packages and what is there."""
    _check_clashes(lock.pip_specs, given, site)
    try:
        found = program.resolve(lock.pip_specs, given)
    except StorageError as error:
        # What it would have fetched is not known.
        raise (limits.explained(error, [limits.Need(site.root, 0, 0)]) if limits.is_full(error) else error) from None
    check_over(found, given, site)
    new = {one.name for one in found}
    there = {*new, *given, *site.others}
    unheard = [
        spec for spec in lock.pip_specs if not Requirement(spec).marker and requirements.name_of(spec) not in there
    ]
    if unheard:
        raise Refused(
            f"{program.name} does not say what it would install for {', '.join(unheard)}.",
            "Nothing was changed. This is a fault in jupyter_condaenv or in that program; please report it.",
        )
    kept = [one for one in recorded if one.name not in new and one.name in site.others]
    return _needed((*lock.pip_specs, *new), (*kept, *found), lock, site)


def check_over(packages: Iterable[PipPackage], given: Mapping[str, str], site: Site) -> None:
    for one in packages:
        if one.name in given:
            whose, hint = _whose(one.name, site)
            raise Refused(f"pip would install {one} over {whose} {one.name} {given[one.name]}.", hint, package=one.name)


def _whose(name: str, site: Site) -> tuple[str, str]:
    """Whose package it is that pip may not replace, and what to do instead."""
    if name in site.conda:
        return "conda's", f"Ask for that version of {name} as a conda package, or leave it out."
    return "the base's", (
        "Packages of the base stay as they are. Leave it out, or make an environment of its own with "
        "`jupyter condaenv create` for another version."
    )


def _needed(specs: Iterable[str], packages: Sequence[PipPackage], lock: Lock, site: Site) -> tuple[PipPackage, ...]:
    """Those of ``packages`` that ``specs`` ask for, and what these need."""
    needed = sites.users(specs, packages, lock, site)
    return tuple(sorted((one for one in packages if one.name in needed), key=lambda one: one.name))


def _check_clashes(specs: Iterable[str], given: Mapping[str, str], site: Site) -> None:
    for spec in specs:
        wanted, name = Requirement(spec), requirements.name_of(spec)
        version = given.get(name)
        if version is None or wanted.marker is not None:
            continue
        if wanted.url is not None or not wanted.specifier.contains(version, prereleases=True):
            whose, hint = _whose(name, site)
            raise Refused(
                f"{spec} is asked of pip, and {whose} {name} {version} is there, which pip does not replace.",
                hint,
                package=name,
            )
