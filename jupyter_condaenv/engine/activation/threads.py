"""How many threads libraries are told to use, where they would not see for themselves how many can run."""

from __future__ import annotations

import os

from .cgroups import GROUPS, ROOT, folders, words

_FOLLOW_OMP = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_THREADS = (
    "OMP_NUM_THREADS",
    *_FOLLOW_OMP,
    "NUMEXPR_MAX_THREADS",
    "NUMBA_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "LOKY_MAX_CPU_COUNT",
    "PYTHON_CPU_COUNT",
)


def add_threads(env: dict[str, str], limit: int | None) -> None:
    if limit is None:
        return
    # These two take OMP_NUM_THREADS where they have no value of their own: a person's choice there is one for them.
    chosen = env.get("OMP_NUM_THREADS")
    for name in _THREADS:
        # Empty is what conda leaves of a variable that it unsets.
        if not env.get(name) and not (chosen and name in _FOLLOW_OMP):
            env[name] = str(limit)


def thread_limit(env: dict[str, str], groups: str = GROUPS, root: str = ROOT) -> int | None:
    """Threads that this process can keep busy, or None when that is as many as the machine has processors.

    ``CPU_LIMIT`` (set by JupyterHub) comes before the quota of the cgroups, which libraries do not see. Never more than
    the processors that this process may run on, which some of them do not see either.
    """
    try:
        limit: float | None = float(env["CPU_LIMIT"])
    except (KeyError, ValueError):
        limit = None
    if limit is None or not limit > 0:
        limit = _quota(groups, root)
    processors = os.cpu_count() or 1
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else processors
    busy = allowed if limit is None else min(limit, allowed)
    return max(1, int(busy)) if busy < processors else None


def _quota(groups: str, root: str) -> float | None:
    """The lowest quota, in processors, over this process's cgroup and all above it; version 2 or 1."""
    found = [_quota_at(folder, version1) for folder, version1 in folders("cpu", groups, root)]
    return min((quota for quota in found if quota is not None), default=None)


def _quota_at(folder: str, version1: bool) -> float | None:
    names = ("cpu.cfs_quota_us", "cpu.cfs_period_us") if version1 else ("cpu.max",)
    try:
        quota, period = (float(word) for name in names for word in words(f"{folder}/{name}"))
    except ValueError:  # no such group here, or "max"
        return None
    return quota / period if quota > 0 and period > 0 else None
