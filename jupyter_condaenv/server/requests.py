"""What clients may ask, as types. Each knows the engine's request that it stands for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, get_args

import msgspec
from msgspec import Meta, Struct

from ..engine import channel_list, condarc, cutoff, environments, lockfiles, logins, requirements, search, specfiles
from ..engine.errors import CondaEnvError, InvalidRequest
from ..engine.model import (
    Adopt,
    Annotate,
    BuildPackage,
    ChangePackages,
    CheckChannels,
    CheckHealth,
    Clean,
    CleanKind,
    Clone,
    CreateEnvironment,
    Dependencies,
    Environment,
    Explain,
    ExportFormat,
    IndexChannels,
    Lock,
    LockFormat,
    LockPlatforms,
    Login,
    Move,
    Pack,
    Platform,
    Rollback,
    Seconds,
    Settings,
    StackEnvironment,
    Strategy,
    Target,
    Unpack,
    Wanted,
    When,
    WhyNot,
)

LONGEST_WAIT = 60.0
"""Seconds that a long poll may take; proxies cut connections that are silent for longer."""
MOST_JOBS = 200
MOST_PACKAGES = 200
MOST = 2**53
"""The largest whole number that every JSON parser reads."""


def find(name_or_prefix: str, settings: Settings) -> Environment:
    """The environment that a client names: by its name, or by its prefix, which starts with a slash.

    Raises InvalidRequest for what is neither, such as a path with ``..`` in it or one that only a shell understands;
    NotFound where there is none.
    """
    if "/" in name_or_prefix:
        _check_prefix(name_or_prefix)
    elif name_or_prefix.startswith("~"):
        raise InvalidRequest(f"{name_or_prefix!r} is no name and no full path.", "Give the full path.")
    return environments.find(name_or_prefix, settings)


def _check_prefix(prefix: str) -> None:
    environments.check_prefix(prefix)
    if prefix.startswith("//"):  # POSIX leaves open what two slashes mean, and here they would be a second spelling
        raise InvalidRequest(f"{prefix!r} is not an absolute, plain path.", "Begin it with one slash.")


@contextmanager
def _field(path: str) -> Iterator[None]:
    """Errors say that they are about the field at ``path``."""
    try:
        yield
    except CondaEnvError as error:
        raise type(error)(f"{path}: {error.message}", error.hint, **error.details, field=path) from error


def _checked(channels: Sequence[str], settings: Settings, field: str = "") -> tuple[str, ...]:
    own = condarc.read()
    for index, channel in enumerate(channels):
        with _field(field or f"$.channels[{index}]"):
            if channel.strip().startswith("."):
                raise InvalidRequest(f"{channel!r} is a directory seen from nowhere.", "Give its full path.")
            channel_list.url_of(channel, settings, own)
    return tuple(channels)


def _requirements(texts: Sequence[str]) -> tuple[str, ...]:
    for index, text in enumerate(texts):
        with _field(f"$.pip[{index}]"):
            requirements.checked([text])
    return requirements.checked(texts)


def _valid(strategy: Strategy) -> Strategy:
    with _field("$.strategy.exclude_newer"):
        cutoff.parse(strategy.exclude_newer)
    return strategy


class Body(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is sent as JSON."""


class _Place(Body, frozen=True, kw_only=True):
    name: str = ""
    prefix: str = ""

    def where(self, settings: Settings, otherwise: str = "") -> str:
        """Where it goes: a name has its place among the environments, a prefix is taken as it is. ``otherwise`` is the
        name where neither is given."""
        if (self.name and self.prefix) or not (self.name or self.prefix or otherwise):
            raise InvalidRequest("$: Either `name` or `prefix` is needed.", "Give one of them.", field="$")
        if not self.name and not self.prefix:
            with _field("$.file.text"):
                return environments.prefix_for(otherwise, settings)
        if self.name:
            with _field("$.name"):
                return environments.prefix_for(self.name, settings)
        with _field("$.prefix"):
            _check_prefix(self.prefix)
        return self.prefix


class _Kernel(_Place, frozen=True, kw_only=True):
    display_name: Annotated[str, Meta(max_length=200)] = ""


class _New(_Kernel, frozen=True, kw_only=True):
    specs: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    strategy: Strategy = Strategy()


class NewClone(_Kernel, frozen=True, kw_only=True):
    """An environment to be made in the place that `name` stands for or at `prefix`, with all that is in another
    one. `display_name` is its kernel's."""

    def request(self, name_or_prefix: str, settings: Settings) -> Clone:
        source = find(name_or_prefix, settings).prefix
        return Clone(prefix=self.where(settings), source=source, display_name=self.display_name)


class NewAdoption(Body, frozen=True, kw_only=True):
    """The name of its kernel, where it shall have one of its own."""

    display_name: Annotated[str, Meta(max_length=200)] = ""

    def request(self, name_or_prefix: str, settings: Settings) -> Adopt:
        return Adopt(prefix=find(name_or_prefix, settings).prefix, display_name=self.display_name)


class NewPack(Body, frozen=True, kw_only=True):
    """Where the packed environment goes: the full path of a file on the server, whose ending tells the format. With
    `force` also in the place of one that is there."""

    output: str
    force: bool = False

    def request(self, name_or_prefix: str, settings: Settings) -> Pack:
        _check_file(self.output, "$.output")
        return Pack(prefix=find(name_or_prefix, settings).prefix, output=self.output, force=self.force)


class PackedEnvironment(_Kernel, frozen=True, kw_only=True):
    """An environment to be made in the place that `name` stands for or at `prefix`, of what conda-pack has put into the
    file `archive`, a full path on the server."""

    archive: str

    def request(self, settings: Settings) -> Unpack:
        _check_file(self.archive, "$.archive")
        return Unpack(prefix=self.where(settings), archive=self.archive, display_name=self.display_name)


def _check_file(path: str, field: str) -> None:
    with _field(field):
        if not path.startswith("/") or "\0" in path or len(path.encode(errors="replace")) > 4096:
            raise InvalidRequest(f"{path!r} is not a full path.", "Begin it with a slash.")


class NewPlace(_Place, frozen=True, kw_only=True):
    """Where an environment is moved: to the place that `name` stands for, or to `prefix`."""

    def request(self, name_or_prefix: str, settings: Settings) -> Move:
        source = find(name_or_prefix, settings).prefix
        return Move(prefix=self.where(settings), source=source)


class NewNotes(Body, frozen=True, kw_only=True):
    """What is noted of an environment; what is left out stays as it is. It is neither deleted nor moved while it is
    `protected`, and not changed either while it is `frozen`, which conda heeds as well: `message` says why. Tags are
    added (`tag`) and taken away (`untag`)."""

    protected: bool | None = None
    frozen: bool | None = None
    message: Annotated[str, Meta(max_length=1000)] = ""
    tag: tuple[str, ...] = ()
    untag: tuple[str, ...] = ()
    note: Annotated[str, Meta(max_length=10_000)] | None = None

    def request(self, name_or_prefix: str, settings: Settings) -> Annotate:
        return Annotate(prefix=find(name_or_prefix, settings).prefix, **msgspec.structs.asdict(self))


class GivenFile(Body, frozen=True, kw_only=True):
    """A file, such as `environment.yml`: its `name` and what is in it. Its format follows from both. Of a `pixi.lock`
    or a manifest of pixi, `environment` is the one that is meant, by default `default`."""

    name: Annotated[str, Meta(min_length=1, max_length=255)]
    text: Annotated[str, Meta(max_length=specfiles.MOST_BYTES)]
    environment: Annotated[str, Meta(max_length=255)] = ""


class NewEnvironment(_New, frozen=True, kw_only=True):
    """An environment to be made in the place that `name` stands for or at `prefix`: of `specs`, from `channels`
    (by default the configured ones) by `strategy`, or, when `lock` is given, of exactly its packages, or of what
    `file` says, whose name it has where neither `name` nor `prefix` is given. `channels` are then searched before
    those of the file, and what it has for pip is left out with `without_pip`. `pip` are requirements (PEP 508) that pip
    fulfils beside. `display_name` is its kernel's."""

    lock: Lock | None = None
    file: GivenFile | None = None
    without_pip: bool = False

    def request(self, settings: Settings) -> CreateEnvironment:
        if self.lock is not None:
            with _field("$.lock"):
                lockfiles.check(self.lock, "The lock")
        channels = _checked(self.channels, settings)
        if self.file is not None:
            return self._of_file(self.file, channels, settings)
        if self.without_pip:
            raise InvalidRequest("$.without_pip: It goes with `file`.", "Leave it out.", field="$.without_pip")
        return CreateEnvironment(
            prefix=self.where(settings),
            specs=self.specs,
            pip=_requirements(self.pip),
            channels=channels,
            lock=self.lock,
            strategy=_valid(self.strategy),
            display_name=self.display_name,
        )

    def _of_file(self, file: GivenFile, channels: tuple[str, ...], settings: Settings) -> CreateEnvironment:
        if self.specs or self.lock is not None:
            raise InvalidRequest(
                "$.file: It says what is to be there, and so do `specs` and `lock`.",
                "Give one of them.",
                field="$.file",
            )
        with _field("$.file.text"):
            found = specfiles.read(file.name, file.text, environment=file.environment)
        prefix = self.where(settings, otherwise=found.name)
        with _field("$.file.text"):
            request = specfiles.creation(found, file.name, prefix, channels, without_pip=self.without_pip)
        pip = requirements.together(request.pip, _requirements(self.pip))
        return msgspec.structs.replace(request, pip=pip, strategy=_valid(self.strategy), display_name=self.display_name)


class NewStack(_New, frozen=True, kw_only=True):
    """An overlay to be made in the place that `name` stands for or at `prefix`: `specs`, and what `pip` is asked for,
    on top of `base`, which is the name or the prefix of an environment and is not changed."""

    base: str

    def request(self, settings: Settings) -> StackEnvironment:
        with _field("$.base"):
            base = find(self.base, settings).prefix
        return StackEnvironment(
            prefix=self.where(settings),
            base=base,
            specs=self.specs,
            pip=_requirements(self.pip),
            channels=_checked(self.channels, settings),
            strategy=_valid(self.strategy),
            display_name=self.display_name,
        )


class _Packages(Body, frozen=True, kw_only=True):
    add: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()
    update: tuple[str, ...] = ()
    update_all: bool = False
    dependencies: Dependencies = "keep"
    channels: tuple[str, ...] = ()
    strategy: Strategy = Strategy()

    def _change(self, environment: Environment, settings: Settings, when: When) -> ChangePackages:
        return ChangePackages(
            prefix=environment.prefix,
            add=self.add,
            pip=_requirements(self.pip),
            remove=self.remove,
            update=self.update,
            update_all=self.update_all,
            dependencies=self.dependencies,
            channels=_checked(self.channels, settings),
            strategy=_valid(self.strategy),
            when=when,
        )


class PackageChange(_Packages, frozen=True, kw_only=True):
    """Packages to add (specs), to have of pip (requirements), to remove and to update (names, or all with
    `update_all`), in one step. What else is
    installed moves where it must; with `dependencies` "freeze" not at all, and with "update" what the named packages
    need moves to its newest version. `channels` are searched after those the environment uses. `when`: what replaces
    something a living kernel may have loaded waits for its next start, unless it is wanted `now`."""

    when: When = "next_start"

    def request(self, name_or_prefix: str, settings: Settings) -> ChangePackages:
        return self._change(find(name_or_prefix, settings), settings, self.when)


class PlanCreation(NewEnvironment, frozen=True, kw_only=True, tag_field="verb", tag="create"):
    """What making this environment would do."""


class PlanStack(NewStack, frozen=True, kw_only=True, tag_field="verb", tag="stack"):
    """What making this overlay would do."""


class PlanChange(_Packages, frozen=True, kw_only=True, tag_field="verb", tag="change"):
    """What this change of `environment`, a name or a prefix, would do."""

    environment: str

    def request(self, settings: Settings) -> ChangePackages:
        with _field("$.environment"):
            environment = find(self.environment, settings)
        return self._change(environment, settings, "next_start")


class PlanRollback(Body, frozen=True, kw_only=True, tag_field="verb", tag="rollback"):
    """What bringing `environment`, a name or a prefix, back to the revision of that number would do; 0 stands for the
    last that is not as things are now."""

    environment: str
    revision: Annotated[int, Meta(ge=0, le=MOST)] = 0

    def request(self, settings: Settings) -> Rollback:
        with _field("$.environment"):
            environment = find(self.environment, settings)
        return Rollback(prefix=environment.prefix, revision=self.revision)


NewPlan = PlanCreation | PlanStack | PlanChange | PlanRollback


class LockTarget(Body, frozen=True, kw_only=True):
    """A kind of machine that is locked for. Where nothing else is declared it has what all but old ones have, and no
    GPU; `virtual_packages` as in a strategy."""

    platform: Platform
    virtual_packages: tuple[str, ...] = ()


class NewLock(Body, frozen=True, kw_only=True):
    """One lock for the machines of `platforms`: of what `environment`, a name or a prefix, was asked for, of `specs`,
    or of what `file` asks for on each of them. Packages are chosen from `channels` (by default those of the
    environment or of the file, else the configured ones) by `strategy`, which declares no virtual packages here."""

    platforms: Annotated[tuple[LockTarget, ...], Meta(min_length=1, max_length=len(get_args(Platform)))]
    environment: str = ""
    specs: tuple[str, ...] = ()
    file: GivenFile | None = None
    without_pip: bool = False
    channels: tuple[str, ...] = ()
    strategy: Strategy = Strategy()
    format: LockFormat = "conda-lock"

    def request(self, settings: Settings) -> LockPlatforms:
        if (bool(self.environment), bool(self.specs), self.file is not None).count(True) != 1:
            raise InvalidRequest(
                "$: One of `environment`, `specs` and `file` is needed.", "Give one of them.", field="$"
            )
        if self.without_pip and self.file is None:
            raise InvalidRequest("$.without_pip: It goes with `file`.", "Leave it out.", field="$.without_pip")
        if self.strategy.virtual_packages:
            raise InvalidRequest(
                "$.strategy.virtual_packages: They are declared for each platform.",
                "Put them into `platforms`.",
                field="$.strategy.virtual_packages",
            )
        targets = tuple(
            Target(platform=one.platform, virtual_packages=one.virtual_packages, specs=self.specs)
            for one in self.platforms
        )
        channels = _checked(self.channels, settings)
        if self.file is not None:
            with _field("$.file.text"):
                asked = specfiles.targets(
                    self.file.name,
                    self.file.text,
                    targets,
                    channels,
                    without_pip=self.without_pip,
                    environment=self.file.environment,
                )
        else:
            with _field("$.environment"):
                prefix = find(self.environment, settings).prefix if self.environment else ""
            asked = LockPlatforms(prefix=prefix, targets=targets, channels=channels)
        return msgspec.structs.replace(asked, strategy=_valid(self.strategy), format=self.format)


class ExplainCreation(NewEnvironment, frozen=True, kw_only=True, tag_field="verb", tag="create"):
    """Why this environment cannot be made. Ways out are tried for `seconds`."""

    seconds: Seconds = 60.0

    def explained(self, settings: Settings) -> Explain:
        request = self.request(settings)
        return Explain(prefix=request.prefix, request=request, seconds=self.seconds)


class ExplainStack(NewStack, frozen=True, kw_only=True, tag_field="verb", tag="stack"):
    """Why this overlay cannot be made. Ways out are tried for `seconds`."""

    seconds: Seconds = 60.0

    def explained(self, settings: Settings) -> Explain:
        request = self.request(settings)
        return Explain(prefix=request.prefix, request=request, seconds=self.seconds)


class ExplainChange(_Packages, frozen=True, kw_only=True, tag_field="verb", tag="change"):
    """Why this change of `environment`, a name or a prefix, cannot be made. Ways out are tried for `seconds`."""

    environment: str
    seconds: Seconds = 60.0

    def explained(self, settings: Settings) -> Explain:
        with _field("$.environment"):
            environment = find(self.environment, settings)
        request = self._change(environment, settings, "next_start")
        return Explain(prefix=request.prefix, request=request, seconds=self.seconds)


class ExplainAbsence(Body, frozen=True, kw_only=True, tag_field="verb", tag="why_not"):
    """What keeps the package that `spec` asks for out of `environment`, a name or a prefix."""

    environment: str
    spec: str
    seconds: Seconds = 60.0

    def explained(self, settings: Settings) -> WhyNot:
        with _field("$.environment"):
            environment = find(self.environment, settings)
        return WhyNot(prefix=environment.prefix, spec=self.spec, seconds=self.seconds)


class ExplainLock(NewLock, frozen=True, kw_only=True, tag_field="verb", tag="lock"):
    """Why the first of these platforms that cannot be locked for cannot be. Ways out are tried for `seconds`."""

    seconds: Seconds = 60.0

    def explained(self, settings: Settings) -> Explain:
        request = self.request(settings)
        return Explain(prefix=request.prefix, request=request, seconds=self.seconds)


NewExplanation = ExplainCreation | ExplainStack | ExplainChange | ExplainLock | ExplainAbsence


class NewApplication(Body, frozen=True, kw_only=True):
    """A plan to be applied, or a revision to be gone back to; `when` as for a change of packages."""

    when: When = "next_start"


class NewIndexes(Body, frozen=True, kw_only=True):
    """Channels whose packages are to be made searchable; by default the configured ones."""

    channels: tuple[str, ...] = ()

    def request(self, settings: Settings) -> IndexChannels:
        return IndexChannels(channels=_checked(self.channels, settings))


class SearchQuery(Struct, frozen=True, kw_only=True):
    """Packages with every word of `q` in their name or summary: `limit` of them from number `offset` on."""

    q: Annotated[str, Meta(max_length=search.LONGEST_QUERY)] = ""
    limit: Annotated[int, Meta(ge=1, le=MOST_PACKAGES)] = 50
    offset: Annotated[int, Meta(ge=0, le=MOST)] = 0


class PackageQuery(Struct, frozen=True, kw_only=True):
    """Which versions fit into `environment`, a name or a prefix."""

    environment: str = ""


class ExportQuery(Struct, frozen=True, kw_only=True):
    """In which `format`, and what an environment.yml asks for."""

    format: ExportFormat = "environment.yml"
    wanted: Wanted = "asked"


class NewChannel(Body, frozen=True, kw_only=True):
    """A channel, to be searched after the others or, when it is to come `first`, before them. `login` is what its
    server wants to know; it is kept where rattler looks for logins, and never shown."""

    channel: str
    first: bool = False
    login: Login | None = None

    def add(self, settings: Settings) -> None:
        _checked((self.channel,), settings, "$.channel")
        if self.login is not None:
            with _field("$.login"):
                logins.check(self.login)
        channel_list.add(self.channel, settings, first=self.first, login=self.login)


class ChannelsToCheck(Body, frozen=True, kw_only=True):
    """By default the configured ones."""

    channels: tuple[str, ...] = ()

    def request(self, settings: Settings) -> CheckChannels:
        return CheckChannels(channels=_checked(self.channels, settings))


class NewBuild(Body, frozen=True, kw_only=True):
    """The packages of `recipe`, a recipe.yaml or the folder that has it, to be built into `channel`, a directory, by
    default that of the channel called local: full paths on the server. What the recipe requires is looked for there
    and in `channels`, by default the configured ones."""

    recipe: str
    channel: str = ""
    channels: tuple[str, ...] = ()

    def request(self, settings: Settings) -> BuildPackage:
        _check_file(self.recipe, "$.recipe")
        if self.channel:
            _check_file(self.channel, "$.channel")
        channels = _checked(self.channels, settings)
        return BuildPackage(recipe=self.recipe, channel=self.channel, channels=channels)


class NewExamination(Body, frozen=True, kw_only=True):
    """Every file of an environment to be looked at, and, with `fix`, what is wrong to be mended where that can be."""

    fix: bool = False

    def request(self, name_or_prefix: str, settings: Settings) -> CheckHealth:
        return CheckHealth(prefix=find(name_or_prefix, settings).prefix, fix=self.fix)


class NewCleaning(Body, frozen=True, kw_only=True):
    """What nobody needs to be deleted: of these `kinds`, or of all where none is named. A `preview` only says what it
    would be."""

    kinds: tuple[CleanKind, ...] = ()
    preview: bool = False

    def request(self, _settings: Settings) -> Clean:
        return Clean(kinds=self.kinds, preview=self.preview)


class ChangesQuery(Struct, frozen=True, kw_only=True):
    """Up to the revision `until`."""

    until: Annotated[int, Meta(ge=1, le=MOST)]


class JobsQuery(Struct, frozen=True, kw_only=True):
    """At most `limit` jobs; with `changing` only those that go on, or were to change more than caches."""

    limit: Annotated[int, Meta(ge=1, le=MOST_JOBS)] = 50
    changing: bool = False


class JobQuery(Struct, frozen=True, kw_only=True):
    """Events after number `since`; where there are none yet, those that come within `wait` seconds."""

    since: Annotated[int, Meta(ge=0, le=MOST)] = 0
    wait: Annotated[float, Meta(ge=0, le=LONGEST_WAIT)] = 0.0
