"""The order of conda's versions (CEP 33), without py-rattler: a server that only looks need not load it."""

from __future__ import annotations

import re
from itertools import zip_longest

_RUNS = re.compile(r"\d+|_|[^\d_]+")
_Part = tuple[int, int, str]
"""What it is, in the order of what is older, and then its number or its text."""
_ZERO: _Part = (2, 0, "")


def compare(one: str, other: str) -> int:
    """Negative, zero or positive as ``one`` is older than, the same as or newer than ``other``."""
    for left, right in zip(_split(one), _split(other), strict=True):
        for first, second in zip_longest(left, right, fillvalue=()):
            for a, b in zip_longest(first, second, fillvalue=_ZERO):
                if a != b:
                    return 1 if a > b else -1
    return 0


def _split(version: str) -> tuple[list[tuple[_Part, ...]], ...]:
    """Epoch, version and local version, each as its components."""
    public, _, local = version.strip().lower().partition("+")
    epoch, _, public = public.rpartition("!")
    return _components(epoch), _components(public), _components(local)


def _components(text: str) -> list[tuple[_Part, ...]]:
    """``1.2rc1_`` stands before ``1.2rc1``: a separator at the end counts as text."""
    ending = re.search(r"[-_]\Z", text)
    found = re.split(r"[._-]", text[:-1] if ending else text)
    if ending:
        found[-1] += "_"
    return [_parts(component) for component in found if component]


def _parts(component: str) -> tuple[_Part, ...]:
    runs = tuple(_part(run) for run in _RUNS.findall(component))
    return runs if component[0].isdigit() else (_ZERO, *runs)


def _part(run: str) -> _Part:
    if run.isdigit():
        return (2, int(run), "")
    if run == "post":
        return (3, 0, "")
    return (0, 0, "") if run == "dev" else (1, 0, run)
