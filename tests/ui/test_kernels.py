"""Environments with a real Python: kernels in the launcher, notebooks that run in them, and stacks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.channel import ChannelServer
from tests.server.house import Server

from .conftest import Visit, furnished
from .person import DONE, Person

MORE_PATIENCE = 120_000
"""Milliseconds for a Python to be installed, on a machine that has other things to do as well."""


@pytest.fixture
def real(tmp_path: Path, channel: ChannelServer) -> Iterator[Server]:
    """JupyterLab on the channel that has Pythons.

    Its log is not looked at: JupyterLab starts a kernel for a new notebook, and at once another one in its place, about
    which the first one and its websocket complain.
    """
    running = Server(furnished(tmp_path / "home", channel.url), application="jupyterlab")
    yield running
    running.end()


def run(person: Person, notebook: str, environment: str, code: str) -> Locator:
    """As the first cell of ``notebook``, which is about to be opened. Returns what comes of it."""
    idle = person.page.get_by_role("button", name=f"[{environment}] | Idle")
    expect(idle).to_be_visible(timeout=MORE_PATIENCE)  # what is run before goes down with the first kernel
    tab = person.page.locator("#jp-main-dock-panel .lm-TabBar-tab.jp-mod-current", has_text=notebook)
    expect(tab).to_have_count(1)
    # Notebooks behind it are on the page as well, and not even hidden as a style sheet would do it.
    opened = person.page.locator(f"[id='{tab.get_attribute('data-id')}']")
    opened.locator(".jp-Cell").first.locator(".cm-content").click()
    person.page.keyboard.insert_text(code)
    person.page.keyboard.press("Control+Enter")
    return opened.locator(".jp-OutputArea-output")


@pytest.mark.slow
def test_from_nothing_to_a_notebook_on_a_stack(
    real: Server, visit: Visit, picture: Callable[[Person, str], None]
) -> None:
    person = visit(real)
    person.open_panel()
    launcher = person.page.locator(".jp-Launcher")
    card = launcher.locator(".jp-LauncherCard:visible")
    expect(card.filter(has_text="Conda Environments")).to_have_count(1)
    expect(person.panel.get_by_role("heading", name="No environments yet")).to_be_visible()
    picture(person, "empty")

    person.begin("geo", ["python", "ipykernel"])
    person.button("Create").click()
    expect(person.job("Create geo")).to_contain_text(DONE, timeout=MORE_PATIENCE)
    expect(card.filter(has_text="geo").first).to_be_visible()  # without a reload

    geo = real.home.envs / "geo"
    person.go_back()
    own = launcher.locator(".jp-LauncherCard[data-category='Conda environments']")
    expect(own).to_have_text(["geo"])
    own.click()
    output = run(person, "Untitled.ipynb", "geo", "import sys; print(sys.prefix)")
    expect(output).to_have_text(str(geo))
    expect(person.environment("geo")).to_contain_text("kernel running")
    in_status_bar = person.page.get_by_role("button", name="Conda environment geo")
    expect(in_status_bar).to_be_visible()
    in_status_bar.click()
    expect(person.panel.get_by_role("heading", level=2, name="geo")).to_be_visible()
    picture(person, "notebook")

    person.button("Stack on it").click()
    form = person.panel.get_by_role("form", name="Stack on geo")
    expect(form).to_be_visible()
    person.fill("over", ["threadpoolctl"])
    person.button("Create").click()
    expect(person.job("Stack over")).to_contain_text(DONE, timeout=MORE_PATIENCE)
    person.go_back()
    expect(person.environment("over")).to_contain_text("on geo")
    picture(person, "stack")
    person.page.locator(".jp-NotebookPanel:visible .jp-Toolbar-kernelName").click()
    picker = person.page.get_by_role("dialog").locator("select")
    for_python = picker.locator("optgroup").first.locator("option")
    expect(for_python.filter(has_text="[over]")).to_have_count(1)
    expect(for_python.filter(has_text="[geo]")).to_have_count(1)
    picker.focus()
    picture(person, "picker")
    person.page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    person.environment("over").get_by_role("button", name="Open notebook in over").click()
    output = run(
        person, "Untitled1.ipynb", "over", "import sys, threadpoolctl; print(sys.prefix, threadpoolctl.__file__)"
    )
    expect(output).to_contain_text(f"{real.home.envs / 'over'} {real.home.envs / 'over'}/")

    dialog = person.page.get_by_role("dialog")
    person.look_at("geo")
    person.button("Delete").click()
    expect(dialog).to_contain_text("over stands on it")
    picture(person, "delete-base")
    dialog.get_by_role("button", name="Close").click()
    person.go_back()
    person.look_at("over")
    person.button("Delete").click()
    expect(dialog).to_contain_text("1 kernel of it runs and loses its files: Untitled1.ipynb")
    picture(person, "delete")
    dialog.get_by_role("button", name="Delete over").click()
    expect(person.job("Delete over")).to_contain_text(DONE)
    expect(person.environment("over")).to_have_count(0)
