"""What a person sees while the network or the server is gone, and after it has come back."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.channel import ChannelServer
from tests.server.house import Server

from .conftest import Visit, furnished
from .person import DONE, Person

GONE = "The server cannot be reached."


class Phoenix:
    """A server that comes back at the same address, with all that it had."""

    def __init__(self, folder: Path, channel: str) -> None:
        self._home = furnished(folder, channel)
        self.server = Server(self._home, application="jupyterlab")

    def die(self) -> None:
        self.server.end(signal.SIGKILL)

    def rise(self) -> None:
        self.server = Server(self._home, application="jupyterlab", port=self.server.port)


@pytest.fixture
def phoenix(tmp_path: Path, small: ChannelServer) -> Iterator[Phoenix]:
    bird = Phoenix(tmp_path / "home", small.url)
    yield bird
    bird.server.end()


def test_the_network_is_gone(person: Person) -> None:
    alert = person.panel.get_by_role("alert").filter(has_text=GONE)
    person.create("stays", ["tool"])
    person.page.context.set_offline(True)
    try:
        expect(alert).to_be_visible()
        expect(person.environment("stays")).to_be_visible()
    finally:
        person.page.context.set_offline(False)
    expect(alert).to_have_count(0)


def test_the_server_is_restarted_in_the_middle_of_a_job(
    phoenix: Phoenix, visit: Visit, small: ChannelServer, big: str, picture: Callable[[Person, str], None]
) -> None:
    person = visit(phoenix.server)
    person.open_panel()
    person.wave_away_jupyters_own_words()
    small.stall = {f"*/{big}-*"}
    person.begin("across", [big])
    person.button("Create").click()
    job = person.job("Create across")
    expect(job).to_contain_text("kB")

    phoenix.die()
    alert = person.panel.get_by_role("alert").filter(has_text=GONE)
    expect(alert).to_be_visible()
    expect(job).to_contain_text("running")
    picture(person, "offline")

    phoenix.rise()
    expect(alert).to_have_count(0)
    expect(job).to_contain_text("running")
    small.release()
    expect(job).to_contain_text(DONE)
    expect(person.heading("across")).to_be_visible()
    person.go_back()
    person.create("after", ["tool"])
