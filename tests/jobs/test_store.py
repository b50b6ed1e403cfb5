"""Many jobs: finding, listing, forgetting; and those of other hosts."""

from __future__ import annotations

import json
import os
import shutil
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from jupyter_condaenv.engine.errors import Broken, CondaEnvError, NotFound, WorkerDied
from jupyter_condaenv.jobs import Job, Jobs, processes, store
from jupyter_condaenv.jobs.records import Machine

from .conftest import PATIENCE, Workshop, eventually, gone

ELSEWHERE = {"host": "elsewhere", "boot_id": "another", "pid_namespace": ""}


@pytest.mark.parametrize(
    "id", ["", ".", "..", "../jobs", "x", "20260101-000000-000000-0123456z", "20260101-000000-000000-01234567"]
)
def test_there_is_no_such_job(shop: Workshop, id: str) -> None:
    with pytest.raises(NotFound) as caught:
        shop.jobs("tells").get(id)
    assert caught.value.hint


def test_no_jobs_yet(shop: Workshop) -> None:
    assert shop.jobs("tells").list() == []


def test_damaged_folders_are_left_out(shop: Workshop) -> None:
    good = shop.finish("tells", "a")
    for number, content in enumerate((None, b"", b"{", b"[]", b"\xff", b'{"request": {}}')):
        folder = shop.folder / f"20260101-000000-000000-0000000{number}"
        folder.mkdir()
        if content is not None:
            (folder / "request.json").write_bytes(content)
        with pytest.raises(Broken):
            shop.jobs("tells").get(folder.name)
    (shop.folder / "20260101-000000-000000-0000000a").write_text("a file")
    (shop.folder / ".unfinished").mkdir()
    assert [job.id for job in shop.jobs("tells").list()] == [good.id]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b'{"state": "succeeded"}',
        b'{"result": 1}',
        b'{"state": "running", "time": "2026-01-01T00:00:00Z"}',
        b'{"state": "succeeded", "time": "2026-01-01T00:00:00Z"}',
        b'{"state": "failed", "time": "2026-01-01T00:00:00Z"}',
        b'{"state": "succeeded", "time": "2026-01-01T00:00:00Z", "failure": {"code": "busy", "message": ""}}',
    ],
)
def test_a_damaged_result_is_a_failure_that_says_so(shop: Workshop, content: bytes) -> None:
    job = shop.finish("tells", "a")
    shop.path(job, "result.json").write_bytes(content)
    assert job.state == "failed"
    with pytest.raises(Broken, match=r"result\.json"):
        job.result()
    assert job.wait(1)


def test_a_damaged_owner_is_judged_by_the_heartbeat(shop: Workshop, tmp_path: Path) -> None:
    job = shop.start("waits_for_file", tmp_path / "go")
    kept = shop.path(job, "owner.json").read_bytes()
    shop.path(job, "owner.json").write_bytes(b"{")
    assert job.state == "queued"
    shop.path(job, "owner.json").write_bytes(kept)
    assert job.state == "running"


def ended(shop: Workshop, number: int, created: datetime | None = None) -> list[Path]:
    """Folders of jobs that have ended, copied from a real one."""
    model = shop.finish("tells", "a")
    eventually(lambda: gone(shop.supervisor(model)))
    created = created or datetime.now(timezone.utc)
    folders = []
    for index in range(number):
        name = (created - timedelta(seconds=index + 1)).strftime("%Y%m%d-%H%M%S-%f") + f"-{index:08x}"
        folders.append(shop.folder / name)
        shutil.copytree(shop.path(model), folders[-1])
    return folders


def test_the_oldest_are_forgotten(shop: Workshop) -> None:
    old = ended(shop, store.KEPT + 5)
    shop.finish("tells", "a")
    left = sorted(folder.name for folder in shop.folder.iterdir())
    assert len(left) == store.KEPT
    assert {folder.name for folder in old} - set(left) == {folder.name for folder in old[-7:]}


def test_what_is_old_is_forgotten_unless_it_lives(shop: Workshop) -> None:
    month_ago = datetime.now(timezone.utc) - timedelta(days=31)
    dead_here, dead_elsewhere, quiet_elsewhere, alive, finished, damaged = ended(shop, 6, month_ago)
    for folder in (dead_here, dead_elsewhere, quiet_elsewhere, alive):
        (folder / "result.json").unlink()
    for folder in (dead_elsewhere, quiet_elsewhere):
        owner = json.loads((folder / "owner.json").read_bytes())
        (folder / "owner.json").write_text(json.dumps(owner | {"machine": ELSEWHERE}))
    for folder, hours in ((dead_elsewhere, 25), (quiet_elsewhere, 23), (damaged, 25)):
        os.utime(folder / "heartbeat", (time.time() - hours * 3600,) * 2)
    for file in ("result.json", "request.json"):
        (damaged / file).unlink()
    owner = json.loads((alive / "owner.json").read_bytes())
    myself = {"pid": os.getpid(), "started": processes.started(os.getpid())}
    (alive / "owner.json").write_text(json.dumps(owner | myself))
    shop.finish("tells", "a")
    left = {folder.name for folder in shop.folder.iterdir()}
    assert {quiet_elsewhere.name, alive.name} <= left
    assert not {dead_here.name, dead_elsewhere.name, finished.name, damaged.name} & left


def test_a_job_is_forgotten_when_it_has_ended(shop: Workshop) -> None:
    (folder,) = ended(shop, 1)
    jobs = shop.jobs("tells")
    (folder / "result.json").rename(folder / "kept")
    owner = json.loads((folder / "owner.json").read_bytes())
    myself = {"pid": os.getpid(), "started": processes.started(os.getpid())}
    (folder / "owner.json").write_text(json.dumps(owner | myself))
    assert not jobs.forget(folder.name) and folder.exists()
    (folder / "kept").rename(folder / "result.json")
    assert jobs.forget(folder.name) and not folder.exists()
    assert jobs.forget(folder.name) and jobs.forget("") and jobs.forget("..")
    assert len(jobs.list()) == 1


def test_listing_reads_no_history(shop: Workshop) -> None:
    for folder in ended(shop, 3):
        (folder / "events.jsonl").unlink()
        os.mkfifo(folder / "events.jsonl")  # whoever opens it waits for ever
    jobs = shop.jobs("tells").list()
    assert [(job.state, job.verb) for job in jobs] == [("succeeded", "create")] * 4


# --- other hosts ---


def elsewhere(shop: Workshop, tmp_path: Path) -> Job:
    """A live job, as another host of the same home sees it: its pids mean nothing here."""
    job = shop.start("waits_for_file", tmp_path / "go")
    eventually(job.events)
    there = Jobs(shop.settings, machine=Machine(**ELSEWHERE)).get(job.id)
    assert not there.here()
    return there


def test_another_host_s_job_lives_by_its_heartbeat(shop: Workshop, tmp_path: Path) -> None:
    job = elsewhere(shop, tmp_path)
    assert job.state == "running"
    (tmp_path / "go").touch()
    assert job.wait(PATIENCE)
    assert job.state == "succeeded"


def test_another_host_s_job_is_dead_without_a_heartbeat(shop: Workshop) -> None:
    job = shop.jobs("tells")._create(shop.request())
    shop.own(job, machine=ELSEWHERE, worker_pid=os.getpid())
    assert job.state == "running"
    os.utime(shop.path(job, "heartbeat"), (time.time() - 61,) * 2)
    assert job.state == "failed"
    with pytest.raises(WorkerDied):
        job.result()
    os.utime(shop.path(job, "heartbeat"))
    assert job.state == "running"


def test_another_host_cancels(shop: Workshop, tmp_path: Path) -> None:
    job = elsewhere(shop, tmp_path)
    job.cancel()
    assert job.wait(PATIENCE)
    assert job.state == "cancelled"


@pytest.mark.parametrize("field", ["host", "boot_id", "pid_namespace"])
def test_pids_count_only_on_the_same_machine(shop: Workshop, tmp_path: Path, field: str) -> None:
    job = shop.start("waits_for_file", tmp_path / "go")
    machine = shop.owner(job)["machine"]
    shop.own(job, pid=2**22 + 1)
    assert job.state == "failed"
    shop.own(job, machine=machine | {field: "another"})
    assert job.state == "running"


def test_two_servers_of_one_home(shop: Workshop, tmp_path: Path) -> None:
    """Each starts jobs as its own machine; neither takes the other's for dead, nor forgets them."""
    perform = "tests.jobs.performances:waits_for_file"
    servers = [Jobs(shop.settings, perform, Machine(host)) for host in ("one", "two")]
    jobs = [server.start(shop.request(tmp_path / "go")) for server in servers]
    for server in servers:
        assert [(job.host, job.state) for job in server.list()] == [("two", "running"), ("one", "running")]
    (tmp_path / "go").touch()
    for server in servers:
        assert all(server.get(job.id).wait(PATIENCE) for job in jobs)
        assert [job.state for job in server.list()] == ["succeeded"] * 2


def test_the_clock_is_the_file_system_s(shop: Workshop, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host whose clock is an hour ahead sees no job die."""
    job = shop.jobs("tells")._create(shop.request())
    shop.own(job, machine=ELSEWHERE)
    there = time.time
    monkeypatch.setattr(time, "time", lambda: there() + 3600)
    assert job.state == "queued"
    assert job.silent_for() < 10


def test_a_place_that_cannot_be_written(shop: Workshop) -> None:
    shop.folder.parent.mkdir(parents=True)
    shop.folder.write_text("a file is in the way")
    with pytest.raises(CondaEnvError) as caught:
        shop.start("tells")
    assert (caught.value.code, bool(caught.value.hint)) == ("storage_error", True)
