"""What the packages of a lock need of each other, and what may go with one that goes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from .errors import Refused
from .model import Lock, Package
from .rattler import matchspec
from .telling import enumerated


def closure(names: Iterable[str], packages: Mapping[str, Package]) -> set[str]:
    """``names`` and all that they need, as far as it is in ``packages``."""
    found: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        if name in packages and name not in found:
            found.add(name)
            todo += _needs(packages[name])
    return found


def without(lock: Lock, dropped: set[str], specs: tuple[str, ...]) -> Lock:
    """``lock`` without ``dropped`` and without what only they needed. Needs no channel. Raises Refused."""
    by_name = {package.name: package for package in lock.packages}
    wanted = {matchspec.spec_name(spec) for spec in specs}
    may_go = closure(dropped, by_name)
    needed = closure({name for name in by_name if name not in may_go or name in wanted} - dropped, by_name)
    still = sorted(dropped & needed)
    if still:
        raise still_needed(still, [by_name[name] for name in needed])
    return replace(lock, specs=specs, packages=tuple(package for package in lock.packages if package.name in needed))


def orphans(lock: Lock, specs: Iterable[str], dropped: set[str]) -> tuple[str, ...]:
    """Names of packages that nobody asked for and nothing needs, as in an environment that another tool made: they
    stay, but for what only ``dropped`` packages need."""
    by_name = {package.name: package for package in lock.packages}
    going = closure(dropped, by_name)
    return tuple(sorted(by_name.keys() - closure(specs, by_name) - going))


def still_needed(names: list[str], packages: Iterable[Package]) -> Refused:
    """What tells that ``names`` cannot go, for some of ``packages`` need them."""
    return not_removed(
        {
            name: sorted(package.name for package in packages if package.name != name and name in _needs(package))
            for name in names
        }
    )


def not_removed(who: dict[str, list[str]]) -> Refused:
    """What tells that none of the names in ``who`` can go, each with those that need it."""
    told = "; ".join(
        f"{name} is needed by {enumerated(users) if users else 'what was asked for'}" for name, users in who.items()
    )
    return Refused(f"Nothing was removed: {told}.", "Remove those packages as well, or keep it.", needed_by=who)


def _needs(package: Package) -> set[str]:
    """Names of the packages that ``package`` depends on."""
    return matchspec.names(package.depends)
