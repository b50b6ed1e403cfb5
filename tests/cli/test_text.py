"""Words and numbers as people read them."""

from __future__ import annotations

import msgspec
import pytest

from jupyter_condaenv.cli import text
from jupyter_condaenv.engine.errors import Failure
from jupyter_condaenv.engine.model import Environment, Reasons, Settings

from .test_plans import package


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
    gone = Failure("channel_error", "Gone.", "", {"channels": ["c"]})
    assert text.hint(gone) == "`jupyter condaenv channel check` asks each of them; -c CHANNEL names another."
    of_a_file = msgspec.structs.replace(gone, details={**gone.details, "file": "environment.yml"})
    assert text.hint(of_a_file).endswith("; without it: take it out of environment.yml.")
    there = Failure("already_exists", "It is there.", "Have it replaced.", {"replaceable": True})
    assert text.hint(there) == "Have it replaced. --force does that."


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


def test_why_of_what_the_base_has_and_of_what_is_pinned() -> None:
    found = Reasons(
        name="lib", version="1.0", below=True, asked=(), reasons=(), needed_by=(), constrained_by=(), pins=("lib 1.*",)
    )
    assert text.why(found)[1].startswith("  Nothing on top of the base needs it")
    assert text.who_constrains(found)[1:] == ["the base  lib 1.0", "a pin     lib 1.*"]


def test_room_is_told_in_units() -> None:
    settings = Settings(envs_dirs=(), cache_dir="", data_dir="", kernels_dir="", channels=(), reserve=10**8)
    told = {line.split()[0]: line.split(maxsplit=1)[1] for line in text.configuration(settings, {})}
    assert (told["quota"], told["reserve"]) == ("0", "100.0 MB")
