"""Changing what is in an environment, or making one: planned, explained, and carried out."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias, TypeVar, cast

from msgspec.structs import replace

from . import (
    deferred,
    environments,
    explain,
    history,
    lockfiles,
    machine,
    notes,
    pip,
    plans,
    requested,
    requirements,
    rollback,
    solve,
    specfiles,
    transaction,
    writers,
)
from .channels import redact
from .errors import InvalidRequest, Outdated
from .model import (
    ApplyDeferred,
    ApplyPlan,
    Changed,
    ChangePackages,
    CreateEnvironment,
    Deferred,
    Explain,
    Explained,
    LockPlatforms,
    Message,
    Plan,
    Plannable,
    Planned,
    PlanRequest,
    Rollback,
    Settings,
    Solved,
    StackEnvironment,
    Step,
    WhyNot,
)
from .prefix import packages as packages_in
from .rattler import host, matchspec
from .telling import Emit

Changing: TypeAlias = CreateEnvironment | ChangePackages | StackEnvironment | Rollback | ApplyPlan | ApplyDeferred

_Asked = TypeVar("_Asked", bound=Plannable)


def look_ahead(request: PlanRequest | Explain | WhyNot, settings: Settings, emit: Emit) -> Planned | Explained:
    """What a change would do, or why it cannot be; nothing is changed. Raises as :func:`change`."""
    if isinstance(request, PlanRequest):
        notes.check_changeable(Path(request.prefix))
        wanted = _read(request.request, emit)
        _tell_what_is_left_out(wanted, emit)
        emit(Step(phase="solve", text="Solving"))
        plan = solve.dry_run(wanted, settings)
        _tell_what_is_replaced(wanted, plan, emit)
        _tell_what_moved_below(wanted, plan, emit)
        return Planned(plan=plans.sealed(_without_secrets(plan, emit)))
    if isinstance(request, Explain):
        emit(Step(phase="solve", text="Solving"))
        asked = request.request
        assert not isinstance(asked, LockPlatforms)
        explained = explain.explain(solve.wanted(_read(asked, emit), settings), settings, request.seconds, emit)
        return Explained(explanation=explained)
    emit(Step(phase="solve", text="Solving"))
    absent = solve.wanted(ChangePackages(prefix=request.prefix, add=(request.spec,)), settings)
    explained = explain.why_not(absent, request.spec, settings, request.seconds, emit)
    return Explained(explanation=explain.with_pip(explained, Path(request.prefix)))


def _without_secrets(plan: Plan, emit: Emit) -> Plan:
    """``plan`` without the variables that hold a login: plans are kept and passed on, and without it they are wrong."""
    left_out = {one.name for one in plan.variables if redact(one.value) != one.value}
    if left_out:
        names = ", ".join(sorted(left_out))
        text = f"A plan keeps no secret, so applying it leaves these variables as they are: {names}"
        emit(Message(level="warning", text=text))
    return replace(plan, variables=tuple(one for one in plan.variables if one.name not in left_out))


def _tell_what_is_left_out(request: Changing | Plannable, emit: Emit) -> None:
    """Tell what of conda's history is no request, where another tool has made the environment, or changed it."""
    prefix = Path(request.prefix)
    if isinstance(request, ChangePackages) and environments.is_environment(prefix):
        last, now = history.latest(prefix), history.current_lock(prefix)
        if last is None or now != last.lock:
            requested.told(prefix, now, emit)


def _tell_what_is_replaced(request: Changing | Plannable, plan: Plan, emit: Emit) -> None:
    """Tell of each earlier request for a package whose place one of ``request`` takes."""
    if not isinstance(request, ChangePackages):
        return
    before, _ = requested.sound(history.current_lock(Path(request.prefix)))
    for name_of, earlier, now in (
        (matchspec.spec_name, before.specs, plan.lock.specs),
        (requirements.name_of, before.pip_specs, plan.lock.pip_specs),
    ):
        for name in dict.fromkeys(map(name_of, earlier)):
            old, new = ([text for text in texts if name_of(text) == name] for texts in (earlier, now))
            if new and old != new:
                emit(Message(text=f"{name} was asked for as {', '.join(old)}, and now is as {', '.join(new)}"))


def _tell_what_moved_below(request: Changing | Plannable, plan: Plan, emit: Emit) -> None:
    """Tell where what comes back does not come back to what it stood on then."""
    if isinstance(request, Rollback) and (text := rollback.base_moved(request, plan)):
        emit(Message(text=text))


def _read(request: _Asked, emit: Emit) -> _Asked:
    """``request`` with its lock read, if that is another tool's, and what is to be known of the file told."""
    read = specfiles.with_lock(request, host.platform()) if isinstance(request, CreateEnvironment) else request
    for text in read.notes if isinstance(read, CreateEnvironment | ChangePackages) else ():
        emit(Message(level="warning", text=text))
    return cast("_Asked", read)


def change(request: Changing, settings: Settings, emit: Emit) -> Changed | Deferred:
    """Raises a CondaEnvError; the environment is then as it was."""
    if isinstance(request, CreateEnvironment | ChangePackages):
        request = _read(request, emit)
    prefix = Path(request.prefix)
    with writers.writer(prefix, _purpose(request), emit) as work:
        notes.check_changeable(prefix)
        _tell_what_is_left_out(request, emit)
        solved = not isinstance(request, ApplyPlan | ApplyDeferred | Rollback)
        emit(Step(phase="solve", text="Solving" if solved else "Checking what there is"))
        plan = _plan(request, settings)
        _tell_what_is_replaced(request, plan, emit)
        _tell_what_moved_below(request, plan, emit)
        if plan.changes:
            changes = tuple(change.brief for change in plan.changes)
            emit(Solved(changes=changes, unasked=plan.unasked, download_bytes=plan.download_bytes))
        lacks = machine.lacks(plan.lock.packages) if plan.changes else []
        _warn_of(lacks, emit)
        waiting = deferred.read(prefix)
        if waiting is not None and not isinstance(request, ApplyDeferred) and not deferred.is_part_of(waiting, plan):
            emit(Message(level="warning", text=f"What waited is given up: {deferred.words(waiting)}"))
        kernels = _kernels_in_the_way(request, plan)
        if kernels:
            plan = transaction.fetch(work, plan, settings, emit)
            deferred.write(prefix, plan)
            return Deferred(plan=plan, kernels=kernels)
        last = history.latest(prefix)
        if (
            last is not None
            and not plan.changes
            and not (plan.variables or plan.unset)
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


def _plan(request: Changing, settings: Settings) -> Plan:
    if isinstance(request, ApplyPlan):
        return _checked(request, settings)
    if isinstance(request, ApplyDeferred):
        return _waiting(Path(request.prefix), settings)
    return solve.plan(request, settings)


def _kernels_in_the_way(request: Changing, plan: Plan) -> tuple[int, ...]:
    """Living kernels that may have loaded what the plan replaces, unless that is wanted all the same."""
    if isinstance(request, ChangePackages | Rollback | ApplyPlan) and request.when == "now":
        return ()
    return deferred.living_kernels(Path(plan.prefix)) if deferred.replaces(plan) else ()


def _waiting(prefix: Path, settings: Settings) -> Plan:
    """The change that waits, if it can still be made as it was shown."""
    plan = deferred.waiting(prefix)
    try:
        plans.check_waiting(plan)
    except Outdated:
        deferred.drop(prefix)
        raise
    plans.check_channels(plan.changes, settings)
    return plan


def _checked(request: ApplyPlan, settings: Settings) -> Plan:
    """The plan to apply, if it is sound and the environment is as it was when the plan was made."""
    if request.plan.prefix != request.prefix:
        raise InvalidRequest("The plan is for another environment than the request.", "Send the plan's own prefix.")
    plans.check_seal(request.plan)
    lockfiles.check(request.plan.lock, "The plan")
    plans.check_current(request.plan)
    plans.check_channels(request.plan.changes, settings)
    return request.plan


def _purpose(request: Changing) -> str:
    """What is told to those who have to wait for this."""
    name = Path(request.prefix).name
    if isinstance(request, CreateEnvironment):
        return f"creating {name}"
    if isinstance(request, StackEnvironment):
        return f"stacking {name}"
    return f"changing {name}"
