"""What a person sees while the network or the server is gone, and after it has come back."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Locator, expect

from tests.channel import ChannelServer
from tests.server.house import Client, Server

from .conftest import Visit, furnished
from .person import DONE, Person
from .test_change import make, versions

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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.fixture
def cut(person: Person) -> Iterator[BrowserContext]:
    """The network of this browser, to be cut by ``set_offline``."""
    person.wave_away_jupyters_own_words()
    yield person.page.context
    person.page.context.set_offline(False)


def lost(person: Person, request: str, button: Locator) -> None:
    """The ``button`` is pressed when nobody knows yet that the network is gone."""
    person.page.route(f"**/condaenv/{request}*", lambda route: route.abort())
    button.click()
    person.page.context.set_offline(True)


def found(person: Person) -> None:
    person.page.unroute_all()
    person.page.context.set_offline(False)


@pytest.mark.slow
def test_what_is_begun_without_a_network_waits_for_it(
    person: Person, client: Client, cut: BrowserContext, picture: Callable[[Person, str], None]
) -> None:
    """Nothing that was typed is lost, and all goes on by itself."""
    make(client, "waits", "tool <2")
    alert = person.panel.get_by_role("alert")
    expect(person.environment("waits")).to_be_visible()

    cut.set_offline(True)
    person.look_at("waits")
    expect(alert).to_contain_text(GONE)
    expect(person.panel.get_by_role("tabpanel")).to_contain_text("when the server is back")
    expect(person.button("Delete")).to_have_attribute("aria-disabled", "true")
    person.tab("Add")
    person.find("ext")
    expect(person.panel.get_by_role("tabpanel")).to_contain_text("when the server is back")
    expect(alert).to_have_count(1)
    picture(person, "offline-search")
    cut.set_offline(False)
    expect(alert).to_have_count(0)
    expect(person.panel.get_by_role("list", name="Found packages")).to_contain_text("extra")
    expect(person.panel.get_by_role("searchbox", name="Find packages")).to_have_value("ext")
    person.tab("Installed")
    expect(person.package("tool")).to_be_visible()

    person.tab("Add")
    person.find("ipykernel")
    person.page.keyboard.press("Enter")
    lost(person, "plans", person.button("Show plan"))
    expect(person.panel.get_by_role("group", name="Making the plan")).to_contain_text("Waiting for the server")
    expect(alert).to_contain_text(GONE)
    found(person)
    expect(person.plan.get_by_role("list", name="Asked for")).to_contain_text("ipykernel")

    lost(person, "plans/*/application", person.button("Apply"))
    expect(alert).to_contain_text(GONE)
    expect(person.button("Apply")).to_have_attribute("aria-disabled", "true")
    expect(person.plan).to_contain_text("ipykernel")
    picture(person, "offline-plan")
    found(person)
    expect(alert).to_have_count(0)
    person.button("Apply").click()
    expect(person.heading("waits")).to_be_focused()
    assert "ipykernel" in versions(client, "waits")


@pytest.mark.slow
def test_a_form_outlives_an_outage(person: Person, client: Client, cut: BrowserContext) -> None:
    alert = person.panel.get_by_role("alert")
    person.begin("patient", ["tool"])
    lost(person, "environments", person.button("Create"))
    expect(alert).to_contain_text(GONE)
    expect(person.panel.get_by_role("textbox", name="Name")).to_have_value("patient")
    expect(person.button("Create")).to_have_attribute("aria-disabled", "true")
    found(person)
    expect(alert).to_have_count(0)
    person.button("Create").click()
    expect(person.heading("patient")).to_be_visible()
