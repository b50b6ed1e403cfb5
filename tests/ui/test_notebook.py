"""In Notebook 7, which has no launcher and hides its side bars."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.channel import ChannelServer
from tests.server.house import Server

from .conftest import Visit, furnished
from .person import Person


@pytest.fixture
def notebook(tmp_path: Path, small: ChannelServer) -> Iterator[Server]:
    running = Server(furnished(tmp_path / "home", small.url), application="notebook")
    yield running
    running.end()
    assert running.faults == [], "".join(running.log[-200:])


@pytest.mark.slow
def test_the_panel_is_reached_and_works(notebook: Server, visit: Visit, picture: Callable[[Person, str], None]) -> None:
    person = visit(notebook)
    person.arrive("tree")
    expect(person.page.locator(".jp-FileBrowser")).to_be_visible()
    person.open_by_palette()
    person.create("in-notebook", ["tool"])
    picture(person, "notebook-7")
    assert notebook.client().get("environments/in-notebook/packages")["packages"]
