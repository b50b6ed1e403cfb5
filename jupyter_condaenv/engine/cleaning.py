"""What can be deleted because nobody needs it: packages that no environment has, archives, indexes, stages.

Kept is what an environment links to or has a record of, and what its last revisions consist of, so that they can be
gone back to without a network.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

from . import (
    build_cache,
    channel_list,
    deferred,
    environments,
    exchange,
    history,
    prefix,
    search,
    staging,
    storage,
    transaction,
    wheels,
)
from .activation.launch import COMPILED
from .errors import ReadOnly
from .locking import try_lock
from .model import Clean, Cleaned, CleanKind, Lock, Message, Progress, Settings, Step, Unneeded
from .storage import ARCHIVES
from .telling import Emit
from .trees import remove_tree

REVISIONS = 5
"""The last ones of an environment, whose packages are kept."""
_DELETING = ".tmp-clean-"
"""In the package cache; what a killed clean leaves is called so too."""


def clean(request: Clean, settings: Settings, emit: Emit) -> Cleaned:
    """Find, and but for a preview delete, what ``request`` names and nobody needs.

    What cannot be deleted is left out of the result, and so is what builds have fetched while one is under way. Waits
    for operations that use the package cache.
    """
    kinds = set(request.kinds) or set(_FINDERS)
    done: list[Unneeded] = []
    with ExitStack() as held:
        held.enter_context(transaction.package_cache(settings, emit))
        if "builds" in kinds and not held.enter_context(build_cache.kept_from_builds(settings, emit)):
            kinds.remove("builds")
            emit(Message(level="warning", text="What builds have fetched stays, since a build is under way"))
        found = [one for kind, find in _FINDERS.items() if kind in kinds for one in _told(kind, find, settings, emit)]
        for number, one in enumerate(found, 1):
            if request.preview or _delete(one, settings):
                done.append(one)
            emit(Progress(phase="clean", done=number, total=len(found), unit="files", item=Path(one.path).name))
    return Cleaned(items=tuple(done), preview=request.preview)


def _told(
    kind: CleanKind, find: Callable[[Settings], Iterable[Path]], settings: Settings, emit: Emit
) -> Iterator[Unneeded]:
    emit(Step(phase="measure", text=f"Looking for {_WORDS[kind]}"))
    for path in find(settings):
        emit(Progress(phase="measure", done=0, unit="files", item=path.name))
        yield Unneeded(kind=kind, what=_what(kind, path, settings), path=str(path), bytes=storage.freed(path))


def _what(kind: CleanKind, path: Path, settings: Settings) -> str:
    """``path`` in words."""
    package = path.name.rpartition("-")[0]
    if path.name.startswith(".tmp"):
        return "left by an interrupted operation"
    if kind == "packages" and path.parent.name == wheels.FOLDER:
        return f"wheel of {package}"
    if kind == "bytecode":
        mirrored = Path(settings.data_dir) / COMPILED
        of = f"/{path.relative_to(mirrored)}" if path.is_relative_to(mirrored) else package
        return f"compiled Python of {of}"
    if kind == "indexes":
        channel = search.channel_of(path)
        return f"for searching {channel}" if channel else "what solves have read of channels, and read again"
    if kind == "builds":
        return "fetched for builds"
    if kind == "stages":
        inside = path.parent.parent.name == staging.WORK_NAME and path.parents[2].name == "conda-meta"
        return f"left of a change of {(path.parents[3] if inside else path.parent).name}"
    return f"archive of {path.name}" if kind == "archives" else path.name


def _delete(one: Unneeded, settings: Settings) -> bool:
    """Whether it is gone. A package is never half there."""
    path = Path(one.path)
    try:
        if one.kind == "stages":
            return _tidy(path)
        if path.is_dir() and one.kind == "packages":
            trash = path.with_name(_DELETING + secrets.token_hex(8))
            path.rename(trash)
            path = trash
            with suppress(FileNotFoundError):
                Path(f"{one.path}.lock").unlink()
        remove_tree(path)
    except OSError:
        return False
    return True


# --- what nobody needs -----------------------------------------------------------------------------------------------


def _packages(settings: Settings) -> list[Path]:
    """Extracted packages and wheels without a use, and what interrupted operations have left half-extracted."""
    needed = _needed(settings)
    found = [path for path in _entries(Path(settings.cache_dir) / wheels.FOLDER) if path.name not in needed]
    for path in _entries(Path(settings.cache_dir) / "pkgs"):
        if path.name.startswith(".tmp") or (
            path.is_dir() and not path.name.startswith(".") and path.name not in needed and not storage.is_linked(path)
        ):
            found.append(path)
    return found


def _bytecode(settings: Settings) -> list[Path]:
    needed = _needed(settings)
    of_packages = [
        path
        for path in _entries(Path(settings.cache_dir) / "bytecode")
        if path.name.rpartition("-")[0] not in needed and not storage.is_linked(path)
    ]
    return [*of_packages, *_without_source(Path(settings.data_dir) / COMPILED, Path("/"))]


def _without_source(folder: Path, place: Path) -> Iterator[Path]:
    """Of the compiled files of ``place``, which lie below ``folder`` by their paths, those of folders that are gone."""
    for path in filter(Path.is_dir, _entries(folder)):
        if (place / path.name).is_dir():
            yield from _without_source(path, place / path.name)
        else:
            yield path


def _archives(settings: Settings) -> list[Path]:
    """All but those of needed packages that are not extracted."""
    needed = _needed(settings)
    found = []
    for path in _entries(Path(settings.cache_dir) / "pkgs"):
        stem = next((path.name[: -len(end)] for end in ARCHIVES if path.name.endswith(end)), None)
        if stem is not None and (stem not in needed or (path.parent / stem).is_dir()):
            found.append(path)
    return found


def _indexes(settings: Settings) -> list[Path]:
    """All that solves have read, which comes again with the next one, and, of those for searching, which take long to
    make, the ones of channels that are neither configured nor used by an environment."""
    known = {channel.url for channel in channel_list.configured(settings)}
    for environment in environments.list_environments(settings):
        last = history.latest(Path(environment.prefix))
        known.update(last.lock.channels if last is not None else ())
    kept = {search.index_file(url, settings).stem for url in known}
    made = _entries(Path(settings.cache_dir) / "search")
    read = Path(settings.cache_dir) / "repodata"
    return [*([read] if _entries(read) else []), *(path for path in made if path.stem not in kept)]


def _builds(settings: Settings) -> list[Path]:
    return _entries(Path(settings.cache_dir) / storage.BUILDS)


def _stages(settings: Settings) -> list[Path]:
    """What interrupted operations left beside environments, also beside such as are gone; not of one under way."""
    found: list[Path] = []
    for work in _workspaces(settings):
        if not os.access(work.root, os.W_OK):
            continue
        with try_lock(work.lock, "looking for what is left over") as held:
            if held:
                found += [*staging.leftovers(work), *exchange.replaced(work)]
    return found


def _tidy(left: Path) -> bool:
    """Have what is ``left`` in a workspace finished, undone or deleted, as the next operation there would."""
    root = left.parent
    place = root.parent.parent
    if (root.parent.name, place.name) == (staging.WORK_NAME, "conda-meta"):
        exchange.settle(str(place.parent))
    elif os.path.lexists(place / root.name):
        exchange.settle(str(place / root.name))
    else:
        work = staging.Workspace(place / root.name, root)
        with try_lock(work.lock, exchange.TIDYING) as held:
            if held:
                for path in [*staging.leftovers(work), *exchange.replaced(work), *root.glob("old-*.snapshot")]:
                    remove_tree(path)
    return not os.path.lexists(left)


def _workspaces(settings: Settings) -> Iterator[staging.Workspace]:
    known = [Path(os.path.realpath(one.prefix)) for one in environments.list_environments(settings)]
    parents = dict.fromkeys([*map(Path, settings.envs_dirs), *(place.parent for place in known)])
    for parent in parents:
        for root in _entries(parent / staging.WORK_NAME):
            if root.is_dir():
                yield staging.Workspace(parent / root.name, root)
    for place in known:
        with suppress(ReadOnly):
            work = staging.workspace(place)
            if work.inside:
                yield work


def _needed(settings: Settings) -> set[str]:
    """``name-version-build`` of all packages that an environment has, had in its last revisions, or waits for, and
    what the wheels of pip's are kept under."""
    found: set[str] = set()
    for environment in environments.list_environments(settings):
        place = Path(environment.prefix)
        found.update(path.stem for path in prefix.record_files(place))
        locks: list[Lock] = [revision.lock for revision in history.readable(place)[0][-REVISIONS:]]
        waiting = deferred.read(place)
        locks += [waiting.lock] if waiting is not None else []
        found.update(f"{one.name}-{one.version}-{one.build}" for lock in locks for one in lock.packages)
        found.update(wheels.cached_name(one) for lock in locks for one in lock.pip)
    return found


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


_FINDERS: dict[CleanKind, Callable[[Settings], list[Path]]] = {
    "packages": _packages,
    "bytecode": _bytecode,
    "archives": _archives,
    "indexes": _indexes,
    "builds": _builds,
    "stages": _stages,
}
_WORDS: dict[CleanKind, str] = {
    "packages": "packages that no environment has",
    "bytecode": "compiled Python of such packages",
    "archives": "archives",
    "indexes": "channel indexes",
    "builds": "what builds of packages have fetched",
    "stages": "what interrupted operations left",
}
