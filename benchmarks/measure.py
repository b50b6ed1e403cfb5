"""Taking times and telling them."""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class Sample(NamedTuple):
    """Seconds on the clock, of rounds that were taken in turns with those they are compared with."""

    name: str
    seconds: list[float]

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def __str__(self) -> str:
        return (
            f"{self.name}: {self.median:.3f} s  ({min(self.seconds):.3f} to {max(self.seconds):.3f}, "
            f"{len(self.seconds)} rounds)"
        )


def wall(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def children_cpu() -> float:
    """Seconds of processor time that ended children of this process have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def compare(subject: Sample, against: Sample, bar: str) -> None:
    """Print both and their ratio: the median of the ratios of rounds taken one after the other."""
    ratios = [one / other for one, other in zip(subject.seconds, against.seconds, strict=True)]
    print(f"  {subject}\n  {against}\n  ratio {statistics.median(ratios):.2f}  (bar {bar})", flush=True)


def hard_link_copy(source: Path, target: Path) -> float:
    """Seconds that ``cp -al`` takes: nobody makes a tree of these files faster by ordinary means."""
    seconds = wall(lambda: subprocess.run(["cp", "-al", source, target], check=True))
    shutil.rmtree(target)
    return seconds


def machine() -> str:
    load = os.getloadavg()[0]
    return f"{os.cpu_count()} processors, load {load:.1f}"
