"""What an operation would do."""

from __future__ import annotations

from typing import ClassVar, Literal

from msgspec import Struct

from .environments import Lock, Package, Variable

When = Literal["next_start", "now"]
"""When a change that replaces what a living kernel may have loaded is put in place."""
ChangeKind = Literal["add", "remove", "upgrade", "downgrade", "rebuild", "rechannel"]
"""``rebuild``: the same version; ``rechannel``: the same build too, from another channel."""


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
    pip_specs_added: tuple[str, ...] = ()
    pip_specs_dropped: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    pip: tuple[PipChange, ...] = ()
    variables: tuple[VariableChange, ...] = ()


class VariableChange(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What happens to a variable that is set wherever the environment is active: its value before, and after, without
    tokens or passwords."""

    name: str
    before: str | None = None
    """None where it was not set."""
    after: str | None = None


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
    """Packages of which only the size of the archive is known before they are fetched, or nothing: they take more."""
    pip: int = 0
    """Of ``bytes``, what pip's packages take. What a wheel holds that has still to be fetched is an estimate: three
    times its size."""
    freed: int = 0
    """Bytes that what goes or is replaced gives back at once."""
    held: int = 0
    """Bytes of it that are hard links too: the package cache, or another environment, has them still."""


class PipChange(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What happens to one package of pip: its version before, and after."""

    name: str
    before: str = ""
    after: str = ""


class PipPart(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a plan has to do with pip."""

    changes: tuple[PipChange, ...] = ()
    resolved: bool = False
    """Whether ``changes`` are all there will be. Else pip finds out what it needs when conda's packages are in place,
    which is when the plan is applied; ``pip_specs`` of the lock say what it is asked for."""
    again: tuple[str, ...] = ()
    """Packages that another Python minor leaves behind, and that are installed anew for it because they were asked
    for."""
    stranded: tuple[str, ...] = ()
    """Those that it leaves behind for good, since pip was not asked for them here."""
    download_bytes: int = 0
    """Of files that are not in the package cache yet, as far as it is known; measured for dry runs only."""


class Plan(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A change that can be shown and then applied exactly as shown.

    Where a plan is read from a file, fields that are not known are left out, as everywhere in what we have written. One
    that says more of what is to be *done* comes with a higher ``version``, so that an older installation refuses the
    plan instead of applying less than was shown."""

    FORMAT: ClassVar[int] = 1
    version: Literal[1] = 1
    prefix: str
    verb: str
    words: str = ""
    """What was asked for, such as ``rollback to 3, then add numpy`` where the rollback waits for the next start of a
    kernel and is part of this; empty where ``verb`` says all."""
    before: str
    """A sha256 over what was in the prefix when the plan was made: packages of conda and of pip, whoever put them
    there, and pins. Empty when there was no environment."""
    lock: Lock
    changes: tuple[Change, ...]
    download_bytes: int
    """Bytes of archives that are not in the package cache yet."""
    variables: tuple[Variable, ...] = ()
    """That are to be set wherever the environment is active."""
    unset: tuple[str, ...] = ()
    """Names of those that are to be set no longer."""
    unasked: tuple[Unasked, ...] = ()
    pip: PipPart | None = None
    """None where pip has no part in it."""
    room: Room | None = None
    """Measured for dry runs only."""
    seal: str = ""
    """A sha256 over all the rest, by which a plan is known that somebody has altered; of one that is shown to be
    applied. It is no signature: what a plan would do is checked as well."""


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
