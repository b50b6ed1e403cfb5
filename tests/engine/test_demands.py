"""What an environment demands of the machine, told without conda when it starts."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from jupyter_condaenv.engine import demands, machine
from jupyter_condaenv.engine.model import (
    ChangePackages,
    Clone,
    CreateEnvironment,
    Lock,
    Package,
    Rollback,
    Settings,
    Strategy,
    known_by_name,
)
from jupyter_condaenv.engine.rattler import host, matchspec
from tests.channel import index

from .child import in_child, operate
from .tiny import generic

GPU = "gpudemo 1.0 needs __cuda >=12 (a GPU driver for CUDA), and this machine has no __cuda"


def noted(prefix: Path, *lines: str) -> str:
    (prefix / demands.FILE).parent.mkdir(parents=True, exist_ok=True)
    (prefix / demands.FILE).write_text("".join(f"{line}\n" for line in lines))
    return str(prefix)


# --- what is noted ---


def test_what_is_installed_is_noted(tiny: Path, settings: Callable[..., Settings], tmp_path: Path) -> None:
    own, prefix, twin = settings(channels=(tiny.as_uri(),)), tmp_path / "envs" / "gpu", tmp_path / "envs" / "twin"
    strategy = Strategy(virtual_packages=("__cuda=12.4",))
    operate(CreateEnvironment(prefix=str(prefix), specs=("gpudemo", "helper"), strategy=strategy), own)
    assert (prefix / demands.FILE).read_text() == "__cuda >=12\tgpudemo 1.0\n"
    operate(Clone(prefix=str(twin), source=str(prefix)), own)
    operate(ChangePackages(prefix=str(prefix), remove=("gpudemo",)), own)
    assert not (prefix / demands.FILE).exists()
    operate(Rollback(prefix=str(prefix)), own)
    for place in (prefix, twin):
        assert demands.misfit([str(place)], {"CONDA_OVERRIDE_CUDA": ""}) == (
            f"This environment is for another machine: {GPU}."
        )
        assert demands.misfit([str(place)], {"CONDA_OVERRIDE_CUDA": "12.4"}) == ""


def test_what_every_machine_has_is_not_noted(settings: Callable[..., Settings], tmp_path: Path) -> None:
    channel, prefix = tmp_path / "channel", tmp_path / "envs" / "geo"
    generic(channel, "app", "1.0", depends=["__unix", "__linux", "__glibc >=2.17,<3.0.a0"])
    generic(channel, "lib", "1.0", depends=["__unix"])
    index(channel)
    own = settings(channels=(channel.as_uri(),))
    operate(CreateEnvironment(prefix=str(prefix), specs=("lib",)), own)
    assert not (prefix / demands.FILE).exists()
    operate(ChangePackages(prefix=str(prefix), add=("app",)), own)
    assert (prefix / demands.FILE).read_text() == "__glibc >=2.17,<3.0.a0\tapp 1.0\n"
    assert demands.misfit([str(prefix)], {}) == ""


# --- what is told ---


def test_one_sentence_of_all_levels(tmp_path: Path) -> None:
    base = noted(tmp_path / "base", "__glibc >=2.90\tlibc-user 3", "__cuda\tgpu 1", "__cuda >=12\tgpu 2")
    over = noted(tmp_path / "over", "__cuda >=13\tmore 1", "__linux >=99\tnew 1")
    environ = {"CONDA_OVERRIDE_CUDA": "", "CONDA_OVERRIDE_GLIBC": "2.28", "CONDA_OVERRIDE_LINUX": "5.10"}
    assert demands.misfit([base, over], environ) == (
        "This environment is for another machine: libc-user 3 needs __glibc >=2.90 (the C library glibc), and this "
        "machine has __glibc 2.28; gpu 1 needs __cuda (a GPU driver for CUDA), and this machine has no __cuda; "
        "new 1 needs __linux >=99 (the Linux kernel), and this machine has __linux 5.10."
    )


@pytest.mark.parametrize("line", ["", "\t", "__what 1\tb", "__cuda 12|13\ta", "__archspec 1.* zen9\ta", "__glibc x\ta"])
def test_what_cannot_be_told_is_no_reason_to_warn(line: str, tmp_path: Path) -> None:
    assert demands.misfit([noted(tmp_path, line), str(tmp_path / "nowhere")], {"CONDA_OVERRIDE_CUDA": "1"}) == ""


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / demands.FILE).parent.mkdir(parents=True)
    (tmp_path / demands.FILE).write_bytes(b"\xff\xfe\0__cuda")
    assert demands.misfit([str(tmp_path)], {}) == ""


@pytest.mark.parametrize(("wanted", "found", "fits"), [("v3", "v4", True), ("v4", "v3", False), ("v3", "v3", True)])
def test_levels_of_processors(wanted: str, found: str, fits: bool, tmp_path: Path) -> None:
    prefix = noted(tmp_path, f"__archspec 1.* x86_64_{wanted}\tfast 1")
    told = demands.misfit([prefix], {"CONDA_OVERRIDE_ARCHSPEC": f"x86_64_{found}"})
    assert (told == "") == fits
    assert fits or "needs __archspec 1.* x86_64_v4 (the processor)" in told


VERSIONS = st.lists(st.integers(0, 30), min_size=1, max_size=3).map(lambda parts: ".".join(map(str, parts)))
PARTS = st.one_of(
    st.tuples(st.sampled_from([">=", "<=", "==", "!=", ">", "<", "="]), VERSIONS).map("".join),
    VERSIONS.map(lambda version: f"{version}.*"),
    VERSIONS.map(lambda version: f"<{version}.a0"),
)


@limits(max_examples=25)  # of up to 60 pairs
@given(st.lists(st.tuples(st.lists(PARTS, min_size=1, max_size=2).map(",".join), VERSIONS), min_size=20, max_size=60))
@pytest.mark.slow
def test_versions_fit_as_conda_says(cases: list[tuple[str, str]]) -> None:
    """But for pre-releases, which no machine is."""
    specs = [(f"__glibc {wanted}", version) for wanted, version in cases if not re.search(r"(?<!<)[\d.]+a0", wanted)]
    ours = [demands._fits("__glibc", spec.partition(" ")[2], version) for spec, version in specs]
    differ = [
        (case, ours_)
        for case, ours_, theirs in zip(specs, ours, in_child(matching, specs), strict=True)
        if ours_ != theirs
    ]
    assert differ == []


def matching(specs: list[tuple[str, str]]) -> list[bool]:
    return [matchspec.matches(spec, known_by_name("__glibc", version, "0")) for spec, version in specs]


# --- this machine ---


def test_it_finds_what_rattler_finds() -> None:
    environ = {name: None for name in os.environ if name.startswith("CONDA_OVERRIDE_")}
    found = {text.split("=")[0]: text.split("=")[1] for text in in_child(host.virtual_packages, env=environ)}
    assert (demands._glibc() or None) == found.get("__glibc")
    assert (demands._cuda() or None) == found.get("__cuda")
    assert demands._numbers(demands._linux() or "")[:3] == demands._numbers(found["__linux"])[:3]


def test_a_level_is_no_make() -> None:
    """`__archspec=1=zen3` is found where `x86_64_v3` is wanted, which that is."""
    package = Package(
        name="fast", version="1", build="0", subdir="noarch", channel="https://h/c", file_name="fast-1-0.conda",
        url="https://h/c/noarch/fast-1-0.conda", md5="1" * 32, depends=(f"__archspec 1.* {demands.level() or 'm1'}",),
    )  # fmt: skip
    lock = Lock(platform="linux-64", channels=(), specs=("fast",), packages=(package,))
    assert (in_child(machine.lacks, lock.packages) == []) == (demands.level() is not None)
