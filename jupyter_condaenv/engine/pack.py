"""An environment as one file that can be carried elsewhere: by conda-pack, which other tools read as well.

The archive holds the lock of what is in it. ``unpack`` makes an environment of it again.
"""

from __future__ import annotations

import copy
import hashlib
import io
import os
import shutil
import tarfile
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from . import history, limits, lockfiles, prefix, stack, staging
from .channels import redact
from .errors import AlreadyExists, InvalidRequest, Refused, StorageError
from .locking import try_lock
from .model import Message, Pack, Packed, Progress, Settings, Step
from .rattler import host
from .telling import Emit
from .trees import remove_tree

FORMATS = (".tar.gz", ".tgz", ".tar", ".zip", ".squashfs")
"""By the ends of file names."""
LOCK = "conda-meta/condaenv/packed.lock"
"""conda-pack takes whatever ends in `.json` below `conda-meta` for a record."""
SUM = "conda-meta/condaenv/packed.sha256"
"""Of all that stands before it, in a plain tar: the other formats have checksums."""
_OURS = ("conda-meta/condaenv/*", f"conda-meta/{staging.WORK_NAME}/*", "conda-meta/frozen")
_RECORDS, _HISTORY = "conda-meta/*.json", "conda-meta/history"
_PART = ".pack-"
"""In the name of the folder in which an archive is made, behind its own name."""
TICK = 200
"""Files between two signs of life."""


def pack(request: Pack, settings: Settings, emit: Emit) -> Packed:
    """Write the environment at ``request.prefix`` to ``request.output``, whole or not at all.

    Raises AlreadyExists, InvalidRequest for a name that tells no format, Refused for an overlay, where conda-pack is
    not installed, and for what it cannot pack, and StorageError.
    """
    source, output = Path(request.prefix), Path(request.output)
    _check_output(output, source, request.force)
    if stack.read(source) is not None:
        raise Refused(
            f"{source.name} holds only what comes on top of another environment.",
            "Make one of all its packages first, with `create`, and pack that.",
        )
    conda_pack = _conda_pack()
    emit(Step(phase="pack", text=f"Packing {source.name}"))
    room = [limits.of_packing(source, output.parent, compressed=output.suffix != ".tar")]
    count: Callable[[int], None] = lambda done: emit(Progress(phase="measure", done=done, unit="files"))  # noqa: E731
    with (
        limits.watched(room, replace(settings, reserve=0), count, lambda: None),
        _folder_beside(output) as folder,
        _told(emit),
    ):
        lock = Path(folder, "lock.json")
        lock.write_bytes(lockfiles.encode(history.current_lock(source, host.platform())))
        part = Path(folder, "part" + _suffix(output))
        try:
            with _temporary_files_in(folder), _zip_of_any_time():
                packed = conda_pack.CondaEnv.from_prefix(str(source))
                for pattern in _OURS:
                    packed = packed.exclude(pattern)
                files = [_without_secrets(file, Path(folder)) for file in packed.files]
                packed.files = _Telling([*files, conda_pack.core.File(str(lock), LOCK)], emit)
                packed.pack(output=str(part), n_threads=os.cpu_count() or 1, zip_symlinks=True)
        except conda_pack.CondaPackException as error:
            raise Refused(f"{source.name} cannot be packed: {str(error).strip()}", "Nothing was written.") from error
        if output.suffix == ".tar":
            _add_sum(part)
        shutil.copymode(lock, part)  # conda-pack lets nobody else read what it writes
        size = part.stat().st_size
        os.replace(part, output)
    return Packed(prefix=request.prefix, path=str(output), size=size)


def _without_secrets(file: Any, folder: Path) -> Any:
    """``file``, or a copy in ``folder`` where conda or mamba has left tokens in it: an archive is passed on."""
    source = Path(file.source)
    if file.target == _HISTORY:
        data = source.read_bytes()
        plain = os.fsencode("".join(map(redact, os.fsdecode(data).splitlines(keepends=True))))
    elif fnmatch(file.target, _RECORDS):
        data = source.read_bytes()
        plain = prefix.without_secrets(data)
    else:
        return file
    if plain == data:
        return file
    to = folder / source.name
    to.write_bytes(plain)
    shutil.copystat(source, to)
    file = copy.copy(file)
    file.source = str(to)
    return file


def _suffix(path: Path) -> str:
    return next((end for end in FORMATS if path.name.endswith(end)), "")


def _check_output(output: Path, source: Path, force: bool) -> None:
    suffix = _suffix(output)
    if not suffix:
        raise InvalidRequest(f"{output.name} tells no format.", f"Let its name end with one of {', '.join(FORMATS)}.")
    if not output.parent.is_dir():
        raise InvalidRequest(f"There is no folder {output.parent}.", "Make it, or choose another one.")
    if output.resolve().is_relative_to(source.resolve()):
        raise InvalidRequest(f"{output} lies in the environment that is to be packed.", "Choose a place outside of it.")
    if output.is_dir() or (output.exists() and not force):
        raise AlreadyExists(
            f"{output} is there already.",
            "Choose another name, or have it replaced.",
            path=str(output),
            replaceable=True,
        )
    _check_tool(suffix, "mksquashfs")


def _check_tool(suffix: str, tool: str) -> None:
    if suffix == ".squashfs" and shutil.which(tool) is None:
        raise Refused(
            f"{tool} is not installed here, which squashfs images need.",
            "On Debian and Ubuntu: apt install squashfs-tools; or choose .tar.gz.",
        )


def _conda_pack() -> Any:
    try:
        import conda_pack
        import conda_pack.core
    except ImportError as error:
        raise Refused(
            "conda-pack is not installed where Jupyter runs.", "pip install conda-pack, into the same environment."
        ) from error
    return conda_pack


@contextmanager
def _folder_beside(output: Path) -> Iterator[str]:
    """A folder of our own on the file system of ``output``. Those that killed predecessors left there are deleted."""
    while True:
        with (
            tempfile.TemporaryDirectory(dir=output.parent, prefix=f".{output.name}{_PART}") as folder,
            try_lock(lock := Path(folder, "lock"), f"packing {output.name}") as held,
        ):
            # Another one may have taken it for such, before there was a lock.
            if held and lock.exists():
                _tidy(output.parent, folder)
                yield folder
                return


def _tidy(parent: Path, own: str) -> None:
    """Delete such folders of the same user in ``parent`` that nobody works in; ``own`` is one."""
    user = os.stat(own).st_uid
    for entry in os.scandir(parent):
        name, _, _ = entry.name.rpartition(_PART)
        is_one = name.startswith(".") and name.endswith(FORMATS) and entry.is_dir(follow_symlinks=False)
        if is_one and entry.name != os.path.basename(own) and entry.stat(follow_symlinks=False).st_uid == user:
            with suppress(OSError, StorageError), try_lock(Path(entry.path, "lock"), "tidying up") as held:
                if held:
                    remove_tree(Path(entry.path))


@contextmanager
def _temporary_files_in(folder: str) -> Iterator[None]:
    """conda-pack writes the archive where temporary files go, which may be small, and moves it then."""
    before, tempfile.tempdir = tempfile.tempdir, folder
    try:
        yield
    finally:
        tempfile.tempdir = before


@contextmanager
def _zip_of_any_time() -> Iterator[None]:
    """conda-pack does not say that a file from before 1980, which zip knows no time for, is to be from 1980 there."""
    made: list[Any] = [zipfile.ZipFile.__init__, zipfile.ZipInfo.from_file]
    for function in made:
        function.__kwdefaults__["strict_timestamps"] = False
    try:
        yield
    finally:
        for function in made:
            function.__kwdefaults__["strict_timestamps"] = True


@contextmanager
def _told(emit: Emit) -> Iterator[None]:
    """What conda-pack warns of is told."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        yield
    for text in dict.fromkeys(str(warning.message).strip() for warning in caught if warning.category is UserWarning):
        emit(Message(level="warning", text=text))


def _add_sum(archive: Path) -> None:
    with tarfile.open(archive, "a:") as tar:
        data = digest(archive, tar.offset).encode()
        member = tarfile.TarInfo(SUM)
        member.size = len(data)
        tar.addfile(member, io.BytesIO(data))


def digest(archive: Path, size: int) -> str:
    """sha256 of the first ``size`` bytes."""
    found = hashlib.sha256()
    with archive.open("rb") as file:
        while block := file.read(min(size, 1 << 20)):
            found.update(block)
            size -= len(block)
    return found.hexdigest()


class _Telling(list[Any]):
    """Files that tell how many of them have been packed."""

    def __init__(self, files: list[Any], emit: Emit) -> None:
        super().__init__(files)
        self._emit = emit

    def __iter__(self) -> Iterator[Any]:
        for number, file in enumerate(super().__iter__()):
            if number % TICK == 0:
                self._emit(Progress(phase="pack", done=number, total=len(self), unit="files"))
            yield file
