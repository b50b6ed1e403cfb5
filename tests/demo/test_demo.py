"""The demo on a terminal. What it does without one is what `.ci/run` does."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from urllib.request import urlopen

import pexpect
import pytest

from .__main__ import ENVIRONMENTS, clear_away
from .narrator import Narrator, StoryEnded
from .places import Places

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 280
"""Seconds that any part of the story may take."""


@pytest.mark.parametrize(("variables", "stays"), [({}, True), ({"DEMO": "check"}, False), ({"DEMO": ""}, True)])
def test_who_looks_on(variables: dict[str, str], stays: bool) -> None:
    env = {name: value for name, value in os.environ.items() if name != "DEMO"} | variables
    code = "from tests.demo.panel import somebody_looks_on; print('looks', somebody_looks_on())"
    child = pexpect.spawn(sys.executable, ["-c", code], cwd=str(ROOT), env=env, encoding="utf-8", timeout=PATIENCE)
    child.expect_exact(f"looks {stays}")
    child.expect(pexpect.EOF)


def test_what_somebody_made_in_an_earlier_run_stays(tmp_path: Path) -> None:
    places = Places(tmp_path / "demo")
    envs = tmp_path / "demo" / "jupyter" / "condaenv" / "envs"
    for name in (*ENVIRONMENTS, "mine"):
        (envs / name).mkdir(parents=True)
    places.notebooks.mkdir()
    (places.notebooks / "Untitled.ipynb").touch()
    with pytest.raises(StoryEnded, match=r"Untitled\.ipynb, mine"):
        clear_away(Narrator(), places)
    (places.notebooks / "Untitled.ipynb").unlink()
    (envs / "mine").rmdir()
    clear_away(Narrator(), places)
    assert not places.folder.exists()
    clear_away(Narrator(), places)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_on_a_terminal_jupyterlab_stays_until_ctrl_c(tmp_path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if name != "DEMO"}
    arguments = ["-m", "tests.demo", str(tmp_path / "demo")]
    child = pexpect.spawn(
        sys.executable,
        arguments,
        cwd=str(ROOT),
        env=env,
        encoding="utf-8",
        timeout=PATIENCE,
        # What runs in the background ignores it, and all that it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    child.expect_exact("$ jupyter condaenv stack project")
    child.expect_exact("Looking at the panel")
    child.expect(r"Ctrl-C ends it.*?(http://127\.0\.0\.1:\d+/lab\?token=\w+)")
    address = child.match.group(1)
    with urlopen(address, timeout=PATIENCE) as page:
        assert b"jupyter-condaenv" in page.read()
    child.sendintr()
    child.expect_exact("All of it held.")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    with pytest.raises(OSError):
        urlopen(address, timeout=PATIENCE).close()
