"""Plans, what became of them, and why there is none, as a person reads them."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TypeVar

from ..engine import conda_history
from ..engine.model import (
    AnyResult,
    Brief,
    Change,
    Changed,
    Deferred,
    Difference,
    Explanation,
    PipChange,
    Plan,
    RevisionSummary,
    Room,
)
from ..engine.versions import compare as compare_versions
from .text import count, size, table

KINDS: dict[str, str] = {
    "add": "new",
    "upgrade": "up",
    "downgrade": "down",
    "rebuild": "rebuilt",
    "rechannel": "elsewhere",
    "remove": "removed",
}
"""The words for what happens to a package, in the order in which they are counted."""
COLOURS = {"new": "32", "up": "36", "down": "33", "rebuilt": "35", "elsewhere": "35", "removed": "31"}


def change_row(change: Change) -> tuple[str, str, str, str, str, str]:
    before, after = change.before, change.after
    shown = after or before
    assert shown is not None
    same_version = before is not None and after is not None and before.version == after.version
    return (
        KINDS[change.kind],
        change.name,
        _step(before.version if before and not same_version else "", after.version if after else ""),
        _step(before.build, after.build) if before and after and same_version else shown.build,
        size(after.size) if after and after.size else "",
        f"from {change.channel}" if change.channel else "",
    )


def _step(before: str, after: str) -> str:
    return f"{before} -> {after}" if before and after else before or after


def plan(shown: Plan, only: Sequence[str] | None = None, *, done: bool = False) -> list[str]:
    """What a plan changes: a line a package (of the names in ``only``, where given), then the sum."""
    changes = _sorted(shown.changes)
    listed = changes if only is None else [change for change in changes if change.name in only]
    lines = table((change_row(change) for change in listed), indent="  ")
    if len(listed) < len(changes):
        lines.append(
            f"  ... and {count(len(changes) - len(listed), 'package')} more, listed by `jupyter condaenv show ENV`"
        )
    lines += [*pip(shown, done=done), *variables(shown)]
    if not changes and lines:
        return lines
    if not changes:
        return ["No package changed." if done else "Nothing would change."]
    if shown.unasked and only is None:
        lines.append("Not asked for, but:")
        lines += [f"  {one.name}: {one.because or 'moves as well'}" for one in shown.unasked]
    lines.append(total(changes, shown.download_bytes, done=done))
    return [*lines, room(shown.room)] if shown.room is not None and not done else lines


def variables(shown: Plan) -> list[str]:
    """What a plan does to variables, in a line, if it does."""
    said = [*(f"{one.name} = {one.value}" for one in shown.variables), *(f"{name} unset" for name in shown.unset)]
    return [f"variables: {', '.join(said)}"] if said else []


def pip(shown: Plan, *, done: bool = False) -> list[str]:
    """What a plan has to do with pip."""
    part = shown.pip
    if part is None:
        return []
    lines = []
    if part.changes:
        rows = [(pip_kind(one), one.name, _step(one.before, one.after)) for one in part.changes]
        lines += ["of pip:", *table(rows, indent="  ")]
    if not part.resolved:
        lines.append(f"pip is asked for {', '.join(shown.lock.pip_specs)} when conda's packages are in place.")
    if part.download_bytes and not done:
        lines.append(f"{size(part.download_bytes)} to download for pip")
    if part.again and not done:
        lines.append(f"For the new Python pip installs anew: {', '.join(part.again)}")
    if part.stranded:
        lines.append(f"Left behind with the old Python, installed by hand: {', '.join(part.stranded)}")
        lines.append("  --pip asks for what is needed again.")
    return lines


def pip_kind(change: PipChange) -> str:
    """The word for what happens to it."""
    if not change.before or not change.after:
        return KINDS["add" if change.after else "remove"]
    order = compare_versions(change.before, change.after)
    return KINDS["upgrade" if order < 0 else "downgrade" if order else "rebuild"]


def explanation(found: Explanation) -> list[str]:
    """What clashes, what keeps a version out, the ways that work and what can live together."""
    if found.possible:
        done = ["This can be done:", *brief(found.changes)] if found.changes else ["This can be done."]
        return [*done, *found.of_pip]
    lines = [f"For {found.platform}:"] if found.platform else []
    lines += found.kept_out_by
    for clash in found.clashes:
        through = f", by way of {', '.join(clash.through)}" if clash.through else ""
        together = "cannot be had" if len(clash.requests) == 1 else "cannot be had together"
        together += f" beside {' and '.join(clash.against)}" if clash.against else ""
        lines += [f"{' and '.join(clash.requests)} {together}{through}.", *_indented(clash.text)]
    if not found.clashes:
        lines += found.text.splitlines()
    works = [way for way in found.ways if way.works]
    tried = "Nothing that was tried works." if found.ways else "Nothing else was tried."
    lines.append("What works instead:" if works else tried)
    lines += [f"  {way.text}" + (f": {', '.join(way.gives)}" if way.gives else "") for way in works]
    failed = [way.text for way in found.ways if not way.works]
    if failed:
        lines.append(f"What does not: {'; '.join(failed)}.")
    lines += [f"Could not be tried: {way.text}. {way.reason}" for way in found.untried if way.reason]
    late = [way.text for way in found.untried if not way.reason]
    if late:
        lines.append(f"There was no time to try: {'; '.join(late)}. --seconds gives more.")
    if found.groups:
        lines.append("What can live together, each in an environment of its own:")
        lines += [f"  jupyter condaenv create NAME {shlex.join(group.specs)}" for group in found.groups]
    return lines


def brief(changes: Iterable[Brief]) -> list[str]:
    rows = [
        (KINDS[one.kind], one.name, _step(one.before, one.after), f"from {one.channel}" if one.channel else "")
        for one in _sorted(changes)
    ]
    return table(rows, indent="  ")


def _indented(words: str) -> list[str]:
    return [f"  {line}" for line in words.splitlines()]


def room(added: Room) -> str:
    """``12.0 MB and 340 files on the disk; 80.1 MB shared by hard links``."""
    least = "at least " if added.unknown else ""
    shared = f"; {size(added.shared)} shared by hard links" if added.shared else ""
    shared += f"; about {size(added.pip)} of it for pip" if added.pip else ""
    room = f"{least}{size(added.bytes)} and {count(added.inodes, 'file')} more on the disk{shared}"
    room += f"; {size(added.freed)} freed at once" if added.freed or added.held else ""
    return room + (f", {size(added.held)} by `clean` once no environment needs it" if added.held else "")


def revisions(found: Iterable[RevisionSummary], damaged: Sequence[int] = ()) -> list[str]:
    """A line for each, and what to do about those that are ``damaged``."""
    rows = {
        one.number: (one.time[:16].replace("T", " "), one.author, one.words or one.verb, _asked(one)) for one in found
    } | dict.fromkeys(damaged, ("-", "-", "damaged", "-"))
    lines = table(
        [(str(number), *rows[number]) for number in sorted(rows)],
        ("REVISION", "TIME (UTC)", "AUTHOR", "CHANGE", "ASKED FOR"),
    )
    return lines + [f"Nothing can go back to {number}. `doctor ENV --fix` puts it aside." for number in damaged]


def _asked(state: RevisionSummary) -> str:
    """``numpy >=1.20,<3; pandas; by pip: humanize; variables: MODE``: specs have commas and spaces of their own."""
    said = [("by pip: ", "; ".join(state.pip_specs)), ("variables: ", ", ".join(state.variables))]
    return "; ".join([*state.specs, *(heading + names for heading, names in said if names)])


def difference(found: Difference) -> list[str]:
    """What was asked for and what is there, in two states of an environment."""
    asked = [("asked", f"for {spec}") for spec in found.specs_added]
    asked += [("no longer", f"asked for {spec}") for spec in found.specs_dropped]
    asked += [("asked", f"of pip for {spec}") for spec in found.pip_specs_added]
    asked += [("no longer", f"asked of pip for {spec}") for spec in found.pip_specs_dropped]
    lines = [f"  {word} {rest}" for word, rest in asked]
    if found.changes:
        lines += table((change_row(change) for change in _sorted(found.changes)), indent="  ")
        lines.append(total(found.changes, 0))
    if found.pip:
        rows = [(pip_kind(one), one.name, _step(one.before, one.after)) for one in found.pip]
        lines += ["of pip:", *table(rows, indent="  ")]
    if found.variables:
        said = (
            f"{one.name} unset" if one.after is None else f"{one.name} = {_step(one.before or '', one.after)}"
            for one in found.variables
        )
        lines.append(f"variables: {', '.join(said)}")
    return lines or ["They do not differ."]


_Any = TypeVar("_Any", Change, Brief)


def _sorted(changes: Iterable[_Any]) -> list[_Any]:
    order = list(KINDS)
    return sorted(changes, key=lambda change: (order.index(change.kind), change.name))


def total(changes: Iterable[Change | Brief], download_bytes: int, *, done: bool = False) -> str:
    """``12 new, 1 up, 1 down; 45.2 MB to download``; once it is ``done``, they are downloaded."""
    numbers = Counter[str](change.kind for change in changes)
    parts = ", ".join(f"{numbers[kind]} {word}" for kind, word in KINDS.items() if numbers[kind])
    if not download_bytes:
        return parts
    return f"{parts}; {size(download_bytes)} {'downloaded' if done else 'to download'}"


def deferred(result: Deferred) -> list[str]:
    """What will be done, when, and how to have it now."""
    processes = count(len(result.kernels), "kernel")
    return [
        f"{result.plan.words or result.plan.verb} is not done yet. It waits for the next start of a kernel:",
        *plan(result.plan),
        f"{processes} of this environment {'runs' if len(result.kernels) == 1 else 'run'} "
        f"(process {', '.join(map(str, result.kernels))}), so nothing is changed under it.",
        "It is done when a kernel of it is started and no other one runs; --now does it at once, and `drop-deferred` "
        "gives it up.",
    ]


def in_a_line(result: AnyResult) -> str:
    """What became of a change that has waited for the start of a kernel."""
    if isinstance(result, Deferred):
        others = f"{count(len(result.kernels), 'kernel')} of this environment"
        runs = "runs" if len(result.kernels) == 1 else "run"
        return f"What waits is not done yet, because {others} {runs}: {waiting(result.plan)}."
    assert isinstance(result, Changed)
    return f"What waited was done before this kernel started: {waiting(result.plan)}."


def changed(result: Changed) -> list[str]:
    """What was done: every package of a change, the requested ones of a new environment."""
    new = not result.plan.before
    asked = {conda_history.name_of(spec) for spec in result.plan.lock.specs}
    lines = plan(result.plan, sorted(asked) if new else None, done=True)
    environment = result.environment
    kernels = f"; kernel {', '.join(environment.kernels)}" if environment.kernels else ""
    return [*lines, f"{environment.name}: revision {result.revision} in {environment.prefix}{kernels}"]


def waiting(plan: Plan) -> str:
    """A change that waits for the next start of a kernel, in a line."""
    of_pip = plan.pip.changes if plan.pip is not None else ()
    return f"{plan.words or plan.verb}: " + ", ".join(
        [
            *(f"{change.kind} {change.after or change.before}" for change in plan.changes),
            *(f"{pip_kind(change)} {change.name} of pip" for change in of_pip),
            *variables(plan),
        ]
    )
