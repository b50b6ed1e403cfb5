"""How findings are told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from ..model import Finding, FindingCode
from .patient import Patient

SHOWN = 20
"""Paths in a finding."""


def of_packages(
    patient: Patient, code: FindingCode, found: Mapping[Path, list[str]], what: str, hint: str
) -> Finding | None:
    if not found:
        return None
    names = [patient.records[path].name for path in found]
    paths = [path for one in found.values() for path in one]
    return Finding(
        code=code,
        text=f"{count(paths, 'file')} of {some(names)} {'is' if len(paths) == 1 else 'are'} {what}: {some(paths)}.",
        hint=hint,
        fixable=True,
        packages=tuple(names),
        paths=tuple(paths[:SHOWN]),
    )


def some(names: Iterable[str], most: int = 3, between: str = ", ") -> str:
    listed = list(dict.fromkeys(names))
    more = len(listed) - most
    return between.join(listed[:most]) + (f" and {more} more" if more > 0 else "")


def lead_nowhere(links: list[str], which: str) -> str:
    return f"{count(links, 'link')} {which} lead{'s' if len(links) == 1 else ''} nowhere"


def count(things: list[str], one: str) -> str:
    return f"{len(things)} {one if len(things) == 1 else one + 's'}"
