"""What pip installs beside conda's packages: with real pip and uv, from an index of small wheels."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from jupyter_condaenv.engine import deferred, export, history, sites, specfiles, storage, why
from jupyter_condaenv.engine.formats import locked
from jupyter_condaenv.engine.formats.source import Source
from jupyter_condaenv.engine.model import (
    ApplyDeferred,
    ApplyPlan,
    ChangePackages,
    CheckHealth,
    Clone,
    CreateEnvironment,
    Plan,
    PlanRequest,
    Rollback,
    Settings,
    StackEnvironment,
    WhyNot,
)
from tests.channel.pypi import PackageIndex, ask, write_sdist, write_wheel

from . import harness, places
from .harness import leftovers, poll, problems, refused, run, settled, tree

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

BASE = ("python", "pip", "smallpkg=1.1")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pypi")
    for version in ("1.0", "2.0"):
        write_wheel(folder, "alib", version)
    write_wheel(folder, "atool", "1.0", requires=["alib"], scripts={"atool": "atool:main"})
    write_wheel(folder, "oldfan", "1.0", requires=["alib <2"])
    write_wheel(folder, "handy", "1.0", requires=['alib; extra == "cli"'])
    write_wheel(folder, "smallfan", "1.0", requires=["smallpkg >=1"])
    write_wheel(folder, "choosy", "1.0", requires=["smallpkg <2"])
    write_wheel(folder, "smallpkg", "2.0")
    write_wheel(folder, "smallpkg", "9.0")
    write_wheel(folder, "newfan", "1.0", requires=["smallpkg >=9"])
    write_wheel(folder, "robber", "1.0", files={"smallpkg/__init__.py": "VERSION = 'stolen'\n"})
    write_sdist(folder, "fromsource", "1.0")
    write_sdist(folder, "badsource", "1.0", fails="there is no compiler for you")
    return folder


@pytest.fixture
def index(files: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[PackageIndex]:
    with PackageIndex(files) as index:
        ask(index, monkeypatch, tmp_path)
        yield index


@pytest.fixture(scope="module")
def seed(channel_dir: Path, warm_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with Python and pip, which tests clone."""
    place = tmp_path_factory.mktemp("seed")
    run(CreateEnvironment(prefix=str(place / "envs" / "seed"), specs=BASE), settings_in(place, channel_dir, warm_cache))
    return place / "envs" / "seed"


def settings_in(place: Path, channel: Path, cache: Path, **fields: Any) -> Settings:
    return Settings(
        envs_dirs=(str(place / "envs"),),
        cache_dir=str(cache),
        data_dir=str(place / "data"),
        kernels_dir=str(place / "kernels"),
        channels=(channel.as_uri(),),
        **fields,
    )


@pytest.fixture(params=[pytest.param("pip", marks=pytest.mark.slow), "uv"])
def program(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def chosen(program: str, real_settings: Settings) -> Settings:
    return harness.changed(real_settings, uv=program == "uv")


@pytest.fixture
def with_pip(real_settings: Settings) -> Settings:
    return harness.changed(real_settings, uv=False)


@pytest.fixture
def env(seed: Path, real_settings: Settings, index: PackageIndex) -> Path:
    prefix = Path(real_settings.envs_dirs[0]) / "geo"
    run(Clone(prefix=str(prefix), source=str(seed)), real_settings)
    return prefix


def said(*command: str | Path) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def wrong(prefix: Path, *foreign: str) -> list[str]:
    """As ``problems``, but for what Python wrote when the clone was used: a clone has that of no module but its own."""
    return [one for one in problems(prefix, *foreign) if "__pycache__/_sysconfigdata" not in one]


def add(prefix: Path, *specs: str, **fields: Any) -> ChangePackages:
    return ChangePackages(prefix=str(prefix), pip=specs, **fields)


def of_pip(prefix: Path) -> dict[str, str]:
    return {one.name: one.version for one in sites.listed(prefix, history.current_lock(prefix))}


# --- what is asked for ---


@pytest.mark.parametrize("program", ["pip", "uv"], indirect=True)
def test_packages_of_pip_are_installed_recorded_and_listed(env: Path, chosen: Settings, program: str) -> None:
    result = run(add(env, "atool", "alib<2"), chosen)
    assert result["plan"]["pip"]["resolved"]
    assert result["plan"]["pip"]["changes"] == [{"name": "alib", "after": "1.0"}, {"name": "atool", "after": "1.0"}]
    assert of_pip(env) == {"alib": "1.0", "atool": "1.0"}
    # The script names the environment's Python and not that of the stage.
    script = (env / "bin" / "atool").read_text()
    assert ".condaenv" not in script and str(env / "bin" / "python") in script
    assert said(env / "bin" / "atool") == "atool 1.0"
    assert "No broken" in said(env / "bin" / "python", "-m", "pip", "check")
    lock = history.current_lock(env)
    assert lock.pip_specs == ("atool", "alib<2")
    assert {one.name: one.dependencies for one in lock.pip} == {"alib": (), "atool": ("alib",)}
    (compiled,) = env.glob("lib/python3*/site-packages/atool/__pycache__/*.pyc")
    assert compiled.is_file()
    assert said(env / "bin" / "python", "-c", "import atool; print(atool.main.__code__.co_filename)") == str(
        compiled.parent.parent / "__init__.py"
    )
    settled(env)
    assert wrong(env, "alib", "atool", "bin/atool") == []
    # What uv reads of the file beside the lock is what is there.
    toml = env / "conda-meta/condaenv/revisions" / f"pylock.{result['revision']:04}.toml"
    found = tomllib.loads(toml.read_text())["packages"]
    assert [(one["name"], one["version"]) for one in found] == [("alib", "1.0"), ("atool", "1.0")]
    uv = [sys.executable, "-m", "uv", "pip", "install", "--dry-run", "--python", str(env / "bin/python")]
    done = subprocess.run([*uv, "-r", str(toml), "--preview"], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "Would make no changes" in done.stderr, done.stderr


def test_a_new_environment_with_its_packages_of_pip(
    chosen: Settings, index: PackageIndex, program: str, tmp_path: Path
) -> None:
    prefix = Path(chosen.envs_dirs[0]) / "geo"
    request = CreateEnvironment(prefix=str(prefix), specs=BASE, pip=("atool", "smallfan", "fromsource"))
    plan = run(PlanRequest(prefix=str(prefix), request=request), chosen)["plan"]
    assert plan["pip"] == {} and plan["lock"]["pip_specs"] == ["atool", "smallfan", "fromsource"]  # not resolved yet
    with harness.Operation(request, chosen) as operation:
        made = operation.expect_result()
    assert "pip" in operation.phases and made["plan"]["pip"]["resolved"]
    there = {"alib": "2.0", "atool": "1.0", "fromsource": "1.0", "smallfan": "1.0"}
    assert of_pip(prefix) == there
    assert said(prefix / "bin" / "atool") == "atool 1.0"
    # Its lock makes the same again, elsewhere.
    lock = history.current_lock(prefix)
    other = prefix.with_name("other")
    run(CreateEnvironment(prefix=str(other), lock=lock), chosen)
    assert of_pip(other) == there and history.current_lock(other).digest == lock.digest
    assert said(other / "bin" / "atool") == "atool 1.0" and str(other) in (other / "bin" / "atool").read_text()


@pytest.mark.slow
def test_locks_for_other_tools_have_pips_files_by_hash(
    env: Path, real_settings: Settings, index: PackageIndex, tmp_path: Path
) -> None:
    with_uv = harness.changed(real_settings, uv=True)
    run(add(env, "atool", "fromsource"), with_uv)
    before = history.current_lock(env)
    sums = {one.name: [file.sha256 for file in one.files] for one in before.pip}
    for format, name in (("pixi.lock", "pixi.lock"), ("conda-lock", "conda-lock.yml")):
        text = export.export(env, format).text  # type: ignore[arg-type]
        found = locked.read(Source(name, text), before.platform).lock
        assert found is not None and {one.name: [file.sha256 for file in one.files] for one in found.pip} == sums
    other = env.with_name("other")
    request = specfiles.creation(specfiles.read("conda-lock.yml", text), "conda-lock.yml", str(other))
    shutil.rmtree(tmp_path / "uv")  # what uv has kept of it
    index.tampered.add("alib-2.0-py3-none-any.whl")
    assert "alib" in refused(request, with_uv, "tampered")["message"] and not other.exists()
    index.tampered.clear()
    newer = write_wheel(index.folder, "alib", "3.0")
    try:
        run(request, with_uv)
    finally:
        newer.unlink()
    assert of_pip(other) == {"alib": "2.0", "atool": "1.0", "fromsource": "1.0"}
    assert history.current_lock(other).digest == before.digest
    # A lock that has a package both of conda and of pip.
    both = text.replace("name: alib", "name: smallpkg").replace("/alib-2.0", "/smallpkg-2.0")
    request = specfiles.creation(specfiles.read("conda-lock.yml", both), "conda-lock.yml", f"{other}-2")
    assert "smallpkg 1.1" in refused(request, with_uv, "refused")["message"]


@pytest.mark.slow
def test_a_plan_is_applied_as_it_was_shown(env: Path, with_pip: Settings, files: Path) -> None:
    shown = run(PlanRequest(prefix=str(env), request=add(env, "atool")), with_pip)["plan"]
    assert {one["name"]: one["after"] for one in shown["pip"]["changes"]} == {"alib": "2.0", "atool": "1.0"}
    newer = write_wheel(files, "alib", "3.0")
    try:
        run(ApplyPlan(prefix=str(env), plan=msgspec.convert(shown, Plan)), with_pip)
    finally:
        newer.unlink()
    assert of_pip(env) == {"alib": "2.0", "atool": "1.0"}
    # The same plan a second time: the environment has changed since.
    refused(ApplyPlan(prefix=str(env), plan=msgspec.convert(shown, Plan)), with_pip, "outdated")


# --- what conda owns ---


REFUSALS = {
    "smallpkg>=2": ("smallpkg>=2", "conda's smallpkg 1.1"),
    "newfan": ("smallpkg", "1.1"),
    "robber": ("robber 1.0", "smallpkg/__init__.py", "smallpkg 1.1"),
    "badsource": ("badsource", "there is no compiler for you"),
    "nosuchthing": ("nosuchthing",),
}
"""Requirement -> what is said when it cannot be fulfilled."""


@pytest.mark.slow
def test_what_cannot_be_changes_nothing(env: Path, chosen: Settings, index: PackageIndex) -> None:
    before = tree(env)
    for spec, words in REFUSALS.items():
        failure = refused(add(env, spec), chosen, "refused", "unsatisfiable")
        assert all(word in failure["message"] for word in words), failure["message"]
    index.tampered.add("alib-2.0-py3-none-any.whl")
    assert "alib" in refused(add(env, "alib"), chosen, "tampered")["message"]
    index.close()
    assert "network" in refused(add(env, "atool"), chosen, "channel_error")["hint"]
    offline = refused(add(env, "atool"), harness.changed(chosen, offline=True), "channel_error")
    assert "offline" in offline["hint"]
    assert tree(env) == before and leftovers(env) == []


@pytest.mark.slow
@pytest.mark.parametrize("number", ["9.0", "2.0"])
def test_what_conda_brings_takes_the_place_of_pips(number: str, env: Path, with_pip: Settings) -> None:
    run(ChangePackages(prefix=str(env), remove=("smallpkg",)), with_pip)
    run(add(env, f"smallpkg=={number}", "atool"), with_pip)
    assert of_pip(env)["smallpkg"] == number
    with harness.Operation(ChangePackages(prefix=str(env), add=("smallpkg=2.0",), when="now"), with_pip) as operation:
        operation.expect_result()
    assert any(f"smallpkg {number}" in event.get("text", "") for event in operation.events)
    lock = history.current_lock(env)
    assert lock.pip_specs == ("atool",) and {one.name for one in lock.pip} == {"alib", "atool"}
    version = "import importlib.metadata as m; print(m.version('smallpkg'))"
    assert said(env / "bin/python", "-c", version) == "2.0"
    settled(env)
    assert wrong(env, "alib", "atool", "bin/atool") == [] and not list(env.rglob("*.saved-*"))


@pytest.mark.slow
def test_what_pips_packages_need_is_not_removed(env: Path, with_pip: Settings) -> None:
    run(add(env, "smallfan", "smallpkg"), with_pip)
    assert of_pip(env) == {"smallfan": "1.0"}  # conda's is there already
    before = tree(env)
    failure = refused(ChangePackages(prefix=str(env), remove=("smallpkg",)), with_pip, "refused")
    assert "smallpkg" in failure["message"] and tree(env) == before


# --- later ---


@pytest.mark.slow
def test_packages_of_pip_are_removed_with_what_only_they_need(env: Path, with_pip: Settings) -> None:
    run(add(env, "atool", "oldfan"), with_pip)
    assert of_pip(env) == {"alib": "1.0", "atool": "1.0", "oldfan": "1.0"}
    failure = refused(ChangePackages(prefix=str(env), remove=("alib",)), with_pip, "refused")
    assert "alib is needed by atool and oldfan" in failure["message"]
    run(ChangePackages(prefix=str(env), remove=("atool",)), with_pip)
    assert of_pip(env) == {"alib": "1.0", "oldfan": "1.0"} and not (env / "bin" / "atool").exists()
    run(ChangePackages(prefix=str(env), remove=("oldfan",)), with_pip)
    assert of_pip(env) == {} and history.current_lock(env).pip_specs == ()
    settled(env)
    assert wrong(env) == []


def test_an_extra_that_nobody_asked_for_keeps_nothing(env: Path, chosen: Settings) -> None:
    run(add(env, "handy", "alib"), chosen)
    run(ChangePackages(prefix=str(env), remove=("alib",)), chosen)
    assert of_pip(env) == {"handy": "1.0"}
    run(add(env, "handy[cli]"), chosen)
    assert of_pip(env) == {"alib": "2.0", "handy": "1.0"}
    failure = refused(ChangePackages(prefix=str(env), remove=("alib",)), chosen, "refused")
    assert "alib is needed by handy" in failure["message"]
    run(ChangePackages(prefix=str(env), add=("smallpkg=1.0",)), chosen)
    assert set(of_pip(env)) == {"alib", "handy"}
    run(ChangePackages(prefix=str(env), remove=("handy",)), chosen)
    assert of_pip(env) == {}


def test_a_rollback_has_pips_packages_again_also_without_a_network(
    env: Path, chosen: Settings, index: PackageIndex
) -> None:
    first = run(add(env, "atool", "alib<2"), chosen)["revision"]
    run(ChangePackages(prefix=str(env), remove=("atool",), pip=("alib>=2",)), chosen)
    assert of_pip(env) == {"alib": "2.0"}
    index.close()
    back = run(Rollback(prefix=str(env), revision=first), chosen)
    assert [one["name"] for one in back["plan"]["pip"]["changes"]] == ["alib", "atool"]
    assert of_pip(env) == {"alib": "1.0", "atool": "1.0"}
    assert said(env / "bin" / "atool") == "atool 1.0"
    run(Rollback(prefix=str(env), revision=1), chosen)
    assert of_pip(env) == {}


def test_a_later_change_of_conda_carries_them_along(env: Path, with_pip: Settings, index: PackageIndex) -> None:
    first = run(add(env, "atool", "smallfan"), with_pip)["revision"]
    index.log.clear()
    assert run(add(env, "atool"), with_pip)["revision"] == first  # all of it is there
    changed = run(ChangePackages(prefix=str(env), add=("smallpkg=2.0",), when="now"), with_pip)
    assert changed["plan"]["pip"].get("changes", []) == []
    assert of_pip(env) == {"alib": "2.0", "atool": "1.0", "smallfan": "1.0"}
    assert index.log == []  # all of it still fits


@pytest.mark.slow
def test_doctor_looks_at_pips_packages_too_and_mends_them_without_a_network(
    env: Path, with_pip: Settings, index: PackageIndex
) -> None:
    def looked(*, fix: bool = False) -> dict[str, dict[str, Any]]:
        health = run(CheckHealth(prefix=str(env), fix=fix), with_pip)["health"]
        assert all(one["text"].endswith(".") and one["hint"].endswith(".") for one in health.get("findings", []))
        kinds = ("pip_files", "pip_needs", "pip_drift")
        return {one["code"]: one for one in health.get("findings", []) if one["code"] in kinds}

    run(add(env, "atool", "smallfan"), with_pip)
    whole = tree(env)
    assert looked() == {} and tree(env) == whole
    (site,) = env.glob("lib/python3*/site-packages")
    (site / "alib/__init__.py").unlink()
    (site / "alib/__init__.py").write_text("VERSION = 'mine'\n")
    (site / "atool/__init__.py").unlink()
    finding = looked()["pip_files"]
    assert finding["packages"] == ["alib", "atool"] and len(finding["paths"]) == 2 and finding["fixable"]
    index.close()
    assert looked(fix=True) == {}
    assert said(env / "bin" / "atool") == "atool 1.0"
    assert (site / "alib/__init__.py.saved-1").read_text() == "VERSION = 'mine'\n"
    said(env / "bin/python", "-m", "pip", "uninstall", "--quiet", "--yes", "alib")
    found = looked()
    assert found.keys() == {"pip_needs", "pip_drift"}
    assert "atool needs alib" in found["pip_needs"]["text"] and found["pip_drift"]["packages"] == ["alib"]
    assert looked(fix=True) == {} and of_pip(env) == {"alib": "2.0", "atool": "1.0", "smallfan": "1.0"}
    next(env.glob("conda-meta/libffi-*.json")).unlink()
    assert looked(fix=True) == {}
    assert list(env.glob("conda-meta/libffi-*.json"))
    assert of_pip(env) == {"alib": "2.0", "atool": "1.0", "smallfan": "1.0"}
    assert said(env / "bin" / "atool") == "atool 1.0"


@pytest.mark.slow
def test_why_knows_what_pips_packages_need(env: Path, with_pip: Settings) -> None:
    run(add(env, "atool", "smallfan", "oldfan"), with_pip)
    found = why.reasons_in(env, "alib")
    assert (found.version, [one.asked for one in found.reasons]) == ("1.0", ["atool", "oldfan"])
    assert [(one.package, one.spec) for one in found.needed_by] == [("atool", "alib"), ("oldfan", "alib<2")]
    found = why.reasons_in(env, "smallpkg")
    assert found.asked == ("smallpkg=1.1",) and [one.asked for one in found.reasons] == ["smallfan"]
    assert [(one.package, one.spec) for one in found.needed_by] == [("smallfan", "smallpkg>=1")]
    assert why.reasons_in(env, "oldfan").asked == ("oldfan",)
    explained = run(WhyNot(prefix=str(env), spec="smallpkg=1.0"), with_pip)["explanation"]
    assert explained["possible"] and "of_pip" not in explained
    run(add(env, "choosy"), with_pip)
    explained = run(WhyNot(prefix=str(env), spec="smallpkg=2.0"), with_pip)["explanation"]
    assert explained["of_pip"] == ["choosy 1.0, which pip installed, needs smallpkg<2."]


@pytest.mark.slow
def test_a_change_that_waits_has_fetched_what_pip_will_install(
    env: Path, chosen: Settings, index: PackageIndex, tmp_path: Path
) -> None:
    run(add(env, "alib<2"), chosen)
    shim = tmp_path / "shim.py"
    shim.write_text("input()")  # as far as others see, a kernel
    with subprocess.Popen([sys.executable, shim, env], stdin=subprocess.PIPE) as kernel:
        poll(lambda: deferred.living_kernels(env) == (kernel.pid,))
        direct = f"smallfan @ http://{index.host}/files/smallfan-1.0-py3-none-any.whl"
        wanted = ("alib>=2", "fromsource", direct)
        waits = run(ChangePackages(prefix=str(env), add=("smallpkg=2.0",), pip=wanted), chosen)
        assert waits["kernels"] == [kernel.pid] and of_pip(env) == {"alib": "1.0"}
        found = {one["name"]: one["after"] for one in waits["plan"]["pip"]["changes"]}
        assert found == {"alib": "2.0", "fromsource": "1.0", "smallfan": "1.0"} and waits["plan"]["pip"]["resolved"]
        said(env / "bin" / "python", "-m", "pip", "install", "--no-deps", "newfan")  # goes on waiting all the same
        kernel.communicate(b"\n")
    index.close()
    run(ApplyDeferred(prefix=str(env)), chosen)
    assert of_pip(env) == {**found, "newfan": "1.0"}


@pytest.mark.slow
def test_a_plan_counts_the_room_that_pips_packages_take(env: Path, with_pip: Settings, files: Path) -> None:
    request = add(env, "heavy")
    made = write_wheel(files, "heavy", "1.0", files={"heavy/data": "x" * 2_000_000})
    size = made.stat().st_size
    try:
        shown = run(PlanRequest(prefix=str(env), request=request), with_pip)["plan"]
        assert shown["pip"]["download_bytes"] == size and shown["room"]["pip"] == 4 * size  # an estimate
        assert shown["room"]["unknown"] == 1 and shown["room"]["bytes"] >= 4 * size
        used = storage.used(with_pip, lambda done: None)
        before = tree(env)
        failure = refused(request, harness.changed(with_pip, quota=used + 3_000_000), "storage_error")
        assert "quota" in failure["message"] and failure["details"]["missing"] > 0 and tree(env) == before
        run(request, with_pip)
        run(ChangePackages(prefix=str(env), remove=("heavy",)), with_pip)
        shown = run(PlanRequest(prefix=str(env), request=request), with_pip)["plan"]
    finally:
        made.unlink()
    assert "download_bytes" not in shown["pip"] and 2_000_000 < shown["room"]["pip"] < 2_100_000
    assert "unknown" not in shown["room"]


# --- what goes wrong ---


def test_without_pip_it_is_said_that_it_lacks(with_pip: Settings, index: PackageIndex) -> None:
    prefix = Path(with_pip.envs_dirs[0]) / "geo"
    request = CreateEnvironment(prefix=str(prefix), specs=("smallpkg",), pip=("atool",))
    failure = refused(request, with_pip, "refused")
    assert "no pip" in failure["message"] and "Add the package pip" in failure["hint"] and not prefix.exists()


@pytest.mark.slow
def test_a_disk_that_gets_full_while_pip_works(
    seed: Path, with_pip: Settings, index: PackageIndex, tmp_path: Path
) -> None:
    made = write_wheel(index.folder, "heavy", "2.0", files={"heavy/data": "x" * 12_000_000})
    with places.tmpfs(tmp_path / "small", "1g") as small:
        prefix = small / "geo"
        run(Clone(prefix=str(prefix), source=str(seed)), with_pip)
        before = tree(prefix)
        for free, words in ((16_000_000, "MB are missing"), (6_000_000, "It takes more than the 6.0 MB")):
            size = shutil.disk_usage(small).used + free
            subprocess.run(["mount", "-o", f"remount,size={size}", str(small)], check=True)
            failure = refused(add(prefix, "heavy"), with_pip, "storage_error")
            assert words in failure["message"] and failure["details"].get("missing", free) > 1_000_000, failure
            assert tree(prefix) == before and leftovers(prefix) == []
        subprocess.run(["mount", "-o", "remount,size=1g", str(small)], check=True)
        run(add(prefix, "heavy"), with_pip)
        assert of_pip(prefix) == {"heavy": "2.0"}
    made.unlink()


@pytest.mark.slow
def test_an_index_with_a_login_leaves_it_nowhere(
    env: Path, chosen: Settings, files: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with PackageIndex(files, password="canary") as locked:
        ask(locked, monkeypatch, tmp_path)
        with harness.Operation(add(env, "atool"), chosen) as operation:
            operation.expect_result()
        failure = refused(add(env, "nosuchthing"), chosen, "unsatisfiable")
        monkeypatch.setenv("PIP_INDEX_URL", locked.url.replace("canary", "guess"))
        monkeypatch.setenv("UV_DEFAULT_INDEX", locked.url.replace("canary", "guess"))
        wrong_login = refused(add(env, "smallfan"), chosen, "channel_error")
    assert "login" in wrong_login["hint"] and "guess" not in json.dumps(wrong_login)
    told = json.dumps([operation.events, operation.result, failure])
    written = [path for path in (env / "conda-meta").rglob("*") if path.is_file()]
    assert "canary" not in told and not any(b"canary" in path.read_bytes() for path in written)


# --- overlays ---


@pytest.mark.slow
def test_an_overlay_gets_what_its_base_lacks(seed: Path, real_settings: Settings, index: PackageIndex) -> None:
    top = Path(real_settings.envs_dirs[0]) / "top"
    before = tree(seed)
    failure = refused(
        StackEnvironment(prefix=str(top), base=str(seed), pip=("smallpkg==9.0",)), real_settings, "refused"
    )
    assert "the base's smallpkg 1.1" in failure["message"] and not top.exists()
    run(StackEnvironment(prefix=str(top), base=str(seed), pip=("atool", "smallfan")), real_settings)
    assert of_pip(top) == {"alib": "2.0", "atool": "1.0", "smallfan": "1.0"}
    assert said(top / "bin" / "atool") == "atool 1.0"
    run(ChangePackages(prefix=str(top), remove=("atool",)), real_settings)
    assert of_pip(top) == {"smallfan": "1.0"}
    assert tree(seed) == before


@pytest.mark.slow
def test_another_python_has_what_was_asked_for_anew_and_the_rest_is_named(
    channel_of_two: Path, warm_cache: Path, index: PackageIndex, tmp_path: Path
) -> None:
    settings = settings_in(tmp_path, channel_of_two, warm_cache, uv=False)
    prefix = tmp_path / "envs" / "geo"
    old, new = "3.11", "3.13"
    run(CreateEnvironment(prefix=str(prefix), specs=(f"python={old}", "pip"), pip=("atool",)), settings)
    said(prefix / "bin/python", "-m", "pip", "install", "--quiet", "oldfan", "alib<2")
    request = ChangePackages(prefix=str(prefix), add=(f"python={new}",), when="now")
    shown = run(PlanRequest(prefix=str(prefix), request=request), settings)["plan"]["pip"]
    assert (shown["again"], shown["stranded"]) == (["alib 1.0", "atool 1.0"], ["oldfan 1.0"])
    with harness.Operation(request, settings) as operation:
        operation.expect_result()
    told = [event["text"] for event in operation.events if event["event"] == "message"]
    assert any("oldfan 1.0" in text and "Left behind" in text for text in told), told
    assert of_pip(prefix) == {"alib": "2.0", "atool": "1.0"}
    assert said(prefix / "bin" / "atool") == "atool 1.0"
    behind = {path.name for path in (prefix / f"lib/python{old}/site-packages").iterdir()}
    assert "oldfan" in behind and "atool" not in behind
    run(Rollback(prefix=str(prefix), revision=1), settings)
    assert of_pip(prefix)["atool"] == "1.0" and said(prefix / "bin" / "atool") == "atool 1.0"
