"""Changes that wait for the next start of a kernel.

A living kernel imports from its prefix whenever a cell asks for a module it has not loaded yet: where a change replaced
what it runs on, it would mix old and new. Such a change is fetched, written down in the prefix, and applied when the
next kernel of the environment starts and no other one lives. What is only added is put in place at once.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

import msgspec

from . import stored
from .activation.launch import split_levels
from .errors import Broken, InvalidRequest, NotFound
from .model import Plan
from .trees import write_whole

FILE = Path("conda-meta") / "condaenv" / "deferred.json"
_SHIM = b"/shim.py"
_WARM = "--warm="


def read(prefix: Path) -> Plan | None:
    """The change that waits; None where there is none, or none that can be read."""
    try:
        return waiting(prefix)
    except (NotFound, Broken):
        return None


def is_there(prefix: Path) -> bool:
    """Whether a change waits, also one that cannot be read."""
    return (prefix / FILE).exists()


def waiting(prefix: Path) -> Plan:
    """The change that waits. Raises NotFound, or Broken for one that cannot be read."""
    try:
        return stored.plan((prefix / FILE).read_bytes())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFound(
            f"No change of {prefix.name} waits for the start of a kernel.", "There is nothing to do."
        ) from error
    except (OSError, msgspec.MsgspecError, InvalidRequest) as error:
        raise Broken(
            f"The change of {prefix.name} that waits for a kernel cannot be read: {str(error).rstrip('.')}.",
            error.hint if isinstance(error, InvalidRequest) else "",
            unreadable=str(prefix),
        ) from error


def write(prefix: Path, plan: Plan) -> None:
    """Let ``plan`` wait, in the place of one that waited before. The caller is the writer of ``prefix``."""
    path = prefix / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, msgspec.json.encode(plan))


def drop(prefix: Path) -> None:
    """Let nothing wait any more."""
    (prefix / FILE).unlink(missing_ok=True)


def words(plan: Plan) -> str:
    """What a plan that waits was asked to do, for people."""
    return plan.words or plan.verb


def is_part_of(waiting: Plan, plan: Plan) -> bool:
    """Whether ``plan`` goes on from what ``waiting`` does."""
    return plan.words.startswith(f"{words(waiting)}, then ")


def replaces(plan: Plan) -> bool:
    """Whether something that is installed goes or moves."""
    of_pip = plan.pip.changes if plan.pip is not None else ()
    return any(change.before is not None for change in plan.changes) or any(change.before for change in of_pip)


def living_kernels(prefix: Path) -> tuple[int, ...]:
    """Process ids of the kernels that run in the environment at ``prefix`` or on top of it, as far as we can see them.

    Told by what ``kernels.launch`` has started: a Python with the shim and the prefixes in its command line, or a
    program with its own process id and the prefixes in a variable. One that only waits to become a kernel is none: it
    ends when it sees that the environment has changed.
    """
    wanted = os.fsencode(os.path.realpath(prefix))
    found = [process for process in _processes() if wanted in _prefixes_of(process)]
    return tuple(sorted(process for process in found if not _is_copy(process, found)))


def _processes() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []


def _is_copy(process: int, kernels: Collection[int]) -> bool:
    """Whether one of ``kernels`` has forked it, as each does for a moment to start a program: both are one kernel."""
    with suppress(OSError, ValueError, IndexError):
        parent = int(Path(f"/proc/{process}/stat").read_bytes().rpartition(b")")[2].split()[1])
        return parent in kernels and _arguments(parent) == _arguments(process)
    return False


def _arguments(process: int) -> list[bytes]:
    return Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")


def _waits(process: int, option: str) -> bool:
    """Whether it holds the socket that its command line names, by descriptor and inode (kernels/launch/warm.py)."""
    if not option.startswith(_WARM):
        return False
    descriptor, _, inode = option[len(_WARM) :].partition(":")
    try:
        return os.readlink(f"/proc/{process}/fd/{descriptor}") == f"socket:[{inode}]"
    except OSError:
        return False


def _prefixes_of(process: int) -> set[bytes]:
    """What the kernel that is ``process`` runs on; nothing for a process that is no kernel of ours."""
    levels = b""
    with suppress(OSError):
        arguments = _arguments(process)
        if len(arguments) > 3 and arguments[1].endswith(_SHIM):
            levels = arguments[2] if not _waits(process, os.fsdecode(arguments[3])) else b""
        else:
            mark = b"\0CONDAENV_KERNEL=%d:" % process
            _, found, rest = (b"\0" + Path(f"/proc/{process}/environ").read_bytes()).partition(mark)
            levels = rest.partition(b"\0")[0] if found else b""
    return {os.path.realpath(os.fsencode(level)) for level in split_levels(os.fsdecode(levels))}
