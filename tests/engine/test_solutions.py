"""Solutions are looked at by a checker of their own; verdicts and solutions are those of other solvers; and whatever is
refused names the package at fault."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from jupyter_condaenv.engine import solve
from jupyter_condaenv.engine.errors import CondaEnvError, Unsatisfiable
from jupyter_condaenv.engine.model import CreateEnvironment, Plan, Settings

from .checker import faults, fits, split
from .child import in_child

SHARED = Path(os.environ.get("CONDAENV_SHARED", Path(__file__).parents[3] / "shared"))
SOLVES = SHARED / "oracle" / "solves" / "solves.json"
REPODATA = SHARED / "corpus" / "repodata"
FILES = {
    ("conda-forge", "linux-64"): "jaimergp__conda-subchannel-demo__linux-64_repodata.json",
    ("conda-forge", "noarch"): "jaimergp__conda-subchannel-demo__noarch_repodata.json",
    ("pytorch", "linux-64"): "conda__rattler__test-data_channels_pytorch_linux-64_repodata.json",
    ("r", "linux-64"): "conda__conda__tests_data_repodata_r_linux-64.json",
    ("main", "noarch"): "conda__conda__tests_data_repodata_main_noarch.json",
}
MACHINE = {
    "CONDA_OVERRIDE_GLIBC": "2.35",
    "CONDA_OVERRIDE_LINUX": "5.10",
    "CONDA_OVERRIDE_ARCHSPEC": "x86_64_v3",
}
LOCAL = 60
"""Solves on the local channel."""


def names_in(channel: Path) -> set[str]:
    return {
        record["name"]
        for path in channel.glob("*/repodata.json")
        for key in ("packages", "packages.conda")
        for record in json.loads(path.read_text()).get(key, {}).values()
    }


def answer(request: CreateEnvironment, settings: Settings, env: dict[str, str]) -> Plan | CondaEnvError:
    try:
        return in_child(solve.plan, request, settings, env=env)
    except CondaEnvError as error:
        return error


def check_refusal(error: CondaEnvError, specs: list[str]) -> None:
    """It is about one of the requests, by its name."""
    assert isinstance(error, Unsatisfiable), error
    assert any(split(spec)[0] in error.message for spec in specs), error.message


# --- the checker itself ---


@pytest.mark.parametrize(
    ("wanted", "version", "fit"),
    [
        (">=1.1.1a,<1.1.1f", "1.1.1e", True),
        (">=1.1.1a,<1.1.1f", "1.1.1g", False),
        ("1.2.*", "1.2.13", True),
        ("1.2.*", "1.20", False),
        ("3.4.*|3.5.*", "3.5.2", True),
        ("!=5.2.6", "5.2.6", False),
        ("~=1.4", "1.9", True),
        ("~=1.4", "2.0", False),
        ("=3.9", "3.9.18", True),
        ("==3.9", "3.9.18", False),
        (">=3.9,<3.10.0a0", "3.9.19", True),
        ("*", "1", True),
    ],
)
def test_the_checker_reads_versions(wanted: str, version: str, fit: bool) -> None:
    assert fits(wanted, version) is fit


def test_the_checker_finds_faults(settings: Callable[..., Settings], tiny: Path, tmp_path: Path) -> None:
    own = settings(channels=(tiny.as_uri(),))
    plan = in_child(solve.plan, CreateEnvironment(prefix=str(tmp_path / "e"), specs=("app=1", "tool")), own)
    packages = plan.lock.packages
    assert faults(packages, ["app=1", "tool"], ()) == []
    without = [package for package in packages if package.name != "libbase"]
    assert faults(without, ["app=1"], ()) == ["app 1.0 0 needs libbase >=1,<2", "tool 1.0 0 needs libbase"]
    assert faults(packages, ["app=2"], ()) == ["app=2 was asked for"]
    assert faults([*packages, packages[0]], [], ()) == ["two records of one name"]
    first = {"first": {"app"}, tiny.as_uri(): {"app"}}
    assert len(faults(packages, [], (), ["first", tiny.as_uri()], first)) == 1
    assert faults(packages, [], (), constraints=["libbase >=2", "absent 1"]) == ["libbase >=2 is pinned"]


# --- what other solvers answer ---


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The channels, and spec sets with what five solvers answered."""
    if not SOLVES.is_file() or not all((REPODATA / name).is_file() for name in FILES.values()):
        pytest.skip("The recorded solves are not here. Set CONDAENV_SHARED to the folder that has corpus/ and oracle/.")
    root = tmp_path_factory.mktemp("recorded")
    for channel in ("conda-forge", "pytorch", "r", "main"):
        for subdir in ("linux-64", "noarch"):
            path = root / channel / subdir / "repodata.json"
            path.parent.mkdir(parents=True)
            if (channel, subdir) in FILES:
                shutil.copyfile(REPODATA / FILES[channel, subdir], path)
            else:
                path.write_text(json.dumps({"info": {"subdir": subdir}, "packages": {}, "packages.conda": {}}))
    yield root, json.loads(SOLVES.read_text())


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_verdicts_and_solutions_are_those_of_other_solvers(
    recorded: tuple[Path, dict[str, Any]], settings: Callable[..., Settings], tmp_path: Path
) -> None:
    root, sets = recorded
    own = settings(channel_alias=root.as_uri())
    names = {(root / channel).as_uri(): names_in(root / channel) for channel in ("conda-forge", "pytorch", "r", "main")}
    wrong: list[str] = []
    solved = 0
    for number, (key, one) in enumerate(sets.items()):
        asked, tools = one["spec_set"], one["tools"]
        rc = tmp_path / "condarc"
        rc.write_text(json.dumps({"pinned_packages": asked["pins"]}))
        request = CreateEnvironment(
            prefix=str(tmp_path / f"e{number}"), specs=tuple(asked["specs"]), channels=tuple(asked["channels"])
        )
        env = {**MACHINE, "CONDARC": str(rc), "CONDA_OVERRIDE_CUDA": "12.4" if asked["cuda"] else ""}
        got = answer(request, own, env)
        majority = sum(tool["ok"] for tool in tools.values()) * 2 > len(tools)
        if isinstance(got, Plan) != majority:
            wrong.append(f"{key} {asked['specs']}: {got}")
        elif isinstance(got, CondaEnvError):
            check_refusal(got, asked["specs"])
        else:
            solved += 1
            lock = got.lock
            found = faults(lock.packages, asked["specs"], lock.virtual_packages, lock.channels, names, asked["pins"])
            wrong += [f"{key}: {fault}" for fault in found]
            solution = sorted(f"{each.name}-{each.version}-{each.build}" for each in lock.packages)
            if solution != tools["py-rattler"]["solution"]:
                wrong.append(f"{key}: {sorted(set(solution) ^ set(tools['py-rattler']['solution']))}")
    assert wrong == []
    assert solved >= len(sets) // 2


# --- the local channel ---


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_solves_on_the_local_channel(channel_dir: Path, real_settings: Settings, tmp_path: Path) -> None:
    chosen = random.Random(60)
    known: dict[str, list[str]] = {}
    for path in sorted(channel_dir.glob("*/repodata.json")):
        for record in json.loads(path.read_text())["packages.conda"].values():
            known.setdefault(record["name"], []).append(record["version"])
    names = {channel_dir.as_uri(): set(known)}
    solved = refused = 0
    for number in range(LOCAL):
        specs = []
        for name in chosen.sample(sorted(known), chosen.randint(1, 5)):
            version = chosen.choice(known[name])
            specs.append(chosen.choice([name, f"{name}=={version}", f"{name} >={version}", f"{name} <{version}"]))
        request = CreateEnvironment(prefix=str(tmp_path / f"e{number}"), specs=tuple(specs))
        got = answer(request, real_settings, {})
        if isinstance(got, CondaEnvError):
            refused += 1
            check_refusal(got, specs)
            continue
        solved += 1
        lock = got.lock
        assert faults(lock.packages, specs, lock.virtual_packages, lock.channels, names) == [], specs
    assert solved > LOCAL // 4
    assert refused > 0
