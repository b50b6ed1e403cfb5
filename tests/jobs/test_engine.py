"""Jobs as the product runs them: the engine and the kernels in a worker."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from jupyter_condaenv.engine import locking, staging
from jupyter_condaenv.engine.errors import NotFound, Unsatisfiable
from jupyter_condaenv.engine.model import (
    AnyRequest,
    Changed,
    ChangePackages,
    CreateEnvironment,
    Planned,
    PlanRequest,
    Progress,
    Removed,
    RemoveEnvironment,
    Step,
)
from jupyter_condaenv.jobs import Job, Jobs
from tests.channel import index, write_package

from .conftest import PATIENCE, Workshop, eventually, gone, texts


@pytest.fixture
def small(tmp_path: Path) -> str:
    """A channel of two packages."""
    place = tmp_path / "small"
    write_package(place, "tool", "1.0", files={"share/tool": "a tool\n"}, noarch="generic")
    write_package(place, "more", "2.0", files={"share/more": "more\n"}, noarch="generic", depends=["tool"])
    index(place)
    return str(place)


@pytest.fixture
def jobs(shop: Workshop, small: str) -> Jobs:
    return Jobs(shop.make_settings(channels=(small,)))


def done(jobs: Jobs, request: AnyRequest) -> Job:
    job = jobs.start(request)
    assert job.wait(PATIENCE)
    return job


def test_create_plan_change_remove(jobs: Jobs, tmp_path: Path) -> None:
    prefix = tmp_path / "envs" / "ä"
    created = done(jobs, CreateEnvironment(prefix=str(prefix), specs=("tool",)))
    result = created.result()
    assert isinstance(result, Changed)
    assert [package.name for package in result.plan.lock.packages] == ["tool"]
    assert (prefix / "share/tool").read_text() == "a tool\n"
    events = [numbered.event for numbered in created.events()]
    assert {"solve", "commit", "register"} <= {event.phase for event in events if isinstance(event, Step)}
    assert any(isinstance(event, Progress) for event in events)

    change = ChangePackages(prefix=str(prefix), add=("more",))
    planned = done(jobs, PlanRequest(prefix=str(prefix), request=change)).result()
    assert isinstance(planned, Planned)
    assert [step.name for step in planned.plan.changes] == ["more"]
    assert not (prefix / "share/more").exists()

    done(jobs, change).result()
    assert (prefix / "share/more").exists()

    assert done(jobs, RemoveEnvironment(prefix=str(prefix))).result() == Removed(prefix=str(prefix))
    assert not prefix.exists()


def test_the_engine_s_errors(jobs: Jobs, tmp_path: Path) -> None:
    prefix = str(tmp_path / "envs" / "a")
    with pytest.raises(Unsatisfiable):
        done(jobs, CreateEnvironment(prefix=prefix, specs=("tool >9",))).result()
    with pytest.raises(NotFound):
        done(jobs, RemoveEnvironment(prefix=prefix)).result()


def test_a_second_job_waits_and_says_so(jobs: Jobs, tmp_path: Path) -> None:
    prefix = tmp_path / "envs" / "a"
    with locking.lock(staging.workspace(prefix).lock, "painting it green", lambda *_: None):
        job = jobs.start(CreateEnvironment(prefix=str(prefix), specs=("tool",)))
        waiting = eventually(lambda: [each.event for each in job.events()])[0]
        assert isinstance(waiting, Step)
        assert waiting.phase == "wait"
        assert "painting it green" in waiting.text
    assert job.wait(PATIENCE)
    assert isinstance(job.result(), Changed)


def test_two_jobs_on_one_prefix_both_end_well(jobs: Jobs, tmp_path: Path) -> None:
    prefix = str(tmp_path / "envs" / "a")
    done(jobs, CreateEnvironment(prefix=prefix, specs=("tool",))).result()
    both = [jobs.start(ChangePackages(prefix=prefix, add=(spec,))) for spec in ("more", "tool>=1")]
    for job in both:
        assert job.wait(PATIENCE)
        assert isinstance(job.result(), Changed), texts(job)


def test_cancel_leaves_no_lock(jobs: Jobs, shop: Workshop, tmp_path: Path) -> None:
    prefix = tmp_path / "envs" / "a"
    with locking.lock(staging.workspace(prefix).lock, "a test", lambda *_: None):
        job = jobs.start(CreateEnvironment(prefix=str(prefix), specs=("tool",)))
        eventually(job.events)
        job.cancel()
        assert job.wait(PATIENCE)
    assert job.state == "cancelled"
    assert isinstance(done(jobs, CreateEnvironment(prefix=str(prefix), specs=("tool",))).result(), Changed)


@pytest.mark.slow
def test_after_kill_9_of_the_worker_it_works_again(jobs: Jobs, shop: Workshop, tmp_path: Path) -> None:
    request = CreateEnvironment(prefix=str(tmp_path / "envs" / "a"), specs=("more",))
    killed = 0
    while killed < 3:
        job = jobs.start(request)
        eventually(job.events)
        try:
            os.kill(shop.worker(job), signal.SIGKILL)
            killed += 1
        except ProcessLookupError:  # it was faster
            assert job.wait(PATIENCE) and done(jobs, RemoveEnvironment(prefix=request.prefix)).result()
        assert job.wait(PATIENCE)
        eventually(lambda job=job: gone(shop.supervisor(job)))  # type: ignore[misc]
    assert isinstance(done(jobs, request).result(), Changed)


@pytest.mark.slow
def test_kernels_come_and_go_with_the_environment(shop: Workshop, channel_dir: Path, tmp_path: Path) -> None:
    jobs = Jobs(shop.make_settings(channels=(str(channel_dir),)))
    prefix = str(tmp_path / "envs" / "lab")
    job = jobs.start(CreateEnvironment(prefix=prefix, specs=("python", "ipykernel"), display_name="Das Labor"))
    assert job.wait(250)
    made = job.result()
    assert isinstance(made, Changed)
    (name,) = made.environment.kernels
    spec = Path(shop.settings.kernels_dir, name, "kernel.json")
    assert "Das Labor" in spec.read_text()
    assert done(jobs, RemoveEnvironment(prefix=prefix)).result() == Removed(prefix=prefix, kernels=(name,))
    assert not spec.exists()
