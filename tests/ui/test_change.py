"""Changing environments: what is going to happen is shown, and that is what happens."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.channel import index, write_package
from tests.server.house import Client

from .person import DONE, Person


def versions(client: Client, environment: str) -> dict[str, str]:
    packages = client.get(f"environments/{environment}/packages")["packages"]
    return {package["name"]: package["version"] for package in packages}


def make(client: Client, name: str, *specs: str) -> None:
    client.do("POST", "environments", {"name": name, "specs": specs})


def make_with_an_older_tool(client: Client, name: str) -> None:
    """Which nobody asked for any more: it may move where it must."""
    make(client, name, "tool", "old", "ipykernel")
    client.do("PATCH", f"environments/{name}/packages", {"remove": ["old"]})
    assert versions(client, name) == {"ipykernel": "7.0", "tool": "1.0"}


def plan_to_add(person: Person, environment: str, spec: str) -> None:
    person.look_at(environment)
    person.tab("Add")
    person.find(spec)
    person.page.keyboard.press("Enter")
    person.button("Show plan").click()
    expect(person.plan.get_by_role("list", name="Asked for")).to_contain_text(spec)


def test_what_was_shown_is_done(person: Person, client: Client, picture: Callable[[Person, str], None]) -> None:
    make_with_an_older_tool(client, "grown")
    plan_to_add(person, "grown", "extra")
    also = person.plan.get_by_role("list", name="Also changes")
    for words in ("tool", "1.0", "2.0"):
        expect(also).to_contain_text(words)
    picture(person, "plan")
    assert versions(client, "grown") == {"ipykernel": "7.0", "tool": "1.0"}
    person.button("Apply").click()
    person.tab("Installed")
    expect(person.package("extra")).to_contain_text("1.0")
    expect(person.job("Change grown")).to_contain_text(DONE)
    assert versions(client, "grown") == {"extra": "1.0", "ipykernel": "7.0", "tool": "2.0"}


def test_of_what_is_installed_the_version_is_told_and_the_name_stays(
    person: Person, client: Client, small_channel: Path
) -> None:
    name = "a-name-of-many-words"
    for version in ("2026.10.27.1", "2026.11.28.1"):
        write_package(small_channel, name, version, files={}, noarch="generic")
    index(small_channel)
    make(client, "told", "tool", f"{name}=2026.10")
    person.look_at("told")
    person.tab("Add")
    person.find("tool")
    row = person.button("Add tool")
    expect(row).to_have_text("toolinstalled2.0")
    person.find(name)
    person.button("Fetch again").click()
    row = person.button(f"Add {name}")
    expect(row).to_contain_text("2026.10.27.1 installed")
    room, shown, plus = (each.bounding_box() for each in (row, row.get_by_text(name, exact=True), row.locator("svg")))
    assert room and shown and plus
    assert shown["width"] > 30
    assert plus["x"] + plus["width"] <= room["x"] + room["width"]


@pytest.mark.slow
def test_a_plan_that_is_outdated_is_made_again(person: Person, client: Client) -> None:
    make_with_an_older_tool(client, "moved")
    plan_to_add(person, "moved", "extra")
    client.do("PATCH", "environments/moved/packages", {"remove": ["ipykernel"]})
    person.button("Apply").click()
    expect(person.panel.get_by_text("The environment has changed; this is the plan now.")).to_be_visible()
    assert versions(client, "moved") == {"tool": "1.0"}
    person.button("Apply").click()
    expect(person.plan).to_have_count(0)
    person.tab("Installed")
    expect(person.package("extra")).to_contain_text("1.0")
    assert versions(client, "moved") == {"extra": "1.0", "tool": "2.0"}


@pytest.mark.slow
def test_a_plan_that_cannot_be_made(person: Person, client: Client) -> None:
    make(client, "stuck", "tool <2")
    person.look_at("stuck")
    person.tab("Add")
    person.find("extra")
    person.page.keyboard.press("Enter")
    person.button("Show plan").click()
    alert = person.panel.get_by_role("alert")
    expect(alert).to_contain_text("cannot be installed together")
    alert.get_by_text("The whole message").click()
    expect(alert.locator("pre")).to_contain_text("tool")
    assert versions(client, "stuck") == {"tool": "1.0"}

    person.button("Explain").click()
    person.button("Use: take any tool instead of tool <2").click()
    expect(person.panel.get_by_role("list", name="To be changed")).to_contain_text("tool=*")
    person.button("Show plan").click()
    person.button("Apply").click()
    expect(person.plan).to_have_count(0)
    expect(person.job("Change stuck")).to_contain_text(DONE)
    assert versions(client, "stuck") == {"extra": "1.0", "tool": "2.0"}


@pytest.mark.slow
def test_a_package_is_removed(person: Person, client: Client) -> None:
    make(client, "shrunk", "tool", "ipykernel")
    person.look_at("shrunk")
    person.package("tool").get_by_role("button", name="Remove tool").click()
    person.button("Show plan").click()
    expect(person.plan.get_by_role("list", name="Asked for")).to_contain_text("tool")
    person.button("Apply").click()
    expect(person.package("tool")).to_have_count(0)
    assert versions(client, "shrunk") == {"ipykernel": "7.0"}


@pytest.mark.slow
def test_an_update(person: Person, client: Client) -> None:
    make_with_an_older_tool(client, "updated")
    person.look_at("updated")
    person.package("tool").get_by_role("button", name="Update tool").click()
    person.button("Show plan").click()
    expect(person.plan.get_by_role("list", name="Asked for")).to_contain_text("1.0 → 2.0")
    person.button("Apply").click()
    expect(person.package("tool")).to_contain_text("2.0")
    assert versions(client, "updated") == {"ipykernel": "7.0", "tool": "2.0"}


@pytest.fixture
def kernel_in(tmp_path: Path) -> Iterator[Callable[[str], None]]:
    """Starts a process that whoever looks takes for a kernel that runs in the environment at a prefix."""
    shim = tmp_path / "shim.py"
    shim.write_text("import sys\nprint()\nsys.stdout.flush()\nsys.stdin.read()\n")
    with ExitStack() as running:

        def start(prefix: str) -> None:
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
            kernel = running.enter_context(subprocess.Popen([sys.executable, shim, prefix], **pipes))
            assert kernel.stdout is not None
            kernel.stdout.readline()  # now it runs

        yield start


@pytest.mark.slow
def test_a_change_waits_for_the_next_start_of_a_kernel(
    person: Person, client: Client, kernel_in: Callable[[str], None], picture: Callable[[Person, str], None]
) -> None:
    make(client, "waiting", "tool", "ipykernel")
    kernel_in(client.get("environments/waiting")["environment"]["prefix"])
    person.look_at("waiting")
    person.package("tool").get_by_role("button", name="Remove tool").click()
    person.button("Show plan").click()
    person.button("Apply").click()
    notice = person.panel.get_by_role("status").filter(has_text=re.compile("^Waiting: remove tool"))
    expect(notice).to_contain_text("there ran: process")
    picture(person, "deferred")
    person.button("Apply it now").click()
    expect(person.job("Finish change of waiting")).to_contain_text("waits for a kernel · ")
    expect(notice).to_be_visible()
    assert versions(client, "waiting") == {"ipykernel": "7.0", "tool": "2.0"}
    person.button("Give it up").click()
    expect(notice).to_have_count(0)
    expect(person.job("Give up change of waiting")).to_contain_text(DONE)
    assert client.call("GET", "environments/waiting/deferred").status == 404
    assert versions(client, "waiting") == {"ipykernel": "7.0", "tool": "2.0"}


@pytest.mark.slow
def test_only_the_package_that_is_to_be_changed_is_marked(person: Person, client: Client) -> None:
    make(client, "marked", "tool")
    person.look_at("marked")
    person.tab("Add")
    person.find("tool-more")
    person.page.keyboard.press("Enter")
    person.tab("Installed")
    update = person.package("tool").get_by_role("button", name="Update tool")
    expect(update).to_have_attribute("aria-pressed", "false")
    person.tab("Add")
    person.find("tool >=1")
    person.page.keyboard.press("Enter")
    person.tab("Installed")
    expect(update).to_have_attribute("aria-pressed", "true")


@pytest.mark.slow
def test_back_to_what_it_was(person: Person, client: Client) -> None:
    make(client, "history", "tool <2")
    client.do("PATCH", "environments/history/packages", {"add": ["tool >=2", "extra"]})
    person.look_at("history")
    person.tab("History")
    person.button("Go back to 1").click()
    expect(person.plan).to_contain_text("extra")
    person.button("Apply").click()
    expect(person.job("Roll back history")).to_contain_text(DONE)
    assert versions(client, "history") == {"tool": "1.0"}


def note(person: Person, protected: bool) -> None:
    person.button("Notes and protection").click()
    form = person.panel.get_by_role("form", name="Notes and protection")
    form.get_by_role("checkbox", name="Protected: neither deleted nor moved").set_checked(protected)
    form.get_by_role("button", name="Save").click()
    expect(form).to_have_count(0)
    expect(person.button("Notes and protection")).to_be_focused()


@pytest.mark.slow
def test_delete(person: Person, client: Client) -> None:
    make(client, "doomed", "tool", "ipykernel")
    prefix = client.get("environments/doomed")["environment"]["prefix"]
    person.look_at("doomed")
    note(person, protected=True)
    expect(person.button("Delete: not while it is protected or frozen")).to_have_attribute("aria-disabled", "true")
    note(person, protected=False)
    person.button("Delete").click()
    dialog = person.page.get_by_role("dialog")
    for words in ("doomed", prefix):
        expect(dialog).to_contain_text(words)
    expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
    person.page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    assert client.get("environments/doomed")
    person.button("Delete").click()
    dialog.get_by_role("button", name="Delete doomed").click()
    expect(person.job("Delete doomed")).to_contain_text(DONE)
    expect(person.environment("doomed")).to_have_count(0)
    assert client.call("GET", "environments/doomed").status == 404
