"""A real Jupyter server in a home of its own, and clients that check every answer against the OpenAPI document."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from http.client import HTTPConnection, HTTPMessage
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import jsonschema

TOKEN = "let-me-in"
BASE_URL = "/user/a@b/"
PATIENCE = 120.0
"""Seconds that anything in these tests may take."""
CONFIG = """
from jupyter_server.auth import Authorizer

class AsTheRequestSays(Authorizer):
    '''Denies the resource `condaenv` to requests that ask for it, so that one server shows both.'''

    def is_authorized(self, handler, user, action, resource):
        return not (resource == "condaenv" and action == handler.request.headers.get("X-Deny"))

c.ServerApp.authorizer_class = AsTheRequestSays
"""


class Answer(NamedTuple):
    status: int
    headers: HTTPMessage
    body: Any
    """Decoded, where it is JSON."""


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
        path = self.folder / "config" / "jupyter_condaenv_config.json"
        path.write_text(json.dumps({"CondaEnv": traits}))


class Server:
    """A Jupyter server in ``home``, which runs when this returns."""

    def __init__(self, home: Home) -> None:
        self.home = home
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = int(free.getsockname()[1])
        options = {
            "ServerApp.ip": "127.0.0.1",
            "ServerApp.port": str(self.port),
            "ServerApp.port_retries": "0",
            "ServerApp.base_url": BASE_URL,
            "ServerApp.root_dir": str(home.folder),
            "ServerApp.allow_root": "True",
            "IdentityProvider.token": TOKEN,
        }
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "jupyter_server",
                "--no-browser",
                *(f"--{key}={value}" for key, value in options.items()),
            ],
            env=home.env,
            cwd=home.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.log: list[str] = []
        self._running = threading.Event()
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()
        assert self._running.wait(PATIENCE) and self.process.poll() is None, "".join(self.log)
        assert any("jupyter_condaenv | extension was successfully loaded" in line for line in self.log), (
            "The extension is not enabled where these tests run. Install the project again: pip install -e '.[dev]'"
        )
        self._wait_until_it_listens()

    def _wait_until_it_listens(self) -> None:
        give_up = time.monotonic() + PATIENCE
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
            except ConnectionRefusedError:
                assert time.monotonic() < give_up, "".join(self.log)
                with suppress(subprocess.TimeoutExpired):
                    self.process.wait(0.02)
            else:
                return

    def _read_log(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(line)
            if "is running at" in line:
                self._running.set()
        self._running.set()  # it has ended: nobody need wait

    def client(self, **headers: str) -> Client:
        """One that is logged in by token."""
        return Client(self.port, {"Authorization": f"token {TOKEN}"} | headers)

    def stranger(self, **headers: str) -> Client:
        return Client(self.port, headers)

    def end(self, signal_number: int = signal.SIGTERM) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal_number)
        self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        assert self.process.stderr is not None
        self.process.stderr.close()

    @property
    def faults(self) -> list[str]:
        """What the log says of errors that nobody foresaw."""
        return [line for line in self.log if "Traceback" in line or "Uncaught" in line or "wrote error: 500" in line]


class Client:
    def __init__(self, port: int, headers: Mapping[str, str]) -> None:
        self.port = port
        self.headers = dict(headers)

    def raw(self, verb: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """What the server answers at ``path``, from its root, whatever that is."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(verb, path, body, self.headers | headers)
            response = connection.getresponse()
            data = response.read()
        finally:
            connection.close()
        is_json = response.headers.get_content_type() == "application/json"
        return Answer(response.status, response.headers, json.loads(data) if is_json and data else data)

    def jupyter(self, verb: str, path: str, body: object = None) -> Answer:
        """What Jupyter's own API answers."""
        return self.raw(verb, f"{BASE_URL}api/{path}", None if body is None else json.dumps(body).encode())

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


Serve = Callable[[], Server]
