"""Environments that others have made become kernels, and nothing of them is run for that."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from jupyter_client.kernelspec import KernelSpecManager
from msgspec.structs import replace

from jupyter_condaenv.engine import environments
from jupyter_condaenv.engine.model import AnyEvent, KernelOptions, Message, Settings
from jupyter_condaenv.kernels import offers, specs
from tests.engine.test_environments import bare

from .conftest import environment


def with_kernel(prefix: Path, minor: str = "3.12") -> Path:
    """As conda makes one, whose programs end whoever runs them."""
    bare(prefix, f"python-{minor}.4-h1_cpython", "ipykernel-7.0-py_0")
    for place in (f"lib/python{minor}/site-packages/ipykernel_launcher.py", "bin/python", "etc/conda/activate.d/a.sh"):
        (prefix / place).parent.mkdir(parents=True, exist_ok=True)
        (prefix / place).write_text(f"#!/bin/sh\ntouch {prefix}/was-run\n")
    (prefix / "bin/python").chmod(0o755)
    return prefix


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    (home / ".conda").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    return home


def noted(home: Path, *prefixes: Path) -> None:
    (home / ".conda" / "environments.txt").write_text("".join(f"{prefix}\n" for prefix in prefixes))


def offered(own: Settings) -> tuple[str, ...]:
    events: list[AnyEvent] = []
    names = offers.offer(environments.list_environments(own), own, events.append)
    assert not [one for one in events if isinstance(one, Message)]
    return names


def shown(own: Settings) -> set[str]:
    """What people read, in Jupyter."""
    manager = KernelSpecManager(kernel_dirs=[own.kernels_dir], ensure_native_kernel=False)
    return {manager.get_kernel_spec(name).display_name for name in manager.find_kernel_specs()}


def test_what_is_found_is_a_kernel_and_told_apart(
    settings: Callable[..., Settings], home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environments, "can_write", lambda folder: folder.name != "site")
    own = settings(envs_dirs=(str(tmp_path / "site"), str(tmp_path / "envs")))
    base = with_kernel(home / "miniforge3")
    places = [
        base,
        with_kernel(base / "envs" / "geo"),
        with_kernel(base / "envs" / "with-conda"),
        with_kernel(home / "work" / "maps" / ".pixi" / "envs" / "default", "3.13"),
        with_kernel(tmp_path / "envs" / "geo"),
        with_kernel(tmp_path / "site" / "geo"),
        bare(home / "tools", "python-3.12.4-h1_cpython"),
    ]
    for one in (base, base / "envs" / "with-conda"):
        (one / "condabin").mkdir()
    noted(home, *places)
    names = offered(own)
    assert len(set(names)) == 6
    assert shown(own) == {
        "Python 3.12 [base (~/miniforge3)]",
        "Python 3.12 [geo (~/miniforge3)]",
        "Python 3.12 [with-conda (~/miniforge3)]",
        "Python 3.13 [maps (~/work)]",
        "Python 3.12 [geo]",
        "Python 3.12 [geo (shared)]",
    }
    assert not [one for one in places if (one / "was-run").exists()]
    assert offered(own) == (), "it is done once"


def test_a_kernel_that_was_removed_stays_removed_until_something_changes(own: Settings, home: Path) -> None:
    prefix = with_kernel(home / "geo")
    noted(home, prefix)
    (name,) = offered(own)
    shutil.rmtree(Path(own.kernels_dir, name))
    assert offered(own) == ()
    kernels = prefix / "share" / "jupyter" / "kernels" / "ir"
    kernels.mkdir(parents=True)
    (kernels / "kernel.json").write_text(
        json.dumps({"argv": ["R", "-e", "IRkernel::main()"], "language": "R", "display_name": "R"})
    )
    assert len(offered(own)) == 2


def test_a_kernel_that_somebody_has_chosen_something_for_is_left_as_it_is(own: Settings, home: Path) -> None:
    prefix = with_kernel(home / "geo")
    noted(home, prefix)
    specs.register(environment(prefix), own, KernelOptions(display_name="Geodesy"))
    assert offered(own) == ()
    (prefix / "conda-meta" / "numpy-2.0-0.json").touch()
    assert len(offered(own)) == 1
    assert shown(own) == {"Geodesy"}


def test_what_nothing_leads_to_any_more_is_withdrawn(settings: Callable[..., Settings], home: Path) -> None:
    """Not where a person has asked for the kernel, another host has written it, or the environment is only absent."""
    names = ("geo", "asked", "chosen", "absent", "elsewhere", "sought")
    prefixes = {name: with_kernel(home / "data" / name) for name in names}
    own = settings()
    noted(home, *prefixes.values())
    specs.register(environment(prefixes["asked"]), own)
    assert len(offered(replace(own, host="another"))) == 5
    for name in ("geo", "chosen", "absent", "sought"):
        (prefixes[name] / "conda-meta/numpy-2.0-0.json").touch()
    (prefixes["asked"] / "conda-meta/numpy-2.0-0.json").touch()
    assert len(offered(own)) == 5
    specs.register(environment(prefixes["chosen"]), own, KernelOptions(always_run=True))
    prefixes["absent"].rename(home / "away")

    everywhere = replace(own, find=(f"{home}/data/sough*",))
    assert offers.withdraw(environments.list_environments(own), own) == ()
    noted(home)
    (name,) = offers.withdraw(environments.list_environments(everywhere), everywhere)
    assert "geo" in name
    left = {Path(prefix).name for prefix in specs.registered(own)}
    assert left == {"asked", "chosen", "absent", "elsewhere", "sought"}


def test_what_is_not_ours_is_not_touched(own: Settings, home: Path) -> None:
    prefix = with_kernel(Path(own.envs_dirs[0]) / "geo")
    for name in ("python3", "condaenv-geo"):
        theirs = Path(own.kernels_dir, name, "kernel.json")
        theirs.parent.mkdir(parents=True)
        theirs.write_text('{"argv": ["theirs"], "display_name": "Theirs", "language": "x"}')
    (name,) = offered(own)
    assert name.startswith("condaenv-geo-")
    shutil.rmtree(prefix)
    assert specs.remove_orphans(own) == (name,)
    assert shown(own) == {"Theirs"}
    assert len(list(Path(own.kernels_dir).iterdir())) == 2


def test_an_environment_without_a_kernel_becomes_one_when_it_has_one(own: Settings, home: Path) -> None:
    prefix = bare(home / "geo", "python-3.12.4-h1_cpython")
    noted(home, prefix)
    assert offered(own) == ()
    launcher = prefix / "lib/python3.12/site-packages/ipykernel_launcher.py"
    launcher.parent.mkdir(parents=True)
    launcher.touch()
    assert offered(own) == ()  # its Python is missing
    (prefix / "bin").mkdir()
    (prefix / "bin" / "python").touch(0o755)
    (name,) = offered(own)
    launcher.unlink()
    (prefix / "conda-meta" / "ipykernel-7.json").touch()
    assert offered(own) == ()
    assert specs.registered(own)[str(prefix)] == (name,), "that is said when it is started"


def test_another_host_goes_by_the_same_notes(own: Settings, home: Path) -> None:
    prefix = with_kernel(home / "volume" / "envs" / "geo")
    noted(home, prefix)
    (name,) = offered(own)
    shutil.rmtree(Path(own.kernels_dir, name))
    prefix.parent.rename(home / "unmounted")
    prefix.parent.mkdir()
    elsewhere = replace(own, host="another")
    assert offered(elsewhere) == ()
    prefix.parent.rmdir()
    (home / "unmounted").rename(prefix.parent)
    assert offered(own) == (), "it was removed by its user"


@pytest.mark.parametrize("damage", ["", "[]", "\x00", '{"/a": {}}'])
def test_damaged_notes_are_as_none(own: Settings, home: Path, damage: str) -> None:
    noted(home, with_kernel(home / "geo"))
    offered(own)
    (Path(own.data_dir) / "offered.json").write_text(damage)
    assert offered(own) == ()


def test_what_cannot_be_written_is_told(own: Settings, home: Path) -> None:
    noted(home, with_kernel(home / "geo"))
    Path(own.kernels_dir).write_text("a file")
    events: list[AnyEvent] = []
    assert offers.offer(environments.list_environments(own), own, events.append) == ()
    (told,) = [one.text for one in events if isinstance(one, Message)]
    assert "cannot be written" in told
