"""An environment with a kernel, and a person who runs cells in it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager

from jupyter_condaenv.engine import prefix
from jupyter_condaenv.engine.model import AnyRequest, Changed, CreateEnvironment, Settings
from jupyter_condaenv.jobs import Jobs

WAIT = 120
"""Seconds; what is waited for comes at once or never."""


class Cell(NamedTuple):
    """What stands below a cell that was run."""

    text: str
    """What was printed, each message as it came."""
    error: str
    """What was shown as an error; empty where all went well."""

    @property
    def lines(self) -> list[str]:
        """What is left on the screen."""
        return [line.rpartition("\r")[2].rstrip() for line in self.text.removesuffix("\n").split("\n")]


class Notebook:
    """A running kernel of the environment ``name``."""

    def __init__(self, settings: Settings, name: str) -> None:
        specs = KernelSpecManager(kernel_dirs=[settings.kernels_dir], ensure_native_kernel=False)
        self.manager = KernelManager(kernel_name=f"condaenv-{name}", kernel_spec_manager=specs)
        self.manager.start_kernel(env=dict(os.environ))
        self.client: BlockingKernelClient = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=WAIT)

    @property
    def pid(self) -> int:
        return int(self.manager.provisioner.pid)  # type: ignore[union-attr]

    def run(self, code: str, seen: Callable[[str], object] = len) -> Cell:
        """Run ``code``; ``seen`` is told each piece of text when it comes."""
        texts: list[str] = []
        errors: list[str] = []

        def hook(message: dict[str, Any]) -> None:
            if message["msg_type"] == "stream":
                texts.append(message["content"]["text"])
                seen(texts[-1])
            elif message["msg_type"] == "error":
                errors.append("\n".join(message["content"]["traceback"]))

        self.client.execute_interactive(code, output_hook=hook, timeout=WAIT, stop_on_error=False)
        return Cell("".join(texts), "\n".join(errors))

    def restart(self) -> None:
        self.manager.restart_kernel(now=True)
        self.client.wait_for_ready(timeout=WAIT)

    def end(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


Open = Callable[[str], Notebook]


def do(settings: Settings, request: AnyRequest) -> Changed:
    job = Jobs(settings).start(request)
    assert job.wait(240)
    result = job.result()
    assert isinstance(result, Changed)
    return result


def installed(place: Path) -> dict[str, str]:
    return {package.name: package.version for package in prefix.packages(place)}


@pytest.fixture
def geo(site: Settings) -> Path:
    """The prefix of an environment with a kernel and an old ``smallpkg``."""
    place = Path(site.envs_dirs[0], "geo")
    do(site, CreateEnvironment(prefix=str(place), specs=("python", "ipykernel", "smallpkg <2")))
    return place


@pytest.fixture
def open_notebook(site: Settings) -> Iterator[Open]:
    """Starts the kernel of an environment by its name; all are ended with the test."""
    notebooks: list[Notebook] = []

    def start(name: str) -> Notebook:
        notebooks.append(Notebook(site, name))
        return notebooks[-1]

    yield start
    for one in notebooks:
        one.end()


@pytest.fixture
def notebook(geo: Path, open_notebook: Open) -> Notebook:
    return open_notebook("geo")
