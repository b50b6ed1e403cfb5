"""What the engine is asked: each verb is one type."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from .environments import Dependencies, ForeignLock, KernelOptions, Lock, LockFormat, Strategy, Target, Variable
from .plans import Plan, When
from .storage import CleanKind


class Request(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, tag_field="verb"):
    """What every request has in common: ``prefix`` is the environment it makes or changes."""

    prefix: str


class Origin(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The file that a request was made of, and the lines in it."""

    file: str
    specs: dict[str, int] = {}
    """Where the package requests stand, as far as that is known."""
    channels: dict[str, int] = {}


class CreateEnvironment(Request, frozen=True, kw_only=True, tag="create"):
    """A new environment, from specs or, when ``lock`` is given, from exactly its packages."""

    specs: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    """Names or URLs in order of priority; empty: the configured ones."""
    pip: tuple[str, ...] = ()
    """Requirements for pip (PEP 508), fulfilled when conda's packages are in place."""
    lock: Lock | None = None
    foreign_lock: ForeignLock | None = None
    """In place of ``lock``."""
    variables: tuple[Variable, ...] = ()
    """Set wherever the environment is active."""
    notes: tuple[str, ...] = ()
    """What a person should know of how the file was read that this was made of; told first."""
    origin: Origin | None = None
    """Where errors are then said to stand."""
    strategy: Strategy = Strategy()
    kept_strategy: Strategy = Strategy()
    """How later changes choose where they say nothing else: as the file says that this was made of."""
    display_name: str = ""


class ChangePackages(Request, frozen=True, kw_only=True, tag="change"):
    """Add, update and remove packages in one step. What is installed moves only where it must."""

    add: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()
    """Requirements for pip (PEP 508), beside those that it has fulfilled before."""
    remove: tuple[str, ...] = ()
    """Names of packages, also of pip's."""
    update: tuple[str, ...] = ()
    """Names of packages that may move to their newest version."""
    update_all: bool = False
    """All packages may."""
    prune: bool = False
    """``add`` and ``pip`` are all that is asked for from now on: what was asked for before, or by nobody, goes unless
    they need it, and ``channels``, where there are any, take the place of those that the environment uses."""
    dependencies: Dependencies = "keep"
    channels: tuple[str, ...] = ()
    """Searched besides those the environment already uses, after them."""
    variables: tuple[Variable, ...] = ()
    """Set wherever the environment is active, beside those that are set already."""
    notes: tuple[str, ...] = ()
    origin: Origin | None = None
    """Both as in ``CreateEnvironment``."""
    strategy: Strategy = Strategy()
    when: When = "next_start"


class StackEnvironment(Request, frozen=True, kw_only=True, tag="stack"):
    """A new overlay: ``specs`` on top of the environment at ``base``, which is not changed."""

    base: str
    specs: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    strategy: Strategy = Strategy()
    display_name: str = ""


class Clone(Request, frozen=True, kw_only=True, tag="clone"):
    """A new environment with all that is in the one at ``source``, also what pip and its user put there."""

    source: str
    display_name: str = ""


class Move(Request, frozen=True, kw_only=True, tag="move"):
    """The environment at ``source`` with all that is in it, its history and its notes, under another name or in another
    place. Its kernels are then other ones too, with the options they had."""

    source: str


class Adopt(Request, frozen=True, kw_only=True, tag="adopt"):
    """An environment that conda, mamba or pixi made, as it is: its first revision, and its kernel. It stays one of
    theirs as well."""

    display_name: str = ""


class Pack(Request, frozen=True, kw_only=True, tag="pack"):
    """The environment as one file at ``output``, whose ending tells the format (``pack.FORMATS``)."""

    output: str
    force: bool = False
    """Also in the place of a file that is there."""


class Unpack(Request, frozen=True, kw_only=True, tag="unpack"):
    """A new environment, of what conda-pack has put into the file at ``archive``."""

    archive: str
    display_name: str = ""


class Annotate(Request, frozen=True, kw_only=True, tag="annotate"):
    """What is noted of the environment; what is left out stays as it is."""

    protected: bool | None = None
    frozen: bool | None = None
    message: Annotated[str, Meta(max_length=1000)] = ""
    """Why it is frozen: shown to whoever wants to change it, by conda too."""
    tag: tuple[str, ...] = ()
    """To be added."""
    untag: tuple[str, ...] = ()
    """To be taken away."""
    note: Annotated[str, Meta(max_length=10_000)] | None = None


class Rollback(Request, frozen=True, kw_only=True, tag="rollback"):
    """The environment as it was at an earlier revision: exactly the packages of its lock, without a solve; of pip's
    those that it was asked for here; the variables that were set. What a person put there stays. It makes a revision of
    its own, and so can itself be undone."""

    revision: Annotated[int, Meta(ge=0)] = 0
    """Its number; 0: the last that is not as things are now."""
    when: When = "next_start"


class ApplyPlan(Request, frozen=True, kw_only=True, tag="apply"):
    """Exactly what ``plan`` showed; refused when the environment has changed since."""

    plan: Plan
    when: When = "next_start"


class ApplyDeferred(Request, frozen=True, kw_only=True, tag="apply_deferred"):
    """The change that waits for the next start of a kernel, if there is one and no kernel lives."""


class DropDeferred(Request, frozen=True, kw_only=True, tag="drop_deferred"):
    """The change that waits for the next start of a kernel, given up."""


class RemoveEnvironment(Request, frozen=True, kw_only=True, tag="remove"):
    """The environment with all that is in it, and its kernels."""


class RegisterKernel(Request, frozen=True, kw_only=True, tag="kernel"):
    """The kernel of the environment, written anew."""

    options: KernelOptions = KernelOptions()


class MeasureStorage(Request, frozen=True, kw_only=True, tag="storage"):
    """How much room environments and the package cache take. It looks at every file."""

    prefix: str = ""
    """Of all environments."""


class Scan(Request, frozen=True, kw_only=True, tag="scan"):
    """Look for environments that others have made, also outside of the folders where they are found by name, and make
    those that can be one a kernel. Nothing of them is run."""

    prefix: str = ""
    """Of no environment."""


class IndexChannels(Request, frozen=True, kw_only=True, tag="index"):
    """Makes the packages of channels searchable, for this platform. Of a channel that has not changed since, nothing
    is read again."""

    prefix: str = ""
    """Of no environment."""
    channels: tuple[str, ...] = ()
    """Names or URLs; empty: the configured ones."""


class CheckChannels(Request, frozen=True, kw_only=True, tag="check_channels"):
    """Whether ``channels``, by default the configured ones, can be used, and what they have."""

    prefix: str = ""
    """Of no environment."""
    channels: tuple[str, ...] = ()
    """Names or URLs; empty: the configured ones."""


class BuildPackage(Request, frozen=True, kw_only=True, tag="build"):
    """The packages of a recipe, built into a channel that is a directory."""

    prefix: str = ""
    """Of no environment."""
    recipe: str
    """A ``recipe.yaml``, a simple ``meta.yaml``, or the folder that it lies in; an absolute path."""
    channel: str = ""
    """The directory, which is made where it is missing; an absolute path. Empty: that of the channel ``local``."""
    channels: tuple[str, ...] = ()
    """Where the recipe's own requirements are looked for, after ``channel``: names or URLs; empty: the configured
    ones."""


class Clean(Request, frozen=True, kw_only=True, tag="clean"):
    """Delete what nobody needs: packages that no environment has or had in its last revisions, compiled Python of
    such packages, archives, channel indexes, what interrupted operations left, and jobs that ended long ago."""

    prefix: str = ""
    """Of no environment."""
    kinds: tuple[CleanKind, ...] = ()
    """Empty: all."""
    preview: bool = False
    """Only say what it would be."""


class CheckHealth(Request, frozen=True, kw_only=True, tag="doctor"):
    """Look at every file of an environment and say what is not as it should be."""

    fix: bool = False
    """Mend what can be mended."""


class LockPlatforms(Request, frozen=True, kw_only=True, tag="lock"):
    """One lock for machines of several kinds: of what the environment was asked for or, where ``prefix`` is empty, of
    what ``targets`` ask for. Changes nothing but caches."""

    prefix: str = ""
    targets: tuple[Target, ...]
    channels: tuple[str, ...] = ()
    """Names or URLs in order of priority; empty: those of the environment, or the configured ones."""
    strategy: Strategy = Strategy()
    """Without virtual packages, which the targets declare."""
    format: LockFormat = "conda-lock"
    notes: tuple[str, ...] = ()
    origin: Origin | None = None
    """Both as in ``CreateEnvironment``."""


Plannable = CreateEnvironment | ChangePackages | StackEnvironment | Rollback


class PlanRequest(Request, frozen=True, kw_only=True, tag="plan"):
    """A dry run of ``request``."""

    request: Plannable


Seconds = Annotated[float, Meta(gt=0, le=3600)]
Explainable = CreateEnvironment | ChangePackages | StackEnvironment | LockPlatforms


class Explain(Request, frozen=True, kw_only=True, tag="explain"):
    """Why ``request`` cannot be fulfilled, and which ways out there are. Changes nothing but caches."""

    request: Explainable
    seconds: Seconds = 60.0
    """For how long ways out are tried."""


class WhyNot(Request, frozen=True, kw_only=True, tag="why_not"):
    """What keeps the package that ``spec`` asks for out of the environment. Changes nothing but caches."""

    spec: str
    seconds: Seconds = 60.0


EngineRequest = (
    CreateEnvironment
    | ChangePackages
    | StackEnvironment
    | Clone
    | Move
    | Pack
    | Unpack
    | Adopt
    | Annotate
    | Rollback
    | ApplyPlan
    | ApplyDeferred
    | DropDeferred
    | RemoveEnvironment
    | BuildPackage
    | CheckChannels
    | MeasureStorage
    | Scan
    | IndexChannels
    | CheckHealth
    | Clean
    | LockPlatforms
    | PlanRequest
    | Explain
    | WhyNot
)
"""What ``operations.perform`` does."""
AnyRequest = EngineRequest | RegisterKernel
