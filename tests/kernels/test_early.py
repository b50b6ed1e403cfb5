"""Variables that Python reads when it starts, set beforehand as they were the last time, and right all the same."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from jupyter_condaenv.engine.model import Settings

from .conftest import launched, with_python

SERVER = {"PATH": os.defpath, "HOME": "/nowhere"}
ADDED = 'export LD_LIBRARY_PATH="/added${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"\n'


class Counted:
    """An environment whose Python counts how often it starts."""

    def __init__(self, own: Settings, prefix: Path) -> None:
        self.own = own
        self.prefix = with_python(prefix)
        (prefix / "conda-meta").mkdir()
        self.script = prefix / "etc/conda/activate.d/script.sh"
        self.script.parent.mkdir(parents=True)
        self.starts = prefix / "starts"
        self.tells = False
        (packages,) = prefix.glob("lib/python*/site-packages")
        (packages / "sitecustomize.py").write_text(f"print(file=open({str(self.starts)!r}, 'a'))\n")

    def launch(self, *options: str, **environ: str) -> tuple[int, dict[str, str]]:
        """How often Python was started until there were the right variables; and these."""
        self.starts.write_text("")
        env, told = launched(self.own, (str(self.prefix),), SERVER | environ, *options)
        assert bool(told) == self.tells and not [name for name in env if name.startswith("CONDAENV_")]
        return len(self.starts.read_text().splitlines()), env


@pytest.fixture
def counted(own: Settings, tmp_path: Path) -> Counted:
    return Counted(own, tmp_path / "envs/it's $(a)\\n=b")


def test_only_the_first_start_is_made_again(counted: Counted) -> None:
    counted.script.write_text(ADDED + "export MALLOC_ARENA_MAX='it''s \"$(touch '$CONDA_PREFIX/run')\" \\n `id`'\n")
    first, second = counted.launch(), counted.launch()
    assert (first[0], second[0]) == (2, 1)
    assert first[1] == second[1] and second[1]["LD_LIBRARY_PATH"] == "/added"
    assert "$(touch" in second[1]["MALLOC_ARENA_MAX"] and not (counted.prefix / "run").exists()


@pytest.mark.slow
def test_a_wrong_guess_is_put_right_and_not_made_again(counted: Counted) -> None:
    counted.script.write_text(ADDED)
    counted.launch()
    for of_the_server in ("/of/the/server", "/of/another"):
        for starts in (2, 1):
            found, env = counted.launch(LD_LIBRARY_PATH=of_the_server)
            assert (found, env["LD_LIBRARY_PATH"]) == (starts, f"/added:{of_the_server}")
    counted.script.write_text("export LANG=C.UTF-8\n")
    for starts in (2, 1):
        found, env = counted.launch(LANG="C")
        assert (found, env["LANG"], "LD_LIBRARY_PATH" in env) == (starts, "C.UTF-8", False)
    counted.script.write_text("")
    for starts in (2, 1):
        found, env = counted.launch(LANG="C")
        assert (found, env["LANG"]) == (starts, "C")


def test_scripts_that_always_run_never_see_a_guess(counted: Counted) -> None:
    counted.script.write_text('export SEEN="${LD_LIBRARY_PATH-none}"\n' + ADDED)
    for starts in (2, 1):
        found, env = counted.launch("--always-run")
        assert (found, env["SEEN"], env["LD_LIBRARY_PATH"]) == (starts, "none", "/added")
    found, env = counted.launch("--always-run", LD_LIBRARY_PATH="/of/the/server")
    assert (found, env["SEEN"], env["LD_LIBRARY_PATH"]) == (2, "/of/the/server", "/added:/of/the/server")
    found, env = counted.launch("--always-run", "--library-path=clean", LD_LIBRARY_PATH="/of/the/server")
    assert (found, env["SEEN"], env["LD_LIBRARY_PATH"]) == (2, "none", "/added")


@pytest.mark.slow
def test_a_guess_that_another_has_planted_is_not_taken(counted: Counted, tmp_path: Path) -> None:
    counted.script.write_text(ADDED)
    counted.launch()
    (kept,) = Path(counted.own.data_dir, "activation").glob("*.early")
    kept.rename(tmp_path / "planted")
    kept.symlink_to(tmp_path / "planted")
    assert counted.launch()[0] == 2
    assert counted.launch()[0] == 1, "it is a file of its own again"
    kept.parent.chmod(0o755)
    kept.chmod(0o666)
    assert counted.launch()[0] == 2
    assert counted.launch()[0] == 1, "others can read it and no more"
    if os.geteuid() == 0:
        os.chown(kept, 1, 1)
        assert counted.launch()[0] == 2
    assert counted.launch()[0] == 1
    counted.tells = True
    kept.parent.chmod(0o777)
    assert counted.launch()[0] == 2
    kept.parent.chmod(0o700)
    folder = kept.parent.rename(tmp_path / "elsewhere")
    kept.parent.symlink_to(folder)
    assert counted.launch()[0] == 2
