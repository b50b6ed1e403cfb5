"""What workers do in these tests instead of conda: the worker imports this module by name, in a process of its own."""

from __future__ import annotations

import ctypes
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from jupyter_condaenv.engine import exchange, staging
from jupyter_condaenv.engine.errors import Unsatisfiable
from jupyter_condaenv.engine.model import (
    AnyEvent,
    AnyRequest,
    CreateEnvironment,
    Message,
    Progress,
    Removed,
    Settings,
    Step,
)

Emit = Callable[[AnyEvent], None]


def _specs(request: AnyRequest) -> tuple[str, ...]:
    assert isinstance(request, CreateEnvironment)
    return request.specs


def _removed(request: AnyRequest) -> Removed:
    return Removed(prefix=request.prefix)


def _for_ever() -> NoReturn:
    while True:
        time.sleep(60)


def tells(request: AnyRequest, settings: Settings, emit: Emit) -> Removed:
    """Each spec as a message."""
    for spec in _specs(request):
        emit(Message(text=spec))
    return _removed(request)


def waits_for_file(request: AnyRequest, settings: Settings, emit: Emit) -> Removed:
    """Until the file named by the first spec exists."""
    emit(Step(phase="solve", text="waiting for the file"))
    go = Path(_specs(request)[0])
    while not go.exists():
        time.sleep(0.01)
    emit(Message(text="the file is there"))
    return _removed(request)


def tells_as_told(request: AnyRequest, settings: Settings, emit: Emit) -> Removed:
    """A message, with the time it was emitted at, each time a file named by a spec appears."""
    for spec in _specs(request):
        while not Path(spec).exists():
            time.sleep(0.001)
        emit(Message(text=repr(time.time())))
    return _removed(request)


def runs_with_child(request: AnyRequest, settings: Settings, emit: Emit) -> Removed:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    emit(Message(text=f"{os.getpid()} {child.pid}"))
    _for_ever()


def waits_for_another(request: AnyRequest, settings: Settings, emit: Emit) -> Removed:
    """Longer than a stall may take, in phase ``wait``."""
    emit(Step(phase="wait", text="Waiting for another job"))
    time.sleep(settings.stall_timeout * 3)
    return _removed(request)


def stalls(request: AnyRequest, settings: Settings, emit: Emit) -> Removed:
    emit(Step(phase="download", text="downloading"))
    emit(Progress(phase="download", done=1, total=3, unit="bytes"))
    while True:
        time.sleep(0.02)
        emit(Progress(phase="download", done=1, total=3, unit="bytes"))


def solves_slowly(request: AnyRequest, settings: Settings, emit: Emit) -> Removed:
    emit(Step(phase="solve", text="solving"))
    time.sleep(settings.stall_timeout * 2)
    return _removed(request)


def is_killed(request: AnyRequest, settings: Settings, emit: Emit) -> NoReturn:
    print("allocating", flush=True)
    os.kill(os.getpid(), 9)
    _for_ever()


def crashes(request: AnyRequest, settings: Settings, emit: Emit) -> NoReturn:
    ctypes.string_at(0)
    _for_ever()


def exits(request: AnyRequest, settings: Settings, emit: Emit) -> NoReturn:
    print("https://me:geheim@host/t/tok-123/x refused", file=sys.stderr, flush=True)
    os._exit(3)


def cannot(request: AnyRequest, settings: Settings, emit: Emit) -> NoReturn:
    raise Unsatisfiable("a needs b of https://me:geheim@host/t/tok-123/x", "Leave out b.", names=["a", "b"])


def stumbles(request: AnyRequest, settings: Settings, emit: Emit) -> NoReturn:
    raise KeyError("https://me:geheim@host/t/tok-123/x")


def leaks(request: AnyRequest, settings: Settings, emit: Emit) -> Removed:
    """Whether the worker got the secret in its first channel, and events that name it."""
    channel = _channel(request)
    emit(Message(text="got the secret" if "geheim" in channel else "got none"))
    emit(Message(text=f"from {channel}"))
    emit(Progress(phase="download", done=0, item=channel))
    print(f"fetching {channel}", flush=True)
    return Removed(prefix=request.prefix, kernels=(channel,))


def _channel(request: AnyRequest) -> str:
    assert isinstance(request, CreateEnvironment)
    return request.channels[0]


def floods(request: AnyRequest, settings: Settings, emit: Emit) -> Removed:
    """Half a million progress events from four threads."""

    def count(item: str) -> None:
        for done in range(125_000):
            emit(Progress(phase="link", done=done + 1, total=125_000, unit="files", item=item))

    emit(Step(phase="link", text="linking"))
    threads = [threading.Thread(target=count, args=(f"package-{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    emit(Step(phase="check", text="checking"))
    return _removed(request)


def pauses_after_progress(request: AnyRequest, settings: Settings, emit: Emit) -> Removed:
    """Two events at once, then silence until the file named by the first spec exists."""
    emit(Progress(phase="download", done=1, total=9))
    emit(Progress(phase="download", done=2, total=9))
    while not Path(_specs(request)[0]).exists():
        time.sleep(0.01)
    return _removed(request)


def is_verbose(request: AnyRequest, settings: Settings, emit: Emit) -> Removed:
    """Ten thousand messages."""
    for number in range(10_000):
        emit(Message(text=f"message {number} ✓"))
    return _removed(request)


def prints(request: AnyRequest, settings: Settings, emit: Emit) -> Removed:
    """Some 6 MB."""
    for _ in range(60_000):
        print("x" * 100)
    return _removed(request)


def fills_the_disk(request: AnyRequest, settings: Settings, emit: Emit) -> Removed:
    """Its files may hold 20,000 bytes each; another thread emits, and nobody hears it fail."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
    fills_what_there_is(request, settings, emit)
    return _removed(request)


def fills_what_there_is(request: AnyRequest, settings: Settings, emit: Emit) -> Removed:
    def talk() -> None:
        try:
            while True:
                emit(Message(text="x" * 1000))
        except Exception:
            return  # as py-rattler does with what its callbacks raise

    talker = threading.Thread(target=talk)
    talker.start()
    talker.join()
    return _removed(request)


def exchanges(request: AnyRequest, settings: Settings, emit: Emit) -> Removed:
    """Replaces the prefix by a copy of itself, as every change does."""
    work = staging.workspace(Path(request.prefix))
    exchange.commit(work, staging.make_stage(work))
    return _removed(request)


def reports(request: AnyRequest, settings: Settings, emit: Emit) -> Removed:
    """How the worker finds itself."""
    emit(Message(text=f"cwd {Path.cwd()}"))
    emit(Message(text=f"stdin {sys.stdin.read()!r}"))
    emit(Message(text=f"leader {os.getsid(0) == os.getpid() == os.getpgid(0)}"))
    emit(Message(text=f"umask {_umask():o}"))
    return _removed(request)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
