"""Imports run one way, as CONTRIBUTING.md ("The house") says, wherever in a file they stand.

server, cli, magics, hub -> config -> jobs -> kernels -> engine.operations -> the rest of engine -> model, errors
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

PACKAGE = "jupyter_condaenv"
ROOT = Path(__file__).parent.parent / PACKAGE
FACES = ("server", "cli", "magics", "hub")
LAYERS = (
    ("engine.model", "engine.errors"),
    ("engine",),
    ("engine.operations",),
    ("kernels",),
    ("jobs",),
    ("config",),
    FACES,
)
OF_THE_SUPERVISOR = tuple(
    f"{PACKAGE}.engine.{name}" for name in ("errors", "locking", "trees", "staging", "in_place", "carryover")
)
"""The supervisor of a job tidies up after it, and has to stay light."""
STANDARD_LIBRARY_ONLY: dict[str, tuple[str, ...]] = {
    # Copied as a folder, so it may import what is beside it.
    "engine.activation": (f"{PACKAGE}.engine.activation",),
    # A process of its own.
    "engine.rattler_build": ("rattler_build",),
    "engine.demands": (),
    **{f"engine.{name}": OF_THE_SUPERVISOR for name in ("trees", "staging", "in_place", "carryover", "exchange")},
    # They lie beside a copy of engine.activation; the ipykernel is that of the environment they run in.
    "kernels.launch": ("activation", "condaenv_magics", "demands", "ipykernel"),
}
"""What runs inside foreign environments, or must run anywhere, and what else it may import."""
OWNERS = {"rattler": "engine.rattler", "rattler_build": "engine.rattler_build"}
"""Whoever alone imports a library."""
NOT_IN_ENGINE = ("jupyter", "tornado", "traitlets", "IPython", "ipykernel", "nbformat", "nbclient")


def within(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def layer(module: str) -> int:
    """How far up ``module`` (named without the package) stands: that of the longest name that covers it."""
    names = [(len(name), rank) for rank, names in enumerate(LAYERS) for name in names if within(module, name)]
    if not names:
        raise LookupError(f"{module} has no place in the house: name it in LAYERS")
    return max(names)[1]


def imported(source: str, module: str, *, is_package: bool) -> list[str]:
    """Full names of all that ``source`` imports; ``from a import b`` gives ``a.b``."""
    package = f"{PACKAGE}.{module}".split(".") if is_package else f"{PACKAGE}.{module}".split(".")[:-1]
    found: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            parent = ".".join([*base, *([node.module] if node.module else [])])
            found += [f"{parent}.{alias.name}" for alias in node.names]
    return found


def violations(module: str, source: str, *, is_package: bool = False) -> list[str]:
    """What ``source``, as the module ``module`` of the package, imports and must not."""
    problems = []
    for name in imported(source, module, is_package=is_package):
        top = name.partition(".")[0]
        besides = next((found for one, found in STANDARD_LIBRARY_ONLY.items() if within(module, one)), None)
        if besides is not None and top not in sys.stdlib_module_names and not any(within(name, one) for one in besides):
            problems.append(f"{module} imports {name}: it keeps to the standard library")
        if within(module, "magics") and top not in {*sys.stdlib_module_names, "IPython"} and top != PACKAGE:
            problems.append(f"{module} imports {name}: it keeps to the standard library and IPython")
        owner = OWNERS.get(top)
        if owner is not None and not within(module, owner):
            problems.append(f"{module} imports {name}: only {owner} knows it")
        if within(module, "engine") and top != PACKAGE and top.partition("_")[0] in NOT_IN_ENGINE:
            problems.append(f"{module} imports {name}: the engine knows nothing of Jupyter")
        if top == PACKAGE:
            problems += own_import(module, name.partition(".")[2])
    return problems


def own_import(module: str, target: str) -> list[str]:
    """Whether ``module`` may import ``target``, both named without the package."""
    if target in ("", "__version__"):
        return []
    room, other = module.partition(".")[0], target.partition(".")[0]
    if within(module, "magics") and other != "magics":
        return [f"{module} imports {target}: kernels do not have this package"]
    if room != other and room in FACES and other in FACES:
        return [f"{module} imports {target}: faces never import each other"]
    if layer(target) > layer(module):
        return [f"{module} imports {target}, which stands above it"]
    return []


def sources() -> list[tuple[str, Path]]:
    """Every module of the package by its name, the package's own ``__init__`` apart: it only names entry points."""
    found = []
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if name:
            found.append((name, path))
    return found


@pytest.mark.parametrize(("module", "path"), sources(), ids=lambda value: value if isinstance(value, str) else "")
def test_imports_run_one_way(module: str, path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert violations(module, source, is_package=path.name == "__init__.py") == []


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("engine.solve", "import rattler"),
        ("engine.solve", "def later():\n    from rattler.match_spec import MatchSpec"),
        ("engine.build", "import rattler_build"),
        ("engine.solve", "from jupyter_core.paths import jupyter_data_dir"),
        ("engine.solve", "import tornado.web"),
        ("engine.solve", "from .operations import perform"),
        ("engine.solve", "from .. import jobs"),
        ("engine.model", "from .solve import solve"),
        ("engine.operations", "from ..kernels import specs"),
        ("kernels.specs", "from jupyter_condaenv.jobs import Jobs"),
        ("jobs.worker", "from ..config import CondaEnv"),
        ("cli.main", "from ..server import app"),
        ("hub.service", "import jupyter_condaenv.cli"),
        ("config", "from .cli import main"),
        ("engine.activation.cache", "import msgspec"),
        ("engine.activation.cache", "from ..model import Settings"),
        ("engine.exchange", "from .model import Plan"),
        ("kernels.launch.start", "from .. import specs"),
        ("magics.install", "import msgspec"),
        ("magics.install", "from ..engine import model"),
    ],
)
def test_a_forbidden_import_is_seen(module: str, source: str) -> None:
    assert violations(module, source)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("engine.rattler.solving", "import rattler"),
        ("engine.operations", "from .solve import solve\nfrom . import history\nimport msgspec"),
        ("kernels.specs", "from ..engine.operations import perform\nimport jupyter_client"),
        ("cli.main", "from .. import __version__\nfrom ..jobs import Jobs\nfrom ..config import CondaEnv"),
        ("engine.activation.cache", "import json, os\nfrom .variables import Changes"),
        ("magics.install", "from IPython.core.magic import Magics\nfrom .progress import bar"),
    ],
)
def test_an_allowed_import_is_let_through(module: str, source: str) -> None:
    assert violations(module, source) == []


def test_a_module_without_a_place_is_seen() -> None:
    with pytest.raises(LookupError, match="extras"):
        violations("cli.main", "from ..extras import thing")


def test_a_package_is_the_starting_point_of_its_own_relative_imports() -> None:
    assert violations("engine", "from .operations import perform", is_package=True)
    assert violations("engine.operations", "from . import solve") == []
