"""Packages that are asked for by the URL or the path of their archive: which file it was is locked as for others."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from jupyter_condaenv.engine import export, history, specfiles, why
from jupyter_condaenv.engine.errors import InvalidRequest
from jupyter_condaenv.engine.model import (
    ChangePackages,
    CreateEnvironment,
    Explain,
    ExportFormat,
    Rollback,
    Settings,
    Wanted,
)
from tests.channel import ChannelServer, index, write_package

from . import harness
from .harness import refused, run, settled, tree


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """An archive that lies in no channel."""
    return write(tmp_path, "first")


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    return tmp_path / "envs" / "geo"


def write(folder: Path, content: str, **fields: Any) -> Path:
    archive = write_package(folder / "made", "tool", "1.0", files={"share/tool": content}, noarch="generic", **fields)
    beside = folder / "my files" / archive.name
    beside.parent.mkdir(exist_ok=True)
    return archive.replace(beside)


def create(prefix: Path, *specs: str | Path) -> CreateEnvironment:
    return CreateEnvironment(prefix=str(prefix), specs=tuple(map(str, specs)))


def add(prefix: Path, *specs: str | Path) -> ChangePackages:
    return ChangePackages(prefix=str(prefix), add=tuple(map(str, specs)))


def locked(prefix: Path, name: str = "tool") -> str:
    return next(one.sha256 for one in history.current_lock(prefix).packages if one.name == name)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("spelt", ["path", "url"])
def test_a_file(spelt: str, made: Path, prefix: Path, little_settings: Settings) -> None:
    run(create(prefix, made if spelt == "path" else made.as_uri()), little_settings)
    assert (prefix / "share/tool").read_text() == "first"
    assert locked(prefix) == sha256(made)
    assert sha256(made) in export.export(prefix, "explicit").text
    settled(prefix)


def test_it_stays_when_the_file_has_gone_or_is_another_one(made: Path, prefix: Path, little_settings: Settings) -> None:
    run(create(prefix, made), little_settings)
    was = locked(prefix)
    write(made.parents[1], "second")
    result = run(add(prefix, "alpha"), little_settings)
    assert [change["after"]["name"] for change in result["plan"]["changes"]] == ["alpha"]
    made.unlink()
    run(ChangePackages(prefix=str(prefix), remove=("alpha",)), little_settings)
    run(add(prefix, "gamma"), little_settings)
    run(ChangePackages(prefix=str(prefix), update_all=True), little_settings)
    assert locked(prefix) == was and (prefix / "share/tool").read_text() == "first"


def test_asked_for_again_it_is_what_the_file_is_now(made: Path, prefix: Path, little_settings: Settings) -> None:
    run(create(prefix, made), little_settings)
    write(made.parents[1], "second", depends=["alpha"])
    result = run(add(prefix, made), little_settings)
    assert {change["kind"] for change in result["plan"]["changes"]} == {"add", "rebuild"}
    assert (prefix / "share/tool").read_text() == "second" and locked(prefix) == sha256(made)
    before = tree(prefix)
    refused(Rollback(prefix=str(prefix), revision=1), little_settings, "tampered")  # that file is nowhere any more
    assert tree(prefix) == before


def test_it_takes_the_place_of_another_version(made: Path, prefix: Path, tmp_path: Path, settings: Any) -> None:
    write_package(tmp_path / "channel", "tool", "3.0", noarch="generic")
    index(tmp_path / "channel")
    chosen = settings(channels=((tmp_path / "channel").as_uri(),))
    run(create(prefix, "tool"), chosen)
    result = run(add(prefix, made), chosen)
    assert [change["kind"] for change in result["plan"]["changes"]] == ["downgrade"]
    assert locked(prefix) == sha256(made)


@pytest.mark.parametrize("algorithm", ["", "md5", "sha256"])
def test_from_a_server(algorithm: str, made: Path, prefix: Path, little_settings: Settings) -> None:
    with ChannelServer(made.parent) as server:
        url = f"{server.url}/{made.name}"
        if algorithm:
            wrong = f"{url}#{hashlib.new(algorithm, b'another').hexdigest()}"
            assert made.name in refused(create(prefix, wrong), little_settings, "tampered")["message"]
            assert not prefix.exists()
            url += f"[{algorithm}={hashlib.new(algorithm, made.read_bytes()).hexdigest()}]"
        run(create(prefix, url), little_settings)
    assert locked(prefix) == ("" if algorithm == "md5" else sha256(made))
    offline = harness.changed(little_settings, offline=True)
    if not algorithm:
        failure = refused(create(prefix.with_name("other"), url), offline, "channel_error")
        assert made.name in failure["message"] and "offline" in failure["hint"]


def test_a_hash_is_held_to_where_the_path_has_blanks(made: Path, prefix: Path, little_settings: Settings) -> None:
    wrong = hashlib.md5(b"another").hexdigest()
    for spec in (f"{made}#{wrong}", f"{made}[md5={wrong}]"):
        assert "tool 1.0" in refused(create(prefix, spec), little_settings, "tampered")["message"]
    assert not prefix.exists()
    run(create(prefix, f"{made}#{hashlib.md5(made.read_bytes()).hexdigest().upper()}"), little_settings)


def test_conda_s_history_knows_it_after_each_change(made: Path, prefix: Path, little_settings: Settings) -> None:
    run(create(prefix, made), little_settings)
    run(add(prefix, "alpha"), little_settings)
    run(add(prefix, "gamma"), little_settings)
    assert [spec.rpartition("::")[2] for spec in history.requested(prefix, history.current_lock(prefix).packages)] == [
        "tool",
        "alpha",
        "gamma",
    ]
    assert "remove specs" not in (prefix / "conda-meta/history").read_text()


@pytest.mark.parametrize(
    ("format", "wanted"),
    [
        *(("environment.yml", wanted) for wanted in ("asked", "pinned", "builds")),
        *((format, "asked") for format in ("explicit", "conda-lock", "pixi.lock")),
    ],
)
def test_what_is_written_of_it_is_read_again(
    format: ExportFormat, wanted: Wanted, made: Path, prefix: Path, little_settings: Settings
) -> None:
    run(create(prefix, made, "alpha"), little_settings)
    written = export.export(prefix, format, wanted)
    again = prefix.with_name("again")
    found = specfiles.read(export.FILE_NAMES[format], written.text)
    run(specfiles.creation(found, export.FILE_NAMES[format], str(again)), little_settings)
    assert (again / "share/tool").read_text() == "first"
    first, second = history.current_lock(prefix).packages, history.current_lock(again).packages
    assert [(one.url, one.sha256, one.subdir) for one in second] == [(one.url, one.sha256, one.subdir) for one in first]
    settled(again)


def test_a_path_in_a_file_is_seen_from_there(made: Path, prefix: Path, little_settings: Settings) -> None:
    text = f"dependencies:\n- ./{made.name}\n- ../{made.parent.name}/{made.name}\n"
    with pytest.raises(InvalidRequest, match=r"line 2: .* is a path seen from where the file lies"):
        specfiles.read("environment.yml", text)
    found = specfiles.read("environment.yml", text, folder=str(made.parent))
    assert found.specs == (str(made),)
    run(specfiles.creation(found, "environment.yml", str(prefix)), little_settings)
    assert locked(prefix) == sha256(made)


def test_what_it_is_for_is_found_where_the_url_does_not_say_it(
    tmp_path: Path, prefix: Path, little_settings: Settings
) -> None:
    archive = write_package(tmp_path / "made", "tool", "1.0", subdir="osx-arm64")
    archive = archive.rename(tmp_path / archive.name)
    listed = f"@EXPLICIT\n{archive.as_uri()}#{sha256(archive)}\n"
    request = specfiles.creation(specfiles.read("explicit.txt", listed), "explicit.txt", str(prefix))
    assert "is for osx-arm64" in refused(request, little_settings, "invalid_request")["message"]
    assert not prefix.exists()


def test_why_knows_that_it_was_asked_for(made: Path, prefix: Path, little_settings: Settings) -> None:
    run(create(prefix, made), little_settings)
    assert why.reasons_in(prefix, "tool").asked == (str(made),)


def test_a_version_is_held_to(made: Path, prefix: Path, little_settings: Settings) -> None:
    refused(create(prefix, f'tool 2.0[url="{made}"]'), little_settings, "unsatisfiable")
    run(create(prefix, f'tool 1.0[url="{made}"]'), little_settings)


def test_asked_for_in_two_spellings_it_is_one(made: Path, prefix: Path, little_settings: Settings) -> None:
    run(create(prefix, made, made.as_uri()), little_settings)
    assert locked(prefix) == sha256(made)


def test_asked_for_in_two_spellings_it_clashes_with_nothing(
    made: Path, prefix: Path, little_settings: Settings
) -> None:
    request = create(prefix, made, made.as_uri(), "alpha=99")
    told = run(Explain(prefix=str(prefix), request=request), little_settings)
    assert [clash["requests"] for clash in told["explanation"]["clashes"]] == [["alpha=99"]]


@pytest.mark.parametrize("name", ["tool-1.0-0.conda", "tool-1.0-0.tar.bz2"])
def test_what_is_no_package(name: str, prefix: Path, tmp_path: Path, little_settings: Settings) -> None:
    (tmp_path / name).write_text("<html>Not found</html>")
    failure = refused(create(prefix, tmp_path / name), little_settings, "channel_error")
    assert name in failure["message"] and failure["hint"].startswith("It is no conda package")


def test_a_file_by_another_name(made: Path, prefix: Path, tmp_path: Path, little_settings: Settings) -> None:
    renamed = made.rename(tmp_path / "other-9.0-0.conda")
    failure = refused(create(prefix, renamed), little_settings, "channel_error")
    assert "asked for as other" in failure["message"] and 'tool[url="' in failure["hint"]
    run(create(prefix, f'tool[url="{renamed}"]'), little_settings)
    assert (prefix / "share/tool").read_text() == "first"


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("./tool-1.0-0.conda", "the folder one is in"),
        ("~/tool-1.0-0.conda", "the folder one is in"),
        ("/nowhere/tool-1.0-0.conda", "/nowhere/tool-1.0-0.conda cannot be read: No such file"),
        ("/nowhere/tool-1.0-0.conda#sha256:12", "is no hash"),
        ("http://127.0.0.1:1/tool-1.0-0.conda", "http://127.0.0.1:1/tool-1.0-0.conda"),
    ],
)
def test_what_cannot_be(spec: str, words: str, prefix: Path, little_settings: Settings) -> None:
    assert words in refused(create(prefix, spec), little_settings, "invalid_request", "channel_error")["message"]
    assert not prefix.exists()
