"""What is said where the server does not do what it is asked, and where others have been faster."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Route, expect

from tests.server.house import Client, Server

from .conftest import Visit
from .person import DONE, Person
from .test_change import make

TROUBLES = {
    "does not have jupyter_condaenv": lambda route: route.continue_(
        url=route.request.url.replace("/condaenv/", "/nothing/")
    ),
    "not logged in any more": lambda route: without_login(route),
    "You may not do this": lambda route: route.continue_(headers=route.request.all_headers() | {"X-Deny": "read"}),
    "The server has made a mistake": lambda route: route.fulfill(status=500, body="<html>Oops"),
    "The answer is not one of": lambda route: route.fulfill(status=418, body="I am a teapot"),
}
"""What becomes of a request; all answers but the last two are the server's own."""


def without_login(route: Route) -> None:
    route.request.frame.page.context.clear_cookies()
    route.continue_(headers={**route.request.all_headers(), "authorization": ""})


@pytest.mark.slow
@pytest.mark.parametrize("told", TROUBLES)
def test_it_is_said_in_plain_words(
    told: str, person: Person, client: Client, picture: Callable[[Person, str], None]
) -> None:
    make(client, f"kept-{len(told)}", "tool")
    expect(person.environment(f"kept-{len(told)}")).to_be_visible()
    refresh = person.panel.locator('[data-command="condaenv:refresh"]')
    asked = ("**/condaenv/**", "**/api/me*")
    for pattern in asked:
        person.page.route(pattern, TROUBLES[told])
    refresh.click()
    alert = person.panel.get_by_role("alert")
    expect(alert).to_contain_text(told)
    expect(alert).not_to_contain_text("Failed to fetch")
    expect(alert.locator(".jp-condaenv-hint")).not_to_be_empty()
    expect(person.environment(f"kept-{len(told)}")).to_be_visible()
    picture(person, f"trouble-{told.split()[-1]}")
    person.page.unroute_all(behavior="ignoreErrors")  # of requests that are on their way
    with person.page.context.new_page() as other:
        other.goto(person.server.address("lab"))
    refresh.click()
    expect(alert).to_have_count(0)


@pytest.mark.slow
def test_a_panel_that_cannot_be_loaded_can_be_loaded_later(server: Server, visit: Visit) -> None:
    person = visit(server)
    person.arrive()
    person.page.get_by_role("tab", name="Conda environments").wait_for()
    person.page.route("**/lab/extensions/jupyter-condaenv/**", lambda route: route.abort())
    person.page.get_by_role("tab", name="Conda environments").click()
    expect(person.panel.get_by_role("alert")).to_contain_text("could not be loaded")
    person.page.unroute_all(behavior="ignoreErrors")
    person.button("Try again").click()
    expect(person.panel.locator('[data-command="condaenv:create"]')).to_be_visible()


@pytest.mark.slow
def test_an_environment_that_others_have_deleted(
    person: Person, client: Client, picture: Callable[[Person, str], None]
) -> None:
    make(client, "away", "tool")
    make(client, "left", "tool")
    person.look_at("away")
    client.do("DELETE", "environments/away")
    expect(person.panel.get_by_role("alert")).to_contain_text("away is no longer there")
    picture(person, "gone")
    person.button("Show the others").click()
    expect(person.environment("left")).to_be_visible()
    expect(person.environment("away")).to_have_count(0)


@pytest.mark.slow
def test_what_is_wrong_is_told_and_repaired(
    person: Person, server: Server, client: Client, picture: Callable[[Person, str], None]
) -> None:
    make(client, "ill", "tool")
    person.look_at("ill")
    person.tab("Health")
    (server.home.envs / "ill/share/tool").unlink()
    person.button("Check").click()
    told = person.panel.get_by_role("list", name="Damaged")
    expect(told).to_contain_text("1 file of tool is missing: share/tool.")
    picture(person, "health")
    person.button("Repair").click()
    expect(person.panel.get_by_role("list", name="Repaired")).to_contain_text("1 file of tool is missing")
    expect(person.panel.get_by_text("It is as it should be.")).to_be_visible()
    expect(person.button("Check again")).to_be_focused()
    assert (server.home.envs / "ill/share/tool").exists()


@pytest.mark.slow
def test_what_others_change_and_damage_is_in_the_history(person: Person, server: Server, client: Client) -> None:
    make(client, "ours", "tool <2")
    person.look_at("ours")
    person.tab("History")
    revisions = person.panel.get_by_role("list", name="Revisions").get_by_role("listitem")
    expect(revisions).to_have_count(1)
    client.do("PATCH", "environments/ours/packages", {"add": ["tool >=2"]})
    expect(revisions).to_have_count(2)
    person.tab("Installed")
    expect(person.package("tool")).to_contain_text("2.0")

    (server.home.envs / "ours/conda-meta/condaenv/revisions/0002.json").write_text("{")
    person.panel.locator('[data-command="condaenv:refresh"]').click()
    person.tab("History")
    expect(revisions.first).to_contain_text("damaged")
    expect(person.panel.get_by_role("alert")).to_contain_text("Mending puts it aside")
    person.button("Repair: revision 2 and what else is wrong").click()
    expect(person.job("Check ours")).to_contain_text(DONE)
    expect(person.panel.get_by_role("alert")).to_have_count(0)
    expect(revisions.filter(has_text="damaged")).to_have_count(0)
    expect(person.button("Go back to 1")).to_be_visible()
