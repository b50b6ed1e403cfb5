"""What pip has put there: whether it is whole, has what it needs, and is what the lock says."""

from __future__ import annotations

from .. import sites
from ..errors import Broken
from ..model import Finding
from .patient import Patient
from .words import SHOWN, count, some


def pip_files(patient: Patient) -> Finding | None:
    found = patient.files_of_pip
    if not found:
        return None
    paths = [path for one in found.values() for path in one]
    return Finding(
        code="pip_files",
        text=f"{count(paths, 'file')} of {some(found)}, which pip installed, "
        f"{'is' if len(paths) == 1 else 'are'} missing or not what it brought: {some(paths)}.",
        hint="The packages are installed anew from the files that the lock names, and what was altered stays beside as "
        "*.saved-1."
        if patient.mendable_of_pip
        else "Whoever installed them can install them again; only what was asked for here is mended.",
        fixable=bool(patient.mendable_of_pip),
        packages=tuple(found),
        paths=tuple(paths[:SHOWN]),
    )


def pip_needs(patient: Patient) -> Finding | None:
    if patient.overlay is not None and not patient.below:
        return None
    try:
        needs = [one for one in sites.needs(patient.prefix, patient.lock) if not one.met]
    except Broken:  # a record, which is told of
        return None
    if not needs:
        return None
    told = [
        f"{one.package} needs {one.requirement}" + (f" and there is {one.there}" if one.there else "") for one in needs
    ]
    return Finding(
        code="pip_needs",
        text=f"{some(told)}.",
        hint="Add it as a conda package, or ask pip for it.",
        packages=tuple(dict.fromkeys(one.package for one in needs)),
    )


def pip_drift(patient: Patient) -> Finding | None:
    found = patient.drift_of_pip
    if not found or patient.unreadable:
        return None
    return Finding(
        code="pip_drift",
        severity="advice",
        text=f"Somebody has changed or taken away {some(found)} of pip since revision {patient.revisions[-1].number}.",
        hint="It becomes again what that revision has. For another version, ask pip for it here.",
        fixable=True,
        packages=found,
    )
