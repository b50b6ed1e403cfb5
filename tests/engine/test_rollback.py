"""Going back to an earlier revision: the same files as then, without a solve, and nobody's own files lost."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from jupyter_condaenv.engine import bases, deferred, history, stack
from jupyter_condaenv.engine.errors import Broken, ChannelError, NotFound, Outdated, Refused
from jupyter_condaenv.engine.model import (
    AnyEvent,
    ApplyDeferred,
    ApplyPlan,
    Base,
    Changed,
    ChangePackages,
    CreateEnvironment,
    Deferred,
    DropDeferred,
    Dropped,
    Lock,
    Message,
    Package,
    PipPackage,
    Plan,
    Planned,
    PlanRequest,
    Rollback,
    Settings,
    StackEnvironment,
    Variable,
    digest,
    known_by_name,
)
from jupyter_condaenv.engine.prefix import variables
from tests.channel import ChannelServer

from . import packages
from .child import in_child, operate
from .harness import leftovers, poll, problems, settled, tree

CHANGES: tuple[dict[str, tuple[str, ...]], ...] = (
    {"add": ("alpha=2.0",)},
    {"add": ("beta", "gamma")},
    {"add": ("shape=2.0",)},
    {"remove": ("gamma",)},
    {"add": ("shape=3.0", "alpha=1.0")},
    {"add": ("shape=1.0",), "remove": ("beta",)},
)


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    return tmp_path / "envs" / "demo"


def made(prefix: Path, settings: Settings, *specs: str) -> None:
    operate(CreateEnvironment(prefix=str(prefix), specs=specs), settings)


def change(prefix: Path, settings: Settings, **what: Any) -> None:
    result, _ = operate(ChangePackages(prefix=str(prefix), **what), settings)
    assert isinstance(result, Changed)


def back(prefix: Path, settings: Settings, revision: int = 0) -> Changed:
    result, _ = operate(Rollback(prefix=str(prefix), revision=revision), settings)
    assert isinstance(result, Changed)
    settled(prefix)
    return result


def files(prefix: Path) -> dict[str, tuple[object, ...]]:
    return tree(prefix, ours=False)


def test_each_state_comes_back_as_it_was(little_settings: Settings, prefix: Path, little: Path) -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    chance = random.Random(seed)
    made(prefix, little_settings, "alpha=1.0", "shape=1.0")
    (prefix / "notes").write_text("mine\n")
    states = {1: (files(prefix), history.current_lock(prefix))}
    for number, what in enumerate(CHANGES, 2):
        change(prefix, little_settings, **what)
        settled(prefix)
        states[number] = (files(prefix), history.current_lock(prefix))
    offline = replace(little_settings, channels=("https://nowhere.invalid",))
    last = len(states)
    for number in chance.sample(range(1, last + 1), last):
        was, lock = states[number]
        if files(prefix) == was:
            continue
        result = back(prefix, offline, number)
        last += 1
        assert (result.revision, result.plan.verb, result.plan.download_bytes) == (last, "rollback", 0)
        assert files(prefix) == was, f"seed {seed}: revision {number}"
        assert history.current_lock(prefix) == lock
        assert problems(prefix, "notes") == []
    latest = history.latest(prefix)
    assert latest is not None
    assert (latest.number, latest.verb) == (last, "rollback")


def test_a_link_to_a_folder_gives_way_to_a_folder(little_settings: Settings, prefix: Path) -> None:
    """What is seen through the link is the package's, and nobody's to be kept."""
    made(prefix, little_settings, "shape=3.0")
    change(prefix, little_settings, add=("shape=2.0",))
    assert not list(prefix.rglob("*.saved-*"))
    assert problems(prefix) == []


def test_without_a_number_it_undoes_and_then_redoes(little_settings: Settings, prefix: Path) -> None:
    made(prefix, little_settings, "alpha=1.0")
    old = files(prefix)
    change(prefix, little_settings, add=("alpha=2.0",))
    new = files(prefix)
    for number, state in [(3, old), (4, new), (5, old)]:
        assert back(prefix, little_settings).revision == number
        assert files(prefix) == state


def test_what_another_tool_did_is_undone_too(little_settings: Settings, prefix: Path) -> None:
    made(prefix, little_settings, "alpha=1.0", "gamma")
    was = files(prefix)
    (prefix / "share/gamma/g.txt").unlink()
    for record in (prefix / "conda-meta").glob("gamma-*.json"):
        record.unlink()
    assert back(prefix, little_settings).revision == 2
    assert files(prefix) == was


def test_a_plan_is_applied_as_shown(little_settings: Settings, prefix: Path) -> None:
    made(prefix, little_settings, "alpha=1.0")
    change(prefix, little_settings, add=("gamma",))
    request = Rollback(prefix=str(prefix), revision=1)
    planned, _ = operate(PlanRequest(prefix=str(prefix), request=request), little_settings)
    assert isinstance(planned, Planned)
    plan: Plan = planned.plan
    assert ([(each.kind, each.name) for each in plan.changes], plan.verb) == ([("remove", "gamma")], "rollback")
    done, _ = operate(ApplyPlan(prefix=str(prefix), plan=plan), little_settings)
    assert isinstance(done, Changed)
    assert history.readable(prefix)[0][-1].verb == "rollback"
    change(prefix, little_settings, add=("gamma",))
    change(prefix, little_settings, add=("alpha=2.0",))
    with pytest.raises(Outdated):
        operate(ApplyPlan(prefix=str(prefix), plan=plan), little_settings)


def test_what_cannot_be_gone_back_to(little_settings: Settings, prefix: Path) -> None:
    with pytest.raises(NotFound, match="no environment"):
        back(prefix, little_settings, 1)
    made(prefix, little_settings, "alpha=1.0")
    was = tree(prefix)
    with pytest.raises(NotFound, match="demo has no revision 2"):
        back(prefix, little_settings, 2)
    with pytest.raises(Refused, match="as it was at revision 1 already"):
        back(prefix, little_settings, 1)
    with pytest.raises(NotFound, match="has not been otherwise"):
        back(prefix, little_settings)
    assert tree(prefix) == was


@pytest.mark.parametrize(
    "content", [b"", b'{"number": 2, "ti', b"\xff\x00", None], ids=["empty", "half", "bytes", "folder"]
)
@pytest.mark.slow
def test_a_damaged_revision_hides_no_other(content: bytes | None, little_settings: Settings, prefix: Path) -> None:
    made(prefix, little_settings, "alpha=1.0")
    was = files(prefix)
    for what in ("gamma", "alpha=2.0"):
        change(prefix, little_settings, add=(what,))
    damaged = prefix / "conda-meta/condaenv/revisions/0002.json"
    damaged.unlink()
    damaged.mkdir() if content is None else damaged.write_bytes(content)
    found, lost = history.readable(prefix)
    assert ([one.number for one in found], list(map(history.number_of, lost))) == ([1, 3], [2])
    with pytest.raises(Broken, match=r"0002\.json is damaged") as caught:
        back(prefix, little_settings, 2)
    assert "Mending puts it aside" in caught.value.hint
    with pytest.raises(Broken, match="Revision 2 of demo is damaged, and may be"):
        back(prefix, little_settings)
    assert back(prefix, little_settings, 1).revision == 4
    assert files(prefix) == was
    assert back(prefix, little_settings).revision == 5, "back to 3, which is later than the damaged one"


@pytest.mark.slow
def test_variables_come_back_too(little_settings: Settings, prefix: Path) -> None:
    made(prefix, little_settings, "alpha=1.0")
    one, two = (Variable(name="MODE", value=value) for value in ("dry", "wet"))
    change(prefix, little_settings, variables=(one,))
    change(prefix, little_settings, variables=(two, Variable(name="MORE", value="1")), add=("gamma",))
    assert [len(each.variables or ()) for each in history.readable(prefix)[0]] == [0, 1, 2]
    result = back(prefix, little_settings)
    assert (result.plan.variables, result.plan.unset, result.plan.words) == ((one,), ("MORE",), "rollback to 2")
    assert variables(prefix) == {"MODE": "dry"}
    back(prefix, little_settings, 3)
    assert variables(prefix) == {"MODE": "wet", "MORE": "1"}
    back(prefix, little_settings, 1)
    assert variables(prefix) == {}
    with pytest.raises(Refused, match="as it was at revision 1 already"):
        back(prefix, little_settings, 1)
    back(prefix, little_settings, 2)
    assert variables(prefix) == {"MODE": "dry"}, "where only they differ"


def test_a_plan_keeps_no_variable_with_a_login(little_settings: Settings, prefix: Path) -> None:
    made(prefix, little_settings, "alpha=1.0")
    kept = (Variable(name="INDEX", value="https://me:canary@host/simple"), Variable(name="MODE", value="dry"))
    change(prefix, little_settings, variables=kept)
    now = (Variable(name="INDEX", value="https://host/other"), Variable(name="MODE", value="wet"))
    change(prefix, little_settings, variables=now, add=("gamma",))
    request = PlanRequest(prefix=str(prefix), request=Rollback(prefix=str(prefix), revision=2))
    planned, told = operate(request, little_settings)
    assert isinstance(planned, Planned) and "canary" not in str(planned)
    (warning,) = warnings(told)
    assert warning.endswith("as they are: INDEX")
    operate(ApplyPlan(prefix=str(prefix), plan=planned.plan), little_settings)
    assert variables(prefix) == {"INDEX": "https://host/other", "MODE": "dry"}
    operate(Rollback(prefix=str(prefix), revision=2), little_settings)
    assert variables(prefix) == {one.name: one.value for one in kept}


def test_of_a_state_without_them_variables_stay(little_settings: Settings, prefix: Path) -> None:
    """As revisions were before variables were noted."""
    made(prefix, little_settings, "alpha=1.0")
    path = prefix / "conda-meta/condaenv/revisions/0001.json"
    known = json.loads(path.read_text())
    path.write_text(json.dumps({key: value for key, value in known.items() if key not in ("variables", "words")}))
    change(prefix, little_settings, add=("gamma",), variables=(Variable(name="MODE", value="dry"),))
    back(prefix, little_settings, 1)
    assert variables(prefix) == {"MODE": "dry"}


def test_a_change_on_top_of_a_rollback_that_waits(little_settings: Settings, prefix: Path) -> None:
    """What is done in the end is told with all that it does, and what is given up as well."""
    made(prefix, little_settings, "alpha=1.0")
    change(prefix, little_settings, add=("alpha=2.0",), variables=(Variable(name="MODE", value="dry"),))
    with kernel_of(prefix):
        waits, _ = operate(Rollback(prefix=str(prefix), revision=1), little_settings)
        assert isinstance(waits, Deferred)
        for number in (0, 2):
            with pytest.raises(Refused, match="rollback to 1") as caught:
                back(prefix, little_settings, number)
            assert caught.value.details["waiting"] == "rollback to 1"
        waits, told = operate(ChangePackages(prefix=str(prefix), add=("gamma",)), little_settings)
        assert isinstance(waits, Deferred) and not warnings(told)
    done, _ = operate(ApplyDeferred(prefix=str(prefix)), little_settings)
    assert isinstance(done, Changed)
    latest = history.latest(prefix)
    assert latest is not None
    assert (latest.words, latest.verb) == ("rollback to 1, then add gamma", "add")
    assert {package.name: package.version for package in latest.lock.packages} == {"alpha": "1.0", "gamma": "1.0"}
    assert variables(prefix) == {}, "what waited is done as a whole"


def test_what_waits_is_given_up_when_that_is_said_or_goes_back_further(little_settings: Settings, prefix: Path) -> None:
    made(prefix, little_settings, "alpha=1.0")
    change(prefix, little_settings, add=("gamma",))
    with kernel_of(prefix):
        operate(ChangePackages(prefix=str(prefix), add=("alpha=2.0",)), little_settings)
        _, told = operate(Rollback(prefix=str(prefix), revision=1), little_settings)
    assert warnings(told) == ["What waited is given up: add alpha=2.0"]
    dropped, _ = operate(DropDeferred(prefix=str(prefix)), little_settings)
    assert isinstance(dropped, Dropped) and dropped.plan.words == "rollback to 1"
    assert deferred.read(prefix) is None
    with pytest.raises(NotFound, match="No change of demo waits"):
        operate(DropDeferred(prefix=str(prefix)), little_settings)


def test_what_waits_comes_from_no_channel_that_has_been_denied_since(
    little_settings: Settings, prefix: Path, tmp_path: Path
) -> None:
    made(prefix, little_settings, "alpha=1.0")
    with kernel_of(prefix):
        operate(ChangePackages(prefix=str(prefix), add=("alpha=2.0",)), little_settings)
    rc = tmp_path / "condarc"
    rc.write_text(f"denylist_channels: ['{little_settings.channels[0]}']")
    with pytest.raises(Refused, match="may not be used here"):
        operate(ApplyDeferred(prefix=str(prefix)), little_settings, env={"CONDARC": str(rc)})
    done, _ = operate(ApplyDeferred(prefix=str(prefix)), little_settings)
    assert isinstance(done, Changed), "it waits for as long as nobody gives it up"


@contextmanager
def kernel_of(prefix: Path) -> Iterator[None]:
    """A process that looks from outside like a kernel of the environment, and does nothing."""
    shim = prefix.parent / "shim.py"
    shim.write_text("import sys; sys.stdin.read()")
    with subprocess.Popen([sys.executable, str(shim), str(prefix), ""], stdin=subprocess.PIPE) as process:
        poll(lambda: deferred.living_kernels(prefix) == (process.pid,))
        yield
        process.communicate()


def messages(told: Iterable[AnyEvent]) -> list[str]:
    return [event.text for event in told if isinstance(event, Message)]


def warnings(told: Iterable[AnyEvent]) -> list[str]:
    return [event.text for event in told if isinstance(event, Message) and event.level == "warning"]


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["file", "http"])
def test_archives_that_are_nowhere_are_named(
    scheme: str, tmp_path: Path, prefix: Path, settings: Callable[..., Settings]
) -> None:
    """All of them, and not those that could still be had."""
    channel = packages.write(tmp_path / "channel")
    with ChannelServer(channel) as server:
        ours = settings(channels=(channel.as_uri() if scheme == "file" else server.url,))
        made(prefix, ours, "alpha=1.0", "gamma", "wide=1.0")
        change(prefix, ours, add=("alpha=2.0", "wide=2.0"), remove=("gamma",))
        settled(prefix)
        was = tree(prefix)
        archives = {name: channel / "noarch" / f"{name}-1.0-0.conda" for name in ("alpha", "gamma", "wide")}
        kept = {name: path.read_bytes() for name, path in archives.items()}
        archives["alpha"].unlink()
        archives["wide"].unlink()
        empty = replace(ours, cache_dir=str(tmp_path / "empty"))
        with pytest.raises(ChannelError, match=r"alpha 1\.0 0, wide 1\.0 0: neither in the package cache") as caught:
            back(prefix, empty, 1)
        assert caught.value.details["packages"] == ["alpha", "wide"]
        assert tree(prefix) == was and leftovers(prefix) == []
        for name, path in archives.items():
            path.write_bytes(kept[name])
        back(prefix, empty, 1)
        assert problems(prefix) == []


def test_an_overlay_goes_back_on_the_same_base(real_settings: Settings, tmp_path: Path) -> None:
    base, top = (Path(real_settings.envs_dirs[0]) / name for name in ("base-env", "top"))
    made(base, real_settings, "python", "smallpkg=1.0")
    operate(StackEnvironment(prefix=str(top), base=str(base), specs=("entrydemo",)), real_settings)
    was = files(top)
    change(top, real_settings, add=("cloudpickle",), variables=(Variable(name="MODE", value="dry"),))
    settled(top)
    assert variables(top) == {"MODE": "dry"}
    assert back(top, real_settings, 1).environment.kind == "overlay"
    assert variables(top) == {}
    assert files(top) == was
    assert stack.read(top) is not None


def test_an_overlay_goes_back_on_its_base_as_that_is_now(real_settings: Settings, tmp_path: Path) -> None:
    base, top = (Path(real_settings.envs_dirs[0]) / name for name in ("base-env", "top"))
    made(base, real_settings, "python", "smallpkg=1.0")
    operate(StackEnvironment(prefix=str(top), base=str(base), specs=("entrydemo",)), real_settings)
    change(base, real_settings, add=("smallpkg=2.0",))
    change(top, real_settings, add=("cloudpickle",))
    offline = replace(real_settings, channels=("https://nowhere.invalid",))
    request = Rollback(prefix=str(top))
    planned, told = operate(PlanRequest(prefix=str(top), request=request), offline)
    moved = "{}, on which top stands, has changed since revision {}: what top had then comes onto it as it is now"
    assert isinstance(planned, Planned) and messages(told) == [moved.format(base, 1)]
    done, _ = operate(ApplyPlan(prefix=str(top), plan=planned.plan), offline)
    assert isinstance(done, Changed) and done.revision == 3
    settled(top)
    lock = history.current_lock(top)
    assert (lock.specs, [one.name for one in lock.packages]) == (("entrydemo",), ["entrydemo"])
    assert lock.base == stack.base_of(base)
    assert "smallpkg==2.0\n" in (top / stack.CONSTRAINTS).read_text()
    again, told = operate(request, offline)
    assert isinstance(again, Changed) and {one.name for one in again.plan.lock.packages} == {"entrydemo", "cloudpickle"}
    assert messages(told) == [], "revision 2 was made on what the base still is"
    planned, _ = operate(PlanRequest(prefix=str(top), request=request), offline)
    assert isinstance(planned, Planned)
    change(base, real_settings, add=("smallpkg=1.1",))
    with pytest.raises(Outdated, match="top stands, has changed since this plan was made"):
        operate(ApplyPlan(prefix=str(top), plan=planned.plan), offline)
    result, told = operate(request, offline)
    assert isinstance(result, Changed) and moved.format(base, 3) in messages(told)
    assert result.plan.lock.base == stack.base_of(base)


def test_that_only_its_base_moved_is_no_change_of_an_overlay(real_settings: Settings, tmp_path: Path) -> None:
    base, top = (Path(real_settings.envs_dirs[0]) / name for name in ("base-env", "top"))
    made(base, real_settings, "python", "smallpkg=1.0")
    operate(StackEnvironment(prefix=str(top), base=str(base), specs=("entrydemo",)), real_settings)
    change(base, real_settings, add=("smallpkg=2.0",))
    change(top, real_settings, add=("entrydemo",))
    with pytest.raises(NotFound, match="has not been otherwise"):
        back(top, real_settings)


def test_what_does_not_go_with_a_base_that_moved_stays_undone(real_settings: Settings, tmp_path: Path) -> None:
    base, top = (Path(real_settings.envs_dirs[0]) / name for name in ("base-env", "top"))
    made(base, real_settings, "python", "clash-common=1.0")
    specs = ("clash-left", "cloudpickle")
    operate(StackEnvironment(prefix=str(top), base=str(base), specs=specs), real_settings)
    change(top, real_settings, remove=specs, add=("entrydemo",))
    change(base, real_settings, add=("clash-common=2.0", "cloudpickle"))
    settled(top)
    was = tree(top)
    with pytest.raises(Refused) as caught:
        back(top, real_settings)
    assert caught.value.message == (
        f"What top had at revision 1 does not go with {base} as that is now: cloudpickle is in both; "
        "clash-left 1.0 needs clash-common <2, and there is 2.0."
    )
    assert "`jupyter condaenv add`" in caught.value.hint
    assert tree(top) == was


def one(name: str, version: str, **more: tuple[str, ...]) -> Package:
    return replace(known_by_name(name, version, "0"), **more)


def test_what_does_not_go_with_a_base_is_told() -> None:
    def base(*packages: Package, pip: tuple[PipPackage, ...] = ()) -> Base:
        return Base(prefix="/base", digest=digest(packages, pip), packages=packages, pip=pip)

    python = one("python", "3.11.1")
    then = base(python, one("numpy", "1.0"), one("kept", "1.0"), one("gone", "1.0"))
    lock = Lock(
        platform="linux-64",
        channels=(),
        specs=("numpy <2", "kept", "gone", "top"),
        packages=(one("top", "1.0", constrains=("numpy <2", "absent <1"), depends=("numpy", "__glibc >=9")),),
        base=then,
        pip_specs=("of-pip", "other"),
        pip=(
            PipPackage(name="of-pip", version="1.0", dependencies=("numpy", "extra")),
            PipPackage(name="other", version="1.0"),
        ),
    )
    assert in_child(bases.misfits, lock, then) == ()
    assert in_child(bases.misfits, lock, base(*then.packages, one("new", "1.0", constrains=("kept >9",)))) == ()
    now = base(
        python,
        one("numpy", "2.0"),
        one("kept", "1.0", constrains=("top >9",)),
        pip=(PipPackage(name="other", version="2.0"), PipPackage(name="extra", version="1.0")),
    )
    assert in_child(bases.misfits, lock, now) == (
        "other is in both",
        "kept 1.0 goes only with top >9, and there is 1.0",
        "top 1.0 goes only with numpy <2, and there is 2.0",
        "numpy <2 was asked for, and there is 2.0",
        "gone was asked for, and there is none",
        "of-pip 1.0 of pip was chosen for numpy 1.0, and there is 2.0",
    )
