"""The command: `python -m tests.channel [build|serve|list]`."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from .build import build, home
from .server import ChannelServer


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    options = _parser().parse_args(arguments)
    log = partial(print, file=sys.stderr, flush=True)
    try:
        channel = build(options.dest, options.python, log, refresh=options.refresh)
        if options.command == "serve":
            _serve(channel, options)
        elif options.command == "list":
            _list(channel)
        else:
            print(channel)
    except RuntimeError as error:
        log(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.channel",
        description="Builds a conda channel of real packages from this machine's Pythons and "
        "libraries and from wheels that pip downloads. What is unchanged is not built again. "
        "Prints the channel's directory; progress goes to standard error.",
        epilog=f"Everything is kept in {home()} (choose with $CONDAENV_TEST_CHANNEL); deleting that folder is safe.",
    )
    _add_choices(parser)
    parser.set_defaults(dest=None, python="running", refresh=False)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    build_ = commands.add_parser("build", help="build it or bring it up to date (the default)")
    serve = commands.add_parser("serve", help="build, then serve over HTTP until interrupted")
    list_ = commands.add_parser("list", help="build, then list the packages with their sizes")
    for command in (build_, serve, list_):
        _add_choices(command)
    serve.add_argument("--port", type=int, default=0, help="default: any free one")
    serve.add_argument("--token", help="ask for this token, as /t/TOKEN/, bearer or password")
    serve.add_argument("--latency", type=float, default=0, metavar="MS", help="milliseconds before every answer")
    return parser


def _add_choices(parser: argparse.ArgumentParser) -> None:
    """Options that may stand before or after the command; so none has a default of its own."""
    suppress = argparse.SUPPRESS
    parser.add_argument(
        "--dest",
        type=Path,
        default=suppress,
        metavar="DIR",
        help="the channel directory (default: one for each Python and choice, below the home)",
    )
    parser.add_argument(
        "--python",
        default=suppress,
        metavar="WHICH",
        help="running (default), two (and one more from 3.10 on), all, or minors such as 3.12,3.13",
    )
    parser.add_argument("--refresh", action="store_true", default=suppress, help="ask pip again for newer wheels")


def _serve(channel: Path, options: argparse.Namespace) -> None:
    latency = options.latency / 1000
    with ChannelServer(channel, port=options.port, token=options.token, latency=latency) as server:
        print(server.url, flush=True)
        while True:
            time.sleep(3600)


def _list(channel: Path) -> None:
    packages = sorted(channel.glob("*/*.conda"), key=lambda p: p.name)
    for package in packages:
        size = package.stat().st_size / 1e6
        print(f"{size:8.2f} MB  {package.parent.name:<14} {package.stem}")
    total = sum(package.stat().st_size for package in packages) / 1e6
    print(f"{total:8.2f} MB  {len(packages)} packages")


if __name__ == "__main__":
    sys.exit(main())
