"""What nobody needs is deleted, and nothing that anybody does: no environment changes, and undoing needs no network."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from jupyter_condaenv.engine import build_cache, history, search, staging, wheels
from jupyter_condaenv.engine.model import (
    ChangePackages,
    Clean,
    Cleaned,
    CleanKind,
    CreateEnvironment,
    IndexChannels,
    Message,
    PipFile,
    PipPackage,
    RemoveEnvironment,
    Rollback,
    Settings,
)

from . import places
from .child import operate
from .harness import Operation, changed, problems, run, settled, tree

MINE = ("CACHEDIR.TAG",)


@pytest.fixture
def ours(little: Path, settings: Callable[..., Settings], tmp_path: Path) -> Settings:
    """With a channel that a test can take away."""
    shutil.copytree(little, tmp_path / "channel")
    return settings(channels=((tmp_path / "channel").as_uri(),))


def made(settings: Settings, *specs: str, name: str = "demo") -> Path:
    prefix = Path(settings.envs_dirs[0]) / name
    operate(CreateEnvironment(prefix=str(prefix), specs=specs), settings)
    return prefix


def clean(settings: Settings, *kinds: CleanKind, preview: bool = False) -> Cleaned:
    result, _ = operate(Clean(kinds=kinds, preview=preview), settings)
    assert isinstance(result, Cleaned) and result.preview is preview
    return result


def named(cleaned: Cleaned) -> set[str]:
    return {Path(one.path).name for one in cleaned.items}


def pkgs(settings: Settings) -> set[str]:
    return {path.name for path in (Path(settings.cache_dir) / "pkgs").iterdir() if path.is_dir()}


def test_only_packages_that_no_environment_has_go(ours: Settings) -> None:
    made(ours, "gamma", "beta", name="gone")
    kept = made(ours, "alpha=1.0")
    operate(RemoveEnvironment(prefix=str(kept.with_name("gone"))), ours)
    before = tree(kept)
    assert named(clean(ours, "packages", preview=True)) == {"alpha-2.0-0", "beta-1.0-0", "gamma-1.0-0"}
    assert pkgs(ours) == {"alpha-1.0-0", "alpha-2.0-0", "beta-1.0-0", "gamma-1.0-0"}
    free = _taken(Path(ours.cache_dir))
    cleaned = clean(ours, "packages")
    assert named(cleaned) == {"alpha-2.0-0", "beta-1.0-0", "gamma-1.0-0"}
    assert free - _taken(Path(ours.cache_dir)) >= cleaned.bytes > 0
    assert pkgs(ours) == {"alpha-1.0-0"}
    assert tree(kept) == before
    assert clean(ours, "packages").items == ()


def _taken(folder: Path) -> int:
    return sum(os.lstat(path).st_blocks * 512 for path in folder.rglob("*"))


def test_the_last_revisions_can_be_undone_without_a_network(ours: Settings, tmp_path: Path) -> None:
    prefix = made(ours, "alpha=1.0", "gamma")
    operate(ChangePackages(prefix=str(prefix), add=("alpha=2.0", "beta")), ours)
    operate(ChangePackages(prefix=str(prefix), remove=("gamma", "beta")), ours)
    clean(ours)
    (tmp_path / "channel").rename(tmp_path / "away")
    for revision, there in ((1, {"alpha-1.0-0", "gamma-1.0-0"}), (2, {"alpha-2.0-0", "beta-1.0-0", "gamma-1.0-0"})):
        run(Rollback(prefix=str(prefix), revision=revision), ours)
        assert {path.stem for path in (prefix / "conda-meta").glob("*.json")} == there
        assert problems(prefix, *MINE) == []


@pytest.mark.slow
def test_older_revisions_are_not_kept_for(ours: Settings) -> None:
    prefix = made(ours, "alpha=1.0", "gamma")
    operate(ChangePackages(prefix=str(prefix), remove=("gamma",)), ours)
    for version in ("2.0", "1.0", "2.0", "1.0", "2.0"):
        operate(ChangePackages(prefix=str(prefix), add=(f"alpha={version}",)), ours)
    settled(prefix)  # what was replaced has links, too
    assert named(clean(ours, "packages")) == {"gamma-1.0-0"}


def test_what_an_unknown_environment_links_to_stays(ours: Settings, tmp_path: Path) -> None:
    """One that another user has, or that was moved."""
    prefix = made(ours, "gamma")
    prefix.rename(tmp_path / "elsewhere")
    assert clean(ours, "packages").items == ()
    shutil.rmtree(tmp_path / "elsewhere")
    assert named(clean(ours, "packages")) == {"gamma-1.0-0"}


def test_what_was_copied_to_another_file_system_stays(ours: Settings) -> None:
    with places.tmpfs(Path(ours.envs_dirs[0])):
        made(ours, "gamma")
        assert clean(ours, "packages").items == ()


@pytest.mark.slow
def test_compiled_python_goes_with_its_package(real_settings: Settings, settings: Callable[..., Settings]) -> None:
    own = settings(channels=real_settings.channels)
    prefix = made(own, "python", "smallpkg=1.0")
    operate(RemoveEnvironment(prefix=str(prefix)), own)
    shown = {one.what for one in clean(own, "bytecode", preview=True).items}
    assert "compiled Python of smallpkg-1.0-pyh1_0" in shown
    made(own, "python")
    clean(own, "bytecode")
    left = {path.name.rsplit("-", 3)[0] for path in (Path(own.cache_dir) / "bytecode").iterdir()}
    assert "python" in left and "smallpkg" not in left


def test_archives_and_indexes(ours: Settings) -> None:
    made(ours, "gamma")
    cache = Path(ours.cache_dir)
    for name in ("gamma-1.0-0.conda", "other-1-0.tar.bz2", "gamma-1.0-0.lock.note"):
        (cache / "pkgs" / name).write_bytes(b"x" * 5000)
    (cache / "repodata").mkdir(exist_ok=True)
    (cache / "repodata" / "index").write_text("x")
    assert named(clean(ours, "archives")) == {"gamma-1.0-0.conda", "other-1-0.tar.bz2"}
    assert (cache / "pkgs/gamma-1.0-0.lock.note").exists()
    (cleaned,) = clean(ours, "indexes").items
    assert (cleaned.path, cleaned.what) == (
        str(cache / "repodata"),
        "what solves have read of channels, and read again",
    )
    assert not (cache / "repodata").exists()
    operate(IndexChannels(), ours)  # which makes it anew
    shutil.rmtree(cache / "pkgs/gamma-1.0-0")
    (cache / "pkgs/gamma-1.0-0.conda").write_bytes(b"x")
    assert clean(ours, "archives").items == ()  # all that there is of a package that is needed


@pytest.mark.parametrize("there", [True, False], ids=["of one that is there", "of one that is gone"])
def test_what_interrupted_operations_left(there: bool, ours: Settings) -> None:
    prefix = made(ours, "alpha=1.0") if there else Path(ours.envs_dirs[0]) / "demo"
    before = tree(prefix)
    request = (
        ChangePackages(prefix=str(prefix), add=("wide=1.0",))
        if there
        else CreateEnvironment(prefix=str(prefix), specs=("wide=1.0",))
    )
    with Operation(request, ours) as operation:
        operation.until("link")
        operation.process.send_signal(signal.SIGSTOP)  # that it is still under way when it is looked at
        assert clean_while_it_runs(ours) == set()
        operation.kill()
    preview = clean(ours, "stages", preview=True)
    assert "stage" in named(preview)
    assert {one.what for one in preview.items} == {"left of a change of demo"}, preview
    assert staging.leftovers(staging.workspace(prefix))
    assert named(clean(ours, "stages")) == named(preview)
    assert staging.leftovers(staging.workspace(prefix)) == []
    assert tree(prefix) == before
    assert clean(ours, "stages").items == ()
    run(request, ours)


def clean_while_it_runs(settings: Settings) -> set[str]:
    """Looked at from another cache, since that of the operation is its own for as long as it runs."""
    other = changed(settings, cache_dir=settings.cache_dir + "-other")
    return named(clean(other, "stages", preview=True))


def test_what_was_left_half_extracted(ours: Settings) -> None:
    made(ours, "gamma")
    half = Path(ours.cache_dir) / "pkgs" / ".tmpAbC123"
    half.mkdir()
    (half / "file").write_text("half")
    (cleaned,) = clean(ours, "packages").items
    assert (Path(cleaned.path).name, cleaned.what) == (".tmpAbC123", "left by an interrupted operation")
    assert not half.exists()


def test_there_is_nothing_yet(ours: Settings) -> None:
    assert clean(ours).items == ()


def test_indexes_for_searching_go_with_their_channels(ours: Settings, little: Path, tmp_path: Path) -> None:
    """Those of channels that are configured, or that an environment uses, stay."""
    former = shutil.copytree(little, tmp_path / "former")
    used = shutil.copytree(little, tmp_path / "used")
    operate(IndexChannels(channels=(former.as_uri(), used.as_uri(), *ours.channels)), ours)
    made(replace(ours, channels=(used.as_uri(),)), "gamma")
    assert f"for searching {former.as_uri()}" in {one.what for one in clean(ours, "indexes").items}
    left = {path.stem for path in (Path(ours.cache_dir) / "search").iterdir()}
    assert left == {search.index_file(url, ours).stem for url in (used.as_uri(), *ours.channels)}


def test_what_builds_have_fetched(ours: Settings) -> None:
    (Path(ours.cache_dir) / "builds" / "pkgs").mkdir(parents=True)
    with build_cache.used("building it", ours, lambda event: None):
        result, events = operate(Clean(kinds=("builds",)), ours)
        assert isinstance(result, Cleaned) and result.items == ()
        assert "a build is under way" in next(event.text for event in events if isinstance(event, Message))
    assert named(clean(ours, "builds")) == {"pkgs"}


def test_a_build_that_was_killed_keeps_nothing(ours: Settings) -> None:
    (Path(ours.cache_dir) / "builds" / "pkgs").mkdir(parents=True)
    left = Path(ours.cache_dir) / "building" / "0123.lock"
    left.parent.mkdir()
    left.touch()
    assert named(clean(ours, "builds")) == {"pkgs"}
    assert not left.exists()


def test_wheels_of_pip_are_kept_as_packages_are(ours: Settings) -> None:
    prefix = made(ours, "alpha=1.0")
    kept, old = (
        PipPackage(
            name="lib",
            version=version,
            files=(PipFile(name=f"lib-{version}-py3-none-any.whl", url="https://host/lib.whl", sha256=digit * 64),),
        )
        for version, digit in (("1", "0"), ("2", "1"))
    )
    history.record(prefix, "add", replace(history.current_lock(prefix), pip=(kept,)), (), ())
    folder = Path(ours.cache_dir) / wheels.FOLDER
    for one in (kept, old):
        (folder / wheels.cached_name(one) / "3.11").mkdir(parents=True)
    assert named(clean(ours, "packages")) == {wheels.cached_name(old)}
    assert [path.name for path in folder.iterdir()] == [wheels.cached_name(kept)]


def test_compiled_python_of_what_is_gone_goes(ours: Settings, tmp_path: Path) -> None:
    kept = Path(ours.data_dir) / "bytecode"
    for name in ("there", "gone"):
        folder = kept / str(tmp_path / "bases" / name / "lib").lstrip("/")
        folder.mkdir(parents=True)
        (folder / "module.cpython-311.pyc").write_bytes(b"compiled")
    (tmp_path / "bases" / "there" / "lib").mkdir(parents=True)
    (one,) = clean(ours, "bytecode").items
    assert one.what == f"compiled Python of {tmp_path / 'bases' / 'gone'}"
    assert [path.parent.parent.name for path in kept.rglob("*.pyc")] == ["there"]
