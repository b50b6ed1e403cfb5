"""Kernels of environments that others have made.

Each becomes a kernel when it is found, and again when it has changed; what a person has removed in between stays
removed. Nothing of an environment is run before somebody starts its kernel.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import msgspec
from msgspec import Struct

from jupyter_condaenv.engine import places, scanning, stack
from jupyter_condaenv.engine.errors import Broken, StorageError
from jupyter_condaenv.engine.model import Environment, Message, Settings
from jupyter_condaenv.engine.telling import Emit
from jupyter_condaenv.engine.trees import storage_error, write_whole
from jupyter_condaenv.kernels import found, specs


class Offered(Struct, frozen=True, kw_only=True):
    """An environment as it was when its kernels were written."""

    packages: int
    """When others were last put into it or taken out: nanoseconds, as the file system counts them."""
    kernels: int
    """The same of its kernelspecs."""
    folders: tuple[int, ...]
    """As ``places.folders_of`` gives them."""


def offer(environments: Iterable[Environment], settings: Settings, emit: Emit) -> tuple[str, ...]:
    """Write the kernelspecs of those that have a kernel and have changed since this was last done, and return their
    names. StorageError where nobody would know the next time that it was done."""
    before = _read(settings)
    registered = specs.registered(settings)
    # What is only absent here stays offered: another host may have it.
    after = {
        prefix: one
        for prefix, one in before.items()
        if not os.path.lexists(prefix) and not places.is_gone(prefix, one.folders)
    }
    written: list[str] = []
    for one in environments:
        known, now = before.get(one.prefix), _as_it_is(one.prefix)
        if now == known or (known is None and one.prefix in registered):
            after[one.prefix] = now
        elif not one.problem and (names := _written(one, settings, emit)):
            after[one.prefix] = now
            written += names
    if after != before:
        try:
            write_whole(_file(settings), msgspec.json.encode(after))
        except OSError as error:
            raise storage_error(error) from error
    return tuple(sorted(written))


def withdraw(environments: Iterable[Environment], settings: Settings) -> tuple[str, ...]:
    """Remove the kernelspecs that were offered for what is here but neither among ``environments`` nor looked for any
    more, and return their names. StorageError when one cannot be removed."""
    listed = {one.prefix for one in environments}
    unwanted = [
        prefix
        for prefix, names in specs.registered(settings).items()
        if prefix not in listed
        and not scanning.is_sought(prefix, settings)
        and os.path.lexists(prefix)
        and all(specs.is_offered(name, settings) for name in names)
    ]
    return tuple(name for prefix in unwanted for name in specs.unregister(prefix, settings))


def _written(environment: Environment, settings: Settings, emit: Emit) -> tuple[str, ...]:
    """The kernelspecs of ``environment``; none where it has no kernel, or none can be written."""
    try:
        levels = stack.levels(environment.prefix)
        if not found.kernels(levels, environment.python):
            return ()  # those that it had explain what is missing
        return specs.register(environment, settings, levels=levels, warm=False)
    except (Broken, StorageError) as error:
        emit(Message(level="warning", text=f"{error.message} {error.hint}"))
        return ()


def _as_it_is(prefix: str) -> Offered:
    return Offered(
        packages=_changed(Path(prefix, "conda-meta")),
        kernels=_changed(Path(prefix, found.KERNELS)),
        folders=places.folders_of(prefix),
    )


def _changed(folder: Path) -> int:
    """When something was last put into ``folder`` or taken out; 0 where there is none."""
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0


def _read(settings: Settings) -> dict[str, Offered]:
    """What was offered before; nothing where that cannot be read."""
    try:
        return msgspec.json.decode(_file(settings).read_bytes(), type=dict[str, Offered])
    except (OSError, msgspec.MsgspecError):
        return {}


def _file(settings: Settings) -> Path:
    return Path(settings.data_dir) / "offered.json"
