"""The process of the command line, as the magic speaks to it."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

import pytest

from jupyter_condaenv.magics.operation import perform

UNTIL_INTERRUPTED = """
import os, signal, sys
signal.signal(signal.SIGINT, lambda *_: (print('{"result": "stopped"}', flush=True), os._exit(0)))
signal.signal(signal.SIGALRM, lambda *_: (print('{"result": "never told"}', flush=True), os._exit(0)))
signal.alarm(5)
print('{"event": {}}', flush=True)
while True:
    signal.pause()
"""


def call_of(thread: int) -> str:
    """The system call that ``thread`` waits in, with its arguments."""
    return Path(f"/proc/self/task/{thread}/syscall").read_text(encoding="utf-8")


@pytest.mark.skipif(sys.platform != "linux", reason="a thread's system call is seen in /proc: run it on Linux")
def test_an_interrupt_that_breaks_off_no_call_is_passed_on() -> None:
    """One that comes just before a read() leaves it waiting; so does one that another thread gets."""
    main = threading.get_native_id()
    told = threading.Event()

    def interrupt() -> None:
        told.wait()
        while (call := call_of(main)) == "running\n" or call != call_of(main):
            pass
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    answer = perform([sys.executable, "-I", "-S", "-c", UNTIL_INTERRUPTED], lambda _: told.set())
    thread.join()
    assert answer["result"] == "stopped"
