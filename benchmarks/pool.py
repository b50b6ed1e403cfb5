"""Kernels that wait, and those that are started, as a page of JupyterLab asks a server for them."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from uuid import uuid4

from jupyter_condaenv.engine.model import Settings
from jupyter_condaenv.kernels.specs import registered
from tests.jupyter import JupyterServer, Visitor

from .environments import kernel_environment
from .measure import Sample, compare

TOKEN = "measured"


def hand_over(settings: Settings, rounds: int) -> None:
    """Seconds until a new session has a kernel that listens, and until its first cell is answered."""
    print("a session's kernel that waited, against one that is started")
    prefix = str(kernel_environment(settings))
    (name,) = registered(settings)[prefix]
    warm, cold = (_Server(settings, name, size) for size in (1, 0))
    try:
        warm.begin()
        pairs = []
        for number in range(1, rounds + 2):
            warm.until_one_waits(number)
            pairs.append((warm.begin(), cold.begin()))
        warms, colds = zip(*pairs[1:], strict=True)
        print(f"  {Sample('until it listens', [listens for listens, _ in warms])}  (bar 0.100 s)")
        answered = [
            Sample(name, [done for _, done in those]) for name, those in (("waited", warms), ("started", colds))
        ]
        compare(*answered, "0.5; the server's own part is in both")
    finally:
        for server in (warm, cold):
            server.end()


class _Server:
    def __init__(self, settings: Settings, kernel: str, size: int) -> None:
        folder = Path(settings.data_dir).with_name(f"pool-{size}")
        (folder / "config").mkdir(parents=True)
        traits = {"data_dir": settings.data_dir, "kernels_dir": settings.kernels_dir, "pool_size": size}
        (folder / "config" / "jupyter_condaenv_config.json").write_text(json.dumps({"CondaEnv": traits}))
        env = {name: value for name, value in os.environ.items() if not name.startswith(("CONDA", "JUPYTER", "JPY"))}
        env |= {"JUPYTER_CONFIG_DIR": f"{folder}/config", "JUPYTER_RUNTIME_DIR": f"{folder}/run", "HOME": str(folder)}
        self._kernel = kernel
        self._server = JupyterServer(folder, env, token=TOKEN)
        self._visitor = Visitor(self._server.port, "/", {"Authorization": f"token {TOKEN}"})

    def begin(self) -> tuple[float, float]:
        """Begin a session, run a cell, and end it; seconds until there is a kernel, and until the cell is answered."""
        path = f"{uuid4().hex}.ipynb"
        began = time.perf_counter()
        body = {"path": path, "name": path, "type": "notebook", "kernel": {"name": self._kernel}}
        session = self._visitor.jupyter("POST", "sessions", body).body
        there = time.perf_counter() - began
        assert self._visitor.run_in(session["kernel"]["id"], "print(1 + 1)").text == "2\n"
        answered = time.perf_counter() - began
        self._visitor.jupyter("DELETE", f"sessions/{session['id']}")
        return there, answered

    def until_one_waits(self, number: int) -> None:
        """Until the ``number``-th has begun to wait."""
        give_up = time.monotonic() + 60
        while sum("A kernel waits" in line for line in self._server.log) < number:
            if time.monotonic() > give_up:
                raise SystemExit("No kernel waits:\n" + "".join(self._server.log[-20:]))
            time.sleep(0.05)

    def end(self) -> None:
        self._server.end()
