"""A real browser, driven by Playwright: the machine's own Chromium, so that nothing is downloaded for it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from playwright.sync_api import Browser, BrowserType

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
HOW_TO_GET_ONE = "apt install chromium, or playwright install chromium, would add one"
FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)


def program(chromium: BrowserType) -> str | None:
    """The path of the machine's Chromium, else of one that Playwright was told to install; None where there is none."""
    own = chromium.executable_path
    return next(filter(None, map(shutil.which, NAMES)), own if Path(own).exists() else None)


def launch(chromium: BrowserType, program: str) -> Browser:
    as_root = ["--no-sandbox"] if os.getuid() == 0 else []  # which Chromium cannot make for root
    return chromium.launch(executable_path=program, args=[*FLAGS, *as_root])
