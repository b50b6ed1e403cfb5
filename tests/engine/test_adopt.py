"""An environment of another tool is taken over as it is, and stays that tool's as well."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace

from jupyter_condaenv.engine import environments, history, pixi
from jupyter_condaenv.engine.errors import Broken, NotFound
from jupyter_condaenv.engine.model import (
    Adopt,
    Adopted,
    ChangePackages,
    CreateEnvironment,
    Message,
    Package,
    PlanRequest,
    Rollback,
    Settings,
)

from .child import operate
from .harness import names, tree

PIXI = "// not relevant for pixi but for `conda run -p`\n"
CONDA = """==> 2024-05-06 07:08:09 <==
# cmd: /opt/conda/bin/conda create -n theirs beta gamma
# conda version: 24.4.0
+defaults/noarch::beta-1.0-0
# update specs: ['beta', 'gamma >=1']
"""


def theirs(settings: Settings, history: str) -> Path:
    """As the other tool would have left it."""
    prefix = Path(settings.envs_dirs[0]) / "theirs"
    operate(CreateEnvironment(prefix=str(prefix), specs=("beta", "gamma")), settings)
    shutil.rmtree(prefix / "conda-meta" / "condaenv")
    (prefix / "conda-meta" / "history").write_text(history)
    environments.forget(prefix)
    return prefix


def adopted(prefix: Path, settings: Settings) -> Adopted:
    result, _ = operate(Adopt(prefix=str(prefix)), settings)
    assert isinstance(result, Adopted)
    return result


@pytest.mark.parametrize(("told", "specs"), [(PIXI, ("beta", "gamma")), (CONDA, ("beta", "gamma >=1"))])
def test_taken_over_as_it_is(little_settings: Settings, told: str, specs: tuple[str, ...]) -> None:
    prefix = theirs(little_settings, told)
    was = tree(prefix, ours=False)
    result = adopted(prefix, little_settings)
    assert (result.lock.specs, result.revision) == (specs, 1)
    assert [(package.name, package.sha256 != "") for package in result.lock.packages] == [
        ("alpha", True),
        ("beta", True),
        ("gamma", True),
    ]
    assert tree(prefix, ours=False) == was
    text = (prefix / "conda-meta" / "history").read_text()
    assert text.startswith(told) and text.endswith(f"# update specs: {list(specs)!r}\n")
    assert prefix in environments.noted()

    operate(ChangePackages(prefix=str(prefix), add=("shape",)), little_settings)
    assert names(prefix) == {"alpha", "beta", "gamma", "shape"}
    operate(Rollback(prefix=str(prefix), revision=1), little_settings)
    assert names(prefix) == {"alpha", "beta", "gamma"}


def test_what_a_history_does_not_tell_is_left_out_and_told(little_settings: Settings) -> None:
    """Each later change goes on from what was taken over."""
    url = f"{little_settings.channels[0]}/noarch/gamma-1.0-0.conda"
    damaged = f"{CONDA}# update specs: ['alpha >=>1', '{url}', 'beta[[=']\n# update specs: ['alpha"
    prefix = theirs(little_settings, damaged)
    result, events = operate(Adopt(prefix=str(prefix)), little_settings)
    assert isinstance(result, Adopted)
    assert result.lock.specs == ("beta", f"{little_settings.channels[0]}::gamma")
    (told,) = (event.text for event in events if isinstance(event, Message) and event.level == "warning")
    for text in ("line 6 asks for 'beta[[='", "line 7 cannot be read", "'alpha >=>1' is not a package request"):
        assert text in told
    operate(ChangePackages(prefix=str(prefix), add=("shape",)), little_settings)
    assert names(prefix) == {"alpha", "beta", "gamma", "shape"}


def test_a_history_is_told_of_with_the_first_change_too(little_settings: Settings) -> None:
    prefix = theirs(little_settings, f"{CONDA}# update specs: ['alpha >=>1']\n# update sp")
    plan = PlanRequest(prefix=str(prefix), request=ChangePackages(prefix=str(prefix), add=("shape",)))
    for request in (plan, plan.request):
        _, events = operate(request, little_settings)
        (told,) = (event.text for event in events if isinstance(event, Message) and "is left out" in event.text)
        assert "line 7 cannot be read" in told and "'alpha >=>1' is not a package request" in told
    assert names(prefix) == {"alpha", "beta", "gamma", "shape"}


def test_what_another_tool_is_asked_for_later_is_no_obstacle_either(little_settings: Settings) -> None:
    prefix = theirs(little_settings, CONDA)
    operate(ChangePackages(prefix=str(prefix), add=("shape",)), little_settings)
    next((prefix / "conda-meta").glob("gamma-*.json")).unlink()
    with (prefix / "conda-meta" / "history").open("a") as file:
        file.write("# update specs: ['beta >=>1']\n")
    _, events = operate(ChangePackages(prefix=str(prefix), remove=("shape",)), little_settings)
    assert any("'beta >=>1' is not a package request" in event.text for event in events if isinstance(event, Message))
    assert names(prefix) == {"alpha", "beta"}


def test_a_damaged_record_leads_to_doctor(little_settings: Settings) -> None:
    prefix = theirs(little_settings, CONDA)
    next((prefix / "conda-meta").glob("gamma-*.json")).write_text("{")
    with pytest.raises(Broken) as caught:
        adopted(prefix, little_settings)
    assert "doctor --fix" in caught.value.hint


MANIFEST = """
[workspace]
channels = ["CHANNEL"]
[dependencies]
beta = "1.*"
absent = "*"
[feature.more.dependencies]
gamma = ">=1"
[feature.more.pypi-dependencies]
rich = "*"
[environments]
more = ["more"]
"""


def of_pixi(
    folder: Path, settings: Settings, name: str = "more", manifest: str = "pixi.toml", before: str = ""
) -> Path:
    """An environment in the workspace ``folder``, as pixi would have left it."""
    made = theirs(settings, PIXI)
    prefix = folder / ".pixi" / "envs" / name
    prefix.parent.mkdir(parents=True)
    made.rename(prefix)
    text = MANIFEST.replace("CHANNEL", settings.channels[0])
    if manifest == "pyproject.toml":
        text = text.replace("[", "[tool.pixi.").replace("= [tool.pixi.", "= [")
    (folder / manifest).write_text(before + text)
    return prefix


@pytest.mark.parametrize("manifest", ["pixi.toml", "pyproject.toml"])
def test_what_pixi_was_asked_for(manifest: str, little_settings: Settings, tmp_path: Path) -> None:
    prefix = of_pixi(tmp_path / "work", little_settings, manifest=manifest)
    result, events = operate(Adopt(prefix=str(prefix)), little_settings)
    assert isinstance(result, Adopted)
    assert result.lock.specs == ("beta 1.*", "gamma >=1")
    assert (result.lock.pip_specs, result.lock.channels) == ((), little_settings.channels)
    told = [event.text for event in events if isinstance(event, Message)]
    assert any(text.endswith(f"{manifest}, environment more") for text in told)
    assert any("absent, rich" in text for text in told)
    operate(ChangePackages(prefix=str(prefix), add=("shape",)), little_settings)
    assert names(prefix) == {"alpha", "beta", "gamma", "shape"}


def test_a_workspace_elsewhere_that_pixi_has_noted(little_settings: Settings, tmp_path: Path) -> None:
    prefix = of_pixi(tmp_path / "work", little_settings)
    away = tmp_path / "envs-1234"
    prefix.rename(away)
    noted = {"manifest_path": str(tmp_path / "work" / "pixi.toml"), "environment_name": "default"}
    (away / "conda-meta" / "pixi").write_text(json.dumps(noted))
    assert adopted(away, little_settings).lock.specs == ("beta 1.*", "gamma"), "what is there stays asked for"


@pytest.mark.parametrize(("name", "before"), [("gone", ""), ("more", "[workspace\n")])
def test_a_manifest_that_cannot_be_read_is_told(
    name: str, before: str, little_settings: Settings, tmp_path: Path
) -> None:
    prefix = of_pixi(tmp_path / "work", little_settings, name, before=before)
    result, events = operate(Adopt(prefix=str(prefix)), little_settings)
    assert isinstance(result, Adopted) and result.lock.specs == ("beta", "gamma")
    assert any("cannot be told from pixi's manifest" in event.text for event in events if isinstance(event, Message))


def test_what_is_there_of_pip_stays_asked_for(little_settings: Settings, tmp_path: Path) -> None:
    prefix = of_pixi(tmp_path / "work", little_settings)
    for name in ("rich-13.9.4", "other-1"):
        metadata = prefix / "lib/python3.11/site-packages" / f"{name}.dist-info" / "METADATA"
        metadata.parent.mkdir(parents=True)
        metadata.write_text("Metadata-Version: 2.1\nName: {}\nVersion: {}\n".format(*name.split("-")))
    python = Package(
        name="python", version="3.11.9", build="0", subdir="noarch", url="", channel="", file_name="", depends=()
    )
    lock = history.current_lock(prefix)
    found = pixi.asked(prefix, replace(lock, packages=(*lock.packages, python)), little_settings, lambda event: None)
    assert found.pip_specs == ("rich",)


def test_adding_to_one_that_nobody_wrote_down_takes_nothing_away(little_settings: Settings) -> None:
    prefix = theirs(little_settings, PIXI)
    operate(ChangePackages(prefix=str(prefix), add=("shape",)), little_settings)
    assert names(prefix) == {"alpha", "beta", "gamma", "shape"}


def test_again_only_where_another_tool_changed_it(little_settings: Settings) -> None:
    prefix = theirs(little_settings, CONDA)
    adopted(prefix, little_settings)
    _, events = operate(Adopt(prefix=str(prefix)), little_settings)
    assert "known as it is" in next(event.text for event in events if isinstance(event, Message))
    assert len(history.readable(prefix)[0]) == 1
    (record,) = (prefix / "conda-meta").glob("gamma-*.json")
    record.unlink()
    assert adopted(prefix, little_settings).revision == 2
    assert {package.name for package in history.revision(prefix, 2).lock.packages} == {"alpha", "beta"}


def test_nothing_to_adopt(little_settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        operate(Adopt(prefix=str(tmp_path)), little_settings)
    assert not any(tmp_path.glob(".condaenv"))


def test_roots_together_need_everything() -> None:
    def package(name: str, *depends: str) -> Package:
        return Package(
            name=name, version="1", build="0", subdir="noarch", url="", channel="", file_name="", depends=depends
        )

    a, b, c = package("a", "b >=1"), package("b", "c", "__glibc"), package("c")
    assert history.roots((a, b, c)) == ("a",)
    assert history.roots((c, b)) == ("b",)
    assert history.roots(()) == ()
    there, back = package("x", "y"), package("y", "x")
    assert history.roots((there, back)) == ("x",)
    assert history.roots((there, back, replace(c, depends=("y",)))) == ("c",)
