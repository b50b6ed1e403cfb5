"""What only the solver or a channel refuses of a file is told with file and line all the same."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_condaenv.engine import specfiles
from jupyter_condaenv.engine.errors import CondaEnvError
from jupyter_condaenv.engine.model import (
    ChangePackages,
    CreateEnvironment,
    EngineRequest,
    PlanRequest,
    Settings,
    Target,
)

from .child import operate

FILE = """\
channels:
  - conda-forge
  - {channel}
dependencies:
  - helper
  - {spec}
"""
NOWHERE = "https://127.0.0.1:1/nowhere"


@pytest.fixture
def own(tiny: Path, settings: Callable[..., Settings]) -> Settings:
    return settings(channels=(tiny.as_uri(),))


def failure(request: EngineRequest, settings: Settings, **env: str) -> CondaEnvError:
    with pytest.raises(CondaEnvError) as caught:
        operate(request, settings, env=env)
    return caught.value


@pytest.mark.parametrize("spec", ["helper[bla=3]", "helper[md5=zz]", "helper=1.*.2", "helper[version='>=1..2']"])
def test_what_only_the_solver_knows_to_be_no_request(spec: str, own: Settings, tiny: Path, tmp_path: Path) -> None:
    prefix = str(tmp_path / "envs" / "new")
    text = FILE.format(channel=tiny.as_uri(), spec=spec)
    found = specfiles.read("environment.yml", text)
    error = failure(specfiles.creation(found, "environment.yml", prefix), own)
    assert error.message.startswith(f"environment.yml, line 6: {spec!r} is not a package request"), error.message
    assert (error.code, error.details["file"], error.details["line"]) == ("invalid_request", "environment.yml", 6)
    locked = failure(
        specfiles.targets("environment.yml", text, without_pip=False, wanted=[Target(platform="linux-64")]), own
    )
    assert locked.message == error.message
    listed = failure(specfiles.creation(specfiles.read("list.txt", f"helper=1.0\n{spec}\n"), "list.txt", prefix), own)
    assert listed.message.startswith("list.txt, line 2: "), listed.message


@pytest.mark.parametrize("spec", ["nothere", "smallpkg>=99"])
def test_what_no_channel_has(spec: str, own: Settings, tiny: Path, tmp_path: Path) -> None:
    found = specfiles.read("e.yml", f"channels:\n  - {tiny.as_uri()}\ndependencies:\n  - helper\n  - {spec}\n")
    error = failure(specfiles.creation(found, "e.yml", str(tmp_path / "envs" / "new")), own)
    assert error.message.startswith("e.yml, line 5: The channels have nothing that fits")
    assert (error.code, error.details["line"]) == ("unsatisfiable", 5)


def test_of_a_manifest_of_pixi(own: Settings, tiny: Path, tmp_path: Path) -> None:
    text = textwrap.dedent(f"""\
        [workspace]
        channels = ["{tiny.as_uri()}"]
        [dependencies]
        helper = "*"
        smallpkg = "1.*.2"
        """)
    request = specfiles.creation(specfiles.read("pixi.toml", text), "pixi.toml", str(tmp_path / "envs" / "new"))
    assert failure(request, own).message.startswith("pixi.toml, line 5: 'smallpkg 1.*.2' is not a package request")


def test_a_channel_that_is_denied(own: Settings, tiny: Path, tmp_path: Path) -> None:
    rc = tmp_path / "condarc"
    rc.write_text("denylist_channels: [conda-forge]\n")
    prefix = str(tmp_path / "envs" / "new")
    in_list = specfiles.creation(
        specfiles.read("e.yml", FILE.format(channel=tiny.as_uri(), spec="smallpkg")), "e.yml", prefix
    )
    error = failure(PlanRequest(prefix=prefix, request=in_list), own, CONDARC=str(rc))
    assert error.message.startswith("e.yml, line 2: The channel https://conda.anaconda.org/conda-forge may not be used")
    assert error.code == "refused"
    in_spec = specfiles.read("e.yml", "dependencies:\n  - helper\n  - conda-forge::smallpkg\n")
    assert failure(specfiles.creation(in_spec, "e.yml", prefix), own, CONDARC=str(rc)).message.startswith(
        "e.yml, line 3: The channel "
    )


def test_a_channel_that_is_away(own: Settings, tmp_path: Path) -> None:
    prefix = str(tmp_path / "envs" / "here")
    operate(CreateEnvironment(prefix=prefix, specs=("helper",)), own)
    found = specfiles.read("e.yml", f"channels:\n  - {NOWHERE}\ndependencies:\n  - smallpkg\n")
    request = specfiles.change(found, "e.yml", ChangePackages(prefix=prefix, add=("helper>=1",)))
    error = failure(request, own)
    assert error.message.startswith(f"e.yml, line 2: A channel could not be read ({NOWHERE})")
    assert error.code == "channel_error"


def test_what_the_file_does_not_say_is_told_without_it(own: Settings, tiny: Path, tmp_path: Path) -> None:
    prefix = str(tmp_path / "envs" / "here")
    operate(CreateEnvironment(prefix=prefix, specs=("helper",)), own)
    found = specfiles.read("e.yml", "dependencies:\n  - smallpkg\n")
    request = specfiles.change(found, "e.yml", ChangePackages(prefix=prefix, add=("helper[bla=3]",)))
    assert failure(request, own).message.startswith("'helper[bla=3]' is not")
