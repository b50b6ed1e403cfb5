"""What clients are answered, beside the engine's own nouns, as types."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import Struct

from ..engine.condarc import Source
from ..engine.errors import Failure
from ..engine.formats.specfile import Format
from ..engine.model import (
    Channel,
    ChannelPriority,
    Environment,
    KernelOptions,
    Package,
    PipPackage,
    RevisionSummary,
    Settings,
)
from ..jobs import Job, NumberedEvent, Outcome, State

MOST_EVENTS = 1000
"""In one answer."""


class Answer(Struct, frozen=True, kw_only=True):
    """What is answered as JSON."""


class Environments(Answer, frozen=True, kw_only=True):
    """Environments, sorted by name."""

    environments: tuple[Environment, ...]


class EnvironmentDetail(Answer, frozen=True, kw_only=True):
    """An environment: what was asked for (`specs`), where from, the number of its present `revision` (0 where there is
    none), and whether a change waits for the next start of its kernel (`deferred`)."""

    environment: Environment
    specs: tuple[str, ...]
    channels: tuple[str, ...]
    revision: int
    deferred: bool


class ReadFile(Answer, frozen=True, kw_only=True):
    """What a file was taken for and asks for: the name of the environment where it gives one, the channels, how many
    `packages` of conda (null where a lock is too large to be counted at once) and how many `pip` requirements, and what
    a person should know of how it was read (`notes`). Where it has several `environments`, one can be chosen."""

    format: Format
    name: str
    channels: tuple[str, ...]
    packages: int | None
    pip: int
    environments: tuple[str, ...]
    notes: tuple[str, ...]


class Packages(Answer, frozen=True, kw_only=True):
    """What lies in the prefix, sorted by name; beside conda's packages what `pip` or a person put there."""

    packages: tuple[Package, ...]
    pip: tuple[PipPackage, ...]


class Revisions(Answer, frozen=True, kw_only=True):
    """Oldest first; `damaged` are the numbers of those that cannot be read."""

    revisions: tuple[RevisionSummary, ...]
    damaged: tuple[int, ...]


class Kernel(Answer, frozen=True, kw_only=True):
    """The names of the kernelspecs that start it; none where it has no ipykernel."""

    kernels: tuple[str, ...]
    options: KernelOptions


class Terminal(Answer, frozen=True, kw_only=True):
    """What Jupyter calls it, at `api/terminals/{name}`."""

    name: str


class JobSummary(Answer, frozen=True, kw_only=True):
    """One job. `host` is where it was started, `author` by whom; `planned` is what a plan does that it applies:
    `create`, `stack`, `add`, `update`, `remove` or `rollback`. `words` say what was asked for, such as `add numpy`,
    where the verb does not."""

    id: str
    state: State
    verb: str
    planned: str = ""
    words: str = ""
    prefix: str
    created: datetime
    host: str
    author: str


class JobHistory(JobSummary, frozen=True, kw_only=True):
    """One job with its events. `outcome` says how it ended and is null while it goes on; `more` that there are further
    events to be asked for at once, after the last of these."""

    outcome: Outcome | None
    events: tuple[NumberedEvent, ...]
    more: bool


class JobList(Answer, frozen=True, kw_only=True):
    """Newest first."""

    jobs: tuple[JobSummary, ...]


class Channels(Answer, frozen=True, kw_only=True):
    """Where packages come from when a request names no channels, in order of priority."""

    channels: tuple[Channel, ...]
    channel_priority: ChannelPriority
    login_kept: str = ""
    """The host of a channel that was removed, where its login is still kept."""
    login_forgotten: str = ""
    """The host whose login was kept until now."""
    refused: Failure | None = None
    """Why there are no packages from them where a request names no channel; null where there are."""


class Configuration(Answer, frozen=True, kw_only=True):
    """What the engine is told (`settings`); what all `.condarc` say together, of which `unused` names settings that
    change nothing here, with the reason; and what each of them says, and each of Jupyter's files, weakest first.
    Without tokens and passwords."""

    settings: Settings
    condarc: dict[str, Any]
    unused: dict[str, str]
    sources: tuple[Source, ...]


def summary(job: Job) -> JobSummary:
    return JobSummary(state=job.state, **_heading(job))


def history(job: Job, since: int) -> JobHistory:
    """``job`` and as many of its events after number ``since`` as fit into an answer."""
    outcome = job.outcome()  # before the events: where there is one, there are no later events
    state = outcome.state if outcome else job.state
    events = job.events(since)
    return JobHistory(
        state=state,
        outcome=outcome,
        events=tuple(events[:MOST_EVENTS]),
        more=len(events) > MOST_EVENTS,
        **_heading(job),
    )


def _heading(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "verb": job.verb,
        "planned": job.planned,
        "words": job.words,
        "prefix": job.prefix,
        "created": job.created,
        "host": job.host,
        "author": job.author,
    }
