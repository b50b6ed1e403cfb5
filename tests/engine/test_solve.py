"""Plans: what is asked for, what moves because of it, what is refused and why. Real solves on small channels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from jupyter_condaenv.engine import plans, solve, specfiles
from jupyter_condaenv.engine.channels import host_subdir
from jupyter_condaenv.engine.errors import (
    AlreadyExists,
    ChannelError,
    InvalidRequest,
    NotFound,
    Outdated,
    Refused,
    Unsatisfiable,
)
from jupyter_condaenv.engine.model import (
    ApplyPlan,
    Changed,
    ChangePackages,
    CreateEnvironment,
    Lock,
    Plan,
    Planned,
    PlanRequest,
    Rollback,
    Settings,
    StackEnvironment,
)
from tests.channel import ChannelServer, index

from .child import in_child, operate
from .tiny import generic


@pytest.fixture
def own(tiny: Path, settings: Callable[..., Settings]) -> Settings:
    return settings(channels=(tiny.as_uri(),))


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    return tmp_path / "envs" / "project"


def plan(request: Any, settings: Settings, **env: str | None) -> Plan:
    return plans.sealed(in_child(solve.plan, request, settings, env=env))


def create(prefix: Path, *specs: str, settings: Settings) -> Plan:
    result, _ = operate(CreateEnvironment(prefix=str(prefix), specs=specs), settings)
    assert isinstance(result, Changed)
    return result.plan


def change(prefix: Path, settings: Settings, **what: Any) -> Plan:
    result, _ = operate(ChangePackages(prefix=str(prefix), **what), settings)
    assert isinstance(result, Changed)
    return result.plan


def told(plan: Plan) -> dict[str, str]:
    return {each.name: each.kind for each in plan.changes}


def versions(plan: Plan) -> dict[str, str]:
    return {package.name: package.version for package in plan.lock.packages}


def contents(folder: Path) -> bytes:
    return b"\0".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


# --- create ---


def test_a_new_environment(own: Settings, prefix: Path, tiny: Path) -> None:
    made = plan(CreateEnvironment(prefix=str(prefix), specs=("tool", "smallpkg>=1.1,<2")), own)
    assert told(made) == dict.fromkeys(["helper", "libbase", "smallpkg", "tool"], "add")
    assert versions(made) == {"helper": "1.0", "libbase": "2.0", "smallpkg": "1.1", "tool": "1.0"}
    assert (made.verb, made.before, made.prefix) == ("create", "", str(prefix))
    assert made.lock.specs == ("tool", "smallpkg>=1.1,<2")
    assert made.lock.channels == (tiny.as_uri(),)
    assert made.download_bytes == sum(package.size for package in made.lock.packages) > 0
    assert all(text.startswith("__") and text.count("=") == 2 for text in made.lock.virtual_packages)
    assert not prefix.exists()


def test_a_request_for_another_platform(own: Settings, prefix: Path) -> None:
    """py-rattler looks past the subdir, and would take this machine's package."""
    other = "osx-64" if host_subdir() != "osx-64" else "win-64"
    with pytest.raises(InvalidRequest, match=other):
        in_child(solve.plan, CreateEnvironment(prefix=str(prefix), specs=(f"helper[subdir={other}]",)), own)
    for subdir in ("noarch", host_subdir()):
        request = CreateEnvironment(prefix=str(prefix), specs=(f"helper[subdir={subdir}]",))
        assert [package.name for package in in_child(solve.plan, request, own).lock.packages] == ["helper"]


def test_operators_stay_as_they_were_written(own: Settings, prefix: Path, tiny: Path) -> None:
    specs = ("smallpkg=1.0=py36_0", "libbase[version='>=1,<2']", f"{tiny.as_uri()}::helper")
    made = plan(CreateEnvironment(prefix=str(prefix), specs=specs), own)
    assert [str(package) for package in made.lock.packages] == ["helper 1.0 0", "libbase 1.5 0", "smallpkg 1.0 py36_0"]
    assert made.lock.specs == specs


def test_a_plan_is_the_same_each_time_and_as_json(own: Settings, prefix: Path) -> None:
    request = CreateEnvironment(prefix=str(prefix), specs=("tool", "smallpkg", "cyclic-a"))
    made = plan(request, own)
    assert plan(request, own) == made
    assert [package.name for package in made.lock.packages] == sorted(package.name for package in made.lock.packages)
    assert msgspec.json.decode(msgspec.json.encode(made), type=Plan) == made


def test_what_is_in_the_cache_need_not_be_fetched(own: Settings, prefix: Path, tmp_path: Path) -> None:
    create(tmp_path / "envs" / "other", "helper", settings=own)
    made = plan(CreateEnvironment(prefix=str(prefix), specs=("helper", "libbase")), own)
    assert made.download_bytes == next(package.size for package in made.lock.packages if package.name == "libbase")


def test_the_machine_chooses_the_variant(own: Settings, prefix: Path) -> None:
    request = CreateEnvironment(prefix=str(prefix), specs=("gpudemo",))
    with_gpu, without = (plan(request, own, CONDA_OVERRIDE_CUDA=version) for version in ("12.4", ""))
    assert [package.build for package in (*with_gpu.lock.packages, *without.lock.packages)] == ["cuda_200", "cpu_0"]
    assert "__cuda=12.4=0" in with_gpu.lock.virtual_packages


def test_a_place_that_is_taken(own: Settings, prefix: Path) -> None:
    create(prefix, "helper", settings=own)
    for request in (
        CreateEnvironment(prefix=str(prefix)),
        StackEnvironment(prefix=str(prefix), base=str(prefix)),
    ):
        with pytest.raises(AlreadyExists, match=str(prefix)):
            plan(request, own)
    folder = prefix.with_name("folder")
    folder.mkdir()
    assert plan(CreateEnvironment(prefix=str(folder)), own).changes == ()
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(AlreadyExists, match="not an empty folder"):
        plan(CreateEnvironment(prefix=str(folder)), own)
    with pytest.raises(Refused, match=r"notes\.txt cannot be written"):
        plan(CreateEnvironment(prefix=str(folder / "notes.txt" / "env")), own)


@pytest.mark.parametrize(
    "place", ["relative/env", "/a/../b", "/", "/tmp/with:colon", "/tmp/with#hash", "/tmp/new\nline"]
)
def test_a_place_that_cannot_be(place: str, own: Settings) -> None:
    with pytest.raises(InvalidRequest):
        solve.plan(CreateEnvironment(prefix=place), own)


# --- from a lock ---


def lock(own: Settings, prefix: Path, *specs: str) -> Lock:
    return plan(CreateEnvironment(prefix=str(prefix), specs=specs), own).lock


def test_an_environment_from_a_lock_is_that_lock(own: Settings, prefix: Path, tmp_path: Path) -> None:
    given = lock(own, prefix, "libbase=1.0", "helper")
    unreachable = replace(own, channels=("http://127.0.0.1:1",))
    made = plan(CreateEnvironment(prefix=str(prefix), lock=given), unreachable)
    assert made.lock == given
    result, _ = operate(CreateEnvironment(prefix=str(prefix), lock=given), unreachable)
    assert isinstance(result, Changed)
    assert (prefix / "share" / "libbase.txt").read_text() == "libbase 1.0 0\n"


def test_a_lock_that_does_not_fit(own: Settings, prefix: Path) -> None:
    given = lock(own, prefix, "helper")
    with pytest.raises(InvalidRequest, match="osx-arm64"):
        plan(CreateEnvironment(prefix=str(prefix), lock=replace(given, platform="osx-arm64")), own)
    with pytest.raises(InvalidRequest, match="not from both"):
        plan(CreateEnvironment(prefix=str(prefix), lock=given, specs=("libbase",)), own)
    escaping = replace(given.packages[0], file_name="../../helper.conda")
    with pytest.raises(InvalidRequest, match="the lock: "):
        plan(CreateEnvironment(prefix=str(prefix), lock=replace(given, packages=(escaping,))), own)


# --- add, update ---


def test_adding_moves_nothing_that_can_stay(own: Settings, prefix: Path) -> None:
    create(prefix, "libbase=1.0", "smallpkg<2", settings=own)
    made = change(prefix, own, add=("tool",))
    assert told(made) == {"helper": "add", "tool": "add"}
    assert versions(made)["libbase"] == "1.0"
    assert made.lock.specs == ("libbase=1.0", "smallpkg<2", "tool")


def test_adding_names_what_must_move(own: Settings, prefix: Path) -> None:
    create(prefix, "app=1", settings=own)
    made = plan(ChangePackages(prefix=str(prefix), add=("app=2",)), own)
    assert told(made) == {"app": "upgrade", "libbase": "upgrade"}
    assert made.lock.specs == ("app=2",), "a request replaces the one for the same package"
    back = plan(ChangePackages(prefix=str(prefix), add=("libbase=1.0",)), own)
    assert told(back) == {"libbase": "downgrade"}


def test_another_build_of_the_same_version(own: Settings, prefix: Path) -> None:
    create(prefix, "smallpkg=1.0=0", settings=own)
    assert told(plan(ChangePackages(prefix=str(prefix), add=("smallpkg=1.0=py36_0",)), own)) == {"smallpkg": "rebuild"}


def test_updating_moves_what_is_named(own: Settings, prefix: Path) -> None:
    create(prefix, "libbase<2", "smallpkg=1.0", settings=own)
    change(prefix, own, add=("libbase=*", "smallpkg=*"))
    made = plan(ChangePackages(prefix=str(prefix), update=("libbase",)), own)
    assert told(made) == {"libbase": "upgrade"}
    assert made.verb == "update"
    assert told(plan(ChangePackages(prefix=str(prefix), update=("LibBase", "smallpkg")), own)) == {
        "libbase": "upgrade",
        "smallpkg": "upgrade",
    }


def test_updating_does_not_ask_for_what_was_only_needed(own: Settings, prefix: Path) -> None:
    create(prefix, "tool", "libbase=1.0", settings=own)
    made = plan(ChangePackages(prefix=str(prefix), update=("helper",)), own)
    assert made.changes == ()
    assert made.lock.specs == ("tool", "libbase=1.0")


def test_updating_keeps_to_what_was_asked_for(own: Settings, prefix: Path) -> None:
    create(prefix, "libbase=1", settings=own)
    assert plan(ChangePackages(prefix=str(prefix), update=("libbase",)), own).changes == ()


# --- remove ---


def test_removing_takes_what_only_it_needed_and_asks_no_channel(own: Settings, prefix: Path) -> None:
    create(prefix, "tool", "libbase", settings=own)
    unreachable = replace(own, channels=("http://127.0.0.1:1",))
    made = change(prefix, unreachable, remove=("tool",))
    assert told(made) == {"helper": "remove", "tool": "remove"}
    assert made.lock.specs == ("libbase",)
    assert sorted(path.name for path in (prefix / "share").iterdir()) == ["libbase.txt"]


def test_removing_leaves_what_nobody_asked_for_and_it_did_not_need(own: Settings, prefix: Path) -> None:
    """As in an environment that another tool made, whose history tells only of a part."""
    create(prefix, "tool", "smallpkg", "libbase", settings=own)
    for revision in (prefix / "conda-meta" / "condaenv" / "revisions").iterdir():
        revision.unlink()
    (prefix / "conda-meta" / "history").write_text("==> 2026-01-01 00:00:00 <==\n# update specs: ['libbase']\n")
    assert told(plan(ChangePackages(prefix=str(prefix), remove=("tool",)), own)) == {
        "helper": "remove",
        "tool": "remove",
    }


def test_removing_what_others_need(own: Settings, prefix: Path) -> None:
    create(prefix, "tool", "cyclic-a", settings=own)
    before = contents(prefix)
    with pytest.raises(Refused, match="libbase is needed by tool") as caught:
        change(prefix, own, remove=("libbase",))
    assert caught.value.details["needed_by"] == {"libbase": ["tool"]}
    with pytest.raises(Refused, match="libbase is needed by tool"):
        change(prefix, own, remove=("libbase",), add=("smallpkg",))
    assert contents(prefix) == before
    assert told(plan(ChangePackages(prefix=str(prefix), remove=("cyclic-a",)), own)) == {
        "cyclic-a": "remove",
        "cyclic-b": "remove",
    }


@pytest.mark.parametrize(
    ("what", "error", "text"),
    [
        ({"remove": ("nosuch",)}, NotFound, "nosuch is not installed in project"),
        ({"update": ("nosuch", "nor-this")}, NotFound, "nor-this and nosuch are not installed"),
        ({"update": ("helper>=1",)}, InvalidRequest, "more than the name"),
        ({}, InvalidRequest, "changes nothing"),
        ({"add": ("helper=1",), "remove": ("helper",)}, InvalidRequest, "helper cannot both go and stay"),
        ({"add": ("help er[",)}, InvalidRequest, "'help er\\['"),
        ({"add": ("app=1", "libbase=2")}, Unsatisfiable, "libbase >=1,<2"),
    ],
    ids=str,
)
def test_a_change_that_cannot_be(what: Any, error: Any, text: str, own: Settings, prefix: Path) -> None:
    create(prefix, "helper", settings=own)
    before = contents(prefix)
    with pytest.raises(error, match=text) as caught:
        change(prefix, own, **what)
    assert "Traceback" not in f"{caught.value.failure()}"
    assert contents(prefix) == before


def test_changing_what_is_no_environment(own: Settings, prefix: Path) -> None:
    with pytest.raises(NotFound, match=str(prefix)):
        plan(ChangePackages(prefix=str(prefix), add=("helper",)), own)


# --- apply ---


def test_a_plan_is_applied_as_it_was_shown_or_not_at_all(own: Settings, prefix: Path) -> None:
    create(prefix, "libbase=1.0", settings=own)
    planned, _ = operate(
        PlanRequest(prefix=str(prefix), request=ChangePackages(prefix=str(prefix), add=("helper",))), own
    )
    assert isinstance(planned, Planned)
    result, _ = operate(ApplyPlan(prefix=str(prefix), plan=planned.plan), own)
    assert isinstance(result, Changed)
    assert result.plan == planned.plan
    assert (prefix / "share" / "helper.txt").exists()
    with pytest.raises(Outdated):
        operate(ApplyPlan(prefix=str(prefix), plan=planned.plan), own)


@pytest.mark.slow
def test_a_plan_is_outdated_by_what_pip_has_and_by_what_is_pinned(
    settings: Callable[..., Settings], prefix: Path, tmp_path: Path
) -> None:
    channel = tmp_path / "channel"
    for name, version in (("python", "3.11.0"), ("lib", "1.0"), ("lib", "2.0"), ("tool", "1.0")):
        generic(channel, name, version)
    index(channel)
    own = settings(channels=(channel.as_uri(),))
    create(prefix, "python", "tool", settings=own)
    pinned, info = prefix / "conda-meta/pinned", prefix / "lib/python3.11/site-packages/usertool-1.0.dist-info"
    pinned.write_text("# nothing yet\n")
    shown = plan(ChangePackages(prefix=str(prefix), add=("lib=1",)), own)
    plans.check_current(shown)

    pinned.write_text("lib 2.*\n")
    with pytest.raises(Outdated, match="has changed since"):
        operate(ApplyPlan(prefix=str(prefix), plan=shown), own)
    with pytest.raises(Outdated, match="has changed since"):
        plans.check_waiting(shown)
    pinned.write_text("# nothing any more\n")
    plans.check_current(shown)  # what holds is the same

    for version in ("1.0", "2.0"):
        info.mkdir(parents=True, exist_ok=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: usertool\nVersion: {version}\n")
        with pytest.raises(Outdated, match="has changed since"):
            operate(ApplyPlan(prefix=str(prefix), plan=shown), own)
        plans.check_waiting(shown)  # it is carried along
        shown = plan(ChangePackages(prefix=str(prefix), add=("lib=1",)), own)
    result, _ = operate(ApplyPlan(prefix=str(prefix), plan=shown), own)
    assert isinstance(result, Changed) and told(result.plan) == {"lib": "add"}


def test_a_plan_for_a_place_that_has_been_taken_since(own: Settings, prefix: Path) -> None:
    planned = plan(CreateEnvironment(prefix=str(prefix), specs=("helper",)), own)
    prefix.mkdir(parents=True)
    (prefix / "notes.txt").write_text("mine")
    with pytest.raises(AlreadyExists):
        operate(ApplyPlan(prefix=str(prefix), plan=planned), own)
    assert (prefix / "notes.txt").read_text() == "mine"


# --- channels ---


def test_no_channel_an_empty_one_and_one_that_is_not_there(own: Settings, prefix: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    index(empty)
    with pytest.raises(Unsatisfiable, match="nothing that fits"):
        plan(CreateEnvironment(prefix=str(prefix), specs=("helper",), channels=(empty.as_uri(),)), own)
    with pytest.raises(ChannelError, match="nowhere"):
        plan(CreateEnvironment(prefix=str(prefix), specs=("helper",), channels=(f"{tmp_path}/nowhere",)), own)
    with pytest.raises(Unsatisfiable):
        plan(CreateEnvironment(prefix=str(prefix), specs=("helper",)), replace(own, channels=()))


def test_a_server_that_nobody_runs(own: Settings, prefix: Path) -> None:
    with pytest.raises(ChannelError, match=r"127\.0\.0\.1:1\b.*refused"):
        plan(CreateEnvironment(prefix=str(prefix), specs=("helper",), channels=("http://127.0.0.1:1/c",)), own)


def test_channels_are_kept_and_others_come_after(own: Settings, prefix: Path, tmp_path: Path, tiny: Path) -> None:
    more = tmp_path / "more"
    generic(more, "extra", "1.0")
    generic(more, "smallpkg", "9.0")
    index(more)
    create(prefix, "helper", settings=own)
    made = plan(ChangePackages(prefix=str(prefix), add=("extra", "smallpkg"), channels=(str(more),)), own)
    assert made.lock.channels == (tiny.as_uri(), more.as_uri())
    assert versions(made) == {"extra": "1.0", "helper": "1.0", "smallpkg": "2.0"}
    loose = replace(own, channel_priority="disabled")
    made = plan(ChangePackages(prefix=str(prefix), add=("smallpkg",), channels=(str(more),)), loose)
    assert versions(made)["smallpkg"] == "9.0"


def test_a_channel_named_in_a_spec_is_found_by_our_names_for_it(
    own: Settings, prefix: Path, tmp_path: Path, tiny: Path
) -> None:
    more = tmp_path / "mirror" / "team" / "more"
    generic(more, "smallpkg", "9.0")
    index(more)
    mirrored = replace(own, channel_alias=(tmp_path / "mirror").as_uri())
    made = plan(CreateEnvironment(prefix=str(prefix), specs=("helper", "team/more::smallpkg")), mirrored)
    assert versions(made) == {"helper": "1.0", "smallpkg": "9.0"}
    assert made.lock.channels == (tiny.as_uri(), more.as_uri())
    assert made.lock.specs == ("helper", "team/more::smallpkg")
    with pytest.raises(InvalidRequest, match="several channels"):
        plan(CreateEnvironment(prefix=str(prefix), specs=("defaults::helper",)), mirrored)


def test_condarc_names_allows_and_denies_channels(own: Settings, prefix: Path, tmp_path: Path, tiny: Path) -> None:
    rc = tmp_path / "condarc"
    rc.write_text(f"custom_multichannels: {{ours: ['{tiny}']}}\ndefault_channels: ['{tiny.as_uri()}']\n")
    for channel in ("ours", "defaults"):
        made = plan(CreateEnvironment(prefix=str(prefix), specs=("helper",), channels=(channel,)), own, CONDARC=str(rc))
        assert made.lock.channels == (tiny.as_uri(),)
    for line in (f"denylist_channels: ['{tiny}']", "allowlist_channels: [conda-forge]"):
        rc.write_text(line)
        with pytest.raises(Refused, match="may not be used here"):
            plan(CreateEnvironment(prefix=str(prefix), specs=("helper",)), own, CONDARC=str(rc))
    rc.write_text(f"allowlist_channels: ['{tiny}']")
    assert plan(CreateEnvironment(prefix=str(prefix), specs=("helper",)), own, CONDARC=str(rc)).lock.packages


def test_what_condarc_denies_comes_by_no_other_way(own: Settings, prefix: Path, tmp_path: Path, tiny: Path) -> None:
    """By its URL, locked, planned, or because it was there once; what is installed is still of use."""
    free, there = tmp_path / "free", str(tmp_path / "envs" / "there")
    generic(free, "other", "1.0")
    index(free)
    operate(CreateEnvironment(prefix=there, specs=("helper", "libbase")), own)
    operate(ChangePackages(prefix=there, remove=("helper",)), own)
    planned, _ = operate(PlanRequest(prefix=there, request=ChangePackages(prefix=there, add=("helper",))), own)
    assert isinstance(planned, Planned)
    (package,) = (one for one in planned.plan.lock.packages if one.name == "helper")
    url = package.url.replace("/noarch/", "//noarch/")
    explicit = specfiles.read("e.txt", f"@EXPLICIT\n{url}#{package.md5}\n")
    anew = (
        CreateEnvironment(prefix=str(prefix), specs=("other", package.url), channels=(str(free),)),
        specfiles.creation(explicit, "e.txt", str(prefix)),
    )
    rc = tmp_path / "condarc"
    for rule, requests in (
        (f"allowlist_channels: ['{free}']", anew),
        (
            f"denylist_channels: ['{tiny}']",
            (
                *anew,
                CreateEnvironment(prefix=str(prefix), lock=planned.plan.lock),
                Rollback(prefix=there, revision=1),
                ApplyPlan(prefix=there, plan=planned.plan),
            ),
        ),
    ):
        rc.write_text(rule)
        for request in requests:
            with pytest.raises(Refused, match=f"{tiny.as_uri()} may not be used here"):
                operate(request, own, env={"CONDARC": str(rc)})
    operate(ChangePackages(prefix=there, remove=("libbase",)), own, env={"CONDARC": str(rc)})


def test_a_lock_does_not_hide_where_a_package_is_from(own: Settings, prefix: Path, tmp_path: Path, tiny: Path) -> None:
    lock = plan(CreateEnvironment(prefix=str(prefix), specs=("helper",)), own).lock
    free = (tmp_path / "free").as_uri()
    lying = replace(lock, channels=(free,), packages=tuple(replace(package, channel=free) for package in lock.packages))
    rc = tmp_path / "condarc"
    for rule in (f"denylist_channels: ['{tiny}']", f"allowlist_channels: ['{free}']"):
        rc.write_text(rule)
        with pytest.raises(Refused, match=f"{tiny.as_uri()} may not be used here"):
            plan(CreateEnvironment(prefix=str(prefix), lock=lying), own, CONDARC=str(rc))


@pytest.mark.parametrize(
    "channel",
    [
        *("https://me:canary-1@host/channel", "https://host/t/canary-1/channel", "https://host/t/canary-1"),
        *("host/t/canary-1/channel", "https://host/channel?token=canary-1", "https://me:a/canary-1@host/channel"),
    ],
)
def test_a_secret_in_a_channel_is_refused_and_not_told(channel: str, own: Settings, prefix: Path) -> None:
    """In a request or a trait; `.condarc` is the person's own, see `test_network.py`."""
    alias = replace(own, channel_alias=channel)
    for settings, request in (
        (own, CreateEnvironment(prefix=str(prefix), specs=("helper",), channels=(channel,))),
        (own, CreateEnvironment(prefix=str(prefix), specs=(f"{channel}::helper",))),
        (alias, CreateEnvironment(prefix=str(prefix), specs=("helper",), channels=("ours",))),
    ):
        with pytest.raises(InvalidRequest) as caught:
            plan(request, settings)
        assert "canary" not in f"{caught.value.failure()}"


def test_a_login_leaves_no_trace(own: Settings, prefix: Path, tiny: Path, tmp_path: Path) -> None:
    with ChannelServer(tiny, token="canary-1") as server:
        host = server.url.removeprefix("http://").partition(":")[0]
        (tmp_path / "home").mkdir(exist_ok=True)
        (tmp_path / "home" / ".netrc").write_text(f"machine {host} login me password canary-1\n")
        (tmp_path / "home" / ".netrc").chmod(0o600)
        request = CreateEnvironment(prefix=str(prefix), specs=("tool",), channels=(server.url,))
        result, events = operate(request, own, env={"HOME": str(tmp_path / "home"), "NETRC": None})
    assert (prefix / "share" / "tool.txt").exists()
    assert b"canary" not in msgspec.json.encode([result, events])
    assert b"canary" not in contents(tmp_path / "envs")
    assert b"canary" not in contents(tmp_path / "cache")


@pytest.mark.parametrize(
    ("specs", "told"),
    [
        (("smalpkg",), "No channel has a package called smalpkg: did you mean smallpkg?"),
        (("pip",), "No channel has a package called pip, which all that pip is asked for needs"),
        (("Small_Pkg >=1", "helper"), "called small_pkg: did you mean smallpkg?"),
        (("smalpkg", "zzzzzz"), "called zzzzzz. Relax"),
        (("helper", "smallpkg=9"), "There is smallpkg 2.0, 1.1, 1.0."),
        (("smallpkg=1.0=py99_0",), "There is smallpkg 1.0=py36_0, 1.0=0."),
        (("smallpkg=9=py99_0",), "There is smallpkg 2.0, 1.1, 1.0."),
    ],
)
def test_what_no_channel_has_is_told_with_what_there_is(
    specs: tuple[str, ...], told: str, own: Settings, prefix: Path
) -> None:
    with pytest.raises(Unsatisfiable) as caught:
        create(prefix, *specs, settings=own)
    assert told in caught.value.hint


def test_of_several_channels_the_one_that_fails_is_named(tiny: Path, own: Settings, prefix: Path) -> None:
    there, gone = tiny.as_uri(), f"{tiny.as_uri()}-gone"
    with pytest.raises(ChannelError) as caught:
        create(prefix, "helper", settings=replace(own, channels=(there, gone)))
    assert caught.value.message.startswith(f"A channel could not be read ({gone}): ")
    assert caught.value.details["channels"] == [gone]
    package = "https://127.0.0.1:1/noarch/smallpkg-1.0-0.conda"
    with pytest.raises(ChannelError) as caught:
        create(prefix, package, settings=own)
    assert caught.value.message.startswith(f"A package could not be read ({package}): ")


@pytest.mark.parametrize("form", ["{}::helper", "helper[channel={}]", "{}::helper >=1"])
def test_a_channel_in_a_spec_may_be_a_path(
    form: str, tiny: Path, settings: Callable[..., Settings], prefix: Path
) -> None:
    made = plan(
        CreateEnvironment(prefix=str(prefix), specs=(form.format(tiny),), channels=(tiny.as_uri(),)), settings()
    )
    assert [package.name for package in made.lock.packages] == ["helper"]
    with pytest.raises(InvalidRequest, match="depends on the folder"):
        plan(CreateEnvironment(prefix=str(prefix), specs=(form.format("./tiny"),)), settings())
