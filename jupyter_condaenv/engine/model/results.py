"""What an operation answers."""

from __future__ import annotations

from msgspec import Struct

from .channels import ChannelReport
from .environments import Environment, Lock, LockFile, Notes
from .explanations import Explanation
from .health import Health
from .plans import Plan
from .search import ChannelIndex
from .storage import Storage, Unneeded


class Result(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="result"):
    """What an operation returns."""


class Planned(Result, frozen=True, kw_only=True, tag="planned"):
    plan: Plan


class Explained(Result, frozen=True, kw_only=True, tag="explained"):
    explanation: Explanation


class Changed(Result, frozen=True, kw_only=True, tag="changed"):
    """The environment was made or changed; ``plan`` is what was done to it."""

    environment: Environment
    plan: Plan
    revision: int


class Deferred(Result, frozen=True, kw_only=True, tag="deferred"):
    """The change is fetched and waits for the next start of a kernel, because ``kernels`` (process ids) live."""

    plan: Plan
    kernels: tuple[int, ...]


class Dropped(Result, frozen=True, kw_only=True, tag="dropped"):
    """``plan``, which waited for the next start of a kernel, is given up; null where it could not be read."""

    plan: Plan | None


class Removed(Result, frozen=True, kw_only=True, tag="removed"):
    prefix: str
    kernels: tuple[str, ...] = ()


class Adopted(Result, frozen=True, kw_only=True, tag="adopted"):
    """The environment has a revision, with this lock."""

    environment: Environment
    lock: Lock
    revision: int


class Locked(Result, frozen=True, kw_only=True, tag="locked"):
    """Each platform that was asked for is in the file."""

    file: LockFile


class Packed(Result, frozen=True, kw_only=True, tag="packed"):
    """The environment is in the file at ``path``, of ``size`` bytes."""

    prefix: str
    path: str
    size: int


class Moved(Result, frozen=True, kw_only=True, tag="moved"):
    """The environment is where it was wanted, and no longer at ``source``."""

    environment: Environment
    source: str
    revision: int


class Noted(Result, frozen=True, kw_only=True, tag="noted"):
    prefix: str
    notes: Notes


class Registered(Result, frozen=True, kw_only=True, tag="registered"):
    """The kernel was written; ``environment`` names it."""

    environment: Environment


class Measured(Result, frozen=True, kw_only=True, tag="measured"):
    storage: Storage


class Scanned(Result, frozen=True, kw_only=True, tag="scanned"):
    """All ``environments`` that are known now."""

    environments: tuple[Environment, ...]
    new: tuple[str, ...] = ()
    """Prefixes of those that were not known before."""
    gone: tuple[str, ...] = ()
    """Prefixes of those that the last scan has found, and that are no longer there."""
    kernels: tuple[str, ...] = ()
    """Names of the kernelspecs that were written."""
    removed: tuple[str, ...] = ()
    """Names of those that were removed, because their environment is gone."""
    looked_at: int = 0
    """Names of files and folders that were looked at."""


class Indexed(Result, frozen=True, kw_only=True, tag="indexed"):
    indexes: tuple[ChannelIndex, ...]
    failed: tuple[str, ...] = ()
    """Channels that could not be read; where there was an index of them, it is as it was."""


class BuiltPackage(Struct, frozen=True, kw_only=True):
    """One that was built, as the file at ``path``, of ``size`` bytes."""

    name: str
    version: str
    build: str
    subdir: str
    path: str
    size: int


class Built(Result, frozen=True, kw_only=True, tag="built"):
    """The packages are in the channel ``channel``: a URL, or ``local``."""

    channel: str
    packages: tuple[BuiltPackage, ...]


class Checked(Result, frozen=True, kw_only=True, tag="checked"):
    """Each channel that was asked for, in that order."""

    channels: tuple[ChannelReport, ...]


class Cleaned(Result, frozen=True, kw_only=True, tag="cleaned"):
    """What was deleted or, in a preview, would be."""

    items: tuple[Unneeded, ...]
    preview: bool

    @property
    def bytes(self) -> int:
        return sum(item.bytes for item in self.items)


class Examined(Result, frozen=True, kw_only=True, tag="examined"):
    health: Health


AnyResult = (
    Adopted
    | Built
    | Checked
    | Planned
    | Explained
    | Changed
    | Deferred
    | Dropped
    | Locked
    | Moved
    | Noted
    | Packed
    | Removed
    | Registered
    | Measured
    | Scanned
    | Indexed
    | Examined
    | Cleaned
)
