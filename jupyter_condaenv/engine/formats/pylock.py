"""``pylock.toml``: what pip installed, with where each file is from and its hash (PEP 751)."""

from __future__ import annotations

import json
from collections.abc import Container, Iterator, Sequence

from ..model import PipFile, PipPackage


def written(packages: Sequence[PipPackage], python: str = "") -> str:
    """``packages`` for a Python of the version ``python``.

    What they depend on is named as far as it is among them, which is all that may be: the rest is conda's, or of an
    extra that was not asked for.
    """
    there = {package.name for package in packages}
    lines = ['lock-version = "1.0"', 'created-by = "jupyter_condaenv"']
    lines += [f"requires-python = {_text(f'>={python}')}"] if python else []
    for package in packages:
        lines += ["", "[[packages]]", *_package(package, there)]
    return "\n".join(lines) + "\n"


def _package(package: PipPackage, there: Container[str]) -> Iterator[str]:
    yield f"name = {_text(package.name)}"
    yield f"version = {_text(package.version)}"
    needs = [f"{{ name = {_text(name)} }}" for name in package.dependencies if name in there]
    if needs:
        yield f"dependencies = [{', '.join(needs)}]"
    if package.direct:
        yield f"archive = {_file(package.files[0], named=False)}"
        return
    wheels = [file for file in package.files if file.name.endswith(".whl")]
    for file in package.files:
        if file not in wheels:
            yield f"sdist = {_file(file)}"
    if wheels:
        yield f"wheels = [{', '.join(map(_file, wheels))}]"


def _file(file: PipFile, *, named: bool = True) -> str:
    name = f"name = {_text(file.name)}, " if named else ""
    return f"{{ {name}url = {_text(file.url)}, hashes = {{ sha256 = {_text(file.sha256)} }} }}"


def _text(text: str) -> str:
    """A basic string of TOML is one of JSON, but for what is above U+FFFF and DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
