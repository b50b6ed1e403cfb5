"""What builds have fetched and keep for one another: any number of them use it at once, and it goes while none does."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from .locking import lock, try_lock
from .model import Settings
from .storage import BUILDS
from .telling import Emit, waiting

_LOCKS = "building"
"""In the package cache: a lock for each build, and one for who looks at these."""


@contextmanager
def used(purpose: str, settings: Settings, emit: Emit) -> Iterator[Path]:
    """The folder, for one build among others; ``purpose`` is what those are told who would clean it."""
    own = _locks(settings) / f"{secrets.token_hex(8)}.lock"
    with ExitStack() as held:
        held.callback(own.unlink, missing_ok=True)
        with lock(_gate(settings), purpose, waiting("for what builds have fetched", emit)):
            held.enter_context(try_lock(own, purpose))
        yield Path(settings.cache_dir) / BUILDS


@contextmanager
def kept_from_builds(settings: Settings, emit: Emit) -> Iterator[bool]:
    """The folder for whoever cleans it, if it is free, which is told; a build that begins waits."""
    with lock(_gate(settings), "cleaning the package cache", waiting("for a build", emit)):
        yield not any(_in_use(path) for path in _locks(settings).glob("*.lock") if path != _gate(settings))


def _in_use(path: Path) -> bool:
    with try_lock(path, "cleaning the package cache") as free:
        if free:
            with suppress(OSError):
                path.unlink()  # of a build that was killed
        return not free


def _locks(settings: Settings) -> Path:
    return Path(settings.cache_dir) / _LOCKS


def _gate(settings: Settings) -> Path:
    return _locks(settings) / "gate.lock"
