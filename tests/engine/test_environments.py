"""Names and places of environments, those that other tools made, and lists that nothing on disk can stop."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from jupyter_condaenv.engine import environments, history
from jupyter_condaenv.engine.errors import Broken, InvalidRequest, NotFound
from jupyter_condaenv.engine.model import Settings


def bare(prefix: Path, *records: str) -> Path:
    """What listing looks at: names of files. What is in them is garbage."""
    (prefix / "conda-meta").mkdir(parents=True)
    (prefix / "conda-meta" / "history").touch()
    for name in records:
        (prefix / "conda-meta" / f"{name}.json").write_bytes(b"\xff garbage")
    return prefix


@pytest.fixture
def known(settings: Callable[..., Settings], tmp_path: Path) -> Settings:
    return settings(envs_dirs=(str(tmp_path / "envs"), str(tmp_path / "more")))


@pytest.fixture
def notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home" / ".conda").mkdir(parents=True)
    return tmp_path / "home" / ".conda" / "environments.txt"


def names(settings: Settings) -> list[str]:
    return [environment.name for environment in environments.list_environments(settings)]


# --- names and places ---


@pytest.mark.parametrize(
    "name",
    [
        "ml",
        "ML 2024",
        "a" * 255,
        "größe",
        "环境",
        "x.y-z_1",
        "a'b\"c",
        "$HOME",
        "*",
        "3",
        "env@home",
        "e\u0301te",
        "ß" * 127,
    ],
)
def test_a_name(name: str, known: Settings) -> None:
    environments.check_name(name)
    assert environments.prefix_for(name, known) == f"{known.envs_dirs[0]}/{name}"


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        " a",
        "a ",
        ".",
        "..",
        "base",
        "root",
        ".hidden",
        "-n",
        "a/b",
        "a\\b",
        "a:b",
        "a#b",
        "a%b",
        "a\x00b",
        "a\nb",
        "a\x7fb",
        "a" * 256,
        "ß" * 128,
        "../x",
        "\ta",
    ],
)
def test_no_name(name: str, known: Settings) -> None:
    with pytest.raises(InvalidRequest) as caught:
        environments.prefix_for(name, known)
    assert repr(name) in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("prefix", ["/a", "/home/me/my envs/größe", "/a/b.c", "/" + "/".join(["x" * 50] * 4)])
def test_a_prefix(prefix: str) -> None:
    environments.check_prefix(prefix)


@pytest.mark.parametrize(
    "prefix",
    [
        "",
        "/",
        "//",
        "a",
        "./a",
        "~/a",
        "/a/",
        "/a//b",
        "/a/./b",
        "/a/../b",
        "/a:b",
        "/a/b#c",
        "/a\nb",
        "/a\x00b",
        "/a\rb",
        "/a/\udcff",
        "/" + "/".join(["x" * 50] * 6),
    ],
)
def test_no_prefix(prefix: str) -> None:
    with pytest.raises(InvalidRequest):
        environments.check_prefix(prefix)


def test_new_environments_go_where_they_can_be_written(settings: Callable[..., Settings], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    given = settings(envs_dirs=(str(tmp_path / "file" / "envs"), str(tmp_path / "not" / "yet")))
    assert environments.prefix_for("ml", given) == str(tmp_path / "not" / "yet" / "ml")
    with pytest.raises(InvalidRequest, match="None of the folders"):
        environments.prefix_for("ml", settings(envs_dirs=(str(tmp_path / "file"),)))


# --- finding ---


def test_an_environment_is_found_by_name_and_by_path(
    known: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = bare(tmp_path / "more" / "größe", "python-3.11.7-h1_cpython", "numpy-2.1-py311_0")
    (tmp_path / "link").symlink_to(made)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for text in ("größe", str(made), f"{made}/", "more/größe", "./more/größe", "~/more/größe"):
        assert environments.find(text, known).prefix == str(made)
    assert environments.find("./link", known).prefix == str(tmp_path / "link")
    found = environments.find("größe", known)
    assert (found.name, found.kind, found.packages, found.python) == ("größe", "full", 2, "3.11.7")
    monkeypatch.chdir(made)
    assert environments.find(".", known).prefix == str(made)


def test_the_first_folder_wins_and_notes_can_be_ambiguous(known: Settings, tmp_path: Path, notes: Path) -> None:
    first, _ = bare(tmp_path / "envs" / "ml"), bare(tmp_path / "more" / "ml")
    assert environments.find("ml", known).prefix == str(first)
    elsewhere = [bare(tmp_path / place / "dl") for place in ("one", "two")]
    notes.write_text("".join(f"{place}\n" for place in elsewhere))
    with pytest.raises(InvalidRequest, match="several environments") as caught:
        environments.find("dl", known)
    assert all(str(place) in caught.value.message for place in elsewhere)
    notes.write_text(f"{elsewhere[1]}\n")
    assert environments.find("dl", known).prefix == str(elsewhere[1])


def test_what_is_not_found_is_told_with_what_is_like_it(known: Settings, tmp_path: Path, notes: Path) -> None:
    bare(tmp_path / "envs" / "project")
    with pytest.raises(NotFound) as caught:
        environments.find("projcet", known)
    assert caught.value.hint == "Did you mean project?"
    with pytest.raises(NotFound, match="/nowhere"):
        environments.find("/nowhere", known)
    with pytest.raises(NotFound, match="zzz"):
        environments.find("zzz", known)


# --- listing ---


def test_none_is_made_where_python_cannot_start(known: Settings) -> None:
    with pytest.raises(InvalidRequest, match="has a ' in it"):
        environments.check_free(str(Path(known.envs_dirs[0]) / "it's"))


def test_one_that_has_lost_its_history_is_told_with_what_brings_it_back(known: Settings) -> None:
    prefix = Path(known.envs_dirs[0]) / "geo"
    file = prefix / "conda-meta/history"
    (prefix / "conda-meta/condaenv/revisions").mkdir(parents=True)
    for look in (
        lambda: environments.find("geo", known),
        lambda: environments.find(str(prefix), known),
        lambda: environments.check_free(str(prefix)),
    ):
        file.unlink(missing_ok=True)
        with pytest.raises(Broken, match="has lost its conda-meta/history") as refusal:
            look()
        assert f"an empty file {file}" in refusal.value.hint
    file.touch()
    assert environments.find("geo", known).prefix == str(prefix)


def test_listing_opens_no_record(known: Settings, tmp_path: Path, notes: Path) -> None:
    for number in range(100):
        bare(tmp_path / "envs" / f"env{number:03}", "python-3.12.1-h_0", *(f"pkg{n}-1-0" for n in range(number)))
    found = environments.list_environments(known)
    assert [environment.name for environment in found] == [f"env{number:03}" for number in range(100)]
    assert [environment.packages for environment in found] == list(range(1, 101))
    assert {environment.python for environment in found} == {"3.12.1"}


def test_an_environment_is_listed_once(known: Settings, tmp_path: Path, notes: Path) -> None:
    made = bare(tmp_path / "envs" / "ml")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "other-name").symlink_to(made)
    notes.write_text(f"{made}\n{made}/\n{tmp_path}/more/other-name\n")
    assert names(known) == ["ml"]


def test_what_is_no_environment_is_not_listed(known: Settings, tmp_path: Path, notes: Path) -> None:
    envs = tmp_path / "envs"
    bare(envs / ".condaenv" / "stage")
    bare(envs / ".hidden")
    (envs / "empty").mkdir()
    (envs / "half" / "conda-meta").mkdir(parents=True)
    (envs / "file").touch()
    (envs / "dangling").symlink_to("nowhere")
    (envs / "loop").symlink_to("loop")
    assert names(known) == []


def test_garbage_in_the_notes(known: Settings, tmp_path: Path, notes: Path) -> None:
    made = bare(tmp_path / "elsewhere" / "größe")
    lines = [b"", b"  ", b"relative/env", b"\xff\xfe\x00", b"/a\x00b", b"/" + b"x" * 5000, b"/etc/passwd", b"# comment"]
    notes.write_bytes(b"\n".join([*lines, os.fsencode(made), b"\r"]) + b"\r\n")
    assert names(known) == ["größe"]
    notes.unlink()
    notes.mkdir()
    assert names(known) == []


def test_folders_that_cannot_be_listed_or_told(settings: Callable[..., Settings], tmp_path: Path, notes: Path) -> None:
    bare(tmp_path / "envs" / "good")
    bare(Path(os.fsdecode(os.fsencode(tmp_path / "envs") + b"/bad-\xff")))
    (tmp_path / "file").touch()
    given = settings(
        envs_dirs=(str(tmp_path / "file"), str(tmp_path / "nowhere"), str(tmp_path / "envs"), "/proc/1/root/x")
    )
    found = environments.list_environments(given)
    assert [environment.name for environment in found] == ["good"]
    assert msgspec.json.encode(found)


def test_a_python_that_is_missing_is_a_problem(tmp_path: Path) -> None:
    made = bare(tmp_path / "ml", "python-3.11.7-h1_cpython")
    assert environments.describe(made).problem == "Its Python is missing."
    (made / "bin").mkdir()
    (made / "bin" / "python").write_text("#!/bin/sh\n")
    (made / "bin" / "python").chmod(0o755)
    assert environments.describe(made).problem == ""


# --- notes ---


def test_notes_are_made_once_and_taken_back(tmp_path: Path, notes: Path) -> None:
    one, other = tmp_path / "envs" / "größe", tmp_path / "envs" / "with space"
    for _ in range(2):
        environments.note(one)
        environments.note(other)
    assert notes.read_text(encoding="utf-8") == f"{one}\n{other}\n"
    environments.forget(one)
    assert notes.read_text(encoding="utf-8") == f"{other}\n"


def test_notes_of_others_stay_as_they_are(tmp_path: Path, notes: Path) -> None:
    notes.write_bytes(b"/theirs\xff\n/no-newline-at-the-end")
    environments.note(tmp_path / "ours")
    assert notes.read_bytes() == b"/theirs\xff\n/no-newline-at-the-end\n" + os.fsencode(tmp_path / "ours") + b"\n"
    environments.forget(tmp_path / "ours")
    assert notes.read_bytes() == b"/theirs\xff\n/no-newline-at-the-end\n"
    untouched = notes.stat().st_ino
    environments.forget(tmp_path / "never noted")
    assert notes.stat().st_ino == untouched


def test_notes_that_cannot_be_written_are_no_error(tmp_path: Path, notes: Path) -> None:
    notes.parent.rmdir()
    notes.parent.write_text("a file")
    environments.note(tmp_path / "ours")
    environments.forget(tmp_path / "ours")


# --- environments that conda made ---


def test_an_environment_of_conda(known: Settings, tmp_path: Path) -> None:
    """As conda writes it: names of channels, nulls, and requests in its history alone."""
    made = tmp_path / "envs" / "theirs"
    (made / "conda-meta").mkdir(parents=True)
    url = "https://conda.anaconda.org/conda-forge"
    for name, version, build, subdir, extra in (
        ("numpy", "1.26.4", "py311h64a7726_0", "linux-64", {"depends": ["python >=3.11,<3.12.0a0"], "noarch": None}),
        ("python", "3.11.9", "hb806964_0_cpython", "linux-64", {"requested_spec": "python=3.11", "track_features": ""}),
        ("tzdata", "2024a", "h0c530f3_0", "noarch", {"noarch": "generic"}),
    ):
        stem = f"{name}-{version}-{build}"
        record = {
            "arch": None, "build": build, "build_number": 0, "channel": f"{url}/{subdir}", "constrains": [],
            "depends": [], "extracted_package_dir": f"/opt/conda/pkgs/{stem}", "features": "", "files": [],
            "fn": f"{stem}.conda", "license": "BSD", "link": {"source": "/opt/conda/pkgs", "type": 1}, "md5": "0" * 32,
            "name": name, "package_tarball_full_path": f"/opt/conda/pkgs/{stem}.conda",
            "paths_data": {"paths": [], "paths_version": 1}, "requested_spec": "None", "sha256": "1" * 64, "size": 7,
            "subdir": subdir, "timestamp": 1707225342000, "url": f"{url}/{subdir}/{stem}.conda", "version": version,
            **extra,
        }  # fmt: skip
        (made / "conda-meta" / f"{stem}.json").write_text(json.dumps(record))
    (made / "conda-meta" / "history").write_text(
        "==> 2024-02-06 13:00:00 <==\n# cmd: /opt/conda/bin/conda create -n theirs python=3.11 numpy scipy\n"
        "# conda version: 24.1.0\n+conda-forge/linux-64::python-3.11.9-hb806964_0_cpython\n"
        "# update specs: ['python=3.11', 'conda-forge::numpy[version=\">=1.20,<2\"]', 'scipy']\n"
        "==> 2024-02-07 13:00:00 <==\n# cmd: /opt/conda/bin/conda remove scipy\n# remove specs: ['scipy']\n"
    )
    lock = history.current_lock(made)
    assert lock.platform == "linux-64"
    assert lock.channels == (url,)
    assert lock.specs == ("python=3.11", 'conda-forge::numpy[version=">=1.20,<2"]')
    assert [package.name for package in lock.packages] == ["numpy", "python", "tzdata"]
    assert {package.channel for package in lock.packages} == {url}
    assert [package.noarch for package in lock.packages] == ["", "", "generic"]
    assert environments.find("theirs", known).python == "3.11.9"
