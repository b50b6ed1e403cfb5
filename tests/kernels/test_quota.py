"""Libraries in a kernel use as many threads as the quota of its control group lets run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from jupyter_client.kernelspec import KernelSpec

from jupyter_condaenv.engine.model import Changed, CreateEnvironment, Settings
from jupyter_condaenv.jobs import Jobs

from .conftest import manager_of, started

THREADS = "import numpy, threadpoolctl; print(max(pool['num_threads'] for pool in threadpoolctl.threadpool_info()))"


@pytest.fixture
def group() -> Iterator[Path]:
    """A control group, of version 1 or 2, that lets one processor's worth run."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if "cpu" in controllers.split(","):
            made, file, quota = Path("/sys/fs/cgroup/cpu" + path), "cpu.cfs_quota_us", "100000"
        elif not controllers:
            made, file, quota = Path("/sys/fs/cgroup" + path), "cpu.max", "100000 100000"
        else:
            continue
        made /= f"condaenv-test-{os.getpid()}"
        with suppress(OSError):
            made.mkdir()
            try:
                (made / file).write_text(quota)
                yield made
                return
            finally:
                made.rmdir()
    pytest.skip("no control group with a quota can be made here")


@pytest.mark.slow
def test_threadpoolctl_tells_what_the_quota_allows(site: Settings, group: Path) -> None:
    specs = ("python", "ipykernel", "numpy", "threadpoolctl")
    job = Jobs(site).start(CreateEnvironment(prefix=str(Path(site.envs_dirs[0]) / "geo"), specs=specs))
    assert job.wait(300)
    assert isinstance(job.result(), Changed)

    manager = manager_of(site, "condaenv-geo")
    with started(manager) as kernel:
        assert int(kernel.run(THREADS)) == len(os.sched_getaffinity(0))
    assert manager.kernel_spec is not None
    enter = f'echo $$ >{group}/cgroup.procs && exec "$@"'
    limited = manager_of(site, "condaenv-geo")
    limited._kernel_spec = KernelSpec(argv=["sh", "-c", enter, "sh", *manager.kernel_spec.argv], language="python")
    with started(limited) as kernel:
        assert int(kernel.run(THREADS)) == 1
