"""What cannot be done: an exit code, a sentence, a hint; and the documents say the same."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_condaenv.cli.arguments.table import command_of
from jupyter_condaenv.cli.exits import Exit, exit_code
from jupyter_condaenv.engine import errors
from tests.channel import ChannelServer

from .conftest import Person

README = Path(__file__).parents[2] / "README.md"


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory, small_channel: Path) -> Person:
    """With one environment, `there`, which nothing below may change."""
    person = Person(tmp_path_factory.mktemp("settled") / "home")
    person.run("create", "there", "tool", "-c", small_channel)
    (person.home / "broken.json").write_text('{"version": 1, "platform": ')
    return person


@pytest.mark.parametrize(
    ("line", "code", "says"),
    [
        ("", 2, "usage"),
        ("instal geo numpy", 2, "add"),
        ("rm geo", 2, "delete"),
        ("plan", 2, "plan create"),
        ("jobs shw", 2, "jobs show"),
        ("create", 2, "ENV"),
        ("create geo", 2, "python ipykernel"),
        ("create geo tool --colour", 2, "--colour"),
        ("create geo tool --chan x", 2, "--chan"),
        ("create base tool", 2, "reserved"),
        ("create .hidden tool", 2, "reserved"),
        ("create 'a#b' tool", 2, "character"),
        ("create 'a:b' tool", 2, "character"),
        (f"create {'x' * 300} tool", 2, "longer"),
        ("create geo 'tool>=,<2' -c CHANNEL", 2, "tool>=,<2"),
        ("create geo 'tool[' -c CHANNEL", 2, "tool["),
        ("create geo tool --lock lock.json", 2, "--lock"),
        ("create geo --lock nowhere.json", 3, "nowhere.json"),
        ("create geo --lock broken.json", 2, "broken.json"),
        ("create geo nosuchpackage -c CHANNEL", 4, "nosuchpackage"),
        ("create geo extra old -c CHANNEL", 4, "tool"),
        ("create geo tool -c ftp://example.org/x", 2, "ftp"),
        ("create geo tool -c 'no channel'", 2, "no channel"),
        ("create there tool -c CHANNEL", 5, "there"),
        ("create there/bin/x tool -c /nowhere/at/all", 6, "/nowhere/at/all"),
        ("stack over tool", 2, "--on"),
        ("stack over tool --on nowhere -c CHANNEL", 3, "nowhere"),
        ("stack over extra --on there -c CHANNEL", 2, "Python"),
        ("show thera", 3, "there"),
        ("show /etc", 3, "/etc"),
        ("add nowhere tool", 3, "nowhere"),
        ("add there", 2, "add there numpy"),
        ("add there nosuchpackage -c CHANNEL", 4, "nosuchpackage"),
        ("remove there", 2, "delete there"),
        ("remove there nosuchpackage", 3, "nosuchpackage"),
        ("update there", 2, "--all"),
        ("delete there", 2, "--yes"),
        ("delete nowhere --yes", 3, "nowhere"),
        ("apply nowhere.json", 3, "nowhere.json"),
        ("apply broken.json", 2, "broken.json"),
        ("lock nowhere", 3, "nowhere"),
        ("lock there -o /nowhere/at/all", 2, "/nowhere/at/all"),
        ("run there", 2, "--"),
        ("run nowhere -- true", 3, "nowhere"),
        ("jobs show 1", 3, "1"),
        ("jobs show ../../x", 3, "../../x"),
        ("jobs follow 1 --since x", 2, "--since"),
        ("jobs cancel 1", 3, "1"),
    ],
)
def test_bad_input(settled: Person, small_channel: Path, line: str, code: int, says: str) -> None:
    before = sorted(os.walk(settled.envs / "there"))
    failed = settled.run(*(word.replace("CHANNEL", str(small_channel)) for word in shlex.split(line)), code=None)
    assert (failed.code, says in failed.out + failed.err) == (code, True), failed.out + failed.err
    assert "Traceback" not in failed.err
    if line:
        assert failed.err.splitlines()[-1].startswith(("error: ", "hint: ", " "))
    assert sorted(os.walk(settled.envs / "there")) == before
    assert sorted(path.name for path in settled.envs.iterdir() if not path.name.startswith(".")) == ["there"]


def test_arguments_that_are_no_text(person: Person) -> None:
    failed = person.run("create", os.fsdecode(b"caf\xe9"), "tool", code=2)
    assert r"caf\udce9" in failed.err
    assert "PYTHONUTF8" in failed.err


def test_a_channel_that_fails(person: Person, small: ChannelServer) -> None:
    small.tamper = {"*/big-*.conda"}
    failed = person.run("create", "geo", "big", "-c", small.url, "--json", code=6)
    assert failed.last["error"]["code"] == "tampered"
    assert not (person.envs / "geo").exists()


def test_a_place_that_cannot_be_written(person: Person, small_channel: Path) -> None:
    (person.home / "file").write_text("in the way")
    failed = person.run("create", "file/env", "tool", "-c", small_channel, code=None)
    assert failed.code in (Exit.REFUSED, Exit.STORAGE, Exit.USAGE)
    assert "file" in failed.err


def test_no_secret_is_shown(person: Person, small: ChannelServer) -> None:
    small.token = "canary-4711"
    url = small.url.replace("http://", "http://someone:canary-0815@")
    failed = person.run("create", "geo", "tool", "-c", url, "--json", code=2)
    kept = [path.read_bytes() for path in person.home.rglob("*") if path.is_file()]
    for secret in ("canary-4711", "canary-0815"):
        assert secret not in failed.out + failed.err
        assert not any(secret.encode() in content for content in kept)


@pytest.mark.parametrize(
    "words",
    [
        *("unpack URL x", "build URL", "explain create URL tool", "create x --file URL", "create x --lock URL"),
        *("adopt URL", "stack x tool --on URL", "apply URL", "diff URL 1 2", "export URL", "update URL --all"),
        *("lock --file URL", "delete URL --yes"),
    ],
)
def test_a_url_is_no_path(words: str, person: Person) -> None:
    url = "http://me:canary-0815@host/t/canary-4711/x.tar.gz?sig=canary-1234"
    refused = person.run(*(url if word == "URL" else word for word in words.split()), code=2)
    assert "'http://host/x.tar.gz' is a URL" in refused.err
    kept = [path.read_bytes() for path in person.home.rglob("*") if path.is_file()]
    assert "canary" not in refused.out + refused.err
    assert not any(b"canary" in content for content in kept)


def test_no_secret_is_shown_where_something_else_was_wanted(make: Callable[..., Path], person: Person) -> None:
    make("geo", "tool")
    file = person.home / "environment.yml"
    file.write_text("dependencies:\n- http://me:canary@h/x: 1\n")
    url = "http://me:canary@h/t/canary/chan"
    for words in (
        ("jobs", "show", url),
        ("why", "geo", f"{url}::lib"),
        ("who-constrains", "geo", f"{url}::lib"),
        ("create", "x", "--file", file),
    ):
        for form in ((), ("--json",)):
            failed = person.run(*words, *form, code=None)
            assert failed.code in (Exit.USAGE, Exit.NOT_FOUND), words
            assert "canary" not in failed.out + failed.err, words


def test_every_error_has_an_exit_code() -> None:
    codes = errors._BY_CODE.keys() - {"internal"}
    assert {code for code in codes if exit_code(errors.Failure(code, "")) is Exit.INTERNAL} == set()
    assert exit_code(errors.Failure("unheard-of", "")) is Exit.INTERNAL


def test_the_readme_shows_every_exit_code() -> None:
    listed = re.findall(r"^\| ([\d, ]+) \|", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert {int(number) for cell in listed for number in cell.split(",")} == {int(code) for code in Exit}


def test_what_the_readme_types_is_understood() -> None:
    lines = re.findall(r"^jupyter condaenv ([^#\n]+)", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(lines) >= 5
    for line in lines:
        command, rest = command_of(shlex.split(line))
        command.parse(rest)


def test_the_commands_of_a_group_are_shown(settled: Person) -> None:
    done = settled.run("plan", "--help")
    assert "plan rollback  What `rollback` would do." in done.out
    assert "create   " not in settled.run("channel", "-h").out
