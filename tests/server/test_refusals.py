"""What must not be done is refused, in the same form, with the field's path, and never by a 500."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jupyter_condaenv.server.handlers.base import MOST_BYTES

from .house import TOKEN, Client, segment

BAD_NAMES = {
    "empty": "",
    "up": "..",
    "here": ".",
    "traversal": "../../etc",
    "traversal inside": "a/../b",
    "absolute": "/etc",
    "hidden": ".ssh",
    "option": "--help",
    "backslash": "..\\..\\etc",
    "NUL": "a\0b",
    "new line": "a\nb",
    "escape": "\x1b[2J",
    "drive": "C:",
    "hash": "a#b",
    "percent": "%2e%2e%2f",
    "space around": " a ",
    "long": "a" * 256,
    "long in bytes": "ä" * 128,
    "base": "base",
    "of a shell": "~/a",
}
SECRET = "https://me:hush@host/c::tool"
LOCK: dict[str, Any] = {
    "platform": "linux-64",
    "channels": ["https://conda.example.org/c"],
    "specs": ["a"],
    "packages": [
        {
            "name": "a",
            "version": "1",
            "build": "0",
            "subdir": "noarch",
            "url": "https://conda.example.org/c/noarch/a-1-0.conda",
            "channel": "https://conda.example.org/c",
            "file_name": "a-1-0.conda",
            "sha256": "0" * 64,
        }
    ],
}


def file(text: str) -> dict[str, str]:
    return {"name": "environment.yml", "text": text}


def lock(**changes: object) -> dict[str, Any]:
    return LOCK | {"packages": [LOCK["packages"][0] | changes]}


def refused(client: Client, path: str, body: object) -> dict[str, Any]:
    before = client.get("jobs")["jobs"]
    answer = client.call("POST", path, body)
    assert answer.status in (400, 404), answer.body
    assert client.get("jobs")["jobs"] == before
    failure: dict[str, Any] = answer.body
    return failure


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("environments", {"name": "a", "specs": ["b", SECRET]}, "$.specs[1]"),
        ("plans", {"verb": "create", "name": "a", "specs": [SECRET]}, "$.specs[0]"),
        ("locks", {"platforms": [{"platform": "linux-64"}], "specs": [SECRET]}, "$.specs[0]"),
        ("environments", {"name": "a", "channels": [SECRET]}, "$.channels[0]"),
    ],
)
def test_a_login_in_a_request_is_refused_at_once(client: Client, path: str, body: object, field: str) -> None:
    failure = refused(client, path, body)
    assert failure["details"]["field"] == field
    assert "token or a password" in failure["message"] and "hush" not in str(failure)


@pytest.mark.parametrize("name", [name for key, name in BAD_NAMES.items() if key != "empty"], ids=str)
def test_bad_names_of_new_environments(client: Client, name: str) -> None:
    for path, body in (
        ("environments", {"name": name}),
        ("stacks", {"name": name, "base": "a"}),
        ("plans", {"verb": "create", "name": name}),
    ):
        failure = refused(client, path, body)
        assert failure["code"] in ("invalid_request", "not_found")
        assert failure["details"]["field"] == ("$.base" if "base" in body else "$.name")


@pytest.mark.parametrize(
    "name", [name for key, name in BAD_NAMES.items() if key not in ("empty", "up", "here")], ids=str
)
def test_bad_names_in_paths(client: Client, name: str) -> None:
    for verb, path in (("GET", ""), ("DELETE", ""), ("GET", "/packages"), ("GET", "/lock"), ("GET", "/revisions/1")):
        answer = client.call(verb, f"environments/{segment(name)}{path}")
        assert answer.status in (400, 404)
        assert answer.body["code"] == ("not_found" if name == "/etc" else "invalid_request")


@pytest.mark.parametrize(
    "path",
    [
        "environments/..%2f..%2fetc",
        "environments/%2e%2e",
        "environments/%2e%2e%2flock",
        "environments/%00",
        "environments/%ff",
        "environments/%c0%ae%c0%ae",
        "environments/..%252f..%252fetc",
        "environments/%2Fetc%2F..%2Fetc",
        "jobs/..%2f..",
        "jobs/%00",
        "jobs/%ff",
        "plans/..",
        "jobs/" + "9" * 5000,
    ],
)
def test_bad_addresses(client: Client, path: str) -> None:
    answer = client.call("GET", path)
    assert answer.status in (400, 404)
    assert answer.body["code"] in ("invalid_request", "not_found")


@pytest.mark.parametrize(
    "prefix", ["relative/a", "/a/../b", "/a/./b", "//a", "/a\0b", "/a:b", "/", "/" + "a" * 300, "~/a"]
)
def test_bad_prefixes(client: Client, prefix: str) -> None:
    assert refused(client, "environments", {"prefix": prefix})["details"]["field"] == "$.prefix"


def test_a_sibling_that_begins_alike_is_another_environment(client: Client, tmp_path: Path) -> None:
    client.do("POST", "environments", {"prefix": str(tmp_path / "data"), "specs": ["tool"]})
    answer = client.call("GET", f"environments/{segment(tmp_path / 'data-secret')}")
    assert (answer.status, answer.body["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("environments", {}, "$"),
        ("environments", [], "$"),
        ("environments", {"name": "a", "prefix": "/b/a"}, "$"),
        ("environments", {"name": "a", "spec": []}, "$.spec"),
        ("environments", {"name": 1}, "$.name"),
        ("environments", {"name": None}, "$.name"),
        ("environments", {"name": "a", "specs": "tool"}, "$.specs"),
        ("environments", {"name": "a", "specs": ["tool", 1]}, "$.specs[1]"),
        ("environments", {"name": "a", "display_name": "x" * 201}, "$.display_name"),
        ("environments", {"name": "a", "channels": ["ok", "not a channel"]}, "$.channels[1]"),
        ("environments", {"name": "a", "channels": ["./here"]}, "$.channels[0]"),
        ("environments", {"name": "a", "channels": ["ftp://host/c"]}, "$.channels[0]"),
        ("environments", {"name": "a", "lock": {}}, "$.lock"),
        ("environments", {"name": "a", "file": {}}, "$.file"),
        ("environments", {"name": "a", "file": {"name": "", "text": ""}}, "$.file.name"),
        ("environments", {"name": "a", "file": file("chanels: []")}, "$.file.text"),
        ("environments", {"name": "a", "file": file("dependencies: [a]"), "specs": ["b"]}, "$.file"),
        ("environments", {"name": "a", "file": file("dependencies: [a]"), "lock": lock()}, "$.file"),
        ("environments", {"name": "a", "without_pip": True}, "$.without_pip"),
        ("environments", {"name": "a", "pip": ["ok", "-r more.txt"]}, "$.pip[1]"),
        ("plans", {"verb": "create", "name": "a", "pip": ["x @ file:///x.whl"]}, "$.pip[0]"),
        ("environments", {"file": file("dependencies: [a]")}, "$"),
        ("environments", {"file": file("name: ../a\ndependencies: [a]")}, "$.file.text"),
        ("plans", {"verb": "create", "name": "a", "file": file("- a")}, "$.file.text"),
        ("plans", {"verb": "change", "environment": "no-such", "file": file("- a"), "prune": 1}, "$.prune"),
        ("environments", {"name": "a", "lock": lock(more=1)}, "$.lock.packages[0].more"),
        ("environments", {"name": "a", "lock": lock(sha256="")}, "$.lock"),
        ("environments", {"name": "a", "lock": lock(name="../../a")}, "$.lock"),
        ("environments", {"name": "a", "lock": lock(file_name="../a.conda")}, "$.lock"),
        ("environments", {"name": "a", "lock": lock(size=1e30)}, "$.lock.packages[0].size"),
        ("environments", {"name": "a", "lock": lock(build_number="1")}, "$.lock.packages[0].build_number"),
        ("stacks", {"name": "a"}, "$"),
        ("stacks", {"name": "a", "base": "no-such-base"}, "$.base"),
        ("plans", {"name": "a"}, "$"),
        ("plans", {"verb": "destroy", "name": "a"}, "$.verb"),
        ("plans", {"verb": "change", "environment": "no-such"}, "$.environment"),
        ("plans", {"verb": "change", "environment": "x", "name": "a"}, "$.name"),
    ],
)
def test_what_does_not_fit_is_named(client: Client, path: str, body: object, field: str) -> None:
    assert refused(client, path, body)["details"]["field"] == field


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"{}{}",
        b"nothing",
        b"\xff\xfe",
        b'{"name": "\xff"}',
        b'{"name": "\\ud800"}',
        b"[" * 100_000,
        b'{"specs": ' + b"[" * 100_000,
        b'{"name": ' + b"9" * 10_000 + b"}",
        b"NaN",
        b"\0",
        b'{"name": 1e400}',
        json.dumps({"name": "a"}).encode("utf-16"),
    ],
    ids=lambda data: repr(data[:16]),
)
def test_bodies_that_are_not_json(client: Client, data: bytes) -> None:
    answer = client.call("POST", "environments", data=data)
    assert (answer.status, answer.body["code"]) == (400, "invalid_request")
    assert answer.body["details"]["field"].startswith("$")
    assert data or "no body" in answer.body["message"]


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
        "application/jsonp",
        ";;;",
        "application/json, text/plain",
    ],
)
def test_bodies_of_another_type(client: Client, content_type: str) -> None:
    for path in ("environments", "stacks", "plans"):
        answer = client.call("POST", path, {"name": "a"}, **{"Content-Type": content_type})
        assert (answer.status, answer.body["code"]) == (415, "unsupported_media_type")
        assert "Content-Type: application/json" in answer.body["hint"]


def test_the_usual_types_of_json(client: Client) -> None:
    for content_type in ("application/json", "application/json; charset=utf-8", "Application/JSON;charset=UTF-8"):
        answer = client.call("POST", "environments", {"no such": 1}, **{"Content-Type": content_type})
        assert answer.status == 400


def test_bodies_that_are_too_large(client: Client) -> None:
    largest = b'{"name": "' + b"a" * (MOST_BYTES - 12) + b'"}'
    assert len(largest) == MOST_BYTES
    assert client.call("POST", "environments", data=largest).status == 400
    answer = client.call("POST", "environments", data=largest + b" ")
    assert (answer.status, answer.body["code"]) == (413, "too_large")
    assert "Clear the outputs of a notebook" in answer.body["hint"]


def test_bodies_that_are_too_large_and_do_not_say_so(client: Client) -> None:
    pieces = (b" " * 65536 for _ in range(MOST_BYTES // 65536 + 1))
    answer = client.call("POST", "environments", data=pieces)  # type: ignore[arg-type]
    assert (answer.status, answer.body["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    ("verb", "path", "body", "field"),
    [
        ("PATCH", "notes", {}, "$"),
        ("PATCH", "notes", {"tag": [], "note": None}, "$"),
        ("PATCH", "notes", {"message": "only"}, "$.message"),
        ("PATCH", "notes", {"frozen": False, "message": "why not"}, "$.message"),
        ("PUT", "kernel", {"display_name": "x" * 201}, "$.display_name"),
    ],
)
def test_what_says_nothing_or_too_much_of_an_environment(
    client: Client, verb: str, path: str, body: object, field: str
) -> None:
    answer = client.call(verb, f"environments/any/{path}", body)
    assert (answer.status, answer.body["details"]["field"]) == (400, field)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("since=-1", "$.since"),
        ("since=a", "$.since"),
        ("since=" + "9" * 5000, "$.since"),
        ("since=1.5", "$.since"),
        ("wait=61", "$.wait"),
        ("wait=-1", "$.wait"),
        ("wait=nan", "$.wait"),
        ("wait=inf", "$.wait"),
        ("since=", "$.since"),
        ("sinse=1", "$.sinse"),
    ],
)
def test_bad_queries(client: Client, query: str, field: str) -> None:
    answer = client.call("GET", f"jobs/20260101-000000-000000-00000000?{query}")
    assert (answer.status, answer.body["details"]) == (400, {"field": field})


@pytest.mark.parametrize("query", [f"token={TOKEN}", "1764280000000", "_xsrf=a", "no_track_activity=1"])
def test_what_jupyter_puts_into_queries(client: Client, query: str) -> None:
    assert client.call("GET", f"jobs?limit=1&{query}").status == 200


@pytest.mark.parametrize("query", ["since=%ff", "no_track_activity=%ff", "%ff=1"])
def test_queries_that_are_not_utf_8(client: Client, query: str) -> None:
    assert client.call("GET", f"jobs?{query}").status in (200, 400)
    assert client.call("GET", f"environments?{query}").status in (200, 400)


def test_secrets_are_not_repeated(client: Client) -> None:
    for channel in (
        "https://me:geheim@host.example/c",
        "https://host.example/t/geheim/c",
        "https://host.example/c?key=geheim",
    ):
        failure = refused(client, "environments", {"name": "a", "channels": [channel]})
        assert "geheim" not in json.dumps(failure)
    failure = refused(
        client, "environments", {"name": "a", "lock": lock(url="https://me:geheim@host.example/c/a.conda")}
    )
    assert "geheim" not in json.dumps(failure)


def test_forged_requests_of_a_browser(browser: Client) -> None:
    xsrf = browser.headers.pop("X-XSRFToken")
    assert browser.call("GET", "environments").status == 200
    for verb, path in (
        ("POST", "environments"),
        ("DELETE", "environments/no-such"),
        ("PATCH", "environments/no-such/packages"),
    ):
        for forged in ({}, {"X-XSRFToken": "wrong"}):
            answer = browser.call(verb, path, {"no such": 1}, **forged)
            assert (answer.status, answer.body["code"]) == (403, "forbidden")
        assert browser.call(verb, path, {"no such": 1}, **{"X-XSRFToken": xsrf}).status in (400, 404)
