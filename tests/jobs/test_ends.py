"""Jobs that do not end by themselves: cancelled, killed, stalled, orphaned."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import termios
import textwrap
from pathlib import Path

import msgspec
import pytest

from jupyter_condaenv.engine.errors import Cancelled, StorageError, WorkerDied
from jupyter_condaenv.engine.model import Removed
from jupyter_condaenv.jobs import Job

from .conftest import PATIENCE, Workshop, eventually, gone, texts

ROOT = Path(__file__).parents[2]


def processes_of(job: Job) -> tuple[int, int]:
    worker, child = eventually(lambda: texts(job))[0].split()
    return int(worker), int(child)


# --- cancelled ---


def test_cancel_ends_the_worker_and_all_it_started(shop: Workshop) -> None:
    job = shop.start("runs_with_child")
    worker, child = processes_of(job)
    job.cancel()
    job.cancel()
    assert job.wait(PATIENCE)
    assert job.state == "cancelled"
    with pytest.raises(Cancelled):
        job.result()
    assert gone(worker)
    eventually(lambda: gone(child))


def test_cancel_before_the_worker_starts(shop: Workshop) -> None:
    jobs = shop.jobs("tells")
    job = jobs._create(shop.request("a"))
    assert job.state == "queued"
    job.cancel()
    jobs._launch(job, shop.request("a"))
    assert job.wait(PATIENCE)
    assert (job.state, job.events()) == ("cancelled", [])


def test_cancel_after_the_end_changes_nothing(shop: Workshop) -> None:
    job = shop.finish("tells", "a")
    job.cancel()
    assert job.state == "succeeded"
    assert not shop.path(job, "cancel").exists()


@pytest.mark.slow
def test_a_result_wins_over_a_cancel(shop: Workshop) -> None:
    """At any moment: either it was cancelled or it has its result, and it stays so."""
    for _ in range(10):
        job = shop.start("tells", "a")
        eventually(job.events)
        job.cancel()
        assert job.wait(PATIENCE)
        state = job.state
        eventually(lambda job=job: gone(shop.supervisor(job)))  # type: ignore[misc]
        assert job.state == state in ("succeeded", "cancelled")


def test_anyone_may_cancel_by_a_file(shop: Workshop) -> None:
    job = shop.start("runs_with_child")
    shop.path(job, "cancel").touch()
    assert job.wait(PATIENCE)
    assert job.state == "cancelled"


# --- dead ---


def test_a_killed_worker_is_a_failed_job_with_last_words(shop: Workshop) -> None:
    job = shop.finish("is_killed")
    with pytest.raises(WorkerDied, match=r"SIGKILL.*allocating") as caught:
        job.result()
    assert "memory" in caught.value.hint
    assert caught.value.details == {"signal": "SIGKILL", "last_words": ["allocating"]}


def test_kill_9_of_the_worker_from_outside(shop: Workshop) -> None:
    job = shop.start("runs_with_child")
    worker, child = processes_of(job)
    os.kill(worker, signal.SIGKILL)
    assert job.wait(PATIENCE)
    with pytest.raises(WorkerDied):
        job.result()
    eventually(lambda: gone(child))


def test_a_crash_in_native_code(shop: Workshop) -> None:
    with pytest.raises(WorkerDied, match=r"SIGSEGV|SIGBUS") as caught:
        shop.finish("crashes").result()
    assert any("in crashes" in line for line in caught.value.details["last_words"])


def test_a_worker_that_just_leaves(shop: Workshop) -> None:
    with pytest.raises(WorkerDied, match=r"exit code 3.*https://host/x refused"):
        shop.finish("exits").result()


def test_kill_9_of_the_supervisor_ends_the_worker_and_all_it_started(shop: Workshop) -> None:
    job = shop.start("runs_with_child")
    worker, child = processes_of(job)
    os.kill(shop.supervisor(job), signal.SIGKILL)
    assert job.wait(PATIENCE)
    assert job.state == "failed"
    with pytest.raises(WorkerDied, match="looked after"):
        job.result()
    eventually(lambda: gone(worker) and gone(child))


def test_following_ends_when_the_supervisor_is_killed(shop: Workshop) -> None:
    job = shop.start("runs_with_child")
    processes_of(job)
    following = job.follow()
    next(following)
    os.kill(shop.supervisor(job), signal.SIGKILL)
    assert list(following) == []


def test_a_shutdown_is_written_down(shop: Workshop) -> None:
    job = shop.start("runs_with_child")
    worker, _ = processes_of(job)
    os.kill(shop.supervisor(job), signal.SIGTERM)
    assert job.wait(PATIENCE)
    with pytest.raises(WorkerDied, match="shuts down"):
        job.result()
    assert gone(worker)


@pytest.mark.parametrize("name", ["SIGINT", "SIGHUP"])
def test_the_supervisor_minds_no_terminal(shop: Workshop, tmp_path: Path, name: str) -> None:
    job = shop.start("waits_for_file", tmp_path / "go")
    eventually(job.events)
    os.kill(shop.supervisor(job), getattr(signal, name))
    (tmp_path / "go").touch()
    assert job.wait(PATIENCE)
    assert job.state == "succeeded"


# --- left behind by its starter ---

STARTER = textwrap.dedent("""
    import sys, time, msgspec
    from jupyter_condaenv.engine.model import CreateEnvironment, Settings
    from jupyter_condaenv.jobs import Jobs
    settings = msgspec.json.decode(sys.argv[1], type=Settings)
    jobs = Jobs(settings, perform="tests.jobs.performances:waits_for_file")
    print(jobs.start(CreateEnvironment(prefix="/nowhere/a", specs=(sys.argv[2],))).id, flush=True)
    time.sleep(600)
""")


def starter(shop: Workshop, go: Path) -> list[str]:
    return [sys.executable, "-c", STARTER, msgspec.json.encode(shop.settings).decode(), str(go)]


def finishes(shop: Workshop, id: str, go: Path) -> None:
    job = shop.jobs("tells").get(id)
    eventually(job.events)
    assert job.state == "running"
    go.touch()
    assert job.wait(PATIENCE)
    assert job.result() == Removed(prefix="/nowhere/a")
    assert texts(job) == ["waiting for the file", "the file is there"]


def test_kill_9_of_the_starter(shop: Workshop, tmp_path: Path) -> None:
    with subprocess.Popen(starter(shop, tmp_path / "go"), stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout
        id = process.stdout.readline().strip()
        process.kill()
    finishes(shop, id, tmp_path / "go")


def test_the_starter_s_terminal_is_closed(shop: Workshop, tmp_path: Path) -> None:
    master, slave = os.openpty()
    # Also where these tests were started by nohup, which has the signal ignored.
    claim = "import os, fcntl, signal; signal.signal(signal.SIGHUP, signal.SIG_DFL); os.setsid()\n"
    claim += f"fcntl.ioctl(0, {termios.TIOCSCTTY}, 0)\n"
    python, option, code, *arguments = starter(shop, tmp_path / "go")
    command = [python, option, claim + code, *arguments]
    with subprocess.Popen(command, stdin=slave, stderr=slave, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        os.close(slave)
        assert process.stdout
        id = process.stdout.readline().strip()
        os.close(master)
        assert process.wait(PATIENCE) == -signal.SIGHUP
    finishes(shop, id, tmp_path / "go")


def test_the_starter_dies_before_there_is_a_supervisor(shop: Workshop) -> None:
    job = shop.jobs("tells")._create(shop.request())
    with subprocess.Popen([sys.executable, "-c", ""]) as dead:
        pass
    shop.own(job, pid=dead.pid, started="1")
    assert job.state == "failed"
    with pytest.raises(WorkerDied):
        job.result()


# --- stalled ---


def test_a_stall_ends_the_job(shop: Workshop) -> None:
    """Also when the operation goes on saying the same."""
    job = shop.finish("stalls", stall_timeout=1.0)
    with pytest.raises(WorkerDied, match="Nothing happened for 1 seconds") as caught:
        job.result()
    assert caught.value.details["phase"] == "download"
    assert "stall_timeout" in caught.value.hint


def test_waiting_for_another_job_is_no_stall(shop: Workshop) -> None:
    job = shop.finish("waits_for_another", stall_timeout=2.0)
    assert job.state == "succeeded"


def test_a_solver_may_take_its_own_time(shop: Workshop) -> None:
    assert shop.finish("solves_slowly", stall_timeout=2.0, solve_timeout=10.0).state == "succeeded"


# --- full disks ---


def test_events_that_cannot_be_written_fail_the_job(shop: Workshop) -> None:
    """Though the thread that emitted them kept it to itself."""
    job = shop.finish("fills_the_disk")
    with pytest.raises(StorageError, match="events of the job cannot be written"):
        job.result()
    assert 10 < len(job.events()) < 20


def test_a_full_disk_leaves_room_for_the_reason(shop: Workshop) -> None:
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root. Run the tests as root, in a container for instance")
    shop.folder.mkdir(parents=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", shop.folder], check=False).returncode:
        pytest.skip("mounting a small file system is not allowed here. Run the tests in a privileged container")
    try:
        job = shop.finish("fills_what_there_is")
        with pytest.raises(StorageError, match="events of the job cannot be written"):
            job.result()
        with pytest.raises(StorageError, match="cannot be written down"):
            shop.start("tells")
    finally:
        eventually(lambda: subprocess.run(["umount", shop.folder], check=False).returncode == 0)


def test_the_lock_of_a_file_is_not_the_jobs_business(shop: Workshop, tmp_path: Path) -> None:
    """Descriptors of the starter do not leak into the job, where they would hold its locks."""
    with (tmp_path / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        job = shop.start("waits_for_file", tmp_path / "go")
    with (tmp_path / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    job.cancel()
    assert job.wait(PATIENCE)
