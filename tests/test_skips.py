"""No test is skipped without a word, and in CI only for a listed reason."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reason", "mode", "code"),
    [
        ("a mount needs root: sudo", "listed", 0),
        ("nobody knows why", "listed", 1),
        ("nobody knows why", "", 0),
    ],
)
def test_a_skip_is_named_and_must_be_listed(tmp_path: Path, reason: str, mode: str, code: int) -> None:
    test = tmp_path / "test_one.py"
    test.write_text(f"import pytest\n\n\ndef test_one():\n    pytest.skip({reason!r})\n")
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-c", os.devnull, "--rootdir", tmp_path, test]
    env = os.environ | {"CONDAENV_TEST_SKIPS": mode, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    assert f"1 skipped: {reason}" in done.stdout
