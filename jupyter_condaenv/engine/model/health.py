"""What can be wrong with an environment."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

FindingCode = Literal[
    "interrupted",
    "damaged_record",
    "double_record",
    "damaged_history",
    "missing_files",
    "altered_files",
    "broken_links",
    "missing_bytecode",
    "missing_needs",
    "shadowed",
    "pip_files",
    "pip_needs",
    "pip_drift",
    "drift",
    "dead_base",
    "foreign_python",
    "moved_base",
    "world_writable",
    "closed_files",
    "dead_kernel",
    "dangling_links",
    "mixed_channels",
    "other_file_system",
]


class Finding(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something about an environment that is not as it should be."""

    code: FindingCode
    severity: Literal["damage", "advice"] = "damage"
    """What is damaged can fail; advice is about what works and could be better."""
    text: str
    """What it is, in a sentence."""
    hint: str
    """What to do, or, where it is fixable, what mending it does."""
    fixable: bool = False
    packages: tuple[str, ...] = ()
    """Names of the packages it is about."""
    paths: tuple[str, ...] = ()
    """The first of the files it is about, relative to the prefix."""


class Health(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was found when every file of an environment was looked at."""

    prefix: str
    time: str
    """UTC, ISO 8601, to the second."""
    findings: tuple[Finding, ...] = ()
    """What is not as it should be; what was mended is not among it."""
    fixed: tuple[Finding, ...] = ()
    """What was found and mended."""
