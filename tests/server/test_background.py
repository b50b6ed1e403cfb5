"""What a server does unasked: looking for environments that others have made."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from jupyter_condaenv.config import CondaEnv
from jupyter_condaenv.engine import environments, places
from jupyter_condaenv.engine.errors import InvalidRequest
from jupyter_condaenv.engine.model import Settings
from jupyter_condaenv.jobs import Jobs
from jupyter_condaenv.server import background
from jupyter_condaenv.server.hints import Hint
from jupyter_condaenv.server.service import THREADS, Service
from tests.kernels.test_offers import with_kernel

PATIENCE = 60.0
"""Seconds."""


class Running:
    """A server's service and its scanner, and what is told of jobs."""

    def __init__(self, settings: Callable[[], Settings]) -> None:
        class Configured(CondaEnv):
            def settings(self) -> Settings:
                return settings()

        self.service = Service(Configured, self._tell)
        self.scanner = background.Scanner(self.service)
        self._done: asyncio.Queue[str] = asyncio.Queue()

    def _tell(self, hint: Hint) -> None:
        if hint.state == "succeeded":
            self._done.put_nowait(hint.id)

    async def __aenter__(self) -> Running:
        self.scanner.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.scanner.stop()
        await self.service.stop()

    async def next(self) -> str:
        """The next job that has gone well."""
        return await asyncio.wait_for(self._done.get(), PATIENCE)


@pytest.fixture
def own(site: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Of a server that was started a while ago."""
    monkeypatch.setattr(background, "SETTLED", 0.0)
    return replace(site, find=(f"{tmp_path}/*/envs/*",), find_every=600.0)


def test_environments_are_looked_for_once_in_a_while(own: Settings, tmp_path: Path) -> None:
    theirs = with_kernel(tmp_path / "miniforge3" / "envs" / "theirs")

    async def run() -> None:
        assert places.scanned(own) == 0
        async with Running(lambda: own) as one:
            await one.next()
            assert [known.prefix for known in environments.list_environments(own)] == [str(theirs)]
            assert len(list(Path(own.kernels_dir).iterdir())) == 1
            # Another server of the same home need not look as well.
            assert 0 < await Running(lambda: own).scanner.scan_if_due() <= 600
        assert len(Jobs(own).list()) == 1

    asyncio.run(run())


def test_of_many_scans_one_is_remembered(own: Settings) -> None:
    often = replace(own, find_every=0.1)

    async def run() -> None:
        async with Running(lambda: often) as one:
            done = [await one.next(), await one.next(), await one.next()]
            assert len(set(done)) == 3
            left = {job.id for job in Jobs(often).list()}
            assert not set(done[:2]) & left

    asyncio.run(run())


def test_who_wants_none_has_none(own: Settings) -> None:
    async def run() -> None:
        assert await Running(lambda: replace(own, find_every=0.0)).scanner.scan_if_due() == background.IDLE
        assert not Jobs(own).list()

    asyncio.run(run())


def test_settings_that_cannot_be_used_are_tried_again(own: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "IDLE", 0.0)
    asked: list[int] = []

    def settings() -> Settings:
        asked.append(1)
        if len(asked) < 3:
            raise InvalidRequest("no")
        return own

    async def run() -> None:
        async with Running(settings) as one:
            await one.next()

    asyncio.run(run())


def test_a_request_on_its_way_is_answered_while_the_server_ends(own: Settings) -> None:
    async def run() -> None:
        may_go = threading.Event()
        service = Running(lambda: own).service
        asked = [asyncio.create_task(service.call(may_go.wait, PATIENCE)) for _ in range(THREADS + 1)]
        await asyncio.sleep(0)  # each has asked now, and the last one waits for a thread
        await service.stop()
        asked.append(asyncio.create_task(service.call(may_go.wait, PATIENCE)))
        await asyncio.sleep(0)
        may_go.set()
        assert await asyncio.gather(*asked) == [True] * (THREADS + 2)

    asyncio.run(run())
