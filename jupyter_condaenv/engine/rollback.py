"""From a revision to a plan that makes an environment as it was then."""

from __future__ import annotations

from pathlib import Path

from msgspec.structs import replace

from . import bases, deferred, environments, history, pip, plans, staging
from . import prefix as prefixes
from .errors import Broken, NotFound, Refused
from .model import Lock, Plan, Revision, Rollback, Settings
from .rattler import host
from .telling import enumerated


def plan(request: Rollback, settings: Settings) -> Plan:
    """What brings the packages and the variables back. Needs no solve, nor a channel for what is cached.

    Raises NotFound, Broken, Refused, Outdated, InvalidRequest or StorageError."""
    prefix = Path(request.prefix)
    environments.check_exists(prefix)
    staging.workspace(prefix)  # says early when the environment cannot be written
    now = history.current_lock(prefix, host.platform())
    wanted = _revision(prefix, request.revision, now)
    lock = _on_base_now(wanted, prefix)
    plans.check_lock(lock, f"revision {wanted.number} of {prefix.name}")
    made = plans.draft(request.prefix, "rollback", now, lock, settings)
    there, then = prefixes.variables(prefix), wanted.variables
    made = replace(
        made,
        words=f"rollback to {wanted.number}",
        variables=tuple(one for one in then or () if there.get(one.name) != one.value),
        unset=tuple(there.keys() - {one.name for one in then}) if then is not None else (),
    )
    return pip.planned(made, now, settings, exact=True)


def base_moved(request: Rollback, plan: Plan) -> str:
    """What tells that ``plan``, made for ``request``, is not for what the environment stood on then; else empty."""
    prefix = Path(request.prefix)
    wanted = _revision(prefix, request.revision, history.current_lock(prefix, host.platform()))
    if plan.lock.base is None or plan.lock.base == wanted.lock.base:
        return ""
    return (
        f"{plan.lock.base.prefix}, on which {prefix.name} stands, has changed since revision {wanted.number}: "
        f"what {prefix.name} had then comes onto it as it is now"
    )


def _on_base_now(wanted: Revision, prefix: Path) -> Lock:
    """The lock of ``wanted``, on what its base is now. Raises Refused where it does not go with that."""
    base = bases.now(wanted.lock)
    if base is None or base == wanted.lock.base:
        return wanted.lock
    found = bases.misfits(wanted.lock, base)
    if found:
        raise Refused(
            f"What {prefix.name} had at revision {wanted.number} does not go with {base.prefix} as that is now: "
            f"{'; '.join(found)}.",
            "Nothing was changed. `jupyter condaenv add` and `jupyter condaenv remove` choose what goes with it.",
            revision=wanted.number,
            base=base.prefix,
        )
    return replace(wanted.lock, base=base)


def _revision(prefix: Path, number: int, now: Lock) -> Revision:
    """The revision to go back to: the one with ``number``, or the last that is not as things are now."""
    waiting = plans.waiting(prefix, now)
    if not number and waiting is not None:
        raise Refused(
            f"The last change of {prefix.name} waits for the next start of a kernel: {deferred.words(waiting)}.",
            "Give it up, or say by its number which revision to go back to.",
            waiting=deferred.words(waiting),
        )
    if not number:
        return _last_that_differs(prefix, now)
    wanted = history.revision(prefix, number)
    if _is(wanted, prefix, now):
        already = f"{prefix.name} is as it was at revision {number} already"
        if waiting is not None:
            raise Refused(
                f"{already}. What waits for the next start of a kernel: {deferred.words(waiting)}.",
                "Give up what waits, if it is to stay so.",
                waiting=deferred.words(waiting),
            )
        raise Refused(f"{already}.", "`jupyter condaenv history` shows the others.", revision=number)
    return wanted


def _last_that_differs(prefix: Path, now: Lock) -> Revision:
    found, damaged = history.readable(prefix)
    earlier = next((one for one in reversed(found) if not _is(one, prefix, now)), None)
    lost = [number for file in damaged if (number := history.number_of(file)) > (earlier.number if earlier else 0)]
    if lost:
        raise Broken(
            f"Revision {enumerated(list(map(str, lost)))} of {prefix.name} is damaged, and may be what was before.",
            "Say by its number which to go back to: `jupyter condaenv history` shows those there are.",
            revisions=lost,
        )
    if earlier is None:
        raise NotFound(f"{prefix.name} has not been otherwise than it is now.", "There is nothing to go back to.")
    return earlier


def _is(state: Revision, prefix: Path, now: Lock) -> bool:
    """Whether the environment at ``prefix``, whose lock is ``now``, is as it was then."""
    then = None if state.variables is None else {one.name: one.value for one in state.variables}
    return _same(state.lock, now) and then in (None, prefixes.variables(prefix))


def _same(one: Lock, other: Lock) -> bool:
    """Whether an environment of ``one`` is that of ``other``, whatever has become of what it stands on."""
    return (one.digest, one.specs, one.pip_specs) == (other.digest, other.specs, other.pip_specs)
