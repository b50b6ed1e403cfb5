"""What is written into a job's folder, as types."""

from __future__ import annotations

import platform
from datetime import datetime, timezone
from functools import cache
from typing import Any, Literal, TypeVar, get_args

import msgspec
from msgspec import Struct

from ..engine.channels import SCHEME_END, redact
from ..engine.errors import Failure
from ..engine.model import AnyEvent, AnyRequest, AnyResult, Settings
from . import processes

Ended = Literal["succeeded", "failed", "cancelled"]
State = Literal["queued", "running", Ended]
ENDED = get_args(Ended)

T = TypeVar("T")


class Machine(Struct, frozen=True):
    """Where process ids can be compared: the same host, not restarted since, and the same container."""

    host: str
    boot_id: str = ""
    pid_namespace: str = ""


class Owner(Struct, frozen=True, kw_only=True):
    """The process that answers for a job: the starter until the supervisor has taken over."""

    machine: Machine
    pid: int
    started: str
    """Its start, as ``processes.started`` gives it."""
    worker_pid: int = 0
    """0 until there is a worker."""


class Assignment(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the worker is told, by a pipe: it may hold the secrets that no file may."""

    request: AnyRequest
    settings: Settings
    perform: str


class Written(Struct, frozen=True, kw_only=True):
    """``request.json``: the assignment without secrets, and whose it is."""

    created: datetime
    host: str
    author: str
    perform: str
    words: str = ""
    """What is asked for, as ``Job.words``."""
    request: AnyRequest
    settings: Settings


class PlanTopic(Struct, frozen=True):
    """As much of a plan as a list shows."""

    verb: str


class Topic(Struct, frozen=True):
    """As much of a request as a list shows."""

    verb: str
    prefix: str = ""
    plan: PlanTopic | None = None


class Heading(Struct, frozen=True):
    """As much of ``request.json`` as a list shows. Decoding it skips the locks and plans that make requests big."""

    created: datetime
    host: str
    author: str
    request: Topic
    words: str = ""


class NumberedEvent(Struct, frozen=True, kw_only=True):
    """One line of ``events.jsonl``. Numbers start at 1 and have no gaps; ``time`` is the worker's clock, in UTC."""

    number: int
    time: datetime
    event: AnyEvent


class Outcome(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``result.json``: how a job ended. ``result`` when it succeeded, else ``failure``."""

    state: Ended
    time: datetime
    result: AnyResult | None = None
    failure: Failure | None = None

    def __post_init__(self) -> None:
        if [self.result is None, self.failure is None] != [self.state != "succeeded", self.state == "succeeded"]:
            raise ValueError(f"{self.state} with the wrong one of `result` and `failure`")


def now() -> datetime:
    """The time of this machine, in UTC."""
    return datetime.now(timezone.utc)


@cache
def this_machine(host: str = "") -> Machine:
    """Where this process runs; ``host`` is what it is called, where the system's own name does not tell it apart."""
    return Machine(host or platform.node(), processes.boot_id(), processes.pid_namespace())


def without_secrets(value: T) -> T:
    """``value`` with every URL in it stripped of tokens and passwords."""
    plain = msgspec.to_builtins(value)
    cleaned = _cleaned(plain)
    return value if cleaned == plain else msgspec.convert(cleaned, type(value))


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        # Only URLs: a directory that is called t is nobody's token.
        return redact(value) if SCHEME_END.search(value) else value
    if isinstance(value, list | tuple):
        return [_cleaned(item) for item in value]
    if isinstance(value, dict):
        return {key: _cleaned(item) for key, item in value.items()}
    return value
