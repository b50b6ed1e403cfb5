"""Kernels that are really started, by jupyter_client, in the ways that front ends start them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from jupyter_condaenv.engine import demands
from jupyter_condaenv.engine.model import KernelOptions, LibraryPath, Settings
from jupyter_condaenv.kernels import launcher, specs
from tests.engine import places

from .conftest import (
    WAIT,
    as_vs_code_starts_it,
    connected,
    environment,
    launched,
    lend_ipykernel,
    make_prefix,
    manager_of,
    put_on,
    started,
    with_python,
)

SHOWN = "import os, sys, json; print(json.dumps([dict(os.environ), sys.prefix, os.getpid(), sys.path, sys.argv]))"


def test_a_cell_runs_in_the_activated_environment(own: Settings, tmp_path: Path) -> None:
    prefix = make_prefix(tmp_path / "envs/geo")
    (name,) = specs.register(environment(prefix), own)
    manager = manager_of(own, name)
    server = {**os.environ, "PYTHONPATH": "/of/the/server", "PYTHONHOME": "/of/the/server", "VIRTUAL_ENV": "/of/it"}
    with started(manager, env=server) as kernel:
        env, prefix_seen, pid, path, _ = json.loads(kernel.run(SHOWN))
        assert env["CONDA_PREFIX"] == prefix_seen == str(prefix)
        assert (env["CONDA_DEFAULT_ENV"], env["CONDA_SHLVL"]) == ("geo", "1")
        assert env["PATH"] == f"{prefix}/bin:{os.environ['PATH']}"
        assert env["FROM_SCRIPT"] == f"it ran in {prefix}"
        assert env["PYTHONNOUSERSITE"] == "1"
        assert not {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"} & env.keys()
        assert "/of/the/server" not in path
        assert not [entry for entry in path if own.data_dir in entry], "nothing beside the shim can be imported"
        assert pid == manager.provisioner.pid == psutil.Process(pid).pid  # type: ignore[union-attr]


def test_as_vs_code_starts_it(own: Settings, tmp_path: Path) -> None:
    prefix = make_prefix(tmp_path / "envs/geo")
    (name,) = specs.register(environment(prefix), own)
    manager = as_vs_code_starts_it(manager_of(own, name), prefix)
    with started(manager, env={**os.environ, "PYTHONPATH": "/of/the/server"}) as kernel:
        env, prefix_seen, _, path, _ = json.loads(kernel.run(SHOWN))
    assert prefix_seen == env["CONDA_PREFIX"] == str(prefix)
    assert env["FROM_SCRIPT"] == f"it ran in {prefix}"
    assert "/of/the/server" not in path


@pytest.mark.parametrize("early", ["LD_LIBRARY_PATH", "PYTHONHASHSEED"])
def test_what_is_read_at_start_is_read(own: Settings, tmp_path: Path, early: str) -> None:
    prefix = make_prefix(tmp_path / "envs/geo", f"export {early}=1\n")
    (name,) = specs.register(environment(prefix), own)
    manager = manager_of(own, name)
    with started(manager) as kernel:
        at_start = "open('/proc/self/environ', 'rb').read().split(b'\\0')"
        assert kernel.run(f"print(b'{early}=1' in {at_start})") == "True"
        assert kernel.run("import os; print(os.getpid())") == str(manager.provisioner.pid)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "name", ["with space", "o'quote\"s", "ünï-日本", "co:lon", "back\\0072slash", "{prefix}", "a$HOME`"]
)
def test_odd_prefixes(own: Settings, tmp_path: Path, name: str) -> None:
    prefix = make_prefix(tmp_path / "plain", ipykernel=False).rename(tmp_path / "envs" / name)
    lend_ipykernel(prefix)
    (kernel_name,) = specs.register(environment(prefix), own)
    with started(manager_of(own, kernel_name)) as kernel:
        env, _, _, _, _ = json.loads(kernel.run(SHOWN))
    assert env["CONDA_PREFIX"] == str(prefix)
    assert env["FROM_SCRIPT"] == f"it ran in {prefix}"


def test_a_stack(own: Settings, tmp_path: Path) -> None:
    add = 'export LAYERS="${LAYERS:+$LAYERS,}$CONDA_PREFIX"\n'
    base = make_prefix(tmp_path / "envs/base", add)
    top = make_prefix(tmp_path / "envs/top", add)
    put_on(top, base)
    (top / "conda-meta/condaenv").mkdir()
    (top / "conda-meta/condaenv/constraints.txt").touch()
    (name,) = specs.register(environment(top), own, levels=(str(base), str(top)))
    with started(manager_of(own, name)) as kernel:
        env, prefix_seen, _, _, _ = json.loads(kernel.run(SHOWN))
    assert prefix_seen == env["CONDA_PREFIX"] == str(top)
    assert (env["CONDA_PREFIX_1"], env["CONDA_SHLVL"], env["CONDA_STACKED_2"]) == (str(base), "2", "true")
    assert env["LAYERS"] == f"{base},{top}"
    assert env["PATH"].startswith(f"{top}/bin:{base}/bin:")
    assert env["JUPYTER_PATH"].split(":")[0] == f"{base}/share/jupyter"
    assert env["PIP_CONSTRAINT"] == f"{top}/conda-meta/condaenv/constraints.txt"


def test_what_was_active_in_the_server_is_left(own: Settings, tmp_path: Path) -> None:
    servers = make_prefix(tmp_path / "envs/server", "export GDAL_DATA=$CONDA_PREFIX/share/gdal\n")
    (servers / "etc/conda/deactivate.d").mkdir()
    (servers / "etc/conda/deactivate.d/gdal.sh").write_text("unset GDAL_DATA\n")
    (name,) = specs.register(environment(make_prefix(tmp_path / "envs/geo")), own)
    server = {
        **os.environ,
        "PATH": f"/first:{servers}/bin:{os.environ['PATH']}",
        "CONDA_PREFIX": str(servers),
        "CONDA_SHLVL": "1",
        "CONDA_DEFAULT_ENV": "server",
        "CONDA_PKGS_DIRS": "/chosen/by/the/user",
        "GDAL_DATA": f"{servers}/share/gdal",
    }
    with started(manager_of(own, name), env=server) as kernel:
        env, *_ = json.loads(kernel.run(SHOWN))
    assert env["PATH"] == f"{tmp_path}/envs/geo/bin:/first:{os.environ['PATH']}"
    assert "GDAL_DATA" not in env and "CONDA_PREFIX_1" not in env
    assert (env["CONDA_SHLVL"], env["CONDA_PKGS_DIRS"]) == ("1", "/chosen/by/the/user")


@pytest.mark.parametrize("script", ["", "export LD_LIBRARY_PATH=/else/where\n"])
def test_what_the_machine_lacks_is_told_once_with_the_first_cell(own: Settings, tmp_path: Path, script: str) -> None:
    """Also where activation has Python start again."""
    prefix = make_prefix(tmp_path / "envs/geo", script)
    (prefix / demands.FILE).parent.mkdir(parents=True)
    (prefix / demands.FILE).write_text("__cuda >=12\tpytorch 2.4\n__glibc >=2.17\tzlib 1\n")
    (name,) = specs.register(environment(prefix), own)
    told = "pytorch 2.4 needs __cuda >=12 (a GPU driver for CUDA), and this machine has __cuda 11.8."
    with started(manager_of(own, name), env={**os.environ, "CONDA_OVERRIDE_CUDA": "11.8"}) as kernel:
        first, second = kernel.run("print(1 + 1)"), kernel.run("print(1 + 1)")
    assert sorted(first.splitlines()) == ["2", f"condaenv: This environment is for another machine: {told}"]
    assert second == "2"
    with started(manager_of(own, name), env={**os.environ, "CONDA_OVERRIDE_CUDA": "12.4"}) as kernel:
        assert kernel.run("print(1 + 1)") == "2"


TAKES_PORT = """
import json, socket, sys, time
from pathlib import Path
time.sleep({slow})
log = Path({log!r})
log.write_text(log.read_text() + "started ")
if log.read_text().count("started") <= {times}:
    connection = json.loads(Path(sys.orig_argv[-1]).read_text())
    taken = socket.socket()
    taken.bind((connection["ip"], connection["stdin_port"]))
    taken.listen()
"""


def _let_its_port_be_taken(prefix: Path, times: int, slow: float = 0) -> Path:
    """In so many starts, by the Python of ``prefix`` itself, each of which takes so much longer. The log of them is
    answered."""
    log = prefix / "starts"
    log.touch()
    (site,) = prefix.glob("lib/python*/site-packages")
    (site / "sitecustomize.py").write_text(TAKES_PORT.format(log=str(log), times=times, slow=slow))
    return log


def test_a_port_that_is_taken_for_a_moment(own: Settings, tmp_path: Path) -> None:
    prefix = make_prefix(tmp_path / "envs/geo", "export COUNTED=x$COUNTED\n")
    (prefix / demands.FILE).parent.mkdir(parents=True)
    (prefix / demands.FILE).write_text("__cuda >=12\tpytorch 2.4\n")
    (name,) = specs.register(environment(prefix), own)
    log = _let_its_port_be_taken(prefix, times=1)
    manager = manager_of(own, name)
    with started(manager, env={**os.environ, "CONDA_OVERRIDE_CUDA": "11.8"}) as kernel:
        shown = kernel.run("import os; print(os.environ['COUNTED'], os.getpid())").splitlines()
    assert log.read_text() == "started started "
    assert f"x {manager.provisioner.pid}" in shown  # type: ignore[union-attr]
    assert len(shown) == 2 and any("pytorch 2.4 needs __cuda >=12" in line for line in shown)


@pytest.mark.slow
def test_a_port_that_stays_taken_ends_the_kernel_soon(own: Settings, tmp_path: Path) -> None:
    """Jupyter counts what ends after more than ten seconds as a kernel that has run: it would start it without end."""
    prefix = make_prefix(tmp_path / "envs/geo")
    (name,) = specs.register(environment(prefix), own)
    log = _let_its_port_be_taken(prefix, times=3, slow=2.5)
    manager = manager_of(own, name)
    with (tmp_path / "said").open("wb") as said:
        manager.start_kernel(stderr=said)
        assert manager.provisioner.process.wait(timeout=WAIT) == 1  # type: ignore[union-attr]
        assert "start another one" in (tmp_path / "said").read_text()
        assert log.read_text() in ("started " * 2, "started " * 3)
        log.write_text("started " * 3)
        manager.restart_kernel(now=True, newports=True)
    with connected(manager) as kernel:
        assert kernel.run("print(1 + 1)") == "2"


def test_kernels_start_after_our_package_is_uninstalled(own: Settings, tmp_path: Path) -> None:
    prefix = make_prefix(tmp_path / "envs/geo")
    (name,) = specs.register(environment(prefix), own)
    (site,) = prefix.glob("lib/python*/site-packages")
    (site / "jupyter_condaenv.py").write_text("raise ImportError('uninstalled')\n")
    server = {**os.environ, "PYTHONPATH": str(site)}
    with started(manager_of(own, name), env=server, cwd=str(tmp_path)) as kernel:
        assert "uninstalled" in kernel.run("import jupyter_condaenv")
        assert kernel.run("import os; print(os.environ['FROM_SCRIPT'])") == f"it ran in {prefix}"
    (prefix / "bin/python").unlink()
    with started(manager_of(own, name), env=server, cwd=str(tmp_path)) as kernel:
        assert "does not exist" in kernel.run("1"), "the one that explains needs nothing of ours either"


def test_arguments_at_the_end_reach_the_kernel(own: Settings, tmp_path: Path) -> None:
    (name,) = specs.register(environment(make_prefix(tmp_path / "envs/geo")), own)
    manager = manager_of(own, name)
    with started(manager, extra_arguments=["--Session.username=somebody"]) as kernel:
        assert kernel.run("print(get_ipython().kernel.session.username)") == "somebody"
        assert kernel.run("import gc; print(gc.isenabled(), gc.get_freeze_count())") == "True 0", "as bare ipykernel"


def test_a_python_that_cannot_freeze_what_it_collects_starts(own: Settings, tmp_path: Path) -> None:
    (tmp_path / "envs/geo/conda-meta").mkdir(parents=True)
    prefix = with_python(tmp_path / "envs/geo")
    (packages,) = prefix.glob("lib/python*/site-packages")
    (packages / "as_pypy.py").write_text("import gc\n\ndel gc.freeze, gc.unfreeze\n")
    (packages / "as_pypy.pth").write_text("import as_pypy\n")
    env, told = launched(own, (str(prefix),), {"PATH": os.defpath})
    assert (env["CONDA_PREFIX"], told) == (str(prefix), "")


def test_all_that_a_start_runs_of_ours_is_in_one_file(own: Settings, tmp_path: Path) -> None:
    (tmp_path / "envs/geo/conda-meta").mkdir(parents=True)
    (tmp_path / "envs/geo/etc/conda/activate.d").mkdir(parents=True)
    (tmp_path / "envs/geo/etc/conda/activate.d/script.sh").write_text("export FROM_SCRIPT=1\n")
    prefix = with_python(tmp_path / "envs/geo")
    expected, _ = launched(own, (str(prefix),), {"PATH": os.defpath})
    files = launcher.install(own)
    launcher.compile_for(f"{prefix}/bin/python", files)
    python = [f"{prefix}/bin/python", "-X", "importtime", files.shim, prefix, "-m", "tell"]
    env = {"PATH": os.defpath, "PYTHONNOUSERSITE": "1"}
    ran = subprocess.run(python, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True)
    assert "FROM_SCRIPT=1" in ran.stdout
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in ran.stderr.splitlines()}
    assert imported & {"activation", "crash", "demands", "condaenv_start"} == set()
    (bundle,) = files.shim.parent.glob("*.bundle")
    for content in (b"", bundle.read_bytes()[:1000]):
        bundle.write_bytes(content)
        assert launched(own, (str(prefix),), {"PATH": os.defpath}) == (expected, ""), "it starts without"


LIBRARIES = "import os; print(os.environ.get('LD_LIBRARY_PATH'))"
STARTED_AGAIN = "print('--activated' in open('/proc/self/cmdline').read().split('\\0'))"


@pytest.mark.parametrize(
    ("chosen", "of_the_site", "seen"),
    [
        ("", "off", "/of/the/server"),
        ("", "clean", "None"),
        ("clean", "off", "None"),
        ("prefix", "off", "{prefix}/lib:/of/the/server"),
        ("off", "prefix", "/of/the/server"),
    ],
)
def test_library_path(
    settings: Callable[..., Settings], tmp_path: Path, chosen: LibraryPath, of_the_site: LibraryPath, seen: str
) -> None:
    own = settings(library_path=of_the_site)
    prefix = make_prefix(tmp_path / "envs/geo")
    (name,) = specs.register(environment(prefix), own, KernelOptions(library_path=chosen))
    with started(manager_of(own, name), env={**os.environ, "LD_LIBRARY_PATH": "/of/the/server"}) as kernel:
        assert kernel.run(LIBRARIES) == seen.format(prefix=prefix)
        assert kernel.run(STARTED_AGAIN) == "False", "it is put right before Python starts"


def test_scripts_see_the_library_path_of_the_server(own: Settings, tmp_path: Path) -> None:
    prefix = make_prefix(tmp_path / "envs/geo", "export SEEN=$LD_LIBRARY_PATH\n")
    (name,) = specs.register(environment(prefix), own, KernelOptions(library_path="prefix"))
    with started(manager_of(own, name), env={**os.environ, "LD_LIBRARY_PATH": "/of/the/server"}) as kernel:
        assert kernel.run("import os; print(os.environ['SEEN'])") == "/of/the/server"


def test_what_the_server_has_is_left_behind_unless_it_is_inherited(own: Settings, tmp_path: Path) -> None:
    (tmp_path / "envs/geo/conda-meta").mkdir(parents=True)
    levels = (str(with_python(tmp_path / "envs/geo")),)
    python = {"PYTHONPATH": "/of/the/server", "PYTHONNOUSERSITE": "", "VIRTUAL_ENV": "/of/the/server"}
    python["PYTHONHOME"] = sys.base_prefix  # another one keeps Python from starting
    active = {"CONDA_PREFIX": "/of/the/server", "CONDA_SHLVL": "1", "PATH": f"/of/the/server/bin:{os.environ['PATH']}"}
    env, _ = launched(own, levels, {**active, **python})
    left = {"PYTHONPATH": None, "PYTHONNOUSERSITE": "1", "VIRTUAL_ENV": None, "PYTHONHOME": None}
    assert {name: env.get(name) for name in left} == left
    assert (env["CONDA_SHLVL"], "/of/the/server/bin" in env["PATH"]) == ("1", False)
    for name, value in python.items():
        env, _ = launched(own, levels, {**active, **python}, f"--inherit={name}")
        assert {other: env.get(other) for other in left} == left | {name: value}
    env, _ = launched(own, levels, active, "--inherit=CONDA")
    assert (env["CONDA_PREFIX"], env["CONDA_PREFIX_1"], env["CONDA_SHLVL"]) == (levels[0], "/of/the/server", "2")
    assert env["PATH"] == f"{levels[0]}/bin:{active['PATH']}"


@pytest.mark.slow
def test_scripts_that_always_run(own: Settings, tmp_path: Path) -> None:
    prefix = make_prefix(
        tmp_path / "envs/geo", 'echo ran >>"$CONDA_PREFIX/ran"\nexport RUN=$(wc -l <"$CONDA_PREFIX/ran")\n'
    )
    (name,) = specs.register(environment(prefix), own, KernelOptions(always_run=True))
    shown = "import os; print(int(os.environ['RUN']))"
    with started(manager_of(own, name)) as kernel:
        first = int(kernel.run(shown))
    with started(manager_of(own, name)) as kernel:
        assert int(kernel.run(shown)) == first + 1
    specs.register(environment(prefix), own, KernelOptions(always_run=False))
    with started(manager_of(own, name)) as kernel:
        kept = kernel.run(shown)
    with started(manager_of(own, name)) as kernel:
        assert kernel.run(shown) == kept


@pytest.mark.slow
def test_what_it_imports_from_a_base_that_cannot_be_written_is_compiled_once(own: Settings, tmp_path: Path) -> None:
    prefix = make_prefix(tmp_path / "envs/geo")
    (name,) = specs.register(environment(prefix), own)
    module = next((prefix / "lib").glob("python3*/site-packages")) / "of_the_base.py"
    module.write_text("")
    shown = "import json, os, sys, of_the_base as base; print(json.dumps([sys.dont_write_bytecode, base.__cached__]))"
    with places.read_only(prefix), started(manager_of(own, name)) as kernel:
        kept, compiled = json.loads(kernel.run(shown))
    assert not kept
    assert Path(compiled).is_relative_to(f"{own.data_dir}/bytecode/{prefix}") and Path(compiled).is_file()
