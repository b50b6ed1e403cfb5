"""Kernels that end without a word while they start: Jupyter starts them again, and then it is told in the notebook."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from pathlib import Path
from typing import Literal

import pytest
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager
from traitlets.config import Config

from jupyter_condaenv.engine.activation import memory
from jupyter_condaenv.engine.model import Settings
from jupyter_condaenv.kernels import specs
from tests.jobs.conftest import eventually

from .conftest import WAIT, connected, control_group, environment, limit, make_prefix, manager_of, started

SESSION = {"JPY_SESSION_NAME": "a.ipynb"}
SEGFAULT = "import ctypes\nctypes.string_at(0)\n"
KILLED = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n"


def place(own: Settings, tmp_path: Path, code: str, module: str = "ipykernel_launcher") -> tuple[str, Path]:
    """The kernel of an environment in which ``code`` is that of ``module``, and the file."""
    prefix = make_prefix(tmp_path / "envs/geo", "")
    (packages,) = prefix.glob("lib/python*/site-packages")
    if module == "ipykernel_launcher":
        (packages / "ipykernel_launcher.py").rename(packages / "intact.py")
    (packages / f"{module}.py").write_text(code)
    (name,) = specs.register(environment(prefix), own)
    return name, packages / f"{module}.py"


def repair(broken: Path) -> None:
    broken.unlink()
    intact = broken.with_name("intact.py")
    if intact.exists():
        intact.rename(broken)


def starting(own: Settings) -> list[Path]:
    return list(Path(own.data_dir, "starting").iterdir())


def command(own: Settings, name: str, connection: Path) -> list[str]:
    """What Jupyter runs for the kernel ``name``."""
    spec = manager_of(own, name).kernel_spec
    assert spec is not None
    return [str(connection) if one == "{connection_file}" else one for one in spec.argv]


def die(manager: KernelManager) -> None:
    manager.start_kernel(env={**os.environ, **SESSION})
    eventually(lambda: not manager.is_alive())


@pytest.mark.parametrize(
    ("code", "module", "reason"),
    [
        ("import os\nos._exit(0)\n", "ipykernel_launcher", "ended while it started, without a word"),
        ("import os\nos._exit(1)\n", "sitecustomize", "ended while it started, without a word"),
        (KILLED, "ipykernel_launcher", "ended while it started, without a word"),
        (SEGFAULT, "ipykernel_launcher", "crashed while it started: Segmentation fault; File"),
    ],
    ids=["exit", "exit of sitecustomize", "killed", "segmentation fault"],
)
def test_it_is_told_and_after_the_repair_it_starts(
    own: Settings, tmp_path: Path, code: str, module: str, reason: str
) -> None:
    name, broken = place(own, tmp_path, code, module)
    manager = manager_of(own, name)
    die(manager)
    # As Jupyter does that finds a kernel dead.
    manager.restart_kernel(now=True)
    with connected(manager) as kernel:
        told = kernel.run("1")
        assert f"In the environment {tmp_path}/envs/geo, its kernel {reason}" in told and "restart the kernel" in told
        assert not starting(own)
        repair(broken)
        manager.restart_kernel(now=True)
        kernel.client.wait_for_ready(timeout=WAIT)
        assert kernel.run("print(1 + 1)") == "2"
        assert kernel.run("import faulthandler; print(faulthandler.is_enabled())") == "False", "as bare ipykernel"
        assert not starting(own)


def test_what_a_server_starts_again_tells_it(own: Settings, tmp_path: Path) -> None:
    name, _ = place(own, tmp_path, KILLED)

    async def run() -> str:
        kernels = AsyncMappingKernelManager(
            kernel_spec_manager=KernelSpecManager(kernel_dirs=[own.kernels_dir], ensure_native_kernel=False),
            config=Config(KernelRestarter={"time_to_dead": 0.2, "random_ports_until_alive": False}),
        )
        id = await kernels.start_kernel(kernel_name=name)
        manager = kernels.get_kernel(id)
        first = manager.provisioner.pid
        # A client gives up that asks between the kernel's end and its next start.
        await asyncio.to_thread(eventually, lambda: manager.provisioner.pid not in (None, first))
        client = manager.client()
        client.start_channels()
        try:
            await client.wait_for_ready(timeout=WAIT)
            reply = await client.execute("1", reply=True, timeout=WAIT)
        finally:
            client.stop_channels()
            await kernels.shutdown_kernel(id, now=True)
        return str(reply["content"]["evalue"])

    assert "its kernel ended while it started, without a word" in asyncio.run(run())


def test_where_nobody_starts_it_again_the_log_says_where_it_crashed(own: Settings, tmp_path: Path) -> None:
    name, broken = place(own, tmp_path, SEGFAULT)
    argv = command(own, name, tmp_path / "kernel-1.json")
    env = {key: value for key, value in os.environ.items() if key not in SESSION}
    ran = subprocess.run(argv, env=env, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert ran.returncode == -signal.SIGSEGV
    assert "Fatal Python error: Segmentation fault" in ran.stderr and "ctypes" in ran.stderr
    assert str(broken) in ran.stderr


def end_once_begun(manager: KernelManager, own: Settings, output: Literal["stdout", "stderr"]) -> None:
    """Start a kernel, and ask it to end when it has written ``begun`` to its ``output``."""
    manager.start_kernel(**{output: subprocess.PIPE})
    process = manager.provisioner.process  # type: ignore[union-attr]
    with getattr(process, output) as said:
        assert said.readline() == b"begun\n" and starting(own)
        process.send_signal(signal.SIGTERM)
        process.wait(WAIT)


def test_one_that_was_asked_to_end_starts_as_ever(own: Settings, tmp_path: Path) -> None:
    name, broken = place(own, tmp_path, "import time\nprint('begun', flush=True)\ntime.sleep(600)\n")
    manager = manager_of(own, name)
    end_once_begun(manager, own, "stdout")
    assert not starting(own)
    repair(broken)
    with started(manager) as kernel:
        assert kernel.run("print(1 + 1)") == "2"


def test_one_that_was_asked_to_end_while_scripts_ran_starts_as_ever(own: Settings, tmp_path: Path) -> None:
    name, broken = place(own, tmp_path, "")
    repair(broken)
    script = tmp_path / "envs/geo/etc/conda/activate.d/script.sh"
    script.write_text("echo begun; sleep 15\n")
    manager = manager_of(own, name)
    end_once_begun(manager, own, "stderr")
    script.write_text("")
    manager.restart_kernel(now=True)
    with connected(manager) as kernel:
        assert kernel.run("print(1 + 1)") == "2"


def test_what_is_left_of_another_start_counts_for_nothing(own: Settings, tmp_path: Path) -> None:
    name, broken = place(own, tmp_path, KILLED)
    manager = manager_of(own, name)
    die(manager)
    (left,) = starting(own)
    os.utime(left, (1, 1))
    repair(broken)
    manager.restart_kernel(now=True)
    with connected(manager) as kernel:
        assert kernel.run("print(1 + 1)") == "2"
    left.touch()
    os.utime(left, (1, 1))
    specs.register(environment(tmp_path / "envs/geo"), own)
    assert not starting(own)


def test_a_limit_of_memory_is_told_and_not_that_of_what_tells_it(own: Settings, tmp_path: Path) -> None:
    name, _ = place(own, tmp_path, "held = bytearray(8 << 30)\n")
    manager = manager_of(own, name)
    assert manager.kernel_spec is not None
    limited = ["sh", "-c", 'ulimit -S -v 307200; exec "$@"', "sh"]
    manager.kernel_spec.argv = [*limited, *manager.kernel_spec.argv]
    with started(manager) as kernel:
        told = kernel.run("1")
    assert "ipykernel cannot be started (MemoryError" in told
    assert "Each process may have 300 MiB here (ulimit -v)" in told


def test_the_memory_of_a_container_is_told(own: Settings, tmp_path: Path) -> None:
    name, _ = place(own, tmp_path, "held = b'x' * (1 << 30)\n")
    manager = manager_of(own, name)
    most = str(200 << 20)
    with control_group("memory", ("memory.limit_in_bytes", most), ("memory.max", most)) as group:
        limit(manager, group)
        die(manager)
        manager.restart_kernel(now=True)
        with connected(manager) as kernel:
            told = kernel.run("1")
    assert "no memory left, of which all here have 200 MiB together" in told
    assert "shut other kernels down, or ask for more" in told


@pytest.mark.slow
def test_a_limit_that_holds_for_what_tells_it_too_is_in_the_log(own: Settings, tmp_path: Path) -> None:
    name, _ = place(own, tmp_path, SEGFAULT)
    limited = ["sh", "-c", 'ulimit -v 102400; exec "$@"', "sh", *command(own, name, tmp_path / "kernel-1.json")]
    env = {**os.environ, **SESSION}
    first, second = (
        subprocess.run(limited, env=env, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        for _ in range(2)
    )
    assert first.returncode == -signal.SIGSEGV
    assert second.returncode and "Each process may have 100 MiB here (ulimit -v)" in second.stderr


def test_a_limit_of_memory_is_not_told_where_it_has_nothing_to_do_with_it(own: Settings, tmp_path: Path) -> None:
    name, _ = place(own, tmp_path, "")
    (tmp_path / "envs/geo/bin/python").unlink()
    argv = command(own, name, tmp_path / "kernel-1.json")
    # Without a connection file nobody could talk to it, and it ends.
    limited = ["sh", "-c", 'ulimit -v 2000000; exec "$@"', "sh", *argv[: argv.index("-f")]]
    ran = subprocess.run(limited, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert ran.returncode and "bin/python, does not exist" in ran.stderr and "ulimit" not in ran.stderr


def test_what_is_killed_for_want_of_memory_is_counted(tmp_path: Path) -> None:
    groups, root = tmp_path / "groups", tmp_path / "root"
    (root / "a").mkdir(parents=True)
    (root / "memory/b").mkdir(parents=True)
    groups.write_text("0::/a\n")
    assert memory.killed(str(groups), str(root)) is None
    (root / "a/memory.events").write_text("low 0\nhigh 0\nmax 7\noom 3\noom_kill 2\noom_group_kill 0\n")
    assert memory.killed(str(groups), str(root)) == 2
    groups.write_text("5:memory:/b\n0::/\n")
    (root / "memory/b/memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 4\n")
    assert memory.killed(str(groups), str(root)) == 4
