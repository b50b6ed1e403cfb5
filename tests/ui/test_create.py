"""Making environments: seen at every step, in every tab, and what is said when it cannot be done."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.channel import ChannelServer
from tests.server.house import Client

from .conftest import Visit
from .person import DONE, Person

FILE = "name: from-a-file\ndependencies:\n  - tool <2\n"
DROP = """(target, [name, text]) => {
  const carried = new DataTransfer();
  carried.items.add(new File([text], name, { type: "application/yaml" }));
  for (const kind of ["dragenter", "dragover", "drop"]) {
    target.dispatchEvent(new DragEvent(kind, { bubbles: true, cancelable: true, dataTransfer: carried }));
  }
}"""


@pytest.fixture
def half_way(person: Person, client: Client, small: ChannelServer, big: str) -> Iterator[Locator]:
    """A job that makes the environment ``big``, and waits for its package until the channel is released."""
    small.stall = {f"*/{big}-*"}
    person.begin(big, [big])
    person.button("Create").click()
    job = person.job(f"Create {big}")
    expect(job).to_contain_text("running")
    expect(job).to_contain_text("kB")
    yield job
    small.release()
    client.follow(client.get("jobs?limit=1")["jobs"][0]["id"])


def test_every_step_is_seen(
    person: Person, half_way: Locator, small: ChannelServer, big: str, picture: Callable[[Person, str], None]
) -> None:
    expect(half_way.get_by_role("progressbar")).to_be_visible()
    picture(person, "create-half-way")
    half_way.get_by_role("button", name=f"Log: Create {big}").click()
    expect(half_way.get_by_role("list", name="Log")).to_contain_text("Solving")
    small.release()
    expect(half_way).to_contain_text(DONE)
    person.go_back()
    row = person.environment(big)
    expect(row).to_contain_text("1 package")
    expect(row).to_contain_text("no kernel")
    expect(person.panel.get_by_role("status").filter(has_text=f"Create {big}: done")).to_be_attached()
    picture(person, "create-done")


@pytest.mark.slow
def test_a_reload_and_a_second_tab_lose_nothing(
    person: Person, half_way: Locator, visit: Visit, small: ChannelServer, big: str
) -> None:
    person.open_panel()  # which loads the page anew
    other = visit(person.server)
    other.open_panel()
    for one in (person, other):
        expect(one.job(f"Create {big}")).to_contain_text("running")
    small.release()
    for one in (person, other):
        expect(one.job(f"Create {big}")).to_contain_text(DONE)
        expect(one.environment(big)).to_contain_text("1 package")


@pytest.mark.slow
def test_one_need_not_wait(person: Person, half_way: Locator, small: ChannelServer, big: str) -> None:
    """Whoever has gone back to the list stays there."""
    person.go_back()
    expect(person.panel.get_by_role("list", name="Environments")).to_contain_text(big)
    small.release()
    expect(half_way).to_contain_text(DONE)
    expect(person.environment(big)).to_contain_text("1 package")
    expect(person.heading(big)).to_have_count(0)


def test_cancel(person: Person, half_way: Locator, client: Client, big: str) -> None:
    half_way.get_by_role("button", name=f"Cancel: Create {big}").click()
    expect(half_way).to_contain_text("cancelled")
    expect(person.environment(big)).to_have_count(0)
    assert client.call("GET", f"environments/{big}").status == 404


@pytest.mark.slow
def test_what_cannot_be_is_said_in_the_solvers_words(
    person: Person, client: Client, picture: Callable[[Person, str], None]
) -> None:
    person.begin("impossible", ["extra", "old"])
    person.button("Create").click()
    job = person.job("Create impossible")
    expect(job).to_contain_text("failed")
    failure = client.get("jobs/" + client.get("jobs?limit=1")["jobs"][0]["id"])["outcome"]["failure"]
    sentence, *reasons = failure["message"].splitlines()
    alert = person.panel.get_by_role("form").get_by_role("alert")
    for words in (sentence.rstrip(":"), failure["hint"]):
        expect(alert).to_contain_text(words)
        expect(job).not_to_contain_text(words)  # what is told above is not told again
    tree = alert.locator("pre")
    expect(tree).to_be_hidden()
    alert.get_by_text("The whole message").click()
    for line in reasons:
        expect(tree).to_contain_text(line.strip())
    picture(person, "conflict")
    person.button("Cancel").click()
    expect(job).to_contain_text(sentence.rstrip(":"))


@pytest.mark.slow
def test_a_conflict_is_explained_and_a_way_out_taken(
    person: Person, client: Client, picture: Callable[[Person, str], None]
) -> None:
    person.begin("untangled", ["extra", "tool <2"])
    person.button("Show plan").click()
    person.button("Explain").click()
    explanation = person.panel.get_by_role("region", name="Explanation")
    expect(explanation).to_contain_text("extra, tool <2 cannot be had together")
    ways = explanation.get_by_role("list", name="What would work").get_by_role("listitem")
    expect(ways).to_contain_text(["Take any tool instead of tool <2", "Do without extra", "Do without tool <2"])
    picture(person, "explanation")
    ways.first.get_by_role("button", name="Use").click()
    expect(explanation).to_have_count(0)
    chosen = person.panel.get_by_role("list", name="Packages to install").get_by_role("listitem")
    expect(chosen).to_contain_text(["extra", "tool"])
    person.button("Create").click()
    expect(person.job("Create untangled")).to_contain_text(DONE)
    packages = client.get("environments/untangled/packages")["packages"]
    assert [(one["name"], one["version"]) for one in packages] == [("extra", "1.0"), ("tool", "2.0")]


@pytest.mark.slow
def test_a_name_that_cannot_be(person: Person, client: Client, picture: Callable[[Person, str], None]) -> None:
    """It is said where it is typed."""
    client.do("POST", "environments", {"name": "taken", "specs": []})
    expect(person.environment("taken")).to_be_visible()
    person.begin("", ["tool"])
    create, name = person.button("Create"), person.panel.get_by_role("textbox", name="Name")
    expect(create).to_be_disabled()
    expect(create).to_have_accessible_description("It needs a name, or a file with one.")
    for typed, why in (("a/b", "A name has none of"), ("-n", "reserved"), ("taken", "of that name")):
        name.fill(typed)
        expect(create).to_be_disabled()
        expect(name).to_have_accessible_description(re.compile(why))
    picture(person, "name-taken")
    name.fill("free")
    expect(create).to_be_enabled()


@pytest.mark.slow
def test_packages_that_are_pasted(person: Person) -> None:
    person.begin("pasted", [])
    person.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    person.page.evaluate("text => navigator.clipboard.writeText(text)", "tool >=2\nextra, old\n")
    person.panel.get_by_role("searchbox", name="Find packages").click()
    person.page.keyboard.press("Control+V")
    chosen = person.panel.get_by_role("list", name="Packages to install").get_by_role("listitem")
    expect(chosen).to_contain_text(["tool >=2", "extra", "old"])


@pytest.mark.slow
def test_a_file_that_is_too_large(person: Person) -> None:
    person.begin("large", [])
    large = b"#" * 9 * 1024 * 1024
    person.panel.get_by_label("Environment file").set_input_files(
        {"name": "environment.yml", "mimeType": "application/yaml", "buffer": large}
    )
    alert = person.panel.get_by_role("form").get_by_role("alert")
    expect(alert).to_contain_text("environment.yml has 9.4 MB; the server takes at most 8.4 MB.")
    expect(person.panel.get_by_role("list", name="Made of")).to_have_count(0)


@pytest.mark.parametrize("how", ["dropped", "chosen"])
def test_from_a_file(
    person: Person, client: Client, tmp_path: Path, how: str, picture: Callable[[Person, str], None]
) -> None:
    person.panel.locator('[data-command="condaenv:create"]').click()
    form = person.panel.get_by_role("form", name="New environment")
    if how == "dropped":
        form.evaluate(DROP, ["environment.yml", FILE])
    else:
        (tmp_path / "environment.yml").write_text(FILE)
        form.get_by_label("Environment file").set_input_files(tmp_path / "environment.yml")
    expect(form.get_by_role("list", name="Made of")).to_contain_text("environment.yml")
    expect(form.get_by_role("status")).to_have_text("Taken for environment.yml · 1 package")
    expect(form.get_by_role("textbox", name="Name")).to_have_attribute("placeholder", "from-a-file")
    expect(person.button("Create")).to_be_enabled()
    picture(person, "file")
    form.get_by_role("textbox", name="Name").fill(f"file-{how}")
    person.button("Create").click()
    expect(person.job(f"Create file-{how}")).to_contain_text(DONE)
    packages = client.get(f"environments/file-{how}/packages")["packages"]
    assert [(one["name"], one["version"]) for one in packages] == [("tool", "1.0")]


@pytest.mark.slow
def test_a_file_that_is_nothing_of_the_kind(person: Person) -> None:
    person.begin("prose", [])
    prose = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"hello world"}
    person.panel.get_by_label("Environment file").set_input_files(prose)
    expect(person.panel.get_by_role("form").get_by_role("alert")).to_contain_text("'hello world' is no requirement")
    expect(person.panel.get_by_role("list", name="Made of")).to_have_count(0)


@pytest.mark.slow
def test_a_clone(person: Person, client: Client) -> None:
    client.do("POST", "environments", {"name": "original", "specs": ["tool <2"]})
    person.look_at("original")
    person.button("Clone").click()
    form = person.panel.get_by_role("form", name="Clone original")
    form.get_by_role("textbox", name="Name").fill("original-too")
    form.get_by_role("button", name="Clone").click()
    expect(person.job("Clone to original-too")).to_contain_text(DONE)
    packages = client.get("environments/original-too/packages")["packages"]
    assert [(one["name"], one["version"]) for one in packages] == [("tool", "1.0")]


@pytest.mark.slow
def test_a_lock_that_is_downloaded_is_the_one_that_the_server_has(
    person: Person, client: Client, tmp_path: Path
) -> None:
    client.do("POST", "environments", {"name": "locked", "specs": ["tool"]})
    expect(person.environment("locked")).to_be_visible()
    person.look_at("locked")
    with person.page.expect_download() as download:
        person.button("Download lock").click()
    download.value.save_as(tmp_path / "lock")
    assert json.loads((tmp_path / "lock").read_text()) == client.get("environments/locked/lock")
    assert download.value.suggested_filename.startswith("locked")
