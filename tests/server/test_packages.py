"""Searching the channels by REST: from the first index to the versions that fit."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest

from tests.channel import index, write_package

from .house import Client, Home, Serve


def test_from_no_index_to_the_versions_that_fit(serve: Serve, home: Home, small_channel: Path) -> None:
    client, url = serve().client(), small_channel.as_uri()
    assert client.get("packages?q=tool") == {"packages": [], "total": 0, "indexes": [], "missing": [url]}
    assert client.call("GET", "packages/tool").status == 404

    result = client.do("POST", "packages", {})
    (index,) = result["indexes"]
    assert (index["channel"], index["packages"]) == (url, client.get("packages")["total"])
    found = client.get("packages?q=tool")
    assert (found["indexes"], found["missing"], found["total"]) == ([index], [], 1)
    assert found["packages"] == [
        {"name": "tool", "version": "2.0", "versions": 2, "channel": url, "summary": "", "license": ""}
    ]
    first, second = (client.get(f"packages?limit=1&offset={offset}")["packages"] for offset in (0, 1))
    assert len(first) == len(second) == 1 and first != second

    client.do("POST", "environments", {"name": "geo", "specs": ["extra"]})
    newer, older = client.get("packages/tool?environment=geo")["versions"]
    assert (newer["version"], newer["fits"], newer["obstacles"]) == ("2.0", True, [])
    assert (older["version"], older["fits"], older["obstacles"]) == ("1.0", False, ["extra goes with tool >=2"])
    assert client.get("packages/tool")["versions"][0]["fits"] is None
    assert client.call("GET", "packages/tool?environment=nowhere").status == 404


@pytest.mark.slow
def test_an_environment_is_searched_for_in_its_own_channels(
    serve: Serve, home: Home, small_channel: Path, tmp_path: Path
) -> None:
    client, elsewhere = serve().client(), tmp_path / "elsewhere"
    write_package(elsewhere, "rare", "1.0", files={"share/rare": ""}, noarch="generic")
    index(elsewhere)
    made = {"name": "of-elsewhere", "specs": ["rare"], "channels": [str(elsewhere)]}
    client.do("POST", "environments", made)
    query = "environment=of-elsewhere"
    missing = client.get(f"packages?q=rare&{query}")["missing"]
    assert elsewhere.as_uri() in missing
    client.do("POST", "packages", {"channels": missing})
    assert [one["name"] for one in client.get(f"packages?q=rare&{query}")["packages"]] == ["rare"]
    (version,) = client.get(f"packages/rare?{query}")["versions"]
    assert (version["channel"], version["fits"]) == (elsewhere.as_uri(), True)
    assert client.get("packages?q=rare")["total"] == 0
    of_both = f"channels={quote(str(elsewhere))}&channels={quote(elsewhere.as_uri())}"
    assert client.get(f"packages?q=rare&{of_both}")["total"] == 1
    assert client.get(f"packages/rare?{of_both}")["versions"] == [{**version, "fits": None}]
    assert client.call("GET", "packages/rare").status == 404
    assert client.call("GET", "packages?environment=nowhere").status == 404


@pytest.mark.slow
def test_a_damaged_index_is_no_fault(serve: Serve, home: Home, small_channel: Path) -> None:
    client = serve().client()
    client.do("POST", "packages", {"channels": [str(small_channel)]})
    (path,) = (home.folder / "cache" / "jupyter-condaenv" / "search").glob("*.sqlite")
    path.write_bytes(path.read_bytes()[:3000])
    assert client.get("packages?q=tool")["missing"] == [small_channel.as_uri()]
    client.do("POST", "packages", {})
    assert client.get("packages?q=tool")["total"] == 1


@pytest.mark.parametrize(
    "query", ["q=" + "a" * 201, "limit=0", "limit=201", "offset=-1", "limit=x", "q=%ff", "channels=./here", "channel=x"]
)
def test_what_cannot_be_asked(client: Client, query: str) -> None:
    assert client.call("GET", f"packages?{query}").status == 400


@pytest.mark.parametrize("name", ["%", "a/b", "..", "数", "\0", "a" * 5000, "' OR 1"])
def test_names_that_no_package_has(client: Client, name: str) -> None:
    assert client.call("GET", f"packages/{quote(name, safe='')}").status == 404


def test_channels_are_checked_before_a_job_is_started(client: Client) -> None:
    answer = client.call("POST", "packages", {"channels": ["https://me:pw@host/c"]})
    assert (answer.status, answer.body["details"]["field"]) == (400, "$.channels[0]")
    assert "pw" not in str(answer.body)


def test_why_a_package_is_there(client: Client) -> None:
    client.do("POST", "environments", {"name": "why", "specs": ["extra"]})
    told = client.get("environments/why/packages/tool/reasons")
    demand = {"package": "extra", "spec": "tool >=2"}
    assert told == {
        "name": "tool",
        "version": "2.0",
        "below": False,
        "asked": [],
        "reasons": [{"asked": "extra", "through": [demand]}],
        "needed_by": [demand],
        "constrained_by": [],
        "pins": [],
    }
    for path in ("why/packages/nothing", "nowhere/packages/tool", "why/packages/%00"):
        assert client.call("GET", f"environments/{path}/reasons").status == 404
