"""Builds the channel: decides what belongs into it, makes what is missing, links it together.

Below one home (see `home`) lie `wheels/` (what pip downloaded), `pool/` (packages by the hash of
all that decides their bytes) and `channels/` (hard links into the pool, with an index). So a
channel holds exactly what was asked for, and asking for something else costs only what is new.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

from . import awkward, elf, interpreters, libraries, scripts, vendors, wheels
from .interpreters import Interpreter
from .libraries import Library
from .writer import host_subdir, index

#: Asked of pip for the running minor, for others that ipykernel still supports, and for older ones.
SCIENCE = ("ipykernel", "numpy", "pandas", "scipy", "scikit-learn", "matplotlib", "pip", "setuptools")
BASICS = ("ipykernel", "numpy", "pip")
OLD = ("pip",)
#: Asked for once, for the packages of `vendors`.
DATA = ("certifi", "tzdata")

#: pillow's wheel brings libjpeg under a name of its own; it becomes a package that pillow needs.
_SPLIT = {
    "pillow": (
        re.compile(r"\.libs/(?P<stem>libjpeg)-[0-9a-f]+\.so\.(?P<version>[\d.]+)$"),
        "libjpeg-turbo",
    )
}
_KEEP_UNUSED_SECONDS = 3 * 24 * 3600
_STATE = ".built.json"
_VENDORS = "vendors"

Log = Callable[[str], None]


@dataclass(frozen=True)
class Recipe:
    """One or a few packages that are made together; `digest` covers all that decides their bytes."""

    label: str
    digest: str
    make: Callable[[Path], None] = field(compare=False)

    @property
    def folder(self) -> str:
        """Its name in the pool."""
        return f"{self.label}-{self.digest[:16]}"


class BuildError(RuntimeError):
    """A package could not be made."""


def home() -> Path:
    """Where everything is kept: $CONDAENV_TEST_CHANNEL, else a folder in the user's cache."""
    chosen = os.environ.get("CONDAENV_TEST_CHANNEL")
    if chosen:
        return Path(chosen).absolute()
    caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(caches).absolute() / "jupyter_condaenv-channel"


def build(
    dest: Path | None = None,
    pythons: str = "running",
    log: Log = print,
    *,
    refresh: bool = False,
) -> Path:
    """Build or bring up to date a channel and return its directory.

    `pythons` is "running" (the minor that runs this), "two" (and the newest other one from 3.10
    on that is found), "all", or minors such as "3.12,3.13" besides the running one. `dest` is the
    channel directory itself, by default one below `home()` for each interpreter and choice. What
    is unchanged is kept; `refresh` asks pip again for newer wheels. `log` gets a line a step.
    """
    started = time.monotonic()
    subdir, root = host_subdir(), home()
    root.mkdir(parents=True, exist_ok=True)
    with _locked(root / ".lock", log):
        chosen = choose(pythons, log)
        channel = dest or root / "channels" / f"{chosen[0].version}-{pythons.replace(',', '-')}"
        recipes = _Builder(root, log, refresh).run(chosen)
        changed = _assemble(channel.absolute(), root / "pool", recipes, subdir, log)
        _forget_unused(root, {recipe.folder for recipe in recipes})
    total = sum(1 for _ in channel.glob("*/*.conda"))
    state = "built" if changed else "unchanged"
    log(f"channel {state}: {total} packages ({time.monotonic() - started:.1f} s) in {channel}")
    return channel.absolute()


def choose(pythons: str, log: Log = print) -> list[Interpreter]:
    """The interpreters to package, the running one first."""
    own = interpreters.running()
    if pythons == "running":
        return [own]
    found = interpreters.others(own)
    if pythons == "all":
        return [own, *found]
    if pythons == "two":
        second = [i for i in found if interpreters.version_key(i.version) >= (3, 10)][:1]
        if not second:
            log(
                f"no second Python from 3.10 on besides {own.version} (looked in pyenv's and uv's "
                "folders and PATH): the channel has one. `pyenv install 3.12` would add one."
            )
        return [own, *second]
    wanted = [minor for minor in pythons.split(",") if minor != own.minor]
    missing = sorted(set(wanted) - {i.minor for i in found})
    if missing:
        raise BuildError(
            f"Python {', '.join(missing)} was not found below pyenv's and uv's folders or in PATH; "
            f"there are {', '.join(i.minor for i in [own, *found])}. --python takes running, two, "
            "all or such minors, with commas between them."
        )
    return [own, *(i for i in found if i.minor in wanted)]


class _Builder:
    """One run: collects the recipes and makes those whose result is not in the pool."""

    def __init__(self, root: Path, log: Log, refresh: bool) -> None:
        self._root, self._log, self._refresh = root, log, refresh
        self._recipes: list[Recipe] = []
        self._running: dict[Future[None], Recipe] = {}
        # Downloads are processes that mostly wait: they do not take a worker from the packing.
        self._workers = ThreadPoolExecutor(max(2, os.cpu_count() or 2), "pack")
        self._downloaders = ThreadPoolExecutor(4, "pip")

    def run(self, chosen: Sequence[Interpreter]) -> list[Recipe]:
        try:
            downloads = self._start_downloads(chosen)
            stamps = {i: interpreters.stamp(i) for i in chosen}
            needs = {i: _libraries(self._root, i, stamps[i]) for i in chosen}
            brought = _merged(needs.values())
            ready = [*map(_library_recipe, brought), *_small_recipes()]
            pending = [i for i in chosen if not i.has_bundled_pip]
            for i in chosen:
                if i not in pending:
                    ready.append(_python_recipe(i, stamps[i], needs[i], []))
            self._start(ready)
            found = {key: future.result() for key, future in downloads.items()}
            for i in pending:
                bundled = _bundled(found[i.minor])
                self._start([_python_recipe(i, stamps[i], needs[i], bundled)])
            self._start(_vendor_recipes(found[_VENDORS]))
            self._start(_wheel_recipes(chosen, found, brought))
            self._finish()
        finally:
            self._workers.shutdown(cancel_futures=True)
            self._downloaders.shutdown(cancel_futures=True)
        return self._recipes

    def _start_downloads(self, chosen: Sequence[Interpreter]) -> dict[str, Future[list[Path]]]:
        requests = {i.minor: (i, _requirements(i, i is chosen[0])) for i in chosen}
        requests[_VENDORS] = (chosen[0], [*DATA, *vendors.requirements()])
        return {
            key: self._downloaders.submit(self._download, key, interpreter, request)
            for key, (interpreter, request) in requests.items()
        }

    def _download(self, key: str, interpreter: Interpreter, request: Sequence[str]) -> list[Path]:
        started = time.monotonic()
        found, asked = wheels.download(
            self._root / "wheels",
            interpreter,
            request,
            for_any_python=key == _VENDORS,
            refresh=self._refresh,
        )
        if asked:
            size = sum(wheel.stat().st_size for wheel in found) / 1e6
            name = key if key == _VENDORS else f"Python {key}"
            self._say(f"pip: {len(found)} wheels for {name}, {size:.0f} MB", started)
        return found

    def _start(self, recipes: Iterable[Recipe]) -> None:
        pool = self._root / "pool"
        for recipe in recipes:
            self._recipes.append(recipe)
            if (pool / recipe.folder).is_dir():
                os.utime(pool / recipe.folder)
            else:
                self._running[self._workers.submit(self._make, recipe, pool)] = recipe

    def _make(self, recipe: Recipe, pool: Path) -> None:
        started = time.monotonic()
        _make(recipe, pool)
        self._say(f"packed {recipe.label}", started)

    def _finish(self) -> None:
        for future in as_completed(self._running):
            recipe = self._running[future]
            try:
                future.result()
            except elf.ToolMissing:
                raise
            except Exception as error:
                raise BuildError(f"packing {recipe.label} failed: {error!r}") from error

    def _say(self, text: str, started: float) -> None:
        self._log(f"{time.monotonic() - started:6.1f} s  {text}")


def _make(recipe: Recipe, pool: Path) -> None:
    """Make the packages aside and move them into the pool at once."""
    pool.mkdir(exist_ok=True)
    part = Path(tempfile.mkdtemp(dir=pool, prefix=".part-"))
    try:
        recipe.make(part)
        part.chmod(0o755)
        os.replace(part, pool / recipe.folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _requirements(interpreter: Interpreter, is_running: bool) -> list[str]:
    recent = interpreters.version_key(interpreter.version) >= (3, 10)
    chosen = list(SCIENCE if is_running else BASICS if recent else OLD)
    needs_setuptools = not interpreter.has_bundled_pip and int(interpreter.minor[2:]) < 12
    return [*chosen, "setuptools"] if needs_setuptools else chosen


def _bundled(found: Iterable[Path]) -> list[Path]:
    return [wheel for wheel in found if wheel.name.split("-")[0] in ("pip", "setuptools")]


def _libraries(root: Path, interpreter: Interpreter, stamp: str) -> list[Library]:
    """The system's libraries that the interpreter needs; looked up once as long as nothing changes.

    Those that compilers' output needs come along: wheels rely on them.
    """
    key = hashlib.sha256((stamp + _source("elf", "libraries", "interpreters")).encode())
    file = root / "libraries" / f"{key.hexdigest()[:16]}.json"
    if file.exists():
        known = json.loads(file.read_text())
        if all(_stat(Path(path)) == stat for path, stat in known["stats"].items()):
            return [
                Library(name, version, build, tuple((s, Path(p)) for s, p in files), tuple(needs))
                for name, version, build, files, needs in known["libraries"]
            ]
    found = interpreters.libraries(interpreter)
    for soname in libraries.COMPILER_RUNTIME:
        path = elf.find_system_library(soname)
        if path is not None:
            found.setdefault(soname, path)
    result = libraries.group(found)
    known = {
        "stats": {str(path): _stat(path) for lib in result for _, path in lib.files},
        "libraries": [(x.name, x.version, x.build, [(s, str(p)) for s, p in x.files], x.needs) for x in result],
    }
    file.parent.mkdir(exist_ok=True)
    _write_aside(file, json.dumps(known))
    return result


def _merged(brought: Iterable[Sequence[Library]]) -> list[Library]:
    """Each package once; of two that share a name and a version, the one with more in it."""
    best: dict[tuple[str, str], Library] = {}
    for library in (one for some in brought for one in some):
        known = best.get((library.name, library.version))
        if known is None or len(known.files) < len(library.files):
            best[library.name, library.version] = library
    return list(best.values())


def _library_recipe(library: Library) -> Recipe:
    digest = _digest(libraries.stamp(library), "libraries", "elf")
    make = partial(libraries.write, library=library, glibc=libraries.glibc_version())
    return Recipe(library.name, digest, make)


def _python_recipe(interpreter: Interpreter, stamp: str, brought: Sequence[Library], bundled: Sequence[Path]) -> Recipe:
    depends = [
        f"__glibc >={libraries.glibc_version()}",
        *sorted(library.spec for library in brought),
        "ca-certificates",
        "tzdata",
    ]
    digest = _digest([stamp, depends, [w.name for w in bundled]], "interpreters", "elf")
    make = partial(
        interpreters.write,
        interpreter=interpreter,
        depends=depends,
        bundled=bundled,
        build=f"h{digest[:7]}_0_cpython",
    )
    return Recipe(f"python-{interpreter.version}", digest, make)


def _small_recipes() -> Iterator[Recipe]:
    for name, make in scripts.STAND_INS.items():
        yield Recipe(name, _digest(name, "scripts"), make)
    for name, make in awkward.ALL.items():
        yield Recipe(name, _digest(name, "awkward"), make)


def _vendor_recipes(found: Iterable[Path]) -> Iterator[Recipe]:
    makers: dict[str, Callable[[Path, Path], None]] = {
        "mkl": vendors.write_mkl,
        "intel-openmp": vendors.write_intel_openmp,
        "tbb": vendors.write_tbb,
        "nvidia-cuda-runtime-cu12": vendors.write_cuda,
        "certifi": vendors.write_certificates,
        "tzdata": vendors.write_zones,
    }
    for wheel in sorted(found, key=lambda w: -w.stat().st_size):
        name = wheels.project(wheel)
        if name in makers:
            digest = _digest([wheel.name, wheel.stat().st_size], "vendors", "scripts", "elf")
            yield Recipe(f"vendor-{name}", digest, partial(_swap(makers[name]), wheel))


def _swap(make: Callable[[Path, Path], None]) -> Callable[[Path, Path], None]:
    """`make` with its wheel first, so that a recipe is left with the channel as its argument."""
    return lambda wheel, channel: make(channel, wheel)


def _wheel_recipes(
    chosen: Sequence[Interpreter], found: dict[str, list[Path]], brought: Sequence[Library]
) -> Iterator[Recipe]:
    sonames = {soname: library.spec for library in brought for soname in library.sonames}
    pure: dict[str, tuple[Path, list[str]]] = {}
    compiled: list[tuple[Path, str]] = []
    for interpreter in chosen:
        # Dependencies may depend on the minor, but hardly on the patch: share the packages.
        version = f"{interpreter.minor}.0"
        for wheel in found[interpreter.minor]:
            if wheels.is_pure(wheel):
                pure.setdefault(wheel.name, (wheel, []))[1].append(version)
            else:
                compiled.append((wheel, version))
    for wheel, version in sorted(compiled, key=lambda c: -c[0].stat().st_size):
        inputs = [wheel.name, wheel.stat().st_size, version, sorted(sonames.items())]
        split, split_name = _SPLIT.get(wheels.project(wheel), (None, ""))
        make = partial(
            wheels.write_compiled,
            wheel=wheel,
            version=version,
            libraries=sonames,
            split=split,
            split_name=split_name,
        )
        label = f"{wheels.project(wheel)}-{wheels.version_of(wheel)}-py{version[:-2]}"
        yield Recipe(label, _digest([inputs, repr(split)], "wheels", "elf"), make)
    for wheel, versions in pure.values():
        digest = _digest([wheel.name, wheel.stat().st_size, versions], "wheels")
        make = partial(wheels.write_pure, wheel=wheel, versions=versions)
        yield Recipe(f"{wheels.project(wheel)}-{wheels.version_of(wheel)}", digest, make)


def _assemble(channel: Path, pool: Path, recipes: Sequence[Recipe], subdir: str, log: Log) -> bool:
    """Make `channel` hold the recipes' packages and nothing else; False where it did already."""
    wanted: dict[str, str] = {}
    for recipe in recipes:
        for package in (pool / recipe.folder).glob("*/*.conda"):
            name = f"{package.parent.name}/{package.name}"
            if wanted.setdefault(name, recipe.folder) != recipe.folder:
                raise BuildError(f"{name} is made twice, by {wanted[name]} and {recipe.folder}")
    state = {"packages": wanted, "indexer": _source("indexer", "writer")}
    present = {f"{p.parent.name}/{p.name}" for p in channel.glob("*/*.conda")}
    before = _read_state(channel)
    indexed = all((channel / s / "repodata.json").exists() for s in (subdir, "noarch"))
    if before == state and present == wanted.keys() and indexed:
        return False
    started = time.monotonic()
    (channel / _STATE).unlink(missing_ok=True)
    for left_behind in channel.glob("*/*.part"):
        left_behind.unlink()
    for name in present - wanted.keys():
        (channel / name).unlink()
    linked = before.get("packages", {})
    for name, folder in wanted.items():
        if name not in present or linked.get(name) != folder:
            _link(pool / folder / name, channel / name)
    index(channel)
    _write_aside(channel / _STATE, json.dumps(state))
    log(f"{time.monotonic() - started:6.1f} s  indexed {len(wanted)} packages")
    return True


def _read_state(channel: Path) -> dict[str, Any]:
    """What the last complete build wrote; nothing after one that was killed."""
    try:
        state: dict[str, Any] = json.loads((channel / _STATE).read_text())
    except (OSError, ValueError):
        return {}
    return state


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    part.unlink(missing_ok=True)
    try:
        os.link(source, part)
    except OSError:
        shutil.copy2(source, part)
    os.replace(part, target)


def _forget_unused(root: Path, used: set[str]) -> None:
    """Drop packages that no build has asked for in days, and what killed builds left behind."""
    oldest = time.time() - _KEEP_UNUSED_SECONDS
    for folder in (root / "pool").iterdir():
        if folder.name not in used and folder.stat().st_mtime < oldest:
            shutil.rmtree(folder, ignore_errors=True)
    for left_behind in [*root.glob("pool/.part-*"), *root.glob("wheels/.part-*")]:
        shutil.rmtree(left_behind, ignore_errors=True)


@contextmanager
def _locked(file: Path, log: Log) -> Iterator[None]:
    """One build at a time below one home; the lock goes with the process that holds it."""
    with file.open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log(f"another build is at work in {file.parent}: waiting for it")
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _digest(inputs: object, *modules: str) -> str:
    text = repr(inputs) + _source("writer", *modules)
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def _source(*modules: str) -> str:
    """The hash of the modules that a package is made by."""
    digest = hashlib.sha256()
    for module in modules:
        digest.update(Path(__file__).with_name(f"{module}.py").read_bytes())
    return digest.hexdigest()


def _stat(path: Path) -> list[int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return [found.st_size, found.st_mtime_ns]


def _write_aside(file: Path, text: str) -> None:
    part = file.with_name(f"{file.name}.part")
    part.write_text(text)
    os.replace(part, file)
