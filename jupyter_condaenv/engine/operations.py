"""The verbs: one function for each request type, telling events on the way and returning a typed result.

They block, may take minutes and load native code: run them in a worker (``jupyter_condaenv.jobs``). What only one of
them needs is imported where it begins, since a worker performs one and a second spent on others is waited for.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from . import deferred, environments, exchange, history, notes, origins, staging, storage, writers
from .channels import host_subdir
from .errors import Broken, ReadOnly, Refused
from .model import (
    Adopt,
    Adopted,
    Annotate,
    AnyResult,
    ApplyDeferred,
    BuildPackage,
    Changed,
    ChangePackages,
    CheckChannels,
    Checked,
    CheckHealth,
    Clean,
    Clone,
    CreateEnvironment,
    DropDeferred,
    Dropped,
    EngineRequest,
    Examined,
    Explain,
    Explained,
    Health,
    IndexChannels,
    LockPlatforms,
    Measured,
    MeasureStorage,
    Message,
    Move,
    Moved,
    Noted,
    Pack,
    PlanRequest,
    Removed,
    RemoveEnvironment,
    Rollback,
    Scan,
    Settings,
    StackEnvironment,
    Step,
    Unpack,
    WhyNot,
)
from .telling import Emit
from .trees import storage_error

_OF_ONE_THAT_IS_THERE = (
    ChangePackages, Rollback, ApplyDeferred, DropDeferred, RemoveEnvironment, Adopt, Annotate, Pack, CheckHealth,
)  # fmt: skip


def perform(request: EngineRequest, settings: Settings, emit: Emit) -> AnyResult:
    """Do what ``request`` asks. Raises a CondaEnvError; the environment is then as it was."""
    try:
        with origins.told(request, settings):
            result = _perform(request, settings, emit)
    except OSError as error:
        raise storage_error(error) from error
    if isinstance(result, Changed | Removed | Moved):
        with suppress(OSError):  # what was measured is only of interest to people
            storage.measure_again({request.prefix, *([request.source] if isinstance(request, Move) else [])}, settings)
    return result


def _perform(request: EngineRequest, settings: Settings, emit: Emit) -> AnyResult:
    if isinstance(request, BuildPackage):
        from . import build

        return build.build(request, settings, emit)
    if isinstance(request, CheckChannels):
        from . import channel_check

        return Checked(channels=channel_check.check(request, settings, emit))
    if isinstance(request, MeasureStorage):
        return Measured(storage=storage.measure(settings, emit))
    if isinstance(request, Scan):
        from . import scanning

        return scanning.scan(settings, emit)
    if isinstance(request, IndexChannels):
        from . import search

        return search.index(request, settings, emit)
    if isinstance(request, Clean):
        from . import cleaning

        return cleaning.clean(request, settings, emit)
    if isinstance(request, LockPlatforms):
        from . import platforms

        return platforms.lock(request, settings, emit)
    if isinstance(request, Explain) and isinstance(request.request, LockPlatforms):
        from . import platforms

        return Explained(explanation=platforms.explain(request.request, settings, request.seconds, emit))
    environments.check_prefix(request.prefix)
    if isinstance(request, PlanRequest | Explain | WhyNot):
        from . import changing

        return changing.look_ahead(request, settings, emit)
    if isinstance(request, _OF_ONE_THAT_IS_THERE):
        environments.check_exists(Path(request.prefix))  # before a lock is left where there is nothing
    if isinstance(request, CreateEnvironment | StackEnvironment | Clone | Move | Unpack):
        environments.check_free(request.prefix)
    if isinstance(request, Clone):
        from . import clone

        environments.check_prefix(request.source)
        return clone.clone(request, settings, emit)
    if isinstance(request, Move):
        return _move(request, settings, emit)
    if isinstance(request, CheckHealth):
        return Examined(health=_health(request, settings, emit))
    if isinstance(request, RemoveEnvironment):
        return _remove(request, settings, emit)
    if isinstance(request, Pack):
        from . import pack

        return pack.pack(request, settings, emit)
    if isinstance(request, Unpack):
        from . import unpack

        return unpack.unpack(request, settings, emit)
    if isinstance(request, Adopt):
        return _adopt(request, settings, emit)
    if isinstance(request, DropDeferred):
        return _drop(request, emit)
    if isinstance(request, Annotate):
        return _annotate(request, emit)
    from . import changing

    return changing.change(request, settings, emit)


def _health(request: CheckHealth, settings: Settings, emit: Emit) -> Health:
    """Raises ReadOnly or Refused where something is to be mended that cannot be written, or is frozen."""
    from . import repair

    place = Path(request.prefix)
    if request.fix:
        notes.check_changeable(place)
    try:
        staging.workspace(place)
    except ReadOnly:
        if request.fix:
            raise
        return repair.look(place, settings, emit)
    with writers.undisturbed(place, f"looking at {place.name}", emit) as work:
        if request.fix:
            return repair.look_and_mend(place, work, settings, emit)
        return repair.look(place, settings, emit)


def _remove(request: RemoveEnvironment, settings: Settings, emit: Emit) -> Removed:
    prefix = Path(request.prefix)
    with writers.writer(prefix, f"removing {prefix.name}", emit) as work:
        environments.check_exists(prefix)
        _check_removable(prefix, settings)
        emit(Step(phase="remove", text=f"Removing {prefix.name}"))
        for process in deferred.living_kernels(prefix):
            emit(
                Message(level="warning", text=f"A kernel of {prefix.name} is running and will fail (process {process})")
            )
        exchange.remove(work)
        environments.forget(prefix)
    return Removed(prefix=str(prefix))


def _check_removable(prefix: Path, settings: Settings) -> None:
    """Raises Refused for an environment that others need where it is."""
    notes.check_removable(prefix)
    real = prefix.resolve()
    above = [
        environment.name
        for environment in environments.list_environments(settings)
        if environment.base and Path(environment.base).resolve() == real
    ]
    if above:
        raise Refused(
            f"{', '.join(above)} {'stands' if len(above) == 1 else 'stand'} on {prefix.name}.",
            "Remove what stands on it first.",
            overlays=above,
        )


def _move(request: Move, settings: Settings, emit: Emit) -> Moved:
    environments.check_prefix(request.source)
    source = Path(os.path.realpath(request.source))
    environments.check_exists(source)
    _check_removable(source, settings)
    kernels = deferred.living_kernels(source)
    if kernels:
        count = "A kernel runs" if len(kernels) == 1 else f"{len(kernels)} kernels run"
        raise Refused(
            f"{count} in {source.name}, and would lose what is below.", "Shut down what runs in it, then try again."
        )
    from . import clone

    moved = clone.move(request, settings, emit)
    environments.forget(source)
    return moved


def _adopt(request: Adopt, settings: Settings, emit: Emit) -> Adopted:
    prefix = Path(request.prefix)
    with writers.writer(prefix, f"adopting {prefix.name}", emit):
        last = history.latest(prefix)
        lock = history.current_lock(prefix, host_subdir())
        if last is None or lock != last.lock:
            from . import requested

            lock = requested.told(prefix, lock, emit)
        if last is None:
            from . import pixi

            lock = pixi.asked(prefix, lock, settings, emit)
        if last is None or lock != last.lock:
            last = history.record(prefix, "adopt", lock, (), lock.specs)
        else:
            emit(Message(text=f"{prefix.name} is known as it is, as revision {last.number}"))
        environments.note(prefix)
        return Adopted(environment=environments.describe(prefix), lock=last.lock, revision=last.number)


def _drop(request: DropDeferred, emit: Emit) -> Dropped:
    prefix = Path(request.prefix)
    with writers.writer(prefix, f"giving up what waits for {prefix.name}", emit):
        plan = None
        with suppress(Broken):  # given up all the same
            plan = deferred.waiting(prefix)
        deferred.drop(prefix)
        return Dropped(plan=plan)


def _annotate(request: Annotate, emit: Emit) -> Noted:
    prefix = Path(request.prefix)
    kept = notes.without_secrets(request)
    if kept != request:
        emit(Message(level="warning", text="What may be a password or a token in an address is left out"))
    with writers.writer(prefix, f"annotating {prefix.name}", emit):
        noted = notes.change(prefix, kept)
    for word, asked in (("protected", kept.protected), ("frozen", kept.frozen)):
        if asked is False:
            emit(Message(text=f"{prefix.name} is no longer {word}"))
    return Noted(prefix=request.prefix, notes=noted)
