"""Finds CPython interpreters and turns each into a relocatable `python` package.

Three layouts are understood: built from source (pyenv, the official container images), the
standalone builds that uv manages, and Debian's and Ubuntu's own, whose changes towards
`dist-packages` are undone in the copy.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from . import elf
from .writer import PLACEHOLDER, Content, File, Link, write_package

OLDEST = (3, 8)

_PROBE = """
import json, sys, sysconfig
base = {"base": sys.base_prefix, "installed_base": sys.base_prefix, "platbase": sys.base_prefix,
        "installed_platbase": sys.base_prefix}
print(json.dumps({
    "version": "%d.%d.%d" % sys.version_info[:3],
    "final": sys.version_info[3] == "final",
    "implementation": sys.implementation.name,
    "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    "prefix": sys.base_prefix,
    "is_venv": sys.prefix != sys.base_prefix,
    "libdir": getattr(sys, "platlibdir", "lib"),
    "stdlib": sysconfig.get_path("stdlib", "posix_prefix", base),
    "include": sysconfig.get_path("include", "posix_prefix", base),
    "multiarch": sysconfig.get_config_var("MULTIARCH") or "",
    "debian": "posix_local" in sysconfig.get_scheme_names(),
}))
"""
_SKIPPED_FOLDERS = {
    "__pycache__", "dist-packages", "idle_test", "site-packages", "test", "tests", "turtledemo",
}  # fmt: skip
_SKIPPED_FILES = {"EXTERNALLY-MANAGED", "_distutils_system_mod.py", "sitecustomize.py"}
_SKIPPED_MODULES = re.compile(
    r"(_tkinter|nis|_test\w*|_ctypes_test|_xxtestfuzz|xxlimited\w*|_xxinterp\w*|_dbm|_gdbm)\."
)
#: Where interpreters write down their prefix; nothing else in the standard library is rewritten.
_NAMES_PREFIX = re.compile(
    r"_sysconfigdata\w*[\w.-]*\.py|_sysconfig_vars\w*[\w.-]*\.json|build-details\.json|Makefile"
    r"|python-config\.py|[\w.-]+\.pc|python[\d.]*-config|pydoc[\d.]*"
)


@dataclass(frozen=True)
class Interpreter:
    """One CPython on this machine, seen from outside of any venv."""

    executable: Path
    version: str
    prefix: Path
    stdlib: Path
    include: Path
    multiarch: str
    debian: bool

    @property
    def minor(self) -> str:
        """Such as "3.11"."""
        return ".".join(self.version.split(".")[:2])

    @property
    def tag(self) -> str:
        """Such as "311", as in the name of its ABI."""
        return self.minor.replace(".", "")

    @property
    def has_bundled_pip(self) -> bool:
        """Whether `python -m venv` can bring pip without downloading it."""
        return any((self.stdlib / "ensurepip" / "_bundled").glob("pip-*.whl"))


class UnsupportedInterpreter(RuntimeError):
    """This Python cannot be turned into a package; the message says what can."""


def running() -> Interpreter:
    """The interpreter that runs this process; its base where this is a venv."""
    base = getattr(sys, "_base_executable", None) or sys.executable
    found = _probe(Path(base))
    if isinstance(found, str):
        raise UnsupportedInterpreter(
            f"The running Python ({base}) cannot be packaged: {found}. Run with a CPython "
            f"{OLDEST[0]}.{OLDEST[1]} or newer from pyenv, an official image, uv, Debian or Ubuntu."
        )
    return found


def others(than: Interpreter) -> list[Interpreter]:
    """The other minors on this machine, newest first: pyenv's, uv's, then what PATH holds."""
    found: dict[str, Interpreter] = {}
    for executable in _candidates():
        interpreter = _probe(executable)
        if isinstance(interpreter, str) or interpreter.minor == than.minor:
            continue
        known = found.get(interpreter.minor)
        if known is None or version_key(known.version) < version_key(interpreter.version):
            found[interpreter.minor] = interpreter
    return sorted(found.values(), key=lambda i: version_key(i.version), reverse=True)


def version_key(version: str) -> tuple[int, ...]:
    """For comparing versions made of numbers."""
    return tuple(int(part) for part in version.split("."))


def stamp(interpreter: Interpreter) -> str:
    """Changes whenever a file that would be packaged does (by size and time, without reading)."""
    digest = hashlib.sha256(repr(interpreter).encode())
    for target, source in sorted(_sources(interpreter).items()):
        found = source.lstat()
        digest.update(f"{target}\0{found.st_size}\0{found.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def libraries(interpreter: Interpreter) -> dict[str, Path]:
    """The shared libraries it needs from the system: soname -> real file."""
    objects = [
        path
        for path in {p.resolve() for p in _sources(interpreter).values()}
        if (path.suffix == ".so" or ".so." in path.name or path.parent.name == "bin") and elf.is_elf(path)
    ]
    found = elf.closure(objects)
    return {name: path for name, path in found.items() if not name.startswith("libpython")}


def write(
    channel: Path,
    interpreter: Interpreter,
    *,
    depends: Iterable[str],
    bundled: Iterable[Path],
    build: str,
) -> None:
    """Write `python` and the `python_abi` that goes with it.

    `bundled` are the wheels of pip (and setuptools) for an interpreter that has none of its own.
    """
    with tempfile.TemporaryDirectory(prefix="condaenv-python-") as folder:
        write_package(
            channel,
            "python",
            interpreter.version,
            files=_contents(interpreter, Path(folder), list(bundled)),
            build=build,
            depends=depends,
            constrains=[f"python_abi {interpreter.minor}.* *_cp{interpreter.tag}"],
            license="PSF-2.0",
            summary=f"CPython as found in {interpreter.prefix.name or interpreter.prefix}",
            python_site_packages_path=f"lib/python{interpreter.minor}/site-packages",
        )
    write_package(
        channel,
        "python_abi",
        interpreter.minor,
        build=f"8_cp{interpreter.tag}",
        build_number=8,
        noarch="generic",
        constrains=[f"python {interpreter.minor}.* *_cpython"],
        summary="Chooses the Python minor that compiled packages are for",
    )


def _candidates() -> Iterator[Path]:
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share")
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or data / "uv/python")
    for root in (pyenv / "versions", uv):
        for folder in sorted(root.glob("*")):
            executable = folder / "bin" / "python3"
            if executable.exists() and not (folder / "pyvenv.cfg").exists():
                yield executable
    for entry in os.environ.get("PATH", "").split(os.pathsep):
        if entry and Path(entry).name != "shims":
            for executable in sorted(Path(entry).glob("python3.*")):
                if re.fullmatch(r"python3\.\d+", executable.name):
                    yield executable


def _probe(executable: Path) -> Interpreter | str:
    """The interpreter, or why it is none that can be packaged."""
    try:
        run = subprocess.run(
            [str(executable), "-I", "-c", _PROBE],
            capture_output=True, text=True, timeout=30, check=True,
        )  # fmt: skip
        facts = json.loads(run.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        return f"asking it for its layout failed ({error})"
    if facts["implementation"] != "cpython":
        return f"it is {facts['implementation']}, not CPython"
    if facts["free_threaded"] or not facts["final"]:
        return "free-threaded builds and pre-releases are not supported"
    if version_key(facts["version"]) < OLDEST:
        return f"{facts['version']} is too old"
    if facts["libdir"] != "lib" or facts["is_venv"]:
        return "its standard library is not below lib/ of its own prefix"
    prefix = Path(facts["prefix"])
    minor = ".".join(facts["version"].split(".")[:2])
    real = prefix / "bin" / f"python{minor}"
    return Interpreter(
        executable=(real if real.exists() else executable).resolve(),
        version=facts["version"],
        prefix=prefix,
        stdlib=Path(facts["stdlib"]),
        include=Path(facts["include"]),
        multiarch=facts["multiarch"],
        debian=facts["debian"],
    )


def _sources(interpreter: Interpreter) -> dict[str, Path]:
    """Path in the package -> file on this machine, links included."""
    minor, prefix = interpreter.minor, interpreter.prefix
    found = {f"bin/python{minor}": interpreter.executable}
    for name in (f"pydoc{minor}", f"python{minor}-config"):
        if (prefix / "bin" / name).exists():
            found[f"bin/{name}"] = (prefix / "bin" / name).resolve()
    for file in _walk(interpreter.stdlib):
        found[f"lib/python{minor}/{file.relative_to(interpreter.stdlib)}"] = file
    headers = [interpreter.include]
    if interpreter.debian:
        headers.append(interpreter.include.parent / interpreter.multiarch / interpreter.include.name)
    for folder in headers:
        for file in _walk(folder):
            found[f"include/{file.relative_to(interpreter.include.parent)}"] = file
    for file in prefix.glob(f"lib/libpython{minor}*.so*") if not interpreter.debian else ():
        found[f"lib/{file.name}"] = file
    if (prefix / "share/terminfo").is_dir() and not str(prefix).startswith("/usr"):
        for file in _walk(prefix / "share/terminfo"):
            found[str(file.relative_to(prefix))] = file
    return found


def _walk(folder: Path) -> Iterator[Path]:
    for current, folders, names in os.walk(folder):
        folders[:] = sorted(set(folders) - _SKIPPED_FOLDERS)
        for name in sorted(names):
            if name in _SKIPPED_FILES or name.endswith((".pyc", ".a", ".o")):
                continue
            if current.endswith("lib-dynload") and _SKIPPED_MODULES.match(name):
                continue
            path = Path(current, name)
            if path.exists():
                yield path


def _contents(interpreter: Interpreter, folder: Path, bundled: list[Path]) -> dict[str, Content]:
    files: dict[str, Content] = {}
    objects: dict[str, Path] = {}
    for target, source in _sources(interpreter).items():
        if source.is_symlink() and (source.parent / os.readlink(source)).parent == source.parent:
            files[target] = Link(os.readlink(source))
        elif elf.is_elf(source):
            objects[target] = folder / str(len(objects)) / source.name
            objects[target].parent.mkdir()
            objects[target].write_bytes(_binary(interpreter, target, source))
            objects[target].chmod(0o755)
        else:
            files[target] = _text(interpreter, target, source)
    elf.strip(objects.values())
    for target, copy in objects.items():
        up = "/".join([".."] * target.count("/"))
        path = "$ORIGIN" if target.startswith("lib/lib") else f"$ORIGIN/{up}/lib"
        elf.set_run_path(copy, path, inherited=target.startswith("bin/"))
        files[target] = copy
    program = objects[f"bin/python{interpreter.minor}"]
    if not _starts(program, interpreter):
        # Some linkers lay a program out so that it does not survive patchelf or strip. Such builds
        # (uv's, for one) find their libraries without help.
        shutil.copy2(interpreter.executable, program)
    return files | _added(interpreter, files, bundled)


def _starts(program: Path, interpreter: Interpreter) -> bool:
    """Whether the changed executable still runs, with the libraries where they were."""
    folders = {str(path.parent) for path in elf.closure([interpreter.executable]).values()}
    environment = {
        "PYTHONHOME": str(interpreter.prefix),
        "LD_LIBRARY_PATH": os.pathsep.join(sorted(folders)),
    }
    command = [str(program), "-S", "-c", "import os"]
    return subprocess.run(command, env=environment, capture_output=True).returncode == 0


def _binary(interpreter: Interpreter, target: str, source: Path) -> bytes:
    """The object as it is, but for Debian's interpreter: its copy of `site` is frozen into it.

    Both names have the same length, so nothing moves.
    """
    data = source.read_bytes()
    if interpreter.debian and target.startswith("bin/"):
        data = data.replace(b"dist-packages", b"site-packages")
    return data


def _added(interpreter: Interpreter, files: Mapping[str, Content], bundled: list[Path]) -> dict[str, Content]:
    """What every conda python has besides: the short names, and wheels for `venv`."""
    minor = interpreter.minor
    added: dict[str, Content] = {
        "bin/python": Link(f"python{minor}"),
        "bin/python3": Link(f"python{minor}"),
        f"lib/python{minor}/site-packages/README.txt": "Packages that were installed go here.\n",
    }
    if f"bin/pydoc{minor}" in files:
        added |= {"bin/pydoc": Link(f"pydoc{minor}"), "bin/pydoc3": Link(f"pydoc{minor}")}
    if f"bin/python{minor}-config" in files:
        added["bin/python3-config"] = Link(f"python{minor}-config")
    if not interpreter.has_bundled_pip:
        for wheel in bundled:
            name, version = wheel.name.split("-")[:2]
            target = f"lib/python{minor}/ensurepip/_bundled/{name}-{version}-py3-none-any.whl"
            added[target] = File(wheel)
        source = interpreter.stdlib / "ensurepip/__init__.py"
        target = f"lib/python{minor}/ensurepip/__init__.py"
        added[target] = _ensurepip(source.read_text(), bundled)
    return added


def _text(interpreter: Interpreter, target: str, source: Path) -> Content:
    """The file as it is, or with the interpreter's prefix and Debian's changes taken out."""
    executable = source.stat().st_mode & 0o100
    mode = 0o755 if executable else 0o644
    if _NAMES_PREFIX.fullmatch(source.name):
        text = source.read_bytes().decode("utf-8", "surrogateescape")
        text = _with_placeholder(text, interpreter.prefix)
        text = re.sub(r"('TZPATH': )'[^']*'", rf"\1'{PLACEHOLDER}/share/zoneinfo'", text)
        text = re.sub(r"('WHEEL_PKG_DIR': )'[^']*'", r"\1''", text)
        return File(text.encode("utf-8", "surrogateescape"), mode)
    if interpreter.debian:
        within = target.partition(f"lib/python{interpreter.minor}/")[2]
        if within == "site.py":
            return File(_undo_site(source.read_text()), mode)
        if within in ("sysconfig.py", "sysconfig/__init__.py"):
            pattern = r"(prefix_scheme\s*=\s*)['\"]posix_local['\"]"
            return File(re.sub(pattern, r"\1'posix_prefix'", source.read_text()), mode)
    return File(source, mode)


def _with_placeholder(text: str, prefix: Path) -> str:
    """Replace the prefix where it is one, not where it only begins another path."""
    known = {str(prefix), "/install"} if "/install/lib" in text else {str(prefix)}
    for old in known:
        ends = r"(?=/(?:lib|include|share)\b|/bin/(?:python|pydoc)|['\"\s:;,)]|$)"
        text = re.sub(re.escape(old) + ends, PLACEHOLDER, text, flags=re.M)
    return text


def _undo_site(text: str) -> str:
    """Debian's site.py looks into dist-packages, in three places; ours into site-packages, in one."""
    for first in (r"\"local/lib\"", r"\"lib\",\s*\"python3\""):
        call = (
            rf"^ *sitepackages\.append\(os\.path\.join\(prefix,\s*{first},[^()]*"
            r"(?:\([^()]*\)[^()]*)*\"dist-packages\"\)\)\n"
        )
        text = re.sub(call, "", text, flags=re.M)
    return text.replace('"dist-packages"', '"site-packages"')


def _ensurepip(text: str, bundled: list[Path]) -> str:
    """ensurepip that installs the wheels given, also outside of a venv."""
    for wheel in bundled:
        name, version = wheel.name.split("-")[:2]
        constant = f"_{name.upper()}_VERSION"
        text = re.sub(rf'^{constant} = ".*"', f'{constant} = "{version}"', text, flags=re.M)
    text = re.sub(r"^    _ensurepip_is_disabled_in_debian_for_system\(\)\n", "", text, flags=re.M)
    return re.sub(r"^_WHEEL_PKG_DIR = .*", "_WHEEL_PKG_DIR = None", text, flags=re.M)
