"""What a change moves although it was not asked to, and why."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from .model import Change, Lock, Package, Unasked
from .rattler import matchspec


def of(changes: Sequence[Change], named: Collection[str], lock: Lock, pins: Sequence[str]) -> tuple[Unasked, ...]:
    """Those of ``changes`` that touch an installed package which is not ``named``. ``lock`` is what they lead to."""
    below = {package.name: package for package in (lock.base.packages if lock.base is not None else ())}
    after = below | {package.name: package for package in lock.packages}
    return tuple(
        Unasked(name=change.name, because=next(_reasons(change, change.before, after, below, lock.specs, pins), ""))
        for change in changes
        if change.before is not None and change.name not in named
    )


def _reasons(
    change: Change,
    before: Package,
    after: dict[str, Package],
    below: dict[str, Package],
    specs: Sequence[str],
    pins: Sequence[str],
) -> Iterator[str]:
    """Why ``before`` could not stay, the nearest reason first."""
    for texts, who in ((specs, "what was asked for"), (pins, "a pin")):
        for text in texts:
            if matchspec.spec_name(text) == before.name and not matchspec.matches(text, before):
                yield f"{who} says {text}"
    for package in after.values():
        for text in package.depends:
            if _is_about(text, before.name) and not matchspec.matches(text, before):
                yield f"{package.name} {package.version} needs {text}"
        for text in package.constrains:
            if _is_about(text, before.name) and not matchspec.matches(text, before):
                yield f"{package.name} {package.version} goes only with {text}"
    if change.after is None and before.name in below:
        yield f"the base has {before.name} {below[before.name].version} itself"
    elif change.after is None:
        yield "nothing needs it any more"
    for text in before.depends:
        if text.startswith("__"):
            continue
        needed = after.get(matchspec.spec_name(text))
        if needed is None or not matchspec.matches(text, needed):
            yield f"{before.name} {before.version} needs {text}"


def _is_about(spec: str, name: str) -> bool:
    """Quick, since most are not."""
    return spec.startswith(name) and matchspec.spec_name(spec) == name
