"""The kernel that opens where an environment's own cannot, and says in every cell what is wrong and what mends it.

``fallback.py --levels LEVELS [--failure TEXT | --died] [--memory KIB] [--language NAME] -f CONNECTION`` in the Python
that registered the kernel, with ipykernel, and nothing of this package but what lies beside it. The kernelspec stays
that of the environment's own kernel: a restart starts that one, once it can be.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import time
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from ipykernel.kernelapp import IPKernelApp
from ipykernel.kernelbase import Kernel

STARTING = "CONDAENV_STARTING"
"""Names the file of a kernel that is starting (crash.py)."""
STALE = 3600.0
"""Seconds after which a file is of something else: Jupyter starts one that has died again within seconds."""
PYTHON: dict[str, object] = {"name": "python", "version": "3", "mimetype": "text/x-python", "file_extension": ".py"}
DIED = "its kernel "
"""What became of one that died without a word begins so. Then a limit of memory may be why."""
NO_MEMORY = ("MemoryError", "can't start new thread", "Cannot allocate memory", "no memory left")
UNHARMED = "Then restart the kernel. The notebook itself is not harmed."


class FallbackKernel(Kernel):
    """Answers as a kernel must; runs nothing."""

    implementation = "condaenv-fallback"
    implementation_version = "1"
    # The notebook stays one in its language: front ends write this into its metadata.
    language_info = PYTHON
    reason = ""
    hint = ""

    async def do_execute(self, code: str, silent: bool, *_: Any, **__: Any) -> dict[str, Any]:
        """Every cell fails with the reason, so that whatever runs a whole notebook stops at the first and shows it."""
        error = {
            "ename": "KernelCannotStart",
            "evalue": self.reason,
            "traceback": [f"This kernel cannot run code. {self.reason}", self.hint],
        }
        if not silent:
            self.send_response(self.iopub_socket, "error", error)  # type: ignore[no-untyped-call]
        return {"status": "error", "execution_count": self.execution_count, **error}

    async def do_is_complete(self, code: str) -> dict[str, Any]:
        return {"status": "complete"}


def explain(levels: str, failure: str = "", memory: str = "") -> tuple[str, str]:
    """Why the environment of ``levels`` (``activation.launch.join_levels``) cannot start, and what to do.

    ``failure`` is what became of its kernel, where its Python has come so far, and ``memory`` the KiB that it may have,
    where that is a number.
    """
    launch = import_module("activation.launch")
    prefixes: tuple[str, ...] = launch.split_levels(levels)
    own, root = prefixes[-1], prefixes[0]
    for prefix in reversed(prefixes):
        if closed := _closed(prefix):
            return (
                f"You may not read {closed}, and nothing of the environment {own} can be started without it.",
                f"Ask whoever looks after it to let you read it. {UNHARMED} Or choose another kernel.",
            )
        if not os.path.isdir(prefix):
            return _gone(prefix, own)
    python = Path(own, "bin/python")
    if own != root and (not Path(own, "conda-meta").is_dir() or any(Path(own, "conda-meta").glob("python-[0-9]*"))):
        return (
            f"Another tool has altered the environment {own}, which holds only what comes on top of {prefixes[-2]}: "
            "it no longer runs on the Python of that one.",
            _hint("jupyter condaenv rollback", own),
        )
    if own != root and python.exists() and not launch.is_python_of_root(prefixes):
        # Before what became of its kernel: it may have ended for just that.
        return (
            f"Another tool has put a Python in the place of {python}, which is that of {root}.",
            _hint("jupyter condaenv doctor --fix", own),
        )
    if failure:
        return f"In the environment {own}, {failure}", _mend_kernel(prefixes, failure, memory)
    if python.is_symlink() and not python.exists():
        target = os.path.realpath(python)
        broken = root if target.startswith(f"{root}/") else own
        return f"{python} leads to {target}, which does not exist.", _hint("jupyter condaenv doctor --fix", broken)
    if not python.exists():
        text = "does not exist"
    elif not os.access(python, os.X_OK) or not python.stat().st_size:
        text = "is damaged: it cannot be run"
    elif not _has_library(Path(root)):
        return (
            f"Python's own library is missing in the environment {root}.",
            _hint("jupyter condaenv doctor --fix", root),
        )
    else:
        text = f"cannot be run on this machine ({os.uname().machine}): it is damaged, or made for another kind"
    return f"The environment's Python, {python}, {text}.", _hint("jupyter condaenv doctor --fix", own)


def _closed(prefix: str) -> str:
    """The folder of ``prefix`` that this user may not enter, or not even get to; empty where there is none."""
    for folder in (prefix, f"{prefix}/bin", f"{prefix}/lib"):
        try:
            os.stat(f"{folder}/.")
        except PermissionError:
            return folder
        except OSError:
            pass
    return ""


def _has_library(prefix: Path) -> bool:
    """Whether Python's own library is there. A venv has that of another Python."""
    if not (prefix / "bin/python").exists() or (prefix / "pyvenv.cfg").exists():
        return True
    return any(prefix.glob("lib/python3*/encodings/__init__.py"))


def _gone(prefix: str, own: str) -> tuple[str, str]:
    lock = "jupyter condaenv create --lock FILE"
    if prefix == own:
        return (
            f"The environment {own} is gone.",
            f"If you have its lock, make it again: {_command(lock, own)} {UNHARMED} Or choose another kernel.",
        )
    return (
        f"The environment {own} stands on {prefix}, which is gone.",
        "If it was moved or is not mounted, bring it back. If you have its lock, make it again: "
        f"{_command(lock, prefix)} {UNHARMED} Or stack the same packages on another one with `jupyter condaenv stack`.",
    )


def what_died(path: str) -> str:
    """What became of a kernel that left the file at ``path`` (crash.py) and no word; as ``explain`` takes it."""
    with open(path, encoding="utf-8", errors="replace") as file:
        killed, *fault = file.read().splitlines() or ["0"]
    memory = import_module("activation.memory")
    if killed.isdigit() and (memory.killed() or 0) > int(killed):
        most = memory.limit()
        limited = f", of which all here have {most >> 20} MiB together" if most else ""
        return f"{DIED}was killed while it started, because there was no memory left{limited}."
    named = [line.removeprefix("Fatal Python error: ") for line in fault if line.startswith("Fatal Python error: ")]
    if named:
        places = [line.strip() for line in fault if line.startswith("  File ") and "<frozen " not in line]
        return f"{DIED}crashed while it started: {'; '.join([*named[:1], *places[:1]])}."
    return (
        f"{DIED}ended while it started, without a word: something killed it, or a package ended its process. "
        "The log of the server may say more."
    )


def _mend_kernel(prefixes: tuple[str, ...], failure: str, memory: str) -> str:
    limited = f"Each process may have {int(memory) >> 10} MiB here (ulimit -v). " if memory.isdigit() else ""
    if any(words in failure for words in NO_MEMORY):
        return f"The machine has run out of memory: {limited}shut other kernels down, or ask for more. {UNHARMED}"
    if limited and failure.startswith(DIED):
        return f"{limited}Where that is too little, ask for more. Else: {_mend_files(prefixes, failure)}"
    return _mend_files(prefixes, failure)


def _mend_files(prefixes: tuple[str, ...], failure: str) -> str:
    for prefix in reversed(prefixes):
        if any(Path(prefix, "conda-meta").glob("ipykernel-[0-9]*.json")):
            return _hint("jupyter condaenv doctor --fix", prefix)
    if "No module named 'ipykernel'" in failure:
        return f"To add it: {_command('jupyter condaenv add', prefixes[-1])} ipykernel\n{UNHARMED}"
    return _hint("jupyter condaenv doctor --fix", prefixes[-1])


def _hint(command: str, prefix: str) -> str:
    return f"To mend it, run in a terminal: {_command(command, prefix)}\n{UNHARMED}"


def _command(command: str, prefix: str) -> str:
    return f"{command} {shlex.quote(prefix)}"


def _text(text: str) -> str:
    """Paths may hold bytes that no message can carry."""
    return text.encode("utf-8", "replace").decode()


def main(arguments: list[str]) -> None:
    """Serve the connection file that ``arguments`` name; what else is in them, for another kernel, is passed over."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("-f", "--f", dest="connection", default="")
    for name in ("levels", "failure", "language", "memory"):
        parser.add_argument(f"--{name}", default="")
    parser.add_argument("--died", action="store_true")
    end = arguments.index("--") if "--" in arguments else len(arguments)
    given, _ = parser.parse_known_args(arguments[:end])
    # Each program is told of it in its own way.
    connection = given.connection or next(filter(os.path.isfile, reversed(arguments[end:])), "")
    failure = given.failure
    if starting := os.environ.pop(STARTING, ""):
        with suppress(OSError):  # somebody has tidied up
            if given.died and time.time() - os.stat(starting).st_mtime < STALE:
                failure = what_died(starting)
            os.unlink(starting)
        if given.died and not failure:
            # As it would have begun without that file.
            trampoline = os.path.join(os.path.dirname(os.path.abspath(__file__)), "trampoline")
            os.execv(trampoline, [trampoline, *arguments[arguments.index("--died") + 1 :]])
    reason, hint = explain(given.levels, failure, given.memory)
    FallbackKernel.reason = _text(reason)
    FallbackKernel.hint = _text(hint)
    if given.language:
        FallbackKernel.language_info = {"name": given.language, "mimetype": "text/plain", "file_extension": ".txt"}
    FallbackKernel.banner = f"{FallbackKernel.reason}\n{FallbackKernel.hint}"
    print(f"condaenv: {FallbackKernel.banner}", file=sys.stderr)
    if not connection:
        sys.exit(1)  # nobody could ever talk to it
    IPKernelApp.launch_instance(argv=["-f", connection], kernel_class=FallbackKernel)


if __name__ == "__main__":
    main(sys.argv[1:])
