"""Commands about channels and what applies where a command is silent."""

from __future__ import annotations

import getpass
import sys
from argparse import Namespace

import msgspec

from ... import config
from ...engine import paths
from ...engine.errors import InvalidRequest
from ...engine.model import BuildPackage, CheckChannels, Checked, Login
from .. import answers
from ..exits import Exit
from ..output import Output
from .common import configured, perform
from .requests import from_root


def channel_list(_arguments: Namespace, output: Output) -> None:
    output.result(_configured_channels())


def channel_add(arguments: Namespace, output: Output) -> None:
    from ...engine import channel_list

    (channel,) = from_root([arguments.channel])
    channel_list.add(channel, configured(), first=arguments.first, login=login_of(arguments))
    output.result(_configured_channels())


def channel_remove(arguments: Namespace, output: Output) -> None:
    from ...engine import channel_list

    (channel,) = from_root([arguments.channel])
    kept = channel_list.remove(channel, configured())
    output.result(msgspec.structs.replace(_configured_channels(), login_kept=kept))


def channel_logout(arguments: Namespace, output: Output) -> None:
    from ...engine import channel_list

    (channel,) = from_root([arguments.channel])
    forgotten = channel_list.logout(channel, configured())
    output.result(msgspec.structs.replace(_configured_channels(), login_forgotten=forgotten))


def channel_check(arguments: Namespace, output: Output) -> int:
    """Ends with ``CHANNEL`` where packages cannot be had from one of them."""
    result = perform(CheckChannels(channels=from_root(arguments.channels)), configured(), arguments, output)
    failing = isinstance(result, Checked) and any(one.problem for one in result.channels)
    return Exit.CHANNEL if failing else Exit.OK


def build(arguments: Namespace, output: Output) -> None:
    request = BuildPackage(
        recipe=paths.absolute(arguments.recipe),
        channel=paths.absolute(arguments.into) if arguments.into else "",
        channels=from_root(arguments.channels),
    )
    perform(request, configured(), arguments, output)


def config_show(arguments: Namespace, output: Output) -> None:
    from ...engine import condarc
    from ...jobs.records import without_secrets

    own = condarc.read()
    output.result(
        answers.Configuration(
            settings=without_secrets(configured()),
            condarc=condarc.shown(own),
            unused=condarc.unused(own),
            sources=(*condarc.sources(), *config.sources()) if arguments.sources else (),
        )
    )


def _configured_channels() -> answers.Channels:
    from ...engine import channel_list

    settings = configured()
    return answers.Channels(
        channels=channel_list.configured(settings),
        channel_priority=settings.channel_priority,
        refused=channel_list.refusal(settings),
    )


def login_of(arguments: Namespace) -> Login | None:
    """With a secret that was never in an argument, where every process could read it."""
    if arguments.user:
        return Login(username=arguments.user, password=_secret("Password"))
    if arguments.conda_token:
        return Login(conda_token=_secret("Token"))
    if arguments.bearer_token:
        return Login(bearer_token=_secret("Token"))
    return None


def _secret(what: str) -> str:
    """Typed by a person without being shown, or the first line of standard input."""
    if sys.stdin.isatty():
        secret = getpass.getpass(f"{what}: ", stream=sys.stderr)
    else:
        secret = sys.stdin.readline().rstrip("\r\n")
    if not secret:
        raise InvalidRequest(f"No {what.lower()} was given.", "Type it, or send it through standard input.")
    return secret
