"""Kernels that a real server starts, over its own REST API and websockets."""

from __future__ import annotations

import pytest

from tests.jobs.conftest import eventually
from tests.jupyter import Cell, ServerError
from tests.kernels.conftest import make_prefix

from .house import Client, Home, Serve

KILLED = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n"


def run_in(client: Client, kernel: str, code: str) -> Cell | None:
    """What comes of a cell; None where Jupyter starts the kernel again meanwhile."""
    try:
        return client.run_in(kernel, code)
    except ServerError:
        return None


@pytest.mark.slow
def test_one_that_dies_while_it_starts_is_told_of_and_restarts_when_mended(home: Home, serve: Serve) -> None:
    prefix = make_prefix(home.envs / "geo", "")
    (launcher,) = prefix.glob("lib/python*/site-packages/ipykernel_launcher.py")
    launcher.rename(launcher.with_name("intact.py"))
    launcher.write_text(KILLED)
    server = serve()
    client = server.client()
    client.do("PUT", "environments/geo/kernel", {})
    id = client.jupyter("POST", "kernels", {"name": "condaenv-geo"}).body["id"]
    told = eventually(lambda: run_in(client, id, "1")).error
    assert f"In the environment {prefix}, its kernel ended while it started, without a word" in told

    launcher.unlink()
    launcher.with_name("intact.py").rename(launcher)
    assert client.jupyter("POST", f"kernels/{id}/restart").status == 200
    assert eventually(lambda: run_in(client, id, "print(1 + 1)")).text == "2\n"
