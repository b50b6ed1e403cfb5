"""What the tests of jobs share: jobs of a settings' own, requests, and waiting for a condition."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from jupyter_condaenv.engine.model import CreateEnvironment, Settings
from jupyter_condaenv.jobs import Job, Jobs, processes

PATIENCE = 30.0


def eventually(condition: Callable[[], Any], what: str = "") -> Any:
    """What ``condition`` returns once it is true; fails after ``PATIENCE`` seconds."""
    give_up = time.monotonic() + PATIENCE
    while not (value := condition()):
        assert time.monotonic() < give_up, f"waited in vain for {what or condition}"
        time.sleep(0.005)
    return value


class Workshop:
    """Jobs in one data directory, and a look behind their scenes."""

    def __init__(self, settings: Callable[..., Settings]) -> None:
        self.make_settings = settings
        self.settings = settings()
        self.folder = Path(self.settings.data_dir) / "jobs"

    def jobs(self, performance: str, **settings: Any) -> Jobs:
        return Jobs(self.make_settings(**settings), perform=f"tests.jobs.performances:{performance}")

    def request(self, *specs: object, **fields: Any) -> CreateEnvironment:
        prefix = fields.pop("prefix", str(self.folder.parent / "envs" / "a"))
        return CreateEnvironment(prefix=prefix, specs=tuple(map(str, specs)), **fields)

    def start(self, performance: str, *specs: object, **settings: Any) -> Job:
        return self.jobs(performance, **settings).start(self.request(*specs))

    def finish(self, performance: str, *specs: object, **settings: Any) -> Job:
        job = self.start(performance, *specs, **settings)
        assert job.wait(PATIENCE)
        return job

    def path(self, job: Job, file: str = "") -> Path:
        return self.folder / job.id / file

    def owner(self, job: Job) -> dict[str, Any]:
        owner: dict[str, Any] = json.loads(self.path(job, "owner.json").read_bytes())
        return owner

    def own(self, job: Job, **changes: Any) -> None:
        self.path(job, "owner.json").write_text(json.dumps(self.owner(job) | changes))

    def supervisor(self, job: Job) -> int:
        return int(self.owner(job)["pid"])

    def worker(self, job: Job) -> int:
        return int(self.owner(job)["worker_pid"])


@pytest.fixture
def shop(settings: Callable[..., Settings]) -> Iterator[Workshop]:
    made = Workshop(settings)
    yield made
    for job in Jobs(made.settings).list():
        job.cancel()
    for folder in made.folder.glob("*-*-*-*"):
        with suppress(OSError, ValueError, KeyError):
            owner = json.loads((folder / "owner.json").read_bytes())
            if processes.started(owner["pid"]) == owner["started"] and owner["pid"] != os.getpid():
                os.kill(owner["pid"], signal.SIGTERM)


def texts(job: Job, since: int = 0) -> list[str]:
    return [getattr(numbered.event, "text", "") for numbered in job.events(since)]


def gone(pid: int) -> bool:
    return not processes.started(pid)
