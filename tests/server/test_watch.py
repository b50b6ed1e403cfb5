"""How often clients are told that a job has come further."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise
from typing import TypeVar

from jupyter_condaenv.engine.model import CreateEnvironment, Settings
from jupyter_condaenv.jobs import Jobs
from jupyter_condaenv.jobs.records import ENDED
from jupyter_condaenv.server.hints import Hint
from jupyter_condaenv.server.watch import LOOK, Watcher

T = TypeVar("T")


def test_a_flood_of_events_is_few_hints(settings: Callable[..., Settings]) -> None:
    """Five a second at most, of which the last one says how it ended."""
    jobs = Jobs(settings(), perform="tests.jobs.performances:floods")

    async def watched() -> list[tuple[float, Hint]]:
        loop = asyncio.get_running_loop()

        async def call(function: Callable[[], T]) -> T:
            return await loop.run_in_executor(None, function)

        told: list[tuple[float, Hint]] = []
        watcher = Watcher(call, lambda hint: told.append((loop.time(), hint)))
        watcher.watch(job)
        while not told or told[-1][1].state not in ENDED:
            await watcher.wait(job, since=told[-1][1].number if told else 0, seconds=60)
        await watcher.stop()
        return told

    job = jobs.start(CreateEnvironment(prefix="/nowhere/a"))
    told = asyncio.run(watched())
    times, hints = zip(*told, strict=True)
    assert all(later - earlier > 0.95 * LOOK for earlier, later in pairwise(times))
    assert len(hints) < len(job.events())
    assert (hints[-1].state, hints[-1].number) == ("succeeded", job.events()[-1].number)
