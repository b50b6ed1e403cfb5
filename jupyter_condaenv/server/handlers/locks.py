"""``locks``: what environments would consist of on machines of other platforms, in one file.

A lock is made by a job, and ``{lock}`` is that job's id.
"""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from ...engine.errors import NotFound
from ...engine.model import Locked, LockFile, Settings
from ...jobs import Jobs
from .. import answers
from ..requests.locks import NewLock
from ..routing import Route, operation
from .base import Handler


class LocksHandler(Handler):
    @web.authenticated
    @authorized
    @operation(body=NewLock, answer=answers.JobSummary, status=202)
    async def post(self, body: NewLock) -> answers.JobSummary:
        """Make one lock for several platforms."""
        return await self.service.start(body.request)


class PlatformsLockHandler(Handler):
    @web.authenticated
    @authorized
    @operation(answer=LockFile)
    async def get(self, lock: str) -> LockFile:
        """Such a lock; `busy` while it is being made, or the error that came of it."""
        return await self.service.read(lambda settings: _lock(lock, settings))


def _lock(id: str, settings: Settings) -> LockFile:
    job = Jobs(settings).get(id)
    if job.verb != "lock":
        raise NotFound(f"The job {id} made no lock.", "Make one by POST to locks.")
    result = job.result()
    assert isinstance(result, Locked)
    return result.file


ROUTES = (
    Route("locks", LocksHandler),
    Route("locks/{lock}", PlatformsLockHandler),
)
