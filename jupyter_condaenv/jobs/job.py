"""One job as everybody sees it: read from its folder, whoever and wherever the worker is."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import msgspec

from ..engine import stored
from ..engine.errors import Broken, Busy, WorkerDied, error_from
from ..engine.model import AnyRequest, AnyResult
from . import files, processes
from .clock import FileSystemClock
from .journal import EventReader
from .records import Heading, Machine, NumberedEvent, Outcome, Owner, State, Written

LOOK = 0.03
"""Seconds between two looks at a log or for a result."""
CHECK = 1.0
"""Seconds between two looks whether the supervisor lives."""
DEAD_AFTER = 60.0
"""Seconds without a heartbeat after which a supervisor on another host is taken for dead."""

_Request = TypeVar("_Request", Heading, Written)


class Job:
    """The job in ``folder``, seen from ``machine``. Raises Broken when its folder is damaged."""

    def __init__(self, folder: Path, machine: Machine, clock: FileSystemClock) -> None:
        self._folder = folder
        self._machine = machine
        self._clock = clock
        self._heading = self._read_request(Heading)

    @property
    def id(self) -> str:
        return self._folder.name

    @property
    def created(self) -> datetime:
        return self._heading.created

    @property
    def host(self) -> str:
        """Where it was started."""
        return self._heading.host

    @property
    def author(self) -> str:
        return self._heading.author

    @property
    def verb(self) -> str:
        return self._heading.request.verb

    @property
    def planned(self) -> str:
        """The verb of the plan that it applies; empty where it applies none."""
        plan = self._heading.request.plan
        return plan.verb if plan is not None else ""

    @property
    def words(self) -> str:
        """What it was asked for, such as ``add numpy``; empty where the verb says all, and where an older version has
        started it."""
        return self._heading.words

    @property
    def prefix(self) -> str:
        return self._heading.request.prefix

    @cached_property
    def request(self) -> AnyRequest:
        """What was asked, without tokens and passwords."""
        return self._read_request(Written).request

    @property
    def state(self) -> State:
        outcome = self.outcome()
        if outcome:
            return outcome.state
        owner = self._owner()
        return "running" if owner and owner.worker_pid else "queued"

    @property
    def ended(self) -> bool:
        return self.outcome() is not None

    def outcome(self) -> Outcome | None:
        """How it ended; None while it goes on."""
        found = self._written_outcome()
        if found or self.supervised():
            return found
        # It may have written its result and gone between the two looks.
        return self._written_outcome() or self._lost()

    def result(self) -> AnyResult:
        """What the operation returned. Raises what it raised; Busy while it goes on."""
        outcome = self.outcome()
        if outcome is None:
            raise Busy(f"Job {self.id} has not ended yet.", "Wait for it, or follow its events.")
        if outcome.result is not None:
            return outcome.result
        assert outcome.failure is not None
        raise error_from(outcome.failure)

    def events(self, since: int = 0) -> list[NumberedEvent]:
        """All events after number ``since``, as far as they are written."""
        return self.reader(since).new()

    def reader(self, since: int = 0) -> EventReader:
        """For looking again and again, at little cost: each ``new()`` gives what came since the last."""
        return EventReader(self._folder / files.EVENTS, since)

    def follow(self, since: int = 0) -> Iterator[NumberedEvent]:
        """The events after number ``since``, each as it comes, until the job has ended."""
        reader = self.reader(since)
        for ended in self._looks():
            yield from reader.new()
            if ended:
                return

    def wait(self, timeout: float | None = None) -> bool:
        """Until it has ended or ``timeout`` seconds have passed. Returns whether it has ended."""
        give_up = time.monotonic() + timeout if timeout is not None else float("inf")
        return any(ended or time.monotonic() >= give_up for ended in self._looks()) and self.ended

    def cancel(self) -> None:
        """Ask for it to stop; it then ends as ``cancelled``. Nothing happens when it has ended already."""
        if not self.ended:
            files.touch(self._folder / files.CANCEL)

    def supervised(self) -> bool:
        """Whether the process that answers for it lives: by its pid where that means something, else by heartbeat."""
        owner = self._owner()
        if owner and owner.machine == self._machine:
            return processes.started(owner.pid) == owner.started
        return self.silent_for() < DEAD_AFTER

    def here(self) -> bool:
        """Whether it runs, or ran, where its processes can be seen."""
        owner = self._owner()
        return owner is not None and owner.machine == self._machine

    def silent_for(self) -> float:
        """Seconds since the last heartbeat."""
        return self._clock.age(self._folder / files.HEARTBEAT)

    def _looks(self) -> Iterator[bool]:
        """Whether it has ended, again and again, with a pause between."""
        checked = float("-inf")
        while True:
            ended = files.exists_now(self._folder / files.RESULT)
            if not ended and time.monotonic() >= checked + CHECK:
                checked = time.monotonic()
                ended = self.ended
            yield ended
            if not ended:
                time.sleep(LOOK)

    def _lost(self) -> Outcome:
        error = WorkerDied(
            "The job ended without a result: the process that looked after it is gone, because it was killed or the"
            " machine was restarted.",
            "Start the operation again: it first cleans up what was left.",
            last_words=files.tail(self._folder / files.LOG),
        )
        return Outcome(state="failed", time=self._last_beat(), failure=error.failure())

    def _last_beat(self) -> datetime:
        try:
            return datetime.fromtimestamp((self._folder / files.HEARTBEAT).stat().st_mtime, timezone.utc)
        except OSError:
            return self.created

    def _written_outcome(self) -> Outcome | None:
        path = self._folder / files.RESULT
        if not files.exists_now(path):
            return None
        try:
            outcome = stored.decode(path.read_bytes(), Outcome)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError) as error:
            damaged = _damaged(self.id, files.RESULT, error)
            return Outcome(state="failed", time=self.created, failure=damaged.failure())
        return outcome

    def _owner(self) -> Owner | None:
        try:
            return msgspec.json.decode((self._folder / files.OWNER).read_bytes(), type=Owner)
        except (OSError, msgspec.MsgspecError):
            return None

    def _read_request(self, kind: type[_Request]) -> _Request:
        try:
            return stored.decode((self._folder / files.REQUEST).read_bytes(), kind)
        except (OSError, msgspec.MsgspecError) as error:
            raise _damaged(self.id, files.REQUEST, error) from error


def _damaged(job: str, file: str, error: Exception) -> Broken:
    return Broken(
        f"What is on record about job {job} is damaged: {file}: {error}.",
        "The environment itself is not touched by this; look at it, and start the operation again if need be.",
    )
