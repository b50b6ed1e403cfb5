"""From the arguments of a command to the request that a job carries out."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from ...engine import environments, paths, requirements, stored
from ...engine.errors import InvalidRequest
from ...engine.model import (
    ChangePackages,
    CreateEnvironment,
    LockPlatforms,
    Plan,
    Rollback,
    Settings,
    StackEnvironment,
    Strategy,
    Target,
    When,
)
from .common import existing


def _create_request(arguments: Namespace, settings: Settings) -> CreateEnvironment:
    if arguments.file:
        return _create_of_file(arguments, settings)
    if not arguments.environment:
        raise InvalidRequest("ENV is missing: what is it to be called?", "For instance: create geo python ipykernel")
    _check_of_file(arguments)
    lock = None
    if arguments.lock:
        if arguments.specs or arguments.channels or strategy_of(arguments) != Strategy():
            raise InvalidRequest(
                "A lock says exactly which packages from where: SPEC, --channel and the like cannot go with --lock.",
                "Create it from the lock, then `add` to it.",
            )
        path = existing(arguments.lock, "lock")
        if not _is_ours(path):
            return _create_of_lock(path, arguments, settings)
        from ...engine import lockfiles

        lock = lockfiles.read(path)
    elif not arguments.specs and not arguments.pip:
        raise InvalidRequest(
            "Nothing was asked for.", f"For a Python kernel: create {arguments.environment} python ipykernel"
        )
    return CreateEnvironment(
        prefix=new_prefix(arguments.environment, settings),
        specs=from_root(arguments.specs),
        pip=requirements.checked(arguments.pip),
        channels=from_root(arguments.channels),
        lock=lock,
        strategy=strategy_of(arguments),
        display_name=getattr(arguments, "display_name", ""),
    )


def _check_of_file(arguments: Namespace) -> None:
    for option, given in (
        ("--without-pip", arguments.without_pip),
        ("--environment", arguments.file_environment),
        ("--prune", getattr(arguments, "prune", False)),
    ):
        if given and not arguments.file:
            raise InvalidRequest(f"{option} goes with --file.", "Leave it out.")


def _is_ours(path: Path) -> bool:
    """Whether the lock at ``path`` is not one of another tool, as far as its beginning tells."""
    try:
        with path.open("rb") as file:
            return file.read(64).lstrip()[:1] in (b"{", b"")
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be read: {error.strerror}.", "Check the path.") from error


def _create_of_lock(path: Path, arguments: Namespace, settings: Settings) -> CreateEnvironment:
    """Of what another tool's lock has for this machine, or a lock of ours for several platforms."""
    from ...engine import specfiles

    found = specfiles.read_file(path)
    if found.lock is None and found.foreign_lock is None:
        raise InvalidRequest(
            f"{path} is no lock: it does not say exactly which packages.", "For what it asks for: --file"
        )
    request = specfiles.creation(found, str(path), new_prefix(arguments.environment, settings))
    return msgspec.structs.replace(request, display_name=getattr(arguments, "display_name", ""))


def _create_of_file(arguments: Namespace, settings: Settings) -> CreateEnvironment:
    if arguments.specs or arguments.lock:
        raise InvalidRequest(
            "A file says what is to be there: neither SPEC nor --lock can go with --file.",
            "Create it from the file, then `add` to it.",
        )
    from ...engine import specfiles

    path = existing(arguments.file, "file")
    found = specfiles.read_file(path, environment=arguments.file_environment)
    place = arguments.environment or found.name
    if not place:
        raise InvalidRequest(f"{path} has no name for the environment.", f"Give one: create NAME --file {path}")
    # The file may be anybody's: what stands in it is a name and no path.
    prefix = new_prefix(place, settings) if arguments.environment else environments.prefix_for(place, settings)
    channels = from_root(arguments.channels)
    request = specfiles.creation(
        found,
        str(path),
        prefix,
        channels,
        without_pip=arguments.without_pip,
        strategy=strategy_of(arguments),
        site_cutoff=settings.exclude_newer,
    )
    display_name = getattr(arguments, "display_name", "")
    pip = requirements.together(request.pip, requirements.checked(arguments.pip))
    return msgspec.structs.replace(request, pip=pip, display_name=display_name)


def _stack_request(arguments: Namespace, settings: Settings) -> StackEnvironment:
    return StackEnvironment(
        prefix=new_prefix(arguments.environment, settings),
        base=environments.find(arguments.base, settings).prefix,
        specs=from_root(arguments.specs),
        pip=requirements.checked(arguments.pip),
        channels=from_root(arguments.channels),
        strategy=strategy_of(arguments),
        display_name=getattr(arguments, "display_name", ""),
    )


def _add_request(arguments: Namespace, settings: Settings) -> ChangePackages:
    if not arguments.specs and not arguments.pip and not arguments.file:
        raise InvalidRequest("Nothing was asked for.", f"For instance: add {arguments.environment} numpy")
    return _with_file(_change_of(arguments, settings, add=from_root(arguments.specs)), arguments, settings)


def _update_request(arguments: Namespace, settings: Settings) -> ChangePackages:
    if bool(arguments.packages) == arguments.all and (arguments.all or not arguments.file):
        raise InvalidRequest(
            "Either the packages that may move are needed, or --all, or --file.",
            f"To move all: jupyter condaenv update {arguments.environment} --all",
        )
    asked = _change_of(arguments, settings, update=tuple(arguments.packages), update_all=arguments.all)
    return _with_file(msgspec.structs.replace(asked, prune=arguments.prune), arguments, settings)


def _with_file(request: ChangePackages, arguments: Namespace, settings: Settings) -> ChangePackages:
    """``request`` with what ``--file`` asks for as well."""
    _check_of_file(arguments)
    if not arguments.file:
        return request
    from ...engine import specfiles

    path = existing(arguments.file, "file")
    found = specfiles.read_file(path, environment=arguments.file_environment)
    return specfiles.change(
        found, str(path), request, without_pip=arguments.without_pip, site_cutoff=settings.exclude_newer
    )


def _change_request(arguments: Namespace, settings: Settings) -> ChangePackages:
    return _change_of(
        arguments,
        settings,
        add=from_root(arguments.add),
        update=tuple(arguments.update),
        remove=tuple(arguments.remove),
    )


def _change_of(
    arguments: Namespace,
    settings: Settings,
    *,
    add: tuple[str, ...] = (),
    update: tuple[str, ...] = (),
    update_all: bool = False,
    remove: tuple[str, ...] = (),
) -> ChangePackages:
    return ChangePackages(
        prefix=environments.find(arguments.environment, settings).prefix,
        add=add,
        update=update,
        update_all=update_all,
        pip=requirements.checked(getattr(arguments, "pip", ())),
        remove=remove,
        dependencies=arguments.dependencies,
        channels=from_root(arguments.channels),
        strategy=strategy_of(arguments),
        when=when_of(arguments),
    )


def strategy_of(arguments: Namespace) -> Strategy:
    return Strategy(
        channel_priority=arguments.channel_priority,
        resolution=arguments.resolution,
        exclude_newer=arguments.exclude_newer,
        exclude_newer_except=tuple(arguments.exclude_newer_except),
        virtual_packages=tuple(arguments.virtual),
    )


def _remove_request(arguments: Namespace, settings: Settings) -> ChangePackages:
    if not arguments.packages:
        raise InvalidRequest(
            "`remove` takes packages out of an environment, and none was named.",
            f"To delete the environment itself: jupyter condaenv delete {arguments.environment}",
        )
    prefix = environments.find(arguments.environment, settings).prefix
    return ChangePackages(prefix=prefix, remove=tuple(arguments.packages), when=when_of(arguments))


def _rollback_request(arguments: Namespace, settings: Settings) -> Rollback:
    prefix = environments.find(arguments.environment, settings).prefix
    return Rollback(prefix=prefix, revision=arguments.revision, when=when_of(arguments))


def when_of(arguments: Namespace) -> When:
    return "now" if getattr(arguments, "now", False) else "next_start"


def lock_request(arguments: Namespace, settings: Settings) -> LockPlatforms:
    """The lock of ``--platform`` and ``--file``."""
    if bool(arguments.environment) == bool(arguments.file):
        raise InvalidRequest(
            "Either ENV or --file is needed: what is to be locked?", "For instance: lock geo --platform osx-arm64"
        )
    _check_of_file(arguments)
    if arguments.environment and not arguments.platforms:
        raise InvalidRequest("No platform was named.", "For instance: --platform linux-64 --platform osx-arm64")
    targets = _targets(arguments)
    channels = from_root(arguments.channels)
    strategy = msgspec.structs.replace(strategy_of(arguments), virtual_packages=())
    if arguments.file:
        from ...engine import specfiles

        path = existing(arguments.file, "file")
        try:
            content = path.read_bytes()
        except OSError as error:
            raise InvalidRequest(f"{path} cannot be read: {error.strerror}.", "Check the path.") from error
        asked = specfiles.targets(
            str(path),
            content,
            targets,
            channels,
            without_pip=arguments.without_pip,
            environment=arguments.file_environment,
            folder=str(path.parent),
            strategy=strategy,
            site_cutoff=settings.exclude_newer,
        )
    else:
        prefix = environments.find(arguments.environment, settings).prefix
        asked = LockPlatforms(prefix=prefix, targets=targets, channels=channels, strategy=strategy)
    return msgspec.structs.replace(asked, format=getattr(arguments, "format", "") or asked.format)


def _targets(arguments: Namespace) -> tuple[Target, ...]:
    """Each platform, with what is declared for it."""
    platforms = list(dict.fromkeys(arguments.platforms))
    virtual: dict[str, list[str]] = {platform: [] for platform in platforms}
    for text in arguments.virtual:
        platform, colon, package = text.rpartition(":")
        if not colon and len(platforms) == 1:
            platform = platforms[0]
        if platform not in virtual:
            raise InvalidRequest(
                f"--virtual {text} does not say for which --platform.", f"For instance: linux-64:{package}"
            )
        virtual[platform].append(package)
    return tuple(Target(platform=platform, virtual_packages=tuple(virtual[platform])) for platform in platforms)


REQUESTS: dict[
    str, Callable[[Namespace, Settings], CreateEnvironment | ChangePackages | StackEnvironment | Rollback]
] = {
    "create": _create_request,
    "stack": _stack_request,
    "add": _add_request,
    "update": _update_request,
    "remove": _remove_request,
    "change": _change_request,
    "rollback": _rollback_request,
}


def new_prefix(name_or_path: str, settings: Settings) -> str:
    """Where a new environment goes: a path is taken as it is, a name has its place."""
    if os.sep in name_or_path or name_or_path in (".", "..") or name_or_path.startswith("~"):
        return paths.absolute(name_or_path)
    return environments.prefix_for(name_or_path, settings)


def from_root(given: Iterable[str]) -> tuple[str, ...]:
    """Channels or requests, with paths among them from the root: the job runs elsewhere."""
    return tuple(paths.absolute(one) if one.startswith((".", "~")) else one for one in given)


def read_plan(path: str) -> Plan:
    try:
        return stored.plan(existing(path, "plan").read_bytes())
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be read: {error.strerror}.") from error
    except msgspec.MsgspecError as error:
        raise InvalidRequest(f"{path} is not a plan: {error}.", "`plan ... -o FILE` writes one.") from error
