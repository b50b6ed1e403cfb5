"""Building packages by REST."""

from __future__ import annotations

from pathlib import Path

import pytest

from .house import Client

RECIPE = """\
package: {name: mine, version: "1.0"}
build: {noarch: generic, script: mkdir -p $PREFIX/share && echo mine > $PREFIX/share/mine}
"""


def test_a_package_is_built_and_installed(client: Client, tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    result = client.do("POST", "builds", {"recipe": str(tmp_path), "channel": str(tmp_path / "ours"), "channels": []})
    (package,) = result["packages"]
    assert (result["channel"], package["name"]) == ((tmp_path / "ours").as_uri(), "mine")
    made = client.do("POST", "environments", {"name": "built", "specs": [f"{result['channel']}::mine"]})
    assert (Path(made["environment"]["prefix"]) / "share/mine").read_text() == "mine\n"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"recipe": "recipe.yaml"}, "$.recipe"),
        ({"recipe": "/here", "channel": "ours"}, "$.channel"),
        ({"recipe": "/here", "channels": ["./ours"]}, "$.channels[0]"),
    ],
)
def test_places_are_full_paths(client: Client, body: dict[str, object], field: str) -> None:
    answer = client.call("POST", "builds", body)
    assert (answer.status, answer.body["details"]["field"]) == (400, field)
