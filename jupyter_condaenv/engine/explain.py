"""Why a request cannot be fulfilled, and ways out: each one said to work has been solved.

The solver's tree of reasons names many packages and few culprits. So the fewest requests that clash are found by
leaving one after the other away; what the solver says of them alone is short. Solves are quick once the channels are
read, and all of it ends when its time is over.
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from . import changes, history, lacking, resolver, sites
from .errors import CondaEnvError, Unsatisfiable
from .model import (
    ChannelPriority,
    Clash,
    Explanation,
    Group,
    Message,
    Package,
    Progress,
    Settings,
    Step,
    Untried,
    Way,
    WayKind,
)
from .rattler import gateway, matchspec, solving
from .rattler.query import Query
from .telling import Emit

_MOST_CLASHES = 3
_MOST_NAMES = 8
"""That are told as being on the way between clashing requests."""
_NODE = re.compile(r"[├└]─ (?:the constraint )?([A-Za-z0-9_.-]+)")
_VIRTUAL = re.compile(r"(__[a-z0-9_]+) [<>=~!]*\s*(\d+(?:\.\d+)*)")
_LOOSENESS = {"strict": 0, "flexible": 1, "disabled": 2}
_SPLIT = 0.5
"""Of the time, for finding what clashes."""

_CHANNEL = 10.0
"""Seconds for a try with another channel, which may not be reachable."""


class _OverTime(Exception):
    """There is no time left to try more."""


class _TooLong(Exception):
    """One solve took longer than it may; there is time for others."""


class _Attempt(NamedTuple):
    kind: WayKind
    text: str
    change: str
    query: Query
    specs: tuple[str, ...]


class _Solver:
    """Solves with one reader of channels, and tells that it lives."""

    def __init__(self, query: Query, emit: Emit) -> None:
        self._source = gateway.at(query.cache_dir, query.offline)
        self._emit = emit
        self._began = time.monotonic()
        self._end = self._began

    def give(self, seconds: float) -> None:
        """The time for what comes next."""
        self._end = time.monotonic() + seconds

    def reason(self, query: Query) -> Unsatisfiable | tuple[Package, ...]:
        """The solution, or why there is none. Raises _OverTime or _TooLong."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise _OverTime
        self._emit(Progress(phase="solve", done=round(time.monotonic() - self._began), unit="seconds"))
        try:
            return solving.solve(replace(query, timeout=min(query.timeout, max(left, 1.0))), self._source)
        except Unsatisfiable as error:
            if "explanation" not in error.details:
                raise _TooLong from error
            return error

    def fits(self, query: Query) -> bool:
        return isinstance(self.reason(query), tuple)

    def candidates(self, query: Query, name: str) -> tuple[Package, ...]:
        return solving.candidates(query, name, self._source)


def explain(wanted: resolver.Wanted, settings: Settings, seconds: float, emit: Emit) -> Explanation:
    """Why there is nothing that is ``wanted``, and what there is instead, tried for ``seconds``."""
    query = resolver.query(wanted, settings)
    return _explain(wanted, query, _Solver(query, emit), settings, seconds, emit)


def _explain(
    wanted: resolver.Wanted, query: Query, solver: _Solver, settings: Settings, seconds: float, emit: Emit
) -> Explanation:
    solver.give(query.timeout)
    try:
        found = solver.reason(query)
    except _TooLong as error:
        raise Unsatisfiable(
            f"No answer was found within {query.timeout:g} seconds, so there is nothing to explain yet.",
            "Raise solve_timeout, or ask for fewer packages.",
        ) from error
    if isinstance(found, tuple):
        moved = changes.compare(wanted.there, resolver.lock_of(wanted, query, found).packages)
        return Explanation(possible=True, changes=tuple(change.brief for change in moved))
    end = time.monotonic() + seconds
    emit(Step(phase="solve", text="Looking for what clashes"))
    solver.give(seconds * _SPLIT)
    clashes = _clashes(wanted, query, solver)
    solver.give(end - time.monotonic())
    ways, untried = _ways(wanted, query, clashes, found, settings, solver, emit)
    emit(Step(phase="solve", text="Looking for what can live together"))
    solver.give(end - time.monotonic())
    return Explanation(
        possible=False,
        text=found.message,
        clashes=clashes,
        ways=ways,
        groups=_groups(wanted, query, solver),
        untried=untried,
    )


def why_not(wanted: resolver.Wanted, spec: str, settings: Settings, seconds: float, emit: Emit) -> Explanation:
    """What keeps the package of ``spec``, which is among what is ``wanted``, out."""
    query = resolver.query(wanted, settings)
    solver = _Solver(query, emit)
    explained = _explain(wanted, query, solver, settings, seconds, emit)
    if explained.possible:
        return explained
    name = matchspec.spec_name(spec)
    available = solver.candidates(query, name)
    return replace(explained, kept_out_by=tuple(dict.fromkeys(_keepers(wanted, query, spec, name, available))))


def with_pip(explained: Explanation, prefix: Path) -> Explanation:
    """``explained``, and what pip's packages at ``prefix`` say of the changes that it would take."""
    after = {change.name: change.after for change in explained.changes}
    needs = sites.needs(prefix, history.current_lock(prefix)) if after else ()
    told = [
        f"{need.package} {need.version}, which pip installed, needs {need.requirement}."
        for need in needs
        if need.wanted in after and not sites.is_met(need.requirement, after[need.wanted])
    ]
    return replace(explained, of_pip=tuple(told))


# --- what clashes ----------------------------------------------------------------------------------------------------


def _clashes(wanted: resolver.Wanted, query: Query, solver: _Solver) -> tuple[Clash, ...]:
    """As many sets of clashing requests as there are, and as there is time to find: first those that have nothing in
    common, then others of what is in these."""
    rest = list(wanted.specs)
    found: list[Clash] = []
    try:
        while rest and len(found) < _MOST_CLASHES and not solver.fits(_with(wanted, query, rest)):
            found.append(_clash(wanted, query, rest, solver))
            rest = [spec for spec in rest if spec not in found[-1].requests]
        pairs = [(clash, spec) for clash in found if len(clash.requests) > 1 for spec in clash.requests]
        for known, spec in pairs:
            apart = {one for clash in found if clash is not known for one in clash.requests} - set(known.requests)
            rest = [one for one in wanted.specs if one != spec and one not in apart]
            if len(found) < _MOST_CLASHES and not solver.fits(_with(wanted, query, rest)):
                found.append(_clash(wanted, query, rest, solver))
    except (_OverTime, _TooLong):
        pass
    return tuple(found)


def _clash(wanted: resolver.Wanted, query: Query, specs: Sequence[str], solver: _Solver) -> Clash:
    """One of those that keep ``specs`` from being fulfilled together."""
    fewest = _fewest(wanted, query, specs, solver)
    why = solver.reason(_with(wanted, query, fewest))
    if not isinstance(why, Unsatisfiable):
        return Clash(requests=tuple(fewest))
    return Clash(
        requests=tuple(fewest),
        through=_through(why.message, fewest),
        against=resolver.held_by(why, wanted, query),
        text=why.message,
    )


def _fewest(wanted: resolver.Wanted, query: Query, specs: Sequence[str], solver: _Solver) -> list[str]:
    """Those of ``specs`` that cannot be fulfilled together, and none that is not needed for that."""
    kept = list(specs)
    for spec in specs:
        others = [one for one in kept if one != spec]
        if not solver.fits(_with(wanted, query, others)):
            kept = others
    return kept


def _through(text: str, requests: Sequence[str]) -> tuple[str, ...]:
    asked = {matchspec.spec_name(spec) for spec in requests}
    names = (match[1].lower() for match in _NODE.finditer(text))
    return tuple(dict.fromkeys(name for name in names if name not in asked))[:_MOST_NAMES]


def _with(wanted: resolver.Wanted, query: Query, specs: Sequence[str]) -> Query:
    """``query`` for others than the requests of ``wanted``; what else it has to hold stays."""
    by_text = dict(zip(wanted.specs, query.specs, strict=False))  # query's go on with what is kept and with the base
    return replace(query, specs=(*(by_text.get(spec, spec) for spec in specs), *query.specs[len(wanted.specs) :]))


# --- ways out --------------------------------------------------------------------------------------------------------


def _ways(
    wanted: resolver.Wanted,
    query: Query,
    clashes: Sequence[Clash],
    why: Unsatisfiable,
    settings: Settings,
    solver: _Solver,
    emit: Emit,
) -> tuple[tuple[Way, ...], tuple[Untried, ...]]:
    """Those that were tried, and those that could not be."""
    tried: list[Way] = []
    untried: list[Untried] = []
    attempts = [*_attempts(wanted, query, clashes, why, settings)]
    for number, attempt in enumerate(attempts):
        emit(Step(phase="solve", text=f"Trying to {attempt.text}"))
        try:
            tried.append(_tried(attempt, solver))
        except _OverTime:
            emit(Message(text="There is no time left to try more."))
            return tuple(tried), (*untried, *(Untried(text=left.text) for left in attempts[number:]))
        except _TooLong:
            untried.append(Untried(text=attempt.text))
        except CondaEnvError as error:  # such as a channel that cannot be reached
            emit(Message(text=f"That cannot be tried: {error.message}"))
            untried.append(Untried(text=attempt.text, reason=error.message))
    if len(clashes) > 1 and not any(way.works for way in tried):
        try:
            tried += _drop_one_of_each(wanted, query, clashes, solver)
        except (_OverTime, _TooLong):
            untried.append(Untried(text="do without one request of each clash"))
    return tuple(tried), tuple(untried)


def _tried(attempt: _Attempt, solver: _Solver) -> Way:
    found = solver.reason(attempt.query)
    works = isinstance(found, tuple)
    there = {package.name: package for package in found} if isinstance(found, tuple) else {}
    names = [matchspec.spec_name(spec) for spec in attempt.specs]
    return Way(
        kind=attempt.kind,
        text=attempt.text,
        change=attempt.change,
        works=works,
        specs=attempt.specs if works else (),
        gives=tuple(f"{name} {there[name].version}" for name in dict.fromkeys(names) if name in there),
    )


def _attempts(
    wanted: resolver.Wanted, query: Query, clashes: Sequence[Clash], why: Unsatisfiable, settings: Settings
) -> Iterator[_Attempt]:
    """What could be done otherwise; first what gives up least."""
    guilty = list(dict.fromkeys(spec for clash in clashes for spec in clash.requests))
    for near in _renamed(query, wanted.specs) if "missing" in why.details else ():
        specs = tuple(near.get(spec, spec) for spec in wanted.specs)
        text = " and ".join(f"{other} instead of {spec}" for spec, other in near.items())
        change = " ".join(near.values())
        yield _Attempt("rename", f"take {text}", change, _with(wanted, query, specs), specs)
    for spec in guilty:
        name = matchspec.spec_name(spec)
        if name != spec.strip().lower() and not name.startswith("__"):
            specs = tuple(name if one == spec else one for one in wanted.specs)
            yield _Attempt("relax", f"take any {name} instead of {spec}", name, _with(wanted, query, specs), specs)
    if query.constraints:
        for pin in query.constraints if len(query.constraints) <= _MOST_NAMES else ():
            others = tuple(one for one in query.constraints if one != pin)
            yield _Attempt("unpin", f"do without the pin {pin}", pin, replace(query, constraints=others), wanted.specs)
    if wanted.frozen:
        below = wanted.base.packages if wanted.base is not None else ()
        yield _Attempt("unfreeze", "let move what is installed", "", replace(query, pinned=below), wanted.specs)
    looser: tuple[ChannelPriority, ...] = ("flexible", "disabled")
    if len(query.channels) > 1:
        for priority in looser[_LOOSENESS[query.priority] :]:
            text = f"let later channels count too ({priority} priority)"
            yield _Attempt("priority", text, priority, replace(query, priority=priority), wanted.specs)
    if query.until is not None:
        yield _Attempt("newer", "take newer packages too", "", replace(query, until=None), wanted.specs)
    for name in resolver.others(query, settings):
        yield _Attempt(
            "channel",
            f"search {name} too",
            name,
            replace(query, channels=(*query.channels, name), timeout=min(query.timeout, _CHANNEL)),
            wanted.specs,
        )
    for name, version in dict.fromkeys(_VIRTUAL.findall(why.message)):
        others = tuple(one for one in query.virtual if not one.startswith(f"{name}="))
        yield _Attempt(
            "virtual",
            f"solve for a machine that has {name} {version}",
            f"{name}={version}",
            replace(query, virtual=(*others, f"{name}={version}=0")),
            wanted.specs,
        )
    for spec in guilty:
        if specs := _without(wanted, (spec,)):
            yield _Attempt("drop", f"do without {spec}", spec, _with(wanted, query, specs), specs)


def _renamed(query: Query, specs: Sequence[str]) -> Iterator[dict[str, str]]:
    """What those of ``specs`` may have meant of which no channel has the package; where there are several, the nearest
    of each."""
    near: dict[str, list[str]] = {}
    meant = lacking.meant(query, specs)
    for spec in specs:
        name = matchspec.spec_name(spec)
        if meant.get(name) and spec.lower().startswith(name):
            near[spec] = [other + spec[len(name) :] for other in meant[name]]
    if len(near) == 1:
        for spec, others in near.items():
            yield from ({spec: other} for other in others)
    elif near:
        yield {spec: others[0] for spec, others in near.items()}


def _without(wanted: resolver.Wanted, dropped: Collection[str]) -> tuple[str, ...]:
    """The requests without those that are ``dropped``, in whose place those of earlier are asked for again."""
    names = {matchspec.spec_name(spec) for spec in dropped}
    back = (spec for spec in wanted.replaced if matchspec.spec_name(spec) in names)
    return (*(spec for spec in wanted.specs if spec not in dropped), *back)


def _drop_one_of_each(
    wanted: resolver.Wanted, query: Query, clashes: Sequence[Clash], solver: _Solver
) -> Iterator[Way]:
    """For requests that clash in several ways at once."""
    for dropped in product(*(clash.requests for clash in clashes)):
        if specs := _without(wanted, dropped):
            text = f"do without {' and '.join(dropped)}"
            yield _tried(_Attempt("drop", text, " ".join(dropped), _with(wanted, query, specs), specs), solver)


def _groups(wanted: resolver.Wanted, query: Query, solver: _Solver) -> tuple[Group, ...]:
    """The requests as few sets that can live together. What fits into every one is in every one, such as Python."""
    alone = replace(query, installed=(), constraints=(), pinned=wanted.base.packages if wanted.base else ())
    groups: list[list[str]] = []
    try:
        for spec in wanted.specs:
            for group in groups:
                if solver.fits(_with(wanted, alone, [*group, spec])):
                    group.append(spec)
                    break
            else:
                if solver.fits(_with(wanted, alone, [spec])):
                    groups.append([spec])
        if len(groups) < 2:
            return ()
        for spec in wanted.specs:
            without = [group for group in groups if spec not in group]
            if len(without) < len(groups) and all(solver.fits(_with(wanted, alone, [*one, spec])) for one in without):
                for group in without:
                    group.append(spec)
        made = []
        for group in groups:
            specs = tuple(spec for spec in wanted.specs if spec in group)
            found = solver.reason(_with(wanted, alone, specs))
            made.append(Group(specs=specs, packages=len(found) if isinstance(found, tuple) else 0))
        return tuple(made)
    except (_OverTime, _TooLong):
        return ()


# --- what keeps one version out --------------------------------------------------------------------------------------


def _keepers(
    wanted: resolver.Wanted, query: Query, spec: str, name: str, available: Sequence[Package]
) -> Iterator[str]:
    """Sentences about each package, request and pin that does not go with what ``spec`` asks for."""
    fitting = [package for package in available if matchspec.matches(spec, package)]
    if not available:
        yield f"No channel has {name}: {', '.join(query.channels)}."
        return
    if not fitting:
        yield f"The channels have no {spec}; there is {lacking.instead(spec, available)}."
        return
    for pin in query.constraints:
        if matchspec.spec_name(pin) == name and not any(matchspec.matches(pin, package) for package in fitting):
            yield f"{pin} is pinned."
    below = wanted.base.packages if wanted.base is not None else ()
    for package in (*below, *wanted.there):
        if package.name == name:
            continue
        for words, texts in (("needs", package.depends), ("goes only with", package.constrains)):
            for text in texts:
                about = text.startswith(name) and matchspec.spec_name(text) == name
                if about and not any(matchspec.matches(text, one) for one in fitting):
                    yield f"{package.name} {package.version}, which is there, {words} {text}."
    newest = fitting[-1]
    there = {package.name: package for package in (*below, *wanted.there)}
    virtual = {one.split("=")[0] for one in query.virtual}
    for text in newest.depends:
        needed = matchspec.spec_name(text)
        if needed.startswith("__") and needed not in virtual:
            yield f"{newest.name} {newest.version} needs {text}, and this machine has no {needed}."
        elif needed in there and not matchspec.matches(text, there[needed]):
            yield f"{newest.name} {newest.version} needs {text}, and {needed} {there[needed].version} is there."
