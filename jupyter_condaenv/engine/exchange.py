"""From one state of a prefix to the next without a state in between.

A change is prepared in a stage (``staging``) and put in place by :func:`commit`: in one system call where the file
system can exchange two directories, by a journaled change in place (``in_place``) where it cannot. After a kill at any
moment :func:`recover` leaves the old state or the new.

What a program writes into the old tree while the change is made is not lost (``carryover``): :func:`settle` carries it
over, and deletes the old tree only when no process works in it any more.
"""

from __future__ import annotations

import json
import os
import secrets
from contextlib import suppress
from pathlib import Path

from . import carryover, in_place
from .errors import ReadOnly
from .locking import try_lock
from .staging import MARK, Snapshot, Workspace, abandoned, abandoned_scratch, workspace
from .trees import CANNOT_EXCHANGE, in_use, read, remove_tree, storage_error, swap, write_whole

TIDYING = "tidying up after the last change"
"""What is told to those who wait for :func:`settle`."""


def commit(work: Workspace, snapshot: Snapshot) -> None:
    """Make the stage the prefix. Afterwards :func:`settle` has to be called until it says that nothing is left."""
    change = secrets.token_hex(8)
    mark = work.stage / MARK
    mark.parent.mkdir(parents=True, exist_ok=True)
    write_whole(mark, change)
    write_whole(work.pending, json.dumps({"change": change, "began": snapshot.began, "snapshot": snapshot.there}))
    if not os.path.lexists(work.prefix):
        os.rename(work.stage, work.prefix)
    elif work.inside or snapshot.copied or not _exchanged(work):
        in_place.change(work, snapshot)
    recover(work)


def _exchanged(work: Workspace) -> bool:
    """Whether stage and prefix could be exchanged, and are."""
    try:
        swap(work.stage, work.prefix)
    except OSError as error:
        if error.errno not in CANNOT_EXCHANGE:
            raise storage_error(error) from error
        return False
    return True


def recover(work: Workspace) -> None:
    """Finish or undo whatever an earlier change left half-way. The caller holds the lock."""
    other = abandoned(work)
    if other is not None:
        with try_lock(other.lock, TIDYING) as held:
            if held:
                recover(other)
    if work.journal.exists():
        in_place.roll_back(work)
    if work.done.exists():
        in_place.finish(work)
    if work.removal.exists():
        in_place.remove(work)
    change = _pending_change(work)
    if change:
        old = work.root / f"old-{change}"
        if work.stage.is_dir() and read(work.prefix / MARK) == change and read(work.stage / MARK) != change:
            os.rename(work.stage, old)
        if old.is_dir():
            os.rename(work.pending, carryover.note_of(old))
    with suppress(FileNotFoundError):
        work.pending.unlink()
    for note in work.root.glob("old-*.snapshot"):
        if not note.with_suffix("").is_dir():
            note.unlink()
    for leftover in (work.stage, work.backup, *abandoned_scratch(work), *work.root.glob("trash-*")):
        _discard(work, leftover)


def _pending_change(work: Workspace) -> str:
    text = read(work.pending)
    return str(json.loads(text)["change"]) if text else ""


def settle(prefix: str) -> bool:
    """Carry over what was written into replaced trees, and delete those that nobody uses. True: nothing is left.

    Cheap when there is nothing to do. Does nothing while another operation holds the prefix. Raises StorageError.
    """
    try:
        work = workspace(Path(prefix))
    except ReadOnly:
        return True
    if not os.access(work.root, os.W_OK):
        return not replaced(work)
    with try_lock(work.lock, TIDYING) as held:
        if not held:
            return False
        try:
            recover(work)
            left = [old for old in replaced(work) if not _retire(work, old)]
        except OSError as error:
            raise storage_error(error) from error
        return not left and not any(work.root.glob("trash-*"))


def replaced(work: Workspace) -> list[Path]:
    """The trees that were exchanged away and are still there."""
    return [old for old in sorted(work.root.glob("old-*")) if old.is_dir()]


def sweep(work: Workspace) -> None:
    """Carry over what was written into replaced trees so far. The caller holds the lock."""
    for old in replaced(work):
        carryover.carry_over(old, work.prefix)


def remove(work: Workspace) -> None:
    """Delete the prefix and everything of ours beside it. The caller holds the lock."""
    try:
        recover(work)
        try:
            os.rename(work.prefix, _trash(work))
        except OSError as error:
            if error.errno not in CANNOT_EXCHANGE:
                raise
            write_whole(work.removal, "")
        for old in replaced(work):
            os.rename(old, _trash(work))
        recover(work)
    except OSError as error:
        raise storage_error(error) from error


def _retire(work: Workspace, old: Path) -> bool:
    """Sweep ``old`` and delete it if no process works in it."""
    used = in_use(old)  # asked before the sweep, so that nothing can appear after it
    if work.prefix.is_dir():
        carryover.carry_over(old, work.prefix)
    if used:
        return False
    trash = _trash(work)
    os.rename(old, trash)
    with suppress(FileNotFoundError):
        carryover.note_of(old).unlink()
    _discard(work, trash)
    return True


def _discard(work: Workspace, leftover: Path) -> None:
    """Delete what is left of something, now or when that becomes possible: it must not be in anybody's way."""
    if os.path.lexists(leftover):
        trash = leftover if leftover.name.startswith("trash-") else _trash(work)
        if trash != leftover:
            os.rename(leftover, trash)
        with suppress(OSError):
            remove_tree(trash)


def _trash(work: Workspace) -> Path:
    return work.root / f"trash-{secrets.token_hex(8)}"
