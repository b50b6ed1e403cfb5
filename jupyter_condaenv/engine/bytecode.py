"""Compiled Python, made once per package and Python minor and hard-linked into every environment after that.

A ``.pyc`` with the time and size of its source is valid beside any hard link of that source, since the link has the
same inode; an edited source is seen. Where a source was copied instead (another file system, a path written into it)
it is compiled on the spot.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from . import stack
from .channels import redact
from .model import Lock
from .prefix import PathEntry, Record, add_paths, python_minor
from .trees import storage_error

_Stat = tuple[int, int]
"""Modification time in seconds and size in bytes of a source, as its ``.pyc`` holds them."""

_ERRNO = re.compile(r"\[Errno (\d+)\] (.*)")
_COMPILED = "pyc_file"
_INDEX = "index.json"
_COMPILER = """
import os, py_compile, sys
for line in sys.stdin.buffer:
    source, target, shown = map(os.fsdecode, line.rstrip(b"\\n").split(b"\\0"))
    try:
        py_compile.compile(source, target, shown, doraise=True,
                           invalidation_mode=py_compile.PycInvalidationMode.TIMESTAMP)
    except OSError:
        raise
    except Exception:
        pass  # packages carry templates and files for other Pythons that are no valid source for this one
    sys.stdout.write(".")
    sys.stdout.flush()
"""


class _Task(NamedTuple):
    source: str
    target: str
    shown: str
    """The path of the source as tracebacks show it."""


def compile_packages(
    linked: Iterable[tuple[Path, Record]],
    stage: Path,
    prefix: Path,
    python: Path,
    version: str,
    cache_dir: Path,
    progress: Callable[[int, int], None],
) -> None:
    """Give every Python module of the ``linked`` packages its ``.pyc`` and note it in the package's record.

    ``linked`` are record files in ``stage`` with their content. ``python`` is run to compile; its ``version`` is that
    of the environment. ``progress(done, total)`` counts files that have to be compiled; nothing is told where only the
    few are left that every environment has to itself.
    """
    work = [_Package(path, record, stage, cache_dir, version) for path, record in linked]
    work = [package for package in work if package.sources]
    tasks = [task for package in work for task in package.missing(prefix)]
    if tasks:
        shared = any(package.fresh for package in work)
        _run(tasks, python, progress if shared else lambda done, total: None)
        for package in work:
            package.remember()
    for package in work:
        add_paths(package.record_file, [entry for entry in package.link() if entry.path not in package.named])


def compiler(stage: Path, lock: Lock) -> tuple[Path, str] | None:
    """The Python that compiles for ``stage``, and its version; None where there is none that can be run."""
    below = lock.base.packages if lock.base is not None else ()
    python = stack.python_of(lock.packages) or stack.python_of(below)
    if python is None or os.name != "posix":
        return None
    root = stage if lock.base is None else Path(stack.levels(lock.base.prefix)[0])
    return root / "bin" / "python", python.version


def compile_modules(modules: Iterable[str], stage: Path, prefix: Path, python: Path, version: str) -> None:
    """Give ``modules`` of ``stage``, which no other environment has, their ``.pyc``; no record tells of them. Else as
    above."""
    tag = _tag(version)
    tasks = [
        _Task(str(stage / module), str(stage / _compiled(module, tag)), str(prefix / module)) for module in modules
    ]
    if tasks:
        _run(tasks, python, lambda done, total: None)


def entry_of(module: str, version: str) -> PathEntry:
    """What a record says of that which ``module`` is compiled to."""
    return PathEntry(path=_compiled(module, _tag(version)), path_type=_COMPILED)


def lacking(
    record_file: Path, record: Record, prefix: Path, version: str, cache_dir: Path, altered: Collection[str] = ()
) -> list[str]:
    """The ``.pyc`` that the package of ``record`` should have in ``prefix`` and has not, or not for its present source.

    ``version`` is that of the environment's Python. What is known to be no Python is left out, and so are sources that
    were ``altered``.
    """
    package = _Package(record_file, record, prefix, cache_dir, version)
    return [
        target
        for source, target in package.sources.items()
        if source not in altered and not package.has(source, target)
    ]


def forget(record: Record, version: str, cache_dir: Path) -> None:
    """Let what the cache has for the package of ``record`` be compiled anew: it may be damaged itself."""
    (_folder(record, version, cache_dir) / _INDEX).unlink(missing_ok=True)


def drop_orphans(stage: Path, removed: Iterable[Record]) -> None:
    """Delete the ``.pyc`` of modules that went with the ``removed`` packages.

    An interpreter that found none wrote them itself, so no record names them; the folder they keep alive would be
    imported as an empty namespace package.
    """
    sources = (entry.path for record in removed for entry in record.paths if entry.path.endswith(".py"))
    for folder in sorted({os.path.dirname(source) for source in sources}, reverse=True):
        cache = stage / folder / "__pycache__"
        if not cache.is_dir():
            continue
        for pyc in cache.iterdir():
            if pyc.suffix == ".pyc" and not (stage / folder / f"{pyc.name.split('.')[0]}.py").exists():
                pyc.unlink()
        with suppress(OSError):
            cache.rmdir()
            while folder:
                (stage / folder).rmdir()
                folder = os.path.dirname(folder)


class _Package:
    """One package of the stage, and its folder in the cache."""

    def __init__(self, record_file: Path, record: Record, stage: Path, cache_dir: Path, version: str) -> None:
        self.record_file = record_file
        self.stage = stage
        self.cache = _folder(record, version, cache_dir)
        owned = {entry.path for entry in record.paths if entry.path_type != _COMPILED}
        self.named = {entry.path for entry in record.paths}
        tag = _tag(version)
        self.sources = {
            entry.path: _compiled(entry.path, tag)
            for entry in record.paths
            if entry.path.endswith(".py") and entry.path.startswith("lib/python") and entry.path_type != "softlink"
        }
        self.sources = {source: target for source, target in self.sources.items() if target not in owned}
        self.copied = {entry.path for entry in record.paths if entry.prefix_placeholder or entry.file_mode}
        self.known = self._load()
        self.fresh: dict[str, _Stat] = {}

    def missing(self, prefix: Path) -> Iterator[_Task]:
        """What has to be compiled: into the cache, or beside a source that is a copy."""
        for source, target in self.sources.items():
            path = os.path.join(self.stage, source)
            if source in self.copied:
                yield _Task(path, os.path.join(self.stage, target), os.path.join(prefix, source))
                continue
            found = _stat(path)
            if self.known.get(source) != found:
                self.fresh[source] = found
                yield _Task(path, os.path.join(self.cache, target), os.path.join(prefix, source))

    def has(self, source: str, target: str) -> bool:
        """Whether ``target`` was compiled from what ``source`` is, or nothing can be."""
        try:
            found = _stat(os.path.join(self.stage, source))
        except OSError:
            return True
        if _is_compiled_from(os.path.join(self.stage, target), found):
            return True
        tried = source not in self.copied and self.known.get(source) == found
        return tried and not os.path.exists(os.path.join(self.cache, target))

    def remember(self) -> None:
        """Note what the cache holds now; a source that could not be compiled is noted too, not to try it again."""
        if self.fresh:
            self.known |= self.fresh
            self.cache.mkdir(parents=True, exist_ok=True)
            part = self.cache / f"index.json.{os.getpid()}.part"
            part.write_text(json.dumps(self.known), encoding="utf-8")
            part.replace(self.cache / _INDEX)

    def link(self) -> list[PathEntry]:
        """Put the compiled files into the stage and return what the record has to say of them."""
        made: list[PathEntry] = []
        folders: set[str] = set()
        for source, target in self.sources.items():
            place = os.path.join(self.stage, target)
            folder = os.path.dirname(place)
            if folder not in folders:
                os.makedirs(folder, exist_ok=True)
                folders.add(folder)
            if source not in self.copied and not _link(os.path.join(self.cache, target), place):
                continue
            if source in self.copied and not os.path.exists(place):
                continue
            made.append(PathEntry(path=target, path_type=_COMPILED))
        return made

    def _load(self) -> dict[str, _Stat]:
        try:
            found = json.loads((self.cache / _INDEX).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return {source: (stat[0], stat[1]) for source, stat in found.items()}


def _folder(record: Record, version: str, cache_dir: Path) -> Path:
    key = f"{record.name}-{record.version}-{record.build}-{(record.sha256 or record.md5 or '')[:16]}"
    return cache_dir / "bytecode" / key / python_minor(version)


def _tag(version: str) -> str:
    return f"cpython-{python_minor(version).replace('.', '')}"


def _compiled(source: str, tag: str) -> str:
    """Where Python looks for what ``source`` is compiled to (PEP 3147)."""
    folder, name = os.path.split(source)
    return f"{folder}/__pycache__/{name[:-3]}.{tag}.pyc"


def _stat(path: str) -> _Stat:
    found = os.stat(path)
    return int(found.st_mtime), found.st_size


def _is_compiled_from(pyc: str, source: _Stat) -> bool:
    """Whether Python would take ``pyc`` for compiled from a source with that time and size (PEP 552)."""
    try:
        with open(pyc, "rb") as file:
            magic, flags, time, size = struct.unpack("<4sLLL", file.read(16))
    except (OSError, struct.error):
        return False
    by_hash = flags in (1, 3)
    same = flags == 0 and (time, size) == (source[0] & 0xFFFFFFFF, source[1] & 0xFFFFFFFF)
    return magic.endswith(b"\r\n") and (by_hash or same)


def _link(cached: str, place: str) -> bool:
    """Whether the cache has the file and it lies in ``place`` now."""
    try:
        os.link(cached, place)
    except FileNotFoundError:
        return False
    except FileExistsError:
        os.unlink(place)  # what the interpreter wrote itself before the package was changed
        return _link(cached, place)
    except OSError:
        shutil.copyfile(cached, place)
    return True


def _run(tasks: list[_Task], python: Path, progress: Callable[[int, int], None]) -> None:
    """Compile with as many processes as there are processors for us."""
    workers = min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, 8)
    workers = min(workers, 1 + len(tasks) // 50)
    for folder in {os.path.dirname(task.target) for task in tasks}:
        os.makedirs(folder, exist_ok=True)
    running = [_start(python, tasks[number::workers]) for number in range(workers)]
    done = 0
    for process in running:
        assert process.stdout is not None
        while ticks := process.stdout.read1(4096):  # type: ignore[attr-defined]
            done += len(ticks)
            progress(done, len(tasks))
    for process in running:
        _, errors = process.communicate()
        if process.returncode:
            text = redact(errors.decode(errors="replace")).strip().splitlines()
            raise storage_error(_compiler_error(text[-1] if text else str(process.returncode)))


def _compiler_error(last_words: str) -> OSError:
    """What a compiler ended with, as the error that it met where it says so."""
    found = _ERRNO.search(last_words)
    if found:
        return OSError(int(found[1]), found[2])
    return OSError(f"compiling Python files failed: {last_words}")


def _start(python: Path, tasks: list[_Task]) -> subprocess.Popen[bytes]:
    """One compiler, fed from a file of its own so that nobody waits for anybody."""
    with tempfile.TemporaryFile() as feed:
        feed.write(b"".join(b"\0".join(map(os.fsencode, task)) + b"\n" for task in tasks))
        feed.seek(0)
        return subprocess.Popen(
            [str(python), "-I", "-S", "-B", "-X", "utf8", "-c", _COMPILER],
            stdin=feed,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "LD_"))},
        )
