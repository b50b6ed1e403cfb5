"""Kernels that a real server starts, over its own REST API and websockets."""

from __future__ import annotations

import pytest

from tests.kernels.conftest import make_prefix

from .house import Home, Serve

KILLED = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n"


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
    told = client.run_in(id, "1").error
    assert f"In the environment {prefix}, its kernel ended while it started, without a word" in told

    launcher.unlink()
    launcher.with_name("intact.py").rename(launcher)
    assert client.jupyter("POST", f"kernels/{id}/restart").status == 200
    assert client.run_in(id, "print(1 + 1)").text == "2\n"
