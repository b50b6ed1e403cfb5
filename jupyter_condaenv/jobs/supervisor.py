"""The process that answers for a job: it starts the worker, watches it and says how it ended.

It is waited for when a job starts and may live for hours beside many others, so it imports the standard library only,
and not all of that, and starts the worker before anything else.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from . import files, processes

TYPE_CHECKING = False  # typing is slow to import
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

TICK = 0.1
"""Seconds between two looks at the worker, at ``cancel`` and at the events."""
BEAT = 2.0
"""Seconds between two heartbeats."""
LOG_BYTES = 1_000_000
"""How much of what the worker prints is kept."""
LINE_BYTES = 65_536
"""Longer lines are cut in pieces."""
SETTLE_FOR = 300.0
"""Seconds during which the tree that was replaced is looked after."""

CANCELLED = {
    "code": "cancelled",
    "message": "The job was cancelled.",
    "hint": "The environment is as it was before or, when the change was done already, as asked for; nothing between.",
}
STOPPED = {
    "code": "worker_died",
    "message": "The job was ended from outside, as happens when a machine or a container shuts down.",
    "hint": "Start the operation again: it first cleans up what was left.",
}


def main() -> None:
    """``sys.argv``: folder, stall timeout, solve timeout, prefix, then the worker's command.

    The first line of output tells the starter that the worker runs; standard input is the worker's.
    """
    processes.detach()
    folder, stall, solve, prefix, *command = sys.argv[1:]
    supervisor = Supervisor(Path(folder), float(stall), float(solve))
    supervisor.run(command)
    settle(prefix)


class Supervisor:
    """Of the job in ``folder``. ``stall`` and ``solve`` are the settings' timeouts in seconds."""

    def __init__(self, folder: Path, stall: float, solve: float) -> None:
        self._folder = folder
        self._activity = Activity(folder / files.EVENTS, stall, solve)
        self._terminated = False

    def run(self, command: list[str]) -> None:
        """Returns when the job has ended and its result is written."""
        if files.exists_now(self._folder / files.CANCEL):
            self._own(0)
            _answer()
            self._conclude("cancelled", CANCELLED)
            return
        worker = processes.Worker([*command, str(self._folder)])
        self._own(worker.pid)
        _answer()
        self._ignore_signals()
        log = Log(worker.output, self._folder / files.LOG)
        state, failure = self._watch(worker, log)
        code = worker.kill()
        log.finish()
        if not (self._folder / files.RESULT).exists():
            self._conclude(state, failure or death(code, log.last_words()))

    def _watch(self, worker: processes.Worker, log: Log) -> tuple[str, dict[str, Any] | None]:
        """Until the worker ended or is to be ended; what to write if it leaves no result."""
        beaten = float("-inf")
        while not worker.ended():
            if files.exists_now(self._folder / files.CANCEL):
                return "cancelled", CANCELLED
            if self._terminated:
                return "failed", STOPPED
            if stalled := self._activity.stalled():
                return "failed", stalled
            if time.monotonic() >= beaten + BEAT:
                beaten = time.monotonic()
                self._beat()
            log.wait(TICK)
        return "failed", None

    def _own(self, worker_pid: int) -> None:
        import json

        path = self._folder / files.OWNER
        owner = json.loads(path.read_bytes())
        owner |= {"pid": os.getpid(), "started": processes.started(os.getpid()), "worker_pid": worker_pid}
        files.write_atomically(path, json.dumps(owner).encode())

    def _beat(self) -> None:
        try:
            files.touch(self._folder / files.HEARTBEAT)
        except OSError as error:
            print(f"No heartbeat: {error}", file=sys.stderr, flush=True)

    def _ignore_signals(self) -> None:
        # Only now: the worker would have inherited it, and what it starts.
        for name in ("SIGINT", "SIGHUP"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), signal.SIG_IGN)
        signal.signal(signal.SIGTERM, self._terminate)

    def _terminate(self, *_: object) -> None:
        self._terminated = True

    def _conclude(self, state: str, failure: dict[str, Any]) -> None:
        import json

        outcome = {"state": state, "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "failure": failure}
        files.drop_ballast(self._folder)
        files.write_atomically(self._folder / files.RESULT, json.dumps(outcome).encode())


class Activity:
    """Whether the worker gets on, by the events it writes: they hold what changed and nothing else."""

    def __init__(self, events: Path, stall: float, solve: float) -> None:
        self._events = events
        self._stall = stall
        self._solve = solve
        self._offset = 0
        self._phase = "start"
        self._since = self._looked = time.monotonic()

    def stalled(self) -> dict[str, Any] | None:
        """The failure to report when it has not got on for too long."""
        now = time.monotonic()
        if now - self._looked > 50 * TICK:
            self._since += now - self._looked  # the machine or the container was asleep, and the worker with it
        self._looked = now
        if self._news():
            self._since = now
        # Waiting for another job may take as long as that job; a solver tells nothing and has a limit of its own.
        limit = self._stall + (self._solve if self._phase == "solve" else 0)
        if self._phase == "wait" or now - self._since <= limit:
            return None
        return {
            "code": "worker_died",
            "message": f"Nothing happened for {limit:.0f} seconds (phase: {self._phase}), so the job was ended.",
            "hint": "Most often a server or a file system does not answer: try again later, or look at it. Where it is"
            " only slow, raise stall_timeout.",
            "details": {"phase": self._phase, "seconds": limit},
        }

    def _news(self) -> bool:
        try:
            if self._events.stat().st_size == self._offset:
                return False
            with self._events.open("rb") as file:
                file.seek(self._offset)
                data = file.read()
        except FileNotFoundError:
            return False
        self._offset += len(data)
        self._phase = _last_phase(data) or self._phase
        return True


def _last_phase(lines: bytes) -> str:
    import json

    for line in reversed(lines.splitlines()):
        try:
            phase = json.loads(line)["event"].get("phase", "")
        except (ValueError, KeyError):
            continue  # half a line: the other half comes with the next look
        if phase:
            return str(phase)
    return ""


class Log:
    """Writes down what the worker prints, without secrets."""

    def __init__(self, pipe: int, path: Path) -> None:
        import threading

        self._path = path
        self._pipe = open(pipe, "rb")  # noqa: SIM115
        self._left = LOG_BYTES
        self._ended = threading.Event()
        self._pump = threading.Thread(target=self._run, daemon=True)
        self._pump.start()

    def wait(self, seconds: float) -> None:
        """Until the worker has closed its output, which it does by dying, or ``seconds`` have passed."""
        if self._ended.wait(seconds):
            time.sleep(0.005)

    def finish(self) -> None:
        """Wait for what is still in the pipe. Not for long: a process that left the group may hold it open."""
        self._pump.join(1.0)

    def last_words(self) -> list[str]:
        return files.tail(self._path)

    def _run(self) -> None:
        while line := self._pipe.readline(LINE_BYTES):
            if self._left > 0:
                self._left -= len(line)
                self._write(line if self._left > 0 else b"... (the rest is not kept)\n")
        self._ended.set()

    def _write(self, line: bytes) -> None:
        try:
            with self._path.open("ab") as file:
                file.write(_redacted(line))
        except OSError:
            self._left = 0


def _redacted(line: bytes) -> bytes:
    text = line.decode(errors="replace")
    if "://" not in text:
        return line
    try:
        from ..engine.channels import redact
    except ImportError:  # perhaps just what the worker died of, and is about to tell
        return b"(a line with a URL in it is not kept)\n"
    return redact(text).encode()


def death(code: int, last_words: list[str]) -> dict[str, Any]:
    """The failure of a worker that ended by ``code`` (a negative one is a signal) and left no result."""
    details: dict[str, Any] = {"last_words": last_words}
    again = "Start the operation again: it first cleans up what was left."
    if code >= 0:
        details["exit_code"] = code
        message, hint = f"The worker ended with exit code {code} and without a result.", again
    else:
        name = _signal_name(-code)
        details["signal"] = name
        message, hint = f"The worker was ended by {name}.", again
        if name == "SIGKILL":
            message = "The worker was killed (SIGKILL)."
            hint = f"Most often the machine or the container ran out of memory: give it more, or ask for less. {again}"
        elif name in ("SIGSEGV", "SIGBUS", "SIGABRT", "SIGILL", "SIGFPE"):
            message = f"The worker crashed in native code ({name})."
            hint = f"{again} If it happens again, please report it with the last words."
            last_words = []  # a dump of all threads: for the details
    if last_words:
        message += f" Its last words: {last_words[-1].strip()[:300]}"
    return {"code": "worker_died", "message": message, "hint": hint, "details": details}


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _answer() -> None:
    """Tell the starter that it may go, and hold nothing of it."""
    os.write(1, b"ready\n")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.close(nothing)


def settle(prefix: str) -> None:
    """Look after the tree that a change of ``prefix`` replaced, until nothing is left of it; at most ``SETTLE_FOR``
    seconds, after which the next operation does it."""
    if not prefix:
        return
    from ..engine import exchange

    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    give_up = time.monotonic() + SETTLE_FOR
    pause = 0.5
    while not _settled(prefix, exchange.settle) and time.monotonic() + pause < give_up:
        time.sleep(pause)
        pause = min(pause * 2, 60.0)


def _settled(prefix: str, attempt: Callable[[str], bool]) -> bool:
    try:
        return attempt(prefix)
    except Exception as error:  # the job is over: there is only the log to tell, and perhaps it goes better later
        print(f"What a change of {prefix} replaced cannot be cleaned up: {error}", file=sys.stderr, flush=True)
        return False
