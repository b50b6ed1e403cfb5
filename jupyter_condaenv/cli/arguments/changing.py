"""Arguments of what changes the packages of an environment, of its plan and of its explanation."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import get_args

from ...engine.model import Inherited, LibraryPath
from .parser import Parser
from .shared import ENVIRONMENT, SPEC, channels, detach, display_name, environment, file, now, number, pip, strategy


def create_request(parser: Parser) -> None:
    parser.add_argument(
        "environment", nargs="?", default="", metavar="ENV", help=f"{ENVIRONMENT}; a FILE may have a name for it"
    )
    parser.add_argument("specs", nargs="*", metavar="SPEC", help=SPEC)
    channels(
        parser,
        "take packages from this name, URL or directory; the first has priority; instead of the configured ones",
    )
    pip(parser)
    parser.add_argument("--lock", metavar="FILE", help="exactly the packages of this lock, instead of SPEC")
    file(parser, "what this file says, such as environment.yml, @EXPLICIT, conda-lock.yml or pixi.lock")
    strategy(parser)


def stack_request(parser: Parser) -> None:
    environment(parser)
    parser.add_argument("specs", nargs="*", metavar="SPEC", help=SPEC)
    pip(parser)
    parser.add_argument("--on", required=True, metavar="BASE", dest="base", help="the environment it stands on")
    channels(
        parser,
        "take packages from this name, URL or directory; the first has priority; instead of the configured ones",
    )
    strategy(parser)


def _change_options(parser: Parser) -> None:
    channels(parser, "search here too, after the channels of the environment")
    _dependencies(parser)
    strategy(parser)


def _dependencies(parser: Parser) -> None:
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument(
        "--freeze-installed",
        action="store_const",
        const="freeze",
        default="keep",
        dest="dependencies",
        help="what is installed and not named does not move at all; without it, where it must",
    )
    choice.add_argument(
        "--update-deps",
        action="store_const",
        const="update",
        default="keep",
        dest="dependencies",
        help="what the named packages need moves to its newest version too",
    )


def add_request(parser: Parser) -> None:
    environment(parser)
    parser.add_argument("specs", nargs="*", metavar="SPEC", help=SPEC)
    pip(parser)
    file(parser, "add what this file asks for, such as environment.yml or requirements.txt, with its channels")
    _change_options(parser)


def remove_request(parser: Parser) -> None:
    environment(parser)
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", help="name of a package, also of one of pip's")


def update_request(parser: Parser) -> None:
    environment(parser)
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", help="name of a package that may move")
    parser.add_argument("--all", action="store_true", help="all packages may")
    file(parser, "add what this file asks for, such as environment.yml, with its channels")
    parser.add_argument(
        "--prune",
        action="store_true",
        help="from now on nothing else than FILE says is asked for: what it does not need goes, and its channels count",
    )
    _change_options(parser)


def change_request(parser: Parser) -> None:
    environment(parser)
    parser.add_argument("--add", action="append", default=[], metavar="SPEC", help=SPEC)
    pip(parser)
    parser.add_argument("--update", action="append", default=[], metavar="PACKAGE", help="this package may move")
    parser.add_argument("--remove", action="append", default=[], metavar="PACKAGE", help="take this package out")
    _change_options(parser)


def rollback_request(parser: Parser) -> None:
    environment(parser)
    parser.add_argument(
        "revision",
        nargs="?",
        type=number,
        default=0,
        metavar="N",
        help="number of the revision, as `history` shows it; without it the last that is not as things are now",
    )


def create(parser: Parser) -> None:
    create_request(parser)
    display_name(parser)
    detach(parser)


def stack(parser: Parser) -> None:
    stack_request(parser)
    display_name(parser)
    detach(parser)


def add(parser: Parser) -> None:
    add_request(parser)
    now(parser)
    detach(parser)


def remove(parser: Parser) -> None:
    remove_request(parser)
    now(parser)
    detach(parser)


def update(parser: Parser) -> None:
    update_request(parser)
    now(parser)
    detach(parser)


def change(parser: Parser) -> None:
    change_request(parser)
    now(parser)
    detach(parser)


def rollback(parser: Parser) -> None:
    rollback_request(parser)
    now(parser)
    detach(parser)


def delete(parser: Parser) -> None:
    environment(parser)
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")
    detach(parser)


def planned(request: Callable[[Parser], None]) -> Callable[[Parser], None]:
    def build(parser: Parser) -> None:
        request(parser)
        parser.add_argument("-o", "--output", metavar="FILE", help="write the plan here, for `apply`")

    return build


def explained(request: Callable[[Parser], None]) -> Callable[[Parser], None]:
    def build(parser: Parser) -> None:
        request(parser)
        _seconds(parser)

    return build


def _seconds(parser: Parser) -> None:
    parser.add_argument(
        "--seconds", type=_time, default=60.0, metavar="S", help="for how long ways out are tried; 60 by default"
    )


def _time(text: str) -> float:
    """At most an hour."""
    seconds = float(text)
    if not 0 < seconds <= 3600:
        raise ValueError
    return seconds


def why_not(parser: Parser) -> None:
    environment(parser)
    parser.add_argument("spec", metavar="SPEC", help='what is missed, such as "numpy=2"')
    _seconds(parser)


def apply(parser: Parser) -> None:
    parser.add_argument("plan", metavar="FILE", help="a plan written by `plan ... -o FILE`")
    now(parser)
    detach(parser)


def apply_deferred(parser: Parser) -> None:
    environment(parser)
    parser.add_argument(
        "--in-a-line",
        action="store_true",
        help="say in one line what was done or why not, as a kernel that starts tells it",
    )
    detach(parser)


def drop_deferred(parser: Parser) -> None:
    environment(parser)
    detach(parser)


def kernel(parser: Parser) -> None:
    environment(parser)
    display_name(parser)
    parser.add_argument(
        "--library-path",
        choices=get_args(LibraryPath),
        default="",
        help="LD_LIBRARY_PATH: leave it alone, put the environment's lib in front, or take away what the server has",
    )
    parser.add_argument(
        "--always-run",
        action=argparse.BooleanOptionalAction,
        help="run activation scripts at each start, also where nothing they depend on has changed",
    )
    parser.add_argument(
        "--inherit",
        action="append",
        choices=[*get_args(Inherited), "nothing"],
        help="have this as the server has it (repeatable; CONDA: on top of what is active there); nothing: as at first",
    )
    detach(parser)
