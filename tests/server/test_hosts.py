"""Two servers of one user on one home, each on a host of its own, where a process id of the other means nothing."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_condaenv.jobs import files
from jupyter_condaenv.jobs.job import DEAD_AFTER
from tests.channel import ChannelServer

from .house import Client, Home, Serve

On = Callable[[str], Client]
NOBODY = 2**22 + 1
"""No process has this id: Linux counts to 2**22."""


@pytest.fixture
def on(home: Home, serve: Serve, small: ChannelServer) -> On:
    """A client of a server on the host that is called so."""

    def start(host: str) -> Client:
        home.configure(channels=[small.url], host=host)
        return serve().client()

    return start


def owner_of(home: Home, job: str) -> Path:
    return home.folder / "jupyter" / "condaenv" / "jobs" / job / files.OWNER


@pytest.mark.slow
def test_neither_takes_the_other_s_jobs_for_dead(home: Home, on: On, small: ChannelServer, big: str) -> None:
    small.stall = {f"*/{big}-*.conda"}
    one, two = on("one"), on("two")
    job = one.start("POST", "environments", {"name": "geo", "specs": [big]})
    assert two.get("jobs")["jobs"][0] | {"created": ""} == one.get("jobs")["jobs"][0] | {"created": ""}

    # As the other host's process is seen from here: no such process.
    owner = json.loads(owner_of(home, job).read_text())
    owner_of(home, job).write_text(json.dumps(owner | {"pid": NOBODY}))
    assert two.get(f"jobs/{job}")["state"] == "running"
    owner_of(home, job).write_text(json.dumps(owner))

    # What the one tells, the other hears, and may stop.
    heard = two.get(f"jobs/{job}?wait=20")["events"]
    assert heard and heard == one.get(f"jobs/{job}")["events"][: len(heard)]
    assert two.call("DELETE", f"jobs/{job}").status == 202
    assert one.follow(job)["outcome"]["state"] == two.follow(job)["outcome"]["state"] == "cancelled"


@pytest.fixture
def after_another_boot(tmp_path: Path) -> str:
    """A Python that reads another boot id than this one, as on a second machine of the same name."""
    boot_id, python = tmp_path / "boot_id", tmp_path / "python"
    boot_id.write_text("another\n")
    mount = ["mount", "--bind", str(boot_id), "/proc/sys/kernel/random/boot_id"]
    if os.geteuid() != 0:
        pytest.skip("another boot id needs root. Run the tests as root, in a container for instance")
    tried = subprocess.run(["unshare", "--mount", *mount], capture_output=True, text=True, check=False)
    if tried.returncode:
        pytest.skip(f"this machine refuses to mount. Run where `{shlex.join(mount)}` is allowed: {tried.stderr}")
    inside = f'{shlex.join(mount)} && exec {shlex.quote(sys.executable)} "$@"'
    python.write_text(f'#!/bin/sh\nexec unshare --mount sh -c {shlex.quote(inside)} sh "$@"\n')
    python.chmod(0o755)
    return str(python)


@pytest.mark.slow
def test_hosts_of_one_name_are_told_apart_by_their_boot(
    home: Home, serve: Serve, small: ChannelServer, big: str, after_another_boot: str
) -> None:
    small.stall = {f"*/{big}-*.conda"}
    home.configure(channels=[small.url])
    one, two = serve().client(), serve(python=after_another_boot).client()
    for mine, theirs, name in ((one, two, "first"), (two, one, "second")):
        job = mine.start("POST", "environments", {"name": name, "specs": [big]})
        owner = json.loads(owner_of(home, job).read_text())
        owner_of(home, job).write_text(json.dumps(owner | {"pid": NOBODY}))
        assert (mine.get(f"jobs/{job}")["state"], theirs.get(f"jobs/{job}")["state"]) == ("failed", "running")
        owner_of(home, job).write_text(json.dumps(owner))
        assert theirs.call("DELETE", f"jobs/{job}").status == 202
        assert mine.follow(job)["outcome"]["state"] == "cancelled"


@pytest.mark.slow
def test_a_host_that_is_gone_is_known_by_its_silence(home: Home, on: On, small: ChannelServer, big: str) -> None:
    small.stall = {f"*/{big}-*.conda"}
    one, two = on("one"), on("two")
    job = one.start("POST", "environments", {"name": "geo", "specs": [big]})
    heartbeat = owner_of(home, job).with_name(files.HEARTBEAT)
    os.kill(json.loads(owner_of(home, job).read_text())["pid"], signal.SIGKILL)
    assert two.get(f"jobs/{job}")["state"] == "running", "it may be heard of again"
    silent_since = heartbeat.stat().st_mtime - DEAD_AFTER - 1
    os.utime(heartbeat, (silent_since, silent_since))
    assert two.get(f"jobs/{job}")["outcome"]["failure"]["code"] == "worker_died"


@pytest.mark.slow
def test_kernels_of_environments_that_are_only_there_stay(home: Home, on: On, tmp_path: Path) -> None:
    scratch, unmounted = tmp_path / "scratch", tmp_path / "unmounted"
    on("one").do("POST", "environments", {"prefix": str(scratch / "geo"), "specs": ["ipykernel"]})
    scratch.rename(unmounted)
    two = on("two")
    (kernel,) = [name for name in two.jupyter("GET", "kernelspecs").body["kernelspecs"] if name.startswith("condaenv")]
    two.do("POST", "environments", {"name": "other", "specs": ["ipykernel"]})
    two.do("PATCH", "environments/other/packages", {"add": ["tool"]})
    two.do("DELETE", "environments/other")
    assert [one["name"] for one in two.get("environments")["environments"]] == []
    three = on("two")
    assert kernel in three.jupyter("GET", "kernelspecs").body["kernelspecs"]
    unmounted.rename(scratch)
    assert [one["kernels"] for one in three.get("environments")["environments"]] == [[kernel]]
