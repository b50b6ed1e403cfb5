"""A kernel that ends without a word while it starts is told of by the next start with the same connection file.

The trampoline makes an empty file when it starts one, and the shim deletes it when there is a kernel, or something else
has been said. Jupyter starts a kernel that has died again with the same connection file: where the file is there then,
nobody can have said anything, and ``fallback.py`` does. Nothing watches a kernel for that.
"""

from __future__ import annotations

import faulthandler
import os
import signal
from importlib import import_module

VARIABLE = "CONDAENV_STARTING"
"""Names the file."""
TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType


class Start:
    """Of the kernel that this process is to be. ``path`` is the file, empty where there is none."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file = -1
        self._faults = False
        if not path:
            return
        try:
            self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
            os.write(self._file, b"%d\n" % (import_module("activation.memory").killed() or 0))
        except OSError:
            self._path = ""
            return
        if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
            signal.signal(signal.SIGTERM, self._terminated)
        if not faulthandler.is_enabled():
            # With a session there is a notebook to tell it in. Without, there may be only somebody who reads the log.
            faulthandler.enable(self._file if os.environ.get("JPY_SESSION_NAME") else 2, all_threads=False)
            self._faults = True

    def is_over(self) -> None:
        """There is a kernel, or nothing that needs to be told of."""
        if not self._path:
            return
        if self._faults:
            faulthandler.disable()
        if signal.getsignal(signal.SIGTERM) == self._terminated:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
        self._forget()

    def _terminated(self, number: int, _: FrameType | None) -> None:
        # Whoever asks for that knows why.
        self._forget()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def _forget(self) -> None:
        path, self._path = self._path, ""
        try:
            os.close(self._file)
            os.unlink(path)
        except OSError:
            pass
