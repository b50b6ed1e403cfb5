"""What ten operations at once cost the server itself: nothing heavy runs in it."""

from __future__ import annotations

import statistics
import time

import psutil
import pytest

from tests.channel import ChannelServer

from .house import Client, Home, Serve, Server

AT_ONCE = 10
BLOCKED = 2000
"""Milliseconds that no answer takes, however busy the machine is, unless something blocks the server itself."""


def memory(server: Server) -> int:
    """Bytes that the server's process alone has in memory."""
    return int(psutil.Process(server.process.pid).memory_full_info().uss)


def create(client: Client, name: str) -> str:
    return client.start("POST", "environments", {"name": name, "specs": ["python", "ipykernel"]})


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_ten_creates_at_once(
    home: Home, serve: Serve, channel: ChannelServer, capsys: pytest.CaptureFixture[str]
) -> None:
    home.configure(channels=[channel.url])
    server = serve()
    client = server.client()
    client.follow(create(client, "first"))
    before = memory(server)

    jobs, took = [create(client, f"round-{number}") for number in range(AT_ONCE)], []
    pending = list(jobs)
    while pending:
        if client.get(f"jobs/{pending[0]}")["outcome"] is not None:
            pending.pop(0)
        asked = time.perf_counter()
        assert client.jupyter("GET", "status").status == 200
        took.append((time.perf_counter() - asked) * 1000)
    assert all(client.follow(job)["outcome"]["state"] == "succeeded" for job in jobs)

    grown = memory(server) - before
    with capsys.disabled():
        print(
            f"\n{AT_ONCE} creates at once: /api/status in {statistics.quantiles(took, n=100)[-1]:.0f} ms at the 99th"
            f" percentile of {len(took)} (bar 100), {max(took):.0f} ms at most; the server grew by {grown / 1e6:.1f} MB"
        )
    assert max(took) < BLOCKED
    assert grown < 30e6
    assert (home.envs / f"round-{AT_ONCE - 1}" / "bin" / "python").exists()
