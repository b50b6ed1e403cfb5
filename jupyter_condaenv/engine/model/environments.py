"""What is there: packages, locks, environments and the states that they have had."""

from __future__ import annotations

import hashlib
from typing import Literal

from msgspec import Struct

from .settings import ChannelPriority, Inherited, LibraryPath

Kind = Literal["full", "overlay"]
Dependencies = Literal["keep", "freeze", "update"]
"""What becomes of installed packages that a change does not name: they move where they must; they do not move at all;
those that the named packages need move to their newest version."""
Resolution = Literal["highest", "lowest", "lowest-direct"]
"""Which of the versions that fit: the newest; the oldest; the oldest of what is asked for and the newest of what that
needs."""


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
    resolution: Literal["", Resolution] = ""
    """By default the highest."""
    exclude_newer: str = ""
    """A date, a time, or an age such as ``7 days``: what its channel has had for less long is left out. What is
    installed already may stay."""
    exclude_newer_except: tuple[str, ...] = ()
    """Names of packages that may be newer all the same."""
    virtual_packages: tuple[str, ...] = ()
    """What the machine that it is for has, where that is not this one: ``__cuda=12.4``, ``__glibc=2.28``,
    ``__archspec=1=x86_64_v3``, or ``__cuda=`` for none. The others are as here. An environment keeps to it."""


class PipFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A wheel or a source distribution."""

    name: str
    url: str
    """Without tokens or passwords; where an index has it, the index is asked again by name and hash."""
    sha256: str


class PipPackage(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A Python package that pip or uv has put there."""

    name: str
    """As names are compared (PEP 503)."""
    version: str
    files: tuple[PipFile, ...] = ()
    """Each of them will do; empty where nobody wrote down what it was installed from."""
    dependencies: tuple[str, ...] = ()
    """Names of what it may need."""
    direct: bool = False
    """Whether its URL was asked for, rather than an index."""

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


class Base(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an overlay stands on."""

    prefix: str
    digest: str
    """``digest`` of what is below, all levels together, when the overlay was made."""
    packages: tuple[Package, ...]
    pip: tuple[PipPackage, ...] = ()
    """What pip had put there, by name and version."""


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
    strategy: Strategy = Strategy()
    """How packages are chosen where a change says nothing else: as the manifest says that the environment was made of
    or adopted with."""
    packages: tuple[Package, ...]
    """What lies in the prefix itself; sorted by name."""
    base: Base | None = None
    pip_specs: tuple[str, ...] = ()
    """What the person asked of pip, verbatim (PEP 508)."""
    pip: tuple[PipPackage, ...] = ()
    """What was installed for that, beside ``packages``; sorted by name."""

    @property
    def digest(self) -> str:
        return digest(self.packages, self.pip)


Platform = Literal["linux-64", "linux-aarch64", "osx-64", "osx-arm64", "win-64"]
"""Those that can be locked for from any machine: what others have is not known (``machine.DEFAULTS``)."""
LockFormat = Literal["conda-lock", "pixi.lock"]


class Target(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A kind of machine that is locked for, whatever the one at hand is."""

    platform: Platform
    virtual_packages: tuple[str, ...] = ()
    """What it has other than ``machine.DEFAULTS`` says, as in ``Strategy``."""
    specs: tuple[str, ...] = ()
    """What is asked for there."""


class LockedPlatform(Struct, frozen=True, kw_only=True):
    """What a lock of several platforms has for one."""

    platform: Platform
    virtual_packages: tuple[str, ...]
    """``name=version=build`` of each that the solve could count on."""
    packages: int


class LockFile(Struct, frozen=True, kw_only=True):
    """A lock for several platforms, as a file that other tools read too."""

    name: str
    """What such a file is usually called."""
    text: str
    platforms: tuple[LockedPlatform, ...]


ExportFormat = Literal[
    "environment.yml", "explicit", "conda-lock", "pixi.lock", "requirements", "sbom", "dockerfile", "github-workflow"
]
Wanted = Literal["asked", "history", "pinned", "builds"]
"""What an exported environment.yml asks for: what was asked for here, what conda's ``history`` says was, each package
at its version, or each at its version and build."""


class Exported(Struct, frozen=True, kw_only=True):
    """An environment as a file that other tools read."""

    name: str
    """What such a file is usually called; where it has to lie, with its folder."""
    text: str
    beside: tuple[ExportedFile, ...] = ()
    """What it reads, and so has to lie in the same folder, or that its own folder is seen from."""
    notes: tuple[str, ...] = ()
    """Why others cannot use it as it is, and what was left out."""


class ExportedFile(Struct, frozen=True, kw_only=True):
    """A file that another one reads."""

    name: str
    text: str


class ForeignLock(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A lock that another tool has written, as it stands in its file."""

    name: str
    text: str
    without_pip: bool = False
    """Whether packages that pip would have to install are left out."""
    environment: str = ""
    """One of those that are in it; empty: ``default``, or the only one."""


class Revision(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One state that an environment has had."""

    number: int
    time: str
    """UTC, ISO 8601, to the second."""
    author: str
    verb: str
    words: str = ""
    """What was asked for, such as ``rollback to 3, then add numpy``; empty where ``verb`` says all."""
    lock: Lock
    variables: tuple[Variable, ...] | None = None
    """Those that were set wherever the environment is active; None where nobody noted them."""

    @property
    def summary(self) -> RevisionSummary:
        return RevisionSummary(
            number=self.number,
            time=self.time,
            author=self.author,
            verb=self.verb,
            words=self.words,
            specs=self.lock.specs,
            pip_specs=self.lock.pip_specs,
            variables=tuple(one.name for one in self.variables or ()),
            digest=self.lock.digest,
        )


class RevisionSummary(Struct, frozen=True, kw_only=True):
    """One state that an environment has had; the revision itself holds its lock."""

    number: int
    time: str
    author: str
    verb: str
    words: str = ""
    """As in ``Revision``."""
    specs: tuple[str, ...]
    pip_specs: tuple[str, ...] = ()
    """What was asked of pip."""
    variables: tuple[str, ...] = ()
    """Names of those that were set."""
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


class KernelOptions(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """How a kernel is shown and started. What is left at its default is as it was before, and at first as the site has
    it."""

    display_name: str = ""
    library_path: Literal["", LibraryPath] = ""
    always_run: bool | None = None
    """Whether activation scripts run at each start, rather than once until something they depend on changes."""
    inherit: tuple[Inherited, ...] | None = None
    """What the kernel has as the process that starts it has it. At first nothing of these: they name the things of
    another Python, and packages of one's home directory are not imported."""


def known_by_name(name: str, version: str, build: str) -> Package:
    """A package of which no more is known: enough to match it with specs."""
    file_name = f"{name}-{version}-{build}.conda"
    return Package(
        name=name,
        version=version,
        build=build,
        subdir="noarch",
        url=f"file:///{file_name}",
        channel="file:///",
        file_name=file_name,
    )


def digest(packages: tuple[Package, ...], pip: tuple[PipPackage, ...] = ()) -> str:
    """A sha256 over the identity of ``packages``, independent of their order and of where they were fetched."""
    lines = sorted(" ".join(package.identity) for package in packages)
    lines += sorted(" ".join(["pip", str(one), *sorted(file.sha256 for file in one.files)]) for one in pip)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
