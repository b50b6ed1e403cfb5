"""Jupyter servers in homes of their own, and clients that check every answer against the OpenAPI document."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import jsonschema

from tests.jupyter import Answer, JupyterServer, Visitor

TOKEN = "let-me-in"
BASE_URL = "/user/j%C3%B6rg%20a@b/"
"""As a hub writes the name `jörg a@b`."""
CONFIG = """
from jupyter_server.auth import Authorizer

class AsTheRequestSays(Authorizer):
    '''Denies the resource `condaenv` to requests that ask for it, so that one server shows both.'''

    def is_authorized(self, handler, user, action, resource):
        return not (resource == "condaenv" and action == handler.request.headers.get("X-Deny"))

c.ServerApp.authorizer_class = AsTheRequestSays
"""


class Home:
    """A home directory, and the environment of programs that live there."""

    def __init__(self, folder: Path, channel: str) -> None:
        self.folder = folder
        self.envs = folder / "jupyter" / "condaenv" / "envs"
        foreign = ("CONDA", "JUPYTER", "JPY", "MAMBA", "XDG_", "PYTEST")
        self.env = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        self.env |= {
            "HOME": str(folder),
            "JUPYTER_CONFIG_DIR": str(folder / "config"),
            "JUPYTER_DATA_DIR": str(folder / "jupyter"),
            "JUPYTER_RUNTIME_DIR": str(folder / "run"),
            "XDG_CACHE_HOME": str(folder / "cache"),
        }
        (folder / "config").mkdir(parents=True)
        (folder / "config" / "jupyter_server_config.py").write_text(CONFIG)
        self.configure(channels=[channel])

    def configure(self, **traits: object) -> None:
        """Without looking for environments unasked, or elsewhere on the machine."""
        traits = {"find": ["~/*", "~/*/envs/*"], "find_every": 0, **traits}
        path = self.folder / "config" / "jupyter_condaenv_config.json"
        path.write_text(json.dumps({"CondaEnv": traits}))


class Server(JupyterServer):
    """A server in ``home``, which runs when this returns; for ``options`` see JupyterServer."""

    def __init__(self, home: Home, **options: Any) -> None:
        self.home = home
        super().__init__(home.folder, home.env, token=TOKEN, base_url=BASE_URL, **options)

    def client(self, **headers: str) -> Client:
        """One that is logged in by token."""
        return Client(self.port, {"Authorization": f"token {TOKEN}"} | headers)

    def stranger(self, **headers: str) -> Client:
        return Client(self.port, headers)

    @property
    def faults(self) -> list[str]:
        """What the log says of errors that nobody foresaw. That a page was closed while Jupyter told it something is
        none: Tornado raises what nobody looks at."""
        lines = _CLOSED_PAGE.sub("", "".join(self.log)).splitlines()
        return [line for line in lines if "Traceback" in line or "Uncaught" in line or "wrote error: 500" in line]


_CLOSED_PAGE = re.compile(
    r"^Task exception was never retrieved\nfuture: [^\n]*WebSocketClosedError"
    r".*?^tornado\.websocket\.WebSocketClosedError\n",
    re.DOTALL | re.MULTILINE,
)


class Client(Visitor):
    def __init__(self, port: int, headers: Mapping[str, str]) -> None:
        super().__init__(port, BASE_URL, headers)

    def call(self, verb: str, path: str, body: object = None, *, data: bytes | None = None, **headers: str) -> Answer:
        """What our API answers at ``path``. It must be what the OpenAPI document promises."""
        if body is not None or data is not None:
            headers.setdefault("Content-Type", "application/json")
            data = json.dumps(body).encode() if data is None else data
        answer = self.raw(verb, f"{BASE_URL}condaenv/{path}", data, **headers)
        self._check(verb, path, answer)
        return answer

    def get(self, path: str) -> Any:
        answer = self.call("GET", path)
        assert answer.status == 200, answer.body
        return answer.body

    def start(self, verb: str, path: str, body: object = None) -> str:
        """Ask for a change, and return the id of the job."""
        answer = self.call(verb, path, body)
        assert answer.status == 202, answer.body
        assert answer.headers["Location"] == f"{BASE_URL}condaenv/jobs/{answer.body['id']}"
        return str(answer.body["id"])

    def follow(self, id: str) -> dict[str, Any]:
        """The job when it has ended, with all its events, by long polls."""
        events: list[dict[str, Any]] = []
        while True:
            since = events[-1]["number"] if events else 0
            job: dict[str, Any] = self.get(f"jobs/{id}?since={since}&wait=20")
            events += job["events"]
            if job["outcome"] is not None and not job["more"]:
                return job | {"events": events}

    def do(self, verb: str, path: str, body: object = None) -> dict[str, Any]:
        """Have a change done; it must succeed. Returns its result."""
        outcome = self.follow(self.start(verb, path, body))["outcome"]
        assert outcome["state"] == "succeeded", outcome
        result: dict[str, Any] = outcome["result"]
        return result

    def _check(self, verb: str, path: str, answer: Answer) -> None:
        operation = declared(self._document(), verb, path)
        promised = operation.get("responses", {}) if operation else {}
        status = str(answer.status)
        response = promised.get(status) or promised.get(f"{status[0]}XX")
        if operation is None and 400 <= answer.status < 500:
            response = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Failure"}}}}
        assert response is not None, f"{verb} {path} answers {status}, which is not documented"
        schema = response["content"]["application/json"]["schema"]
        jsonschema.Draft202012Validator(schema | {"components": self._document()["components"]}).validate(answer.body)
        for name, header in response.get("headers", {}).items():
            assert not header.get("required") or answer.headers[name]

    def _document(self) -> dict[str, Any]:
        if self.port not in _documents:
            answer = self.raw("GET", f"{BASE_URL}condaenv/openapi.json", Authorization=f"token {TOKEN}")
            _documents[self.port] = answer.body
        return _documents[self.port]


_documents: dict[int, dict[str, Any]] = {}


def log_in(port: int) -> Client:
    """A browser: it has a cookie instead of a token, and pages that send the value against forged requests."""
    cookies: SimpleCookie = SimpleCookie()
    for path in (f"login?token={TOKEN}&next={BASE_URL}api", "login"):
        for line in Client(port, {}).raw("GET", f"{BASE_URL}{path}").headers.get_all("Set-Cookie") or ():
            cookies.load(line)
    assert {morsel["path"] for morsel in cookies.values()} == {BASE_URL}
    sent = "; ".join(f"{name}={morsel.coded_value}" for name, morsel in cookies.items())
    origin = f"http://127.0.0.1:{port}"
    return Client(port, {"Cookie": sent, "Origin": origin, "X-XSRFToken": cookies["_xsrf"].value})


def declared(document: dict[str, Any], verb: str, path: str) -> dict[str, Any] | None:
    """What ``document`` says of ``verb`` at ``path``; None when it says nothing."""
    segments = urlsplit(path).path.split("/")
    for template, item in document["paths"].items():
        parts = template.strip("/").split("/")
        if len(parts) == len(segments) and all(
            part == segment or (part.startswith("{") and segment) for part, segment in zip(parts, segments, strict=True)
        ):
            found: dict[str, Any] | None = item.get(verb.lower())
            return found
    return None


def segment(name_or_prefix: str | Path) -> str:
    """As one segment of a path."""
    return quote(str(name_or_prefix), safe="")


Serve = Callable[..., Server]
