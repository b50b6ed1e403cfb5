"""Locks for other platforms, and environments for other machines, in commands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.channel import ChannelServer, host_subdir, index, write_package

from .conftest import Person


@pytest.fixture(scope="module")
def gpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`gpu` is for a machine with a driver, or without; `mac` for one platform alone."""
    channel = tmp_path_factory.mktemp("gpus") / "channel"
    for build, depends in (("cpu_0", []), ("cuda_1", ["__cuda >=12"])):
        write_package(
            channel, "gpu", "1.0", build=build, build_number=int(build[-1]), files={"share/gpu": build},
            depends=depends, noarch="generic",
        )  # fmt: skip
    write_package(channel, "mac", "1.0", subdir="osx-arm64", files={"share/mac": ""}, depends=["__osx >=11"])
    index(channel)
    return channel


@pytest.mark.slow
def test_an_environment_on_other_platforms(person: Person, make: Callable[..., Path]) -> None:
    make("geo", "tool<2")
    platforms = ("--platform", "linux-64", "--platform", "osx-arm64")
    text = person.run("lock", "geo", *platforms).out
    assert text.startswith("# linux-64: for __archspec=1=x86_64 __glibc=2.28 ") and text.count("tool-1.0-0.conda") == 2
    assert "linux-64: 1 package; osx-arm64: 1 package" in person.run("lock", "geo", *platforms, "-o", "l.yml").err
    assert (person.home / "l.yml").read_text() == text
    person.run("create", "twin", "--lock", "l.yml")
    person.run("create", "twin-too", "--file", "l.yml")
    assert person.run("diff", "twin", "1", "1").out == "They do not differ.\n"
    assert "tool" in person.run("show", "twin-too").out
    last = person.run("lock", "geo", *platforms, "--format", "pixi.lock", "--json").last
    assert (last["result"], last["file"]["name"]) == ("locked", "pixi.lock")
    started = person.run("lock", "geo", *platforms, "--detach").out.strip()
    person.run("jobs", "follow", started)
    assert text in person.run("jobs", "show", started).out


@pytest.mark.slow
def test_a_file_on_other_platforms(person: Person, gpus: Path) -> None:
    file = person.home / "environment.yml"
    file.write_text(f"channels: ['{gpus}']\nplatforms: [linux-64, osx-arm64]\ndependencies: [gpu]\n")
    assert person.run("lock", "--file", file).out.count("gpu-1.0-cpu_0") == 2
    text = person.run("lock", "-f", file, "--platform", "linux-64", "--virtual", "__cuda=12.4").out
    assert "gpu-1.0-cuda_1" in text and "__cuda=12.4" in text.splitlines()[0]
    (person.home / "of-gpu.yml").write_text(text)
    told = person.run("create", "of-gpu", "--lock", person.home / "of-gpu.yml").err
    assert "needs __cuda >=12 (a GPU driver for CUDA), and this machine has no __cuda. The environment is for" in told
    two = ("lock", "-f", file, "--platform", "linux-64", "--platform", "win-64", "--virtual")
    text = person.run(*two, "win-64:__cuda=12.4").out
    assert "gpu-1.0-cuda_1" in text and "gpu-1.0-cpu_0" in text
    assert "hint: For instance: linux-64:__cuda=12.4" in person.run(*two, "__cuda=12.4", code=2).err


@pytest.mark.slow
def test_a_platform_that_has_nothing(person: Person, gpus: Path) -> None:
    file = person.home / "environment.yml"
    file.write_text(f"channels: ['{gpus}']\ndependencies: [mac, gpu]\n")
    words = ("lock", "-f", file, "--platform", "osx-arm64", "--platform", "win-64")
    failed = person.run(*words, code=4)
    assert f"error: {file}, line 2: For win-64: " in failed.err and "jupyter condaenv explain" in failed.err
    assert person.run("explain", *words).out.startswith("For win-64:\nmac cannot be had")
    assert person.run("explain", *words[:-2]).out == "This can be done.\n"
    (person.home / "mac.yml").write_text(person.run(*words[:-2]).out)
    refused = person.run("create", "mac", "--lock", "mac.yml", code=2)
    assert f"nothing for {host_subdir()}, only for osx-arm64" in refused.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("lock", "ENV is missing"),
        ("lock geo --format pixi.lock", "Nothing is solved"),
        ("lock geo --virtual __cuda=1", "Nothing is solved"),
        ("lock --platform osx-64", "Either ENV or --file"),
        ("lock geo --file environment.yml --platform osx-64", "Either ENV or --file"),
        ("lock geo --platform osx-64 --without-pip", "--without-pip goes with --file"),
        ("lock geo --platform plan9", "choose from"),
        ("explain lock geo", "No platform was named"),
        ("create geo --lock environment.yml", "is no lock"),
    ],
)
def test_what_cannot_be_meant(person: Person, words: str, told: str) -> None:
    (person.home / "environment.yml").write_text("dependencies: [tool]\n")
    assert told in person.run(*words.split(), code=2).err


@pytest.mark.slow
def test_what_makes_an_environment_elsewhere(person: Person, small: ChannelServer) -> None:
    person.run("create", "geo", "tool", "-c", small.url)
    export = ("export", "geo", "--format", "dockerfile")
    shown = person.run(*export)
    lock, image = f"conda-{host_subdir()}.lock", person.home / "image"
    assert f"It reads {lock}" in shown.err and f"COPY {lock}" in shown.out
    assert person.run(*export, "--json").last["beside"][0]["name"] == lock
    for _ in range(2):
        assert person.run(*export, "-o", "image").out == f"Wrote {image}/Dockerfile and {image}/{lock}.\n"
    assert (image / "Dockerfile").read_text() == shown.out
    (image / "Dockerfile").write_text("FROM mine\n")
    assert "is there already, and not from here" in person.run(*export, "-o", "image", code=5).err
    assert (image / "Dockerfile").read_text() == "FROM mine\n"
    person.run("export", "geo", "--format", "github-workflow", "-o", "image")
    assert (image / ".github/workflows/environment.yml").is_file()
    assert "cannot be written" in person.run(*export, "-o", "image/Dockerfile", code=2).err


@pytest.mark.slow
def test_an_environment_for_another_machine(person: Person, gpus: Path, small_channel: Path) -> None:
    """`--virtual`, here and in what is added later."""
    made = person.run("create", "geo", "gpu", "-c", gpus, "--virtual", "__cuda=12.4")
    assert "needs __cuda >=12 (a GPU driver for CUDA), and this machine has no __cuda." in made.err
    person.run("add", "geo", "tool", "-c", small_channel)
    assert "cuda_1" in person.run("show", "geo").out
    assert "gpu" in person.run("plan", "add", "geo", "big", "-c", small_channel, "--virtual", "__cuda=").out
    assert "declared to have" in person.run("create", "no", "gpu", "-c", gpus, "--virtual", "cuda", code=2).err
