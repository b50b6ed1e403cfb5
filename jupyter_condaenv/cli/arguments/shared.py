"""Arguments that several commands have."""

from __future__ import annotations

from typing import get_args

from ...engine.model import ChannelPriority, Resolution
from .parser import Parser

ENVIRONMENT = "name of the environment, or its path (anything with a slash in it)"
SPEC = 'what to look for, such as numpy, "numpy>=1.20,<3" or conda-forge::numpy'


def environment(parser: Parser) -> None:
    parser.add_argument("environment", metavar="ENV", help=ENVIRONMENT)


def channels(parser: Parser, text: str) -> None:
    parser.add_argument("-c", "--channel", action="append", default=[], metavar="CHANNEL", dest="channels", help=text)


def strategy(parser: Parser, virtual: str = "") -> None:
    parser.add_argument(
        "--channel-priority",
        choices=get_args(ChannelPriority),
        default="",
        help="whether a later channel counts where an earlier one has a package of that name",
    )
    parser.add_argument(
        "--resolution",
        choices=get_args(Resolution),
        default="",
        help="take the newest versions that fit (the default), the oldest, or the oldest of SPEC alone",
    )
    parser.add_argument(
        "--exclude-newer",
        default="",
        metavar="WHEN",
        help='leave out what is newer than a date, a time or an age: 2026-03-31, "7 days"',
    )
    parser.add_argument(
        "--exclude-newer-except",
        action="append",
        default=[],
        metavar="PACKAGE",
        help="this package may be newer all the same",
    )
    parser.add_argument(
        "--virtual",
        action="append",
        default=[],
        metavar="PACKAGE=VERSION",
        help=virtual or "for a machine that has this, such as __cuda=12.4 (`__cuda=`: none), whatever this one has",
    )


def pip(parser: Parser) -> None:
    parser.add_argument(
        "--pip",
        action="append",
        default=[],
        metavar="REQ",
        help="have pip install this beside conda's packages, none of which it replaces",
    )


def file(parser: Parser, text: str) -> None:
    """``--file FILE``, and what goes with it."""
    parser.add_argument("-f", "--file", metavar="FILE", help=text)
    of_file(parser)


def of_file(parser: Parser) -> None:
    """What goes with ``--file FILE``."""
    parser.add_argument("--without-pip", action="store_true", help="leave out what FILE has for pip")
    parser.add_argument(
        "--environment",
        default="",
        metavar="NAME",
        dest="file_environment",
        help="which one, where FILE is a pixi.lock or a manifest of pixi; without it, default",
    )


def detach(parser: Parser) -> None:
    parser.add_argument("--detach", action="store_true", help="start the job, print its id and return at once")


def now(parser: Parser) -> None:
    parser.add_argument(
        "--now",
        action="store_true",
        help="also while a kernel runs that may have loaded what goes or moves; else that waits for its next start",
    )


def display_name(parser: Parser) -> None:
    parser.add_argument("--display-name", default="", metavar="TEXT", help="the kernel's name in launchers")


def number(text: str) -> int:
    """The number of a revision; they begin at 1."""
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def nothing(parser: Parser) -> None:
    """For commands that have none."""
