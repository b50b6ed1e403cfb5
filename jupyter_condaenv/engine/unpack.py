"""An environment made of one file that ``pack``, or conda-pack, has written.

The script that conda-pack put there is not run: its list of the files that hold a prefix is read, and each is given the
new one as linking would have done it.
"""

from __future__ import annotations

import ast
import errno
import hashlib
import io
import lzma
import os
import re
import shutil
import stat
import tarfile
import time
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import msgspec

from . import (
    changes,
    channel_list,
    environments,
    exchange,
    history,
    limits,
    lockfiles,
    prefix,
    relocate,
    staging,
    transaction,
    writers,
)
from .doctor.files import look
from .errors import Broken, InvalidRequest, NotFound, Refused, Tampered
from .model import Changed, Lock, Message, Plan, Progress, Settings, Solved, Step, Unpack
from .pack import LOCK, SUM, TICK, digest
from .prefix import Record
from .rattler import host
from .telling import Emit

_UNPACK = "bin/conda-unpack"
_ADDED = (_UNPACK, "bin/conda_unpack_progress.py", "bin/activate", "bin/deactivate", "bin/activate.fish")
"""What conda-pack adds, for those who unpack by hand."""
_THROUGH_ENV = re.compile(rb"#!/usr/bin/env (?P<name>[\w.+-]+)(?P<options>[^\n]*)")
_ZIP = b"PK\3\4"
_Mode = Literal["zip", "r:", "r:gz", "r:bz2", "r:xz"]
_PLAIN: Final = "r:"
_COMPRESSED: Final[dict[bytes, _Mode]] = {b"\x1f\x8b": "r:gz", b"BZh": "r:bz2", b"\xfd7zXZ\0": "r:xz"}
"""By how such a file begins, the mode that tarfile reads it in."""
_UNREADABLE = (
    tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, lzma.LZMAError,
    ValueError, OverflowError, RuntimeError,
)  # fmt: skip
"""What reading a damaged archive ends with, beside errors of the system that have no number."""
_WRITTEN = {"conda-meta", "__pycache__"}
"""Folders that we write into, without a look at what is there. No package has links in them."""
_NO_FAULT_OF_THE_DISK = {
    errno.EEXIST, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENOTEMPTY, errno.ENAMETOOLONG, errno.ELOOP,
}  # fmt: skip
"""In a folder that nobody else writes into."""


def unpack(request: Unpack, settings: Settings, emit: Emit) -> Changed:
    """Make ``request.prefix`` of what ``request.archive`` holds. Needs no channel.

    Raises InvalidRequest for what is no packed environment, or one for another platform, Tampered for a damaged one,
    AlreadyExists, and Refused where it has packages of a channel that may not be used.
    """
    archive, target = Path(request.archive), Path(request.prefix)
    with writers.writer(target, f"unpacking {archive.name}", emit) as work:
        environments.check_free(request.prefix)
        emit(Step(phase="stage", text=f"Unpacking {archive.name}"))
        count: Callable[[int], None] = lambda done: emit(Progress(phase="measure", done=done, unit="files"))  # noqa: E731
        mode = _mode(archive)
        try:
            with (
                limits.watched(
                    limits.of_archive(archive.stat().st_size, target),
                    settings,
                    count,
                    lambda: writers.recover(work),
                    exactly=lambda: _room(archive, mode, target),
                ),
                _blaming(archive, work.stage),
            ):
                work.stage.mkdir(parents=True)
                checked = _extract(archive, mode, work.stage, emit)
                _relocate(work.stage, target, archive)
                lock = _lock(work.stage, archive)
                channel_list.check_packages(lock.packages, settings)
                records = transaction.records(work.stage)
                if not checked:
                    _compare(work.stage, records, emit)
                transaction.compile_packages(work, lock, records, Path(settings.cache_dir), emit)
                plan = _plan(request, lock)
                if plan.changes:
                    emit(Solved(changes=tuple(change.brief for change in plan.changes), download_bytes=0))
                revision = history.record(work.stage, plan.verb, lock, plan.changes, lock.specs)
                emit(Step(phase="commit", text=f"Putting {target.name} in place"))
                exchange.commit(work, staging.Snapshot(0, {}, {}))
        finally:
            writers.recover(work)
        environments.note(target)
    return Changed(environment=environments.describe(target), plan=plan, revision=revision.number)


def _plan(request: Unpack, lock: Lock) -> Plan:
    return Plan(
        prefix=request.prefix,
        verb=f"unpack of {Path(request.archive).name}",
        before="",
        lock=lock,
        changes=changes.compare((), lock.packages),
        download_bytes=0,
    )


@contextmanager
def _blaming(archive: Path, stage: Path) -> Iterator[None]:
    """Where what ``archive`` holds does not fit together, that is told, and not the disk blamed."""
    try:
        yield
    except Broken as error:
        raise _damaged(archive, error.message.replace(f"{stage}/", "").rstrip(".")) from error
    except OSError as error:
        place = os.fsdecode(error.filename2 or error.filename or "")
        if error.errno not in _NO_FAULT_OF_THE_DISK or not place.startswith(f"{stage}/"):
            raise
        raise _unfit(archive, os.path.relpath(place, stage), os.strerror(error.errno)) from error


def _unfit(archive: Path, place: str, why: str) -> InvalidRequest:
    return InvalidRequest(
        f"What {archive.name} holds does not fit together: {why}, at {place!r}.",
        "Nothing was unpacked. `pack` does not write such archives: have it packed anew.",
    )


def _mode(archive: Path) -> _Mode:
    """How ``archive`` is read, by how it begins: that it is none is told at once, however large it is."""
    if archive.name.endswith(".squashfs"):
        raise InvalidRequest(
            f"{archive.name} is an image: it is mounted, not unpacked.", "Pack the environment as .tar.gz."
        )
    if not archive.is_file():
        raise NotFound(f"There is no file {archive}.", "Check the path.", path=str(archive))
    with archive.open("rb") as file:
        head = file.read(tarfile.BLOCKSIZE)
    if head.startswith(_ZIP):
        return "zip"
    for magic, mode in _COMPRESSED.items():
        if head.startswith(magic):
            return mode
    if head[257:262] == b"ustar":
        return _PLAIN
    raise InvalidRequest(
        f"{archive.name} is no archive that can be unpacked.", "`pack` writes one: .tar.gz, .tar or .zip."
    )


def _room(archive: Path, mode: _Mode, target: Path) -> list[limits.Need]:
    """What ``archive`` takes at ``target`` by its own account; none where it cannot be read, which unpacking tells."""
    sizes: list[int] = []
    with suppress(*_UNREADABLE):
        if mode == "zip":
            with zipfile.ZipFile(archive) as zipped:
                sizes = [member.file_size for member in zipped.infolist()]
        else:
            with tarfile.open(archive, mode) as tar:
                sizes = [member.size for member in tar if member.isreg()]
    return limits.of_copies(sizes, 0, 0, target)


def _extract(archive: Path, mode: _Mode, stage: Path, emit: Emit) -> bool:
    """All that is in ``archive``; whether checksums say that it is what was packed. Raises InvalidRequest where
    something would land elsewhere, Tampered for a damaged one."""
    extraction = _Extraction(stage, archive, emit)
    try:
        if mode == "zip":
            with zipfile.ZipFile(archive) as zipped:
                extraction.zip(zipped)
            return True
        with tarfile.open(archive, mode, tarinfo=_Header) as tar:
            extraction.tar(tar)
            while mode != _PLAIN and tar.fileobj.read(1 << 20):
                pass  # the checksum stands behind all
        return mode != _PLAIN or extraction.has_sum
    except (OSError, *_UNREADABLE) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise _damaged(archive, str(error)) from error


def _damaged(archive: Path, why: str) -> Tampered:
    return Tampered(
        f"{archive.name} cannot be unpacked: {why}.",
        "It is damaged or incomplete: copy it again, or have it packed again.",
    )


class _Header(tarfile.TarInfo):
    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Header:
        """A damaged one would pass for the end."""
        try:
            return super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            if buf.count(0) == tarfile.BLOCKSIZE:
                raise
            raise tarfile.ReadError(str(error)) from error


class _Extraction:
    """Links are made when all else is there, so that nothing can be written through one."""

    def __init__(self, stage: Path, archive: Path, emit: Emit) -> None:
        self._stage, self._archive, self._emit = stage, archive, emit
        self._links: dict[Path, str] = {}
        self._count = 0
        self.has_sum = False

    def tar(self, tar: tarfile.TarFile) -> None:
        for member in tar:
            to = self._place(member.name)
            if to is None:
                continue
            if member.name == SUM:
                self._check_sum(tar, member)
            elif member.isdir():
                to.mkdir(parents=True, exist_ok=True)
            elif member.issym():
                self._link(member.linkname, to)
            elif member.islnk():
                self._link_file(member.linkname, to)
            elif member.isfile():
                data = tar.extractfile(member)
                assert data is not None
                with data:
                    self._write(data, to, member.mode, member.mtime)
            else:
                raise self._refused(member.name)
        self._make_links()

    def _check_sum(self, tar: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        if isinstance(tar.fileobj, io.BufferedReader):  # a plain one, as it was packed
            data = tar.extractfile(member)
            if data is None or data.read(100) != digest(self._archive, member.offset).encode():
                raise _damaged(self._archive, "it is not what was packed")
            self.has_sum = True

    def zip(self, zipped: zipfile.ZipFile) -> None:
        for member in zipped.infolist():
            to = self._place(member.filename)
            if to is None:
                continue
            mode = member.external_attr >> 16
            if stat.S_ISLNK(mode):
                self._link(os.fsdecode(zipped.read(member)), to)
            elif member.is_dir():
                to.mkdir(parents=True, exist_ok=True)
            else:
                with zipped.open(member) as data:
                    self._write(data, to, mode, _time(member))
        self._make_links()

    def _place(self, name: str) -> Path | None:
        """Where ``name`` goes; None for the top itself."""
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if name.startswith("/") or ".." in parts or "\0" in name:
            raise self._refused(name)
        if not parts:
            return None
        self._count += 1
        if self._count % TICK == 0:
            self._emit(Progress(phase="stage", done=self._count, unit="files"))
        return self._stage.joinpath(*parts)

    def _clear(self, to: Path) -> None:
        """Of two members of one name the last counts, as for tar: packages may bring the same file."""
        to.parent.mkdir(parents=True, exist_ok=True)
        self._links.pop(to, None)
        to.unlink(missing_ok=True)

    def _link(self, target: str, to: Path) -> None:
        path = to.relative_to(self._stage)
        if str(path).casefold() == "bin" or _WRITTEN & {part.casefold() for part in path.parts}:
            raise self._refused(f"{path} -> {target}")
        self._clear(to)
        self._links[to] = target

    def _link_file(self, name: str, to: Path) -> None:
        source = self._place(name)
        if source in self._links:
            self._link(self._links[source], to)
        elif source is not None and source.is_file():
            self._clear(to)
            os.link(source, to)
        else:
            raise _unfit(self._archive, str(to.relative_to(self._stage)), f"there is no file {name!r}")

    def _make_links(self) -> None:
        for to, target in self._links.items():
            if to.is_dir():
                raise self._refused(f"{to.relative_to(self._stage)} -> {target}")
            os.symlink(target, to)

    def _write(self, data: Any, to: Path, mode: int, mtime: float | None) -> None:
        self._clear(to)
        with open(to, "xb") as file:
            shutil.copyfileobj(data, file, 1 << 20)
        os.chmod(to, 0o755 if mode & stat.S_IXUSR else 0o644)
        if mtime is not None:
            os.utime(to, (mtime, mtime))

    def _refused(self, name: str) -> InvalidRequest:
        return _astray(self._archive, name)


def _time(member: zipfile.ZipInfo) -> float | None:
    """To two seconds, as zip files have it. What was compiled of the same file before need not be compiled again."""
    with suppress(ValueError, OverflowError):
        return time.mktime((*member.date_time, 0, 0, -1))
    return None


def _astray(archive: Path, name: str) -> InvalidRequest:
    return InvalidRequest(
        f"{archive.name} holds {name!r}, which would not stay in the environment.", "Nothing was unpacked."
    )


class _Place(NamedTuple):
    """Where conda-pack says that a prefix stands."""

    path: str
    placeholder: str
    mode: str


def _relocate(stage: Path, target: Path, archive: Path) -> None:
    """Give each file that holds a prefix the new one, and note its hash in its record."""
    entries = {record: prefix.read_record(record).paths for record in prefix.record_files(stage)}
    for record in entries:
        data = record.read_bytes()
        if (plain := prefix.without_secrets(data)) != data:
            record.write_bytes(plain)
    owned = {entry.path: entry for paths in entries.values() for entry in paths}
    _check_paths(owned, stage, archive)
    for added in _ADDED[1:]:
        if added not in owned:
            (stage / added).unlink(missing_ok=True)
    told = {place.path: place for place in _places(stage, archive)}
    # conda-pack tells of no file that is named as Python is: one of these may be running its script.
    held = (one for one in owned.values() if one.prefix_placeholder)
    placed = (_Place(one.path, one.prefix_placeholder or "", one.file_mode or "text") for one in held)
    places = {place.path: place for place in placed} | told
    (stage / _UNPACK).unlink()
    scripts = {f"bin/{name}" for name in os.listdir(stage / "bin")} if (stage / "bin").is_dir() else set()
    written: dict[str, tuple[str, int]] = {}
    for path in {*places, *(script for script in scripts if script not in owned or owned[script].holds_prefix)}:
        file = stage / path
        if os.path.realpath(file) != f"{os.path.realpath(stage)}/{path}" or not file.is_file():
            continue  # a link, or no file of this environment
        data = file.read_bytes()
        moved = _with_prefix(data, places[path], target) if path in places else data
        if path in scripts:
            moved = _with_interpreter(moved, stage, target)
        if moved != data:
            file.write_bytes(moved)
        if moved != data or (path in owned and owned[path].holds_prefix):
            written[path] = (hashlib.sha256(moved).hexdigest(), len(moved))
    for record, paths in entries.items():
        here = {entry.path: written[entry.path] for entry in paths if entry.path in written}
        # conda-pack leaves out what was compiled after linking.
        gone = {entry.path for entry in paths if entry.path.endswith(".pyc") and not (stage / entry.path).exists()}
        if here or gone:
            prefix.change_paths(record, here, gone)


def _compare(stage: Path, records: Mapping[str, Record], emit: Emit) -> None:
    """Tell which files are not as their packages have them, where nothing says whether they were packed so."""
    tick: Callable[[int], None] = lambda done: emit(Progress(phase="check", done=done, unit="files"))  # noqa: E731
    found = look(stage, {Path(name): record for name, record in records.items()}, (), tick)
    paths = sorted(path for paths in (*found.altered.values(), *found.missing.values()) for path in paths)
    if paths:
        text = ", ".join(paths[:3]) + (f" and {len(paths) - 3} more" if len(paths) > 3 else "")
        why = "Files that are not as their packages have them were packed so, or the archive is damaged"
        emit(Message(level="warning", text=f"{why}: {text}. doctor can mend them"))


def _check_paths(paths: Iterable[str], stage: Path, archive: Path) -> None:
    """Raises InvalidRequest where records name a file elsewhere: bytecode is written beside it."""
    root = os.path.realpath(stage)
    folders: dict[str, bool] = {}
    for path in paths:
        folder = os.path.dirname(path)
        if folder not in folders:
            folders[folder] = Path(os.path.realpath(stage / folder.replace("\0", ""))).is_relative_to(root)
        if not folders[folder] or "\0" in path:
            raise _astray(archive, path)


def _with_prefix(data: bytes, place: _Place, target: Path) -> bytes:
    if place.mode != "binary":
        return relocate.text(data, place.placeholder, str(target))
    try:
        return relocate.binary(data, place.placeholder, str(target), len(os.fsencode(place.placeholder)))
    except ValueError as error:
        raise Refused(f"{target} is longer than {place.path} has room for.", "Choose a shorter path.") from error


def _with_interpreter(data: bytes, stage: Path, target: Path) -> bytes:
    """A script with the interpreter of its environment, where conda-pack wrote that it is looked for in PATH."""
    first = _THROUGH_ENV.match(data)
    if first is None or not (stage / "bin" / os.fsdecode(first["name"])).exists():
        return data
    return relocate.shebang(os.fsencode(target / "bin") + b"/" + first["name"], first["options"]) + data[first.end() :]


def _places(stage: Path, archive: Path) -> list[_Place]:
    """What stands in the script of conda-pack, which is read and not run."""
    script = stage / _UNPACK
    with suppress(OSError, SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        text = "" if script.is_symlink() else script.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "_prefix_records":
                return [msgspec.convert(one, _Place) for one in ast.literal_eval(node.value) or ()]
    raise InvalidRequest(
        f"{archive.name} is not an environment that conda-pack packed for any place.",
        "`pack` writes one; an environment that was packed for one place is unpacked there, by tar.",
    )


def _lock(stage: Path, archive: Path) -> Lock:
    file = stage / LOCK
    found = prefix.packages(stage)
    if file.is_file():
        lock = lockfiles.read(file)
        file.unlink()
        if {package.identity for package in lock.packages} != {package.identity for package in found}:
            raise InvalidRequest(f"What {archive.name} holds is not what its lock says.", "Pack it again.")
    else:
        lock = history.current_lock(stage, host.platform())
    if lock.platform != host.platform():
        raise InvalidRequest(
            f"{archive.name} is for {lock.platform}, and this machine is {host.platform()}.", "Pack it there."
        )
    return lock
