"""What ten operations at once cost the server itself: nothing heavy runs in it."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import psutil
import pytest

from .house import Client, Home, Serve, Server

AT_ONCE = 10


def memory(server: Server) -> int:
    """Bytes that the server's process alone has in memory."""
    return int(psutil.Process(server.process.pid).memory_full_info().uss)


def create(client: Client, round: str) -> list[str]:
    return [
        client.start("POST", "environments", {"name": f"{round}-{number}", "specs": ["tool", "extra"]})
        for number in range(AT_ONCE)
    ]


@pytest.mark.slow
def test_ten_creates_at_once(home: Home, serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    server = serve()
    client = server.client()
    client.follow(client.start("POST", "environments", {"name": "first", "specs": ["tool"]}))
    before = memory(server)

    jobs, took = create(client, "round"), []
    pending = list(jobs)
    while pending:
        if client.get(f"jobs/{pending[0]}")["outcome"] is not None:
            pending.pop(0)
        asked = time.perf_counter()
        assert client.jupyter("GET", "status").status == 200
        took.append(time.perf_counter() - asked)
    assert all(client.follow(job)["outcome"]["state"] == "succeeded" for job in jobs)

    grown = memory(server) - before
    slowest = statistics.quantiles(took, n=100)[-1] * 1000
    with capsys.disabled():
        print(
            f"\n{AT_ONCE} creates at once: /api/status in {slowest:.0f} ms at the 99th percentile of {len(took)};"
            f" the server grew by {grown / 1e6:.1f} MB"
        )
    assert slowest < 100
    assert grown < 30e6
    assert Path(home.envs / "round-9" / "share" / "extra").exists()
