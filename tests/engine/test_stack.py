"""Overlays of real packages on real environments: what they see, what they leave alone, and a base that moves."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from jupyter_condaenv.engine import environments, history, solve, stack
from jupyter_condaenv.engine.errors import Broken, InvalidRequest, NotFound, Outdated, Refused
from jupyter_condaenv.engine.model import (
    ApplyPlan,
    Changed,
    ChangePackages,
    CheckHealth,
    CreateEnvironment,
    Explain,
    Explained,
    Plan,
    Planned,
    PlanRequest,
    Settings,
    StackEnvironment,
)

from .child import in_child, operate

BASE = ("python", "pip", "psutil", "libjpeg-turbo", "smallpkg=1.0")
RESOLVED = "import sys, json; print(json.dumps({'prefix': sys.prefix, 'base': sys.base_prefix, 'path': sys.path}))"


@pytest.fixture(scope="module")
def shared(channel_dir: Path, warm_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of one place, with a space and a foreign letter in it, for all tests of this file."""
    place = tmp_path_factory.mktemp("stack") / "Bücher und mehr"
    return Settings(
        envs_dirs=(str(place / "envs"),),
        cache_dir=str(warm_cache),
        data_dir=str(place / "data"),
        kernels_dir=str(place / "kernels"),
        channels=(channel_dir.as_uri(),),
    )


@pytest.fixture(scope="module")
def base(shared: Settings) -> Path:
    """An environment that no test changes."""
    return make(shared, "base", CreateEnvironment, specs=BASE)


@pytest.fixture
def movable(shared: Settings, tmp_path: Path) -> Path:
    """A base for a test to change."""
    return make(
        replace(shared, envs_dirs=(str(tmp_path),)), "movable", CreateEnvironment, specs=("python", "smallpkg=1.0")
    )


def make(settings: Settings, name: str, verb: Callable[..., Any], **what: Any) -> Path:
    prefix = Path(settings.envs_dirs[0]) / name
    home = prefix.parent / "home"
    result, _ = operate(verb(prefix=str(prefix), **what), settings, env={"HOME": str(home)})
    assert isinstance(result, Changed)
    assert not result.environment.problem
    return prefix


def overlay(settings: Settings, base: Path, folder: Path, *specs: str, name: str = "overlay") -> Path:
    return make(replace(settings, envs_dirs=(str(folder),)), name, StackEnvironment, base=str(base), specs=specs)


def change(prefix: Path, settings: Settings, **what: Any) -> Plan:
    result, _ = operate(ChangePackages(prefix=str(prefix), **what), settings)
    assert isinstance(result, Changed)
    return result.plan


def run(*command: str | Path, **env: str) -> str:
    plain = {"PATH": "/usr/bin:/bin", "HOME": os.environ["HOME"], "PYTHONNOUSERSITE": "1", "LANG": "C.UTF-8"}
    done = subprocess.run([*map(str, command)], env=plain | env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def python(prefix: Path, code: str, **env: str) -> str:
    return run(prefix / "bin" / "python", "-c", code, **env)


def fingerprint(prefix: Path) -> str:
    found = hashlib.sha256()
    for path in sorted(prefix.rglob("*")):
        found.update(f"{path}\0{path.lstat().st_mode}\0".encode())
        if path.is_symlink():
            found.update(os.readlink(path).encode())
        elif path.is_file():
            found.update(path.read_bytes())
    return found.hexdigest()


def own(prefix: Path) -> set[str]:
    return {package.name for package in history.current_lock(prefix).packages}


# --- what an overlay sees ---


def test_imports_come_from_both_levels_and_the_base_stays_as_it_is(
    shared: Settings, base: Path, tmp_path: Path
) -> None:
    before = fingerprint(base)
    made = overlay(shared, base, tmp_path, "entrydemo", "cloudpickle")
    code = "import entrydemo, cloudpickle, psutil, smallpkg, ssl, sqlite3\n"
    code += "print(entrydemo.__file__, cloudpickle.__file__, psutil.__file__, smallpkg.__version__, sep='\\n')"
    places = python(made, code).splitlines()
    assert all(place.startswith(f"{made}/lib/python3.11/site-packages/") for place in places[:2])
    assert places[2].startswith(f"{base}/lib/python3.11/site-packages/")
    assert places[3] == "1.0"
    seen = json.loads(python(made, RESOLVED))
    assert (seen["prefix"], seen["base"]) == (str(made), str(base))
    assert own(made) == {"entrydemo", "cloudpickle"}
    assert fingerprint(base) == before


def test_overlays_see_nothing_of_each_other(shared: Settings, base: Path, tmp_path: Path) -> None:
    one = overlay(shared, base, tmp_path, "entrydemo", name="one")
    other = overlay(shared, base, tmp_path, "cloudpickle", name="other")
    code = "import importlib.util as u; print(*(n for n in ('entrydemo', 'cloudpickle', 'psutil') if u.find_spec(n)))"
    assert python(one, code) == "entrydemo psutil"
    assert python(other, code) == "cloudpickle psutil"
    assert python(base, code) == "psutil"


def test_the_user_site_stays_invisible_and_the_order_is_overlay_first(
    shared: Settings, base: Path, tmp_path: Path
) -> None:
    made = overlay(shared, base, tmp_path, "entrydemo")
    path = json.loads(python(made, RESOLVED))["path"]
    levels = [place for place in path if place.endswith("site-packages")]
    assert levels == [f"{made}/lib/python3.11/site-packages", f"{base}/lib/python3.11/site-packages"]


def test_three_levels(shared: Settings, base: Path, tmp_path: Path) -> None:
    middle = overlay(shared, base, tmp_path, "joblib", name="middle")
    top = overlay(shared, middle, tmp_path, "entrydemo", name="top")
    assert stack.levels(str(top)) == (str(base), str(middle), str(top))
    code = "import entrydemo, joblib, psutil; print(entrydemo.__file__, joblib.__file__, psutil.__file__, sep='\\n')"
    assert [place.partition("/lib/")[0] for place in python(top, code).splitlines()] == [
        str(top),
        str(middle),
        str(base),
    ]
    assert json.loads(python(top, RESOLVED))["prefix"] == str(top)
    assert own(top) == {"entrydemo"}
    with pytest.raises(Refused, match="joblib"):
        change(top, shared, add=("joblib<1",))
    assert history.current_lock(top).base.packages == stack.base_of(middle).packages  # type: ignore[union-attr]


def test_a_command_runs_with_the_overlay_as_its_prefix(shared: Settings, base: Path, tmp_path: Path) -> None:
    made = overlay(shared, base, tmp_path, "entrydemo")
    assert run(made / "bin" / "entrydemo", "--x") == f"entrydemo {made} --x"


def test_a_library_of_the_base_is_found_by_an_extension_of_the_overlay(
    shared: Settings, base: Path, tmp_path: Path
) -> None:
    made = overlay(shared, base, tmp_path, "pillow")
    assert own(made) == {"pillow"}
    libraries = [path for path in (made / "lib").iterdir() if path.name.startswith("libjpeg")]
    assert libraries
    assert all(path.is_symlink() and path.resolve().is_relative_to(base) for path in libraries)
    draw = "import io\nfrom PIL import Image\nout = io.BytesIO()\nImage.new('RGB', (9, 9)).save(out, 'JPEG')\n"
    draw += "print(Image.open(io.BytesIO(out.getvalue())).size)"
    assert python(made, draw) == "(9, 9)"


def test_a_library_of_the_overlay_is_preferred(shared: Settings, movable: Path, tmp_path: Path) -> None:
    made = overlay(shared, movable, tmp_path, "pillow")
    assert {"pillow", "libjpeg-turbo"} <= own(made)
    assert all(path.resolve().is_relative_to(made) for path in (made / "lib").glob("libjpeg*"))
    assert python(made, "from PIL import features; print(features.check('jpg'))") == "True"


def test_venv_and_sysconfig_from_within(shared: Settings, base: Path, tmp_path: Path) -> None:
    made = overlay(shared, base, tmp_path, "entrydemo")
    assert python(made, "import sysconfig; print(sysconfig.get_path('purelib'))") == str(
        made / "lib/python3.11/site-packages"
    )
    run(made / "bin" / "python", "-m", "venv", "--without-pip", tmp_path / "venv")
    assert json.loads(python(tmp_path / "venv", RESOLVED))["base"] == str(base)


# --- what it refuses ---


@pytest.mark.parametrize("spec", ["smallpkg=2.0", "psutil<2", "python=3.12", "smallpkg=1.0=other_0"])
def test_another_version_of_what_the_base_has_is_refused(
    spec: str, shared: Settings, base: Path, tmp_path: Path
) -> None:
    name = spec.partition("=")[0].partition("<")[0]
    request = StackEnvironment(prefix=str(tmp_path / "o"), base=str(base), specs=("entrydemo", spec))
    with pytest.raises(Refused, match=f"another {name} than") as caught:
        in_child(solve.plan, request, shared)
    assert caught.value.details["package"] == name
    assert "condaenv create" in caught.value.hint


def test_what_the_base_has_already_costs_nothing(shared: Settings, base: Path, tmp_path: Path) -> None:
    made = overlay(shared, base, tmp_path, "psutil>=5", "smallpkg")
    assert own(made) == set()
    assert history.current_lock(made).specs == ("psutil>=5", "smallpkg")


def test_places_that_nothing_can_stand_on(shared: Settings, base: Path, tmp_path: Path) -> None:
    bare = make(replace(shared, envs_dirs=(str(tmp_path),)), "bare", CreateEnvironment, specs=("emptypkg",))
    for below, error, text in (
        (str(bare), InvalidRequest, "has no Python"),
        (str(tmp_path / "nowhere"), NotFound, "no environment"),
        ("relative", InvalidRequest, "absolute"),
        (f"{base}/", InvalidRequest, "plain path"),
    ):
        with pytest.raises(error, match=text):
            in_child(solve.plan, StackEnvironment(prefix=str(tmp_path / "o"), base=below), shared)


def test_a_link_to_the_base_is_followed_once_and_for_all(shared: Settings, base: Path, tmp_path: Path) -> None:
    (tmp_path / "current").symlink_to(base)
    made = overlay(shared, tmp_path / "current", tmp_path)
    found = stack.read(made)
    assert found is not None
    assert (found.base, found.digest) == (str(base), stack.base_of(base).digest)


# --- what it tells other tools ---


def test_other_tools_are_told(shared: Settings, base: Path, tmp_path: Path) -> None:
    made = overlay(shared, base, tmp_path, "entrydemo")
    marker = json.loads((made / "conda-meta" / "frozen").read_text(encoding="utf-8"))
    assert set(marker) == {"message"}
    assert str(base) in marker["message"]
    notes = tmp_path / "home" / ".conda" / "environments.txt"
    assert not notes.exists() or str(made) not in notes.read_text(encoding="utf-8")
    found = environments.describe(made)
    assert (found.kind, found.base, found.packages, found.problem) == ("overlay", str(base), 1, "")
    assert found.python.startswith("3.11.")


@pytest.mark.slow
def test_pip_is_held_to_what_the_base_has(shared: Settings, base: Path, tmp_path: Path) -> None:
    made = overlay(shared, base, tmp_path, "entrydemo")
    constraints = made / stack.CONSTRAINTS
    lines = dict(line.split("==") for line in constraints.read_text().splitlines())
    assert lines["smallpkg"] == "1.0"
    assert {"psutil", "pip"} <= set(lines)
    assert "entrydemo" not in lines
    wheels = tmp_path / "wheels"
    wheel(wheels, "smallpkg", "9.0")
    wheel(wheels, "wants-new", "1.0", requires="smallpkg>=9")
    wheel(wheels, "modest", "1.0", requires="smallpkg")
    before = fingerprint(base)
    pip = [made / "bin" / "python", "-m", "pip", "--isolated", "install", "--no-index", "--find-links", wheels]
    command = [str(part) for part in [*pip, "-c", constraints]]
    run(*command, "modest")
    assert (made / "lib/python3.11/site-packages/modest.py").exists()
    for asked in ("wants-new", "smallpkg>=2"):
        plain = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "LANG": "C.UTF-8"}
        refused = subprocess.run([*command, asked], env=plain, capture_output=True, text=True, timeout=120)
        assert refused.returncode != 0
        assert "smallpkg" in refused.stdout + refused.stderr
        assert "constraint" in refused.stdout + refused.stderr
    assert fingerprint(base) == before


def wheel(folder: Path, name: str, version: str, requires: str = "") -> None:
    folder.mkdir(exist_ok=True)
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += f"Requires-Dist: {requires}\n" if requires else ""
    texts = {f"{module}.py": "", f"{info}/METADATA": metadata}
    texts[f"{info}/WHEEL"] = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    texts[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in (*texts, f"{info}/RECORD"))
    with zipfile.ZipFile(folder / f"{module}-{version}-py3-none-any.whl", "w") as archive:
        for path, text in texts.items():
            archive.writestr(path, text)


def test_constraints_name_what_pip_knows_and_nothing_that_it_cannot_parse(tmp_path: Path) -> None:
    site = tmp_path / "lib/python3.11/site-packages"
    for folder, name, version in (
        ("ruamel.yaml-0.18.6.dist-info", "ruamel.yaml", "0.18.6"),
        ("with-dash-1.0.dist-info", "with-dash", "1.0"),
        ("torch-2.5.1+cu121.dist-info", "torch", "2.5.1+cu121"),
        ("Odd_Name-1!2.0rc1.dist-info", "Odd_Name", "1!2.0rc1"),
        ("~umpy-1.0.dist-info", "~umpy", "1.0"),
        ("pytz-2004d.dist-info", "pytz", "2004d"),
        ("bad-1.dist-info", "bad", "one two"),
    ):
        (site / folder).mkdir(parents=True)
        text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\nName: other\n"
        (site / folder / "METADATA").write_text(text)
    (site / "empty-1.0.dist-info").mkdir()
    (site / "old-3.0-py3.11.egg-info").write_text("Metadata-Version: 1.0\nName: old\nVersion: 3.0\n")
    assert stack._constraints([tmp_path], "lib/python3.11/site-packages").splitlines() == [
        "odd-name==1!2.0rc1",
        "old==3.0",
        "ruamel-yaml==0.18.6",
        "torch==2.5.1+cu121",
        "with-dash==1.0",
    ]


# --- changes ---


def test_an_overlay_is_changed_like_any_environment(shared: Settings, base: Path, tmp_path: Path) -> None:
    made = overlay(shared, base, tmp_path, "entrydemo")
    before = fingerprint(base)
    added = change(made, shared, add=("joblib",))
    assert {each.name: each.kind for each in added.changes} == {"cloudpickle": "add", "joblib": "add"}
    assert python(made, "import joblib, entrydemo, psutil; print('ok')") == "ok"
    removed = change(made, shared, remove=("entrydemo",))
    assert [(each.name, each.kind) for each in removed.changes] == [("entrydemo", "remove")]
    assert not (made / "bin" / "entrydemo").exists()
    assert python(made, "import joblib; print('ok')") == "ok"
    with pytest.raises(NotFound, match="but in the environment it stands on"):
        change(made, shared, remove=("psutil",))
    assert fingerprint(base) == before
    assert [each.number for each in history.readable(made)[0]] == [1, 2, 3]


def test_an_overlay_whose_revisions_are_gone_still_stands_on_its_base(
    shared: Settings, movable: Path, tmp_path: Path
) -> None:
    made = overlay(shared, movable, tmp_path, "entrydemo")
    before = history.current_lock(made)
    shutil.rmtree(made / "conda-meta/condaenv/revisions")
    assert history.current_lock(made).base == before.base
    operate(CheckHealth(prefix=str(made), fix=True), shared)
    change(made, shared, add=("joblib",))
    now = history.current_lock(made)
    assert now.base == before.base and "python" not in {each.name for each in now.packages}


def test_a_base_that_has_moved_on(shared: Settings, movable: Path, tmp_path: Path) -> None:
    """The next change of the overlay is solved against the base as it is now, and its plan says so."""
    made = overlay(shared, movable, tmp_path, "entrydemo", "cloudpickle")
    planning = PlanRequest(prefix=str(made), request=ChangePackages(prefix=str(made), add=("joblib",)))
    planned, _ = operate(planning, shared)
    assert isinstance(planned, Planned)
    change(movable, shared, add=("smallpkg=2.0", "cloudpickle"))
    with pytest.raises(Outdated, match=str(movable)):
        operate(ApplyPlan(prefix=str(made), plan=planned.plan), shared)
    planned, _ = operate(planning, shared)
    assert isinstance(planned, Planned)
    (moved,) = planned.plan.unasked
    assert (moved.name, moved.because.startswith("the base has cloudpickle")) == ("cloudpickle", True)
    plan = change(made, shared, remove=("entrydemo",))
    assert {each.name: each.kind for each in plan.changes} == {"cloudpickle": "remove", "entrydemo": "remove"}
    assert plan.lock.base == stack.base_of(movable)
    assert plan.lock.specs == ("cloudpickle",)
    assert stack.read(made).digest == stack.base_of(movable).digest  # type: ignore[union-attr]
    assert python(made, "import smallpkg, cloudpickle; print(smallpkg.__version__)") == "2.0"
    assert "smallpkg==2.0\n" in (made / stack.CONSTRAINTS).read_text()


def test_asking_again_follows_a_base_that_has_moved_on(shared: Settings, movable: Path, tmp_path: Path) -> None:
    """Also where nothing of the overlay's own changes: its constraints and links do."""
    made = overlay(shared, movable, tmp_path, "entrydemo")
    change(movable, shared, add=("smallpkg=2.0",))
    plan = change(made, shared, add=("entrydemo",))
    assert plan.changes == ()
    assert "smallpkg==2.0\n" in (made / stack.CONSTRAINTS).read_text()


def test_a_base_that_now_has_what_the_overlay_cannot_have(shared: Settings, movable: Path, tmp_path: Path) -> None:
    made = overlay(shared, movable, tmp_path, "smallpkg=1.0", "cloudpickle")
    change(movable, shared, add=("smallpkg=2.0",))
    before = fingerprint(made)
    with pytest.raises(Refused, match=r"'smallpkg=1\.0' asks for another smallpkg than the 2\.0"):
        change(made, shared, add=("joblib",))
    assert fingerprint(made) == before
    assert python(made, "import cloudpickle; print('ok')") == "ok"
    request = StackEnvironment(prefix=str(tmp_path / "new"), base=str(movable), specs=("smallpkg=1.0", "cloudpickle"))
    result, _ = operate(Explain(prefix=request.prefix, request=request), shared)
    assert isinstance(result, Explained)
    assert [clash.requests for clash in result.explanation.clashes] == [("smallpkg=1.0",)]
    working = {(way.kind, way.change) for way in result.explanation.ways if way.works}
    assert {("relax", "smallpkg"), ("drop", "smallpkg=1.0")} <= working


def test_a_base_that_has_moved_to_another_python(shared: Settings, movable: Path, tmp_path: Path) -> None:
    made = overlay(shared, movable, tmp_path, "entrydemo")
    (record,) = (movable / "conda-meta").glob("python-3.11*.json")
    data = json.loads(record.read_bytes()) | {"version": "3.12.1"}
    record.unlink()
    (movable / "conda-meta" / f"python-3.12.1-{data['build']}.json").write_text(json.dumps(data))
    assert "no longer has Python 3.11" in environments.describe(made).problem
    before = fingerprint(made)
    for what in ({"add": ("joblib",)}, {"remove": ("entrydemo",)}):
        with pytest.raises(Refused, match=r"from Python 3\.11 to 3\.12") as caught:
            change(made, shared, **what)
        assert "stack" in caught.value.hint
    assert fingerprint(made) == before


def test_a_base_that_is_gone(shared: Settings, movable: Path, tmp_path: Path) -> None:
    made = overlay(shared, movable, tmp_path, "entrydemo")
    shutil.rmtree(movable)
    problem = environments.describe(made).problem
    assert problem == f"The environment it stands on, {movable}, is gone."
    for what in ({"add": ("joblib",)}, {"remove": ("entrydemo",)}):
        with pytest.raises(Refused, match="is gone"):
            change(made, shared, **what)


def test_a_lock_of_an_overlay_makes_it_again(shared: Settings, base: Path, tmp_path: Path) -> None:
    made = overlay(shared, base, tmp_path, "entrydemo")
    lock = history.current_lock(made)
    again = make(replace(shared, envs_dirs=(str(tmp_path),)), "again", CreateEnvironment, lock=lock)
    assert run(again / "bin" / "entrydemo") == f"entrydemo {again}"
    other = msgspec.structs.replace(lock.base, packages=lock.base.packages[1:])  # type: ignore[union-attr,type-var]
    with pytest.raises(InvalidRequest, match="digest of the base"):
        request = CreateEnvironment(prefix=str(tmp_path / "x"), lock=replace(lock, base=other))
        in_child(solve.plan, request, shared)


# --- damage ---


@pytest.mark.parametrize("text", ["", "{", "[]", '{"base": 1}', "\0" * 40])
def test_a_damaged_description_is_told_and_harms_nobody_else(text: str, tmp_path: Path) -> None:
    prefix = tmp_path / "envs" / "damaged"
    (prefix / "conda-meta" / "condaenv").mkdir(parents=True)
    (prefix / "conda-meta" / "history").touch()
    (prefix / "conda-meta" / "condaenv" / "stack.json").write_text(text)
    with pytest.raises(Broken, match=r"stack\.json"):
        stack.read(prefix)
    assert "stack.json" in environments.describe(prefix).problem


def test_an_overlay_that_stands_on_itself(tmp_path: Path) -> None:
    for name, below in (("one", "other"), ("other", "one")):
        folder = tmp_path / name / "conda-meta" / "condaenv"
        folder.mkdir(parents=True)
        (tmp_path / name / "conda-meta" / "history").touch()
        (folder / "stack.json").write_text(json.dumps({"base": str(tmp_path / below), "digest": "", "python": "3.11"}))
    with pytest.raises(Broken, match="stands on itself"):
        stack.levels(str(tmp_path / "one"))
    assert "stands on itself" in environments.describe(tmp_path / "one").problem
