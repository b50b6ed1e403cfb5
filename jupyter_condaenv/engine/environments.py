"""Finding environments, by name or by prefix, and saying what they are."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from . import notes, paths, places, stack
from .errors import AlreadyExists, Broken, InvalidRequest, NotFound, Refused, StorageError
from .model import Environment, Notes, Settings
from .prefix import count_and_python, python_minor
from .trees import write_whole

_FORBIDDEN = re.compile(r"[/\\:#%\x00-\x1f\x7f\u2028-\u202e\u2066-\u2069]")
NO_PYTHON = "Its Python is missing."
_MOST_BYTES = 255
"""Of a name, by the file system; of a prefix, by the placeholder that conda's packages are built with."""


def prefix_for(name: str, settings: Settings) -> str:
    """Where a new environment called ``name`` goes: into the first of ``envs_dirs`` that can be written.

    Raises InvalidRequest for a name that conda would not take either, or that would not work as a folder.
    """
    check_name(name)
    for folder in settings.envs_dirs:
        if can_write(Path(folder)):
            return str(Path(folder) / name)
    raise InvalidRequest(
        f"None of the folders for environments can be written: {', '.join(settings.envs_dirs)}.",
        "Give a path (anything with a slash in it) instead of a name, or set envs_dirs in ~/.condarc.",
    )


def check_name(name: str) -> None:
    """Raises InvalidRequest unless ``name`` can be the name of an environment."""
    problem = ""
    if not name or name != name.strip():
        problem = "is empty or begins or ends with a space"
    elif name in (".", "..", "base", "root") or name.startswith((".", "-")):
        problem = "is reserved or begins with a dot or a dash"
    elif _FORBIDDEN.search(name):
        problem = "contains a character that a folder or conda cannot take (/ \\ : # %, or one that cannot be seen)"
    elif len(os.fsencode(name)) > _MOST_BYTES:
        problem = f"is longer than {_MOST_BYTES} bytes"
    if problem:
        raise InvalidRequest(
            f"{name!r} cannot be the name of an environment: it {problem}.",
            "Letters, digits, dots, dashes and underscores always work.",
            name=name,
        )


def check_prefix(prefix: str) -> None:
    """Raises InvalidRequest unless ``prefix`` can be the place of an environment."""
    if not os.path.isabs(prefix) or os.path.normpath(prefix) != prefix:
        raise InvalidRequest(f"{prefix!r} is not an absolute, plain path.", "Give the full path of the environment.")
    if len(Path(prefix).parts) < 2 or any(character in prefix for character in "\0\n\r:#"):
        raise InvalidRequest(
            f"{prefix!r} cannot hold an environment.", "Choose a folder of its own, without ':' or '#' in its path."
        )
    if len(os.fsencode(prefix)) > _MOST_BYTES:
        raise InvalidRequest(
            f"{prefix!r} is longer than the {_MOST_BYTES} bytes that packages have room for.", "Choose a shorter path."
        )
    try:
        os.fsencode(prefix).decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidRequest(f"{prefix!r} is not valid UTF-8.", "Choose another folder.") from None


def check_free(prefix: str) -> None:
    """Raises AlreadyExists, InvalidRequest or Refused unless an environment can be made at ``prefix``."""
    path = Path(prefix)
    if "'" in prefix:
        # Packages write their place between such quotes, Python itself in its sysconfig data.
        raise InvalidRequest(
            f"{prefix!r} has a ' in it, with which Python cannot be started from there.",
            "Choose a name and a folder without.",
        )
    if is_environment(path):
        raise AlreadyExists(
            f"There is already an environment at {prefix}.",
            "Choose another name, or change it with `jupyter condaenv add`.",
            prefix=prefix,
        )
    if _has_lost_its_history(path):
        raise _without_history(path)
    if os.path.exists(path) and (not path.is_dir() or any(path.iterdir())):
        raise AlreadyExists(f"{prefix} exists and is not an empty folder.", "Choose another place.", prefix=prefix)
    parent = path.parent
    while not os.path.exists(parent):
        parent = parent.parent
    if not os.path.isdir(parent) or not os.access(parent, os.W_OK):
        raise Refused(f"{parent} cannot be written by you.", "Choose another place.", prefix=prefix)


def check_exists(prefix: Path) -> None:
    """Raises NotFound unless there is an environment at ``prefix``, StorageError where nobody lets us look."""
    try:
        os.stat(prefix / "conda-meta" / "history")
    except PermissionError as error:
        raise StorageError(
            f"{prefix} cannot be read by you.", "Ask its owner to let you read it.", prefix=str(prefix)
        ) from error
    except (OSError, ValueError):
        pass
    if not is_environment(prefix):
        if _has_lost_its_history(prefix):
            raise _without_history(prefix)
        raise NotFound(
            f"There is no environment at {prefix}.",
            "`jupyter condaenv list` shows those there are.",
            prefix=str(prefix),
        )


def find(name_or_prefix: str, settings: Settings) -> Environment:
    """The environment with that name, or at that path. Raises NotFound, with similar names in the hint, or
    InvalidRequest for a URL."""
    if os.sep in name_or_prefix or name_or_prefix in (".", "..") or name_or_prefix.startswith("~"):
        prefix = Path(paths.absolute(name_or_prefix))
        check_exists(prefix)
        return describe(prefix)
    check_name(name_or_prefix)
    for folder in settings.envs_dirs:
        if is_environment(Path(folder) / name_or_prefix):
            return describe(Path(folder) / name_or_prefix)
        if _has_lost_its_history(Path(folder) / name_or_prefix):
            raise _without_history(Path(folder) / name_or_prefix)
    known = list_environments(settings)
    same = [environment for environment in known if environment.name == name_or_prefix]
    if len(same) == 1:
        return same[0]
    if same:
        places = ", ".join(environment.prefix for environment in same)
        raise InvalidRequest(f"{name_or_prefix!r} names several environments: {places}.", "Give the path instead.")
    near = difflib.get_close_matches(name_or_prefix, [environment.name for environment in known], n=3)
    hint = f"Did you mean {' or '.join(near)}?" if near else "`jupyter condaenv list` shows those there are."
    raise NotFound(f"There is no environment called {name_or_prefix!r}.", hint, name=name_or_prefix)


def list_environments(settings: Settings) -> list[Environment]:
    """All we know of: those in ``envs_dirs``, those that conda and its kin noted, and what the last scan has found,
    sorted by name.

    Reads folder entries only, so that a hundred take milliseconds.
    """
    return sorted(map(describe, prefixes(settings)), key=lambda environment: (environment.name, environment.prefix))


def prefixes(settings: Settings) -> list[Path]:
    """Of the environments we know of, each once, by whichever way it is known first."""
    found: dict[str, Path] = {}
    for prefix in _places(settings):
        if is_environment(prefix):
            found.setdefault(os.path.realpath(prefix), prefix)
    return list(found.values())


def describe(prefix: Path) -> Environment:
    """What the environment at ``prefix`` is."""
    count, python = count_and_python(prefix)
    overlay, problem = None, ""
    try:
        overlay = stack.read(prefix)
    except Broken as error:
        problem = error.message
    if overlay is not None:
        python = overlay.python
        problem = _problem_below(overlay)
    elif python and not os.access(prefix / "bin" / "python", os.X_OK) and not (prefix / "python.exe").exists():
        problem = NO_PYTHON
    return Environment(
        name=prefix.name,
        prefix=str(prefix),
        kind="full" if overlay is None else "overlay",
        python=python,
        packages=count,
        base="" if overlay is None else overlay.base,
        problem=problem,
        notes=None if (noted := notes.read(prefix)) == Notes() else noted,
    )


def _problem_below(overlay: stack.Overlay) -> str:
    """Why ``overlay`` cannot be used any more, as far as names of files tell."""
    if not is_environment(Path(overlay.base)):
        return f"The environment it stands on, {overlay.base}, is gone."
    try:
        root = stack.levels(overlay.base)[0]
    except Broken as error:
        return error.message
    python = count_and_python(Path(root))[1]
    if python_minor(python) != python_minor(overlay.python):
        return f"The environment it stands on, {root}, no longer has Python {python_minor(overlay.python)}: stack anew."
    return ""


def label(prefix: Path, settings: Settings) -> str:
    """What people call the environment at ``prefix``, so that two of one name are told apart, whatever else there is.

    Its name, where new ones would go; ``geo (shared)`` in the first of ``envs_dirs`` that others look after; elsewhere
    the name and the folder or, for environments of pixi, the project. One that conda itself is in is its base.
    """
    parent = prefix.parent
    if (parent.name, parent.parent.name) == ("envs", ".pixi"):
        project = parent.parent.parent
        name = project.name if prefix.name == "default" else f"{project.name}:{prefix.name}"
        return f"{name} ({_short(project.parent)})"
    real = os.path.realpath(parent)
    own = next((folder for folder in settings.envs_dirs if can_write(Path(folder))), "")
    theirs = next((folder for folder in settings.envs_dirs if not can_write(Path(folder))), "")
    if own and os.path.realpath(own) == real:
        return prefix.name
    if theirs and os.path.realpath(theirs) == real:
        return f"{prefix.name} (shared)"
    if parent.name == "envs":
        return f"{prefix.name} ({_short(parent.parent)})"
    return f"base ({_short(prefix)})" if (prefix / "condabin").is_dir() else f"{prefix.name} ({_short(parent)})"


def _short(folder: Path) -> str:
    """``folder`` with the home directory as ``~``."""
    home = Path.home()
    return str("~" / folder.relative_to(home)) if folder.is_relative_to(home) else str(folder)


def is_environment(prefix: Path) -> bool:
    """A prefix is a folder with ``conda-meta/history`` in it (conda's own test)."""
    return os.path.isfile(prefix / "conda-meta" / "history")  # also where the path cannot be


def _has_lost_its_history(prefix: Path) -> bool:
    """Whether ``prefix`` would be an environment but for that file: one that is half deleted has no revisions."""
    return not is_environment(prefix) and os.path.isdir(prefix / "conda-meta" / "condaenv" / "revisions")


def _without_history(prefix: Path) -> Broken:
    file = prefix / "conda-meta" / "history"
    return Broken(
        f"{prefix} has lost its {file.relative_to(prefix)}, by which every tool knows an environment.",
        f"Make an empty file {file}: packages and states are there as they were.",
        file=str(file),
    )


def _places(settings: Settings) -> Iterator[Path]:
    for folder in settings.envs_dirs:
        with suppress(OSError):
            for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
                if not entry.name.startswith(".") and is_text(entry.path):
                    yield Path(entry.path)
    yield from (place for place in noted() if place.is_absolute() and is_text(str(place)))
    yield from (Path(place.prefix) for place in places.found(settings))


def is_text(path: str) -> bool:
    """Whether ``path`` can be told in JSON."""
    try:
        return "\0" not in path and bool(path.encode())
    except UnicodeEncodeError:
        return False


# --- ~/.conda/environments.txt, where conda and its kin note the environments of a user ---


def noted() -> list[Path]:
    """The prefixes in ``~/.conda/environments.txt``."""
    try:
        lines = _notes().read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return []
    return [Path(line.strip()) for line in lines if line.strip()]


def note(prefix: Path) -> None:
    """Let conda and its kin know of ``prefix``. Never fails: it is a courtesy."""
    if prefix in noted():
        return
    with suppress(OSError):
        _notes().parent.mkdir(parents=True, exist_ok=True)
        with _notes().open("ab+") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 1))
            glue = b"" if file.read(1) in (b"", b"\n") else b"\n"
            file.write(glue + os.fsencode(prefix) + b"\n")


def forget(prefix: Path) -> None:
    """Take ``prefix`` out of the notes again."""
    there = noted()
    left = [place for place in there if place != prefix]
    if left == there:
        return
    with suppress(OSError):
        write_whole(_notes(), "".join(f"{place}\n" for place in left))


def _notes() -> Path:
    return Path.home() / ".conda" / "environments.txt"


def can_write(folder: Path) -> bool:
    """Whether ``folder`` can be written, or made where it is missing."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder.is_dir() and os.access(folder, os.W_OK)
