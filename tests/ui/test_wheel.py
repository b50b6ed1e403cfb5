"""Installed from a wheel, where there is no Node."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.channel import ChannelServer
from tests.server.house import Server

from .conftest import Visit, furnished

ROOT = Path(__file__).resolve().parents[2]


def done(*command: str | Path, env: dict[str, str] | None = None) -> str:
    ended = subprocess.run(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=800)
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_wheel_brings_the_panel(tmp_path: Path, small: ChannelServer, visit: Visit) -> None:
    pip = ["-m", "pip", "--disable-pip-version-check", "--quiet"]
    done(sys.executable, *pip, "wheel", "--no-deps", "--wheel-dir", tmp_path / "wheels", ROOT)
    (wheel,) = (tmp_path / "wheels").iterdir()
    done(sys.executable, "-m", "venv", tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    home = furnished(tmp_path / "home", small.url)
    home.env["PATH"] = str(python.parent)
    assert shutil.which("node", path=home.env["PATH"]) is None
    done(python, *pip, "install", wheel, "jupyterlab", env=os.environ | {"PATH": home.env["PATH"]})

    listed = done(python, "-m", "jupyter", "labextension", "list", env=home.env)
    (ours,) = [line for line in listed.splitlines() if "jupyter-condaenv" in line]
    assert "enabled" in ours and "OK" in ours, listed

    server = Server(home, application="jupyterlab", python=str(python))
    try:
        person = visit(server)
        person.open_panel()
        person.create("by-wheel", ["tool"])
        expect(person.environment("by-wheel")).to_contain_text("1 package")
    finally:
        server.end()
    assert server.faults == [], "".join(server.log[-200:])
