"""From arguments to an exit code: the only place where errors become words."""

from __future__ import annotations

import os
import signal
import sys
import traceback
import warnings
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from .. import __version__
from ..engine.errors import Cancelled, CondaEnvError, Failure
from ..jobs.records import without_secrets
from .arguments.parser import own_arguments
from .arguments.table import command_of, is_group, overview, overview_of
from .exits import Exit, exit_code
from .output import Output, choose


def run(argv: Sequence[str] | None = None) -> int:
    """Run the command that ``argv`` calls."""
    given = list(sys.argv[1:] if argv is None else argv)
    _let_every_terminal_show_every_text()
    # Before the arguments are read: what is wrong with them is said in the same form.
    output = choose(json="--json" in own_arguments(given))
    warnings.showwarning = lambda message, *_args, **_kwargs: output.note(f"warning: {message}")
    try:
        return _dispatch(given, output)
    except BrokenPipeError:
        _forget_stdout()
        return Exit.BROKEN_PIPE
    finally:
        # All is said and done: a Ctrl-C that comes now has nothing to stop, and must not change the exit code.
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def _dispatch(given: list[str], output: Output) -> int:
    try:
        if not given or given[0] in ("-h", "--help", "help"):
            print(overview(), end="", flush=True)
            return Exit.OK if given else Exit.USAGE
        if given[1:] in (["-h"], ["--help"]) and is_group(given[0]):
            print(overview_of(given[0]), end="", flush=True)
            return Exit.OK
        if given[0] == "--version":
            print(__version__, flush=True)
            return Exit.OK
        return _command(given, output)
    except CondaEnvError as error:
        failure = error.failure()
    except KeyboardInterrupt:
        failure = Cancelled("Stopped.").failure()
    except BrokenPipeError:
        raise
    except Exception as error:
        failure = _fault(error)
    output.failure(without_secrets(failure))
    return exit_code(failure)


def _command(given: list[str], output: Output) -> int:
    from . import commands

    command, rest = command_of(given)
    function: Any = getattr(commands, command.function)
    return int(function(command.parse(rest), output) or Exit.OK)


def _fault(error: Exception) -> Failure:
    """What nobody foresaw: the traceback is what a report needs."""
    lines = "".join(traceback.format_exception(error))
    return Failure(
        "internal",
        f"A fault in jupyter_condaenv {__version__}: {error!r}\n{lines}",
        "Please report it, with the text above.",
    )


def _let_every_terminal_show_every_text() -> None:
    """A terminal that knows only ASCII shows an escape instead of ending the program."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def _forget_stdout() -> None:
    """The reader has gone: nothing more can be written, not even by the interpreter when it ends."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
