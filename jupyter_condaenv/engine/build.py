"""A package of one's own: from a recipe into a channel that is a directory, where the next solve finds it.

It is built beside the channel's packages, in a folder that nobody reads, and so is the new index. Then the package is
put in place, and after it the index: whoever reads meanwhile, or after a kill, has the old index or the new one, and
the packages that it names. A package never changes once it is there, since environments and locks know its hash.
"""

from __future__ import annotations

import json
import os
import queue
import re
import secrets
import shutil
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from . import build_cache, channel_list, condarc, metayaml, network, rattler_build, resolver
from .channels import OFFLINE, host_subdir, local_path, redact
from .errors import (
    AlreadyExists,
    BuildFailed,
    ChannelError,
    CondaEnvError,
    InvalidRequest,
    NotFound,
    Refused,
    WorkerDied,
)
from .locking import lock
from .model import BuildPackage, Built, BuiltPackage, Progress, Settings, Step
from .rattler import repodata
from .storage import ARCHIVES
from .telling import Emit, waiting
from .trees import link_or_copy, remove_tree

RECIPE = "recipe.yaml"
_WORK = ".condaenv"
"""In the channel: its lock, and what is being built."""
_LAST = 20
"""Lines that are told of a build that failed."""
_PATIENCE = 2.0
"""Seconds without a word after which it is told how long the build has taken."""
_STEPS = ("Fetching source code", "Running build script", "Packaging new files", "Running tests")
_ASIDE = ("index_subdir", "get_or_create_subdir")
"""What rattler-build says of its own channel, which is not ours."""
_RETRY = "Script execution failed."
"""The beginning of how to do it by hand, in a folder that will be gone."""
_INDEXES = ("repodata_shards.msgpack.zst", "repodata.json.zst", "repodata.json")
"""In the order in which they are put in place."""
_MARKER = re.compile(r"line: (\d+), column: \d+|Failed to parse YAML: (\d+):\d+")
_MESSAGE = re.compile(r'message: "((?:[^"\\]|\\.)*)"')


def build(request: BuildPackage, settings: Settings, emit: Emit) -> Built:
    """Build ``request.recipe`` into ``request.channel``. Waits for another build into that channel.

    Raises NotFound where there is no recipe, InvalidRequest for one that cannot be read, AlreadyExists where the
    channel has such a package, Unsatisfiable and ChannelError for what the recipe requires, BuildFailed, StorageError,
    and Refused where py-rattler-build is not installed.
    """
    recipe = _recipe(Path(request.recipe))
    if find_spec("rattler_build") is None:
        raise Refused(
            "py-rattler-build is not installed where Jupyter runs.",
            'pip install "jupyter-condaenv[build]", into the same environment.',
        )
    converted = metayaml.convert(recipe, host_subdir()) if recipe.name == metayaml.NAME else ""
    channel = Path(request.channel) if request.channel else channel_list.local_folder(settings)
    urls = tuple(dict.fromkeys([channel.as_uri(), *channel_list.searched(request.channels, settings)]))
    work = channel / _WORK
    with lock(work / "lock", f"building {recipe}", waiting(f"for the channel {channel}", emit)):
        for leftover in work.glob("build-*"):
            remove_tree(leftover)
        folder = work / f"build-{secrets.token_hex(8)}"
        try:
            folder.mkdir()
            _index(channel, folder, [])  # a channel that is not there yet is one now, and can be read
            with build_cache.used(f"building {recipe}", settings, emit) as fetched:
                taken = _placed(recipe, converted, folder) if converted else recipe
                made = _built(recipe, taken, channel, urls, folder, fetched, settings, emit)
            emit(Step(phase="index", text=f"Indexing {channel}"))
            _index(channel, folder, made)
        finally:
            with suppress(OSError):
                remove_tree(folder)
    name = channel.as_uri() if request.channel else channel_list.LOCAL
    return Built(channel=name, packages=tuple(_described(one, channel) for one in made))


def _recipe(path: Path) -> Path:
    """The file of the recipe, in either form. Raises NotFound."""
    found = path / RECIPE if path.is_dir() else path
    older = path / metayaml.NAME
    if not found.is_file() and older.is_file():
        return older
    if not found.is_file():
        raise NotFound(f"There is no recipe {found}.", f"A recipe is a file {RECIPE}, or the folder that has it.")
    return found


def _placed(recipe: Path, converted: str, folder: Path) -> Path:
    """A file in ``folder`` of what ``recipe`` was converted to, with what lies beside it and may be named in it."""
    place = folder / "recipe"
    place.mkdir()
    for path in recipe.parent.iterdir():
        if path.is_file() and path.name not in (RECIPE, metayaml.NAME):
            (place / path.name).symlink_to(path.absolute())
    (place / RECIPE).write_text(converted, encoding="utf-8")
    return place / RECIPE


# --- building --------------------------------------------------------------------------------------------------------


def _built(
    recipe: Path,
    taken: Path,
    channel: Path,
    urls: tuple[str, ...],
    folder: Path,
    fetched: Path,
    settings: Settings,
    emit: Emit,
) -> list[dict[str, str]]:
    """What was built of the file ``taken``, as files in ``folder``; what that takes is fetched into ``fetched``."""
    emit(Step(phase="build", text=f"Building {recipe}"))
    reached = urls if not settings.offline else tuple(url for url in urls if local_path(url) is not None)
    reaching = network.of(condarc.read())
    told = {
        "path": [path for path in sys.path if os.path.isabs(path)],
        "recipe": str(taken),
        "platform": host_subdir(),
        "output": str(folder / "out"),
        "channels": list(reached),
        "priority": "disabled" if settings.channel_priority == "disabled" else "strict",
        "insecure": [urlsplit(url).hostname for url in reached if "://" in url] if reaching.verify is False else [],
        "offline": settings.offline,
        "there": [stem for path in _archives(channel) if (stem := _stem(path))],
    }
    last: deque[str] = deque(maxlen=_LAST)
    with reaching.for_child() as (variables, inherited):
        child = subprocess.Popen(
            [sys.executable, "-I", rattler_build.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=folder,
            env={**os.environ, **variables, "RATTLER_CACHE_DIR": str(fetched)},
            pass_fds=inherited,
        )
        try:
            assert child.stdin
            child.stdin.write(json.dumps(told).encode())
            child.stdin.close()
            answer = _followed(child, last, emit)
        finally:
            child.kill()
            child.wait()
    if "built" in answer:
        return list(answer["built"])
    failed = answer.get("failed")
    if failed is None:
        raise WorkerDied("rattler-build ended without an answer.", "Start it again.", last_words=list(last))
    raise _failure(failed, recipe, channel, urls, last, settings)


def _followed(child: subprocess.Popen[bytes], last: deque[str], emit: Emit) -> dict[str, Any]:
    """What ``child`` says in the end; until then it is told how it gets on."""
    began = time.monotonic()
    step = ""
    answer: dict[str, Any] = {}
    for line in _lines(child):
        if line is not None:
            told = json.loads(line)
            answer = told if "log" not in told else answer
            text, about = told.get("log", ("", ""))
            words = [word for word in redact(text).splitlines() if word.strip()]
            if about not in _ASIDE and not text.strip().startswith(_RETRY):
                last.extend(words)
            print(*words, sep="\n", file=sys.stderr, flush=True)
            if about in _STEPS and about != step:
                step = about
                emit(Step(phase="build", text=step))
        emit(
            Progress(phase="build", done=round(time.monotonic() - began), unit="seconds", item=last[-1] if last else "")
        )
    return answer


def _lines(child: subprocess.Popen[bytes]) -> Iterator[bytes | None]:
    """Its lines as they come; None where there is none for a while."""
    assert child.stdout
    source = child.stdout
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()

    def read() -> None:
        for line in source:
            lines.put(line)
        lines.put(b"")

    threading.Thread(target=read, daemon=True).start()
    while True:
        try:
            line = lines.get(timeout=_PATIENCE)
        except queue.Empty:
            yield None
            continue
        if not line:
            return
        yield line


def _failure(
    failed: dict[str, Any],
    recipe: Path,
    channel: Path,
    urls: tuple[str, ...],
    last: Sequence[str],
    settings: Settings,
) -> CondaEnvError:
    text = redact(failed["text"]).removeprefix("PyRattlerBuildError: ")
    if failed["kind"] == "recipe":
        return _fault(recipe, text)
    if failed["kind"] == "there":
        return AlreadyExists(
            f"{channel} has {text} already.",
            "Raise `number` below `build:` in the recipe, or the version: environments and locks that have a package "
            "count on it staying as it is.",
        )
    if failed["kind"] == "requirements":
        return ChannelError(f"{recipe}: {text}.", OFFLINE)
    if failed["kind"] == "unresolved":
        for specs in failed["requirements"]:
            try:
                resolver.lock(resolver.Wanted(specs=tuple(specs), channels=urls), settings)
            except CondaEnvError as error:
                # No request of a person's, so that there is nothing to be explained of it.
                details = {name: value for name, value in error.details.items() if name != "explanation"}
                return type(error)(f"{recipe}: {error.message}", error.hint, **details)
    words = "\n".join(f"  {line}" for line in last)
    return BuildFailed(
        f"{recipe} could not be built: {text}. Its last words:\n{words}",
        "Nothing came into the channel. The log of the job has all of it.",
        last_words=list(last),
    )


def _fault(recipe: Path, text: str) -> InvalidRequest:
    """What rattler-build says of a recipe, with the line where it says or quotes it."""
    found = _MARKER.search(text) if recipe.name != metayaml.NAME else None  # else the line is that of its conversion
    line = int(found[1] or found[2]) if found else _line_of(recipe, text)
    said = _MESSAGE.search(text)
    place = f"{recipe}, line {line}" if line else str(recipe)
    return InvalidRequest(
        f"{place}: {said[1] if said else text}.",
        "Mend the recipe; https://rattler.build describes what may stand in it.",
        file=str(recipe),
        **({"line": line} if line else {}),
    )


def _line_of(recipe: Path, text: str) -> int:
    """The first line with what ``text`` quotes; 0 where it is that something is missing, or cannot be told."""
    quoted = re.findall(r"'([^']+)'", text.partition("Expected")[0]) if "missing" not in text else []
    lines = recipe.read_text(encoding="utf-8", errors="replace").splitlines()
    for words in reversed(quoted):
        for number, line in enumerate(lines, 1):
            if words in line:
                return number
    return 0


# --- the channel -----------------------------------------------------------------------------------------------------


def _index(channel: Path, folder: Path, made: Sequence[dict[str, str]]) -> None:
    """Put what was ``made`` into the channel, and then the index that names it. The caller holds the channel's lock."""
    staged = folder / "channel"
    new = [Path(one["path"]) for one in made]
    there = _archives(channel)
    subdirs = {"noarch", host_subdir(), *(path.parent.name for path in [*there, *new])}
    for subdir in subdirs:
        (staged / subdir).mkdir(parents=True)
        with suppress(FileNotFoundError):
            shutil.copy2(channel / subdir / "repodata.json", staged / subdir)
    for path in [*there, *new]:
        link_or_copy(path, staged / path.parent.name / path.name)
    repodata.write(staged)
    for subdir in subdirs:
        (channel / subdir / "shards").mkdir(parents=True, exist_ok=True)
    for path in new:
        os.replace(path, channel / path.parent.name / path.name)
    for subdir in subdirs:
        for shard in (staged / subdir / "shards").glob("*"):
            os.replace(shard, channel / subdir / "shards" / shard.name)
        for name in _INDEXES:
            os.replace(staged / subdir / name, channel / subdir / name)
    remove_tree(staged)


def _archives(channel: Path) -> list[Path]:
    return sorted(path for path in channel.glob("*/*") if _stem(path) and not path.parent.name.startswith("."))


def _stem(path: Path) -> str:
    """``name-version-build`` of an archive; empty for another file."""
    return next((path.name.removesuffix(end) for end in ARCHIVES if path.name.endswith(end)), "")


def _described(one: dict[str, str], channel: Path) -> BuiltPackage:
    built = Path(one["path"])
    path = channel / built.parent.name / built.name
    return BuiltPackage(
        name=one["name"],
        version=one["version"],
        build=one["build"],
        subdir=built.parent.name,
        path=str(path),
        size=path.stat().st_size,
    )
