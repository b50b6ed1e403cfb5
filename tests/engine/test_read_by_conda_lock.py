"""What conda-lock itself reads in the files that we write for it and others: https://conda.github.io/conda-lock/."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from jupyter_condaenv.engine import export
from jupyter_condaenv.engine.formats import written
from jupyter_condaenv.engine.model import CreateEnvironment, LockPlatforms, PipFile, PipPackage, Settings, Wanted

from .child import operate
from .test_platforms import PLATFORMS, channel, made, of, own, targets  # noqa: F401

pytestmark = pytest.mark.timeout(600)  # uv fetches conda-lock first
Read = Callable[..., Any]

READ = """
import json, pathlib, sys
path, platforms = pathlib.Path(sys.argv[1]), sys.argv[2:]
if path.name == "conda-lock.yml":
    from conda_lock.lockfile import parse_conda_lock_file
    found = parse_conda_lock_file(path)
    told = {"platforms": found.metadata.platforms, "packages": [
        [p.platform, p.manager, p.name, p.version, p.url, p.hash.sha256] for p in found.package
    ]}
else:
    from conda_lock.src_parser.environment_yaml import parse_environment_file
    found = parse_environment_file(path, platforms, "")
    told = {"channels": [c.url for c in found.channels], "dependencies": {
        platform: [[d.name, d.version, d.build] for d in needed] for platform, needed in found.dependencies.items()
    }}
json.dump(told, sys.stdout)
"""


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> Read:
    """Has conda-lock, in an environment that uv makes and keeps, read the file at a path, and returns what it found."""
    cache = tmp_path_factory.mktemp("uv")
    with_conda_lock = [sys.executable, "-m", "uv", "run", "--no-project", "--with", "conda-lock>=3,<5", "python", "-c"]

    def call(*words: object) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "UV_CACHE_DIR": str(cache)}
        return subprocess.run(
            [*with_conda_lock, *map(str, words)], env=env, capture_output=True, text=True, timeout=250
        )

    try:
        there = call("import conda_lock").returncode == 0
    except subprocess.TimeoutExpired:  # an index that does not answer is none
        there = False
    if not there:
        pytest.skip("there is no conda-lock here. With a package index in reach, uv fetches it")

    def told(path: Path, *platforms: str) -> Any:
        done = call(READ, path, *platforms)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return told


@pytest.mark.slow
def test_a_lock_for_every_platform(read: Read, own: Settings, tmp_path: Path) -> None:  # noqa: F811
    file = made(LockPlatforms(targets=targets("app"), format="conda-lock"), own)
    path = tmp_path / file.name
    path.write_text(file.text, encoding="utf-8")
    found = read(path)
    assert set(found["platforms"]) == set(PLATFORMS)
    assert sorted(found["packages"]) == sorted(
        [platform, "conda", package.name, package.version, package.url, package.sha256]
        for platform in PLATFORMS
        for package in of(file, platform).packages
    )


@pytest.mark.slow
def test_what_pip_installs(read: Read, own: Settings, tmp_path: Path) -> None:  # noqa: F811
    url = "https://host/some_tool-1.0-py3-none-any.whl"
    pip = PipPackage(name="some-tool", version="1.0", files=(PipFile(name=Path(url).name, url=url, sha256="a" * 64),))
    lock = of(made(LockPlatforms(targets=targets("tool"), format="conda-lock"), own), "linux-64")
    path = tmp_path / "conda-lock.yml"
    path.write_text(written.conda_lock(replace(lock, pip=(pip,))), encoding="utf-8")
    assert ["linux-64", "pip", "some-tool", "1.0", url, "a" * 64] in read(path)["packages"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("asked", [["alpha", "<2", None], ["beta", "", None]]),
        ("pinned", [["alpha", "1.0.*", None], ["beta", "1.0.*", None]]),
        ("builds", [["alpha", "1.0", "0"], ["beta", "1.0", "0"]]),
    ],
)
def test_environment_yml(
    wanted: Wanted, found: list[Any], read: Read, little: Path, little_settings: Settings, tmp_path: Path
) -> None:
    prefix = tmp_path / "demo"
    operate(CreateEnvironment(prefix=str(prefix), specs=("beta", "alpha<2")), little_settings)
    path = tmp_path / "environment.yml"
    path.write_text(export.export(prefix, "environment.yml", wanted).text, encoding="utf-8")
    told = read(path, "linux-64", "osx-arm64")
    assert told["channels"] == [little.as_uri()]
    for needed in told["dependencies"].values():
        assert sorted(needed) == found
