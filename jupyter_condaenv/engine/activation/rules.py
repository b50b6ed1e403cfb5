"""The rules of ``conda activate`` and ``conda deactivate``, in a clean bash.

conda 26's own answers lie in ``tests/engine/activation``. Where it passes text through a shell unescaped, nothing is
expanded here.
"""

from __future__ import annotations

import json
import os
import re
import time

from . import TIME_LIMIT
from .variables import NAME, SHELLS_OWN, active_level, bin_of, inherited_prefixes, listed, opened, path_entries, scripts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .bash import Bash

STATE_FILE = "conda-meta/state"
"""Where conda keeps variables that a person has set for an environment."""
_STATE = r"CONDA_(PREFIX|DEFAULT_ENV|PROMPT_MODIFIER|SHLVL|PREFIX_\d+|STACKED_\d+)$|__CONDA_SHLVL_"
_UNSET = "***unset***"
"""What conda writes in ``conda-meta/state`` for a variable that ``conda env config vars unset`` removed."""


class Activation:
    """An environment of variables that is being changed by conda's rules, one ``activate`` or ``deactivate`` at a time.

    Use it as a context manager: it may hold a bash.

    ``env`` is the present state, ``warnings`` what a person should know, ``hung`` whether a script met its time limit.
    """

    def __init__(self, environ: dict[str, str], limit: float = TIME_LIMIT) -> None:
        self.env = dict(environ)
        self.warnings: list[str] = []
        self.hung = False
        self._limit = limit
        # Whatever hangs, a kernel must come up before those who wait for it give up (a minute in nbclient).
        self._left = 1.5 * limit
        self._own = {name: environ[name] for name in SHELLS_OWN if name in environ}
        self._functions = {name: text for name, text in environ.items() if name.startswith("BASH_FUNC_")}
        self._bash: Bash | None = None
        self._no_bash = False

    def __enter__(self) -> Activation:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bash is not None:
            self._bash.kill()
            self._bash = None

    def activate(self, prefix: str, stack: bool = False) -> None:
        """``conda activate [--stack] PREFIX``: replaces what is active, or with ``stack`` covers it."""
        level, old = active_level(self.env), self.env.get("CONDA_PREFIX", "")
        if level and old == prefix:
            self._reactivate(prefix, level)
            return
        new = self._variables(prefix)
        saved = {f"__CONDA_SHLVL_{level}_{name}": self.env[name] for name in new if name in self.env}
        path = path_entries(self.env)
        if level == 0 or stack:
            path.insert(0, bin_of(prefix))
        else:
            _replace(path, old, prefix)
        changes = {"PATH": ":".join(path), **_state(prefix, level + 1)}
        changes.update({name.upper(): value for name, value in {**new, **saved}.items()})
        if level:
            changes[f"CONDA_PREFIX_{level}"] = old
            if stack:
                changes[f"CONDA_STACKED_{level + 1}"] = "true"
            else:
                self._run(scripts(old, "deactivate.d"))
        self.env.update(changes)
        self._run(scripts(prefix, "activate.d"))

    def _reactivate(self, prefix: str, level: int) -> None:
        path = path_entries(self.env)
        _replace(path, prefix, prefix)
        self._run(scripts(prefix, "deactivate.d"))
        name = self.env.get("CONDA_DEFAULT_ENV", default_name(prefix))
        self.env.update(PATH=":".join(path), CONDA_SHLVL=str(level), CONDA_PROMPT_MODIFIER=f"({name}) ")
        self._run(scripts(prefix, "activate.d"))

    def deactivate(self) -> None:
        """``conda deactivate``: one level down. As conda does, what it takes away is left as an empty variable."""
        level, old = active_level(self.env), self.env.get("CONDA_PREFIX", "")
        if not old or level < 1:
            return
        below = self.env.get(f"CONDA_PREFIX_{level - 1}", "") if level > 1 else ""
        path = path_entries(self.env)
        changes: dict[str, str] = {}
        if not below:
            _replace(path, old, "")
            changes.update(CONDA_PREFIX="", CONDA_DEFAULT_ENV="", CONDA_PROMPT_MODIFIER="", CONDA_SHLVL=str(level - 1))
        else:
            changes[f"CONDA_PREFIX_{level - 1}"] = ""
            stacked = f"CONDA_STACKED_{level}"
            if stacked in self.env:
                _replace(path, old, "")
                changes[stacked] = ""
            else:
                _replace(path, old, below)
            changes.update({name.upper(): value for name, value in self._variables(below).items()})
            changes.update(_state(below, level - 1))
        # What conda exports comes after what it empties.
        saved: dict[str, str] = {}
        for name in self._variables(old):
            value = self.env.get(f"__CONDA_SHLVL_{level - 1}_{name}")
            if value:
                saved[name] = value
            elif name.upper() not in changes:
                saved[name.upper()] = ""
        self.env["PATH"] = ":".join(path)
        self._run(scripts(old, "deactivate.d"))
        self.env.update({**changes, **saved})
        if below:
            self._run(scripts(below, "activate.d"))

    def leave_inherited(self) -> None:
        """A clean slate: every level that the calling process had active is deactivated, and no trace of it left."""
        inherited = inherited_prefixes(self.env)
        defined = {name.upper() for prefix in inherited for name in self._variables(prefix)}
        for _ in range(active_level(self.env)):
            self.deactivate()
        path = [entry for entry in path_entries(self.env) if entry not in {bin_of(prefix) for prefix in inherited}]
        self.env["PATH"] = ":".join(path)
        emptied = [name for name in defined if self.env.get(name) == ""]
        for name in [*emptied, *(name for name in self.env if re.match(_STATE, name))]:
            del self.env[name]

    def _variables(self, prefix: str) -> dict[str, str]:
        return defined(prefix, self._warn)

    def _warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)

    # --- scripts

    def _run(self, paths: list[str]) -> None:
        for path in paths:
            if self._no_bash:
                return
            if self._left <= 0:
                self._warn(f"{path} was not run: scripts before it took too long.")
                continue
            if self._bash is None:
                from .bash import Bash  # heavy, and most environments have no scripts

                try:
                    self._bash = Bash(self.env)
                except OSError as error:
                    self._no_bash = True
                    self._warn(f"Activation scripts were not run, because bash cannot be started ({error}).")
                    return
            self._source(self._bash, path)

    def _source(self, bash: Bash, path: str) -> None:
        began = time.monotonic()
        end = bash.source(path, self.env, min(self._limit, self._left))
        self._left -= time.monotonic() - began
        if end.env is not None:
            env = {name: value for name, value in end.env.items() if not name.startswith("__condaenv_")}
            for name in SHELLS_OWN:
                env.pop(name, None)
            # Bash writes functions in its own way; those that are the same stay as they came.
            same = {name: text for name, text in self._functions.items() if text.split() == env.get(name, "").split()}
            self.env = {**env, **same, **self._own}
        kept = "what it had set until then is kept" if end.env is not None else "nothing that it set is kept"
        if end.kind == "hung":
            self.hung = True
            self._warn(f"{path} did not end within {self._limit:g} seconds and was stopped; {kept}.")
        elif end.kind == "died":
            self._warn(f"{path} ended the shell that activates the environment ({end.detail}); {kept}.")
        elif end.env is None:
            self._warn(f"{path} left variables with which no command can be run; {kept}.")
        elif end.detail == "exit status 2" and (problem := bash.misread(path)):
            self._warn(f"{path} is not all bash, and did not run to its end: {problem}.")
        leaked = [option for flag, option in (("e", "errexit"), ("u", "nounset")) if flag in end.flags]
        if leaked and end.kind == "done":
            self._warn(f"{path} left the shell option {' and '.join(leaked)} on; it was switched off again.")
        if end.kind != "done" or end.env is None:
            bash.kill()
            self._bash = None


def defined(prefix: str, warn: Callable[[str], None]) -> dict[str, str]:
    """The variables that ``env_vars.d`` and ``conda-meta/state`` of ``prefix`` define, the latter winning."""
    found: dict[str, str] = {}
    for path in [*listed(os.path.join(prefix, "etc/conda/env_vars.d")), os.path.join(prefix, STATE_FILE)]:
        found.update(variables_in(path, warn))
    return found


def variables_in(path: str, warn: Callable[[str], None]) -> dict[str, str]:
    """Those that one of these files defines; ``warn`` is told of what no environment can set."""
    try:
        with opened(path) as file:
            content = json.load(file)
        if path.endswith(STATE_FILE):
            content = content.get("env_vars", {})
        items = list(content.items())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError) as error:
        warn(f"{path} cannot be read as variables ({error}); it was left out.")
        return {}
    texts = ((name, _text(path, name, value, warn)) for name, value in items)
    return {name: text for name, text in texts if text is not None}


def _text(path: str, name: str, value: object, warn: Callable[[str], None]) -> str | None:
    if not re.match(NAME, name) or name.upper() in ("PATH", *SHELLS_OWN) or re.match(_STATE, name.upper()):
        warn(f"{path} sets {name!r}, which no environment can set there; it was left out.")
        return None
    if value == _UNSET:
        return None
    if value is None:
        return ""
    if isinstance(value, (str, int, float)) and "\0" not in str(value):
        return str(value)
    warn(f"The value of {name} in {path} is not a text; it was left out.")
    return None


def default_name(prefix: str) -> str:
    """What conda calls an environment: its last part if it lies in a folder ``envs``, else its path."""
    parent, name = os.path.split(prefix)
    return name if os.path.basename(parent) == "envs" else prefix


def _replace(path: list[str], old: str, new: str) -> None:
    """Where the folder of ``old`` stands first (else in front) put that of ``new``; if ``new`` is empty, nothing."""
    at = path.index(bin_of(old)) if bin_of(old) in path else -1
    if at >= 0:
        del path[at]
    if new:
        path.insert(max(at, 0), bin_of(new))


def _state(prefix: str, level: int) -> dict[str, str]:
    name = default_name(prefix)
    return {
        "CONDA_PREFIX": prefix,
        "CONDA_SHLVL": str(level),
        "CONDA_DEFAULT_ENV": name,
        "CONDA_PROMPT_MODIFIER": f"({name}) ",
    }
