"""``openapi.json``: what all this is, for programs."""

from __future__ import annotations

from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from ..openapi import DOCUMENT
from ..routing import Route, operation
from .base import Handler


class DescriptionHandler(Handler):
    @web.authenticated
    @authorized
    @operation(answer=dict[str, Any])
    async def get(self) -> dict[str, Any]:
        """This OpenAPI document."""
        described: dict[str, Any] = self.settings[DOCUMENT]
        return described


ROUTES = (Route("openapi.json", DescriptionHandler),)
