"""Overlays: a prefix of one's own packages on top of an environment that is not touched.

An overlay is laid out like a virtual environment whose ``home`` is the Python of the lowest level, so that imports,
entry points and ``sys.prefix`` work, and has links to the libraries of the levels below, so that ``$ORIGIN`` run paths
find them. It holds only the difference, and says so to other tools (CEP 22).
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import msgspec
from msgspec import Struct

from . import distributions
from . import prefix as prefixes
from .errors import Broken, InvalidRequest
from .model import Base, Package, PipPackage, digest
from .trees import free_name, write_whole

FILE = Path("conda-meta") / "condaenv" / "stack.json"
CONSTRAINTS = Path("conda-meta") / "condaenv" / "constraints.txt"
_DIST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\Z")
_DIST_VERSION = re.compile(
    r"(\d+!)?\d+(\.\d+)*[-_.]?((a|b|c|rc|alpha|beta|pre|preview)[-_.]?\d*)?"
    r"(-\d+|[-_.]?(post|rev|r)[-_.]?\d*)?([-_.]?dev[-_.]?\d*)?(\+[a-z0-9]+([-_.][a-z0-9]+)*)?\Z",
    re.IGNORECASE,
)
"""PEP 440."""


class Overlay(Struct, frozen=True):
    """How an overlay stands: ``base`` is the prefix right below it."""

    base: str
    digest: str
    python: str
    """Full version of the Python of the lowest level."""


def read(prefix: Path) -> Overlay | None:
    """The overlay at ``prefix``; None for every other environment."""
    try:
        return msgspec.json.decode((prefix / FILE).read_bytes(), type=Overlay)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise Broken(
            f"{prefix / FILE} is damaged: {error}", "Remove the overlay and stack it again from its lock."
        ) from error


def levels(prefix: str) -> tuple[str, ...]:
    """The prefixes that make up the environment at ``prefix``, lowest first, itself last."""
    found = [prefix]
    while (overlay := read(Path(found[0]))) is not None:
        if overlay.base in found:
            raise Broken(f"{prefix} stands on itself.", "Remove the overlay and stack it again.")
        found.insert(0, overlay.base)
    return tuple(found)


def base_of(prefix: Path) -> Base:
    """Everything in the environment at ``prefix``, all levels together, for an overlay to stand on.

    Raises InvalidRequest where there is no Python to stand on.
    """
    found = [Path(level) for level in levels(str(prefix))]
    together = {package.name: package for level in found for package in prefixes.packages(level)}
    packages = tuple(sorted(together.values(), key=lambda package: package.name))
    if "python" not in together:
        raise InvalidRequest(
            f"{prefix} has no Python, so nothing can be stacked on it.",
            "Make an environment of its own instead, with `jupyter condaenv create`.",
        )
    site = prefixes.site_packages(together["python"])
    others: dict[str, PipPackage] = {}
    for level in found:
        for name, one in distributions.look(level, site, prefixes.records(level)).others.items():
            others[name] = PipPackage(name=name, version=one.version)
    pip = tuple(others[name] for name in sorted(others))
    return Base(prefix=str(prefix), digest=digest(packages, pip), packages=packages, pip=pip)


def python_of(packages: tuple[Package, ...]) -> Package | None:
    return next((package for package in packages if package.name == "python"), None)


def python_minor_of(packages: tuple[Package, ...]) -> str:
    """Such as ``3.11``; empty without a Python."""
    python = python_of(packages)
    return prefixes.python_minor(python.version) if python is not None else ""


def pythons(minor: str) -> tuple[str, ...]:
    """What leads to the Python of the lowest level in an overlay, such as ``bin/python3.11``."""
    return ("bin/python", "bin/python3", f"bin/python{minor}")


def lay_out(stage: Path, prefix: Path, base: Base) -> None:
    """Make ``stage``, which holds the difference, an overlay on ``base`` once it lies at ``prefix``."""
    python = python_of(base.packages)
    assert python is not None, "base_of makes sure of it"
    below = [Path(level) for level in levels(base.prefix)]
    minor = prefixes.python_minor(python.version)
    for folder in ("bin", "lib"):
        (stage / folder).mkdir(exist_ok=True)
    for path in pythons(minor):
        _link(stage / path, below[0] / "bin" / f"python{minor}")
    _write(
        stage / "pyvenv.cfg",
        f"home = {below[0]}/bin\ninclude-system-site-packages = true\nversion = {python.version}\n",
    )
    site = stage / prefixes.site_packages(python)
    site.mkdir(parents=True, exist_ok=True)
    between = [str(level / prefixes.site_packages(python)) for level in reversed(below[1:])]
    _write(site / "_condaenv_levels.pth", "".join(line + "\n" for line in between))
    _link_libraries(stage, below)
    _write(stage / CONSTRAINTS, _constraints(below, prefixes.site_packages(python)))
    _write(
        stage / FILE,
        json.dumps({"base": base.prefix, "digest": base.digest, "python": python.version}),
    )
    _write(
        stage / "conda-meta" / "frozen",
        json.dumps(
            {
                "message": f"This environment holds only what comes on top of {base.prefix}; conda and its kin would "
                "damage it. Change it with `jupyter condaenv add` and `jupyter condaenv remove`."
            }
        ),
    )


def _link_libraries(stage: Path, below: list[Path]) -> None:
    """A link to each shared library of a lower level of which the overlay has none by that name."""
    lib = stage / "lib"
    for path in lib.iterdir():
        if path.is_symlink() and os.readlink(path).endswith(f"/lib/{path.name}"):
            path.unlink()  # of an earlier layout: the base may have moved on
    for level in reversed(below):
        for name in _libraries(level / "lib"):
            if not os.path.lexists(lib / name):
                (lib / name).symlink_to(level / "lib" / name)


def _libraries(folder: Path) -> list[str]:
    try:
        return sorted(name for name in os.listdir(folder) if ".so" in name or name.endswith(".dylib"))
    except FileNotFoundError:
        return []


def _constraints(below: list[Path], site: str) -> str:
    """What pip may not move: every Python distribution that the levels below have, at its version."""
    pinned: dict[str, str] = {}
    for level in below:
        for found in distributions.installed(level / site):
            # One line that pip cannot parse would make it refuse everything.
            if _DIST_NAME.match(found.name) and _DIST_VERSION.match(found.version):
                pinned[distributions.normalized(found.name)] = found.version
    return "".join(f"{name}=={version}\n" for name, version in sorted(pinned.items()))


def _link(path: Path, target: Path) -> None:
    if path.is_symlink():
        path.unlink()
    elif path.exists():
        path.rename(free_name(path))  # another tool's
    path.symlink_to(target)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text)
