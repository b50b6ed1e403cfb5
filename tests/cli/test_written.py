"""What a person has written into a file is all there, or the file is as it was."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from jupyter_condaenv.cli.commands import common
from jupyter_condaenv.engine.errors import InvalidRequest, StorageError
from tests.engine import places


def test_a_file_is_replaced(tmp_path: Path) -> None:
    real = tmp_path / "größe.yml"
    real.write_text("an older one")
    path = tmp_path / "link.yml"
    path.symlink_to(real.name)
    common.write(path, b"new")
    assert path.is_symlink() and real.read_bytes() == b"new"
    assert sorted(each.name for each in tmp_path.iterdir()) == ["größe.yml", "link.yml"]


def test_a_full_disk(tmp_path: Path) -> None:
    with places.tmpfs(tmp_path / "small", "64k") as small:
        path = small / "lock.json"
        path.write_text("an older one")
        with pytest.raises(StorageError, match="No space left"):
            common.write(path, bytes(1_000_000))
        assert [(each.name, each.read_text()) for each in small.iterdir()] == [("lock.json", "an older one")]


@pytest.mark.parametrize("name", ["nowhere/lock.json", "."])
def test_a_place_that_cannot_be(name: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="cannot be written"):
        common.write(tmp_path / name, b"new")


def test_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    common.write(pipe, b"new")
    reader.join()
    assert read == [b"new"] and pipe.is_fifo()
