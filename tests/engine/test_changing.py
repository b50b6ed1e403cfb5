"""Changes in all their ways: what moves although not asked for, what may not, pins, specs, room on the disk."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from jupyter_condaenv.engine import deferred, history, room, solve
from jupyter_condaenv.engine.errors import InvalidRequest, NotFound, Unsatisfiable
from jupyter_condaenv.engine.model import (
    Changed,
    ChangePackages,
    CreateEnvironment,
    Message,
    Plan,
    Planned,
    PlanRequest,
    Room,
    Settings,
)
from jupyter_condaenv.engine.rattler import matchspec
from tests.channel import ChannelServer, Link, index, write_package
from tests.channel.writer import PLACEHOLDER

from .child import in_child, operate
from .tiny import generic


@pytest.fixture(scope="session")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``top`` needs ``middle``, which needs ``bottom``; each in two versions that fit together in any way but one."""
    channel = tmp_path_factory.mktemp("chain")
    for version in ("1.0", "2.0"):
        generic(channel, "bottom", version)
        generic(channel, "middle", version, depends=["bottom"])
        generic(channel, "top", version, depends=["middle"])
        generic(channel, "other", version)
    generic(channel, "modern", "1.0", depends=["bottom >=2"])
    write_package(channel, "picky", "1.0", build="0", noarch="generic", files={}, constrains=["bottom <2"])
    index(channel)
    return channel


@pytest.fixture
def own(chain: Path, settings: Callable[..., Settings]) -> Settings:
    return settings(channels=(chain.as_uri(),))


@pytest.fixture
def prefix(tmp_path: Path, own: Settings) -> Path:
    """An environment of ``top``, ``middle``, ``bottom`` and ``other``, each in its first version."""
    path = tmp_path / "envs" / "project"
    specs = ("top=1", "middle=1", "bottom=1", "other=1")
    result, _ = operate(CreateEnvironment(prefix=str(path), specs=specs), own)
    assert isinstance(result, Changed)
    forget = ChangePackages(prefix=str(path), add=("top=*", "middle=*", "bottom=*", "other=*"))
    operate(forget, own)
    return path


def plan(prefix: Path, settings: Settings, **what: Any) -> Plan:
    return in_child(solve.plan, ChangePackages(prefix=str(prefix), **what), settings)


def told(plan: Plan) -> dict[str, str]:
    return {each.name: each.kind for each in plan.changes}


def why(plan: Plan) -> dict[str, str]:
    return {each.name: each.because for each in plan.unasked}


def test_of_two_requests_for_one_package_both_count(own: Settings, prefix: Path) -> None:
    """In one request, in what is asked of the environment from then on, and where both are replaced."""
    with pytest.raises(Unsatisfiable):
        plan(prefix, own, add=("bottom>=1", "bottom>=2", "bottom<2"))
    operate(ChangePackages(prefix=str(prefix), add=("bottom>=1", "bottom<2")), own)
    replaced = "bottom was asked for as bottom>=1, bottom<2, and now is as bottom=2"
    for new, expected in (("bottom=2", [replaced]), ("bottom", [])):  # a bare name takes nothing back
        request = ChangePackages(prefix=str(prefix), add=(new,))
        _, events = operate(PlanRequest(prefix=str(prefix), request=request), own)
        assert [event.text for event in events if isinstance(event, Message)] == expected
    assert {"bottom>=1", "bottom<2"} <= set(history.current_lock(prefix).specs)
    with pytest.raises(Unsatisfiable):
        plan(prefix, own, add=("modern",))
    assert "bottom" not in {
        spec.split(">")[0].split("<")[0] for spec in plan(prefix, own, add=("bottom=2",)).lock.specs
    }


def test_what_goes_with_a_change_that_waits_is_said_to(own: Settings, prefix: Path) -> None:
    """It is still installed, as whoever asks for it sees."""
    deferred.write(prefix, plan(prefix, own, remove=("other",)))
    for what in ({"remove": ("other", "nothere")}, {"update": ("other",)}):
        with pytest.raises(NotFound) as failed:
            plan(prefix, own, **what)
        assert failed.value.message == (
            "other goes with the change of project that waits for the next start of a kernel: remove other."
        )
        assert failed.value.details["waiting"] == "remove other"
    with pytest.raises(NotFound, match="nothere is not installed in project"):
        plan(prefix, own, remove=("nothere",))


def test_what_is_no_record_lies_beside_the_records_as_before(own: Settings, prefix: Path) -> None:
    """py-rattler would take it for one."""
    stray = prefix / "conda-meta" / "top (copy).json"
    stray.write_text("{")
    operate(ChangePackages(prefix=str(prefix), add=("modern",)), own)
    assert stray.read_text() == "{"
    assert {package.name for package in history.current_lock(prefix).packages} >= {"modern", "top"}


# --- what moves although not asked for ---


def test_what_must_move_is_named_with_its_reason(own: Settings, prefix: Path) -> None:
    made = plan(prefix, own, add=("modern",))
    assert told(made) == {"bottom": "upgrade", "modern": "add"}
    assert why(made) == {"bottom": "modern 1.0 needs bottom >=2"}
    assert why(plan(prefix, own, add=("bottom=2",))) == {}


def test_a_constraint_is_a_reason_too(own: Settings, prefix: Path) -> None:
    operate(ChangePackages(prefix=str(prefix), add=("bottom=2",)), own)
    operate(ChangePackages(prefix=str(prefix), add=("bottom=*",)), own)
    assert why(plan(prefix, own, add=("picky",))) == {"bottom": "picky 1.0 goes only with bottom <2"}


def test_what_goes_because_nothing_needs_it(own: Settings, tmp_path: Path) -> None:
    prefix = tmp_path / "envs" / "small"
    operate(CreateEnvironment(prefix=str(prefix), specs=("top", "other")), own)
    made = plan(prefix, own, remove=("top",))
    assert why(made) == dict.fromkeys(["bottom", "middle"], "nothing needs it any more")


def test_what_nobody_asked_for_stays_when_packages_are_added(own: Settings, prefix: Path) -> None:
    """As in an environment that another tool made, whose history tells only of a part."""
    for revision in (prefix / "conda-meta" / "condaenv" / "revisions").iterdir():
        revision.unlink()
    (prefix / "conda-meta" / "history").write_text("==> 2026-01-01 00:00:00 <==\n# update specs: ['middle']\n")
    made = plan(prefix, own, add=("modern",))
    assert told(made) == {"bottom": "upgrade", "modern": "add"}
    assert made.lock.specs == ("middle", "modern")
    assert told(plan(prefix, own, add=("modern",), remove=("top",))) == {
        "bottom": "upgrade",
        "modern": "add",
        "top": "remove",
    }


# --- what may move ---


def test_what_is_frozen_does_not_move(own: Settings, prefix: Path) -> None:
    assert told(plan(prefix, own, add=("picky",), dependencies="freeze")) == {"picky": "add"}
    with pytest.raises(Unsatisfiable, match="bottom") as caught:
        plan(prefix, own, add=("modern",), dependencies="freeze")
    assert "not allowed to move" in caught.value.hint and caught.value.details["frozen"]
    made = plan(prefix, own, add=("other=2",), dependencies="freeze")
    assert told(made) == {"other": "upgrade"}, "what is named may move"


def test_dependencies_are_updated_where_that_is_wanted(own: Settings, prefix: Path) -> None:
    assert told(plan(prefix, own, update=("middle",))) == {"middle": "upgrade"}
    made = plan(prefix, own, update=("middle",), dependencies="update")
    assert told(made) == {"bottom": "upgrade", "middle": "upgrade"}
    assert made.unasked == ()
    assert told(plan(prefix, own, add=("modern",), dependencies="update")) == {"bottom": "upgrade", "modern": "add"}


def test_all_are_updated_but_for_what_was_asked_for_otherwise(own: Settings, prefix: Path) -> None:
    made = plan(prefix, own, update_all=True)
    assert told(made) == dict.fromkeys(["bottom", "middle", "other", "top"], "upgrade")
    assert (made.verb, made.unasked) == ("update", ())
    operate(ChangePackages(prefix=str(prefix), add=("middle=1",)), own)
    assert "middle" not in told(plan(prefix, own, update_all=True))


def test_add_update_and_remove_in_one_plan(own: Settings, prefix: Path) -> None:
    made = plan(prefix, own, add=("picky",), update=("middle",), remove=("other",))
    assert told(made) == {"middle": "upgrade", "other": "remove", "picky": "add"}
    result, _ = operate(ChangePackages(prefix=str(prefix), add=("picky",), update=("middle",), remove=("other",)), own)
    assert isinstance(result, Changed)
    assert result.plan == made


# --- pins ---


def test_pins_hold_and_are_kept(own: Settings, prefix: Path) -> None:
    pinned = prefix / "conda-meta" / "pinned"
    pinned.write_text("# ours\nbottom <2  # until June\n\nnosuch ==1.0\n")
    made = plan(prefix, own, update_all=True)
    assert told(made) == dict.fromkeys(["middle", "other", "top"], "upgrade")
    with pytest.raises(Unsatisfiable, match="bottom <2") as caught:
        plan(prefix, own, add=("modern",))
    assert "conda-meta/pinned or .condarc: bottom <2, nosuch ==1.0" in caught.value.hint
    operate(ChangePackages(prefix=str(prefix), update_all=True), own)
    assert pinned.read_text().startswith("# ours")


def test_pins_of_condarc_hold_everywhere(own: Settings, prefix: Path, tmp_path: Path) -> None:
    rc = tmp_path / "condarc"
    rc.write_text("pinned_packages: ['bottom <2', 'nosuch ==1.0']\n")
    (prefix / "conda-meta" / "pinned").write_text("bottom <2\n")
    with pytest.raises(Unsatisfiable) as caught:
        in_child(solve.plan, ChangePackages(prefix=str(prefix), add=("modern",)), own, env={"CONDARC": str(rc)})
    assert "or .condarc: bottom <2, nosuch ==1.0." in caught.value.hint
    request = CreateEnvironment(prefix=f"{prefix}-2", specs=("top",))
    made = in_child(solve.plan, request, own, env={"CONDARC": str(rc)})
    assert {package.name: package.version for package in made.lock.packages} == {
        "bottom": "1.0",
        "middle": "2.0",
        "top": "2.0",
    }


def test_a_pin_moves_what_it_forbids(own: Settings, prefix: Path) -> None:
    (prefix / "conda-meta" / "pinned").write_text("other >=2\n")
    made = plan(prefix, own, add=("picky",))
    assert told(made) == {"other": "upgrade", "picky": "add"}
    assert why(made) == {"other": "a pin says other >=2"}


@pytest.mark.parametrize("line", ["=1.0[", "- bottom <2", "bottom: 1", "<<<<<<< HEAD", "{{ pins }}"])
def test_a_pin_that_is_no_spec_is_named(line: str, own: Settings, prefix: Path) -> None:
    pinned = prefix / "conda-meta" / "pinned"
    pinned.write_text(f"bottom <2\n{line}\n")
    for change in ({"add": ("picky",)}, {"remove": ("other",)}):
        with pytest.raises(InvalidRequest) as caught:
            plan(prefix, own, **change)
        assert caught.value.message.startswith(f"{pinned}, line 2: {line!r} is no package request")


def test_a_pin_that_cannot_be_read_says_where_it_stands(own: Settings, prefix: Path) -> None:
    (prefix / "conda-meta" / "pinned").write_text("other ===broken[[\n")
    with pytest.raises(InvalidRequest, match=r"conda-meta/pinned or \.condarc: 'other ===broken\[\['"):
        plan(prefix, own, add=("picky",))


# --- channels ---


def test_the_same_build_from_another_channel(own: Settings, prefix: Path, tmp_path: Path, chain: Path) -> None:
    other = tmp_path / "rebuilt"
    write_package(other, "bottom", "1.0", build="0", noarch="generic", files={"share/bottom.txt": "another\n"})
    generic(other, "middle", "2.0", depends=["bottom"])
    index(other)
    made = plan(prefix, own, add=(f"{other.as_uri()}::bottom", f"{other.as_uri()}::middle=2"))
    assert told(made) == {"bottom": "rechannel", "middle": "upgrade"}
    assert {change.name: change.channel for change in made.changes} == dict.fromkeys(
        ["bottom", "middle"], other.as_uri()
    )
    assert {change.brief.channel for change in made.changes} == {other.as_uri()}


# --- room on the disk ---


@pytest.fixture(scope="session")
def roomy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    channel = tmp_path_factory.mktemp("roomy")
    files = {
        "share/roomy/plain.bin": b"x" * 10_000,
        "share/roomy/placed.txt": f"{PLACEHOLDER}\n" + "y" * 5_000,
        "share/roomy/link": Link("plain.bin"),
        "share/roomy/deep/small.txt": "z",
    }
    write_package(channel, "roomy", "1.0", files=files, noarch="generic")
    index(channel)
    return channel


def measured(*trees: Path) -> tuple[int, int]:
    """Bytes of blocks and inodes of what is in ``trees``; a file of several links counts once."""
    found: dict[int, int] = {}
    for tree in trees:
        for folder, _, names in os.walk(tree):
            for path in (folder, *(os.path.join(folder, name) for name in names)):
                status = os.lstat(path)
                found[status.st_ino] = 0 if os.path.isdir(path) else status.st_blocks * 512
    return sum(found.values()), len(found)


def dry_run(prefix: Path, settings: Settings, *specs: str) -> Room:
    planned, _ = operate(
        PlanRequest(prefix=str(prefix), request=CreateEnvironment(prefix=str(prefix), specs=specs)), settings
    )
    assert isinstance(planned, Planned)
    assert planned.plan.room is not None
    return planned.plan.room


def test_the_room_is_what_is_taken(roomy: Path, settings: Callable[..., Settings], tmp_path: Path) -> None:
    own = settings(channels=(roomy.as_uri(),))
    first, second = tmp_path / "envs" / "one", tmp_path / "envs" / "two"
    new = dry_run(first, own, "roomy")
    # In the cache three files, a link and four folders; in the prefix what holds its path, the link, the folders and
    # the record; plain.bin and small.txt are linked.
    assert new == Room(bytes=12288 + 8192 + 4096 + 8192, inodes=4 + 3 + 2 + 3 + 1, shared=12288 + 4096)
    operate(CreateEnvironment(prefix=str(first), specs=("roomy",)), own)
    again = dry_run(second, own, "roomy")
    assert again == Room(bytes=8192, inodes=2 + 3 + 1, shared=12288 + 4096)
    before = measured(tmp_path / "cache" / "pkgs", tmp_path / "envs")
    operate(CreateEnvironment(prefix=str(second), specs=("roomy",)), own)
    after = measured(tmp_path / "cache" / "pkgs", tmp_path / "envs")
    # Beside the packages there are the environment's own folders and notes: a few small files.
    assert 0 <= after[0] - before[0] - again.bytes <= 40_000
    assert 0 <= after[1] - before[1] - again.inodes <= 12
    gone = Room(bytes=0, inodes=0, shared=0, freed=8192, held=12288 + 4096)
    removing = PlanRequest(prefix=str(first), request=ChangePackages(prefix=str(first), remove=("roomy",)))
    planned, _ = operate(removing, own)
    assert isinstance(planned, Planned) and planned.plan.room == gone


def test_the_room_over_http_and_where_it_cannot_be_told(
    roomy: Path, settings: Callable[..., Settings], tmp_path: Path
) -> None:
    with ChannelServer(roomy) as server:
        own = settings(channels=(server.url,))
        plan = in_child(solve.plan, CreateEnvironment(prefix=str(tmp_path / "envs" / "one"), specs=("roomy",)), own)
        assert in_child(room.added, plan, (), own).unknown == 0
    gone = in_child(room.added, plan, (), own)
    assert (gone.unknown, gone.bytes) == (1, plan.download_bytes)


# --- specs ---


def test_versions_are_never_rewritten(settings: Callable[..., Settings], tmp_path: Path) -> None:
    odd = ("1.1.1j", "2023d", "2.0_beta", "1!3.0+local.1", "0.10.0.dev5", "2024a.post1")
    channel = tmp_path / "odd"
    for number, version in enumerate(odd):
        generic(channel, f"odd{number}", version, build="h1_0")
    index(channel)
    own = settings(channels=(channel.as_uri(),))
    prefix = tmp_path / "envs" / "odd"
    specs = tuple(f"odd{number} =={version}" for number, version in enumerate(odd))
    result, _ = operate(CreateEnvironment(prefix=str(prefix), specs=specs), own)
    assert isinstance(result, Changed)
    assert tuple(package.version for package in result.plan.lock.packages) == odd
    assert history.current_lock(prefix).specs == specs
    assert tuple(package.version for package in history.current_lock(prefix).packages) == odd
    again = in_child(solve.plan, CreateEnvironment(prefix=f"{prefix}-2", lock=result.plan.lock), own)
    assert again.lock == result.plan.lock


def _forms(name: str) -> list[str]:
    return [
        name,
        name.upper(),
        f"{name}=1.0",
        f"{name}==1.0",
        f"{name} 1.0.*",
        f"{name}>=0.9,<2",
        f"{name} >=0.9,<1.1|>3",
        f"{name}!=2.0",
        f"{name}~=1.0",
        f"{name}=1.0=0",
        f"{name} 1.0 0",
        f"{name}=*=0",
        f"{name}[version='>=1,<2']",
        f"{name}[version='1.0', build='0']",
        f"{name}[build_number='<1']",
        f"{name}[subdir=noarch]",
        f"{name} >=1[build='0']",
    ]


@pytest.mark.parametrize("spec", _forms("bottom"))
def test_every_form_of_a_spec_goes_through_as_it_was_written(
    spec: str, own: Settings, tmp_path: Path, chain: Path
) -> None:
    for text in (spec, f"{chain.as_uri()}::{spec}"):
        made = in_child(solve.plan, CreateEnvironment(prefix=str(tmp_path / "envs" / "e"), specs=(text,)), own)
        assert made.lock.specs == (text,)
        assert [package.name for package in made.lock.packages] == ["bottom"]
        assert all(matchspec.matches(text, package) for package in made.lock.packages)


def test_a_spec_with_a_channel_by_name(own: Settings, tmp_path: Path, chain: Path) -> None:
    aliased = replace(own, channel_alias=chain.parent.as_uri())
    for form in _forms("bottom"):
        made = in_child(
            solve.plan,
            CreateEnvironment(prefix=str(tmp_path / "envs" / "e"), specs=(f"{chain.name}::{form}",)),
            aliased,
        )
        assert made.lock.packages[0].channel == chain.as_uri()
