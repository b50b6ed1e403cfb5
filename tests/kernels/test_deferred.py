"""A change that replaces what a living kernel may have loaded waits for the next start, and is done then."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager

from jupyter_condaenv.engine import deferred, prefix
from jupyter_condaenv.engine.model import (
    AnyRequest,
    AnyResult,
    ApplyDeferred,
    Changed,
    ChangePackages,
    CreateEnvironment,
    Deferred,
    Rollback,
    Settings,
)
from jupyter_condaenv.jobs import Jobs

VERSION = "import smallpkg; print(smallpkg.__version__)"


@pytest.fixture
def site(site: Settings) -> Settings:
    """With an environment ``geo`` that has a kernel and an old ``smallpkg``."""
    request = CreateEnvironment(prefix=geo(site), specs=("python", "ipykernel", "smallpkg <2"))
    assert isinstance(do(site, request), Changed)
    return site


def geo(settings: Settings) -> str:
    return str(Path(settings.envs_dirs[0]) / "geo")


def do(settings: Settings, request: AnyRequest) -> AnyResult:
    job = Jobs(settings).start(request)
    assert job.wait(240)
    return job.result()


def installed(settings: Settings) -> dict[str, str]:
    return {package.name: package.version for package in prefix.packages(Path(geo(settings)))}


@contextmanager
def kernel(settings: Settings) -> Iterator[tuple[KernelManager, BlockingKernelClient]]:
    specs = KernelSpecManager(kernel_dirs=[settings.kernels_dir], ensure_native_kernel=False)
    manager = KernelManager(kernel_name="condaenv-geo", kernel_spec_manager=specs)
    manager.start_kernel(env=dict(os.environ))
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=120)
        yield manager, client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def printed(client: BlockingKernelClient, code: str) -> str:
    """What ``code`` writes."""
    messages: list[dict[str, Any]] = []
    client.execute_interactive(code, timeout=60, output_hook=messages.append)
    return "".join(message["content"]["text"] for message in messages if message["msg_type"] == "stream").strip()


@pytest.mark.slow
def test_what_goes_or_moves_waits_and_is_done_at_the_next_start(site: Settings) -> None:
    moved = ChangePackages(prefix=geo(site), add=("smallpkg ==2.0",))
    with kernel(site) as (manager, client):
        assert printed(client, VERSION) == "1.1"
        result = do(site, moved)
        assert isinstance(result, Deferred)
        assert manager.provisioner is not None
        assert result.kernels == (manager.provisioner.pid,)  # type: ignore[attr-defined]
        assert installed(site)["smallpkg"] == "1.1"

        # What is only added is there at once, in the next cell.
        added = do(site, ChangePackages(prefix=geo(site), add=("entrydemo",)))
        assert isinstance(added, Deferred)  # it goes on from the change that waits
        assert {change.name for change in added.plan.changes} == {"entrydemo", "smallpkg"}

        # Another kernel of the environment lives, so a second one starts with things as they are.
        with kernel(site) as (_, second):
            version, told = sorted(printed(second, VERSION).splitlines())
            assert version == "1.1"
            assert told.startswith("condaenv: What waits is not done yet, because 1 kernel of this environment runs")
        assert installed(site)["smallpkg"] == "1.1"

        manager.restart_kernel(now=True)
        client.wait_for_ready(timeout=120)
        version, told = sorted(printed(client, VERSION).splitlines())
        assert version == "2.0"
        assert told.startswith(
            "condaenv: What waited was done before this kernel started: add smallpkg ==2.0, then add"
        )
        assert printed(client, "import os; print('CONDAENV_DEFERRED' in os.environ)") == "False", "it is told once"
    assert installed(site)["entrydemo"]
    assert deferred.read(Path(geo(site))) is None


@pytest.mark.slow
def test_what_is_only_added_is_there_at_once(site: Settings) -> None:
    with kernel(site) as (_, client):
        assert isinstance(do(site, ChangePackages(prefix=geo(site), add=("entrydemo",))), Changed)
        assert printed(client, "import entrydemo; print('here')") == "here"


@pytest.mark.slow
def test_now_means_now(site: Settings) -> None:
    with kernel(site):
        result = do(site, ChangePackages(prefix=geo(site), remove=("smallpkg",), when="now"))
    assert isinstance(result, Changed)
    assert "smallpkg" not in installed(site)


@pytest.mark.slow
def test_going_back_waits_too_and_takes_the_place_of_what_waited(site: Settings) -> None:
    assert isinstance(do(site, ChangePackages(prefix=geo(site), add=("entrydemo",))), Changed)
    with kernel(site):
        assert isinstance(do(site, ChangePackages(prefix=geo(site), add=("smallpkg ==2.0",))), Deferred)
        result = do(site, Rollback(prefix=geo(site), revision=1))
        assert isinstance(result, Deferred)
        assert deferred.read(Path(geo(site))) == result.plan
        assert "entrydemo" in installed(site)
    done = do(site, ApplyDeferred(prefix=geo(site)))
    assert isinstance(done, Changed)
    assert (done.plan.verb, done.revision) == ("rollback", 3)
    assert "entrydemo" not in installed(site)
    assert installed(site)["smallpkg"] == "1.1"


@pytest.mark.slow
def test_without_a_kernel_nothing_waits(site: Settings) -> None:
    assert isinstance(do(site, ChangePackages(prefix=geo(site), remove=("smallpkg",))), Changed)
    with pytest.raises(Exception, match="No change of geo waits"):
        do(site, ApplyDeferred(prefix=geo(site)))


@pytest.mark.slow
def test_a_change_that_no_longer_fits_is_dropped_and_the_kernel_starts(site: Settings) -> None:
    with kernel(site):
        assert isinstance(do(site, ChangePackages(prefix=geo(site), add=("smallpkg ==2.0",))), Deferred)
        # Another tool changes the environment in the meantime.
        for record in Path(geo(site), "conda-meta").glob("smallpkg-*.json"):
            record.unlink()
    with kernel(site) as (_, client):
        answer, told = sorted(printed(client, "print(1 + 1)").splitlines())
        assert answer == "2"
        assert told.startswith(f"condaenv: What waited could not be done. {geo(site)} has changed since")
        assert printed(client, "print(1 + 1)") == "2", "it is told once"
    assert deferred.read(Path(geo(site))) is None
    assert "smallpkg" not in installed(site)


FORKS = """
import os, sys
child = os.fork()
if child:
    print(child, flush=True)
sys.stdin.readline()
"""


def test_what_a_kernel_forks_is_no_kernel_beside_it(tmp_path: Path) -> None:
    shim = tmp_path / "shim.py"
    shim.write_text(FORKS)
    command = [sys.executable, str(shim), str(tmp_path), "-m"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as kernel:
        child = int(kernel.stdout.readline())
        try:
            assert deferred.living_kernels(tmp_path) == (kernel.pid,)
            kernel.kill()
            kernel.wait()
            assert deferred.living_kernels(tmp_path) == (child,), "it has loaded the same"
        finally:
            os.kill(child, signal.SIGKILL)
