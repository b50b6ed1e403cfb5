"""Words and numbers as people read them."""

from __future__ import annotations

import msgspec
import pytest

from jupyter_condaenv.cli import text
from jupyter_condaenv.engine import changes
from jupyter_condaenv.engine.errors import Failure
from jupyter_condaenv.engine.model import Change, Environment, Lock, Package, Plan, Revision, Room, Unasked, Variable


def package(name: str, version: str, build: str = "0", size: int = 0) -> Package:
    file_name = f"{name}-{version}-{build}.conda"
    url = f"https://example.org/c/noarch/{file_name}"
    return Package(
        name=name, version=version, build=build, size=size, subdir="noarch", url=url, channel="c", file_name=file_name
    )


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (17_300_000, "17.3 MB"), (2.5e9, "2.5 GB"), (9e15, "9000.0 TB")],
)
def test_size(number: float, words: str) -> None:
    assert text.size(number) == words


def test_a_hint_names_the_command_and_the_option_that_help() -> None:
    clash = Failure("unsatisfiable", "They clash.", "Drop one.", {"explanation": "..."})
    assert text.hint(clash) == "Drop one. `jupyter condaenv explain` with the same words tries ways out."
    assert "--freeze-installed" in text.hint(msgspec.structs.replace(clash, details={"frozen": True}))
    assert text.hint(Failure("not_found", "It is gone.")) == ""
    lacking = Failure("unsatisfiable", "gpu 1.0 would require __cuda >=12, for which there is none", "Drop one.")
    assert text.hint(lacking) == "Drop one. For a machine that has it: --virtual __cuda=12."
    assert text.hint(msgspec.structs.replace(lacking, message="__cuda is not there")).endswith("__cuda=VERSION.")
    assert "`jupyter condaenv channel check`" in text.hint(Failure("channel_error", "Gone.", "", {"channels": ["c"]}))


def test_a_channel_is_named_once() -> None:
    one, other = "file:///home/me/one", "https://conda.example/other"
    of_one = [msgspec.structs.replace(package(name, "1"), channel=one) for name in ("a", "b")]
    assert not [line for line in text.packages(of_one, [one]) if one in line]
    assert text.packages(of_one)[-1] == f"All of {one}."
    mixed = text.packages([*of_one, msgspec.structs.replace(package("c", "1"), channel=other)], [one, other])
    assert [line.split()[-1] for line in mixed[1:4]] == ["one", "one", "other"]
    assert mixed[4:] == [f"one: {one}", f"other: {other}"]
    alike = text.short_channels([one, "https://conda.example/one/", other])
    assert list(alike.values()) == [one, "https://conda.example/one/", "other"]
    assert text.packages([package("a", "1")])[-1] == "All of c." and text.packages([]) == []
    nowhere = msgspec.structs.replace(package("a", "1"), channel="")
    assert len(text.packages([nowhere])) == 2


def test_an_overlay_is_listed_with_what_it_stands_on() -> None:
    base = Environment(name="ml", prefix="/srv/ml", kind="full")
    rows = [
        base,
        Environment(name="mine", prefix="/me/mine", kind="overlay", base=base.prefix),
        Environment(name="other", prefix="/me/other", kind="overlay", base="/srv/gone"),
    ]
    lines = text.environments(rows)
    assert "overlay on ml" in lines[2] and "overlay on /srv/gone" in lines[3]
    twice = text.environments([*rows, Environment(name="ml", prefix="/me/ml", kind="full")])
    assert "overlay on /srv/ml" in twice[2]


def test_what_was_asked_of_pip_is_told_beside_the_rest() -> None:
    lock = Lock(platform="linux-64", channels=(), specs=("numpy >=1.20,<3", "pandas"), packages=())
    asked = msgspec.structs.replace(lock, pip_specs=("humanize",))
    revision = Revision(number=2, time="2026-01-01T00:00:00", author="me", verb="add", lock=asked)
    assert text.revisions([revision.summary])[1].endswith("numpy >=1.20,<3; pandas; by pip: humanize")
    lines = text.revisions([revision.summary], [revision.number + 1])
    assert lines[2].split() == [str(revision.number + 1), "-", "-", "damaged", "-"]
    assert "doctor ENV --fix" in lines[3]
    before = msgspec.structs.replace(revision, lock=lock)
    told = [" ".join(line.split()) for line in text.difference(changes.difference(before, revision))]
    assert told == ["asked of pip for humanize"]
    told = [" ".join(line.split()) for line in text.difference(changes.difference(revision, before))]
    assert told == ["no longer asked of pip for humanize"]


def test_variables_are_a_line_of_the_history_of_a_difference_and_of_a_plan() -> None:
    lock = Lock(platform="linux-64", channels=(), specs=("numpy",), packages=())
    one = Revision(number=1, time="2026-01-01T00:00:00", author="me", verb="add", lock=lock, variables=())
    words = "rollback to 1, then add numpy"
    other = msgspec.structs.replace(one, words=words, variables=(Variable(name="MODE", value="wet"),))
    line = text.revisions([other.summary])[1]
    assert words in line and line.endswith("numpy; variables: MODE")
    assert text.difference(changes.difference(one, other)) == ["variables: MODE = wet"]
    assert text.difference(changes.difference(other, one)) == ["variables: MODE unset"]
    plan = Plan(prefix="/p", verb="rollback", before="x", lock=lock, changes=(), download_bytes=0, unset=("MODE",))
    assert text.plan(plan, done=True) == ["variables: MODE unset"]


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.04, "0.0 s"), (59.94, "59.9 s"), (60, "1:00 min"), (127, "2:07 min"), (3727, "1:02:07 h")]
)
def test_duration(seconds: float, words: str) -> None:
    assert text.duration(seconds) == words


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ("numpy", "numpy"),
        ("NumPy >=1.20,<3", "numpy"),
        ("conda-forge::numpy=1.2=py*", "numpy"),
        ("numpy!=1", "numpy"),
        ("numpy~=1.2", "numpy"),
        ("numpy[version='>=2']", "numpy"),
        ("https://example.org/t::x-y_z.w", "x-y_z.w"),
    ],
)
def test_spec_name(spec: str, name: str) -> None:
    assert text.spec_name(spec) == name


def test_table_aligns_and_leaves_out_empty_columns() -> None:
    rows = [("a", "", "1"), ("long", "", "22")]
    assert text.table(rows, ("NAME", "NOTHING", "N")) == ["NAME  N", "a     1", "long  22"]
    assert text.table([]) == []


@pytest.mark.parametrize("line", ["plain", "tab\tand\nline", "Übung 数 ✓"])
def test_harmless_text_stays(line: str) -> None:
    assert text.harmless(line) == line


@pytest.mark.parametrize("line", ["\x1b[2J", "\x9b7m", "a\rb", "\x07", "\x7f", "\x00"])
def test_what_steers_a_terminal_is_written_out(line: str) -> None:
    shown = text.harmless(line)
    assert shown.isprintable()
    assert "\\x" in shown


def test_a_plan_says_what_happens_to_each_package() -> None:
    changes = (
        Change(kind="remove", before=package("gone", "1")),
        Change(kind="downgrade", before=package("down", "2"), after=package("down", "1")),
        Change(kind="upgrade", before=package("up", "1"), after=package("up", "2", size=2_000_000)),
        Change(kind="rebuild", before=package("same", "1", "a"), after=package("same", "1", "b")),
        Change(kind="add", after=package("new", "1", size=1000)),
    )
    lock = Lock(platform="noarch", channels=("c",), specs=("new",), packages=())
    moved = (Unasked(name="down", because="new 1 needs down <2"), Unasked(name="gone"))
    room = Room(bytes=3_000_000, inodes=12, shared=5_000, unknown=1)
    plan = Plan(
        prefix="/x",
        verb="change",
        before="",
        lock=lock,
        changes=changes,
        download_bytes=2_001_000,
        unasked=moved,
        room=room,
    )
    lines = text.plan(plan)
    assert [line.split() for line in lines[:5] + lines[-2:-1]] == [
        ["new", "new", "1", "0", "1.0", "kB"],
        ["up", "up", "1", "->", "2", "0", "2.0", "MB"],
        ["down", "down", "2", "->", "1", "0"],
        ["rebuilt", "same", "1", "a", "->", "b"],
        ["removed", "gone", "1", "0"],
        ["1", "new,", "1", "up,", "1", "down,", "1", "rebuilt,", "1", "removed;", "2.0", "MB", "to", "download"],
    ]
    assert lines[5:8] == ["Not asked for, but:", "  down: new 1 needs down <2", "  gone: moves as well"]
    assert lines[-1] == "at least 3.0 MB and 12 files more on the disk; 5.0 kB shared by hard links"
    assert not any("on the disk" in line for line in text.plan(plan, done=True))


def test_a_package_from_another_channel_says_from_which() -> None:
    other = msgspec.structs.replace(package("same", "1"), channel="https://other", sha256="2" * 64)
    change = Change(kind="rechannel", before=package("same", "1"), after=other)
    assert text.change_row(change)[:2] == ("elsewhere", "same")
    assert text.change_row(change)[-1] == "from https://other"
