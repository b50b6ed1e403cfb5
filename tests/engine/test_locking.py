"""What a lock leaves in folders that others may write to."""

from __future__ import annotations

from pathlib import Path

from jupyter_condaenv.engine.locking import try_lock


def test_who_holds_a_lock_is_not_written_through_a_link(tmp_path: Path) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text("mine")
    (tmp_path / "demo.holder").symlink_to(mine)
    with try_lock(tmp_path / "demo.lock", "packing demo") as held:
        assert held
    assert mine.read_text() == "mine"
