"""Files of other people: each is read as conda, micromamba and conda-lock read it, or refused for a reason.

The files and what those tools made of them lie outside of the project (``tests.shared``). What is read otherwise than
there, on purpose, stands in the tables here with its reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, get_args

import pytest
import yaml

from jupyter_condaenv.engine import specfiles
from jupyter_condaenv.engine.errors import InvalidRequest
from jupyter_condaenv.engine.model import CreateEnvironment, Platform
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
NOT_MADE = {
    "BlockResearchGroup__compas_fd__environment_win.yml": "line 17, for pip: 'git[+]https://.* does not name a package",
    "conda__conda-lock__tests_test-pip-hash-checking_environment.yml": "line 8, for pip: '.* --hash=sha256:1234' is no",
    "conda__conda__tests_env_support_advanced-pip_env_template.yml": "line 9, for pip: '--index-url .* is an option",
    "prefix-dev__pixi__crates_pixi_utils_tests_environment_yamls_cockpit.yml": "line 29, for pip: '.* is from no place",
}
"""Environment file -> what no environment is made of it for, although all of it is read."""
DIFFERENT = {
    "conda__ceps__cep-0024.md_block7.yml": "a comment `# [win]` is heeded, as conda-lock does",
    "conda__conda-lock__tests_test-env-filter-platform_environment.yml": "comments with platforms are heeded",
}
"""Environment files whose dependencies are not those that conda and micromamba read, with the reason."""


def read(kind: str, name: str) -> SpecFile:
    return specfiles.read(name, shared.content(kind, name), PLATFORM)


def made(
    kind: str, name: str, platform: str = PLATFORM, environment: str = "", *, without_pip: bool = False
) -> CreateEnvironment:
    found = specfiles.read(name, shared.content(kind, name), platform, environment)
    return specfiles.with_lock(specfiles.creation(found, name, "/e", without_pip=without_pip), platform)


def refused(kind: str, name: str) -> None:
    with pytest.raises(InvalidRequest, match=REFUSED[name]) as caught:
        made(kind, name)
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
    if name in NOT_MADE:
        with pytest.raises(InvalidRequest, match=NOT_MADE[name]) as caught:
            specfiles.creation(found, name, "/e")
        assert caught.value.message.startswith(name) and caught.value.hint
    else:
        assert specfiles.creation(found, name, "/e").pip == tuple(dict.fromkeys(conda["pip"] or ()))
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
    text = shared.content("explicit", name).decode().replace("/t/<TOKEN>/", "/")  # as conda hides one
    lines = re.findall(r"^\s*((?:https?|file)://\S+)", text, re.MULTILINE)
    promised = {url: promise.removeprefix("sha256:") for url, _, promise in (line.partition("#") for line in lines)}
    assert {package.url: package.sha256 or package.md5 for package in lock.packages} == promised
    by_name = {package.name: package for package in lock.packages}
    for told in (*conda["first"], *conda["last"]):
        package = by_name[told["name"]]
        assert (package.version, package.build, package.subdir) == (told["version"], told["build"], told["subdir"])
        assert package.md5 == (told["md5"] or "")
        named = "defaults" if package.channel.startswith("https://repo.anaconda.com/pkgs/") else package.channel
        assert re.fullmatch(re.escape(told["channel"]).replace("@HOST@", "[^/]+"), named)


def plain(kind: str, name: str) -> Any:
    """The file as PyYAML has it, every value a text, to count by what our own reader should find."""
    return yaml.load(shared.content(kind, name), Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader))


def hashes(said: dict[str, str]) -> tuple[str, str]:
    return said.get("md5", ""), said.get("sha256", "")


def check(
    kind: str,
    name: str,
    platform: str,
    environment: str,
    channels: list[str],
    conda: dict[str, tuple[str, str]],
    pip: dict[str, str],
) -> CreateEnvironment:
    """What is made of the file is exactly this: ``conda`` has md5 and sha256 by URL, ``pip`` sha256 by where each comes
    from. Where that is not an index, nothing is made, unless all of pip's are left out."""
    without_pip = not all(re.match("(direct[+])?(https?|file)://", place) for place in pip)
    if without_pip:
        with pytest.raises(InvalidRequest, match=r"line \d+, for pip: "):
            made(kind, name, platform, environment)
    request = made(kind, name, platform, environment, without_pip=without_pip)
    lock = request.lock
    assert lock is not None and lock.platform == platform
    assert {package.url: (package.md5, package.sha256) for package in lock.packages} == conda
    used = list(dict.fromkeys(re.sub(r"(/(noarch|[a-z]+-[a-z0-9_]+))?/[^/]+$", "", url) for url in conda))
    named = [next((url for url in used if url.endswith(f"/{name}")), name) for name in channels]
    # A mere name of which nothing was taken says nothing of where that is.
    assert lock.channels == tuple(dict.fromkeys([*(name for name in named if "://" in name), *used]))
    by_file = all(pip.values()) and not without_pip
    assert sorted(file.sha256 for one in lock.pip for file in one.files) == sorted(pip.values() if by_file else ())
    assert len(request.pip) == (0 if by_file or without_pip else len(pip))
    return request


@pytest.mark.parametrize("name", shared.files("condalock"))
def test_a_conda_lock_file(name: str) -> None:
    if name in REFUSED:
        refused("condalock", name)
        return
    said = plain("condalock", name)
    platforms = list(dict.fromkeys(package["platform"] for package in said["package"]))
    mine = [package for package in said["package"] if package["platform"] == PLATFORM]
    main = [package for package in mine if package.get("category", "main") == "main"]
    if not main:
        reason = f"of the category main for {PLATFORM}" if mine else f"for {PLATFORM}, only for {', '.join(platforms)}"
        with pytest.raises(InvalidRequest, match=f"It has nothing {reason}"):
            made("condalock", name)
        return
    request = check(
        "condalock",
        name,
        PLATFORM,
        "",
        [one["url"] if isinstance(one, dict) else one for one in said["metadata"]["channels"]],
        {package["url"]: hashes(package["hash"]) for package in main if package["manager"] == "conda"},
        {package["url"]: package["hash"].get("sha256", "") for package in main if package["manager"] == "pip"},
    )
    assert any("category main" in note for note in request.notes) == (len(main) < len(mine))
    theirs = shared.readings("condalock", "condalock")[name]
    if not theirs["ok"]:
        assert "good_multiple_packages" in name  # one package lacks `optional`, which changes nothing
        return
    assert set(platforms) == set(theirs["packages_per_platform"])
    assert len(mine) == sum(theirs["packages_per_platform"][PLATFORM].values())


@pytest.mark.parametrize("name", shared.files("pixilock"))
def test_a_pixi_lock_file(name: str) -> None:
    """The environment that is taken for each platform, also for those that it lacks, and each other one for one."""
    if name in REFUSED:
        refused("pixilock", name)
        return
    said = plain("pixilock", name)
    subdirs = {platform["name"]: platform.get("subdir", platform["name"]) for platform in said.get("platforms", ())}
    known = {said[key]: said for said in said["packages"] for key in ("conda", "pypi", "url", "path") if key in said}
    for chosen, environment in said["environments"].items():
        references = {subdirs.get(key, key): found for key, found in environment["packages"].items()}
        taken = chosen == "default" or len(said["environments"]) == 1
        for platform in sorted({*references, *get_args(Platform)}) if taken else sorted(references)[:1]:
            mine = references.get(platform, [])
            reason = kept_from(mine)
            if reason:
                with pytest.raises(InvalidRequest, match=reason):
                    made("pixilock", name, platform, "" if taken else chosen)
                continue
            check(
                "pixilock",
                name,
                platform,
                "" if taken else chosen,
                [channel["url"].rstrip("/") for channel in environment["channels"]],
                {at: hashes(known[at]) for reference in mine if (at := reference.get("conda"))},
                {at: known[at].get("sha256", "") for reference in mine if (at := reference.get("pypi"))},
            )


def kept_from(references: list[dict[str, str]]) -> str:
    """Why these packages can't be had here: as most of pixi's own test data, which lie beside their author's file."""
    if not references:
        return "has nothing for"
    binaries = [reference.get("conda") for reference in references if "pypi" not in reference]
    if not all(at and re.match("https?://|file:///", at) for at in binaries):
        return r"line \d+: A package is to be built from source"
    return ""
