"""What `activate` prints, run by the shells it is for."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from jupyter_condaenv.engine.activation import shells
from jupyter_condaenv.engine.activation.launch import launch_environment
from tests.engine.conda_cases import IDS, Case

from .conftest import COMMAND, Person

TRICKY = {
    "PLAIN": "a",
    "EMPTY": "",
    "BLANKS": "  two  words ",
    "QUOTES": 'it\'s "so" `called`',
    "SIGNS": "$HOME ${PLAIN} $(echo x) %PATH% !x ~ * ; & | < > #",
    "SLASHES": "\\ \\n \\' C:\\x",
    "TILDE_PATH": "~/x:$HOME/y",
    "TILDE_DIRS": "a:~/b",
    "TWO_LINES": "one\ntwo\n",
    "UNICODE": "ä 日本",
}
OF_THE_SHELL = {"_", "HOSTNAME", "LOGNAME", "OLDPWD", "PWD", "SHLVL", "TERM", "USER"}
"""What shells keep for themselves."""
TELL = f"import os; print(ascii(sorted((n, v) for n, v in os.environ.items() if n not in {OF_THE_SHELL!r})))"


def program(shell: str) -> list[str]:
    """The command that runs a text in ``shell``, without anything of a person's own."""
    if shell == "xonsh":
        return [sys.executable, "-m", "xonsh", "--no-rc", "-c"]
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"{shell} is not here. apt install {shell}")
    return [found, *{"bash": ["--norc"], "zsh": ["-f"], "fish": ["--no-config"]}[shell], "-c"]


def told_by(command: list[str], env: dict[str, str]) -> str:
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "xonsh"])
def test_what_is_the_shells_own_keeps_nothing_from_arriving(shell: str, tmp_path: Path) -> None:
    run = program(shell)
    old = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    own = ("PPID", "UID", "functions", "hostname", "path", "status")
    code = "\n".join(shells.statements(shell, old, {**old, **dict.fromkeys(own, "/x"), "zzz_last": "here"}))
    tell = f'"{sys.executable}" -c "import os; print(os.environ[\'zzz_last\'])"'
    if shell == "xonsh":
        tell = "print(__xonsh__.env.detype()['zzz_last'])"
    done = subprocess.run([*run, f"{code}\n{tell}\n"], env=old, capture_output=True, text=True, timeout=60, check=True)
    assert (done.stdout, done.stderr) == ("here\n", "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "xonsh"])
def test_values_arrive_as_they_are(shell: str, tmp_path: Path) -> None:
    run = program(shell)
    old = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], "GONE": "x", "BASH_FUNC_f%%": "() { :; }"}
    new = {"HOME": old["HOME"], "PATH": f"/first:{old['PATH']}", **TRICKY}
    code = "\n".join(shells.statements(shell, old, new))
    assert "BASH_FUNC" not in code
    tell = f'"{sys.executable}" -c "import os; print(ascii(dict(os.environ)))"'
    if shell == "xonsh":
        tell = "import os; print(ascii(__xonsh__.env.detype()))"
    seen = eval(told_by([*run, f"{code}\n{tell}\n"], old | {"LANG": "C.UTF-8"}))
    assert {name: seen.get(name) for name in new} == new
    assert "GONE" not in seen


def test_powershell_takes_all_between_single_quotes() -> None:
    new = {"QUOTES": "it's $HOME", "TWO_LINES": "a\nb"}
    assert shells.statements("powershell", {"GONE": "x"}, new) == [
        "Remove-Item Env:GONE",
        "$Env:QUOTES = 'it''s $HOME'",
        "$Env:TWO_LINES = 'a\nb'",
    ]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize("name", IDS)
def test_a_shell_has_what_conda_gives(name: str, shell: str, tmp_path: Path) -> None:
    case = Case(name, tmp_path)
    run = program(shell)
    launched, _ = launch_environment(case.levels, case.environ, str(tmp_path / "cache"))
    code = "\n".join(shells.statements(shell, case.environ, launched))
    text = f"{code}\n{shutil.which('env')} -0\n"
    ran = subprocess.run([*run, text], env=case.environ, capture_output=True, check=True)
    pairs = (os.fsdecode(entry).partition("=") for entry in ran.stdout.split(b"\0") if entry)
    functions = {name: value for name, value in launched.items() if name.startswith("BASH_FUNC_")}
    told = {name: value for name, _, value in pairs if name not in OF_THE_SHELL}
    case.judge(told | functions)


@pytest.mark.slow
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
@pytest.mark.parametrize("name", ["base-env", "over"])
def test_a_shell_has_what_run_gives(owner: Person, name: str, shell: str) -> None:
    run = program(shell)
    by_run = owner.run("run", name, "--", "python", "-c", TELL).out
    # What the tests themselves add to find the package is not for the shell to lose.
    use = shells.line(shell, [*COMMAND, "activate", name, "--shell", shell])
    by_shell = told_by([*run, f'{use}\npython -c "{TELL}"'], owner.env)
    assert by_shell == by_run
    assert str(owner.envs / name) in by_shell


def test_the_shell_of_the_login_is_taken(owner: Person) -> None:
    assert owner.run("activate", "over", env={"SHELL": "/usr/bin/fish"}).out.startswith("set -")
    assert "export CONDA_PREFIX=" in owner.run("activate", "over", env={"SHELL": "/bin/ksh"}).out


def test_for_programs(owner: Person) -> None:
    variables = owner.run("activate", "over", "--json").last["variables"]
    assert variables["CONDA_PREFIX"] == str(owner.envs / "over")
    assert variables["CONDA_PREFIX_1"] == str(owner.envs / "base-env")


@pytest.mark.slow
def test_what_is_chosen_for_the_kernel_holds_for_run_too(owner: Person) -> None:
    shown = ("run", "over", "--", "sh", "-c", "echo $PYTHONPATH:$PYTHONNOUSERSITE")
    server = {"PYTHONPATH": owner.env.get("PYTHONPATH", "/of/the/server")}
    try:
        owner.run("kernel", "over", "--inherit", "PYTHONPATH", "--inherit", "PYTHONNOUSERSITE")
        assert owner.run(*shown, env=server).out == f"{server['PYTHONPATH']}:\n"
    finally:
        owner.run("kernel", "over", "--inherit", "nothing")
    assert owner.run(*shown, env=server).out == ":1\n"
