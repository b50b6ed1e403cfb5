"""The event log of a job: written by the worker, read by everyone."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import msgspec

from ..engine.errors import StorageError
from ..engine.model import AnyEvent, Progress, Step
from .records import NumberedEvent, now, without_secrets

SHORTEST = 0.1
"""Seconds between two progress events about one item."""

_Item = tuple[str, str]


class EventWriter:
    """Appends events. Any number of threads may ``emit``.

    Steps and messages are written at once, and so is the first progress of an item; then at most one each ``SHORTEST``
    seconds, of which the last one always comes through: when its time has come, with the next step, or at the end.
    Progress that says the same again is left out, so that what stands in the log is progress.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._number = 0
        self._changed = threading.Condition()
        self._waiting: dict[_Item, Progress] = {}
        self._written: dict[_Item, tuple[float, Progress]] = {}
        self._failure: StorageError | None = None
        self._closed = False
        self._flusher = threading.Thread(target=self._flush_in_time, daemon=True)
        self._flusher.start()

    def emit(self, event: AnyEvent) -> None:
        """Raises StorageError, now and from then on, when the log cannot be written."""
        with self._changed:
            if self._closed:
                return
            if self._failure:
                raise self._failure
            if isinstance(event, Progress):
                self._progress(event)
                return
            if isinstance(event, Step):
                self._flush()
                self._written.clear()
            self._write(event)

    def close(self) -> None:
        """Write what waits. Raises StorageError when any event could not be written, whichever thread emitted it."""
        with self._changed:
            if not self._closed and not self._failure:
                self._flush()
            self._closed = True
            self._changed.notify()
            if self._failure:
                raise self._failure

    def _progress(self, event: Progress) -> None:
        key = (event.phase, event.item)
        last = self._written.get(key)
        if last and time.monotonic() < last[0] + SHORTEST:
            self._waiting[key] = event
            self._changed.notify()
        else:
            self._write_progress(key, event)

    def _write_progress(self, key: _Item, event: Progress) -> None:
        self._waiting.pop(key, None)
        last = self._written.get(key)
        if last is None or last[1] != event:
            self._written[key] = (time.monotonic(), event)
            self._write(event)

    def _flush(self, until: float = float("inf")) -> None:
        for key in [key for key in self._waiting if self._due(key) <= until]:
            self._write_progress(key, self._waiting[key])

    def _due(self, key: _Item) -> float:
        return self._written[key][0] + SHORTEST

    def _flush_in_time(self) -> None:
        with self._changed:
            while not self._closed and not self._failure:
                pause = min(map(self._due, self._waiting), default=float("inf")) - time.monotonic()
                if pause > 0:
                    self._changed.wait(min(pause, 3600))
                    continue
                try:
                    self._flush(time.monotonic())
                except StorageError:
                    return  # remembered; the next to emit, or close, is told

    def _write(self, event: AnyEvent) -> None:
        numbered = NumberedEvent(number=self._number + 1, time=now(), event=without_secrets(event))
        line = msgspec.json.encode(numbered) + b"\n"
        try:
            while line:
                line = line[os.write(self._file, line) :]
        except OSError as error:
            self._failure = StorageError(
                f"The events of the job cannot be written: {error.strerror}.",
                "Free some space, or raise the quota, where Jupyter keeps its data; then start the operation again.",
            )
            raise self._failure from error
        self._number += 1


class EventReader:
    """Reads a log from event ``since`` on, while it is being written."""

    def __init__(self, path: Path, since: int = 0) -> None:
        self._path = path
        self._since = since
        self._offset = 0

    def new(self) -> list[NumberedEvent]:
        """What came since the last call. Cheap when nothing did. A torn line at the end is left for later, a damaged
        one left out. Raises StorageError when it cannot be read."""
        try:
            # Opened anew each time: it makes an NFS client ask for the size.
            with self._path.open("rb") as file:
                if os.fstat(file.fileno()).st_size == self._offset:
                    return []
                file.seek(self._offset)
                data = file.read()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StorageError(f"The events of the job cannot be read: {error}.", "Look at that file.") from error
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        return [event for line in whole.splitlines() if (event := self._decoded(line))]

    def _decoded(self, line: bytes) -> NumberedEvent | None:
        if 0 < _number(line) <= self._since:
            return None
        try:
            event = _decoder.decode(line)
        except msgspec.MsgspecError:
            return None
        if event.number <= self._since:
            return None
        self._since = event.number
        return event


_decoder = msgspec.json.Decoder(NumberedEvent)
_START = b'{"number":'


def _number(line: bytes) -> int:
    """The number of the event in ``line`` without decoding it; 0 when it does not start as the writer writes."""
    digits = line[len(_START) : len(_START) + 20].partition(b",")[0]
    return int(digits) if line.startswith(_START) and digits.isdigit() else 0
