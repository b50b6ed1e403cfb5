"""A change where directories cannot be exchanged, where there is no room, and where odd things lie about."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from jupyter_condaenv.engine import staging, transaction
from jupyter_condaenv.engine.errors import Broken
from jupyter_condaenv.engine.model import (
    AnyEvent,
    ChangePackages,
    CreateEnvironment,
    Message,
    RemoveEnvironment,
    Rollback,
    Settings,
)
from jupyter_condaenv.engine.prefix import PathEntry, Record
from tests.channel import index, write_package

from . import places
from .harness import Operation, changed, digest, leftovers, names, problems, refused, run, settled, tree

FOREIGN = ("CACHEDIR.TAG", "mine/", "shape-")
Place = Callable[[Path, Settings], object]


def prefix_of(settings: Settings, name: str = "demo") -> Path:
    return Path(settings.envs_dirs[0]) / name


def create(prefix: Path, settings: Settings, *specs: str) -> None:
    run(CreateEnvironment(prefix=str(prefix), specs=specs or ("alpha=1.0", "wide=1.0", "shape=1.0")), settings)
    (prefix / "mine").mkdir()
    (prefix / "mine/file").write_text("mine\n")


# --- where directories cannot be exchanged ---


@contextmanager
def lower_layer(prefix: Path, settings: Settings) -> Iterator[tuple[str, ...]]:
    """The environment came with the image of a container."""
    places.need_root("an overlayfs")
    image = prefix.parent.with_name("image")
    create(prefix, settings)
    shutil.rmtree(prefix.parent / staging.WORK_NAME)
    prefix.parent.rename(image)
    with places.overlay(image, prefix.parent.with_name("layers"), prefix.parent):
        yield ()


@contextmanager
def mount_point(prefix: Path, settings: Settings) -> Iterator[tuple[str, ...]]:
    """The environment is a volume."""
    places.need_root("a bind mount")
    volume = prefix.with_name("volume")
    create(prefix, settings)
    prefix.rename(volume)
    with places.mounted("--bind", volume, prefix):
        yield ()


@contextmanager
def other_file_system(prefix: Path, settings: Settings) -> Iterator[tuple[str, ...]]:
    """Packages are copied here, not linked; the exchange itself is possible."""
    with places.tmpfs(prefix.parent):
        create(prefix, settings)
        yield ()


@contextmanager
def fixed_parent(prefix: Path, settings: Settings) -> Iterator[tuple[str, ...]]:
    """The folder of environments is an administrator's."""
    create(prefix, settings)
    shutil.rmtree(prefix.parent / staging.WORK_NAME)
    with places.unwritable(prefix.parent) as before:
        yield before


@pytest.mark.slow
@pytest.mark.parametrize(
    "place", [pytest.param(lower_layer, marks=pytest.mark.slow), mount_point, other_file_system, fixed_parent]
)
def test_changes_are_made_all_the_same(place: Callable[..., object], little_settings: Settings) -> None:
    prefix = prefix_of(little_settings)
    with place(prefix, little_settings) as before:  # type: ignore[attr-defined]
        for shape, version, other in (("2.0", "2.0", "1.0"), ("3.0", "1.0", "2.0"), ("1.0", "2.0", "1.0")):
            add = (f"shape={shape}", f"alpha={version}", f"wide={version}", "beta")
            run(ChangePackages(prefix=str(prefix), add=add), little_settings, before)
            assert names(prefix) == {"alpha", "beta", "shape", "wide"}
            assert problems(prefix, *FOREIGN) == []
            assert (prefix / f"share/wide/of-{version}").is_dir()
            assert not (prefix / f"share/wide/of-{other}").exists()
            assert not (prefix / f"share/alpha/{other}").exists()
            conf = (prefix / "etc/alpha.conf").read_text()
            assert conf == f"prefix = {prefix}\nversion = {version}\n"
        run(ChangePackages(prefix=str(prefix), remove=("beta", "shape")), little_settings, before)
        assert (prefix / "mine/file").read_text() == "mine\n"
        assert not (prefix / "share/shape").exists()
        assert problems(prefix, *FOREIGN) == []
        settled(prefix)
        run(RemoveEnvironment(prefix=str(prefix)), little_settings, before)
        assert not [path for path in tree(prefix) if (prefix / path).is_file()]


def test_a_read_only_environment_is_refused_with_a_way_out(little_settings: Settings) -> None:
    prefix = prefix_of(little_settings)
    create(prefix, little_settings)
    before = tree(prefix)
    prefix.chmod(0o555)
    try:
        with places.unwritable(prefix.parent) as user:
            request = ChangePackages(prefix=str(prefix), add=("gamma",))
            failure = refused(request, little_settings, "read_only", before=user)
            assert "stack" in failure["hint"]
            refused(RemoveEnvironment(prefix=str(prefix)), little_settings, "read_only", before=user)
    finally:
        prefix.chmod(0o755)
    assert tree(prefix) == before


# --- no room ---


def _fill(folder: Path, leave: int) -> None:
    """Take all the room but about ``leave`` bytes."""
    free = os.statvfs(folder)
    with (folder / "ballast").open("wb") as file:
        for _ in range(max(0, free.f_bavail * free.f_frsize - leave) // 4096):
            file.write(b"\0" * 4096)


@pytest.mark.parametrize("leave", [0, 60_000, 200_000])
def test_no_room_for_the_environment(leave: int, little_settings: Settings) -> None:
    prefix = prefix_of(little_settings)
    with places.tmpfs(prefix.parent, "40m"):
        create(prefix, little_settings, "alpha=1.0", "gamma")
        before = tree(prefix)
        _fill(prefix.parent, leave)
        failure = refused(ChangePackages(prefix=str(prefix), add=("wide=2.0",)), little_settings, "storage_error")
        assert failure["hint"]
        assert tree(prefix) == before
        assert leftovers(prefix) == []
        (prefix.parent / "ballast").unlink()
        run(ChangePackages(prefix=str(prefix), add=("wide=2.0",)), little_settings)
        assert problems(prefix, *FOREIGN) == []
        settled(prefix)


@pytest.mark.parametrize("leave", [0, 100_000, 2_000_000])
def test_no_room_for_the_cache(leave: int, little_settings: Settings, tmp_path: Path) -> None:
    with places.tmpfs(tmp_path / "small", "40m"):
        ours = changed(little_settings, cache_dir=str(tmp_path / "small" / "cache"))
        prefix = prefix_of(ours)
        create(prefix, ours, "alpha=1.0")
        before = tree(prefix)
        _fill(tmp_path / "small", leave)
        failure = refused(ChangePackages(prefix=str(prefix), add=("wide=2.0",)), ours, "storage_error", "channel_error")
        assert re.search("space|room", failure["message"] + failure["hint"])
        assert tree(prefix) == before
        assert leftovers(prefix) == []
        (tmp_path / "small" / "ballast").unlink()
        run(ChangePackages(prefix=str(prefix), add=("wide=2.0",)), ours)
        assert problems(prefix, *FOREIGN) == []


# --- odd things ---


def test_what_people_keep_in_an_environment_survives(little_settings: Settings) -> None:
    prefix = prefix_of(little_settings)
    create(prefix, little_settings)
    mine = prefix / "mine"
    (mine / "loop").symlink_to("loop")
    (mine / "dangling").symlink_to("/nowhere")
    os.mkfifo(mine / "fifo")
    (mine / ("n" * 255)).write_text("long")
    (mine / "locked").mkdir()
    (mine / "locked/file").write_text("locked")
    (mine / "locked/file").chmod(0o400)
    (mine / "locked").chmod(0o555)
    with open(os.fsencode(mine) + b"/\xff\xfe", "w") as file:
        file.write("no UTF-8")
    for number in range(4_000):
        folder = mine / f"{number // 1000}"
        if number % 1000 == 0:
            folder.mkdir()
        (folder / f"{number}").touch()
    before = _with_times(mine)
    for add in (("alpha=2.0",), ("gamma",)):
        run(ChangePackages(prefix=str(prefix), add=add), little_settings)
        assert _with_times(mine) == before
    settled(prefix)
    assert _with_times(mine) == before
    run(RemoveEnvironment(prefix=str(prefix)), little_settings)
    assert not prefix.exists() and leftovers(prefix) == []


def test_what_lies_where_a_package_brings_a_file_is_kept_beside(little_settings: Settings) -> None:
    prefix = prefix_of(little_settings)
    create(prefix, little_settings, "wide=1.0")
    (prefix / "share/gamma").mkdir()
    (prefix / "share/gamma/g.txt").write_text("mine\n")
    (prefix / "share/beta.txt").write_text("beta\n")
    with Operation(ChangePackages(prefix=str(prefix), add=("gamma", "beta")), little_settings) as operation:
        operation.expect_result()
    told = [event["text"] for event in operation.events if event.get("level") == "warning"]
    assert told == ["What lay where packages bring other files is kept: share/gamma/g.txt as share/gamma/g.txt.saved-1"]
    assert (prefix / "share/gamma/g.txt").read_text() == "gamma\n"
    assert (prefix / "share/gamma/g.txt.saved-1").read_text() == "mine\n"
    assert sorted(path.name for path in (prefix / "share").glob("beta*")) == ["beta.txt"], "the same is not kept twice"


def _with_times(folder: Path) -> dict[str, tuple[object, ...]]:
    return {path: (*what, os.lstat(folder / path).st_mtime_ns) for path, what in tree(folder).items()}


@pytest.mark.slow
def test_a_damaged_record_is_named_and_nothing_is_lost(little_settings: Settings) -> None:
    prefix = prefix_of(little_settings)
    create(prefix, little_settings)
    record = next((prefix / "conda-meta").glob("alpha-*.json"))
    good = record.read_bytes()
    record.write_bytes(good[: len(good) // 2])
    before = tree(prefix)
    for request in (
        ChangePackages(prefix=str(prefix), add=("gamma",)),
        ChangePackages(prefix=str(prefix), remove=("wide",)),
    ):
        failure = refused(request, little_settings, "broken")
        assert record.name in failure["message"] + str(failure.get("details"))
        assert tree(prefix) == before
        assert leftovers(prefix) == []
    record.write_bytes(good)
    run(ChangePackages(prefix=str(prefix), add=("gamma",)), little_settings)
    assert problems(prefix, *FOREIGN) == []


def test_an_environment_by_a_link_to_it(little_settings: Settings, tmp_path: Path) -> None:
    prefix = prefix_of(little_settings)
    create(prefix, little_settings)
    link = tmp_path / "link"
    link.symlink_to(prefix)
    run(ChangePackages(prefix=str(link), add=("alpha=2.0",)), little_settings)
    assert link.is_symlink() and (link / "share/alpha/only-2.0.txt").exists()
    assert (prefix / "etc/alpha.conf").read_text().startswith(f"prefix = {prefix}\n")
    assert problems(prefix, *FOREIGN) == []
    settled(prefix)


@pytest.mark.slow
def test_what_is_shared_with_the_cache_is_not_written_into(little_settings: Settings) -> None:
    prefix = prefix_of(little_settings)
    create(prefix, little_settings)
    cache = Path(little_settings.cache_dir) / "pkgs"
    before = {path: digest(path) for path in cache.rglob("share/**/*") if path.is_file()}
    assert before
    for add in (("alpha=2.0", "wide=2.0"), ("alpha=1.0", "shape=3.0")):
        run(ChangePackages(prefix=str(prefix), add=add), little_settings)
    settled(prefix)
    assert {path: digest(path) for path in before} == before


# --- the look at every file before a change is put in place ---


def looked_at(work: staging.Workspace, *entries: PathEntry, twice: bool = False, linked: bool = True) -> list[AnyEvent]:
    told: list[AnyEvent] = []
    text = {"name": "thing", "version": "1.0", "build": "0", "paths_data": {"paths": list(entries)}}
    record = msgspec.json.decode(msgspec.json.encode(text), type=Record)
    there = dict.fromkeys(("thing-1.0-0.json", "twin-1.0-0.json")[: 1 + twice], record)
    transaction._look(work, there, there.keys() if linked else set(), told.append)
    return told


@pytest.fixture
def work(tmp_path: Path) -> staging.Workspace:
    work = staging.workspace(tmp_path / "env")
    work.prefix.mkdir()
    work.stage.mkdir(parents=True)
    return work


def test_a_path_that_was_not_linked_is_found(work: staging.Workspace) -> None:
    (work.stage / "there").write_text("1234")
    assert looked_at(work, PathEntry(path="there", size_in_bytes=4)) == []
    with pytest.raises(Broken, match="gone is missing"):
        looked_at(work, PathEntry(path="there", size_in_bytes=4), PathEntry(path="gone"))


def test_a_file_of_another_size_is_found(work: staging.Workspace) -> None:
    (work.stage / "cut").write_text("12")
    with pytest.raises(Broken, match="has 2 bytes, not 4"):
        looked_at(work, PathEntry(path="cut", size_in_bytes=4))


def test_what_a_change_takes_from_a_package_that_stays_is_found(work: staging.Workspace) -> None:
    gone, cut = PathEntry(path="gone", size_in_bytes=4), PathEntry(path="cut", size_in_bytes=4)
    for name in ("gone", "cut"):
        (work.prefix / name).write_text("1234")
    (work.stage / "cut").write_text("12")
    with pytest.raises(Broken, match="gone is missing"):
        looked_at(work, gone, linked=False)
    with pytest.raises(Broken, match="has 2 bytes, not 4"):
        looked_at(work, cut, linked=False)


def test_a_file_that_two_packages_bring_is_told(work: staging.Workspace) -> None:
    (work.stage / "shared").write_text("12")
    (message,) = looked_at(work, PathEntry(path="shared", size_in_bytes=4), twice=True)
    assert isinstance(message, Message) and "shared" in message.text


@pytest.mark.slow
def test_what_was_otherwise_before_stays_so_and_is_told(little_settings: Settings) -> None:
    prefix = prefix_of(little_settings)
    create(prefix, little_settings, "alpha=1.0", "shape=1.0")
    for path in ("share/alpha/same.txt", "bin/alpha"):
        (prefix / path).unlink()  # it shares its content with the package cache
    (prefix / "share/alpha/same.txt").write_text("mine\n")

    def change(request: ChangePackages | Rollback) -> list[str]:
        with Operation(request, little_settings) as operation:
            operation.expect_result()
            messages = [event["text"] for event in operation.events if event.get("level") == "warning"]
        assert (prefix / "share/alpha/same.txt").read_text() == "mine\n" and not (prefix / "bin/alpha").exists()
        return messages

    requests = (
        ChangePackages(prefix=str(prefix), add=("gamma",)),
        ChangePackages(prefix=str(prefix), remove=("shape",)),
        Rollback(prefix=str(prefix)),
    )
    for request in requests:
        (text,) = change(request)
        assert text.endswith("doctor can mend them: bin/alpha of alpha 1.0 is missing and 1 more")
    run(ChangePackages(prefix=str(prefix), add=("alpha=2.0",)), little_settings)
    assert problems(prefix, *FOREIGN) == []


@pytest.mark.slow
def test_what_pip_has_put_over_a_package_stays_so(settings: Callable[..., Settings], tmp_path: Path) -> None:
    site, channel = "lib/python3.11/site-packages", tmp_path / "channel"
    lib = {f"{site}/lib.pyi": "1\n", f"{site}/lib-1.0.dist-info/METADATA": "Name: lib\nVersion: 1.0\n"}
    for name, version, files in (("python", "3.11.0", {}), ("tool", "1.0", {}), ("lib", "1.0", lib)):
        write_package(channel, name, version, files=files, noarch="generic")
    index(channel)
    own = settings(channels=(channel.as_uri(),))
    prefix = prefix_of(own)
    create(prefix, own, "python", "lib")
    for path in lib:
        (prefix / path).unlink()
    (prefix / site / "lib-1.0.dist-info").rename(prefix / site / "lib-2.0.dist-info")
    (prefix / site / "lib-2.0.dist-info/METADATA").write_text("Name: lib\nVersion: 2.0\n")
    (prefix / site / "lib-2.0.dist-info/RECORD").write_text("lib.pyi,,\nlib-2.0.dist-info/METADATA,,\n")
    (prefix / site / "lib.pyi").write_text("the second\n")
    before = tree(prefix / "lib")
    for request in (ChangePackages(prefix=str(prefix), add=("tool",)), Rollback(prefix=str(prefix))):
        run(request, own)
        assert tree(prefix / "lib") == before
