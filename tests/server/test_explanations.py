"""Why something cannot be had, asked over REST."""

from __future__ import annotations

from typing import Any

from .house import Client


def explained(client: Client, body: dict[str, Any]) -> dict[str, Any]:
    job = client.start("POST", "explanations", body)
    client.follow(job)
    return dict(client.get(f"explanations/{job}"))


def test_why_a_creation_fails_and_a_way_out_that_works(client: Client) -> None:
    found = explained(client, {"verb": "create", "name": "never", "specs": ["tool <2", "extra"]})
    assert found["possible"] is False
    assert found["clashes"][0]["requests"] == ["tool <2", "extra"]
    way = next(way for way in found["ways"] if way["works"])
    assert (way["kind"], way["specs"]) == ("relax", ["tool", "extra"])
    assert [group["specs"] for group in found["groups"]] == [["tool <2"], ["extra"]]
    client.do("POST", "environments", {"name": "never", "specs": way["specs"]})


def test_what_keeps_a_version_out(client: Client) -> None:
    client.do("POST", "environments", {"name": "kept-out", "specs": ["extra"]})
    found = explained(client, {"verb": "why_not", "environment": "kept-out", "spec": "tool=1"})
    assert found["kept_out_by"] == ["extra 1.0, which is there, needs tool >=2."]
    change = {"verb": "change", "environment": "kept-out", "add": ["tool=1"], "seconds": 5}
    assert explained(client, change)["clashes"][0]["requests"] == ["extra", "tool=1"]


def test_only_jobs_that_explain_are_explanations(client: Client) -> None:
    job = client.start("POST", "plans", {"verb": "create", "name": "nothing", "specs": ["tool"]})
    client.follow(job)
    assert client.call("GET", f"explanations/{job}").status == 404
    for body in ({"verb": "why_not", "environment": "nowhere", "spec": "tool"}, {"verb": "delete"}):
        assert client.call("POST", "explanations", body).status in (400, 404)
