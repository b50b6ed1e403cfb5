"""Python packages of pip in the stage of a change, in which conda's are in place already: installed, carried along,
taken away; what they own of conda's stays conda's."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from . import (
    bytecode,
    changes,
    distributions,
    exchange,
    history,
    installers,
    limits,
    pip,
    relocate,
    requirements,
    sites,
    staging,
    wheels,
)
from . import prefix as prefixes
from .distributions import Distribution, Site
from .errors import Refused
from .model import Lock, Message, PipPackage, PipPart, Plan, Progress, Settings, Step
from .prefix import Record
from .telling import Emit
from .trees import write_whole

_SITES = "lib/python3*/site-packages"


class Before(NamedTuple):
    """What was there before packages of conda were linked."""

    lock: Lock | None
    """The last state that we made."""
    sites: dict[str, Site]
    """By their folder relative to the prefix."""
    files: dict[str, list[str]]
    """Paths of each of ``others``, by the path of its ``info``: linking may take away what says so."""


def look(stage: Path, records: Iterable[Record]) -> Before:
    """To be called before packages are linked into ``stage``."""
    last = history.latest(stage)
    there = list(records)
    found = {}
    for path in sorted(stage.glob(_SITES)):
        folder = os.path.relpath(path, stage)
        found[folder] = distributions.look(stage, folder, there)
    files = {str(one.info): sites.paths(stage, one) for site in found.values() for one in site.others.values()}
    return Before(last.lock if last is not None else None, found, files)


def fulfil(
    work: staging.Workspace,
    plan: Plan,
    before: Before,
    records: Sequence[Record],
    settings: Settings,
    emit: Emit,
    again: Set[str] = frozenset(),
) -> Lock:
    """Make the stage, in which conda's packages are in place as ``records`` say, have pip's of ``plan``; those named in
    ``again`` are installed anew. Returns the lock with what there is now. After a failure the stage is of no use."""
    lock, python = plan.lock, sites.python_of(plan.lock)
    if python is None:
        return lock
    change = _Change(work, plan, before, records, settings, emit)
    change.give_way()
    return change.bring(again) if lock.pip_specs or lock.pip or change.recorded else lock


def fetch(
    work: staging.Workspace, plan: Plan, before: Before, records: Sequence[Record], settings: Settings, emit: Emit
) -> Plan:
    """Have at hand what ``fulfil`` would install, which then needs no network. Returns the plan, which says by now what
    that is. Afterwards the stage is of no use."""
    if sites.python_of(plan.lock) is None:
        return plan
    change = _Change(work, plan, before, records, settings, emit)
    change.give_way()
    lock = replace(change.lock, pip=change.wanted())
    change.fetch(lock.pip)
    found = changes.compare_pip(change.recorded, lock.pip)
    return replace(plan, lock=lock, pip=replace(plan.pip or PipPart(), changes=found, resolved=True))


class _Change:
    """One change of what pip has in a stage."""

    def __init__(
        self,
        work: staging.Workspace,
        plan: Plan,
        before: Before,
        records: Sequence[Record],
        settings: Settings,
        emit: Emit,
    ) -> None:
        self.work, self.stage, self.prefix = work, work.stage, work.prefix
        self.plan, self.before = plan, before
        self.settings, self.emit = settings, emit
        self.lock = plan.lock
        self.recorded = before.lock.pip if before.lock is not None else ()
        python = sites.python_of(plan.lock)
        assert python is not None
        self.folder, self.version = prefixes.site_packages(python), python.version
        self.records = records
        self.site = distributions.look(self.stage, self.folder, records)

    def give_way(self) -> None:
        """What conda brings now takes the place of pip's, and what another Python left behind goes if it is had
        anew."""
        recorded = {one.name for one in self.recorded}
        for folder, site in self.before.sites.items():
            if folder != self.folder:
                for name, one in site.others.items():
                    if name in recorded:
                        self._remove(one)
                left = [f"{one.name} {one.version}" for name, one in site.others.items() if name not in recorded]
                if left:
                    self.emit(
                        Message(
                            level="warning",
                            text=f"Left behind in {folder}, where the new Python does not look: {', '.join(left)}. "
                            "Ask pip for what is needed again.",
                        )
                    )
                continue
            taken = [one for name, one in site.others.items() if name in self.site.conda]
            for one in taken:
                self._remove(one)
            if taken:
                text = ", ".join(f"{one.name} {one.version}" for one in taken)
                self.emit(Message(level="warning", text=f"conda's packages take the place of pip's: {text}"))
            names = {distributions.normalized(one.name) for one in taken}
            self.lock = replace(
                self.lock,
                pip_specs=tuple(spec for spec in self.lock.pip_specs if requirements.name_of(spec) not in names),
                pip=tuple(one for one in self.lock.pip if one.name not in names),
            )
        self.site = distributions.look(self.stage, self.folder, self.records)

    def bring(self, again: Set[str]) -> Lock:
        """What pip is asked for, installed."""
        target = self.wanted()
        there = self.site.others
        for one in self.recorded:
            wanted = next((other for other in target if other.name == one.name), None)
            if one.name in there and (one.name in again or not sites.is_package(there[one.name], wanted)):
                self._remove(there.pop(one.name))
        new = [one for one in target if not sites.is_package(there.get(one.name), one)]
        if new:
            self._install(new)
        self.site = distributions.look(self.stage, self.folder, self.records)
        return replace(self.lock, pip=tuple(map(self._with_needs, target)))

    def wanted(self) -> tuple[PipPackage, ...]:
        """What there is to be."""
        return self.lock.pip if self._is_known() else self._find()

    def fetch(self, target: Sequence[PipPackage]) -> None:
        new = [one for one in target if not sites.is_package(self.site.others.get(one.name), one)]
        if new:
            self.emit(Step(phase="pip", text=f"Fetching for pip: {', '.join(map(str, new))}"))
            with self._enough_room(new):
                self._program().fetch(new)

    def _is_known(self) -> bool:
        """Whether the plan says what there is to be, or all that was asked for is there and nothing below it moved."""
        if self.plan.pip is not None and self.plan.pip.resolved:
            return True
        last, old = self.before.lock, self.before.sites.get(self.folder)
        if last is None or old is None or self.lock.pip_specs != last.pip_specs:
            return False
        whole = all(one.name in self.site.others for one in self.recorded)
        return whole and sites.given(old, last) == sites.given(self.site, self.lock)

    def _find(self) -> tuple[PipPackage, ...]:
        if not self.lock.pip_specs:
            return ()
        self.emit(Step(phase="pip", text="Finding out what pip needs"))
        given = sites.given(self.site, self.lock)
        found = pip.find(self.lock, self.site, given, self.recorded, self._program())
        before = self.before.sites.get(self.folder)
        gone = before.conda.keys() - self.site.conda.keys() if before is not None else set()
        back = sorted(gone & {one.name for one in found})
        if back:
            raise Refused(
                f"What pip has installed needs {', '.join(back)}, which would be removed.",
                "Remove what needs it as well, or keep it.",
                packages=back,
            )
        return found

    def _install(self, new: Sequence[PipPackage]) -> None:
        pip.check_over(new, sites.given(self.site, self.lock), self.site)
        program = self._program()
        self.emit(Step(phase="pip", text=f"Installing with {program.name}: {', '.join(map(str, new))}"))
        with self._enough_room(new):
            program.install(new)
        site = distributions.look(self.stage, self.folder, self.records)
        modules: list[str] = []
        for package in new:
            one = site.others.get(package.name)
            if one is None or not sites.is_package(one, package):
                raise Refused(f"{program.name} was to install {package} and did not.", "Nothing was changed.")
            paths = sites.paths(self.stage, one)
            clash = sorted(site.owned & set(paths))
            if clash:
                raise Refused(
                    f"{package} of pip brings {clash[0]}, which is {self._owner(clash[0])} of conda already.",
                    "Nothing was changed. Take one of the two packages only.",
                    package=package.name,
                )
            self._relocate(one, paths)
            modules += [path for path in paths if path.endswith(".py") and path.startswith("lib/python")]
        root = sites.below(self.lock)[0] if self.lock.base is not None else self.stage
        bytecode.compile_modules(modules, self.stage, self.prefix, root / "bin" / "python", self.version)

    @contextmanager
    def _enough_room(self, new: Sequence[PipPackage]) -> Iterator[None]:
        """Raises StorageError where ``new`` do not fit, before anything or when the disk gets full."""
        cache_dir, minor = Path(self.settings.cache_dir), prefixes.python_minor(self.version)
        taken = wheels.sizes(new, minor, cache_dir, offline=self.settings.offline)
        incoming = [change.after for change in self.plan.changes if change.after is not None]
        with limits.watched(
            limits.of_wheels(taken, self.prefix, cache_dir),
            self.settings,
            lambda done: self.emit(Progress(phase="measure", done=done, unit="files")),
            lambda: exchange.recover(self.work),
            limits.needs(incoming, self.prefix, cache_dir),
        ):
            yield

    def _program(self) -> installers.Installer:
        return pip.installer(self.lock, self.stage, self.work, self.settings, self.emit)

    def _owner(self, path: str) -> str:
        return next(f"{one.name} {one.version}'s" for one in self.records if any(e.path == path for e in one.paths))

    def _relocate(self, one: Distribution, paths: Sequence[str]) -> None:
        """Scripts begin with the path of the Python that installed them, and that is the stage's."""
        written: dict[str, tuple[str, int]] = {}
        for path in paths:
            if not path.startswith("bin/"):
                continue
            file = self.stage / path
            data = moved = file.read_bytes()
            for old in dict.fromkeys([str(self.stage), os.path.realpath(self.stage)]):
                moved = relocate.text(moved, old, str(self.prefix), whole=True)
            if moved != data:
                mode = file.stat().st_mode
                file.unlink()  # it may be linked to a cache
                file.write_bytes(moved)
                file.chmod(mode)
                written[path] = distributions.record_hash(moved), len(moved)
        if written:
            _rewrite_record(one, self.stage, written)

    def _remove(self, one: Distribution) -> None:
        """Take away what was installed with ``one``, but for what is conda's now."""
        paths = self.before.files.get(str(one.info)) or sites.paths(self.stage, one)
        folders: set[str] = set()
        for path in paths:
            if path in self.site.owned:
                continue
            folder, name = os.path.split(path)
            for victim in (path, *_compiled(self.stage, folder, name)):
                with suppress(OSError):
                    (self.stage / victim).unlink()
            folders.update(_above(folder), _above(f"{folder}/__pycache__"))
        for folder in sorted(folders, key=len, reverse=True):
            with suppress(OSError):
                (self.stage / folder).rmdir()

    def _with_needs(self, package: PipPackage) -> PipPackage:
        one = self.site.others.get(package.name)
        if one is None:
            return package
        return replace(package, dependencies=installers.dependencies(distributions.requires(one)))


def _compiled(root: Path, folder: str, name: str) -> Iterator[str]:
    if name.endswith(".py"):
        cache = f"{folder}/__pycache__"
        yield from (f"{cache}/{path.name}" for path in (root / cache).glob(f"{name[:-3]}.*.pyc"))


def _above(folder: str) -> Iterator[str]:
    """``folder`` and those that it lies in, down to ``site-packages`` or the like."""
    while folder.count("/") > 2:
        yield folder
        folder = os.path.dirname(folder)


def _rewrite_record(one: Distribution, stage: Path, written: Mapping[str, tuple[str, int]]) -> None:
    record = one.info / "RECORD"
    rows = []
    with record.open(encoding="utf-8", newline="") as file:
        for row in csv.reader(file):
            path = os.path.relpath(os.path.normpath(one.info.parent / row[0]), stage) if row else ""
            rows.append([row[0], written[path][0], str(written[path][1])] if path in written else row)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    write_whole(record, text.getvalue())
