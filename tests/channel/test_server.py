"""The channel's server: correct until told to fail, and then failing exactly as told."""

from __future__ import annotations

import base64
import http.client
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.channel import ChannelServer

DATA = bytes(range(256)) * 1000
PATH = "/noarch/big-1.0-0.conda"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ChannelServer]:
    folder = tmp_path / "channel/noarch"
    folder.mkdir(parents=True)
    (folder / "big-1.0-0.conda").write_bytes(DATA)
    (folder / "empty").write_bytes(b"")
    (tmp_path / "secret").write_text("outside")
    with ChannelServer(tmp_path / "channel") as running:
        yield running


class Answer:
    def __init__(self, response: http.client.HTTPResponse, body: bytes) -> None:
        self.status, self.headers, self.body = response.status, response.headers, body


def ask(server: ChannelServer, path: str = PATH, method: str = "GET", **headers: str) -> Answer:
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=10)
    try:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, headers=named)
        response = connection.getresponse()
        return Answer(response, response.read())
    finally:
        connection.close()


def test_files_and_what_is_not_there(server: ChannelServer) -> None:
    assert ask(server).body == DATA
    assert ask(server, "/noarch/empty").status == 200
    assert ask(server, "/noarch/none").status == 404
    assert ask(server, "/noarch").status == 404
    assert ask(server, "/../secret").status == 404
    assert ask(server, "/%2e%2e/secret").status == 404
    assert server.log[0] == ("GET", PATH[1:], 200)


def test_head_and_many_requests_on_one_connection(server: ChannelServer) -> None:
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=10)
    for method, length in (("HEAD", 0), ("GET", len(DATA)), ("HEAD", 0), ("GET", len(DATA))):
        connection.request(method, PATH)
        response = connection.getresponse()
        assert len(response.read()) == length
        assert response.headers["Content-Length"] == str(len(DATA))
    connection.close()


def test_validators_come_with_the_file_and_with_not_modified(server: ChannelServer) -> None:
    first = ask(server)
    etag, modified = first.headers["ETag"], first.headers["Last-Modified"]
    for headers in ({"If_None_Match": etag}, {"If_Modified_Since": modified}):
        again = ask(server, **headers)
        assert (again.status, again.body) == (304, b"")
        assert (again.headers["ETag"], again.headers["Last-Modified"]) == (etag, modified)
    assert ask(server, If_None_Match='"other"', If_Modified_Since=modified).status == 200


def test_a_server_without_etags_says_not_modified_and_not_of_what(server: ChannelServer) -> None:
    server.etags = False
    first = ask(server)
    assert "ETag" not in first.headers
    again = ask(server, If_Modified_Since=first.headers["Last-Modified"])
    assert (again.status, again.headers["Last-Modified"], again.headers["ETag"]) == (304, None, None)


@pytest.mark.parametrize(
    ("asked", "status", "body", "span"),
    [
        ("bytes=0-9", 206, DATA[:10], f"bytes 0-9/{len(DATA)}"),
        ("bytes=255990-", 206, DATA[-10:], f"bytes 255990-255999/{len(DATA)}"),
        ("bytes=-10", 206, DATA[-10:], f"bytes 255990-255999/{len(DATA)}"),
        ("bytes=255990-999999", 206, DATA[-10:], f"bytes 255990-255999/{len(DATA)}"),
        ("bytes=256000-", 416, b"", f"bytes */{len(DATA)}"),
        ("bytes=9-2", 416, b"", f"bytes */{len(DATA)}"),
        ("bytes=0-1,4-5", 200, DATA, None),
        ("lines=1-2", 200, DATA, None),
    ],
)
def test_ranges(server: ChannelServer, asked: str, status: int, body: bytes, span: str | None) -> None:
    answer = ask(server, Range=asked)
    assert (answer.status, answer.body) == (status, body)
    assert answer.headers["Content-Range"] == span


def test_a_range_of_a_file_that_has_changed_is_the_whole_file(server: ChannelServer) -> None:
    etag = ask(server).headers["ETag"]
    assert ask(server, Range="bytes=0-9", If_Range=etag).status == 206
    assert ask(server, Range="bytes=0-9", If_Range='"other"').status == 200


def test_a_token_in_any_of_three_ways(server: ChannelServer) -> None:
    server.token = "secret"
    basic = base64.b64encode(b"user:secret").decode()
    assert ask(server).status == 401
    assert ask(server, f"/t/wrong{PATH}").status == 403
    assert ask(server, Authorization="Bearer wrong").status == 403
    assert ask(server, f"/t/secret{PATH}").body == DATA
    assert ask(server, Authorization="Bearer secret").body == DATA
    assert ask(server, Authorization=f"Basic {basic}").body == DATA
    assert all("secret" not in request.path for request in server.log)


def test_latency_and_bandwidth(server: ChannelServer) -> None:
    server.latency = 0.2
    began = time.monotonic()
    ask(server, method="HEAD")
    assert time.monotonic() - began >= 0.2
    server.latency, server.bandwidth = 0, len(DATA) / 0.4
    began = time.monotonic()
    assert ask(server).body == DATA
    assert 0.3 <= time.monotonic() - began < 5


def test_a_stalled_body_goes_on_when_released(server: ChannelServer) -> None:
    server.stall = {"*/big-*.conda"}
    bodies: list[bytes] = []
    client = threading.Thread(target=lambda: bodies.append(ask(server).body))
    client.start()
    client.join(0.5)
    assert client.is_alive()
    server.release()
    client.join(10)
    assert bodies == [DATA]


def test_the_server_closes_at_once_with_stalled_bodies(server: ChannelServer) -> None:
    server.stall = {"*"}
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=10)
    connection.request("GET", PATH)
    response = connection.getresponse()
    began = time.monotonic()
    server.close()
    assert time.monotonic() - began < 1
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        response.read()
    connection.close()


def test_a_cut_connection_as_often_as_told(server: ChannelServer) -> None:
    server.drop = {"*/big-*": 2}
    for _ in range(2):
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            ask(server)
    assert ask(server).body == DATA


def test_errors_as_often_as_told(server: ChannelServer) -> None:
    server.fail = {"*.conda": (503, 2)}
    assert [ask(server).status for _ in range(3)] == [503, 503, 200]


def test_tampered_bytes_have_the_right_length(server: ChannelServer) -> None:
    server.tamper = {"*/big-*"}
    body = ask(server).body
    assert len(body) == len(DATA)
    assert body != DATA


def test_memory_holds_pieces_not_files(server: ChannelServer, tmp_path: Path) -> None:
    with (tmp_path / "channel/noarch/huge").open("wb") as stream:
        os.truncate(stream.fileno(), 3_000_000_000)
    answer = ask(server, "/noarch/huge", Range="bytes=2999999990-")
    assert (answer.status, answer.body) == (206, bytes(10))
