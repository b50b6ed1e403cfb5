"""Somebody before the panel, who finds things by what they are called."""

from __future__ import annotations

import re
from collections.abc import Sequence

from playwright.sync_api import Locator, Page, expect

from tests.server.house import Server

DONE = re.compile("done · ")
"""In the row of a job that went well; one that failed may say that nothing was done."""


class Person:
    def __init__(self, page: Page, server: Server) -> None:
        self.page = page
        self.server = server

    def arrive(self, application: str = "lab") -> None:
        """In an application as it is when nothing of it is open."""
        self.page.goto(f"{self.server.address(application)}&reset")

    def open_panel(self) -> None:
        """In JupyterLab."""
        self.arrive()
        self.page.get_by_role("tab", name="Conda environments").click()
        expect(self.panel).to_be_visible()

    def open_by_palette(self) -> None:
        """Without a mouse, in any application."""
        self.page.keyboard.press("Control+Shift+C")
        self.page.keyboard.type("conda environments")
        expect(self.page.locator('.lm-CommandPalette .lm-mod-active[data-command="condaenv:open"]')).to_be_visible()
        self.page.keyboard.press("Enter")
        expect(self.panel).to_be_visible()

    @property
    def panel(self) -> Locator:
        return self.page.get_by_role("region", name="Conda environments", exact=True)

    def button(self, name: str | re.Pattern[str]) -> Locator:
        return self.panel.get_by_role("button", name=name, exact=True)

    def environment(self, name: str) -> Locator:
        """Its row."""
        row = self.panel.get_by_role("list", name="Environments").get_by_role("listitem")
        return row.filter(has=self.page.get_by_role("button", name=name, exact=True))

    def package(self, name: str) -> Locator:
        """Its row, among those that are installed."""
        row = self.panel.get_by_role("list", name="Packages", exact=True).get_by_role("listitem")
        return row.filter(has=self.page.get_by_role("button", name=f"Remove {name}", exact=True))

    def job(self, what: str | re.Pattern[str]) -> Locator:
        """The row of the newest of that name."""
        return self.panel.get_by_role("list", name="Jobs").get_by_role("listitem").filter(has_text=what).first

    def begin(self, name: str, specs: Sequence[str]) -> None:
        """To make an environment, up to the last button."""
        self.panel.locator('[data-command="condaenv:create"]').click()
        self.fill(name, specs)

    def fill(self, name: str, specs: Sequence[str]) -> None:
        """A form: with these ``specs``, and not with those that it proposes."""
        self.panel.get_by_role("textbox", name="Name").fill(name)
        chosen = self.panel.get_by_role("list", name="Packages to install").get_by_role("listitem")
        for _ in chosen.all():
            chosen.first.get_by_role("button").click()
        for spec in specs:
            self.find(spec)
            self.panel.get_by_role("searchbox", name="Find packages").press("Enter")
        expect(chosen).to_contain_text(list(specs))

    def find(self, text: str) -> None:
        self.panel.get_by_role("searchbox", name="Find packages").fill(text)

    def create(self, name: str, specs: Sequence[str]) -> None:
        """And go back to the list when it is there."""
        self.begin(name, specs)
        self.button("Create").click()
        expect(self.heading(name)).to_be_visible()
        self.go_back()
        expect(self.environment(name)).to_be_visible()

    def heading(self, name: str) -> Locator:
        """Of an environment that is shown by itself."""
        return self.panel.get_by_role("heading", level=2, name=name)

    def go_back(self) -> None:
        self.button("All environments").click()

    def look_at(self, name: str) -> None:
        """The environment by itself."""
        self.environment(name).get_by_role("button", name=name, exact=True).click()
        expect(self.heading(name)).to_be_visible()

    def tab(self, name: str) -> None:
        self.panel.get_by_role("tab", name=name, exact=True).click()

    @property
    def plan(self) -> Locator:
        return self.panel.get_by_role("region", name="Plan")

    def wave_away_jupyters_own_words(self) -> None:
        """JupyterLab says in a dialog of its own that the server is gone."""
        dialog = self.page.get_by_role("dialog").filter(has_text="Server Connection Error")
        self.page.add_locator_handler(dialog, lambda: dialog.get_by_role("button").last.click())
