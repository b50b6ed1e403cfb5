"""The magic in the programs that people and their schedules run cells with."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pexpect
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from jupyter_condaenv.engine.model import Settings
from jupyter_condaenv.jobs import Jobs
from tests.channel import ChannelServer

from .conftest import WAIT, installed


def executed(*cells: str) -> nbformat.NotebookNode:
    """The notebook of ``cells`` after nbclient has run it in the kernel of ``geo``."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, timeout=WAIT, kernel_name="condaenv-geo").execute()
    return notebook


def text_of(cell: nbformat.NotebookNode) -> str:
    return "".join(output.text for output in cell.outputs if output.output_type == "stream")


@pytest.mark.slow
def test_nbclient(geo: Path) -> None:
    notebook = executed("%condaenv install threadpoolctl", "import threadpoolctl; print(threadpoolctl.__file__)")
    told, imported = map(text_of, notebook.cells)
    assert told.splitlines()[0].startswith("  new  threadpoolctl")
    assert told.endswith("geo is at revision 2. No restart is needed.\n")
    assert "\r" not in told, "nobody looked on: only what stays is kept in the notebook"
    assert imported.startswith(str(geo))


@pytest.mark.slow
def test_nbclient_stops_at_what_cannot_be(geo: Path) -> None:
    with pytest.raises(CellExecutionError, match="No candidates were found for nothere"):
        executed("%condaenv install nothere", "print('not run')")


@pytest.fixture
def console(geo: Path) -> Iterator[pexpect.spawn[str]]:
    program = str(Path(sys.executable).with_name("jupyter-console"))
    arguments = ["--kernel", "condaenv-geo", "--simple-prompt"]
    with pexpect.spawn(program, arguments, env=dict(os.environ), encoding="utf-8", timeout=WAIT) as spawned:
        spawned.setwinsize(40, 120)
        spawned.expect_exact("In [1]: ")
        yield spawned


@pytest.mark.slow
def test_console(console: pexpect.spawn[str], geo: Path) -> None:
    console.sendline("%condaenv install threadpoolctl")
    console.expect_exact("Solving\r")
    console.expect(r"new  threadpoolctl  \S+")
    console.expect_exact("Checking every file")
    console.expect_exact("geo is at revision 2. No restart is needed.\r\n")
    console.expect_exact("In [2]: ")
    console.sendline("import threadpoolctl; print(threadpoolctl.__file__)")
    console.expect_exact(str(geo))


@pytest.mark.slow
def test_console_is_interrupted(console: pexpect.spawn[str], geo: Path, channel_dir: Path, site: Settings) -> None:
    before = installed(geo)
    with ChannelServer(channel_dir, stall={"*/bigblob-*"}) as channel:
        console.sendline(f"%condaenv install bigblob -c {channel.url}")
        console.expect_exact("Fetching packages")
        console.sendintr()
        console.expect(re.compile("error: .*"))
        console.expect_exact("In [2]: ")
        job = next(iter(Jobs(site).list()))
        assert job.wait(WAIT) and job.state == "cancelled"
    assert installed(geo) == before
    console.sendline("print(6 * 7)")
    console.expect_exact("42")
