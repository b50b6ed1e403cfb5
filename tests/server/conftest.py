"""Servers, and a channel of packages of a few bytes for all that does not need a Python."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.channel import ChannelServer, index, write_package

from .house import BASE_URL, Client, Home, Serve, Server, log_in
from .proxy import Proxy

KERNEL = "lib/python3.11/site-packages/ipykernel_launcher.py"


@pytest.fixture(scope="session")
def small_channel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`tool` in two versions, `extra` that needs the newer one, and `ipykernel` that makes a kernel of its environment
    without a Python."""
    place = tmp_path_factory.mktemp("small") / "channel"
    for version in ("1.0", "2.0"):
        write_package(place, "tool", version, files={"share/tool": version}, noarch="generic")
    write_package(place, "extra", "1.0", depends=["tool >=2"], files={"share/extra": "extra"}, noarch="generic")
    write_package(place, "ipykernel", "7.0", files={KERNEL: ""}, noarch="generic")
    index(place)
    return place


@pytest.fixture
def small(small_channel: Path) -> Iterator[ChannelServer]:
    """The same over HTTP, to misbehave for one test."""
    with ChannelServer(small_channel) as server:
        yield server


@pytest.fixture
def big(small_channel: Path) -> str:
    """The name of a package of half a megabyte that no server has downloaded yet."""
    name = f"big-{uuid4().hex}"
    write_package(small_channel, name, "1.0", files={f"share/{name}": os.urandom(500_000)}, noarch="generic")
    index(small_channel)
    return name


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, small_channel: Path) -> Iterator[Server]:
    """One that takes packages from the small channel. Tests give their environments names of their own."""
    running = Server(Home(tmp_path_factory.mktemp("server") / "home", str(small_channel)))
    yield running
    running.end()
    assert running.faults == [], "".join(running.log[-200:])


@pytest.fixture
def client(server: Server) -> Client:
    return server.client()


@pytest.fixture(scope="session")
def proxy(server: Server) -> Iterator[Proxy]:
    """Stands before ``server``."""
    running = Proxy(BASE_URL, server.port)
    yield running
    running.end()


@pytest.fixture(params=["at the server", "through a proxy"])
def browser(request: pytest.FixtureRequest, server: Server) -> Client:
    """Another client of ``server`` than ``client``, logged in with a cookie."""
    through: Server | Proxy = request.getfixturevalue("proxy") if "proxy" in request.param else server
    return log_in(through.port)


@pytest.fixture
def home(tmp_path: Path, small_channel: Path) -> Home:
    """With nothing in it, for servers of the test's own."""
    return Home(tmp_path / "home", str(small_channel))


@pytest.fixture
def serve(home: Home) -> Iterator[Serve]:
    """Starts a server in ``home`` with the options of JupyterServer; all are ended with the test."""
    servers: list[Server] = []

    def start(**options: Any) -> Server:
        servers.append(Server(home, **options))
        return servers[-1]

    yield start
    for one in servers:
        one.end()
