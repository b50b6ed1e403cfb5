"""The event log: numbers, throttling, damage."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from jupyter_condaenv.engine.errors import StorageError
from jupyter_condaenv.engine.model import Message, Progress, Step
from jupyter_condaenv.jobs import supervisor
from jupyter_condaenv.jobs.journal import EventReader, EventWriter

from .conftest import PATIENCE, Workshop, eventually, texts


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "events.jsonl"
    writer = EventWriter(path)
    for text in ("a", "b\u2028\r\n", "c"):
        writer.emit(Message(text=text))
    writer.close()
    return path


def numbers(path: Path, since: int = 0) -> list[int]:
    return [numbered.number for numbered in EventReader(path, since).new()]


def test_since(log: Path) -> None:
    assert [numbers(log, since) for since in range(5)] == [[1, 2, 3], [2, 3], [3], [], []]


def test_a_torn_last_line_is_read_once_it_is_whole(log: Path) -> None:
    whole = log.read_bytes()
    log.write_bytes(whole[:-9])
    reader = EventReader(log)
    assert [numbered.number for numbered in reader.new()] == [1, 2]
    assert reader.new() == []
    log.write_bytes(whole)
    assert [numbered.number for numbered in reader.new()] == [3]
    assert reader.new() == []


@pytest.mark.parametrize("rubbish", [b"\n", b"{}\n", b"\xff\xfe\x00\n", b'{"number":2,"time":\n', b'{"number":-1}\n'])
def test_rubbish_is_left_out(log: Path, rubbish: bytes) -> None:
    log.write_bytes(log.read_bytes() + rubbish)
    with log.open("ab") as file:
        file.write(b'{"number":4,"time":"2026-01-01T00:00:00Z","event":{"event":"message","text":"d"}}\n')
    assert numbers(log) == [1, 2, 3, 4]


def test_a_log_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=str(tmp_path)):
        numbers(tmp_path)


def test_there_is_no_log_yet(tmp_path: Path) -> None:
    assert numbers(tmp_path / "events.jsonl") == []


def test_a_flood_is_throttled_and_its_end_comes_through(shop: Workshop) -> None:
    begun = time.monotonic()
    job = shop.finish("floods")
    events = [numbered.event for numbered in job.events()]
    progress = [event for event in events if isinstance(event, Progress)]
    assert len(progress) <= 4 * (10 * (time.monotonic() - begun) + 3)
    assert isinstance(events[0], Step)
    assert isinstance(events[-1], Step)
    assert [numbered.number for numbered in job.events()] == list(range(1, len(events) + 1))
    for number in range(4):
        own = [event.done for event in progress if event.item == f"package-{number}"]
        assert own[0] == 1
        assert own[-1] == 125_000
        assert own == sorted(set(own))


def test_the_last_progress_before_a_silence_is_shown(shop: Workshop, tmp_path: Path) -> None:
    job = shop.start("pauses_after_progress", tmp_path / "go")
    eventually(lambda: [getattr(numbered.event, "done", 0) for numbered in job.events()] == [1, 2])
    (tmp_path / "go").touch()
    assert job.wait(PATIENCE)
    assert len(job.events()) == 2


def test_many_messages_all_come(shop: Workshop) -> None:
    job = shop.start("is_verbose")
    assert [numbered.number for numbered in job.follow()] == list(range(1, 10_001))
    assert texts(job, since=9_999) == ["message 9999 ✓"]


def test_the_worker_s_prints_are_bounded(shop: Workshop) -> None:
    job = shop.finish("prints")
    assert job.state == "succeeded"
    log = shop.path(job, "worker.log")
    eventually(lambda: log.exists() and b"not kept" in log.read_bytes())
    assert log.stat().st_size < 1_100_000


def test_a_line_that_cannot_be_redacted_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the installation is so broken that the supervisor, too, cannot import."""
    monkeypatch.setitem(sys.modules, "jupyter_condaenv.engine.channels", None)
    assert b"geheim" not in supervisor._redacted(b"https://me:geheim@host/\n")
    assert supervisor._redacted(b"ModuleNotFoundError: msgspec\n") == b"ModuleNotFoundError: msgspec\n"


def test_nothing_is_written_after_the_end(tmp_path: Path) -> None:
    writer = EventWriter(tmp_path / "events.jsonl")
    writer.close()
    writer.emit(Message(text="late"))
    assert numbers(tmp_path / "events.jsonl") == []
