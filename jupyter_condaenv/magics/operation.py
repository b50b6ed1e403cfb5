"""One operation, done by the command line in a process of its own and told in JSON, one object a line."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import tempfile
import threading
from typing import IO, Any, Callable, Iterator

_FOREIGN = ("LD_LIBRARY_PATH", "LD_PRELOAD")
"""Libraries of the kernel's environment, which another Python does better without."""
_LAST_WORDS = 2000
"""Characters that are shown of what a command line says that ends without an answer."""
_LOOK = 0.05
"""Seconds after which an interrupt is seen at the latest."""


class CondaEnvError(Exception):
    """What went wrong: a ``code`` as in the command line's JSON, a sentence, and a ``hint`` what to do."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in place of a traceback."""
        return [f"error: {self}"] + ([f"hint: {self.hint}"] if self.hint else [])


def perform(command: list[str], tell: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Run ``command``, ``tell`` each event, and return the result.

    An interrupt asks it to stop, a second one leaves that to it and returns, a third one kills it.
    Raises CondaEnvError.
    """
    with _Interrupts() as interrupts, tempfile.TemporaryFile() as log:
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env={name: value for name, value in os.environ.items() if name not in _FOREIGN},
                # An interrupt of the kernel goes to its whole process group; this one is told by us.
                start_new_session=True,
            )
        except OSError as error:
            raise CondaEnvError(
                "broken",
                f"{command[0]}, which registered this kernel, cannot be run: {error.strerror}.",
                "Install jupyter_condaenv again, and register the kernel again by any change: "
                "jupyter condaenv add ENV SPEC.",
            ) from None
        with process:
            interrupts.go_to(process)
            answer = _read(process, tell)
        if "result" in answer:
            return answer
        if "error" in answer:
            failure = answer["error"]
            raise CondaEnvError(failure["code"], failure["message"], failure.get("hint", ""))
        if interrupts.number:
            raise CondaEnvError("cancelled", "Stopped.", "")
        if "job" in answer:
            job = answer["job"]
            raise CondaEnvError(
                "worker_died",
                f"Who told of the job {job} is gone; the job itself goes on.",
                f"To look at it: jupyter condaenv jobs follow {job}",
            )
        log.seek(0)
        words = log.read().decode(errors="replace").strip()[-_LAST_WORDS:]
        raise CondaEnvError(
            "internal",
            f"{' '.join(command[:3])} ... ended with exit code {process.returncode} and no answer.\n{words}".rstrip(),
            "Is jupyter_condaenv still installed there?",
        )


def _read(process: subprocess.Popen[bytes], tell: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """The line that has the result or the error; where there is none, the one that names the job, or nothing."""
    answer: dict[str, Any] = {}
    assert process.stdout is not None
    for line in _lines(process.stdout):
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if "event" in found:
            tell(found["event"])
        else:
            answer = found
    return answer


def _lines(stdout: IO[bytes]) -> Iterator[bytes]:
    """Each line as it comes, and interrupts meanwhile.

    Python looks at an interrupt before a read and where one breaks it off: what comes between the two would wait until
    there is something to read. So it is a thread that reads, and this one waits for a short time only.
    """
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def read() -> None:
        for line in stdout:
            lines.put(line)
        lines.put(b"")

    threading.Thread(target=read, daemon=True).start()
    while True:
        try:
            line = lines.get(timeout=_LOOK)
        except queue.Empty:
            continue
        if not line:
            return
        yield line


class _Interrupts:
    """Interrupts go to the process instead of tearing apart what reads from it. Only the main thread gets any."""

    def __init__(self) -> None:
        self.number = 0
        self._process: subprocess.Popen[bytes] | None = None

    def go_to(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        if self.number:
            self._pass_on()

    def __enter__(self) -> _Interrupts:
        try:
            self._before = signal.signal(signal.SIGINT, self._arrived)
        except ValueError:
            self._before = None
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _arrived(self, *_: object) -> None:
        self.number += 1
        if self._process is not None:
            self._pass_on()

    def _pass_on(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGINT if self.number < 3 else signal.SIGKILL)
