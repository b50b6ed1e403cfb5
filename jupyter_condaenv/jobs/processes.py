"""What differs between operating systems: who lives, who belongs together, who dies with whom.

Standard library only, with psutil (which ipykernel brings) where the system is not Linux.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import threading
import time
from pathlib import Path

TYPE_CHECKING = False  # typing is slow to import, and the supervisor is waited for
if TYPE_CHECKING:
    import subprocess

POSIX = os.name == "posix"


def boot_id() -> str:
    """What changes when the machine is started again; empty where the system does not tell."""
    return _read("/proc/sys/kernel/random/boot_id")


def pid_namespace() -> str:
    """Within what process ids mean anything (pid_namespaces(7)): two containers may share host name and boot id."""
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def started(pid: int) -> str:
    """When the process ``pid`` of this machine was started, in a form that only compares; empty when it is gone.

    Pid and start together name one process: pids are used again. A zombie is gone.
    """
    if sys.platform == "linux":
        return _started_linux(pid)
    import psutil  # type: ignore[import-untyped,unused-ignore]

    try:
        process = psutil.Process(pid)
        return "" if process.status() == psutil.STATUS_ZOMBIE else repr(process.create_time())
    except psutil.Error:
        return ""


def _started_linux(pid: int) -> str:
    # proc(5), /proc/pid/stat: the name, in brackets, may hold blanks and brackets itself; state is the first field
    # after it, the start, in clock ticks since boot, the twentieth.
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return "" if len(fields) < 20 or fields[0] in "ZX" else fields[19]


def _read(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace").strip()
    except OSError:
        return ""


def detach() -> None:
    """Leave the process that started this one, so that it need not wait for this one's end.

    Called first thing by a process that leads a session: after the fork it can never get a terminal again.
    """
    if POSIX and os.fork():
        os._exit(0)


def creation_flags() -> int:
    """What ``subprocess.Popen`` wants on Windows for a process that outlives its starter; 0 elsewhere."""
    if sys.platform != "win32":
        return 0
    import subprocess

    return subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_BREAKAWAY_FROM_JOB


class Worker:
    """A child in a session and process group of its own, with standard output and error in one pipe.

    It inherits standard input. ``output`` is the reading end of the pipe.
    """

    def __init__(self, command: list[str]) -> None:
        self.output, write = os.pipe()
        # Not by ``subprocess`` where it can be helped: importing that takes as long as all else until here.
        self._popen = None if POSIX else _spawn(command, write)
        self.pid = self._popen.pid if self._popen else _fork(command, write)
        os.close(write)

    def ended(self) -> bool:
        """Whether it ended; what is left of its group can still be killed without meeting a stranger."""
        if self._popen:
            return self._popen.poll() is not None
        if hasattr(os, "waitid"):
            return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        return not started(self.pid)

    def kill(self) -> int:
        """End whatever is left of its process group. Returns how it ended, as ``subprocess`` counts: a signal is
        negative."""
        if self._popen:
            import subprocess

            subprocess.run(["taskkill", "/F", "/T", "/PID", str(self.pid)], capture_output=True, check=False)
            return self._popen.wait()
        for kill in (os.killpg, os.kill):  # just after the fork it has no group of its own yet
            with contextlib.suppress(ProcessLookupError, PermissionError):
                kill(self.pid, signal.SIGKILL)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def _fork(command: list[str], output: int) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.execv(command[0], command)
    finally:
        os._exit(127)


def _spawn(command: list[str], output: int) -> subprocess.Popen[bytes]:
    import subprocess

    return subprocess.Popen(command, stdout=output, stderr=output, creationflags=creation_flags())


def die_with_supervisor() -> None:
    """See to it that this process, with its group, is killed when the one that reads its output dies.

    Not by ``PR_SET_PDEATHSIG``: that would kill this process before it can take along what it has started.
    """
    threading.Thread(target=_watch_supervisor, daemon=True).start()


def _watch_supervisor() -> None:
    if sys.platform == "win32":
        parent = os.getppid()
        its_start = started(parent)
        while its_start and started(parent) == its_start:
            time.sleep(1.0)
        os._exit(1)
    poll = select.poll()
    poll.register(2, 0)  # for nothing but the error that a pipe is in when nobody reads it any more, pipe(7)
    poll.poll()
    os.killpg(0, signal.SIGKILL)
