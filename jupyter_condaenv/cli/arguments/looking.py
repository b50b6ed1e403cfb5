"""Arguments of what looks at environments and channels, and writes down what is there."""

from __future__ import annotations

from typing import get_args

from ...engine.model import ExportFormat, LockFormat, Platform
from .parser import Parser
from .shared import ENVIRONMENT, channels, detach, environment, number, of_file, strategy


def diff(parser: Parser) -> None:
    environment(parser)
    parser.add_argument("one", type=number, metavar="A", help="number of a revision, as `history` shows it")
    parser.add_argument("other", type=number, metavar="B", help="number of another one")


def search(parser: Parser) -> None:
    parser.add_argument("query", nargs="*", metavar="QUERY", help="words to look for in names and summaries")
    channels(parser, "search this name, URL or directory; instead of the configured ones")
    parser.add_argument("--limit", type=number, default=20, metavar="N", help="show at most N packages (20)")
    parser.add_argument("--offset", type=_count, default=0, metavar="N", help="leave out the first N packages")
    parser.add_argument("--versions", action="store_true", help="show all versions of the package that is called so")
    parser.add_argument("--env", metavar="ENV", help="say which version fits into this environment as it is")
    parser.add_argument("--refresh", action="store_true", help="look first what is new in the channels")


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError
    return number


def why(parser: Parser) -> None:
    environment(parser)
    parser.add_argument("package", metavar="PACKAGE", help="name of a package")


def lock_request(parser: Parser) -> None:
    parser.add_argument("environment", nargs="?", default="", metavar="ENV", help=ENVIRONMENT)
    parser.add_argument(
        "--platform",
        action="append",
        choices=get_args(Platform),
        default=[],
        dest="platforms",
        help="solve for such a machine; several times: one lock for all of them",
    )
    parser.add_argument(
        "-f", "--file", metavar="FILE", help="lock what this file asks for, such as environment.yml, instead of ENV"
    )
    of_file(parser)
    channels(parser, "with --platform or --file: take packages from here, instead of from where ENV has them")
    strategy(
        parser,
        "a machine that is locked for has this: linux-64:__cuda=12.4; with one --platform, __cuda=12.4 is enough",
    )


def lock(parser: Parser) -> None:
    lock_request(parser)
    parser.add_argument(
        "--format", choices=get_args(LockFormat), default="", help="with --platform or --file; without it, conda-lock"
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="write the lock here; without it, to standard output")
    detach(parser)


def export(parser: Parser) -> None:
    environment(parser)
    parser.add_argument(
        "--format", choices=get_args(ExportFormat), default="environment.yml", help="without it, environment.yml"
    )
    wanted = parser.add_mutually_exclusive_group()
    for option, value, text in (
        (
            "--from-history",
            "history",
            "what conda's history says was asked for: as without this, but for environments of pixi, which has none",
        ),
        ("--pinned", "pinned", "each package at its version"),
        ("--builds", "builds", "each package at its version and build"),
    ):
        wanted.add_argument(
            option, action="store_const", const=value, dest="wanted", default="asked", help=f"environment.yml: {text}"
        )
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="write it here; without it, to standard output. dockerfile and github-workflow: the folder for it and "
        "the lock that it reads",
    )
