"""Kernels other than ipykernel: which of an environment's kernelspecs become ours, and that they run activated."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from jupyter_condaenv.engine import deferred
from jupyter_condaenv.engine.model import KernelOptions, Settings
from jupyter_condaenv.kernels import found, specs

from .conftest import SCRIPT, WAIT, Kernel, environment, make_prefix, manager_of, started

CONNECTION = "{connection_file}"
ECHO = """
import sys
from ipykernel.kernelapp import IPKernelApp
from ipykernel.kernelbase import Kernel

class Echo(Kernel):
    implementation, implementation_version, banner = "echo", "1", ""
    language_info = {"name": "echo", "mimetype": "text/plain", "file_extension": ".txt"}

    async def do_execute(self, code, silent, *args, **kwargs):
        import os
        self.send_response(self.iopub_socket, "stream", {"name": "stdout", "text": os.path.expandvars(code)})
        return {"status": "ok", "execution_count": 1, "payload": [], "user_expressions": {}}

IPKernelApp.launch_instance(argv=["-f", sys.argv[sys.argv.index("-f") + 1]], kernel_class=Echo)
"""
"""A kernel that answers with its cell, in which variables are replaced by their values."""


def add_spec(prefix: Path, name: str, argv: list[str], **fields: Any) -> Path:
    folder = prefix / "share/jupyter/kernels" / name
    folder.mkdir(parents=True)
    spec = {"argv": argv, "display_name": name.title(), "language": name, **fields}
    (folder / "kernel.json").write_text(json.dumps(spec))
    return folder


def bare_prefix(prefix: Path) -> Path:
    """An environment without a Python."""
    for folder in ("conda-meta", "bin", "etc/conda/activate.d"):
        (prefix / folder).mkdir(parents=True)
    (prefix / "conda-meta/history").touch()
    (prefix / "etc/conda/activate.d/script.sh").write_text(SCRIPT)
    return prefix


def program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def written(own: Settings, name: str) -> dict[str, Any]:
    spec: dict[str, Any] = json.loads(Path(own.kernels_dir, name, "kernel.json").read_text())
    return spec


@pytest.mark.parametrize(
    ("name", "language", "argv", "expected"),
    [
        (
            "ir",
            "R",
            ["R", "-e", "IRkernel::main()"],
            ["bin/R", "--slave", "-e", "IRkernel::main()", "--args", CONNECTION],
        ),
        ("xpython", "python", ["/built/bin/xpython", "-f", CONNECTION], ["bin/xpython", "-f", CONNECTION]),
        ("xpython-raw", "python", ["xpython", "--raw-mode"], ["bin/xpython", "--raw-mode", "-f", CONNECTION]),
        ("bash", "bash", ["/any/python", "-m", "bash_kernel", "-x"], ["-m", "bash_kernel", "-f", CONNECTION]),
        (
            "julia-1.10",
            "julia",
            ["/any/julia", "any.jl"],
            ["bin/julia", "-i", "--color=yes", "--project=@.", "{prefix}/share/julia/packages/IJulia/x/src/kernel.jl"],
        ),
    ],
)
def test_how_a_known_kernel_is_started_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, language: str, argv: list[str], expected: list[str]
) -> None:
    """Whosever the environment is, and whatever its kernelspec says."""
    prefix = bare_prefix(tmp_path / "stats")
    (prefix / "share/julia/packages/IJulia/x/src").mkdir(parents=True)
    (prefix / "share/julia/packages/IJulia/x/src/kernel.jl").touch()
    add_spec(prefix, name, argv, language=language, env={"LD_PRELOAD": "theirs"}, interrupt_mode="message")
    (kernel,) = found.kernels((str(prefix),), "3.11.7")
    assert kernel.env == {"LD_PRELOAD": "theirs"}, "in one's own environment they are one's own"
    monkeypatch.setattr(os, "geteuid", lambda: prefix.stat().st_uid + 1)
    (kernel,) = found.kernels((str(prefix),), "3.11.7")
    shown = [part.format(prefix=prefix) if "/share" in part else part for part in expected]
    assert list(kernel.arguments[kernel.arguments[0] == "--" :])[: len(shown)] == shown
    assert (kernel.name, kernel.language, kernel.env, kernel.interrupt_mode) == (name, language, {}, "message")


def test_an_unknown_kernel_is_taken_only_from_its_users_own_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prefix = bare_prefix(tmp_path / "stats")
    argv = [f"{prefix}/bin/echo", "{resource_dir}/it", "{prefix}", CONNECTION]
    folder = add_spec(prefix, "echo", argv, env={"FROM_SPEC": "1"})
    (kernel,) = found.kernels((str(prefix),), "")
    assert kernel.arguments == ("--", "bin/echo", f"{folder}/it", str(prefix), CONNECTION)
    assert kernel.env == {"FROM_SPEC": "1"}
    monkeypatch.setattr(os, "geteuid", lambda: prefix.stat().st_uid + 1)
    assert found.kernels((str(prefix),), "") == []


def test_broken_kernelspecs_are_passed_over(tmp_path: Path) -> None:
    prefix = bare_prefix(tmp_path / "stats")
    for number, argv in enumerate(("", [], [1], ["a\0b"], None, {})):
        add_spec(prefix, f"broken-{number}", argv)  # type: ignore[arg-type]
    add_spec(prefix, "no-language", ["x"], language=1)
    (prefix / "share/jupyter/kernels/file").touch()
    assert found.kernels((str(prefix),), "") == []


def test_an_old_python_starts_as_a_program(tmp_path: Path) -> None:
    """The shim is not for it."""
    prefix = make_prefix(tmp_path / "old")
    (kernel,) = found.kernels((str(prefix),), "3.7.12")
    assert kernel.arguments == ("--", "bin/python", "-m", "ipykernel_launcher", "-f", CONNECTION)


def test_each_kernel_of_an_environment_has_a_name_of_its_own(own: Settings, tmp_path: Path) -> None:
    prefix = make_prefix(tmp_path / "envs/stats")
    (add_spec(prefix, "ir", ["R", "IRkernel::main()"], display_name="R") / "logo-64x64.png").write_bytes(b"a logo")
    names = specs.register(environment(prefix), own, KernelOptions(display_name="Statistics"))
    assert names == ("condaenv-stats", "condaenv.ir-stats") == specs.registered(own)[str(prefix)]
    shown = [written(own, name)["display_name"] for name in names]
    assert shown == ["Statistics", "R [stats]"]
    assert Path(own.kernels_dir, "condaenv.ir-stats/logo-64x64.png").read_bytes() == b"a logo"
    shutil.rmtree(prefix / "share/jupyter/kernels/ir")
    assert specs.register(environment(prefix), own) == ("condaenv-stats",) == specs.registered(own)[str(prefix)]
    assert written(own, "condaenv-stats")["display_name"] == "Statistics"


def test_a_kernelspec_of_ipykernel_that_is_different_is_a_kernel_of_its_own(own: Settings, tmp_path: Path) -> None:
    """Such as one for Spark. What only repeats how ipykernel is started is not another kernel."""
    prefix = make_prefix(tmp_path / "envs/geo")
    plain = [f"{prefix}/bin/python", "-m", "ipykernel_launcher", "-f", CONNECTION]
    for name in ("python3", "again"):
        add_spec(prefix, name, plain, language="python")
    env = {"SPARK_HOME": "/opt/spark", "PYTHONPATH": "/opt/spark/python"}
    add_spec(prefix, "spark", [*plain[:3], "--IPKernelApp.exec_lines=seen = 7", *plain[3:]], language="python", env=env)
    names = specs.register(environment(prefix), own)
    assert names == ("condaenv-geo", "condaenv.spark-geo")
    tell = "import os; print(seen, *map(os.environ.get, ('FROM_SCRIPT', 'SPARK_HOME', 'PYTHONPATH')), sep='|')"
    with started(manager_of(own, "condaenv.spark-geo")) as kernel:
        assert kernel.run(tell) == f"7|it ran in {prefix}|/opt/spark|/opt/spark/python"


def test_a_kernel_runs_activated_as_the_process_that_was_started(own: Settings, tmp_path: Path) -> None:
    prefix = bare_prefix(tmp_path / "envs/it's odd")
    (prefix / "echo.py").write_text(ECHO)
    program(prefix / "bin/echo-kernel", f'#!/bin/sh\nexec {sys.executable} "{prefix}/echo.py" "$@"\n')
    add_spec(prefix, "echo", ["echo-kernel", "-f", CONNECTION], env={"FROM_SPEC": "its own"})
    spec = prefix / "share/jupyter/kernels/echo/kernel.json"
    spec.write_text(spec.read_text().replace('"echo-kernel"', f'"{prefix}/bin/echo-kernel"'))
    (name,) = specs.register(environment(prefix, python=""), own)
    manager = manager_of(own, name)
    with started(manager, env={**os.environ, "PYTHONPATH": "/of/the/server"}) as kernel:
        assert kernel.run("$CONDA_PREFIX $FROM_SPEC $PYTHONPATH") == f"{prefix} its own $PYTHONPATH"
        assert kernel.run("$FROM_SCRIPT") == f"it ran in {prefix}"
        process = manager.provisioner.pid  # type: ignore[union-attr]
        assert deferred.living_kernels(prefix) == (process,)
        manager.interrupt_kernel()
        assert kernel.run("$CONDA_SHLVL") == "1"
    (prefix / "bin/echo-kernel").unlink()
    with started(manager_of(own, name)) as kernel:
        told = kernel.run("1")
        assert f"{prefix}/bin/echo-kernel cannot be run: No such file or directory" in told
        assert "jupyter condaenv doctor --fix" in told
        info = kernel.client.kernel_info(reply=True, timeout=WAIT)["content"]
        assert info["language_info"]["name"] == "echo", "the notebook stays one in its language"
    shutil.rmtree(prefix)
    with started(manager_of(own, name)) as kernel:
        assert f"The environment {prefix} is gone." in kernel.run("1")


def test_a_module_of_python_runs_in_the_shim(own: Settings, tmp_path: Path) -> None:
    prefix = make_prefix(tmp_path / "envs/geo")
    (site,) = prefix.glob("lib/python*/site-packages")
    (site / "echo_kernel.py").write_text(ECHO)
    add_spec(prefix, "echo", ["python", "-m", "echo_kernel", "-f", CONNECTION])
    _, name = specs.register(environment(prefix), own)
    assert written(own, name)["argv"][3:] == ["--language=echo", "-m", "echo_kernel", "-f", CONNECTION]
    with started(manager_of(own, name)) as kernel:
        assert kernel.run("$FROM_SCRIPT") == f"it ran in {prefix}"


@pytest.fixture
def r_prefix(tmp_path: Path) -> Path:
    """The system's R, as that of an environment."""
    r = shutil.which("R")
    if r is None or not Path("/usr/share/jupyter/kernels/ir/kernel.json").exists():
        pytest.skip("no R with a kernel. apt-get install r-base-core r-cran-irkernel would add them")
    prefix = bare_prefix(tmp_path / "envs/stats")
    (prefix / "bin/R").symlink_to(r)
    shutil.copytree("/usr/share/jupyter/kernels/ir", prefix / "share/jupyter/kernels/ir")
    return prefix


@pytest.mark.slow
def test_r(own: Settings, r_prefix: Path) -> None:
    (name,) = specs.register(environment(r_prefix, python=""), own)
    assert (name, written(own, name)["display_name"]) == ("condaenv.ir-stats", "R [stats]")
    manager = manager_of(own, name)
    with started(manager) as kernel:
        assert kernel.run("cat(Sys.getenv('CONDA_PREFIX'))") == str(r_prefix)
        assert kernel.run("cat(Sys.getenv('FROM_SCRIPT'))") == f"it ran in {r_prefix}"
        assert kernel.run("cat(Sys.getpid())") == str(manager.provisioner.pid)  # type: ignore[union-attr]
        assert kernel.run("cat(sum(1:10), R.version$language)") == "55 R"
        interrupt(kernel)
        assert kernel.run("cat(1 + 1)") == "2"
        manager.restart_kernel(now=False)
        kernel.client.wait_for_ready(timeout=WAIT)
        assert kernel.run("cat(exists('never'))") == "FALSE"


def interrupt(kernel: Kernel) -> None:
    identity = kernel.client.execute("cat('waiting\\n'); flush.console(); Sys.sleep(100)", stop_on_error=False)
    while True:
        message = kernel.client.get_iopub_msg(timeout=60)
        if "waiting" in message["content"].get("text", ""):
            kernel.manager.interrupt_kernel()
        if message["content"].get("execution_state") == "idle" and message["parent_header"]["msg_id"] == identity:
            return
