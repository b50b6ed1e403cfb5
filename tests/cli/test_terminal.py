"""In front of a terminal, real ones by pty: progress, questions, colours, and terminals that can do little."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_condaenv.cli.output import Bars
from jupyter_condaenv.engine.model import Progress, Step
from tests.channel import ChannelServer

from .conftest import COMMAND, TAKES_AT_MOST, Person

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
COLOUR = re.compile(r"\x1b\[[0-9;]+m")


class Terminal:
    """A command with a terminal for input and output."""

    def __init__(self, person: Person, *arguments: str | Path, **env: str) -> None:
        here, there = pty.openpty()
        variables = person.env | {"TERM": "xterm-256color", "PYTHONUTF8": "1", "COLUMNS": "120"} | env
        command = [*COMMAND, *map(str, arguments)]
        self.process = subprocess.Popen(
            command, stdin=there, stdout=there, stderr=there, env=variables, cwd=person.home, start_new_session=True
        )
        os.close(there)
        self._here = here
        self.seen = ""

    def until(self, words: str) -> None:
        while words not in CONTROL.sub("", self.seen):
            if not self._read():
                raise AssertionError(f"it ended without saying {words!r}:\n{self.seen}")

    def type(self, text: str) -> None:
        os.write(self._here, text.encode())

    def end(self) -> int:
        """Read all, and return the exit code."""
        while self._read():
            pass
        os.close(self._here)
        return self.process.wait(TAKES_AT_MOST)

    @property
    def words(self) -> str:
        """What was said, without control codes."""
        return CONTROL.sub("", self.seen)

    def _read(self) -> bool:
        try:
            data = os.read(self._here, 65536)
        except OSError:  # Linux says so when nobody holds the other end any more
            return False
        self.seen += data.decode("utf-8", "replace")
        return bool(data)


def test_steps_and_result_are_shown(person: Person, small_channel: Path) -> None:
    terminal = Terminal(person, "create", "geo", "tool", "-c", small_channel)
    assert terminal.end() == 0
    assert re.search(r"✓ +\d\.\d s Solving", terminal.words)
    for words in ("Putting geo in place", "new  tool  2.0", "revision 1"):
        assert words in terminal.words
    assert terminal.seen.count("\x1b[?25l") == terminal.seen.count("\x1b[?25h") > 0, "the cursor comes back"
    assert "\x1b[32mnew" in terminal.seen


def test_the_step_that_failed_is_marked(person: Person, small_channel: Path) -> None:
    terminal = Terminal(person, "create", "geo", "extra", "old", "-c", small_channel)
    assert terminal.end() == 4
    assert re.search(r"✗ +\d\.\d s Solving", terminal.words)
    assert "error: " in terminal.words


def test_what_comes_from_elsewhere_does_not_steer_the_terminal(person: Person, make: Callable[..., Path]) -> None:
    record = next((make("geo", "tool") / "conda-meta").glob("tool-*.json"))
    text = record.read_text()
    record.write_text(text.replace('"2.0"', r'"2.0\u001b[31m\u009b7m"'))
    assert record.read_text() != text
    terminal = Terminal(person, "show", "geo")
    assert terminal.end() == 0
    assert r"2.0\x1b[31m\x9b7m" in terminal.seen


def test_bytes_and_rate_are_shown(person: Person, small: ChannelServer) -> None:
    small.bandwidth = 250_000
    terminal = Terminal(person, "create", "geo", "big", "-c", small.url)
    assert terminal.end() == 0
    assert re.search(r"\d+\.\d kB of 50\d\.\d kB, \d+\.\d kB/s", terminal.words)


def test_no_colour_where_none_is_wanted(person: Person, small_channel: Path) -> None:
    terminal = Terminal(person, "create", "geo", "tool", "-c", small_channel, NO_COLOR="1")
    assert terminal.end() == 0
    assert "new  tool" in terminal.words
    assert set(COLOUR.findall(terminal.seen)) <= {"\x1b[0m", "\x1b[1m", "\x1b[2m"}, "bold and dim are no colours"


def test_a_dumb_terminal_gets_plain_lines(person: Person, small_channel: Path) -> None:
    terminal = Terminal(person, "create", "geo", "tool", "-c", small_channel, TERM="dumb")
    assert terminal.end() == 0
    assert not CONTROL.findall(terminal.seen)
    assert "Putting geo in place" in terminal.words


def test_a_terminal_that_knows_only_ascii(person: Person, small_channel: Path) -> None:
    ascii_only = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"}
    terminal = Terminal(person, "create", "geo", "tool", "-c", small_channel, **ascii_only)
    assert terminal.end() == 0, terminal.words
    assert re.search(r"\+ +\d\.\d s Solving", terminal.words)
    assert terminal.seen.isascii()


def test_text_that_an_output_cannot_take_is_escaped(person: Person, small_channel: Path) -> None:
    person.run("create", "Übung-数", "tool", "-c", small_channel)
    listing = Terminal(person, "list", PYTHONIOENCODING="ascii")
    assert listing.end() == 0
    assert "\\xdcbung-\\u6570" in listing.seen


@pytest.mark.parametrize(("answer", "code", "stays"), [("n\n", 130, True), ("\n", 130, True), ("y\n", 0, False)])
def test_deleting_asks(person: Person, make: Callable[..., Path], answer: str, code: int, stays: bool) -> None:
    prefix = make("geo", "tool")
    terminal = Terminal(person, "delete", "geo")
    terminal.until("[y/N]")
    assert str(prefix) in terminal.words
    terminal.type(answer)
    assert terminal.end() == code
    assert prefix.exists() is stays


def test_twice_leaves_at_once(person: Person, small: ChannelServer) -> None:
    small.stall = {"*/big-*.conda"}
    terminal = Terminal(person, "create", "geo", "big", "-c", small.url)
    terminal.until("Fetching")
    # While the first is being said the second waits; then it is heard, whether or not the job has ended meanwhile.
    terminal.process.send_signal(signal.SIGINT)
    terminal.until("Stopping")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 130
    job = person.run("jobs").out.splitlines()[1].split()[0]
    person.run("jobs", "follow", job, code=130)
    assert not (person.envs / "geo").exists()


def test_phases_that_overlap_have_a_line_each(capfd: pytest.CaptureFixture[str]) -> None:
    bars = Bars()
    bars.tell(Step(phase="download", text="Downloading"))
    for number in range(50):
        bars.tell(Progress(phase="download", done=number, total=50, unit="bytes"))
        bars.tell(Progress(phase="link", done=number, total=50, unit="files"))
    bars.close(failed=False)
    said = CONTROL.sub("", capfd.readouterr().err).splitlines()
    assert len([line for line in said if line.strip()]) == 2, said
