"""Environments made from the files of other tools: what is then there, and what later changes make of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from jupyter_condaenv.engine import history, plans, specfiles
from jupyter_condaenv.engine.activation.launch import launch_environment
from jupyter_condaenv.engine.channels import host_subdir
from jupyter_condaenv.engine.errors import Broken, ChannelError, InvalidRequest, Tampered
from jupyter_condaenv.engine.formats import explicit
from jupyter_condaenv.engine.model import (
    ApplyPlan,
    Changed,
    ChangePackages,
    CreateEnvironment,
    Lock,
    Message,
    Planned,
    PlanRequest,
    Settings,
)
from jupyter_condaenv.engine.prefix import packages, read_record, record_files
from tests.channel import ChannelServer

from .child import operate
from .harness import digest, problems

ENVIRONMENT = "name: demo\nchannels: [{channel}]\ndependencies: [alpha=1.0, beta]\nvariables: {{MODE: dry, EMPTY: }}\n"


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    return tmp_path / "envs" / "demo"


def creation(prefix: Path, name: str, text: str) -> CreateEnvironment:
    return specfiles.creation(specfiles.read(name, text.encode()), name, str(prefix))


def created(prefix: Path, settings: Settings, name: str, text: str) -> Changed:
    result, _ = operate(creation(prefix, name, text), settings)
    assert isinstance(result, Changed)
    assert problems(prefix) == []
    return result


def versions(prefix: Path) -> dict[str, str]:
    return {package.name: package.version for package in packages(prefix)}


def listed(channel: Path, *names: str, hashes: str = "sha256", url: str = "") -> str:
    """An explicit list of the packages with these file names."""
    lines = ["# platform: linux-64", "@EXPLICIT"]
    index = json.loads((channel / "noarch" / "repodata.json").read_text())["packages.conda"]
    for name in names:
        promised = {"sha256": f"#sha256:{index[name]['sha256']}", "md5": f"#{index[name]['md5']}", "": ""}[hashes]
        lines.append(f"{url or channel.as_uri()}/noarch/{name}{promised}")
    return "\n".join([*lines, ""])


# --- environment.yml ---


def test_environment_yml_with_variables(
    prefix: Path, little: Path, settings: Callable[..., Settings], tmp_path: Path
) -> None:
    created(prefix, settings(), "environment.yml", ENVIRONMENT.format(channel=little.as_uri()))
    assert versions(prefix) == {"alpha": "1.0", "beta": "1.0"}
    assert json.loads((prefix / "conda-meta" / "state").read_text())["env_vars"] == {"MODE": "dry", "EMPTY": ""}
    variables, _ = launch_environment((str(prefix),), {"PATH": "/bin"}, str(tmp_path / "cache"))
    assert (variables["MODE"], variables["EMPTY"]) == ("dry", "")
    operate(ChangePackages(prefix=str(prefix), remove=("beta",)), settings())
    assert json.loads((prefix / "conda-meta" / "state").read_text())["env_vars"]["MODE"] == "dry"


def test_what_a_plan_showed_has_the_variables_too(
    prefix: Path, little: Path, settings: Callable[..., Settings]
) -> None:
    request = creation(prefix, "environment.yml", ENVIRONMENT.format(channel=little.as_uri()))
    planned, _ = operate(PlanRequest(prefix=str(prefix), request=request), settings())
    assert isinstance(planned, Planned)
    operate(ApplyPlan(prefix=str(prefix), plan=planned.plan), settings())
    assert json.loads((prefix / "conda-meta" / "state").read_text())["env_vars"]["MODE"] == "dry"


def test_what_was_left_out_is_told_first(prefix: Path, little: Path, settings: Callable[..., Settings]) -> None:
    text = ENVIRONMENT.format(channel=little.as_uri()) + "colour: red\n"
    _, events = operate(creation(prefix, "environment.yml", text), settings())
    assert isinstance(events[0], Message) and "`colour`" in events[0].text


# --- explicit lists ---


@pytest.mark.parametrize("hashes", ["sha256", "md5", ""])
def test_an_explicit_list(hashes: str, prefix: Path, little: Path, little_settings: Settings) -> None:
    text = listed(little, "beta-1.0-0.conda", "alpha-1.0-0.conda", hashes=hashes)
    request = creation(prefix, "list.txt", text)
    assert request.lock is not None and all(package.partial for package in request.lock.packages)
    assert bool(request.notes) == (not hashes)
    created(prefix, little_settings, "list.txt", text)
    beta = {package.name: package for package in packages(prefix)}["beta"]
    assert beta.depends == ("alpha",) and beta.noarch == "generic"
    last = history.latest(prefix)
    assert last is not None and not any(package.partial for package in last.lock.packages)
    assert last.lock.specs == ("beta",)
    assert history.current_lock(prefix) == last.lock
    # What it needs is known, so that a later change tears nothing out.
    operate(ChangePackages(prefix=str(prefix), add=("gamma",)), little_settings)
    assert versions(prefix) == {"alpha": "1.0", "beta": "1.0", "gamma": "1.0"}


@pytest.mark.parametrize("hashes", ["sha256", "md5", ""])
def test_an_explicit_list_over_http(hashes: str, prefix: Path, little: Path, little_settings: Settings) -> None:
    with ChannelServer(little) as server:
        created(prefix, little_settings, "list.txt", listed(little, "alpha-1.0-0.conda", hashes=hashes, url=server.url))
        assert versions(prefix) == {"alpha": "1.0"}
        assert {package.channel for package in packages(prefix)} == {server.url}


def test_a_package_without_a_hash_that_no_index_has(prefix: Path, little: Path, little_settings: Settings) -> None:
    text = f"@EXPLICIT\n{little.as_uri()}/noarch/alpha-9.0-0.conda\n"
    with pytest.raises(InvalidRequest, match=r"no hash for alpha 9\.0 0"):
        operate(creation(prefix, "list.txt", text), little_settings)
    with pytest.raises(ChannelError):
        operate(creation(prefix, "list.txt", "@EXPLICIT\nfile:///nowhere/noarch/alpha-9.0-0.conda\n"), little_settings)
    assert not prefix.exists()


@pytest.mark.parametrize("kind", ["file", "http"])
def test_another_archive_than_promised(kind: str, prefix: Path, little: Path, little_settings: Settings) -> None:
    with ChannelServer(little) as server:
        url = server.url if kind == "http" else little.as_uri()
        text = f"@EXPLICIT\n{url}/noarch/alpha-1.0-0.conda#{'0' * 32}\n"
        with pytest.raises(Tampered):
            operate(creation(prefix, "list.txt", text), little_settings)
    assert not prefix.exists()


def test_an_archive_under_another_name(prefix: Path, little: Path, little_settings: Settings, tmp_path: Path) -> None:
    place = tmp_path / "channel" / "noarch" / "other-3.0-0.conda"
    place.parent.mkdir(parents=True)
    place.write_bytes((little / "noarch" / "alpha-1.0-0.conda").read_bytes())
    text = f"@EXPLICIT\n{place.as_uri()}#sha256:{digest(place)}\n"
    with pytest.raises(Broken, match="could not be linked"):
        operate(creation(prefix, "list.txt", text), little_settings)
    assert not prefix.exists()


def test_a_list_for_another_platform(prefix: Path, little_settings: Settings) -> None:
    text = f"@EXPLICIT\nhttps://host/c/win-64/a-1-0.conda#{'0' * 32}\n"
    with pytest.raises(InvalidRequest, match="is for win-64"):
        operate(creation(prefix, "list.txt", text), little_settings)


def test_a_plan_with_a_package_without_a_hash_is_not_applied(
    prefix: Path, little: Path, little_settings: Settings
) -> None:
    request = creation(prefix, "list.txt", listed(little, "alpha-1.0-0.conda"))
    planned, _ = operate(PlanRequest(prefix=str(prefix), request=request), little_settings)
    assert isinstance(planned, Planned)
    plan = planned.plan
    bare = replace(plan.lock, packages=tuple(replace(one, sha256="") for one in plan.lock.packages))
    with pytest.raises(InvalidRequest, match="no hash"):
        operate(ApplyPlan(prefix=str(prefix), plan=plans.sealed(replace(plan, lock=bare))), little_settings)


# --- locks of other tools ---


def conda_lock(channel: Path, *names: str, pip: str = "") -> str:
    index = json.loads((channel / "noarch" / "repodata.json").read_text())["packages.conda"]
    rows = "".join(
        f"- name: {index[name]['name']}\n  version: '{index[name]['version']}'\n  manager: conda\n"
        f"  platform: {host_subdir()}\n  dependencies: {{}}\n  url: {channel.as_uri()}/noarch/{name}\n"
        f"  hash: {{md5: {index[name]['md5']}, sha256: {index[name]['sha256']}}}\n  category: main\n  optional: false\n"
        for name in names
    )
    if pip:
        rows += (
            f"- name: {pip}\n  version: '1.0'\n  manager: pip\n  platform: {host_subdir()}\n"
            f"  dependencies: {{}}\n  url: https://host/{pip}.whl\n  hash: {{sha256: {'0' * 64}}}\n  category: main\n"
        )
    return f"version: 1\nmetadata: {{channels: [{{url: {channel.as_uri()}}}]}}\npackage:\n{rows}"


def pixi_lock(channel: Path, *names: str) -> str:
    index = json.loads((channel / "noarch" / "repodata.json").read_text())["packages.conda"]
    urls = [f"{channel.as_uri()}/noarch/{name}" for name in names]
    rows = "".join(f"- conda: {url}\n  sha256: {index[url.rpartition('/')[2]]['sha256']}\n" for url in urls)
    used = "".join(f"      - conda: {url}\n" for url in urls)
    return (
        f"version: 6\nenvironments:\n  default:\n    channels:\n    - url: {channel.as_uri()}/\n    packages:\n"
        f"      {host_subdir()}:\n{used}packages:\n{rows}"
    )


@pytest.mark.parametrize(("name", "write"), [("conda-lock.yml", conda_lock), ("pixi.lock", pixi_lock)])
def test_a_lock_of_another_tool(
    name: str, write: Callable[..., str], prefix: Path, little: Path, little_settings: Settings
) -> None:
    created(prefix, little_settings, name, write(little, "beta-1.0-0.conda", "alpha-1.0-0.conda"))
    assert versions(prefix) == {"alpha": "1.0", "beta": "1.0"}
    last = history.latest(prefix)
    assert last is not None and last.lock.specs == ("beta",) and last.lock.channels == (little.as_uri(),)
    assert history.current_lock(prefix) == last.lock


def test_what_a_lock_has_for_pip_is_asked_or_left_out(prefix: Path, little: Path, little_settings: Settings) -> None:
    text = conda_lock(little, "alpha-1.0-0.conda", pip="requests")
    with pytest.raises(InvalidRequest, match=r"requests==1\.0, and there is no Python"):
        operate(creation(prefix, "conda-lock.yml", text), little_settings)
    found = specfiles.read("conda-lock.yml", text)
    request = specfiles.creation(found, "conda-lock.yml", str(prefix), without_pip=True)
    planned, events = operate(PlanRequest(prefix=str(prefix), request=request), little_settings)
    assert isinstance(planned, Planned) and [package.name for package in planned.plan.lock.packages] == ["alpha"]
    assert isinstance(events[0], Message) and "requests==1.0" in events[0].text
    operate(request, little_settings)
    assert versions(prefix) == {"alpha": "1.0"}


def test_a_lock_of_another_tool_that_is_refused(prefix: Path, little_settings: Settings) -> None:
    text = "version: 99\nenvironments: {default: {packages: {}}}\n"
    with pytest.raises(InvalidRequest, match=r"pixi\.lock, line 1: .* version 99"):
        operate(creation(prefix, "pixi.lock", text), little_settings)
    with pytest.raises(InvalidRequest, match="one lock"):
        request = replace(creation(prefix, "pixi.lock", text), specs=("a",))
        operate(request, little_settings)
    assert not prefix.exists()


# --- Python ---


@pytest.mark.slow
def test_an_explicit_list_with_python(prefix: Path, channel_dir: Path, real_settings: Settings) -> None:
    """Packages for Python need to know that they are, to be linked where their Python looks."""
    solved, _ = operate(
        PlanRequest(prefix=str(prefix), request=CreateEnvironment(prefix=str(prefix), specs=("python", "ipykernel"))),
        real_settings,
    )
    assert isinstance(solved, Planned)
    lock: Lock = solved.plan.lock
    text = "@EXPLICIT\n" + "".join(f"{package.url}#{package.md5}\n" for package in lock.packages)
    operate(creation(prefix, "list.txt", text), real_settings)
    assert versions(prefix) == {package.name: package.version for package in lock.packages}
    assert list((prefix / "lib").glob("python3.*/site-packages/ipykernel/__init__.py"))
    assert problems(prefix) == []
    found = {record.name: record for record in map(read_record, record_files(prefix))}
    wanted = {package.name: package for package in lock.packages}
    for name, record in found.items():
        assert replace(record.package(), sha256="", md5="", size=0) == replace(wanted[name], sha256="", md5="", size=0)
    assert explicit.is_explicit(text)
