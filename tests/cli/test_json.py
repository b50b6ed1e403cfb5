"""What programs read: every line of ``--json`` decodes strictly into the type that the README names for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from jupyter_condaenv.cli.answers import Answer
from jupyter_condaenv.engine.errors import Failure
from jupyter_condaenv.engine.model import AnyResult
from jupyter_condaenv.jobs import NumberedEvent

from .conftest import Ended, Person


class Job(msgspec.Struct, forbid_unknown_fields=True):
    job: str


class Failed(msgspec.Struct, forbid_unknown_fields=True):
    error: Failure


TYPES: dict[str, Any] = {"job": Job, "event": NumberedEvent, "result": AnyResult | Answer, "error": Failed}


def kinds(ended: Ended) -> list[str]:
    """The key that each line is known by. Fails for a line that is not what it must be."""
    found = []
    for line in ended.lines:
        (kind,) = set(line) & set(TYPES)
        msgspec.convert(line, TYPES[kind])
        found.append(kind)
    return found


def test_a_change_tells_job_events_result(person: Person, small_channel: Path) -> None:
    done = person.run("create", "geo", "tool", "-c", small_channel, "--json")
    assert done.err == ""
    told = kinds(done)
    assert (told[0], told[-1]) == ("job", "result")
    assert set(told[1:-1]) == {"event"}
    assert [line["number"] for line in done.lines[1:-1]] == list(range(1, len(told) - 1))
    phases = [line["event"]["phase"] for line in done.lines[1:-1] if line["event"]["event"] == "step"]
    assert phases[0] == "solve"
    assert {"link", "commit"} <= set(phases)
    assert done.lines[2]["event"] == {
        "event": "solved",
        "changes": [{"kind": "add", "name": "tool", "after": "2.0", "size": done.last["plan"]["download_bytes"]}],
        "download_bytes": done.last["plan"]["download_bytes"],
    }
    assert done.last["result"] == "changed"
    assert done.last["environment"]["prefix"] == str(person.envs / "geo")


@pytest.mark.slow
def test_each_command_answers_in_json(person: Person, make: Callable[..., Path], small_channel: Path) -> None:
    make("geo", "tool")
    for arguments, result in [
        (("list",), "environments"),
        (("show", "geo"), "environment"),
        (("doctor", "geo"), "examined"),
        (("storage",), "measured"),
        (("scan",), "scanned"),
        (("search", "tool", "-c", str(small_channel)), "found"),
        (("why", "geo", "tool"), "why"),
        (("who-constrains", "geo", "tool"), "who_constrains"),
        (("search", "tool", "-c", str(small_channel), "--versions", "--env", "geo"), "versions"),
        (("channel", "list"), "channels"),
        (("channel", "add", "./ours"), "channels"),
        (("channel", "check", str(small_channel)), "checked"),
        (("channel", "remove", "./ours"), "channels"),
        (("config", "show"), "configuration"),
        (("clean", "--preview"), "cleaned"),
        (("lock", "geo"), "lock"),
        (("lock", "geo", "-o", "file"), "lock"),
        (("plan", "add", "geo", "big"), "planned"),
        (("add", "geo", "big"), "changed"),
        (("history", "geo"), "history"),
        (("diff", "geo", "1", "2"), "diff"),
        (("rollback", "geo"), "changed"),
        (("jobs",), "jobs"),
        (("delete", "geo", "--yes"), "removed"),
    ]:
        done = person.run(*arguments, "--json")
        assert kinds(done)[-1] == "result", arguments
        assert done.last["result"] == result
        assert done.err == ""


def test_a_failure_is_the_last_line(person: Person, small_channel: Path) -> None:
    failed = person.run("create", "geo", "extra", "old", "-c", small_channel, "--json", code=4)
    assert kinds(failed)[-1] == "error"
    assert failed.last["error"]["code"] == "unsatisfiable"
    assert failed.last["error"]["hint"]
    assert failed.err == ""
    assert not (person.envs / "geo").exists()


@pytest.mark.parametrize("arguments", [("show", "nowhere"), ("create",), ("jobs", "show", "x"), ("plan",)])
def test_a_failure_without_a_job_is_the_only_line(person: Person, arguments: tuple[str, ...]) -> None:
    failed = person.run(*arguments, "--json", code=None)
    assert failed.code != 0
    assert kinds(failed) == ["error"]
    assert failed.err == ""
