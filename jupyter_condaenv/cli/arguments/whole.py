"""Arguments of what takes an environment as a whole: copies, archives, and what is noted of it."""

from __future__ import annotations

from .parser import Parser
from .shared import ENVIRONMENT, detach, display_name, environment


def clone(parser: Parser) -> None:
    parser.add_argument("source", metavar="SOURCE", help="the environment that is cloned, which stays as it is")
    parser.add_argument("environment", metavar="ENV", help=ENVIRONMENT)
    display_name(parser)
    detach(parser)


def move(parser: Parser) -> None:
    environment(parser)
    parser.add_argument("target", metavar="NEW", help="its new name, or its new path")
    detach(parser)


def adopt(parser: Parser) -> None:
    environment(parser)
    display_name(parser)
    detach(parser)


def pack(parser: Parser) -> None:
    environment(parser)
    parser.add_argument("output", metavar="FILE", help="such as geo.tar.gz, geo.zip or geo.squashfs")
    parser.add_argument("--force", action="store_true", help="also in the place of a file that is there")
    detach(parser)


def unpack(parser: Parser) -> None:
    parser.add_argument("archive", metavar="FILE", help="written by `pack` or by conda-pack")
    environment(parser)
    display_name(parser)
    detach(parser)


def annotate(parser: Parser) -> None:
    environment(parser)
    detach(parser)


def freeze(parser: Parser) -> None:
    environment(parser)
    parser.add_argument("-m", "--message", default="", metavar="TEXT", help="why; whoever wants to change it is told")
    detach(parser)


def tags(parser: Parser) -> None:
    environment(parser)
    parser.add_argument("tags", nargs="+", metavar="TAG", help="a word, such as prod or 2026-teaching")
    detach(parser)


def note(parser: Parser) -> None:
    environment(parser)
    parser.add_argument("text", metavar="TEXT", help='what it is for, or whose it is; "" takes the note away')
    detach(parser)
