"""The place where an environment lies, and what lies there that is of no package."""

from __future__ import annotations

from pathlib import Path

from .. import staging, storage
from ..errors import ReadOnly
from ..model import Finding
from .patient import Patient
from .words import SHOWN, lead_nowhere, some


def interrupted(patient: Patient) -> Finding | None:
    """The caller has made sure that no operation is under way."""
    left = [path.name for work in _workspaces(patient.prefix) for path in staging.leftovers(work)]
    if not left:
        return None
    return Finding(
        code="interrupted",
        text=f"An operation was interrupted and left {some(left)}.",
        hint="It is finished or undone, as the next change would do it.",
        fixable=True,
        paths=tuple(left[:SHOWN]),
    )


def world_writable(patient: Patient) -> Finding | None:
    found = patient.files.open
    if not found:
        return None
    return Finding(
        code="world_writable",
        text=f"Everybody on this machine may write {some(found)}: what is put there runs as you.",
        hint="The permission is taken from others.",
        fixable=True,
        paths=tuple(found[:SHOWN]),
    )


def closed_files(patient: Patient) -> Finding | None:
    found = patient.files.closed
    if not found:
        return None
    return Finding(
        code="closed_files",
        text=f"Not even their owner may read or run {some(found)}: what needs them fails.",
        hint="The permission is given back to its owner, and to others who may read it.",
        fixable=True,
        paths=tuple(found[:SHOWN]),
    )


def dangling_links(patient: Patient) -> Finding | None:
    found = patient.files.dangling
    if not found:
        return None
    return Finding(
        code="dangling_links",
        severity="advice",
        text=f"{lead_nowhere(found, 'that came with no package')}: {some(found)}.",
        hint="Whoever made them knows whether they are needed; they are left alone.",
        paths=tuple(found[:SHOWN]),
    )


def other_file_system(patient: Patient) -> Finding | None:
    cache = patient.settings.cache_dir
    if storage.device(str(patient.prefix)) == storage.device(cache):
        return None
    return Finding(
        code="other_file_system",
        severity="advice",
        text=f"It lies on another file system than the package cache, {cache}, so packages are copied, which takes "
        "room and time.",
        hint="Set cache_dir to a folder on the file system of the environments.",
    )


def _workspaces(prefix: Path) -> list[staging.Workspace]:
    try:
        work = staging.workspace(prefix)
    except ReadOnly:
        return []
    other = staging.abandoned(work)
    return [work] if other is None else [work, other]
