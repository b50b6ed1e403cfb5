"""Whether an environment is gone, or only absent here."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from jupyter_condaenv.engine import places

from .places import tmpfs


def test_what_is_there_is_not_gone(tmp_path: Path) -> None:
    prefix = tmp_path / "project" / "envs" / "geo"
    prefix.mkdir(parents=True)
    folders = places.folders_of(str(prefix))
    assert folders[:2] == (prefix.parent.stat().st_ino, prefix.parent.parent.stat().st_ino)
    assert not places.is_gone(str(prefix), folders)
    prefix.rmdir()
    assert places.is_gone(str(prefix), folders)
    prefix.symlink_to("nowhere")
    assert not places.is_gone(str(prefix), folders), "somebody has put something there"


@pytest.mark.parametrize("deepest", [1, 2])
def test_a_folder_that_is_deleted_takes_what_was_in_it_along(tmp_path: Path, deepest: int) -> None:
    prefix = tmp_path / "project" / "envs" / "geo"
    prefix.parent.mkdir(parents=True)
    folders = places.folders_of(str(prefix))
    for folder in list(prefix.parents)[:deepest]:
        folder.rmdir()
    assert places.is_gone(str(prefix), folders)


def test_another_folder_in_the_same_place_is_another_container(tmp_path: Path) -> None:
    prefix = tmp_path / "envs" / "geo"
    prefix.parent.mkdir()
    folders = places.folders_of(str(prefix))
    prefix.parent.rename(tmp_path / "before")
    prefix.parent.mkdir()
    assert not places.is_gone(str(prefix), folders)
    assert not places.is_gone(str(prefix), ()), "nobody knows where it was"


def test_a_file_system_that_is_not_mounted_has_all_that_was_on_it(tmp_path: Path) -> None:
    with tmpfs(tmp_path / "volume") as volume:
        prefix = volume / "envs" / "geo"
        prefix.mkdir(parents=True)
        folders = places.folders_of(str(prefix))
        assert len(folders) == 2, "as far as the file system reaches"
    assert not places.is_gone(str(prefix), folders)
    volume.rmdir()
    assert not places.is_gone(str(prefix), folders)


def test_what_cannot_be_looked_at_is_not_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prefix = tmp_path / "envs" / "geo"
    prefix.parent.mkdir()
    folders = places.folders_of(str(prefix))

    look = os.stat

    def stat(path: Any, **how: Any) -> os.stat_result:
        if str(path).startswith(str(tmp_path / "envs")):
            raise PermissionError(13, "Permission denied", path)
        return look(path, **how)

    monkeypatch.setattr(os, "stat", stat)
    assert not places.is_gone(str(prefix), folders)
