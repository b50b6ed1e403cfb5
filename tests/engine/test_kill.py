"""kill -9 at any moment leaves the old environment or the new one, and the same operation again succeeds."""

from __future__ import annotations

import os
import random
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from jupyter_condaenv.engine import history
from jupyter_condaenv.engine.model import (
    AnyRequest,
    ChangePackages,
    Clone,
    CreateEnvironment,
    Pack,
    RemoveEnvironment,
    Rollback,
    Settings,
    StackEnvironment,
    Unpack,
)
from tests.channel import ChannelServer
from tests.channel.pypi import PackageIndex, ask, write_wheel

from . import harness, places
from .harness import Ended, Operation, leftovers, names, poll, problems, run, settled, tree

SEED = int(os.environ.get("CONDAENV_TEST_SEED", "0")) or random.SystemRandom().randrange(1 << 32)
_slow = partial(pytest.param, marks=pytest.mark.slow)
FOREIGN = ("CACHEDIR.TAG", "notes/", "piplike", "pyvenv.cfg", "_condaenv_levels.pth")


@dataclass
class Case:
    """An operation, and how to come back to where it can be done again."""

    prefix: Path
    request: AnyRequest
    back: AnyRequest
    before: set[str]
    after: set[str]
    settings: Settings
    foreign: dict[str, tuple[object, ...]]
    moment: str = ""

    def check(self, old: dict[str, tuple[object, ...]]) -> str:
        """Whether the environment is ``"old"`` or ``"new"``; fails where it is neither."""
        now = tree(self.prefix)
        if now == old:
            return "old"
        assert names(self.prefix) == self.after, self.moment
        if self.after:
            assert problems(self.prefix, *FOREIGN) == [], self.moment
        else:
            assert now == {}, self.moment
        self.check_foreign(now)
        return "new"

    def check_foreign(self, now: dict[str, tuple[object, ...]]) -> None:
        if self.after and self.before:
            assert {path: now.get(path) for path in self.foreign} == self.foreign, self.moment

    def kill_and_repeat(self, kill: Callable[[Operation], object], moment: str) -> str:
        """Kill the operation, look, do it again, look, and go back."""
        self.moment = f"seed {SEED}: {moment}"
        old = tree(self.prefix)
        with Operation(self.request, self.settings) as operation:
            kill(operation)
            operation.kill()
        found = self.check(old)
        if found == "old" or (isinstance(self.request, ChangePackages) and self.request.add):
            run(self.request, self.settings)
        settled(self.prefix)
        assert self.check(old) == "new", self.moment
        run(self.back, self.settings)
        settled(self.prefix)
        assert names(self.prefix) == self.before, self.moment
        assert leftovers(self.prefix) == []
        return found


def at(seconds: float) -> Callable[[Operation], None]:
    def wait(operation: Operation) -> None:
        reader = threading.Thread(target=lambda: list(operation.lines()))
        reader.start()
        try:
            operation.process.wait(seconds)
        except subprocess.TimeoutExpired:
            operation.kill()
        reader.join()

    return wait


def at_step(phase: str) -> Callable[[Operation], None]:
    return lambda operation: operation.until(phase)


def duration(case: Case) -> float:
    """How long the operation takes here and now."""
    with Operation(case.request, case.settings) as operation:
        operation.expect_result()
        took = time.monotonic() - operation.began
    settled(case.prefix)
    run(case.back, case.settings)
    settled(case.prefix)
    return took


def kill_at_random(case: Case, times: int) -> Counter[str]:
    chance = random.Random(SEED)
    took = duration(case)
    outcomes: Counter[str] = Counter()
    for number in range(times):
        moment = took * (number + chance.random()) / times
        outcomes[case.kill_and_repeat(at(moment), f"after {moment:.3f} of {took:.3f} s")] += 1
    print(f"seed {SEED}: {times} kills of {type(case.request).__name__}: {dict(outcomes)}")
    return outcomes


def add_foreign(prefix: Path, python: bool) -> dict[str, tuple[object, ...]]:
    """A user's file and, as pip leaves it, a package."""
    files = {"notes/mine.txt": "mine\n", "notes/Grüße.txt": "hello\n"}
    if python:
        site = os.path.relpath(next(prefix.glob("lib/python3*/site-packages")), prefix)
        files |= {
            f"{site}/piplike/__init__.py": "VALUE = 1\n",
            f"{site}/piplike-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: piplike\nVersion: 1.0\n",
            f"{site}/piplike-1.0.dist-info/INSTALLER": "pip\n",
            f"{site}/piplike-1.0.dist-info/RECORD": "piplike/__init__.py,,\n",
        }
    for name, text in files.items():
        (prefix / name).parent.mkdir(parents=True, exist_ok=True)
        (prefix / name).write_text(text, encoding="utf-8")
    found = tree(prefix)
    return {name: found[name] for name in files}


def make_case(kind: str, settings: Settings, *, python: bool) -> Case:
    """``python`` takes the real channel, else that of :mod:`packages`."""
    prefix = Path(settings.envs_dirs[0]) / "demo"
    specs = ("python", "pip", "prefixdemo") if python else ("wide=1.0", "alpha=1.0")
    more, newer = ("smallpkg=1.0", "smallpkg=2.0") if python else ("beta", "wide=2.0")
    create = CreateEnvironment(prefix=str(prefix), specs=specs)
    remove = RemoveEnvironment(prefix=str(prefix))
    run(create, settings)
    base = names(prefix)
    if kind == "create":
        run(remove, settings)
        return Case(prefix, create, remove, set(), base, settings, {})
    if kind == "remove":
        return Case(prefix, remove, create, base, set(), settings, {})
    if kind == "stack":
        top = prefix.with_name("top")
        stack = StackEnvironment(prefix=str(top), base=str(prefix), specs=(more,))
        return Case(top, stack, RemoveEnvironment(prefix=str(top)), set(), {"smallpkg"}, settings, {})
    foreign = add_foreign(prefix, python)
    if kind == "clone":
        top = prefix.with_name("top")
        again = Clone(prefix=str(top), source=str(prefix))
        return Case(top, again, RemoveEnvironment(prefix=str(top)), set(), base, settings, {})
    if kind == "unpack":
        archive = prefix.with_name("demo.tar.gz")
        run(Pack(prefix=str(prefix), output=str(archive)), settings)
        top = prefix.with_name("top")
        again = Unpack(prefix=str(top), archive=str(archive))
        return Case(top, again, RemoveEnvironment(prefix=str(top)), set(), base, settings, {})
    name = newer.partition("=")[0]
    if kind == "add":
        added = more.partition("=")[0]
        there = ChangePackages(prefix=str(prefix), add=(more,))
        return Case(
            prefix, there, ChangePackages(prefix=str(prefix), remove=(added,)), base, base | {added}, settings, foreign
        )
    if kind == "uninstall":
        run(ChangePackages(prefix=str(prefix), add=(more,)), settings)
        settled(prefix)
        back = ChangePackages(prefix=str(prefix), add=(more,))
        gone = more.partition("=")[0]
        forth = ChangePackages(prefix=str(prefix), remove=(gone,))
        return Case(prefix, forth, back, base | {gone}, base, settings, foreign)
    if kind == "rollback":
        forth = ChangePackages(prefix=str(prefix), add=(newer,))
        run(forth, settings)
        settled(prefix)
        there = names(prefix)
        return Case(prefix, Rollback(prefix=str(prefix), revision=1), forth, there, base, settings, foreign)
    assert kind == "upgrade"
    run(ChangePackages(prefix=str(prefix), add=(f"{name}=1.0",)), settings)
    settled(prefix)
    return Case(
        prefix,
        ChangePackages(prefix=str(prefix), add=(newer,)),
        ChangePackages(prefix=str(prefix), add=(f"{name}=1.0",)),
        names(prefix),
        names(prefix),
        settings,
        foreign,
    )


@pytest.mark.parametrize(
    "kind",
    ["create", *(_slow(kind) for kind in ("upgrade", "remove", "clone", "unpack", "add", "rollback"))],
)
def test_a_kill_at_a_random_moment(kind: str, little_settings: Settings) -> None:
    outcomes = kill_at_random(make_case(kind, little_settings, python=False), 3)
    assert outcomes.total() == 3


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["create", "add", "uninstall", "stack", "rollback"])
def test_a_kill_at_each_step(kind: str, real_settings: Settings) -> None:
    case = make_case(kind, real_settings, python=True)
    with Operation(case.request, case.settings) as operation:
        operation.expect_result()
    phases = operation.phases
    assert phases[0] == "solve" and phases[-1] == "commit"
    settled(case.prefix)
    run(case.back, case.settings)
    settled(case.prefix)
    for phase in dict.fromkeys(phases):
        found = case.kill_and_repeat(_at_step_if_there(phase), f"at the step {phase}")
        assert found == "old" or phase not in ("solve", "stage")  # what is checked is put in place at once


@pytest.mark.slow
@pytest.mark.parametrize("phase", ["solve", "pip", "check", "commit"])
def test_a_kill_while_pip_installs(
    phase: str, real_settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pip and what it has begun end with the operation, and nothing of it is seen, nor left in a temporary folder."""
    write_wheel(tmp_path / "files", "alib", "1.0")
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    case = make_case("add", real_settings, python=True)
    prefix = case.prefix
    request = ChangePackages(prefix=str(prefix), pip=("alib",))
    with PackageIndex(tmp_path / "files") as index:
        ask(index, monkeypatch, tmp_path)
        settings = harness.changed(real_settings, uv=False)
        old = tree(prefix)
        index.stall = phase == "solve"
        with Operation(request, settings) as operation:
            operation.until(phase)
            if phase == "solve":
                assert index.stalled.wait(harness.DEADLINE)  # pip waits for a file, in a process of its own
            elif phase == "pip":
                poll(lambda: "--no-index" in " ".join(_pips(prefix)) or operation.process.poll() is not None)
            operation.kill()
        poll(lambda: not _pips(prefix))
        if phase in ("solve", "pip"):
            assert any("/scratch-" in path for path in leftovers(prefix))
        settled(prefix)
        assert list(temporary.iterdir()) == []
        if phase != "commit" or tree(prefix) == old:
            assert tree(prefix) == old
            index.release()
            run(request, settings)
        settled(prefix)
        assert names(prefix) == case.before and problems(prefix, *FOREIGN, "alib") == []
        case.check_foreign(tree(prefix))
        assert [one.name for one in history.current_lock(prefix).pip] == ["alib"]


def _pips(prefix: Path) -> list[str]:
    """Command lines of pip that have to do with ``prefix`` or its stage."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            words = file.read_bytes().decode(errors="replace").split("\0")
            if "pip" in words and any(
                word.startswith((str(prefix), str(prefix.parent / ".condaenv"))) for word in words
            ):
                found.append(" ".join(words))
    return found


def _at_step_if_there(phase: str) -> Callable[[Operation], None]:
    def wait(operation: Operation) -> None:
        try:
            operation.until(phase)
        except Ended:
            # Downloads and bytecode are made only once.
            assert phase in ("download", "compile", "link")

    return wait


@pytest.mark.slow
@pytest.mark.parametrize(
    "sign", ["stage", *(_slow(sign) for sign in ("stage/conda-meta/history", "old-*", "old-*.snapshot"))]
)
def test_a_kill_around_the_exchange(sign: str, little_settings: Settings) -> None:
    """The workspace tells where the change is."""
    case = make_case("upgrade", little_settings, python=False)
    work = case.prefix.parent / ".condaenv" / "demo"

    hits = []

    def wait(operation: Operation) -> None:
        poll(lambda: any(work.glob(sign)) or operation.process.poll() is not None)
        hits.append(operation.process.poll() is None)

    # It is there for so short a time that a busy machine may look too late.
    while hits.count(True) < 2 and len(hits) < 20:
        found = case.kill_and_repeat(wait, f"{sign}, {len(hits)}")
        assert found == "new" or "old" not in sign or not hits[-1]
        assert found == "old" or "stage" not in sign or not hits[-1]
    assert hits.count(True) == 2, f"{sign} was seen in {hits.count(True)} of {len(hits)} changes"


def test_a_kill_while_the_environment_is_removed(little_settings: Settings) -> None:
    case = make_case("remove", little_settings, python=False)
    work = case.prefix.parent / ".condaenv" / "demo"
    wait: Callable[[Operation], None] = lambda operation: poll(lambda: any(work.glob("trash-*")))  # noqa: E731
    for number in range(2):
        assert case.kill_and_repeat(wait, f"trash, {number}") == "new"


@pytest.mark.slow
@pytest.mark.parametrize(("phase", "kind"), [_slow("stage", "step"), ("stage", "progress"), _slow("commit", "step")])
def test_a_kill_while_an_environment_is_cloned(phase: str, kind: str, real_settings: Settings) -> None:
    case = make_case("clone", real_settings, python=True)
    source = case.prefix.with_name("demo")
    before = tree(source)
    found = case.kill_and_repeat(lambda operation: operation.until(phase, kind), f"at the {kind} {phase}")
    assert found == "old" or phase == "commit"
    assert tree(source) == before


@pytest.mark.slow
@pytest.mark.parametrize("there", [False, True])
def test_a_kill_while_an_environment_is_packed(there: bool, little_settings: Settings, tmp_path: Path) -> None:
    """The file is the old one, or none, or the new one; and what was left half-way goes with the next attempt."""
    case = make_case("upgrade", little_settings, python=False)
    output = tmp_path / "packed" / "demo.tar"
    output.parent.mkdir()
    if there:
        output.write_bytes(b"old")
    pack = Pack(prefix=str(case.prefix), output=str(output), force=True)
    with Operation(pack, little_settings) as operation:
        operation.until("pack", "progress")
        operation.kill()
    assert (output.read_bytes() if output.exists() else None) == (b"old" if there else None)
    assert list(output.parent.glob(".demo.tar.*")) != []
    run(pack, little_settings)
    assert list(output.parent.iterdir()) == [output]
    run(Unpack(prefix=str(case.prefix.with_name("twin")), archive=str(output)), little_settings)
    assert names(case.prefix.with_name("twin")) == names(case.prefix)


# --- in place ---


@pytest.fixture(params=["parent", pytest.param("tmpfs", marks=pytest.mark.slow)])
def in_place(request: pytest.FixtureRequest, little_settings: Settings):  # type: ignore[no-untyped-def]
    """An environment that can only be changed in place, and what stands before a command of its owner."""
    prefix = Path(little_settings.envs_dirs[0]) / "demo"
    if request.param == "tmpfs":
        prefix.mkdir(parents=True)
        with places.tmpfs(prefix):
            # Made elsewhere and brought there, as a volume is filled.
            other = prefix.with_name("other")
            run(CreateEnvironment(prefix=str(other), specs=("wide=1.0", "alpha=1.0")), little_settings)
            subprocess.run(["cp", "-a", f"{other}/.", str(prefix)], check=True)
            yield prefix, ()
        return
    run(CreateEnvironment(prefix=str(prefix), specs=("wide=1.0", "alpha=1.0")), little_settings)
    with places.unwritable(prefix.parent) as user:
        yield prefix, user


@pytest.mark.slow
def test_a_kill_in_the_middle_of_a_change_in_place(in_place, little_settings: Settings) -> None:  # type: ignore[no-untyped-def]
    prefix, user = in_place
    work = prefix / "conda-meta" / ".condaenv"
    add_foreign(prefix, python=False)
    upgrade, back = (
        ChangePackages(prefix=str(prefix), add=specs)
        for specs in (("wide=2.0", "alpha=2.0"), ("wide=1.0", "alpha=1.0"))
    )
    outcomes: Counter[str] = Counter()
    chance = random.Random(SEED)
    for number in range(3):
        before = tree(prefix)
        moves = chance.randrange(1, 1200) if number else 0
        with Operation(upgrade, little_settings, user) as operation:
            backup = work / "backup"
            poll(lambda: _count(backup) > moves or operation.process.poll() is not None)  # noqa: B023
            operation.kill()
        caught = (work / "journal").exists()
        outcomes["half-way" if caught else "done"] += 1
        with Operation(ChangePackages(prefix=str(prefix), remove=("nosuch",)), little_settings, user) as operation:
            operation.expect_failure("not_found")  # nothing but recovering
        now = tree(prefix)
        if caught:
            assert {path for path in now if now[path] != before.get(path)} == set(), f"seed {SEED}, {moves} moves"
            assert now == before, f"seed {SEED}, {moves} moves"
        else:
            assert problems(prefix, *FOREIGN) == []
        run(upgrade, little_settings, user)
        assert problems(prefix, *FOREIGN) == [], f"seed {SEED}, {moves} moves"
        assert (prefix / "share/wide/of-2.0").is_dir() and not (prefix / "share/wide/of-1.0").exists()
        assert leftovers(prefix) == []
        run(back, little_settings, user)
        assert (prefix / "share/wide/of-1.0").is_dir() and not (prefix / "share/wide/of-2.0").exists()
        assert (prefix / "notes/mine.txt").read_text() == "mine\n"
    print(f"seed {SEED}: killed in place: {dict(outcomes)}")
    assert outcomes["half-way"], outcomes


def _count(folder: Path) -> int:
    try:
        return len(os.listdir(folder))
    except FileNotFoundError:
        return -1


# --- the long one ---


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("scheme", ["file", "http"])
@pytest.mark.parametrize(("kind", "times"), [("create", 6), ("add", 5), ("upgrade", 4), ("remove", 3), ("stack", 3)])
def test_kills_of_real_environments(
    kind: str, times: int, scheme: str, real_settings: Settings, channel: ChannelServer
) -> None:
    """42 kills in all."""
    if scheme == "http":
        real_settings = harness.changed(real_settings, channels=(channel.url,))
    outcomes = kill_at_random(make_case(kind, real_settings, python=True), times)
    assert outcomes.total() == times


@pytest.mark.slow
@pytest.mark.parametrize("times", [6])
def test_kills_while_packages_come(times: int, channel_dir: Path, settings: Callable[..., Settings]) -> None:
    """With an empty cache and a slow line, so that the kills fall into downloads."""
    with ChannelServer(channel_dir) as server:
        case = make_case("create", settings(channels=(server.url,)), python=True)
        server.bandwidth = 20e6
        chance = random.Random(SEED)
        for number in range(times):
            case.settings = harness.changed(case.settings, cache_dir=f"{case.settings.cache_dir}{number}")
            found = case.kill_and_repeat(at(0.4 + number * 0.4 + chance.random() * 0.4), f"download {number}")
            print(f"seed {SEED}: {found}")
