"""JupyterLab as somebody has it who has used it before: what the demo and the tests of the panel have in common."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from tests.jupyter import ServerError, Visitor

PANEL = "jupyter-condaenv"
"""The id of the panel's widget."""
WORKSPACE = Path(__file__).resolve().parents[1] / "binder" / "workspace.json"
"""JupyterLab as it is when it was left with the panel open."""
LIGHT, DARK = "JupyterLab Light", "JupyterLab Dark"


def settle(config: Path, theme: str = LIGHT) -> None:
    """Write the settings of somebody who wants no news from the internet."""
    ours = {"notification": {"checkForUpdates": False, "fetchNews": "false"}, "themes": {"theme": theme}}
    folder = config / "lab" / "user-settings" / "@jupyterlab" / "apputils-extension"
    folder.mkdir(parents=True, exist_ok=True)
    for name, settings in ours.items():
        (folder / f"{name}.jupyterlab-settings").write_text(json.dumps(settings))


def open_panel(visitor: Visitor) -> None:
    """From now on JupyterLab opens with the panel."""
    answer = visitor.raw("PUT", f"{visitor.base_url}lab/api/workspaces/default", WORKSPACE.read_bytes())
    if answer.status != 204:
        raise ServerError(f"JupyterLab does not keep a workspace: {answer.status} {answer.body!r}")


def served_extensions(visitor: Visitor, page: str = "lab") -> dict[str, int]:
    """The extensions that ``page`` loads, each with the status of the answer to its first file."""
    config = _Config()
    config.feed(visitor.raw("GET", f"{visitor.base_url}{page}").body.decode())
    found: list[dict[str, Any]] = json.loads(config.text)["federated_extensions"]
    return {
        one["name"]: visitor.raw("GET", f"{visitor.base_url}lab/extensions/{one['name']}/{one['load']}").status
        for one in found
    }


class _Config(HTMLParser):
    """Of a page of JupyterLab: the JSON in it that says what is to be loaded."""

    text = ""
    _inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = ("id", "jupyter-config-data") in attrs

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.text += data

    def handle_endtag(self, tag: str) -> None:
        self._inside = False
