"""One lock for machines of several kinds, none of which is at hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import settings as properties
from hypothesis import strategies as st
from msgspec.structs import replace

from jupyter_condaenv.engine import export, history, machine, specfiles
from jupyter_condaenv.engine.channels import host_subdir
from jupyter_condaenv.engine.errors import InvalidRequest, Refused, Unsatisfiable
from jupyter_condaenv.engine.formats import locked, written
from jupyter_condaenv.engine.formats.source import Source
from jupyter_condaenv.engine.model import (
    Changed,
    ChangePackages,
    CreateEnvironment,
    Explain,
    Explained,
    Lock,
    Locked,
    LockFile,
    LockFormat,
    LockPlatforms,
    Message,
    PipFile,
    PipPackage,
    Platform,
    Settings,
    StackEnvironment,
    Strategy,
    Target,
)
from tests.channel import index, write_package

from .child import in_child, operate
from .test_export import LOCKS, identities, records

PLATFORMS: tuple[Platform, ...] = get_args(Platform)
NEEDS = {"linux": "__glibc >=2.17", "osx": "__osx >=11.0", "win": "__win"}


@pytest.fixture(scope="module")
def channel(tmp_path_factory: pytest.TempPathFactory) -> str:
    """`tool` is for every platform and needs what is usual there, `app` needs it and has two versions; `gpu` there is
    with a driver, or, on Linux, without; `mac` is for one platform, and `old` is for none any more."""
    place = tmp_path_factory.mktemp("platforms")

    def write(name: str, version: str, *depends: str, **what: Any) -> None:
        file = {f"share/{name}": f"{name} {version} {what.get('subdir')}"}
        write_package(place, name, version, files=file, depends=depends, **what)

    for platform in PLATFORMS:
        write("tool", "1.0", NEEDS[platform.partition("-")[0]], subdir=platform)
    for version in ("1.0", "2.0"):
        write("app", version, "tool", noarch="generic")
    for platform in ("linux-64", "win-64"):
        write("gpu", "1.0", "__cuda >=12", subdir=platform, build="cuda_1", build_number=1)
    write("gpu", "1.0", subdir="linux-64", build="cpu_0")
    write("mac", "1.0", "__osx >=12", subdir="osx-arm64")
    write("old", "1.0", "__glibc >=2.90", subdir="linux-64")
    index(place)
    return place.as_uri()


@pytest.fixture
def own(channel: str, settings: Callable[..., Settings]) -> Settings:
    return settings(channels=(channel,))


def targets(*specs: str, **virtual: Iterable[str]) -> tuple[Target, ...]:
    """For every platform; `virtual` by its name with underscores."""
    return tuple(
        Target(platform=platform, specs=specs, virtual_packages=tuple(virtual.get(platform.replace("-", "_"), ())))
        for platform in PLATFORMS
    )


def made(request: LockPlatforms, settings: Settings) -> LockFile:
    result, _ = operate(request, settings)
    assert isinstance(result, Locked)
    return result.file


def of(file: LockFile, platform: str) -> Lock:
    found = locked.read(Source(file.name, file.text), platform).lock
    assert found is not None
    return found


def builds(lock: Lock) -> dict[str, tuple[str, str]]:
    return {package.name: (package.version, package.subdir) for package in lock.packages}


@pytest.mark.parametrize("format", get_args(LockFormat))
def test_one_lock_for_every_platform(format: LockFormat, own: Settings) -> None:
    file = made(LockPlatforms(targets=targets("app"), format=format), own)
    assert file.name == {"conda-lock": "conda-lock.yml", "pixi.lock": "pixi.lock"}[format]
    assert [one.platform for one in file.platforms] == list(PLATFORMS)
    for one in file.platforms:
        assert one.virtual_packages == machine.DEFAULTS[one.platform]
        assert builds(of(file, one.platform)) == {"app": ("2.0", "noarch"), "tool": ("1.0", one.platform)}
        for virtual in one.virtual_packages:
            assert virtual.removesuffix("=0") in file.text


def test_what_is_declared_for_one_platform(own: Settings) -> None:
    asked = tuple(Target(platform=one, specs=("gpu",)) for one in PLATFORMS if one == "linux-64")
    assert "gpu-1.0-cpu_0" in made(LockPlatforms(targets=asked), own).text
    file = made(
        LockPlatforms(
            targets=(*(replace(one, virtual_packages=("__cuda=12.4",)) for one in asked),), format="pixi.lock"
        ),
        own,
    )
    assert "gpu-1.0-cuda_1" in file.text
    lock = of(file, "linux-64")
    assert lock.declared == ("__cuda=12.4=0",)
    assert set(lock.virtual_packages) == {"__cuda=12.4=0", *machine.DEFAULTS["linux-64"]}


def test_what_a_machine_would_have_to_have_is_named(own: Settings) -> None:
    with pytest.raises(Unsatisfiable) as caught:
        made(LockPlatforms(targets=(Target(platform="linux-64", specs=("old",)),)), own)
    assert caught.value.hint.startswith(
        "For a machine that has it, declare __glibc=2.90 (--virtual, or virtual_packages). Relax or drop"
    )


def test_a_platform_that_has_nothing_is_named(own: Settings) -> None:
    with pytest.raises(Unsatisfiable, match=r"^For linux-64: (.|\n)*__osx|mac") as caught:
        made(LockPlatforms(targets=targets("mac")), own)
    assert caught.value.details["platforms"] == [one for one in PLATFORMS if one != "osx-arm64"]
    assert "Nor is there anything for linux-aarch64, osx-64, win-64." in caught.value.hint


def test_why_a_platform_has_nothing_and_what_would_do(own: Settings) -> None:
    asked = LockPlatforms(targets=targets("gpu", "app", linux_aarch64=()))
    asked = replace(asked, targets=tuple(one for one in asked.targets if one.platform in ("linux-64", "win-64")))
    result, _ = operate(Explain(prefix="", request=asked), own)
    assert isinstance(result, Explained)
    found = result.explanation
    assert (found.possible, found.platform) == (False, "win-64")
    assert [clash.requests for clash in found.clashes] == [("gpu",)]
    works = {(way.kind, way.change) for way in found.ways if way.works}
    assert ("virtual", "__cuda=12") in works and ("drop", "gpu") in works
    declared = [replace(one, virtual_packages=("__cuda=12",)) for one in asked.targets]
    result, _ = operate(Explain(prefix="", request=replace(asked, targets=tuple(declared))), own)
    assert isinstance(result, Explained) and result.explanation.possible


# --- of an environment ---


def test_what_an_environment_was_asked_for(own: Settings, tmp_path: Path) -> None:
    """Where it is at home, what is installed stays; elsewhere there is no reason to take the older one."""
    here = host_subdir()
    prefix = tmp_path / "envs" / "geo"
    operate(CreateEnvironment(prefix=str(prefix), specs=("app=1",)), own)
    operate(ChangePackages(prefix=str(prefix), add=("app=*",)), own)
    plain = tuple(replace(one, specs=()) for one in targets())
    file = made(LockPlatforms(prefix=str(prefix), targets=plain), replace(own, channels=("https://not.used",)))
    versions = {platform: builds(of(file, platform))["app"][0] for platform in PLATFORMS}
    assert versions == {platform: "1.0" if platform == here else "2.0" for platform in PLATFORMS}


def test_what_an_environment_was_declared_to_be_for(own: Settings, tmp_path: Path) -> None:
    here = host_subdir()
    assert here == "linux-64"
    prefix = tmp_path / "envs" / "gpu"
    strategy = Strategy(virtual_packages=("__cuda=12.4",), exclude_newer="2100-01-01")
    operate(CreateEnvironment(prefix=str(prefix), specs=("gpu",), strategy=strategy), own)
    file = made(LockPlatforms(prefix=str(prefix), targets=(Target(platform="linux-64"),)), own)
    assert "cuda_1" in file.text
    none = (Target(platform="linux-64", virtual_packages=("__cuda=",)),)
    assert "cpu_0" in made(LockPlatforms(prefix=str(prefix), targets=none), own).text


def test_an_overlay_with_what_it_stands_on(settings: Callable[..., Settings], tmp_path: Path) -> None:
    place = tmp_path / "channel"
    for platform in ("linux-64", "osx-arm64"):
        files = {"bin/python3.11": "", "bin/python": ""}
        write_package(place, "python", "3.11.7", files=files, subdir=platform)
    write_package(place, "more", "1.0", files={"share/more": ""}, depends=["python >=3.11"], noarch="generic")
    index(place)
    own = settings(channels=(place.as_uri(),))
    base, over = tmp_path / "envs" / "base", tmp_path / "envs" / "over"
    operate(CreateEnvironment(prefix=str(base), specs=("python=3.11",)), own)
    operate(StackEnvironment(prefix=str(over), base=str(base), specs=("more",)), own)
    file = made(LockPlatforms(prefix=str(over), targets=(Target(platform="osx-arm64"),)), own)
    assert builds(of(file, "osx-arm64")) == {"more": ("1.0", "noarch"), "python": ("3.11.7", "osx-arm64")}


@pytest.mark.parametrize("format", get_args(LockFormat))
def test_what_pip_has_where_it_is_the_same(
    format: LockFormat, settings: Callable[..., Settings], tmp_path: Path
) -> None:
    """In a prefix whose Python is a name only: nothing of it is run."""
    place, site = tmp_path / "channel", "lib/python3.11/site-packages"
    platforms: tuple[Platform, ...] = ("linux-64", "osx-arm64", "win-64")
    for platform in platforms:
        write_package(place, "python", "3.11.7", files={"bin/python3.11": "", f"{site}/README": ""}, subdir=platform)
    index(place)
    prefix = tmp_path / "envs" / "geo"
    own = settings(channels=(place.as_uri(),))
    operate(CreateEnvironment(prefix=str(prefix), specs=("python=3.11",)), own)

    def have(name: str, wheel: str, *needs: str) -> PipPackage:
        info = prefix / site / f"{name}-1.0.dist-info"
        info.mkdir(exist_ok=True)
        requires = "".join(f"Requires-Dist: {need}\n" for need in needs)
        (info / "METADATA").write_text(f"Name: {name}\nVersion: 1.0\n{requires}")
        file = f"{name}-1.0-{wheel}.whl"
        return PipPackage(
            name=name, version="1.0", files=(PipFile(name=file, url=f"https://h/{file}", sha256="0" * 64),)
        )

    def locked_for(*of_pip: PipPackage) -> tuple[set[str], list[str]]:
        history.record(prefix, "add", replace(history.current_lock(prefix), pip=of_pip), (), ("python=3.11",))
        wanted = tuple(Target(platform=platform) for platform in platforms)
        result, events = operate(LockPlatforms(prefix=str(prefix), targets=wanted, format=format), own)
        assert isinstance(result, Locked)
        assert ("# Not in this file" in result.file.text) == any(isinstance(event, Message) for event in events)
        having = {one for one in platforms if len(of(result.file, one).pip) == len(of_pip)}
        return having, [event.text for event in events if isinstance(event, Message)]

    pure, dep = have("pure", "py3-none-any", "dep"), have("dep", "py3-none-any", 'colorama; os_name == "nt"')
    having, (told,) = locked_for(dep, pure)
    assert having == {"linux-64", "osx-arm64"} and "left out for win-64" in told
    compiled = have("compiled", "cp311-cp311-manylinux1_x86_64")
    having, (told,) = locked_for(compiled, dep, pure)
    assert having == {"linux-64"} and "osx-arm64, win-64" in told


@pytest.mark.parametrize("format", get_args(LockFormat))
def test_an_environment_of_this_machines_part(format: LockFormat, own: Settings, tmp_path: Path) -> None:
    file = made(LockPlatforms(targets=targets("app"), format=format), own)
    request = specfiles.creation(specfiles.read(file.name, file.text), file.name, str(tmp_path / "envs" / "geo"))
    result, _ = operate(request, own)
    assert isinstance(result, Changed)
    assert builds(result.plan.lock) == {"app": ("2.0", "noarch"), "tool": ("1.0", host_subdir())}
    if format == "pixi.lock":
        assert result.plan.lock.virtual_packages == machine.DEFAULTS["linux-64"]
    elsewhere = tuple(one for one in targets("app") if one.platform != host_subdir())
    file = made(LockPlatforms(targets=elsewhere, format=format), own)
    request = specfiles.creation(specfiles.read(file.name, file.text), file.name, str(tmp_path / "envs" / "other"))
    with pytest.raises(InvalidRequest, match=f"nothing for {host_subdir()}, only for linux-aarch64, osx-64"):
        operate(request, own)


# --- of a file ---

FILE = """\
channels: [{channel}]
platforms: [linux-64, osx-arm64, linux-ppc64le]
dependencies:
  - app=1.0
  - mac  # [osx]
"""


def test_what_a_file_asks_for_on_each_platform(own: Settings, channel: str) -> None:
    asked = specfiles.targets("environment.yml", FILE.format(channel=channel), without_pip=False)
    assert [(one.platform, one.specs) for one in asked.targets] == [
        ("linux-64", ("app=1.0",)),
        ("osx-arm64", ("app=1.0", "mac")),
    ]
    left_out, unknown = asked.notes
    assert left_out == "for linux-64: environment.yml, line 5: left out, it is for osx"
    assert unknown.startswith(
        "environment.yml also names linux-ppc64le, for which nothing is locked: only for linux-64"
    )
    result, events = operate(asked, replace(own, channels=("https://not.used",)))
    assert isinstance(result, Locked)
    assert set(builds(of(result.file, "osx-arm64"))) == {"app", "tool", "mac"}
    assert [event.text for event in events if isinstance(event, Message)] == list(asked.notes)
    only = specfiles.targets("e.yml", FILE.format(channel=channel), [Target(platform="win-64")], without_pip=False)
    assert [one.platform for one in only.targets] == ["win-64"]
    assert not any("nothing is locked" in text for text in only.notes)


def test_how_a_manifest_has_each_platform_chosen() -> None:
    text = "[workspace]\nchannels = ['a']\nplatforms = ['linux-64', 'osx-64']\nsolve-strategy = 'lowest'\n"
    text += "exclude-newer = '2024-01-01'\n[dependencies]\na = '*'\n[system-requirements]\nmacos = '12'\ncuda = '12'\n"
    wanted = [Target(platform="linux-64", virtual_packages=("__cuda=",)), Target(platform="osx-64")]
    asked_for = Strategy(exclude_newer="2025-01-01")
    asked = specfiles.targets("pixi.toml", text, wanted, without_pip=False, strategy=asked_for)
    assert [one.virtual_packages for one in asked.targets] == [("__cuda=",), ("__osx=12", "__cuda=12")]
    assert asked.strategy == Strategy(resolution="lowest", exclude_newer="2025-01-01")
    assert any("exclude-newer = 2024-01-01" in note and "not followed" in note for note in asked.notes)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("environment.yml", "dependencies: [a]\n", "names no platforms"),
        ("environment.yml", "platforms: [plan9]\ndependencies: [a]\n", "names no platforms"),
        ("explicit.txt", "@EXPLICIT\nhttps://h/c/noarch/a-1-0.conda\n", "names no platforms|exactly which"),
        ("environment.yml", "platforms: [osx-64]\ndependencies: [a, pip, {pip: [b]}]\n", "requirements for pip"),
    ],
)
def test_files_that_cannot_be_locked(name: str, text: str, told: str) -> None:
    with pytest.raises((InvalidRequest, Refused), match=told):
        specfiles.targets(name, text, without_pip=False)


def test_a_lock_is_not_locked_again() -> None:
    text = "# platform: linux-64\n@EXPLICIT\nhttps://h/c/noarch/a-1-0.conda#" + "1" * 32
    with pytest.raises(InvalidRequest, match="exactly which packages"):
        specfiles.targets("explicit.txt", text, [Target(platform="win-64")], without_pip=False)


# --- requests that cannot be meant ---


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        (LockPlatforms(targets=()), "no platform"),
        (LockPlatforms(targets=(Target(platform="win-64", specs=("a",)),) * 2), "win-64 is to be locked twice"),
        (LockPlatforms(targets=(Target(platform="win-64"),)), "For win-64 nothing is asked for"),
        (LockPlatforms(prefix="/x/y", targets=(Target(platform="win-64", specs=("a",)),)), "not both"),
        (
            LockPlatforms(targets=targets("a"), strategy=Strategy(virtual_packages=("__cuda=1",))),
            "for each platform",
        ),
        (LockPlatforms(targets=targets("app", osx_64=("cuda",))), "declared to have"),
    ],
)
def test_what_cannot_be_locked(request_: LockPlatforms, told: str, own: Settings) -> None:
    with pytest.raises(InvalidRequest, match=told):
        operate(request_, own)


def test_a_platform_that_nobody_knows() -> None:
    with pytest.raises(InvalidRequest, match="plan9"):
        machine.of("plan9-mips", ())


def test_there_is_something_to_be_had_on_each_platform() -> None:
    assert set(machine.DEFAULTS) == set(PLATFORMS)


# --- round trips ---


def on(platform: Platform, lock: Lock) -> Lock:
    """``lock`` as it could be for ``platform``."""
    packages = tuple(
        replace(
            package,
            subdir=package.subdir if package.subdir == "noarch" else platform,
            url=package.url.replace("/linux-64/", f"/{platform}/"),
        )
        for package in lock.packages
    )
    return replace(lock, platform=platform, packages=packages, virtual_packages=machine.DEFAULTS[platform])


MANY = st.dictionaries(st.sampled_from(PLATFORMS), LOCKS, min_size=1, max_size=3).map(
    lambda found: [on(platform, lock) for platform, lock in found.items()]
)


@properties(max_examples=20)
@given(MANY)
def test_each_platform_is_read_as_it_was_written(locks: list[Lock]) -> None:
    for name, write in (("conda-lock.yml", written.conda_lock), ("pixi.lock", written.pixi_lock)):
        text = write(*locks, pip=["requests==1"])
        for lock in locks:
            found = locked.read(Source(name, text), lock.platform)
            assert found.lock is not None and identities(found.lock) == identities(lock)
            assert found.platforms == tuple(one.platform for one in locks)
            if name == "pixi.lock":
                assert found.lock.virtual_packages == lock.virtual_packages


@pytest.mark.parametrize("write", [written.conda_lock, written.pixi_lock])
def test_py_rattler_reads_each_platform(write: Callable[..., str], own: Settings) -> None:
    file = made(LockPlatforms(targets=targets("app")), own)
    locks = [of(file, platform) for platform in PLATFORMS]
    found = in_child(records, write(*locks))
    assert {(record[0], record[-1]) for record in found} == {
        (name, platform) for name in ("app", "tool") for platform in PLATFORMS
    }
    assert export.FILE_NAMES["conda-lock"] == file.name
