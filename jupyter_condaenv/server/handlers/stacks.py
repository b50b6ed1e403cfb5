"""``stacks``: environments that stand on another one. What is in one is read and changed at ``environments``."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from ...engine.model import Settings
from .. import answers
from ..requests.environments import NewStack
from ..routing import Route, operation
from .base import Handler
from .environments import listed


class StacksHandler(Handler):
    @web.authenticated
    @authorized
    @operation(answer=answers.Environments)
    async def get(self) -> answers.Environments:
        """All environments that stand on another one."""
        return await self.service.read(_stacks)

    @web.authenticated
    @authorized
    @operation(body=NewStack, answer=answers.JobSummary, status=202)
    async def post(self, body: NewStack) -> answers.JobSummary:
        """Stack packages on an environment."""
        return await self.service.start(body.request)


def _stacks(settings: Settings) -> answers.Environments:
    return answers.Environments(environments=tuple(one for one in listed(settings).environments if one.base))


ROUTES = (Route("stacks", StacksHandler),)
