"""What a process reads only when it starts, set before that: by what activation made of it the last time.

Activation happens in the Python that it is for, which has to start again where that changes such a variable. So
whoever starts it (``kernels/launch/trampoline.sh``) sets them as they were the last time, and leaves what they replace
in variables of their own. Here that is taken back before activation, which never sees a guess; where the guess was not
right, Python starts again, and the next guess is another one.
"""

from __future__ import annotations

import os
import time

from .cache import open_folder

WAS = "CONDAENV_WAS_"
"""Of each variable that has been set, ``=`` and what the server has it at; empty where the server has none."""


def take_back(environ: dict[str, str]) -> None:
    """Make the variables those of the server."""
    for name in [name for name in environ if name.startswith(WAS)]:
        was, guessed = environ.pop(name), name[len(WAS) :]
        if was:
            environ[guessed] = was[1:]
        else:
            environ.pop(guessed, None)


def keep(prefix: str, cache_dir: str, values: dict[str, str]) -> None:
    """Have ``values`` set when something starts in ``prefix`` again. Never fails: it is only a guess."""
    import re

    lines = [
        os.fsencode(f"{name}\n{value}\n")
        for name, value in values.items()
        if re.match(r"[A-Za-z_][A-Za-z0-9_]*\Z", name) and "\n" not in value
    ]
    name = _name(prefix)
    part = f"{name}.{os.getpid()}.{time.monotonic_ns()}"
    try:
        folder = open_folder(cache_dir)
    except OSError:
        return
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(part, flags, 0o600, dir_fd=folder), "wb") as file:
            file.writelines(lines)
        os.replace(part, name, src_dir_fd=folder, dst_dir_fd=folder)
    except OSError:
        pass
    finally:
        os.close(folder)


def _name(prefix: str) -> str:
    """As ``/bin/sh`` can make it too, without starting anything. Two prefixes of one name only guess wrong."""
    return f"{prefix.replace('/', '=')}.early"
