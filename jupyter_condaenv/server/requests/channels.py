"""``channels`` and ``builds``."""

from __future__ import annotations

from ...engine import channel_list, logins
from ...engine.model import BuildPackage, CheckChannels, Login, Settings
from .fields import Body, about_field, check_file, checked_channels


class NewChannel(Body, frozen=True, kw_only=True):
    """A channel, to be searched after the others or, when it is to come `first`, before them. `login` is what its
    server wants to know; it is kept where rattler looks for logins, and never shown."""

    channel: str
    first: bool = False
    login: Login | None = None

    def add(self, settings: Settings) -> None:
        checked_channels((self.channel,), settings, "$.channel")
        if self.login is not None:
            with about_field("$.login"):
                logins.check(self.login)
        channel_list.add(self.channel, settings, first=self.first, login=self.login)


class ChannelsToCheck(Body, frozen=True, kw_only=True):
    """By default the configured ones."""

    channels: tuple[str, ...] = ()

    def request(self, settings: Settings) -> CheckChannels:
        return CheckChannels(channels=checked_channels(self.channels, settings))


class NewBuild(Body, frozen=True, kw_only=True):
    """The packages of `recipe`, a recipe.yaml, a simple meta.yaml, or the folder that has it, to be built into
    `channel`, a directory, by default that of the channel called local: full paths on the server. What the recipe
    requires is looked for there and in `channels`, by default the configured ones."""

    recipe: str
    channel: str = ""
    channels: tuple[str, ...] = ()

    def request(self, settings: Settings) -> BuildPackage:
        check_file(self.recipe, "$.recipe")
        if self.channel:
            check_file(self.channel, "$.channel")
        channels = checked_channels(self.channels, settings)
        return BuildPackage(recipe=self.recipe, channel=self.channel, channels=channels)
