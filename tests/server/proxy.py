"""configurable-http-proxy, which stands before every server of a hub."""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
import tempfile
from contextlib import suppress
from http.client import HTTPConnection
from pathlib import Path

import pytest

from tests import node
from tests.channel import home
from tests.jupyter import PATIENCE, free_port, wait_until_it_listens

NAME = "configurable-http-proxy"
VERSION = "5.1.0"
"""The last one that runs on Node 18."""


class Proxy:
    """Hands on to ``target_port`` what comes below ``base_url``. It listens when this returns."""

    def __init__(self, base_url: str, target_port: int) -> None:
        self.port, self._api_port = free_port(), free_port()
        self._token = secrets.token_hex(16)
        places = [f"--port={self.port}", f"--api-port={self._api_port}", "--ip=127.0.0.1", "--api-ip=127.0.0.1"]
        self._process = subprocess.Popen(
            [program(), *places],
            env=node.ENVIRONMENT | {"CONFIGPROXY_AUTH_TOKEN": self._token},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        try:
            for port in (self.port, self._api_port):
                wait_until_it_listens(self._process, port)
            self._route(base_url, target_port)
        except BaseException:
            self.end()
            raise

    def end(self) -> None:
        self._process.terminate()
        self._process.wait(PATIENCE)

    def _route(self, base_url: str, target_port: int) -> None:
        connection = HTTPConnection("127.0.0.1", self._api_port, timeout=PATIENCE)
        try:
            target = json.dumps({"target": f"http://127.0.0.1:{target_port}"})
            connection.request("POST", f"/api/routes{base_url}", target, {"Authorization": f"token {self._token}"})
            assert connection.getresponse().status == 201
        finally:
            connection.close()


def program() -> str:
    """The machine's own, else one that npm installs once beside the local channel."""
    found = shutil.which(NAME, path=node.SEARCH_PATH)
    if found:
        return found
    place = home() / f"{NAME}-{VERSION}"
    if not place.exists():
        _install(place)
    return str(place / "node_modules" / ".bin" / NAME)


def _install(place: Path) -> None:
    npm = node.program("npm")
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent) as folder:
        made = Path(folder, "made")
        command = [npm, "install", "--engine-strict", "--no-audit", "--no-fund", "--prefix", str(made)]
        done = subprocess.run(
            [*command, f"{NAME}@{VERSION}"], env=node.ENVIRONMENT, capture_output=True, text=True, timeout=PATIENCE
        )
        if done.returncode:
            pytest.skip(f"npm cannot install {NAME}. npm install -g {NAME}@{VERSION} would bring it, or say why not")
        with suppress(OSError):  # another run was faster
            made.rename(place)
