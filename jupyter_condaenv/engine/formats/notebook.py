"""``.ipynb``: what the cells of a notebook install, in the order in which they stand.

Read are lines of ``%condaenv``, ``%conda``, ``%mamba`` and ``%pip`` and commands of a shell (``!``, ``%%bash``). What
is imported says not which package it is from, and is told alone. See https://nbformat.readthedocs.io.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from ..channels import redact
from ..errors import InvalidRequest
from ..fitting import name_of
from . import installs
from .source import Source
from .specfile import SpecFile

_OF_A_KERNEL = ("python", "ipykernel")
_SHELLS = ("bash", "sh", "script", "system", "sx", "!")
_PYTHON = ("capture", "time", "timeit", "prun")
"""Magics below which a cell is Python all the same."""
_LINE = re.compile(
    r"\s*(?:[\w.][\w.,\[\] ]*=\s*)?(?:%(?:system|sx)\s|%|!!?)\s*(?P<said>\S.*)"
    r"|\s*(?P<bare>(?:condaenv|conda|mamba|micromamba|pip3?)[ \t]+install\s.*)",
    re.DOTALL,
)
"""A magic, a command, or a magic without its mark, which IPython takes where it cannot be Python."""
_TEXT = re.compile(r"\"\"\"|'''|\"(?:\\.?|[^\"\\])*\"?|'(?:\\.?|[^'\\])*'?|#.*")
_IMPORT = re.compile(r"\s*(?:import\s+(?P<names>[\w., ]+)|from\s+(?P<name>\w+)[\w.]*\s+import\b)")
_MOST_TOLD = 20


class _Cell(Struct):
    cell_type: str
    source: str | list[str] = ""


class _Notebook(Struct):
    nbformat: int
    cells: list[_Cell] = []
    metadata: Any = None


def is_notebook(source: Source) -> bool:
    """Whether it is one by its name, or looks like one."""
    return source.name.lower().endswith(".ipynb") or (
        source.text.lstrip()[:1] == "{" and re.search(r'"nbformat"\s*:', source.text) is not None
    )


def read(source: Source) -> SpecFile:
    """Raises InvalidRequest for what is no notebook in Python, installs nothing, or says only when it runs what."""
    try:
        content = msgspec.json.decode(source.text, type=_Notebook)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise source.refuse(0, f"It is not a notebook: {error}.", "Is it the right file?") from error
    if content.nbformat < 4:
        raise source.refuse(
            0, f"It is a notebook of format {content.nbformat}, and 4 can be read.", "Open it in Jupyter, and save it."
        )
    language, version = _language(content.metadata)
    if language not in ("", "python"):
        raise source.refuse(
            0, f"Its cells are in {language}, and only Python's are read.", "Name the packages that it needs."
        )
    found = _Found(source)
    for number, cell in enumerate(content.cells, 1):
        if cell.cell_type == "code":
            found.read(number, cell.source if isinstance(cell.source, str) else "".join(cell.source))
    imports = found.imports()
    told = ", ".join(imports[:_MOST_TOLD]) + (
        f" and {len(imports) - _MOST_TOLD} more" if len(imports) > _MOST_TOLD else ""
    )
    if not found.specs and not found.pip:
        raise source.refuse(
            0,
            "No cell of it installs anything." + (f" It imports {told}." if imports else ""),
            "Name the packages that it needs, or write a cell that does: %condaenv install NAME.",
        )
    notes = list(found.notes)
    if imports:
        notes.append(f"{source.name} also imports {told}; which packages these are from is not guessed")
    if version and "python" not in found.specs:
        notes.append(f"{source.name} was last run with Python {version}, and does not ask for it")
    return SpecFile(
        format="notebook",
        specs=(*(name for name in _OF_A_KERNEL if name not in found.specs), *found.specs.values()),
        channels=tuple(found.channels),
        pip=tuple(found.pip.values()),
        warnings=tuple(notes),
    )


def _language(metadata: Any) -> tuple[str, str]:
    """The language of the cells and its version, as far as the notebook says them."""

    def of(value: Any, key: str) -> Any:
        return value.get(key) if isinstance(value, dict) else None

    info = of(metadata, "language_info")
    name = of(info, "name") or of(of(metadata, "kernelspec"), "language")
    version = of(info, "version")
    known = isinstance(version, str) and re.fullmatch(r"\d[\w.+-]{0,20}", version)
    return (name[:40].lower() if isinstance(name, str) else ""), (version if known else "")


class _Found:
    """What the cells that were read install. What comes later counts, as it does when they run."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.specs: dict[str, str] = {}
        self.pip: dict[str, str] = {}
        self.channels: dict[str, None] = {}
        self.notes: dict[str, None] = {}
        self._imports: dict[str, None] = {}

    def imports(self) -> list[str]:
        """What is imported, and neither comes with Python nor is called as something that is installed."""
        there = {_module(name) for name in (*self.specs, *self.pip)} | {"ipython", "ipykernel"}
        return [name for name in self._imports if name not in sys.stdlib_module_names and _module(name) not in there]

    def read(self, cell: int, text: str) -> None:
        """Cells of every kind are counted from the top, and lines from the top of their cell."""
        lines = text.split("\n")
        magic = re.match(r"\s*%%(!|\w+)", lines[0])
        if magic is None or magic[1] in _PYTHON:
            said = self._of_python(lines if magic is None else ["", *lines[1:]])
        elif magic[1] in _SHELLS:
            said = _of_a_shell(["", *lines[1:]])
        else:
            return
        for number, command, conditional in said:
            self._take(command, cell, number, conditional)

    def _of_python(self, lines: list[str]) -> Iterator[tuple[int, str, bool]]:
        """Number and text of each line that is no Python, and whether it is indented."""
        quote = ""
        rest = enumerate(lines, 1)
        for number, line in rest:
            match = _LINE.match(line) if not quote else None
            if match is not None:
                said = match["said"] or match["bare"]
                yield number, _continued(said, rest), line[:1].isspace()
                continue
            imported = _IMPORT.match(line) if not quote else None
            if imported is not None:
                names = [imported["name"]] if imported["name"] else imported["names"].split(",")
                self._imports |= dict.fromkeys(name.split()[0].split(".")[0] for name in names if name.strip())
            quote = _open_quote(line, quote)

    def _take(self, command: str, cell: int, line: int, conditional: bool) -> None:
        place = f"{self._source.name}, cell {cell}, line {line}"

        def refuse(problem: str, hint: str) -> InvalidRequest:
            details = {"file": self._source.name, "cell": cell, "line": line}
            return InvalidRequest(f"{place}: {redact(problem)}", redact(hint), **details)

        for found in installs.read(command, refuse):
            for spec in found.specs:
                _later(self.specs, name_of(spec), spec)
            for requirement in found.pip:
                _later(self.pip, re.split(r"[^\w.-]", requirement, maxsplit=1)[0].lower() or requirement, requirement)
            self.channels |= dict.fromkeys(self._source.channel(channel, refuse) for channel in found.channels)
            if conditional and (found.specs or found.pip):
                self.notes[f"{place}: taken, although it may run only under a condition"] = None
            self.notes |= dict.fromkeys(f"{place}: {note}" for note in found.notes)


def _later(known: dict[str, str], name: str, text: str) -> None:
    """A bare name takes nothing back of what was asked for."""
    if name not in known or text.lower() != name:
        known[name] = text


def _of_a_shell(lines: list[str]) -> Iterator[tuple[int, str, bool]]:
    rest = enumerate(lines, 1)
    for number, line in rest:
        if line.strip():
            yield number, _continued(line, rest), line[:1].isspace()


def _continued(line: str, rest: Iterator[tuple[int, str]]) -> str:
    """``line`` with those that follow it, as long as a backslash says so."""
    said = [line.rstrip()]
    while said[-1].endswith("\\"):
        said[-1] = said[-1][:-1]
        _, following = next(rest, (0, ""))
        said.append(following.rstrip())
    return " ".join(said)


def _open_quote(line: str, quote: str) -> str:
    """Which triple quote is open behind ``line``, where ``quote`` is before it."""
    place = 0
    while True:
        if quote:
            end = line.find(quote, place)
            if end < 0:
                return quote
            place, quote = end + 3, ""
        match = _TEXT.search(line, place)
        if match is None:
            return ""
        place = match.end()
        quote = match[0] if match[0] in ('"""', "'''") else ""


def _module(name: str) -> str:
    return re.sub(r"[-.]", "_", name).lower()
