"""Whether a package can come into an environment as that is, by what both say they need.

Without py-rattler, for those that only look: nothing is solved, what is not there yet counts as if it could come, and
a spec that cannot be read here counts as met. The solver has the last word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

from . import versions
from .model import Lock

_NAME = re.compile(r"(?:\S*::)?([A-Za-z0-9_.-]+)")
_GLUED_BUILD = re.compile(r"(=?=[^=<>!~,|]+)=([^=]+)\Z")
_OPERATOR = re.compile(r"(==|!=|>=|<=|~=|=|>|<|)(.*)\Z", re.DOTALL)
_SPACE = re.compile(r"(?<=[<>=!~,|])\s+|\s+(?=[,|])")
"""Within one part of a spec."""


class Surroundings:
    """What is in an environment, its bases included."""

    def __init__(self, lock: Lock) -> None:
        below = lock.base.packages if lock.base is not None else ()
        self._present = {package.name: (package.version, package.build) for package in (*below, *lock.packages)}
        for text in lock.virtual_packages:
            name, _, rest = text.partition("=")
            version, _, build = rest.partition("=")
            self._present[name] = (version, build)
        self._knows_virtual = bool(lock.virtual_packages)
        self._wishes: dict[str, list[tuple[str, str]]] = {}
        for package in (*below, *lock.packages):
            for spec in (*package.depends, *package.constrains):
                self._wishes.setdefault(name_of(spec), []).append((package.name, spec))
        self._met: dict[str, bool] = {}

    def obstacles(
        self, name: str, version: str, build: str, depends: Iterable[str], constrains: Iterable[str]
    ) -> list[str]:
        """What is in the way of this build of the package ``name``, in words; nothing where it fits."""
        found = [f"it needs {self._told(spec)}" for spec in depends if not self._meets(spec, needed=True)]
        found += [f"it goes with {self._told(spec)}" for spec in constrains if not self._meets(spec, needed=False)]
        found += [
            f"{other} goes with {spec}"
            for other, spec in self._wishes.get(name, ())
            if other != name and not allows(spec, version, build)
        ]
        return list(dict.fromkeys(found))

    def _told(self, spec: str) -> str:
        name = name_of(spec)
        there = f"it is {self._present[name][0]}" if name in self._present else "this machine has none"
        return f"{spec} ({there})"

    def _meets(self, spec: str, *, needed: bool) -> bool:
        """Whether ``spec`` is met, or could be by what comes."""
        name = name_of(spec)
        if name not in self._present:
            return not (needed and name.startswith("__") and self._knows_virtual)
        if spec not in self._met:
            self._met[spec] = allows(spec, *self._present[name])
        return self._met[spec]


def name_of(spec: str) -> str:
    """The package that the spec of a record is about."""
    match = _NAME.match(spec.strip())
    return match[1].lower() if match else ""


def allows(spec: str, version: str, build: str) -> bool:
    """Whether ``spec``, as it stands in records (``name``, ``name version`` or ``name version build``, also with ``=``
    between them; CEP 29), allows this version and build of the package that it names."""
    match = _NAME.match(spec.strip())
    if match is None or "[" in spec:
        return True
    rest = _SPACE.sub("", spec.strip()[match.end() :])
    glued = _GLUED_BUILD.match(rest.strip())
    of_version, of_build = glued.groups() if glued else [*rest.split(), "", ""][:2]
    return _allows_version(of_version, version) and _allows_build(of_build, build)


def _allows_build(pattern: str, build: str) -> bool:
    return not pattern or pattern.startswith("^") or fnmatchcase(build, pattern.replace("[", "[[]"))


def _allows_version(expression: str, version: str) -> bool:
    if re.search(r"[()^$]", expression):
        return True
    return any(all(_holds(one, version) for one in every.split(",")) for every in expression.split("|"))


def _holds(condition: str, version: str) -> bool:
    operator, wanted = _OPERATOR.match(condition.strip()).groups()  # type: ignore[union-attr]
    plain = wanted.removesuffix("*").removesuffix(".")
    if not plain:
        return operator != "!="
    if operator == "=" or (operator in ("", "==") and wanted != plain):
        return versions.starts_with(version, plain)
    if operator == "!=" and wanted != plain:
        return not versions.starts_with(version, plain)
    sign = versions.compare(version, plain)
    if operator == "~=":
        return sign >= 0 and versions.starts_with(version, plain.rpartition(".")[0])
    return {
        "": sign == 0,
        "==": sign == 0,
        "!=": sign != 0,
        "<": sign < 0,
        "<=": sign <= 0,
        ">": sign > 0,
        ">=": sign >= 0,
    }[operator]
