"""The starter's side of a job's first moments: from a folder to a supervised worker."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec

from ..engine.errors import WorkerDied
from ..engine.model import Explain, PlanRequest, WhyNot
from . import files, processes
from .records import Assignment

PACKAGE = Path(__file__).resolve().parents[2]


def launch(folder: Path, assignment: Assignment) -> None:
    """Start the supervisor of the job in ``folder``; returns when the worker runs.

    The assignment goes through a pipe, since it may hold secrets. Raises WorkerDied when there is no starting it.
    """
    settings = assignment.settings
    prefix = "" if isinstance(assignment.request, PlanRequest | Explain | WhyNot) else assignment.request.prefix
    command = [
        *_python("supervisor", "-S"),
        *(str(folder), str(settings.stall_timeout), str(settings.solve_timeout), prefix),
        *_python("worker", "-X", f"utf8={sys.flags.utf8_mode}"),
    ]
    with open(os.open(folder / files.LOG, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=Path(folder.anchor),
            start_new_session=processes.POSIX,
            creationflags=processes.creation_flags(),
        )
    ready = _hand_over(process, msgspec.json.encode(assignment))
    if processes.POSIX:
        process.wait()  # it has detached: what was started here ends at once and leaves no zombie
    if not ready:
        words = files.tail(folder / files.LOG)
        raise WorkerDied(
            "The job could not be started" + (f": {words[-1].strip()}" if words else "."),
            f"Is this Python still whole? {sys.executable}",
            last_words=words,
        )


def _hand_over(process: subprocess.Popen[bytes], assignment: bytes) -> bool:
    assert process.stdin and process.stdout
    try:
        with process.stdin:
            process.stdin.write(assignment)
    except BrokenPipeError:
        pass  # nobody reads: it has failed, or was cancelled before it began
    with process.stdout:
        return bool(process.stdout.read())


def _python(module: str, *options: str) -> list[str]:
    """The command that runs ``jobs.<module>.main`` by this Python, with nothing of the caller's environment in its way.

    Isolated mode ignores ``PYTHON*``, the working directory and the user's site; what the starter imports from
    elsewhere is found all the same, behind the interpreter's own places.
    """
    paths = [str(PACKAGE), *(path for path in sys.path if os.path.isabs(path))]
    code = f"import sys; sys.path += {paths!r}; from {__package__}.{module} import main; main()"
    return [sys.executable, "-I", *options, "-c", code]
