"""``storage``: how much room environments and the package cache take, as it was measured last, and making some."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from ...engine import storage
from ...engine.model import MeasureStorage, Storage
from .. import answers
from ..requests.fields import Body
from ..requests.storage import NewCleaning
from ..routing import Route, operation
from .base import Handler


class StorageHandler(Handler):
    @web.authenticated
    @authorized
    @operation(answer=Storage | None)
    async def get(self) -> Storage | None:
        """What was measured last; null where nothing was yet."""
        return await self.service.read(storage.latest)

    @web.authenticated
    @authorized
    @operation(body=Body, answer=answers.JobSummary, status=202)
    async def post(self, _body: Body) -> answers.JobSummary:
        """Measure."""
        return await self.service.start(lambda _settings: MeasureStorage())


class CleaningsHandler(Handler):
    @web.authenticated
    @authorized
    @operation(body=NewCleaning, answer=answers.JobSummary, status=202)
    async def post(self, body: NewCleaning) -> answers.JobSummary:
        """Delete what nobody needs, or say what that is."""
        return await self.service.start(body.request)


ROUTES = (Route("storage", StorageHandler), Route("storage/cleanings", CleaningsHandler))
