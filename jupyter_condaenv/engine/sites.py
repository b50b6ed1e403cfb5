"""The Python packages of an environment, told apart by who put them there: conda, or pip, uv and people."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from packaging.markers import default_environment
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from . import distributions, requirements, stack
from . import prefix as prefixes
from .distributions import Distribution, Site
from .model import Lock, Package, PipPackage
from .prefix import Record


def listed(prefix: Path, lock: Lock) -> tuple[PipPackage, ...]:
    """What is in ``prefix`` itself beside conda's packages, sorted by name; with its files where ``lock``, the
    environment's, knows them."""
    known = {one.name: one for one in lock.pip}
    there = look(prefix, lock).others
    return tuple(
        known[name] if is_package(there[name], known.get(name)) else PipPackage(name=name, version=there[name].version)
        for name in sorted(there)
    )


def look(prefix: Path, lock: Lock) -> Site:
    """The Python packages of the environment at ``prefix``, whose ``lock`` this is."""
    python = python_of(lock)
    if python is None:
        return Site(prefix, {}, {}, set())
    return distributions.look(prefix, prefixes.site_packages(python), prefixes.records(prefix))


def is_package(one: Distribution | None, package: PipPackage | None) -> bool:
    """Whether what is there is ``package``."""
    return one is not None and package is not None and requirements.same_version(one.version, package.version)


def python_of(lock: Lock) -> Package | None:
    return stack.python_of(lock.packages) or (stack.python_of(lock.base.packages) if lock.base is not None else None)


def below(lock: Lock) -> list[Path]:
    """The levels that an overlay stands on."""
    return [Path(level) for level in stack.levels(lock.base.prefix)] if lock.base is not None else []


def paths(root: Path, one: Distribution) -> list[str]:
    """What was installed with ``one`` inside of ``root``, relative to it."""
    found = []
    for file in distributions.files(one):
        path = os.path.relpath(file, root)
        inside = not path.startswith("../") and path not in (".", "..")
        # A folder on the way may be a link to somewhere else.
        if inside and Path(os.path.realpath(file.parent)).is_relative_to(os.path.realpath(root)):
            found.append(path)
    return found


def damaged(root: Path, one: Distribution) -> list[str]:
    """What was installed with it and is missing, or other than its ``RECORD`` says; relative to ``root``.

    Compiled Python may go and come. Scripts begin with a path, which a clone or a move of the environment changes.
    """
    inside = set(paths(root, one))
    found = []
    for path, promised in distributions.promises(one):
        relative = os.path.relpath(path, root)
        if relative not in inside or path.suffix == ".pyc":
            continue
        if not os.path.lexists(path):
            found.append(relative)
        elif promised and not relative.startswith("bin/"):
            with suppress(OSError):
                if distributions.record_hash(path.read_bytes()) != promised:
                    found.append(relative)
    return found


def given(site: Site, lock: Lock) -> dict[str, str]:
    """The Python packages that pip may not touch, with their versions: conda's, and all that is below an overlay."""
    python = python_of(lock)
    assert python is not None
    found = [one for level in below(lock) for one in distributions.installed(level / prefixes.site_packages(python))]
    versions: dict[str, str] = {}
    for one in (*found, *site.conda.values()):
        with suppress(InvalidVersion):  # a line that pip cannot read would make it refuse everything
            versions[distributions.normalized(one.name)] = str(Version(one.version))
    return {name: versions[name] for name in sorted(versions) if name}


NOTHING: Mapping[str, str] = {}


class Need(NamedTuple):
    """What one of pip's packages needs."""

    package: str
    version: str
    requirement: str
    """As its metadata has it, without the condition under which it holds."""
    wanted: str
    """What would fulfil it: by conda's name, where conda has it."""
    there: str
    """The version of that; empty where there is none."""
    met: bool


def needs(prefix: Path, lock: Lock, machine: Mapping[str, str] = NOTHING) -> tuple[Need, ...]:
    """What the packages need that pip has put into the environment at ``prefix``, whose ``lock`` this is, and into
    those that it stands on; sorted. Needs of extras are among them where somebody asks for these. Conditions are those
    of this machine, but for what ``machine`` says of another (PEP 508, "Environment markers")."""
    python = python_of(lock)
    if python is None:
        return ()
    found: dict[str, tuple[str, list[Requirement]]] = {}
    versions: dict[str, str] = {}
    names: dict[str, str] = {}
    folder = prefixes.site_packages(python)
    for level in (*below(lock), prefix):
        records = list(prefixes.records(level))
        site = distributions.look(level, folder, records)
        names.update(_of_conda(records, folder))
        for name, one in (*site.conda.items(), *site.others.items()):
            versions[name] = one.version
        found |= {name: (one.version, _requirements(one)) for name, one in site.others.items()}
    asked = [*((name, frozenset[str]()) for name in found), *map(_asked, lock.pip_specs)]
    wants = {name: wanted for name, (_, wanted) in found.items()}
    holding = _holding(asked, lambda name: wants.get(name, []), {**_markers(python), **machine})
    return tuple(
        Need(
            package=name,
            version=found[name][0],
            requirement=_shown(one),
            wanted=names.get(canonicalize_name(one.name), canonicalize_name(one.name)),
            there=versions.get(canonicalize_name(one.name), ""),
            met=is_met(_shown(one), versions.get(canonicalize_name(one.name), "")),
        )
        for name, one in sorted(holding, key=lambda pair: (pair[0], wants[pair[0]].index(pair[1])))
    )


def users(specs: Iterable[str], packages: Iterable[PipPackage], lock: Lock, site: Site) -> dict[str, set[str]]:
    """What ``specs`` ask for, and what that needs in turn, each with the packages that need it: with those extras only
    that are asked for. Read from what is there, in ``site`` and below it; for those of ``packages`` that are not there
    yet, what is recorded of them."""
    python = python_of(lock)
    if python is None:
        return {}
    there = {
        distributions.normalized(one.name): one
        for level in below(lock)
        for one in distributions.installed(level / prefixes.site_packages(python))
    }
    there |= site.conda | site.others
    recorded = {one.name: one for one in packages if not is_package(there.get(one.name), one)}

    def wants(name: str) -> list[Requirement]:
        if name in recorded:
            return list(map(Requirement, recorded[name].dependencies))
        return _requirements(there[name]) if name in there else []

    asked = list(map(_asked, specs))
    found: dict[str, set[str]] = {name: set() for name, _ in asked}
    for name, one in _holding(asked, wants, _markers(python)):
        found.setdefault(canonicalize_name(one.name), set()).add(name)
    return found


def _markers(python: Package) -> dict[str, str]:
    """What conditions ask of this machine, and of ``python``."""
    return {
        **{key: str(value) for key, value in default_environment().items()},
        "python_version": prefixes.python_minor(python.version),
        "python_full_version": python.version,
        "implementation_version": python.version,
    }


def _requirements(one: Distribution) -> list[Requirement]:
    found = []
    for text in distributions.requires(one):
        with suppress(InvalidRequirement):
            found.append(Requirement(text))
    return found


def _asked(spec: str) -> tuple[str, Set[str]]:
    """The name and the extras."""
    one = Requirement(spec)
    return canonicalize_name(one.name), one.extras


def _holding(
    asked: Iterable[tuple[str, Set[str]]], wants: Callable[[str], list[Requirement]], machine: Mapping[str, str]
) -> list[tuple[str, Requirement]]:
    """What the packages ``asked`` for, each with extras of it, want that holds on ``machine``, and what that wants in
    turn, each with who wants it: with the extras that these needs themselves name."""
    extras: dict[str, set[str]] = {}
    holding: dict[tuple[str, Requirement], None] = {}
    todo = list(asked)
    while todo:
        name, more = todo.pop()
        fresh = {"", *more} - extras.setdefault(name, set())
        extras[name] |= fresh
        for wanted in wants(name) if fresh else ():
            holds = wanted.marker is None or any(wanted.marker.evaluate({**machine, "extra": one}) for one in fresh)
            if holds and (name, wanted) not in holding:
                holding[name, wanted] = None
                todo.append((canonicalize_name(wanted.name), wanted.extras))
    return list(holding)


def _of_conda(records: Iterable[Record], folder: str) -> Iterator[tuple[str, str]]:
    """By the name of a distribution, that of the package of conda which brings it."""
    for record in records:
        for entry in record.paths:
            info, _, file = entry.path.removeprefix(f"{folder}/").partition("/")
            if file in ("METADATA", "PKG-INFO") and (name := distributions.name_of(info)):
                yield name, record.name


def _shown(one: Requirement) -> str:
    return str(one).partition("; ")[0].strip()


def is_met(requirement: str, version: str) -> bool:
    """Whether ``version`` of what it is about fulfils it; what nobody can tell is taken to."""
    wanted = Requirement(requirement)
    if not version or wanted.url is not None:
        return bool(version)
    with suppress(InvalidVersion):
        return wanted.specifier.contains(Version(version), prereleases=True)
    return True
