"""Another environment with all that is in one: its packages, and what pip and its user put there.

Files of packages are hard-linked, as linking the packages anew would. What is anybody's own is copied, since an edit
in one environment must not be one in the other. Where a file holds the old prefix it gets the new one.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import msgspec

from . import (
    bytecode,
    changes,
    deferred,
    environments,
    exchange,
    history,
    limits,
    notes,
    prefix,
    relocate,
    stack,
    staging,
    storage,
    writers,
)
from .channels import host_subdir
from .errors import Outdated, ReadOnly, Refused, StorageError
from .model import Changed, Clone, Lock, Message, Move, Moved, Plan, Progress, Revision, Settings, Solved, Step
from .prefix import PathEntry
from .telling import Emit
from .trees import link_or_copy

_META = "conda-meta/"
_OURS = "conda-meta/condaenv/"
_NEVER = frozenset({f"{_META}{staging.WORK_NAME}", staging.MARK, str(deferred.FILE)})
"""What is about work in the source's own place."""
_WITH = frozenset(str(path) for path in (stack.FILE, stack.CONSTRAINTS))
"""Of our own files: those that make an overlay what it is."""
_MOST_TEXT = 4 << 20
"""Bytes of a file of pip's or a person's that is looked through for the prefix."""
_TICK = 1000
"""Files between two signs of life."""
_COMPILED = re.compile(r"__pycache__/(?P<module>[^/]+)\.[^./]+(\.opt-[12])?\.pyc\Z")


def clone(request: Clone, settings: Settings, emit: Emit) -> Changed:
    """Make ``request.prefix`` of what is in ``request.source``, which stays as it is. Needs no channel.

    Raises NotFound, AlreadyExists, Refused, StorageError, and Outdated where the source was changed meanwhile.
    """
    source, target = Path(os.path.realpath(request.source)), Path(request.prefix)
    environments.check_exists(source)
    _check(source, target)
    with _unchanged(source, emit), writers.writer(target, f"cloning {source.name}", emit) as work:
        environments.check_free(request.prefix)
        lock = history.current_lock(source, host_subdir())
        plan = _plan(request, source, lock)
        if plan.changes:
            emit(Solved(changes=tuple(change.brief for change in plan.changes), download_bytes=0))
        revision = _copied(_Copy(request, work.stage, emit), work, plan, settings, emit)
        return Changed(environment=environments.describe(target), plan=plan, revision=revision.number)


def move(request: Move, settings: Settings, emit: Emit) -> Moved:
    """Make ``request.prefix`` of all that is in ``request.source``, then delete that.

    Killed in between, both are there and whole. Raises NotFound, AlreadyExists, Refused, StorageError, and Outdated
    where the source was changed meanwhile.
    """
    source, target = Path(os.path.realpath(request.source)), Path(request.prefix)
    _check(source, target)
    purpose = f"moving {source.name}"
    with writers.writer(source, purpose, emit) as old, writers.writer(target, purpose, emit) as work:
        environments.check_free(request.prefix)
        lock = history.current_lock(source, host_subdir())
        plan = msgspec.structs.replace(_plan(request, source, lock), verb=f"move from {source}", changes=())
        copy = _Copy(request, work.stage, emit, whole=True)
        revision = _copied(copy, work, plan, settings, emit)
        emit(Step(phase="remove", text=f"Removing {source.name}"))
        exchange.remove(old)
        return Moved(environment=environments.describe(target), source=str(source), revision=revision.number)


def _copied(copy: _Copy, work: staging.Workspace, plan: Plan, settings: Settings, emit: Emit) -> Revision:
    """Make the stage what ``copy`` says, and put it in place. The caller is the writer of both."""
    source, target = copy.source, work.prefix
    emit(Step(phase="stage", text=f"Copying {source.name}"))
    count: Callable[[int], None] = lambda done: emit(Progress(phase="measure", done=done, unit="files"))  # noqa: E731
    try:
        with limits.watched(copy.needs(), settings, count, lambda: writers.recover(work)):
            work.stage.mkdir(parents=True)
            copy.run()
            if (compiler := bytecode.compiler(work.stage, plan.lock)) is not None:
                with suppress(OSError, StorageError):  # a Python that does not start is no reason not to copy it
                    copy.compile(*compiler)
            _tell(copy, source, emit)
            revision = history.record(work.stage, plan.verb, plan.lock, plan.changes, plan.lock.specs)
            if not copy.is_current:
                raise Outdated(
                    f"{source} was changed while it was copied.", "Nothing was made. Try again.", prefix=str(source)
                )
            emit(Step(phase="commit", text=f"Putting {target.name} in place"))
            exchange.commit(work, staging.Snapshot(0, {}, {}))
    finally:
        writers.recover(work)
    if plan.lock.base is None:
        environments.note(target)
    return revision


def _plan(request: Clone | Move, source: Path, lock: Lock) -> Plan:
    return Plan(
        prefix=request.prefix,
        verb=f"clone of {source.name}",
        before="",
        lock=lock,
        changes=changes.compare((), lock.packages),
        download_bytes=0,
    )


def _check(source: Path, target: Path) -> None:
    if (source / "condabin").is_dir():
        raise Refused(
            f"{source} is the base of a conda installation, with its other environments in it.",
            "Make one of the same packages, from its lock.",
        )
    if source in Path(os.path.realpath(target)).parents:
        raise Refused(f"{target} lies within {source}.", "Choose a place beside it.")


@contextmanager
def _unchanged(source: Path, emit: Emit) -> Iterator[None]:
    """Keep our own operations away from ``source``, where it is ours to be kept."""
    try:
        staging.workspace(source)
    except ReadOnly:
        yield
        return
    with writers.writer(source, f"cloning {source.name}", emit):
        yield


def _fingerprint(source: Path) -> tuple[object, ...]:
    """Another one after whatever changed the packages in ``source``, also by other tools."""
    with suppress(OSError):
        records = [(entry.name, entry.stat().st_mtime_ns) for entry in os.scandir(source / _META)]
        return os.stat(source).st_ino, *sorted(one for one in records if not one[0].startswith("."))
    return ()


def _tell(copy: _Copy, source: Path, emit: Emit) -> None:
    for left, paths in (
        (f"Files of packages that are not in {source.name} are not in its clone either", copy.missing),
        ("What is no file, folder or link does not come along", copy.odd),
    ):
        if paths:
            more = " and others" if len(paths) > 3 else ""
            emit(Message(level="warning", text=f"{left}: {', '.join(sorted(paths)[:3])}{more}"))


class _Held(NamedTuple):
    """A file into which linking its package wrote the prefix."""

    record: Path
    entry: PathEntry


class _Folder(NamedTuple):
    """What is in a folder and comes along, by what is done with it."""

    path: str
    """Relative to the prefix; ends in ``/`` unless it is that itself."""
    folders: list[str]
    linked: list[str]
    """Names of files that are packages' own."""
    others: list[os.DirEntry[str]]


class _Copy:
    """``stage`` becomes what the source would be in its new place; ``whole``: with its history and notes.

    The source is looked through once, by :meth:`needs`; :meth:`run` copies what has been seen. ``missing`` are files
    that records name and the source does not have, ``odd`` is what cannot be copied.
    """

    def __init__(self, request: Clone | Move, stage: Path, emit: Emit, *, whole: bool = False) -> None:
        source = os.path.realpath(request.source)
        self.source, self._whole, self._emit = Path(source), whole, emit
        self._source, self._stage = source, str(stage)
        self._old, self._new = tuple(dict.fromkeys([request.source, source])), request.prefix
        """A path with links on the way to it may have been written into files as it was given."""
        self._before = _fingerprint(self.source)
        self._written: dict[Path, dict[str, tuple[str, int]]] = {}
        """Record file -> path -> sha256 and size of what was written anew."""
        overlay = Path(source, stack.FILE).exists()
        self._not_for_others = staging.APPENDED if overlay else staging.APPENDED | {str(notes.MARKER)}
        """What is about the source, and not about another one of the same packages."""
        self._count = 0
        self._owned, self._held = _owned(Path(source))
        self._stale = set(self._compiled_of_held())
        self._folders: list[_Folder] = []
        self.missing = self._owned - self._stale
        self.odd: list[str] = []

    @property
    def is_current(self) -> bool:
        """Whether the packages of the source are still those that it was begun with."""
        return _fingerprint(self.source) == self._before

    def needs(self) -> list[limits.Need]:
        """The room that it takes: of what is not linked."""
        linked = storage.device(self._source) == storage.device(self._new)
        sizes: list[int] = []
        todo = [""]
        while todo:
            found = _Folder(todo.pop(), [], [], [])
            self._folders.append(found)
            with suppress(FileNotFoundError):  # a temporary folder that somebody deleted just now
                for entry in os.scandir(f"{self._source}/{found.path}"):
                    path = found.path + entry.name
                    if not self._comes_along(path):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        found.folders.append(entry.name)
                        todo.append(f"{path}/")
                        continue
                    self.missing.discard(path)
                    own = path not in self._owned or path in self._held
                    if own or not entry.is_file(follow_symlinks=False):
                        found.others.append(entry)
                    else:
                        found.linked.append(entry.name)
                    if (own or not linked) and not entry.is_symlink():
                        sizes.append(entry.stat(follow_symlinks=False).st_size)
        return limits.of_copies(sizes, len(self._owned), len(self._folders), Path(self._new))

    def run(self) -> None:
        for folder in self._folders:
            with suppress(FileNotFoundError):  # a temporary folder that somebody deleted just now
                self._bring_all(folder)
        self._tell_count()
        if self._whole and (waiting := deferred.read(self.source)) is not None:
            deferred.write(Path(self._stage), msgspec.structs.replace(waiting, prefix=self._new))
        for record, written in self._written.items():
            prefix.change_paths(Path(self._stage, _META, record.name), written, self._stale)

    def compile(self, python: Path, version: str) -> None:
        """Make what was compiled of files that are others here anew. Raises OSError or StorageError."""
        stage = Path(self._stage)
        entries = {module: bytecode.entry_of(module, version) for module in self._held if module.endswith(".py")}
        entries = {module: entry for module, entry in entries.items() if entry.path in self._stale}
        bytecode.compile_modules(entries, stage, Path(self._new), python, version)
        for module, entry in entries.items():
            if (stage / entry.path).exists():
                prefix.add_paths(stage / _META / self._held[module].record.name, [entry])

    def _bring_all(self, folder: _Folder) -> None:
        here, to = f"{self._source}/{folder.path}", f"{self._stage}/{folder.path}"
        for name in folder.folders:
            os.mkdir(to + name)
        for name in folder.linked:
            try:
                link_or_copy(here + name, to + name)
            except FileNotFoundError:
                self.missing.add(folder.path + name)
        for entry in folder.others:
            with suppress(FileNotFoundError):
                self._bring(entry, to + entry.name, folder.path + entry.name)
        shutil.copystat(here, to)
        os.chmod(to, stat.S_IMODE(os.stat(to).st_mode) | stat.S_IRWXU)  # the clone can be changed
        before = self._count
        self._count += len(folder.linked) + len(folder.others)
        if before // _TICK != self._count // _TICK:
            self._tell_count()

    def _tell_count(self) -> None:
        self._emit(Progress(phase="stage", done=self._count, unit="files"))

    def _compiled_of_held(self) -> Iterator[str]:
        """What was compiled from a source that is another file in the clone."""
        for path in self._owned:
            compiled = _COMPILED.search(path) if path.endswith(".pyc") else None
            if compiled and f"{path[: compiled.start()]}{compiled['module']}.py" in self._held:
                yield path

    def _comes_along(self, path: str) -> bool:
        if not path.startswith(_META):
            return path not in self._stale
        if self._whole or path in _NEVER:
            return path not in _NEVER
        return path in _WITH if path.startswith(_OURS) else path not in self._not_for_others

    def _bring(self, entry: os.DirEntry[str], to: str, path: str) -> None:
        if entry.is_symlink():
            os.symlink(self._target(os.readlink(entry.path)), to)
        elif not entry.is_file():
            self.odd.append(path)
        elif (held := self._held.get(path)) is not None:
            self._relocate(entry, to, held)
        else:
            self._copy(entry, to, path)

    def _copy(self, entry: os.DirEntry[str], to: str, path: str) -> None:
        """A file that belongs to no package. Records say of themselves where packages came from, with the secrets that
        other tools leave in that."""
        if path.startswith(_META) and path.endswith(".json"):
            data = Path(entry.path).read_bytes()
            plain = prefix.without_secrets(data)
            if plain != data:
                _write(to, plain, entry.path)
                return
        elif entry.stat().st_size <= _MOST_TEXT:
            data = Path(entry.path).read_bytes()
            moved = self._text(data, whole=True) if b"\0" not in data else data
            if moved != data:
                _write(to, moved, entry.path)
                return
        shutil.copy2(entry.path, to)

    def _relocate(self, entry: os.DirEntry[str], to: str, held: _Held) -> None:
        data = Path(entry.path).read_bytes()
        placeholder = held.entry.prefix_placeholder
        if held.entry.file_mode == "binary" and placeholder:
            moved = self._binary(data, held, len(os.fsencode(placeholder)))
        else:
            moved = self._text(data)
        if moved == data and _sha256(data) == held.entry.sha256_in_prefix:
            raise Refused(
                f"{held.entry.path} of {held.record.stem} holds another path than {self._old[0]}.",
                "The environment was moved there. Make one of the same packages, from its lock.",
            )
        _write(to, moved, entry.path)
        self._written.setdefault(held.record, {})[held.entry.path] = (_sha256(moved), len(moved))

    def _text(self, data: bytes, *, whole: bool = False) -> bytes:
        for old in self._old:
            data = relocate.text(data, old, self._new, whole=whole)
        return data

    def _binary(self, data: bytes, held: _Held, room: int) -> bytes:
        try:
            for old in self._old:
                data = relocate.binary(data, old, self._new, room)
        except ValueError as error:
            raise Refused(
                f"{held.record.stem} has room for a path of {room} bytes, and {self._new} is longer.",
                "Choose a shorter path.",
            ) from error
        return data

    def _target(self, link: str) -> str:
        """Where a link leads that may lead into the source by its full path."""
        for old in self._old:
            if link == old or link.startswith(old + "/"):
                return self._new + link[len(old) :]
        return link


def _owned(source: Path) -> tuple[set[str], dict[str, _Held]]:
    """All paths of packages, and those of them that hold the prefix."""
    owned: set[str] = set()
    held: dict[str, _Held] = {}
    for record in prefix.record_files(source):
        for entry in prefix.read_record(record).paths:
            owned.add(entry.path)
            if entry.holds_prefix:
                held.setdefault(entry.path, _Held(record, entry))
    return owned, held


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _write(to: str, data: bytes, like: str) -> None:
    """Not with the old time: what was compiled of the old text would pass for that of the new one."""
    Path(to).write_bytes(data)
    shutil.copymode(like, to)
