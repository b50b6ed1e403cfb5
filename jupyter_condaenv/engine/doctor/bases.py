"""What an environment stands on."""

from __future__ import annotations

from pathlib import Path

from .. import environments, stack
from ..model import Finding
from .patient import Patient


def dead_base(patient: Patient) -> Finding | None:
    problem = environments.describe(patient.prefix).problem
    if not problem or problem == environments.NO_PYTHON:  # that is a missing file
        return None
    return Finding(
        code="dead_base",
        text=problem,
        hint="Put the base back, or stack the same packages on another one.",
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
