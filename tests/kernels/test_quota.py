"""Libraries in a kernel use as many threads as the quota of its control group lets run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from jupyter_condaenv.engine.model import Changed, CreateEnvironment, Settings
from jupyter_condaenv.jobs import Jobs

from .conftest import control_group, limit, manager_of, started

THREADS = "import numpy, threadpoolctl; print(max(pool['num_threads'] for pool in threadpoolctl.threadpool_info()))"


@pytest.fixture
def group() -> Iterator[Path]:
    """That lets one processor's worth run."""
    with control_group("cpu", ("cpu.cfs_quota_us", "100000"), ("cpu.max", "100000 100000")) as made:
        yield made


@pytest.mark.slow
def test_threadpoolctl_tells_what_the_quota_allows(site: Settings, group: Path) -> None:
    specs = ("python", "ipykernel", "numpy", "threadpoolctl")
    job = Jobs(site).start(CreateEnvironment(prefix=str(Path(site.envs_dirs[0]) / "geo"), specs=specs))
    assert job.wait(300)
    assert isinstance(job.result(), Changed)

    manager = manager_of(site, "condaenv-geo")
    with started(manager) as kernel:
        assert int(kernel.run(THREADS)) == len(os.sched_getaffinity(0))
    limited = manager_of(site, "condaenv-geo")
    limit(limited, group)
    with started(limited) as kernel:
        assert int(kernel.run(THREADS)) == 1
