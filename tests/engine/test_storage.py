"""What is measured is what ``du`` says, and what deleting frees is what is free afterwards."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest

from jupyter_condaenv.engine import storage
from jupyter_condaenv.engine.model import (
    AnyEvent,
    ChangePackages,
    CreateEnvironment,
    EnvironmentStorage,
    MeasureStorage,
    Move,
    Progress,
    RemoveEnvironment,
    Settings,
    Storage,
)

from . import places
from .child import operate
from .harness import run


def du(*folders: Path) -> int:
    """Bytes on disk of all of them together, every inode once."""
    there = [str(folder) for folder in folders if folder.exists()]
    done = subprocess.run(["du", "-xsc", "-B1", *there], capture_output=True, text=True, check=True)
    return int(done.stdout.splitlines()[-1].split()[0])


def measured(settings: Settings) -> Storage:
    return storage.measure(settings, lambda event: None)


def named(found: Storage, name: str) -> EnvironmentStorage:
    (one,) = [one for one in found.environments if one.name == name]
    return one


def environment(settings: Settings, name: str) -> Path:
    """As far as it takes to be one."""
    prefix = Path(settings.envs_dirs[0]) / name
    (prefix / "conda-meta").mkdir(parents=True)
    (prefix / "conda-meta" / "history").touch()
    return prefix


def fill(prefixes: list[Path], chance: random.Random) -> None:
    """Files of all sizes and kinds, hard links within and across environments, holes and links."""
    made: list[Path] = []
    for number in range(300):
        place = chance.choice(prefixes) / f"{chance.randrange(9)}" / f"{number}"
        place.parent.mkdir(exist_ok=True)
        kind = chance.choice(("file", "file", "link", "link", "hole", "symlink", "outside", "folder"))
        if kind == "link" and made:
            os.link(chance.choice(made), place)
        elif kind == "hole":
            with place.open("wb") as file:
                file.seek(chance.randrange(10_000_000))
                file.write(b"x")
        elif kind == "symlink":
            place.symlink_to(chance.choice((".", "..", "/usr", "nowhere", str(prefixes[0]))))
        elif kind == "outside":
            place.write_bytes(bytes(5000))
            os.link(place, prefixes[0].parent.parent / f"outside-{number}")
        elif kind == "folder":
            place.mkdir()
        else:
            place.write_bytes(b"x" * chance.choice((0, 1, 100, 5000, 300_000)))
            made.append(place)


def test_sizes_are_those_of_du_and_of_deleting(settings, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    seed = random.SystemRandom().randrange(1 << 32)
    chance = random.Random(seed)
    ours = settings()
    prefixes = [environment(ours, name) for name in ("one", "two", "three")]
    fill(prefixes, chance)
    everything = [*prefixes, tmp_path]
    found = measured(ours)
    assert [one.name for one in found.environments] == ["one", "three", "two"]
    for prefix in prefixes:
        one = named(measured(ours), prefix.name)
        assert one.alone == du(prefix), f"seed {seed}"
        assert one.files == sum(len(files) for _, _, files in os.walk(prefix)) + sum(
            os.path.islink(os.path.join(folder, name)) for folder, names, _ in os.walk(prefix) for name in names
        )
        before = du(*everything)
        held = _folders_own(prefix.parent)
        shutil.rmtree(prefix)
        freed = before - du(*everything) - (held - _folders_own(prefix.parent))
        assert one.freed == freed, f"seed {seed}"


def _folders_own(folder: Path) -> int:
    return folder.stat().st_blocks * 512


def test_packages_are_shared_until_nobody_links_to_them(little_settings: Settings) -> None:
    requests = [
        CreateEnvironment(prefix=f"{little_settings.envs_dirs[0]}/{name}", specs=specs)
        for name, specs in (("one", ("wide=1.0",)), ("two", ("wide=1.0", "alpha=1.0")))
    ]
    for request in requests:
        operate(request, little_settings)
    result, events = operate(MeasureStorage(), little_settings)
    found = result.storage  # type: ignore[union-attr]
    assert storage.latest(little_settings) == found
    assert any(isinstance(event, Progress) and event.phase == "measure" for event in events)
    cache = Path(little_settings.cache_dir)
    one = named(found, "one")
    assert not one.other_file_system
    assert one.alone == du(Path(one.prefix)) > one.freed + 1400 * 4096
    assert found.cache.packages == sum(du(path) for path in (cache / "pkgs").iterdir() if path.is_dir())
    assert found.cache.unlinked == 0
    operate(RemoveEnvironment(prefix=named(found, "two").prefix), little_settings)
    alpha = next(path for path in (cache / "pkgs").glob("alpha-*") if path.is_dir())
    assert measured(little_settings).cache.unlinked == du(alpha)


def test_what_was_measured_stays_true_through_changes(little_settings: Settings) -> None:
    folder = little_settings.envs_dirs[0]
    operate(CreateEnvironment(prefix=f"{folder}/one", specs=("alpha=1.0",)), little_settings)
    assert storage.latest(little_settings) is None, "nobody has asked"
    before = measured(little_settings)
    operate(ChangePackages(prefix=f"{folder}/one", add=("wide=1.0",)), little_settings)
    changed = storage.latest(little_settings)
    assert changed is not None and changed.time == before.time
    assert named(changed, "one").alone == du(Path(folder, "one")) > named(before, "one").alone
    operate(Move(prefix=f"{folder}/other", source=f"{folder}/one"), little_settings)
    operate(CreateEnvironment(prefix=f"{folder}/new", specs=("alpha=1.0",)), little_settings)
    moved = storage.latest(little_settings)
    assert moved is not None and [one.name for one in moved.environments] == ["new", "other"]
    operate(RemoveEnvironment(prefix=f"{folder}/other"), little_settings)
    assert storage.latest(little_settings) == msgspec.structs.replace(moved, environments=(named(moved, "new"),))


def test_archives_lie_beside_what_was_extracted_from_them(settings) -> None:  # type: ignore[no-untyped-def]
    ours = settings()
    pkgs = Path(ours.cache_dir) / "pkgs"
    (pkgs / "a-1-0").mkdir(parents=True)
    for name in ("a-1-0.conda", "b-1-0.tar.bz2", "a-1-0.lock"):
        (pkgs / name).write_bytes(b"x" * 5000)
    (pkgs.parent / "repodata").mkdir()
    (pkgs.parent / "repodata" / "index").write_bytes(b"x" * 9000)
    (pkgs.parent / "wheels" / "a-1-0").mkdir(parents=True)
    (pkgs.parent / "wheels" / "a-1-0" / "a.whl").write_bytes(b"x" * 7000)
    cache = measured(ours).cache
    assert cache.archives == du(pkgs / "a-1-0.conda", pkgs / "b-1-0.tar.bz2")
    assert cache.packages == cache.unlinked == du(pkgs / "a-1-0")
    assert (cache.indexes, cache.bytecode) == (du(pkgs.parent / "repodata"), 0)
    assert cache.wheels == du(pkgs.parent / "wheels")


def test_nothing_is_there_yet(settings) -> None:  # type: ignore[no-untyped-def]
    ours = settings()
    assert storage.latest(ours) is None
    found = measured(ours)
    assert (found.environments, found.cache.packages) == ((), 0)
    assert storage.latest(ours) == found
    (Path(ours.data_dir) / "storage.json").write_text('{"of": "another version"}')
    assert storage.latest(ours) is None


def test_an_environment_that_vanishes_while_it_is_looked_at(settings) -> None:  # type: ignore[no-untyped-def]
    ours = settings()
    going, staying = environment(ours, "going"), environment(ours, "staying")
    for number in range(3000):
        folder = going / f"{number % 3}"
        folder.mkdir(exist_ok=True)
        (folder / f"{number}").touch()

    def emit(event: AnyEvent) -> None:
        if isinstance(event, Progress):
            assert event.item == "going"
            shutil.rmtree(going)

    found = storage.measure(ours, emit)
    assert [one.prefix for one in found.environments] == [str(staying)]


def test_an_environment_within_another_counts_for_itself(settings) -> None:  # type: ignore[no-untyped-def]
    ours = settings()
    outer = environment(ours, "outer")
    before = named(measured(ours), "outer").alone
    ours = settings(envs_dirs=(ours.envs_dirs[0], str(outer / "envs")))
    inner = outer / "envs" / "inner"
    (inner / "conda-meta").mkdir(parents=True)
    (inner / "conda-meta" / "history").touch()
    (inner / "big").write_bytes(b"x" * 1_000_000)
    found = measured(ours)
    assert named(found, "inner").alone == du(inner) > 1_000_000
    assert named(found, "outer").alone == before + _folders_own(outer / "envs")


def test_another_file_system(settings) -> None:  # type: ignore[no-untyped-def]
    """Of the environment as a whole it is told; what is mounted into one is not its own."""
    ours = settings()
    other, plain = Path(ours.envs_dirs[0]) / "other", environment(ours, "plain")
    with places.tmpfs(other), places.tmpfs(plain / "data"):
        environment_at = other / "conda-meta"
        environment_at.mkdir()
        (environment_at / "history").touch()
        (plain / "data" / "big").write_bytes(b"x" * 1_000_000)
        found = measured(ours)
        assert [one.other_file_system for one in found.environments] == [True, False]
        assert named(found, "plain").alone < 100_000


@pytest.mark.parametrize("mode", [0o000, 0o444])
def test_a_folder_that_nobody_may_look_into_is_counted(settings, mode: int) -> None:  # type: ignore[no-untyped-def]
    ours = settings()
    prefix = environment(ours, "closed")
    (prefix / "secret" / "inner").mkdir(parents=True)
    (prefix / "secret").chmod(mode)
    Path(ours.data_dir).mkdir()
    Path(ours.data_dir).chmod(0o777)
    try:
        found = run(MeasureStorage(), ours, places.ordinary())["storage"]["environments"]
    finally:
        (prefix / "secret").chmod(0o755)
    assert [(one["name"], one["unreadable"]) for one in found] == [("closed", 1)]
