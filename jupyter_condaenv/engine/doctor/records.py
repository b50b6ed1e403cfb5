"""What is noted of an environment: the records of its packages, and its revisions."""

from __future__ import annotations

from .. import changes
from .. import prefix as prefixes
from ..model import Finding
from .patient import Patient
from .words import SHOWN, some


def damaged_record(patient: Patient) -> Finding | None:
    names = [path.name for path in patient.unreadable]
    if not names:
        return None
    reasons = [reason.replace(f"{patient.prefix}/conda-meta/", "") for reason in patient.unreadable.values()]
    return Finding(
        code="damaged_record",
        text=f"{some(reasons, between='; ')}.",
        hint="The package is linked anew, from the package cache or its channel, and has a new record then. "
        "Of one that cannot be had any more the record is put aside.",
        fixable=True,
        packages=tuple(prefixes.name_of(f"{stem}.json") for stem in patient.lost.values()),
        paths=tuple(f"conda-meta/{name}" for name in names[:SHOWN]),
    )


def double_record(patient: Patient) -> Finding | None:
    extra = [path for path in patient.records if path not in patient.kept]
    if not extra:
        return None
    return Finding(
        code="double_record",
        text=f"There are two records of {some([patient.records[path].name for path in extra])}: another tool was "
        f"interrupted. {some([path.stem for path in extra])} is not what is installed.",
        hint="The record that is not true is taken away, and the package linked anew.",
        fixable=True,
        packages=tuple(patient.records[path].name for path in extra),
        paths=tuple(f"conda-meta/{path.name}" for path in extra[:SHOWN]),
    )


def damaged_history(patient: Patient) -> Finding | None:
    if patient.lost_revisions:
        return Finding(
            code="damaged_history",
            text="It has had revisions, and none is there (conda-meta/condaenv/revisions), so nothing can be undone: "
            "somebody has deleted them, or has copied it without them.",
            hint="A backup may have them. What is there now becomes a revision.",
            fixable=True,
        )
    names = [path.name for path in patient.unreadable_revisions]
    if not names:
        return None
    return Finding(
        code="damaged_history",
        text=f"{some(names)} of its revisions cannot be read, so nothing can be undone to there.",
        hint="It is put aside as *.saved-1, and what is there now becomes a revision.",
        fixable=True,
        paths=tuple(str(path.relative_to(patient.prefix)) for path in patient.unreadable_revisions[:SHOWN]),
    )


def drift(patient: Patient) -> Finding | None:
    if not patient.revisions:
        return None
    last = patient.revisions[-1]
    # A package whose record is damaged is there; where another record of it can be read, that one counts.
    differing = changes.compare(last.lock.packages, (*patient.of_lost, *patient.packages))
    if not differing:
        return None
    return Finding(
        code="drift",
        severity="advice",
        text=f"Another tool has changed {some([change.name for change in differing])} since revision {last.number}.",
        hint=f"What is there now becomes a revision. Going back to revision {last.number} has the other back.",
        fixable=True,
        packages=tuple(change.name for change in differing),
    )
