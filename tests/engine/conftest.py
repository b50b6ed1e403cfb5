"""What the engine's tests share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings as properties

from jupyter_condaenv.engine.model import Settings

# A busy machine is no failure, and what was found lies in the report.
properties.register_profile("condaenv", deadline=None, database=None)
properties.load_profile("condaenv")


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``~/.conda`` and ``~/.condarc`` are the test's own."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


@pytest.fixture(scope="session")
def little(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A channel of small packages without Python, for tests that make many changes."""
    from . import packages

    return packages.write(tmp_path_factory.mktemp("little"))


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A channel for tests of solving."""
    from . import tiny

    return tiny.write(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def little_settings(little: Path, settings: Callable[..., Settings]) -> Settings:
    return settings(channels=(little.as_uri(),))


@pytest.fixture
def real_settings(channel_dir: Path, warm_cache: Path, settings: Callable[..., Settings]) -> Settings:
    """The real channel as files, with a shared cache."""
    return settings(channels=(channel_dir.as_uri(),), cache_dir=str(warm_cache))
