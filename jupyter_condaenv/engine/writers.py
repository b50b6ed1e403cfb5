"""Being the one writer of a prefix: by an OS lock, with what a killed predecessor left half-way put right first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import exchange, staging
from .locking import lock
from .telling import Emit, waiting
from .trees import storage_error


@contextmanager
def writer(prefix: Path, purpose: str, emit: Emit) -> Iterator[staging.Workspace]:
    """Be the one writer of ``prefix``; what a killed predecessor left half-way is put right first."""
    with undisturbed(prefix, purpose, emit) as work:
        recover(work)
        yield work


@contextmanager
def undisturbed(prefix: Path, purpose: str, emit: Emit) -> Iterator[staging.Workspace]:
    """Keep every writer away from ``prefix``, which is as the last one left it."""
    work = staging.workspace(prefix)
    with lock(work.lock, purpose, waiting(f"for {prefix.name}", emit)):
        yield work


def recover(work: staging.Workspace) -> None:
    """Put right what was left half-way. The caller is the writer."""
    try:
        exchange.recover(work)
    except OSError as error:
        raise storage_error(error) from error
