"""What commands answer that are not jobs, beside the engine's own results: the last line of ``--json``."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import field

from ..engine.condarc import Source
from ..engine.errors import Failure
from ..engine.model import (
    Channel,
    ChannelPriority,
    Difference,
    Environment,
    ExportedFile,
    FoundPackages,
    Lock,
    Package,
    PackageVersions,
    PipPackage,
    Plan,
    Reasons,
    Result,
    RevisionSummary,
    Settings,
    Strategy,
)
from ..jobs.records import Outcome, State


class Environments(Result, frozen=True, kw_only=True, tag="environments"):
    """``list``"""

    environments: tuple[Environment, ...]


class Shown(Result, frozen=True, kw_only=True, tag="environment"):
    """``show``"""

    environment: Environment
    specs: tuple[str, ...] = ()
    """What was asked for."""
    pip_specs: tuple[str, ...] = ()
    """What was asked of pip."""
    channels: tuple[str, ...] = ()
    strategy: Strategy = Strategy()
    """How a change has packages chosen where it says nothing else."""
    revision: int = 0
    """Number of the present state; 0 where there is no history."""
    packages: tuple[Package, ...] = ()
    pip: tuple[PipPackage, ...] = ()
    """What pip or a person put there beside them."""
    deferred: Plan | None = None
    """What waits for the next start of a kernel."""


class Locked(Result, frozen=True, kw_only=True, tag="lock"):
    """``lock``"""

    lock: Lock
    path: str = ""
    """The file it was written to; empty when it was only asked for."""


class Exported(Result, frozen=True, kw_only=True, tag="exported"):
    """``export``, without a file to write to"""

    name: str
    """What such a file is usually called."""
    text: str
    beside: tuple[ExportedFile, ...] = ()
    """What it reads."""
    notes: tuple[str, ...] = ()
    """Why others cannot use it as it is, and what was left out."""


class History(Result, frozen=True, kw_only=True, tag="history"):
    """``history``"""

    revisions: tuple[RevisionSummary, ...]
    """Oldest first."""
    damaged: tuple[int, ...] = ()
    """Numbers of those that cannot be read."""
    lost: bool = False
    """Whether there were some, and none is there any more."""
    deferred: Plan | None = None
    """What waits for the next start of a kernel, and becomes a revision then."""


class Diff(Result, frozen=True, kw_only=True, tag="diff"):
    """``diff``"""

    difference: Difference


class Found(Result, frozen=True, kw_only=True, tag="found"):
    """``search``"""

    found: FoundPackages
    offset: int = 0
    """How many, before these, are left out."""
    fitting: dict[str, str] = field(default_factory=dict)
    """Name of each package -> its newest version that fits into the environment that was asked about; empty where none
    does."""


class Versions(Result, frozen=True, kw_only=True, tag="versions"):
    """``search --versions``"""

    package: PackageVersions


class Why(Result, frozen=True, kw_only=True, tag="why"):
    """``why``"""

    reasons: Reasons


class WhoConstrains(Result, frozen=True, kw_only=True, tag="who_constrains"):
    """``who-constrains``"""

    reasons: Reasons


class Activated(Result, frozen=True, kw_only=True, tag="activated"):
    """``activate``"""

    variables: dict[str, str]
    """All that a process of the environment has, and it has no other."""


class Written(Result, frozen=True, kw_only=True, tag="written"):
    """``--generate-config``, and what is given a file to write to"""

    path: str
    beside: tuple[str, ...] = ()
    """What else was written, for it to read."""


class Channels(Result, frozen=True, kw_only=True, tag="channels"):
    """``channel list``, ``add``, ``remove`` and ``logout``: what is configured, in order of priority."""

    channels: tuple[Channel, ...]
    channel_priority: ChannelPriority
    login_kept: str = ""
    """The host of a channel that was removed, where its login is still kept."""
    login_forgotten: str = ""
    """The host whose login was kept until now."""
    refused: Failure | None = None
    """Why there are no packages from them where a request names no channel; None where there are."""


class Configuration(Result, frozen=True, kw_only=True, tag="configuration"):
    """``config show``"""

    settings: Settings
    condarc: dict[str, Any]
    """What all ``.condarc`` say together."""
    unused: dict[str, str]
    """Settings of it that change nothing here, with the reason."""
    sources: tuple[Source, ...] = ()
    """What each of them says, weakest first; with ``--sources``."""


class Started(Result, frozen=True, kw_only=True, tag="started"):
    """``--detach``: the job that does it."""

    id: str


class JobSummary(Result, frozen=True, kw_only=True, tag="job"):
    """One job; the whole answer of ``jobs show`` and ``jobs cancel``."""

    id: str
    state: State
    verb: str
    words: str = ""
    """What it was asked for, such as ``add numpy``; empty where the verb says all."""
    prefix: str
    created: datetime
    host: str
    """Where it was started."""
    outcome: Outcome | None = None
    """How it ended; left out of lists."""


class Jobs(Result, frozen=True, kw_only=True, tag="jobs"):
    """``jobs list``"""

    jobs: tuple[JobSummary, ...]


Answer = (
    Environments
    | Shown
    | Locked
    | Exported
    | History
    | Diff
    | Found
    | Versions
    | Why
    | WhoConstrains
    | Activated
    | Channels
    | Configuration
    | Written
    | Started
    | JobSummary
    | Jobs
)
