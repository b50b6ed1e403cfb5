"""An HTTP server for a channel directory that does what a good one does, until told otherwise."""

from __future__ import annotations

import base64
import email.utils
import os
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NamedTuple
from urllib.parse import unquote, urlsplit

_CHUNK = 64 * 1024


class Request(NamedTuple):
    """One line of `ChannelServer.log`; `path` is as requested, without a token."""

    method: str
    path: str
    status: int


class ChannelServer:
    """Serves `directory` on 127.0.0.1 from threads, as a context manager.

    Every fault is an attribute (or a keyword) and may be changed while requests run. Patterns are
    globs over the path below the channel, such as "*/numpy-*.conda".

    - `token`: asked for as a path prefix `/t/<token>/`, a bearer token or a basic password. 401
      without one, 403 with a wrong one.
    - `tls`: what encrypts; then the address is an https one.
    - `latency`: seconds before every answer.
    - `bandwidth`: bytes a second for each body, 0 for no limit.
    - `stall`: patterns whose body stops half-way, until `release()` or the server's end.
    - `drop`: pattern -> how many more times the connection is cut half-way.
    - `fail`: pattern -> (status, how many more times).
    - `tamper`: patterns served with other bytes of the same length.
    - `etags`: whether files have any. Without, as with Python's own server, "not modified" does not say of what.
    """

    def __init__(
        self,
        directory: Path,
        *,
        port: int = 0,
        token: str | None = None,
        tls: ssl.SSLContext | None = None,
        latency: float = 0.0,
        bandwidth: float = 0.0,
        stall: set[str] | None = None,
        drop: dict[str, int] | None = None,
        fail: dict[str, tuple[int, int]] | None = None,
        tamper: set[str] | None = None,
        etags: bool = True,
    ) -> None:
        self.directory = Path(directory).resolve()
        self.token, self.latency, self.bandwidth = token, latency, bandwidth
        self.stall = set(stall or ())
        self.drop = dict(drop or {})
        self.fail = dict(fail or {})
        self.tamper = set(tamper or ())
        self.etags = etags
        self.log: list[Request] = []
        self._port, self._tls = port, tls
        self._released = threading.Event()
        self._closing = threading.Event()
        self._counting = threading.Lock()
        self._http: _Http | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The channel's address, without the token and without a slash at the end."""
        if self._http is None:
            raise RuntimeError("the server is not running: use `with ChannelServer(...) as server`")
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._http.server_address[1]}"

    @property
    def token_url(self) -> str:
        """The channel's address with the token in its path."""
        return f"{self.url}/t/{self.token}" if self.token else self.url

    def release(self) -> None:
        """Let stalled bodies go on; patterns in `stall` no longer stop any."""
        self.stall.clear()
        self._released.set()

    def start(self) -> None:
        """Begin to serve; `with` does it."""
        self._closing.clear()
        self._http = _Http(("127.0.0.1", self._port), self)
        if self._tls:
            self._http.socket = self._tls.wrap_socket(self._http.socket, server_side=True)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop at once: stalled and slow answers are cut."""
        if self._http is None or self._thread is None:
            return
        self._closing.set()
        self._released.set()
        self._http.shutdown()
        self._http.cut_connections()
        self._http.server_close()
        self._thread.join()
        self._http = self._thread = None

    def __enter__(self) -> ChannelServer:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _wait(self, seconds: float) -> bool:
        """Wait; False when the server is closing."""
        return not self._closing.wait(seconds)

    def _wait_for_release(self) -> bool:
        self._released.clear()
        while not self._closing.is_set():
            if self._released.wait(0.05):
                return not self._closing.is_set()
        return False

    def _take_failure(self, path: str) -> int | None:
        """The status to fail with, counted down."""
        with self._counting:
            for pattern, (status, times) in self.fail.items():
                if times > 0 and fnmatchcase(path, pattern):
                    self.fail[pattern] = (status, times - 1)
                    return status
        return None

    def _take_drop(self, path: str) -> bool:
        with self._counting:
            for pattern, times in self.drop.items():
                if times > 0 and fnmatchcase(path, pattern):
                    self.drop[pattern] = times - 1
                    return True
        return False


class _Http(ThreadingHTTPServer):
    """Threads that never keep the process, and connections that can be cut from outside."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], channel: ChannelServer) -> None:
        self.channel = channel
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(address, _Handler)

    def process_request(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]
        with self._guard:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket) -> None:  # type: ignore[override]
        with self._guard:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is nothing to print a traceback for."""

    def cut_connections(self) -> None:
        with self._guard:
            waiting = list(self._open)
        for connection in waiting:
            _cut(connection)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and the first bytes leave in one packet; without it small answers wait for an ACK.
    wbufsize = _CHUNK
    disable_nagle_algorithm = True
    server: _Http

    def log_message(self, format: str, *args: object) -> None:
        """`ChannelServer.log` is the log."""

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def _answer(self) -> None:
        channel = self.server.channel
        if channel.latency and not channel._wait(channel.latency):
            self._cut()
            return
        path, token = self._path_and_token()
        status = self._refusal(path, token)
        file = self._file(path)
        if status is not None:
            self._send_empty(path, status)
        elif file is None:
            self._send_empty(path, 404)
        else:
            with file.open("rb") as stream:
                self._send_file(path, stream)

    def _refusal(self, path: str, token: str | None) -> int | None:
        """The status of an answer that says no, or None."""
        channel = self.server.channel
        if channel.token is not None and token != channel.token:
            return 401 if token is None else 403
        return channel._take_failure(path)

    def _path_and_token(self) -> tuple[str, str | None]:
        """The path below the channel, and the token however it was given."""
        path = unquote(urlsplit(self.path).path).lstrip("/")
        match = re.fullmatch(r"t/([^/]*)/?(.*)", path, re.S)
        if match:
            return match[2], match[1]
        kind, _, value = (self.headers.get("Authorization") or "").partition(" ")
        if kind.lower() == "bearer":
            return path, value.strip()
        if kind.lower() == "basic":
            try:
                pair = base64.b64decode(value).decode()
            except ValueError:
                return path, ""
            return path, pair.partition(":")[2]
        return path, None

    def _file(self, path: str) -> Path | None:
        """The file asked for, unless it is none or outside of the channel."""
        root = self.server.channel.directory
        if "\0" in path:
            return None
        full = Path(os.path.normpath(root / path))
        return full if full.is_relative_to(root) and full.is_file() else None

    def _send_file(self, path: str, stream: BinaryIO) -> None:
        found = os.fstat(stream.fileno())
        size = found.st_size
        etag = f'"{found.st_mtime_ns:x}-{size:x}"'
        modified = email.utils.formatdate(found.st_mtime, usegmt=True)
        common = {
            "ETag": etag,
            "Last-Modified": modified,
            "Cache-Control": "max-age=0, must-revalidate",
            "Accept-Ranges": "bytes",
        }
        if not self.server.channel.etags:
            del common["ETag"]
        if self._is_fresh(etag, int(found.st_mtime)):
            self._send_head(path, 304, common if self.server.channel.etags else {})
            return
        ranged = self._range_header() is not None
        ranged = ranged and self.headers.get("If-Range") in (None, etag, modified)
        span = self._range(size) if ranged else (0, size)
        if span is None:
            headers = {**common, "Content-Range": f"bytes */{size}", "Content-Length": "0"}
            self._send_head(path, 416, headers)
            return
        start, end = span
        kind = "application/json" if path.endswith(".json") else "application/octet-stream"
        headers = {**common, "Content-Type": kind, "Content-Length": str(end - start)}
        if ranged:
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
        self._send_head(path, 206 if ranged else 200, headers)
        if self.command == "GET":
            self._send_body(path, stream, start, end)

    def _is_fresh(self, etag: str, modified: int) -> bool:
        """Whether what the client has is what there is (an ETag decides over a date)."""
        tags = self.headers.get("If-None-Match")
        if tags is not None:
            known = [tag.strip().removeprefix("W/") for tag in tags.split(",")]
            return etag in known or "*" in known
        since = self.headers.get("If-Modified-Since")
        try:
            parsed = email.utils.parsedate_to_datetime(since) if since else None
        except ValueError:
            return False
        return parsed is not None and modified <= parsed.timestamp()

    def _range_header(self) -> re.Match[str] | None:
        """A single range; several at once are answered with the whole file, as is allowed."""
        return re.fullmatch(r"bytes=(?=.*\d)(\d*)-(\d*)", self.headers.get("Range") or "")

    def _range(self, size: int) -> tuple[int, int] | None:
        """(first byte, one after the last); None where the file has no such bytes."""
        match = self._range_header()
        if match is None:
            return 0, size
        first, last = match[1], match[2]
        if not first:
            start, end = max(0, size - int(last)), size
        else:
            start, end = int(first), min(int(last) + 1, size) if last else size
        return (start, end) if start < end else None

    def _send_body(self, path: str, stream: BinaryIO, start: int, end: int) -> None:
        channel = self.server.channel
        drop = channel._take_drop(path)
        halfway = start + (end - start) // 2
        began = time.monotonic()
        for position, chunk in _chunks(stream, start, end, halfway):
            if position == halfway and self._stalls(path):
                self.wfile.flush()
                if not channel._wait_for_release():
                    self._cut()
                    return
            if drop and position >= halfway:
                self.wfile.flush()
                self._cut()
                return
            self.wfile.write(self._perhaps_tampered(path, chunk))
            if channel.bandwidth:
                self.wfile.flush()
                due = began + (position + len(chunk) - start) / channel.bandwidth
                channel._wait(max(0.0, due - time.monotonic()))
        self.wfile.flush()

    def _perhaps_tampered(self, path: str, chunk: bytes) -> bytes:
        if any(fnmatchcase(path, pattern) for pattern in tuple(self.server.channel.tamper)):
            return chunk[:-1] + bytes([chunk[-1] ^ 0xFF])
        return chunk

    def _stalls(self, path: str) -> bool:
        return any(fnmatchcase(path, pattern) for pattern in tuple(self.server.channel.stall))

    def _send_empty(self, path: str, status: int) -> None:
        headers = {"Content-Length": "0"}
        if status == 401:
            headers["WWW-Authenticate"] = 'Bearer realm="channel", Basic realm="channel"'
        self._send_head(path, status, headers)

    def _send_head(self, path: str, status: int, headers: dict[str, str]) -> None:
        self.server.channel.log.append(Request(self.command, path, status))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.flush()

    def _cut(self) -> None:
        self.close_connection = True
        _cut(self.connection)


def _chunks(stream: BinaryIO, start: int, end: int, halfway: int) -> Iterator[tuple[int, bytes]]:
    """The bytes from `start` to `end` in pieces, one of which begins at `halfway`."""
    stream.seek(start)
    position = start
    while position < end:
        stop = halfway if position < halfway else end
        chunk = stream.read(min(_CHUNK, stop - position))
        if not chunk:
            return
        yield position, chunk
        position += len(chunk)


def _cut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
