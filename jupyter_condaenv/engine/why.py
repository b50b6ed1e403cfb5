"""Why a package is in an environment, and what the others there say of it: read from the records, nothing is solved."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from .errors import NotFound
from .fitting import name_of
from .model import Demand, Lock, Package, Reason, Reasons


def reasons(name: str, lock: Lock) -> Reasons:
    """What asks for the package ``name`` in the environment that ``lock`` is of, its bases included.

    Raises NotFound where it is not there and nothing that is there says anything of it.
    """
    wanted = name.lower()
    below = {package.name: package for package in (lock.base.packages if lock.base is not None else ())}
    there = below | {package.name: package for package in lock.packages}
    needed = _by_name((package, package.depends) for package in there.values())
    constrained = _by_name((package, package.constrains) for package in there.values())
    asked: dict[str, list[str]] = {}
    for spec in lock.specs:
        asked.setdefault(name_of(spec), []).append(spec)
    found = there.get(wanted)
    if found is None and not any(wanted in said for said in (needed, constrained, asked)):
        raise NotFound(
            f"There is no package {name!r} in this environment, and nothing in it says anything of one.",
            "`jupyter condaenv show` lists its packages.",
            name=name,
        )
    ways = _ways(wanted, needed, asked)
    return Reasons(
        name=wanted,
        version=found.version if found is not None else "",
        below=wanted in below,
        asked=tuple(asked.get(wanted, ())),
        reasons=tuple(
            Reason(asked=spec, through=ways[user])
            for user in sorted(ways, key=lambda user: (len(ways[user]), user))
            for spec in asked[user]
        ),
        needed_by=tuple(needed.get(wanted, ())),
        constrained_by=tuple(constrained.get(wanted, ())),
    )


def _by_name(said: Iterable[tuple[Package, Iterable[str]]]) -> dict[str, list[Demand]]:
    """Each package that a spec is about -> who says so, by name."""
    found: dict[str, list[Demand]] = {}
    for package, specs in said:
        for spec in specs:
            found.setdefault(name_of(spec), []).append(Demand(package=package.name, spec=spec))
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
