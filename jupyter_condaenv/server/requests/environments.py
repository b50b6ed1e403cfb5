"""``environments`` and ``stacks``."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from ...engine import lockfiles, requirements, specfiles
from ...engine.errors import InvalidRequest
from ...engine.model import (
    Adopt,
    Annotate,
    ChangePackages,
    CheckHealth,
    Clone,
    CreateEnvironment,
    ExportFormat,
    KernelOptions,
    Lock,
    Move,
    Pack,
    RegisterKernel,
    Settings,
    StackEnvironment,
    Unpack,
    Wanted,
    When,
)
from .fields import (
    MOST,
    Body,
    DisplayName,
    GivenFile,
    Kernel,
    New,
    Packages,
    Place,
    Query,
    about_field,
    check_file,
    checked_channels,
    checked_requirements,
    checked_specs,
    checked_strategy,
    find,
)


class NewEnvironment(New, frozen=True, kw_only=True):
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
            with about_field("$.lock"):
                lockfiles.check(self.lock, "The lock")
        channels = checked_channels(self.channels, settings)
        if self.file is not None:
            return self._of_file(self.file, channels, settings)
        if self.without_pip:
            raise InvalidRequest("$.without_pip: It goes with `file`.", "Leave it out.", field="$.without_pip")
        return CreateEnvironment(
            prefix=self.where(settings),
            specs=checked_specs(self.specs),
            pip=checked_requirements(self.pip),
            channels=channels,
            lock=self.lock,
            strategy=checked_strategy(self.strategy),
            display_name=self.display_name,
        )

    def _of_file(self, file: GivenFile, channels: tuple[str, ...], settings: Settings) -> CreateEnvironment:
        if self.specs or self.lock is not None:
            raise InvalidRequest(
                "$.file: It says what is to be there, and so do `specs` and `lock`.",
                "Give one of them.",
                field="$.file",
            )
        strategy = checked_strategy(self.strategy)
        with about_field("$.file.text"):
            found = specfiles.read(file.name, file.text, environment=file.environment)
        prefix = self.where(settings, otherwise=found.name)
        with about_field("$.file.text"):
            request = specfiles.creation(
                found,
                file.name,
                prefix,
                channels,
                without_pip=self.without_pip,
                strategy=strategy,
                site_cutoff=settings.exclude_newer,
            )
        pip = requirements.together(request.pip, checked_requirements(self.pip))
        return msgspec.structs.replace(request, pip=pip, display_name=self.display_name)


class NewStack(New, frozen=True, kw_only=True):
    """An overlay to be made in the place that `name` stands for or at `prefix`: `specs`, and what `pip` is asked for,
    on top of `base`, which is the name or the prefix of an environment and is not changed."""

    base: str

    def request(self, settings: Settings) -> StackEnvironment:
        with about_field("$.base"):
            base = find(self.base, settings).prefix
        return StackEnvironment(
            prefix=self.where(settings),
            base=base,
            specs=checked_specs(self.specs),
            pip=checked_requirements(self.pip),
            channels=checked_channels(self.channels, settings),
            strategy=checked_strategy(self.strategy),
            display_name=self.display_name,
        )


class PackageChange(Packages, frozen=True, kw_only=True):
    """Packages to add (specs), to have of pip (requirements), to remove and to update (names, or all with
    `update_all`), in one step. What else is installed moves where it must; with `dependencies` "freeze" not at all, and
    with "update" what the named packages need moves to its newest version. `channels` are searched after those the
    environment uses. What `file` asks for is added too, with its channels and variables; `without_pip` leaves out what
    it has for pip. With `prune` nothing is asked for any more but what is added now: what that does not need goes, and
    channels that are given take the place of the environment's. `when`: what replaces something a living kernel may
    have loaded waits for its next start, unless it is wanted `now`."""

    when: When = "next_start"

    def request(self, name_or_prefix: str, settings: Settings) -> ChangePackages:
        return self.change(find(name_or_prefix, settings), settings, self.when)


class NewClone(Kernel, frozen=True, kw_only=True):
    """An environment to be made in the place that `name` stands for or at `prefix`, with all that is in another
    one. `display_name` is its kernel's."""

    def request(self, name_or_prefix: str, settings: Settings) -> Clone:
        source = find(name_or_prefix, settings).prefix
        return Clone(prefix=self.where(settings), source=source, display_name=self.display_name)


class NewAdoption(Body, frozen=True, kw_only=True):
    """The name of its kernel, where it shall have one of its own."""

    display_name: DisplayName = ""

    def request(self, name_or_prefix: str, settings: Settings) -> Adopt:
        return Adopt(prefix=find(name_or_prefix, settings).prefix, display_name=self.display_name)


class NewPack(Body, frozen=True, kw_only=True):
    """Where the packed environment goes: the full path of a file on the server, whose ending tells the format. With
    `force` also in the place of one that is there."""

    output: str
    force: bool = False

    def request(self, name_or_prefix: str, settings: Settings) -> Pack:
        check_file(self.output, "$.output")
        return Pack(prefix=find(name_or_prefix, settings).prefix, output=self.output, force=self.force)


class PackedEnvironment(Kernel, frozen=True, kw_only=True):
    """An environment to be made in the place that `name` stands for or at `prefix`, of what conda-pack has put into the
    file `archive`, a full path on the server."""

    archive: str

    def request(self, settings: Settings) -> Unpack:
        check_file(self.archive, "$.archive")
        return Unpack(prefix=self.where(settings), archive=self.archive, display_name=self.display_name)


class NewPlace(Place, frozen=True, kw_only=True):
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
        if self.message and not self.frozen:
            raise InvalidRequest(
                "$.message: It says why an environment is frozen.", "Send it with `frozen`: true.", field="$.message"
            )
        if self == NewNotes():
            raise InvalidRequest("$: It says nothing that could be noted.", "Send what is to be different.", field="$")
        return Annotate(prefix=find(name_or_prefix, settings).prefix, **msgspec.structs.asdict(self))


class KernelChoice(KernelOptions, frozen=True, kw_only=True):
    """How a kernel is to be shown and started. What is left at its default stays as it was."""

    display_name: DisplayName = ""

    def request(self, name_or_prefix: str, settings: Settings) -> RegisterKernel:
        options = KernelOptions(**msgspec.structs.asdict(self))
        return RegisterKernel(prefix=find(name_or_prefix, settings).prefix, options=options)


class NewExamination(Body, frozen=True, kw_only=True):
    """Every file of an environment to be looked at, and, with `fix`, what is wrong to be mended where that can be."""

    fix: bool = False

    def request(self, name_or_prefix: str, settings: Settings) -> CheckHealth:
        return CheckHealth(prefix=find(name_or_prefix, settings).prefix, fix=self.fix)


class ExportQuery(Query, frozen=True, kw_only=True):
    """In which `format`, and what an environment.yml asks for."""

    format: ExportFormat = "environment.yml"
    wanted: Wanted = "asked"


class ChangesQuery(Query, frozen=True, kw_only=True):
    """Up to the revision `until`."""

    until: Annotated[int, Meta(ge=1, le=MOST)]
