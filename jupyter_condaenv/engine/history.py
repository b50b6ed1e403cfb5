"""What an environment has been: our revisions, and ``conda-meta/history`` as conda reads and writes it.

A revision is a file ``conda-meta/condaenv/revisions/<number>.json`` with the whole lock of that state, so that going
back needs nothing else. ``history`` is for conda: it learns from it what was asked for.
"""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path

import msgspec

from . import conda_history, demands, stack, stored
from . import prefix as prefixes
from .channels import redact
from .conda_history import name_of
from .errors import Broken, InvalidRequest, NotFound
from .formats import pylock
from .model import Base, Change, Lock, Package, Revision, Variable
from .trees import write_whole

_COMMAND = "# cmd: jupyter condaenv "
_NUMBERED = re.compile(r"([0-9]+)\.json(\.saved-[0-9]+)?\Z")


def readable(prefix: Path) -> tuple[tuple[Revision, ...], tuple[Path, ...]]:
    """The revisions that can be read, oldest first, and the files of those that are damaged."""
    found: list[Revision] = []
    damaged: list[Path] = []
    for path in _files(prefix):
        try:
            found.append(_read(path))
        except Broken:
            damaged.append(path)
    return tuple(found), tuple(damaged)


def number_of(file: Path) -> int:
    """Of the revision in ``file``, also where that is damaged."""
    return int(file.stem)


def is_lost(prefix: Path) -> bool:
    """Whether there is no revision, although conda's history tells that we have made some."""
    if _files(prefix):
        return False
    with suppress(OSError):
        return _COMMAND.encode() in (prefix / conda_history.FILE).read_bytes()
    return False


def latest(prefix: Path) -> Revision | None:
    """The state that we made last. Raises Broken, naming the file, where it is damaged."""
    files = _files(prefix)
    return _read(files[-1]) if files else None


def revision(prefix: Path, number: int) -> Revision:
    """The state with that number. Raises NotFound where there is none, Broken where it is damaged."""
    path = _folder(prefix) / f"{number:04d}.json"
    if not path.exists():
        raise NotFound(
            f"{prefix.name} has no revision {number}.",
            "`jupyter condaenv history` shows those there are.",
            revision=number,
        )
    return _read(path)


def without_secrets(state: Revision) -> Revision:
    """``state`` as it may be told: variables may hold the address of an index with its login."""
    told = tuple(msgspec.structs.replace(one, value=redact(one.value)) for one in state.variables or ())
    return msgspec.structs.replace(state, variables=None if state.variables is None else told)


def current_lock(prefix: Path, platform: str = "") -> Lock:
    """The lock of what is in ``prefix`` now.

    It is the last revision's as long as that still describes what is there; where another tool has changed the
    environment, or made it, the packages are read from ``conda-meta`` and what was asked for from ``history``.
    """
    return lock_of(prefix, prefixes.packages(prefix), latest(prefix), platform)


def lock_of(prefix: Path, found: tuple[Package, ...], last: Revision | None, platform: str = "") -> Lock:
    """The lock of the packages ``found`` in ``prefix``, of which ``last`` is the last state that we made."""
    if last is not None:
        if {package.identity for package in last.lock.packages} == {package.identity for package in found}:
            return last.lock
        # What the other tool was asked for stands in ``history`` behind what we were asked for.
        below = last.lock.base.packages if last.lock.base is not None else ()
        return msgspec.structs.replace(
            last.lock,
            packages=found,
            specs=requested(prefix, (*found, *below)) or last.lock.specs,
            channels=tuple(dict.fromkeys([*last.lock.channels, *_channels(found)])),
        )
    subdirs = sorted({package.subdir for package in found if package.subdir not in ("", "noarch")})
    base = _base(prefix)
    return Lock(
        platform=subdirs[0] if subdirs else platform,
        channels=_channels(found),
        specs=requested(prefix, (*found, *(base.packages if base is not None else ()))) or roots(found),
        packages=found,
        base=base,
    )


def _base(prefix: Path) -> Base | None:
    """What the overlay at ``prefix`` stands on; without its packages, where that cannot be used."""
    overlay = stack.read(prefix)
    if overlay is None:
        return None
    with suppress(InvalidRequest, Broken):
        return stack.base_of(Path(overlay.base))
    return Base(prefix=overlay.base, digest=overlay.digest, packages=())


def roots(packages: tuple[Package, ...]) -> tuple[str, ...]:
    """Names of packages that together need all of ``packages``: those that no other one needs and, of those that need
    each other, the first. It stands for what was asked for where nobody wrote that down, as in environments of pixi."""
    needs = {package.name: {name_of(text) for text in package.depends} for package in packages}
    needed = set().union(*needs.values())
    found: list[str] = []
    seen: set[str] = set()
    for name in sorted(needs, key=lambda name: (name in needed, name)):
        if name not in seen:
            found.append(name)
        todo = [name]
        while todo:
            one = todo.pop()
            if one in needs and one not in seen:
                seen.add(one)
                todo += needs[one]
    return tuple(found)


def requested(prefix: Path, found: Iterable[Package]) -> tuple[str, ...]:
    """What was asked for according to conda's ``history``, of that which is still there."""
    return conda_history.read(prefix, found).specs


def _channels(packages: Iterable[Package]) -> tuple[str, ...]:
    """Those that ``packages`` come from; conda writes ``<unknown>`` where it does not know."""
    channels = (package.channel for package in packages)
    return tuple(dict.fromkeys(channel for channel in channels if channel and not channel.startswith("<")))


def record(
    stage: Path, verb: str, lock: Lock, changes: Iterable[Change], asked: Iterable[str], words: str = ""
) -> Revision:
    """Write the next revision into ``stage``, with the variables that are set there, and tell conda's history about
    it."""
    made = Revision(
        number=_next_number(_folder(stage)),
        time=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        author=author(),
        verb=verb,
        words=words,
        lock=lock,
        variables=tuple(Variable(name=name, value=value) for name, value in prefixes.variables(stage).items()),
    )
    wanted = {name_of(spec) for spec in lock.specs}
    no_more = [spec for spec in requested(stage, lock.packages) if name_of(spec) not in wanted]
    folder = _folder(stage)
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / f"{made.number:04d}.json", msgspec.json.encode(made))
    _note_demands(stage, lock)
    if lock.pip:
        python = next((package.version for package in lock.packages if package.name == "python"), "")
        write_whole(folder / f"pylock.{made.number:04d}.toml", pylock.written(lock.pip, python))
    _tell_conda(stage, verb, changes, asked, no_more)
    return made


def _note_demands(stage: Path, lock: Lock) -> None:
    found = demands.of(lock.packages)
    path = stage / demands.FILE
    if found:
        write_whole(path, "".join(f"{spec}\t{package}\n" for spec, package in found.items()))
    else:
        path.unlink(missing_ok=True)


def author() -> str:
    """Who runs this process; a user id without a name is told as its number."""
    with suppress(KeyError, OSError):
        return getpass.getuser()
    return str(os.getuid())


def _tell_conda(
    stage: Path, verb: str, changes: Iterable[Change], asked: Iterable[str], no_more: Iterable[str]
) -> None:
    lines = [
        f"==> {datetime.now():%Y-%m-%d %H:%M:%S} <==",
        f"{_COMMAND}{verb}",
        "# conda version: 4.4.0",
    ]
    for change in changes:
        lines += [f"-{_dist(change.before)}"] if change.before else []
        lines += [f"+{_dist(change.after)}"] if change.after else []
    if no_more := [name_of(spec) for spec in no_more]:
        lines.append(f"# remove specs: {no_more!r}")
    if asked := list(asked):
        lines.append(f"# update specs: {asked!r}")
    path = stage / "conda-meta" / "history"
    before = path.read_bytes()[-1:] if path.exists() else b""
    with path.open("a", encoding="utf-8") as file:
        file.write(("" if before in (b"", b"\n") else "\n") + "\n".join(lines) + "\n")


def _dist(package: Package) -> str:
    return f"{package.channel}/{package.subdir}::{package.name}-{package.version}-{package.build}"


def _folder(prefix: Path) -> Path:
    return prefix / "conda-meta" / "condaenv" / "revisions"


def _files(prefix: Path) -> list[Path]:
    numbered = (path for path in _folder(prefix).glob("[0-9]*.json") if path.stem.isdecimal())
    return sorted(numbered, key=number_of)


def _next_number(folder: Path) -> int:
    """One that no state has had, also none of those that ``doctor`` has put aside because they were damaged."""
    names = (_NUMBERED.match(name) for name in (os.listdir(folder) if folder.is_dir() else ()))
    return max((int(name[1]) for name in names if name), default=0) + 1


def _read(path: Path) -> Revision:
    try:
        return stored.decode(path.read_bytes(), Revision)
    except (OSError, msgspec.MsgspecError) as error:
        raise Broken(
            f"The revision {path} is damaged: {error}",
            "Mending puts it aside, and notes what is there now; the others are not affected.",
            file=str(path),
            revision=number_of(path),
        ) from error
