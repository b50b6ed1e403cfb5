"""A real Jupyter server, and what any client of one does: what the demo and the tests of the server have in common."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPMessage
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import websocket

PATIENCE = 120.0
"""Seconds that one thing may take."""


class ServerError(Exception):
    """The server, or a kernel of it, does not do what it is there for."""


class Answer(NamedTuple):
    status: int
    headers: HTTPMessage
    body: Any
    """Decoded, where it is JSON."""


class Cell(NamedTuple):
    """What came of a cell."""

    text: str
    """What it printed."""
    error: str
    """The traceback; empty where all went well."""


class JupyterServer:
    """A server of ``folder``, with the variables ``env``. It runs when this returns.

    ``application`` is the module that ``python`` runs: `jupyter_server`, or one that has pages too, `jupyterlab` or
    `notebook`. Without a ``port`` it is any free one.
    """

    def __init__(
        self,
        folder: Path,
        env: Mapping[str, str],
        *,
        token: str,
        base_url: str = "/",
        application: str = "jupyter_server",
        port: int = 0,
        python: str = sys.executable,
    ) -> None:
        self.port = port or free_port()
        self._base_url, self._token = base_url, token
        self.log: list[str] = []
        self._running = threading.Event()
        options = {
            "ServerApp.ip": "127.0.0.1",
            "ServerApp.port": str(self.port),
            "ServerApp.port_retries": "0",
            "ServerApp.base_url": base_url,
            "ServerApp.root_dir": str(folder),
            "ServerApp.allow_root": "True",
        }
        self.process = subprocess.Popen(
            [
                python,
                "-m",
                application,
                "--no-browser",
                *(f"--{key}={value}" for key, value in options.items()),
            ],
            env={**env, "JUPYTER_TOKEN": token},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # Ctrl-C is for the one who started it, and who ends it
        )
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()
        try:
            self._wait_until_it_runs()
        except BaseException:
            self.end()
            raise

    def address(self, page: str) -> str:
        """Of ``page``, for the one whom it lets in."""
        return f"http://127.0.0.1:{self.port}{self._base_url}{page}?token={self._token}"

    def end(self, signal_number: int = signal.SIGTERM) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal_number)
        try:
            self.process.wait(PATIENCE / 4)
        except subprocess.TimeoutExpired:
            # Jupyter's AnyIO now and then leaves a thread behind that nobody ends, and Python waits for it.
            self.process.kill()
            self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        assert self.process.stderr is not None
        self.process.stderr.close()

    def _wait_until_it_runs(self) -> None:
        if not self._running.wait(PATIENCE) or self.process.poll() is not None:
            raise ServerError("The Jupyter server does not start:\n" + "".join(self.log))
        if not any("jupyter_condaenv | extension was successfully loaded" in line for line in self.log):
            raise ServerError(
                "The extension is not enabled in this Python. Install the project again: pip install -e '.[dev]'"
            )
        wait_until_it_listens(self.process, self.port)

    def _read_log(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(line)
            if "is running at" in line:
                self._running.set()
        self._running.set()  # it has ended: nobody need wait


class Visitor:
    """Whoever talks to the server at ``port``, which may be that of a proxy."""

    def __init__(self, port: int, base_url: str, headers: Mapping[str, str]) -> None:
        self.port = port
        self.base_url = base_url
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
        return self.raw(verb, f"{self.base_url}api/{path}", None if body is None else json.dumps(body).encode())

    def run(self, kernel: str, code: str) -> Cell:
        """What comes of the cell ``code`` in a kernel that the server starts for it, and then ends."""
        started = self.jupyter("POST", "kernels", {"name": kernel})
        if started.status != 201:
            raise ServerError(f"The kernel {kernel} does not start: {started.body}")
        id = started.body["id"]
        try:
            return self.run_in(id, code)
        finally:
            self.jupyter("DELETE", f"kernels/{id}")

    def run_in(self, kernel_id: str, code: str, answer: str | None = None, seen: Callable[[str], object] = len) -> Cell:
        """What comes of the cell ``code``, as a page has it run: over the websocket of the kernel.

        Where it asks for input that is ``answer``; without one nobody is there to ask. ``seen`` is told what it prints.
        """
        url = f"ws://127.0.0.1:{self.port}{self.base_url}api/kernels/{kernel_id}/channels"
        content = {"code": code, "silent": False, "store_history": False, "allow_stdin": answer is not None}
        message = _message("shell", "execute_request", content)
        request = message["header"]["msg_id"]
        text, error, awaited = "", "", {"idle", "execute_reply"}
        channels = websocket.create_connection(
            url, timeout=PATIENCE, header=self.headers, suppress_origin="Origin" in self.headers
        )
        with closing(channels):
            channels.send(json.dumps(message))
            while awaited:
                heard = json.loads(channels.recv())
                kind, content = heard["msg_type"], heard["content"]
                if kind == "status" and content["execution_state"] in ("dead", "restarting"):
                    raise ServerError("The kernel died.")
                if heard["parent_header"].get("msg_id") != request:
                    continue
                awaited -= {kind, content.get("execution_state")}
                if kind == "stream" and content["name"] == "stdout":
                    text += content["text"]
                    seen(content["text"])
                elif kind == "input_request":
                    channels.send(json.dumps(_message("stdin", "input_reply", {"value": answer}, heard["header"])))
                elif kind == "error":
                    error = "\n".join(content["traceback"])
        return Cell(text, error)


def _message(channel: str, kind: str, content: Mapping[str, object], parent: Mapping[str, object] = {}) -> Any:
    header = {"msg_id": uuid4().hex, "msg_type": kind, "session": uuid4().hex, "username": "", "date": ""}
    return {"channel": channel, "header": header, "parent_header": parent, "metadata": {}, "content": content}


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def wait_until_it_listens(process: subprocess.Popen[str], port: int) -> None:
    """Until a connection to ``port`` is taken. Raises ServerError when ``process`` ends before."""
    give_up = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            if process.poll() is not None or time.monotonic() >= give_up:
                raise ServerError(f"Nothing listens at port {port}.") from None
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.02)
        else:
            return
