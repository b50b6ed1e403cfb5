"""Packages for the shared libraries that interpreters and wheels take from the operating system."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from . import elf
from .writer import Content, Link, write_package

#: Wheels may rely on these being there (the manylinux policies allow it), so they are packaged too.
COMPILER_RUNTIME = ("libgcc_s.so.1", "libstdc++.so.6")

#: Start of a soname -> the name that conda users know the library by.
_NAMES = {
    "libbz2": "bzip2",
    "libcrypt": "libxcrypt",
    "libcrypto": "openssl",
    "libdb": "libdb",
    "libexpat": "libexpat",
    "libffi": "libffi",
    "libgcc_s": "libgcc",
    "libgdbm": "gdbm",
    "libgdbm_compat": "gdbm",
    "libhistory": "readline",
    "liblzma": "liblzma",
    "libmpdec": "mpdecimal",
    "libncurses": "ncurses",
    "libncursesw": "ncurses",
    "libpanel": "ncurses",
    "libpanelw": "ncurses",
    "libreadline": "readline",
    "libsqlite3": "libsqlite",
    "libssl": "openssl",
    "libstdc++": "libstdcxx",
    "libtinfo": "ncurses",
    "libtinfow": "ncurses",
    "libuuid": "libuuid",
    "libz": "libzlib",
    "libzstd": "zstd",
}


@dataclass(frozen=True)
class Library:
    """One package to be: libraries of one project from one folder."""

    name: str
    version: str
    build: str
    files: tuple[tuple[str, Path], ...]
    needs: tuple[str, ...]

    @property
    def spec(self) -> str:
        """What a package that was built against this library depends on."""
        major = self.version.split(".")[0]
        upper = f",<{int(major) + 1}.0a0" if major.isdigit() else ""
        return f"{self.name} >={self.version}{upper}"

    @property
    def sonames(self) -> tuple[str, ...]:
        """The names by which the loader asks for this package's files."""
        return tuple(soname for soname, _ in self.files)


def package_name(soname: str) -> str:
    """conda's usual name for a library; an unknown one is named after its file."""
    stem = soname.split(".so")[0]
    if stem in _NAMES:
        return _NAMES[stem]
    return re.sub(r"[^a-z0-9_.-]+", "x", re.sub(r"-[\d.]+$", "", stem).lower())


def group(found: Mapping[str, Path]) -> list[Library]:
    """Sort libraries into packages; a second copy from elsewhere becomes a package of its own."""
    groups: dict[tuple[str, Path], dict[str, Path]] = {}
    for soname, path in sorted(found.items()):
        groups.setdefault((package_name(soname), path.parent), {})[soname] = path
    versions = _dpkg_versions(found.values())
    return [_library(name, files, versions) for (name, _), files in sorted(groups.items())]


def stamp(library: Library) -> list[object]:
    """What decides this package's bytes, without reading the files."""
    stats = [(soname, str(path), path.stat()) for soname, path in library.files]
    files = [(soname, path, s.st_size, s.st_mtime_ns) for soname, path, s in stats]
    return [library.name, library.version, library.build, library.needs, files]


def write(channel: Path, library: Library, glibc: str) -> None:
    """Write one library package: the real files and the links the loader looks for."""
    with tempfile.TemporaryDirectory(prefix="condaenv-lib-") as folder:
        files: dict[str, Content] = {}
        for soname, real in library.files:
            copy = Path(folder, real.name)
            if not copy.exists():
                shutil.copyfile(real, copy)
                copy.chmod(0o755)
                elf.set_run_path(copy, "$ORIGIN")
            files[f"lib/{real.name}"] = copy
            if soname != real.name:
                files[f"lib/{soname}"] = Link(real.name)
        write_package(
            channel,
            library.name,
            library.version,
            files=files,
            build=library.build,
            depends=[f"__glibc >={glibc}", *library.needs],
            summary=f"{library.name} as this machine's operating system has it",
        )


def glibc_version() -> str:
    """The version of this machine's C library, below which nothing built here can run."""
    name = os.confstr("CS_GNU_LIBC_VERSION") if "CS_GNU_LIBC_VERSION" in os.confstr_names else ""
    if not name or not name.startswith("glibc "):
        raise RuntimeError(
            "tests/channel needs a Linux with glibc (Debian, Ubuntu, Fedora, ...); this machine's "
            "C library is another one. Run the tests in a container of such a system."
        )
    return name.split()[1]


def _library(name: str, files: Mapping[str, Path], versions: Mapping[Path, str]) -> Library:
    digest = hashlib.sha256()
    for path in files.values():
        digest.update(path.read_bytes())
    needed = {n for path in files.values() for n in elf.dynamic(path.read_bytes()).needed}
    others = {package_name(n) for n in needed if not elf.is_glibc(n)} - {name}
    if name == "openssl":
        others.add("ca-certificates")
    return Library(
        name,
        _version(list(files.values()), versions),
        f"h{digest.hexdigest()[:7]}_0",
        tuple(sorted(files.items())),
        tuple(sorted(others)),
    )


def _version(paths: list[Path], versions: Mapping[Path, str]) -> str:
    """The upstream version that the package manager knows, else what the file's name says."""
    name = paths[0].name
    known = versions.get(paths[0]) or name.partition(".so.")[2] or name
    match = re.search(r"\d+(\.\d+)*", known)
    return match.group() if match else "0"


def _dpkg_versions(paths: Iterable[Path]) -> dict[Path, str]:
    """Debian's version of each file that came from one of its packages, asked for all at once."""
    wanted = set(paths)
    if shutil.which("dpkg-query") is None or not wanted:
        return {}
    patterns = [f"*/{path.name}" for path in sorted(wanted)]
    owners: dict[Path, str] = {}
    for line in _output("dpkg-query", "-S", *patterns).splitlines():
        package, _, file = line.rpartition(": ")
        path = Path(file).resolve()
        if path in wanted and not package.startswith("diversion"):
            owners[path] = package.split(",")[0]
    form = "${binary:Package}\t${Package}\t${Version}\n"
    versions = {}
    for line in _output("dpkg-query", "-W", "-f", form, *sorted(set(owners.values()))).splitlines():
        full, short, version = line.split("\t")
        versions[full] = versions[short] = version.rpartition(":")[2]
    return {path: versions[owner] for path, owner in owners.items() if owner in versions}


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout
