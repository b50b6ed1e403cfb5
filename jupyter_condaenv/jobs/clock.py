"""How old a file is, by the clock that wrote its time: on a shared home that is the file server's, not ours."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

KEEP = 30.0
"""Seconds for which one look at the file system's clock is good."""


class FileSystemClock:
    """The clock of the file system that holds ``folder``."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._looked = float("-inf")
        self._ahead = 0.0

    def age(self, path: Path) -> float:
        """Seconds since ``path`` was written; infinite when it is not there."""
        try:
            # By opening it: that makes an NFS client ask for the time.
            with path.open("rb") as file:
                return self._now() - os.fstat(file.fileno()).st_mtime
        except OSError:
            return float("inf")

    def _now(self) -> float:
        if time.monotonic() > self._looked + KEEP:
            self._looked = time.monotonic()
            self._ahead = self._written_now() - time.monotonic()
        return time.monotonic() + self._ahead

    def _written_now(self) -> float:
        try:
            with tempfile.TemporaryFile(dir=self._folder) as file:
                file.write(b"x")
                file.flush()
                os.utime(file.fileno())
                return os.fstat(file.fileno()).st_mtime
        except OSError:
            return time.time()  # full or read-only: the local clock is the best there is
