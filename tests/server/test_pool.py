"""Kernels that wait, in a real server and a real environment: who gets them, and when they are no longer any good."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from jupyter_condaenv.engine import deferred
from tests.jobs.conftest import eventually

from .house import Client, Home, Server

PATIENCE = 60.0
STATE = "import json, os, smallpkg; print(json.dumps([os.getpid(), os.getcwd(), __session__, smallpkg.__version__]))"
LOADED = """
import sys
from jupyter_client.provisioning.factory import KernelProvisionerFactory
from jupyter_server.serverapp import ServerApp

app = ServerApp.instance()
app.initialize(["--ServerApp.jpserver_extensions={'jupyter_condaenv': True}", "--ServerApp.port=0"])
loaded = [name for name in ("provisioner", "pool") if f"jupyter_condaenv.kernels.{name}" in sys.modules]
print(KernelProvisionerFactory.instance().default_provisioner_name, *loaded)
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, channel_dir: Path, warm_cache: Path) -> Iterator[Home]:
    """A home in which one kernel of an environment waits for the next."""
    home = Home(tmp_path_factory.mktemp("pool") / "home", channel_dir.as_uri())
    home.configure(channels=[channel_dir.as_uri()], cache_dir=str(warm_cache), pool_size=1)
    yield home


class Books:
    """Notebooks of a server, in an environment ``geo``."""

    def __init__(self, server: Server, client: Client) -> None:
        self.server = server
        self.client = client
        self._heard = 0

    def open(self, path: str) -> tuple[str, int]:
        """Begin the session of the notebook at ``path``. Its id, and the process that is its kernel."""
        body = {"path": path, "type": "notebook", "name": os.path.basename(path), "kernel": {"name": "condaenv-geo"}}
        answer = self.client.jupyter("POST", "sessions", body)
        assert answer.status == 201, answer.body
        id = answer.body["id"]
        return id, self.state(id)[0]

    def state(self, session: str) -> list[Any]:
        """Process, folder, name of the session, and version of the package."""
        kernel = self.client.jupyter("GET", f"sessions/{session}").body["kernel"]["id"]
        cell = self.client.run_in(kernel, STATE)
        assert not cell.error
        # What became of a change that has waited is told with the first cell.
        (line,) = [line for line in cell.text.splitlines() if not line.startswith("condaenv: ")]
        found: list[Any] = json.loads(line)
        return found

    def close(self, session: str) -> None:
        assert self.client.jupyter("DELETE", f"sessions/{session}").status == 204

    def waiting(self) -> int:
        """The next process that has begun to wait, of which nobody was told here yet."""
        found = eventually(
            lambda: re.findall(r"A kernel waits \(process (\d+)\)", "".join(self.server.log))[self._heard :]
        )
        self._heard += 1
        return int(found[0])


@pytest.fixture(scope="module")
def books(place: Home) -> Iterator[Books]:
    server = Server(place)
    client = server.client()
    client.do("POST", "environments", {"name": "geo", "specs": ["python", "ipykernel", "smallpkg <2"]})
    yield Books(server, client)
    server.end()
    assert server.faults == [], "".join(server.log[-200:])
    assert not of(place), "they end with the server"


def of(place: Home) -> list[psutil.Process]:
    """The processes that have the folder of ``place`` in their command line."""
    return [one for one in psutil.process_iter(["cmdline"]) if str(place.envs) in " ".join(one.info["cmdline"] or ())]


@pytest.mark.slow
def test_one_of_two_windows_gets_it_and_the_other_a_started_one(books: Books, place: Home) -> None:
    for folder in ("one", "two", "three"):
        (place.folder / folder).mkdir()
    first, cold = books.open("one/a.ipynb")
    waiting = books.waiting()
    assert waiting != cold
    with ThreadPoolExecutor(2) as windows:
        opened = list(windows.map(books.open, ["two/b.ipynb", "three/c.ipynb"]))
    assert [process for _, process in opened].count(waiting) == 1
    assert deferred.living_kernels(place.envs / "geo") == tuple(sorted([cold, *(process for _, process in opened)]))
    for (session, process), path in zip(opened, ("two/b.ipynb", "three/c.ipynb"), strict=True):
        where = str(place.folder / path)
        assert books.state(session) == [process, os.path.dirname(where), where, "1.1"]
    books.waiting()
    for session in (first, *(session for session, _ in opened)):
        books.close(session)


@pytest.mark.slow
def test_a_change_does_not_mind_it_and_makes_it_useless(books: Books) -> None:
    session, process = books.open("a.ipynb")
    waiting = books.waiting()
    change = books.client.do("PATCH", "environments/geo/packages", {"add": ["smallpkg ==2.0"]})
    assert (change["result"], change["kernels"]) == ("deferred", [process])
    books.close(session)
    session, process = books.open("a.ipynb")
    assert process != waiting
    assert books.state(session)[-1] == "2.0"
    books.close(session)

    waits = psutil.Process(books.waiting())
    change = books.client.do("PATCH", "environments/geo/packages", {"add": ["smallpkg <2"]})
    assert change["result"] == "changed"
    waits.wait(PATIENCE)
    session, process = books.open("a.ipynb")
    assert books.state(session)[-1] == "1.1"
    books.waiting()
    books.close(session)


@pytest.mark.slow
def test_one_that_hangs_is_ended_and_a_kernel_started(books: Books) -> None:
    session, _ = books.open("a.ipynb")
    waiting = psutil.Process(books.waiting())
    books.close(session)
    waiting.suspend()
    session, process = books.open("a.ipynb")
    assert process != waiting.pid
    waiting.wait(PATIENCE)
    assert any(f"(process {waiting.pid}) was not used: it has not answered" in line for line in books.server.log)
    books.waiting()
    books.close(session)


@pytest.mark.slow
def test_none_outlives_the_server_however_it_ends(books: Books, place: Home) -> None:
    server = Server(place)
    killed = Books(server, server.client())
    try:
        killed.open("killed.ipynb")
        waiting = psutil.Process(killed.waiting())
    finally:
        server.end(signal.SIGKILL)
    waiting.wait(PATIENCE)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("size", "chosen", "answer"),
    [
        (0, "", "local-provisioner"),
        (1, "", "condaenv-warm provisioner pool"),
        pytest.param(1, "theirs", "theirs", marks=pytest.mark.slow),
    ],
    ids=["off", "on", "with another provisioner"],
)
def test_what_is_off_is_not_loaded(home: Home, size: int, chosen: str, answer: str) -> None:
    home.configure(pool_size=size)
    env = home.env | ({"JUPYTER_DEFAULT_PROVISIONER_NAME": chosen} if chosen else {})
    done = subprocess.run(
        [sys.executable, "-c", LOADED], env=env, capture_output=True, text=True, timeout=120, check=True
    )
    name, *loaded = done.stdout.split()
    if chosen:
        assert "No kernels wait, as theirs starts the kernels of this server." in done.stderr
        loaded = []
    assert [name, *loaded] == answer.split()
