"""What another tool was asked for, as far as that is a request to the solver too."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from . import conda_history, history
from .errors import InvalidRequest
from .model import Lock
from .rattler import matchspec
from .telling import Emit


def sound(lock: Lock) -> tuple[Lock, tuple[str, ...]]:
    """``lock`` without what is no request, which would stand in the way of each later change, and why it is none."""
    kept: list[str] = []
    problems: list[str] = []
    for spec in lock.specs:
        try:
            matchspec.spec_name(spec)
            kept.append(spec)
        except InvalidRequest as error:
            problems.append(error.message)
    if not problems:
        return lock, ()
    return replace(lock, specs=tuple(kept) or history.roots(lock.packages)), tuple(problems)


def told(prefix: Path, lock: Lock, emit: Emit) -> Lock:
    """``lock``, of what is at ``prefix``, without what is no request; that, and what conda's history does not tell, is
    told."""
    found, problems = sound(lock)
    conda_history.tell(prefix, [*conda_history.read(prefix, lock.packages).problems, *problems], emit)
    return found
