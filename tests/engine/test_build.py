"""Packages of one's own: from a recipe into a channel, which can be read at every moment."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_condaenv.engine.model import BuildPackage, Built, Clean, Cleaned, CreateEnvironment, Settings
from tests.channel import ChannelServer, write_package

from .child import Crashed, in_child, operate
from .harness import Operation, names, problems, refused, run

Make = Callable[..., Settings]
CANARY = "canary-b41d"
RECIPE = """\
package:
  name: NAME
  version: "1.0"
source:
  path: src
build:
  noarch: generic
  script: SCRIPT
"""
COPY = "mkdir -p $PREFIX/share && cp *.txt $PREFIX/share/"


@pytest.fixture
def own(little: Path, settings: Make) -> Settings:
    return settings(channels=(little.as_uri(),))


def write(folder: Path, name: str = "mine", script: str = COPY, more: str = "") -> Path:
    (folder / "src").mkdir(parents=True, exist_ok=True)
    (folder / "src" / f"{name}.txt").write_text(f"{name}\n")
    recipe = folder / "recipe.yaml"
    recipe.write_text(RECIPE.replace("NAME", name).replace("SCRIPT", script) + more)
    return recipe


def listed(channel: Path) -> set[str]:
    """The packages that the index has, all of which have to be there; every index can be read."""
    found: set[str] = set()
    for index in channel.glob("*/repodata.json"):
        packages = json.loads(index.read_bytes())["packages.conda"]
        for name in packages:
            assert (index.parent / name).is_file(), name
        found |= {one["name"] for one in packages.values()}
    return found


def clean(channel: Path) -> bool:
    """Whether nothing is left of a build but the lock."""
    return {path.name for path in (channel / ".condaenv").iterdir()} <= {"lock"}


def test_what_is_built_can_be_installed(own: Settings, tmp_path: Path) -> None:
    write(tmp_path / "project", more="requirements:\n  host: [gamma]\n  run: [alpha >=2]\n")
    result, events = operate(BuildPackage(recipe=str(tmp_path / "project")), own)
    assert isinstance(result, Built) and result.channel == "local"
    (package,) = result.packages
    assert (package.name, package.version, package.subdir) == ("mine", "1.0", "noarch")
    assert Path(package.path).stat().st_size == package.size
    channel = Path(own.data_dir) / "channel"
    assert listed(channel) == {"mine"} and clean(channel)
    assert (channel / "noarch" / "repodata_shards.msgpack.zst").exists()
    assert [step.text for step in events if step.__class__.__name__ == "Step"][1:3] == [
        "Fetching source code",
        "Running build script",
    ]
    prefix = Path(own.envs_dirs[0]) / "demo"
    run(CreateEnvironment(prefix=str(prefix), specs=("local::mine",)), own)
    assert names(prefix) == {"mine", "alpha"} and problems(prefix) == []
    assert (prefix / "share/mine.txt").read_text() == "mine\n"


@pytest.mark.slow
def test_the_channel_can_be_put_on_a_server(own: Settings, settings: Make, tmp_path: Path) -> None:
    channel = tmp_path / "ours"
    run(BuildPackage(recipe=str(write(tmp_path / "a")), channel=str(channel)), own)
    # The next one finds the first as a requirement.
    second = write(tmp_path / "b", "second", more="requirements:\n  host: [mine]\n  run: [mine]\n")
    run(BuildPackage(recipe=str(second), channel=str(channel)), own)
    assert listed(channel) == {"mine", "second"}
    with ChannelServer(channel) as server:
        prefix = Path(own.envs_dirs[0]) / "demo"
        run(CreateEnvironment(prefix=str(prefix), specs=("second",)), settings(channels=(server.url,)))
        assert names(prefix) == {"mine", "second"}
        assert any("shards" in request.path for request in server.log)


@pytest.mark.slow
def test_a_package_stays_what_it_is(own: Settings, tmp_path: Path) -> None:
    recipe = write(tmp_path)
    run(BuildPackage(recipe=str(recipe)), own)
    channel = Path(own.data_dir) / "channel"
    before = {path: path.read_bytes() for path in channel.rglob("*.conda")}
    failure = refused(BuildPackage(recipe=str(recipe)), own, "already_exists")
    assert "number" in failure["hint"]
    assert {path: path.read_bytes() for path in channel.rglob("*.conda")} == before and clean(channel)
    recipe.write_text(recipe.read_text().replace("build:\n", "build:\n  number: 1\n"))
    run(BuildPackage(recipe=str(recipe)), own)
    assert len(list(channel.rglob("*.conda"))) == 2


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("build:", "biuld:", 6, "biuld"),
        ("noarch: generic", "noarch: generc", 7, "generc"),
        ('"1.0"', "${{ vresion }}", 3, "vresion"),
        ("  name: mine\n", "", 0, "name"),
        ("source:", "source: [", 6, "YAML"),
    ],
)
def test_faults_of_a_recipe(old: str, new: str, line: int, says: str, own: Settings, tmp_path: Path) -> None:
    recipe = write(tmp_path)
    recipe.write_text(recipe.read_text().replace(old, new))
    failure = refused(BuildPackage(recipe=str(recipe)), own, "invalid_request")
    assert failure["message"].startswith(f"{recipe}, line {line}:" if line else f"{recipe}:")
    assert says in failure["message"]
    assert failure["details"].get("line", 0) == line


@pytest.mark.slow
def test_a_recipe_of_conda_build(own: Settings, tmp_path: Path) -> None:
    write(tmp_path).unlink()
    (tmp_path / "LICENSE").write_text("free\n")
    (tmp_path / "build.sh").write_text(COPY)
    recipe = tmp_path / "meta.yaml"
    text = "package:\n  name: mine\n  version: 1.10\nsource:\n  path: src\nbuild:\n  noarch: generic\n"
    text += "requirements:\n  run: [alpha 2]\ntest:\n  commands: [test -f $PREFIX/share/mine.txt]\n"
    recipe.write_text(text + "about:\n  license_file: LICENSE\n")
    result = run(BuildPackage(recipe=str(tmp_path)), own)
    (package,) = result["packages"]
    assert (package["name"], package["version"]) == ("mine", "1.10")
    prefix = Path(own.envs_dirs[0]) / "demo"
    run(CreateEnvironment(prefix=str(prefix), specs=("local::mine",)), own)
    assert (prefix / "share/mine.txt").read_text() == "mine\n"
    assert clean(Path(own.data_dir) / "channel")
    recipe.write_text(text.replace("noarch: generic", "noarch: generc"))
    failure = refused(BuildPackage(recipe=str(recipe)), own, "invalid_request")
    assert failure["message"].startswith(f"{recipe}, line 7:") and "generc" in failure["message"]


@pytest.mark.slow
def test_what_is_no_recipe(own: Settings, tmp_path: Path) -> None:
    channel = tmp_path / "channel"
    for place in (tmp_path / "nothing", tmp_path):
        refused(BuildPackage(recipe=str(place), channel=str(channel)), own, "not_found")
    (tmp_path / "meta.yaml").write_text("package:\n  name: x\n  version: 1\noutputs: []\n")
    for place in (tmp_path, tmp_path / "meta.yaml"):
        failure = refused(BuildPackage(recipe=str(place), channel=str(channel)), own, "invalid_request")
        assert f"{tmp_path / 'meta.yaml'}, line 4: `outputs`" in failure["message"]
    assert not channel.exists()
    (tmp_path / "recipe.yaml").write_bytes(b"\xff\xfe\x00")
    refused(BuildPackage(recipe=str(tmp_path), channel=str(channel)), own, "invalid_request")


def test_a_script_that_fails(own: Settings, tmp_path: Path) -> None:
    recipe = write(tmp_path, script="echo nearly there; exit 3")
    failure = refused(BuildPackage(recipe=str(recipe)), own, "build_failed")
    assert "nearly there" in failure["message"] and "status 3" in failure["message"]
    channel = Path(own.data_dir) / "channel"
    assert listed(channel) == set() and clean(channel)


def test_tests_that_fail(own: Settings, tmp_path: Path) -> None:
    recipe = write(tmp_path, more="tests:\n  - package_contents:\n      files: [share/other.txt]\n")
    failure = refused(BuildPackage(recipe=str(recipe)), own, "build_failed")
    assert "other.txt" in failure["message"]
    assert listed(Path(own.data_dir) / "channel") == set()


def test_requirements_that_there_are_not(own: Settings, tmp_path: Path) -> None:
    recipe = write(tmp_path, more="requirements:\n  host: [gamma, nonesuch]\n")
    failure = refused(BuildPackage(recipe=str(recipe)), own, "unsatisfiable")
    assert "nonesuch" in failure["message"] and str(recipe) in failure["message"]


def test_without_a_network(own: Settings, settings: Make, tmp_path: Path) -> None:
    with ChannelServer(tmp_path) as server:
        offline = settings(channels=(own.channels[0], server.url), offline=True)
        run(BuildPackage(recipe=str(write(tmp_path / "a", more="requirements:\n  host: [gamma]\n"))), offline)
        recipe = write(tmp_path / "b", "other")
        recipe.write_text(recipe.read_text().replace("path: src", f"url: {server.url}/x.tar.gz"))
        failure = refused(BuildPackage(recipe=str(recipe)), offline, "channel_error")
        assert "x.tar.gz" in failure["message"] and "offline" in failure["hint"]
        assert server.log == []


def test_a_requirement_from_a_private_channel(little: Path, settings: Make, tmp_path: Path) -> None:
    """The token is found by whoever fetches, and is afterwards in nothing that is kept."""
    own = settings()
    home = Path(os.environ["HOME"])
    home.mkdir()
    with ChannelServer(little, token=CANARY) as server:
        (home / ".condarc").write_text(f"channels: [{server.url.replace('//', f'//u:{CANARY}@')}]\n")
        recipe = write(tmp_path / "project", more="requirements:\n  host: [gamma]\n")
        channel = tmp_path / "ours"
        request = BuildPackage(recipe=str(recipe), channel=str(channel), channels=(server.url,))
        result, events = operate(request, own)
        assert any(request.status == 200 and "gamma" in request.path for request in server.log)
    told = repr(result) + repr(events)
    kept = b"".join(path.read_bytes() for path in channel.rglob("*") if path.is_file())
    assert CANARY not in told and CANARY.encode() not in kept


@pytest.mark.slow
def test_two_at_once(own: Settings, tmp_path: Path) -> None:
    channel = tmp_path / "ours"
    requests = [BuildPackage(recipe=str(write(tmp_path / name, name)), channel=str(channel)) for name in ("one", "two")]
    with Operation(requests[0], own) as first, Operation(requests[1], own) as second:
        first.expect_result()
        second.expect_result()
        assert "wait" in first.phases + second.phases
    assert listed(channel) == {"one", "two"} and clean(channel)


def test_what_it_fetches_is_not_cleaned_meanwhile(own: Settings, tmp_path: Path) -> None:
    go_on = tmp_path / "go-on"
    os.mkfifo(go_on)
    (Path(own.cache_dir) / "builds" / "pkgs").mkdir(parents=True)
    ends = os.open(go_on, os.O_RDWR)
    recipe = write(tmp_path / "a", script=f"read line < {go_on} && {COPY}")
    with Operation(BuildPackage(recipe=str(recipe), channel=str(tmp_path / "ours")), own) as operation:
        operation.until("build")
        assert operate(Clean(kinds=("builds",)), own)[0] == Cleaned(items=(), preview=False)
        os.write(ends, b"now\n")
        operation.expect_result()
    os.close(ends)
    cleaned, _ = operate(Clean(kinds=("builds",)), own)
    assert isinstance(cleaned, Cleaned) and "pkgs" in {Path(one.path).name for one in cleaned.items}
    assert {path.name for path in (Path(own.cache_dir) / "building").iterdir()} <= {"gate.lock"}


@pytest.mark.slow
@pytest.mark.parametrize("phase", ["build", "index"])
def test_killed(phase: str, own: Settings, tmp_path: Path) -> None:
    channel = tmp_path / "ours"
    run(BuildPackage(recipe=str(write(tmp_path / "a")), channel=str(channel)), own)
    request = BuildPackage(recipe=str(write(tmp_path / "b", "second")), channel=str(channel))
    with Operation(request, own) as operation:
        operation.until(phase)
        operation.kill()
    assert listed(channel) in ({"mine"}, {"mine", "second"})
    if "second" not in listed(channel):
        for half in channel.glob("noarch/second-*"):  # without a place in the index it is as good as not there
            half.unlink()
        run(request, own)
    assert listed(channel) == {"mine", "second"}


def put_in_place(channel: str, folder: str, archive: str, moves: int) -> None:
    """Put ``archive`` into ``channel``, and die after that many moves."""
    from jupyter_condaenv.engine import build

    left = moves
    replace = os.replace

    def counted(source: Path, target: Path) -> None:
        nonlocal left
        if left == 0:
            os._exit(9)
        left -= 1
        replace(source, target)

    os.replace = counted  # type: ignore[assignment]
    build._index(Path(channel), Path(folder), [{"path": archive}])


def test_killed_at_every_move_of_what_is_put_in_place(tmp_path: Path) -> None:
    before = tmp_path / "before"
    in_child(put_in_place, str(before), str(tmp_path / "x"), str(archive(tmp_path / "x", "old")), -1)
    assert listed(before) == {"old"}
    for moves in range(20):
        channel, folder = tmp_path / f"channel-{moves}", tmp_path / f"work-{moves}"
        shutil.copytree(before, channel)
        new = archive(folder, "new")
        try:
            in_child(put_in_place, str(channel), str(folder), str(new), moves)
        except Crashed:
            assert listed(channel) in ({"old"}, {"old", "new"}), moves
            continue
        assert moves > 5 and listed(channel) == {"old", "new"}
        return
    raise AssertionError("it never came to its end")


def archive(folder: Path, name: str) -> Path:
    return write_package(folder / "out", name, "1.0", files={f"share/{name}": name}, noarch="generic")
