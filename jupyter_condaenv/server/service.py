"""What the handlers share: the configuration, a few threads, and the jobs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from ..config import CondaEnv
from ..engine.model import AnyRequest, Settings
from ..jobs import Job, Jobs
from . import answers
from .hints import Hint
from .watch import Watcher

SERVICE = "jupyter_condaenv_service"
"""Where the handlers find the Service in the server's settings."""
THREADS = 4
"""That read files and start jobs. What they do takes milliseconds; more requests than this wait in line."""

P = ParamSpec("P")
T = TypeVar("T")


class Service:
    """``configuration`` reads the configuration; ``tell`` is called with a hint whenever a job has come further."""

    def __init__(self, configuration: Callable[[], CondaEnv], tell: Callable[[Hint], None]) -> None:
        self._read_configuration = configuration
        self._configuration: CondaEnv | None = None
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="condaenv")
        self._watcher = Watcher(self.call, tell)

    def settings(self) -> Settings:
        """As they are now: ``.condarc`` may have been edited since the server was started. Raises InvalidRequest."""
        return self.configuration().settings()

    def configuration(self) -> CondaEnv:
        """One that cannot be used is read again until it can. Raises InvalidRequest."""
        if self._configuration is None:
            self._configuration = self._read_configuration()
        return self._configuration

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What ``function`` returns, called where it may block."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, lambda: function(*args, **kwargs))

    async def read(self, function: Callable[[Settings], T]) -> T:
        """What ``function`` returns for the present settings, called where it may block."""
        return await self.call(lambda: function(self.settings()))

    async def start(self, make: Callable[[Settings], AnyRequest]) -> answers.JobSummary:
        """Have a job perform the request that ``make`` returns."""
        job, summary = await self.read(lambda settings: _started(make, settings))
        self._watcher.watch(job)
        return summary

    async def follow(self, id: str, since: int, wait: float) -> answers.JobHistory:
        """The job and its events after number ``since``; where there are none, those that come within ``wait``
        seconds."""
        job, history = await self.read(lambda settings: _history(id, since, settings))
        if wait and not history.events and history.outcome is None:
            await self._watcher.wait(job, since, wait)
            _, history = await self.read(lambda settings: _history(id, since, settings))
        return history

    async def stop(self) -> None:
        """Requests that are still on their way are answered: the threads end with the process, not here."""
        await self._watcher.stop()


def _started(make: Callable[[Settings], AnyRequest], settings: Settings) -> tuple[Job, answers.JobSummary]:
    job = Jobs(settings).start(make(settings))
    return job, answers.summary(job)


def _history(id: str, since: int, settings: Settings) -> tuple[Job, answers.JobHistory]:
    job = Jobs(settings).get(id)
    return job, answers.history(job, since)
