"""Prefix records as conda, micromamba, pixi and older versions of them write them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jupyter_condaenv.engine import prefix as prefixes
from jupyter_condaenv.engine.errors import Broken, StorageError
from jupyter_condaenv.engine.model import Package, Variable
from jupyter_condaenv.engine.prefix import PathEntry

URL = "https://conda.anaconda.org/conda-forge/linux-64/a-1.0-h1_0.conda"
LEAST = {"name": "a", "version": "1.0", "build": "h1_0"}


def put(prefix: Path, stem: str = "a-1.0-h1_0", **fields: Any) -> Path:
    path = prefix / "conda-meta" / f"{stem}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**LEAST, **fields}))
    return path


def package(prefix: Path, **fields: Any) -> Package:
    put(prefix, **fields)
    (found,) = prefixes.packages(prefix)
    return found


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {"subdir": "", "channel": "", "url": "", "build_number": 0, "depends": ()}),
        ({"url": URL}, {"subdir": "linux-64", "channel": URL.rsplit("/", 2)[0], "file_name": "a-1.0-h1_0.conda"}),
        ({"url": URL, "subdir": "linux-64", "channel": "conda-forge"}, {"channel": URL.rsplit("/", 2)[0]}),
        (
            {"channel": "https://conda.anaconda.org/x/noarch", "subdir": "noarch"},
            {"channel": "https://conda.anaconda.org/x"},
        ),
        ({"channel": "defaults"}, {"channel": "defaults"}),
        ({"channel": None, "url": None, "fn": None, "subdir": None}, {"channel": "", "url": "", "file_name": ""}),
        ({"noarch": None}, {"noarch": ""}),
        ({"noarch": "python"}, {"noarch": "python", "subdir": "noarch"}),
        ({"noarch": "generic"}, {"noarch": "generic"}),
        ({"noarch": True}, {"noarch": "generic"}),
        ({"noarch": False}, {"noarch": ""}),
        ({"track_features": "mkl  nomkl"}, {"track_features": ("mkl", "nomkl")}),
        ({"track_features": ["mkl"]}, {"track_features": ("mkl",)}),
        ({"track_features": None}, {"track_features": ()}),
        ({"track_features": ""}, {"track_features": ()}),
        ({"timestamp": 1707225342000}, {"timestamp": 1707225342000}),
        ({"timestamp": 1707225342123.0}, {"timestamp": 1707225342123}),
        ({"timestamp": None, "size": None, "license": None, "md5": None, "sha256": None}, {"timestamp": 0, "size": 0}),
        ({"depends": None, "constrains": None}, {"depends": (), "constrains": ()}),
        ({"requested_spec": "a >=1", "link": {"type": 1}, "auth": None, "unheard_of": [{}]}, {"name": "a"}),
        ({"requested_specs": ["a", "b"], "extracted_package_dir": None}, {"name": "a"}),
        ({"url": "https://host/t/canary/linux-64/a-1.0-h1_0.conda"}, {"channel": "https://host", "subdir": "linux-64"}),
        ({"python_site_packages_path": "lib/python3.13t/site-packages"}, {"size": 0}),
    ],
    ids=str,
)
def test_a_record(fields: dict[str, Any], expected: dict[str, Any], tmp_path: Path) -> None:
    found = package(tmp_path, **fields)
    assert {field: getattr(found, field) for field in expected} == expected
    assert "canary" not in repr(found)


def test_the_paths_of_a_package(tmp_path: Path) -> None:
    paths = [
        {"_path": "bin/a", "path_type": "hardlink", "sha256": "1" * 64, "size_in_bytes": 3, "file_mode": None},
        {"_path": "bin/e", "path_type": "unix_python_entry_point", "no_link": None, "prefix_placeholder": None},
        {"_path": "lib/x", "path_type": "softlink", "something": "new"},
    ]
    new = prefixes.read_record(put(tmp_path, paths_data={"paths_version": 1, "paths": paths}))
    assert [entry.path for entry in new.paths] == ["bin/a", "bin/e", "lib/x"]
    assert (new.paths[0].size_in_bytes, new.paths[1].path_type) == (3, "unix_python_entry_point")
    old = prefixes.read_record(put(tmp_path, files=["bin/a", "lib/x"]))
    assert old.paths == [PathEntry(path="bin/a"), PathEntry(path="lib/x")]
    for nothing in ({"paths_data": None}, {"paths_data": {}}, {"files": None}, {}):
        assert prefixes.read_record(put(tmp_path, **nothing)).paths == []


def test_paths_are_added_and_the_rest_is_kept(tmp_path: Path) -> None:
    path = put(tmp_path, files=["x"], paths_data={"paths_version": 1, "paths": [{"_path": "x"}]}, unheard_of={"a": [1]})
    linked = tmp_path / "linked.json"
    linked.hardlink_to(path)
    prefixes.add_paths(path, [PathEntry(path="x.pyc", path_type="pyc_file")])
    data = json.loads(path.read_bytes())
    assert data["files"] == ["x", "x.pyc"]
    assert data["paths_data"] == {
        "paths_version": 1,
        "paths": [{"_path": "x"}, {"_path": "x.pyc", "path_type": "pyc_file"}],
    }
    assert data["unheard_of"] == {"a": [1]}
    assert "x.pyc" not in linked.read_text(), "the live tree has the other link"
    bare = put(tmp_path, "b-1.0-0")
    prefixes.add_paths(bare, [PathEntry(path="y")])
    assert json.loads(bare.read_bytes())["paths_data"]["paths"] == [{"_path": "y"}]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b'{"name": "a"}',
        b'{"name": 1, "version": "1", "build": "0"}',
        b'{"name": "a", "version": "1", "build": "0", "depends": "b"}',
        b"\x00" * 4096,
    ],
)
def test_a_damaged_record_is_named(content: bytes, tmp_path: Path) -> None:
    path = put(tmp_path)
    path.write_bytes(content)
    with pytest.raises(Broken) as caught:
        prefixes.packages(tmp_path)
    assert str(path) in caught.value.message
    assert caught.value.details["file"] == str(path)
    assert prefixes.count_and_python(tmp_path) == (1, ""), "listing goes on"


def test_two_records_of_one_package_are_told(tmp_path: Path) -> None:
    put(tmp_path)
    path = put(tmp_path, "a-2.0-h1_0", version="2.0")
    with pytest.raises(Broken, match=r"two records of a: a 1\.0 h1_0 and a 2\.0 h1_0") as caught:
        prefixes.packages(tmp_path)
    assert caught.value.details["file"] == str(path)


def test_what_is_no_record_is_not_read(tmp_path: Path) -> None:
    put(tmp_path)
    for name in ("history", "pinned", "frozen", "state", "x.json.part", "notes.json", "a-1.json", "pixi.json"):
        (tmp_path / "conda-meta" / name).write_text("{")
    assert [found.name for found in prefixes.packages(tmp_path)] == ["a"]
    assert prefixes.count_and_python(tmp_path) == (1, "")


def test_names_with_dashes(tmp_path: Path) -> None:
    for stem in ("python-3.11.7-h_0_cpython", "python-dateutil-2.9-0", "my-python-1.0-0"):
        (tmp_path / "conda-meta").mkdir(exist_ok=True)
        (tmp_path / "conda-meta" / f"{stem}.json").touch()
    assert prefixes.count_and_python(tmp_path) == (3, "3.11.7")


def test_no_prefix_has_no_packages(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for place in (tmp_path, tmp_path / "nowhere", tmp_path / "file"):
        assert prefixes.packages(place) == ()
        assert prefixes.count_and_python(place) == (0, "")


def test_a_folder_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "conda-meta").symlink_to("conda-meta")
    with pytest.raises(StorageError, match="conda-meta"):
        prefixes.packages(tmp_path)
    assert prefixes.count_and_python(tmp_path) == (0, "")


def test_where_the_packages_of_a_python_go(tmp_path: Path) -> None:
    python = package(tmp_path, version="3.13.1")
    assert prefixes.site_packages(python) == "lib/python3.13/site-packages"
    free = package(tmp_path, version="3.13.1", python_site_packages_path="lib/python3.13t/site-packages")
    assert prefixes.site_packages(free) == "lib/python3.13t/site-packages"


def test_what_else_conda_keeps_beside_variables_stays(tmp_path: Path) -> None:
    state = tmp_path / "conda-meta" / "state"
    state.parent.mkdir()
    told = {"version": 1, "env_vars": {"A": "1", "B": "***unset***"}, "of_tomorrow": {"k": 1}}
    state.write_text(json.dumps(told))
    prefixes.set_variables(tmp_path, [Variable(name="C", value="3")], ["A"])
    assert json.loads(state.read_text()) == told | {"env_vars": {"B": "***unset***", "C": "3"}}
    prefixes.set_variables(tmp_path, [], ["B", "C"])
    assert json.loads(state.read_text()) == told | {"env_vars": {}}
    for damaged in ("[]", "{", '{"env_vars": 1}', '{"env_vars": {"A": 1}}'):
        state.write_text(damaged)
        assert prefixes.variables(tmp_path) == {}
    prefixes.set_variables(tmp_path, [], [])
    assert not state.exists()
