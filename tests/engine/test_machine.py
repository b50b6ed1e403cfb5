"""Environments for another machine than the one that makes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from jupyter_condaenv.engine import machine, solve
from jupyter_condaenv.engine.errors import InvalidRequest
from jupyter_condaenv.engine.model import ChangePackages, CreateEnvironment, Message, Settings, Strategy

from .child import in_child, operate

NO_GPU = {"CONDA_OVERRIDE_CUDA": ""}


def test_what_is_declared_takes_the_place_of_what_is_found() -> None:
    found = ("__cuda=11.8=0", "__glibc=2.35=0", "__unix=0=0")
    declared = machine.declared(found, ("__cuda=12.4", "__archspec=1=x86_64_v3", "__glibc="))
    assert declared == ("__archspec=1=x86_64_v3", "__cuda=12.4=0", "__unix=0=0")
    assert machine.declared(found, ()) == found


@pytest.mark.parametrize(
    "text",
    ["cuda=12", "__cuda", "__cuda=12=", "__cuda=1 2", "__cuda>=12", "", "__CUDA=1", "__cuda=abc!", "__cuda=1=b-c"],
)
def test_what_no_machine_has(text: str) -> None:
    with pytest.raises(InvalidRequest, match="declared"):
        machine.declared((), (text,))


def test_a_variable_that_holds_no_version(tiny: Path, settings: Callable[..., Settings], tmp_path: Path) -> None:
    request = CreateEnvironment(prefix=str(tmp_path / "envs" / "gpu"), specs=("gpudemo",))
    with pytest.raises(InvalidRequest, match=r"12\.!"):
        in_child(solve.plan, request, settings(channels=(tiny.as_uri(),)), env={"CONDA_OVERRIDE_CUDA": "12.!"})


def test_for_a_machine_with_a_gpu_from_one_without(
    tiny: Path, settings: Callable[..., Settings], tmp_path: Path
) -> None:
    own = settings(channels=(tiny.as_uri(),))
    prefix = str(tmp_path / "envs" / "gpu")
    request = CreateEnvironment(prefix=prefix, specs=("gpudemo",), strategy=Strategy(virtual_packages=("__cuda=12.4",)))
    _, events = operate(request, own, env=NO_GPU)
    warned = [event.text for event in events if isinstance(event, Message) and event.level == "warning"]
    assert warned == [
        "gpudemo 1.0 needs __cuda >=12 (a GPU driver for CUDA), and this machine has no __cuda. "
        "The environment is for another machine."
    ]
    # What is added later is for that machine too.
    made = in_child(solve.plan, ChangePackages(prefix=prefix, add=("helper",)), own, env=NO_GPU)
    assert {package.name: package.build for package in made.lock.packages} == {"gpudemo": "cuda_200", "helper": "0"}
    assert made.lock.declared == ("__cuda=12.4",)
    assert "__cuda=12.4=0" in made.lock.virtual_packages
    back = ChangePackages(prefix=prefix, add=("helper",), strategy=Strategy(virtual_packages=("__cuda=",)))
    moved = in_child(solve.plan, back, own, env=NO_GPU)
    assert [package.build for package in moved.lock.packages if package.name == "gpudemo"] == ["cpu_0"]


def test_a_lock_for_another_machine_is_installed_with_a_warning(
    tiny: Path, settings: Callable[..., Settings], tmp_path: Path
) -> None:
    own = settings(channels=(tiny.as_uri(),))
    prefix = str(tmp_path / "envs" / "gpu")
    plain = CreateEnvironment(prefix=prefix, specs=("gpudemo",))
    lock = in_child(solve.plan, plain, own, env={"CONDA_OVERRIDE_CUDA": "12.4"}).lock
    _, events = operate(CreateEnvironment(prefix=prefix, lock=lock), own, env={"CONDA_OVERRIDE_CUDA": "11.8"})
    warned = [event.text for event in events if isinstance(event, Message) and event.level == "warning"]
    assert "this machine has __cuda 11.8" in warned[0]
