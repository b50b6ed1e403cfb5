"""From a request to its result."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from jupyter_condaenv.engine.errors import Busy, CondaEnvError, Unsatisfiable, WorkerDied
from jupyter_condaenv.engine.model import Removed
from jupyter_condaenv.jobs import Jobs

from .conftest import PATIENCE, Workshop, eventually, gone, texts

ROOT = Path(__file__).parents[2]


def test_a_job_tells_and_returns(shop: Workshop) -> None:
    job = shop.start("tells", "numpy>=1.20,<3", "größe 𝄞 中文")
    assert [numbered.number for numbered in job.follow()] == [1, 2]
    assert texts(job) == ["numpy>=1.20,<3", "größe 𝄞 中文"]
    assert (job.state, job.verb, job.prefix) == ("succeeded", "create", shop.request().prefix)
    assert job.request == shop.request("numpy>=1.20,<3", "größe 𝄞 中文")
    assert job.result() == Removed(prefix=job.prefix)
    assert job.author
    assert abs(time.time() - job.created.timestamp()) < PATIENCE


def test_an_error_is_raised_as_the_operation_raised_it(shop: Workshop) -> None:
    job = shop.finish("cannot")
    with pytest.raises(Unsatisfiable) as caught:
        job.result()
    assert (job.state, caught.value.hint, caught.value.details) == ("failed", "Leave out b.", {"names": ["a", "b"]})


def test_what_nobody_foresaw_is_told_with_its_last_line(shop: Workshop) -> None:
    job = shop.finish("stumbles")
    with pytest.raises(CondaEnvError, match="KeyError"):
        job.result()
    outcome = job.outcome()
    assert outcome and outcome.failure and outcome.failure.code == "internal"
    eventually(lambda: "in stumbles" in shop.path(job, "worker.log").read_text())


def test_the_result_can_only_be_had_at_the_end(shop: Workshop, tmp_path: Path) -> None:
    job = shop.start("waits_for_file", tmp_path / "go")
    eventually(job.events)
    assert job.state == "running"
    with pytest.raises(Busy):
        job.result()
    assert not job.wait(0.05)
    (tmp_path / "go").touch()
    assert job.wait(PATIENCE)
    assert job.state == "succeeded"


def test_only_the_user_can_read_it(shop: Workshop) -> None:
    job = shop.finish("tells", "a")
    eventually(lambda: gone(shop.supervisor(job)))
    for path in (shop.folder.parent, shop.folder, shop.path(job), *shop.path(job).iterdir()):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_the_worker_stands_on_its_own(shop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the caller's directory nor its ``PYTHON*`` reach it; its session is its own, the umask is the user's."""
    (tmp_path / "msgspec.py").write_text("raise SystemExit('the wrong msgspec')")
    (tmp_path / "json.py").write_text("raise SystemExit('the wrong json')")
    monkeypatch.chdir(tmp_path)
    for name, value in (("PATH", str(tmp_path)), ("HOME", "/nowhere"), ("HASHSEED", "x"), ("WARNINGS", "error")):
        monkeypatch.setenv(f"PYTHON{name}", value)
    mask = os.umask(0o027)
    try:
        job = shop.finish("reports")
    finally:
        os.umask(mask)
    assert texts(job) == ["cwd /", "stdin ''", "leader True", "umask 27"]


def test_a_second_process_sees_it_all(shop: Workshop) -> None:
    job = shop.finish("tells", "a", "b")
    script = (
        "import sys; from jupyter_condaenv.engine.model import Settings; from jupyter_condaenv.jobs import Jobs;"
        "import msgspec; jobs = Jobs(msgspec.json.decode(sys.argv[1], type=Settings)); job = jobs.get(sys.argv[2]);"
        "print(job.state, [e.event.text for e in job.follow(1)], job.result().prefix == job.prefix)"
    )
    import msgspec

    settings = msgspec.json.encode(shop.settings).decode()
    answer = subprocess.check_output([sys.executable, "-c", script, settings, job.id], text=True, cwd=ROOT)
    assert answer == "succeeded ['b'] True\n"


def test_ten_at_once(shop: Workshop, tmp_path: Path) -> None:
    started = [shop.start("waits_for_file", tmp_path / "go") for _ in range(10)]
    assert [job.id for job in shop.jobs("tells").list()] == [job.id for job in reversed(started)]
    for job in started:
        eventually(job.events)
        assert job.state == "running"
    (tmp_path / "go").touch()
    for job in started:
        assert job.wait(PATIENCE)
        assert texts(job) == ["waiting for the file", "the file is there"]
        assert job.state == "succeeded"


def test_no_zombie_and_no_process_stays(shop: Workshop) -> None:
    job = shop.finish("tells", "a")
    eventually(lambda: gone(shop.supervisor(job)) and gone(shop.worker(job)))
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    if children.exists():
        assert not {str(shop.supervisor(job)), str(shop.worker(job))} & set(children.read_text().split())


def test_a_big_request_passes(shop: Workshop) -> None:
    specs = [f"package-{number} ==1.0 {'x' * 100}" for number in range(5000)]
    job = shop.finish("tells", *specs)
    assert texts(job) == specs


def test_an_unknown_worker_is_said_to_be_so(shop: Workshop) -> None:
    job = Jobs(shop.settings, perform="tests.jobs.performances:nothing_of_the_kind").start(shop.request())
    assert job.wait(PATIENCE)
    with pytest.raises(CondaEnvError, match="nothing_of_the_kind"):
        job.result()


def test_a_python_that_does_not_start_is_an_error_at_once(
    shop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\necho 'libpython is gone' >&2\nexit 127\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    with pytest.raises(WorkerDied, match="libpython is gone"):
        shop.start("tells")
    (job,) = shop.jobs("tells").list()
    assert job.state == "failed"


def test_a_request_of_another_version_is_refused_with_advice(shop: Workshop, tmp_path: Path) -> None:
    """What a server that runs since before an upgrade may send."""
    job = shop.jobs("tells")._create(shop.request())
    from jupyter_condaenv.jobs import worker

    outcome = worker._outcome(shop.path(job), b'{"request": {"verb": "create", "prefix": "/a", "news": 1}}')
    assert outcome.failure
    assert (outcome.failure.code, "restart the server" in outcome.failure.hint) == ("invalid_request", True)
    assert "news" in outcome.failure.message


def test_the_replaced_tree_is_settled_after_the_job_ended(shop: Workshop, tmp_path: Path) -> None:
    """While a process works in the old tree the job is over all the same, and what it writes is carried over."""
    prefix = tmp_path / "envs" / "ä"
    (prefix / "conda-meta").mkdir(parents=True)
    (prefix / "file").touch()
    program = "import sys; print(flush=True); open(sys.stdin.readline().strip(), 'w').close(); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=prefix, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as inside:
        assert inside.stdin and inside.stdout
        inside.stdout.readline()
        job = shop.jobs("exchanges").start(shop.request(prefix=str(prefix)))
        assert job.wait(PATIENCE)
        assert job.state == "succeeded"
        inside.stdin.write("late\n")
        inside.stdin.flush()
        eventually((prefix / "late").exists, "the late file")
        old = list(prefix.parent.glob(".condaenv/ä/old-*/"))
        assert old
        assert not gone(shop.supervisor(job))
    eventually(lambda: gone(shop.supervisor(job)), "the end of the supervisor")
    assert not any(path.exists() for path in old)
    assert {path.name for path in prefix.iterdir()} == {"conda-meta", "file", "late"}


def test_events_come_within_50_ms(shop: Workshop, tmp_path: Path) -> None:
    files = [tmp_path / str(number) for number in range(20)]
    job = shop.start("tells_as_told", *files)
    following = job.follow()
    delays = []
    for file in files:
        file.touch()
        event = next(following).event
        delays.append(time.time() - float(event.text))  # type: ignore[union-attr]
    assert sorted(delays)[len(delays) // 2] < 0.05, delays


def test_following_costs_next_to_nothing(shop: Workshop, tmp_path: Path) -> None:
    job = shop.start("waits_for_file", tmp_path / "go")
    eventually(job.events)
    before = time.process_time(), time.monotonic()
    job.wait(2.0)
    used, passed = time.process_time() - before[0], time.monotonic() - before[1]
    assert used / passed < 0.05


def test_ids_sort_by_time_and_differ(shop: Workshop) -> None:
    ids = [shop.jobs("tells")._create(shop.request()).id for _ in range(50)]
    assert all(one < other for one, other in pairwise(ids))


def test_the_heart_beats_while_it_runs(shop: Workshop, tmp_path: Path) -> None:
    job = shop.start("waits_for_file", tmp_path / "go")
    os.utime(shop.path(job, "heartbeat"), (0, 0))
    eventually(lambda: job.silent_for() < 10, "a heartbeat")


def test_nothing_heavy_is_in_the_supervisor() -> None:
    code = f"import sys; sys.path.append({str(ROOT)!r}); import jupyter_condaenv.jobs.supervisor; print(*sys.modules)"
    modules = subprocess.check_output([sys.executable, "-I", "-S", "-c", code], text=True).split()
    outside = (
        {name.partition(".")[0] for name in modules} - set(sys.stdlib_module_names) - {"__main__", "jupyter_condaenv"}
    )
    assert not outside
    assert not {"json", "typing", "subprocess", "msgspec"} & set(modules)


def test_secrets_reach_the_worker_and_no_file(shop: Workshop) -> None:
    url = "https://me:geheim@host.example/t/tok-123/channel"
    job = shop.jobs("leaks", channels=(url,)).start(shop.request(channels=(url,)))
    assert job.wait(PATIENCE)
    assert texts(job)[0] == "got the secret"
    assert job.result() == Removed(prefix=job.prefix, kernels=("https://host.example/channel",))
    eventually(lambda: gone(shop.supervisor(job)))
    assert "fetching" in shop.path(job, "worker.log").read_text()
    for performance in ("cannot", "stumbles", "exits"):
        shop.finish(performance)
    for path in shop.folder.rglob("*"):
        if path.is_file():
            assert "geheim" not in path.read_text(), path
            assert "tok-123" not in path.read_text(), path


def test_a_path_is_no_secret(shop: Workshop) -> None:
    request = shop.request(prefix="/data/t/mine/env")
    job = shop.jobs("tells").start(request)
    assert job.wait(PATIENCE)
    assert job.request == request
    assert job.result() == Removed(prefix="/data/t/mine/env")
    assert json.loads(shop.path(job, "request.json").read_bytes())["request"]["prefix"] == "/data/t/mine/env"
