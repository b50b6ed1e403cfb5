"""Long polls without a thread each: one task looks at all the jobs that somebody waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from ..engine.errors import CondaEnvError
from ..jobs import Job
from ..jobs.records import ENDED
from .hints import Hint

LOOK = 0.2
"""Seconds between two looks. Each tells at most one hint about a job: five a second."""


class _Watched:
    """A job, and how far it was at the last look."""

    def __init__(self, job: Job) -> None:
        self.hint = Hint(id=job.id, state="queued", number=0)
        self.waiting: set[asyncio.Future[None]] = set()
        self._job = job
        self._events = job.reader()

    def look(self) -> Hint | None:
        """How far it is now; None when it cannot be read any more."""
        try:
            state = self._job.state  # before the events: of a job that has ended none is missed
            numbers = [event.number for event in self._events.new()]
        except (CondaEnvError, OSError):
            return None
        return Hint(id=self._job.id, state=state, number=max(numbers, default=self.hint.number))

    def wake(self) -> None:
        for future in self.waiting:
            if not future.done():
                future.set_result(None)
        self.waiting.clear()


class Watcher:
    """Tells those who ``wait``, and ``tell``, when a job comes further. ``call`` runs a function in a thread."""

    def __init__(
        self,
        call: Callable[[Callable[[], list[Hint | None]]], Awaitable[list[Hint | None]]],
        tell: Callable[[Hint], None],
    ) -> None:
        self._call = call
        self._tell = tell
        self._watched: dict[str, _Watched] = {}
        self._task: asyncio.Task[None] | None = None

    def watch(self, job: Job) -> None:
        """Look at ``job`` until it has ended."""
        if job.id not in self._watched:
            self._watched[job.id] = _Watched(job)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._look_on())

    async def wait(self, job: Job, since: int, seconds: float) -> None:
        """Until ``job`` has an event after number ``since``, or has ended, or ``seconds`` have passed."""
        self.watch(job)
        watched = self._watched[job.id]
        loop = asyncio.get_running_loop()
        give_up = loop.time() + seconds
        while watched.hint.number <= since and self._watched.get(job.id) is watched and loop.time() < give_up:
            future = loop.create_future()
            watched.waiting.add(future)
            await asyncio.wait([future], timeout=give_up - loop.time())
            watched.waiting.discard(future)

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        for id in list(self._watched):
            self._watched.pop(id).wake()

    async def _look_on(self) -> None:
        while self._watched:
            watched = list(self._watched.values())
            hints = await self._call(lambda watched=watched: [one.look() for one in watched])  # type: ignore[misc]
            for one, hint in zip(watched, hints, strict=True):
                self._note(one, hint)
            await asyncio.sleep(LOOK)

    def _note(self, watched: _Watched, hint: Hint | None) -> None:
        changed = hint != watched.hint
        if hint is None or hint.state in ENDED:
            del self._watched[watched.hint.id]
        if not changed:
            return
        if hint is not None:
            watched.hint = hint
            self._tell(hint)
        watched.wake()
