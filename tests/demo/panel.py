"""The end of the story: JupyterLab, with the panel open on what was made."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from playwright.sync_api import TimeoutError, ViewportSize, sync_playwright

from tests import browser, lab
from tests.jupyter import JupyterServer, Visitor

from .narrator import Narrator

WINDOW = ViewportSize(width=1280, height=800)
PATIENCE = 60_000
"""Milliseconds until what is to be seen must be there."""


def show(
    narrator: Narrator, server: JupyterServer, visitor: Visitor, environments: Sequence[str], pictures: Path
) -> None:
    """That the panel is there; and then, to somebody at a terminal, the panel itself, for as long as they like."""
    narrator.step("Looking at the panel")
    narrator.check("its code is served", lab.served_extensions(visitor).get(lab.PANEL), 200)
    if not somebody_looks_on():
        _look(narrator, server.address("lab"), environments, pictures)
    elif not narrator.broken:
        narrator.step("JupyterLab runs, with all of it in its panel. Ctrl-C ends it:")
        narrator.say(server.address("lab"))
        with suppress(KeyboardInterrupt):
            server.process.wait()


def somebody_looks_on() -> bool:
    """At a terminal, and not only for the check."""
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("DEMO") != "check"


def _look(narrator: Narrator, address: str, environments: Sequence[str], pictures: Path) -> None:
    """In a browser, where there is one, that the panel shows the ``environments``."""
    with sync_playwright() as playwright:
        program = browser.program(playwright.chromium)
        if program is None:
            narrator.say(f"only by HTTP: there is no Chromium. {browser.HOW_TO_GET_ONE}.")
            return
        page = browser.launch(playwright.chromium, program).new_page(viewport=WINDOW)
        page.goto(address)
        panel = page.get_by_role("region", name="Conda environments")
        for name in environments:
            row = panel.get_by_role("listitem").filter(has=page.get_by_role("button", name=name, exact=True))
            with suppress(TimeoutError):
                row.filter(has_text=re.compile(r"\d [kMG]B")).wait_for(timeout=PATIENCE)
            narrator.check(f"the panel shows {name}", row.is_visible(), True)
        page.screenshot(path=pictures / "panel.png")
        narrator.say(f"{pictures / 'panel.png'} is what it looks like")
