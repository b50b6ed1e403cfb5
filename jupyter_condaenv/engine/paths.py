"""Paths as people write them."""

from __future__ import annotations

import os
import re

from .channels import redact
from .errors import InvalidRequest

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


def absolute(path: str) -> str:
    """``path`` with ``~`` expanded, from the root, without following links. Raises InvalidRequest for a URL."""
    check(path)
    return os.path.abspath(os.path.expanduser(path))


def check(path: str) -> None:
    """Raises InvalidRequest for a URL, before it is made a path that hides what was a secret in it."""
    if _URL.match(path):
        raise InvalidRequest(
            f"{redact(path)!r} is a URL, and what is wanted here lies on this machine.",
            "Give a path; what lies elsewhere has to be downloaded first.",
        )
