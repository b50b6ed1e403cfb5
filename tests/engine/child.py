"""Runs functions that use py-rattler in processes of their own.

py-rattler can crash when an interpreter that used it ends, and hangs in a process forked after its use. So one process
that has imported it, and never uses it, forks a child for each call, which ends by ``os._exit``: as clean as a fresh
interpreter, and started in milliseconds.
"""

from __future__ import annotations

import atexit
import os
import pickle
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from jupyter_condaenv.engine.model import AnyEvent, AnyRequest, AnyResult, Settings

T = TypeVar("T")
ROOT = Path(__file__).parents[2]
_LENGTH = struct.Struct("!Q")


class Crashed(AssertionError):
    """The child ended without an answer."""


class Nursery:
    """The process that forks the children; one call at a time."""

    def __init__(self) -> None:
        command = [sys.executable, "-c", "from tests.engine.child import serve; serve()"]
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
        )
        self._guard = threading.Lock()

    def call(self, work: bytes) -> bytes:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._guard:
            _send(self._process.stdin, work)
            return _receive(self._process.stdout)

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def kill(self) -> None:
        """With a child that does not end."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


_nursery: Nursery | None = None


def in_child(
    function: Callable[..., T], *args: object, env: Mapping[str, str | None] | None = None, cwd: Path | None = None
) -> T:
    """What ``function(*args)`` returns or raises in a process of its own.

    ``function`` is one of a module, not of a class or a function. ``env`` is laid over this process's environment;
    None takes a variable away.
    """
    global _nursery
    if _nursery is None:
        _nursery = Nursery()
        atexit.register(_nursery.close)
    wanted: dict[str, str | None] = {**os.environ, **(env or {})}
    environ = {name: value for name, value in wanted.items() if value is not None}
    try:
        answer = _nursery.call(pickle.dumps((function, args, environ, str(cwd or Path.cwd()))))
    except BaseException:  # such as the end of the test's time: the next test gets another nursery
        atexit.unregister(_nursery.close)
        _nursery.kill()
        _nursery = None
        raise
    if not answer:
        raise Crashed(f"{function.__name__}{args} ended without an answer")
    outcome, value = pickle.loads(answer)
    if outcome == "raised":
        raise value
    return value  # type: ignore[no-any-return]


def operate(
    request: AnyRequest, settings: Settings, env: Mapping[str, str | None] | None = None
) -> tuple[AnyResult, list[AnyEvent]]:
    """``operations.perform`` in a process of its own: its result and the events it told."""
    return in_child(_perform, request, settings, env=env)


def _perform(request: AnyRequest, settings: Settings) -> tuple[AnyResult, list[AnyEvent]]:
    from jupyter_condaenv.engine import operations

    events: list[AnyEvent] = []
    return operations.perform(request, settings, events.append), events


def serve() -> None:
    """The nursery's own loop: ends when its standard input does."""
    import pytest  # noqa: F401 - imported once, for the test modules that the children import
    import rattler  # noqa: F401

    import tests.channel  # noqa: F401
    from jupyter_condaenv.engine import operations  # noqa: F401

    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    while work := _receive(requests):
        with suppress(Exception):  # told by the child, which does the same
            pickle.loads(work)  # imports once the module of the function, which each child would import anew
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            with os.fdopen(writer, "wb") as out:
                out.write(_answer(work))
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader, "rb") as result:
            answer = result.read()
        os.waitpid(child, 0)
        _send(answers, answer)


def _answer(work: bytes) -> bytes:
    try:
        function, args, environ, cwd = pickle.loads(work)
        os.environ.clear()
        os.environ.update(environ)
        os.chdir(cwd)
        return pickle.dumps(("returned", function(*args)))
    except BaseException as error:
        try:
            answer = pickle.dumps(("raised", error))
            pickle.loads(answer)
        except Exception:
            return pickle.dumps(("raised", AssertionError(f"{type(error).__name__}: {error}")))
        return answer


def _send(stream: Any, data: bytes) -> None:
    stream.write(_LENGTH.pack(len(data)) + data)
    stream.flush()


def _receive(stream: Any) -> bytes:
    source: BinaryIO = stream
    head = source.read(_LENGTH.size)
    return source.read(_LENGTH.unpack(head)[0]) if len(head) == _LENGTH.size else b""
