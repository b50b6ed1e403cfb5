"""What is noted of environments: protected and frozen ones stay what and where they are."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from jupyter_condaenv.engine import environments, history, notes
from jupyter_condaenv.engine.errors import Broken, InvalidRequest, NotFound, Refused
from jupyter_condaenv.engine.model import (
    Annotate,
    AnyRequest,
    ApplyPlan,
    ChangePackages,
    Clone,
    CreateEnvironment,
    Message,
    Move,
    Noted,
    Notes,
    Planned,
    PlanRequest,
    RemoveEnvironment,
    Rollback,
    Settings,
    StackEnvironment,
)

from .child import operate
from .harness import tree


@pytest.fixture
def prefix(little_settings: Settings) -> Path:
    found = Path(little_settings.envs_dirs[0]) / "geo"
    operate(CreateEnvironment(prefix=str(found), specs=("alpha=1.0",)), little_settings)
    return found


def annotate(prefix: Path, settings: Settings, **said: object) -> Notes:
    result, _ = operate(Annotate(prefix=str(prefix), **said), settings)  # type: ignore[arg-type]
    assert isinstance(result, Noted)
    assert result.notes == notes.read(prefix)
    return result.notes


def changes(prefix: Path, settings: Settings) -> list[AnyRequest]:
    plan, _ = operate(
        PlanRequest(prefix=str(prefix), request=ChangePackages(prefix=str(prefix), add=("gamma",))), settings
    )
    assert isinstance(plan, Planned)
    add = ChangePackages(prefix=str(prefix), add=("gamma",))
    return [
        add,
        PlanRequest(prefix=str(prefix), request=add),
        ApplyPlan(prefix=str(prefix), plan=plan.plan),
        Rollback(prefix=str(prefix), revision=1),
    ]


def removals(prefix: Path) -> list[AnyRequest]:
    return [
        RemoveEnvironment(prefix=str(prefix)),
        Move(prefix=str(prefix.with_name("elsewhere")), source=str(prefix)),
    ]


def test_a_protected_environment_is_neither_deleted_nor_moved(prefix: Path, little_settings: Settings) -> None:
    assert annotate(prefix, little_settings, protected=True) == Notes(protected=True)
    for request in removals(prefix):
        with pytest.raises(Refused, match=r"geo is protected\."):
            operate(request, little_settings)
    operate(ChangePackages(prefix=str(prefix), add=("gamma",)), little_settings)
    assert notes.read(prefix).protected, "a change of packages does not take it away"
    assert annotate(prefix, little_settings, protected=False) == Notes()
    operate(RemoveEnvironment(prefix=str(prefix)), little_settings)
    assert not prefix.exists()


def test_a_frozen_environment_stays_as_it_is(prefix: Path, little_settings: Settings) -> None:
    requests = [*changes(prefix, little_settings), *removals(prefix)]
    annotate(prefix, little_settings, frozen=True, message="The exam uses it.")
    assert json.loads((prefix / "conda-meta" / "frozen").read_text()) == {"message": "The exam uses it."}
    was = tree(prefix)
    for request in requests:
        with pytest.raises(Refused, match=r'geo is frozen: "The exam uses it\."\Z'):
            operate(request, little_settings)
    assert tree(prefix) == was
    twin = prefix.with_name("twin")
    operate(Clone(prefix=str(twin), source=str(prefix)), little_settings)
    operate(ChangePackages(prefix=str(twin), add=("gamma",)), little_settings)
    annotate(prefix, little_settings, frozen=False)
    operate(ChangePackages(prefix=str(prefix), add=("gamma",)), little_settings)


@pytest.mark.parametrize("content", ["", "{}", "[]", "no json", '{"message": 5}', '{"message": " "}', "\xff"])
def test_the_marker_of_other_tools_is_heeded_whatever_is_in_it(
    prefix: Path, little_settings: Settings, content: str
) -> None:
    (prefix / "conda-meta" / "frozen").write_text(content, encoding="latin-1")
    with pytest.raises(Refused, match=r"geo is frozen\.\Z"):
        operate(RemoveEnvironment(prefix=str(prefix)), little_settings)


def test_an_overlay_can_be_changed_until_somebody_freezes_it(real_settings: Settings, tmp_path: Path) -> None:
    base, over = tmp_path / "base", tmp_path / "over"
    operate(CreateEnvironment(prefix=str(base), specs=("python",)), real_settings)
    annotate(base, real_settings, frozen=True, message="Ours.")
    operate(StackEnvironment(prefix=str(over), base=str(base), specs=("threadpoolctl",)), real_settings)
    assert notes.read(over) == Notes()
    operate(ChangePackages(prefix=str(over), remove=("threadpoolctl",)), real_settings)
    annotate(over, real_settings, frozen=True)
    with pytest.raises(Refused, match=r"over is frozen\.\Z"):
        operate(ChangePackages(prefix=str(over), add=("threadpoolctl",)), real_settings)
    annotate(over, real_settings, frozen=False)
    assert (over / "conda-meta" / "frozen").exists(), "what keeps conda away is still there"
    operate(Clone(prefix=str(tmp_path / "twin"), source=str(over)), real_settings)
    assert (tmp_path / "twin" / "conda-meta" / "frozen").exists()


def test_tags_and_a_note(prefix: Path, little_settings: Settings) -> None:
    annotate(prefix, little_settings, tag=("prod", "teaching", "prod"), note="of the course")
    assert annotate(prefix, little_settings, tag=("x",), untag=("prod", "absent")) == Notes(
        tags=("teaching", "x"), note="of the course"
    )
    assert environments.describe(prefix).notes == Notes(tags=("teaching", "x"), note="of the course")
    assert annotate(prefix, little_settings, note="", untag=("teaching", "x")) == Notes()
    assert environments.describe(prefix).notes is None
    for wrong in ("", "a b", "-x", "../x", "x" * 65, "a\nb"):
        with pytest.raises(InvalidRequest, match="is not a tag"):
            operate(Annotate(prefix=str(prefix), tag=(wrong,), protected=True), little_settings)
    with pytest.raises(InvalidRequest, match="51 tags"):
        operate(Annotate(prefix=str(prefix), tag=tuple(f"t{number}" for number in range(51))), little_settings)
    assert notes.read(prefix) == Notes(), "nothing of what was refused is noted"
    with pytest.raises(NotFound):
        operate(Annotate(prefix=str(prefix.with_name("nowhere")), protected=True), little_settings)


def test_secrets_in_what_is_noted_are_left_out_and_that_is_told(prefix: Path, little_settings: Settings) -> None:
    note = "from https://me:canary-1@host/t/canary-2/c, as ./t/x says"
    request = Annotate(prefix=str(prefix), note=note, frozen=True, message="see https://host/t/canary-3/c")
    result, events = operate(request, little_settings)
    assert isinstance(result, Noted)
    assert (result.notes.note, result.notes.frozen) == ("from https://host/c, as ./t/x says", "see https://host/c")
    assert [event.text for event in events if isinstance(event, Message)] == [
        "What may be a password or a token in an address is left out"
    ]
    kept = [path.read_bytes() for path in prefix.rglob("*") if path.is_file()]
    assert not any(b"canary" in data for data in kept)


def test_damaged_notes_protect(prefix: Path, little_settings: Settings) -> None:
    annotate(prefix, little_settings, tag=("prod",))
    (prefix / notes.FILE).write_text('{"tags": ')
    assert notes.read(prefix).protected and "is damaged" in notes.read(prefix).note
    with pytest.raises(Refused, match="protected"):
        operate(RemoveEnvironment(prefix=str(prefix)), little_settings)
    with pytest.raises(Broken, match=r"notes\.json is damaged"):
        operate(Annotate(prefix=str(prefix), protected=False), little_settings)
    (prefix / notes.FILE).unlink()
    operate(RemoveEnvironment(prefix=str(prefix)), little_settings)


def test_what_jupyter_runs_in_and_the_base_of_conda_are_protected_from_the_start(
    prefix: Path, little_settings: Settings
) -> None:
    assert notes.read(Path(sys.prefix)).protected
    (prefix / "condabin").mkdir()
    assert environments.describe(prefix).notes == Notes(protected=True)
    with pytest.raises(Refused, match="stays protected"):
        operate(Annotate(prefix=str(prefix), protected=False), little_settings)
    for request in removals(prefix):
        with pytest.raises(Refused, match="base of a conda installation"):
            operate(request, little_settings)
    assert len(history.readable(prefix)[0]) == 1
