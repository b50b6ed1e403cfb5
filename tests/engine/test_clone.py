"""A clone is what a fresh link of the same packages would be, with what pip and its user put into the source."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from jupyter_condaenv.engine import history, operations, stack
from jupyter_condaenv.engine.errors import AlreadyExists, NotFound, Outdated, Refused
from jupyter_condaenv.engine.model import (
    AnyEvent,
    Changed,
    ChangePackages,
    CheckHealth,
    Clone,
    CreateEnvironment,
    Examined,
    Message,
    RemoveEnvironment,
    Rollback,
    Settings,
    StackEnvironment,
    Step,
)

from . import places
from .child import in_child, operate
from .harness import leftovers, problems, run, settled, tree

SPECS = ("python", "pip", "prefixdemo", "entrydemo")
PLACES = {"plain": "plain/env", "space": "with a space/env", "long": "long" * 40 + "/env"}


@pytest.fixture
def source(little_settings: Settings) -> Path:
    prefix = Path(little_settings.envs_dirs[0]) / "source"
    operate(CreateEnvironment(prefix=str(prefix), specs=("alpha=1.0", "shape=3.0")), little_settings)
    return prefix


def cloned(source: Path, settings: Settings, name: str = "twin") -> Path:
    prefix = Path(settings.envs_dirs[0]) / name
    result, _ = operate(Clone(prefix=str(prefix), source=str(source)), settings)
    assert isinstance(result, Changed)
    assert leftovers(prefix) == leftovers(source) == []
    return prefix


def files(prefix: Path) -> dict[str, tuple[object, ...]]:
    """All but the records, whose order and spelling are each tool's own."""
    return {path: what for path, what in tree(prefix, ours=False).items() if not path.endswith(".json")}


def test_no_solver_is_started_for_it(source: Path, little_settings: Settings) -> None:
    """What a clone does not need, and would take as long to import as the clone takes."""
    program = (
        "import sys, msgspec; from jupyter_condaenv.engine import model; from jupyter_condaenv.jobs import worker\n"
        "request = msgspec.json.decode(sys.argv[1], type=model.Clone)\n"
        "settings = msgspec.json.decode(sys.argv[2], type=model.Settings)\n"
        "worker.perform(request, settings, lambda event: None)\n"
        "print(*sys.modules)"
    )
    request = Clone(prefix=str(source.with_name("twin")), source=str(source))
    told = [msgspec.json.encode(one).decode() for one in (request, little_settings)]
    loaded = subprocess.check_output([sys.executable, "-c", program, *told], text=True, timeout=60).split()
    assert Path(request.prefix, "conda-meta").is_dir()
    assert {"rattler", "yaml", "asyncio", "email.parser", "packaging"}.isdisjoint(loaded)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("plain", "space"),
        pytest.param("space", "long", marks=pytest.mark.slow),
        pytest.param("long", "plain", marks=pytest.mark.slow),
    ],
)
def test_as_a_fresh_link_would_be(one: str, other: str, real_settings: Settings, tmp_path: Path) -> None:
    first, second = tmp_path / PLACES[one], tmp_path / PLACES[other]
    operate(CreateEnvironment(prefix=str(first), specs=SPECS), real_settings)
    was = tree(first)
    result, _ = operate(Clone(prefix=str(second), source=str(first)), replace(real_settings, channels=("nowhere",)))
    assert isinstance(result, Changed)
    assert problems(second) == []
    examined, _ = operate(CheckHealth(prefix=str(second)), real_settings)
    assert isinstance(examined, Examined)
    assert [one.code for one in examined.health.findings if one.code != "no_kernel"] == []
    found = files(second)
    assert subprocess.check_output([second / "bin/entrydemo"], text=True) == f"entrydemo {second}\n"
    assert tree(first) == was
    operate(RemoveEnvironment(prefix=str(second)), real_settings)
    operate(CreateEnvironment(prefix=str(second), lock=history.current_lock(first)), real_settings)
    fresh = files(second)
    assert found.keys() == fresh.keys()
    others = {path for path, what in fresh.items() if found[path] != what}
    assert all(path.endswith(".pyc") for path in others)
    # What is compiled of sources that hold the prefix has in it when these were written.
    assert {os.path.basename(path).partition(".")[0] for path in others} == {
        "python-config",
        "_sysconfigdata__linux_x86_64-linux-gnu",
    }


def test_what_packages_brought_is_shared_and_what_is_ones_own_is_not(source: Path, little_settings: Settings) -> None:
    mine = source / "mine"
    mine.mkdir()
    own = {
        "script": f"#!{source}/bin/python\nimport sys\n",
        "direct_url.json": json.dumps({"url": f"file://{source}/src"}),
        "path.pth": f"{source}/lib\n",
        "other": f"{source}2 is another one, and {source}.old too\n",
        "plain": "mine\n",
    }
    for name, text in own.items():
        (mine / name).write_text(text)
    (mine / "script").chmod(0o755)
    (mine / "binary").write_bytes(b"\0" + os.fsencode(source))
    (mine / "huge").write_bytes(os.fsencode(source) + b"\n" * 5_000_000)
    (mine / "inside").symlink_to(source / "mine" / "plain")
    (mine / "outside").symlink_to("/etc/hostname")
    (mine / "relative").symlink_to("plain")
    (mine / "closed").mkdir()
    (mine / "closed" / "file").write_text("x")
    (mine / "closed").chmod(0o555)
    os.mkfifo(mine / "fifo")
    was = tree(source)
    twin = cloned(source, little_settings)
    assert tree(source) == was
    assert problems(twin, "mine/", "shape-") == []
    assert {name: (twin / "mine" / name).read_text() for name in own} == {
        name: text if name == "other" else text.replace(str(source), str(twin)) for name, text in own.items()
    }
    for name in ("binary", "huge"):
        assert (twin / "mine" / name).read_bytes() == (mine / name).read_bytes()
    links = {name: os.readlink(twin / "mine" / name) for name in ("inside", "outside", "relative")}
    assert links == {"inside": f"{twin}/mine/plain", "outside": "/etc/hostname", "relative": "plain"}
    assert os.access(twin / "mine" / "script", os.X_OK)
    assert not (twin / "mine" / "fifo").exists()
    assert (twin / "share/alpha/same.txt").samefile(source / "share/alpha/same.txt")
    assert not (twin / "mine/plain").samefile(mine / "plain")
    assert (twin / "etc/alpha.conf").read_text() == f"prefix = {twin}\nversion = 1.0\n"
    (mine / "closed").chmod(0o755)


def test_its_history_is_its_own(source: Path, little_settings: Settings) -> None:
    operate(ChangePackages(prefix=str(source), add=("gamma",)), little_settings)
    settled(source)
    twin = cloned(source, little_settings)
    (first,) = history.readable(twin)[0]
    assert (first.number, first.verb, first.lock) == (1, "clone of source", history.current_lock(source))
    text = (twin / "conda-meta/history").read_text()
    assert text.count("==>") == 1 and "# cmd: jupyter condaenv clone of source\n" in text
    assert set(history.requested(twin, first.lock.packages)) == set(first.lock.specs)
    was = files(twin)
    operate(ChangePackages(prefix=str(twin), add=("alpha=2.0",)), little_settings)
    operate(Rollback(prefix=str(twin)), little_settings)
    settled(twin)
    assert files(twin) == was
    assert [one.number for one in history.readable(source)[0]] == [1, 2]


def test_secrets_that_others_left_are_not_passed_on(source: Path, little_settings: Settings) -> None:
    record, mark = source / "conda-meta/alpha-1.0-0.json", little_settings.channels[0]
    record.write_text(record.read_text().replace(mark, "https://me:canary@host/t/canary/c"))
    (source / "conda-meta/notes.json").write_text("[1, no record")
    twin = cloned(source, little_settings)
    assert (twin / "conda-meta/notes.json").read_text() == "[1, no record"
    assert b"canary" in record.read_bytes()
    assert not any(b"canary" in path.read_bytes() for path in twin.rglob("*") if path.is_file())
    assert b"https://host/c/noarch/alpha" in (twin / "conda-meta" / record.name).read_bytes()
    settled(twin)


def test_an_edited_file_of_a_package_comes_along_as_it_is(source: Path, little_settings: Settings) -> None:
    for name, text in (("share/alpha/same.txt", "edited\n"), ("etc/alpha.conf", f"mine = {source}/x\n")):
        (source / name).unlink()
        (source / name).write_text(text)
    (source / "share/alpha/only-1.0.txt").unlink()
    prefix = source.with_name("twin")
    _, events = operate(Clone(prefix=str(prefix), source=str(source)), little_settings)
    assert (prefix / "share/alpha/same.txt").read_text() == "edited\n"
    assert (prefix / "etc/alpha.conf").read_text() == f"mine = {prefix}/x\n"
    (told,) = [event.text for event in events if isinstance(event, Message)]
    assert "not in its clone either: share/alpha/only-1.0.txt" in told


def test_all_that_cannot_come_along_is_told(source: Path, little_settings: Settings) -> None:
    for name in ("one", "two"):
        os.mkfifo(source / name)
    _, events = operate(Clone(prefix=f"{source}-twin", source=str(source)), little_settings)
    assert [event.text for event in events if isinstance(event, Message)] == [
        "What is no file, folder or link does not come along: one, two"
    ]


def test_through_a_link_to_it(little_settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    source = tmp_path / "link" / "source"
    operate(CreateEnvironment(prefix=str(source), specs=("alpha=1.0",)), little_settings)
    twin = cloned(source, little_settings)
    assert (twin / "etc/alpha.conf").read_text() == f"prefix = {twin}\nversion = 1.0\n"
    with pytest.raises(Refused, match=r"etc/alpha\.conf of alpha-1\.0-0 holds another path"):
        cloned(tmp_path / "real" / "source", little_settings, "other")


def test_an_overlay(real_settings: Settings) -> None:
    base, top = (Path(real_settings.envs_dirs[0]) / name for name in ("base-env", "top"))
    operate(CreateEnvironment(prefix=str(base), specs=("python",)), real_settings)
    operate(StackEnvironment(prefix=str(top), base=str(base), specs=("entrydemo",)), real_settings)
    twin = cloned(top, real_settings)
    assert stack.read(twin) == stack.read(top)
    assert history.current_lock(twin) == history.current_lock(top)
    assert subprocess.check_output([twin / "bin/entrydemo"], text=True) == f"entrydemo {twin}\n"


def test_from_another_file_system(little_settings: Settings, tmp_path: Path) -> None:
    source = tmp_path / "volume" / "source"
    with places.tmpfs(source.parent):
        operate(CreateEnvironment(prefix=str(source), specs=("alpha=1.0",)), little_settings)
        twin = cloned(source, little_settings)
        assert problems(twin) == []


def test_what_only_its_owner_can_change(source: Path, little_settings: Settings, tmp_path: Path) -> None:
    """Who cannot write it cannot hold its lock either, nor link to its files; the clone is theirs."""
    place = tmp_path / "theirs"
    place.mkdir(mode=0o777)
    place.chmod(0o777)
    (source / "share").chmod(0o555)
    with places.unwritable(source.parent) as user:
        run(Clone(prefix=str(place / "twin"), source=str(source)), little_settings, user)
    assert problems(place / "twin", "shape-") == []
    assert (place / "twin" / "share").stat().st_mode & 0o700 == 0o700


def test_what_cannot_be_cloned(source: Path, little_settings: Settings) -> None:
    was = tree(source)
    with pytest.raises(NotFound):
        cloned(source.with_name("nowhere"), little_settings)
    with pytest.raises(Refused, match="lies within"):
        cloned(source, little_settings, "source/inner")
    with pytest.raises(AlreadyExists):
        cloned(source, little_settings, "source")
    (source / "condabin").mkdir()
    with pytest.raises(Refused, match="base of a conda installation"):
        cloned(source, little_settings)
    (source / "condabin").rmdir()
    moved = source.rename(source.with_name("moved"))
    with pytest.raises(Refused, match="holds another path"):
        cloned(moved, little_settings)
    assert not source.with_name("twin").exists()
    shutil.move(moved, source)
    assert tree(source) == was


def test_a_source_that_changes_meanwhile(source: Path, little_settings: Settings) -> None:
    prefix = source.with_name("twin")
    request = Clone(prefix=str(prefix), source=str(source))
    with pytest.raises(Outdated, match="was changed while"):
        in_child(_clone_a_moving_one, request, little_settings)
    assert not prefix.exists() and leftovers(prefix) == leftovers(source) == []


def _clone_a_moving_one(request: Clone, settings: Settings) -> None:
    def emit(event: AnyEvent) -> None:
        if isinstance(event, Step) and event.phase == "commit":
            raise AssertionError("it was not seen")
        if not isinstance(event, Step):
            Path(request.source, "conda-meta", "alpha-1.0-0.json").touch()

    operations.perform(request, settings, emit)
