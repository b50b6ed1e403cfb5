"""Numbers, tables and plans as a person reads them."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from ..engine.condarc import Source
from ..engine.errors import Failure
from ..engine.model import (
    Brief,
    Built,
    Change,
    Channel,
    ChannelIndex,
    ChannelReport,
    Cleaned,
    Difference,
    Environment,
    Explanation,
    FoundPackages,
    Health,
    LockedPlatform,
    Notes,
    Package,
    PackageVersions,
    PipChange,
    Plan,
    Reasons,
    RevisionSummary,
    Room,
    Scanned,
    Settings,
    Storage,
)
from ..engine.telling import size as size
from ..engine.versions import compare as compare_versions

KINDS: dict[str, str] = {
    "add": "new",
    "upgrade": "up",
    "downgrade": "down",
    "rebuild": "rebuilt",
    "rechannel": "elsewhere",
    "remove": "removed",
}
"""The words for what happens to a package, in the order in which they are counted."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_VIRTUAL = re.compile(r"\b(?P<name>__[a-z]\w*)(?: *>=(?P<version>\d[\d.]*))?")
COLOURS = {"new": "32", "up": "36", "down": "33", "rebuilt": "35", "elsewhere": "35", "removed": "31"}


def harmless(line: str) -> str:
    """``line`` without anything that would steer a terminal: names and messages come from channels and from disk.

    >>> harmless("a\\x1b[2Jb")
    'a\\\\x1b[2Jb'
    """
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", line)


def hint(failure: Failure) -> str:
    """What to do, with the commands and options for it, of which the engine knows nothing."""
    also = []
    if "explanation" in failure.details:
        also.append("`jupyter condaenv explain` with the same words tries ways out.")
    if failure.details.get("pip"):
        also.append("--without-pip leaves out what is for pip.")
    if failure.details.get("waiting"):
        also.append("`jupyter condaenv drop-deferred` gives it up, `apply-deferred` does it once no kernel runs.")
    if failure.code == "broken" and "revision" in failure.details:
        also.append("`jupyter condaenv doctor --fix` mends it.")
    lacking = _VIRTUAL.search(failure.message) if failure.code == "unsatisfiable" else None
    if lacking is not None:
        also.append(f"For a machine that has it: --virtual {lacking['name']}={lacking['version'] or 'VERSION'}.")
    if failure.code == "channel_error" and failure.details.get("channels"):
        also.append("`jupyter condaenv channel check` asks each of them; -c CHANNEL names another.")
    if failure.details.get("frozen"):
        also.append("Without --freeze-installed it may.")
    return " ".join([failure.hint, *also]).strip()


def duration(seconds: float) -> str:
    """``4.1 s``, ``2:07 min``, ``1:02:07 h``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02} h" if hours else f"{minutes}:{rest:02} min"


def count(number: int, noun: str) -> str:
    """``1 package``, ``2 packages``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def table(rows: Iterable[Sequence[str]], header: Sequence[str] = (), indent: str = "") -> list[str]:
    """Lines with aligned columns; columns that are empty in every row are left out."""
    body = [list(row) for row in rows]
    if not body:
        return []
    kept = [column for column in range(len(body[0])) if any(row[column] for row in body)]
    lines = ([list(header)] if header else []) + body
    widths = [max(len(line[column]) for line in lines) for column in kept]
    return [
        indent + "  ".join(line[column].ljust(width) for column, width in zip(kept, widths, strict=True)).rstrip()
        for line in lines
    ]


def environments(found: Sequence[Environment]) -> list[str]:
    """A line for each environment, and one more for each that has a problem."""
    often = Counter(item.name for item in found)
    names = {item.prefix: item.name for item in found if often[item.name] == 1}
    rows = [
        (
            item.name,
            item.python or "-",
            str(item.packages),
            f"{item.kind} on {names.get(item.base, item.base)}" if item.base else item.kind,
            ", ".join(item.kernels) or "-",
            " ".join(item.notes.tags) if item.notes else "",
            item.prefix,
        )
        for item in found
    ]
    lines = table(rows, ("NAME", "PYTHON", "PACKAGES", "KIND", "KERNEL", "TAGS", "PREFIX"))
    return lines + [f"{item.name}: {item.problem}" for item in found if item.problem]


def notes(found: Notes) -> list[tuple[str, str]]:
    """What is noted of an environment, each with its heading."""
    said = [
        ("protected", "neither deleted nor moved; `unprotect` lets it" if found.protected else ""),
        ("frozen", found.frozen),
        ("tags", " ".join(found.tags)),
        ("note", found.note),
    ]
    return [fact for fact in said if fact[1]]


def channels(found: Iterable[Channel]) -> list[str]:
    """A line for each, the one with the highest priority first."""
    return table([(one.name, one.url, one.place) for one in found], ("CHANNEL", "URL", "NAMED IN"))


def built(result: Built) -> list[str]:
    """A line for each package, and how one comes into an environment."""
    lines = [f"Built {one.path}: {size(one.size)}." for one in result.packages]
    spec = f"{result.channel}::{result.packages[0].name}"
    return [*lines, f"To use it: jupyter condaenv create NAME {shlex.quote(spec)}"]


def channel_reports(found: Iterable[ChannelReport]) -> list[str]:
    """What became of asking each channel."""
    lines = []
    for report in found:
        lines.append(f"{report.name}: {report.problem or 'usable'}  {report.url if report.url != report.name else ''}")
        lines += [f"  {report.hint}"] if report.hint else []
        rows = [
            (
                one.subdir,
                count(one.packages, "name") if one.packages else "",
                "shards" if one.shards else "whole index",
                one.updated[:16].replace("T", " "),
            )
            for one in report.subdirs
        ]
        lines += table(rows, ("SUBDIR", "PACKAGES", "INDEX", "MADE (UTC)"), indent="  ")
    return lines


def configuration(settings: Settings, said: Mapping[str, Any], unused: Mapping[str, str]) -> list[str]:
    """What applies in the end, and what all ``.condarc`` say together of all else, a line a setting."""
    applied = msgspec.to_builtins(settings)
    others = [(key, shown) for key, value in said.items() if key not in applied and (shown := _setting(value)) != "-"]
    return [
        *table([(key, _setting(value)) for key, value in applied.items()]),
        *(["And by .condarc:", *table(others, indent="  ")] if others else []),
        *(f"{key} has no effect: {why}." for key, why in unused.items()),
    ]


def sources(found: Iterable[Source]) -> list[str]:
    """What each place says, weakest first."""
    lines = []
    for source in found:
        lines.append(f"{source.place}:")
        said = source.settings.items()
        lines += table(
            [(key, _setting(value), "final" if key in source.final else "") for key, value in said], indent="  "
        )
    return lines


def _setting(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_setting(one)}" for key, one in value.items()) or "-"
    if isinstance(value, list | tuple):
        return " ".join(_setting(one) for one in value) or "-"
    return str(value).lower() if isinstance(value, bool) else str("-" if value in ("", None) else value)


def scanned(result: Scanned) -> list[str]:
    """A line for each environment that is new, has other kernels or has gone, and how many there are."""
    written = set(result.kernels)
    rows = [
        ("new" if one.prefix in result.new else "kernel", one.prefix, ", ".join(one.kernels) or "no kernel")
        for one in result.environments
        if one.prefix in result.new or written.intersection(one.kernels)
    ]
    rows += [("gone", prefix, "") for prefix in result.gone]
    rows += [("removed", f"kernel {name}", "") for name in result.removed]
    return [*table(rows, indent="  "), f"{count(len(result.environments), 'environment')}; `list` shows them."]


def storage(found: Storage) -> list[str]:
    """A line for each environment, the largest first, and what the package cache takes."""
    rows = [
        (one.name, str(one.files), size(one.alone), size(one.freed), one.last_used[:10], one.prefix)
        for one in sorted(found.environments, key=lambda one: -one.freed)
    ]
    lines = table(rows, ("NAME", "FILES", "SIZE", "FREED IF DELETED", "LAST USED", "PREFIX"))
    for one in found.environments:
        if one.unreadable:
            lines.append(f"{one.name}: {one.unreadable} of its folders and files cannot be read, so it is larger.")
        if one.other_file_system:
            lines.append(f"{one.name}: lies on another file system than the package cache, so packages are copied.")
    cache = found.cache
    parts = [
        (size(cache.packages), f"packages, {size(cache.unlinked)} of them in no environment of this file system"),
        (size(cache.archives), "archives"),
        (size(cache.bytecode), "compiled Python"),
        (size(cache.indexes), "channel indexes"),
        (size(cache.builds), "for builds of packages"),
        (size(cache.wheels), "wheels of pip"),
    ]
    return [*lines, f"Package cache {cache.path}:", *table(parts, indent="  ")]


def short_channels(found: Iterable[str]) -> dict[str, str]:
    """What each is called in a table, where the URLs stand elsewhere: the end of its URL, where no other one has that;
    nothing where it is the only one.

    >>> short_channels(["https://conda.example/ours", "https://conda.example/theirs"])
    {'https://conda.example/ours': 'ours', 'https://conda.example/theirs': 'theirs'}
    >>> short_channels(["https://conda.example/ours", "https://conda.example/ours"])
    {'https://conda.example/ours': ''}
    """
    urls = list(dict.fromkeys(found))
    ends = Counter(url.rstrip("/").rpartition("/")[2] for url in urls)
    if len(urls) == 1:
        return {urls[0]: ""}
    return {url: end if ends[end := url.rstrip("/").rpartition("/")[2]] == 1 else url for url in urls}


def index(one: ChannelIndex) -> str:
    return f"{one.channel}: {count(one.packages, 'package')}, as of {one.time[:16].replace('T', ' ')} UTC."


def found(result: FoundPackages, fitting: Mapping[str, str]) -> list[str]:
    """A line for each package, then how many more there are and how old what was searched is."""
    short = short_channels(one.channel for one in result.indexes)
    rows = [
        (
            one.name,
            one.version,
            (fitting[one.name] or "-") if one.name in fitting else "",
            str(one.versions),
            short.get(one.channel, one.channel),
            one.summary,
        )
        for one in result.packages
    ]
    lines = table(rows, ("PACKAGE", "NEWEST", "FITS", "VERSIONS", "CHANNEL", "SUMMARY")) or ["Nothing was found."]
    more = result.total - len(result.packages)
    lines += [f"... and {count(more, 'package')} more: search for more of the name, or set --limit."] if more else []
    lines += [index(one) for one in result.indexes]
    return lines + [f"{channel}: could not be searched." for channel in result.missing]


def versions(package: PackageVersions) -> list[str]:
    """A line for each version, and where they come from."""
    short = short_channels(one.channel for one in package.versions)
    lines = table(
        (
            (
                one.version,
                {None: "", True: "fits", False: "no"}[one.fits],
                str(len(one.builds)),
                short[one.channel],
                one.license,
                "; ".join(one.obstacles),
            )
            for one in package.versions
        ),
        ("VERSION", "FITS", "BUILDS", "CHANNEL", "LICENSE", "IN THE WAY"),
    )
    return [*lines, *_channels_of(short)]


def _channels_of(short: Mapping[str, str]) -> list[str]:
    """The URLs of what has been called something short."""
    if list(short.values()) == [""]:
        return [f"All of {channel}." for channel in short if channel]
    return [f"{name}: {channel}" for channel, name in short.items() if name != channel]


def why(found: Reasons) -> list[str]:
    """A line for each thing that was asked for, and how it leads to the package."""
    what = f"{found.name} {found.version}".rstrip() if found.version else f"{found.name} is not there"
    lines = [f"{what}{', in the base' if found.below else ''}"]
    lines += [f"  was asked for: {spec}" for spec in found.asked]
    for reason in found.reasons:
        way = "; ".join(f"{demand.package} needs {demand.spec}" for demand in reason.through)
        lines.append(f"  for {reason.asked}: {way}")
    if not found.asked and not found.reasons:
        lines += [f"  {demand.package} needs {demand.spec}" for demand in found.needed_by]
    return lines if len(lines) > 1 else [*lines, "  Nothing that is there needs it, and it was not asked for."]


def who_constrains(found: Reasons) -> list[str]:
    """A line for each package that says which versions there can be."""
    rows = [("what was asked for", spec) for spec in found.asked if spec_name(spec) != spec]
    rows += [(one.package, one.spec) for one in found.needed_by if spec_name(one.spec) != one.spec]
    rows += [(one.package, f"{one.spec} (does not need it)") for one in found.constrained_by]
    return table(rows, ("WHO", "SAYS")) or [f"Nothing says which version of {found.name} there can be."]


def health(found: Health) -> list[str]:
    """What was mended, and what is not as it should be, each with what to do."""
    name = found.prefix.rpartition("/")[2]
    lines = [f"mended: {one.text}" for one in found.fixed]
    for one in found.findings:
        lines += [f"{one.severity}: {one.text}", f"  {'With --fix: ' if one.fixable else ''}{one.hint}"]
    if not found.findings:
        return [*lines, f"{name} is as it should be."]
    fixable = sum(one.fixable for one in found.findings)
    return [*lines, f"{name}: {count(len(found.findings), 'finding')}, of which --fix can mend {fixable or 'none'}."]


def cleaned(result: Cleaned) -> list[str]:
    """A line for each thing that was deleted or would be, and how much room that is."""
    if not result.items:
        return ["There is nothing that nobody needs."]
    rows = [(one.kind, size(one.bytes), one.what, one.path) for one in result.items]
    what = "could be freed" if result.preview else "freed"
    return [*table(rows, ("KIND", "SIZE", "WHAT", "PATH")), f"{size(result.bytes)} {what}."]


def packages(found: Iterable[Package], channels: Sequence[str] = ()) -> list[str]:
    """A line for each, and where they come from, unless that is the only one of ``channels``, which were named."""
    listed = list(found)
    short = short_channels(item.channel for item in listed)
    rows = [
        (item.name, item.version, item.build, size(item.size) if item.size else "", short[item.channel])
        for item in listed
    ]
    lines = table(rows, ("PACKAGE", "VERSION", "BUILD", "SIZE", "CHANNEL"), indent="  ")
    return lines if len(short) == 1 and list(short) == list(channels) else [*lines, *_channels_of(short)]


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
    lines.append("What works instead:" if works else "Nothing that was tried works.")
    lines += [f"  {way.text}" + (f": {', '.join(way.gives)}" if way.gives else "") for way in works]
    failed = [way.text for way in found.ways if not way.works]
    if failed:
        lines.append(f"What does not: {'; '.join(failed)}.")
    if found.untried:
        lines.append(
            f"{count(found.untried, 'more way')} could not be tried; where time was short, --seconds gives more."
        )
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


def platforms(found: Iterable[LockedPlatform]) -> str:
    """``linux-64: 44 packages; osx-arm64: 41 packages``."""
    return "; ".join(f"{one.platform}: {count(one.packages, 'package')}" for one in found)


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


def spec_name(spec: str) -> str:
    """The package that a spec is about, as far as it can be told without a solver: ``numpy`` of ``x::numpy>=2``."""
    name = spec.rpartition("::")[2].strip()
    for number, character in enumerate(name):
        if character in " =<>!~[@":
            return name[:number].lower()
    return name.lower()
