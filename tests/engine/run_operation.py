"""Performs one request in a process of its own: ``python -m tests.engine.run_operation REQUEST SETTINGS``, both JSON.

Events come as JSON lines on standard output, in the end ``{"result": ...}`` or ``{"failure": ...}``.
"""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import msgspec

from jupyter_condaenv.engine import operations
from jupyter_condaenv.engine.errors import CondaEnvError
from jupyter_condaenv.engine.model import AnyEvent, AnyRequest, Settings

_lock = threading.Lock()


def tell(line: object) -> None:
    with _lock:
        sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
        sys.stdout.buffer.flush()


def main(request: str, settings: str) -> int:
    def emit(event: AnyEvent) -> None:
        tell(event)

    try:
        result = operations.perform(
            msgspec.json.decode(request, type=AnyRequest), msgspec.json.decode(settings, type=Settings), emit
        )
    except CondaEnvError as error:
        tell({"failure": error.failure()})
        return 1
    tell({"result": result})
    return 0


if __name__ == "__main__":
    code = main(*sys.argv[1:])
    sys.stdout.flush()
    os._exit(code)  # py-rattler crashes in the interpreter's own way out


def command(request: AnyRequest, settings: Settings) -> list[str]:
    """What runs ``request``; for :func:`subprocess.Popen` with ``cwd=ROOT``."""
    texts = (msgspec.json.encode(each).decode() for each in (request, settings))
    return [sys.executable, "-m", __name__, *texts]


ROOT = Path(__file__).resolve().parents[2]
