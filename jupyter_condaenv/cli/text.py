"""Numbers, tables and what there is, as a person reads them."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from ..engine.condarc import Source
from ..engine.errors import Failure
from ..engine.model import (
    Built,
    Channel,
    ChannelIndex,
    ChannelReport,
    Cleaned,
    Environment,
    FoundPackages,
    Health,
    LockedPlatform,
    Notes,
    Package,
    PackageVersions,
    Reasons,
    Scanned,
    Settings,
    Storage,
)
from ..engine.telling import size as size

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


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
    if failure.details.get("unreadable"):
        also.append(f"`jupyter condaenv drop-deferred {shlex.quote(failure.details['unreadable'])}` gives it up.")
    if failure.code == "broken" and "revision" in failure.details:
        also.append("`jupyter condaenv doctor --fix` mends it.")
    if failure.code == "channel_error" and failure.details.get("channels"):
        file = failure.details.get("file")
        otherwise = f"without it: take it out of {file}" if file else "-c CHANNEL names another"
        also.append(f"`jupyter condaenv channel check` asks each of them; {otherwise}.")
    if failure.details.get("replaceable"):
        also.append("--force does that.")
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


def configuration(settings: Settings, said: Mapping[str, Any]) -> list[str]:
    """What applies in the end, and what all ``.condarc`` say together of all else, a line a setting."""
    room = {"quota": settings.quota and size(settings.quota), "reserve": settings.reserve and size(settings.reserve)}
    applied = msgspec.to_builtins(settings) | room
    others = [(key, shown) for key, value in said.items() if key not in applied and (shown := _setting(value)) != "-"]
    return [
        *table([(key, _setting(value)) for key, value in applied.items()]),
        *(["And by .condarc:", *table(others, indent="  ")] if others else []),
    ]


def unused(found: Mapping[str, str]) -> list[str]:
    """Why settings change nothing."""
    return [f"{key} has no effect: {why}." for key, why in found.items()]


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
    """A line for each environment that is new, has other kernels or has gone, and how much was looked at and found."""
    written = set(result.kernels)
    rows = [
        (
            "new" if one.prefix in result.new else "kernel",
            one.prefix,
            f"kernel {', '.join(one.kernels)}" if one.kernels else "no kernel",
        )
        for one in result.environments
        if one.prefix in result.new or written.intersection(one.kernels)
    ]
    rows += [("gone", prefix, "") for prefix in result.gone]
    rows += [("removed", f"kernel {name}", "") for name in result.removed]
    return [
        *table(rows, indent="  "),
        f"Looked at {count(result.looked_at, 'name')} of files and folders: "
        f"{count(len(result.new), 'new environment')}, {count(len(written), 'kernel')} written.",
        f"{count(len(result.environments), 'environment')} in all; `list` shows them.",
    ]


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


def found(result: FoundPackages, fitting: Mapping[str, str], offset: int) -> list[str]:
    """A line for each package, behind ``offset`` others, then how many more there are and how old what was searched
    is."""
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
    shown = offset + len(result.packages)
    if result.total > shown:
        more = count(result.total - shown, "package")
        lines.append(f"... and {more} more: search for more of the name, set --limit, or go on with --offset {shown}.")
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
    if len(lines) > 1:
        return lines
    if found.below:
        return [*lines, "  Nothing on top of the base needs it; `why` for the base itself says what it is there for."]
    return [*lines, "  Nothing that is there needs it, and it was not asked for."]


def who_constrains(found: Reasons) -> list[str]:
    """A line for each package that says which versions there can be."""
    rows = [("the base", f"{found.name} {found.version}")] if found.below else []
    rows += [("what was asked for", spec) for spec in found.asked if spec_name(spec) != spec]
    rows += [("a pin", pin) for pin in found.pins]
    rows += [(one.package, one.spec) for one in found.needed_by if spec_name(one.spec) != one.spec]
    rows += [(one.package, f"{one.spec} (does not need it)") for one in found.constrained_by]
    return table(rows, ("WHO", "SAYS")) or [f"Nothing says which version of {found.name} there can be."]


def health(found: Health) -> list[str]:
    """What was mended, and what is not as it should be, each with what to do."""
    name = found.prefix.rpartition("/")[2]
    lines = ["Found and mended:"] if found.fixed else []
    lines += [f"  {one.text}" for one in found.fixed]
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


def platforms(found: Iterable[LockedPlatform]) -> str:
    """``linux-64: 44 packages; osx-arm64: 41 packages``."""
    return "; ".join(f"{one.platform}: {count(one.packages, 'package')}" for one in found)


def spec_name(spec: str) -> str:
    """The package that a spec is about, as far as it can be told without a solver: ``numpy`` of ``x::numpy>=2``."""
    name = spec.rpartition("::")[2].strip()
    for number, character in enumerate(name):
        if character in " =<>!~[@":
            return name[:number].lower()
    return name.lower()
