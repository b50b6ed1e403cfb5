"""JupyterLab with the panel, a Chromium to look at it, and channels of packages of a few bytes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect, sync_playwright

from tests import browser, lab
from tests.channel import ChannelServer, index, write_package
from tests.server.house import Client, Home, Server

from .person import Person

KERNEL = "lib/python3.11/site-packages/ipykernel_launcher.py"
PATIENCE = 60_000
"""Milliseconds that anything may take to be seen."""
PICTURES = Path(os.environ.get("CONDAENV_TEST_PICTURES", Path(__file__).parents[2] / "build" / "pictures"))
WINDOW = ViewportSize(width=1280, height=800)

_failed = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report = yield
    item.stash[_failed] = item.stash.get(_failed, False) or report.failed
    return report


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        program = browser.program(playwright.chromium)
        if program is None:
            pytest.skip(f"no Chromium. {browser.HOW_TO_GET_ONE}")
        running = browser.launch(playwright.chromium, program)
        expect.set_options(timeout=PATIENCE)
        yield running
        running.close()


@pytest.fixture(scope="package")
def small_channel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`tool` in two versions, `extra` that needs the newer one and `old` that needs the older one, and `ipykernel` that
    makes a kernel of its environment without a Python."""
    place = tmp_path_factory.mktemp("ui") / "channel"
    for version in ("1.0", "2.0"):
        write_package(place, "tool", version, files={"share/tool": version}, noarch="generic")
    for name, needs in (("extra", "tool >=2"), ("old", "tool <2")):
        write_package(place, name, "1.0", depends=[needs], files={f"share/{name}": name}, noarch="generic")
    write_package(place, "ipykernel", "7.0", files={KERNEL: ""}, noarch="generic")
    index(place)
    return place


@pytest.fixture(scope="package")
def small(small_channel: Path) -> Iterator[ChannelServer]:
    """The same over HTTP."""
    with ChannelServer(small_channel) as server:
        yield server


@pytest.fixture
def big(small_channel: Path) -> str:
    """The name of a package of half a megabyte that no server has downloaded yet."""
    name = f"big-{uuid4().hex[:8]}"
    write_package(small_channel, name, "1.0", files={f"share/{name}": os.urandom(500_000)}, noarch="generic")
    index(small_channel)
    return name


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory, small: ChannelServer) -> Iterator[Server]:
    """JupyterLab on the small channel. Tests give their environments names of their own."""
    running = Server(furnished(tmp_path_factory.mktemp("lab") / "home", small.url), application="jupyterlab")
    yield running
    running.end()
    assert running.faults == [], "".join(running.log[-200:])


@pytest.fixture
def client(server: Server) -> Client:
    return server.client()


def furnished(folder: Path, channel: str, theme: str = lab.LIGHT) -> Home:
    home = Home(folder, channel)
    lab.settle(folder / "config", theme)
    return home


@pytest.fixture(scope="package")
def contexts(chromium: Browser) -> Iterator[Callable[[Server], BrowserContext]]:
    """What a person has who is logged in at a server: its tabs share what has been loaded."""
    known: dict[int, BrowserContext] = {}

    def context(server: Server) -> BrowserContext:
        if server.port not in known:
            known[server.port] = chromium.new_context(viewport=WINDOW, accept_downloads=True)
        return known[server.port]

    yield context
    for one in known.values():
        one.close()


Visit = Callable[[Server], Person]


@pytest.fixture
def visit(request: pytest.FixtureRequest, contexts: Callable[[Server], BrowserContext]) -> Iterator[Visit]:
    """Opens a tab at a server. Tabs are closed with the test; of a failed one there are pictures."""
    pages: list[Page] = []
    faults: list[str] = []

    def open_tab(server: Server) -> Person:
        page = contexts(server).new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: faults.append(error.stack or error.message))
        pages.append(page)
        return Person(page, server)

    yield open_tab
    for number, page in enumerate(pages, 1):
        if request.node.stash.get(_failed, False):
            page.screenshot(path=PICTURES / "failed" / f"{request.node.name}-{number}.png")
        page.close()
    ours = [fault for fault in faults if lab.PANEL in fault]  # Notebook has some of its own
    assert ours == []


@pytest.fixture
def person(server: Server, visit: Visit) -> Person:
    """In JupyterLab, with the panel open."""
    somebody = visit(server)
    somebody.open_panel()
    return somebody


@pytest.fixture
def picture() -> Callable[[Person, str], None]:
    """Keeps what a person sees, to be looked at."""

    def take(person: Person, name: str) -> None:
        person.page.screenshot(path=PICTURES / f"{name}.png")

    return take
