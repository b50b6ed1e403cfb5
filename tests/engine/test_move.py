"""A moved environment is the same one in another place: packages, history, notes, and what its user put there."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace

from jupyter_condaenv.engine import deferred, environments, history, notes, stack
from jupyter_condaenv.engine.errors import AlreadyExists, InvalidRequest, NotFound, Refused
from jupyter_condaenv.engine.model import (
    Annotate,
    ChangePackages,
    CreateEnvironment,
    Move,
    Moved,
    Notes,
    Planned,
    PlanRequest,
    Rollback,
    Settings,
    StackEnvironment,
)

from .child import operate
from .harness import Ended, Operation, leftovers, problems, run, settled, tree


@pytest.fixture
def source(little_settings: Settings) -> Path:
    prefix = Path(little_settings.envs_dirs[0]) / "source"
    operate(CreateEnvironment(prefix=str(prefix), specs=("alpha=1.0", "shape=3.0")), little_settings)
    operate(ChangePackages(prefix=str(prefix), add=("gamma",)), little_settings)
    operate(Annotate(prefix=str(prefix), tag=("prod",), note="mine"), little_settings)
    (prefix / "mine.txt").write_text(f"{prefix}/share\n")
    settled(prefix)
    return prefix


def moved(source: Path, target: Path, settings: Settings) -> Moved:
    result, _ = operate(Move(prefix=str(target), source=str(source)), settings)
    assert isinstance(result, Moved)
    assert not source.exists()
    assert leftovers(source) == leftovers(target) == []
    return result


def test_all_of_it_is_in_the_new_place(source: Path, little_settings: Settings, tmp_path: Path) -> None:
    revisions, lock, inode = (
        history.readable(source)[0],
        history.current_lock(source),
        (source / "bin/alpha").stat().st_ino,
    )
    target = tmp_path / "new" / "place"
    result = moved(source, target, little_settings)
    assert (result.source, result.environment.prefix) == (str(source), str(target))
    assert problems(target, "mine.txt") == []
    assert (target / "bin/alpha").stat().st_ino == inode, "it was linked, not copied"
    assert (target / "mine.txt").read_text() == f"{target}/share\n"
    assert history.current_lock(target) == lock
    assert history.readable(target)[0][:-1] == revisions
    assert history.readable(target)[0][-1].verb == f"move from {source}"
    assert notes.read(target) == Notes(tags=("prod",), note="mine")
    assert (environments.noted().count(target), source in environments.noted()) == (1, False)
    operate(Rollback(prefix=str(target)), little_settings)
    assert {package.name for package in history.current_lock(target).packages} == {"alpha", "shape"}
    moved(target, source, little_settings)
    assert problems(source, "mine.txt") == []


def test_a_change_that_waits_goes_on_waiting(source: Path, little_settings: Settings) -> None:
    request = ChangePackages(prefix=str(source), add=("alpha=2.0",))
    planned, _ = operate(PlanRequest(prefix=str(source), request=request), little_settings)
    assert isinstance(planned, Planned)
    deferred.write(source, planned.plan)
    target = source.with_name("target")
    moved(source, target, little_settings)
    assert deferred.read(target) == replace(planned.plan, prefix=str(target))


def test_an_overlay(real_settings: Settings, tmp_path: Path) -> None:
    base, over, target = (Path(real_settings.envs_dirs[0]) / name for name in ("base", "over", "target"))
    operate(CreateEnvironment(prefix=str(base), specs=("python",)), real_settings)
    operate(StackEnvironment(prefix=str(over), base=str(base), specs=("threadpoolctl",)), real_settings)
    with pytest.raises(Refused, match="over stands on base"):
        operate(Move(prefix=str(tmp_path / "elsewhere"), source=str(base)), real_settings)
    moved(over, target, real_settings)
    assert stack.levels(str(target)) == (str(base), str(target))
    where = subprocess.check_output([target / "bin/python", "-c", "import sys, threadpoolctl; print(sys.prefix)"])
    assert where.decode().strip() == str(target)


def test_what_cannot_be_moved(source: Path, little_settings: Settings) -> None:
    was = tree(source)
    taken = source.with_name("taken")
    taken.mkdir()
    (taken / "file").touch()
    for target, error in (
        (taken, AlreadyExists),
        (source, AlreadyExists),
        (source / "inside", Refused),
        (Path("relative"), InvalidRequest),
    ):
        with pytest.raises(error):
            operate(Move(prefix=str(target), source=str(source)), little_settings)
    with pytest.raises(NotFound):
        operate(Move(prefix=str(taken.with_name("x")), source=str(taken)), little_settings)
    assert tree(source) == was
    assert not taken.with_name("x").exists()


@pytest.mark.parametrize("phase", ["stage", "commit", "remove", ""])
def test_a_kill_leaves_it_whole_in_at_least_one_place(source: Path, little_settings: Settings, phase: str) -> None:
    target = source.with_name("target")
    was = tree(source)
    with Operation(Move(prefix=str(target), source=str(source)), little_settings) as operation:
        try:
            operation.until(phase)
        except Ended:
            assert not phase
    if source.exists():
        assert tree(source) == was
    else:
        assert target.exists()
    if target.exists():
        assert problems(target, "mine.txt") == []
        assert notes.read(target).tags == ("prod",)
    else:
        run(Move(prefix=str(target), source=str(source)), little_settings)
        assert problems(target, "mine.txt") == []
        assert not source.exists()
