"""What a capture found, kept for one user until something that it saw has changed."""

from __future__ import annotations

import os
import stat
import sys
import time
import zlib

from . import TIME_LIMIT
from .variables import SHELLS_OWN, Changes, inherited_prefixes, listed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SCHEMA = 3
"""Part of every cache key: raised when the meaning of a cached record or the way it is made changes."""
HUNG_KEPT = 600.0
"""Seconds for which a capture that met a hanging script is used again. Not for ever, as the reason may be passing;
not never, as then every start of the kernel would wait for it."""


def activated(
    prefixes: tuple[str, ...], environ: dict[str, str], cache_dir: str, limit: float = TIME_LIMIT, leave: bool = True
) -> Changes:
    """What activating ``prefixes`` (bottom first) changes in ``environ``; kept for as long as all it saw is the same.

    ``cache_dir`` is made when it is absent. A cache that others could have written is not used; the changes then carry
    a warning. Without any script nothing is kept, as reading the variables is as quick as checking a record of them.
    """
    involved = [*inherited_prefixes(environ), *prefixes]
    seen = _inputs(involved)
    if not any(str(path).endswith(".sh") for path, *_ in seen):
        from .capture import capture

        return capture(prefixes, environ, limit, leave)[0]
    key = _key(prefixes, environ, leave)
    file = f"{zlib.crc32(key.encode()):08x}.json"
    problem = ""
    try:
        found = _load(cache_dir, file)
    except OSError as error:
        found, problem = None, str(error)
    if found is not None and _valid(found, key, seen, environ):
        changes = Changes()
        for name in Changes.__slots__:
            setattr(changes, name, found[name])
        return changes
    from .capture import capture
    from .sources import read

    changes, hung = capture(prefixes, environ, limit, leave)
    record: dict[str, object] = {name: getattr(changes, name) for name in Changes.__slots__}
    record["key"] = key
    record["files"] = seen
    files, words = read(involved, changes.apply(environ))
    record["read"] = [_glimpse(path) for path in files]
    record["words"] = " ".join(sorted(words))
    record["values"] = _mentioned(words, environ)
    record["until"] = time.time() + HUNG_KEPT if hung else 0
    if not problem:
        try:
            _store(cache_dir, file, record)
        except OSError as error:
            problem = str(error)
    if problem:
        changes.warnings = [*changes.warnings, f"Activation is not kept for the next start: {problem}"]
    return changes


def _key(prefixes: tuple[str, ...], environ: dict[str, str], leave: bool) -> str:
    """What tells one record from another. Its checksum names the file; the record holds it whole."""
    state = sorted(item for item in environ.items() if item[0].lstrip("_").startswith("CONDA_"))
    return repr([SCHEMA, prefixes, leave, state, _host_class(), sys.getfilesystemencoding()])


def _host_class() -> list[str]:
    """What scripts of one environment may decide differently on two hosts that share a home: processor and driver."""
    try:
        with open("/sys/module/nvidia/version", encoding="utf-8", errors="replace") as file:
            driver = file.read().strip()
    except OSError:
        driver = ""
    return [os.uname().machine, driver]


def _inputs(prefixes: list[str]) -> list[list[object]]:
    """The state of every file that decides which scripts run and which variables are set."""
    files: list[list[object]] = []
    for prefix in prefixes:
        # The folder conda-meta changes with every package, and with it what scripts find in the prefix.
        paths = [f"{prefix}/conda-meta", f"{prefix}/conda-meta/state"]
        for folder in ("activate.d", "deactivate.d", "env_vars.d"):
            paths += listed(f"{prefix}/etc/conda/{folder}")
        files += [stamp(path) for path in paths]
    return files


def stamp(path: str) -> list[object]:
    """What changes when somebody writes the file: with the time of that, which nobody can set, as size and mtime."""
    try:
        found = os.stat(path)
    except OSError:
        return [path]
    return [path, found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino]


def _glimpse(path: str) -> list[object]:
    """As ``stamp`` for a file; of what is none, whether it is there: what is in a folder is not all a script's."""
    found = stamp(path)
    return found if len(found) == 1 or os.path.isfile(path) else [path, ""]


def _valid(record: dict[str, Any], key: str, seen: list[list[object]], environ: dict[str, str]) -> bool:
    """Whether all that the capture of ``record`` saw is as it was."""
    try:
        return (
            record["key"] == key
            and record["files"] == seen
            and record["values"] == _mentioned(set(record["words"].split(" ")), environ)
            and all(found == _glimpse(found[0]) for found in record["read"])
            and not 0 < record["until"] < time.time()
        )
    except (KeyError, TypeError, AttributeError):
        return False


def _mentioned(words: set[str], environ: dict[str, str]) -> dict[str, str]:
    """The incoming variables whose values a script may have used.

    Without regard to case, because compilers' scripts make names of variables from those of programs. Under no name at
    all stands the host's, and under ``.`` the folder where the scripts run, where one asks for that.
    """
    host = {"": os.uname().nodename} if {"hostname", "uname"} & words else {}
    folder = {".": _folder()} if "pwd" in words else {}
    named = {name: value for name, value in environ.items() if name.lower() in words and name not in SHELLS_OWN}
    return {**named, **host, **folder}


def _folder() -> str:
    try:
        return os.getcwd()
    except FileNotFoundError:
        return ""


# --- files that nobody else can have written -------------------------------------------------------------------------


def open_folder(path: str) -> int:
    """A descriptor of the folder at ``path``; PermissionError if anybody else could write in it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    if _is_foreign(os.fstat(descriptor)):
        os.close(descriptor)
        raise PermissionError(f"{path} belongs to or can be written by somebody else.")
    return descriptor


def _is_foreign(found: os.stat_result) -> bool:
    return found.st_uid != os.geteuid() or bool(stat.S_IMODE(found.st_mode) & 0o022)


def _load(cache_dir: str, name: str) -> dict[str, Any] | None:
    """The record in the file ``name``, None where it is to be made anew; OSError when the folder cannot be trusted."""
    try:
        folder = open_folder(cache_dir)
    except FileNotFoundError:
        return None
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=folder)
    except OSError:
        return None
    finally:
        os.close(folder)
    with open(descriptor, encoding="utf-8") as file:
        found = os.fstat(file.fileno())
        if _is_foreign(found) or not stat.S_ISREG(found.st_mode):
            return None
        try:
            record = _decoded(file.read())
        except (OSError, ValueError, RecursionError):
            return None
    return record if isinstance(record, dict) else None


class _Decoding:
    """What the scanner of the json module asks of its decoder."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float
    memo: dict[str, str] = {}  # noqa: RUF012


def _decoded(text: str) -> object:
    """``text`` as JSON, by CPython's own scanner where there is one: the module around it imports ``re``.

    ValueError for what is not JSON.
    """
    try:
        from _json import make_scanner
    except ImportError:
        import json

        return json.loads(text)
    try:
        found: object = make_scanner(_Decoding())(text, 0)[0]  # type: ignore[arg-type]
    except (StopIteration, SystemError):  # the latter where it looks for json's own error, which is not imported
        raise ValueError("This is no JSON.") from None
    return found


def _store(cache_dir: str, name: str, record: dict[str, object]) -> None:
    """Write ``record`` so that nobody ever reads a part of it. OSError when that cannot be done."""
    import json

    os.makedirs(cache_dir, mode=0o700, exist_ok=True)
    folder = open_folder(cache_dir)
    part = f"{name}.{os.getpid()}.{time.monotonic_ns()}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(part, flags, 0o600, dir_fd=folder)
        try:
            with open(descriptor, "w", encoding="utf-8") as file:
                json.dump(record, file)
            os.replace(part, name, src_dir_fd=folder, dst_dir_fd=folder)
        except OSError:
            os.unlink(part, dir_fd=folder)
            raise
    finally:
        os.close(folder)
