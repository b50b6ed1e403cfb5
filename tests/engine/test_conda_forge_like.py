"""Scripts of the kinds that conda-forge ships: they set what they set in a plain shell."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from jupyter_condaenv.engine.activation.cache import activated
from jupyter_condaenv.engine.activation.variables import SHELLS_OWN

from .conda_cases import SYSTEM
from .conda_forge_like import SCRIPTS, Script

SOURCED = 'run() { . "$1"; }; run "$1"; env -0 >&3'


def test_there_are_forty() -> None:
    assert len(SCRIPTS) == 40


@pytest.mark.parametrize("name", SCRIPTS)
def test_as_in_a_shell(name: str, tmp_path: Path) -> None:
    script = SCRIPTS[name]
    prefix = made(tmp_path / "prefix", name, script)
    environ = {"PATH": SYSTEM, "HOME": str(tmp_path), "LANG": "C.UTF-8", **script.environ}
    first = activated((str(prefix),), environ, str(tmp_path / "cache"))
    env = first.apply(environ)
    for variable, value in script.sets.items():
        expected = value.replace("{prefix}", str(prefix)).replace("{system}", SYSTEM)
        assert squeezed(env[variable]) == squeezed(expected), variable
    assert env == in_bash(prefix, name, environ)
    assert first.warnings == []
    kept = activated((str(prefix),), environ, str(tmp_path / "cache"))
    assert kept.apply(environ) == env


def made(prefix: Path, name: str, script: Script) -> Path:
    files = {"conda-meta/history": "", f"etc/conda/activate.d/{name}.sh": script.text}
    files |= {path: text for path, _, text in (file.partition("=") for file in script.files)}
    for path, text in files.items():
        (prefix / path).parent.mkdir(parents=True, exist_ok=True)
        (prefix / path).write_text(text)
    return prefix


def in_bash(prefix: Path, name: str, environ: dict[str, str]) -> dict[str, str]:
    """What a plain bash exports that has sourced the script as ``conda activate`` has it do."""
    active = {
        "PATH": f"{prefix}/bin:{environ['PATH']}",
        "CONDA_PREFIX": str(prefix),
        "CONDA_DEFAULT_ENV": str(prefix),
        "CONDA_PROMPT_MODIFIER": f"({prefix}) ",
        "CONDA_SHLVL": "1",
    }
    command = ["bash", "--noprofile", "--norc", "-c", f"exec 3>&1 >&2; {SOURCED}", "bash"]
    file = f"{prefix}/etc/conda/activate.d/{name}.sh"
    ran = subprocess.run(
        [*command, file], env=environ | active, stdin=subprocess.DEVNULL, capture_output=True, check=True
    )
    pairs = (os.fsdecode(entry).partition("=") for entry in ran.stdout.split(b"\0") if entry)
    return {one: value for one, _, value in pairs if one not in SHELLS_OWN}


def squeezed(text: str) -> str:
    """Bash writes a function with the white space of its choice."""
    return " ".join(text.split()) if text.startswith("()") else text
