"""Selectors: words behind a line that say on which platforms it counts, such as ``[win and not arm64]`` (conda-build).

conda-lock and micromamba know some of them. What they ask of anything else than the platform is not decided, and
matters only where the platform leaves it open: ``[win and py<35]`` is out on Linux whatever Python there will be.
"""

from __future__ import annotations

import re

WORDS = frozenset(
    ("linux", "osx", "win", "unix", "linux64", "osx64", "win64", "arm64", "aarch64", "x86_64", "linux-64",
     "linux-aarch64", "linux-ppc64le", "osx-64", "osx-arm64", "win-64", "win-arm64", "linux32", "win32", "x86",
     "ppc64le", "s390x")
)  # fmt: skip
_PYTHON = re.compile(r"\bpy(\d\d+|2k|3k|\s*[<>=!]=?\s*\d)")


def is_selector(said: str) -> bool:
    """Whether what stands in the brackets of a comment is one, and not just any remark.

    >>> [is_selector(said) for said in ("linux", "not win", "py<35", "gpu", "see win32api")]
    [True, True, True, False, False]
    """
    return not WORDS.isdisjoint(re.findall(r"[\w-]+", said)) or _PYTHON.search(said) is not None


def holds(selector: str, platform: str) -> bool | None:
    """Whether ``selector`` lets its line through on ``platform``; None where that is not decided by the platform.

    >>> [holds("win or osx", platform) for platform in ("linux-64", "osx-arm64")], holds("not win and x86", "linux-64")
    ([False, True], True)
    >>> [holds("win and py<35", platform) for platform in ("linux-64", "win-64")], holds("unix or gpu", "linux-64")
    ([False, None], True)
    >>> holds("not (osx or linux)", "linux-64")
    """
    if "(" in selector or ")" in selector:
        return None
    true = _true(platform)
    parts = " ".join(selector.split()).split(" or ")
    either = [_all([_word(word, true) for word in part.split(" and ")]) for part in parts]
    return True if True in either else None if None in either else False


def _all(found: list[bool | None]) -> bool | None:
    return False if False in found else None if None in found else True


def _word(said: str, true: set[str]) -> bool | None:
    *nots, word = said.split(" ")
    if word not in WORDS or set(nots) - {"not"}:
        return None
    return (word in true) == (len(nots) % 2 == 0)


def _true(platform: str) -> set[str]:
    system, _, machine = platform.partition("-")
    return {
        system,
        platform,
        *(("unix",) if system in ("linux", "osx") else ()),
        *((f"{system}64", "x86_64", "x86") if machine == "64" else (machine,)),
    }
