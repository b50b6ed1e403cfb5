"""What make says of itself."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_its_help_stands_in_columns() -> None:
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    rows = [re.match(r"  make (\S+) +", line) for line in shown.splitlines() if line.startswith("  make ")]
    assert len(rows) > 5
    assert len({row.end() for row in rows if row}) == 1, shown
