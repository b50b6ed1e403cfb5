"""pip and uv, each as the two things that are wanted of it: say what would be installed, and install exactly that.

They run in processes of their own, which end with this one, and are given requirements in files, so that nothing is
seen in a list of processes. Their own configuration counts: indexes, logins, proxies and certificates.
"""

from __future__ import annotations

import errno
import importlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from . import prefix as prefixes
from .channels import OFFLINE, redact
from .errors import ChannelError, CondaEnvError, Refused, Tampered, Unsatisfiable
from .model import PipFile, PipPackage
from .requirements import exactly
from .trees import link_or_copy, storage_error
from .wheels import Cache, is_of

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Tick = Callable[[], None]
"""Called every few seconds while they run."""
Scratch = Callable[[], AbstractContextManager[Path]]
"""Gives a folder for their files, for as long as one of them runs."""

EVERY = 3.0
"""Seconds."""
_MOST_LINES = 25
"""Of what they say when they fail."""
_LAUNCH = """
import ctypes, os, signal, sys
with __import__("contextlib").suppress(Exception):
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
if os.getppid() != int(sys.argv[1]):
    os._exit(1)
os.execv(sys.argv[2], sys.argv[2:])
"""
"""Runs a program that is killed with its parent: it must not write into a stage that is being taken down."""
_NOT_THEIRS = re.compile(
    r"PYTHON|LD_|VIRTUAL_ENV$|CONDA_|__PYVENV|"
    r"PIP_(TARGET|PREFIX|ROOT|USER|REQUIREMENT|DRY_RUN|REPORT|QUIET|VERBOSE|LOG|EDITABLE|REQUIRE_HASHES|NO_DEPS|"
    r"FORCE_REINSTALL|IGNORE_INSTALLED|UPGRADE|PYTHON|REQUIRE_VIRTUALENV|NO_COMPILE|COMPILE)$|"
    r"UV_(PYTHON|PROJECT\w*|SYSTEM_PYTHON|TARGET|REQUIRE_HASHES|COMPILE_BYTECODE|WORKING_DIRECTORY)$"
)
"""Variables that would have them do something else, or elsewhere."""
_UV_ADDS = re.compile(
    r"^ [+~] (?P<name>[\w.-]+)(?:==(?P<version>\S+?))?(?: \(from (?P<from>\S+)\)| @ (?P<url>\S+))?$", re.MULTILINE
)
"""A direct URL stands behind the version or in its place, which depends on the version of uv."""
_CONFLICT = "The conflict is caused by:"
_CANNOT_REACH = re.compile(
    r"Retrying \(|ConnectionError|connection error|tcp connect|Network is unreachable|timed out|"
    r"name resolution|dns error|error sending request|Failed to fetch|HTTP status|HTTPError|"
    r"network was disabled|network connectivity is disabled",
    re.IGNORECASE,
)
_NO_LOGIN = re.compile(r"\b40[13] (Error|Client Error|Unauthorized|Forbidden)|Credentials not correct", re.IGNORECASE)
_FULL = re.compile(r"No space left on device|Disk quota exceeded")
_OTHER_HASH = re.compile(r"DO NOT MATCH THE HASHES|Hash mismatch", re.IGNORECASE)


class Installer(Protocol):
    """pip or uv, for the Python of one environment."""

    name: str

    def resolve(self, specs: Sequence[str], constraints: Mapping[str, str]) -> tuple[PipPackage, ...]:
        """What has to be installed for ``specs`` beside what is there. ``constraints`` are the versions that packages
        must have. Raises Unsatisfiable, ChannelError or Tampered, with what the program said."""
        ...

    def fetch(self, packages: Sequence[PipPackage]) -> None:
        """Have at hand what :meth:`install` needs, which then needs no network. Raises as :meth:`resolve` does."""
        ...

    def install(self, packages: Sequence[PipPackage]) -> None:
        """Install exactly ``packages``, none of which is there. Raises as :meth:`resolve` does."""
        ...


def uv_program() -> str:
    """The uv in ``PATH``, or the one that is installed beside us; empty where there is none."""
    found = shutil.which("uv")
    if found is None and importlib.util.find_spec("uv") is not None:
        with suppress(FileNotFoundError):
            found = str(importlib.import_module("uv").find_uv_bin())
    return found or ""


class Pip:
    """The pip that ``python`` has."""

    name = "pip"

    def __init__(
        self, python: Path, minor: str, cache_dir: Path, scratch: Scratch, *, offline: bool, tick: Tick
    ) -> None:
        self._python, self._scratch, self._tick, self._offline = python, scratch, tick, offline
        self._cache = Cache(cache_dir, minor)

    def resolve(self, specs: Sequence[str], constraints: Mapping[str, str]) -> tuple[PipPackage, ...]:
        with self._scratch() as folder:
            report = folder / "report.json"
            command = ["install", "--dry-run", "--report", str(report)]
            command += ["--constraint", _constraints(folder, constraints), "--requirement", _lines(folder, specs)]
            with _no_network(self._offline):
                self._run([*command, *(["--no-index"] if self._offline else [])], folder)
            found = json.loads(report.read_bytes())["install"]
        return tuple(sorted((_reported(one) for one in found), key=lambda package: package.name))

    def fetch(self, packages: Sequence[PipPackage]) -> None:
        with self._scratch() as folder:
            self._wheels(packages, folder)

    def install(self, packages: Sequence[PipPackage]) -> None:
        with self._scratch() as folder:
            wheels = self._wheels(packages, folder)
            pool = folder / "pool"
            pool.mkdir()
            for wheel in wheels.values():
                link_or_copy(wheel, pool / wheel.name)
            exact = [f"{one.name}=={one.version} --hash=sha256:{prefixes.sha256(wheels[one])}" for one in packages]
            command = ["install", "--no-index", "--find-links", str(pool), "--no-deps", "--no-compile"]
            command += ["--require-hashes", "--requirement", _lines(folder, exact)]
            self._run(command, folder)

    def _wheels(self, packages: Sequence[PipPackage], folder: Path) -> dict[PipPackage, Path]:
        """The wheel of each; what the cache lacks is fetched, and built where there is only a source."""
        found = {one: wheel for one in packages if (wheel := self._cache.get(one)) is not None}
        missing = [one for one in packages if one not in found]
        if not missing:
            return found
        if self._offline:
            raise _offline(missing)
        new = folder / "new"
        command = ["wheel", "--no-deps", "--require-hashes", "--wheel-dir", str(new)]
        self._run([*command, "--requirement", _lines(folder, map(exactly, missing))], folder)
        for one in missing:
            made = [path for path in new.glob("*.whl") if is_of(path.name, one)]
            if len(made) != 1:
                raise Tampered(f"What was fetched for {one} is not {one}.", "Nothing was changed.", package=one.name)
            found[one] = self._cache.put(one, made[0])
        return found

    def _run(self, arguments: Sequence[str], folder: Path) -> None:
        command = [
            str(self._python),
            "-I",
            "-B",
            "-m",
            "pip",
            "--no-input",
            "--disable-pip-version-check",
            "--no-color",
        ]
        done = _run([*command, *arguments], folder, {"PIP_BREAK_SYSTEM_PACKAGES": "1", "PIP_USER": "0"}, self._tick)
        if done.returncode:
            conflict = done.stdout.partition(_CONFLICT)
            raise _failure("pip", [*_words(done.stderr), *_words("".join(conflict[1:]))])


class Uv:
    """uv, for the environment that ``python`` is of."""

    name = "uv"

    def __init__(self, program: str, python: Path, scratch: Scratch, *, offline: bool, tick: Tick) -> None:
        self._program, self._python, self._scratch = program, python, scratch
        self._offline, self._tick = offline, tick

    def resolve(self, specs: Sequence[str], constraints: Mapping[str, str]) -> tuple[PipPackage, ...]:
        with self._scratch() as folder:
            command = ["pip", "install", "--dry-run", "--constraints", _constraints(folder, constraints)]
            with _no_network(self._offline):
                told = self._run([*command, "--requirements", _lines(folder, specs)], folder).stderr
            adds = list(_UV_ADDS.finditer(told))
            if not adds:
                return ()
            exact = [
                f"{one['name']} @ {url}" if (url := one["url"] or one["from"]) else f"{one['name']}=={one['version']}"
                for one in adds
            ]
            command = ["pip", "compile", "--no-deps", "--no-header", "--format", "pylock.toml", "--generate-hashes"]
            lock = folder / "pylock.toml"
            self._run([*command, "--output-file", str(lock), _lines(folder, exact)], folder)
            packages = tomllib.loads(lock.read_text(encoding="utf-8")).get("packages", [])
        return tuple(sorted(map(_locked, packages), key=lambda package: package.name))

    def fetch(self, packages: Sequence[PipPackage]) -> None:
        """Into its own cache, which is what installing elsewhere does."""
        self._install(packages, elsewhere=True)

    def install(self, packages: Sequence[PipPackage]) -> None:
        self._install(packages, elsewhere=False)

    def _install(self, packages: Sequence[PipPackage], *, elsewhere: bool) -> None:
        with self._scratch() as folder:
            command = ["pip", "install", "--no-deps", "--require-hashes", "--requirements"]
            command.append(_lines(folder, map(exactly, packages)))
            command += ["--target", str(folder / "elsewhere")] if elsewhere else []
            try:
                self._run([*command, "--offline"], folder)
            except (ChannelError, Unsatisfiable):
                if self._offline:
                    raise _offline(packages) from None
                self._run(command, folder)

    def _run(self, arguments: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
        command = [self._program, *arguments, "--python", str(self._python), "--color", "never", "--no-progress"]
        given = {"UV_BREAK_SYSTEM_PACKAGES": "1"} | ({"UV_OFFLINE": "1"} if self._offline else {})
        done = _run(command, folder, given, self._tick)
        if done.returncode:
            raise _failure("uv", _words(done.stderr))
        return done


def _reported(one: Mapping[str, object]) -> PipPackage:
    """What pip's report says of a package (pip's documentation, "Installation Report")."""
    metadata, download = one["metadata"], one["download_info"]
    assert isinstance(metadata, dict) and isinstance(download, dict)
    name, version = canonicalize_name(str(metadata["name"])), str(metadata["version"])
    sha256 = download.get("archive_info", {}).get("hashes", {}).get("sha256", "")
    return PipPackage(
        name=name,
        version=version,
        files=(_pip_file(str(download["url"]), sha256, f"{name} {version}"),),
        dependencies=dependencies(metadata.get("requires_dist", ())),
        direct=bool(one.get("is_direct")),
    )


def _locked(one: Mapping[str, object]) -> PipPackage:
    """What uv writes of a package into a ``pylock.toml`` (PEP 751)."""
    name = canonicalize_name(str(one["name"]))
    archive, sdist, wheels = one.get("archive"), one.get("sdist"), one.get("wheels", [])
    assert isinstance(wheels, list)
    files = [file for file in (archive, sdist, *wheels) if isinstance(file, dict)]
    version = str(one.get("version", ""))
    return PipPackage(
        name=name,
        version=version or next((_version(unquote(urlsplit(str(file["url"])).path)) for file in files), ""),
        files=tuple(_pip_file(_url(file), file["hashes"].get("sha256", ""), f"{name} {version}") for file in files),
        direct=archive is not None,
    )


def _url(file: Mapping[str, object]) -> str:
    return str(file["url"]) if "url" in file else Path(str(file["path"])).resolve().as_uri()


def _version(path: str) -> str:
    """Of the wheel at ``path``."""
    with suppress(InvalidWheelFilename):
        return str(parse_wheel_filename(os.path.basename(path))[1])
    return ""


def _pip_file(url: str, sha256: str, shown: str) -> PipFile:
    if not sha256:
        raise Refused(
            f"Nothing gives a sha256 for {shown}, so a lock could not promise which file it is.",
            "Publish it as a wheel, on an index that gives hashes.",
        )
    plain = redact(url)
    return PipFile(name=unquote(urlsplit(plain).path.rpartition("/")[2]), url=plain, sha256=sha256)


def dependencies(requires: object) -> tuple[str, ...]:
    """Names in the ``Requires-Dist`` of a package, whatever their conditions."""
    found: set[str] = set()
    for text in requires if isinstance(requires, list | tuple) else ():
        with suppress(InvalidRequirement):
            found.add(canonicalize_name(Requirement(str(text)).name))
    return tuple(sorted(found))


def _offline(missing: Sequence[PipPackage]) -> ChannelError:
    return ChannelError(
        f"Not cached, and so not to be had offline: {', '.join(map(str, missing))}.",
        OFFLINE,
        packages=[one.name for one in missing],
    )


@contextmanager
def _no_network(offline: bool) -> Iterator[None]:
    """What is not found ``offline`` may well be there."""
    try:
        yield
    except (ChannelError, Unsatisfiable) as error:
        if offline:
            raise ChannelError(error.message, OFFLINE) from error
        raise


def _lines(folder: Path, lines: Sequence[str] | Iterator[str]) -> str:
    """A file of ``folder`` with ``lines``."""
    path = folder / "requirements.txt"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return str(path)


def _constraints(folder: Path, versions: Mapping[str, str]) -> str:
    path = folder / "constraints.txt"
    path.write_text("".join(f"{name}=={version}\n" for name, version in versions.items()), encoding="utf-8")
    return str(path)


def _run(
    command: Sequence[str], folder: Path, given: Mapping[str, str], tick: Tick
) -> subprocess.CompletedProcess[str]:
    """Run ``command`` in ``folder``, where nobody has left a configuration for it."""
    launch = [sys.executable, "-I", "-S", "-c", _LAUNCH, str(os.getpid())]
    env = {name: value for name, value in os.environ.items() if not _NOT_THEIRS.match(name)}
    env.setdefault("PIP_RETRIES", "2")
    with subprocess.Popen(
        [*launch, *command],
        cwd=folder,
        env={**env, **given, "PYTHONUTF8": "1", "TMPDIR": str(folder)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
    ) as process:
        while True:
            try:
                out, err = process.communicate(timeout=EVERY)
                return subprocess.CompletedProcess(command, process.returncode, out, err)
            except subprocess.TimeoutExpired:
                tick()


def _words(said: str) -> list[str]:
    """The lines of ``said`` that mean something to a person, without secrets."""
    lines = [redact(line.rstrip()) for line in said.splitlines()]
    return [line for line in lines if line.strip() and not line.startswith(("Using Python", "[notice]"))]


def _failure(program: str, said: Sequence[str]) -> CondaEnvError:
    """What ``program`` ended with, as the error that it means."""
    whole = "\n".join(said)
    told = "\n".join(said[-_MOST_LINES:]) or "nothing"
    if _OTHER_HASH.search(whole):
        return Tampered(
            f"A file is not what its hash promises. {program} says:\n{told}",
            "Nothing was changed. If it was meant to change, ask for the package anew.",
        )
    if _FULL.search(whole):
        return storage_error(OSError(errno.ENOSPC, "", ""))
    if "No module named pip" in whole:
        return Refused("There is no pip in the environment.", "Add the package pip to it.")
    if _NO_LOGIN.search(whole):
        return ChannelError(
            f"An index wants a login, or another one. {program} says:\n{told}",
            "Nothing was changed. Mend the login in the configuration of pip or uv, or in ~/.netrc.",
        )
    if _CANNOT_REACH.search(whole):
        return ChannelError(
            f"{program} could not reach an index, or fetch a file. It says:\n{told}",
            "Nothing was changed. Check the network, and the index in the configuration of pip or uv.",
        )
    return Unsatisfiable(
        f"{program} could not do what was asked of it. It says:\n{told}",
        "Nothing was changed. Ask for other versions, or for a conda package instead.",
    )
