"""A list in a file is changed, and nothing else in it is."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from jupyter_condaenv.engine.condarc_edit import change, listed, with_items, without_items
from jupyter_condaenv.engine.errors import InvalidRequest, StorageError


def edited(text: str, *items: str, first: bool = False) -> str:
    return with_items(text, "channels", items, first=first)


@pytest.mark.parametrize(
    ("before", "first", "last"),
    [
        ("", "channels:\n  - new\n", "channels:\n  - new\n"),
        ("# mine\n", "# mine\nchannels:\n  - new\n", "# mine\nchannels:\n  - new\n"),
        ("offline: no", "offline: no\nchannels:\n  - new\n", "offline: no\nchannels:\n  - new\n"),
        ("channels:\n", "channels: [new]\n", "channels: [new]\n"),
        ("channels:  # none\nx: 1", "channels: [new]  # none\nx: 1", "channels: [new]  # none\nx: 1"),
        ("channels: ~\n", "channels: [new]\n", "channels: [new]\n"),
        ("channels: []\n", "channels: [new]\n", "channels: [new]\n"),
        ("channels: a  # why\n", "channels: [new, a]  # why\n", "channels: [a, new]  # why\n"),
        ("channels: [a, 'b']\nx: 1\n", "channels: [new, a, 'b']\nx: 1\n", "channels: [a, 'b', new]\nx: 1\n"),
        (
            "channels:\n- a  #!top\n# between\n- b\n\nx: [1]\n",
            "channels:\n- new\n- a  #!top\n# between\n- b\n\nx: [1]\n",
            "channels:\n- a  #!top\n# between\n- b\n- new\n\nx: [1]\n",
        ),
        ("channels:\n    - a", "channels:\n    - new\n    - a", "channels:\n    - a\n    - new\n"),
        ("channels:\r\n  - a\r\n", "channels:\r\n  - new\r\n  - a\r\n", "channels:\r\n  - a\r\n  - new\r\n"),
    ],
)
def test_one_more(before: str, first: str, last: str) -> None:
    assert edited(before, "new", first=True) == first
    assert edited(before, "new") == last


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("channels:\n  - a\n  - gone  # was here\n  - b  # stays\n", "channels:\n  - a\n  - b  # stays\n"),
        ("x: 1\nchannels:\n  - gone\ny: 2\n", "x: 1\ny: 2\n"),
        ("x: 1\nchannels:\n  - gone", "x: 1\n"),
        ("channels: [gone, a, gone]  # why\n", "channels: [a]  # why\n"),
        ("channels: gone\nx: 1\n", "x: 1\n"),
        ("channels: [gone]\nx: 1\n", "x: 1\n"),
        ("channels: [a]\n", "channels: [a]\n"),
        ("x: 1\n", "x: 1\n"),
    ],
)
def test_one_less(before: str, after: str) -> None:
    assert without_items(before, "channels", lambda item: item == "gone") == after


@pytest.mark.parametrize("text", ["{channels: [a]}", "- a", "a", "channels: [", "\ufeffchannels: [a]", "x: 1\n...\n"])
def test_what_cannot_be_changed_safely_is_left_alone(text: str) -> None:
    with pytest.raises(InvalidRequest):
        edited(text, "new")


ITEM = st.one_of(
    st.sampled_from(["conda-forge", "yes", "1", "null", "a: b", "#x", "- y", "https://h/c", "é", ""]), st.text()
)


@example(there=["\x85"], new=["conda-forge"], first=False, flow=False)
@given(
    there=st.lists(ITEM, unique=True, max_size=4),
    new=st.lists(ITEM, min_size=1, unique=True, max_size=3),
    first=st.booleans(),
    flow=st.booleans(),
)
def test_what_is_read_back(there: list[str], new: list[str], first: bool, flow: bool) -> None:
    written = yaml.safe_dump(there, default_flow_style=True, allow_unicode=True) if flow else ""
    block = yaml.safe_dump({"channels": there}, default_flow_style=False, allow_unicode=True)
    text = f"a: 1\n{f'channels: {written}' if flow else block}b: [2]\n"
    there = yaml.safe_load(text)["channels"]  # PyYAML writes U+0085 as it is, and reads a blank
    try:
        after = edited(text, *new, first=first)
    except InvalidRequest:
        return
    assert yaml.safe_load(after) == {"a": 1, "channels": [*new, *there] if first else [*there, *new], "b": [2]}
    back = without_items(after, "channels", lambda item: item in new)
    left = [item for item in there if item not in new]
    assert listed(back, "channels") == left
    assert yaml.safe_load(back)["b"] == [2]


# --- the file ---


def test_a_link_stays_one_and_so_does_the_mode(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir()
    real, link = tmp_path / "dotfiles" / "condarc", tmp_path / ".condarc"
    real.write_text("channels: [a]\n")
    real.chmod(0o600)
    link.symlink_to(real)
    change(link, lambda text: edited(text, "b"), tmp_path / "lock")
    assert link.is_symlink()
    assert real.read_text() == "channels: [a, b]\n"
    assert real.stat().st_mode & 0o777 == 0o600


def test_a_file_that_was_not_there(tmp_path: Path) -> None:
    change(tmp_path / "new" / ".condarc", lambda text: edited(text, "b"), tmp_path / "data" / "lock")
    assert (tmp_path / "new" / ".condarc").read_text() == "channels:\n  - b\n"


def test_two_at_once(tmp_path: Path) -> None:
    path = tmp_path / ".condarc"
    threads = [
        threading.Thread(target=change, args=(path, lambda text, n=n: edited(text, f"c{n}"), tmp_path / "lock"))
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(listed(path.read_text(), "channels")) == [f"c{n}" for n in range(8)]


def test_what_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / ".condarc"
    path.write_bytes("channels: [größe]".encode("latin-1"))
    with pytest.raises(InvalidRequest, match="UTF-8"):
        change(path, lambda text: edited(text, "b"), tmp_path / "lock")
    (tmp_path / "file").touch()
    with pytest.raises(StorageError):
        change(tmp_path / "file" / ".condarc", lambda text: edited(text, "b"), tmp_path / "lock")
    assert sorted(os.listdir(tmp_path)) == [".condarc", "file", "lock"]
