"""Environments that others have made, wherever they are: what is found, what is passed over, and what that costs."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from jupyter_condaenv.engine import environments, places, scanning
from jupyter_condaenv.engine.errors import InvalidRequest
from jupyter_condaenv.engine.model import AnyEvent, Message, Scanned, Settings

from .test_environments import bare

USUAL = ("~/*", "~/*/envs/*", "~/*/.pixi/envs/*")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """As somebody has it who has used conda and pixi for a while."""
    home = tmp_path / "home"
    bare(home / "miniforge3", "python-3.12.4-h1_cpython", "conda-25.1-py312_0")
    bare(home / "miniforge3" / "envs" / "a", "python-3.11.7-h1_cpython")
    bare(home / "work" / "maps" / ".pixi" / "envs" / "default", "python-3.13.1-h1_cpython")
    bare(home / "maps" / ".pixi" / "envs" / "test")
    bare(home / "scratch" / "by-path")
    (home / ".conda").mkdir()
    (home / ".conda" / "environments.txt").write_text(f"{home}/scratch/by-path\n")
    return home


def look(settings: Settings, *patterns: str) -> tuple[Scanned, list[AnyEvent]]:
    events: list[AnyEvent] = []
    wanted = tuple(map(places.pattern, patterns)) if patterns else settings.find
    found = scanning.scan(type(settings)(**{**_fields(settings), "find": wanted}), events.append)
    return found, events


def _fields(settings: Settings) -> dict[str, Any]:
    return {name: getattr(settings, name) for name in settings.__struct_fields__}


def below(home: Path, found: Scanned) -> set[str]:
    return {str(Path(one.prefix).relative_to(home)) for one in found.environments}


def test_what_conda_and_pixi_have_made_is_found(settings: Callable[..., Settings], home: Path) -> None:
    own = settings()
    bare(Path(own.envs_dirs[0]) / "geo")
    assert [one.name for one in environments.list_environments(own)] == ["by-path", "geo"]
    found, _ = look(own, *USUAL)
    assert found.environments == tuple(environments.list_environments(own)), "a list reads what was found"
    assert below(home.parent, found) == {
        "envs/geo",
        "home/miniforge3",
        "home/miniforge3/envs/a",
        "home/maps/.pixi/envs/test",
        "home/scratch/by-path",
    }
    assert set(found.new) == {f"{home}/{one}" for one in ("miniforge3", "miniforge3/envs/a", "maps/.pixi/envs/test")}
    again, _ = look(own, *USUAL, "~/*/*/.pixi/envs/*")
    assert again.new == (f"{home}/work/maps/.pixi/envs/default",)
    assert environments.find("a", own).prefix == f"{home}/miniforge3/envs/a", "by its name alone"


def test_what_is_deleted_goes_and_what_is_absent_stays(settings: Callable[..., Settings], home: Path) -> None:
    own = settings()
    look(own, *USUAL)
    (home / "maps").rename(home.parent / "lent")
    (home / "miniforge3" / "envs" / "a" / "conda-meta").rename(home / "conda-meta")
    found, _ = look(own, *USUAL)
    assert found.gone == (f"{home}/maps/.pixi/envs/test", f"{home}/miniforge3/envs/a")
    assert {Path(one.prefix).name for one in places.found(own)} == {"miniforge3"}
    elsewhere = places.Place(prefix=f"{home.parent}/volume/envs/b", folders=(1,))
    places.keep((*places.found(own), elsewhere), own)
    assert f"{home.parent}/volume/envs/b" not in {one.prefix for one in environments.list_environments(own)}
    look(own, *USUAL)
    assert elsewhere in places.found(own), "it may be on a file system that is mounted elsewhere"


def test_what_is_no_longer_looked_for_is_no_longer_listed(settings: Callable[..., Settings], home: Path) -> None:
    own = settings()
    look(own, *USUAL)
    found, _ = look(own, "~/*")
    assert below(home, found) == {"miniforge3", "scratch/by-path"}


@pytest.mark.parametrize("damage", ["", "{", "[1]", '[{"prefix": "/a"}]', "\x00" * 20])
def test_a_damaged_file_is_as_none(settings: Callable[..., Settings], home: Path, damage: str) -> None:
    own = settings()
    look(own, *USUAL)
    (Path(own.data_dir) / "places.json").write_text(damage)
    assert [one.name for one in environments.list_environments(own)] == ["by-path"]
    found, _ = look(own, *USUAL)
    assert len(found.environments) == 4


# --- what stands in the way ---


def test_nothing_on_a_disk_stops_a_scan(settings: Callable[..., Settings], home: Path) -> None:
    work = home / "work"
    (work / "dangling").symlink_to("nowhere")
    (work / "loop").symlink_to("loop")
    (work / "round").symlink_to(work)
    (work / "file").touch()
    os.mkfifo(work / "pipe")
    os.mkfifo(bare(work / "with-pipe") / "conda-meta" / "more")
    (work / "history-is-a-pipe" / "conda-meta").mkdir(parents=True)
    os.mkfifo(work / "history-is-a-pipe" / "conda-meta" / "history")
    bare(work / "größe 环境 'x\"")
    bare(work / "line\nbreak")
    bare(Path(os.fsdecode(os.fsencode(work) + b"/latin-\xe4")))
    (work / "again").symlink_to(work / "with-pipe")
    found, _ = look(settings(), "~/work/*", "~/work/*/*", "~/work/*/*/*")
    assert below(home, found) == {
        "scratch/by-path",
        "work/again",  # by whichever of its names it is met first
        "work/größe 环境 'x\"",
        "work/line\nbreak",
    }


def test_what_cannot_be_read_is_passed_over(
    settings: Callable[..., Settings], home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() == 0:
        ordinary_listdir = os.listdir

        def listdir(folder: str) -> list[str]:
            if folder == f"{home}/work":
                raise PermissionError(13, "Permission denied", folder)
            return ordinary_listdir(folder)

        monkeypatch.setattr(os, "listdir", listdir)
    else:
        (home / "work").chmod(0)
    found, _ = look(settings(), "~/*/*/.pixi/envs/*", "~/*")
    assert below(home, found) == {"miniforge3", "scratch/by-path"}


def test_a_home_that_looks_like_a_pattern_is_none(
    settings: Callable[..., Settings], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "a[b]*"
    monkeypatch.setenv("HOME", str(home))
    bare(home / "geo")
    bare(tmp_path / "ab" / "other")
    found, _ = look(settings(), "~/*")
    assert [one.prefix for one in found.environments] == [str(home / "geo")]


@pytest.mark.parametrize(
    "text", ["", "envs/*", "./*", "~", "*", "~/**", "/a/**/envs", "/a/../*", "~nobody-here/*", "/a\0"]
)
def test_what_could_lead_anywhere_is_no_pattern(text: str) -> None:
    with pytest.raises(InvalidRequest, match="no pattern") as caught:
        places.pattern(text)
    assert repr(text) in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "expected"), [("/data//x/./*/", "/data/x/*"), ("/", "/"), ("/a[bc]?", "/a[bc]?"), ("~/*", "{home}/*")]
)
def test_a_pattern(text: str, expected: str, home: Path) -> None:
    assert places.pattern(text) == expected.format(home=home)


# --- what it costs ---

_events: Counter[str] | None = None


def _audit(event: str, _arguments: tuple[object, ...]) -> None:
    if _events is not None:
        _events[event] += 1


sys.addaudithook(_audit)  # for good: Python takes none back


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """What this process does, by the names that Python gives it (PEP 578)."""
    global _events
    _events = found = Counter()
    try:
        yield found
    finally:
        _events = None


def test_two_hundred_folders_cost_a_look_each_and_nothing_is_run(
    settings: Callable[..., Settings], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(200):
        (home / f"project-{number}" / "src").mkdir(parents=True)
    for number in range(20):
        bare(home / f"project-{number}" / ".pixi" / "envs" / "default", "python-3.13.1-h1_cpython")
    own = settings()
    looks = Counter[str]()
    look_at = os.stat

    def stat(*arguments: Any, **how: Any) -> os.stat_result:
        looks["stat"] += 1
        return look_at(*arguments, **how)

    monkeypatch.setattr(os, "stat", stat)
    with counted() as done:
        found, _ = look(own, *USUAL)
    assert len(found.new) == 23
    assert found.looked_at < 3 * 210 + 30
    assert done["os.listdir"] < 2 * 210 + 30
    assert looks["stat"] < 210 + 25 * 40, "beside the look at each folder, some at each environment"
    assert not {"subprocess.Popen", "os.fork", "os.exec", "os.posix_spawn", "os.system"} & set(done)


def test_a_pattern_that_stands_for_too_much_is_given_up(
    settings: Callable[..., Settings], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scanning, "MOST", 50)
    for number in range(60):
        (home / f"a-{number:02}").mkdir()
    found, events = look(settings(), "~/*", "~/miniforge3/envs/*")
    assert [one.name for one in found.environments] == ["a", "by-path"]
    (warning,) = [one.text for one in events if isinstance(one, Message)]
    assert "~" not in warning and f"{home}/* stands for more than 50 names" in warning


def test_two_scans_at_once_leave_one_whole_file(settings: Callable[..., Settings], home: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    own = settings()
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: look(own, *USUAL)[0], range(8)))
    assert {len(one.environments) for one in found} == {4}
    assert len(places.found(own)) == 3
