"""What is around the panel: when it is loaded, what its settings do, and how one finds one's way in long lists."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.jobs.conftest import eventually
from tests.server.house import Client, Server

from .conftest import Visit
from .person import Person
from .test_change import make

CODE = "lib_widgets_body"
"""In the name of the file that has what is in the panel."""
SIZE = re.compile(r"\d [kM]?B")


@pytest.mark.slow
def test_it_is_loaded_when_it_is_opened(server: Server, visit: Visit) -> None:
    person = visit(server)
    loaded: list[str] = []
    person.page.on("request", lambda request: loaded.append(request.url))
    person.arrive()
    expect(person.page.locator(".jp-LauncherCard").first).to_be_visible()
    assert any("remoteEntry" in url and "jupyter-condaenv" in url for url in loaded)
    assert not any(CODE in url for url in loaded)
    with person.page.expect_request(lambda request: CODE in request.url):
        person.page.get_by_role("tab", name="Conda environments").click()
    expect(person.panel).to_be_visible()


@pytest.mark.slow
def test_the_card_of_the_launcher_opens_it(server: Server, visit: Visit) -> None:
    person = visit(server)
    person.arrive()
    person.page.locator(".jp-LauncherCard").filter(has_text="Conda Environments").click()
    expect(person.panel.locator('[data-command="condaenv:create"]')).to_be_visible()


def write_settings(client: Client, settings: dict[str, Any]) -> None:
    body = json.dumps({"raw": json.dumps(settings)}).encode()
    path = f"{client.base_url}lab/api/settings/jupyter-condaenv:plugin"
    assert client.raw("PUT", path, body).status == 204


@pytest.fixture
def settings(client: Client) -> Iterator[None]:
    write_settings(client, {"defaultPackages": ["tool", "extra"], "measureSizes": False})
    yield
    write_settings(client, {})


@pytest.mark.slow
def test_settings(settings: None, server: Server, client: Client, visit: Visit) -> None:
    unmeasured = Path(server.home.envs, "unmeasured", "conda-meta")
    unmeasured.mkdir(parents=True)
    (unmeasured / "history").touch()
    before = measurings(client)
    person = visit(server)
    person.open_panel()
    expect(person.environment("unmeasured")).to_be_visible()
    person.panel.locator('[data-command="condaenv:create"]').click()
    chosen = person.panel.get_by_role("list", name="Packages to install").get_by_role("listitem")
    expect(chosen).to_contain_text(["tool", "extra"])
    assert measurings(client) == before
    write_settings(client, {})
    person.open_panel()
    expect(person.environment("unmeasured")).to_contain_text(SIZE)


def measurings(client: Client) -> list[str]:
    return [job["id"] for job in client.get("jobs")["jobs"] if job["verb"] == "storage"]


@pytest.mark.slow
def test_sizes_stay_true(person: Person, client: Client, big: str) -> None:
    make(client, "sized", "tool")
    row = person.environment("sized")
    expect(row).to_contain_text(re.compile(r"sized\d\d? kB"))
    client.do("PATCH", "environments/sized/packages", {"add": [big]})
    expect(row).to_contain_text(re.compile(r"sized5\d\d kB"))


@pytest.mark.slow
def test_filters(person: Person, client: Client) -> None:
    make(client, "filter-me", "tool", "extra")
    make(client, "other-one", "tool")
    rows = person.panel.get_by_role("list", name="Environments").get_by_role("listitem")
    expect(person.environment("other-one")).to_be_visible()
    wanted = person.panel.get_by_role("searchbox", name="Filter environments")
    wanted.fill("ILTER-m")
    expect(rows).to_contain_text(["filter-me"])
    wanted.fill("nowhere")
    expect(rows).to_have_count(0)
    expect(person.panel.get_by_text("No environment has that in its name, path or tags.")).to_be_visible()
    wanted.fill("")
    person.look_at("filter-me")
    packages = person.panel.get_by_role("list", name="Packages", exact=True).get_by_role("listitem")
    expect(packages).to_contain_text(["extra", "tool"])
    person.panel.get_by_role("searchbox", name="Filter packages").fill("ext")
    expect(packages).to_contain_text(["extra"])


@pytest.mark.slow
def test_a_terminal_has_the_environment(person: Person, client: Client, server: Server) -> None:
    make(client, "terminal", "tool")
    person.look_at("terminal")
    person.button("Open terminal").click()
    terminal = person.page.locator(".jp-Terminal:visible")
    expect(terminal).to_have_count(1)
    terminal.locator("textarea").focus()
    told = server.home.envs / "terminal" / "told"
    person.page.keyboard.type(f"echo $CONDA_PREFIX $CONDA_SHLVL >{told}.part; mv {told}.part {told}\n")
    eventually(told.exists)
    assert told.read_text() == f"{told.parent} 1\n"
