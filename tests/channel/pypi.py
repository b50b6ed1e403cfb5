"""A package index as pip and uv ask one (the simple repository API), and the wheels and sdists to put into it."""

from __future__ import annotations

import base64
import hashlib
import io
import os
import re
import tarfile
import threading
import zipfile
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

_BACKEND = """
import base64, hashlib, os, zipfile

def get_requires_for_build_wheel(config_settings=None):
    return []

def prepare_metadata_for_build_wheel(folder, config_settings=None):
    info = os.path.join(folder, "{stem}.dist-info")
    os.makedirs(info)
    with open(os.path.join(info, "METADATA"), "w") as file:
        file.write({metadata!r})
    return "{stem}.dist-info"

def build_wheel(folder, config_settings=None, metadata_directory=None):
    {fails}
    name = "{stem}-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as wheel:
        wheel.writestr("{module}.py", "VERSION = '{version}'\\n")
        wheel.writestr("{stem}.dist-info/METADATA", {metadata!r})
        wheel.writestr("{stem}.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("{stem}.dist-info/RECORD", "")
    return name
"""


def write_wheel(
    folder: Path,
    name: str,
    version: str,
    *,
    requires: Sequence[str] = (),
    scripts: Mapping[str, str] | None = None,
    files: Mapping[str, str] | None = None,
) -> Path:
    """A pure wheel with a module that says its ``VERSION``; ``scripts`` are console scripts, ``files`` lie beside."""
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    content = {f"{module}/__init__.py": f"VERSION = {version!r}\n\n\ndef main():\n    print({name!r}, VERSION)\n"}
    content |= dict(files or {})
    content[f"{info}/METADATA"] = _metadata(name, version, requires)
    content[f"{info}/WHEEL"] = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    if scripts:
        lines = "".join(f"{command} = {target}\n" for command, target in scripts.items())
        content[f"{info}/entry_points.txt"] = f"[console_scripts]\n{lines}"
    rows = [f"{path},sha256={_digest(text)},{len(text.encode())}" for path, text in content.items()]
    content[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,"]) + "\n"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{module}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for place, text in content.items():
            wheel.writestr(zipfile.ZipInfo(place, (2024, 1, 1, 0, 0, 0)), text)
    return path


def write_sdist(folder: Path, name: str, version: str, *, fails: str = "") -> Path:
    """A source distribution that needs nothing to be built; with ``fails`` building it ends with these words."""
    module = name.replace("-", "_")
    stem, metadata = f"{module}-{version}", _metadata(name, version, ())
    backend = _BACKEND.format(
        stem=stem,
        module=module,
        version=version,
        metadata=metadata,
        fails=f"raise SystemExit({fails!r})" if fails else "pass",
    )
    files = {
        "PKG-INFO": metadata,
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
        "backend.py": backend,
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{stem}.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for place, text in files.items():
            member = tarfile.TarInfo(f"{stem}/{place}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return path


class PackageIndex:
    """Serves the wheels and sdists in ``folder`` on 127.0.0.1, as a context manager; ``.url`` is the index's address.

    - ``password``: asked for by basic authentication.
    - ``hashes``: whether its pages give them.
    - ``tampered``: names of files that are served with other bytes than the hash on the page is of.
    - ``stall``: whether files are begun and never end.
    """

    def __init__(self, folder: Path, *, password: str = "") -> None:
        self.folder, self.password = folder, password
        self.hashes, self.stall = True, False
        self.tampered: set[str] = set()
        self.log: list[str] = []
        """Paths that were asked for."""
        self.stalled = threading.Event()
        """Somebody waits for a file that never ends."""
        self._closing = threading.Event()
        self._http: ThreadingHTTPServer | None = None

    @property
    def host(self) -> str:
        assert self._http is not None, "use `with PackageIndex(...) as index`"
        return f"127.0.0.1:{self._http.server_address[1]}"

    @property
    def url(self) -> str:
        """With the login, where one is asked for."""
        return f"http://{f'me:{self.password}@' if self.password else ''}{self.host}/simple/"

    def __enter__(self) -> PackageIndex:
        index = self

        class Handler(_Handler):
            of = index

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def release(self) -> None:
        """Let nobody wait any more."""
        self.stall = False
        self._closing.set()

    def close(self) -> None:
        """Serve no more."""
        self._closing.set()
        if self._http is not None:
            self._http.shutdown()
            self._http.server_close()
            self._http = None

    def page(self, name: str) -> bytes | None:
        """The links to all files of the project ``name``."""
        found = [path for path in sorted(self.folder.iterdir()) if _project(path) == name]
        links = [f'<a href="../../files/{path.name}{self._fragment(path)}">{path.name}</a><br>' for path in found]
        return f"<!DOCTYPE html><html><body>{''.join(links)}</body></html>".encode() if found else None

    def _fragment(self, path: Path) -> str:
        return f"#sha256={hashlib.sha256(path.read_bytes()).hexdigest()}" if self.hashes else ""


def ask(index: PackageIndex, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """pip and uv have this index and no other, and no cache but the test's own."""
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    told = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": index.url, "PIP_CACHE_DIR": str(tmp_path / "pip")}
    told |= {"UV_NO_CONFIG": "1", "UV_DEFAULT_INDEX": index.url, "UV_CACHE_DIR": str(tmp_path / "uv")}
    told |= {"PIP_RETRIES": "1", "UV_HTTP_RETRIES": "0"}
    for name, value in told.items():
        monkeypatch.setenv(name, value)


class _Handler(BaseHTTPRequestHandler):
    of: PackageIndex

    def log_message(self, format: str, *args: object) -> None:
        """``PackageIndex.log`` is the log."""

    def do_GET(self) -> None:
        index, path = self.of, unquote(urlsplit(self.path).path)
        index.log.append(path)
        login = base64.b64encode(f"me:{index.password}".encode()).decode()
        if index.password and self.headers.get("Authorization") != f"Basic {login}":
            self._send(401, b"", {"WWW-Authenticate": 'Basic realm="index"'})
            return
        kind, _, name = path.strip("/").partition("/")
        file = index.folder / name.rpartition("/")[2]
        if kind == "simple" and (page := index.page(name)) is not None:
            self._send(200, page, {"Content-Type": "text/html"})
        elif kind == "files" and file.is_file():
            data = file.read_bytes()
            if index.stall:
                self._begin(200, len(data), {})
                index.stalled.set()
                index._closing.wait()
                return
            self._send(200, data + b"\0" * (file.name in index.tampered), {})
        else:
            self._send(404, b"", {})

    def do_HEAD(self) -> None:
        path = unquote(urlsplit(self.path).path)
        file = self.of.folder / path.rpartition("/")[2]
        self._begin(200 if file.is_file() else 404, file.stat().st_size if file.is_file() else 0, {})

    def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self._begin(status, len(body), headers)
        self.wfile.write(body)

    def _begin(self, status: int, length: int, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()


def _project(path: Path) -> str:
    return path.name.removesuffix(".tar.gz").split("-")[0].replace("_", "-").lower()


def _metadata(name: str, version: str, requires: Sequence[str]) -> str:
    needs = "".join(f"Requires-Dist: {one}\n" for one in requires)
    # pip passes over extras that are only asked for in conditions.
    extras = "".join(f"Provides-Extra: {one}\n" for one in sorted(set(re.findall(r'extra == "(.+?)"', needs))))
    return f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{needs}{extras}"


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
