"""Prefixes that kernels can really start in: a venv laid out like a conda environment, with ipykernel lent to it."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import KernelManager

from jupyter_condaenv.engine.activation.launch import join_levels
from jupyter_condaenv.engine.model import Environment, Settings
from jupyter_condaenv.kernels import launcher

SCRIPT = 'export FROM_SCRIPT="it ran in $CONDA_PREFIX"\n'
WAIT = 120
"""Seconds; what is waited for comes at once or never."""


def make_prefix(prefix: Path, script: str = SCRIPT, ipykernel: bool = True) -> Path:
    """An environment at ``prefix`` with this Python and one activation script."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", prefix], check=True)
    (prefix / "conda-meta").mkdir()
    (prefix / "conda-meta/history").touch()
    activate = prefix / "etc/conda/activate.d"
    activate.mkdir(parents=True)
    (activate / "script.sh").write_text(script)
    if ipykernel:
        lend_ipykernel(prefix)
    return prefix


def put_on(top: Path, base: Path) -> None:
    """Let the Python of ``top`` be that of ``base``, as that of an overlay is."""
    python = top / "bin/python"
    python.unlink()
    python.symlink_to(base / "bin/python")


def lend_ipykernel(prefix: Path) -> None:
    ours = Path(sysconfig.get_path("purelib"))
    (theirs,) = prefix.glob("lib/python*/site-packages")
    for name in ("ipykernel", "ipykernel_launcher.py"):
        (theirs / name).symlink_to(ours / name)
    (theirs / "lent.pth").write_text("".join(f"{path}\n" for path in {ours, Path(sysconfig.get_path("platlib"))}))


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


def launched(
    own: Settings, levels: tuple[str, ...], environ: dict[str, str], *options: str
) -> tuple[dict[str, str], str]:
    """The variables of what a kernelspec with these ``options`` starts, and what it writes to standard error."""
    files = launcher.install(own)
    command = [files.trampoline, files.shim, join_levels(levels), *options, "-m", "tell"]
    ran = subprocess.run(command, env=environ, stdin=subprocess.DEVNULL, capture_output=True, check=True)
    pairs = (os.fsdecode(entry).partition("=") for entry in ran.stdout.split(b"\0"))
    return {name: value for name, _, value in pairs}, ran.stderr.decode()


def environment(prefix: Path, **fields: Any) -> Environment:
    minor = f"{sys.version_info.major}.{sys.version_info.minor}.0"
    return Environment(**{"name": prefix.name, "prefix": str(prefix), "python": minor, **fields})


class Kernel:
    """A running kernel and a client of it."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager = manager
        self.client = client

    def run(self, code: str, answer: str | None = None, seen: Callable[[str], object] = len) -> str:
        """What ``code`` prints, or the text of the error it ends with.

        Where it asks for input that is ``answer``; without one nobody is there to ask. ``seen`` is told what it prints.
        """
        output: list[str] = []

        def hook(message: dict[str, Any]) -> None:
            content = message["content"]
            output.append(
                content["text"] if message["msg_type"] == "stream" else "\n".join(content.get("traceback", ()))
            )
            seen(output[-1])

        self.client.execute_interactive(
            code,
            allow_stdin=answer is not None,
            stdin_hook=lambda _: self.client.input(answer),
            output_hook=hook,
            timeout=WAIT,
            stop_on_error=False,
        )
        return "".join(output).strip()


@contextmanager
def started(manager: KernelManager, **options: Any) -> Iterator[Kernel]:
    manager.start_kernel(**options)
    with connected(manager) as kernel:
        yield kernel


@contextmanager
def connected(manager: KernelManager) -> Iterator[Kernel]:
    """The kernel that ``manager`` has started, which ends afterwards."""
    client = manager.blocking_client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=WAIT)
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def as_vs_code_starts_it(manager: KernelManager, prefix: Path) -> KernelManager:
    """It runs the interpreter that it has matched in place of argv[0], and appends --f=PATH."""
    assert manager.kernel_spec is not None
    _, *rest, option, _ = manager.kernel_spec.argv
    assert option == "-f"
    manager.kernel_spec.argv = [f"{prefix}/bin/python", *rest, "--f={connection_file}"]
    return manager


def manager_of(settings: Settings, name: str) -> KernelManager:
    specs = KernelSpecManager(kernel_dirs=[settings.kernels_dir], ensure_native_kernel=False)
    return KernelManager(kernel_name=name, kernel_spec_manager=specs)


@contextmanager
def control_group(controller: str, version1: tuple[str, str], version2: tuple[str, str]) -> Iterator[Path]:
    """One of the version that the machine has for ``controller``, in which the file that is named holds that text."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            made, (file, text) = Path(f"/sys/fs/cgroup/{controller}{path}"), version1
        elif not controllers:
            made, (file, text) = Path(f"/sys/fs/cgroup{path}"), version2
        else:
            continue
        made /= f"condaenv-test-{os.getpid()}"
        try:
            made.mkdir()
            (made / file).write_text(text)
        except OSError:
            with suppress(OSError):
                made.rmdir()
            continue
        try:
            yield made
            return
        finally:
            made.rmdir()
    pytest.skip("no control group with a limit can be made here: this needs root, or one that is delegated")


def limit(manager: KernelManager, group: Path) -> None:
    """Have its kernels started in ``group``."""
    assert manager.kernel_spec is not None
    enter = f'echo $$ >{group}/cgroup.procs && exec "$@"'
    argv = ["sh", "-c", enter, "sh", *manager.kernel_spec.argv]
    manager._kernel_spec = KernelSpec(argv=argv, language="python")


@pytest.fixture
def own(settings: Callable[..., Settings], tmp_path: Path) -> Settings:
    """Settings of this test, whose environments' folder exists."""
    (tmp_path / "envs").mkdir()
    return settings()


@pytest.fixture(autouse=True)
def outside_of_any_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("CONDA")] + ["VIRTUAL_ENV", "PYTHONPATH"]:
        monkeypatch.delenv(name, raising=False)
