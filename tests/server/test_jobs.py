"""Jobs as clients see them: numbered histories, long polls, hints, and servers that die."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from tornado.httpclient import HTTPRequest
from tornado.ioloop import IOLoop
from tornado.websocket import websocket_connect

from jupyter_condaenv.jobs import files
from jupyter_condaenv.server.hints import SCHEMA
from tests.channel import ChannelServer
from tests.jupyter import PATIENCE

from .house import BASE_URL, TOKEN, Client, Serve, Server


def stalled(client: Client, small: ChannelServer, big: str) -> str:
    """A job that makes an environment of the name ``big`` of a package of that name, which does not come before the
    channel is released."""
    small.stall = {f"*/{big}-*"}
    job = client.start("POST", "environments", {"name": big, "specs": [big], "channels": [small.url]})
    since, phases = 0, set()
    while "download" not in phases:
        history = client.get(f"jobs/{job}?since={since}&wait=20")
        assert history["outcome"] is None, history
        for event in history["events"]:
            since = event["number"]
            phases.add(event["event"].get("phase"))
    return job


def numbers(job: dict[str, Any]) -> list[int]:
    return [event["number"] for event in job["events"]]


def in_background(function: Callable[[], Any]) -> Callable[[], Any]:
    """Calls ``function`` in a thread; what is returned gives its result when it is there."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(function()), daemon=True)
    thread.start()

    def result() -> Any:
        thread.join(PATIENCE)
        return results[0]

    return result


def test_every_client_sees_the_whole_history(server: Server, client: Client) -> None:
    job = client.start("POST", "environments", {"name": "watched", "specs": ["tool"]})
    mine, theirs = client.follow(job), server.client().follow(job)
    assert mine == theirs
    assert numbers(mine) == list(range(1, len(mine["events"]) + 1))
    assert {"solve", "register"} <= {event["event"].get("phase") for event in mine["events"]}
    latest = client.get("jobs?limit=1")["jobs"]
    assert [(one["id"], one["state"]) for one in latest] == [(job, "succeeded")]
    tail = client.get(f"jobs/{job}?since={len(mine['events']) - 1}")
    assert tail["events"] == mine["events"][-1:]


def test_jobs_that_only_look_do_not_push_out_others(client: Client) -> None:
    job = client.start("POST", "environments", {"name": "looked-at", "specs": ["tool"]})
    client.follow(job)
    for _ in range(2):
        plan = client.start("POST", "plans", {"verb": "change", "environment": "looked-at", "add": ["extra"]})
        client.follow(plan)
    assert [one["id"] for one in client.get("jobs?limit=1")["jobs"]] == [plan]
    assert [one["id"] for one in client.get("jobs?limit=1&changing=true")["jobs"]] == [job]


@pytest.mark.slow
def test_a_job_says_what_it_was_asked_for(client: Client) -> None:
    client.do("POST", "environments", {"name": "asked", "specs": ["tool"]})
    client.do("PATCH", "environments/asked/packages", {"add": ["extra", "tool>=1"]})
    change = {"verb": "change", "environment": "asked", "remove": ["extra"]}
    plan = client.start("POST", "plans", change)
    client.follow(plan)
    client.do("POST", f"plans/{plan}/application", {})
    assert [(one["verb"], one["words"]) for one in client.get("jobs?limit=3")["jobs"]] == [
        ("apply", "remove extra"), ("plan", ""), ("change", "add extra, tool>=1")
    ]  # fmt: skip


def test_a_long_poll_ends_when_something_happens(client: Client, small: ChannelServer, big: str) -> None:
    job = stalled(client, small, big)
    since = numbers(client.get(f"jobs/{job}"))[-1]
    waiting = in_background(lambda: client.get(f"jobs/{job}?since={since}&wait=60"))
    small.release()
    released = time.monotonic()
    assert waiting()["events"]
    assert time.monotonic() - released < 10  # and not after the minute it would have waited
    assert client.follow(job)["outcome"]["state"] == "succeeded"


def test_a_long_poll_of_a_job_that_has_ended_does_not_wait(client: Client) -> None:
    job = client.start("POST", "environments", {"name": "ended", "specs": ["tool"]})
    last = numbers(client.follow(job))[-1]
    asked = time.monotonic()
    answer = client.get(f"jobs/{job}?since={last}&wait=60")
    assert (answer["events"], answer["outcome"]["state"]) == ([], "succeeded")
    assert time.monotonic() - asked < 10


def test_a_long_poll_waits_no_longer_than_it_was_told(client: Client, small: ChannelServer, big: str) -> None:
    job = stalled(client, small, big)
    since = numbers(client.get(f"jobs/{job}"))[-1]
    asked = time.monotonic()
    answer = client.get(f"jobs/{job}?since={since + 1000}&wait=0.5")
    assert (answer["events"], answer["outcome"]) == ([], None)
    assert 0.5 <= time.monotonic() - asked < 10
    client.call("DELETE", f"jobs/{job}")
    client.follow(job)


def test_many_wait_for_one_job_and_the_server_answers_others(
    server: Server, client: Client, small: ChannelServer, big: str
) -> None:
    """More than there are threads."""
    job = stalled(client, small, big)
    since = numbers(client.get(f"jobs/{job}"))[-1]
    waiting = [in_background(lambda: server.client().get(f"jobs/{job}?since={since}&wait=60")) for _ in range(40)]
    assert client.get("environments")
    assert client.jupyter("GET", "status").status == 200
    small.release()
    assert all(result()["events"] for result in waiting)
    client.follow(job)


def test_cancel(server: Server, client: Client, small: ChannelServer, big: str) -> None:
    job = stalled(client, small, big)
    assert client.start("DELETE", f"jobs/{job}") == job
    ended = server.client().follow(job)
    assert (ended["state"], ended["outcome"]["failure"]["code"]) == ("cancelled", "cancelled")
    assert client.call("GET", f"environments/{big}").status == 404
    assert client.start("DELETE", f"jobs/{job}") == job  # there is nothing more to stop
    assert client.get(f"jobs/{job}")["state"] == "cancelled"


def test_another_client_looks_on_and_cancels(client: Client, browser: Client, small: ChannelServer, big: str) -> None:
    job = stalled(client, small, big)
    assert (job, "running") in [(one["id"], one["state"]) for one in browser.get("jobs")["jobs"]]
    so_far = browser.get(f"jobs/{job}")
    assert so_far["events"] == client.get(f"jobs/{job}")["events"][: len(so_far["events"])]
    mine = in_background(lambda: client.follow(job))
    theirs = in_background(lambda: browser.get(f"jobs/{job}?since={numbers(so_far)[-1]}&wait=60"))
    assert browser.start("DELETE", f"jobs/{job}") == job
    assert mine()["state"] == "cancelled"
    assert theirs()["events"] or theirs()["state"] == "cancelled"
    assert browser.follow(job) == mine()


def test_another_client_sees_what_happens_while_it_happens(
    client: Client, browser: Client, small: ChannelServer, big: str
) -> None:
    job = stalled(client, small, big)
    since = numbers(client.get(f"jobs/{job}"))[-1]
    theirs = in_background(lambda: browser.get(f"jobs/{job}?since={since}&wait=60"))
    small.release()
    assert numbers(theirs())[0] == since + 1
    assert browser.follow(job) == client.follow(job)


def test_what_failed_says_why(client: Client) -> None:
    outcome = client.follow(client.start("POST", "environments", {"name": "a", "specs": ["no-such-package"]}))[
        "outcome"
    ]
    assert outcome["state"] == "failed"
    assert "no-such-package" in outcome["failure"]["message"]


def test_no_such_job(client: Client) -> None:
    for verb in ("GET", "DELETE"):
        answer = client.call(verb, "jobs/20260101-000000-000000-00000000")
        assert (answer.status, answer.body["code"]) == (404, "not_found")


def test_a_record_that_is_damaged_is_said_and_spoils_no_list(server: Server, client: Client) -> None:
    job = client.start("POST", "environments", {"name": "recorded", "specs": ["tool"]})
    client.follow(job)
    folder = server.home.folder / "jupyter" / "condaenv" / "jobs" / job
    (folder / files.RESULT).write_text('{"state": "running", "time": "2026-01-01T00:00:00Z"}')
    assert [(one["id"], one["state"]) for one in client.get("jobs?limit=1")["jobs"]] == [(job, "failed")]
    assert client.follow(job)["outcome"]["failure"]["code"] == "broken"
    (folder / files.EVENTS).unlink()
    (folder / files.EVENTS).mkdir()
    assert client.call("GET", f"jobs/{job}?wait=1").body["code"] == "storage_error"
    (folder / files.REQUEST).write_text("{")
    for verb, path in (("GET", f"jobs/{job}"), ("DELETE", f"jobs/{job}"), ("GET", f"plans/{job}")):
        assert client.call(verb, path).body["code"] == "broken"
    assert job not in [one["id"] for one in client.get("jobs")["jobs"]]


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_the_server_dies_and_the_job_goes_on(serve: Serve, small: ChannelServer, big: str, how: signal.Signals) -> None:
    first = serve()
    job = stalled(first.client(), small, big)
    seen = first.client().get(f"jobs/{job}")["events"]
    first.end(how)
    client = serve().client()
    assert client.get(f"jobs/{job}")["state"] == "running"
    small.release()
    ended = client.follow(job)
    assert ended["outcome"]["state"] == "succeeded"
    assert ended["events"][: len(seen)] == seen
    assert numbers(ended) == list(range(1, len(ended["events"]) + 1))
    assert client.get(f"environments/{big}")["environment"]["packages"] == 1


@pytest.mark.slow
def test_two_servers_share_a_home(serve: Serve, small: ChannelServer, big: str) -> None:
    one, other = serve().client(), serve().client()
    job = stalled(one, small, big)
    since = numbers(other.get(f"jobs/{job}"))[-1]
    waiting = in_background(lambda: other.get(f"jobs/{job}?since={since}&wait=60"))
    small.release()
    assert waiting()["events"]
    assert one.follow(job) == other.follow(job)


def test_hints_reach_those_who_listen(server: Server, client: Client) -> None:
    """Through Jupyter's own events, whose schema is the one in the package."""

    async def listen() -> list[dict[str, Any]]:
        url = f"ws://127.0.0.1:{server.port}{BASE_URL}api/events/subscribe"
        socket = await websocket_connect(HTTPRequest(url, headers={"Authorization": f"token {TOKEN}"}))
        loop = IOLoop.current()
        create = {"name": "hinted", "specs": ["tool"]}
        job = await loop.run_in_executor(None, lambda: client.start("POST", "environments", create))
        hints: list[dict[str, Any]] = []
        while not hints or hints[-1]["state"] in ("queued", "running"):
            message = await socket.read_message()
            assert message is not None, "the server has closed the connection"
            event = json.loads(message)
            if event.pop("schema_id") == SCHEMA and event["id"] == job:
                hints.append(event)
        socket.close()
        return hints

    hints = IOLoop().run_sync(listen, timeout=PATIENCE)
    assert hints[-1]["state"] == "succeeded"
    assert hints[-1]["number"] == numbers(client.follow(hints[-1]["id"]))[-1]
    assert [hint["number"] for hint in hints] == sorted(hint["number"] for hint in hints)
    assert all(set(hint) == {"id", "state", "number"} for hint in hints)
