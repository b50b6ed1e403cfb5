"""Kernelspecs on disk: their names, what is in them, and that nobody else's are touched."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.kernelspec import KernelSpecManager
from msgspec.structs import replace

from jupyter_condaenv.engine import environments
from jupyter_condaenv.engine.errors import StorageError
from jupyter_condaenv.engine.model import KernelOptions, Settings
from jupyter_condaenv.kernels import launcher, specs

from .conftest import environment, lend_ipykernel, make_prefix

LAUNCH = Path(launcher.__file__).parent / "launch"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One prefix with ipykernel, to be linked to where a test needs an environment that it does not start."""
    return make_prefix(tmp_path_factory.mktemp("shared") / "prefix")


def placed(shared: Path, prefix: Path) -> Path:
    prefix.parent.mkdir(exist_ok=True)
    prefix.symlink_to(shared)
    return prefix


def spec_of(own: Settings, name: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(Path(own.kernels_dir, name, "kernel.json").read_text())
    return found


def test_what_is_written(own: Settings, tmp_path: Path) -> None:
    prefix = make_prefix(tmp_path / "envs/geo")
    theirs = prefix / "share/jupyter/kernels/python3"
    theirs.mkdir(parents=True)
    (theirs / "logo-64x64.png").write_bytes(b"a logo")
    about = {"debugger": True, "supported_encryption": ["curve"], "more": 1}
    (theirs / "kernel.json").write_text(json.dumps({"argv": [], "metadata": about}))
    assert specs.register(environment(prefix, python="3.11.7"), own) == ("condaenv-geo",)
    spec = spec_of(own, "condaenv-geo")
    argv = spec["argv"]
    assert isinstance(argv, list)
    assert argv[2:] == [str(prefix), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    assert [Path(path).name for path in argv[:2]] == ["trampoline", "shim.py"]
    assert os.access(argv[0], os.X_OK)
    assert (spec["display_name"], spec["language"], spec["interrupt_mode"]) == ("Python 3.11 [geo]", "python", "signal")
    metadata = spec["metadata"]
    assert isinstance(metadata, dict)
    mark = metadata.pop("jupyter_condaenv")
    assert metadata == {"debugger": True, "supported_encryption": ["curve"]}
    assert (mark["prefixes"], mark["schema"]) == ([str(prefix)], 1)
    assert sorted(path.name for path in Path(own.kernels_dir, "condaenv-geo").iterdir()) == [
        "kernel.json",
        "logo-64x64.png",
    ]
    manager = KernelSpecManager(kernel_dirs=[own.kernels_dir], ensure_native_kernel=False)
    assert list(manager.find_kernel_specs()) == ["condaenv-geo"]


def test_registering_again_changes_the_same_kernel(own: Settings, tmp_path: Path, shared: Path) -> None:
    prefix = placed(shared, tmp_path / "envs/geo")
    assert specs.register(environment(prefix), own) == specs.register(
        environment(prefix), own, KernelOptions(display_name="Geodesy")
    )
    assert spec_of(own, "condaenv-geo")["display_name"] == "Geodesy"
    assert specs.registered(own) == {str(prefix): ("condaenv-geo",)}


def test_what_was_chosen_stays_until_something_else_is(own: Settings, tmp_path: Path, shared: Path) -> None:
    prefix = placed(shared, tmp_path / "envs/geo")
    chosen = KernelOptions(
        display_name="Geodesy", library_path="prefix", always_run=True, inherit=("PYTHONPATH", "CONDA")
    )
    specs.register(environment(prefix), own, chosen)
    specs.register(environment(prefix), own)
    assert specs.options(str(prefix), own) == chosen
    argv = spec_of(own, "condaenv-geo")["argv"]
    assert isinstance(argv, list)
    assert argv[2:] == [
        *(str(prefix), "--always-run", "--library-path=prefix", "--inherit=PYTHONPATH", "--inherit=CONDA"),
        *("-m", "ipykernel_launcher", "-f", "{connection_file}"),
    ]
    specs.register(environment(prefix), own, KernelOptions(library_path="off", always_run=False, inherit=()))
    assert spec_of(own, "condaenv-geo")["argv"][3] == "-m"  # type: ignore[index]
    assert specs.options(str(prefix), own).display_name == "Geodesy"


def test_a_choice_that_cannot_be_read_is_none(own: Settings, tmp_path: Path, shared: Path) -> None:
    prefix = placed(shared, tmp_path / "envs/geo")
    specs.register(environment(prefix), own)
    file = Path(own.kernels_dir, "condaenv-geo/kernel.json")
    spec = json.loads(file.read_text())
    spec["metadata"]["jupyter_condaenv"]["library_path"] = "somewhere"
    file.write_text(json.dumps(spec))
    assert specs.register(environment(prefix), own) == ("condaenv-geo",)
    assert specs.options(str(prefix), own) == KernelOptions()


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("envs/geo", r"condaenv-geo"),
        ("envs/Geo", r"condaenv-geo-[0-9a-f]{8}"),
        ("envs/geo data", r"condaenv-geo-data-[0-9a-f]{8}"),
        ("envs/日本", r"condaenv-env-[0-9a-f]{8}"),
        ("elsewhere/geo", r"condaenv-geo-[0-9a-f]{8}"),
    ],
)
def test_names(own: Settings, tmp_path: Path, shared: Path, place: str, expected: str) -> None:
    prefix = placed(shared, tmp_path / place)
    (name,) = specs.register(environment(prefix), own)
    assert re.fullmatch(expected, name)
    specs.unregister(str(prefix), own)
    placed(shared, tmp_path / "envs/other")
    specs.register(environment(tmp_path / "envs/other"), own)
    assert specs.register(environment(prefix), own) == (name,), "whatever else is registered"


def test_the_same_name_in_two_folders(settings: Callable[..., Settings], tmp_path: Path, shared: Path) -> None:
    own = settings(envs_dirs=(str(tmp_path / "envs"), str(tmp_path / "more")))
    one, two = placed(shared, tmp_path / "envs/geo"), placed(shared, tmp_path / "more/geo")
    (first,), (second,) = specs.register(environment(one), own), specs.register(environment(two), own)
    assert first == "condaenv-geo" != second
    assert specs.registered(own) == {str(one): (first,), str(two): (second,)}


def test_without_ipykernel_there_is_no_kernel(own: Settings, tmp_path: Path) -> None:
    prefix = make_prefix(tmp_path / "envs/bare", ipykernel=False)
    assert specs.register(environment(prefix), own) == ()
    assert specs.registered(own) == {}
    base = make_prefix(tmp_path / "envs/base")
    (name,) = specs.register(environment(prefix), own, levels=(str(base), str(prefix)))
    assert specs.registered(own) == {str(prefix): (name,)}
    lend_ipykernel(prefix)
    assert specs.register(environment(prefix), own) == (name,)


def test_kernels_that_cannot_start_are_found(own: Settings, tmp_path: Path, shared: Path) -> None:
    geo, gone, away = (placed(shared, tmp_path / place) for place in ("envs/geo", "envs/gone", "volume/away"))
    for prefix in (geo, gone, away):
        specs.register(environment(prefix), own)
    assert specs.examine(str(geo), own) is None
    gone.unlink()
    marked = spec_of(own, "condaenv-geo")["metadata"]
    assert isinstance(marked, dict) and len(marked["jupyter_condaenv"]["folders"]) >= 2
    only_its_own(own, away)
    shutil.rmtree(away.parent)  # perhaps only not mounted just now
    found = specs.examine(str(geo), own)
    assert found is not None and (found.code, found.fixable) == ("dead_kernel", True)
    assert "condaenv-gone" in found.text and str(gone) in found.text and "away" not in found.text
    specs.remove_orphans(own)
    assert specs.examine(str(geo), own) is None
    assert set(specs.registered(own)) == {str(geo), str(away)}
    elsewhere = replace(own, host="another")
    geo.unlink()
    assert specs.examine(str(away), elsewhere) is None  # another host may have it
    assert specs.examine(str(away), own) is not None
    Path(own.envs_dirs[0]).rename(tmp_path / "unmounted")
    Path(own.envs_dirs[0]).mkdir()
    placed(shared, tmp_path / "envs/another")
    assert specs.examine(str(away), own) is None, "another folder at the same place, as in another container"


def only_its_own(own: Settings, prefix: Path) -> None:
    """Have the folder of ``prefix`` been a file system of its own when its kernel was written."""
    (name,) = specs.registered(own)[str(prefix)]
    spec: dict[str, Any] = spec_of(own, name)
    del spec["metadata"]["jupyter_condaenv"]["folders"][1:]
    Path(own.kernels_dir, name, "kernel.json").write_text(json.dumps(spec))


def test_a_project_that_is_deleted_takes_its_kernels_with_it(own: Settings, tmp_path: Path, shared: Path) -> None:
    project = tmp_path / "work" / "maps"
    prefix = project / ".pixi" / "envs" / "default"
    prefix.parent.mkdir(parents=True)
    specs.register(environment(placed(shared, prefix)), own)
    assert specs.remove_orphans(own) == ()
    project.rename(tmp_path / "lent")
    assert specs.remove_orphans(replace(own, host="another")) == ()
    (name,) = specs.remove_orphans(own)
    assert specs.registered(own) == {}
    assert not Path(own.kernels_dir, name).exists()


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("envs/geo", "geo"),
        ("site/geo", "geo (shared)"),
        ("other-site/geo", "geo ({tmp_path}/other-site)"),
        ("home/miniforge3/envs/geo", "geo (~/miniforge3)"),
        ("home/work/geo", "geo (~/work)"),
        ("home/work/maps/.pixi/envs/default", "maps (~/work)"),
        ("home/work/maps/.pixi/envs/test", "maps:test (~/work)"),
    ],
)
def test_environments_of_one_name_are_told_apart(
    settings: Callable[..., Settings],
    tmp_path: Path,
    shared: Path,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
    expected: str,
) -> None:
    """By where they are, whatever else there is."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(environments, "can_write", lambda folder: "site" not in folder.name)
    own = settings(envs_dirs=tuple(str(tmp_path / name) for name in ("site", "other-site", "envs")))
    prefix = tmp_path / place
    prefix.parent.mkdir(parents=True)
    prefix.symlink_to(shared)
    (name,) = specs.register(environment(prefix, python="3.11.7"), own)
    assert spec_of(own, name)["display_name"] == f"Python 3.11 [{expected.format(tmp_path=tmp_path)}]"


@pytest.mark.parametrize("lost", ["trampoline", "shim.py", "registrar"])
def test_a_kernel_whose_files_are_gone_is_found(own: Settings, tmp_path: Path, shared: Path, lost: str) -> None:
    geo = placed(shared, tmp_path / "envs/geo")
    specs.register(environment(geo), own)
    (file,) = Path(own.data_dir).glob(f"launch/*/{lost}")
    file.unlink()
    found = specs.examine(str(geo), own)
    assert found is not None and "condaenv-geo names files that are gone" in found.text
    specs.register(environment(geo), own)
    assert specs.examine(str(geo), own) is None


def test_only_our_own_kernels_of_that_prefix_are_removed(own: Settings, tmp_path: Path, shared: Path) -> None:
    one, two = placed(shared, tmp_path / "envs/one"), placed(make_prefix(tmp_path / "x"), tmp_path / "envs/two")
    specs.register(environment(one), own)
    specs.register(environment(two), own)
    foreign = {"condaenv-theirs": {"argv": [f"{one}/bin/python"]}, "python3": {"metadata": {"other": str(one)}}}
    for name, spec in foreign.items():
        Path(own.kernels_dir, name).mkdir()
        Path(own.kernels_dir, name, "kernel.json").write_text(json.dumps(spec))
    assert specs.unregister(str(one), own) == ("condaenv-one",)
    assert sorted(os.listdir(own.kernels_dir)) == ["condaenv-theirs", "condaenv-two", "python3"]
    assert specs.unregister(str(one), own) == ()


def test_a_foreign_kernel_of_our_name_is_left_alone(own: Settings, tmp_path: Path, shared: Path) -> None:
    theirs = Path(own.kernels_dir, "condaenv-geo", "kernel.json")
    theirs.parent.mkdir(parents=True)
    theirs.write_text("{}")
    (name,) = specs.register(environment(placed(shared, tmp_path / "envs/geo")), own)
    assert name != "condaenv-geo"
    assert theirs.read_text() == "{}"


def test_a_link_to_an_environment_has_a_kernel_of_its_own(own: Settings, tmp_path: Path, shared: Path) -> None:
    real = make_prefix(tmp_path / "envs/real")
    link = placed(real, tmp_path / "envs/current")
    specs.register(environment(real), own)
    specs.register(environment(link), own)
    assert specs.unregister(str(tmp_path / "envs/../envs/real/"), own) == ("condaenv-real",)
    assert specs.registered(own) == {str(link): ("condaenv-current",)}


def test_unregistering_what_is_gone(own: Settings, tmp_path: Path, shared: Path) -> None:
    prefix = placed(shared, tmp_path / "envs/geo")
    specs.register(environment(prefix), own)
    prefix.unlink()
    assert specs.unregister(str(prefix), own) == ("condaenv-geo",)
    assert specs.registered(own) == {}


def test_broken_kernelspecs_are_passed_over(own: Settings, tmp_path: Path, shared: Path) -> None:
    prefix = placed(shared, tmp_path / "envs/geo")
    specs.register(environment(prefix), own)
    mark = {"metadata": {"jupyter_condaenv": {"prefixes": []}}}
    texts = [
        "",
        "{",
        "[]",
        "null",
        '{"metadata": 1}',
        '{"metadata": {"jupyter_condaenv": 1}}',
        json.dumps(mark),
        "\udcff",
    ]
    for number, text in enumerate(texts):
        folder = Path(own.kernels_dir, f"condaenv-{number}")
        folder.mkdir()
        (folder / "kernel.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    Path(own.kernels_dir, "condaenv-empty").mkdir()
    Path(own.kernels_dir, "condaenv-file").touch()
    assert specs.registered(own) == {str(prefix): ("condaenv-geo",)}


def test_a_hundred_are_read_at_once(own: Settings, tmp_path: Path, shared: Path) -> None:
    specs.register(environment(placed(shared, tmp_path / "envs/geo")), own)
    one = Path(own.kernels_dir, "condaenv-geo/kernel.json").read_text()
    for number in range(100):
        Path(own.kernels_dir, f"condaenv-{number}").mkdir()
        Path(own.kernels_dir, f"condaenv-{number}/kernel.json").write_text(one.replace("envs/geo", f"envs/{number}"))
    best = 1.0
    for _ in range(5):
        began = time.perf_counter()
        found = specs.registered(own)
        best = min(best, time.perf_counter() - began)
    assert len(found) == 101
    assert best < 0.05


def test_a_folder_that_cannot_be_made_is_an_error_with_a_hint(
    settings: Callable[..., Settings], tmp_path: Path, shared: Path
) -> None:
    (tmp_path / "file").touch()
    prefix = placed(shared, tmp_path / "envs/geo")
    for field in ("kernels_dir", "data_dir"):
        with pytest.raises(StorageError, match="cannot be written") as caught:
            specs.register(environment(prefix), settings(**{field: str(tmp_path / "file/under")}))
        assert caught.value.hint


# --- what is installed -----------------------------------------------------------------------------------------------


def test_versions_live_side_by_side(own: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = launcher.install(own)
    assert launcher.install(own) == first
    monkeypatch.setattr(sys, "executable", "/another/python")
    second = launcher.install(own)
    assert second.shim.parent != first.shim.parent
    assert first.shim.exists() and first.trampoline.exists()
    assert (second.shim.parent / "registrar").read_text() == "/another/python\n"
    assert Path(own.data_dir).stat().st_mode & 0o777 == 0o700


def test_registering_captures_activation(own: Settings, tmp_path: Path) -> None:
    prefix = make_prefix(tmp_path / "envs/geo", 'echo ran >>"$CONDA_PREFIX/ran"\n')
    specs.register(environment(prefix), own)
    assert (prefix / "ran").read_text() == "ran\n"
    assert len(os.listdir(launcher.cache_dir(own))) == 1
    compiled = {path.name.partition(".")[0] for path in launcher.install(own).shim.parent.rglob("*.pyc")}
    assert {"launch", "cache", "condaenv", "operation"} <= compiled


@pytest.mark.parametrize("damage", [None, b"", b"half"])
def test_what_starts_run_is_compiled_once(own: Settings, tmp_path: Path, damage: bytes | None) -> None:
    """Unless what it was compiled to is damaged."""
    specs.register(environment(make_prefix(tmp_path / "envs/one")), own)
    (bundle,) = launcher.install(own).shim.parent.glob("*.bundle")
    whole, inode = bundle.read_bytes(), bundle.stat().st_ino
    if damage is not None:
        bundle.write_bytes(damage)
    specs.register(environment(make_prefix(tmp_path / "envs/other")), own)
    assert bundle.read_bytes() == whole
    assert (bundle.stat().st_ino == inode) == (damage is None)


def test_a_capture_that_fails_does_not_keep_the_kernel_from_being_registered(own: Settings, tmp_path: Path) -> None:
    prefix = make_prefix(tmp_path / "envs/geo", "exit 3\n")
    Path(own.data_dir).mkdir()
    Path(launcher.cache_dir(own)).touch()
    assert specs.register(environment(prefix), own) == ("condaenv-geo",)


@pytest.mark.parametrize(
    "path",
    [
        LAUNCH / "shim.py",
        LAUNCH / "start.py",
        *launcher.ACTIVATION.glob("*.py"),
        *LAUNCH.parents[1].glob("magics/[a-z]*.py"),
    ],
    ids=lambda path: path.name,
)
def test_what_runs_in_environments_is_python_3_8(path: Path) -> None:
    tree = ast.parse(path.read_text(), feature_version=(3, 8))
    assert any(isinstance(node, ast.ImportFrom) and node.module == "__future__" for node in tree.body)


def test_the_trampoline_says_so_when_nothing_can_be_started(own: Settings, tmp_path: Path) -> None:
    files = launcher.install(own)
    (files.shim.parent / "registrar").write_text("/not/there\n")
    ran = subprocess.run([files.trampoline, files.shim, "/gone"], capture_output=True, text=True, check=False)
    assert ran.returncode == 127
    assert "/gone/bin/python cannot be run, and /not/there" in ran.stderr
    assert "register its kernel again" in ran.stderr
