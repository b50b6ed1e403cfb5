"""What was asked for according to ``conda-meta/history``, as conda, mamba and those before them have written it.

A section begins with ``==> time <==``; ``+`` and ``-`` are packages that came and went, ``# update specs:`` and the
like what was asked for. What cannot be read of it is told and not guessed.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from .channels import SUBDIR, redact
from .model import Message, Package
from .telling import Emit

FILE = Path("conda-meta") / "history"
_SPECS = re.compile(r"#\s*(?P<action>\w+)\s*specs:\s*(?P<specs>.+)")
_REMOVALS = ("remove", "uninstall")
_BEGUN = re.compile(r"#\s*(create|install|neutered|remove|uninstall|update)\b")
_OTHER = re.compile(r"==>.*<==|#.*|[+-].+|//.*|\S+-\S+-\S+|")
"""Lines that say nothing of requests: of conda's first years, plain packages; of pixi, what is a comment to it."""
_URL = re.compile(r"(?P<folder>([a-z0-9]+:/)?/.*|)/(?P<file>[^/\s#\[]+)\.(conda|tar\.bz2)([#\[].*)?\Z")
_SPEC = re.compile(r"(\S+::)?[\w*][\w.*-]*\s*([\s=<>!~*@][^\[\]'\"]*)?(\[[^\[\]]*=[^\[\]]*\])*\Z", re.ASCII)
"""What every request looks like from afar: to read this file needs no solver."""


class History(NamedTuple):
    """What was asked for and still is there, and the lines that say something else."""

    specs: tuple[str, ...]
    problems: tuple[str, ...]
    """As ends of sentences, each with its line."""


def read(prefix: Path, found: Iterable[Package]) -> History:
    """Of the environment at ``prefix`` in which ``found`` are."""
    there = {package.name: package for package in found}
    try:
        lines = (prefix / FILE).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    wanted: dict[str, str] = {}
    problems: list[str] = []
    for number, line in enumerate(lines, 1):
        match = _SPECS.match(line)
        specs = _texts(match["specs"]) if match else []
        if specs is None or "\ufffd" in line or "\0" in line or (not match and _is_damaged(line)):
            problems.append(f"line {number} cannot be read: {redact(line)[:80]!r}")
        for text in specs or ():
            spec = _of_url(redact(text), there)
            name = name_of(spec)
            if not _SPEC.match(spec):
                problems.append(f"line {number} asks for {spec!r}, which is no package request")
            elif match and match["action"] in _REMOVALS:
                wanted.pop(name, None)
            elif name in there:
                wanted[name] = spec
    return History(tuple(wanted.values()), tuple(problems))


def tell(prefix: Path, problems: Iterable[str], emit: Emit) -> None:
    """Say what of the history was left out, if anything was."""
    if told := "; ".join(problems):
        text = f"What {prefix / FILE} says was asked for is left out where it cannot be told: {told}"
        emit(Message(level="warning", text=text))


def is_archive(spec: str) -> bool:
    """Whether ``spec`` asks for a package by the URL or the path of its archive."""
    return _URL.match(spec) is not None


def name_of(spec: str) -> str:
    """The package that ``spec`` is about, by its looks."""
    if archive := _URL.match(spec):
        return unquote(archive["file"]).rsplit("-", 2)[0].lower()
    return re.split(r"[\s=<>!~\[;]", spec.rpartition("::")[2].strip(), maxsplit=1)[0].lower()


def _of_url(text: str, there: Mapping[str, Package]) -> str:
    """The request for the package that ``text`` is the URL of, from its channel where that is where it came from."""
    match = _URL.match(text)
    parts = unquote(match["file"]).rsplit("-", 2) if match else []
    if match is None or len(parts) != 3:
        return text
    name, folder = parts[0].lower(), match["folder"]
    channel = SUBDIR.sub("", folder)
    known = there.get(name)
    return f"{channel}::{name}" if channel != folder and known is not None and known.channel == channel else name


def _is_damaged(line: str) -> bool:
    return _OTHER.fullmatch(line.strip()) is None or (_BEGUN.match(line) is not None and "specs:" not in line)


def _texts(specs: str) -> list[str] | None:
    """Specs as conda writes them (a list of Python's), as micromamba does (of JSON's), or as conda once did (plain);
    None where they cannot be read."""
    if specs.startswith("["):
        try:
            return [text for text in ast.literal_eval(specs) if isinstance(text, str)]
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            return None
    return list(_plain(specs))


def _plain(specs: str) -> Iterator[str]:
    texts: list[str] = []
    for text in specs.split(","):
        if texts and text.strip()[:1] in ("<", ">", "=", "!"):  # the second half of `numpy >=1,<2`
            texts[-1] += "," + text
        else:
            texts.append(text.strip())
    yield from texts
