"""What pip has installed, for machines of other platforms: known where it is the same for all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace

from . import history, sites, stack
from .model import Lock, PipPackage

_MACHINES: Mapping[str, Mapping[str, str]] = {
    "linux": {"os_name": "posix", "sys_platform": "linux", "platform_system": "Linux"},
    "osx": {"os_name": "posix", "sys_platform": "darwin", "platform_system": "Darwin"},
    "win": {"os_name": "nt", "sys_platform": "win32", "platform_system": "Windows"},
}
_PROCESSORS = {
    "linux-64": "x86_64",
    "linux-aarch64": "aarch64",
    "osx-64": "x86_64",
    "osx-arm64": "arm64",
    "win-64": "AMD64",
}
_FOR_ALL = "-none-any.whl"
"""How the names of wheels end that are for every platform (PEP 427)."""


def of_pip(prefix: Path, there: Sequence[PipPackage], made: Lock) -> tuple[PipPackage, ...] | None:
    """``there``, which pip has at ``prefix``, as it is beside the packages of conda that ``made`` has for its platform.

    None where that could only be found out on such a machine: with another minor of Python, with a package that has no
    wheel for every platform, or with one that needs something else there.
    """
    lock = history.current_lock(prefix)
    python = sites.python_of(lock)
    if python is None or stack.python_minor_of((python,)) != stack.python_minor_of(made.packages):
        return None
    own = made.platform == lock.platform
    found = there if own else [one for package in there if (one := _for_all(package)) is not None]
    names = {one.name for one in found}
    if len(names) != len(there):
        return None
    beside = {package.name: package.version for package in made.packages}
    system = made.platform.partition("-")[0]
    machine = {**_MACHINES[system], "platform_machine": _PROCESSORS[made.platform]}
    for need in sites.needs(prefix, lock, machine):
        if need.package in names and need.wanted not in names:
            version = beside.get(need.wanted, "")
            if not version or not sites.is_met(need.requirement, version):
                return None
    return tuple(found)


def _for_all(package: PipPackage) -> PipPackage | None:
    """By its wheel for every platform."""
    file = next((file for file in package.files if file.name.endswith(_FOR_ALL)), None)
    return None if file is None else replace(package, files=(file,))
