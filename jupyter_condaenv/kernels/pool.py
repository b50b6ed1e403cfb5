"""Kernels that wait, with all imported, for a session to begin.

Why so: what a start costs is nearly all imports, which are the same for each session, while history, connection file,
ports, configuration and folder are a session's own. So what waits is the very process that a start makes, by the same
trampoline and shim, stopped where it would make the kernel (``launch/warm.py``). It becomes the kernel itself: there is
no other process to hand signals, exit status or output on, as with one that forks, and nothing has to be undone in it,
as in a kernel that has already begun a session. What a cold start would look at is looked at by that process with the
code of a cold start, just before it becomes the kernel, so that there is no second list of what counts. Where anything
is different, or where it does not answer, it is ended and the kernel is started as ever.

One waits for the command of a kernelspec after a kernel was started with it, never before. A thread starts, counts and
ends them; the server's event loop only hands them over. The socket between the two ends each with the server.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from jupyter_client.launcher import launch_kernel

from ..engine import deferred
from ..engine.activation import memory as machine
from ..engine.activation.launch import split_levels

Command = tuple[str, ...]
"""The trampoline, the shim, the levels, the shim's options, and ``-m MODULE``."""

SETTLE = 3.0
"""Seconds after the start of a kernel in which nothing is started to wait: they are its own."""
LOOK = 5.0
"""Seconds between two looks at those that wait."""
READY = 120.0
"""Seconds in which one must have imported all."""
ANSWER = 2.0
"""Seconds in which one must have become a kernel, or said why not; a cold start may take as long."""
ROOM = 512 << 20
"""Bytes that must be available, of the machine and of what a container may have, for one to be started to wait."""
SCARCE = 256 << 20
"""Bytes below which those that wait are in the way of what is in use."""
TAKEN = b"taken"


class Warm:
    """A process that will be ready to become a kernel. OSError when it cannot be started."""

    def __init__(self, command: Command, env: dict[str, str]) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            descriptor = theirs.fileno()
            mark = f"--warm={descriptor}:{os.fstat(descriptor).st_ino}"
            try:
                # Nobody's folder: it keeps none from being deleted or unmounted.
                self.process: subprocess.Popen[bytes] = launch_kernel(
                    [*command[:3], mark, *command[3:]], env=dict(env), cwd="/", pass_fds=(descriptor,)
                )
            except BaseException:
                self._socket.close()
                raise
        self.since = time.monotonic()

    def comes_up(self, limit: float) -> bool | None:
        """Whether it has become ready, or never will; None where neither is so within ``limit`` seconds. Blocks."""
        self._socket.settimeout(limit)
        try:
            ready = bool(self._socket.recv(16))
        except TimeoutError:
            return None
        except ConnectionError:
            return False
        self._socket.setblocking(False)
        return ready

    async def hand_over(self, parcel: dict[str, object]) -> str:
        """Have it become the kernel of ``parcel``, to which clients can connect then; else why it is none."""
        loop = asyncio.get_running_loop()

        async def talk() -> str:
            await loop.sock_sendall(self._socket, json.dumps(parcel).encode("ascii") + b"\n")
            answer = b""
            while not answer.endswith(b"\n"):
                received = await loop.sock_recv(self._socket, 1 << 16)
                if not received:
                    return "it has ended"
                answer += received
            if answer.rstrip() != TAKEN:
                return answer.decode("utf-8", "replace").strip()
            # It closes the socket when it listens, or when it has ended.
            await loop.sock_recv(self._socket, 1)
            return "it has ended" if self.process.poll() is not None else ""

        try:
            problem = await asyncio.wait_for(talk(), ANSWER)
        except (asyncio.TimeoutError, TimeoutError):
            problem = f"it has not answered within {ANSWER:g} seconds"
        except OSError as error:
            problem = f"it has ended ({error.strerror})"
        if not problem:
            self._socket.close()
        return problem

    def kill(self) -> None:
        """End it and what it has started. Does not wait for that: see :meth:`has_ended`."""
        self._socket.close()
        with suppress(OSError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def memory(self) -> int:
        """Bytes it takes: of what it shares with others its share."""
        try:
            with open(f"/proc/{self.process.pid}/smaps_rollup", encoding="ascii", errors="replace") as file:
                return next(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss:"))
        except (OSError, StopIteration):
            pass
        try:
            with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as file:
                return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except (OSError, IndexError):
            return 0


class Pool:
    """At most ``size`` for each command, all of them within ``memory`` bytes, none unused for ``idle`` seconds,
    and none where memory is short. ``available`` tells the bytes of it that can be taken, None where nobody knows."""

    def __init__(
        self,
        size: int,
        memory: int,
        idle: float,
        log: logging.Logger | logging.LoggerAdapter[logging.Logger],
        available: Callable[[], int | None] = machine.available,
    ):
        self._size = size
        self._memory = memory
        self._idle = idle
        self._log = log
        self._available = available
        self._changed = threading.Condition()
        self._waiting: dict[Command, list[Warm]] = {}
        self._due: dict[Command, tuple[float, dict[str, str]]] = {}
        self._ending: list[Warm] = []
        self._thread: threading.Thread | None = None
        self._closed = False

    async def take(self, command: list[str], env: dict[str, str], cwd: str) -> subprocess.Popen[bytes] | None:
        """The process that is the kernel of ``command`` now; None where one must be started."""
        key = _key(command)
        with self._changed:
            waiting = self._waiting.get(key, [])
            warm = waiting.pop() if waiting else None
        if warm is None:
            return None
        if _change_waits(key):
            problem = "a change of the environment waits for the start of a kernel"
        else:
            # As ``launch_kernel`` adds it.
            env = env | {"JPY_PARENT_PID": str(os.getpid())}
            problem = await warm.hand_over({"cwd": cwd, "env": env, "arguments": command[len(key) - 2 :]})
        if not problem:
            return warm.process
        self._log.warning(
            "jupyter_condaenv: The kernel that waited (process %d) was not used: %s.", warm.process.pid, problem
        )
        with self._changed:
            # Whatever it is, the others may have it too.
            self._end([warm, *self._waiting.pop(key, [])])
        return None

    def started(self, command: list[str], env: dict[str, str]) -> None:
        """A kernel of ``command`` has been started: soon have as many as wanted wait for the next ones."""
        key = _key(command)
        with self._changed:
            if self._closed:
                return
            now = time.monotonic()
            for warm in self._waiting.get(key, ()):
                warm.since = now
            self._due[key] = (now + SETTLE, {name: env[name] for name in env if name != "JPY_SESSION_NAME"})
            if self._thread is None:
                self._thread = threading.Thread(target=self._look_after, name="condaenv-pool", daemon=True)
                self._thread.start()
            self._changed.notify()

    def close(self) -> None:
        """End all that wait. Blocks until they have ended."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    # --- the thread --------------------------------------------------------------------------------------------------

    def _look_after(self) -> None:
        while not self._closed:
            self._count()
            command, env = self._next()
            if command:
                self._start(command, env)
            with self._changed:
                if not self._closed:
                    self._changed.wait(self._pause())
        with self._changed:
            self._end([warm for those in self._waiting.values() for warm in those])
            self._waiting.clear()
        for warm in self._ending:
            warm.process.wait()

    def _pause(self) -> float | None:
        """Seconds until there is something to do; None where a kernel has to be started first."""
        due = [when - time.monotonic() for when, _ in self._due.values()]
        if self._ending or any(self._waiting.values()):
            due.append(LOOK)
        return max(0.0, min(due)) if due else None

    def _next(self) -> tuple[Command, dict[str, str]]:
        """What one is to be started for now; nothing where enough wait."""
        now = time.monotonic()
        with self._changed:
            for key, (when, env) in list(self._due.items()):
                if when > now:
                    continue
                if len(self._waiting.get(key, ())) >= self._size:
                    del self._due[key]
                elif _change_waits(key) or self._is_short(ROOM):  # the kernel that was started may be applying it
                    self._due[key] = (now + LOOK, env)
                else:
                    return key, env
        return (), {}

    def _start(self, command: Command, env: dict[str, str]) -> None:
        try:
            warm = Warm(command, env)
        except OSError as error:
            self._log.warning("jupyter_condaenv: No kernel can be started to wait: %s.", error.strerror)
            up = False
        else:
            up = self._comes_up(warm)
        with self._changed:
            if up:
                self._waiting.setdefault(command, []).append(warm)
                self._log.info("jupyter_condaenv: A kernel waits (process %d).", warm.process.pid)
                return
            self._due.pop(command, None)  # not again before the next start

    def _comes_up(self, warm: Warm) -> bool:
        give_up = time.monotonic() + READY
        up = None
        while up is None and not self._closed and time.monotonic() < give_up:
            up = warm.comes_up(0.2)
        if up:
            return True
        with self._changed:
            self._end([warm])
        if not self._closed:
            self._log.warning(
                "jupyter_condaenv: A kernel that was to wait (process %d) did not start.", warm.process.pid
            )
        return False

    def _count(self) -> None:
        """End those that nobody needs, and as many as are too much: those first that were not used for longest."""
        now = time.monotonic()
        with self._changed:
            self._ending = [warm for warm in self._ending if not warm.has_ended()]
            waiting = sorted(self._each(), key=lambda item: item[1].since, reverse=True)
        taken, gone, short = 0, [], bool(waiting) and self._is_short(SCARCE)
        for key, warm in waiting:
            taken += warm.memory()
            if warm.has_ended():
                gone.append((key, warm, "has ended"))
            elif now - warm.since > self._idle:
                gone.append((key, warm, "was not needed"))
            elif taken > self._memory:
                gone.append((key, warm, "took too much memory"))
            elif short:
                gone.append((key, warm, "was in the way: there is little memory left"))
        with self._changed:
            for key, warm, why in gone:
                if warm in self._waiting.get(key, ()):  # nobody has taken it in the meantime
                    self._waiting[key].remove(warm)
                    self._due.pop(key, None)
                    self._end([warm])
                    self._log.info("jupyter_condaenv: The kernel that waited (process %d) %s.", warm.process.pid, why)

    def _is_short(self, needed: int) -> bool:
        available = self._available()
        return available is not None and available < needed

    def _each(self) -> Iterator[tuple[Command, Warm]]:
        return ((key, warm) for key, those in self._waiting.items() for warm in those)

    def _end(self, those: list[Warm]) -> None:
        for warm in those:
            warm.kill()
        self._ending += those


def _key(command: list[str]) -> Command:
    return tuple(command[: command.index("-m") + 2])


def _change_waits(command: Command) -> bool:
    return Path(split_levels(command[2])[-1], deferred.FILE).exists()
