"""``configuration``: what applies, and who says so."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from ... import config
from ...engine import condarc
from ...engine.model import Settings
from ...jobs.records import without_secrets
from .. import answers
from ..routing import Route, operation
from .base import Handler


class ConfigurationHandler(Handler):
    @web.authenticated
    @authorized
    @operation(answer=answers.Configuration)
    async def get(self) -> answers.Configuration:
        """What applies when a request is silent."""
        return await self.service.read(_configuration)


def _configuration(settings: Settings) -> answers.Configuration:
    own = condarc.read()
    return answers.Configuration(
        settings=without_secrets(settings),
        condarc=condarc.shown(own),
        unused=condarc.unused(own),
        sources=(*condarc.sources(), *config.sources()),
    )


ROUTES = (Route("configuration", ConfigurationHandler),)
