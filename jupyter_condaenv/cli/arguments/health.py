"""Arguments of what keeps environments and the disk in order."""

from __future__ import annotations

import argparse
from typing import get_args

from ...engine.model import CleanKind
from .parser import Parser
from .shared import detach, environment


def storage(parser: Parser) -> None:
    detach(parser)


def doctor(parser: Parser) -> None:
    environment(parser)
    parser.add_argument("--fix", action="store_true", help="mend what can be mended")
    detach(parser)


def _kind(text: str) -> str:
    """What `clean` deletes. As a type: argparse takes no ``choices`` for what may be left out altogether."""
    if text not in get_args(CleanKind):
        raise argparse.ArgumentTypeError(f"invalid choice: {text!r} (choose from {', '.join(get_args(CleanKind))})")
    return text


def clean(parser: Parser) -> None:
    kinds = ", ".join(get_args(CleanKind))
    parser.add_argument("kinds", nargs="*", type=_kind, metavar="KIND", help=f"one of {kinds}; without any, all")
    parser.add_argument("--preview", action="store_true", help="only show what would be deleted")
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")
    detach(parser)
