"""Wait, with all imported that a kernel imports, to become the kernel of a session: the other end of ``kernels.pool``.

``--warm=DESCRIPTOR:INODE``, first of the shim's options, names a socket to the server that this process has inherited.
It says ``ready`` there once. Then comes one line of JSON, ``{"cwd": ..., "env": {...}, "arguments": ["-m", ...]}``, as
the kernel would be started with now. Answered is ``taken``, after which this process is that kernel, or why it cannot
be. Whether it can is found out by looking at all that a start would look at; nothing of what is here is used otherwise.

Whoever looks from outside tells one that waits from a kernel by that descriptor: it is closed before ``taken`` is said
(engine/deferred.py). When the server ends, however it does, so does this process.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Activation = Callable[[dict[str, str]], tuple[dict[str, str], list[str]]]

LOOK = 10.0
"""Seconds between two looks at whether the environment is another one now."""
IMPORTED = (
    "ipykernel.kernelapp",
    "ipykernel.debugger",
    "IPython.core.completerlib",
    "IPython.core.debugger",
    "IPython.core.oinspect",
    "IPython.extensions.storemagic",
    "psutil",
    "sqlite3",
    "tornado.platform.asyncio",
)
"""What ipykernel imports itself until it has answered the first request. Not all of it is there in each version."""
_OF_THE_START = ("JPY_SESSION_NAME", "LC_CTYPE", "BASHOPTS", "OLDPWD", "PWD", "SHELLOPTS", "SHLVL", "_")
"""Variables that each start has anew: the session's, the shell's, and Python's own."""


class Waiting:
    """In the environment of ``prefixes``, activated. ``activation`` is what it does to variables and what it tells, and
    ``told`` what it has told; ``loaded`` the module ``condaenv_magics.loaded``."""

    def __init__(
        self, option: str, prefixes: tuple[str, ...], activation: Activation, told: list[str], loaded: Any
    ) -> None:
        self._server = socket.socket(fileno=int(option.partition("=")[2].partition(":")[0]))
        self._prefixes = prefixes
        self._activation = activation
        self._told = told
        self._loaded = loaded
        self._env = dict(os.environ)

    def wait(self) -> list[str]:
        """The arguments of the kernel that this process is to be from now on; SystemExit if it never is one."""
        if not all(map(os.path.isabs, filter(None, self._env.get("PYTHONPATH", "").split(":")))):
            sys.exit("condaenv: A relative PYTHONPATH depends on the folder of the notebook.")
        for name in IMPORTED:
            try:
                import_module(name)
            except ImportError:
                if name == IMPORTED[0]:
                    raise
        self._folders = self._stamps()
        self._at_start = self._read_at_start()
        self._files = self._loaded.files("")
        self._server.sendall(b"ready\n")
        self._server.settimeout(LOOK)
        line = b""
        while not line.endswith(b"\n"):
            try:
                received = self._server.recv(1 << 16)
            except socket.timeout:
                if self._stamps() == self._folders:
                    continue
                received = b""
            if not received:
                sys.exit(0)
            line += received
        parcel = json.loads(line)
        problem = self._become(parcel["cwd"], parcel["env"])
        if problem:
            self._server.sendall(problem.encode("utf-8", "replace") + b"\n")
            sys.exit(0)
        server = self._server.dup()
        self._server.close()
        self._server = server
        self._server.sendall(b"taken\n")
        arguments: list[str] = parcel["arguments"]
        return arguments

    def listens(self) -> None:
        """Let the server know that clients can connect."""
        self._server.close()

    def _become(self, cwd: str, env: dict[str, str]) -> str:
        """Take over what is different in each start; else why that is not possible."""
        if (
            self._stamps() != self._folders
            or self._read_at_start() != self._at_start
            or self._loaded.replaced(self._files)
        ):
            return "the environment is another one now"
        try:
            os.chdir(cwd)
        except OSError as error:
            return f"{cwd}: {error.strerror}"
        new, told = self._activation(env)
        names = {name for name in {**new, **self._env} if new.get(name) != self._env.get(name)}
        names.difference_update(_OF_THE_START)
        if names:
            return f"other variables: {', '.join(sorted(names))}"
        if told != self._told:
            return "there is something else to be told"
        for name in ("JPY_SESSION_NAME", "PWD"):
            os.environ.pop(name, None)
            if name in new:
                os.environ[name] = new[name]
        if "PWD" in new and not _is_here(new["PWD"]):
            os.environ["PWD"] = os.getcwd()  # as the shell has it that starts a kernel
        return ""

    def _stamps(self) -> list[tuple[int, int] | None]:
        """Of folders that change when a package, or a module that hides another one, comes or goes."""
        return [_stamp(path) for path in (*(f"{prefix}/conda-meta" for prefix in self._prefixes), *sys.path)]

    def _read_at_start(self) -> list[dict[str, Any]]:
        return [self._loaded.at_start(prefix) for prefix in self._prefixes]


def _stamp(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def _is_here(path: str) -> bool:
    try:
        return os.path.isabs(path) and os.path.samefile(path, ".")
    except OSError:
        return False
