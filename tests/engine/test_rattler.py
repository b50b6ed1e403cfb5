"""What py-rattler does, so far as the engine relies on it or guards against it, and what the adapter makes of it.

One test for each: when a new version of py-rattler fails here, the adapter has to change. See also ``child.py``.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
import rattler
from msgspec.structs import replace

from jupyter_condaenv.engine.errors import ChannelError, CondaEnvError, InvalidRequest, Tampered, Unsatisfiable
from jupyter_condaenv.engine.model import Package
from jupyter_condaenv.engine.rattler import host, linking, matchspec, package_cache, records, solving
from jupyter_condaenv.engine.rattler.query import Query
from tests.channel import ChannelServer, File, index, write_package

from .child import in_child
from .tiny import generic

PACKAGE = Package(
    name="some-pkg",
    version="1.0_beta",
    build="py311_0",
    build_number=7,
    subdir="noarch",
    url="https://host/channel/noarch/some-pkg-1.0_beta-py311_0.conda",
    channel="https://host/channel",
    file_name="some-pkg-1.0_beta-py311_0.conda",
    sha256="1" * 64,
    md5="2" * 32,
    size=12,
    depends=("python >=3.8,<4.0a0", "numpy[version='>=1.20']"),
    constrains=("other <2",),
    noarch="python",
    license="MIT",
    timestamp=1_760_000_000_123,
    python_site_packages_path="lib/python3.11/site-packages",
    track_features=("one", "two"),
)


def solved(specs: list[str], channels: list[str], cache: Path, **options: Any) -> tuple[Package, ...]:
    given: dict[str, Any] = {"platform": host.platform(), "virtual": (), "timeout": 60.0}
    return solving.solve(Query(specs=tuple(specs), channels=tuple(channels), cache_dir=cache, **given | options))


def one(specs: list[str], channels: list[str], cache: Path, options: dict[str, Any] | None = None) -> tuple[str, ...]:
    """``solved`` in a child, as text."""
    return tuple(str(package) for package in in_child(_solved, specs, channels, cache, options or {}))


def _solved(specs: list[str], channels: list[str], cache: Path, options: dict[str, Any]) -> tuple[Package, ...]:
    return solved(specs, channels, cache, **options)


def link(packages: list[Package], stage: Path, cache: Path, ignored: set[str] | None = None) -> list[tuple[Any, ...]]:
    told: list[tuple[Any, ...]] = []
    linking.link(
        packages,
        stage,
        stage,
        cache_dir=cache,
        ignored=ignored or set(),
        platform=host.platform(),
        report=lambda *what: told.append(what),
    )
    return told


def solve_and_link(specs: list[str], channel: str, stage: Path, cache: Path) -> list[tuple[Any, ...]]:
    return link(list(solved(specs, [channel], cache)), stage, cache)


def files(prefix: Path) -> set[str]:
    return {str(path.relative_to(prefix)) for path in prefix.rglob("*") if not path.is_dir()}


# --- specs ---


@pytest.mark.parametrize("spec", ["smallpkg 1.0.0 extra words", "gpu=*=cuda", "foo=1.0=py36_0"])
def test_a_plain_text_would_be_parsed_strictly(spec: str, tiny: Path, tmp_path: Path) -> None:
    assert in_child(_plain_text_fails, spec, tiny.as_uri())
    assert matchspec.spec_name(spec) == spec.partition("=")[0].split()[0]


def _plain_text_fails(spec: str, channel: str) -> bool:
    try:
        asyncio.run(rattler.solve([rattler.Channel(channel)], [spec], gateway=rattler.Gateway(), platforms=["noarch"]))
    except rattler.exceptions.InvalidMatchSpecError:
        return True
    return False


@pytest.mark.parametrize(
    "spec",
    [
        *("", " ", "!!!", "numpy >=", "numpy[", "numpy=", "numpy!", "numpy>1,", "numpy[version=]", "numpy[md5=zz]"),
        *("../x", "nump%y", "ünï", "numpy@1", "*", "=1.20", ">=1", "pkg[badkey=1]", "http://x/y"),
        *("numpy; python_version<'3'", "a\0b", "foo\nbar", "foo\tbar", "numpy[version='>=1'"),
    ],
)
def test_a_bad_spec_is_named(spec: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        matchspec.spec_name(spec)
    assert repr(spec) in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        *(("numpy", "numpy"), ("NumPy>=1.20,<3", "numpy"), ("numpy 1.20.*", "numpy"), ("numpy=1.0=py36_0", "numpy")),
        *(("conda-forge::numpy", "numpy"), ("conda-forge/linux-64::numpy=2", "numpy"), ("openssl==1.1.1j", "openssl")),
        *(('numpy[version=">=1", build=py*]', "numpy"), ("http://h:1/c::numpy>1", "numpy"), ("_libgcc", "_libgcc")),
    ],
)
def test_a_spec_names_its_package(spec: str, name: str) -> None:
    assert matchspec.spec_name(spec) == name


def test_a_secret_in_a_spec_is_refused_and_not_told() -> None:
    for spec in ("https://host/t/canary-1/channel::numpy", "https://me:canary-1@host/channel::numpy"):
        with pytest.raises(InvalidRequest) as caught:
            matchspec.spec_name(spec)
        assert "canary" not in f"{caught.value.failure()}"


def test_the_channel_of_a_spec_is_looked_for_below_anaconda_org_only() -> None:
    channel = rattler.MatchSpec("ours::numpy").channel
    assert channel is not None
    assert channel.base_url == "https://conda.anaconda.org/ours/"

    def resolve(name: str) -> str:
        return f"http://mirror:8080/{name}"

    mine = "http://mirror:8080/ours"
    assert matchspec.with_channel("ours::numpy>=1", resolve) == (f"{mine}::numpy >=1", mine)
    assert matchspec.with_channel("numpy[channel=ours]", resolve) == (f"{mine}::numpy", mine)
    assert matchspec.with_channel("ours/linux-64::numpy", resolve) == (f"{mine}/linux-64::numpy", mine)
    assert matchspec.with_channel("http://h:1/c/::numpy", resolve) == ("http://h:1/c/::numpy", "http://h:1/c")
    assert matchspec.with_channel("numpy=1", resolve) == ("numpy=1", "")


# --- records ---


@pytest.mark.parametrize(
    "package",
    [
        PACKAGE,
        replace(PACKAGE, sha256=""),
        replace(PACKAGE, noarch="generic", timestamp=0, track_features=(), license="", size=0),
        replace(PACKAGE, noarch="", python_site_packages_path="", timestamp=999),
        replace(PACKAGE, version="1!2.0+local.1", build="h_0"),
    ],
)
def test_a_package_survives_being_a_record(package: Package) -> None:
    assert in_child(_round_trip, package) == package


def _round_trip(package: Package) -> Package:
    return records.package_of(records.record_of(package))


@pytest.mark.parametrize(
    "change",
    [
        {"name": "../../x"},
        {"version": "not a version!"},
        {"version": ""},
        {"build": "../../x"},
        {"url": ""},
        {"url": "no-url"},
        {"md5": "zz"},
        {"file_name": "../../x"},
        {"timestamp": 10**18},
        {"size": -1},
        {"build_number": -1},
    ],
    ids=str,
)
def test_an_impossible_package_is_named(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match="is not a package that can be installed"):
        in_child(_round_trip, replace(PACKAGE, **change))


def test_a_build_is_no_text() -> None:
    assert rattler.BuildString("0") != "0"
    assert str(rattler.BuildString("0")) == "0"


def test_errors_have_no_class_in_common() -> None:
    caught = {"GatewayError", "SolverError", "InstallerError", "LinkError", "InvalidMatchSpecError", "ExtractError"}
    for name in caught | {each.__name__ for each in records._MISFITS}:
        assert getattr(rattler.exceptions, name).__bases__ == (Exception,)


# --- solving ---


def test_virtual_packages_are_none_unless_given(tiny: Path, tmp_path: Path) -> None:
    assert one(["gpudemo"], [tiny.as_uri()], tmp_path) == ("gpudemo 1.0 cpu_0",)
    cuda = {"virtual": ("__cuda=12.4=0",)}
    assert one(["gpudemo"], [tiny.as_uri()], tmp_path, cuda) == ("gpudemo 1.0 cuda_200",)


def test_virtual_packages_heed_the_overrides() -> None:
    found = in_child(host.virtual_packages, env={"CONDA_OVERRIDE_CUDA": "12.9", "CONDA_OVERRIDE_GLIBC": "2.99"})
    assert {"__cuda=12.9=0", "__glibc=2.99=0"} <= set(found)
    assert not any(text.startswith("__cuda=") for text in in_child(host.virtual_packages, env=_no_cuda()))
    assert not in_child(_bare_detection_sees_overrides, env={"CONDA_OVERRIDE_GLIBC": "2.99"})


def _no_cuda() -> dict[str, str | None]:
    return {"CONDA_OVERRIDE_CUDA": ""}


def _bare_detection_sees_overrides() -> bool:
    return any("2.99" in str(package.into_generic().version) for package in rattler.VirtualPackage.detect())


def test_what_is_installed_is_preferred_and_what_is_pinned_cannot_move(tiny: Path, tmp_path: Path) -> None:
    url = tiny.as_uri()
    old = in_child(_solved, ["libbase=1.0"], [url], tmp_path, {})
    assert one(["libbase"], [url], tmp_path) == ("libbase 2.0 0",)
    assert one(["libbase"], [url], tmp_path, {"installed": old}) == ("libbase 1.0 0",)
    assert one(["libbase>=2"], [url], tmp_path, {"installed": old}) == ("libbase 2.0 0",)
    with pytest.raises(Unsatisfiable, match="libbase"):
        one(["libbase>=2"], [url], tmp_path, {"pinned": old})


def test_a_pin_that_nothing_asks_for_is_left_out(tiny: Path, tmp_path: Path) -> None:
    pinned = in_child(_solved, ["libbase=1.0"], [tiny.as_uri()], tmp_path, {})
    assert one(["helper"], [tiny.as_uri()], tmp_path, {"pinned": pinned}) == ("helper 1.0 0",)
    both = one(["helper", "libbase ==1.0 0"], [tiny.as_uri()], tmp_path, {"pinned": pinned})
    assert both == ("helper 1.0 0", "libbase 1.0 0")


def test_a_pin_need_not_be_in_any_channel(tiny: Path, tmp_path: Path) -> None:
    foreign = replace(PACKAGE, name="foreign", version="1.0", build="0", depends=(), constrains=(), noarch="generic")
    found = one(["foreign ==1.0 0", "helper"], [tiny.as_uri()], tmp_path, {"pinned": (foreign,)})
    assert found == ("foreign 1.0 0", "helper 1.0 0")


def test_a_conflict_is_told_as_a_tree(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(Unsatisfiable) as caught:
        one(["app=1", "libbase=2"], [tiny.as_uri()], tmp_path)
    text = caught.value.message
    assert text.startswith("These packages cannot be installed together:\n  ")
    assert "app 1.0 would require\n" in text
    assert "libbase >=1,<2" in text
    assert caught.value.details["specs"] == ["app=1", "libbase=2"]


@pytest.mark.parametrize("spec", ["no-such-package", "smallpkg >=99"])
def test_a_missing_name_and_a_missing_version_look_the_same(spec: str, tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(Unsatisfiable) as caught:
        one([spec], [tiny.as_uri()], tmp_path)
    assert caught.value.message.startswith("The channels have nothing that fits:\n  No candidates were found for ")
    assert spec in caught.value.message


@pytest.mark.timeout(60)
@pytest.mark.parametrize("seconds", [0.1, 1.0])
def test_a_solve_that_takes_too_long_is_given_up(seconds: float, tmp_path: Path) -> None:
    """py-rattler tells it by the text of its error alone, and does not always heed its own limit."""
    channel = tmp_path / "hard"
    _hard(channel)
    with pytest.raises(Unsatisfiable, match=f"No answer was found within {seconds:g} seconds"):
        in_child(_solved, ["p0"], [channel.as_uri()], tmp_path / "cache", {"timeout": seconds})


def test_a_channel_that_does_not_answer_is_named(tiny: Path, tmp_path: Path) -> None:
    with ChannelServer(tiny, stall={"*repodata*"}) as dead, ChannelServer(tiny) as alive:
        with pytest.raises(ChannelError, match=r"did not answer within 2\.5 seconds") as caught:
            in_child(_solved, ["app=1"], [alive.url, dead.url], tmp_path / "cache", {"timeout": 1.0})
        assert caught.value.details["channels"] == [dead.url]
        dead.release()


def _hard(channel: Path, names: int = 30, versions: int = 60) -> None:
    """Every package rules out versions of those that follow. An index alone: nothing of it is ever fetched."""
    packages = {}
    for name in range(names):
        for version in range(versions):
            depends = [f"p{(name + step) % names} !={(version * step) % versions}" for step in (1, 2, 3, 5, 7)]
            depends += [f"q{version % 7} =={name * version % 11}"] if name else []
            packages[f"p{name}-{version}-0.conda"] = _entry(f"p{name}", version, depends)
    for name in range(7):
        for version in range(11):
            depends = [f"q{(name + 1) % 7} =={(version + 1) % 11}"]
            packages[f"q{name}-{version}-0.conda"] = _entry(f"q{name}", version, depends)
    (channel / "noarch").mkdir(parents=True)
    (channel / "noarch" / "repodata.json").write_text(json.dumps({"packages": {}, "packages.conda": packages}))


def _entry(name: str, version: int, depends: list[str]) -> dict[str, object]:
    plain: dict[str, object] = {"name": name, "version": str(version), "build": "0", "build_number": 0}
    return plain | {"subdir": "noarch", "noarch": "generic", "depends": depends, "sha256": "0" * 64, "size": 1}


def test_the_priority_of_channels(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    generic(first, "both", "1.0")
    generic(second, "both", "2.0")
    generic(second, "needs-two", "1.0", depends=["both >=2"])
    index(first)
    index(second)
    urls = [first.as_uri(), second.as_uri()]
    assert one(["both"], urls, tmp_path, {"priority": "strict"}) == ("both 1.0 0",)
    assert one(["both"], urls, tmp_path, {"priority": "disabled"}) == ("both 2.0 0",)
    with pytest.raises(Unsatisfiable):
        one(["needs-two"], urls, tmp_path, {"priority": "strict"})
    assert one(["needs-two"], urls, tmp_path, {"priority": "disabled"}) == ("both 2.0 0", "needs-two 1.0 0")


def test_another_platform_can_be_solved_for(tmp_path: Path) -> None:
    channel = tmp_path / "channel"
    for subdir in ("osx-arm64", "win-64"):
        write_package(channel, "native", "1.0", subdir=subdir)
    index(channel)
    for subdir in ("osx-arm64", "win-64"):
        found = in_child(_solved, ["native"], [channel.as_uri()], tmp_path / "cache", {"platform": subdir})
        assert [package.subdir for package in found] == [subdir]


# --- channels that fail ---


def test_a_channel_that_is_not_there(tmp_path: Path) -> None:
    for channel in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(ChannelError, match="could not be read") as caught:
            one(["x"], [channel.as_uri()], tmp_path / "cache")
        assert channel.as_uri() in caught.value.message


@pytest.mark.parametrize("text", ['{"packages": {', "<html>Sign in</html>", '{"packages": []}', ""])
def test_a_broken_index(text: str, tmp_path: Path) -> None:
    (tmp_path / "channel" / "noarch").mkdir(parents=True)
    (tmp_path / "channel" / "noarch" / "repodata.json").write_text(text)
    with pytest.raises(ChannelError, match=r"repodata\.json"):
        one(["x"], [(tmp_path / "channel").as_uri()], tmp_path / "cache")


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_channel_that_answers_with_an_error(status: int, tiny: Path, tmp_path: Path) -> None:
    with ChannelServer(tiny, fail={"*": (status, 1000)}) as server:
        with pytest.raises(ChannelError) as caught:
            one(["helper"], [server.url], tmp_path)
        assert server.url in caught.value.message


def test_of_several_channels_the_one_that_fails_is_named_with_its_reason(tiny: Path, tmp_path: Path) -> None:
    until = {"until": datetime.now(timezone.utc)}
    (tmp_path / "home").mkdir(exist_ok=True)
    (tmp_path / "home" / ".condarc").write_text("remote_max_retries: 0\n")
    with ChannelServer(tiny) as server:
        gone = server.url
    # Which of those who ask at the same time is told the reason is a matter of chance.
    for time in range(3):
        with pytest.raises(ChannelError) as caught:
            one(["alpha", "helper"], [f"{gone}/a", f"{gone}/b", tiny.as_uri()], tmp_path / str(time), until)
        assert caught.value.details["channels"][0].startswith(gone), caught.value.message
        assert "coalesced" not in caught.value.message
        assert caught.value.hint.startswith("Nothing answers there.") and "login" not in caught.value.hint


@pytest.mark.parametrize("until", [None, datetime(2100, 1, 1, tzinfo=timezone.utc)])
def test_a_server_that_says_not_modified_and_not_of_what(until: datetime | None, tiny: Path, tmp_path: Path) -> None:
    with ChannelServer(tiny, etags=False) as server, ChannelServer(tiny, etags=False) as second:
        channels = [server.url, second.url]
        first = one(["app"], channels, tmp_path, {"until": until})
        assert one(["app"], channels, tmp_path, {"until": until}) == first
        assert one(["app"], channels, tmp_path, {"until": until}) == first
        assert ("GET", "noarch/repodata_shards.msgpack.zst", 304) in server.log
        server.fail = {"*/repodata_shards*": (304, 1000), "*": (403, 1000)}
        with pytest.raises(ChannelError, match="403"):
            one(["app"], channels, tmp_path, {"until": until})
    assert one(["app"], channels, tmp_path, {"offline": True}) == first


def test_a_login_is_read_from_the_file_that_rattler_names(tiny: Path, tmp_path: Path) -> None:
    with ChannelServer(tiny, token="canary-1") as server:
        host = server.url.removeprefix("http://").partition(":")[0]
        with pytest.raises(ChannelError, match="401") as caught:
            one(["helper"], [server.url], tmp_path / "a")
        assert "RATTLER_AUTH_FILE" in caught.value.hint
        login = tmp_path / "auth.json"
        login.write_text(json.dumps({host: {"BearerToken": "canary-1"}}))
        found = in_child(_solved, ["helper"], [server.url], tmp_path / "b", {}, env={"RATTLER_AUTH_FILE": str(login)})
        netrc = tmp_path / "netrc"
        netrc.write_text(f"machine {host} login me password canary-1\n")
        again = in_child(_solved, ["helper"], [server.url], tmp_path / "c", {}, env={"NETRC": str(netrc)})
    assert [package.name for package in found] == [package.name for package in again] == ["helper"]
    assert "canary" not in repr(found)
    hidden = [path for path in (tmp_path / "b").rglob("*") if path.is_file() and b"canary-1" in path.read_bytes()]
    assert hidden == []


# --- linking ---


def test_the_packages_are_the_whole_wanted_state(tiny: Path, tmp_path: Path) -> None:
    stage, cache = tmp_path / "stage", tmp_path / "cache"
    in_child(solve_and_link, ["tool"], tiny.as_uri(), stage, cache)
    assert {"share/tool.txt", "share/helper.txt", "share/libbase.txt"} <= files(stage)
    in_child(solve_and_link, ["helper"], tiny.as_uri(), stage, cache)
    assert {path for path in files(stage) if path.startswith("share/")} == {"share/helper.txt"}
    in_child(link, [], stage, cache)
    assert files(stage) == {"conda-meta/history"}


def test_an_environment_is_not_marked_as_a_cache(tiny: Path, tmp_path: Path) -> None:
    """py-rattler marks prefixes so that backups leave them out; people keep their own files there."""
    packages = list(in_child(_solved, ["helper"], [tiny.as_uri()], tmp_path / "cache", {}))
    assert "CACHEDIR.TAG" in in_child(_link_bare, packages, tmp_path / "bare", tmp_path / "cache")
    in_child(link, packages, tmp_path / "stage", tmp_path / "cache")
    assert "CACHEDIR.TAG" not in files(tmp_path / "stage")
    (tmp_path / "stage" / "CACHEDIR.TAG").write_text("the user's own")
    in_child(link, packages, tmp_path / "stage", tmp_path / "cache")
    assert (tmp_path / "stage" / "CACHEDIR.TAG").read_text() == "the user's own"


def _link_bare(packages: list[Package], stage: Path, cache: Path) -> set[str]:
    wanted = [records.record_of(package) for package in packages]
    asyncio.run(rattler.install(wanted, stage, cache_dir=cache, show_progress=False))
    return files(stage)


def test_what_is_ignored_is_needed_but_not_linked(tiny: Path, tmp_path: Path) -> None:
    union = list(in_child(_solved, ["tool"], [tiny.as_uri()], tmp_path / "cache", {}))
    in_child(link, union, tmp_path / "stage", tmp_path / "cache", {"libbase", "helper"})
    assert {path for path in files(tmp_path / "stage") if path.startswith("share")} == {"share/tool.txt"}


def test_history_is_left_empty_and_nothing_is_compiled(channel_dir: Path, tmp_path: Path) -> None:
    stage = tmp_path / "stage"
    in_child(solve_and_link_python, channel_dir.as_uri(), stage, tmp_path / "cache")
    assert (stage / "conda-meta" / "history").read_bytes() == b""
    ours = list(stage.rglob("smallpkg/**/*"))
    assert ours
    assert not [path for path in ours if path.suffix == ".pyc"]


def solve_and_link_python(channel: str, stage: Path, cache: Path) -> list[tuple[Any, ...]]:
    virtual = host.virtual_packages()
    return link(list(solved(["smallpkg"], [channel], cache, virtual=virtual)), stage, cache)


def test_the_fields_of_a_package_land_in_its_record(tiny: Path, tmp_path: Path) -> None:
    (package,) = in_child(_solved, ["helper"], [tiny.as_uri()], tmp_path / "cache", {})
    rich = replace(package, license="MIT", track_features=("one",), constrains=("other <2",))
    in_child(link, [rich], tmp_path / "stage", tmp_path / "cache")
    record = json.loads((tmp_path / "stage/conda-meta/helper-1.0-0.json").read_bytes())
    plain = ("name", "version", "build", "build_number", "subdir", "sha256", "md5", "size", "timestamp", "license")
    assert {field: record[field] for field in plain} == {field: getattr(rich, field) for field in plain}
    assert record["fn"] == rich.file_name
    assert record["url"] == rich.url
    assert record["constrains"] == ["other <2"]
    assert record["track_features"] == "one"
    assert [entry["_path"] for entry in record["paths_data"]["paths"]] == record["files"] == ["share/helper.txt"]


def test_paths_that_were_added_to_a_record_go_with_its_package(tiny: Path, tmp_path: Path) -> None:
    from jupyter_condaenv.engine.prefix import PathEntry, add_paths

    stage = tmp_path / "stage"
    in_child(solve_and_link, ["helper", "libbase"], tiny.as_uri(), stage, tmp_path / "cache")
    (stage / "lib" / "__pycache__").mkdir(parents=True)
    (stage / "lib" / "__pycache__" / "helper.cpython-311.pyc").write_bytes(b"bytecode")
    add_paths(
        stage / "conda-meta/helper-1.0-0.json",
        [PathEntry(path="lib/__pycache__/helper.cpython-311.pyc", path_type="pyc_file")],
    )
    in_child(solve_and_link, ["libbase"], tiny.as_uri(), stage, tmp_path / "cache")
    assert not (stage / "lib" / "__pycache__" / "helper.cpython-311.pyc").exists()
    assert (stage / "share" / "libbase.txt").exists()


def test_link_scripts_are_not_run(channel_dir: Path, tmp_path: Path) -> None:
    in_child(solve_and_link, ["postlinkdemo"], channel_dir.as_uri(), tmp_path / "stage", tmp_path / "cache")
    assert (tmp_path / "stage/bin/.postlinkdemo-post-link.sh").exists()
    assert not (tmp_path / "stage/postlinkdemo.ran").exists()


def test_progress_is_told_in_bytes_and_packages(tiny: Path, tmp_path: Path) -> None:
    with ChannelServer(tiny) as server:
        told = in_child(solve_and_link, ["tool"], server.url, tmp_path / "stage", tmp_path / "cache")
    kinds = {kind for kind, *_ in told}
    assert kinds == {"download", "link"}
    downloaded = {package for kind, package, *_ in told if kind == "download"}
    assert downloaded == {"tool", "helper", "libbase"}
    assert max(done for kind, _, done, _ in told if kind == "link") == 3


def test_a_hash_is_checked_over_http(tiny: Path, tmp_path: Path) -> None:
    with ChannelServer(tiny, tamper={"*/helper-*.conda"}) as server, pytest.raises(Tampered):
        in_child(solve_and_link, ["helper"], server.url, tmp_path / "stage", tmp_path / "cache")
    assert "share/helper.txt" not in files(tmp_path / "stage") if (tmp_path / "stage").exists() else True


def test_no_hash_is_checked_on_a_file_url(tmp_path: Path) -> None:
    channel = tmp_path / "channel"
    generic(channel, "helper", "1.0")
    index(channel)
    (package,) = in_child(_solved, ["helper"], [channel.as_uri()], tmp_path / "cache", {})
    write_package(channel, "helper", "1.0", files={"share/helper.txt": File(b"other")}, noarch="generic")
    in_child(link, [package], tmp_path / "stage", tmp_path / "cache")
    assert (tmp_path / "stage/share/helper.txt").read_text() == "other", "no longer needed: transaction hashes these"


def test_an_edited_file_of_the_cache_is_not_linked_again(tiny: Path, tmp_path: Path) -> None:
    one_prefix, other, cache = tmp_path / "one", tmp_path / "other", tmp_path / "cache"
    in_child(solve_and_link, ["helper"], tiny.as_uri(), one_prefix, cache)
    with (one_prefix / "share/helper.txt").open("r+") as file:
        file.write("HELPER")  # of the same length, in place: hard links change with it
    in_child(solve_and_link, ["helper"], tiny.as_uri(), other, cache)
    assert (other / "share/helper.txt").read_text() == "helper 1.0 0\n"


def test_the_cache_knows_what_it_has(tiny: Path, tmp_path: Path) -> None:
    packages = in_child(_solved, ["tool"], [tiny.as_uri()], tmp_path / "cache", {})
    assert in_child(package_cache.cached, packages, tmp_path / "cache") == set()
    in_child(link, [package for package in packages if package.name == "helper"], tmp_path / "s", tmp_path / "cache")
    assert in_child(package_cache.cached, packages, tmp_path / "cache") == {"helper"}
    other = [replace(package, sha256="3" * 64) for package in packages]
    assert in_child(package_cache.cached, other, tmp_path / "cache") == set(), "another archive of the same name"


def test_a_prefix_longer_than_the_placeholder_fails_to_link(channel_dir: Path, tmp_path: Path) -> None:
    prefix = tmp_path.joinpath(*["x" * 60] * 5)
    (package,) = in_child(_solved, ["prefixdemo"], [channel_dir.as_uri()], tmp_path / "cache", {})
    with pytest.raises(CondaEnvError):
        in_child(link, [package], prefix, tmp_path / "cache")


def test_the_package_cache_that_cannot_be_written(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    packages = list(in_child(_solved, ["helper"], [tiny.as_uri()], tmp_path / "other", {}))
    with pytest.raises(CondaEnvError):
        in_child(link, packages, tmp_path / "stage", tmp_path / "cache")


def test_a_process_that_ends_by_os_exit_ends_well(tiny: Path, tmp_path: Path) -> None:
    """What ``child.py`` and the worker rely on; ending by itself, a process crashes now and then."""
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom tests.engine.test_rattler import solved\n"
        "solved(['helper'], [sys.argv[1]], Path(sys.argv[2]))\nos._exit(7)"
    )
    command = [sys.executable, "-c", code, tiny.as_uri(), str(tmp_path)]
    assert subprocess.run(command, cwd=Path(__file__).parents[2], timeout=60).returncode == 7
