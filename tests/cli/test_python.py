"""With a real Python: what `run` sets is what a kernel has, and the command line stays light."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from jupyter_client.manager import KernelManager

from .conftest import Person

TELL = "import json, os, sys; print(json.dumps({'prefix': sys.prefix, **os.environ}))"
OF_THE_PROCESS = {"_", "JPY_PARENT_PID", "JPY_SESSION_NAME", "OLDPWD", "PWD", "SHLVL", "FORCE_COLOR", "CLICOLOR_FORCE"}
"""What jupyter_client and ipykernel add, and what a shell keeps for itself."""
OF_THE_NOTEBOOK = {"CLICOLOR", "GIT_PAGER", "MPLBACKEND", "PAGER", "PYDEVD_USE_FRAME_EVAL", "TERM"}


def told_by_kernel(name: str, person: Person, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setenv("JUPYTER_DATA_DIR", person.env["JUPYTER_DATA_DIR"])
    manager = KernelManager(kernel_name=name)
    heard: list[str] = []
    manager.start_kernel(env=person.env, stderr=subprocess.DEVNULL)
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        client.execute_interactive(
            TELL, timeout=60, output_hook=lambda message: heard.append(message["content"].get("text", ""))
        )
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    answer: dict[str, str] = json.loads("".join(heard))
    return answer


@pytest.mark.parametrize("name", ["base-env", "over"])
def test_run_gives_what_the_kernel_gives(owner: Person, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    by_command = json.loads(owner.run("run", name, "--", "python", "-c", TELL).out)
    (kernel,) = owner.run("show", name, "--json").last["environment"]["kernels"]
    by_kernel = told_by_kernel(kernel, owner, monkeypatch)
    apart = OF_THE_PROCESS | OF_THE_NOTEBOOK
    assert {key: value for key, value in by_kernel.items() if key not in apart} == {
        key: value for key, value in by_command.items() if key not in apart
    }
    assert by_command["prefix"] == str(owner.envs / name)
    assert by_command["CUDA_HOME"] == str(owner.envs / "base-env")
    assert by_command["PATH"].startswith(f"{owner.envs / name}/bin:")


def test_it_is_a_subcommand_of_jupyter(owner: Person) -> None:
    scripts = Path(sys.executable).parent
    env = owner.env | {"PATH": f"{scripts}{os.pathsep}{owner.env['PATH']}"}
    command = [scripts / "jupyter", "condaenv", "list"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60, check=True)
    assert [line.split()[0] for line in done.stdout.splitlines()[1:]] == ["base-env", "over"]


def test_an_overlay_holds_only_the_difference(owner: Person) -> None:
    shown = owner.run("show", "over", "--json").last
    assert shown["environment"]["kind"] == "overlay"
    assert shown["environment"]["base"] == str(owner.envs / "base-env")
    assert [package["name"] for package in shown["packages"]] == ["threadpoolctl"]
    out = owner.run(
        "run", "over", "--", "python", "-c", "import threadpoolctl, IPython; print(threadpoolctl.__file__)"
    ).out
    assert out.startswith(str(owner.envs / "over"))


def test_a_base_that_is_stood_on_is_not_deleted(owner: Person) -> None:
    refused = owner.run("delete", "base-env", "--yes", "--json", code=5)
    assert refused.last["error"]["code"] == "refused"
    assert "over" in refused.last["error"]["message"]
    assert (owner.envs / "base-env" / "bin" / "python").exists()


@pytest.mark.parametrize("arguments", [("--help",), ("list",), ("show", "over"), ("jobs",)])
def test_nothing_heavy_is_imported(owner: Person, arguments: tuple[str, ...]) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "jupyter_condaenv.cli", *arguments]
    done = subprocess.run(command, env=owner.env, capture_output=True, text=True, timeout=60, check=True)
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "jupyter_condaenv.cli.app" in imported
    heavy = ("rattler", "asyncio", "rich", "jupyter_client", "jupyter_server", "IPython", "zmq", "tornado")
    assert not {name for name in imported if name.split(".")[0] in heavy}
