"""Running operations in processes of their own, and looking at what they leave."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from jupyter_condaenv.engine import exchange, staging
from jupyter_condaenv.engine.errors import CondaEnvError
from jupyter_condaenv.engine.model import AnyRequest, Settings
from jupyter_condaenv.engine.prefix import read_record, record_files

from . import child
from .run_operation import ROOT, command

DEADLINE = 120.0


class Ended(Exception):
    """The operation ended before what was waited for."""


class Operation:
    """One request under way. Use it as a context manager: what still runs in the end is killed."""

    def __init__(self, request: AnyRequest, settings: Settings, before: Sequence[str] = ()) -> None:
        self.began = time.monotonic()
        self.events: list[dict[str, Any]] = []
        self.result: dict[str, Any] | None = None
        self.failure: dict[str, Any] | None = None
        self.process = subprocess.Popen(
            [*before, *command(request, settings)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )

    def __enter__(self) -> Operation:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()

    def lines(self) -> Iterator[dict[str, Any]]:
        """Each event as it comes."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with suppress(ValueError):  # the last words of one who was killed may be half a line
                told = json.loads(line)
                self.result = told.get("result", self.result) if "event" not in told else self.result
                self.failure = told.get("failure", self.failure)
                if "event" in told:
                    self.events.append(told)
                    yield told

    def until(self, phase: str, kind: str = "step") -> None:
        """Wait for an event. Raises Ended where there was none."""
        for event in self.lines():
            if event["event"] == kind and event.get("phase") == phase:
                return
        raise Ended(f"no {kind} {phase}: {self.events} {self.failure}")

    def kill(self) -> None:
        """As the out-of-memory killer does it."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def finish(self) -> Operation:
        """Let it come to its end."""
        for _ in self.lines():
            pass
        self.process.wait(DEADLINE)
        return self

    def expect_result(self) -> dict[str, Any]:
        self.finish()
        assert self.process.stderr is not None
        assert self.result is not None, f"{self.failure or self.process.stderr.read().decode()[-3000:]}"
        return self.result

    def expect_failure(self, *codes: str) -> dict[str, Any]:
        self.finish()
        assert self.process.stderr is not None
        assert self.failure is not None, f"{self.result or self.process.stderr.read().decode()[-3000:]}"
        assert self.failure["code"] in codes, self.failure
        return self.failure

    @property
    def phases(self) -> list[str]:
        return [event["phase"] for event in self.events if event["event"] == "step"]


def run(request: AnyRequest, settings: Settings, before: Sequence[str] = ()) -> dict[str, Any]:
    """Perform ``request`` and return its result; fails where it fails. ``before`` is a command that runs others."""
    if before:
        with Operation(request, settings, before) as operation:
            return operation.expect_result()
    return _as_told(child.operate(request, settings)[0])


def refused(request: AnyRequest, settings: Settings, *codes: str, before: Sequence[str] = ()) -> dict[str, Any]:
    """Perform ``request``, which has to fail with one of ``codes``, and return the failure."""
    if before:
        with Operation(request, settings, before) as operation:
            return operation.expect_failure(*codes)
    with pytest.raises(CondaEnvError) as caught:
        child.operate(request, settings)
    failure = _as_told(caught.value.failure())
    assert failure["code"] in codes, failure
    return failure


def _as_told(what: object) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(what))
    return told


def changed(settings: Settings, **fields: Any) -> Settings:
    return replace(settings, **fields)


def poll(condition: Callable[[], object], seconds: float = DEADLINE) -> None:
    """Wait until ``condition`` holds."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, f"not within {seconds} seconds"
        os.sched_yield()


# --- what is there ---


def tree(prefix: Path, *, ours: bool = True) -> dict[str, tuple[object, ...]]:
    """Everything in ``prefix`` with its type, mode and content; empty where there is nothing.

    ``ours=False`` leaves out the notes that change with every revision.
    """
    found: dict[str, tuple[object, ...]] = {}
    for folder, folders, names in os.walk(prefix):
        if not ours:
            folders[:] = [name for name in folders if os.path.join(folder, name) != f"{prefix}/conda-meta/condaenv"]
        for name in [*folders, *names]:
            path = os.path.join(folder, name)
            relative = os.path.relpath(path, prefix)
            if ours or relative != "conda-meta/history":
                found[relative] = _content(path)
    return {path: content for path, content in found.items() if not path.startswith(f"conda-meta/{staging.WORK_NAME}")}


def _content(path: str) -> tuple[object, ...]:
    status = os.lstat(path)
    if stat.S_ISLNK(status.st_mode):
        return ("link", os.readlink(path))
    if stat.S_ISREG(status.st_mode):
        readable = os.access(path, os.R_OK)
        return ("file", status.st_mode, digest(path) if readable else (status.st_size, status.st_ino))
    return (stat.S_IFMT(status.st_mode), status.st_mode)


def digest(path: str | Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else _digest(file)


def _digest(file: Any) -> str:
    return hashlib.sha256(file.read()).hexdigest()


def names(prefix: Path) -> set[str]:
    """The conda packages in ``prefix``."""
    return {read_record(path).name for path in record_files(prefix)}


def problems(prefix: Path, *foreign: str) -> list[str]:
    """What is wrong in ``prefix``: files that are not as their record says, and files that nobody owns.

    ``foreign`` are paths, or folders with a slash at the end, that belong to no package; also below site-packages.
    """
    wrong: list[str] = []
    owned: set[str] = set()
    for file in record_files(prefix):
        record = read_record(file)
        for entry in record.paths:
            owned.add(entry.path)
            path = prefix / entry.path
            if not os.path.lexists(path):
                wrong.append(f"{record.name}: {entry.path} is missing")
            elif entry.path_type == "hardlink" and digest(path) != (entry.sha256_in_prefix or entry.sha256):
                wrong.append(f"{record.name}: {entry.path} has another content")
    for folder, _, found in os.walk(prefix):
        for name in found:
            path_ = os.path.relpath(os.path.join(folder, name), prefix)
            ours = path_.startswith(("conda-meta/", *foreign)) or path_.partition("site-packages/")[2].startswith(
                foreign
            )
            ours = ours or os.path.isabs(_target(prefix / path_))  # how an overlay has what its base has
            if path_ not in owned and not ours:
                wrong.append(f"{path_} belongs to nobody")
    return wrong


def _target(path: Path) -> str:
    return os.readlink(path) if path.is_symlink() else ""


def leftovers(prefix: Path) -> list[str]:
    """What a change left behind, the lock apart."""
    places = [prefix.parent / staging.WORK_NAME / prefix.name, prefix / "conda-meta" / staging.WORK_NAME]
    return [
        str(path) for place in places if place.is_dir() for path in place.iterdir() if not path.name.startswith("lock")
    ]


def settled(prefix: Path) -> None:
    """Wait until nothing is left of what was replaced."""
    poll(lambda: exchange.settle(str(prefix)))
    assert leftovers(prefix) == []
