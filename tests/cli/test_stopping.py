"""Ctrl-C, jobs that are left alone, and coming back to them."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from tests.channel import ChannelServer

from .conftest import Person


def until(process: subprocess.Popen[str], words: str) -> str:
    """Read what ``process`` says until ``words`` were said."""
    assert process.stderr
    said = ""
    for line in process.stderr:
        said += line
        if words in line:
            return said
    raise AssertionError(f"it ended without saying {words!r}:\n{said}")


@pytest.fixture
def stalled(small: ChannelServer) -> ChannelServer:
    """It sends half of `big` and no more: who fetches that hangs."""
    small.stall = {"*/big-*.conda"}
    return small


def test_once_cancels_and_leaves_it_whole(person: Person, stalled: ChannelServer) -> None:
    person.run("create", "geo", "tool", "-c", stalled.url)
    prefix = person.envs / "geo"
    with person.start("add", "geo", "big") as process:
        until(process, "Fetching")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "whole" in err
    assert sorted(path.name for path in (prefix / "conda-meta").glob("*.json")) == ["tool-2.0-0.json"]
    assert " cancelled " in person.run("jobs").out
    stalled.release()
    stalled.stall = set()
    person.run("add", "geo", "big")
    assert (prefix / "share" / "big").exists()


def test_once_is_an_error_object_for_programs(person: Person, stalled: ChannelServer) -> None:
    with person.start("create", "geo", "big", "-c", stalled.url, "--json") as process:
        assert process.stdout
        for line in process.stdout:
            if '"phase":"download"' in line:
                break
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert '"code":"cancelled"' in out.splitlines()[-1]
    assert err == ""
    assert not (person.envs / "geo").exists()


def test_looking_away_does_not_cancel(person: Person, stalled: ChannelServer) -> None:
    job = person.run("create", "geo", "big", "-c", stalled.url, "--detach").out.strip()
    with person.start("jobs", "follow", job) as process:
        until(process, "Fetching")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "goes on" in err
    assert " running " in person.run("jobs", "show", job).out
    stalled.release()
    person.run("jobs", "follow", job)
    assert (person.envs / "geo" / "share" / "big").exists()


@pytest.mark.slow
def test_a_detached_job_is_followed_from_where_one_stopped(person: Person, small_channel: Path) -> None:
    started = person.run("create", "geo", "tool", "-c", small_channel, "--detach", "--json")
    (line,) = started.lines
    assert line["result"] == "started"
    job = line["id"]
    whole = person.run("jobs", "follow", job, "--json")
    assert whole.last["result"] == "changed"
    events = [line for line in whole.lines if "event" in line]
    rest = person.run("jobs", "follow", job, "--since", "3", "--json")
    assert [line for line in rest.lines if "event" in line] == events[3:]
    shown = person.run("jobs", "show", job, "--since", str(len(events)), "--json")
    (summary,) = shown.lines
    assert (summary["id"], summary["state"], summary["verb"]) == (job, "succeeded", "create")
    assert summary["outcome"]["result"] == whole.last


@pytest.mark.slow
def test_a_job_is_cancelled_by_its_id(person: Person, stalled: ChannelServer) -> None:
    with person.start("create", "geo", "big", "-c", stalled.url) as process:
        until(process, "Fetching")
        job = person.run("jobs").out.splitlines()[1].split()[0]
        assert " cancelled " in person.run("jobs", "cancel", job).out
        process.communicate(timeout=60)
    assert process.returncode == 130
    assert not (person.envs / "geo").exists()


@pytest.mark.slow
def test_a_failed_job_says_why_afterwards(person: Person, small_channel: Path) -> None:
    job = person.run("create", "geo", "nosuch", "-c", small_channel, "--detach").out.strip()
    failed = person.run("jobs", "follow", job, code=4)
    assert "nosuch" in failed.err
    shown = person.run("jobs", "show", job)
    assert " failed " in shown.out
    assert "nosuch" in shown.out
