"""Environments that other programs have made, and those that are no kernel yet."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.kernels.test_offers import with_kernel
from tests.server.house import Client, Server

from .person import DONE, Person


@pytest.fixture
def cards(person: Person) -> Locator:
    """Of the launcher, for notebooks."""
    return person.page.locator(".jp-Launcher .jp-LauncherCard[data-category='Notebook']")


@pytest.mark.slow
def test_what_others_have_made_is_found_and_a_kernel_without_a_reload(
    server: Server, person: Person, cards: Locator, picture: Callable[[Person, str], None]
) -> None:
    theirs = with_kernel(server.home.folder / "miniforge3" / "envs" / "theirs")
    expect(cards.filter(has_text="Python 3 (ipykernel)")).to_be_visible()
    person.panel.locator('[data-command="condaenv:refresh"]').click()
    row = person.environment("theirs")
    expect(row).to_contain_text("kernel registered")
    expect(row).to_have_attribute("title", str(theirs))
    expect(cards.filter(has_text="Python 3.12 [theirs (~/miniforge3)]")).to_be_visible()
    expect(cards.filter(has_text="Python 3 (ipykernel)")).to_be_visible()
    cards = person.page.locator(".jp-Launcher .jp-LauncherCard[data-category='Conda environments']")
    own = cards.filter(has_text="theirs (~/miniforge3)")
    expect(own).to_be_visible()
    expect(own).to_have_attribute("title", re.compile(re.escape(str(theirs))))
    picture(person, "found")


@pytest.mark.slow
def test_an_environment_is_made_a_kernel(
    client: Client, person: Person, cards: Locator, picture: Callable[[Person, str], None]
) -> None:
    client.do("POST", "environments", {"name": "no-kernel", "specs": ["tool"]})
    person.look_at("no-kernel")
    expect(person.panel).to_contain_text("Nothing in it is a kernel")
    picture(person, "no-kernel")
    person.button("Add ipykernel").click()
    expect(person.plan).to_contain_text("ipykernel")
    picture(person, "no-kernel-plan")
    person.button("Apply").click()
    expect(person.job("Change no-kernel")).to_contain_text(DONE)
    expect(person.button("Open notebook")).to_be_visible()
    expect(person.button("Add ipykernel")).to_have_count(0)
    expect(cards.filter(has_text="[no-kernel]")).to_be_visible()
