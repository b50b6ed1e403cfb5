"""``channels``: where packages come from when a request does not say."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from ...engine import channels, condarc
from ...engine.model import Settings
from .. import answers
from ..routing import Route, operation
from .base import Handler


class ChannelsHandler(Handler):
    @web.authenticated
    @authorized
    @operation(answer=answers.Channels)
    async def get(self) -> answers.Channels:
        """The configured channels."""
        return await self.service.read(_configured)


def _configured(settings: Settings) -> answers.Channels:
    own = condarc.read()
    names = [member for channel in settings.channels for member in own.members(channel)]
    return answers.Channels(
        channels=tuple(
            answers.Channel(name=name, url=channels.base_url(name, settings.channel_alias, own.custom_channels))
            for name in dict.fromkeys(names)
        ),
        channel_priority=settings.channel_priority,
    )


ROUTES = (Route("channels", ChannelsHandler),)
