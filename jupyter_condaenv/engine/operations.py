"""The verbs: one function for each request type, telling events on the way and returning a typed result.

They block, may take minutes and load native code: run them in a worker (``jupyter_condaenv.jobs``).
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias, TypeVar, cast

from . import (
    build,
    channel_check,
    cleaning,
    clone,
    deferred,
    environments,
    exchange,
    explain,
    history,
    lockfiles,
    machine,
    notes,
    pack,
    pip,
    pixi,
    platforms,
    repair,
    scanning,
    search,
    solve,
    specfiles,
    staging,
    storage,
    transaction,
)
from .errors import InvalidRequest, NotFound, Outdated, ReadOnly, Refused
from .model import (
    Adopt,
    Adopted,
    Annotate,
    AnyResult,
    ApplyDeferred,
    ApplyPlan,
    BuildPackage,
    Changed,
    ChangePackages,
    CheckChannels,
    Checked,
    CheckHealth,
    Clean,
    Clone,
    CreateEnvironment,
    Deferred,
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
    Plan,
    Plannable,
    Planned,
    PlanRequest,
    Removed,
    RemoveEnvironment,
    Rollback,
    Scan,
    Settings,
    Solved,
    StackEnvironment,
    Step,
    Unpack,
    WhyNot,
)
from .prefix import packages as packages_in
from .rattler import host
from .transaction import Emit
from .trees import storage_error

_Changing: TypeAlias = CreateEnvironment | ChangePackages | StackEnvironment | Rollback | ApplyPlan | ApplyDeferred

_Asked = TypeVar("_Asked", bound=Plannable)


def perform(request: EngineRequest, settings: Settings, emit: Emit) -> AnyResult:
    """Do what ``request`` asks. Raises a CondaEnvError; the environment is then as it was."""
    try:
        result = _perform(request, settings, emit)
    except OSError as error:
        raise storage_error(error) from error
    if isinstance(result, Changed | Removed | Moved):
        with suppress(OSError):  # what was measured is only of interest to people
            storage.measure_again({request.prefix, *([request.source] if isinstance(request, Move) else [])}, settings)
    return result


def _perform(request: EngineRequest, settings: Settings, emit: Emit) -> AnyResult:
    if isinstance(request, BuildPackage):
        return build.build(request, settings, emit)
    if isinstance(request, CheckChannels):
        return Checked(channels=channel_check.check(request, settings, emit))
    if isinstance(request, MeasureStorage):
        return Measured(storage=storage.measure(settings, emit))
    if isinstance(request, Scan):
        return scanning.scan(settings, emit)
    if isinstance(request, IndexChannels):
        return search.index(request, settings, emit)
    if isinstance(request, Clean):
        return cleaning.clean(request, settings, emit)
    if isinstance(request, LockPlatforms):
        return platforms.lock(request, settings, emit)
    if isinstance(request, Explain) and isinstance(request.request, LockPlatforms):
        return Explained(explanation=platforms.explain(request.request, settings, request.seconds, emit))
    environments.check_prefix(request.prefix)
    if isinstance(request, PlanRequest):
        notes.check_changeable(Path(request.prefix))
        wanted = _read(request.request, emit)
        emit(Step(phase="solve", text="Solving"))
        return Planned(plan=solve.dry_run(wanted, settings))
    if isinstance(request, Explain):
        emit(Step(phase="solve", text="Solving"))
        asked = request.request
        assert not isinstance(asked, LockPlatforms)
        explained = explain.explain(solve.wanted(_read(asked, emit), settings), settings, request.seconds, emit)
        return Explained(explanation=explained)
    if isinstance(request, WhyNot):
        emit(Step(phase="solve", text="Solving"))
        absent = solve.wanted(ChangePackages(prefix=request.prefix, add=(request.spec,)), settings)
        explained = explain.why_not(absent, request.spec, settings, request.seconds, emit)
        return Explained(explanation=explain.with_pip(explained, Path(request.prefix)))
    if isinstance(request, CreateEnvironment | ChangePackages):
        request = _read(request, emit)
    if isinstance(
        request, ChangePackages | Rollback | ApplyDeferred | RemoveEnvironment | Adopt | Annotate | Pack | CheckHealth
    ):
        environments.check_exists(Path(request.prefix))  # before a lock is left where there is nothing
    if isinstance(request, CreateEnvironment | StackEnvironment | Clone | Move | Unpack):
        solve.check_free(request.prefix)
    if isinstance(request, Clone):
        environments.check_prefix(request.source)
        return clone.clone(request, settings, emit)
    if isinstance(request, Move):
        return _move(request, settings, emit)
    if isinstance(request, CheckHealth):
        return Examined(health=_health(request, settings, emit))
    if isinstance(request, RemoveEnvironment):
        return _remove(request, settings, emit)
    if isinstance(request, Pack):
        return pack.pack(request, emit)
    if isinstance(request, Unpack):
        return pack.unpack(request, settings, emit)
    if isinstance(request, Adopt):
        return _adopt(request, settings, emit)
    if isinstance(request, Annotate):
        return _annotate(request, emit)
    return _change(request, settings, emit)


def _read(request: _Asked, emit: Emit) -> _Asked:
    """``request`` with its lock read, if that is another tool's, and what is to be known of the file told."""
    read = specfiles.with_lock(request, host.platform()) if isinstance(request, CreateEnvironment) else request
    for text in read.notes if isinstance(read, CreateEnvironment | ChangePackages) else ():
        emit(Message(level="warning", text=text))
    return cast("_Asked", read)


def _change(
    request: _Changing,
    settings: Settings,
    emit: Emit,
) -> Changed | Deferred:
    prefix = Path(request.prefix)
    with transaction.writer(prefix, _purpose(request), emit) as work:
        notes.check_changeable(prefix)
        solved = not isinstance(request, ApplyPlan | ApplyDeferred | Rollback)
        emit(Step(phase="solve", text="Solving" if solved else "Checking what there is"))
        plan = _plan(request, settings)
        if plan.changes:
            changes = tuple(change.brief for change in plan.changes)
            emit(Solved(changes=changes, download_bytes=plan.download_bytes))
        lacks = machine.lacks(plan.lock.packages) if plan.changes else []
        _warn_of(lacks, emit)
        kernels = _kernels_in_the_way(request, plan)
        if kernels:
            plan = transaction.fetch(work, plan, settings, emit)
            deferred.write(prefix, plan)
            return Deferred(plan=plan, kernels=kernels)
        last = history.latest(prefix)
        if (
            last is not None
            and not plan.changes
            and not plan.variables
            and not (plan.pip is not None and (plan.pip.changes or not plan.pip.resolved))
            and (plan.lock.specs, plan.lock.base) == (last.lock.specs, last.lock.base)
            and plan.lock.pip_specs == last.lock.pip_specs
        ):
            emit(Message(text=f"{prefix.name} is already as asked for"))
            number = last.number
        else:
            revision = transaction.apply(work, plan, settings, emit)
            plan, number = pip.done(plan, last.lock if last is not None else None, revision.lock), revision.number
            if isinstance(request, CreateEnvironment) and request.lock is not None:
                # Another tool's lock does not say what its packages need of the machine; their records do.
                _warn_of([one for one in machine.lacks(packages_in(prefix)) if one not in lacks], emit)
        deferred.drop(prefix)
    return Changed(environment=environments.describe(prefix), plan=plan, revision=number)


def _warn_of(lacks: Iterable[str], emit: Emit) -> None:
    for lack in lacks:
        emit(Message(level="warning", text=f"{lack} The environment is for another machine."))


def _plan(request: _Changing, settings: Settings) -> Plan:
    if isinstance(request, ApplyPlan):
        return _checked(request)
    if isinstance(request, ApplyDeferred):
        return _waiting(Path(request.prefix))
    return solve.plan(request, settings)


def _kernels_in_the_way(request: _Changing, plan: Plan) -> tuple[int, ...]:
    """Living kernels that may have loaded what the plan replaces, unless that is wanted all the same."""
    if isinstance(request, ChangePackages | Rollback | ApplyPlan) and request.when == "now":
        return ()
    return deferred.living_kernels(Path(plan.prefix)) if deferred.replaces(plan) else ()


def _waiting(prefix: Path) -> Plan:
    """The change that waits, if it can still be made as it was shown."""
    plan = deferred.read(prefix)
    if plan is None:
        raise NotFound(f"No change of {prefix.name} waits for the start of a kernel.", "There is nothing to do.")
    try:
        solve.check_waiting(plan)
    except Outdated:
        deferred.drop(prefix)
        raise
    return plan


def _checked(request: ApplyPlan) -> Plan:
    """The plan to apply, if it is sound and the environment is as it was when the plan was made."""
    if request.plan.prefix != request.prefix:
        raise InvalidRequest("The plan is for another environment than the request.", "Send the plan's own prefix.")
    lockfiles.check(request.plan.lock, "the plan")
    solve.check_current(request.plan)
    return request.plan


def _health(request: CheckHealth, settings: Settings, emit: Emit) -> Health:
    """Raises ReadOnly or Refused where something is to be mended that cannot be written, or is frozen."""
    place = Path(request.prefix)
    if request.fix:
        notes.check_changeable(place)
    try:
        staging.workspace(place)
    except ReadOnly:
        if request.fix:
            raise
        return repair.look(place, settings, emit)
    with transaction.undisturbed(place, f"looking at {place.name}", emit) as work:
        if request.fix:
            return repair.look_and_mend(place, work, settings, emit)
        return repair.look(place, settings, emit)


def _remove(request: RemoveEnvironment, settings: Settings, emit: Emit) -> Removed:
    prefix = Path(request.prefix)
    with transaction.writer(prefix, f"removing {prefix.name}", emit) as work:
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
    moved = clone.move(request, settings, emit)
    environments.forget(source)
    return moved


def _adopt(request: Adopt, settings: Settings, emit: Emit) -> Adopted:
    prefix = Path(request.prefix)
    with transaction.writer(prefix, f"adopting {prefix.name}", emit):
        lock = history.current_lock(prefix, host.platform())
        last = history.latest(prefix)
        if last is None:
            lock = pixi.asked(prefix, lock, settings, emit)
        if last is None or lock != last.lock:
            last = history.record(prefix, "adopt", lock, (), lock.specs)
        else:
            emit(Message(text=f"{prefix.name} is known as it is, as revision {last.number}"))
        environments.note(prefix)
        return Adopted(environment=environments.describe(prefix), lock=last.lock, revision=last.number)


def _annotate(request: Annotate, emit: Emit) -> Noted:
    prefix = Path(request.prefix)
    with transaction.writer(prefix, f"annotating {prefix.name}", emit):
        return Noted(prefix=request.prefix, notes=notes.change(prefix, request))


def _purpose(request: EngineRequest) -> str:
    """What is told to those who have to wait for this."""
    name = Path(request.prefix).name
    if isinstance(request, CreateEnvironment):
        return f"creating {name}"
    if isinstance(request, StackEnvironment):
        return f"stacking {name}"
    return f"changing {name}"
