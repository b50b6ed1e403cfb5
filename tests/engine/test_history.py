"""Revisions, and ``conda-meta/history`` read as conda reads it."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from jupyter_condaenv.engine import changes, conda_history, history
from jupyter_condaenv.engine.errors import Broken
from jupyter_condaenv.engine.model import Lock, Package

CHANNEL = "https://host/channel"


def package(name: str, version: str = "1.0", **more: Any) -> Package:
    file_name = f"{name}-{version}-0.conda"
    url = f"{CHANNEL}/noarch/{file_name}"
    plain: dict[str, Any] = {"build": "0", "subdir": "noarch", "channel": CHANNEL, "sha256": "1" * 64}
    return Package(name=name, version=version, url=url, file_name=file_name, **plain | more)


ONE = "conda-forge/linux-64::a==1.0=py36_0[md5=0123]"


def lock(*packages: Package, specs: tuple[str, ...] = ()) -> Lock:
    return Lock(platform="linux-64", channels=(CHANNEL,), specs=specs, packages=packages)


def put(prefix: Path, *packages: Package) -> None:
    """The records of ``packages``, in place of those there are."""
    (prefix / "conda-meta").mkdir(parents=True, exist_ok=True)
    for path in (prefix / "conda-meta").glob("*.json"):
        path.unlink()
    for each in packages:
        record = {"name": each.name, "version": each.version, "build": each.build, "subdir": each.subdir}
        record |= {"url": each.url, "channel": each.channel, "fn": each.file_name, "sha256": each.sha256}
        (prefix / "conda-meta" / f"{each.name}-{each.version}-{each.build}.json").write_text(json.dumps(record))


def change(prefix: Path, verb: str, before: Lock, after: Lock) -> None:
    put(prefix, *after.packages)
    history.record(prefix, verb, after, changes.compare(before.packages, after.packages), after.specs)


def as_conda_reads(prefix: Path) -> dict[str, str]:
    """What conda believes was asked for, after the format that its documentation and its own parser describe."""
    wanted: dict[str, str] = {}
    sections: list[list[str]] = []
    for line in (prefix / "conda-meta" / "history").read_text(encoding="utf-8").splitlines():
        if re.match(r"==>\s*(.+?)\s*<==", line):
            sections.append([])
        elif line.strip():
            sections[-1].append(line)
    for section in sections:
        assert sum(line.startswith("# cmd: ") for line in section) == 1
        found: dict[str, list[str]] = {}
        for line in section:
            assert line.startswith(("#", "+", "-"))
            match = re.match(r"#\s*(\w+)\s*specs:\s*(.+)?", line)
            if match:
                specs = ast.literal_eval(match[2])
                kind = "remove" if match[1] in ("remove", "uninstall") else "update"
                assert match[1] in ("update", "install", "create", "remove", "uninstall", "neutered")
                found[kind] = specs
        for spec in found.get("remove", []):
            wanted.pop(spec, None)
        for spec in found.get("update", []):
            wanted[re.split(r"[\s=<>!~\[]", spec.rpartition("::")[2])[0]] = spec
    installed = {json.loads(path.read_bytes())["name"] for path in (prefix / "conda-meta").glob("*.json")}
    return {name: spec for name, spec in wanted.items() if name in installed}


def test_conda_reads_what_was_asked_for(tmp_path: Path) -> None:
    a, b, c = package("a"), package("b"), package("c")
    specs = ("a>=1,<2", "conda-forge::b[version='>=1', build=\"py*\"]")
    first, second = lock(a, b, specs=specs), lock(a, b, c, specs=(*specs, "c"))
    third = lock(a, b, c, specs=("a>=1,<2", "c=1.0"))
    change(tmp_path, "create", lock(), first)
    assert as_conda_reads(tmp_path) == {"a": specs[0], "b": specs[1]}
    change(tmp_path, "add", first, second)
    assert as_conda_reads(tmp_path) == {"a": specs[0], "b": specs[1], "c": "c"}
    change(tmp_path, "remove", second, third)
    assert as_conda_reads(tmp_path) == {"a": specs[0], "c": "c=1.0"}, "b is only needed now"
    text = (tmp_path / "conda-meta" / "history").read_text()
    assert f"+{CHANNEL}/noarch::c-1.0-0\n" in text
    assert text.count("==>") == 3
    assert history.requested(tmp_path, (a, b, c)) == ("a>=1,<2", "c=1.0")


def test_a_history_without_a_newline_at_its_end(tmp_path: Path) -> None:
    (tmp_path / "conda-meta").mkdir()
    (tmp_path / "conda-meta" / "history").write_text(
        "==> 2024-01-01 00:00:00 <==\n# cmd: conda create\n# update specs: ['b']"
    )
    change(tmp_path, "add", lock(), lock(package("a"), package("b"), specs=("a", "b")))
    assert as_conda_reads(tmp_path) == {"a": "a", "b": "b"}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("# update specs: ['a>=1', \"b[version='>=2']\"]", ("a>=1", "b[version='>=2']")),
        ('# update specs: ["a=1.0", "b"]', ("a=1.0", "b")),
        ("# update specs: a >=1,<2,b", ("a >=1,<2", "b")),
        ("# install specs: ['conda-forge::a=1.0=py36_0']", ("conda-forge::a=1.0=py36_0",)),
        ("# create specs: ['A']", ("A",)),
        ("# neutered specs: ['a']", ("a",)),
        ("# update specs: ['gone', 'a']", ("a",)),
        ("# update specs: []", ()),
        ("# update specs: ['a'", ()),
        ("# update specs: [1, None, 'a']", ("a",)),
        ("# update specs: [" + "(" * 300, ()),
        ("# remove specs: ['a']", ()),
        ("# cmd: conda install a", ()),
        ("# update specs: ['https://host/t/canary-1/c::a']", ("https://host/c::a",)),
        (f"# update specs: ['{CHANNEL}/noarch/a-1.0-0.conda#0123']", (f"{CHANNEL}::a",)),
        (f'# update specs: ["{CHANNEL}/t/canary-1/noarch/a-1.0-0.tar.bz2[md5=0123]"]', (f"{CHANNEL}::a",)),
        ("# update specs: ['https://elsewhere/c/noarch/a-1.0-0.conda', '/home/me/b-1.0-0.tar.bz2']", ("a", "b")),
        ("# update specs: ['https://elsewhere/c/noarch/gone-1.0-0.conda']", ()),
        ("# update specs: ['conda-forge/linux-64::a==1.0=py36_0[md5=0123]', 'b[[=']", (ONE,)),
    ],
)
def test_requests_as_tools_have_written_them(line: str, expected: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "conda-meta").mkdir()
    (tmp_path / "conda-meta" / "history").write_text(f"==> 2024-01-01 00:00:00 <==\n{line}\n")
    assert history.requested(tmp_path, (package("a"), package("b"))) == expected


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("# update specs: ['a', 'b", "line 4 cannot be read: \"# update specs: ['a', 'b\""),
        ("# update sp", "line 4 cannot be read: '# update sp'"),
        ("# update specs: ['b[[=']", "line 4 asks for 'b[[=', which is no package request"),
        ("\x00\x00\x00", "line 4 cannot be read: "),
        ("ate specs: ['b']", "line 4 cannot be read: "),
        ("# update specs: ['https://host/t/canary/c::b[[']", "line 4 asks for 'https://host/c::b[["),
    ],
)
def test_what_cannot_be_read_of_a_history_is_told_with_its_line(damage: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "conda-meta").mkdir()
    sound = "==> 2024-01-01 00:00:00 <==\n# cmd: conda create a\n# update specs: ['a']\n"
    file = tmp_path / "conda-meta" / "history"
    file.write_text(f"{sound}{damage}\n==> 2024-01-02 00:00:00 <==\n+c/noarch::a-1.0-0\na-1.0-0\n// of pixi\n\n")
    found = conda_history.read(tmp_path, (package("a"), package("b")))
    assert found.specs == ("a",)
    (problem,) = found.problems
    assert problem.startswith(told) and "canary" not in problem
    file.write_text(sound)
    assert conda_history.read(tmp_path, (package("a"),)) == (("a",), ())


def test_a_history_that_is_no_text(tmp_path: Path) -> None:
    assert history.requested(tmp_path, (package("a"),)) == ()
    (tmp_path / "conda-meta").mkdir()
    (tmp_path / "conda-meta" / "history").write_bytes(b"\xff\xfe\x00\n# update specs: ['a']\n")
    assert history.requested(tmp_path, (package("a"),)) == ("a",)


def test_revisions_are_numbered_and_kept_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "Jürgen 世界")
    first, second = lock(package("a"), specs=("a",)), lock(package("a", "2.0"), specs=("a=2",))
    change(tmp_path, "create", lock(), first)
    change(tmp_path, "add", first, second)
    found = history.readable(tmp_path)[0]
    assert [(each.number, each.verb, each.author, each.lock) for each in found] == [
        (1, "create", "Jürgen 世界", first),
        (2, "add", "Jürgen 世界", second),
    ]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", each.time) for each in found)
    assert history.latest(tmp_path) == found[-1]


def test_revisions_are_counted_beyond_four_digits_and_strangers_ignored(tmp_path: Path) -> None:
    change(tmp_path, "create", lock(), lock(package("a"), specs=("a",)))
    folder = tmp_path / "conda-meta" / "condaenv" / "revisions"
    (folder / "0001.json").rename(folder / "9999.json")
    (folder / "0002 (copy).json").write_text("{}")
    (folder / "9999.json.part").write_text("{}")
    change(tmp_path, "add", lock(), lock(package("a"), package("b"), specs=("a",)))
    change(tmp_path, "add", lock(), lock(package("a"), package("c"), specs=("a",)))
    assert [path.name for path in history._files(tmp_path)] == ["9999.json", "10000.json", "10001.json"]


@pytest.mark.parametrize("text", ["", "{", '{"number": "one"}', "\0" * 100, "[]"])
def test_a_damaged_revision_is_named(text: str, tmp_path: Path) -> None:
    now = lock(package("a"), specs=("a=1",))
    change(tmp_path, "create", lock(), now)
    path = tmp_path / "conda-meta" / "condaenv" / "revisions" / "0001.json"
    path.write_text(text)
    with pytest.raises(Broken) as caught:
        history.current_lock(tmp_path)
    assert caught.value.details["file"] == str(path)
    path.unlink()
    assert history.current_lock(tmp_path).packages == now.packages, "as the hint says"
    assert history.current_lock(tmp_path).specs == ("a=1",)


def test_what_another_tool_did_since_is_seen(tmp_path: Path) -> None:
    a, b = package("a"), package("b")
    first = lock(a, specs=("a>=1",))
    change(tmp_path, "create", lock(), first)
    assert history.current_lock(tmp_path) == first
    other = replace(b, channel="https://other", url="https://other/noarch/b-1.0-0.conda")
    put(tmp_path, replace(a, version="1.1"), other)
    with (tmp_path / "conda-meta" / "history").open("a") as file:
        file.write("==> 2026-01-01 00:00:00 <==\n# cmd: conda install b\n# update specs: ['b=1']\n")
    now = history.current_lock(tmp_path)
    assert [str(each) for each in now.packages] == ["a 1.1 0", "b 1.0 0"]
    assert now.specs == ("a>=1", "b=1")
    assert now.channels == (CHANNEL, "https://other")


def test_what_an_overlay_asked_of_its_base_is_not_forgotten(tmp_path: Path) -> None:
    from jupyter_condaenv.engine.model import Base, digest

    below = (package("numpy"),)
    base = Base(prefix="/base", digest=digest(below), packages=below)
    first = replace(lock(package("a"), specs=("a", "numpy>=1")), base=base)
    change(tmp_path, "stack", lock(), first)
    put(tmp_path, package("a", "2.0"))
    assert history.current_lock(tmp_path).specs == ("a", "numpy>=1")


def test_an_author_without_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    import os
    import pwd

    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    unknown = 4_000_000_001
    assert unknown not in {entry.pw_uid for entry in pwd.getpwall()}
    monkeypatch.setattr(os, "getuid", lambda: unknown)
    assert history.author() == str(unknown)
