"""Variables of what is active, the files of a prefix that set them, and what activation changes."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

SHELLS_OWN = ("_", "SHLVL", "PWD", "OLDPWD", "SHELLOPTS", "BASHOPTS")
"""Variables that belong to the shell that runs scripts, not to what they set."""
NAME = r"[A-Za-z_][A-Za-z0-9_]*\Z"
"""Of a variable that a shell can set. Compiled where it is needed, not at each start."""


def scripts(prefix: str, folder: str) -> list[str]:
    """The scripts of ``activate.d`` or ``deactivate.d`` in conda's order: by code point, to deactivate backwards."""
    paths = listed(os.path.join(prefix, "etc/conda", folder))
    return sorted((path for path in paths if path.endswith(".sh")), reverse=folder == "deactivate.d")


def listed(folder: str) -> list[str]:
    try:
        return [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
    except OSError:
        return []


def opened(path: str, errors: str = "strict") -> TextIO:
    """The file at ``path``, to be read as text. A pipe is empty: else to open it would wait for whoever writes. Raises
    OSError."""
    return open(path, encoding="utf-8", errors=errors, opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK))


def inherited_prefixes(environ: dict[str, str]) -> list[str]:
    """The environments that are active in ``environ``, the lowest first."""
    names = [f"CONDA_PREFIX_{number}" for number in range(1, active_level(environ))]
    return [environ[name] for name in [*names, "CONDA_PREFIX"] if environ.get(name)]


def active_level(env: dict[str, str]) -> int:
    try:
        return min(max(int(env.get("CONDA_SHLVL", "") or 0), 0), 100)
    except ValueError:
        return 0


def bin_of(prefix: str) -> str:
    return f"{prefix}/bin"


def path_entries(env: dict[str, str]) -> list[str]:
    # The default is conda's.
    return env.get("PATH", "/usr/bin").split(":")


class Changes:
    """What activation changes in the variables of a process, apart from the values they happen to have.

    ``PATH`` is kept as what is taken out, put before and put after, so that it fits other incoming paths; when a script
    rearranged it, it is in ``set`` as a whole.
    """

    __slots__ = ("after", "before", "out", "set", "unset", "warnings")

    def __init__(self) -> None:
        self.set: dict[str, str] = {}
        self.unset: list[str] = []
        self.out: list[str] = []
        self.before: list[str] = []
        self.after: list[str] = []
        self.warnings: list[str] = []

    def apply(self, environ: dict[str, str]) -> dict[str, str]:
        """``environ`` as it is after activation, in a new dictionary."""
        gone = set(self.unset)
        env = {name: value for name, value in environ.items() if name not in gone}
        env.update(self.set)
        if "PATH" not in self.set:
            middle = [entry for entry in path_entries(environ) if entry not in self.out]
            env["PATH"] = ":".join([*self.before, *middle, *self.after])
        return env


def changes_between(old: dict[str, str], new: dict[str, str], left: list[str]) -> Changes:
    """The changes that make ``new`` of ``old``, where the environments ``left`` are no longer active."""
    changes = Changes()
    changes.set = {name: value for name, value in new.items() if old.get(name) != value}
    changes.unset = [name for name in old if name not in new]
    changes.out = [bin_of(prefix) for prefix in left]
    rest = [entry for entry in path_entries(old) if entry not in changes.out]
    path = path_entries(new)
    at = next((at for at in range(len(path) - len(rest) + 1) if path[at : at + len(rest)] == rest), None)
    if at is not None and rest:
        changes.before, changes.after = path[:at], path[at + len(rest) :]
        changes.set.pop("PATH", None)
    else:
        changes.set["PATH"] = ":".join(path)
    return changes
