"""Files of other people: each is read as conda, micromamba and conda-lock read it, or refused for a reason.

The files and what those tools made of them lie outside of the project (``tests.shared``). What is read otherwise than
there, on purpose, stands in the tables here with its reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import pytest

from jupyter_condaenv.engine import specfiles
from jupyter_condaenv.engine.errors import InvalidRequest
from jupyter_condaenv.engine.formats import locked
from jupyter_condaenv.engine.formats.source import Source
from jupyter_condaenv.engine.specfiles import SpecFile
from tests import shared

from .child import in_child

PLATFORM = "linux-64"
REFUSED = {
    # A template and a playbook, which conda refuses as well.
    "conda-incubator__conda-store__examples_ubuntu2004_files_environments_conda-store.yaml": "line 9: .* template",
    "conda-incubator__conda-store__examples_ubuntu2004_tasks_conda_environment.yaml": "line 6: .* no environment file",
    # What conda reads as an environment without packages, with a warning that it soon will not.
    "conda-incubator__conda-workspaces__demos_fixtures_import-ap.yml": "line 4: .* no `dependencies`, and `packages`",
    "conda-incubator__setup-miniconda__etc_example-faulty-environment.yml": "line 2: .* no `dependencies`, and `req",
    "conda__conda__tests_env_support_invalid_keys.yml": "line 1: There is no key `names`",
    "pangeo-data__pangeo-docker-images__ml-notebook_virtual-packages.yml": "line 1: .* nothing in it that env",
    # Comments only, which conda refuses as well.
    "jupyterhub__repo2docker__repo2docker_buildpacks_conda_environment.py-3.5.yml": "nothing in it",
    "jupyterhub__repo2docker__repo2docker_buildpacks_conda_environment.py-3.6.yml": "nothing in it",
    # Not lists of packages.
    "conda__ceps__cep-0023.md_example.txt": "no file that an environment can be made of",
    "conda__conda-lock__tests_test-lockfile-with-auth_test.lock": "no file that an environment can be made of",
    "conda__conda-lock__tests_test-lockfile_no-auth.lock": "no file that an environment can be made of",
    "conda__conda-lock__tests_test-lockfile_test.lock": "no file that an environment can be made of",
    "conda__conda-lock__tests_test-stripped-lockfile_test.lock": "no file that an environment can be made of",
    # Locks that are not whole, or of no version that exists.
    "mamba-org__mamba__libmamba_tests_data_env_lockfile_bad_package-lock.yaml": "line 4: A package has no `manager`",
    "mamba-org__mamba__libmamba_tests_data_env_lockfile_bad_version-lock.yaml": "nothing in it that environment files",
    "conda__rattler__test-data_conda-lock_forward-compatible-lock.yml": "line 11: .* of version 1000; 1 can be read",
    # Locks without an environment of the name that is asked for, or without packages at all.
    "conda__rattler__crates_rattler_index_pixi.lock": "only for no platform",
    "conda__rattler__test-data_conda-lock_v7_options-lock.yml": "no environment 'default' among",
}
"""File -> what it is refused for."""
NOT_HERE = re.compile(
    r"line \d+: A package is to be built from source|has nothing for|-pypi_0.conda' is not the URL of"
)
"""What most of pixi's own test data are about: packages that lie beside their author's file, and other platforms."""
DIFFERENT = {
    "conda__ceps__cep-0024.md_block7.yml": "a comment `# [win]` is heeded, as conda-lock does",
    "conda__conda-lock__tests_test-env-filter-platform_environment.yml": "comments with platforms are heeded",
}
"""Environment files whose dependencies are not those that conda and micromamba read, with the reason."""


def read(kind: str, name: str, platform: str = PLATFORM) -> SpecFile:
    found = specfiles.read(name, shared.content(kind, name), platform)
    return locked.read(Source(name, found.foreign_lock.text), platform) if found.foreign_lock else found


def refused(kind: str, name: str) -> None:
    with pytest.raises(InvalidRequest, match=REFUSED[name]) as caught:
        read(kind, name)
    assert caught.value.message.startswith(name) and caught.value.hint


def meanings(specs: Iterable[str]) -> list[str]:
    """``specs`` as py-rattler writes them, sorted: two that mean the same are the same then."""
    import rattler

    return sorted({str(rattler.MatchSpec(re.sub(r"\s+", " ", spec.strip()))) for spec in specs})


@pytest.mark.parametrize("name", shared.files("environment"))
def test_an_environment_file(name: str) -> None:
    conda = shared.readings("environment", "conda")[name]
    if name in REFUSED:
        refused("environment", name)
        return
    found = read("environment", name)
    if not conda["ok"]:
        assert "empty-channels" in name and found.specs == ("black", "anaconda-client")  # an empty list, to us
        return
    assert found.name == (conda["name"] or "")
    assert list(found.channels) == [channel for channel in conda["channels"] if channel != "nodefaults"]
    assert found.variables == (conda["variables"] or {})
    assert list(found.pip) == (conda["pip"] or [])
    expected = wanted(name, conda)
    assert (in_child(meanings, list(found.specs)) == in_child(meanings, expected)) != (name in DIFFERENT)


def wanted(name: str, conda: dict[str, Any]) -> list[str]:
    """The dependencies that conda reads; where there are selectors, which it does not know, those of micromamba."""
    if any(kind.startswith("sel(") for kind in conda["other_kinds"]):
        dependencies: list[str] = shared.readings("environment", "micromamba")[name]["dependencies"]
        return dependencies
    # conda adds pip where only its section is; that is for whoever installs those requirements.
    added = conda.get("warned_pip_added")
    return [spec for spec in conda["conda"] if not (added and spec == "pip")]


@pytest.mark.parametrize("name", shared.files("explicit"))
def test_an_explicit_list(name: str) -> None:
    if name in REFUSED:
        refused("explicit", name)
        return
    conda = shared.readings("explicit", "conda")[name]
    lock = read("explicit", name).lock
    assert lock is not None and conda["ok"]
    assert len(lock.packages) == conda["count"]
    assert sum(bool(package.md5) for package in lock.packages) == conda["with_md5"]
    assert sum(bool(package.sha256) for package in lock.packages) == conda["with_sha256"]
    assert {lock.platform} == set(conda["subdirs"]) - {"noarch"}
    by_name = {package.name: package for package in lock.packages}
    for told in (*conda["first"], *conda["last"]):
        package = by_name[told["name"]]
        assert (package.version, package.build, package.subdir) == (told["version"], told["build"], told["subdir"])
        assert package.md5 == (told["md5"] or "")
        named = "defaults" if package.channel.startswith("https://repo.anaconda.com/pkgs/") else package.channel
        assert re.fullmatch(re.escape(told["channel"]).replace("@HOST@", "[^/]+"), named)


@pytest.mark.parametrize("name", shared.files("condalock"))
def test_a_conda_lock_file(name: str) -> None:
    if name in REFUSED:
        refused("condalock", name)
        return
    theirs = shared.readings("condalock", "condalock")[name]
    try:
        found = read("condalock", name)
    except InvalidRequest as error:
        # Nothing for this platform, or nothing of the category that is taken.
        assert PLATFORM not in theirs["packages_per_platform"] or "main" not in theirs["categories"], error.message
        return
    assert found.lock is not None
    if not theirs["ok"]:
        assert "good_multiple_packages" in name  # one package lacks `optional`, which changes nothing
        return
    assert set(found.platforms) == set(theirs["packages_per_platform"])
    packages = theirs["packages_per_platform"][PLATFORM]
    here = (len(found.lock.packages), len(found.pip))
    there = (packages.get("conda", 0), packages.get("pip", 0))
    if set(theirs["categories"]) == {"main"}:
        assert here == there
    else:
        assert sum(here) < sum(there) and "category main" in found.warnings[0]


@pytest.mark.parametrize("name", shared.files("pixilock"))
def test_a_pixi_lock_file(name: str) -> None:
    if name in REFUSED:
        refused("pixilock", name)
        return
    text = shared.content("pixilock", name).decode()
    subdirs = set(re.findall(r"^\s+(linux-64|linux-aarch64|osx-64|osx-arm64|win-64):", text, re.MULTILINE))
    for platform in sorted(subdirs) or [PLATFORM]:
        try:
            found = read("pixilock", name, platform)
        except InvalidRequest as error:
            assert NOT_HERE.search(error.message), error.message
            continue
        assert found.lock is not None and found.lock.platform == platform
        assert found.lock.packages or found.pip
        assert all(package.subdir in (platform, "noarch") for package in found.lock.packages)
