"""The recorded cases of conda, through what a kernelspec starts: trampoline, shim, and a Python of the environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_condaenv.engine.activation.launch import join_levels
from jupyter_condaenv.engine.model import Settings
from jupyter_condaenv.kernels import launcher, specs
from tests.engine.conda_cases import IDS, Case

from .conftest import environment, lend_ipykernel, manager_of, started

TELL = "import os, sys\nsys.stdout.buffer.write(b'\\0'.join(n + b'=' + v for n, v in os.environb.items()))\n"


def with_python(prefix: Path) -> Path:
    """Make this Python that of ``prefix``, in which a module ``tell`` takes the place of a kernel's."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    for folder in (prefix / "bin", prefix / "lib" / version / "site-packages"):
        folder.mkdir(parents=True, exist_ok=True)
    (prefix / "bin/python").symlink_to(Path(sys.executable).resolve())
    (prefix / "pyvenv.cfg").write_text(f"home = {Path(sys.executable).resolve().parent}\n")
    (prefix / "lib" / version / "site-packages/tell.py").write_text(TELL)
    return prefix


@pytest.mark.parametrize("name", IDS)
def test_what_a_kernelspec_starts_has_what_conda_gives(name: str, own: Settings, tmp_path: Path) -> None:
    case = Case(name, tmp_path)
    with_python(Path(case.levels[-1]))
    files = launcher.install(own)
    command = [files.trampoline, files.shim, join_levels(case.levels), "-m", "tell"]
    ran = subprocess.run(command, env=case.environ, stdin=subprocess.DEVNULL, capture_output=True, check=True)
    pairs = (os.fsdecode(entry).partition("=") for entry in ran.stdout.split(b"\0"))
    case.judge({name: value for name, _, value in pairs})
    if not case.asked["survivable"]:
        assert b"condaenv: " in ran.stderr and b"activate.d/" in ran.stderr, "the script at fault is named"


@pytest.mark.parametrize("name", ["gdal-proj", "odd-values-script", "exit-zero"])
def test_a_cell_has_what_conda_gives(name: str, own: Settings, tmp_path: Path) -> None:
    case = Case(name, tmp_path)
    prefix = with_python(Path(case.levels[-1]))
    lend_ipykernel(prefix)
    (kernel_name,) = specs.register(environment(prefix), own)
    show = "import os, json; print(json.dumps(dict(os.environ)))"
    with started(manager_of(own, kernel_name), env=case.environ) as kernel:
        env = json.loads(kernel.run(show))
    # What jupyter_client and ipykernel add themselves.
    added = ("JPY_", "JUPYTER", "IPY", "PYDEVD", "MPLBACKEND", "CLICOLOR", "PAGER", "GIT_PAGER", "FORCE_COLOR", "TERM")
    case.judge({name: value for name, value in env.items() if not name.startswith(added)})
