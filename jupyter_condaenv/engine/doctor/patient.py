"""The environment that is looked at."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from .. import bytecode, distributions, environments, history, identity, sites, stack
from .. import prefix as prefixes
from ..distributions import Distribution, Site
from ..errors import Broken, CondaEnvError
from ..model import Environment, Lock, Package, Settings, known_by_name
from ..prefix import Record
from .files import Files, look
from .needs import Unmet, unmet


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
        self.lost: dict[Path, str] = {}
        """Of what they are, as ``name-version-build``."""
        for path in prefixes.record_files(self.prefix):
            try:
                record = prefixes.read_record(path)
            except Broken as error:
                self.unreadable[path], self.lost[path] = error.message, path.stem
                continue
            if mismatch := identity.of_file(path.stem, record):
                self.unreadable[path] = f"The record {path} is of another package: {mismatch}"
                self.lost[path] = identity.archive_of(record) or path.stem
            else:
                self.records[path] = record
        self.revisions, self.unreadable_revisions = history.readable(self.prefix)
        self.lost_revisions = history.is_lost(self.prefix)

    @cached_property
    def packages(self) -> tuple[Package, ...]:
        """By their records, sorted by name; of a double one, that which the last revision has, or else the newer."""
        return tuple(sorted((self.records[path].package() for path in self.kept), key=lambda package: package.name))

    @cached_property
    def sharing(self) -> tuple[str, ...]:
        """Names of the environments that have an altered file in common with this one."""
        altered = [path for paths in self.files.altered.values() for path in paths]
        others = [one for one in environments.list_environments(self.settings) if one.prefix != str(self.prefix)]
        return tuple(one.name for one in others if any(_is_same(self.prefix / path, one, path) for path in altered))

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
    def levels(self) -> tuple[str, ...]:
        """Prefixes of all levels below; nothing where they cannot be told."""
        return tuple(stack.levels(self.overlay.base)) if self.overlay is not None and self.below else ()

    @cached_property
    def of_lost(self) -> tuple[Package, ...]:
        """As much as is known of the packages whose records are damaged: what the last revision has of them, or else
        what the name of the record says."""
        last = self.revisions[-1].lock.packages if self.revisions else ()
        known = {f"{one.name}-{one.version}-{one.build}": one for one in last}
        return tuple(known.get(stem) or known_by_name(*stem.rsplit("-", 2)) for stem in self.lost.values())

    @cached_property
    def python(self) -> Package | None:
        return stack.python_of(self.packages) or stack.python_of(self.of_lost) or stack.python_of(self.below)

    @cached_property
    def files(self) -> Files:
        """Raises OSError where the prefix cannot be read."""
        return look(self.prefix, self.records, self.levels, self._tick)

    @cached_property
    def lacking(self) -> dict[Path, list[str]]:
        """By record file, the bytecode that is not there; but for that of modules that were altered."""
        if self.python is None or os.name != "posix":
            return {}
        cache = Path(self.settings.cache_dir)
        found = {
            path: bytecode.lacking(
                path, record, self.prefix, self.python.version, cache, self.files.altered.get(path, ())
            )
            for path, record in self.records.items()
        }
        return {path: lacking for path, lacking in found.items() if lacking}

    @cached_property
    def unmet(self) -> tuple[Unmet, ...]:
        """Nothing where the base cannot be used: ``dead_base`` tells of it."""
        if self.overlay is not None and not self.below:
            return ()
        return tuple(unmet(self.packages, [*self.below, *self.of_lost, *self.packages]))

    @cached_property
    def lock(self) -> Lock:
        """Of what is there."""
        return history.lock_of(self.prefix, self.packages, self.revisions[-1] if self.revisions else None)

    @cached_property
    def site(self) -> Site | None:
        """Where its Python looks for packages; None where it has no Python."""
        if self.python is None:
            return None
        return distributions.look(self.prefix, prefixes.site_packages(self.python), self.records.values())

    @cached_property
    def files_of_pip(self) -> dict[str, list[str]]:
        """By the name of one of pip's packages, its files that are missing or altered."""
        if self.site is None:
            return {}
        found = {}
        for done, (name, one) in enumerate(sorted(self.site.others.items())):
            self._tick(done)
            bad = [path for path in sites.damaged(self.prefix, one) if path not in self.site.owned]
            if bad and one not in self.shadowing:
                found[name] = bad
        return found

    @cached_property
    def mendable_of_pip(self) -> frozenset[str]:
        """Those of ``files_of_pip`` of which the lock says what they were installed from."""
        return frozenset(one.name for one in self.lock.pip if one.files and one.name in self.files_of_pip)

    @cached_property
    def drift_of_pip(self) -> tuple[str, ...]:
        """Those of pip's packages that the last revision has and that are not there as it says."""
        there = self.site.others if self.site is not None else {}
        gone = [one for one in self.lock.pip if not sites.is_package(there.get(one.name), one)]
        return tuple(one.name for one in gone if self.site is None or one.name not in self.site.conda)

    @cached_property
    def shadowing(self) -> tuple[Distribution, ...]:
        """Distributions that conda did not install, of which conda has one of that name."""
        if self.python is None:
            return ()
        site = prefixes.site_packages(self.python)
        paths = {entry.path for record in self.records.values() for entry in record.paths}
        below = [record for level in self.levels for record in prefixes.records(Path(level))]
        theirs = {entry.path for record in below for entry in record.paths}
        ours = {
            distributions.name_of(path[len(site) + 1 :].split("/")[0]) for path in paths | theirs if _in(path, site)
        }
        return tuple(
            found
            for found in distributions.installed(self.prefix / site)
            if str(found.metadata.relative_to(self.prefix)) not in paths
            and distributions.normalized(found.name) in ours - {""}
        )


def _in(path: str, folder: str) -> bool:
    return path.startswith(f"{folder}/")


def _time(path: Path) -> float:
    return path.stat().st_mtime


def _is_same(file: Path, other: Environment, path: str) -> bool:
    with suppress(OSError):
        return os.path.samefile(file, os.path.join(other.prefix, path))
    return False
