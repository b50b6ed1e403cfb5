"""Making a channel searchable, and searching it."""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec.structs import replace

from jupyter_condaenv.engine import search
from jupyter_condaenv.engine.channels import host_subdir
from jupyter_condaenv.engine.model import Settings

from .measure import wall

NAMES = 30_000
WORDS = ("data", "graph", "image", "table", "json", "async", "fast", "plot", "net", "tensor", "sparse", "geo", "test")
QUERIES = ("", "t", "data", "graph-s", "tensor fast", "nothing-like-it")
SHARE = 0.55
"""Of the packages that are built for this platform."""
_INDEX = """
import msgspec, resource, os, sys
from jupyter_condaenv.engine import search
from jupyter_condaenv.engine.model import IndexChannels, Settings
search.index(IndexChannels(), msgspec.json.decode(sys.argv[1], type=Settings), lambda event: None)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, resource.getrusage(resource.RUSAGE_SELF).ru_utime, flush=True)
os._exit(0)
"""


def small(settings: Settings, rounds: int) -> None:
    """As many names as conda-forge has, of few builds."""
    _search(settings, rounds, builds=2)


def large(settings: Settings, rounds: int) -> None:
    """And as many records."""
    _search(settings, rounds, builds=20)


def _search(settings: Settings, rounds: int, builds: int) -> None:
    print(f"search over {NAMES} names, {NAMES * builds} records")
    channel = Path(settings.cache_dir).parent / f"channel-{builds}"
    own = replace(settings, channels=(channel.as_uri(),))
    _write(channel / host_subdir(), round(NAMES * SHARE), builds)
    _write(channel / "noarch", NAMES - round(NAMES * SHARE), builds)
    for what in ("made", "looked at again, unchanged"):
        began = time.perf_counter()
        command = [sys.executable, "-c", _INDEX, msgspec.json.encode(own).decode()]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        print(
            f"  index {what}: {time.perf_counter() - began:.1f} s, {float(told[1]):.1f} s of them computing, "
            f"{int(told[0]) / 1024:.0f} MB with the channel's files as far as they are mapped  (bar 400 MB)",
            flush=True,
        )
    for query in QUERIES:
        seconds = [wall(lambda query=query: search.find(query, own)) for _ in range(rounds * 3)]
        computing = [_computing(query, own) for _ in range(rounds * 3)]
        print(
            f"  {query!r}, {search.find(query, own).total} found: {1000 * statistics.median(seconds):.1f} ms, "
            f"{1000 * statistics.median(computing):.1f} ms of them computing  (bar 50 ms)",
            flush=True,
        )


def _computing(query: str, settings: Settings) -> float:
    began = time.process_time()
    search.find(query, settings)
    return time.process_time() - began


def _write(folder: Path, names: int, builds: int) -> None:
    """An index of records that are shaped like those of conda-forge; there are no packages behind them."""
    folder.mkdir(parents=True)
    with (folder / "repodata.json").open("w", encoding="utf-8") as file:
        file.write(json.dumps({"info": {"subdir": folder.name}})[:-1] + ', "packages": {}, "packages.conda": {')
        for number, (name, record) in enumerate(_records(folder.name, names, builds)):
            file.write(f"{',' if number else ''}\n{json.dumps(name)}: {json.dumps(record)}")
        file.write("}}")


def _records(subdir: str, names: int, builds: int) -> Iterator[tuple[str, dict[str, object]]]:
    chance = random.Random(subdir)
    for number in range(names):
        name = f"{chance.choice(WORDS)}-{chance.choice(WORDS)}-{subdir[0]}{number}"
        for one in range(builds):
            version, build = f"{one // 10}.{one % 10}.{chance.randrange(5)}", f"py312h{chance.getrandbits(32):08x}_0"
            yield (
                f"{name}-{version}-{build}.conda",
                {
                    "build": build,
                    "build_number": 0,
                    "depends": ["python >=3.12,<3.13.0a0", "python_abi 3.12.* *_cp312", "numpy >=1.23,<3"],
                    "license": "BSD-3-Clause",
                    "md5": f"{chance.getrandbits(128):032x}",
                    "name": name,
                    "sha256": f"{chance.getrandbits(256):064x}",
                    "size": chance.randrange(10**6),
                    "subdir": subdir,
                    "timestamp": 1_700_000_000_000 + one,
                    "version": version,
                },
            )
