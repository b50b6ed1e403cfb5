"""Asking channels whether packages can be had from them, as a solve would ask."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from . import channel_list, channels, condarc
from .channels import LOGIN_PLACES, OFFLINE, local_path
from .errors import CondaEnvError
from .model import ChannelReport, CheckChannels, Settings, Step, SubdirReport
from .rattler import downloads, gateway, host, shards
from .telling import Emit

SUBDIRS = ("noarch", "linux-64", "linux-aarch64", "osx-64", "osx-arm64", "win-64")
"""That are asked for, and this machine's."""
PATIENCE = 30.0
"""Seconds that a server may take to begin its answer, where ``.condarc`` says nothing."""
_SHARDS = "repodata_shards.msgpack.zst"
_INDEXES = (_SHARDS, "repodata.json.zst", "repodata.json")
"""Any of which makes a subdir one, the best first."""
_STATUS = re.compile(r"\((\d{3}) [A-Z]")


def check(request: CheckChannels, settings: Settings, emit: Emit) -> tuple[ChannelReport, ...]:
    """Raises InvalidRequest for a name that no channel can have; what a channel answers is part of its report."""
    asked = channel_list.named(request.channels, settings) if request.channels else channel_list.configured(settings)
    reports: list[ChannelReport] = []
    for channel in asked:
        emit(Step(phase="check", text=f"Asking {channel.name}"))
        report = ChannelReport(name=channel.name, url=channel.url)
        folder = local_path(channel.url)
        if folder is not None:
            reports.append(_of_folder(report, folder))
        elif settings.offline:
            reports.append(_unusable(report, "It was not asked.", OFFLINE))
        else:
            reports.append(_of_server(report, Path(settings.cache_dir)))
    return tuple(reports)


def _of_server(report: ChannelReport, cache_dir: Path) -> ChannelReport:
    subdirs = tuple(dict.fromkeys((*SUBDIRS, host.platform())))
    timeout = condarc.read().remote_read_timeout_secs or PATIENCE
    first = downloads.answers([f"{report.url}/noarch/{_SHARDS}"], timeout)  # a server that is down is waited for once
    if first[0] and _status(first[0]) == 0:
        return _unusable(report, f"It does not answer: {_last(first[0])}", "Check the URL, the network and proxies.")
    urls = [f"{report.url}/{subdir}/{index}" for subdir in subdirs for index in _INDEXES]
    said = dict(zip(urls, downloads.answers(urls, timeout), strict=True))
    return _of_answers(report, said, cache_dir)


def _of_answers(report: ChannelReport, said: Mapping[str, str], cache_dir: Path) -> ChannelReport:
    statuses = {url: _status(problem) for url, problem in said.items() if problem}
    there = [url for url in said if not said[url]]
    report = msgspec.structs.replace(report, reachable=True)
    refused = next((status for status in statuses.values() if status in (401, 403)), 0)
    if refused and not there:
        what = "It wants to know who asks" if refused == 401 else "The login is not one that it takes"
        return _unusable(report, f"{what} (HTTP status {refused}).", f"Where a login is looked for: {LOGIN_PLACES}.")
    report = msgspec.structs.replace(report, authorised=True)
    if not there:
        failed = next((said[url] for url, status in statuses.items() if status != 404), "")
        if failed:
            return _unusable(report, f"It fails: {_last(failed)}", "Try again later.")
        return _unusable(report, "There is no channel at this address.", "Check the name.")
    found: dict[str, SubdirReport] = {}
    for url in there:
        subdir, index = url.rsplit("/", 2)[1:]
        found.setdefault(subdir, SubdirReport(subdir=subdir, shards=index == _SHARDS))
    try:
        ours = {
            subdir: len(gateway.names([report.url], [subdir], cache_dir))
            for subdir in found
            if subdir in ("noarch", host.platform())
        }
    except CondaEnvError as error:
        return _unusable(report, error.message, error.hint)
    times = _times(report.url, cache_dir / "repodata")
    return msgspec.structs.replace(
        report,
        subdirs=tuple(
            msgspec.structs.replace(one, packages=ours.get(subdir, 0), updated=times.get(subdir, ""))
            for subdir, one in found.items()
        ),
    )


def _of_folder(report: ChannelReport, folder: Path) -> ChannelReport:
    subdirs = []
    try:
        for place in sorted(folder.iterdir()):
            indexes = [place / index for index in _INDEXES if (place / index).is_file()]
            if indexes and channels.SUBDIR.search(f"/{place.name}"):
                made = max(index.stat().st_mtime for index in indexes)
                subdirs.append(
                    SubdirReport(
                        subdir=place.name,
                        shards=indexes[0].name == _SHARDS,
                        packages=len(_names_in(place / "repodata.json")),
                        updated=_text(datetime.fromtimestamp(made, timezone.utc)),
                    )
                )
    except OSError as error:
        return _unusable(report, f"{folder} cannot be read: {error.strerror}.", "Check the path and who may read it.")
    except ValueError as error:
        return _unusable(report, f"An index in {folder} is damaged: {error}.", "Index the channel again.")
    if not any(one.subdir == "noarch" for one in subdirs):
        return _unusable(
            report, f"{folder} is no channel: it has no noarch/repodata.json.", "Index it, or check the path."
        )
    return msgspec.structs.replace(report, reachable=True, authorised=True, subdirs=tuple(subdirs))


class _Names(Struct):
    name: str


class _Repodata(Struct):
    """As much of a ``repodata.json`` as names need."""

    packages: dict[str, _Names] = {}
    conda: dict[str, _Names] = msgspec.field(name="packages.conda", default_factory=dict)


def _names_in(path: Path) -> set[str]:
    found = msgspec.json.decode(path.read_bytes(), type=_Repodata)
    return {one.name for one in (*found.packages.values(), *found.conda.values())}


def _unusable(report: ChannelReport, problem: str, hint: str) -> ChannelReport:
    return msgspec.structs.replace(report, problem=problem, hint=hint)


def _status(problem: str) -> int:
    """The HTTP status in py-rattler's words; 0 where there was no answer."""
    match = _STATUS.search(problem)
    return int(match[1]) if match else 0


def _last(problem: str) -> str:
    return problem.strip().splitlines()[-1].strip().removeprefix("Caused by: ").rstrip(".") + "."


# --- when an index was made: in what py-rattler notes of its downloads ---


def _times(channel: str, folder: Path) -> dict[str, str]:
    """Subdir -> when its index was made, as far as it is known."""
    found: dict[str, str] = {}
    for url, made in _noted(folder):
        plain = channels.redact(url)
        if urlsplit(plain).path.rsplit("/", 1)[-1] in _INDEXES and plain.rsplit("/", 2)[0] == channel:
            found[plain.rsplit("/", 2)[1]] = _text(made)
    return found


def _noted(folder: Path) -> Iterator[tuple[str, datetime]]:
    for index in shards.kept(folder):
        with suppress(ValueError, TypeError, LookupError, msgspec.MsgspecError):
            yield index.url, _made(index)
    for path in folder.glob("*.info.json"):
        with suppress(OSError, ValueError, TypeError, LookupError):
            noted = json.loads(path.read_bytes())
            yield noted["url"], parsedate_to_datetime(noted["mod"])


class _Info(Struct):
    created_at: str = ""


class _Index(Struct):
    info: _Info


def _made(index: shards.Kept) -> datetime:
    """When an index in pieces was made: as it says itself, else as its server does."""
    made = msgspec.msgpack.decode(index.index, type=_Index).info.created_at
    if made:
        return datetime.fromisoformat(f"{made[:19]}+00:00")
    return parsedate_to_datetime(bytes(index.headers["last-modified"][0]).decode())


def _text(time: datetime) -> str:
    return time.astimezone(timezone.utc).isoformat(timespec="seconds")
