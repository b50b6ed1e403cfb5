"""Arguments of what is about channels, and the configuration that names them."""

from __future__ import annotations

from .parser import Parser
from .shared import channels, detach


def build(parser: Parser) -> None:
    parser.add_argument("recipe", metavar="RECIPE", help="a recipe.yaml, a simple meta.yaml, or the folder")
    parser.add_argument("--into", default="", metavar="DIR", help="the channel's directory; that of `local` by default")
    channels(parser, "look here for what the recipe requires; instead of the configured channels")
    detach(parser)


def channel(parser: Parser) -> None:
    parser.add_argument("channel", metavar="CHANNEL", help="name, URL or directory of a channel")


def channel_add(parser: Parser) -> None:
    parser.secrets = "A password or a token is no argument: it is asked for, or read from standard input."
    channel(parser)
    parser.add_argument("--first", action="store_true", help="before the others, instead of after them")
    login = parser.add_mutually_exclusive_group()
    login.add_argument("--user", default="", metavar="NAME", help="log in by this name; its password is asked for")
    login.add_argument(
        "--conda-token", action="store_true", help="log in by a token that stands in URLs behind /t/; it is asked for"
    )
    login.add_argument(
        "--bearer-token", action="store_true", help="log in by a token that is sent as a header; it is asked for"
    )


def channel_check(parser: Parser) -> None:
    parser.add_argument(
        "channels", nargs="*", metavar="CHANNEL", help="name, URL or directory; without it, the configured ones"
    )
    detach(parser)


def config_show(parser: Parser) -> None:
    parser.add_argument("--sources", action="store_true", help="what each file and variable says")
