"""Environments written for other tools, and read back as they were."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from packageurl import PackageURL

from jupyter_condaenv.engine import export, history, specfiles
from jupyter_condaenv.engine.errors import Refused
from jupyter_condaenv.engine.formats import locked, written
from jupyter_condaenv.engine.formats.source import Source
from jupyter_condaenv.engine.model import (
    CreateEnvironment,
    Exported,
    ExportFormat,
    Lock,
    Package,
    PipFile,
    PipPackage,
    Settings,
    StackEnvironment,
    Variable,
    Wanted,
)
from jupyter_condaenv.engine.specfiles import SpecFile
from tests.channel import index, write_package

from .child import in_child, operate

NAMES = st.from_regex(r"[a-z0-9_][a-z0-9_.-]{0,8}", fullmatch=True)
VERSIONS = st.from_regex(r"[0-9]{1,3}(\.[0-9a-z_]{1,3}){0,3}", fullmatch=True)
BUILDS = st.from_regex(r"[A-Za-z0-9_.]{1,9}", fullmatch=True)
CHANNELS = st.sampled_from(["https://conda.anaconda.org/conda-forge", "https://host/a/b", "file:///home/me/größe x"])
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"]), max_size=20)


@st.composite
def packages(draw: st.DrawFn) -> Package:
    name, version, build = draw(NAMES), draw(VERSIONS), draw(BUILDS)
    channel, subdir = draw(CHANNELS), draw(st.sampled_from(["noarch", "linux-64"]))
    file_name = f"{name}-{version}-{build}.{draw(st.sampled_from(['conda', 'tar.bz2']))}"
    md5, sha256 = draw(st.sampled_from([("1" * 32, ""), ("", "2" * 64), ("1" * 32, "2" * 64)]))
    channel = Path(channel[7:]).as_uri() if channel.startswith("file:") else channel
    return Package(
        name=name, version=version, build=build, subdir=subdir, channel=channel, file_name=file_name,
        url=f"{channel}/{subdir}/{file_name}", md5=md5, sha256=sha256,
        depends=tuple(draw(st.lists(st.sampled_from(["python >=3.10,<3.11.0a0", "b", "c 1.* h*_0", "__glibc"])))),
    )  # fmt: skip


LOCKS = st.lists(packages(), min_size=1, max_size=6, unique_by=lambda package: package.name).map(
    lambda found: Lock(
        platform="linux-64",
        channels=tuple(dict.fromkeys(package.channel for package in found)),
        specs=("a>=1",),
        virtual_packages=("__glibc=2.36=0", "__unix=0=0"),
        packages=tuple(sorted(found, key=lambda package: package.name)),
    )
)


def read_lock(name: str, text: str) -> SpecFile:
    found = specfiles.read(name, text, "linux-64")
    return locked.read(Source(name, text), "linux-64") if found.foreign_lock else found


def identities(lock: Lock | None) -> list[tuple[str, ...]]:
    assert lock is not None
    return [(*package.identity, package.url, package.channel) for package in lock.packages]


# --- round trips ---


@given(LOCKS)
def test_conda_lock_is_read_as_it_was_written(lock: Lock) -> None:
    found = read_lock("conda-lock.yml", written.conda_lock(lock, pip=["requests==1"])).lock
    assert found is not None and identities(found) == identities(lock)
    assert (found.platform, found.channels) == (lock.platform, lock.channels)


@given(LOCKS)
@pytest.mark.slow
def test_pixi_lock_is_read_as_it_was_written(lock: Lock) -> None:
    found = read_lock("pixi.lock", written.pixi_lock(lock)).lock
    assert found is not None and identities(found) == identities(lock)
    assert (found.platform, found.channels) == (lock.platform, lock.channels)


PIP_FILES = st.builds(
    "https://host.example:8080/packages/{}{}".format,
    st.sampled_from([f"ab/cd/{'0' * 60}/", ""]),
    st.sampled_from(["x-1.0-py3-none-any.whl", "x-1.0.tar.gz", "x-1.0+local-py3-none-any.whl"]),
)
OF_PIP = st.lists(
    st.builds(
        lambda name, version, url, sha256: PipPackage(
            name=name,
            version=version,
            files=(PipFile(name=url.rpartition("/")[2], url=f"{url}?{name}", sha256=sha256),),
            direct="/ab/cd/" not in url,
        ),
        st.from_regex(r"[a-z0-9]{1,4}(-[a-z0-9]{1,4})?", fullmatch=True),
        st.sampled_from(["1.0", "2!1.0rc1", "1.0+local"]),
        PIP_FILES,
        st.text("0123456789abcdef", min_size=64, max_size=64),
    ),
    unique_by=lambda one: one.name,
    max_size=3,
).map(lambda found: tuple(sorted(found, key=lambda one: one.name)))


@given(LOCKS, OF_PIP)
@pytest.mark.slow
def test_what_a_lock_has_for_pip_is_read_as_it_was_written(lock: Lock, pip: tuple[PipPackage, ...]) -> None:
    for name, write in (("conda-lock.yml", written.conda_lock), ("pixi.lock", written.pixi_lock)):
        found = read_lock(name, write(replace(lock, pip=pip)))
        assert found.lock is not None and found.lock.pip == pip and identities(found.lock) == identities(lock)
        assert set(found.pip) == set(found.lock.pip_specs) == {f"{one.name}=={one.version}" for one in pip}


def test_of_several_files_that_would_do_the_installed_one_is_written(tmp_path: Path) -> None:
    names = ("x-1.0-cp311-cp311-win_amd64.whl", "x-1.0.tar.gz", "x-1.0-cp311-cp311-manylinux1_x86_64.whl")
    files = tuple(PipFile(name=name, url=f"https://host/{name}", sha256="0" * 64) for name in names)
    package, info = PipPackage(name="x", version="1.0", files=files), tmp_path / "x-1.0.dist-info"
    info.mkdir()
    assert export._installed_file(package, info).name == "x-1.0.tar.gz"
    (info / "WHEEL").write_text("Wheel-Version: 1.0\nTag: cp311-cp311-linux_x86_64\n")
    assert export._installed_file(package, info).name == "x-1.0.tar.gz"  # built here
    (info / "WHEEL").write_text("Tag: cp311-cp311-manylinux1_x86_64\nTag: cp311-cp311-manylinux_2_5_x86_64\n")
    assert export._installed_file(package, info).name == names[2]


@given(LOCKS)
@pytest.mark.slow
def test_an_explicit_list_is_read_as_it_was_written(lock: Lock) -> None:
    found = read_lock("explicit.txt", written.explicit(lock, pip=["requests==1"])).lock
    assert identities(found) == identities(lock)


@given(
    name=NAMES,
    specs=st.lists(st.builds("{}{}{}".format, NAMES, st.sampled_from(["=", ">=", " ==", "="]), VERSIONS), unique=True),
    channels=st.lists(CHANNELS, unique=True),
    variables=st.dictionaries(st.from_regex(r"[A-Z_][A-Z0-9_]{0,5}", fullmatch=True), TEXTS),
    pip=st.lists(st.builds("{}=={}".format, NAMES, VERSIONS), unique=True),
)
def test_environment_yml_is_read_as_it_was_written(
    name: str, specs: list[str], channels: list[str], variables: dict[str, str], pip: list[str]
) -> None:
    urls = [channel if "://" in channel and "ö" not in channel else "https://host/c" for channel in channels]
    text = written.environment(name=name, channels=urls, specs=specs, pip=pip, variables=variables)
    found = specfiles.read("environment.yml", text, "linux-64")
    assert (found.name, found.variables, found.pip) == (name, variables, tuple(pip))
    assert [spec for spec in found.specs if spec != "pip"] == [spec for spec in specs if spec != "pip"]
    assert list(found.channels) == list(
        dict.fromkeys(url.removeprefix("https://conda.anaconda.org/") for url in urls)
    ) or len(set(urls)) < len(urls)


# --- what others make of them ---


def records(text: str) -> list[tuple[object, ...]]:
    """What py-rattler reads from a lock."""
    import rattler

    with tempfile.NamedTemporaryFile("w", suffix=".lock", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        environment = rattler.LockFile.from_path(file.name).environment("default")
    assert environment is not None
    return sorted(
        (
            record.name.normalized, str(record.version), str(record.build), record.build_number, record.url,
            (record.sha256 or b"").hex(), (record.md5 or b"").hex(), tuple(record.depends), str(platform.name),
        )
        for platform in environment.platforms()
        for record in environment.conda_repodata_records_for_platform(platform) or []
    )  # fmt: skip


@pytest.mark.parametrize("write", [written.pixi_lock, written.conda_lock])
def test_py_rattler_reads_our_locks(write: object) -> None:
    package = Package(
        name="b", version="1.0", build="py_3", build_number=3, subdir="noarch", noarch="python", channel="https://h/c",
        url="https://h/c/noarch/b-1.0-py_3.conda", file_name="b-1.0-py_3.conda", sha256="1" * 64, md5="2" * 32,
        depends=("python >=3.10", "a"), license="MIT", size=12, timestamp=1_700_000_000_000,
    )  # fmt: skip
    other = replace(
        package, name="a", file_name="a-1.0-py_3.conda", url="https://h/c/noarch/a-1.0-py_3.conda", depends=()
    )
    lock = Lock(platform="linux-64", channels=("https://h/c",), specs=("b",), packages=(other, package))
    assert callable(write)
    assert in_child(records, write(lock)) == [
        ("a", "1.0", "py_3", 3, other.url, other.sha256, other.md5, (), "linux-64"),
        ("b", "1.0", "py_3", 3, package.url, package.sha256, package.md5, package.depends, "linux-64"),
    ]


def test_each_comes_after_what_it_needs() -> None:
    def package(name: str, *depends: str) -> Package:
        file = f"{name}-1-0.conda"
        return Package(
            name=name, version="1", build="0", subdir="noarch", channel="https://h/c", file_name=file,
            url=f"https://h/c/noarch/{file}", md5="1" * 32, depends=depends,
        )  # fmt: skip

    found = (package("a", "c >=1"), package("b"), package("c", "d"), package("d", "a", "b"), package("e", "a"))
    lock = Lock(platform="linux-64", channels=(), specs=(), packages=found)
    lines = [line for line in written.explicit(lock).splitlines() if line.startswith("https")]
    assert [line.rpartition("/")[2][0] for line in lines] == ["b", "d", "c", "a", "e"]


# --- environments ---


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    return tmp_path / "envs" / "demo"


@pytest.fixture
def made(prefix: Path, little_settings: Settings) -> Path:
    variables = (Variable(name="MODE", value="dry: $X"),)
    operate(CreateEnvironment(prefix=str(prefix), specs=("beta", "alpha<2"), variables=variables), little_settings)
    return prefix


@pytest.mark.parametrize(
    ("wanted", "specs"),
    [
        ("asked", ("beta", "alpha<2")),
        ("history", ("beta", "alpha<2")),
        ("pinned", ("alpha=1.0", "beta=1.0")),
        ("builds", ("alpha=1.0=0", "beta=1.0=0")),
    ],
)
def test_environment_yml(wanted: Wanted, specs: tuple[str, ...], made: Path, little: Path) -> None:
    found = specfiles.read("environment.yml", export.export(made, "environment.yml", wanted).text)
    assert (found.name, found.specs, found.channels) == ("demo", specs, (little.as_uri(),))
    assert found.variables == {"MODE": "dry: $X"}


def test_a_channel_of_this_machine_is_told(made: Path, little: Path) -> None:
    for format in ("environment.yml", "explicit", "conda-lock", "pixi.lock", "sbom"):
        (note,) = export.export(made, format).notes  # type: ignore[arg-type]
        assert note.startswith(f"{little.as_uri()} is a directory of this machine, where no other finds it")
    assert not export.export(made, "requirements").notes
    lock = history.current_lock(made)
    served = [replace(one, url=f"https://host/{one.file_name}", channel="https://host") for one in lock.packages]
    assert not export.not_elsewhere(replace(lock, packages=tuple(served)), ("https://host",))


@pytest.mark.parametrize("format", ["environment.yml", "explicit", "conda-lock", "pixi.lock"])
def test_what_is_exported_can_be_made_again(
    format: ExportFormat, made: Path, tmp_path: Path, little_settings: Settings
) -> None:
    exported: Exported = export.export(made, format)
    twin = tmp_path / "envs" / "twin"
    request = specfiles.creation(specfiles.read(exported.name, exported.text), exported.name, str(twin))
    operate(request, little_settings)
    assert export.export(twin, "explicit").text == export.export(made, "explicit").text
    again = export.export(twin, format).text
    assert len(again.splitlines()) >= len(exported.text.splitlines()) - 10  # the virtual packages are this machine's


def test_an_overlay_is_exported_with_what_it_stands_on(prefix: Path, tmp_path: Path, little_settings: Settings) -> None:
    channel, over = tmp_path / "channel", tmp_path / "envs" / "over"
    write_package(channel, "python", "3.11.7", files={"bin/python3.11": "", "bin/python": ""})
    write_package(channel, "more", "1.0", files={"share/more": ""}, depends=["python >=3.11"], noarch="generic")
    index(channel)
    settings = replace(little_settings, channels=(channel.as_uri(),))
    operate(CreateEnvironment(prefix=str(prefix), specs=("python=3.11",)), settings)
    operate(StackEnvironment(prefix=str(over), base=str(prefix), specs=("more",)), settings)
    found = specfiles.read("explicit.txt", export.export(over, "explicit").text).lock
    assert found is not None and [package.name for package in found.packages] == ["more", "python"]
    asked = specfiles.read("environment.yml", export.export(over, "environment.yml").text)
    assert asked.specs == ("python=3.11", "more")
    requested = specfiles.read("environment.yml", export.export(over, "environment.yml", "history").text)
    assert requested.specs == ("python=3.11", "more")
    (note,) = export.not_elsewhere(history.current_lock(over), ())[1:]
    assert note.startswith(f"It stands on {prefix}, which it does not hold")


def test_what_pip_installed(tmp_path: Path, little_settings: Settings) -> None:
    """In a prefix whose Python is a name only: nothing of it is run."""
    channel, prefix = tmp_path / "channel", tmp_path / "envs" / "demo"
    site = "lib/python3.11/site-packages"
    write_package(channel, "python", "3.11.7", files={"bin/python3.11": "", f"{site}/README": ""})
    metadata = "Metadata-Version: 2.1\nName: Of.Conda\nVersion: 1.0\n"
    write_package(
        channel, "of-conda", "1.0", depends=["python"], files={f"{site}/of_conda-1.0.dist-info/METADATA": metadata}
    )
    index(channel)
    settings = replace(little_settings, channels=(channel.as_uri(),))
    operate(CreateEnvironment(prefix=str(prefix), specs=("of-conda",)), settings)
    for name, source in (
        ("by_pip", ""),
        ("by_git", '{"url": "https://host/x", "vcs_info": {"vcs": "git", "commit_id": "abc"}}'),
        ("by_file", '{"url": "file:///home/me/x", "dir_info": {"editable": true}}'),
        ("bad name", ""),
    ):
        info = prefix / site / f"{name}-2.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Name: {name}\nVersion: 2.0\n\nName: other\n")
        if source:
            (info / "direct_url.json").write_text(source)
    ours = ["by_file @ file:///home/me/x", "by_git @ git+https://host/x@abc", "by_pip==2.0"]
    assert export.export(prefix, "requirements").text.splitlines() == ["# Python 3.11.7", *ours, "Of.Conda==1.0"]
    found = specfiles.read("environment.yml", export.export(prefix, "environment.yml").text)
    assert (found.specs, list(found.pip)) == (("of-conda", "pip"), ours)
    assert "# Not in this file, since pip installed it: by_pip==2.0" in export.export(prefix, "conda-lock").text
    bill = json.loads(export.export(prefix, "sbom").text)
    assert {component["purl"].split("@")[0] for component in bill["components"]} == {
        "pkg:conda/of-conda", "pkg:conda/python", "pkg:pypi/by-pip", "pkg:pypi/by-git", "pkg:pypi/by-file",
    }  # fmt: skip


def test_what_has_an_egg_info(tmp_path: Path, little_settings: Settings) -> None:
    """A folder, as setuptools once left it, or a file, as distutils did; conda packages have either."""
    channel, prefix, over = tmp_path / "channel", tmp_path / "envs" / "demo", tmp_path / "envs" / "over"
    site = "lib/python3.11/site-packages"
    write_package(channel, "python", "3.11.7", files={"bin/python3.11": "", f"{site}/README": ""})
    infos = {
        f"{site}/Folder-1.0-py3.11.egg-info/PKG-INFO": "Name: Folder\nVersion: 1.0\n",
        f"{site}/File-1.0-py3.11.egg-info": "Name: File\nVersion: 1.0\n",
    }
    write_package(channel, "of-conda", "1.0", depends=["python"], files=infos)
    index(channel)
    settings = replace(little_settings, channels=(channel.as_uri(),))
    operate(CreateEnvironment(prefix=str(prefix), specs=("of-conda",)), settings)
    (prefix / site / "by_pip-2.0-py3.11.egg-info").mkdir()
    (prefix / site / "by_pip-2.0-py3.11.egg-info" / "PKG-INFO").write_text("Name: by_pip\nVersion: 2.0\n")
    (prefix / site / "by_setup-2.0.egg-info").write_text("Name: by_setup\nVersion: 2.0\n")
    of_pip = ["by_pip==2.0", "by_setup==2.0"]
    wanted = ["# Python 3.11.7", *of_pip, "File==1.0", "Folder==1.0"]
    assert export.export(prefix, "requirements").text.splitlines() == wanted
    found = specfiles.read("environment.yml", export.export(prefix, "environment.yml").text)
    assert list(found.pip) == of_pip
    operate(StackEnvironment(prefix=str(over), base=str(prefix), specs=()), settings)
    (over / site / "by_setup-3.0.egg-info").write_text("Name: by_setup\nVersion: 3.0\n")
    assert "by_setup==3.0" in export.export(over, "requirements").text.splitlines(), "the upper one is imported"


def bill_of(prefix: Path) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """Each component by its reference, and what it depends on."""
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    text = export.export(prefix, "sbom").text
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    bill = json.loads(text)
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    needs = {one["ref"]: one.get("dependsOn", []) for one in bill["dependencies"]}
    return {component["bom-ref"]: component for component in bill["components"]}, needs


def test_a_bill_of_materials(made: Path, little: Path) -> None:
    components, needs = bill_of(made)
    alpha, beta = components["conda/alpha"], components["conda/beta"]
    assert alpha["purl"] == f"pkg:conda/alpha@1.0?build=0&channel={little.as_uri()}&subdir=noarch&type=conda"
    assert {one["alg"] for one in alpha["hashes"]} == {"SHA-256", "MD5"}
    assert needs[beta["bom-ref"]] == [alpha["bom-ref"]]


def write_history(prefix: Path, lock: Lock) -> None:
    """Packages that nobody has to fetch."""
    for one in lock.packages:
        fields = {name: getattr(one, name) for name in ("name", "version", "build", "url", "depends", "license", "md5")}
        write = {**fields, "subdir": one.subdir, "fn": one.file_name, "build_number": one.build_number}
        path = prefix / "conda-meta" / f"{one.name}-{one.version}-{one.build}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(write))
    history.record(prefix, "create", lock, (), ())


def bill_package(name: str, *depends: str, channel: str = "https://conda.anaconda.org/a", license: str = "") -> Package:
    file = f"{name}-1-0.conda"
    return Package(
        name=name, version="1", build="0", subdir="linux-64", channel=channel, file_name=file, depends=depends,
        url=f"{channel}/linux-64/{file}", md5="1" * 32, license=license,
    )  # fmt: skip


def test_what_a_bill_says_of_conda_packages(prefix: Path) -> None:
    found = (
        bill_package("a", "b >=1", license="BSD-3-Clause AND MIT"),
        bill_package("b", license="bsd-3-clause", channel="http://127.0.0.1:8765/conda-forge"),
        bill_package("c", license="UNKNOWN", channel="https://me:pw@host/t/token/conda-forge"),
        bill_package("d", license="GPL", channel="https://repo.anaconda.com/pkgs/main"),
    )
    lock = Lock(platform="linux-64", channels=(), specs=("conda-forge::a >=1", "c"), packages=found)
    write_history(prefix, lock)
    components, needs = bill_of(prefix)
    assert [components[f"conda/{name}"].get("licenses") for name in "abcd"] == [
        [{"expression": "BSD-3-Clause AND MIT"}],
        [{"license": {"id": "BSD-3-Clause"}}],
        None,
        [{"license": {"name": "GPL"}}],
    ]
    purls = [PackageURL.from_string(components[f"conda/{name}"]["purl"]) for name in "abcd"]
    assert [one.qualifiers["channel"] for one in purls] == [
        "a", "http://127.0.0.1:8765/conda-forge", "https://host/conda-forge", "main",
    ]  # fmt: skip
    assert needs["environment"] == ["conda/a", "conda/c"] and needs["conda/a"] == ["conda/b"]
    history.record(prefix, "create", replace(lock, specs=("gone",)), (), ())
    assert bill_of(prefix)[1]["environment"] == [f"conda/{name}" for name in "abcd"]


def test_what_a_bill_says_of_packages_of_pip(prefix: Path) -> None:
    """In a prefix whose Python is a name only: nothing of it is run."""
    asked, by_hand, direct, other = "0" * 64, "", "1" * 64, "2" * 64
    site = prefix / "lib/python3.11/site-packages"

    def install(name: str, metadata: str, origin: object = None) -> None:
        info = site / f"{name.replace('-', '_')}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Name: {name}\nVersion: 1.0\n{metadata}\nText, and no header: MIT\n")
        if origin:
            (info / "direct_url.json").write_text(json.dumps(origin))

    install("Asked", "License-Expression: MIT OR Apache-2.0\nRequires-Dist: needed>1; python_version > '3'\n")
    install(
        "needed",
        "License: UNKNOWN\nClassifier: License :: OSI Approved :: MIT License\nRequires-Dist: asked; extra == 'x'\n",
    )
    install("by_hand", "License: Text\n  of\n  many lines\nClassifier: License :: OSI Approved :: ISC\n")
    archive = {"url": "http://me:pw@host/direct-1.0-py3-none-any.whl", "archive_info": {"hashes": {"sha256": direct}}}
    install("direct", "License: MIT\n", archive)
    repository = {"url": "https://host/x.git", "vcs_info": {"vcs": "git", "commit_id": "abc"}}
    install("by-git", "License: BSD 3-Clause License\nRequires-Dist: Needed\nRequires-Dist: python\n", repository)
    known = [
        PipPackage(name=name, version="1.0", files=(PipFile(name=f"{name}-1.0.whl", url=url, sha256=sha256),))
        for name, url, sha256 in (
            ("asked", "https://files.pythonhosted.org/asked-1.0.whl", asked),
            ("needed", "https://mirror/needed-1.0.whl", other),
        )
    ]
    python = replace(bill_package("python"), version="3.11.7")
    lock = Lock(
        platform="linux-64", channels=(), specs=("python",), packages=(python,), pip=tuple(known), pip_specs=("asked",)
    )
    write_history(prefix, lock)
    components, needs = bill_of(prefix)
    names = ("asked", "needed", "by-hand", "direct", "by-git")
    found = [components[f"pypi/{name}"] for name in names]
    assert [one.get("licenses") for one in found] == [
        [{"expression": "MIT OR Apache-2.0"}],
        [{"license": {"name": "MIT License"}}],
        [{"license": {"id": "ISC"}}],
        [{"license": {"id": "MIT"}}],
        [{"license": {"name": "BSD 3-Clause License"}}],
    ]
    hashes = [next((said["content"] for said in one.get("hashes", ())), "") for one in found]
    assert hashes == [asked, other, by_hand, direct, ""]
    purls = [PackageURL.from_string(one["purl"]) for one in found]
    assert [one.name for one in purls] == list(names)
    assert [one.qualifiers for one in purls] == [
        {},
        {"download_url": "https://mirror/needed-1.0.whl"},
        {},
        {"download_url": "http://host/direct-1.0-py3-none-any.whl"},
        {"vcs_url": "git+https://host/x.git@abc"},
    ]
    where = [one["externalReferences"][0]["url"] if "externalReferences" in one else "" for one in found]
    assert where[0] == "https://files.pythonhosted.org/asked-1.0.whl" and where[2] == ""
    assert where[3:] == ["http://host/direct-1.0-py3-none-any.whl", "git+https://host/x.git@abc"]
    assert needs["environment"] == [
        "conda/python",
        *(f"pypi/{name}" for name in ("asked", "by-git", "by-hand", "direct")),
    ]
    assert (needs["pypi/asked"], needs["pypi/needed"]) == (["pypi/needed"], [])
    assert needs["pypi/by-git"] == ["conda/python", "pypi/needed"]


def test_what_nobody_could_fetch_again_is_refused(made: Path) -> None:
    record = next((made / "conda-meta").glob("alpha-*.json"))
    content = json.loads(record.read_text())
    record.write_text(json.dumps(content | {"url": "", "sha256": None, "md5": None}))
    for format in ("explicit", "conda-lock", "pixi.lock"):
        with pytest.raises(Refused, match=r"alpha 1\.0"):
            export.export(made, format)  # type: ignore[arg-type]
    assert "alpha" in export.export(made, "environment.yml").text
