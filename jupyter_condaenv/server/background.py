"""What a server does unasked: now and then it has a job look which environments there are."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

from ..engine import places
from ..engine.errors import CondaEnvError
from ..engine.model import Scan, Settings
from ..jobs import Jobs
from .service import Service

SETTLED = 10.0
"""Seconds after its start at which a server is taken to have opened its first page."""
IDLE = 60.0
"""Seconds after which settings that have no use for this, or cannot be used, are read again."""


class Scanner:
    """Starts a scan whenever the last one, by whichever program, is longer ago than the settings say."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._last = ""
        """The job of the last scan that was started here."""
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._go_on())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _go_on(self) -> None:
        pause = SETTLED
        while True:
            await asyncio.sleep(pause)
            try:
                pause = await self.scan_if_due()
            except CondaEnvError:
                pause = IDLE  # whoever asks for something is told

    async def scan_if_due(self) -> float:
        """Start one if it is time. Returns the seconds until it may be due again. Raises CondaEnvError."""
        settings, due = await self._service.read(lambda settings: (settings, _due_in(settings)))
        # Forgotten, else what is done unasked would be all that is remembered in the end.
        if due <= 0 and await self._service.call(lambda: Jobs(settings).forget(self._last)):
            self._last = (await self._service.start(lambda _settings: Scan())).id
            return settings.find_every
        return min(max(due, 1.0), IDLE)


def _due_in(settings: Settings) -> float:
    """Seconds until the next scan is due, as far as that can be said."""
    if not settings.find_every:
        return IDLE
    return settings.find_every - (time.time() - places.scanned(settings))
