"""`search`: indexing by the way, what is shown, and what becomes of channels that do not answer; `why`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.channel import ChannelServer, index, write_package

from .conftest import Person


def rows(out: str) -> list[list[str]]:
    return [line.split() for line in out.splitlines()]


@pytest.mark.slow
def test_the_first_search_makes_the_index(person: Person, small_channel: Path) -> None:
    first = person.run("search", "tool", "-c", small_channel)
    assert "Indexing" in first.err
    assert rows(first.out)[1][:3] == ["tool", "2.0", "2"]
    again = person.run("search", "-c", small_channel, "--limit", "2")
    assert again.err == ""
    assert "and 2 packages more" in again.out and "--offset 2" in again.out
    pages = [again.out, person.run("search", "-c", small_channel, "--limit", "2", "--offset", "2").out]
    assert len({row[0] for page in pages for row in rows(page)[1:3]}) == 4 and "more" not in pages[1]
    assert "Asking" in person.run("search", "tool", "-c", small_channel, "--refresh").err
    assert "Nothing was found." in person.run("search", "no", "such", "-c", small_channel).out


@pytest.mark.slow
def test_which_version_fits(person: Person, make: Callable[..., Path], small_channel: Path) -> None:
    make("geo", "old")
    shown = rows(person.run("search", "tool", "-c", small_channel, "--env", "geo").out)
    assert shown[0][:3] == ["PACKAGE", "NEWEST", "FITS"]
    assert shown[1][:3] == ["tool", "2.0", "1.0"]
    done = person.run("search", "tool", "--versions", "-c", small_channel, "--env", "geo")
    assert [row[:2] for row in rows(done.out)[1:3]] == [["2.0", "no"], ["1.0", "fits"]]
    assert rows(done.out)[3] == ["All", "of", f"{small_channel.as_uri()}."]
    assert "old goes with tool <2" in done.out
    assert person.run("search", "tool", "--env", "nowhere", "-c", small_channel, code=3).out == ""
    assert person.run("search", "too", "--versions", "-c", small_channel, code=3).out == ""


@pytest.mark.slow
def test_an_environment_is_searched_for_in_its_own_channels(person: Person, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    write_package(elsewhere, "rare", "1.0", files={"share/rare": ""}, noarch="generic")
    index(elsewhere)
    person.run("create", "of-elsewhere", "rare", "-c", elsewhere)
    assert rows(person.run("search", "rare", "--env", "of-elsewhere").out)[1][:3] == ["rare", "1.0", "1.0"]
    assert "Asking" in person.run("search", "rare", "--env", "of-elsewhere", "--refresh").err
    shown = person.run("search", "rare", "--versions", "--env", "of-elsewhere").out
    assert rows(shown)[1][:2] == ["1.0", "fits"]


@pytest.mark.slow
def test_a_channel_that_is_down(person: Person, small_channel: Path, small: ChannelServer) -> None:
    (person.home / ".condarc").write_text("remote_max_retries: 0\n")
    url = small.url
    small.close()
    assert url in person.run("search", "tool", "-c", url, code=6).err
    person.run("search", "tool", "-c", small_channel)
    done = person.run("search", "tool", "-c", small_channel, "-c", url)
    assert "warning" in done.err
    assert rows(done.out)[1][:2] == ["tool", "2.0"]
    assert f"{url}: could not be searched." in done.out


@pytest.mark.slow
def test_why_a_package_is_there(person: Person, make: Callable[..., Path]) -> None:
    make("geo", "old", "big")
    assert person.run("why", "geo", "tool").out == "tool 1.0\n  for old: old needs tool <2\n"
    assert "was asked for: big" in person.run("why", "geo", "big").out
    assert rows(person.run("who-constrains", "geo", "tool").out)[1:] == [["old", "tool", "<2"]]
    assert "Nothing says" in person.run("who-constrains", "geo", "big").out
    assert "nothing" in person.run("why", "geo", "nothing", code=3).err
