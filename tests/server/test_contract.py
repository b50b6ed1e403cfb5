"""The OpenAPI document and the running server say the same, and every verb asks who is there."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

import jupyter_condaenv.server.handlers as handlers
from jupyter_condaenv.server.handlers.base import Handler
from jupyter_condaenv.server.openapi import document
from jupyter_condaenv.server.routing import VERBS

from .house import BASE_URL, Client, Server

ROOT = Path(__file__).parents[2]
FOLDER = Path(handlers.__file__).parent
CHANGES = ("post", "put", "patch", "delete")


def documented() -> list[tuple[str, str]]:
    """Every verb with its address, in which each parameter has a value."""
    return [
        (verb, "/".join("1" if part.startswith("{") else part for part in route.path.split("/")))
        for route in handlers.DOCUMENTED
        for verb in route.operations
    ]


def verbs_in(source: str) -> Iterator[tuple[str, str, set[str]]]:
    """Class, verb and decorators of every verb of a handler, as they are written."""
    for defined in ast.walk(ast.parse(source)):
        if not isinstance(defined, ast.ClassDef) or not any("Handler" in ast.unparse(base) for base in defined.bases):
            continue
        for function in defined.body:
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) and function.name in VERBS:
                names = {ast.unparse(decorator).partition("(")[0] for decorator in function.decorator_list}
                yield defined.name, function.name, names


def test_every_verb_is_guarded_and_declared() -> None:
    found = [verb for path in FOLDER.glob("*.py") for verb in verbs_in(path.read_text())]
    assert len(found) == len(documented())
    for name, verb, decorators in found:
        assert {"web.authenticated", "authorized", "operation"} <= decorators, f"{name}.{verb}"


def test_a_verb_without_a_guard_is_seen() -> None:
    source = (
        "class OneHandler(Handler):\n    @web.authenticated\n    @operation(answer=int)\n    async def get(self): ..."
    )
    assert list(verbs_in(source)) == [("OneHandler", "get", {"web.authenticated", "operation"})]


def test_every_handler_has_a_route() -> None:
    routed = {route.handler for route in handlers.routes()}
    assert set(Handler.__subclasses__()) == routed


def test_the_document_is_valid(client: Client) -> None:
    document = client.get("openapi.json")
    OpenAPIV31SpecValidator(document).validate()
    assert document["servers"] == [{"url": f"{BASE_URL}condaenv"}]


def test_the_document_names_every_route_and_verb(client: Client) -> None:
    paths = client.get("openapi.json")["paths"]
    said = {(verb, path) for path, item in paths.items() for verb in item if verb != "parameters"}
    assert said == {(verb, f"/{route.path}") for route in handlers.DOCUMENTED for verb in route.operations}
    identifiers = [item[verb]["operationId"] for item in paths.values() for verb in item if verb != "parameters"]
    assert len(set(identifiers)) == len(identifiers)


@pytest.mark.parametrize("path", sorted({path for _, path in documented()}))
def test_the_server_knows_the_documented_verbs_and_no_others(client: Client, path: str) -> None:
    known = {verb for verb, one in documented() if one == path}
    for verb in VERBS:
        if verb in ("head", "options"):  # without a body, and Jupyter's own
            continue
        answer = client.call(verb.upper(), path, {"no such": "field"} if verb in CHANGES else None)
        assert (answer.status == 405) == (verb not in known), (verb, answer.body)
        if verb not in known:
            assert set(answer.headers["Allow"].lower().split(", ")) == known | {"options"}
        assert (answer.body or {}).get("message") != "There is nothing at this address.", verb


@pytest.mark.parametrize(("verb", "path"), documented())
def test_strangers_are_refused(server: Server, verb: str, path: str) -> None:
    for stranger in (server.stranger(), server.stranger(Authorization="token wrong")):
        # What a browser would send along, lest XSRF be what refuses them.
        answer = stranger.call(verb.upper(), path, {}, Cookie="_xsrf=a", **{"X-XSRFToken": "a"})
        assert (answer.status, answer.body["code"]) == (403, "forbidden")


@pytest.mark.parametrize(("verb", "path"), documented())
def test_every_verb_asks_for_permission(server: Server, verb: str, path: str) -> None:
    """To read for GET, to write for all others."""
    needed, other = ("read", "write") if verb == "get" else ("write", "read")
    assert server.client(**{"X-Deny": needed}).call(verb.upper(), path, {"no such": "field"}).status == 403
    assert server.client(**{"X-Deny": other}).call(verb.upper(), path, {"no such": "field"}).status != 403


def test_there_is_nothing_else_below_our_root(client: Client) -> None:
    for path in ("nowhere", "environments/a/b", "jobs/1/events", "openapi.yaml"):
        answer = client.call("GET", path)
        assert (answer.status, answer.body["code"]) == (404, "not_found")


def test_the_panel_knows_the_present_document() -> None:
    """Its types are made from it."""
    kept = msgspec.json.decode((ROOT / "labextension" / "openapi.json").read_bytes())
    present = msgspec.json.decode(msgspec.json.encode(document(handlers.DOCUMENTED, "/")))
    assert kept == present, "make panel-types writes it anew"
