"""Why a request cannot be fulfilled, and ways out: each that is said to work is tried again here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from jupyter_condaenv.engine import solve
from jupyter_condaenv.engine.errors import Unsatisfiable
from jupyter_condaenv.engine.model import (
    ChangePackages,
    CreateEnvironment,
    Explain,
    Explained,
    Explanation,
    Progress,
    Settings,
    Strategy,
    Untried,
    Way,
    WhyNot,
)
from tests.channel import index

from .child import in_child, operate
from .tiny import generic


@pytest.fixture
def own(tiny: Path, settings: Callable[..., Settings]) -> Settings:
    return settings(channels=(tiny.as_uri(),))


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    return tmp_path / "envs" / "project"


def explained(request: Any, settings: Settings, **env: str | None) -> Explanation:
    result, _ = operate(Explain(prefix=request.prefix, request=request), settings, env=env)
    assert isinstance(result, Explained)
    return result.explanation


def creation(prefix: Path, *specs: str, **what: Any) -> CreateEnvironment:
    return CreateEnvironment(prefix=str(prefix), specs=specs, **what)


def why_not(prefix: Path, spec: str, settings: Settings, **env: str | None) -> Explanation:
    result, _ = operate(WhyNot(prefix=str(prefix), spec=spec), settings, env=env)
    assert isinstance(result, Explained)
    return result.explanation


def working(explanation: Explanation) -> dict[tuple[str, str], Way]:
    return {(way.kind, way.change): way for way in explanation.ways if way.works}


def test_what_clashes_through_what_and_every_way_out(own: Settings, prefix: Path) -> None:
    request = creation(prefix, "smallpkg", "app=1", "helper", "libbase=2")
    found = explained(request, own)
    assert not found.possible
    assert [clash.requests for clash in found.clashes] == [("app=1", "libbase=2")]
    assert "libbase >=1,<2" in found.text
    assert "smallpkg" not in found.clashes[0].text
    ways = working(found)
    assert set(ways) == {("relax", "app"), ("relax", "libbase"), ("drop", "app=1"), ("drop", "libbase=2")}
    assert ways["relax", "app"].specs == ("smallpkg", "app", "helper", "libbase=2")
    assert ways["relax", "app"].gives == ("smallpkg 2.0", "app 2.0", "helper 1.0", "libbase 2.0")
    kinds = [way.kind for way in found.ways]
    assert kinds == sorted(kinds, key=["relax", "drop"].index), "what gives up least comes first"
    for way in ways.values():
        assert in_child(solve.plan, creation(prefix, *way.specs), own).lock.packages


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        (("smalpkg >=2", "helper"), ("smallpkg >=2", "helper")),
        (("smalpkg >=2", "helper", "Lib_Base=1"), ("smallpkg >=2", "helper", "libbase=1")),
    ],
)
def test_a_misspelt_name_is_mended(asked: tuple[str, ...], meant: tuple[str, ...], own: Settings, prefix: Path) -> None:
    found = explained(creation(prefix, *asked), own)
    (way,) = (way for way in found.ways if way.kind == "rename")
    assert way is found.ways[0]
    assert way.works
    assert way.specs == meant
    assert in_child(solve.plan, creation(prefix, *meant), own).lock.packages


def test_packages_on_the_way_are_named(settings: Callable[..., Settings], prefix: Path, tmp_path: Path) -> None:
    channel = tmp_path / "far"
    for version in ("1.0", "2.0"):
        generic(channel, "bottom", version)
    generic(channel, "left-mid", "1.0", depends=["bottom <2"])
    generic(channel, "right-mid", "1.0", depends=["bottom >=2"])
    generic(channel, "left", "1.0", depends=["left-mid"])
    generic(channel, "right", "1.0", depends=["right-mid"])
    index(channel)
    found = explained(creation(prefix, "left", "right"), settings(channels=(channel.as_uri(),)))
    (clash,) = found.clashes
    assert clash.requests == ("left", "right")
    assert set(clash.through) == {"left-mid", "right-mid", "bottom"}


def test_groups_that_solve_apart_can_each_be_made(own: Settings, prefix: Path) -> None:
    found = explained(creation(prefix, "helper", "app=1", "libbase=2", "tool"), own)
    assert [group.specs for group in found.groups] == [("helper", "app=1", "tool"), ("helper", "libbase=2", "tool")]
    for number, group in enumerate(found.groups):
        made = in_child(solve.plan, creation(Path(f"{prefix}-{number}"), *group.specs), own)
        assert len(made.lock.packages) == group.packages


def test_several_clashes_at_once(own: Settings, prefix: Path) -> None:
    found = explained(creation(prefix, "app=1", "libbase=2", "smallpkg=9", "helper"), own)
    assert [clash.requests for clash in found.clashes] == [("smallpkg=9",), ("app=1", "libbase=2")]
    assert ("drop", "smallpkg=9 app=1") in working(found)


def test_what_can_be_fulfilled_needs_no_explanation(own: Settings, prefix: Path) -> None:
    found = explained(creation(prefix, "helper"), own)
    assert (found.possible, found.ways, found.clashes) == (True, (), ())
    assert [(change.kind, change.name) for change in found.changes] == [("add", "helper")]


@pytest.mark.parametrize("needs", ["__cuda >=12", "__cuda 12.*"])
def test_what_a_machine_lacks(
    needs: str, own: Settings, prefix: Path, settings: Callable[..., Settings], tmp_path: Path
) -> None:
    channel = tmp_path / "gpu"
    generic(channel, "gpu-only", "1.0", depends=[needs])
    index(channel)
    found = explained(creation(prefix, "gpu-only"), settings(channels=(channel.as_uri(),)), CONDA_OVERRIDE_CUDA="")
    assert ("virtual", "__cuda=12") in working(found)


def test_another_channel_a_loose_priority_and_newer_packages(
    own: Settings, prefix: Path, tmp_path: Path, tiny: Path
) -> None:
    more = tmp_path / "more"
    generic(more, "extra", "1.0")
    generic(more, "helper", "2.0")
    index(more)
    both = replace(own, channels=(tiny.as_uri(), more.as_uri()))
    found = explained(creation(prefix, "extra", channels=(tiny.as_uri(),)), both)
    assert set(working(found)) == {("channel", more.as_uri())}
    loose = working(explained(creation(prefix, "helper=2"), both))
    assert ("priority", "disabled") in loose
    newer = explained(creation(prefix, "helper", strategy=Strategy(exclude_newer="2020-01-01")), own)
    assert set(working(newer)) == {("newer", "")}


def test_pins_and_what_is_frozen(own: Settings, prefix: Path) -> None:
    operate(creation(prefix, "libbase=1.0", "helper"), own)
    operate(ChangePackages(prefix=str(prefix), add=("libbase=*",)), own)
    frozen = explained(ChangePackages(prefix=str(prefix), add=("app=2",), dependencies="freeze"), own)
    assert ("unfreeze", "") in working(frozen)
    (prefix / "conda-meta" / "pinned").write_text("libbase <2\nhelper <9\n")
    pinned = explained(ChangePackages(prefix=str(prefix), add=("app=2",)), own)
    assert ("unpin", "libbase <2") in working(pinned)
    assert ("unpin", "helper <9") not in working(pinned)


def test_time_is_short(own: Settings, prefix: Path, tmp_path: Path) -> None:
    request = creation(prefix, "app=1", "libbase=2", channels=own.channels)
    more = (tmp_path / "more").as_uri()
    both = replace(own, channels=(*own.channels, more))
    result, events = operate(Explain(prefix=str(prefix), request=request, seconds=1e-6), both)
    assert isinstance(result, Explained)
    assert (result.explanation.ways, result.explanation.possible) == ((), False)
    assert "libbase >=1,<2" in result.explanation.text
    assert any(isinstance(event, Progress) for event in events)
    assert result.explanation.untried == (Untried(text=f"search {more} too"),)


def test_a_way_that_cannot_be_tried_says_why(own: Settings, prefix: Path, tmp_path: Path) -> None:
    gone = (tmp_path / "gone").as_uri()
    both = replace(own, channels=(*own.channels, gone))
    found = explained(creation(prefix, "extra", channels=own.channels), both)
    (way,) = found.untried
    assert way.text == f"search {gone} too" and "gone" in way.reason
    assert ("channel", gone) not in {(one.kind, one.change) for one in found.ways}


def test_why_not_this_version(own: Settings, prefix: Path) -> None:
    operate(creation(prefix, "app=1", "helper"), own)
    found = why_not(prefix, "libbase=2", own)
    assert found.kept_out_by == ("app 1.0, which is there, needs libbase >=1,<2.",)
    assert [clash.requests for clash in found.clashes] == [("app=1", "libbase=2")]
    assert ("relax", "app") in working(found)
    assert why_not(prefix, "libbase=7", own).kept_out_by == (
        "The channels have no libbase=7; there is libbase 2.0, 1.5, 1.0.",
    )
    assert "No channel has nosuch" in why_not(prefix, "nosuch=1", own).kept_out_by[0]
    possible = why_not(prefix, "libbase=1.0", own)
    assert (possible.possible, [change.kind for change in possible.changes]) == (True, ["downgrade"])
    (prefix / "conda-meta" / "pinned").write_text("helper >=2\n")
    assert "helper >=2 is pinned." in why_not(prefix, "helper=1", own).kept_out_by


def test_without_what_is_new_the_request_of_earlier_is_back(own: Settings, prefix: Path) -> None:
    operate(creation(prefix, "app=1", "helper"), own)
    way = working(why_not(prefix, "app=9", own))[("drop", "app=9")]
    assert set(way.specs) == {"app=1", "helper"} and "app 1.0" in way.gives


def test_why_not_says_what_the_machine_lacks(prefix: Path, settings: Callable[..., Settings], tmp_path: Path) -> None:
    channel = tmp_path / "gpu"
    generic(channel, "gpu", "1.0")
    generic(channel, "gpu", "2.0", depends=["__cuda >=12"])
    index(channel)
    own = settings(channels=(channel.as_uri(),))
    operate(creation(prefix, "gpu"), own, env={"CONDA_OVERRIDE_CUDA": ""})
    found = why_not(prefix, "gpu=2", own, CONDA_OVERRIDE_CUDA="")
    assert found.kept_out_by == ("gpu 2.0 needs __cuda >=12, and this machine has no __cuda.",)


@pytest.fixture
def libs(settings: Callable[..., Settings], tmp_path: Path) -> Settings:
    channel = tmp_path / "libs"
    for name, version, needs in (
        ("lib", "1.0", []), ("lib", "2.0", []), ("lib", "3.0", []),
        ("app", "1.0", ["lib <2"]), ("tool", "1.0", ["lib <3"]),
    ):  # fmt: skip
        generic(channel, name, version, depends=needs)
    index(channel)
    return settings(channels=(channel.as_uri(),))


def test_a_refusal_names_both_sides(libs: Settings, prefix: Path) -> None:
    """What is asked for now, and what else holds, of which the solver says nothing or not that it is from earlier."""

    def hint(request: Any) -> str:
        with pytest.raises(Unsatisfiable) as caught:
            operate(request, libs)
        return caught.value.hint

    assert "Asked for are both lib=1 and lib>=3." in hint(creation(prefix, "lib=1", "lib>=3"))
    operate(creation(prefix, "lib=2", "tool"), libs)
    told = hint(ChangePackages(prefix=str(prefix), add=("app",)))
    assert "What was asked for earlier still holds: lib=2." in told
    assert "app" not in told
    frozen = ChangePackages(prefix=str(prefix), add=("app",), dependencies="freeze")
    assert "What is installed was not allowed to move: lib 2.0." in hint(frozen)
    (clash,) = explained(frozen, libs).clashes
    assert (clash.requests, clash.against) == (("app",), ("lib 2.0",))

    (prefix / "conda-meta" / "pinned").write_text("lib 2.*\n")
    (clash,) = explained(ChangePackages(prefix=str(prefix), add=("lib>=3",), remove=("tool",)), libs).clashes
    assert (clash.requests, clash.against) == (("lib>=3",), ("lib 2.*",))


def test_clashes_that_share_a_request_are_all_told(libs: Settings, prefix: Path) -> None:
    found = explained(creation(prefix, "app", "tool", "lib>=3"), libs)
    assert {frozenset(clash.requests) for clash in found.clashes} == {
        frozenset(("app", "lib>=3")),
        frozenset(("tool", "lib>=3")),
    }
