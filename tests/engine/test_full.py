"""Disks that are full, or fuller than they may be: the environment is as it was, and it is said how much is missing."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from jupyter_condaenv.engine import bytecode, limits, storage
from jupyter_condaenv.engine.errors import Failure
from jupyter_condaenv.engine.model import (
    AnyEvent,
    AnyRequest,
    ChangePackages,
    Clone,
    CreateEnvironment,
    Pack,
    RemoveEnvironment,
    Rollback,
    Settings,
    Unpack,
)
from tests.channel import ChannelServer

from . import places
from .child import in_child, operate
from .harness import leftovers, problems, refused, run, settled, tree

POINTS = 10
MINE = ("CACHEDIR.TAG",)
AMOUNT = re.compile(r"\d+\.\d [kMG]B")
Make = Callable[..., Settings]


def fill(folder: Path) -> None:
    """Take all the room there is."""
    for size in (1 << 20, 4096):
        with (folder / f"ballast-{size}").open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue


def performed(request: Any, settings: Settings, folder: str, point: int) -> tuple[int, Failure | None]:
    """How many events there were, and how it failed, where the disk gets full at event number ``point``."""
    from jupyter_condaenv.engine import operations
    from jupyter_condaenv.engine.errors import CondaEnvError

    events = 0

    def emit(event: AnyEvent) -> None:
        nonlocal events
        events += 1
        if events == point:
            fill(Path(folder))

    try:
        operations.perform(request, settings, emit)
    except CondaEnvError as error:
        return events, error.failure()
    return events, None


@pytest.mark.slow
def test_a_disk_that_gets_full_at_ten_points_of_an_install(little: Path, settings: Make, tmp_path: Path) -> None:
    with ChannelServer(little) as server, places.tmpfs(tmp_path / "small", "60m") as small:
        ours = settings(channels=(server.url,), envs_dirs=(str(small / "envs"),), cache_dir=str(small / "cache"))
        prefix = small / "envs" / "demo"
        operate(CreateEnvironment(prefix=str(prefix), specs=("alpha=1.0", "gamma")), ours)
        (prefix / "mine").write_text("mine")
        before = tree(prefix)
        request = ChangePackages(prefix=str(prefix), add=("alpha=2.0", "wide=2.0"))

        def back() -> None:
            operate(Rollback(prefix=str(prefix), revision=1), ours)
            settled(prefix)
            for name in ("alpha-2.0-0", "wide-2.0-0"):
                shutil.rmtree(small / "cache/pkgs" / name)

        events, failure = in_child(performed, request, ours, str(small), 0)
        assert failure is None and events >= POINTS
        back()
        before = tree(prefix)
        told = []
        for point in sorted({1 + number * events // POINTS for number in range(POINTS)}):
            _, failure = in_child(performed, request, ours, str(small), point)
            for ballast in small.glob("ballast-*"):
                ballast.unlink()
            if failure is None:
                assert problems(prefix, *MINE, "mine") == []
                back()
                before = tree(prefix)
                continue
            assert (failure.code, failure.hint != "") == ("storage_error", True), (point, failure)
            assert AMOUNT.search(failure.message), (point, failure)
            told.append(failure)
            assert tree(prefix) == before
            assert leftovers(prefix) == []
        assert len(told) >= POINTS // 2
        assert any(one.details.get("missing", 0) > 1_000_000 for one in told)
        run(request, ours)
        assert problems(prefix, *MINE, "mine") == []


@pytest.mark.parametrize("end", ["tar", "tar.gz"])
def test_a_disk_that_gets_full_while_something_is_packed(end: str, little_settings: Settings, tmp_path: Path) -> None:
    source = Path(little_settings.envs_dirs[0]) / "source"
    operate(CreateEnvironment(prefix=str(source), specs=("alpha=1.0", "wide=1.0")), little_settings)
    (source / "mine").write_bytes(os.urandom(3_000_000))
    with places.tmpfs(tmp_path / "small", "2m") as small:
        request = Pack(prefix=str(source), output=str(small / f"source.{end}"))
        _, failure = in_child(performed, request, little_settings, str(small), 0)
        assert failure is not None and failure.code == "storage_error"
        assert AMOUNT.search(failure.message) and str(small) in failure.message and failure.hint
        assert list(small.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["clone", pytest.param("unpack", marks=pytest.mark.slow)])
def test_a_disk_that_gets_full_while_a_copy_is_made(kind: str, little: Path, settings: Make, tmp_path: Path) -> None:
    ours = settings(channels=(little.as_uri(),))
    source = Path(ours.envs_dirs[0]) / "source"
    operate(CreateEnvironment(prefix=str(source), specs=("alpha=1.0", "wide=1.0")), ours)
    (source / "mine").write_bytes(os.urandom(2_000_000))
    archive = tmp_path / "source.tar"
    operate(Pack(prefix=str(source), output=str(archive)), ours)
    before = tree(source)
    with places.tmpfs(tmp_path / "small", "30m") as small:
        prefix = small / "twin"
        request: AnyRequest = Clone(prefix=str(prefix), source=str(source))
        if kind == "unpack":
            request = Unpack(prefix=str(prefix), archive=str(archive))
        events, failure = in_child(performed, request, ours, str(small), 0)
        assert failure is None
        told = []
        for point in sorted({1 + number * events // POINTS for number in range(POINTS)}):
            operate(RemoveEnvironment(prefix=str(prefix)), ours) if prefix.exists() else None
            _, failure = in_child(performed, request, ours, str(small), point)
            for ballast in small.glob("ballast-*"):
                ballast.unlink()
            if failure is None:
                assert problems(prefix, *MINE, "mine") == []
                continue
            assert (failure.code, failure.hint != "") == ("storage_error", True), (point, failure)
            assert AMOUNT.search(failure.message), (point, failure)
            told.append(failure)
            assert not prefix.exists() and leftovers(prefix) == []
        assert told
        assert any(one.details.get("missing", 0) > 1_000_000 for one in told)
    assert tree(source) == before


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["clone", "unpack"])
def test_copies_heed_the_reserve_and_the_quota(kind: str, little_settings: Settings, tmp_path: Path) -> None:
    source = Path(little_settings.envs_dirs[0]) / "source"
    run(CreateEnvironment(prefix=str(source), specs=("alpha=1.0",)), little_settings)
    (source / "mine").write_bytes(bytes(3_000_000))  # next to nothing, packed
    archive = tmp_path / "source.tar.gz"
    run(Pack(prefix=str(source), output=str(archive)), little_settings)
    prefix = source.with_name("twin")
    request: AnyRequest = Clone(prefix=str(prefix), source=str(source))
    if kind == "unpack":
        request = Unpack(prefix=str(prefix), archive=str(archive))
    used = storage.used(little_settings, lambda done: None)
    room = shutil.disk_usage(source).free
    for tight, word in (
        (replace(little_settings, reserve=room + 10_000_000_000), "reserve"),
        (replace(little_settings, quota=used + 1_000_000), "quota"),
    ):
        failure = refused(request, tight, "storage_error")
        assert word in failure["message"] and failure["details"]["missing"] > 1_000_000
        assert not prefix.exists() and leftovers(prefix) == []
    run(request, replace(little_settings, quota=used + 20_000_000, reserve=1))
    assert problems(prefix, *MINE, "mine") == []


def test_the_reserve_stays_free(little_settings: Settings) -> None:
    prefix = Path(little_settings.envs_dirs[0]) / "demo"
    room = shutil.disk_usage(prefix.parent.parent).free
    tight = replace(little_settings, reserve=room + 10_000_000_000)
    failure = refused(CreateEnvironment(prefix=str(prefix), specs=("gamma",)), tight, "storage_error")
    assert "in reserve" in failure["message"] and "are missing" in failure["message"]
    assert 9_000_000_000 < failure["details"]["missing"] < 12_000_000_000
    assert "clean" in failure["hint"]
    assert not prefix.exists() and leftovers(prefix) == []
    run(CreateEnvironment(prefix=str(prefix), specs=("gamma",)), replace(little_settings, reserve=1))


def test_a_quota(little_settings: Settings) -> None:
    prefix = Path(little_settings.envs_dirs[0]) / "demo"
    run(CreateEnvironment(prefix=str(prefix), specs=("wide=1.0",)), little_settings)
    before = tree(prefix)
    used = storage.used(little_settings, lambda done: None)
    wide = 1200 * 4096
    assert wide < used < 4 * wide
    tight = replace(little_settings, quota=used + 10)
    failure = refused(ChangePackages(prefix=str(prefix), add=("wide=2.0",)), tight, "storage_error")
    assert "quota" in failure["message"] and failure["details"]["missing"] > 0
    assert " 0.0 MB" not in failure["message"] and " kB are missing" in failure["message"]
    assert tree(prefix) == before and leftovers(prefix) == []
    # What takes nothing is not refused, however much there is already.
    run(ChangePackages(prefix=str(prefix), remove=("wide",)), replace(little_settings, quota=1))
    run(ChangePackages(prefix=str(prefix), add=("wide=2.0",)), replace(little_settings, quota=10 * used))


def test_what_has_still_to_be_fetched_is_counted_by_what_it_holds(little_settings: Settings) -> None:
    """`wide` has 1200 files of a few bytes, which take a hundred times as much on the disk as its archive does."""
    request = CreateEnvironment(prefix=f"{little_settings.envs_dirs[0]}/demo", specs=("wide=1.0",))
    quota = 600 * 4096
    failure = refused(request, replace(little_settings, quota=quota), "storage_error")
    assert failure["details"]["needed"] >= 1200 * 4096 > quota
    assert not list(Path(little_settings.cache_dir).glob("pkgs/wide-*"))
    run(request, replace(little_settings, quota=3 * 1200 * 4096))


def test_what_is_linked_counts_once(little_settings: Settings) -> None:
    request = CreateEnvironment(prefix=f"{little_settings.envs_dirs[0]}/one", specs=("wide=1.0",))
    run(request, little_settings)
    one = storage.used(little_settings, lambda done: None)
    run(replace(request, prefix=f"{little_settings.envs_dirs[0]}/two"), little_settings)
    assert storage.used(little_settings, lambda done: None) - one < 1200 * 4096


def test_environments_of_others_are_not_on_ones_quota(
    little_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = Path(little_settings.envs_dirs[0]) / "theirs"
    (theirs / "conda-meta").mkdir(parents=True)
    (theirs / "conda-meta" / "history").write_bytes(bytes(100_000))
    assert taken(little_settings) > 100_000
    monkeypatch.setattr(os, "geteuid", lambda: theirs.stat().st_uid + 1)
    assert taken(little_settings) == 0


@pytest.mark.parametrize("cached", [True, False])
def test_what_is_told_before_is_no_more_than_what_is_taken(cached: bool, little_settings: Settings) -> None:
    """The least is at most what a disk has less afterwards, or what fits would be refused."""
    other = Path(little_settings.envs_dirs[0]) / "other"
    result, _ = operate(CreateEnvironment(prefix=str(other), specs=("wide=1.0", "alpha=1.0")), little_settings)
    packages = result.plan.lock.packages  # type: ignore[union-attr]
    cache = Path(little_settings.cache_dir)
    if not cached:
        shutil.rmtree(cache / "pkgs")
    (need,) = limits.needs(packages, other.with_name("demo"), cache)
    before = taken(little_settings)
    run(CreateEnvironment(prefix=str(other.with_name("demo")), specs=("wide=1.0", "alpha=1.0")), little_settings)
    assert 0 < need.least <= taken(little_settings) - before
    assert need.least <= need.likely


def taken(settings: Settings) -> int:
    return storage.used(settings, lambda done: None)


def test_a_compiler_that_meets_a_full_disk() -> None:
    error = bytecode._compiler_error("OSError: [Errno 28] No space left on device: '/x/__pycache__'")
    assert error.errno == 28
    assert bytecode._compiler_error("Segmentation fault").errno is None
    assert "Segmentation fault" in str(bytecode._compiler_error("Segmentation fault"))
    assert os.strerror(28) in str(error)
