"""Packages are found, best first, in indexes that a job writes; and a damaged or missing one is made anew."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from jupyter_condaenv.engine import search
from jupyter_condaenv.engine.channels import host_subdir
from jupyter_condaenv.engine.errors import ChannelError, InvalidRequest, NotFound, Refused, StorageError
from jupyter_condaenv.engine.model import (
    FoundPackages,
    IndexChannels,
    Indexed,
    Lock,
    Message,
    Package,
    Settings,
    Step,
)
from jupyter_condaenv.engine.rattler import host
from tests.channel import ChannelServer

from .child import in_child, operate

Make = Callable[..., Settings]


def record(name: str, version: str, build: str = "0", **fields: Any) -> dict[str, Any]:
    return {"name": name, "version": version, "build": build, "build_number": 0, "depends": [], **fields}


def write(channel: Path, records: Iterable[dict[str, Any]], subdir: str = "noarch") -> Path:
    """The index of ``subdir`` of ``channel``: all that a search needs of a channel."""
    found = {f"{one['name']}-{one['version']}-{one['build']}.conda": {**one, "subdir": subdir} for one in records}
    (channel / subdir).mkdir(parents=True, exist_ok=True)
    index = {"info": {"subdir": subdir}, "packages": {}, "packages.conda": found, "repodata_version": 1}
    part = channel / subdir / "part"
    part.write_text(json.dumps(index))
    part.replace(channel / subdir / "repodata.json")
    return channel


def write_names(channel: Path, *names: str) -> Path:
    return write(channel, [record(name, "1.0") for name in names])


def indexed(settings: Settings, **request: Any) -> Indexed:
    result, _ = operate(IndexChannels(**request), settings)
    assert isinstance(result, Indexed)
    return result


def names(found: FoundPackages) -> list[str]:
    return [one.name for one in found.packages]


@pytest.fixture
def many(tmp_path: Path, settings: Make) -> Settings:
    """A channel with names that are easily confused, indexed."""
    channel = write_names(
        tmp_path / "many", "numpy", "numpy-base", "numpydoc", "msgpack-numpy", "xnumpyx", "scikit-learn", "py_lru.x",
        "zlib", "a",
    )  # fmt: skip
    made: Settings = settings(channels=(channel.as_uri(),))
    indexed(made)
    return made


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("numpy", ["numpy", "numpy-base", "numpydoc", "msgpack-numpy", "xnumpyx"]),
        ("  NumPy ", ["numpy", "numpy-base", "numpydoc", "msgpack-numpy", "xnumpyx"]),
        ("num base", ["numpy-base"]),
        ("base num", ["numpy-base"]),
        ("scikit_learn", ["scikit-learn"]),
        ("scikit.l", ["scikit-learn"]),
        ("py-lru-x", ["py_lru.x"]),
        ("lru", ["py_lru.x"]),
        ("%", []),
        ("_", ["msgpack-numpy", "numpy-base", "py_lru.x", "scikit-learn"]),
        ("*", []),
        ("num_y", []),
        ("'; DROP TABLE about; --", []),
        ("\0", []),
        ("ﬁ İ ß 数 \u2028 é", []),
        ("numpy nowhere", []),
        ("a" * 200, []),
    ],
)
def test_the_best_come_first(many: Settings, query: str, found: list[str]) -> None:
    result = search.find(query, many)
    assert names(result) == found
    assert result.total == len(found)


def test_nothing_asked_for_is_everything_by_name_page_by_page(many: Settings) -> None:
    everything = search.find("", many)
    assert names(everything) == sorted(names(everything))
    assert everything.total == everything.indexes[0].packages == 9
    assert names(search.find(" ", many, limit=4)) == names(everything)[:4]
    assert names(search.find("", many, limit=4, offset=4)) == names(everything)[4:8]
    assert names(search.find("", many, limit=4, offset=8)) == names(everything)[8:]
    beyond = search.find("", many, offset=2**53)
    assert (names(beyond), beyond.total) == ([], 9)


@pytest.mark.parametrize("query", ["a" * 201, "\ud800"])
def test_what_cannot_be_searched_for(many: Settings, query: str) -> None:
    with pytest.raises(InvalidRequest, match="characters"):
        search.find(query, many)


def test_versions_and_builds(tmp_path: Path, settings: Make) -> None:
    channel = tmp_path / "channel"
    here = [record("p", version, "h0", license="MIT") for version in ("1.9", "1.10rc1", "1.10")]
    here += [record("p", "1.10", f"py3{number}_1", build_number=1, timestamp=number) for number in (11, 12)]
    write(channel, here, host_subdir())
    write(channel, [record("p", "1.2", size=7), record("q", "1")])
    write(channel, [record("p", "9")], "win-arm64")
    made = settings(channels=(channel.as_uri(),))
    indexed(made)

    (one,) = search.find("p", made).packages
    assert (one.name, one.version, one.versions, one.channel) == ("p", "1.10", 4, channel.as_uri())
    told = search.package("p", made)
    assert [version.version for version in told.versions] == ["1.10", "1.10rc1", "1.9", "1.2"]
    assert [build.build for build in told.versions[0].builds] == ["py312_1", "py311_1", "h0"]
    assert (told.versions[1].license, told.versions[3].builds[0].size) == ("MIT", 7)
    assert told.versions[3].builds[0].subdir == "noarch"
    assert {version.fits for version in told.versions} == {None}
    with pytest.raises(NotFound, match="'nowhere'"):
        search.package("nowhere", made)


def test_which_versions_fit_into_an_environment(tmp_path: Path, settings: Make) -> None:
    python = [[f"python >=3.{minor},<3.{minor + 1}.0a0"] for minor in (11, 12)]
    found = [record("p", "2", "py312", depends=python[1]), record("p", "1", "py312", depends=python[1])]
    found.append(record("p", "1", "py311", depends=python[0]))
    made = settings(channels=(write(tmp_path / "channel", found).as_uri(),))
    indexed(made)
    there = Package(
        name="python", version="3.11.7", build="0", subdir="noarch", url="https://h/p", channel="c", file_name="p"
    )
    lock = Lock(platform="noarch", channels=(), specs=(), packages=(there,))
    newer, older = search.package("p", made, environment=lock).versions
    assert (newer.fits, newer.obstacles) == (False, ("it needs python >=3.12,<3.13.0a0 (it is 3.11.7)",))
    assert (older.fits, older.obstacles) == (True, ())


def test_what_several_channels_have_is_of_the_first(tmp_path: Path, settings: Make) -> None:
    one = write(tmp_path / "one", [record("both", "1.0"), record("own", "1.0")])
    other = write(tmp_path / "other", [record("both", "2.0"), record("both", "1.0"), record("other", "1.0")])
    made = settings(channels=(one.as_uri(), other.as_uri()))
    indexed(made)
    found = search.find("", made)
    assert [(hit.name, hit.channel) for hit in found.packages] == [
        ("both", one.as_uri()),
        ("other", other.as_uri()),
        ("own", one.as_uri()),
    ]
    assert [(version.version, version.channel) for version in search.package("both", made).versions] == [
        ("2.0", other.as_uri()),
        ("1.0", one.as_uri()),
        ("1.0", other.as_uri()),
    ]
    assert names(search.find("", made, channels=(other.as_uri(),))) == ["both", "other"]


def test_a_channel_without_an_index_is_named(tmp_path: Path, many: Settings) -> None:
    new = write_names(tmp_path / "new", "new")
    both = replace(many, channels=(*many.channels, new.as_uri()))
    found = search.find("zlib", both)
    assert names(found) == ["zlib"]
    assert found.missing == (new.as_uri(),)
    with pytest.raises(NotFound) as caught:
        search.package("new", both)
    assert new.as_uri() in caught.value.hint
    indexed(both, channels=(new.as_uri(),))
    assert names(search.find("new", both)) == ["new"]


def test_one_that_is_down_keeps_its_index_and_hides_no_other(tmp_path: Path, settings: Make) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".condarc").write_text("remote_max_retries: 0\n")
    here = write_names(tmp_path / "here", "here")
    away = write_names(tmp_path / "away", "away")
    with ChannelServer(away) as server:
        made = settings(channels=(server.url, here.as_uri()))
        indexed(made)
        url = server.url
    write_names(here, "here", "newer")
    result, events = operate(IndexChannels(), made)
    assert isinstance(result, Indexed)
    assert (result.failed, [one.channel for one in result.indexes]) == ((url,), [here.as_uri()])
    assert [url in event.text for event in events if isinstance(event, Message)] == [True]
    found = search.find("", made)
    assert (names(found), found.missing) == (["away", "here", "newer"], ())
    with pytest.raises(ChannelError):
        indexed(made, channels=(url,))
    assert names(search.find("away", made)) == ["away"]


def test_offline_is_what_the_cache_has(tmp_path: Path, settings: Make) -> None:
    channel, here = write_names(tmp_path / "channel", "a"), write_names(tmp_path / "here", "b")
    with ChannelServer(channel) as server:
        made = settings(channels=(server.url, here.as_uri()), offline=True)
        assert indexed(made).failed == (server.url,)
        with pytest.raises(ChannelError, match="cache") as caught:
            indexed(made, channels=(server.url,))
        assert "offline" in caught.value.hint
        assert server.log == []
        indexed(replace(made, offline=False))
        asked = len(server.log)
        file_of(made, server.url).unlink()
        indexed(made)
        assert len(server.log) == asked
    assert names(search.find("", made)) == ["a", "b"]


@pytest.mark.parametrize("there", ["nothing", "no index", "another platform"])
def test_a_place_that_is_no_channel(tmp_path: Path, settings: Make, there: str) -> None:
    place = tmp_path / "place"
    if there != "nothing":
        place.mkdir()
    if there == "another platform":
        write(place, [record("p", "1")], "win-arm64")
    with pytest.raises(ChannelError, match="place"):
        indexed(settings(channels=(place.as_uri(),)))


def test_an_index_that_is_no_json(tmp_path: Path, settings: Make) -> None:
    channel = write_names(tmp_path / "channel", "a")
    (channel / "noarch" / "repodata.json").write_text('{"packages": ')
    with pytest.raises(ChannelError, match="channel"):
        indexed(settings(channels=(channel.as_uri(),)))


def test_a_malformed_record_hides_no_other(tmp_path: Path, settings: Make) -> None:
    bad = [record("bad", "not a version!"), record("Bad Name", "1"), record("worse", "1", depends=3)]
    made = settings(channels=(write(tmp_path / "channel", [*bad, record("good", "1")]).as_uri(),))
    result, events = operate(IndexChannels(), made)
    assert isinstance(result, Indexed)
    assert names(search.find("", made)) == ["good"]
    assert any("cannot be found" in event.text for event in events if isinstance(event, Message))


@pytest.mark.parametrize("over", ["files", "http"])
def test_words_of_summaries_are_found_last(tmp_path: Path, settings: Make, over: str) -> None:
    channel = write_names(tmp_path / "channel", "fast-plot", "numpy", "zebra", "plain")
    told = {
        "numpy": {"summary": "Arrays,\n fast and\u2028many.\n", "home": 1},
        "zebra": {"summary": "x" * 5000},
        "plain": {"summary": None},
        "gone": {"summary": "fast"},
    }
    (channel / "channeldata.json").write_text(json.dumps({"channeldata_version": 1, "packages": told}))
    with ChannelServer(channel) as server:
        made = settings(channels=(server.url if over == "http" else channel.as_uri(),))
        indexed(made)
    found = search.find("fast", made)
    assert names(found) == ["fast-plot", "numpy"]
    assert found.packages[1].summary == search.package("numpy", made).summary == "Arrays, fast and many."
    assert names(search.find("numpy arr", made)) == names(search.find("FAST many num", made)) == ["numpy"]
    assert names(search.find("rrays", made)) == []
    assert len(search.find("zebra", made).packages[0].summary) == 301


@pytest.mark.parametrize("told", ["", "[]", '{"packages": 1}', '{"packages": {"a": {"summary": 1}}}', "\xff"])
def test_summaries_that_cannot_be_read_are_none(tmp_path: Path, settings: Make, told: str) -> None:
    channel = write_names(tmp_path / "channel", "a")
    (channel / "channeldata.json").write_text(told, encoding="latin-1")
    made = settings(channels=(channel.as_uri(),))
    indexed(made)
    assert [hit.summary for hit in search.find("a", made).packages] == [""]


def file_of(settings: Settings, channel: str = "") -> Path:
    """The index, of ``channel`` where there are several."""
    found = [
        path
        for path in (Path(settings.cache_dir) / "search").glob("*.sqlite")
        if not channel or channel.encode() in path.read_bytes()
    ]
    (path,) = found
    return path


@pytest.mark.parametrize("over", ["files", "http"])
def test_what_has_not_changed_is_not_read_again(tmp_path: Path, settings: Make, over: str) -> None:
    channel = write_names(tmp_path / "channel", "a")
    with ChannelServer(channel) as server:
        made = settings(channels=(server.url if over == "http" else channel.as_uri(),))
        indexed(made)
        os.utime(file_of(made), (0, 0))
        before = file_of(made).stat().st_ino
        result, events = operate(IndexChannels(), made)
        assert isinstance(result, Indexed)
        assert file_of(made).stat().st_ino == before
        assert "index" not in {event.phase for event in events if isinstance(event, Step)}
        assert result.indexes[0].time > "2026"  # but it is known to be what the channel has
        write_names(channel, "a", "b")
        indexed(made)
        assert names(search.find("", made)) == ["a", "b"]


def damage(path: Path, how: str) -> None:
    whole = path.read_bytes()
    if how == "garbage":
        path.write_bytes(b"garbage " * 1000)
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "half":
        path.write_bytes(whole[: len(whole) // 2])
    elif how == "folder":
        path.unlink()
        path.mkdir()
    else:
        with sqlite3.connect(path) as database:
            database.execute({"builds": "UPDATE builds SET records = x'00'", "about": "DELETE FROM about"}[how])


@pytest.mark.parametrize("how", ["garbage", "empty", "half", "builds", "about"])
def test_a_damaged_index_counts_as_none_and_is_made_anew(many: Settings, how: str) -> None:
    damage(file_of(many), how)
    found = search.find("numpy", many)
    if how == "builds":
        assert found.total == 5  # only who looks at a package sees it
    else:
        assert (found.total, found.missing) == (0, many.channels)
    with pytest.raises(NotFound):
        search.package("numpy", many)
    indexed(many)
    assert search.find("numpy", many).total == 5
    assert search.package("numpy", many).versions


def test_what_a_killed_job_left_is_in_nobodys_way(many: Settings, tmp_path: Path) -> None:
    file_of(many).with_suffix(".part").write_bytes(b"half of an index")
    write_names(tmp_path / "many", "new")
    indexed(many)
    assert names(search.find("", many)) == ["new"]
    assert list(file_of(many).parent.glob("*.part")) == []


def test_two_jobs_at_once(tmp_path: Path, settings: Make) -> None:
    channel = write_names(tmp_path / "channel", *(f"p{number}" for number in range(300)))
    made = settings(channels=(channel.as_uri(),))
    with ThreadPoolExecutor(2) as both:
        results = list(both.map(indexed, [made, made]))
    assert [result.indexes[0].packages for result in results] == [300, 300]
    assert search.find("", made).total == 300


def test_a_place_that_cannot_be_written(many: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        indexed(replace(many, cache_dir=str(tmp_path / "file" / "cache")))


def test_a_full_disk_leaves_the_index_as_it_was(many: Settings, tmp_path: Path) -> None:
    write_names(tmp_path / "many", *(f"new-{number}" for number in range(50)))
    with pytest.raises(StorageError, match="index"):
        in_child(_indexed_with_little_room, many)
    assert search.find("", many).total == 9
    assert list(file_of(many).parent.glob("*.part")) == []


def _indexed_with_little_room(settings: Settings) -> None:
    import resource
    import signal

    from jupyter_condaenv.engine import operations

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16_384, resource.RLIM_INFINITY))
    operations.perform(IndexChannels(), settings, lambda event: None)


def test_a_token_stays_where_it_is(tmp_path: Path, settings: Make) -> None:
    channel = write_names(tmp_path / "channel", "private")
    with ChannelServer(channel, token="s3cr3t") as server:
        made = settings(channels=(server.url,))
        with pytest.raises(ChannelError):
            indexed(made)
        with pytest.raises(InvalidRequest):
            search.find("", made, channels=(server.token_url,))
        login = tmp_path / "login.json"
        login.write_text(json.dumps({"127.0.0.1": {"CondaToken": "s3cr3t"}}))
        result, events = operate(IndexChannels(), made, env={"RATTLER_AUTH_FILE": str(login)})
    assert names(search.find("", made)) == ["private"]
    assert "s3cr3t" not in repr((result, events, search.find("", made)))
    assert b"s3cr3t" not in file_of(made).read_bytes()


def test_channels_that_may_not_be_used_are_not_searched(many: Settings, tmp_path: Path) -> None:
    condarc = Path(os.environ["HOME"]) / ".condarc"
    condarc.parent.mkdir()
    condarc.write_text(f"denylist_channels: [{many.channels[0]}]\n")
    for attempt in (lambda: indexed(many), lambda: search.find("numpy", many)):
        with pytest.raises(Refused, match=r"condarc"):
            attempt()
    condarc.write_text("channels: [defaults]\n")
    unasked = replace(many, channels=("defaults",), channels_chosen=False)
    with pytest.raises(Refused, match="Anaconda"):
        indexed(unasked)


def test_searching_needs_no_py_rattler(many: Settings) -> None:
    program = (
        "import sys, msgspec; from jupyter_condaenv.engine import search, model\n"
        "settings = msgspec.json.decode(sys.argv[1], type=model.Settings)\n"
        "assert search.find('numpy', settings).total == 5 and search.package('numpy', settings)\n"
        "assert 'rattler' not in sys.modules"
    )
    command = [sys.executable, "-c", program, msgspec.json.encode(many).decode()]
    subprocess.run(command, check=True, timeout=60)


def test_the_platform_is_that_of_the_solver() -> None:
    assert host_subdir() == in_child(host.platform)
