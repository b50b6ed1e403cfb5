"""Activation against what conda does (``activation/``), scripts that misbehave, the cache, and what a launch adds."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jupyter_condaenv.engine import activation
from jupyter_condaenv.engine.activation import Activation, activated, capture

CASES = Path(__file__).with_name("activation")
SYSTEM = "/usr/local/bin:/usr/bin:/bin"
NOT_COMPARED = {
    *("HOME", "LANG", "PWD", "OLDPWD", "SHLVL", "_", "CONDA_EXE", "CONDA_PYTHON_EXE", "CONDA_ROOT", "_CONDA_EXE"),
    *("_CONDA_ROOT", "_CE_M", "_CE_CONDA", "MAMBA_EXE", "MAMBA_ROOT_PREFIX"),
}
DIFFERENT_ON_PURPOSE = {
    "env-vars-d-single-quote": "conda does not escape a quote in a value, so its own text is no valid shell: all after "
    "it is lost. Here the value is set as it is written.",
    "env-vars-d-bad-json": "conda activates nothing when one file is broken. Here that file is left out, and named.",
    "name-needs-quoting": "conda has the shell expand the names of scripts, and does not find this one. Here it runs.",
}
IDS = sorted(path.parent.name for path in CASES.glob("*/case.json"))


class Case:
    """One environment that conda was asked to activate, copied to where scripts may do with it what they like."""

    def __init__(self, name: str, scratch: Path) -> None:
        self.folder = scratch / "case"
        shutil.copytree(CASES / name, self.folder, symlinks=True)
        self.asked = json.loads((self.folder / "case.json").read_text())
        self.expected = json.loads((self.folder / "expected.json").read_text())
        self.prefixes = [str(self.folder / prefix) for prefix in self.asked["prefixes"]]
        self.places = {f"@PREFIX{number}@": prefix for number, prefix in enumerate(self.prefixes)}
        self.places |= {"@SYSPATH@": SYSTEM, "@GONE@": str(scratch / "gone")}

    def run(self) -> Activation:
        """Every step, from exactly the environment of the case."""
        self.initial = {name: self._filled(value) for name, value in self.asked["initial_env"].items()}
        with Activation({"HOME": str(self.folder), "LANG": "C.UTF-8", **self.initial}) as activation:
            for step in self.asked["steps"]:
                if step["op"] == "deactivate":
                    activation.deactivate()
                else:
                    activation.activate(self.prefixes[step["prefix"]], stack=step["stack"])
        return activation

    def changes(self, env: dict[str, str]) -> dict[str, Any]:
        """``env`` in the form of ``expected.json``."""
        new = {name: value for name, value in env.items() if name not in NOT_COMPARED}
        changed = {name: value for name, value in new.items() if name in self.initial and self.initial[name] != value}
        return {
            "set": {name: self._written(value) for name, value in new.items() if name not in self.initial},
            "changed": {name: self._written(value) for name, value in changed.items()},
            "unset": sorted(set(self.initial) - set(new)),
        }

    def _filled(self, value: str) -> str:
        for place, path in self.places.items():
            value = value.replace(place, path)
        return value

    def _written(self, value: str) -> str | dict[str, str]:
        for place, path in sorted(self.places.items(), key=lambda item: -len(item[1])):
            value = value.replace(path, place)
        raw = os.fsencode(value)
        try:
            return raw.decode()
        except UnicodeDecodeError:
            return {"hex": raw.hex()}


@pytest.mark.parametrize("name", IDS)
def test_as_conda_does(name: str, tmp_path: Path) -> None:
    case = Case(name, tmp_path)
    ran = case.run()
    if not case.asked["survivable"]:
        assert "activate.d/" in "".join(ran.warnings), "the script at fault is named"
    elif name in DIFFERENT_ON_PURPOSE:
        assert case.changes(ran.env) != case.expected["final"], "no longer different: strike it from the list"
    else:
        assert case.changes(ran.env) == case.expected["final"]


def test_the_account_of_the_cases(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    equal, different, handled = [], [], []
    for name in IDS:
        case = Case(name, tmp_path / name)
        env = case.run().env
        if not case.asked["survivable"]:
            handled.append(name)
        elif case.changes(env) == case.expected["final"]:
            equal.append(name)
        else:
            different.append(name)
    with capsys.disabled():
        print(f"\nactivation: {len(equal)} cases equal to conda, {len(different)} different on purpose,", end=" ")
        print(f"{len(handled)} not survivable but handled")
        for name in different:
            print(f"  {name}: {DIFFERENT_ON_PURPOSE.get(name, 'NOT ON PURPOSE')}")
    assert set(different) == set(DIFFERENT_ON_PURPOSE)
    assert len(equal) + len(different) + len(handled) == len(IDS) == 27
