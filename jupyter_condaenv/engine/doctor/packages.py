"""The packages of an environment: their files, what they need, and where they are from."""

from __future__ import annotations

from msgspec.structs import replace

from .. import distributions
from ..model import Finding
from .patient import Patient
from .words import SHOWN, lead_nowhere, of_packages, some


def missing_files(patient: Patient) -> Finding | None:
    return of_packages(
        patient,
        "missing_files",
        patient.files.missing,
        "missing",
        "The packages are linked anew, from the package cache or their channel.",
    )


def altered_files(patient: Patient) -> Finding | None:
    found = of_packages(
        patient,
        "altered_files",
        patient.files.altered,
        "not what the package brought",
        "The packages are linked anew, and what was altered stays beside as *.saved-1.",
    )
    if found is None or not patient.sharing:
        return found
    others = some(patient.sharing)
    return replace(found, text=f"{found.text} By hard links they are so in {others} as well, which this does not mend.")


def broken_links(patient: Patient) -> Finding | None:
    found = of_packages(
        patient, "broken_links", patient.files.broken, "linked to nothing", "The packages are linked anew."
    )
    if not patient.files.below:
        return found
    return Finding(
        code="broken_links",
        text=f"{lead_nowhere(patient.files.below, 'to libraries of the environment it stands on')}: "
        + some(patient.files.below)
        + (f", and {found.text[0].lower()}{found.text[1:]}" if found is not None else "."),
        hint="They are made anew.",
        fixable=found is None or found.fixable,
        packages=found.packages if found is not None else (),
        paths=tuple(patient.files.below[:SHOWN]),
    )


def missing_bytecode(patient: Patient) -> Finding | None:
    what = "not compiled, so that importing is slow"
    found = of_packages(patient, "missing_bytecode", patient.lacking, what, "They are compiled.")
    return replace(found, severity="advice") if found is not None else None


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
        text=f"{some(told)}.",
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
        text=f"pip has installed {some(names)} over what conda has of that name, so packages may meet another version "
        "than they were chosen for.",
        hint="pip's is taken away and conda's put back. For another version, add that.",
        fixable=True,
        packages=tuple(distributions.normalized(one.name) for one in patient.shadowing),
        paths=tuple(str(one.info.relative_to(patient.prefix)) for one in patient.shadowing[:SHOWN]),
    )


def mixed_channels(patient: Patient) -> Finding | None:
    found = sorted({package.channel for package in patient.packages if package.channel})
    priority = patient.revisions[-1].lock.channel_priority if patient.revisions else "unknown"
    if len(found) < 2 or priority == "strict":
        return None
    return Finding(
        code="mixed_channels",
        severity="advice",
        text=f"Packages of {some(found)} are mixed without strict priority ({priority}): builds that were not made "
        "for each other can meet.",
        hint="Set channel_priority to strict, then update what comes from the wrong channel.",
    )
