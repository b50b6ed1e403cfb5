"""Files that say what an environment is to be, whoever wrote them: from name and bytes to what is asked for.

Which format it is follows from the content, and from the name where the content can be several. Nothing is run, no
variable is filled in and no other file is read, so the file may come from anybody.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import msgspec
from msgspec.structs import replace

from . import cutoff, fitting, lockfiles, requirements
from .channels import SUBDIR, host_subdir, local_path, redact
from .errors import InvalidRequest, Refused
from .formats import environment, explicit, lists, locked, manifest, notebook
from .formats import yaml as tree
from .formats.source import MOST_BYTES, Source
from .formats.specfile import SpecFile
from .model import (
    ChangePackages,
    CreateEnvironment,
    ForeignLock,
    Lock,
    LockPlatforms,
    Origin,
    Platform,
    Strategy,
    Target,
    Variable,
)

__all__ = ["MOST_BYTES", "SpecFile", "change", "chosen", "creation", "read", "read_file", "targets"]

_LOCKABLE = ", ".join(get_args(Platform))
_NO_STRATEGY = Strategy()
_MOST_SHOWN = 20
"""Requirements for pip, in one sentence."""
_NOT_LOCKED = (
    "Publish a wheel of it and lock again; or leave it out, and have the environment's own pip install it afterwards."
)
"""What a lock has for pip and we cannot have."""
_PROSE = re.compile(r"^[^#\n]*\w \w+ \w+ \w+ \w", re.MULTILINE)
"""Nothing that asks for a package has so many words in a row."""
_KNOWN = (
    "Known are environment.yml, explicit lists (@EXPLICIT), conda-lock.yml, pixi.lock, pixi.toml, requirements.txt, "
    "notebooks (.ipynb) and locks of jupyter_condaenv."
)


def read(name: str, content: bytes | str, platform: str = "", environment: str = "", folder: str = "") -> SpecFile:
    """What the file called ``name`` asks for on ``platform`` (by default this machine's).

    ``folder`` is where it lies, if that is known: paths of channels are seen from there. ``environment`` is one of
    those that a ``pixi.lock`` or a manifest of pixi may have, by default ``default``. Raises InvalidRequest with the
    file's name and, where there is one, the line.
    """
    source = Source(name or "the file", content, folder)
    platform = platform or host_subdir()
    if source.name.lower().endswith(".toml"):
        return manifest.read(source, platform, environment)
    if not notebook.is_notebook(source) and locked.is_lock(source):
        locked.check_secrets(source)
        return SpecFile(foreign_lock=ForeignLock(name=source.name, text=source.text, environment=environment))
    if environment:
        raise source.only_one(environment)
    return _of_one(source, platform)


def _of_one(source: Source, platform: str) -> SpecFile:
    if notebook.is_notebook(source):
        return notebook.read(source)
    if source.text.lstrip()[:1] == "{":
        return _own_lock(source)
    if explicit.is_explicit(source.text):
        return explicit.read(source, platform)
    if explicit.lacks_mark(source.text):
        raise source.refuse(
            0,
            "It looks like an explicit list, and has no mark.",
            f"Write {explicit.MARK}, in capitals, into a line above the URLs.",
        )
    if source.name.lower().endswith((".yml", ".yaml")):
        root = tree.load(source)
        if root is None:
            raise source.refuse(0, "There is nothing in it.", "List packages under `dependencies:`.")
        return environment.read(source, root, platform)
    if source.name.lower().endswith(".txt") and not _PROSE.search(source.text):
        return lists.read(source, platform)
    if not source.text.strip():
        raise source.refuse(0, "There is nothing in it.", _KNOWN)
    raise source.refuse(0, "It is no file that an environment can be made of.", _KNOWN)


def read_file(path: Path, platform: str = "", environment: str = "") -> SpecFile:
    """``read`` for the file at ``path``."""
    try:
        return read(str(path), path.read_bytes(), platform, environment, os.path.dirname(os.path.abspath(path)))
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be read: {error.strerror}.", "Check the path.") from error


def creation(
    found: SpecFile,
    name: str,
    prefix: str,
    channels: tuple[str, ...] = (),
    *,
    without_pip: bool = False,
    strategy: Strategy = _NO_STRATEGY,
    site_cutoff: str = "",
) -> CreateEnvironment:
    """The request that ``found``, read from the file ``name``, stands for, to be made at ``prefix``.

    ``channels`` are searched before those of the file; ``strategy`` and ``site_cutoff`` as in :func:`chosen`. Raises
    InvalidRequest for what cannot be done: other channels than those of a lock, channels that should be folders here
    and are none, and requirements that pip is not asked for here, unless all of pip's are to be left out.
    """
    _check_folders(found, name)
    if found.lock is not None or found.foreign_lock is not None:
        _check_platform(found, name)
        if channels:
            raise InvalidRequest(
                f"{name} says exactly which packages from where: no other channels can be searched.",
                "Create it from the file, then add to it.",
            )
        foreign = found.foreign_lock
        if foreign is not None:
            foreign = replace(foreign, without_pip=without_pip)
        return CreateEnvironment(
            prefix=prefix, lock=found.lock, foreign_lock=foreign, strategy=strategy, notes=found.warnings
        )
    pip, notes = _for_pip(found, name, without_pip)
    strategy, told = chosen(found, name, strategy, site_cutoff)
    nothing = f"{name} asks for no packages"
    if not (found.specs or pip or nothing in found.warnings):
        notes = (*notes, nothing)
    return CreateEnvironment(
        prefix=prefix,
        specs=_with_pip(found.specs) if pip else found.specs,
        pip=pip,
        channels=(*channels, *(channel for channel in found.channels if channel not in channels)),
        variables=_variables(found),
        strategy=strategy,
        kept_strategy=replace(chosen(found, name, _NO_STRATEGY, site_cutoff)[0], virtual_packages=()),
        notes=(*found.warnings, *told, *notes),
        origin=_origin(found, name),
    )


def change(
    found: SpecFile, name: str, request: ChangePackages, *, without_pip: bool = False, site_cutoff: str = ""
) -> ChangePackages:
    """``request`` with what ``found``, read from the file ``name``, asks for as well.

    Channels of the file are searched after those of the request. Raises InvalidRequest for a lock, which says all of
    an environment, and for requirements that pip is not asked for here, unless all of pip's are to be left out.
    """
    if found.lock is not None or found.foreign_lock is not None:
        raise InvalidRequest(
            f"{name} says exactly which packages an environment consists of, and not what to add to one.",
            "Make a new environment of it, or give a file that asks for packages, such as environment.yml.",
        )
    _check_folders(found, name)
    pip, notes = _for_pip(found, name, without_pip)
    strategy, told = chosen(found, name, request.strategy, site_cutoff)
    return replace(
        request,
        add=(*(_with_pip(found.specs) if pip else found.specs), *request.add),
        pip=requirements.together(pip, request.pip),
        channels=(*request.channels, *(channel for channel in found.channels if channel not in request.channels)),
        variables=_variables(found),
        strategy=strategy,
        notes=(*found.warnings, *told, *notes),
        origin=_origin(found, name),
    )


def _origin(found: SpecFile, name: str) -> Origin:
    return Origin(file=name, specs=found.spec_lines, channels=found.channel_lines)


def _variables(found: SpecFile) -> tuple[Variable, ...]:
    return tuple(Variable(name=name, value=value) for name, value in found.variables.items())


def chosen(found: SpecFile, name: str, given: Strategy, site_cutoff: str) -> tuple[Strategy, tuple[str, ...]]:
    """``given``, and, where it is silent, what the author of the file ``name`` says; and what is told of that.

    A file may come from anybody: where the site leaves out what is newer than ``site_cutoff`` (empty where it does
    not), no file makes it less.
    """
    said = found.strategy
    applied: list[str] = []
    otherwise: list[str] = []
    made = given
    for field, key in (("channel_priority", "channel-priority"), ("resolution", "solve-strategy")):
        wanted, own = getattr(said, field), getattr(given, field)
        if wanted:
            (applied if own in ("", wanted) else otherwise).append(f"{key} = {wanted}")
            made = replace(made, **{field: own or wanted})
    if said.exclude_newer:
        until, limit = cutoff.parse(said.exclude_newer), cutoff.parse(given.exclude_newer or site_cutoff)
        told = f"exclude-newer = {said.exclude_newer}"
        if until is not None and (limit is None or (until < limit and not given.exclude_newer)):
            made = replace(made, exclude_newer=said.exclude_newer)
            applied.append(told)
        else:
            otherwise.append(told)
        if said.exclude_newer_except:
            told = f"exceptions from it ({', '.join(said.exclude_newer_except)})"
            if limit is None:
                made = replace(made, exclude_newer_except=(*said.exclude_newer_except, *given.exclude_newer_except))
            (applied if limit is None else otherwise).append(told)
    machine = {text.partition("=")[0]: text for text in said.virtual_packages}
    own_machine = {text.strip().partition("=")[0]: text for text in given.virtual_packages}
    for virtual, text in machine.items():
        (applied if own_machine.get(virtual, text) == text else otherwise).append(f"a machine with {text}")
    made = replace(made, virtual_packages=tuple({**machine, **own_machine}.values()))
    return made, (
        *([f"{name}: packages are chosen as it says: {'; '.join(applied)}"] if applied else ()),
        *([f"{name}: not followed, as something else is asked for here: {'; '.join(otherwise)}"] if otherwise else ()),
    )


def targets(
    name: str,
    content: bytes | str,
    wanted: Sequence[Target] = (),
    channels: tuple[str, ...] = (),
    *,
    without_pip: bool,
    environment: str = "",
    folder: str = "",
    strategy: Strategy = _NO_STRATEGY,
    site_cutoff: str = "",
) -> LockPlatforms:
    """The lock that is wanted of the file called ``name``, for what it asks for on each of the platforms ``wanted``, by
    default those that it names itself. ``folder`` as in :func:`read`.

    ``channels`` are searched before those of the file; ``strategy`` and ``site_cutoff`` as in :func:`chosen`. Raises
    InvalidRequest, and Refused for requirements for pip, unless they are to be left out.
    """
    how = strategy
    beside: list[str] = []
    if not wanted:
        found = read(name, content, environment=environment, folder=folder)
        wanted = [Target(platform=platform) for platform in _platforms(name, found)]
        beside = sorted(set(found.platforms).difference(get_args(Platform)))
    made: list[Target] = []
    origin = Origin(file=name)
    told: dict[str, list[str]] = {}
    for target in wanted:
        found = read(name, content, target.platform, environment, folder)
        if found.lock is not None or found.foreign_lock is not None:
            raise InvalidRequest(
                f"{name} says exactly which packages, so there is nothing to look for on other platforms.",
                "Lock the file that it was made of, such as environment.yml.",
            )
        _check_folders(found, name)
        asked, notes = _for_pip(found, name, without_pip)
        if asked:
            raise Refused(
                f"{name} has requirements for pip, which can be found out only on a machine of that platform.",
                "Leave them out, and ask pip for them where the environment is made.",
                pip=list(asked),
            )
        how, of_strategy = chosen(found, name, replace(strategy, virtual_packages=target.virtual_packages), site_cutoff)
        for text in (*found.warnings, *of_strategy, *notes):
            told.setdefault(text, []).append(target.platform)
        channels = (*channels, *(channel for channel in found.channels if channel not in channels))
        origin = Origin(
            file=name, specs=found.spec_lines | origin.specs, channels=found.channel_lines | origin.channels
        )
        made.append(replace(target, specs=found.specs, virtual_packages=how.virtual_packages))
    said = (text if len(told[text]) == len(made) else f"for {', '.join(told[text])}: {text}" for text in told)
    left_out = (f"{name} also names {', '.join(beside)}, for which nothing is locked: only for {_LOCKABLE}",)
    return LockPlatforms(
        targets=tuple(made),
        channels=channels,
        strategy=replace(how, virtual_packages=()),
        notes=(*said, *(left_out if beside else ())),
        origin=origin,
    )


def _check_platform(found: SpecFile, name: str) -> None:
    """Raises InvalidRequest for a lock that is for other machines than this one."""
    lock, here = found.lock, host_subdir()
    if lock is not None and lock.platform != here:
        where = f"{name}, line {found.lock_line}: It" if found.lock_line else name
        raise InvalidRequest(
            f"{where} is for {lock.platform}, and this machine is {here}.",
            f"Take the one for {here}, or make one of the requests that it was made of.",
            file=name,
            **({"line": found.lock_line} if found.lock_line else {}),
        )


def _check_folders(found: SpecFile, name: str) -> None:
    """Raises InvalidRequest for a channel that is a path, or the URL of one, where there is no folder."""
    for channel in found.channels:
        path = local_path(channel) if channel.startswith("file:") else Path(channel) if channel[:1] == "/" else None
        if path is not None and not Path(SUBDIR.sub("", str(path))).is_dir():
            line = found.channel_lines.get(channel, 0)
            raise InvalidRequest(
                f"{name}{f', line {line}' if line else ''}: The channel {channel} is no folder on this machine.",
                "Copy or mount it there, or write in its place where it is.",
                file=name,
                **({"line": line} if line else {}),
            )


def _platforms(name: str, found: SpecFile) -> list[Platform]:
    """Those that the file names. Raises InvalidRequest where it names none that can be locked for."""
    known = [platform for platform in get_args(Platform) if platform in found.platforms]
    if not known:
        raise InvalidRequest(f"{name} names no platforms that can be locked for.", f"Name some: {_LOCKABLE}.")
    return known


def with_lock(request: CreateEnvironment, platform: str) -> CreateEnvironment:
    """``request`` with what its foreign lock has for ``platform``, if it has one. Raises as :func:`creation` does."""
    foreign = request.foreign_lock
    if foreign is None:
        return request
    if request.lock is not None or request.specs:
        raise InvalidRequest("An environment is made of one lock, or of package requests.", "Give one of them.")
    found = locked.read(Source(foreign.name, foreign.text), platform, foreign.environment)
    pip, notes = _for_pip(found, foreign.name, foreign.without_pip)
    lock = found.lock
    if lock is not None and foreign.without_pip:
        lock = replace(lock, pip_specs=(), pip=())
    elif lock is not None and lock.pip:
        pip = ()  # it says file by file what that is
    return replace(
        request,
        lock=lock,
        foreign_lock=None,
        pip=requirements.together(pip, requirements.checked(request.pip)),
        notes=(*request.notes, *found.warnings, *notes),
    )


def _with_pip(specs: tuple[str, ...]) -> tuple[str, ...]:
    """``specs`` with pip, which conda adds as well where a file has requirements for it."""
    return specs if any(fitting.name_of(spec) == "pip" for spec in specs) else (*specs, "pip")


def _for_pip(found: SpecFile, name: str, without_pip: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What ``found`` asks of pip, and what is to be told of that. Raises InvalidRequest for what cannot be asked."""
    if not found.pip:
        return (), ()
    shown = [redact(one) for one in found.pip]
    told = ", ".join(shown[:_MOST_SHOWN]) + (
        f" and {len(shown) - _MOST_SHOWN} more" if len(shown) > _MOST_SHOWN else ""
    )
    if without_pip:
        return (), (f"left out, as they are for pip: {told}",)
    if found.pip_index:
        raise InvalidRequest(
            f"{name} has pip look in an index of its own ({found.pip_index}), which is not asked here, and in the "
            "usual one anybody may have put packages of these names.",
            requirements.INDEX,
            pip=shown,
        )
    hint = "" if found.lock is None else _NOT_LOCKED
    return tuple(dict.fromkeys(_checked(one, name, found.pip_lines.get(one, 0), shown, hint) for one in found.pip)), ()


def _checked(requirement: str, name: str, line: int, shown: list[str], hint: str) -> str:
    try:
        return requirements.checked([requirement])[0]
    except InvalidRequest as error:
        where = f"{name}, line {line}" if line else name
        details = {"line": line} if line else {}
        raise InvalidRequest(f"{where}, for pip: {error.message}", hint or error.hint, pip=shown, **details) from error


def _own_lock(source: Source) -> SpecFile:
    try:
        lock = msgspec.json.decode(source.text, type=Lock)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise source.refuse(0, f"It is not a lock of jupyter_condaenv: {error}.", _KNOWN) from error
    lockfiles.check(lock, source.name)
    return SpecFile(lock=lock, platforms=(lock.platform,))
