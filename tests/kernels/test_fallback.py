"""Kernels that cannot start: what is wrong and what mends it is said in the notebook, and then they can."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from jupyter_condaenv.engine.model import AnyRequest, AnyResult, Changed, CreateEnvironment, Settings, StackEnvironment
from jupyter_condaenv.engine.prefix import packages
from jupyter_condaenv.engine.rattler import host, linking
from jupyter_condaenv.jobs import Jobs
from jupyter_condaenv.kernels import launcher, specs
from tests.jobs.conftest import eventually

from .conftest import WAIT, environment, make_prefix, manager_of, put_on, started

DOCTOR = "jupyter condaenv doctor --fix {prefix}"


def without_library(prefix: Path) -> None:
    """As a conda environment, whose library is its own, and is not there."""
    (prefix / "pyvenv.cfg").unlink()


DAMAGE: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "no Python": (lambda prefix: (prefix / "bin/python").unlink(), "{prefix}/bin/python, does not exist", DOCTOR),
    "a link": (lambda prefix: python_is(prefix, to="/not/there"), "{prefix}/bin/python leads to /not/there", DOCTOR),
    "empty": (lambda prefix: python_is(prefix, b""), "{prefix}/bin/python, is damaged", DOCTOR),
    "of another machine": (lambda prefix: python_is(prefix, b"\0\1"), "cannot be run on this machine", DOCTOR),
    "no library": (without_library, "Python's own library is missing in the environment {prefix}", DOCTOR),
}


def python_is(prefix: Path, content: bytes = b"", to: str = "") -> None:
    python = prefix / "bin/python"
    python.unlink()
    if to:
        python.symlink_to(to)
    else:
        python.write_bytes(content)
        python.chmod(0o755)


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_told_with_what_mends_it(own: Settings, tmp_path: Path, damage: str) -> None:
    prefix = make_prefix(tmp_path / "envs/it's")
    (name,) = specs.register(environment(prefix), own)
    destroy, reason, command = DAMAGE[damage]
    destroy(prefix)
    with started(manager_of(own, name)) as kernel:
        told = kernel.run("1")
        assert reason.format(prefix=prefix) in told
        assert command.format(prefix=shlex.quote(str(prefix))) in told
        info = kernel.client.kernel_info(reply=True, timeout=WAIT)["content"]
        assert reason.format(prefix=prefix) in info["banner"] and info["language_info"]["name"] == "python"


@pytest.mark.parametrize("shell", ["sh", "bash", "bash --posix", "dash"])
def test_what_cannot_be_executed_is_explained_whatever_shell_sh_is(own: Settings, tmp_path: Path, shell: str) -> None:
    if shutil.which(shell.split()[0]) is None:
        pytest.skip(f"no {shell} here. apt-get install {shell} would add it")
    prefix = make_prefix(tmp_path / "envs/geo", ipykernel=False)
    python_is(prefix, b"\0\1")
    files = launcher.install(own)
    command = [*shell.split(), files.trampoline, files.shim, prefix, "-m", "tell"]
    ran = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert "cannot be run on this machine" in ran.stderr and ran.returncode == 1


def test_what_explains_has_the_libraries_of_the_server(own: Settings, tmp_path: Path) -> None:
    prefix = make_prefix(tmp_path / "envs/geo", ipykernel=False)
    python_is(prefix, b"\0\1")
    files, registrar = launcher.install(own), tmp_path / "registrar"
    registrar.write_text('#!/bin/sh\necho "${LD_LIBRARY_PATH-none}"\n')
    registrar.chmod(0o755)
    files.trampoline.with_name("registrar").write_text(f"{registrar}\n")
    for option, given in (("prefix", "/of/the/server"), ("prefix", ""), ("clean", "/of/the/server"), ("off", "")):
        command = [files.trampoline, files.shim, prefix, f"--library-path={option}", "-m", "tell"]
        env = {"PATH": os.defpath, **({"LD_LIBRARY_PATH": given} if given else {})}
        ran = subprocess.run(command, env=env, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        assert ran.stdout.strip() == (given or "none")


def stacked(own: Settings, tmp_path: Path) -> tuple[Path, Path, str]:
    base, top = make_prefix(tmp_path / "envs/base"), make_prefix(tmp_path / "envs/top")
    put_on(top, base)
    (name,) = specs.register(environment(top), own, levels=(str(base), str(top)))
    return base, top, name


def test_a_missing_base_is_explained_and_back_again_the_kernel_restarts(own: Settings, tmp_path: Path) -> None:
    base, _, name = stacked(own, tmp_path)
    away = base.rename(tmp_path / "away")
    manager = manager_of(own, name)
    with started(manager) as kernel:
        assert f"stands on {base}, which is gone" in kernel.run("1")
        away.rename(base)
        manager.restart_kernel(now=False)
        kernel.client.wait_for_ready(timeout=WAIT)
        assert kernel.run("print(1 + 1)") == "2"


def test_an_overlay_with_a_python_of_its_own_is_explained(own: Settings, tmp_path: Path) -> None:
    base, top, name = stacked(own, tmp_path)
    (top / "conda-meta/python-dateutil-2.9.0-0.json").write_text("{}")
    with started(manager_of(own, name)) as kernel:
        assert kernel.run("print(1 + 1)") == "2", "that is another package"
    (top / "conda-meta/python-3.12.0-0.json").write_text("{}")
    with started(manager_of(own, name)) as kernel:
        told = kernel.run("1")
    assert f"Another tool has altered the environment {top}, which holds only what comes on top of {base}" in told
    assert f"jupyter condaenv rollback {top}" in told


FOREIGN: dict[str, Callable[[Path], object]] = {
    "a link": lambda top: python_is(top, to=os.path.realpath(sys.executable)),
    "a file": lambda top: python_is(top, Path(sys.executable).read_bytes()),
    "one that ends at once": lambda top: python_is(top, b"#!/bin/sh\nexit 1\n"),
}


@pytest.mark.parametrize("foreign", FOREIGN)
def test_another_python_in_the_place_of_an_overlays_is_explained(own: Settings, tmp_path: Path, foreign: str) -> None:
    base, top, name = stacked(own, tmp_path)
    FOREIGN[foreign](top)
    manager = manager_of(own, name)
    if foreign == "one that ends at once":
        manager.start_kernel(env={**os.environ, "JPY_SESSION_NAME": "a.ipynb"})
        eventually(lambda: not manager.is_alive())
    with started(manager) as kernel:
        told = kernel.run("1")
        assert f"Another tool has put a Python in the place of {top}/bin/python, which is that of {base}" in told
        assert f"jupyter condaenv doctor --fix {top}" in told
        put_on(top, base)
        manager.restart_kernel(now=False)
        kernel.client.wait_for_ready(timeout=WAIT)
        assert kernel.run("print(1 + 1)") == "2"


@pytest.mark.parametrize(
    ("script", "reason", "mends"),
    [
        ("raise MemoryError('no more')", "cannot be started (MemoryError: no more)", "run out of memory"),
        ("raise SystemExit('bad configuration')", "ended while it started (bad configuration)", "doctor --fix"),
    ],
)
@pytest.mark.parametrize("activation", ["", "export PYTHONHASHSEED=1\n"])
def test_a_failing_ipykernel_is_explained(
    own: Settings, tmp_path: Path, script: str, reason: str, mends: str, activation: str
) -> None:
    """Also where activation has Python start again."""
    prefix = make_prefix(tmp_path / "envs/geo", activation)
    (name,) = specs.register(environment(prefix), own)
    (launcher,) = prefix.glob("lib/python*/site-packages/ipykernel_launcher.py")
    launcher.unlink()
    launcher.write_text(f"{script}\n")
    with started(manager_of(own, name)) as kernel:
        told = kernel.run("1")
    assert f"In the environment {prefix}, ipykernel {reason}" in told
    assert mends in told and "restart the kernel" in told


def test_a_failed_script_is_told_with_the_first_cell(own: Settings, tmp_path: Path) -> None:
    prefix = make_prefix(tmp_path / "envs/geo", "exit 3\n")
    (name,) = specs.register(environment(prefix), own)
    with started(manager_of(own, name)) as kernel:
        first, second = kernel.run("print(1 + 1)"), kernel.run("print(1 + 1)")
    assert f"{prefix}/etc/conda/activate.d/script.sh ended the shell" in first
    assert sorted(first.splitlines())[0] == second == "2"


# --- what mends an environment, done ----------------------------------------------------------------------------------


def do(settings: Settings, request: AnyRequest) -> AnyResult:
    job = Jobs(settings).start(request)
    assert job.wait(240)
    return job.result()


def commands(told: str) -> list[list[str]]:
    """The commands in what a kernel tells."""
    found = [line.partition("in a terminal: ")[2] for line in told.splitlines()]
    return [shlex.split(command) for command in found if command]


@pytest.mark.slow
def test_what_is_told_to_mend_it_does(site: Settings) -> None:
    """The kernel opens again after it, by a restart: of an environment, and of one that stands on it."""
    prefix, top = (Path(site.envs_dirs[0], name) for name in ("geo", "top"))
    made = do(site, CreateEnvironment(prefix=str(prefix), specs=("python", "ipykernel")))
    assert isinstance(made, Changed)
    assert isinstance(do(site, StackEnvironment(prefix=str(top), base=str(prefix), specs=("smallpkg",))), Changed)
    (encodings,) = prefix.glob("lib/python3*/encodings")
    (traitlets,) = prefix.glob("lib/python3*/site-packages/traitlets/__init__.py")
    damage: list[tuple[str, Callable[[], object], str]] = [
        ("geo", lambda: (prefix / "bin/python").unlink(), "does not exist"),
        ("geo", lambda: shutil.rmtree(encodings), "own library is missing"),
        ("geo", lambda: rewrite(traitlets, "import not_there\n"), "No module named 'not_there'"),
        ("top", lambda: install_python(prefix, top, site), "Another tool has altered"),
    ]
    for name, destroy, reason in damage[-1:]:
        manager = manager_of(site, f"condaenv-{name}")
        destroy()
        with started(manager) as kernel:
            told = kernel.run("1")
            assert reason in told
            ((program, command, *rest),) = commands(told)
            assert (program, command) == ("jupyter", "condaenv")
            subprocess.run([sys.executable, "-m", "jupyter_condaenv.cli", *rest], check=True)
            manager.restart_kernel(now=True)
            kernel.client.wait_for_ready(timeout=WAIT)
            assert kernel.run("print(1 + 1)") == "2"


def install_python(source: Path, prefix: Path, settings: Settings) -> None:
    """Install what ``source`` has into the overlay at ``prefix`` as conda and its kin would, which see no base."""
    linking.link(
        [*packages(source), *packages(prefix)],
        prefix,
        prefix,
        cache_dir=Path(settings.cache_dir),
        ignored=set(),
        platform=host.platform(),
        report=lambda *_: None,
    )


def rewrite(path: Path, content: str) -> None:
    path.unlink()  # it may be linked to the package cache
    path.write_text(content)


# --- what a kernel does that has nothing to run -----------------------------------------------------------------------


def test_a_missing_environment_is_explained_in_the_notebook(own: Settings, tmp_path: Path) -> None:
    prefix = make_prefix(tmp_path / "envs/it's gone")
    (name,) = specs.register(environment(prefix), own)
    shutil.rmtree(prefix)
    manager = manager_of(own, name)
    with started(manager) as kernel:
        told = kernel.run("1 + 1")
        assert f"The environment {prefix} is gone." in told
        assert "restart the kernel" in told
        assert manager.provisioner is not None
        assert psutil.Process(manager.provisioner.pid).is_running()  # type: ignore[attr-defined]
        manager.interrupt_kernel()
        assert "is gone" in kernel.run("2 + 2"), "it goes on answering after an interrupt"
        asked = kernel.client.is_complete("for")
        while (reply := kernel.client.get_shell_msg(timeout=60))["parent_header"]["msg_id"] != asked:
            pass
        assert reply["content"]["status"] == "complete"
        kernel.client.shutdown(reply=True, timeout=60)


@pytest.mark.parametrize("closed", ["envs", "envs/geo", "envs/geo/bin", "envs/geo/lib"])
def test_what_may_not_be_read_is_told_as_that(own: Settings, tmp_path: Path, closed: str) -> None:
    prefix = make_prefix(tmp_path / "envs/geo")
    (name,) = specs.register(environment(prefix), own)
    manager = manager_of(own, name)
    assert manager.kernel_spec is not None
    if os.geteuid() == 0:  # who may look everywhere without this
        without = ["setpriv", "--inh-caps=-all", "--bounding-set=-dac_override,-dac_read_search"]
        manager.kernel_spec.argv = [*without, *manager.kernel_spec.argv]
    (tmp_path / closed).chmod(0)
    try:
        with started(manager) as kernel:
            told = kernel.run("1")
    finally:
        (tmp_path / closed).chmod(0o755)
    assert f"You may not read {max(prefix, tmp_path / closed)}" in told and "is gone" not in told


def test_a_missing_ipykernel_is_explained(own: Settings, tmp_path: Path) -> None:
    prefix = make_prefix(tmp_path / "envs/geo")
    (name,) = specs.register(environment(prefix), own)
    for lent in prefix.glob("lib/python*/site-packages/*"):
        lent.unlink() if lent.is_symlink() or lent.suffix == ".pth" else shutil.rmtree(lent)
    manager = manager_of(own, name)
    assert manager.kernel_spec is not None
    manager.kernel_spec.argv = ["sh", "-c", 'ulimit -S -v 2000000; exec "$@"', "sh", *manager.kernel_spec.argv]
    with started(manager) as kernel:
        told = kernel.run("1")
    assert f"In the environment {prefix}, ipykernel cannot be started (ModuleNotFoundError" in told
    assert f"jupyter condaenv add {prefix} ipykernel" in told
    assert "ulimit" not in told, "memory has nothing to do with it"
