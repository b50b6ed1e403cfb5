"""Kernels that wait: they become what a start would have made, or are ended and a kernel is started."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from jupyter_client.provisioning.factory import KernelProvisionerFactory

from jupyter_condaenv.engine import deferred
from jupyter_condaenv.engine.model import Settings
from jupyter_condaenv.kernels import pool, provisioner, specs

from .conftest import SCRIPT, WAIT, environment, make_prefix, manager_of, started

STATE = """
import json, os, signal, sys, threading
print(json.dumps({
    "pid": os.getpid(),
    "env": dict(os.environ),
    "path": sys.path,
    "argv": sys.argv[:-1],
    "session": globals().get("__session__"),
    "history": get_ipython().history_manager.session_number,
    "threads": sorted(thread.name.rstrip("0123456789") for thread in threading.enumerate()),
    "signals": [str(signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)],
    "leads": os.getpgid(0) == os.getsid(0) == os.getpid(),
    "stdin": os.read(0, 1) == b"",
    "own": [name for name in ("warm", "activation", "demands") if name in sys.modules],
}))
"""
EARLY = f"{SCRIPT}export LD_LIBRARY_PATH=/else/where\n"
"""Which makes the shim start Python again."""


class Heard(logging.Handler):
    """What a pool logs."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self._came = threading.Condition()

    def emit(self, record: logging.LogRecord) -> None:
        with self._came:
            self.lines.append(record.getMessage())
            self._came.notify_all()

    def until(self, words: str) -> str:
        """The first line with ``words`` that has not been asked for yet."""

        def found() -> str:
            return next((line for line in self.lines if words in line), "")

        with self._came:
            assert self._came.wait_for(found, WAIT), (words, self.lines)
            line = found()
            self.lines.remove(line)
            return line

    def waiting(self) -> int:
        """The process that has begun to wait."""
        return int(re.findall(r"process (\d+)", self.until("A kernel waits"))[0])


Make = Callable[..., tuple[pool.Pool, Heard]]


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Makes a pool that goes about it at once, and with which kernels of this process begin."""
    monkeypatch.setattr(pool, "SETTLE", 0.0)
    monkeypatch.setattr(pool, "LOOK", 0.05)
    log = logging.getLogger("pool")
    log.setLevel(logging.INFO)
    heard = Heard()
    log.addHandler(heard)

    def made(
        memory: int = 10**9, idle: float = 600.0, available: Callable[[], int | None] = lambda: None
    ) -> tuple[pool.Pool, Heard]:
        one = pool.Pool(1, memory, idle, log, available)
        assert provisioner.switch_on(one, None, log)
        return one, heard

    yield made
    provisioner.switch_off()
    log.removeHandler(heard)
    assert not [child for child in psutil.Process().children() if "--warm=" in " ".join(child.cmdline())]


@pytest.fixture
def geo(own: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The kernelspec of an environment."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    (name,) = specs.register(environment(make_prefix(tmp_path / "envs/geo")), own)
    return name


def command(own: Settings, name: str) -> list[str]:
    manager = manager_of(own, name)
    assert manager.kernel_spec is not None
    return list(manager.kernel_spec.argv)


@pytest.mark.parametrize("script", [SCRIPT, EARLY], ids=["plain", "early"])
def test_it_is_as_one_that_is_started(own: Settings, tmp_path: Path, make: Make, geo: str, script: str) -> None:
    prefix = tmp_path / "envs/geo"
    (prefix / "etc/conda/activate.d/script.sh").write_text(script)
    _, heard = make()
    states = []
    waiting = 0
    for folder in (tmp_path / "one", tmp_path / "two"):
        folder.mkdir()
        session = {**os.environ, "JPY_SESSION_NAME": f"{folder}/book.ipynb", "PYTHONPATH": "/of/the/server"}
        with started(manager_of(own, geo), cwd=str(folder), env=session) as kernel:
            states.append(json.loads(kernel.run(STATE)))
            assert kernel.run("import os; print(os.getcwd())") == str(folder)
            assert kernel.run("!echo from $PWD; sh -c 'echo error >&2'").split() == ["from", str(folder), "error"]
            assert deferred.living_kernels(prefix) == (states[-1]["pid"],)
            if not waiting:
                waiting = heard.waiting()
                assert deferred.living_kernels(prefix) == (states[0]["pid"],), "one that waits is no kernel"
    cold, warm = states
    assert warm["pid"] == waiting != cold["pid"]
    assert (cold["session"], warm["session"]) == (f"{tmp_path}/one/book.ipynb", f"{tmp_path}/two/book.ipynb")
    assert (cold["env"]["PWD"], warm["env"]["PWD"]) == (f"{tmp_path}/one", f"{tmp_path}/two")
    assert warm["env"]["FROM_SCRIPT"] == f"it ran in {prefix}"
    assert warm["history"] == cold["history"] + 1
    for state in states:
        for name in ("pid", "session", "history"):
            del state[name]
        for name in ("PWD", "JPY_SESSION_NAME"):
            del state["env"][name]
    assert warm == cold


def test_it_can_be_interrupted_asked_restarted_and_shut_down(own: Settings, make: Make, geo: str) -> None:
    _, heard = make()
    with started(manager_of(own, geo)):
        waiting = heard.waiting()
    manager = manager_of(own, geo)
    with started(manager) as kernel:
        assert kernel.run("import os; print(os.getpid())") == str(waiting)

        def interrupt(message: dict[str, Any]) -> None:
            if message["content"].get("text", "").startswith("pausing"):
                manager.interrupt_kernel()
            errors.append(message["content"].get("ename"))

        errors: list[str | None] = []
        code = "import signal\nprint('pausing', flush=True)\nsignal.pause()"
        kernel.client.execute_interactive(code, output_hook=interrupt, timeout=WAIT, stop_on_error=False)
        assert "KeyboardInterrupt" in errors

        answered: list[str] = []
        kernel.client.execute_interactive(
            "print('so', input('who? '))",
            allow_stdin=True,
            stdin_hook=lambda _: kernel.client.input("me"),
            output_hook=lambda message: answered.append(message["content"].get("text", "")),
            timeout=WAIT,
        )
        assert "so me\n" in answered

        next_one = heard.waiting()
        manager.restart_kernel()
        kernel.client.wait_for_ready(timeout=WAIT)
        assert kernel.run("import os; print(os.getpid())") == str(next_one)
        assert not psutil.pid_exists(waiting)
        manager.shutdown_kernel()
        assert not psutil.pid_exists(next_one)


def of_other_variables(prefix: Path, process: int, env: dict[str, str]) -> None:
    env["CHOSEN"] = "now"


def script_edited(prefix: Path, process: int, env: dict[str, str]) -> None:
    (prefix / "etc/conda/activate.d/script.sh").write_text("export FROM_SCRIPT=another\n")


def package_added(prefix: Path, process: int, env: dict[str, str]) -> None:
    (packages,) = prefix.glob("lib/python*/site-packages")
    (packages / "sitecustomize.py").touch()


def change_deferred(prefix: Path, process: int, env: dict[str, str]) -> None:
    (prefix / deferred.FILE).parent.mkdir()
    (prefix / deferred.FILE).touch()


def environment_gone(prefix: Path, process: int, env: dict[str, str]) -> None:
    prefix.rename(prefix.with_name("elsewhere"))


def killed(prefix: Path, process: int, env: dict[str, str]) -> None:
    os.kill(process, signal.SIGKILL)


def hangs(prefix: Path, process: int, env: dict[str, str]) -> None:
    os.kill(process, signal.SIGSTOP)


@pytest.mark.parametrize(
    ("becomes", "why"),
    [
        (of_other_variables, "other variables: CHOSEN"),
        (script_edited, "the environment is another one now"),
        (package_added, "the environment is another one now"),
        (change_deferred, "a change of the environment waits"),
        (environment_gone, "the environment is another one now"),
        (killed, "ended"),
        (hangs, "has not answered within"),
    ],
)
def test_where_anything_is_different_it_is_ended(
    own: Settings,
    tmp_path: Path,
    make: Make,
    geo: str,
    monkeypatch: pytest.MonkeyPatch,
    becomes: Callable[[Path, int, dict[str, str]], None],
    why: str,
) -> None:
    monkeypatch.setattr(pool, "ANSWER", 2.0 if becomes is not hangs else 0.1)
    kernels, heard = make()
    argv, env = command(own, geo), dict(os.environ)
    kernels.started(argv, env)
    waiting = psutil.Process(heard.waiting())
    becomes(tmp_path / "envs/geo", waiting.pid, env)
    assert asyncio.run(kernels.take(argv, env, str(tmp_path))) is None
    heard.until(why)
    waiting.wait(WAIT)
    assert asyncio.run(kernels.take(argv, env, str(tmp_path))) is None, "no second one until a kernel was started"


def test_none_begins_to_wait_while_a_change_does(own: Settings, tmp_path: Path, make: Make, geo: str) -> None:
    change = tmp_path / "envs/geo" / deferred.FILE
    change.parent.mkdir()
    change.touch()
    (other,) = specs.register(environment(make_prefix(tmp_path / "envs/other")), own)
    kernels, heard = make()
    kernels.started(command(own, geo), dict(os.environ))
    kernels.started(command(own, other), dict(os.environ))
    of_other = heard.waiting()
    assert str(tmp_path / "envs/other") in psutil.Process(of_other).cmdline()
    change.unlink()
    assert str(tmp_path / "envs/geo") in psutil.Process(heard.waiting()).cmdline()


def test_none_waits_where_memory_is_short(own: Settings, tmp_path: Path, make: Make, geo: str) -> None:
    room = [pool.ROOM - 1]
    looked = threading.Event()

    def available() -> int:
        looked.set()
        return room[0]

    kernels, heard = make(available=available)
    kernels.started(command(own, geo), dict(os.environ))
    assert looked.wait(WAIT) and not any("waits" in line for line in heard.lines)
    room[0] = pool.ROOM
    waiting = psutil.Process(heard.waiting())
    room[0] = pool.SCARCE - 1
    heard.until("little memory left")
    waiting.wait(WAIT)


@pytest.mark.parametrize(
    ("limits", "why"),
    [({"memory": 1}, "took too much memory"), ({"idle": 0.0}, "was not needed")],
    ids=["memory", "idle"],
)
def test_it_is_ended_beyond_the_limits(own: Settings, make: Make, geo: str, limits: dict[str, Any], why: str) -> None:
    kernels, heard = make(**limits)
    kernels.started(command(own, geo), dict(os.environ))
    waiting = psutil.Process(heard.waiting())
    heard.until(f"(process {waiting.pid}) {why}")
    waiting.wait(WAIT)


def test_what_cannot_come_up_is_not_tried_again(own: Settings, tmp_path: Path, make: Make, geo: str) -> None:
    (other,) = specs.register(environment(make_prefix(tmp_path / "envs/other")), own)
    (ipykernel,) = (tmp_path / "envs/geo").glob("lib/python*/site-packages/ipykernel")
    ipykernel.unlink()
    ipykernel.with_suffix(".py").write_text("raise ImportError('broken')")
    kernels, heard = make()
    kernels.started(command(own, geo), dict(os.environ))
    heard.until("did not start")
    kernels.started(command(own, other), dict(os.environ))
    heard.waiting()
    assert not heard.lines


def test_an_installation_that_is_older_than_its_files_is_told(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    factory = KernelProvisionerFactory.instance()
    monkeypatch.delitem(factory.provisioners, provisioner.NAME)
    assert not provisioner.switch_on(pool.Pool(1, 10**9, 600.0, logging.getLogger()), None, logging.getLogger())
    assert factory.default_provisioner_name == provisioner.PLAIN
    assert "install it again" in caplog.text


def test_only_kernels_of_ours_that_need_no_scripts_at_each_start_wait(own: Settings, geo: str) -> None:
    argv = command(own, geo)
    ours = {"jupyter_condaenv": {}}
    assert provisioner.can_wait(argv, ours)
    assert not provisioner.can_wait(argv, {})
    assert not provisioner.can_wait([*argv[:3], "--always-run", *argv[3:]], ours)
    assert not provisioner.can_wait([*argv, "--HistoryManager.enabled=False"], ours)
    assert not provisioner.can_wait([argv[0], "/of/another/version/shim.py", *argv[2:]], ours)
    assert not provisioner.can_wait([*argv[:3], "--program", "--", "bin/R"], ours)
