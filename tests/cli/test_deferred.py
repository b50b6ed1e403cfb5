"""What a kernel that starts tells of a change that has waited for it, in a line, also where it cannot be done."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_condaenv.cli.exits import Exit
from jupyter_condaenv.engine import deferred

from .conftest import Person

NEWER = '{"version": 1000}'


@pytest.fixture
def prefix(person: Person) -> Path:
    """An environment for which something waits that cannot be read."""
    prefix = person.envs / "geo"
    (prefix / deferred.FILE).parent.mkdir(parents=True)
    (prefix / "conda-meta/history").touch()
    (prefix / deferred.FILE).write_text("{")
    return prefix


@pytest.mark.parametrize(("written", "why"), [("{", "truncated"), (NEWER, "a newer jupyter_condaenv has written")])
@pytest.mark.slow
def test_what_cannot_be_read_is_told_and_can_be_given_up(person: Person, prefix: Path, written: str, why: str) -> None:
    (prefix / deferred.FILE).write_text(written)
    told = person.run("apply-deferred", prefix, "--in-a-line", code=Exit.BROKEN).out
    assert told.startswith("What waited could not be done. The change of geo that waits for a kernel cannot be read: ")
    assert why in told and f"`jupyter condaenv drop-deferred {prefix}` gives it up." in told and told.count("\n") == 1
    assert person.run("drop-deferred", prefix).out == "Given up: a change that could not be read.\n"
    assert not (prefix / deferred.FILE).exists()
    person.run("drop-deferred", prefix, code=Exit.NOT_FOUND)


def test_what_another_kernel_has_done_is_not_told(person: Person, prefix: Path) -> None:
    deferred.drop(prefix)
    assert person.run("apply-deferred", prefix, "--in-a-line", code=Exit.NOT_FOUND).out == ""


def test_what_keeps_it_from_beginning_is_told(person: Person, prefix: Path) -> None:
    (person.envs.parent / "jobs").touch()
    told = person.run("apply-deferred", prefix, "--in-a-line", code=None).out
    assert told.startswith("What waited could not be done. ") and told.count("\n") == 1
    config = person.home / "config/jupyter_condaenv_config.py"
    config.parent.mkdir()
    config.write_text("1 / 0\n")
    told = person.run("apply-deferred", prefix, "--in-a-line", code=None).out
    assert told.startswith("What waited could not be done. Jupyter's configuration cannot be used: ")


@pytest.mark.parametrize("other", ["--detach", "--json"])
def test_a_line_is_no_other_form(person: Person, prefix: Path, other: str) -> None:
    ended = person.run("apply-deferred", prefix, "--in-a-line", other, code=Exit.USAGE)
    assert "--in-a-line" in ended.out + ended.err and (prefix / deferred.FILE).exists()
