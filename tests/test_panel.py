"""The panel as it is committed: whole, small, and from nowhere in particular."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

import jupyter_condaenv
from jupyter_condaenv.engine import environments
from jupyter_condaenv.engine.errors import InvalidRequest

ROOT = Path(__file__).parents[1]
MOST = 200_000
"""Bytes of all that a page may have to load, gzipped."""


def test_the_bundle_is_whole() -> None:
    """What it loads first is there, once."""
    (place,) = jupyter_condaenv._jupyter_labextension_paths()
    bundle = Path(jupyter_condaenv.__file__).parent / place["src"]
    described = json.loads((bundle / "package.json").read_bytes())
    entries = list((bundle / "static").glob("remoteEntry.*.js"))
    assert [f"static/{entry.name}" for entry in entries] == [described["jupyterlab"]["_build"]["load"]]
    assert described["name"] == place["dest"]


def test_the_bundle_is_small() -> None:
    static = Path(jupyter_condaenv.__file__).parent / "labextension" / "static"
    sizes = {path.name: len(gzip.compress(path.read_bytes())) for path in static.glob("*.js")}
    assert sum(sizes.values()) <= MOST, sizes


def test_the_panel_has_the_version_of_the_package() -> None:
    described = json.loads((ROOT / "labextension" / "package.json").read_bytes())
    assert described["version"] == jupyter_condaenv.__version__


def test_the_lock_of_the_panel_names_no_registry() -> None:
    assert "://" not in (ROOT / "labextension" / "yarn.lock").read_text()


def test_the_panel_refuses_the_names_that_the_engine_refuses() -> None:
    names = json.loads((ROOT / "labextension" / "src" / "model" / "names.json").read_text())
    for name in names["good"]:
        environments.check_name(name)
    for name in names["bad"]:
        with pytest.raises(InvalidRequest):
            environments.check_name(name)
