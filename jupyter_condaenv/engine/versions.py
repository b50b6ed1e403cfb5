"""The order of conda's versions (CEP 33), without py-rattler: a server that only looks need not load it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cmp_to_key, lru_cache
from itertools import zip_longest

_PLAIN = re.compile(r"\d+(\.\d+)*\Z", re.ASCII)
_RUNS = re.compile(r"\d+|_|[^\d_]+")
_Part = tuple[int, int, str]
"""What it is, in the order of what is older, and then its number or its text."""
_Components = list[tuple[_Part, ...]]
_ZERO: _Part = (2, 0, "")


def compare(one: str, other: str) -> int:
    """Negative, zero or positive as ``one`` is older than, the same as or newer than ``other``."""
    for left, right in zip(_split(one), _split(other), strict=True):
        if order := _compared(left, right):
            return order
    return 0


def starts_with(version: str, beginning: str) -> bool:
    """Whether ``version`` is one of those that ``beginning.*`` stands for: of ``1.2`` these are ``1.2``, ``1.2.3`` and
    ``1.2rc1``, of nothing all."""
    if not beginning:
        return True
    (epoch, public, local), (of_epoch, of_public, of_local) = _split(version), _split(beginning)
    if _compared(epoch, of_epoch):
        return False
    return _compared(public, of_public) == 0 and _begin(local, of_local) if of_local else _begin(public, of_public)


def newest_first(found: Iterable[str]) -> list[str]:
    listed = list(found)
    if all(map(_PLAIN.match, listed)):  # as most are, and a channel has hundreds of thousands
        return sorted(listed, key=_numbers, reverse=True)
    return sorted(listed, key=cmp_to_key(compare), reverse=True)


def _numbers(version: str) -> tuple[int, ...]:
    """Of which those at the end say nothing that are 0."""
    numbers = [int(number) for number in version.split(".")]
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)


def _compared(left: _Components, right: _Components) -> int:
    for first, second in zip_longest(left, right, fillvalue=()):
        for a, b in zip_longest(first, second, fillvalue=_ZERO):
            if a != b:
                return 1 if a > b else -1
    return 0


def _begin(whole: _Components, beginning: _Components) -> bool:
    """Whether the first of ``whole`` are as ``beginning``, of which the last may be a part of a component; zeros that
    ``whole`` does not come to say nothing."""
    while len(beginning) > len(whole) and set(beginning[-1]) == {_ZERO}:
        beginning = beginning[:-1]
    last = len(beginning) - 1
    first = [*whole[:last], *(component[: len(beginning[last])] for component in whole[last : last + 1])]
    return _compared(first, beginning) == 0


@lru_cache(4096)
def _split(version: str) -> tuple[_Components, _Components, _Components]:
    """Epoch, version and local version, each as its components."""
    public, _, local = version.strip().lower().partition("+")
    epoch, _, public = public.rpartition("!")
    return _components(epoch), _components(public), _components(local)


def _components(text: str) -> _Components:
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
