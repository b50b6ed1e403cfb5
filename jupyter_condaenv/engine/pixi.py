"""What an environment of pixi was asked for: that stands in the manifest beside it, and not in the environment.

pixi keeps an environment in ``.pixi/envs/NAME`` beside the manifest, and notes in its ``conda-meta/pixi`` where that
is.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from msgspec.structs import replace

from . import channel_list, distributions, prefix, requirements, specfiles, stack
from .channels import redact
from .errors import CondaEnvError, InvalidRequest
from .formats.specfile import SpecFile
from .model import Lock, Message, Settings, Strategy
from .rattler import matchspec
from .telling import Emit

_MANIFESTS = ("pixi.toml", "pyproject.toml")


def asked(place: Path, lock: Lock, settings: Settings, emit: Emit) -> Lock:
    """``lock``, of all that is in the environment at ``place``, with what its manifest asks for as far as it is there.

    What nothing in the manifest needs stays asked for, so that a later change does not take it away. How the manifest
    has packages chosen holds for later changes as well. ``lock`` as it is where there is no manifest; where it cannot
    be read, that is told.
    """
    found = _manifest(place)
    if found is None:
        return lock
    manifest, name = found
    try:
        said = specfiles.read_file(manifest, lock.platform, name)
    except InvalidRequest as error:
        emit(Message(level="warning", text=f"What was asked for cannot be told from pixi's manifest. {error.message}"))
        return lock
    there = {package.name for package in lock.packages}
    specs: dict[str, list[str]] = {}
    left = []
    for spec in said.specs:
        about = _about(spec)
        if about in there:
            specs.setdefault(about, []).append(spec)
        else:
            left.append(spec)
    pip = tuple(_of_pip(place, lock, said, left))
    emit(Message(text=f"What was asked for is taken from {manifest}, environment {name}"))
    if left:
        text = (
            f"{manifest} also asks for what is not there, or cannot be asked for here: {', '.join(map(redact, left))}"
        )
        emit(Message(level="warning", text=text))
    strategy, notes = specfiles.chosen(said, str(manifest), Strategy(), settings.exclude_newer)
    for note in notes:
        emit(Message(text=note))
    return replace(
        lock,
        strategy=replace(strategy, virtual_packages=()),
        declared=strategy.virtual_packages,
        specs=(*(spec for some in specs.values() for spec in some), *(one for one in lock.specs if one not in specs)),
        pip_specs=pip,
        channels=tuple(dict.fromkeys([*_channels(said, settings), *lock.channels])),
    )


def _manifest(place: Path) -> tuple[Path, str] | None:
    """The manifest, and which of its environments this is."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        noted = json.loads((place / "conda-meta" / "pixi").read_bytes())
        manifest = Path(noted["manifest_path"])
        if manifest.is_absolute() and manifest.is_file():
            return manifest, str(noted["environment_name"])
    if (place.parent.name, place.parent.parent.name) == ("envs", ".pixi"):
        beside = (place.parent.parent.parent / name for name in _MANIFESTS)
        return next(((manifest, place.name) for manifest in beside if manifest.is_file()), None)
    return None


def _about(spec: str) -> str:
    with suppress(InvalidRequest):
        return matchspec.spec_name(spec)
    return ""


def _of_pip(place: Path, lock: Lock, said: SpecFile, left: list[str]) -> Iterator[str]:
    """The requirements that are fulfilled; others go to what is ``left``."""
    python = stack.python_of(lock.packages)
    site = place / prefix.site_packages(python) if python is not None else None
    installed = distributions.installed(site) if site is not None else ()
    names = {distributions.normalized(one.name) for one in installed} if not said.pip_index else set()
    for text in said.pip:
        with suppress(InvalidRequest):
            (checked,) = requirements.checked([text])
            if requirements.name_of(checked) in names:
                yield checked
                continue
        left.append(text)


def _channels(said: SpecFile, settings: Settings) -> tuple[str, ...]:
    try:
        return channel_list.searched(said.channels, settings) if said.channels else ()
    except CondaEnvError:  # where packages come from is known from their records
        return ()
