"""What every plan is made of, and whether one still fits what there is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import fields, replace

from . import changes, channel_list, deferred, environments, history, lockfiles, offline, sites, stack
from . import prefix as prefixes
from .channels import redact
from .errors import InvalidRequest, Outdated, StorageError
from .model import Base, Change, Lock, Package, Plan, Settings, digest
from .rattler import host, matchspec, package_cache


def draft(prefix: str, verb: str, before: Lock | None, lock: Lock, settings: Settings) -> Plan:
    """What turns ``before`` into ``lock``; None is nothing, where a new environment is made.

    Raises Refused where packages would come from channels that may not be used, and ChannelError where they would have
    to be fetched and must not be."""
    found = changes.compare(before.packages if before is not None else (), lock.packages)
    check_channels(found, settings)
    incoming = _incoming(found)
    there = package_cache.cached(incoming, Path(settings.cache_dir))
    if settings.offline:
        offline.check([package for package in incoming if package.name not in there])
    return Plan(
        prefix=prefix,
        verb=verb,
        before=_state(Path(prefix), before),
        lock=lock,
        changes=found,
        download_bytes=sum(package.size for package in incoming if package.name not in there),
    )


def check_channels(found: Iterable[Change], settings: Settings) -> None:
    """Raises Refused where packages come anew from a channel that may not be used. What is there stays of use."""
    channel_list.check_packages(_incoming(found), settings)


def _incoming(found: Iterable[Change]) -> list[Package]:
    return [change.after for change in found if change.after is not None]


def check_lock(lock: Lock, source: str, *, bare: bool = False) -> None:
    """Raises InvalidRequest or Outdated unless ``lock`` can be made into an environment here and now."""
    lockfiles.check(lock, source, bare=bare)
    if lock.base is not None and not _is_as_locked(lock.base):
        raise Outdated(
            f"This lock stands on {lock.base.prefix}, which is not as it was when the lock was made.",
            "Stack the same requests on it again with `jupyter condaenv stack`.",
            base=lock.base.prefix,
        )
    if lock.platform != host.platform():
        raise InvalidRequest(
            f"{source} is for {lock.platform}, and this machine is {host.platform()}.",
            "Lock the same requests on this machine.",
        )


def sealed(made: Plan) -> Plan:
    """``made``, to be shown and passed on."""
    return replace(made, seal=_seal(made))


def check_seal(made: Plan) -> None:
    """Raises InvalidRequest where ``made`` is not as ``sealed`` has made it: whoever wants to can seal it again, but
    nobody alters it unnoticed."""
    if made.seal != _seal(made):
        raise InvalidRequest(
            "The plan is not as it was made: somebody has altered it, or another version made it.",
            "Make it again, look at it, and apply it as it is.",
        )


def _seal(made: Plan) -> str:
    return hashlib.sha256(msgspec.json.encode(_said(replace(made, seal="")), order="sorted")).hexdigest()


def _said(value: Any) -> Any:
    """``value`` without what is as it would be if nobody had said it, so that a version that can say more agrees."""
    if isinstance(value, msgspec.Struct):
        own = {field.name: getattr(value, field.name) for field in fields(value)}
        return {field.name: _said(own[field.name]) for field in fields(value) if own[field.name] != field.default}
    if isinstance(value, str):
        return redact(value)  # as jobs keep it
    return [_said(one) for one in value] if isinstance(value, tuple) else value


def check_current(made: Plan) -> None:
    """Raises Outdated unless the environment, and the one it stands on, are as they were when the plan was made, and
    InvalidRequest where what the plan shows is not what its lock would do to it."""
    now = _now(made)
    if _state(Path(made.prefix), now) != made.before:
        raise _outdated(made)
    if changes.compare(now.packages if now is not None else (), made.lock.packages) != made.changes:
        raise InvalidRequest(
            "The changes that the plan shows are not those that its lock would make.",
            "Somebody has altered it. Make it again, or compare with a copy that you trust.",
        )
    _check_place(made)


def check_waiting(made: Plan) -> None:
    """As ``check_current``, for a plan that waits for the next start of a kernel: what a person has installed with pip
    meanwhile is no reason to drop it, for every change carries that along."""
    now = _now(made)
    if now is None or not _still_waits(made, now):
        raise _outdated(made)
    _check_place(made)


def waiting(prefix: Path, installed: Lock) -> Plan | None:
    """What waits for the next start of a kernel, and will be done then."""
    found = deferred.read(prefix)
    return found if found is not None and _still_waits(found, installed) else None


def _still_waits(waiting: Plan, now: Lock) -> bool:
    return _state(Path(waiting.prefix), now) == waiting.before or _carries(waiting, now)


def _carries(made: Plan, now: Lock) -> bool:
    """Whether ``made`` does to ``now`` what it was shown to do, but for what was installed with pip by hand."""
    prefix = Path(made.prefix)
    by_name = {package.name: package for package in made.lock.packages}
    pinned = ((pin, by_name.get(matchspec.spec_name(pin))) for pin in prefixes.pins(prefix))
    by_hand = {one.name for one in sites.listed(prefix, now)} - {one.name for one in now.pip}
    return (
        changes.compare(now.packages, made.lock.packages) == made.changes
        and all(package is None or matchspec.matches(pin, package) for pin, package in pinned)
        and by_hand.isdisjoint(one.name for one in made.lock.pip)
    )


def _now(made: Plan) -> Lock | None:
    prefix = Path(made.prefix)
    return history.current_lock(prefix) if environments.is_environment(prefix) else None


def _outdated(made: Plan) -> Outdated:
    return Outdated(
        f"{made.prefix} has changed since this plan was made.",
        "Nothing was done. Make the plan again and look at it.",
        prefix=made.prefix,
    )


def _check_place(made: Plan) -> None:
    if not made.before:
        environments.check_free(made.prefix)
    if (base := made.lock.base) is not None and not _is_as_locked(base):
        raise Outdated(
            f"{base.prefix}, on which {Path(made.prefix).name} stands, has changed since this plan was made.",
            "Nothing was done. Make the plan again and look at it.",
            base=base.prefix,
        )


def _is_as_locked(base: Base) -> bool:
    there = environments.is_environment(Path(base.prefix))
    return there and stack.base_of(Path(base.prefix)).digest == base.digest == digest(base.packages, base.pip)


def _state(prefix: Path, now: Lock | None) -> str:
    """A sha256 over what a plan for ``prefix``, whose lock is ``now``, is made from: packages, also those that a person
    has installed with pip, and pins. Empty where there is no environment."""
    if now is None:
        return ""
    pins: tuple[str, ...] = ()
    with suppress(StorageError, InvalidRequest):  # where they matter nothing is planned without them
        pins = prefixes.pins(prefix)
    lines = [now.digest, *(f"pip {one}" for one in sites.listed(prefix, now)), *(f"pin {pin}" for pin in pins)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
