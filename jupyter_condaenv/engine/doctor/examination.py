"""All that is looked for."""

from __future__ import annotations

from collections.abc import Callable

from ..model import Finding
from .bases import dead_base, foreign_python, moved_base
from .of_pip import pip_drift, pip_files, pip_needs
from .packages import (
    altered_files,
    broken_links,
    missing_bytecode,
    missing_files,
    missing_needs,
    mixed_channels,
    shadowed,
)
from .patient import Patient
from .places import closed_files, dangling_links, interrupted, other_file_system, world_writable
from .records import damaged_history, damaged_record, double_record, drift

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
    pip_files,
    pip_needs,
    dead_base,
    foreign_python,
    world_writable,
    closed_files,
    moved_base,
    drift,
    pip_drift,
    missing_bytecode,
    dangling_links,
    mixed_channels,
    other_file_system,
)


def examine(patient: Patient) -> list[Finding]:
    """Everything that is not as it should be, the worst first."""
    found = [finding for check in CHECKS if (finding := check(patient)) is not None]
    return sorted(found, key=lambda finding: finding.severity != "damage")
