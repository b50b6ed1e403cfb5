"""Installed where there is no Node: from a wheel, and as binder/ says."""

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


PIP = ("-m", "pip", "--disable-pip-version-check", "--quiet")


def done(*command: str | Path, env: dict[str, str] | None = None, cwd: Path | None = None) -> str:
    ended = subprocess.run(
        command, env=env, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=800
    )
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


@pytest.fixture(scope="module")
def venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a wheel of ours and JupyterLab in it."""
    folder = tmp_path_factory.mktemp("installed")
    done(sys.executable, *PIP, "wheel", "--no-deps", "--wheel-dir", folder / "wheels", ROOT)
    (wheel,) = (folder / "wheels").iterdir()
    done(sys.executable, "-m", "venv", folder / "venv")
    done(folder / "venv" / "bin" / "python", *PIP, "install", wheel, "jupyterlab")
    return folder / "venv"


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_wheel_brings_the_panel(venv: Path, tmp_path: Path, small: ChannelServer, visit: Visit) -> None:
    home = furnished(tmp_path / "home", small.url)
    home.env["PATH"] = str(venv / "bin")
    assert shutil.which("node", path=home.env["PATH"]) is None
    listed = done(venv / "bin" / "python", "-m", "jupyter", "labextension", "list", env=home.env)
    (ours,) = [line for line in listed.splitlines() if "jupyter-condaenv" in line]
    assert "enabled" in ours and "OK" in ours, listed

    server = Server(home, application="jupyterlab", python=str(venv / "bin" / "python"))
    try:
        person = visit(server)
        person.open_panel()
        person.create("by-wheel", ["tool"])
        expect(person.environment("by-wheel")).to_contain_text("1 package")
    finally:
        server.end()
    assert server.faults == [], "".join(server.log[-200:])


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_binder_opens_on_what_it_made(venv: Path, tmp_path: Path, channel: ChannelServer, visit: Visit) -> None:
    clone = tmp_path / "clone"
    done("git", "clone", "--quiet", ROOT, clone)
    home = furnished(tmp_path / "home", channel.url)
    home.env["PATH"] = os.pathsep.join([str(venv / "bin"), os.defpath])
    done(clone / "binder" / "postBuild", env=home.env, cwd=clone)

    server = Server(home, application="jupyterlab", python=str(venv / "bin" / "python"))
    try:
        person = visit(server)
        person.page.goto(server.address("lab"))
        expect(person.environment("base-ml")).to_contain_text("packages")
        expect(person.environment("project")).to_contain_text("base-ml")
    finally:
        server.end()
    assert server.faults == [], "".join(server.log[-200:])
