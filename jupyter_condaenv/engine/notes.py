"""What people say of an environment, and what they do not want to happen to it.

A *protected* environment is neither deleted nor moved. A *frozen* one is not changed either, by conda and its kin
(CEP 22: ``conda-meta/frozen``) as little as by us. An overlay has that marker from the start, because only we can
change one; that somebody froze it is therefore said in a file of our own.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import msgspec

from . import stack
from .channels import redact
from .errors import Broken, InvalidRequest, Refused
from .model import Annotate, Notes
from .trees import write_whole

FILE = Path("conda-meta") / "condaenv" / "notes.json"
MARKER = Path("conda-meta") / "frozen"
_OVERLAY_MARKER = Path("conda-meta") / "condaenv" / "frozen"
_USUAL = "It was frozen."
_TAG = re.compile(r"[^\W_][\w.+-]{0,63}\Z")
_MOST_TAGS = 50


def read(prefix: Path) -> Notes:
    """What is noted of the environment at ``prefix``. Where the notes are damaged, it counts as protected."""
    try:
        found = _noted(prefix)
    except Broken as error:
        found = Notes(protected=True, note=f"{error.message} {error.hint}")
    why, _ = _frozen(prefix)
    return msgspec.structs.replace(found, protected=found.protected or bool(_needed_by(prefix)), frozen=why)


def change(prefix: Path, request: Annotate) -> Notes:
    """Note what ``request`` says, and return all that is noted. The caller is the writer of ``prefix``.

    Raises InvalidRequest for a tag that is none, Refused where ``prefix`` has to stay protected, Broken where the notes
    are damaged.
    """
    there = _noted(prefix)
    for tag in request.tag:
        if not _TAG.match(tag):
            raise InvalidRequest(
                f"{tag!r} is not a tag.", "Use up to 64 letters, digits and - _ . +, such as prod or 2026-teaching."
            )
    needed = _needed_by(prefix)
    if request.protected is False and needed:
        raise Refused(f"{prefix} {needed}, and so stays protected.", "Nothing was changed.")
    tags = tuple(dict.fromkeys(tag for tag in (*there.tags, *request.tag) if tag not in request.untag))
    if len(tags) > _MOST_TAGS:
        raise InvalidRequest(f"That would be {len(tags)} tags; {_MOST_TAGS} are possible.", "Take some away first.")
    noted = Notes(
        protected=there.protected if request.protected is None else request.protected,
        tags=tags,
        note=there.note if request.note is None else request.note,
    )
    path = prefix / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, msgspec.json.encode(noted))
    if request.frozen is not None:
        marker = _marker(prefix)
        if request.frozen:
            write_whole(marker, json.dumps({"message": request.message or _USUAL}))
        else:
            marker.unlink(missing_ok=True)
    return read(prefix)


def without_secrets(request: Annotate) -> Annotate:
    """``request`` as it may be kept: people paste addresses into notes."""
    note = None if request.note is None else redact(request.note)
    return msgspec.structs.replace(request, note=note, message=redact(request.message))


def check_changeable(prefix: Path) -> None:
    """Raises Refused for an environment that is frozen."""
    why, told = _frozen(prefix)
    if why:
        raise Refused(
            f"{prefix.name} is frozen{told}",
            f"Put packages on top of it with `stack`, make a `clone` and change that, or: unfreeze {prefix.name}",
            prefix=str(prefix),
        )


def check_removable(prefix: Path) -> None:
    """Raises Refused for an environment that has to stay where it is."""
    needed = _needed_by(prefix)
    if needed:
        raise Refused(f"{prefix} {needed}.", "It is neither deleted nor moved.", prefix=str(prefix))
    check_changeable(prefix)
    if read(prefix).protected:
        raise Refused(
            f"{prefix.name} is protected.", f"If it shall go all the same: unprotect {prefix.name}", prefix=str(prefix)
        )


def _noted(prefix: Path) -> Notes:
    """What stands in the file."""
    try:
        return msgspec.json.decode((prefix / FILE).read_bytes(), type=Notes)
    except (FileNotFoundError, NotADirectoryError):
        return Notes()
    except (OSError, msgspec.MsgspecError) as error:
        raise Broken(f"{prefix / FILE} is damaged: {error}.", "Delete the file; packages are not affected.") from error


def _needed_by(prefix: Path) -> str:
    """Why ``prefix`` is protected whatever anybody says, as the rest of a sentence about it; empty where it is not."""
    real = os.path.realpath(prefix)
    if real in (os.path.realpath(sys.prefix), os.path.realpath(sys.base_prefix)):
        return "is the environment that Jupyter itself runs in"
    if (prefix / "condabin").is_dir():
        return "is the base of a conda installation"
    return ""


def _marker(prefix: Path) -> Path:
    return prefix / (_OVERLAY_MARKER if (prefix / stack.FILE).exists() else MARKER)


def _frozen(prefix: Path) -> tuple[str, str]:
    """Why ``prefix`` must not be changed, and the same as the end of a sentence, in which the words of a person are
    quoted; both empty where it may be. CEP 22 lets the file be empty."""
    try:
        text = _marker(prefix).read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        return "", ""
    except OSError as error:
        why = f"Why cannot be read: {error.strerror}."
        return why, f". {why}"
    try:
        said = json.loads(text).get("message")
    except (ValueError, AttributeError, RecursionError):
        said = None
    if not isinstance(said, str) or said.strip() in ("", _USUAL):
        return _USUAL, "."
    return said, f': "{said}"'
