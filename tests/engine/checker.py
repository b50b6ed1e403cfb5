"""Whether a set of packages is a solution, told without the solver and without its way of reading specs.

Only the forms that stand in repodata and in our tests are understood; any other is an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from jupyter_condaenv.engine import versions
from jupyter_condaenv.engine.model import Package

_OPERATOR = re.compile(r"(>=|<=|==|!=|~=|>|<|=)?\s*(.+)\Z")
_FIELD = re.compile(r"(\w+)=(?:'([^']*)'|\"([^\"]*)\"|([^,\]]*))")
_NAME = re.compile(r"([A-Za-z0-9_.-]+)\s*(.*)\Z", re.DOTALL)


def faults(
    packages: Sequence[Package],
    specs: Iterable[str],
    virtual: Iterable[str],
    channels: Sequence[str] = (),
    names: Mapping[str, set[str]] | None = None,
    constraints: Iterable[str] = (),
) -> list[str]:
    """What is wrong with ``packages`` as an answer to ``specs``; nothing when it is one.

    ``names`` are those that each of ``channels`` (in order of strict priority) has.
    """
    found: list[str] = []
    there = {package.name: (package.version, package.build, package.build_number) for package in packages}
    if len(there) < len(packages):
        found.append("two records of one name")
    for text in virtual:
        name, version, build = text.split("=", 2)
        there[name] = (version, build, 0)
    for spec in specs:
        if not _met(spec, there):
            found.append(f"{spec} was asked for")
    for package in packages:
        found += [f"{package} needs {text}" for text in package.depends if not _met(text, there)]
        found += [
            f"{package} goes only with {text}" for text in package.constrains if not _met(text, there, absent=True)
        ]
    found += [f"{text} is pinned" for text in constraints if not _met(text, there, absent=True)]
    named = {split(spec)[0] for spec in specs if "::" in spec}
    for package in packages:
        first = next((channel for channel in channels if package.name in (names or {}).get(channel, ())), None)
        if first is not None and package.name not in named and package.channel != first:
            found.append(f"{package} comes from {package.channel}, and {first} has one of that name")
    return found


def _met(spec: str, there: Mapping[str, tuple[str, str, int]], *, absent: bool = False) -> bool:
    name, version, build, number = split(spec)
    if name not in there:
        return absent
    has_version, has_build, has_number = there[name]
    return fits(version, has_version) and fnmatchcase(has_build, build or "*") and number in (None, has_number)


def split(spec: str) -> tuple[str, str, str, int | None]:
    """Name, versions, build and build number; empty where the spec says nothing."""
    plain = spec.rpartition("::")[2].strip()
    plain, _, fields = plain.partition("[")
    given = {match[1]: match[2] or match[3] or match[4] for match in _FIELD.finditer(fields)}
    match = _NAME.match(plain)
    assert match is not None, spec
    name, rest = match[1].lower(), match[2].strip()
    if re.match(r"=[^=]", rest) and " " not in rest and rest.count("=") >= 2 and "," not in rest:
        version, build = rest[1:].rsplit("=", 1)  # name=1.0=build, where the version is exact
        version = version if "*" in version else f"=={version}"
    else:
        words = rest.split()
        joined = bool(words) and len(words) == 2 and not words[0].endswith((">", "<", "=", ",", "|"))
        version, build = (
            (words[0], words[1]) if joined and words[1][0] not in "<>=!~,|" else (rest.replace(" ", ""), "")
        )
    number = given.get("build_number")
    return name, given.get("version", version), given.get("build", build), int(number) if number else None


def fits(wanted: str, version: str) -> bool:
    """Whether ``version`` is one of those that ``wanted`` means (CEP 29)."""
    if wanted in ("", "*"):
        return True
    return any(
        all(_one(part.strip(), version) for part in either.split(",")) for either in wanted.strip("()").split("|")
    )


def _one(part: str, version: str) -> bool:
    match = _OPERATOR.match(part)
    assert match is not None, part
    operator, bound = match[1] or "", match[2].strip()
    if bound == "*":
        return True
    if operator == "=" or (bound.endswith("*") and operator in ("", "==")):
        return _begins(version, bound)
    if operator == "!=" and bound.endswith("*"):
        return not _begins(version, bound)
    order = versions.compare(version, bound.rstrip("*").rstrip(".") if bound.endswith("*") else bound)
    if operator == "~=":
        return order >= 0 and _begins(version, bound.rpartition(".")[0])
    return {
        "": order == 0,
        "==": order == 0,
        "!=": order != 0,
        ">": order > 0,
        "<": order < 0,
        ">=": order >= 0,
        "<=": order <= 0,
    }[operator]


def _begins(version: str, bound: str) -> bool:
    start = bound.rstrip("*").rstrip(".")
    rest = version[len(start) :]
    return version.startswith(start) and (not rest or not (start[-1].isdigit() and rest[0].isdigit()))
