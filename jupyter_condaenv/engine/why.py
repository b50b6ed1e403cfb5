"""Why a package is in an environment, and what the others there say of it: read from the records, and of pip's packages
from their metadata; nothing is solved."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from . import conda_history, distributions, history, requirements, sites
from . import prefix as prefixes
from .errors import NotFound
from .fitting import name_of
from .model import Demand, Lock, PipPackage, Reason, Reasons
from .sites import Need


def reasons_in(prefix: Path, name: str) -> Reasons:
    """``reasons`` for the environment at ``prefix``."""
    lock = history.current_lock(prefix)
    return reasons(name, lock, sites.listed(prefix, lock), sites.needs(prefix, lock), prefixes.pins(prefix))


def reasons(
    name: str, lock: Lock, of_pip: Sequence[PipPackage] = (), needs: Sequence[Need] = (), pins: Sequence[str] = ()
) -> Reasons:
    """What asks for the package ``name`` in the environment that ``lock`` is of, its bases included; ``of_pip`` are
    pip's packages in it, ``needs`` theirs, and ``pins`` its own.

    Raises NotFound where it is not there and nothing that is there says anything of it.
    """
    below = {package.name: package for package in (lock.base.packages if lock.base is not None else ())}
    there = below | {package.name: package for package in lock.packages}
    versions = {one.package: one.version for one in needs} | {one.name: one.version for one in of_pip}
    wanted = name.lower()
    if wanted not in there and distributions.normalized(name) in versions:
        wanted = distributions.normalized(name)
    demands = [(name_of(spec), one.name, spec) for one in there.values() for spec in one.depends]
    needed = _by_name([*demands, *((one.wanted, one.package, one.requirement) for one in needs)])
    constrained = _by_name((name_of(spec), one.name, spec) for one in there.values() for spec in one.constrains)
    asked: dict[str, list[str]] = {}
    for spec in lock.specs:
        asked.setdefault(conda_history.name_of(spec), []).append(spec)
    for spec in lock.pip_specs:
        asked.setdefault(requirements.name_of(spec), []).append(spec)
    version = there[wanted].version if wanted in there else versions.get(wanted, "")
    if not version and not any(wanted in said for said in (needed, constrained, asked)):
        raise NotFound(
            f"There is no package {name!r} in this environment, and nothing in it says anything of one.",
            "`jupyter condaenv show ENV` lists its packages.",
            name=name,
        )
    ways = _ways(wanted, needed, asked)
    return Reasons(
        name=wanted,
        version=version,
        below=wanted in below,
        asked=tuple(asked.get(wanted, ())),
        reasons=tuple(
            Reason(asked=spec, through=ways[user])
            for user in sorted(ways, key=lambda user: (len(ways[user]), user))
            for spec in asked[user]
        ),
        needed_by=tuple(needed.get(wanted, ())),
        constrained_by=tuple(constrained.get(wanted, ())),
        pins=tuple(pin for pin in pins if name_of(pin) == wanted),
    )


def _by_name(said: Iterable[tuple[str, str, str]]) -> dict[str, list[Demand]]:
    """Each package that a spec is about -> who says so, by name; given as what it is about, who says it, and what."""
    found: dict[str, list[Demand]] = {}
    for about, package, spec in said:
        found.setdefault(about, []).append(Demand(package=package, spec=spec))
    return {name: sorted(demands, key=lambda demand: demand.package) for name, demands in found.items()}


def _ways(name: str, needed: dict[str, list[Demand]], ends: Iterable[str]) -> dict[str, tuple[Demand, ...]]:
    """Each of ``ends`` that ``name`` is there for, with a shortest way from it to ``name``."""
    steps: dict[str, tuple[Demand, str]] = {}
    """Who says what, and of whom."""
    todo = deque([name])
    while todo:
        one = todo.popleft()
        for demand in needed.get(one, ()):
            if demand.package != name and demand.package not in steps:
                steps[demand.package] = (demand, one)
                todo.append(demand.package)
    return {end: tuple(_way(end, steps)) for end in ends if end in steps}


def _way(end: str, steps: dict[str, tuple[Demand, str]]) -> Iterator[Demand]:
    while end in steps:
        demand, end = steps[end]
        yield demand
