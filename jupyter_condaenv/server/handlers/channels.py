"""``channels``: where packages come from when a request does not say."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from msgspec.structs import replace
from tornado import web

from ...engine import channel_list
from ...engine.model import Settings
from .. import answers
from ..requests.channels import ChannelsToCheck, NewBuild, NewChannel
from ..routing import Route, operation
from .base import Handler


class ChannelsHandler(Handler):
    @web.authenticated
    @authorized
    @operation(answer=answers.Channels)
    async def get(self) -> answers.Channels:
        """The configured channels."""
        return await self.service.read(_configured)

    @web.authenticated
    @authorized
    @operation(body=NewChannel, answer=answers.Channels)
    async def post(self, body: NewChannel) -> answers.Channels:
        """Add a channel to `~/.condarc`, and keep its login; the answer is what is configured then."""
        await self.service.read(body.add)
        return await self.service.read(_configured)


class ChannelHandler(Handler):
    @web.authenticated
    @authorized
    @operation(answer=answers.Channels)
    async def delete(self, channel: str) -> answers.Channels:
        """Take a channel out of `~/.condarc`; the answer is what is configured then, and whether its login is kept."""
        kept = await self.service.read(lambda settings: channel_list.remove(channel, settings))
        return replace(await self.service.read(_configured), login_kept=kept)


class LoginHandler(Handler):
    @web.authenticated
    @authorized
    @operation(answer=answers.Channels)
    async def delete(self, channel: str) -> answers.Channels:
        """Forget the login that is kept for the host of a channel, which need not be configured any more."""
        forgotten = await self.service.read(lambda settings: channel_list.logout(channel, settings))
        return replace(await self.service.read(_configured), login_forgotten=forgotten)


class ChecksHandler(Handler):
    @web.authenticated
    @authorized
    @operation(body=ChannelsToCheck, answer=answers.JobSummary, status=202)
    async def post(self, body: ChannelsToCheck) -> answers.JobSummary:
        """Ask channels whether packages can be had from them."""
        return await self.service.start(body.request)


class BuildsHandler(Handler):
    @web.authenticated
    @authorized
    @operation(body=NewBuild, answer=answers.JobSummary, status=202)
    async def post(self, body: NewBuild) -> answers.JobSummary:
        """Build the packages of a recipe into a channel that is a directory."""
        return await self.service.start(body.request)


def _configured(settings: Settings) -> answers.Channels:
    return answers.Channels(
        channels=channel_list.configured(settings),
        channel_priority=settings.channel_priority,
        refused=channel_list.refusal(settings),
    )


ROUTES = (
    Route("channels", ChannelsHandler),
    Route("channels/{channel}", ChannelHandler),
    Route("channels/{channel}/login", LoginHandler),
    Route("channel-checks", ChecksHandler),
    Route("builds", BuildsHandler),
)
