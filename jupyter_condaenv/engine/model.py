"""The nouns: what the engine is asked, what it answers, and what it tells on the way.

All are frozen ``msgspec`` structs: they decode strictly from JSON (an unknown field or a wrong type is refused with
its path), compare by value and give their own JSON Schema.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal

from msgspec import Meta, Struct

Kind = Literal["full", "overlay"]
ChannelPriority = Literal["strict", "flexible", "disabled"]
When = Literal["next_start", "now"]
"""When a change that replaces what a living kernel may have loaded is put in place."""
LibraryPath = Literal["off", "prefix", "clean"]
"""What becomes of ``LD_LIBRARY_PATH`` in a kernel: nothing of ours (conda's packages find their libraries without it);
the environment's ``lib`` put in front; or what the server had taken away."""
ChangeKind = Literal["add", "remove", "upgrade", "downgrade", "rebuild", "rechannel"]
"""``rebuild``: the same version; ``rechannel``: the same build too, from another channel."""
Dependencies = Literal["keep", "freeze", "update"]
"""What becomes of installed packages that a change does not name: they move where they must; they do not move at all;
those that the named packages need move to their newest version."""
Resolution = Literal["highest", "lowest", "lowest-direct"]
"""Which of the versions that fit: the newest; the oldest; the oldest of what is asked for and the newest of what that
needs."""


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where things are and what applies when a request is silent. Every path is absolute.

    The faces make it from their configuration; a worker finds it beside its request.
    """

    envs_dirs: tuple[str, ...]
    """Where environments are looked for by name. New ones go to the first that can be written."""
    cache_dir: str
    """Downloaded and unpacked packages, channel indexes and compiled bytecode; best on the file system of the
    environments, because packages are hard-linked from here."""
    data_dir: str
    """Jobs, activation cache, trampoline and shim. One user's; mode 0700."""
    kernels_dir: str
    """Where kernelspecs are written."""
    channels: tuple[str, ...] = ("conda-forge",)
    channels_chosen: bool = True
    """Whether ``channels`` were chosen for this program, rather than found in a ``.condarc``."""
    offline: bool = False
    """Whether the engine does without a network: with indexes and packages that are cached, or lie in directories."""
    channel_alias: str = "https://conda.anaconda.org"
    channel_priority: ChannelPriority = "strict"
    exclude_newer: str = ""
    """As in ``Strategy``."""
    exclude_newer_except: tuple[str, ...] = ()
    solve_timeout: float = 120.0
    """Seconds after which a solve is given up."""
    stall_timeout: float = 120.0
    """Seconds without any sign of progress after which a job is ended."""
    quota: int = 0
    """Bytes on disk that environments and package cache may take together; 0: as many as there are."""
    reserve: int = 0
    """Bytes that a change leaves free on each file system."""
    library_path: LibraryPath = "off"
    """Of kernels that have no choice of their own."""
    host: str = ""
    """What this host is called; empty: as the system says."""


class Package(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One built package of a channel: a *record* of its repodata (CEP 36), with the URL it comes from."""

    name: str
    version: str
    build: str
    build_number: int = 0
    subdir: str
    url: str
    """Where the archive lies, without tokens or passwords."""
    channel: str
    file_name: str
    sha256: str = ""
    md5: str = ""
    size: int = 0
    """Bytes of the archive; 0 when the channel does not say."""
    depends: tuple[str, ...] = ()
    constrains: tuple[str, ...] = ()
    noarch: Literal["", "python", "generic"] = ""
    license: str = ""
    timestamp: int = 0
    """Milliseconds since 1970 at which it was built; 0 when unknown."""
    python_site_packages_path: str = ""
    track_features: tuple[str, ...] = ()
    partial: bool = False
    """Only what its URL says is known, and perhaps a hash: the rest stands in the archive."""

    def __str__(self) -> str:
        return f"{self.name} {self.version} {self.build}"

    @property
    def identity(self) -> tuple[str, str, str, str]:
        """Equal for two records exactly when they stand for the same archive."""
        return (self.name, self.version, self.build, self.sha256 or self.md5)


class Variable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One that is set wherever an environment is active."""

    name: str
    value: str


class Strategy(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """How to choose among the packages that fit. What is left at its default is as the settings have it."""

    channel_priority: Literal["", ChannelPriority] = ""
    resolution: Resolution = "highest"
    exclude_newer: str = ""
    """A date, a time, or an age such as ``7 days``: what its channel has had for less long is left out. What is
    installed already may stay."""
    exclude_newer_except: tuple[str, ...] = ()
    """Names of packages that may be newer all the same."""
    virtual_packages: tuple[str, ...] = ()
    """What the machine that it is for has, where that is not this one: ``__cuda=12.4``, ``__glibc=2.28``,
    ``__archspec=1=x86_64_v3``, or ``__cuda=`` for none. The others are as here. An environment keeps to it."""


class Base(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an overlay stands on."""

    prefix: str
    digest: str
    """``digest`` of the packages below, all levels together, when the overlay was made."""
    packages: tuple[Package, ...]


class Lock(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Exactly which packages an environment consists of on one platform, and what they were chosen for."""

    version: Literal[1] = 1
    platform: str
    channels: tuple[str, ...]
    """In order of priority, as base URLs without secrets."""
    channel_priority: ChannelPriority = "strict"
    resolution: Resolution = "highest"
    exclude_newer: str = ""
    """Time (UTC, ISO 8601) after which packages were left out; empty where none were."""
    specs: tuple[str, ...]
    """What the person asked for, verbatim."""
    virtual_packages: tuple[str, ...] = ()
    """``name=version=build`` of each virtual package (CEP 30) the solve could count on."""
    declared: tuple[str, ...] = ()
    """Those of them that were declared, as in ``Strategy``, rather than found on the machine."""
    packages: tuple[Package, ...]
    """What lies in the prefix itself; sorted by name."""
    base: Base | None = None

    @property
    def digest(self) -> str:
        return digest(self.packages)


ExportFormat = Literal["environment.yml", "explicit", "conda-lock", "pixi.lock", "requirements", "sbom"]
Wanted = Literal["asked", "history", "pinned", "builds"]
"""What an exported environment.yml asks for: what was asked for here, what conda's ``history`` says was, each package
at its version, or each at its version and build."""


class Exported(Struct, frozen=True, kw_only=True):
    """An environment as a file that other tools read."""

    name: str
    """What such a file is usually called."""
    text: str


class ForeignLock(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A lock that another tool has written, as it stands in its file."""

    name: str
    text: str
    without_pip: bool = False
    """Whether packages that pip would have to install are left out."""


class Change(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What happens to one package."""

    kind: ChangeKind
    before: Package | None = None
    after: Package | None = None

    @property
    def name(self) -> str:
        package = self.after or self.before
        assert package is not None
        return package.name

    @property
    def brief(self) -> Brief:
        before, after = self.before, self.after
        with_build = before is not None and after is not None and before.version == after.version
        return Brief(
            kind=self.kind,
            name=self.name,
            before=_version(before, with_build),
            after=_version(after, with_build),
            size=after.size if after else 0,
            channel=self.channel,
        )

    @property
    def channel(self) -> str:
        """The channel that it comes from now, where that is another than before."""
        before, after = self.before, self.after
        return after.channel if before is not None and after is not None and before.channel != after.channel else ""


def _version(package: Package | None, with_build: bool) -> str:
    if package is None:
        return ""
    return f"{package.version} {package.build}" if with_build else package.version


class Difference(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What two states of an environment differ in: what was asked for, and what is there because of it."""

    specs_added: tuple[str, ...] = ()
    specs_dropped: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()


class Unasked(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A package that moves or goes although the request does not name it."""

    name: str
    because: str = ""
    """Why, in words; empty where nothing that is known tells."""


class Room(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a change adds on the disk, in the environment and in the package cache together, before anything that it
    replaces is given back. Compiled bytecode comes on top."""

    bytes: int
    """In blocks, as the disk counts."""
    inodes: int
    """Files, links and folders."""
    shared: int
    """Bytes of the environment that are hard links into the package cache, and so take no room of their own."""
    unknown: int = 0
    """Packages of which only the size of the archive is known before they are fetched: they take more than that."""


class Plan(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A change that can be shown and then applied exactly as shown."""

    prefix: str
    verb: str
    before: str
    """``digest`` of the packages in the prefix when the plan was made; empty when there was no environment."""
    lock: Lock
    changes: tuple[Change, ...]
    download_bytes: int
    """Bytes of archives that are not in the package cache yet."""
    variables: tuple[Variable, ...] = ()
    """That a new environment sets wherever it is active."""
    unasked: tuple[Unasked, ...] = ()
    room: Room | None = None
    """Measured for dry runs only."""


class Revision(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One state that an environment has had."""

    number: int
    time: str
    """UTC, ISO 8601, to the second."""
    author: str
    verb: str
    lock: Lock

    @property
    def summary(self) -> RevisionSummary:
        return RevisionSummary(
            number=self.number,
            time=self.time,
            author=self.author,
            verb=self.verb,
            specs=self.lock.specs,
            digest=self.lock.digest,
        )


class Clash(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Requests of which each but one can be fulfilled, and not all."""

    requests: tuple[str, ...]
    through: tuple[str, ...] = ()
    """Names of the packages by which they meet, the first to be met first."""
    text: str = ""
    """What the solver says of them alone."""


WayKind = Literal["relax", "unpin", "unfreeze", "priority", "newer", "channel", "virtual", "drop"]


class Way(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A way out that was tried."""

    kind: WayKind
    text: str
    """What is done otherwise, in words."""
    works: bool
    specs: tuple[str, ...] = ()
    """All requests, with those that change; only of ways that work."""
    change: str = ""
    """What is different: the request that is dropped or relaxed, the channel, the virtual package and the like."""
    gives: tuple[str, ...] = ()
    """Name and version of what is then there of the packages asked for."""


class Group(Struct, frozen=True, kw_only=True):
    """Requests that can live together."""

    specs: tuple[str, ...]
    packages: int
    """How many there would be in an environment of them."""


class Explanation(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why a request cannot be fulfilled, and how another could be."""

    possible: bool
    """That it can be fulfilled; then there is nothing else but ``changes``."""
    changes: tuple[Brief, ...] = ()
    text: str = ""
    """What the solver says."""
    clashes: tuple[Clash, ...] = ()
    kept_out_by: tuple[str, ...] = ()
    """Sentences: what keeps the version out that ``why-not`` asks for."""
    ways: tuple[Way, ...] = ()
    """In the order of how little they give up."""
    groups: tuple[Group, ...] = ()
    """Where requests cannot live together: those that can, each for an environment of its own."""
    untried: int = 0
    """Ways for which there was no time."""


class RevisionSummary(Struct, frozen=True, kw_only=True):
    """One state that an environment has had; the revision itself holds its lock."""

    number: int
    time: str
    author: str
    verb: str
    specs: tuple[str, ...]
    digest: str


class Notes(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What people say of an environment, and what they do not want to happen to it."""

    protected: bool = False
    """It is neither deleted nor moved."""
    frozen: str = ""
    """Why nothing in it is changed either (CEP 22); empty where it can be."""
    tags: tuple[str, ...] = ()
    note: str = ""


class Environment(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An environment as it is listed."""

    name: str
    prefix: str
    kind: Kind = "full"
    python: str = ""
    """Full version of its Python; empty when it has none. An overlay's is its base's."""
    packages: int = 0
    """Conda packages in the prefix itself."""
    base: str = ""
    """Prefix of the environment this overlay stands on."""
    kernels: tuple[str, ...] = ()
    """Names of the kernelspecs that start it."""
    problem: str = ""
    """Why it cannot be used, in a sentence; empty when it can."""
    notes: Notes | None = None
    """None where nothing is noted."""


class EnvironmentStorage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The room that an environment takes."""

    name: str
    prefix: str
    alone: int
    """Bytes on disk of all that is in it, also of what it shares with the package cache and other environments."""
    freed: int
    """Bytes on disk that deleting it would free: of files that have no link elsewhere."""
    files: int
    last_used: str = ""
    """When a kernel or a command was last started in it or on top of it: UTC, ISO 8601, to the second. Empty where
    that is not known."""
    unreadable: int = 0
    """Folders and files that could not be looked at, so that the other numbers are too small."""
    other_file_system: bool = False
    """It does not lie where the package cache does, so that packages were copied into it."""


class CacheStorage(Struct, frozen=True, kw_only=True):
    """The room that the package cache takes, in bytes on disk."""

    path: str
    archives: int
    packages: int
    """Of extracted packages."""
    unlinked: int
    """Of those extracted packages of which no environment has a hard link. Environments on other file systems have
    copies."""
    bytecode: int
    indexes: int
    """Of channels."""


class Storage(Struct, frozen=True, kw_only=True):
    """What was measured."""

    time: str
    """UTC, ISO 8601, to the second."""
    environments: tuple[EnvironmentStorage, ...]
    cache: CacheStorage


class FoundPackage(Struct, frozen=True, kw_only=True):
    """A package of a channel, as a search finds it."""

    name: str
    version: str
    """The newest."""
    versions: int
    """How many there are."""
    channel: str
    summary: str
    """What it is for; empty where the channel does not say."""
    license: str
    """Of the newest version."""


class ChannelIndex(Struct, frozen=True, kw_only=True):
    """What is searched of a channel."""

    channel: str
    time: str
    """When the channel was last seen to hold just this: UTC, ISO 8601, to the second."""
    packages: int


class FoundPackages(Struct, frozen=True, kw_only=True):
    """A page of what a search has found, the best first."""

    packages: tuple[FoundPackage, ...]
    total: int
    """How many there are on all pages."""
    indexes: tuple[ChannelIndex, ...]
    missing: tuple[str, ...]
    """Channels that could not be searched, because there is no index of them yet."""


class Build(Struct, frozen=True, kw_only=True):
    """One archive of a version."""

    build: str
    build_number: int
    subdir: str
    size: int
    """Bytes; 0 when the channel does not say."""
    timestamp: int
    """Milliseconds since 1970 at which it was built; 0 when unknown."""


class PackageVersion(Struct, frozen=True, kw_only=True):
    """One version of a package in a channel."""

    version: str
    channel: str
    license: str
    builds: tuple[Build, ...]
    """The highest build number first."""
    fits: bool | None
    """Whether one of the builds could come into the environment that was asked about without anything else moving, as
    far as their own needs tell; null where none was asked about."""
    obstacles: tuple[str, ...]
    """What is in the way of the build that comes nearest, where none fits."""


class PackageVersions(Struct, frozen=True, kw_only=True):
    """A package in all channels that are searched; the newest version first, of equal ones the first channel's."""

    name: str
    summary: str
    versions: tuple[PackageVersion, ...]


class Channel(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A channel by the name it was configured with."""

    name: str
    url: str
    place: str = ""
    """What names it: a file, or a variable as ``$NAME``; empty: Jupyter's configuration, or the default."""


class Login(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What a server wants to know: either a password, or a token of one of two kinds."""

    username: str = ""
    password: str = ""
    conda_token: str = ""
    """As it stands in URLs behind ``/t/``."""
    bearer_token: str = ""

    def __repr__(self) -> str:
        return "Login(...)"


class SubdirReport(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A subdir that a channel has."""

    subdir: str
    shards: bool = False
    """Whether its index comes in pieces (CEP 16), so that a solve reads a small part of it."""
    packages: int = 0
    """Names of packages in it; 0 where that was not looked at: of other platforms than this machine's."""
    updated: str = ""
    """When its index was made: UTC, ISO 8601, to the second; empty where nobody says."""


class ChannelReport(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of asking for a channel."""

    name: str
    url: str
    reachable: bool = False
    authorised: bool = False
    subdirs: tuple[SubdirReport, ...] = ()
    problem: str = ""
    """Why packages cannot be had from it; empty when they can."""
    hint: str = ""


class Demand(Struct, frozen=True, kw_only=True):
    """What a package that is there says of another one."""

    package: str
    """Who says it."""
    spec: str


class Reason(Struct, frozen=True, kw_only=True):
    """A way from something that was asked for to a package."""

    asked: str
    """The spec, verbatim."""
    through: tuple[Demand, ...]
    """From the package that was asked for to the one in question, each needing the next."""


class Reasons(Struct, frozen=True, kw_only=True):
    """Why a package is in an environment."""

    name: str
    version: str
    """Empty where it is not there."""
    below: bool
    """It lies in a base of this overlay."""
    asked: tuple[str, ...]
    """Specs that ask for it itself."""
    reasons: tuple[Reason, ...]
    """Of each other spec that it is there for, a shortest way; the shortest first."""
    needed_by: tuple[Demand, ...]
    constrained_by: tuple[Demand, ...]
    """Who does not need it, and says which versions could be there."""


FindingCode = Literal[
    "interrupted",
    "damaged_record",
    "double_record",
    "damaged_history",
    "missing_files",
    "altered_files",
    "broken_links",
    "missing_bytecode",
    "missing_needs",
    "shadowed",
    "drift",
    "dead_base",
    "moved_base",
    "world_writable",
    "dead_kernel",
    "dangling_links",
    "mixed_channels",
    "other_file_system",
]


class Finding(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something about an environment that is not as it should be."""

    code: FindingCode
    severity: Literal["damage", "advice"] = "damage"
    """What is damaged can fail; advice is about what works and could be better."""
    text: str
    """What it is, in a sentence."""
    hint: str
    """What to do, or, where it is fixable, what mending it does."""
    fixable: bool = False
    packages: tuple[str, ...] = ()
    """Names of the packages it is about."""
    paths: tuple[str, ...] = ()
    """The first of the files it is about, relative to the prefix."""


class Health(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was found when every file of an environment was looked at."""

    prefix: str
    time: str
    """UTC, ISO 8601, to the second."""
    findings: tuple[Finding, ...] = ()
    """What is not as it should be; what was mended is not among it."""
    fixed: tuple[Finding, ...] = ()
    """What was found and mended."""


CleanKind = Literal["packages", "bytecode", "archives", "indexes", "stages", "jobs"]


class Unneeded(Struct, frozen=True, kw_only=True):
    """Something that nobody needs."""

    kind: CleanKind
    path: str
    bytes: int
    """On disk, that deleting it frees."""


class KernelOptions(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """How a kernel is shown and started. What is left at its default is as it was before, and at first as the site has
    it."""

    display_name: str = ""
    library_path: Literal["", LibraryPath] = ""
    always_run: bool | None = None
    """Whether activation scripts run at each start, rather than once until something they depend on changes."""


# --- requests: one struct a verb ---


class Request(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, tag_field="verb"):
    """What every request has in common: ``prefix`` is the environment it makes or changes."""

    prefix: str


class CreateEnvironment(Request, frozen=True, kw_only=True, tag="create"):
    """A new environment, from specs or, when ``lock`` is given, from exactly its packages."""

    specs: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    """Names or URLs in order of priority; empty: the configured ones."""
    lock: Lock | None = None
    foreign_lock: ForeignLock | None = None
    """In place of ``lock``."""
    variables: tuple[Variable, ...] = ()
    """Set wherever the environment is active."""
    notes: tuple[str, ...] = ()
    """What a person should know of how the file was read that this was made of; told first."""
    strategy: Strategy = Strategy()
    display_name: str = ""


class ChangePackages(Request, frozen=True, kw_only=True, tag="change"):
    """Add, update and remove packages in one step. What is installed moves only where it must."""

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    update: tuple[str, ...] = ()
    """Names of packages that may move to their newest version."""
    update_all: bool = False
    """All packages may."""
    dependencies: Dependencies = "keep"
    channels: tuple[str, ...] = ()
    """Searched besides those the environment already uses, after them."""
    strategy: Strategy = Strategy()
    when: When = "next_start"


class StackEnvironment(Request, frozen=True, kw_only=True, tag="stack"):
    """A new overlay: ``specs`` on top of the environment at ``base``, which is not changed."""

    base: str
    specs: tuple[str, ...] = ()
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
    """The environment as it was at an earlier revision: exactly the packages of its lock, without a solve. What pip or
    a person put there stays. It makes a revision of its own, and so can itself be undone."""

    revision: Annotated[int, Meta(ge=0)] = 0
    """Its number; 0: the last that is not as things are now."""
    when: When = "next_start"


class ApplyPlan(Request, frozen=True, kw_only=True, tag="apply"):
    """Exactly what ``plan`` showed; refused when the environment has changed since."""

    plan: Plan
    when: When = "next_start"


class ApplyDeferred(Request, frozen=True, kw_only=True, tag="apply_deferred"):
    """The change that waits for the next start of a kernel, if there is one and no kernel lives."""


class RemoveEnvironment(Request, frozen=True, kw_only=True, tag="remove"):
    """The environment with all that is in it, and its kernels."""


class RegisterKernel(Request, frozen=True, kw_only=True, tag="kernel"):
    """The kernel of the environment, written anew."""

    options: KernelOptions = KernelOptions()


class MeasureStorage(Request, frozen=True, kw_only=True, tag="storage"):
    """How much room environments and the package cache take. It looks at every file."""

    prefix: str = ""
    """Of all environments."""


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


Plannable = CreateEnvironment | ChangePackages | StackEnvironment | Rollback


class PlanRequest(Request, frozen=True, kw_only=True, tag="plan"):
    """A dry run of ``request``."""

    request: Plannable


Seconds = Annotated[float, Meta(gt=0, le=3600)]
Explainable = CreateEnvironment | ChangePackages | StackEnvironment


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
    | RemoveEnvironment
    | CheckChannels
    | MeasureStorage
    | IndexChannels
    | CheckHealth
    | Clean
    | PlanRequest
    | Explain
    | WhyNot
)
"""What ``operations.perform`` does."""
AnyRequest = EngineRequest | RegisterKernel

# --- events: what an operation tells while it runs ---

Phase = Literal[
    "wait",
    "solve",
    "download",
    "stage",
    "link",
    "compile",
    "check",
    "commit",
    "register",
    "remove",
    "measure",
    "index",
    "pack",
    "clean",
]


class Event(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="event"):
    """Anything an operation reports."""


class Step(Event, frozen=True, kw_only=True, tag="step"):
    """A phase begins; ``text`` says so to a person."""

    phase: Phase
    text: str


class Progress(Event, frozen=True, kw_only=True, tag="progress"):
    """How far a phase has come. ``total`` is 0 while it is unknown."""

    phase: Phase
    done: int
    total: int = 0
    unit: Literal["bytes", "files", "packages", "seconds"] = "packages"
    item: str = ""
    """What it is about just now, such as the package being downloaded."""


class Message(Event, frozen=True, kw_only=True, tag="message"):
    """Something a person should know that does not stop the operation."""

    level: Literal["info", "warning"] = "info"
    text: str


class Brief(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A ``Change`` in the words that a person needs."""

    kind: ChangeKind
    name: str
    before: str = ""
    """Its version; with the build where only that differs."""
    after: str = ""
    size: int = 0
    """Bytes of the archive that comes; 0 when the channel does not say, or none comes."""
    channel: str = ""
    """The channel that it comes from, where it came from another one before."""


class Solved(Event, frozen=True, kw_only=True, tag="solved"):
    """What is going to be done, before it is. The result has the whole plan."""

    changes: tuple[Brief, ...]
    download_bytes: int


AnyEvent = Step | Progress | Message | Solved

# --- results ---


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


class Removed(Result, frozen=True, kw_only=True, tag="removed"):
    prefix: str
    kernels: tuple[str, ...] = ()


class Adopted(Result, frozen=True, kw_only=True, tag="adopted"):
    """The environment has a revision, with this lock."""

    environment: Environment
    lock: Lock
    revision: int


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


class Indexed(Result, frozen=True, kw_only=True, tag="indexed"):
    indexes: tuple[ChannelIndex, ...]
    failed: tuple[str, ...] = ()
    """Channels that could not be read; where there was an index of them, it is as it was."""


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
    | Checked
    | Planned
    | Explained
    | Changed
    | Deferred
    | Moved
    | Noted
    | Packed
    | Removed
    | Registered
    | Measured
    | Indexed
    | Examined
    | Cleaned
)


def digest(packages: tuple[Package, ...]) -> str:
    """A sha256 over the identity of ``packages``, independent of their order and of where they were fetched."""
    lines = sorted(" ".join(package.identity) for package in packages)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
