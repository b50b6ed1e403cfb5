"""What conda 26.7.1 did with the environments in ``activation/``, to be compared with what is done here."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from jupyter_condaenv.engine.activation.rules import Activation

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
OF_A_LAUNCH = {"PYTHONNOUSERSITE", "JUPYTER_PATH"}
"""What a launch adds to what conda does."""
ON_A_CLEAN_SLATE = {
    "path-switch": "conda counts the level that was left, and takes only its `bin` out of PATH. What is launched "
    "has nothing of an environment that was left.",
    "stack-same-variable": "conda keeps what the next `deactivate` restores, and leaves empty variables.",
    "switch-from-active": "conda keeps the level below for `deactivate`. What is launched is at level 1.",
}
"""Where a launch is different on purpose: it starts a program, from which nobody deactivates."""
IDS = sorted(path.parent.name for path in CASES.glob("*/case.json"))


class Case:
    """One environment that conda was asked to activate, copied to where scripts may do with it what they like."""

    def __init__(self, name: str, scratch: Path) -> None:
        self.name = name
        self.folder = scratch / "case"
        shutil.copytree(CASES / name, self.folder, symlinks=True)
        self.asked = json.loads((self.folder / "case.json").read_text())
        self.expected = json.loads((self.folder / "expected.json").read_text())
        self.prefixes = [str(self.folder / prefix) for prefix in self.asked["prefixes"]]
        self.places = {f"@PREFIX{number}@": prefix for number, prefix in enumerate(self.prefixes)}
        self.places |= {"@SYSPATH@": SYSTEM, "@GONE@": str(scratch / "gone")}
        self.initial = {name: self._filled(value) for name, value in self.asked["initial_env"].items()}
        self.environ = {"HOME": str(self.folder), "LANG": "C.UTF-8", **self.initial}

    def run(self) -> Activation:
        """Every step, from exactly the environment of the case."""
        with Activation(self.environ) as activation:
            for step in self.asked["steps"]:
                if step["op"] == "deactivate":
                    activation.deactivate()
                else:
                    activation.activate(self.prefixes[step["prefix"]], stack=step["stack"])
        return activation

    @property
    def levels(self) -> tuple[str, ...]:
        """What a kernel is to have where the case ends, bottom first."""
        levels: list[str] = []
        for step in self.asked["steps"]:
            if step["op"] == "deactivate" or not step["stack"]:
                del levels[-1:]
            if step["op"] == "activate":
                levels.append(self.prefixes[step["prefix"]])
        return tuple(levels)

    def judge(self, env: dict[str, str]) -> None:
        """Hold what was launched at the end of the case against what conda left."""
        changes = self.changes({name: value for name, value in env.items() if name not in OF_A_LAUNCH})
        if not self.asked["survivable"]:
            assert changes["set"]["CONDA_PREFIX"] == "@PREFIX0@"
        elif self.name in {**DIFFERENT_ON_PURPOSE, **ON_A_CLEAN_SLATE}:
            assert changes != self.expected["final"], "no longer different: strike it from the list"
        else:
            assert changes == self.expected["final"]

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
