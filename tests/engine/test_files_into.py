"""What a file makes of an environment that is there: what it asks for is added, and with ``prune`` all else goes."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from jupyter_condaenv.engine import history, lockfiles, solve, specfiles
from jupyter_condaenv.engine import prefix as prefixes
from jupyter_condaenv.engine.errors import InvalidRequest
from jupyter_condaenv.engine.model import (
    Changed,
    ChangePackages,
    CreateEnvironment,
    Message,
    Plan,
    Planned,
    PlanRequest,
    Settings,
    Strategy,
)
from tests.channel import index

from .child import in_child, operate
from .tiny import generic


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    channel = tmp_path_factory.mktemp("first")
    for version in ("1.0", "2.0"):
        generic(channel, "tool", version, depends=["below"])
    for name in ("below", "other", "more", "always"):
        generic(channel, name, "1.0")
    index(channel)
    return channel


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Path:
    channel = tmp_path_factory.mktemp("second")
    for name in ("tool", "more", "theirs"):
        generic(channel, name, "3.0")
    index(channel)
    return channel


@pytest.fixture
def own(first: Path, settings: Callable[..., Settings]) -> Settings:
    return settings(channels=(first.as_uri(),))


@pytest.fixture
def prefix(tmp_path: Path, own: Settings) -> Path:
    """An environment that was asked for ``tool=1`` and ``other``."""
    path = tmp_path / "envs" / "project"
    operate(CreateEnvironment(prefix=str(path), specs=("tool=1", "other")), own)
    return path


def change(prefix: Path, text: str, name: str = "environment.yml", **more: Any) -> ChangePackages:
    found = specfiles.read(name, text)
    return specfiles.change(found, name, ChangePackages(prefix=str(prefix), **more))


def planned(request: ChangePackages, settings: Settings) -> tuple[Plan, list[str]]:
    result, events = operate(PlanRequest(prefix=request.prefix, request=request), settings)
    assert isinstance(result, Planned)
    return result.plan, [event.text for event in events if isinstance(event, Message)]


def changes(plan: Plan) -> dict[str, str]:
    return {each.name: each.kind for each in plan.changes}


def versions(plan: Plan) -> dict[str, str]:
    return {package.name: package.version for package in plan.lock.packages}


def test_what_a_file_asks_for_is_added(prefix: Path, own: Settings, first: Path, second: Path) -> None:
    text = f"channels: [{second.as_uri()}]\ndependencies: [tool>=2, more, other, theirs]\nfoo: 1\n"
    plan, told = planned(change(prefix, text), own)
    assert changes(plan) == {"tool": "upgrade", "more": "add", "theirs": "add"}
    assert plan.lock.specs == ("tool>=2", "other", "more", "theirs")
    # The environment's own channels keep their place before the file's.
    assert plan.lock.channels == (first.as_uri(), second.as_uri())
    assert versions(plan) == {"tool": "2.0", "below": "1.0", "more": "1.0", "other": "1.0", "theirs": "3.0"}
    assert told == [
        "environment.yml, line 3: `foo` means nothing in an environment file",
        "tool was asked for as tool=1, and now is as tool>=2",
    ]
    assert plan.verb == "add"


def test_what_is_asked_beside_the_file_counts_too(prefix: Path, own: Settings, second: Path) -> None:
    text = f"channels: [{second.as_uri()}]\ndependencies: [theirs]\n"
    request = change(prefix, text, add=("more",), channels=("own",), remove=("other",))
    assert (request.add, request.channels) == (("theirs", "more"), ("own", second.as_uri()))
    request = replace(request, channels=(second.as_uri(),))
    assert changes(planned(request, own)[0]) == {"theirs": "add", "more": "add", "other": "remove"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "pixi.toml",
            "[workspace]\nchannels = ['{second}']\nsolve-strategy = 'lowest'\n[dependencies]\ntheirs = '*'\n",
        ),
        (
            "book.ipynb",
            '{{"nbformat": 4, "metadata": {{}}, "cells": [{{"cell_type": "code", '
            '"source": "%condaenv install -c {second} theirs python=9 ipykernel=9"}}]}}',
        ),
    ],
)
def test_other_files(prefix: Path, second: Path, name: str, text: str) -> None:
    request = change(prefix, text.format(second=second.as_uri()), name)
    assert (request.channels, "theirs" in request.add) == ((second.as_uri(),), True)
    assert request.strategy == Strategy(resolution="lowest" if name == "pixi.toml" else "")


def test_with_prune_what_is_no_longer_asked_for_goes(prefix: Path, own: Settings, second: Path) -> None:
    operate(ChangePackages(prefix=str(prefix), add=("more",)), own)
    plan, _ = planned(change(prefix, "dependencies: [other, below]\n", prune=True), own)
    assert changes(plan) == {"tool": "remove", "more": "remove"}
    assert plan.lock.specs == ("other", "below")
    assert (plan.verb, plan.unasked) == ("update", ())
    # What was asked for before says nothing any more, also of what stays.
    plan, _ = planned(change(prefix, "dependencies: [tool]\n", prune=True, update=("tool",)), own)
    assert (versions(plan), plan.lock.specs) == ({"tool": "2.0", "below": "1.0"}, ("tool",))
    # The channels of the file are then those of the environment.
    text = f"channels: [{second.as_uri()}]\ndependencies: [more>=3]\n"
    plan, _ = planned(change(prefix, text, prune=True), own)
    assert (plan.lock.channels, versions(plan)) == ((second.as_uri(),), {"more": "3.0"})


def test_with_prune_what_nobody_asked_for_goes_too(prefix: Path, own: Settings) -> None:
    lock = history.current_lock(prefix)
    history.record(prefix, "adopt", replace(lock, specs=("below",)), (), ("below",))
    added = change(prefix, "dependencies: [more]\n")
    assert changes(in_child(solve.plan, added, own)) == {"more": "add"}
    pruned = in_child(solve.plan, replace(added, prune=True), own)
    assert changes(pruned) == {"more": "add", "tool": "remove", "below": "remove", "other": "remove"}
    assert {one.name: one.because for one in pruned.unasked} == {
        "tool": "nothing needs it any more",
        "other": "nothing needs it any more",
    }


def test_with_prune_what_is_wanted_in_every_environment_stays(prefix: Path, own: Settings) -> None:
    operate(ChangePackages(prefix=str(prefix), add=("always",)), own)
    home = Path(os.environ["HOME"])
    home.mkdir(exist_ok=True)
    (home / ".condarc").write_text("create_default_packages: [always, never]\n")
    plan, _ = planned(change(prefix, "dependencies: [other]\n", prune=True), own)
    assert set(plan.lock.specs) == {"always", "other"}


def test_with_prune_nothing_else_is_asked_of_pip(prefix: Path, own: Settings) -> None:
    lock = history.current_lock(prefix)
    history.record(prefix, "add", replace(lock, pip_specs=("rich>=13",)), (), lock.specs)
    assert in_child(solve.plan, change(prefix, "dependencies: [other]\n", prune=True), own).lock.pip_specs == ()
    request = change(prefix, "dependencies: [other, pip: [rich<14, httpx]]\n", pip=("httpx>=1",))
    assert (request.pip, request.add) == (("rich<14", "httpx>=1"), ("other", "pip"))
    left_out = specfiles.change(
        specfiles.read("e.yml", "dependencies: [other, pip: [-e .]]\n"),
        "e.yml",
        ChangePackages(prefix=str(prefix)),
        without_pip=True,
    )
    assert (left_out.pip, left_out.add, left_out.notes) == ((), ("other",), ("left out, as they are for pip: -e .",))


def test_variables_are_set_beside_those_that_are_there(prefix: Path, own: Settings) -> None:
    state = '{"version": 1, "env_vars": {"OLD": "1", "MODE": "wet", "GONE": "***unset***"}}'
    (prefix / "conda-meta" / "state").write_text(state)
    request = change(prefix, "dependencies: []\nvariables: {MODE: dry, OLD: '1'}\n")
    plan, _ = planned(request, own)
    assert {one.name: one.value for one in plan.variables} == {"MODE": "dry"}
    result, _ = operate(request, own)
    assert isinstance(result, Changed) and result.revision == 2
    assert prefixes.variables(prefix) == {"OLD": "1", "MODE": "dry"}
    assert '"***unset***"' in (prefix / "conda-meta" / "state").read_text()
    result, events = operate(request, own)
    assert isinstance(result, Changed) and result.revision == 2
    assert "already as asked for" in "".join(event.text for event in events if isinstance(event, Message))


@pytest.mark.parametrize("text", ["dependencies: []\n", "variables: {A: b}\n"])
def test_a_file_that_asks_for_nothing_does_not_empty_the_environment(text: str, prefix: Path, own: Settings) -> None:
    with pytest.raises(InvalidRequest, match="every package would go"):
        operate(change(prefix, text, prune=True), own)


@pytest.mark.parametrize("name", ["own.json", "explicit.txt", "conda-lock.yml", "pixi.lock"])
def test_a_lock_is_not_added_to_anything(name: str, prefix: Path, own: Settings) -> None:
    texts = {
        "own.json": lockfiles.encode(history.current_lock(prefix)).decode(),
        "explicit.txt": "@EXPLICIT\nhttps://h/c/noarch/a-1-0.conda#" + "1" * 32,
        "conda-lock.yml": "version: 1\nmetadata: {platforms: [linux-64]}\npackage: []\n",
        "pixi.lock": "version: 6\nenvironments: {}\npackages: []\n",
    }
    with pytest.raises(InvalidRequest, match="exactly which packages") as caught:
        change(prefix, texts[name], name)
    assert "Make a new environment of it" in caught.value.hint
