"""Arguments of what runs in an environment, and beside it."""

from __future__ import annotations

import argparse

from ...engine.activation.shells import SHELLS
from .parser import Parser
from .shared import environment


def run(parser: Parser) -> None:
    environment(parser)
    parser.add_argument(
        "command", nargs=argparse.REMAINDER, metavar="-- COMMAND ...", help="what to run, and with what"
    )


def activate(parser: Parser) -> None:
    environment(parser)
    parser.add_argument("--shell", choices=SHELLS, default="", help="whose language; without it that of $SHELL")


def generate_config(parser: Parser) -> None:
    parser.add_argument("-y", "--yes", action="store_true", help="also in place of one that is there")
