"""Compiled Python: valid, made once, seen when its source is edited, gone with its package."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_condaenv.engine import exchange, staging
from jupyter_condaenv.engine.model import ChangePackages, CreateEnvironment, Settings
from tests.channel import PLACEHOLDER, index, write_package

from .harness import Operation, problems, run, settled, tree

TAG = "CACHEDIR.TAG"


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A channel of Python packages that are awkward to compile; used besides the real one."""
    channel = tmp_path_factory.mktemp("odd")
    files = {
        "site-packages/oddpy/__init__.py": "VALUE = 1\n",
        "site-packages/oddpy/broken.py": "this is = no Python\n",
        "site-packages/oddpy/where.py": f"PREFIX = {PLACEHOLDER!r}\n",
        "site-packages/oddpy/latin.py": b"# -*- coding: latin-1 -*-\nNAME = '\xe9'\n",
        "site-packages/oddns/deep/inner/mod.py": "VALUE = 2\n",
        "site-packages/oddpy/Gr\u00fc\u00dfe.py": "VALUE = 3\n",
    }
    write_package(channel, "oddpy", "1.0", files=files, noarch="python", depends=["python"])
    index(channel)
    return channel


@pytest.fixture
def ours(channel_dir: Path, odd: Path, real_settings: Settings, settings: Callable[..., Settings]) -> Settings:
    return settings(channels=(channel_dir.as_uri(), odd.as_uri()), cache_dir=real_settings.cache_dir)


@pytest.fixture
def prefix(ours: Settings) -> Path:
    place = Path(ours.envs_dirs[0]) / "demo"
    run(CreateEnvironment(prefix=str(place), specs=("python", "pip", "smallpkg=1.1", "oddpy")), ours)
    return place


def python(prefix: Path, code: str, *options: str) -> str:
    done = subprocess.run(
        [prefix / "bin" / "python", "-I", *options, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def write_optimized(prefix: Path, code: str) -> None:
    """What an interpreter writes that finds no bytecode of its kind; of the standard library it is taken away again."""
    python(prefix, code, "-O")
    for path in site(prefix).parent.rglob("*.opt-1.pyc"):
        if site(prefix) not in path.parents:
            path.unlink()


def site(prefix: Path) -> Path:
    return next(prefix.glob("lib/python3*/site-packages"))


def compiled(source: Path) -> Path:
    (found,) = (source.parent / "__pycache__").glob(f"{source.stem}.cpython-*.pyc")
    return found


def stamps(prefix: Path) -> dict[str, tuple[int, int]]:
    """Inode and time of every compiled file."""
    return {str(path): (path.stat().st_ino, path.stat().st_mtime_ns) for path in prefix.rglob("*.pyc")}


def test_the_interpreter_takes_every_compiled_file_as_it_is(prefix: Path) -> None:
    before = stamps(prefix)
    assert len(before) > 1000
    python(prefix, "import smallpkg.core, json, ssl, pip, oddpy.where, oddpy.latin, pydoc, email.message")
    assert stamps(prefix) == before
    loaded = python(prefix, "import smallpkg.core", "-v")
    assert "smallpkg" not in loaded
    assert problems(prefix, TAG) == []
    for path in before:
        code = "import importlib.util, sys; print(importlib.util.cache_from_source(sys.argv[1]))"
        assert path.endswith(".pyc"), code


def test_what_is_compiled_is_shared_and_noted_in_the_record(prefix: Path, ours: Settings) -> None:
    source = site(prefix) / "smallpkg" / "core.py"
    assert compiled(source).stat().st_nlink >= 2
    assert source.stat().st_nlink >= 2
    stdlib = site(prefix).parent / "json" / "decoder.py"
    assert compiled(stdlib).stat().st_nlink >= 2
    (record,) = (prefix / "conda-meta").glob("smallpkg-*.json")
    data = json.loads(record.read_text())
    relative = str(compiled(source).relative_to(prefix))
    assert {"_path": relative, "path_type": "pyc_file"} in data["paths_data"]["paths"]
    assert relative in data["files"]


def test_a_second_environment_compiles_only_what_is_its_own(prefix: Path, ours: Settings) -> None:
    second = prefix.with_name("second")
    with Operation(
        CreateEnvironment(prefix=str(second), specs=("python", "pip", "smallpkg=1.1", "oddpy")), ours
    ) as operation:
        operation.expect_result()
    assert "compile" not in operation.phases
    assert os.path.samefile(compiled(site(prefix) / "smallpkg/core.py"), compiled(site(second) / "smallpkg/core.py"))
    assert python(second, "import oddpy.where; print(oddpy.where.PREFIX)") == str(second)
    assert python(prefix, "import oddpy.where; print(oddpy.where.PREFIX)") == str(prefix)


def test_an_edited_source_is_seen(prefix: Path) -> None:
    source = site(prefix) / "smallpkg" / "core.py"
    source.unlink()
    source.write_text("REVISION = 'edited'\n")
    assert python(prefix, "import smallpkg.core; print(smallpkg.core.REVISION)") == "edited"


def test_a_source_with_the_prefix_in_it_is_compiled_on_the_spot(prefix: Path) -> None:
    source = site(prefix) / "oddpy" / "where.py"
    assert source.stat().st_nlink == 1
    before = compiled(source).stat()
    assert before.st_nlink == 1
    assert python(prefix, "import oddpy.where; print(oddpy.where.PREFIX)") == str(prefix)
    assert compiled(source).stat().st_ino == before.st_ino


def test_files_that_are_no_python_are_left_out(prefix: Path) -> None:
    assert not list((site(prefix) / "oddpy/__pycache__").glob("broken*"))
    assert python(prefix, "import importlib; print(importlib.import_module('oddpy.Gr\\u00fc\\u00dfe').VALUE)") == "3"
    (record,) = (prefix / "conda-meta").glob("oddpy-*.json")
    assert "broken.cpython" not in record.read_text()


def test_tracebacks_name_the_file_of_the_environment(prefix: Path) -> None:
    code = "import smallpkg.core as m; print(m.__file__, m.__cached__)"
    assert python(prefix, code).startswith(str(prefix))


@pytest.mark.slow
def test_a_package_that_goes_leaves_nothing_to_import(prefix: Path, ours: Settings) -> None:
    # As an interpreter without our bytecode, or with another optimization, would write it:
    code = "import oddns.deep.inner.mod, smallpkg.core, smallpkg.legacy"
    write_optimized(prefix, code)
    assert list(site(prefix).glob("oddns/deep/inner/__pycache__/*.opt-1.pyc"))
    run(ChangePackages(prefix=str(prefix), remove=("oddpy", "smallpkg")), ours)
    for name in ("oddns", "oddpy", "smallpkg"):
        assert not (site(prefix) / name).exists()
        assert python(prefix, f"import importlib.util; print(importlib.util.find_spec({name!r}))") == "None"
    assert problems(prefix, TAG) == []
    settled(prefix)


def test_a_module_that_goes_with_an_upgrade_cannot_be_imported(prefix: Path, ours: Settings) -> None:
    write_optimized(prefix, "import smallpkg.legacy")
    run(ChangePackages(prefix=str(prefix), add=("smallpkg=2.0",)), ours)
    assert not list((site(prefix) / "smallpkg/__pycache__").glob("legacy*"))
    assert python(prefix, "import smallpkg.modern.deep, smallpkg.core; print(smallpkg.core.REVISION)") == "3"
    assert problems(prefix, TAG) == []


@pytest.mark.slow
def test_the_old_tree_is_not_changed_by_compiling(prefix: Path, ours: Settings) -> None:
    before = tree(prefix)
    run(ChangePackages(prefix=str(prefix), add=("smallpkg=2.0",)), ours)
    (old,) = exchange.replaced(staging.workspace(prefix))
    assert tree(old) == before


@pytest.mark.slow
def test_another_python_has_everything_compiled_for_it(
    channel_of_two: Path, odd: Path, warm_cache: Path, settings: Callable[..., Settings]
) -> None:
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    minors = {path.name.split("-")[1].rpartition(".")[0] for path in channel_of_two.glob("*/python-[0-9]*.conda")}
    if minors == {own}:
        pytest.skip("the channel has one Python only; install another minor, as with `pyenv install 3.12`")
    (minor,) = minors - {own}
    both = settings(channels=(channel_of_two.as_uri(), odd.as_uri()), cache_dir=str(warm_cache))
    prefix = Path(both.envs_dirs[0]) / "demo"
    specs = (f"python={own}", "pip", "smallpkg=1.1", "oddpy")
    run(CreateEnvironment(prefix=str(prefix), specs=specs), both)
    run(ChangePackages(prefix=str(prefix), add=(f"python={minor}",)), both)
    assert [path.name for path in prefix.glob("lib/python3.*")] == [f"python{minor}"]
    before = stamps(prefix)
    python(prefix, "import smallpkg.core, oddpy.where, pip")
    assert stamps(prefix) == before
    assert list((site(prefix) / "smallpkg/__pycache__").glob(f"core.cpython-{minor.replace('.', '')}.pyc"))
    assert problems(prefix, TAG) == []
