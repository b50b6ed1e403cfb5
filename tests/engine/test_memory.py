"""What memory can still be had, told by trees of control groups as machines have them."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_condaenv.engine.activation import memory

MACHINE = "MemTotal:        8000000 kB\nMemFree:          100000 kB\nMemAvailable:    4000000 kB\n"
V2 = {"memory.max": "1000000000", "memory.current": "900000000", "memory.stat": "anon 1\ninactive_file 300000000\n"}
V1 = {
    "memory.limit_in_bytes": "2000000000",
    "memory.usage_in_bytes": "1500000000",
    "memory.stat": "cache 5\ninactive_file 1\ntotal_inactive_file 100000000\n",
}


def under(folder: str, files: dict[str, str]) -> dict[str, str]:
    return {f"{folder}/{name}": text for name, text in files.items()}


@pytest.mark.parametrize(
    ("groups", "files", "available", "limit"),
    [
        ("0::/\n", {}, 4096000000, None),
        ("0::/\n", V2, 400000000, 1000000000),
        ("0::/a\n", under("a", V2 | {"memory.max": "max"}), 4096000000, None),
        ("0::/a/b\n", {**under("a", V2), **under("a/b", V2 | {"memory.max": "5000000000"})}, 400000000, 1000000000),
        ("0::/a\n", under("a", V2 | {"memory.current": "1400000000"}), 0, 1000000000),
        ("4:memory:/a\n3:cpu:/b\n", under("memory/a", V1), 600000000, 2000000000),
        ("4:memory:/docker/4f2a\n0::/docker/4f2a\n", under("memory", V1), 600000000, 2000000000),
        ("4:memory:/\n", under("memory", V1 | {"memory.limit_in_bytes": "9223372036854771712"}), 4096000000, None),
        ("0::/\n", V2 | {"memory.current": "nonsense"}, 4096000000, None),
    ],
)
def test_the_least_that_is_left_counts(
    tmp_path: Path, groups: str, files: dict[str, str], available: int, limit: int | None
) -> None:
    (tmp_path / "groups").write_text(groups)
    (tmp_path / "meminfo").write_text(MACHINE)
    for name, text in files.items():
        (tmp_path / "root" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "root" / name).write_text(text)
    where = (str(tmp_path / "groups"), str(tmp_path / "root"))
    assert memory.available(*where, str(tmp_path / "meminfo")) == available
    assert memory.limit(*where) == limit


def test_where_nobody_knows(tmp_path: Path) -> None:
    nothing = str(tmp_path / "nothing")
    assert memory.available(nothing, nothing, nothing) is None
