"""What is not as it should be in an environment: one function for each thing that is looked for.

They look and change nothing; what they find is mended by ``repair``.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from . import bytecode, changes, distributions, environments, history, stack, staging, storage
from . import prefix as prefixes
from .distributions import Distribution
from .errors import Broken, CondaEnvError, ReadOnly
from .model import Finding, FindingCode, Package, Settings
from .prefix import PathEntry, Record
from .rattler import matchspec

_SHOWN = 20
"""Paths in a finding."""
_TICK = 500
"""Files between two signs of life."""
_OF_NOTHING = hashlib.sha256(b"").hexdigest()
"""What packages say of a link that leads nowhere when they are built."""


class Files(NamedTuple):
    """What looking at every file gave. The first three are by record file."""

    missing: dict[Path, list[str]]
    altered: dict[Path, list[str]]
    broken: dict[Path, list[str]]
    """Links of packages that lead nowhere."""
    dangling: list[str]
    """Links of nobody that lead nowhere."""
    below: list[str]
    """Links of an overlay to libraries of its base that are gone."""
    open: list[str]
    """Files and folders that everybody may write."""


class Unmet(NamedTuple):
    """``package`` needs ``need``, of which there is nothing, or only ``instead``."""

    package: Package
    need: str
    instead: Package | None


class Patient:
    """The environment at ``prefix`` as it is found: everything is read once, when it is asked for.

    ``tick(files)`` is told now and then how many files have been looked at.
    """

    def __init__(self, prefix: Path, settings: Settings, tick: Callable[[int], None] = lambda done: None) -> None:
        self.prefix = Path(os.path.realpath(prefix))
        self.settings = settings
        self._tick = tick
        self.records: dict[Path, Record] = {}
        self.unreadable: dict[Path, str] = {}
        """Records that are damaged, and what is wrong with them."""
        for path in prefixes.record_files(self.prefix):
            try:
                self.records[path] = prefixes.read_record(path)
            except Broken as error:
                self.unreadable[path] = error.message
        self.revisions, self.unreadable_revisions = history.readable(self.prefix)

    @property
    def name(self) -> str:
        return self.prefix.name

    @cached_property
    def packages(self) -> tuple[Package, ...]:
        """By their records, sorted by name; of a double one, that which the last revision has, or else the newer."""
        return tuple(sorted((self.records[path].package() for path in self.kept), key=lambda package: package.name))

    @cached_property
    def kept(self) -> tuple[Path, ...]:
        """One record for each package."""
        last = {package.identity for package in self.revisions[-1].lock.packages} if self.revisions else set()
        best: dict[str, Path] = {}
        for path in sorted(self.records, key=lambda path: (self.records[path].package().identity in last, _time(path))):
            best[self.records[path].name] = path
        return tuple(path for path in self.records if best[self.records[path].name] == path)

    @cached_property
    def overlay(self) -> stack.Overlay | None:
        """None for a damaged one, too: ``dead_base`` tells of it."""
        with suppress(Broken):
            return stack.read(self.prefix)
        return None

    @cached_property
    def below(self) -> tuple[Package, ...]:
        """Packages of all levels below; nothing where they cannot be told."""
        with suppress(CondaEnvError):
            return stack.base_of(Path(self.overlay.base)).packages if self.overlay is not None else ()
        return ()

    @cached_property
    def python(self) -> Package | None:
        return stack.python_of(self.packages) or stack.python_of(self.below)

    @cached_property
    def files(self) -> Files:
        """Raises OSError where the prefix cannot be read."""
        return _look(self, self._tick)

    @cached_property
    def lacking(self) -> dict[Path, list[str]]:
        """By record file, the bytecode that is not there; of packages whose files are whole."""
        if self.python is None or os.name != "posix":
            return {}
        cache = Path(self.settings.cache_dir)
        damaged = self.files.missing.keys() | self.files.altered.keys()
        found = {
            path: bytecode.lacking(path, record, self.prefix, self.python.version, cache)
            for path, record in self.records.items()
            if path not in damaged
        }
        return {path: lacking for path, lacking in found.items() if lacking}

    @cached_property
    def unmet(self) -> tuple[Unmet, ...]:
        """Nothing where the base cannot be used: ``dead_base`` tells of it."""
        if self.overlay is not None and not self.below:
            return ()
        return tuple(unmet(self.packages, [*self.below, *self.packages]))

    @cached_property
    def shadowing(self) -> tuple[Distribution, ...]:
        """Distributions that conda did not install, of which conda has one of that name."""
        if self.python is None:
            return ()
        site = prefixes.site_packages(self.python)
        paths = {entry.path for record in self.records.values() for entry in record.paths}
        levels = stack.levels(self.overlay.base) if self.overlay is not None and self.below else ()
        theirs = {entry.path for level in levels for record in prefixes.records(Path(level)) for entry in record.paths}
        ours = {
            distributions.name_of(path[len(site) + 1 :].split("/")[0]) for path in paths | theirs if _in(path, site)
        }
        return tuple(
            found
            for found in distributions.installed(self.prefix / site)
            if str(found.metadata.relative_to(self.prefix)) not in paths
            and distributions.normalized(found.name) in ours - {""}
        )


def examine(patient: Patient) -> list[Finding]:
    """Everything that is not as it should be, the worst first."""
    found = [finding for check in CHECKS if (finding := check(patient)) is not None]
    return sorted(found, key=lambda finding: finding.severity != "damage")


# --- the checks ------------------------------------------------------------------------------------------------------


def interrupted(patient: Patient) -> Finding | None:
    """The caller has made sure that no operation is under way."""
    left = [path.name for work in _workspaces(patient.prefix) for path in staging.leftovers(work)]
    if not left:
        return None
    return Finding(
        code="interrupted",
        text=f"An operation was interrupted and left {_some(left)}.",
        hint="It is finished or undone, as the next change would do it.",
        fixable=True,
        paths=tuple(left[:_SHOWN]),
    )


def damaged_record(patient: Patient) -> Finding | None:
    names = [path.name for path in patient.unreadable]
    if not names:
        return None
    reasons = "; ".join(patient.unreadable.values())
    return Finding(
        code="damaged_record",
        text=f"{reasons}.",
        hint="The package is linked anew, from the package cache or its channel, and has a new record then.",
        fixable=True,
        packages=tuple(prefixes.name_of(name) for name in names),
        paths=tuple(f"conda-meta/{name}" for name in names[:_SHOWN]),
    )


def double_record(patient: Patient) -> Finding | None:
    extra = [path for path in patient.records if path not in patient.kept]
    if not extra:
        return None
    return Finding(
        code="double_record",
        text=f"There are two records of {_some([patient.records[path].name for path in extra])}: another tool was "
        f"interrupted. {_some([path.stem for path in extra])} is not what is installed.",
        hint="The record that is not true is taken away, and the package linked anew.",
        fixable=True,
        packages=tuple(patient.records[path].name for path in extra),
        paths=tuple(f"conda-meta/{path.name}" for path in extra[:_SHOWN]),
    )


def damaged_history(patient: Patient) -> Finding | None:
    names = [path.name for path in patient.unreadable_revisions]
    if not names:
        return None
    return Finding(
        code="damaged_history",
        text=f"{_some(names)} of its revisions cannot be read, so nothing can be undone to there.",
        hint="It is put aside as *.saved-1, and what is there now becomes a revision.",
        fixable=True,
        paths=tuple(str(path.relative_to(patient.prefix)) for path in patient.unreadable_revisions[:_SHOWN]),
    )


def missing_files(patient: Patient) -> Finding | None:
    return _of_packages(
        patient,
        "missing_files",
        patient.files.missing,
        "missing",
        "The packages are linked anew, from the package cache or their channel.",
    )


def altered_files(patient: Patient) -> Finding | None:
    return _of_packages(
        patient,
        "altered_files",
        patient.files.altered,
        "not what the package brought",
        "The packages are linked anew, and what was altered stays beside as *.saved-1.",
    )


def broken_links(patient: Patient) -> Finding | None:
    found = _of_packages(
        patient, "broken_links", patient.files.broken, "links that lead nowhere", "The packages are linked anew."
    )
    if not patient.files.below:
        return found
    return Finding(
        code="broken_links",
        text=f"{_count(patient.files.below, 'link')} to libraries of the environment it stands on lead nowhere"
        + (f", and {found.text[0].lower()}{found.text[1:]}" if found is not None else "."),
        hint="They are made anew.",
        fixable=found is None or found.fixable,
        packages=found.packages if found is not None else (),
        paths=tuple(patient.files.below[:_SHOWN]),
    )


def missing_bytecode(patient: Patient) -> Finding | None:
    found = _of_packages(
        patient, "missing_bytecode", patient.lacking, "compiled Python that is not there", "They are compiled."
    )
    if found is None:
        return None
    return Finding(
        code="missing_bytecode",
        severity="advice",
        text=f"{sum(map(len, patient.lacking.values()))} files of {_some(found.packages)} are not compiled, so "
        "importing them is slow.",
        hint="They are compiled.",
        fixable=True,
        packages=found.packages,
        paths=found.paths,
    )


def missing_needs(patient: Patient) -> Finding | None:
    if not patient.unmet:
        return None
    told = [
        f"{one.package.name} needs {one.need}"
        + (f" and there is {one.instead.version}" if one.instead is not None else "")
        for one in patient.unmet
    ]
    return Finding(
        code="missing_needs",
        text=f"{_some(told)}.",
        hint="What is missing is added; what is there stays where it can.",
        fixable=True,
        packages=tuple(dict.fromkeys(one.package.name for one in patient.unmet)),
    )


def shadowed(patient: Patient) -> Finding | None:
    if not patient.shadowing:
        return None
    names = [f"{one.name} {one.version}".strip() for one in patient.shadowing]
    return Finding(
        code="shadowed",
        text=f"pip has installed {_some(names)} over what conda has of that name, so packages may meet another version "
        "than they were chosen for.",
        hint="pip's is taken away and conda's put back. For another version, `jupyter condaenv add` it.",
        fixable=True,
        packages=tuple(distributions.normalized(one.name) for one in patient.shadowing),
        paths=tuple(str(one.info.relative_to(patient.prefix)) for one in patient.shadowing[:_SHOWN]),
    )


def drift(patient: Patient) -> Finding | None:
    if not patient.revisions or patient.unreadable:
        return None
    last = patient.revisions[-1]
    differing = changes.compare(last.lock.packages, patient.packages)
    if not differing:
        return None
    return Finding(
        code="drift",
        severity="advice",
        text=f"Another tool has changed {_some([change.name for change in differing])} since revision {last.number}.",
        hint="What is there now becomes a revision of its own. To have the other back: "
        f"`jupyter condaenv rollback {patient.name} {last.number}`.",
        fixable=True,
        packages=tuple(change.name for change in differing),
    )


def dead_base(patient: Patient) -> Finding | None:
    problem = environments.describe(patient.prefix).problem
    if not problem or problem == environments.NO_PYTHON:  # that is a missing file
        return None
    return Finding(
        code="dead_base",
        text=problem,
        hint="Put the base back, or stack the same packages on another one with `jupyter condaenv stack`.",
    )


def moved_base(patient: Patient) -> Finding | None:
    if patient.overlay is None or not patient.below or dead_base(patient) is not None:
        return None
    if stack.base_of(Path(patient.overlay.base)).digest == patient.overlay.digest:
        return None
    return Finding(
        code="moved_base",
        severity="advice",
        text=f"The environment it stands on, {patient.overlay.base}, has changed since.",
        hint="The packages are chosen anew where they do not go with it, and the links to it made anew.",
        fixable=True,
    )


def world_writable(patient: Patient) -> Finding | None:
    found = patient.files.open
    if not found:
        return None
    return Finding(
        code="world_writable",
        text=f"Everybody on this machine may write {_count(found, 'file or folder', 'files and folders')}: what is put "
        "there runs as you.",
        hint="The permission is taken from others.",
        fixable=True,
        paths=tuple(found[:_SHOWN]),
    )


def dangling_links(patient: Patient) -> Finding | None:
    found = patient.files.dangling
    if not found:
        return None
    return Finding(
        code="dangling_links",
        severity="advice",
        text=f"{_count(found, 'link')} that came with no package lead nowhere.",
        hint="Whoever made them knows whether they are needed; they are left alone.",
        paths=tuple(found[:_SHOWN]),
    )


def mixed_channels(patient: Patient) -> Finding | None:
    found = sorted({package.channel for package in patient.packages if package.channel})
    priority = patient.revisions[-1].lock.channel_priority if patient.revisions else "unknown"
    if len(found) < 2 or priority == "strict":
        return None
    return Finding(
        code="mixed_channels",
        severity="advice",
        text=f"Packages of {_some(found)} are mixed without strict priority ({priority}): builds that were not made "
        "for each other can meet.",
        hint="Set channel_priority to strict, then `jupyter condaenv update` what comes from the wrong channel.",
    )


def other_file_system(patient: Patient) -> Finding | None:
    cache = patient.settings.cache_dir
    if storage.device(str(patient.prefix)) == storage.device(cache):
        return None
    return Finding(
        code="other_file_system",
        severity="advice",
        text=f"It lies on another file system than the package cache, {cache}, so packages are copied, which takes "
        "room and time.",
        hint="Set cache_dir to a folder on the file system of the environments.",
    )


CHECKS: tuple[Callable[[Patient], Finding | None], ...] = (
    interrupted,
    damaged_record,
    double_record,
    damaged_history,
    missing_files,
    altered_files,
    broken_links,
    missing_needs,
    shadowed,
    dead_base,
    world_writable,
    moved_base,
    drift,
    missing_bytecode,
    dangling_links,
    mixed_channels,
    other_file_system,
)


# --- looking at files ------------------------------------------------------------------------------------------------


def _look(patient: Patient, tick: Callable[[int], None]) -> Files:
    files = Files({}, {}, {}, [], [], [])
    owners = Counter(entry.path for record in patient.records.values() for entry in record.paths)
    done = 0
    for path, record in patient.records.items():
        for entry in record.paths:
            done += 1
            if done % _TICK == 0:
                tick(done)
            kind = _state(patient.prefix / entry.path, entry, shared=owners[entry.path] > 1)
            if kind is not None:
                getattr(files, kind).setdefault(path, []).append(entry.path)
    levels = tuple(stack.levels(patient.overlay.base)) if patient.overlay is not None and patient.below else ()
    for relative, found in _walk(patient.prefix):
        done += 1
        if done % _TICK == 0:
            tick(done)
        if stat.S_ISLNK(found.st_mode):
            place = patient.prefix / relative
            if relative not in owners and not place.exists():
                target = os.readlink(place)
                (files.below if target.startswith(tuple(f"{level}/" for level in levels)) else files.dangling).append(
                    relative
                )
        elif found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX:
            files.open.append(relative)
    tick(done)
    return files


def _state(place: Path, entry: PathEntry, *, shared: bool) -> str | None:
    """What is wrong with a file of a package: the field of ``Files``; None when nothing is.

    Of files that several packages bring nobody can tell whose it should be.
    """
    if entry.path_type == "pyc_file":
        return None
    try:
        found = os.lstat(place)
    except (FileNotFoundError, NotADirectoryError):
        return "missing"
    if stat.S_ISLNK(found.st_mode) and not place.exists():
        return "broken" if entry.sha256 not in (None, _OF_NOTHING) else None
    wanted = entry.sha256_in_prefix or (None if entry.prefix_placeholder or entry.file_mode else entry.sha256)
    if entry.path_type != "hardlink" or wanted is None or shared:
        return None
    if not entry.prefix_placeholder and entry.size_in_bytes not in (None, found.st_size):
        return "altered"
    try:
        return "altered" if prefixes.sha256(place) != wanted else None
    except IsADirectoryError:
        return "altered"
    except PermissionError:
        return None


def _walk(prefix: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Everything in ``prefix`` that lies on its file system, by relative path; not what waits to be tidied up."""
    device = prefix.stat().st_dev
    todo = [str(prefix)]
    while todo:
        with suppress(OSError):
            for entry in os.scandir(todo.pop()):
                found = entry.stat(follow_symlinks=False)
                if found.st_dev != device or entry.name == staging.WORK_NAME:
                    continue
                if stat.S_ISDIR(found.st_mode):
                    todo.append(entry.path)
                yield os.path.relpath(entry.path, prefix), found


def _workspaces(prefix: Path) -> list[staging.Workspace]:
    try:
        work = staging.workspace(prefix)
    except ReadOnly:
        return []
    other = staging.abandoned(work)
    return [work] if other is None else [work, other]


def unmet(packages: Iterable[Package], present: Iterable[Package]) -> Iterator[Unmet]:
    """What ``packages`` need and is not among those ``present``."""
    there = {package.name: package for package in present}
    for package in packages:
        for need in package.depends:
            if need.startswith("__"):
                continue
            with suppress(CondaEnvError):  # old records have needs that nobody can read any more
                found = there.get(matchspec.spec_name(need))
                if found is None or not matchspec.matches(need, found):
                    yield Unmet(package, need, found)


# --- words -----------------------------------------------------------------------------------------------------------


def _of_packages(
    patient: Patient, code: FindingCode, found: Mapping[Path, list[str]], what: str, hint: str
) -> Finding | None:
    if not found:
        return None
    names = [patient.records[path].name for path in found]
    paths = [path for one in found.values() for path in one]
    return Finding(
        code=code,
        text=f"{_count(paths, 'file')} of {_some(names)} {'is' if len(paths) == 1 else 'are'} {what}: {_some(paths)}.",
        hint=hint,
        fixable=True,
        packages=tuple(names),
        paths=tuple(paths[:_SHOWN]),
    )


def _some(names: Iterable[str], most: int = 3) -> str:
    listed = list(dict.fromkeys(names))
    more = len(listed) - most
    return ", ".join(listed[:most]) + (f" and {more} more" if more > 0 else "")


def _count(things: list[str], one: str, many: str = "") -> str:
    return f"{len(things)} {one if len(things) == 1 else many or one + 's'}"


def _in(path: str, folder: str) -> bool:
    return path.startswith(f"{folder}/")


def _time(path: Path) -> float:
    return path.stat().st_mtime
