"""Mending what ``doctor`` found, as a change like any other: the environment is the old one or the mended one.

Packages whose files are damaged are linked anew, what is altered is put aside and not lost, and what is there in the
end becomes a revision.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Sequence, Set
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from . import (
    bases,
    bytecode,
    changes,
    deferred,
    distributions,
    history,
    identity,
    prefix,
    resolver,
    staging,
    transaction,
    writers,
)
from .doctor.bases import dead_base
from .doctor.examination import examine
from .doctor.files import is_python
from .doctor.needs import Unmet, unmet
from .doctor.patient import Patient
from .errors import CondaEnvError, Unsatisfiable
from .model import Finding, Health, Lock, Message, Package, PipPart, Plan, Progress, Settings, Step, Strategy
from .prefix import Record
from .rattler import archives, host, matchspec, package_cache
from .telling import Emit
from .trees import free_name, remove_tree


def look(place: Path, settings: Settings, emit: Emit) -> Health:
    """What is not as it should be in the environment at ``place``. The caller keeps others from changing it."""
    return _health(place, examine(_patient(place, settings, emit)), ())


def look_and_mend(place: Path, work: staging.Workspace, settings: Settings, emit: Emit) -> Health:
    """The same, after what can be mended has been. The caller holds the lock of ``work``.

    What cannot be mended is told and stays a finding.
    """
    before = examine(_patient(place, settings, emit))
    if any(finding.code == "interrupted" for finding in before):
        writers.recover(work)
    if any(finding.fixable for finding in before):
        _mend(_patient(place, settings, emit), work, settings, emit)
    after = examine(_patient(place, settings, emit))
    left = {finding.code for finding in after}
    return _health(place, after, [finding for finding in before if finding.code not in left])


def _patient(place: Path, settings: Settings, emit: Emit) -> Patient:
    emit(Step(phase="check", text=f"Looking at every file of {place.name}"))
    return Patient(place, settings, lambda done: emit(Progress(phase="check", done=done, unit="files")))


def _health(place: Path, findings: Iterable[Finding], fixed: Iterable[Finding]) -> Health:
    time = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return Health(prefix=str(place), time=time, findings=tuple(findings), fixed=tuple(fixed))


def _mend(patient: Patient, work: staging.Workspace, settings: Settings, emit: Emit) -> None:
    def warn(text: str) -> None:
        emit(Message(level="warning", text=text))

    if not any(finding.fixable for finding in examine(patient)):
        return  # it was only the operation that had been interrupted
    if dead_base(patient) is not None:
        warn("Nothing can be mended while the environment it stands on cannot be used")
        return
    lost = _lost(patient, settings)
    anew = _damaged(patient) | {record: package for record, package in lost.items() if package is not None}
    gone = _unobtainable(anew.values(), settings)
    aside = frozenset(record for record, package in lost.items() if package is None or package.name in gone)
    if aside:
        names = ", ".join(record.name for record in sorted(aside))
        warn(
            f"Neither the package cache nor a channel has the package of {names}: the record is put aside as "
            "*.saved-1, and the files stay. To have the package in the environment again, add it"
        )
    staying = gone - {package.name for record, package in lost.items() if package is not None}
    if staying:
        warn(f"Neither the package cache nor a channel has {', '.join(sorted(staying))}: their files stay as they are")
    outside = {package.name for record, package in anew.items() if _leads_out(patient, record)}
    if outside:
        warn(f"A folder of {', '.join(sorted(outside))} is a link to another place: their files stay as they are")
    gone |= outside
    anew = {record: package for record, package in anew.items() if package.name not in gone}
    found_again = [package for record, package in lost.items() if package is not None and record not in aside]
    present = sorted([*patient.packages, *found_again], key=lambda package: package.name)
    lock = _lock(patient, tuple(present), settings, warn)
    found = changes.compare(present, lock.packages)
    incoming = [*anew.values(), *(change.after for change in found if change.after is not None)]
    there = package_cache.cached(incoming, Path(settings.cache_dir))
    plan = Plan(
        prefix=str(patient.prefix),
        verb="doctor",
        before="",
        lock=lock,
        changes=found,
        download_bytes=sum(package.size for package in incoming if package.name not in there),
        pip=PipPart(resolved=True) if lock.pip and not found else None,  # pip's packages are to be as the lock says
    )
    operation = _Operation(patient, anew, aside, tuple(record for record in patient.records if record not in anew))
    bearable = _bearable(patient, gone)
    owned = frozenset(entry.path for record in patient.records.values() for entry in record.paths)
    repair = transaction.Repair(tuple(anew.values()), operation.perform, patient.mendable_of_pip, owned, bearable)
    transaction.apply(work, plan, settings, emit, repair)


def _lost(patient: Patient, settings: Settings) -> dict[Path, Package | None]:
    """By damaged record, the package that it was about: from our revisions, else from the channels. Those of which
    another record can be read are left out."""
    there = {package.name for package in patient.packages}
    known = {
        f"{package.name}-{package.version}-{package.build}": package
        for revision in patient.revisions
        for package in revision.lock.packages
        if identity.of_url(package) is None
    }
    lost = {path: stem for path, stem in patient.lost.items() if prefix.name_of(f"{stem}.json") not in there}
    return {path: known.get(stem) or _published(stem, patient.packages, settings) for path, stem in lost.items()}


def _damaged(patient: Patient) -> dict[Path, Package]:
    """By record, the packages that have to be linked anew."""
    files = patient.files
    paths = {*files.missing, *files.altered, *files.broken} & set(patient.kept)
    extra = {patient.records[path].name for path in patient.records if path not in patient.kept}
    paths |= {path for path in patient.kept if patient.records[path].name in extra}
    names = {distributions.normalized(one.name) for one in patient.shadowing}
    paths |= {path for path in patient.kept if names & _distributions_of(patient.records[path])}
    return {path: patient.records[path].package() for path in sorted(paths)}


def _distributions_of(record: Record) -> set[str]:
    parents = {os.path.basename(os.path.dirname(entry.path)) for entry in record.paths}
    return {name for parent in parents if (name := distributions.name_of(parent))}


def _leads_out(patient: Patient, record: Path) -> bool:
    """Whether linking the package of ``record`` would write beyond the environment, by a folder that is a link."""
    paths = patient.records[record].paths if record in patient.records else ()
    parents = {os.path.dirname(entry.path) for entry in paths}
    return any(not Path(os.path.realpath(patient.prefix / one)).is_relative_to(patient.prefix) for one in parents)


def _unobtainable(packages: Iterable[Package], settings: Settings) -> set[str]:
    """Names of those that neither the cache nor a channel has."""
    wanted = list(packages)
    there = package_cache.cached(wanted, Path(settings.cache_dir))
    return {package.name for package in archives.unreachable(one for one in wanted if one.name not in there)}


def _bearable(patient: Patient, names: set[str]) -> frozenset[str]:
    """The damaged files of packages that cannot be had."""
    kinds = (patient.files.missing, patient.files.altered, patient.files.broken)
    return frozenset(
        path
        for kind in kinds
        for record, paths in kind.items()
        if patient.records[record].name in names
        for path in paths
    )


def _lock(patient: Patient, present: tuple[Package, ...], settings: Settings, warn: Callable[[str], None]) -> Lock:
    """What there is to be in the end: ``present``, and what that needs."""
    last = patient.revisions[-1] if patient.revisions else None
    lock = history.lock_of(patient.prefix, present, last, host.platform())
    lock = replace(lock, base=bases.now(lock))
    lacking = list(unmet(present, [*patient.below, *present]))
    if not lacking:
        return lock
    try:
        mended = _complete(lock, lacking, prefix.pins(patient.prefix), settings)
    except CondaEnvError as error:
        warn(f"What is missing cannot be added. {error.message}")
        return lock
    kernels = deferred.living_kernels(patient.prefix)
    if kernels and any(change.before is not None for change in changes.compare(present, mended.packages)):
        warn("What is missing cannot be added while a kernel runs: stop it, then mend again")
        return lock
    return mended


def _complete(lock: Lock, lacking: Sequence[Unmet], pins: tuple[str, ...], settings: Settings) -> Lock:
    """``lock`` with what its packages lack. The wrong versions of it move, and those that need it only where they
    must."""
    wrong = {one.instead.name for one in lacking if one.instead is not None}
    try:
        return _resolved(lock, wrong, pins, settings)
    except Unsatisfiable:
        return _resolved(lock, wrong | {one.package.name for one in lacking}, pins, settings)


def _resolved(lock: Lock, loose: set[str], pins: tuple[str, ...], settings: Settings) -> Lock:
    """``lock`` with all that its packages need, of which only those named in ``loose`` may move."""
    asked = [text for text in lock.specs if matchspec.spec_name(text) in loose]
    held = tuple(package for package in lock.packages if package.name not in loose)
    strategy = Strategy(
        channel_priority=lock.channel_priority, resolution=lock.resolution, virtual_packages=lock.declared
    )
    wanted = resolver.Wanted(
        specs=(*sorted(loose), *asked),
        channels=lock.channels,
        strategy=strategy,
        kept=tuple(package.name for package in held),
        installed=held,
        frozen=True,
        there=lock.packages,
        pins=pins,
        base=lock.base,
    )
    return replace(lock, packages=resolver.lock(wanted, settings).packages)


def _published(record: str, beside: Iterable[Package], settings: Settings) -> Package | None:
    """The package that ``record`` (``name-version-build``) names, in the channels that those ``beside`` it come from,
    or in the configured ones; None where they do not have it."""
    name, version, build = record.rsplit("-", 2)
    known = tuple(dict.fromkeys(package.channel for package in beside if "://" in package.channel))
    wanted = resolver.Wanted(specs=(f"{name} =={version} {build}",), channels=known)
    with suppress(CondaEnvError):
        return next((one for one in resolver.lock(wanted, settings).packages if one.name == name), None)
    return None


class _Operation(NamedTuple):
    """What is done to a copy of the environment before packages are linked into it."""

    patient: Patient
    anew: dict[Path, Package]
    """By record, what is going to be linked."""
    aside: Set[Path]
    """Damaged records in the place of which there will be none."""
    staying: tuple[Path, ...]

    def perform(self, stage: Path) -> set[str]:
        """Returns the names of the record files whose packages are to be compiled."""
        patient = self.patient
        of_pip = {path for one in patient.shadowing for path in distributions.files(one)}
        # Before anything goes, as the file in the cache may be the same one, and come back.
        for path in patient.files.open:
            with suppress(OSError):  # gone by now, or somebody else's
                os.chmod(stage / path, stat.S_IMODE((stage / path).lstat().st_mode) & ~stat.S_IWOTH)
        for path in patient.files.closed:
            with suppress(OSError):
                mode = stat.S_IMODE((stage / path).lstat().st_mode) | stat.S_IRUSR
                os.chmod(stage / path, mode | (mode & 0o444) >> 2 if is_python(path) else mode)
        for record, paths in patient.files.altered.items():
            for path in paths if record in self.anew else ():
                if patient.prefix / path not in of_pip and _within(stage, path):
                    os.rename(stage / path, free_name(stage / path))
        for place in self._in_the_way(stage):
            os.rename(place, free_name(place))
        for name in patient.mendable_of_pip:
            for path in patient.files_of_pip[name]:
                if _within(stage, path):
                    os.rename(stage / path, free_name(stage / path))
        for file in of_pip:
            if file.is_relative_to(patient.prefix):
                _unlink(stage, str(file.relative_to(patient.prefix)))
        for one in patient.shadowing:
            remove_tree(stage / one.info.relative_to(patient.prefix))
        self._take_away_records(stage)
        for revision in patient.unreadable_revisions:
            place = stage / revision.relative_to(patient.prefix)
            os.rename(place, free_name(place))
        return self._to_compile()

    def _in_the_way(self, stage: Path) -> list[Path]:
        """Files that have taken the place of a folder of what is going to be linked."""
        known = [self.patient.records[record] for record in self.anew if record in self.patient.records]
        folders = {folder for record in known for entry in record.paths for folder in Path(entry.path).parents}
        places = [stage / folder for folder in folders]
        return [place for place in places if os.path.lexists(place) and not place.is_dir()]

    def _take_away_records(self, stage: Path) -> None:
        patient = self.patient
        kept = {entry.path for path in patient.kept for entry in patient.records[path].paths}
        for record in (*self.anew, *patient.unreadable, *patient.records):
            known = patient.records.get(record)
            extra = known is not None and record not in patient.kept
            if known is not None and record not in self.anew and not extra:
                continue
            for entry in known.paths if known is not None else ():
                if not extra or entry.path not in kept:
                    _unlink(stage, entry.path)
            place = stage / record.relative_to(patient.prefix)
            if record in self.aside or place.is_dir():
                os.rename(place, free_name(place))
            else:
                place.unlink(missing_ok=True)

    def _to_compile(self) -> set[str]:
        patient = self.patient
        found = {record for record in patient.lacking if record in self.staying}
        for record in found:
            assert patient.python is not None
            bytecode.forget(patient.records[record], patient.python.version, Path(patient.settings.cache_dir))
        return {record.name for record in found}


def _within(stage: Path, path: str) -> bool:
    """Whether ``path`` lies in the stage itself: a folder on the way may be a link to somewhere else."""
    parent = os.path.realpath((stage / path).parent)
    return Path(parent).is_relative_to(os.path.realpath(stage)) and os.path.lexists(stage / path)


def _unlink(stage: Path, path: str) -> None:
    if _within(stage, path) and ((stage / path).is_symlink() or not (stage / path).is_dir()):
        (stage / path).unlink()
