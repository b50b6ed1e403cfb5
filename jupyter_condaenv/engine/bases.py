"""What an overlay stands on, as that is now, and whether what the overlay had earlier still goes with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from . import environments, stack
from .distributions import normalized
from .doctor.needs import unmet
from .errors import CondaEnvError, Refused
from .model import Base, Lock, Package
from .rattler import matchspec


def now(lock: Lock) -> Base | None:
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


def misfits(lock: Lock, base: Base) -> tuple[str, ...]:
    """Why what ``lock`` has does not go with ``base``, which its own base has become, in words; empty where it does."""
    assert lock.base is not None
    own = {package.name: package for package in lock.packages}
    there = {package.name: package for package in base.packages} | own
    then, by_now = _versions(lock.base), _versions(base)
    # By name pip's packages and conda's may be different things, as they were then.
    twice = {one.name for one in lock.pip if one.name in by_now and one.name not in then}
    twice |= own.keys() & {package.name for package in base.packages}
    found = [f"{name} is in both" for name in sorted(twice)]
    for one in unmet(lock.packages, there.values()):
        found.append(f"{one.package.name} {one.package.version} needs {one.need}{_but(one.instead)}")
    found += _kept_apart(there, own)
    for spec in lock.specs:
        name = matchspec.spec_name(spec)
        if name not in own and name in {package.name for package in lock.base.packages}:
            other = there.get(name)
            if other is None or not matchspec.matches(spec, other):
                found.append(f"{spec} was asked for{_but(other)}")
    for package in lock.pip:
        for name in package.dependencies:
            if name in then and by_now.get(name) != then[name]:
                # Only pip knows whether it may be that one as well.
                told = by_now.get(name, "none")
                found.append(f"{package} of pip was chosen for {name} {then[name]}, and there is {told}")
    return tuple(found)


def _kept_apart(there: dict[str, Package], own: dict[str, Package]) -> Iterator[str]:
    """What is ``there`` and does not go together, as far as something of the overlay's ``own`` has part in it."""
    for package in there.values():
        for spec in package.constrains:
            with suppress(CondaEnvError):  # old records have some that nobody can read any more
                other = there.get(matchspec.spec_name(spec))
                if other is None or (package.name not in own and other.name not in own):
                    continue
                if not matchspec.matches(spec, other):
                    yield f"{package.name} {package.version} goes only with {spec}{_but(other)}"


def _but(package: Package | None) -> str:
    return f", and there is {package.version if package is not None else 'none'}"


def _versions(base: Base) -> dict[str, str]:
    """By the name that pip has for it."""
    of_conda = {normalized(package.name): package.version for package in base.packages}
    return of_conda | {one.name: one.version for one in base.pip}
