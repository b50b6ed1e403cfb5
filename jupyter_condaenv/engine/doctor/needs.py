"""What packages need and do not have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple

from ..errors import CondaEnvError
from ..model import Package
from ..rattler import matchspec


class Unmet(NamedTuple):
    """``package`` needs ``need``, of which there is nothing, or only ``instead``."""

    package: Package
    need: str
    instead: Package | None


def unmet(packages: Iterable[Package], present: Iterable[Package]) -> Iterator[Unmet]:
    """What ``packages`` need and is not among those ``present``."""
    there = {package.name: package for package in present}
    for package in packages:
        for need in package.depends:
            if need.startswith("__"):
                continue
            with suppress(CondaEnvError):  # old records have needs that nobody can read any more
                found = there.get(matchspec.spec_name(need))
                if found is None or not matchspec.matches(need, found):
                    yield Unmet(package, need, found)
