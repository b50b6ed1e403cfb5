"""Making, changing and listing environments."""

from __future__ import annotations

import statistics
from pathlib import Path

from msgspec.structs import replace

from jupyter_condaenv.engine import environments, history, operations, scanning
from jupyter_condaenv.engine.model import (
    AnyRequest,
    ChangePackages,
    Clone,
    CreateEnvironment,
    RemoveEnvironment,
    Scan,
    Settings,
)
from jupyter_condaenv.jobs import Jobs
from tests.channel import ChannelServer, index, write_package

from .measure import Sample, compare, hard_link_copy, wall

KERNEL = ("python", "ipykernel", "pip")
LISTED = 100
SCANNED = 200
FETCHED = 100
LATENCY = 0.05


def create_from_lock(settings: Settings, rounds: int) -> None:
    """An environment from its lock, with everything in the cache, worker start and bytecode included."""
    print("create from lock, warm cache, against cp -al of the result")
    source = kernel_environment(settings)
    lock = history.current_lock(source)
    ours, theirs = [], []
    for number in range(rounds):
        prefix = source.with_name(f"made-{number}")
        ours.append(wall(lambda prefix=prefix: _do(settings, CreateEnvironment(prefix=str(prefix), lock=lock))))
        theirs.append(hard_link_copy(prefix, source.with_name("copied")))
        _do(settings, RemoveEnvironment(prefix=str(prefix)))
    compare(Sample("create", ours), Sample("cp -al", theirs), "3, stretch 2")


def clone(settings: Settings, rounds: int) -> None:
    """An environment from another one: without what any job costs, and with that and the kernel that it gets."""
    print("clone, against cp -al of the source")
    source = kernel_environment(settings)
    prefix = source.with_name("cloned")
    request = Clone(prefix=str(prefix), source=str(source))
    alone, jobs, theirs = [], [], []
    for _ in range(rounds):
        alone.append(wall(lambda: operations.perform(request, settings, lambda event: None)))
        _do(settings, RemoveEnvironment(prefix=str(prefix)))
        theirs.append(hard_link_copy(source, source.with_name("copied")))
        jobs.append(wall(lambda: _do(settings, request)))
        _do(settings, RemoveEnvironment(prefix=str(prefix)))
    compare(Sample("clone", alone), Sample("cp -al", theirs), "about 1")
    compare(Sample("the job", jobs), Sample("cp -al", theirs), "none set")


def add_one(settings: Settings, rounds: int) -> None:
    """One small package more in an environment that has some 44."""
    print("add one small package, against cp -al of the environment")
    source = kernel_environment(settings)
    ours, theirs = [], []
    for _ in range(rounds):
        ours.append(wall(lambda: _do(settings, ChangePackages(prefix=str(source), add=("smallpkg",)))))
        theirs.append(hard_link_copy(source, source.with_name("copied")))
        _do(settings, ChangePackages(prefix=str(source), remove=("smallpkg",)))
    compare(Sample("add", ours), Sample("cp -al", theirs), "none set")


def listing(settings: Settings, rounds: int) -> None:
    """A hundred environments with the number of their packages."""
    print(f"list {LISTED} environments with their package counts")
    fill(Path(settings.envs_dirs[0]), LISTED - 1, kernel_environment(settings))
    assert len(environments.list_environments(settings)) >= LISTED
    seconds = [wall(lambda: environments.list_environments(settings)) for _ in range(rounds * 3)]
    print(f"  median {1000 * statistics.median(seconds):.1f} ms  (bar 50 ms, warm)", flush=True)


def scan(settings: Settings, rounds: int) -> None:
    """Looking for environments of others in a home with as many projects, of which every other one has one: the job
    that a server starts every ten minutes, its process included."""
    print(f"scan {SCANNED} projects, of which {SCANNED // 2} have an environment")
    home = Path(settings.data_dir).parent / "projects"
    for number in range(0, SCANNED, 2):
        (home / f"project-{number}").mkdir(parents=True)
        fill(home / f"project-{number + 1}" / ".pixi" / "envs", 1, kernel_environment(settings))
    looking = replace(settings, find=(f"{home}/*", f"{home}/*/envs/*", f"{home}/*/.pixi/envs/*"))
    seconds = [wall(lambda: _do(looking, Scan())) for _ in range(rounds)]
    walks = [wall(lambda: scanning.scan(looking, lambda event: None)) for _ in range(rounds)]
    print(f"  {Sample('the job', seconds)}")
    print(
        f"  {Sample('the walk in it', walks)}  ({scanning.scan(looking, lambda event: None).looked_at} names)",
        flush=True,
    )


def fill(folder: Path, number: int, source: Path) -> None:
    """Put ``number`` environments with the records and the Python of ``source`` into ``folder``."""
    for one in range(number):
        prefix = folder / f"listed-{one}"
        meta = prefix / "conda-meta"
        meta.mkdir(parents=True)
        (prefix / "bin").symlink_to(source / "bin")
        for record in (source / "conda-meta").glob("*.json"):
            (meta / record.name).hardlink_to(record)
        (meta / "history").touch()


def fetch(settings: Settings, rounds: int) -> None:
    """A hundred packages from a server that answers after 50 ms, with nothing cached."""
    print(f"create from {FETCHED} packages over HTTP with {1000 * LATENCY:.0f} ms latency, cold cache")
    channel = Path(settings.cache_dir).parent / "many"
    names = [f"part-{number}" for number in range(FETCHED)]
    for name in names:
        write_package(
            channel, name, "1.0", files={f"share/{name}/{part}": f"{name} {part}\n" * 500 for part in "abcdef"}
        )
    index(channel)
    seconds = []
    with ChannelServer(channel, latency=LATENCY) as server:
        for number in range(rounds):
            cold = Path(settings.cache_dir).parent / f"cold-{number}"
            prefix = str(Path(settings.envs_dirs[0]) / f"fetched-{number}")
            request = CreateEnvironment(prefix=prefix, specs=tuple(names), channels=(server.url,))
            seconds.append(wall(lambda cold=cold, request=request: _do(_with_cache(settings, cold), request)))
    print(
        f"  {Sample('create', seconds)}  (one request at a time would take {2 * FETCHED * LATENCY:.0f} s)", flush=True
    )


def _do(settings: Settings, request: AnyRequest) -> None:
    job = Jobs(settings).start(request)
    job.wait()
    job.result()


def _with_cache(settings: Settings, cache: Path) -> Settings:
    return replace(settings, cache_dir=str(cache))


def kernel_environment(settings: Settings) -> Path:
    """The kernel environment that the others are made from."""
    prefix = Path(settings.envs_dirs[0]) / "source"
    if not environments.is_environment(prefix):
        _do(settings, CreateEnvironment(prefix=str(prefix), specs=KERNEL))
    return prefix
