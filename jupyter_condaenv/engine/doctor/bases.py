"""What an environment stands on."""

from __future__ import annotations

from pathlib import Path

from .. import environments, stack
from ..activation.launch import is_python_of_root
from ..model import Finding
from .patient import Patient
from .words import some


def dead_base(patient: Patient) -> Finding | None:
    problem = environments.describe(patient.prefix).problem
    if not problem or problem == environments.NO_PYTHON:  # that is a missing file
        return None
    return Finding(
        code="dead_base",
        text=problem,
        hint="Put the base back, or stack the same packages on another one.",
    )


def foreign_python(patient: Patient) -> Finding | None:
    if patient.overlay is None or not patient.below or dead_base(patient) is not None:
        return None
    root = patient.levels[0]
    minor = stack.python_minor_of(patient.below)
    found = [path for path in stack.pythons(minor) if not is_python_of_root((root, str(patient.prefix)), path)]
    if not found:
        return None
    return Finding(
        code="foreign_python",
        text=f"{some(found)} no longer {'leads' if len(found) == 1 else 'lead'} to the Python of {root}, on which the "
        "environment runs.",
        hint="The links are made anew, and a file that was put in the place of one stays beside it as *.saved-1.",
        fixable=True,
        paths=tuple(found),
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
