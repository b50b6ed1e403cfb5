"""Solving in a channel of conda-forge's size, and beside other programs where they can be had."""

from __future__ import annotations

import hashlib
import os
import random
import shlex
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import zstandard
from msgspec.structs import replace

from jupyter_condaenv.engine.channels import host_subdir
from jupyter_condaenv.engine.model import CreateEnvironment, RemoveEnvironment, Settings
from jupyter_condaenv.jobs import Jobs
from tests.channel import ChannelServer

from .measure import Sample, wall

NAMES = 30_000
BUILDS = 20
SHARE = 0.55
"""Of the packages that are built for this platform."""
NEEDS = 4
"""Other packages that one needs at most; popular ones more often."""
ASKED = 12
_SOLVE = """
import msgspec, os, resource, sys, time
from jupyter_condaenv.engine import resolver
from jupyter_condaenv.engine.model import Settings
settings, *specs = sys.argv[1:]
wanted = resolver.Wanted(specs=tuple(specs), channels=())
settings = msgspec.json.decode(settings, type=Settings)
began, before = time.perf_counter(), time.process_time()
lock = resolver.lock(wanted, settings)
took, computing = time.perf_counter() - began, time.process_time() - before
print(took, computing, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, len(lock.packages), flush=True)
os._exit(0)
"""


class Others(NamedTuple):
    """Commands of other programs that take conda's arguments, such as ``micromamba``, by name."""

    commands: dict[str, list[str]]

    @classmethod
    def of(cls, given: list[str]) -> Others:
        """Of ``NAME=COMMAND`` each."""
        return cls({name: shlex.split(command) for name, _, command in (one.partition("=") for one in given)})

    def create(
        self, settings: Settings, url: str, specs: tuple[str, ...], *options: str
    ) -> Iterator[tuple[str, float]]:
        """How long each takes for an environment of ``specs`` from ``url`` alone, in a cache of its own."""
        for name, command in self.commands.items():
            folder = Path(settings.cache_dir).parent / "others" / name
            prefix = folder / "env"
            env = os.environ | {"CONDA_PKGS_DIRS": str(folder / "pkgs"), "CONDARC": os.devnull}
            asked = ["create", "--yes", *options, "--override-channels", "-c", url, "-p", str(prefix), *specs]
            done = lambda: subprocess.run([*command, *asked], env=env, check=True, capture_output=True)  # noqa: B023, E731
            yield name, wall(done)
            shutil.rmtree(prefix, ignore_errors=True)


def solve(settings: Settings, rounds: int, others: Others) -> None:
    """Cold: nothing of the channel is cached. Warm: in a new process, with what the last one has read."""
    print(f"solve over {NAMES * BUILDS} records in shards, a process each")
    channel = Path(settings.cache_dir).parent / "scale"
    specs = write(channel)
    with ChannelServer(channel) as server:
        own = replace(settings, channels=(server.url,), cache_dir=f"{settings.cache_dir}-scale")
        cold, warm = [], []
        for _ in range(rounds):
            shutil.rmtree(own.cache_dir, ignore_errors=True)
            cold.append(_solved(own, specs))
            warm.append(_solved(own, specs))
        _tell("cold", cold, "1 s, 150 MB")
        _tell("warm", warm, "0.2 s, 150 MB")
        for name, seconds in others.create(own, server.url, specs, "--dry-run"):
            print(f"  {name}, cold: {seconds:.2f} s, with the start of the program", flush=True)


def create(settings: Settings, rounds: int, others: Others) -> None:
    """An environment with a kernel, solve and fetch included, everything in the caches."""
    print("create from specs, warm caches")
    (url,) = settings.channels
    specs = ("python", "ipykernel", "pip")
    ours = []
    for number in range(rounds + 1):
        prefix = f"{settings.envs_dirs[0]}/scale-{number}"
        ours.append(wall(lambda prefix=prefix: _do(settings, CreateEnvironment(prefix=prefix, specs=specs))))
        _do(settings, RemoveEnvironment(prefix=prefix))
    print(f"  {Sample('create', ours[1:])}")
    list(others.create(settings, url, specs))
    for name, seconds in others.create(settings, url, specs):
        print(f"  {name}: {seconds:.2f} s, with the start of the program", flush=True)


def _do(settings: Settings, request: CreateEnvironment | RemoveEnvironment) -> None:
    job = Jobs(settings).start(request)
    job.wait()
    job.result()


def _solved(settings: Settings, specs: tuple[str, ...]) -> list[float]:
    """Seconds on the clock and of processor time, megabytes, packages."""
    command = [sys.executable, "-c", _SOLVE, msgspec.json.encode(settings).decode(), *specs]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [float(word) for word in told.split()]


def _tell(name: str, found: list[list[float]], bar: str) -> None:
    seconds, computing, memory, packages = (statistics.median(one) for one in zip(*found, strict=True))
    print(
        f"  {name}: {seconds:.2f} s for {packages:.0f} packages, {computing:.2f} s of them computing, at most "
        f"{memory:.0f} MB  (bar {bar})",
        flush=True,
    )


# --- the channel -----------------------------------------------------------------------------------------------------


def write(channel: Path) -> tuple[str, ...]:
    """A channel in shards (CEP 16) without packages behind its records. Returns what can be asked of it."""
    chance = random.Random(0)
    subdirs = [host_subdir() if chance.random() < SHARE else "noarch" for _ in range(NAMES)]
    shards: dict[str, dict[str, bytes]] = {host_subdir(): {}, "noarch": {}}
    packer = zstandard.ZstdCompressor(level=1)
    for subdir in shards:
        (channel / subdir / "shards").mkdir(parents=True)
        (channel / subdir / "repodata.json").write_text('{"packages": {}, "packages.conda": {}}')
    for number, subdir in enumerate(subdirs):
        records = dict(_records(number, subdir, chance))
        data = packer.compress(msgspec.msgpack.encode({"packages": {}, "packages.conda": records, "removed": []}))
        digest = hashlib.sha256(data)
        (channel / subdir / "shards" / f"{digest.hexdigest()}.msgpack.zst").write_bytes(data)
        shards[subdir][_name(number)] = digest.digest()
    for subdir, names in shards.items():
        info = {"subdir": subdir, "base_url": "./", "shards_base_url": "./shards/"}
        index = msgspec.msgpack.encode({"version": 1, "info": info, "shards": names})
        (channel / subdir / "repodata_shards.msgpack.zst").write_bytes(packer.compress(index))
    return tuple(_name(chance.randrange(NAMES // 2, NAMES)) for _ in range(ASKED))


def _name(number: int) -> str:
    return f"package-{number}"


def _records(number: int, subdir: str, chance: random.Random) -> Iterator[tuple[str, dict[str, object]]]:
    """Every build needs some of the packages with smaller numbers, the smallest most often."""
    needed = {int(number * chance.random() ** 3) for _ in range(chance.randint(0, NEEDS))} - {number}
    for one in range(BUILDS):
        version, build = f"{one // 5}.{one % 5}", f"h{chance.getrandbits(28):07x}_0"
        yield (
            f"{_name(number)}-{version}-{build}.conda",
            {
                "build": build,
                "build_number": 0,
                "depends": [f"{_name(other)} >={one // 5}.0,<9" for other in sorted(needed)],
                "license": "BSD-3-Clause",
                "md5": chance.randbytes(16),
                "name": _name(number),
                "sha256": chance.randbytes(32),
                "size": chance.randrange(10**6),
                "subdir": subdir,
                "timestamp": 1_700_000_000_000 + one,
                "version": version,
            },
        )
