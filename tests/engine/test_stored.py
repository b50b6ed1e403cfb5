"""Files that a newer version has written are read by this one, without what it does not know; a plan that would be
applied in part is not."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import msgspec
import pytest

from jupyter_condaenv.engine import deferred, history, places, stored
from jupyter_condaenv.engine.errors import InvalidRequest
from jupyter_condaenv.engine.model import (
    Base,
    Change,
    Changed,
    CreateEnvironment,
    Environment,
    Lock,
    Package,
    Plan,
    Revision,
    Settings,
    Variable,
)
from jupyter_condaenv.jobs.records import Outcome, Written

A = Package(
    name="a", version="1.0", build="0", subdir="noarch", url="https://host/c/noarch/a-1.0-0.conda",
    channel="https://host/c", file_name="a-1.0-0.conda", sha256="1" * 64,
)  # fmt: skip
LOCK = Lock(
    platform="linux-64", channels=("https://host/c",), specs=("a",), packages=(A,),
    base=Base(prefix="/base", digest="0", packages=(A,)),
)  # fmt: skip
PLAN = Plan(
    prefix="/demo", verb="change", before="", lock=LOCK, changes=(Change(kind="add", after=A),), download_bytes=1,
    variables=(Variable(name="X", value="1"),),
)  # fmt: skip
REVISION = Revision(number=3, time="2026-01-01T00:00:00+00:00", author="me", verb="add", lock=LOCK, variables=())
DONE = Changed(environment=Environment(name="demo", prefix="/demo"), plan=PLAN, revision=3)
NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


def newer(value: Any) -> bytes:
    """``value`` with a field in every object that nobody knows yet."""

    def more(part: Any) -> Any:
        if isinstance(part, dict):
            return {name: more(one) for name, one in part.items()} | {"of_tomorrow": {"name": [1]}}
        return [more(one) for one in part] if isinstance(part, list) else part

    return msgspec.json.encode(more(msgspec.json.decode(msgspec.json.encode(value))))


@pytest.mark.parametrize("value", [REVISION, PLAN, Outcome(state="succeeded", time=NOW, result=DONE)], ids=repr)
def test_fields_that_are_not_known_are_left_out(value: Any) -> None:
    assert stored.decode(newer(value), type(value)) == value
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.json.decode(newer(value), type=type(value))
    with pytest.raises(msgspec.ValidationError):  # what is missing is missing
        stored.decode(b'{"of_tomorrow": 1}', type(value))


def test_a_job_of_a_newer_version(settings: Any) -> None:
    request = CreateEnvironment(prefix="/demo", lock=LOCK)
    written = Written(created=NOW, host="h", author="me", perform="p", request=request, settings=settings())
    assert stored.decode(newer(written), Written) == written


def test_what_lies_in_a_prefix_and_in_the_data_directory(tmp_path: Path, settings: Any) -> None:
    ours: Settings = settings()
    revision = tmp_path / "conda-meta/condaenv/revisions/0003.json"
    revision.parent.mkdir(parents=True)
    revision.write_bytes(newer(REVISION))
    assert history.latest(tmp_path) == REVISION
    (tmp_path / deferred.FILE).write_bytes(newer(PLAN))
    assert deferred.read(tmp_path) == PLAN
    Path(ours.data_dir).mkdir(parents=True, exist_ok=True)
    found = places.Place(prefix="/demo", folders=(1, 2))
    (Path(ours.data_dir) / "places.json").write_bytes(newer([found]))
    assert places.found(ours) == (found,)


def test_a_plan_of_a_newer_format_is_refused_by_name(tmp_path: Path) -> None:
    data = msgspec.json.encode(msgspec.to_builtins(PLAN) | {"version": 2, "more_to_do": ["x"]})
    with pytest.raises(InvalidRequest, match=r"of format 2, .*; this one knows 1") as caught:
        stored.plan(data)
    assert caught.value.hint
    (tmp_path / deferred.FILE).parent.mkdir(parents=True)
    (tmp_path / deferred.FILE).write_bytes(data)
    assert deferred.read(tmp_path) is None
    assert stored.plan(msgspec.json.encode(PLAN)) == PLAN
