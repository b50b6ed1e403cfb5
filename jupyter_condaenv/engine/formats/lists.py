"""Plain lists: ``requirements.txt`` of pip, and what ``conda list --export`` prints, which look alike from afar."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..channels import redact
from .source import Source, is_request
from .specfile import SpecFile

_CONDA = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\s*=[^=]|\S+::\S")
"""What only conda writes: one ``=``, or a channel."""
_PYPI = re.compile(r"(?P<name>[^=]+)=(?P<version>[^=]+)=pypi(_\d+)?\Z")
_REQUIREMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\s*(\[[^\]]*\]\s*)?([=<>!~;@(].*)?\Z")
_SPEC = re.compile(r"(\S+::)?[A-Za-z0-9_][A-Za-z0-9_.-]*\s*([=<>!~\[*\s].*)?\Z")
_PLATFORM = re.compile(r"#\s*platform:\s*(?P<platform>\S+)")


def read(source: Source, platform: str) -> SpecFile:
    """Package requests of conda where a line can be nothing else, requirements for pip otherwise. Raises
    InvalidRequest."""
    lines = list(_lines(source))
    if not lines:
        raise source.refuse(0, "There is nothing in it.", "Write one package a line.")
    if any(_CONDA.match(line) for _, line in lines):
        return _conda(source, lines, platform)
    return _pip(source, lines)


def _lines(source: Source) -> Iterator[tuple[int, str]]:
    """Number and text of each line that says something; one that ends in a backslash goes on in the next."""
    begun, number = "", 0
    for current, raw in enumerate(source.lines, 1):
        number = number or current
        begun += re.sub(r"(^|\s)#.*", "", raw)
        if begun.endswith("\\"):
            begun = begun[:-1]
            continue
        if begun.strip():
            yield number, begun.strip()
        begun, number = "", 0
    if begun.strip():
        yield number, begun.strip()


def _conda(source: Source, lines: list[tuple[int, str]], platform: str) -> SpecFile:
    specs: dict[str, int] = {}
    pip: dict[str, int] = {}
    for number, line in lines:
        row = _PYPI.match(line)
        if row is not None:
            pip.setdefault(f"{row['name']}=={row['version']}", number)
        elif not (_SPEC.match(line) and is_request(line)) or redact(line) != line or "$" in line:
            raise source.refuse(number, f"{line!r} is not a package request.", "Write it like numpy=1.20.")
        else:
            specs.setdefault(line, number)
    said = _PLATFORM.search(source.text)
    written_for = said["platform"] if said is not None else ""
    warnings: tuple[str, ...] = ()
    if written_for and written_for != platform:
        warnings = (f"{source.name} was written on {written_for}; this is {platform}, where builds are others",)
    return SpecFile(
        format="conda list",
        specs=tuple(specs),
        spec_lines=specs,
        pip=tuple(pip),
        pip_lines=pip,
        platforms=(written_for,) if written_for else (),
        warnings=warnings,
    )


def _pip(source: Source, lines: list[tuple[int, str]]) -> SpecFile:
    """Other files and places that a line points to are not followed: the file may be anybody's."""
    found: dict[str, int] = {}
    for number, line in lines:
        requirement = re.sub(r"\s--hash[=\s]\S+", "", line).strip()
        if requirement.startswith("-"):
            raise source.refuse(
                number, f"{requirement.split()[0]} points elsewhere, and only this file is read.", "Take the line out."
            )
        if not _REQUIREMENT.match(requirement):
            raise source.refuse(number, f"{requirement!r} is no requirement.", "Write it like requests>=2.")
        found.setdefault(requirement, number)
    return SpecFile(format="requirements.txt", specs=("python", "pip"), pip=tuple(found), pip_lines=found)
