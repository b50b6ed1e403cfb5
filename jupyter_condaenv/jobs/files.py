"""The files of a job's folder, and how they are written. Standard library only: the supervisor imports it.

===============  ========================================================================  ====================
file             holds                                                                     written by
===============  ========================================================================  ====================
request.json     what is to be done, without secrets; when, by whom, on which host          starter
events.jsonl     one numbered event a line                                                 worker
result.json      how it ended; there is none while it goes on                              worker or supervisor
owner.json       which process answers for the job: host, boot, pid, its start             starter, supervisor
heartbeat        nothing; its time says that the supervisor lives                          supervisor
cancel           nothing; that it exists asks for the job to stop                          anyone
worker.log       what worker and supervisor print, without secrets                         supervisor
ballast          nothing of use; its space makes room for the result on a full disk         starter
===============  ========================================================================  ====================
"""

from __future__ import annotations

import os
from pathlib import Path

REQUEST = "request.json"
EVENTS = "events.jsonl"
RESULT = "result.json"
OWNER = "owner.json"
HEARTBEAT = "heartbeat"
CANCEL = "cancel"
LOG = "worker.log"
BALLAST = "ballast"

BALLAST_BYTES = 32_768


def write_atomically(path: Path, data: bytes) -> None:
    """Put ``data`` into ``path`` such that every reader, also after a power failure, finds all of it or nothing.

    Raises OSError when it cannot be written; ``path`` is then as before.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def touch(path: Path) -> None:
    """Create ``path`` or set its time to now, by the clock of the file system that holds it."""
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    os.utime(path)


def exists_now(path: Path) -> bool:
    """Whether ``path`` exists, also when another host has just made it.

    An NFS client remembers for up to a minute that a file did not exist; opening its directory makes it look again
    (close-to-open consistency, nfs(5)).
    """
    try:
        with os.scandir(path.parent):
            return path.exists()
    except OSError:
        return False


def drop_ballast(folder: Path) -> None:
    """Free the space that was kept for the result."""
    (folder / BALLAST).unlink(missing_ok=True)


def tail(path: Path, lines: int = 20, most_bytes: int = 8192) -> list[str]:
    """The last ``lines`` lines of a text, of at most ``most_bytes`` bytes; empty when there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - most_bytes))
            text = file.read(most_bytes).decode(errors="replace")
    except OSError:
        return []
    return [line for line in text.splitlines() if line.strip()][-lines:]
