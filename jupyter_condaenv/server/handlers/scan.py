"""``scan``: looking for environments that others have made."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from ...engine.model import Scan
from .. import answers
from ..requests.fields import Body
from ..routing import Route, operation
from .base import Handler


class ScanHandler(Handler):
    @web.authenticated
    @authorized
    @operation(body=Body, answer=answers.JobSummary, status=202)
    async def post(self, _body: Body) -> answers.JobSummary:
        """Look for environments that others have made, and make them kernels. `environments` then lists them."""
        return await self.service.start(lambda _settings: Scan())


ROUTES = (Route("scan", ScanHandler),)
