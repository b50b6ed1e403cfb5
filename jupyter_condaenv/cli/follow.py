"""Following a job to its end, and what Ctrl-C means meanwhile."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from ..engine.errors import Cancelled
from .output import Followed, Output

if TYPE_CHECKING:
    from ..engine.model import AnyResult

T = TypeVar("T")


class Interrupts:
    """Ctrl-C as an exception, but only while we wait: it never tears a line of output or a file apart."""

    def __init__(self) -> None:
        self._waiting = False
        self._pending = False

    @contextmanager
    def caught(self) -> Iterator[None]:
        before = signal.signal(signal.SIGINT, self._arrived)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def next(self, iterator: Iterator[T]) -> T | None:
        """The next of ``iterator``, None at its end. Raises KeyboardInterrupt."""
        self._waiting = True
        try:
            if self._pending:
                self._pending = False
                raise KeyboardInterrupt
            return next(iterator, None)
        finally:
            self._waiting = False

    def _arrived(self, *_: Any) -> None:
        if self._waiting:
            raise KeyboardInterrupt
        self._pending = True


def follow(job: Followed, output: Output, *, since: int = 0, cancel: bool = True) -> AnyResult:
    """Show ``job``'s events until it ends and return its result, or raise what it met.

    Ctrl-C asks the job to stop and goes on until it has; a second one leaves it alone to do so. With ``cancel``
    false, Ctrl-C only stops following.
    """
    interrupts = Interrupts()
    asked = False
    with interrupts.caught():
        while True:
            try:
                for numbered in iter_with(interrupts, job.follow(since)):
                    output.event(numbered)
                    since = numbered.number
                break
            except KeyboardInterrupt:
                if asked or not cancel:
                    raise leaving(job, asked=asked) from None
                asked = True
                output.note("Stopping. The environment stays whole. Press Ctrl-C again to leave.")
                job.cancel()
    return job.result()


def iter_with(interrupts: Interrupts, events: Iterator[T]) -> Iterator[T]:
    while (event := interrupts.next(events)) is not None:
        yield event


def leaving(job: Followed, *, asked: bool) -> Cancelled:
    """What is said when the job is left before its end."""
    state = "is being stopped" if asked else "goes on"
    return Cancelled(
        f"Left; the job {job.id} {state} in the background.",
        f"To look at it again: jupyter condaenv jobs follow {job.id}",
        job=job.id,
    )
