"""The recorded cases of conda, through what a kernelspec starts: trampoline, shim, and a Python of the environment."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jupyter_condaenv.engine.model import Settings
from jupyter_condaenv.kernels import specs
from tests.engine.conda_cases import IDS, Case

from .conftest import environment, launched, lend_ipykernel, manager_of, put_on, started, with_python


def place_python(case: Case) -> Path:
    """Where the case ends, with a Python."""
    prefix = with_python(Path(case.levels[-1]))
    if len(case.levels) > 1:
        put_on(prefix, with_python(Path(case.levels[0])))
    return prefix


@pytest.mark.parametrize("name", IDS)
def test_what_a_kernelspec_starts_has_what_conda_gives(name: str, own: Settings, tmp_path: Path) -> None:
    case = Case(name, tmp_path)
    place_python(case)
    env, told = launched(own, case.levels, case.environ)
    case.judge(env)
    if not case.asked["survivable"]:
        assert "condaenv: " in told and "activate.d/" in told, "the script at fault is named"


SOME = ("gdal-proj", "odd-values-script", "exit-zero")
"""One of each kind. The others take seconds each, and what a kernelspec starts is compared for all of them above."""


@pytest.mark.parametrize("name", [name if name in SOME else pytest.param(name, marks=pytest.mark.slow) for name in IDS])
def test_a_cell_has_what_conda_gives(name: str, own: Settings, tmp_path: Path) -> None:
    case = Case(name, tmp_path)
    prefix = place_python(case)
    lend_ipykernel(prefix)
    (kernel_name,) = specs.register(environment(prefix), own, levels=case.levels)
    show = "import os, json; print(json.dumps(dict(os.environ)))"
    with started(manager_of(own, kernel_name), env=case.environ) as kernel:
        kernel.run("pass")  # what is to be told of the scripts comes with the first cell
        env = json.loads(kernel.run(show))
    # What jupyter_client and ipykernel add themselves.
    added = ("JPY_", "JUPYTER", "IPY", "PYDEVD", "MPLBACKEND", "CLICOLOR", "PAGER", "GIT_PAGER", "FORCE_COLOR", "TERM")
    case.judge({name: value for name, value in env.items() if not name.startswith(added)})
