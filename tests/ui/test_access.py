"""For everybody: with a keyboard alone, with a screen reader, in light and dark."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, ViewportSize, expect

from tests import lab
from tests.channel import ChannelServer
from tests.server.house import Client, Server

from .conftest import Visit
from .person import DONE, Person
from .test_change import make_with_an_older_tool, plan_to_add, versions

FAR = 80
"""Presses of the tabulator within which anything must be reached."""
ENLARGED = ViewportSize(width=640, height=400)
"""What a browser has for a page at 200 %."""
HAS_FOCUS = """element => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() =>
  done(element.contains(document.activeElement)))))"""


def tab_to(person: Person, target: Locator, key: str = "Tab") -> None:
    for _ in range(FAR):
        if target.count() == 1 and target.evaluate(HAS_FOCUS):
            return
        person.page.keyboard.press(key)
    raise AssertionError(f"{target} is not reached by the keyboard")


def arrow_to(person: Person, target: Locator, rows: Locator) -> None:
    """Tab meets one of the ``rows``; from there the arrow keys go on."""
    for _ in range(FAR):
        if rows.evaluate(HAS_FOCUS):
            break
        person.page.keyboard.press("Tab")
    person.page.keyboard.press("Home")
    for _ in range(FAR):
        if target.evaluate(HAS_FOCUS):
            return
        person.page.keyboard.press("ArrowDown")
    raise AssertionError(f"{target} is not reached by the keyboard")


def press(person: Person, target: Locator) -> None:
    expect(target).to_be_visible()
    tab_to(person, target)
    person.page.keyboard.press("Enter")


def press_before(person: Person, target: Locator) -> None:
    """One that stands before what has the focus."""
    expect(target).to_be_visible()
    tab_to(person, target, "Shift+Tab")
    person.page.keyboard.press("Enter")


def write(person: Person, target: Locator, text: str) -> None:
    expect(target).to_be_visible()
    tab_to(person, target)
    person.page.keyboard.type(text)


@pytest.mark.slow
def test_by_keyboard_alone(server: Server, client: Client, visit: Visit) -> None:
    """The whole story; after each step the focus is where one goes on."""
    person = visit(server)
    person.arrive()
    keyboard, panel = person.page.keyboard, person.panel
    expect(person.page.locator(".jp-LauncherCard").first).to_be_visible()
    person.open_by_palette()
    new = panel.locator('[data-command="condaenv:create"]')
    name = panel.get_by_role("textbox", name="Name")
    find = panel.get_by_role("searchbox", name="Find packages")
    plan = person.plan.get_by_role("heading", name="What will change")

    press(person, new)
    expect(name).to_be_focused()
    keyboard.press("Escape")
    expect(new).to_be_focused()
    keyboard.press("Enter")
    expect(name).to_be_focused()
    press(person, person.button("Cancel"))
    expect(new).to_be_focused()

    keyboard.press("Enter")
    keyboard.type("typed")
    proposed = panel.get_by_role("list", name="Packages to install").get_by_role("button")
    press(person, proposed.first)
    expect(proposed).to_have_count(1)
    expect(proposed).to_be_focused()
    keyboard.press("Enter")
    expect(find).to_be_focused()
    keyboard.type("tool <2")
    keyboard.press("Enter")
    press_before(person, person.button("Show plan"))
    expect(plan).to_be_focused()
    press(person, person.plan.get_by_role("button", name="Back"))
    expect(person.button("Show plan")).to_be_focused()
    press_before(person, person.button("Create"))
    expect(person.heading("typed")).to_be_focused()

    press(person, person.button("Stack on it"))
    expect(name).to_be_focused()
    keyboard.press("Escape")
    expect(person.button("Stack on it")).to_be_focused()
    with person.page.expect_download():
        press(person, person.button("Download lock"))
    expect(person.button("Download lock")).to_be_focused()

    press_before(person, person.button("All environments"))
    expect(person.environment("typed").get_by_role("button", name="typed", exact=True)).to_be_focused()
    keyboard.press("Enter")
    expect(person.heading("typed")).to_be_focused()

    tab_to(person, panel.get_by_role("tab", name="Installed"))
    keyboard.press("ArrowRight")
    expect(panel.get_by_role("tab", name="Add")).to_be_focused()
    write(person, find, "ipykernel")
    keyboard.press("Enter")
    press(person, person.button("Show plan"))
    expect(plan).to_be_focused()
    keyboard.press("Escape")
    expect(person.button("Show plan")).to_be_focused()
    press(person, person.button("Clear"))
    expect(find).to_be_focused()
    keyboard.type("tool >2")
    keyboard.press("Enter")
    press(person, person.button("Show plan"))
    expect(panel.locator(":focus").get_by_role("alert")).to_contain_text("tool >2")
    press(person, person.button("Clear"))
    expect(find).to_be_focused()
    keyboard.type("ipykernel")
    keyboard.press("Enter")
    press(person, person.button("Show plan"))
    press(person, person.button("Apply"))
    expect(person.heading("typed")).to_be_focused()
    expect(person.job("Change typed")).to_contain_text(DONE)
    assert versions(client, "typed") == {"ipykernel": "7.0", "tool": "1.0"}

    log = panel.get_by_role("button", name="Log: Change typed")
    press(person, log)
    expect(panel.get_by_role("list", name="Log")).to_be_visible()
    expect(log).to_be_focused()

    press_before(person, person.button("Delete"))
    press(person, person.page.get_by_role("dialog").get_by_role("button", name="Delete typed"))
    expect(person.job("Delete typed")).to_contain_text(DONE)
    expect(person.environment("typed")).to_have_count(0)
    assert panel.evaluate(HAS_FOCUS), person.page.evaluate("document.activeElement.outerHTML")
    assert client.call("GET", "environments/typed").status == 404


@pytest.mark.slow
def test_who_is_busy_elsewhere_is_not_called_away(
    person: Person, client: Client, small: ChannelServer, big: str
) -> None:
    small.stall = {f"*/{big}-*"}
    person.begin(big, [big])
    person.button("Create").click()
    expect(person.job(f"Create {big}")).to_contain_text("running")
    elsewhere = person.page.locator(".jp-LauncherCard").first
    elsewhere.focus()
    small.release()
    expect(person.heading(big)).to_be_visible()
    expect(elsewhere).to_be_focused()


@pytest.mark.slow
def test_what_is_done_to_a_package_is_seen_without_a_mouse(person: Person, client: Client) -> None:
    client.do("POST", "environments", {"name": "touched", "specs": ["tool"]})
    person.look_at("touched")
    update, remove = (
        person.package("tool").get_by_role("button", name=f"{what} tool") for what in ("Update", "Remove")
    )
    expect(remove).to_have_css("opacity", "0")
    update.focus()
    expect(remove).to_have_css("opacity", "1")
    person.heading("touched").focus()
    expect(remove).to_have_css("opacity", "0")
    screen = person.page.context.new_cdp_session(person.page)
    screen.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    expect(remove).to_have_css("opacity", "1")


@pytest.mark.slow
def test_a_plan_is_in_sight_as_a_whole_when_the_page_is_enlarged(
    person: Person, client: Client, picture: Callable[[Person, str], None]
) -> None:
    make_with_an_older_tool(client, "enlarged")
    person.page.set_viewport_size(ENLARGED)
    plan_to_add(person, "enlarged", "extra")
    heading = person.plan.get_by_role("heading", name="What will change")
    parts = [heading, *person.plan.get_by_role("list").all(), person.button("Apply")]
    picture(person, "plan-enlarged")
    for part in parts:
        expect(part).to_be_in_viewport(ratio=1)
    boxes = [part.bounding_box() for part in parts]
    for above, below in pairwise(boxes):
        assert above is not None and below is not None
        assert above["y"] + above["height"] <= below["y"]


@pytest.mark.slow
def test_not_every_byte_is_read_out(person: Person, client: Client, small: ChannelServer, big: str) -> None:
    small.stall = {f"*/{big}-*"}
    person.begin(big, [big])
    person.button("Create").click()
    try:
        expect(person.job(f"Create {big}")).to_contain_text("kB")
        status = person.panel.get_by_role("status")
        expect(status.filter(has_text=re.compile("Download|Fetch|Get"))).to_have_count(1)
        expect(status.filter(has_text="kB")).to_have_count(0)
        expect(status.get_by_role("progressbar")).to_have_count(0)
    finally:
        small.release()
    expect(status.filter(has_text=f"Create {big}: done")).to_have_count(1)


@pytest.fixture(params=[lab.LIGHT, pytest.param(lab.DARK, marks=pytest.mark.slow)])
def theme(request: pytest.FixtureRequest, client: Client) -> Iterator[str]:
    """One that JupyterLab has, until the test is over."""
    paint(client, request.param)
    yield request.param.split()[1].lower()
    paint(client, lab.LIGHT)


def paint(client: Client, theme: str) -> None:
    body = json.dumps({"raw": json.dumps({"theme": theme})}).encode()
    path = f"{client.base_url}lab/api/settings/@jupyterlab/apputils-extension:themes"
    assert client.raw("PUT", path, body).status == 204


@pytest.mark.slow
def test_axe_finds_nothing(
    theme: str, server: Server, client: Client, visit: Visit, picture: Callable[[Person, str], None]
) -> None:
    person = visit(server)
    person.open_panel()
    found: list[str] = []

    def look(what: str) -> None:
        picture(person, f"{what}-{theme}")
        results = Axe().run(person.page, context=f"#{lab.PANEL}").response
        assert results["passes"], "axe has looked at something"
        found.extend(
            f"{what}: {one['id']}: {one['help']}: {[node['html'] for node in one['nodes']]}"
            for one in results["violations"]
        )

    name = f"axe-{theme}"
    make_with_an_older_tool(client, name)
    (server.home.envs / name / "share/tool").unlink()
    client.do("POST", f"environments/{name}/health", {})
    client.follow(client.start("POST", "environments", {"name": f"{name}-failed", "specs": ["extra", "old"]}))
    expect(person.environment(name)).to_be_visible()
    expect(person.job(f"Create {name}-failed")).to_contain_text("failed")
    look("list")
    person.begin("new", ["tool"])
    person.find("e")
    expect(person.panel.get_by_role("list", name="Found packages")).to_contain_text("extra")
    look("form")
    person.button("Cancel").click()
    plan_to_add(person, name, "extra")
    look("plan")
    person.button("Back").click()
    person.tab("Installed")
    expect(person.package("tool")).to_be_visible()
    look("detail")
    person.tab("History")
    expect(person.button("Go back to 1")).to_be_visible()
    look("history")
    person.tab("Health")
    expect(person.button("Repair")).to_be_visible()
    person.panel.get_by_text("Where").click()
    look("health")
    person.button("Notes and protection").click()
    person.panel.get_by_role("checkbox", name="Frozen: not changed either").check()
    look("notes")
    person.page.keyboard.press("Escape")
    person.wave_away_jupyters_own_words()
    person.page.context.set_offline(True)
    try:
        expect(person.panel.get_by_role("alert")).to_contain_text("The server cannot be reached.")
        look("offline")
    finally:
        person.page.context.set_offline(False)
    expect(person.panel.get_by_role("alert")).to_have_count(0)
    client.do("DELETE", f"environments/{name}")
    expect(person.panel.get_by_role("alert")).to_contain_text("no longer there")
    look("gone")
    assert found == []
