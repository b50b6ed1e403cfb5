"""The configuration: from Jupyter's files and ``.condarc`` to Settings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from traitlets import Float, List

from jupyter_condaenv import config
from jupyter_condaenv.engine.errors import InvalidRequest


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with nothing in it, and nothing of the machine's own configuration."""
    for name in ("CONDARC", "CONDA_PREFIX", "CONDA_ROOT", "XDG_CONFIG_HOME", "JUPYTER_CONFIG_PATH", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    places = {"HOME": "", "JUPYTER_CONFIG_DIR": "config", "JUPYTER_DATA_DIR": "jupyter"}
    for name, place in places.items():
        monkeypatch.setenv(name, str(tmp_path / place))
    (tmp_path / "config").mkdir()
    return tmp_path


def test_defaults(home: Path) -> None:
    settings = config.load().settings()
    assert settings.envs_dirs == (str(home / "jupyter/condaenv/envs"),)
    assert settings.data_dir == str(home / "jupyter/condaenv")
    assert settings.kernels_dir == str(home / "jupyter/kernels")
    assert settings.cache_dir == str(home / ".cache/jupyter-condaenv")
    assert settings.channels == ("conda-forge",)
    assert settings.channel_priority == "strict"


def test_condarc_comes_before_the_defaults(home: Path) -> None:
    (home / ".condarc").write_text("channels: [ours]\nenvs_dirs: [~/mine]\nchannel_priority: flexible\n")
    settings = config.load().settings()
    assert settings.channels == ("ours",)
    assert settings.envs_dirs == (str(home / "mine"), str(home / "jupyter/condaenv/envs"))
    assert settings.channel_priority == "flexible"


def test_the_cache_lies_where_conda_has_its_own(home: Path) -> None:
    (home / "file").touch()
    (home / ".condarc").write_text(f"pkgs_dirs: [{home}/file/pkgs, ~/pkgs, ~/others]\n")
    assert config.load().settings().cache_dir == str(home / "pkgs/jupyter-condaenv")


def test_who_waits_longer_for_servers_waits_longer_for_operations(home: Path) -> None:
    (home / ".condarc").write_text("remote_read_timeout_secs: 600\n")
    assert config.load().settings().stall_timeout == 600
    (home / ".condarc").write_text("remote_read_timeout_secs: 60\n")
    assert config.load().settings().stall_timeout == 120


def test_traits_come_before_condarc(home: Path) -> None:
    (home / ".condarc").write_text("channels: [ours]\nenvs_dirs: [~/mine]\nchannel_priority: flexible\n")
    traits = {"channels": ["theirs"], "envs_dirs": ["~/other"], "channel_priority": "disabled"}
    (home / "config/jupyter_condaenv_config.json").write_text(json.dumps({"CondaEnv": traits}))
    settings = config.load().settings()
    assert settings.channels == ("theirs",)
    assert settings.envs_dirs == (str(home / "other"),)
    assert settings.channel_priority == "disabled"


def test_the_own_file_comes_before_the_common_one(home: Path) -> None:
    (home / "config/jupyter_config.py").write_text("c.CondaEnv.solve_timeout = 7\nc.CondaEnv.stall_timeout = 8\n")
    (home / "config/jupyter_condaenv_config.py").write_text("c.CondaEnv.solve_timeout = 9\n")
    settings = config.load().settings()
    assert (settings.solve_timeout, settings.stall_timeout) == (9, 8)


def test_paths_become_absolute(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    (home / "config/jupyter_condaenv_config.py").write_text('c.CondaEnv.cache_dir = "here"\n')
    assert config.load().settings().cache_dir == str(home / "here")


def test_gigabytes_become_bytes(home: Path) -> None:
    (home / "config/jupyter_condaenv_config.py").write_text("c.CondaEnv.quota = 20\nc.CondaEnv.reserve = 0.5\n")
    settings = config.load().settings()
    assert (settings.quota, settings.reserve) == (20_000_000_000, 500_000_000)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("c.CondaEnv.solve_timeout = 'soon'", "solve_timeout"),
        ("c.CondaEnv.solve_timeout = 0", "solve_timeout"),
        ("c.CondaEnv.channel_priority = 'Strict'", "channel_priority"),
        ("c.CondaEnv.channels = 7", "channels"),
        ("c.CondaEnv.cache_dir = None", "cache_dir"),
        ("c.CondaEnv.envs_dirs = [", "jupyter_condaenv_config.py"),
        ("raise RuntimeError('no')", "no"),
    ],
)
def test_what_cannot_be_used_is_named(home: Path, text: str, says: str) -> None:
    (home / "config/jupyter_condaenv_config.py").write_text(text + "\n")
    with pytest.raises(InvalidRequest, match=says) as caught:
        config.load().settings()
    assert str(home / "config") in caught.value.hint


def test_a_misspelt_trait_is_pointed_out(home: Path) -> None:
    (home / "config/jupyter_condaenv_config.py").write_text("c.CondaEnv.chanels = []\n")
    with pytest.warns(UserWarning, match="chanels.*channels"):
        config.load()


def test_the_reference_page_is_what_the_traits_say() -> None:
    page = Path(__file__).parent.parent / "docs" / "configuration.md"
    assert page.read_text(encoding="utf-8") == config.reference(), "`make docs` writes it anew"


@pytest.mark.parametrize("name", sorted(config.CondaEnv.class_own_traits(config=True)))
def test_every_trait_says_what_it_means(name: str) -> None:
    trait = config.CondaEnv.class_own_traits(config=True)[name]
    text = trait.help.strip()
    assert text and text[-1] == "."
    if isinstance(trait, Float):
        assert "econds" in text or "igabytes" in text
    if trait.default_value in ("", ()) or isinstance(trait, List):
        assert "Empty:" in text


def test_a_generated_file_says_all_and_changes_nothing(home: Path) -> None:
    before = config.load().settings()
    text = config.generated()
    (home / "config/jupyter_condaenv_config.py").write_text(text)
    assert config.load().settings() == before
    for name in config.CondaEnv.class_own_traits(config=True):
        assert f"# c.CondaEnv.{name} = " in text
