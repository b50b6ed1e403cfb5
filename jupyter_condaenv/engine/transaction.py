"""From a plan to a prefix: stage, link, compile, look, put in place (decision: an environment is always old or new)."""

from __future__ import annotations

import hashlib
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from . import (
    bytecode,
    complete,
    displaced,
    environments,
    exchange,
    history,
    identity,
    limits,
    pip_stage,
    stack,
    staging,
    tampering,
    trees,
    writers,
)
from .channels import local_path
from .errors import Broken, ChannelError, StorageError, Tampered
from .locking import lock
from .model import Lock, Message, Package, Plan, Progress, Revision, Settings, Step
from .prefix import PathEntry, Record, read_record, record_files, set_variables
from .rattler import archives, linking
from .rattler.package_cache import cached
from .telling import Emit, waiting


class Repair(NamedTuple):
    """What is done beside what a plan says."""

    packages: tuple[Package, ...] = ()
    """Those that are linked anew although they stay."""
    mend: Callable[[Path], Set[str]] = lambda stage: frozenset()
    """Called with the stage before packages are linked into it; returns the names of the record files of packages that
    stay and are to be compiled anew."""
    of_pip: Set[str] = frozenset()
    """Names of pip's packages that are installed anew although they stay."""
    owned: Set[str] = frozenset()
    """Paths of packages that ``mend`` takes away, which sees itself to what a person has made of them."""
    bearable: Set[str] = frozenset()
    """Paths that may be other than their records say, because nobody has the right ones."""


NO_REPAIR = Repair()


def apply(work: staging.Workspace, plan: Plan, settings: Settings, emit: Emit, repair: Repair = NO_REPAIR) -> Revision:
    """Make the prefix what ``plan`` says, and do what ``repair`` says. After any failure the environment is as it was.

    The caller is its :func:`~.writers.writer` and has made sure that the plan still fits.
    """
    incoming = [*_incoming(plan), *repair.packages]
    with _explaining(work, incoming, settings):
        return _apply(work, plan, incoming, settings, emit, repair)


def fetch(work: staging.Workspace, plan: Plan, settings: Settings, emit: Emit) -> Plan:
    """Bring everything that ``plan`` needs into the package cache, checked; the prefix is not touched. Returns the plan
    with what pip has found out that it needs."""
    incoming = _incoming(plan)
    if plan.pip is not None:
        with _explaining(work, incoming, settings):
            staged = _staged(work, plan, incoming, settings, emit, NO_REPAIR)
            return pip_stage.fetch(work, plan, staged.of_pip, staged.records, settings, emit)
    if not plan.download_bytes:
        return plan
    with _explaining(work, incoming, settings):
        work.stage.mkdir(parents=True)
        with package_cache(settings, emit) as cache_dir, _naming_what_is_wrong(incoming, settings):
            _check_room(work, incoming, settings, emit)
            _check_local_archives(incoming, cache_dir, emit)
            _announce(plan, emit)
            _link(work, plan, settings, cache_dir, emit)
    return plan


@contextmanager
def _explaining(work: staging.Workspace, incoming: list[Package], settings: Settings) -> Iterator[None]:
    """What fails is undone; where the file system is why, it is said how much room was missing."""
    try:
        yield
    except (OSError, StorageError) as error:
        failure = error if isinstance(error, StorageError) else trees.storage_error(error)
        writers.recover(work)  # gives back what was taken
        if not limits.is_full(failure):
            raise failure from error
        cache_dir = Path(settings.cache_dir)
        contents = archives.contents(incoming, cache_dir)
        raise limits.explained(failure, limits.needs(incoming, work.prefix, cache_dir, contents)) from error
    finally:
        writers.recover(work)


def _check_room(work: staging.Workspace, incoming: list[Package], settings: Settings, emit: Emit) -> None:
    cache_dir = Path(settings.cache_dir)
    limits.check(
        limits.needs(incoming, work.prefix, cache_dir),
        settings,
        lambda done: emit(Progress(phase="measure", done=done, unit="files")),
        lambda: limits.needs(incoming, work.prefix, cache_dir, archives.contents(incoming, cache_dir)),
    )


def _incoming(plan: Plan) -> list[Package]:
    return [change.after for change in plan.changes if change.after is not None]


class _Staged(NamedTuple):
    """A stage in which conda's packages are in place."""

    snapshot: staging.Snapshot
    lock: Lock
    records: list[Record]
    """Of what lies in it."""
    of_conda: dict[str, Record]
    """By file name, of what the plan has in it, whose files are looked at in the end."""
    linked: Set[str]
    """Those of them that are new."""
    of_pip: pip_stage.Before


def _staged(
    work: staging.Workspace, plan: Plan, incoming: list[Package], settings: Settings, emit: Emit, repair: Repair
) -> _Staged:
    work.root.mkdir(parents=True, exist_ok=True)
    with package_cache(settings, emit) as cache_dir, _naming_what_is_wrong(incoming, settings):
        _check_room(work, incoming, settings, emit)
        _check_local_archives(incoming, cache_dir, emit)
        emit(Step(phase="stage", text=f"Preparing {work.prefix.name}"))
        snapshot = staging.make_stage(work, lambda done: emit(Progress(phase="stage", done=done, unit="files")))
        again = repair.mend(work.stage)
        before = records(work.stage)
        of_pip = pip_stage.look(work.stage, before.values())
        _announce(plan, emit)
        _link(work, plan, settings, cache_dir, emit)
        made = complete.from_archives(work.stage, plan.lock)
        after = records(work.stage)
        # By content: with another Python a noarch package is linked anew under the same name.
        gone = [record for name, record in before.items() if after.get(name) != record]
        bytecode.drop_orphans(work.stage, gone)
        linked = {name for name, new in after.items() if before.get(name) != new}
        _check_identity(after[name] for name in linked)
        owned = {entry.path for record in before.values() for entry in record.paths} | repair.owned
        others = [one for site in of_pip.sites.values() for one in site.others.values()]
        kept = displaced.keep(work.prefix, work.stage, [after[name] for name in linked], owned, others)
        if kept:
            told = ", ".join(f"{path} as {beside}" for path, beside in sorted(kept.items())[:3])
            more = f" and {len(kept) - 3} more" if len(kept) > 3 else ""
            text = f"What lay where packages bring other files is kept: {told}{more}"
            emit(Message(level="warning", text=text))
        fresh = {name: new for name, new in after.items() if name in linked or name in again}
        compile_packages(work, plan.lock, fresh, cache_dir, emit)
    if plan.lock.base is not None:
        stack.lay_out(work.stage, work.prefix, plan.lock.base)
    here = [read_record(path) for path in record_files(work.stage)]
    return _Staged(snapshot, made, here, after, linked, of_pip)


def _apply(
    work: staging.Workspace, plan: Plan, incoming: list[Package], settings: Settings, emit: Emit, repair: Repair
) -> Revision:
    staged = _staged(work, plan, incoming, settings, emit, repair)
    lock = pip_stage.fulfil(work, plan, staged.of_pip, staged.records, settings, emit, repair.of_pip)
    made = msgspec.structs.replace(staged.lock, pip_specs=lock.pip_specs, pip=lock.pip)
    emit(Step(phase="check", text="Checking every file"))
    _look(work, staged.of_conda, staged.linked, emit, repair.bearable)
    if plan.variables or plan.unset:
        set_variables(work.stage, plan.variables, plan.unset)
    revision = history.record(work.stage, plan.verb, made, plan.changes, made.specs, plan.words)
    emit(Step(phase="commit", text=f"Putting {work.prefix.name} in place"))
    exchange.commit(work, staged.snapshot)
    with suppress(OSError):  # the change is made; settle tries again
        exchange.sweep(work)
    if plan.lock.base is None:
        environments.note(work.prefix)
    return revision


def _link(work: staging.Workspace, plan: Plan, settings: Settings, cache_dir: Path, emit: Emit) -> None:
    """Make the stage hold the packages of the plan, fetching what the cache lacks."""
    below = plan.lock.base.packages if plan.lock.base is not None else ()
    names = {package.name for package in below}
    there = [record.package() for record in records(work.stage).values()]

    def link(packages: list[Package], ignored: set[str]) -> None:
        linking.link(
            packages,
            work.stage,
            work.prefix,
            cache_dir=cache_dir,
            ignored=ignored,
            platform=plan.lock.platform,
            offline=settings.offline,
            report=_reporter(plan, emit),
        )

    strays = {package.name for package in there} & names - {package.name for package in plan.lock.packages}
    if strays:
        # Another tool has put them there, which knows of no base; what is ignored would stay.
        link([package for package in there if package.name not in strays], set())
    link([*below, *plan.lock.packages], names)


def records(prefix: Path) -> dict[str, Record]:
    """File name -> record; the name holds name, version and build."""
    return {path.name: read_record(path) for path in record_files(prefix)}


@contextmanager
def package_cache(settings: Settings, emit: Emit) -> Iterator[Path]:
    """The package cache for us alone: py-rattler would lock it itself, without a word to those who wait. Gives its
    folder."""
    cache_dir = Path(settings.cache_dir)
    cache_dir.mkdir(parents=True, exist_ok=True)
    with lock(cache_dir / "lock", "linking packages", waiting("for the package cache", emit)):
        yield cache_dir


@contextmanager
def _naming_what_is_wrong(incoming: list[Package], settings: Settings) -> Iterator[None]:
    """Where packages cannot be fetched, say of all of them which: py-rattler stops at the first. Where one is not what
    it should be, say whose fault that is."""
    try:
        yield
    except Tampered as error:
        raise tampering.explained(error, incoming, settings) from error
    except ChannelError as error:
        there = cached(incoming, Path(settings.cache_dir))
        missing = archives.unreachable(package for package in incoming if package.name not in there)
        if not missing:
            raise
        names = ", ".join(str(package) for package in missing)
        whose = "its" if len(missing) == 1 else "their"
        raise ChannelError(
            f"{names}: neither in the package cache nor to be had from {whose} channel.",
            "Nothing was changed. Check the network; a channel that has dropped them can do without another version.",
            packages=[package.name for package in missing],
            reason=error.message,
        ) from error


def _check_local_archives(incoming: list[Package], cache_dir: Path, emit: Emit) -> None:
    """Hash the archives of ``file://`` channels: py-rattler checks only what it downloads.

    Also of those that are in the cache, since py-rattler goes back to the archive where the cache is damaged; but an
    archive that is the same file as when it was last hashed is not read again.
    """
    local = [(package, path) for package in incoming if (path := local_path(package.url)) is not None]
    if not local:
        return
    there = cached((package for package, _ in local), cache_dir)
    known = _Checked(cache_dir / "archives.json")
    todo = [
        (package, path)
        for package, path in local
        if not known.holds(package, path) and (package.name not in there or path.exists())
    ]
    if not todo:
        return
    emit(Step(phase="download", text="Checking archives"))
    total = sum(package.size for package, _ in todo)
    done = 0
    for package, path in todo:
        known.add(package, path, _check_archive(package, path))
        done += package.size
        emit(Progress(phase="download", done=done, total=total, unit="bytes", item=package.name))
    known.write()


class _Checked:
    """Which local archives were found to be what their records promise, and what file each was then."""

    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            self._known: dict[str, list[object]] = msgspec.json.decode(file.read_bytes(), type=dict[str, list[object]])
        except (OSError, msgspec.MsgspecError):
            self._known = {}

    def holds(self, package: Package, path: Path) -> bool:
        try:
            return self._known.get(str(path)) == _file_identity(package, path.stat())
        except OSError:
            return False

    def add(self, package: Package, path: Path, status: os.stat_result) -> None:
        self._known[str(path)] = _file_identity(package, status)

    def write(self) -> None:
        part = self._file.with_name(self._file.name + ".part")
        part.write_bytes(msgspec.json.encode(self._known))
        part.replace(self._file)


def _file_identity(package: Package, status: os.stat_result) -> list[object]:
    """``ctime`` cannot be set back as the other times can."""
    promised = package.sha256 or package.md5
    return [promised, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]


def _check_archive(package: Package, path: Path) -> os.stat_result:
    """What file it was that has the hash which ``package`` promises."""
    algorithm, promised = ("sha256", package.sha256) if package.sha256 else ("md5", package.md5)
    if not promised:
        raise Tampered(
            f"The channel gives no hash for {package}, so nobody can tell whether {path} is the right file.",
            "Index the channel again with a tool that writes sha256.",
        )
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            found = _file_digest(file, algorithm)
    except OSError as error:
        raise ChannelError(
            f"{path} cannot be read: {os.strerror(error.errno or 0)}.",
            "The channel's index names a file that is not there; index the channel again.",
        ) from error
    if found != promised:
        raise Tampered(
            f"{path} is not what the channel's index promises ({algorithm} {found}, not {promised}).",
            "Nothing of it was installed. Restore the file, or index the channel again if the change was meant.",
            package=package.name,
            promised=promised,
            found=found,
        )
    return status


def _check_identity(linked: Iterable[Record]) -> None:
    """Raises Tampered where a record is not of the archive that was linked: hashes say only that it is the right one
    for its URL."""
    for record in linked:
        if mismatch := identity.of_archive(record):
            raise Tampered(
                f"{record.name} {record.version} {record.build} is not what its archive is of: {mismatch}.",
                "Nothing was changed. Somebody has altered the lock, or the index of the channel is wrong.",
                package=record.name,
                field=mismatch.field,
            )


def _announce(plan: Plan, emit: Emit) -> None:
    if plan.download_bytes:
        emit(Step(phase="download", text="Fetching packages"))
    else:
        emit(Step(phase="link", text="Linking packages"))


def _reporter(plan: Plan, emit: Emit) -> linking.Report:
    """Callbacks of py-rattler, from its threads, as progress of the whole."""
    guard = threading.Lock()
    fetched: dict[str, int] = {}
    linking = not plan.download_bytes

    def report(kind: str, package: str, done: int, total: int) -> None:
        nonlocal linking
        with guard:
            if kind == "download":
                fetched[package] = done
                done = sum(fetched.values())
                emit(Progress(phase="download", done=done, total=plan.download_bytes, unit="bytes", item=package))
                return
            if not linking:
                linking = True
                emit(Step(phase="link", text="Linking packages"))
            emit(Progress(phase="link", done=done, total=total, item=package))

    return report


def compile_packages(
    work: staging.Workspace, lock: Lock, fresh: dict[str, Record], cache_dir: Path, emit: Emit
) -> None:
    """Bytecode in the stage for the packages ``fresh``, by the name of their record files, that were put there."""
    compiler = bytecode.compiler(work.stage, lock)
    if compiler is None:
        return
    told = False

    def progress(done: int, total: int) -> None:
        nonlocal told
        if not told:
            emit(Step(phase="compile", text="Compiling Python files"))
            told = True
        emit(Progress(phase="compile", done=done, total=total, unit="files"))

    bytecode.compile_packages(
        [(work.stage / "conda-meta" / name, record) for name, record in fresh.items()],
        work.stage,
        work.prefix,
        *compiler,
        cache_dir,
        progress,
    )


def _look(
    work: staging.Workspace,
    records: Mapping[str, Record],
    linked: Set[str],
    emit: Emit,
    bearable: Set[str] = frozenset(),
) -> None:
    """Every path in the stage that ``records`` name, by the names of their files, is there, with its size.

    What was otherwise already in a package that stays, which are those not in ``linked``, stays as it is and is told.
    Raises Broken for anything else.
    """
    owners = Counter(entry.path for record in records.values() for entry in record.paths)
    before: list[str] = []
    for name, record in records.items():
        for entry in record.paths:
            if entry.path in bearable or not (fault := _fault(work.stage, entry, owners)):
                continue
            if name in linked:
                raise Broken(
                    f"{record.name} {record.version} was not linked completely: {entry.path} {fault}.",
                    "Nothing was changed. The package cache is damaged there; try again.",
                    package=record.name,
                )
            if fault != _fault(work.prefix, entry, owners):
                raise Broken(
                    f"{record.name} {record.version} would be damaged: {entry.path} {fault}.",
                    "Nothing was changed. Try again; if that does not help, please report it.",
                    package=record.name,
                )
            if entry.path_type != "pyc_file":  # which may go and come
                before.append(f"{entry.path} of {record.name} {record.version} {fault}")
    if before:
        text = before[0] + (f" and {len(before) - 1} more" if len(before) > 1 else "")
        why = "Files that were not as their packages have them before this change stay so, and doctor can mend them"
        emit(Message(level="warning", text=f"{why}: {text}"))
    shared = sorted(path for path, count in owners.items() if count > 1)
    if shared:
        text = ", ".join(shared[:3]) + (f" and {len(shared) - 3} more" if len(shared) > 3 else "")
        emit(Message(level="warning", text=f"Several packages bring the same file, of which one is used: {text}"))


def _fault(root: Path, entry: PathEntry, owners: Mapping[str, int]) -> str:
    """What is wrong with a path of a package in ``root``, as the end of a sentence; empty where nothing is."""
    try:
        found = os.lstat(os.path.join(root, entry.path))
    except OSError:
        return "is missing"
    plain = entry.path_type == "hardlink" and not entry.file_mode and owners[entry.path] == 1
    if plain and entry.size_in_bytes is not None and found.st_size != entry.size_in_bytes:
        return f"has {found.st_size} bytes, not {entry.size_in_bytes}"
    return ""


def _file_digest(file: BinaryIO, algorithm: str) -> str:
    found = hashlib.new(algorithm)
    while block := file.read(1 << 20):
        found.update(block)
    return found.hexdigest()
