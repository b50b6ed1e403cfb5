"""What activating a conda environment does to the variables of a process: captured once, kept, applied at each start.

The rules are those of ``conda activate`` and ``conda deactivate`` in a clean bash (conda 26, whose answers lie in
``tests/engine/activation``). Where conda passes text through a shell unescaped, nothing is expanded here.

This file is copied beside the shim and runs in the Pythons of environments: standard library only, Python 3.8 and
newer. What only a capture needs is imported only then: a start that finds its record costs less than ``import re``.
"""

from __future__ import annotations

import os
import stat
import sys
import time
import zlib

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing would double what this file takes to import
    from typing import Any

FOLDER = "activation"
"""Of the cache, in the data directory."""
SCHEMA = 1
"""Part of every cache key: raised when the meaning of a cached record or the way it is made changes."""
TIME_LIMIT = 20.0
"""Seconds one script may take."""
HUNG_KEPT = 600.0
"""Seconds for which a capture that met a hanging script is used again. Not for ever, as the reason may be passing;
not never, as then every start of the kernel would wait for it."""

_SHELLS_OWN = ("_", "SHLVL", "PWD", "OLDPWD", "SHELLOPTS", "BASHOPTS")
# Compiled when a capture needs them, not at each start.
_STATE = r"CONDA_(PREFIX|DEFAULT_ENV|PROMPT_MODIFIER|SHLVL|PREFIX_\d+|STACKED_\d+)$|__CONDA_SHLVL_"
_NAME = r"[A-Za-z_][A-Za-z0-9_]*$"
_UNSET = "***unset***"
"""What conda writes in ``conda-meta/state`` for a variable that ``conda env config vars unset`` removed."""


# --- the levels, as one argument -------------------------------------------------------------------------------------


def join_levels(prefixes: tuple[str, ...]) -> str:
    """One argument for several prefixes, bottom first, that survives kernel.json and that ``/bin/sh`` can read.

    Joined by ``:``. What would be mistaken (``:``, ``\\``, the ``{}`` of Jupyter's placeholders, control characters,
    bytes that are not text) is written as ``printf %b`` takes it: ``\\0`` and three octal digits.
    """
    return ":".join("".join(_escaped(character) for character in prefix) for prefix in prefixes)


def split_levels(argument: str) -> tuple[str, ...]:
    """The prefixes that ``join_levels`` made ``argument`` of."""
    return tuple(_unescaped(part) for part in argument.split(":")) if argument else ()


def _escaped(character: str) -> str:
    if character in ":\\{}" or character < " " or "\udc80" <= character <= "\udcff":
        return "".join(f"\\0{byte:03o}" for byte in os.fsencode(character))
    return character


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    import re

    raw = re.sub(rb"\\0([0-7]{3})", lambda match: bytes([int(match.group(1), 8)]), os.fsencode(text))
    return os.fsdecode(raw)


# --- conda's rules ---------------------------------------------------------------------------------------------------


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
        self._own = {name: environ[name] for name in _SHELLS_OWN if name in environ}
        self._functions = {name: text for name, text in environ.items() if name.startswith("BASH_FUNC_")}
        self._bash: _Bash | None = None
        self._no_bash = False

    def __enter__(self) -> Activation:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bash is not None:
            self._bash.kill()
            self._bash = None

    def activate(self, prefix: str, stack: bool = False) -> None:
        """``conda activate [--stack] PREFIX``: replaces what is active, or with ``stack`` covers it."""
        level, old = _level(self.env), self.env.get("CONDA_PREFIX", "")
        if level and old == prefix:
            self._reactivate(prefix, level)
            return
        new = self._variables(prefix)
        saved = {f"__CONDA_SHLVL_{level}_{name}": self.env[name] for name in new if name in self.env}
        path = _path(self.env)
        if level == 0 or stack:
            path.insert(0, _bin(prefix))
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
        path = _path(self.env)
        _replace(path, prefix, prefix)
        self._run(scripts(prefix, "deactivate.d"))
        name = self.env.get("CONDA_DEFAULT_ENV", default_name(prefix))
        self.env.update(PATH=":".join(path), CONDA_SHLVL=str(level), CONDA_PROMPT_MODIFIER=f"({name}) ")
        self._run(scripts(prefix, "activate.d"))

    def deactivate(self) -> None:
        """``conda deactivate``: one level down. As conda does, what it takes away is left as an empty variable."""
        level, old = _level(self.env), self.env.get("CONDA_PREFIX", "")
        if not old or level < 1:
            return
        below = self.env.get(f"CONDA_PREFIX_{level - 1}", "") if level > 1 else ""
        path = _path(self.env)
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
        for _ in range(_level(self.env)):
            self.deactivate()
        path = [entry for entry in _path(self.env) if entry not in {_bin(prefix) for prefix in inherited}]
        self.env["PATH"] = ":".join(path)
        import re

        emptied = [name for name in defined if self.env.get(name) == ""]
        for name in [*emptied, *(name for name in self.env if re.match(_STATE, name))]:
            del self.env[name]

    def _variables(self, prefix: str) -> dict[str, str]:
        """What ``env_vars.d`` and ``conda-meta/state`` of ``prefix`` define, the latter winning."""
        import json

        found: dict[str, str] = {}
        for path in [*_listed(os.path.join(prefix, "etc/conda/env_vars.d")), os.path.join(prefix, "conda-meta/state")]:
            try:
                with open(path, encoding="utf-8") as file:
                    content = json.load(file)
                if path.endswith("conda-meta/state"):
                    content = content.get("env_vars", {})
                items = list(content.items())
            except FileNotFoundError:
                continue
            except (OSError, ValueError, AttributeError) as error:
                self._warn(f"{path} cannot be read as variables ({error}); it was left out.")
                continue
            for name, value in items:
                text = self._text(path, name, value)
                if text is not None:
                    found[name] = text
        return found

    def _text(self, path: str, name: str, value: object) -> str | None:
        import re

        if not re.match(_NAME, name) or name.upper() in ("PATH", *_SHELLS_OWN) or re.match(_STATE, name.upper()):
            self._warn(f"{path} sets {name!r}, which no environment can set there; it was left out.")
            return None
        if value == _UNSET:
            return None
        if value is None:
            return ""
        if isinstance(value, (str, int, float)) and "\0" not in str(value):
            return str(value)
        self._warn(f"The value of {name} in {path} is not a text; it was left out.")
        return None

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
                try:
                    self._bash = _Bash(self.env)
                except OSError as error:
                    self._no_bash = True
                    self._warn(f"Activation scripts were not run, because bash cannot be started ({error}).")
                    return
            self._source(self._bash, path)

    def _source(self, bash: _Bash, path: str) -> None:
        began = time.monotonic()
        end = bash.source(path, self.env, min(self._limit, self._left))
        self._left -= time.monotonic() - began
        if end.env is not None:
            env = {name: value for name, value in end.env.items() if not name.startswith("__condaenv_")}
            for name in _SHELLS_OWN:
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
        leaked = [option for flag, option in (("e", "errexit"), ("u", "nounset")) if flag in end.flags]
        if leaked and end.kind == "done":
            self._warn(f"{path} left the shell option {' and '.join(leaked)} on; it was switched off again.")
        if end.kind != "done" or end.env is None:
            bash.kill()
            self._bash = None


def default_name(prefix: str) -> str:
    """What conda calls an environment: its last part if it lies in a folder ``envs``, else its path."""
    parent, name = os.path.split(prefix)
    return name if os.path.basename(parent) == "envs" else prefix


def scripts(prefix: str, folder: str) -> list[str]:
    """The scripts of ``activate.d`` or ``deactivate.d`` in conda's order: by code point, to deactivate backwards."""
    paths = _listed(os.path.join(prefix, "etc/conda", folder))
    return sorted((path for path in paths if path.endswith(".sh")), reverse=folder == "deactivate.d")


def inherited_prefixes(environ: dict[str, str]) -> list[str]:
    """The environments that are active in ``environ``, the lowest first."""
    names = [f"CONDA_PREFIX_{number}" for number in range(1, _level(environ))]
    return [environ[name] for name in [*names, "CONDA_PREFIX"] if environ.get(name)]


def _listed(folder: str) -> list[str]:
    try:
        return [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
    except OSError:
        return []


def _level(env: dict[str, str]) -> int:
    try:
        return min(max(int(env.get("CONDA_SHLVL", "") or 0), 0), 100)
    except ValueError:
        return 0


def _bin(prefix: str) -> str:
    return f"{prefix}/bin"


def _path(env: dict[str, str]) -> list[str]:
    # The default is conda's.
    return env.get("PATH", "/usr/bin").split(":")


def _replace(path: list[str], old: str, new: str) -> None:
    """Where the folder of ``old`` stands first (else in front) put that of ``new``; if ``new`` is empty, nothing."""
    at = path.index(_bin(old)) if _bin(old) in path else -1
    if at >= 0:
        del path[at]
    if new:
        path.insert(max(at, 0), _bin(new))


def _state(prefix: str, level: int) -> dict[str, str]:
    name = default_name(prefix)
    return {
        "CONDA_PREFIX": prefix,
        "CONDA_SHLVL": str(level),
        "CONDA_DEFAULT_ENV": name,
        "CONDA_PROMPT_MODIFIER": f"({name}) ",
    }


# --- a bash that sources one script at a time ------------------------------------------------------------------------

# Scripts are sourced in a function, because conda does so: a plain `declare` in one is local there too. The report is
# written after each script, so that the state before a script that kills its shell is never lost.
_LOOP = r"""
__condaenv_env=$1 __condaenv_in=$2 __condaenv_out=$3
shift 3
__condaenv_report() {
  "$__condaenv_env" -0 >&"$__condaenv_out"
  builtin printf '=%s %s %s %s\0' "$1" "$?" "$2" "$-" >&"$__condaenv_out"
}
__condaenv_source() { builtin . "$__condaenv_script"; }
while IFS= builtin read -r -d '' -u "$__condaenv_in" __condaenv_line; do builtin eval "$__condaenv_line"; done
"""


class _End:
    """How the sourcing of a script ended: ``done``, ``died`` or ``hung``; ``env`` is None when it could not be read."""

    __slots__ = ("detail", "env", "flags", "kind")

    def __init__(self, kind: str, env: dict[str, str] | None, detail: str, flags: str = "") -> None:
        self.kind = kind
        self.env = env
        self.detail = detail
        self.flags = flags


class _Bash:
    """A child bash without start-up files, terminal or input, in a session of its own; its output goes to stderr.

    Raises OSError when there is no bash.
    """

    def __init__(self, env: dict[str, str]) -> None:
        import fcntl
        import subprocess

        # High numbers: scripts that open 3 or 4 must not meet our pipes.
        ends = [*os.pipe(), *os.pipe()]
        high = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 200) for end in ends]
        for end in ends:
            os.close(end)
        commands, self._commands, self._reports, reports = high
        program = next((path for path in ("/usr/bin/env", "/bin/env") if os.path.exists(path)), "env")
        # BASH_ENV would be sourced and SHELLOPTS obeyed; the former is exported again before the first script.
        self._known = {name: value for name, value in env.items() if name not in ("BASH_ENV", *_SHELLS_OWN)}
        try:
            self._process = subprocess.Popen(
                ["bash", "--noprofile", "--norc", "-c", _LOOP, "bash", program, str(commands), str(reports)],
                stdin=subprocess.DEVNULL,
                stdout=2,
                env=self._known,
                pass_fds=(commands, reports),
                start_new_session=True,
            )
        except OSError:
            os.close(self._commands)
            os.close(self._reports)
            raise
        finally:
            os.close(commands)
            os.close(reports)

    def source(self, path: str, env: dict[str, str], limit: float) -> _End:
        """Make the shell's variables those of ``env``, source ``path``, and tell what they are then."""
        import re

        lines = [f"export {name}={_quoted(env[name])}" for name in env if self._differs(name, env)]
        lines += [f"unset {name}" for name in self._known if name not in env and re.match(_NAME, name)]
        lines += [
            "trap '__condaenv_report died $?' EXIT",
            f"__condaenv_script={_quoted(path)}",
            "__condaenv_source",
            "__condaenv_report done $?",
            "set +eu",
        ]
        try:
            os.write(self._commands, os.fsencode("\n".join(lines)) + b"\0")
        except OSError:
            return _End("died", None, "before it began")
        end = self._read(limit)
        if end.env is not None:
            self._known = end.env
        return end

    def _differs(self, name: str, env: dict[str, str]) -> bool:
        import re

        return name not in _SHELLS_OWN and re.match(_NAME, name) is not None and self._known.get(name) != env[name]

    def _read(self, limit: float) -> _End:
        import select

        deadline = time.monotonic() + limit
        data = b""
        while not (data.endswith(b"\0") and data.rsplit(b"\0", 2)[-2].startswith(b"=")):
            # Seen by looking, not by the end of the file: what a script left running holds the pipe open.
            gone = self._process.poll() is not None
            wait = 0.0 if gone else max(0.0, min(0.05, deadline - time.monotonic()))
            if select.select([self._reports], [], [], wait)[0]:
                chunk = os.read(self._reports, 1 << 16)
                if chunk:
                    data += chunk
                    continue
                gone = True
            if gone:
                self._process.wait()
                return _End("died", None, _ending(self._process.returncode))
            if time.monotonic() >= deadline:
                return _End("hung", None, "")
        *entries, report, _ = data.split(b"\0")
        kind, readable, status, *flags = report[1:].decode("ascii", "replace").split(" ")
        env = None
        if readable == "0":
            pairs = (os.fsdecode(entry).partition("=") for entry in entries)
            env = {name: value for name, _, value in pairs if name}
        return _End(kind, env, f"exit status {status}", "".join(flags))

    def kill(self) -> None:
        """End it and all that scripts left running in its session."""
        import signal

        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except OSError:
            self._process.kill()
        self._process.wait()
        os.close(self._commands)
        os.close(self._reports)


def _ending(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"exit status {status}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


# --- changes ---------------------------------------------------------------------------------------------------------


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
            middle = [entry for entry in _path(environ) if entry not in self.out]
            env["PATH"] = ":".join([*self.before, *middle, *self.after])
        return env


def changes_between(old: dict[str, str], new: dict[str, str]) -> Changes:
    """The changes that make ``new`` of ``old``."""
    changes = Changes()
    changes.set = {name: value for name, value in new.items() if old.get(name) != value}
    changes.unset = [name for name in old if name not in new]
    changes.out = [_bin(prefix) for prefix in inherited_prefixes(old)]
    rest = [entry for entry in _path(old) if entry not in changes.out]
    path = _path(new)
    at = next((at for at in range(len(path) - len(rest) + 1) if path[at : at + len(rest)] == rest), None)
    if at is not None and rest:
        changes.before, changes.after = path[:at], path[at + len(rest) :]
        changes.set.pop("PATH", None)
    else:
        changes.set["PATH"] = ":".join(path)
    return changes


def capture(prefixes: tuple[str, ...], environ: dict[str, str], limit: float = TIME_LIMIT) -> tuple[Changes, bool]:
    """Run what activating ``prefixes`` (bottom first) runs, after leaving what is active in ``environ``.

    Never fails because of a script. The second of the result is whether one met its time limit of ``limit`` seconds.
    """
    with Activation(environ, limit) as activation:
        activation.leave_inherited()
        for prefix in prefixes:
            activation.activate(prefix, stack=True)
    changes = changes_between(environ, activation.env)
    changes.warnings = activation.warnings
    return changes, activation.hung


# --- the cache -------------------------------------------------------------------------------------------------------


def activated(prefixes: tuple[str, ...], environ: dict[str, str], cache_dir: str, limit: float = TIME_LIMIT) -> Changes:
    """What activating ``prefixes`` (bottom first) changes in ``environ``; kept for as long as all it saw is the same.

    ``cache_dir`` is made when it is absent. A cache that others could have written is not used; the changes then carry
    a warning. Without any script nothing is kept, as reading the variables is as quick as checking a record of them.
    """
    involved = [*inherited_prefixes(environ), *prefixes]
    seen = _inputs(involved)
    if not any(str(path).endswith(".sh") for path, *_ in seen):
        return capture(prefixes, environ, limit)[0]
    key = _key(prefixes, environ)
    file = f"{zlib.crc32(key.encode()):08x}.json"
    problem = ""
    try:
        found = _load(cache_dir, file)
    except OSError as error:
        found, problem = None, str(error)
    if found is not None and _valid(found, key, seen, environ):
        changes = Changes()
        for name in Changes.__slots__:
            setattr(changes, name, found[name])
        return changes
    changes, hung = capture(prefixes, environ, limit)
    record: dict[str, object] = {name: getattr(changes, name) for name in Changes.__slots__}
    record["key"] = key
    record["files"] = seen
    record["sourced"], words = _sourced(involved, changes.apply(environ))
    record["words"] = " ".join(sorted(words))
    record["values"] = _mentioned(words, environ)
    record["until"] = time.time() + HUNG_KEPT if hung else 0
    if not problem:
        try:
            _store(cache_dir, file, record)
        except OSError as error:
            problem = str(error)
    if problem:
        changes.warnings = [*changes.warnings, f"Activation is not kept for the next start: {problem}"]
    return changes


def _key(prefixes: tuple[str, ...], environ: dict[str, str]) -> str:
    """What tells one record from another. Its checksum names the file; the record holds it whole."""
    state = sorted(item for item in environ.items() if item[0].lstrip("_").startswith("CONDA_"))
    return repr([SCHEMA, prefixes, state, _host_class(), sys.getfilesystemencoding()])


def _host_class() -> list[str]:
    """What scripts of one environment may decide differently on two hosts that share a home: processor and driver."""
    try:
        with open("/sys/module/nvidia/version", encoding="ascii", errors="replace") as file:
            driver = file.read().strip()
    except OSError:
        driver = ""
    return [os.uname().machine, driver]


def _inputs(prefixes: list[str]) -> list[list[object]]:
    """The state of every file that decides which scripts run and which variables are set."""
    files: list[list[object]] = []
    for prefix in prefixes:
        # The folder conda-meta changes with every package, and with it what scripts find in the prefix.
        paths = [f"{prefix}/conda-meta", f"{prefix}/conda-meta/state"]
        for folder in ("activate.d", "deactivate.d", "env_vars.d"):
            paths += _listed(f"{prefix}/etc/conda/{folder}")
        files += [_stamp(path) for path in paths]
    return files


def _stamp(path: str) -> list[object]:
    try:
        found = os.stat(path)
    except OSError:
        return [path]
    return [path, found.st_mtime_ns, found.st_size, found.st_ino]


def _valid(record: dict[str, Any], key: str, seen: list[list[object]], environ: dict[str, str]) -> bool:
    """Whether all that the capture of ``record`` saw is as it was."""
    try:
        return (
            record["key"] == key
            and record["files"] == seen
            and record["values"] == _mentioned(set(record["words"].split(" ")), environ)
            and all(stamp == _stamp(stamp[0]) for stamp in record["sourced"])
            and not 0 < record["until"] < time.time()
        )
    except (KeyError, TypeError, AttributeError):
        return False


def _mentioned(words: set[str], environ: dict[str, str]) -> dict[str, str]:
    """The incoming variables whose values a script may have used.

    Without regard to case, because compilers' scripts make names of variables from those of programs.
    """
    return {name: value for name, value in environ.items() if name.lower() in words and name not in _SHELLS_OWN}


_SOURCED = r"(?:^|[\s;&|({])(?:\.|source)[ \t]+(\"[^\"\n]*\"|'[^'\n]*'|[^\s;&|)]+)"


def _sourced(prefixes: list[str], env: dict[str, str]) -> tuple[list[list[object]], set[str]]:
    """Stamps of the scripts of ``prefixes`` and of what their text says they source, and every word in them all."""
    import re

    texts: dict[str, str] = {}
    words: set[str] = set()
    for prefix in prefixes:
        waiting = scripts(prefix, "activate.d") + scripts(prefix, "deactivate.d")
        known = {**env, "CONDA_PREFIX": prefix}
        while waiting:
            path = waiting.pop()
            if path in texts:
                continue
            try:
                with open(path, encoding="utf-8", errors="replace") as file:
                    texts[path] = file.read(1 << 20)
            except OSError:
                texts[path] = ""
            words.update(word.lower() for word in re.findall(r"[A-Za-z_][A-Za-z0-9_]+", texts[path]))
            targets = (_expanded(match[1].strip("\"'"), known) for match in re.finditer(_SOURCED, texts[path]))
            waiting += [target for target in targets if target.startswith("/")]
    return [_stamp(path) for path in texts], words


def _expanded(text: str, env: dict[str, str]) -> str:
    import re

    return re.sub(r"\$(?:\{(\w+)\}|(\w+))", lambda match: env.get(match[1] or match[2], ""), text)


def _open_dir(path: str) -> int:
    """A descriptor of the folder at ``path``; PermissionError if anybody else could write in it."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        _refuse_foreign(os.fstat(descriptor), path)
    except PermissionError:
        os.close(descriptor)
        raise
    return descriptor


def _refuse_foreign(found: os.stat_result, path: str) -> None:
    if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o022:
        raise PermissionError(f"{path} belongs to or can be written by somebody else.")


def _load(cache_dir: str, name: str) -> dict[str, Any] | None:
    """The record in the file ``name``, or None; OSError when the cache cannot be trusted or read."""
    try:
        folder = _open_dir(cache_dir)
    except FileNotFoundError:
        return None
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=folder)
    except FileNotFoundError:
        return None
    finally:
        os.close(folder)
    with open(descriptor, encoding="ascii") as file:
        found = os.fstat(file.fileno())
        _refuse_foreign(found, os.path.join(cache_dir, name))
        if not stat.S_ISREG(found.st_mode):
            raise OSError(f"{os.path.join(cache_dir, name)} is not a file.")
        try:
            record = _decoded(file.read())
        except ValueError:
            return None
    return record if isinstance(record, dict) else None


class _Decoding:
    """What the scanner of the json module asks of its decoder."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float
    memo: dict[str, str] = {}  # noqa: RUF012


def _decoded(text: str) -> object:
    """``text`` as JSON, by CPython's own scanner where there is one: the module around it imports ``re``.

    ValueError for what is not JSON.
    """
    try:
        from _json import make_scanner
    except ImportError:
        import json

        return json.loads(text)
    try:
        found: object = make_scanner(_Decoding())(text, 0)[0]  # type: ignore[arg-type]
    except (StopIteration, SystemError):  # the latter where it looks for json's own error, which is not imported
        raise ValueError("This is no JSON.") from None
    return found


def _store(cache_dir: str, name: str, record: dict[str, object]) -> None:
    """Write ``record`` so that nobody ever reads a part of it. OSError when that cannot be done."""
    import json

    os.makedirs(cache_dir, mode=0o700, exist_ok=True)
    folder = _open_dir(cache_dir)
    part = f"{name}.{os.getpid()}.{time.monotonic_ns()}"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(part, flags, 0o600, dir_fd=folder)
        try:
            with open(descriptor, "w", encoding="ascii") as file:
                json.dump(record, file)
            os.replace(part, name, src_dir_fd=folder, dst_dir_fd=folder)
        except OSError:
            os.unlink(part, dir_fd=folder)
            raise
    finally:
        os.close(folder)


# --- when an environment was last used -------------------------------------------------------------------------------


def note_use(prefixes: tuple[str, ...], cache_dir: str) -> None:
    """Let :func:`last_use` know that something starts in ``prefixes`` now. Never fails: it is started all the same."""
    try:
        os.makedirs(cache_dir, mode=0o700, exist_ok=True)
        folder = _open_dir(cache_dir)
    except OSError:
        return
    flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        for prefix in prefixes:
            descriptor = os.open(_mark_of(prefix), flags, 0o600, dir_fd=folder)
            try:
                os.utime(descriptor)
            finally:
                os.close(descriptor)
    except OSError:
        pass
    finally:
        os.close(folder)


def last_use(prefix: str, cache_dir: str) -> float:
    """Seconds since 1970 at which something was last started in ``prefix`` or on top of it; 0 where nobody knows."""
    try:
        return os.lstat(os.path.join(cache_dir, _mark_of(prefix))).st_mtime
    except OSError:
        return 0.0


def _mark_of(prefix: str) -> str:
    return f"{zlib.crc32(os.fsencode(os.path.realpath(prefix))):08x}.used"


# --- at every launch, never kept -------------------------------------------------------------------------------------

FOREIGN = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
"""Variables that name another Python's things: a server's are not a kernel's."""
_EARLY = ("LD_LIBRARY_PATH", "LD_PRELOAD", "LD_AUDIT", "GLIBC_TUNABLES", "LC_ALL", "LC_CTYPE", "LANG")
_EARLY_FAMILIES = ("PYTHON", "MALLOC_", "DYLD_")
_FOLLOW_OMP = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_THREADS = (
    "OMP_NUM_THREADS",
    *_FOLLOW_OMP,
    "NUMEXPR_MAX_THREADS",
    "NUMBA_NUM_THREADS",
    "POLARS_MAX_THREADS",
    "LOKY_MAX_CPU_COUNT",
    "PYTHON_CPU_COUNT",
)


def launch_environment(
    prefixes: tuple[str, ...], environ: dict[str, str], cache_dir: str, options: tuple[str, ...] = ()
) -> tuple[dict[str, str], list[str]]:
    """The variables with which a kernel of ``prefixes`` (bottom first) runs, and what a person should know of them.

    ``options`` are those of its kernelspec: ``--always-run``, ``--library-path=prefix``, ``--library-path=clean``.
    """
    foreign = (*FOREIGN, "LD_LIBRARY_PATH") if "--library-path=clean" in options else FOREIGN
    environ = {name: value for name, value in environ.items() if name not in foreign}
    note_use(prefixes, cache_dir)
    always = "--always-run" in options
    changes = capture(prefixes, environ)[0] if always else activated(prefixes, environ, cache_dir)
    env = changes.apply(environ)
    env["PYTHONNOUSERSITE"] = "1"
    if "--library-path=prefix" in options:
        own = [f"{prefix}/lib" for prefix in reversed(prefixes)]
        rest = [path for path in env.get("LD_LIBRARY_PATH", "").split(":") if path and path not in own]
        env["LD_LIBRARY_PATH"] = ":".join([*own, *rest])
    _add_threads(env, thread_limit(env))
    _add_cuda(env, prefixes)
    _add_overlay(env, prefixes)
    return env, changes.warnings


def read_at_start(old: dict[str, str], new: dict[str, str]) -> bool:
    """Whether ``new`` differs from ``old`` in a variable that a process, or its Python, reads only when it starts."""
    changed = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    return any(
        name in _EARLY or name.startswith(_EARLY_FAMILIES)
        for name in changed
        if name != "PYTHON_CPU_COUNT" or sys.version_info >= (3, 13)
    )


def thread_limit(env: dict[str, str], groups: str = "/proc/self/cgroup", root: str = "/sys/fs/cgroup") -> int | None:
    """Threads that this process can keep busy, or None when that is as many as it has processors.

    ``CPU_LIMIT`` (set by JupyterHub) comes before the quota of the cgroups, which libraries do not see.
    """
    try:
        limit: float | None = float(env["CPU_LIMIT"])
    except (KeyError, ValueError):
        limit = None
    if limit is None or not limit > 0:
        limit = _quota(groups, root)
    if limit is None:
        return None
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, int(limit)) if limit < processors else None


def _quota(groups: str, root: str) -> float | None:
    """The lowest quota, in processors, over this process's cgroup and all above it; version 2 or 1."""
    try:
        with open(groups, encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read().splitlines()
    except OSError:
        return None
    found = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        base = f"{root}/cpu" if controllers else root
        while True:
            found.append(_quota_at(base + path.rstrip("/"), bool(controllers)))
            if path in ("/", ""):
                break
            path = os.path.dirname(path)
    return min((quota for quota in found if quota is not None), default=None)


def _quota_at(folder: str, version1: bool) -> float | None:
    names = ("cpu.cfs_quota_us", "cpu.cfs_period_us") if version1 else ("cpu.max",)
    words: list[str] = []
    try:
        for name in names:
            with open(f"{folder}/{name}", encoding="ascii") as file:
                words += file.read().split()
        quota, period = (float(word) for word in words)
    except (OSError, ValueError):  # no such group here, or "max"
        return None
    return quota / period if quota > 0 and period > 0 else None


def _add_threads(env: dict[str, str], limit: int | None) -> None:
    if limit is None:
        return
    # These two take OMP_NUM_THREADS where they have no value of their own: a person's choice there is one for them.
    chosen = "OMP_NUM_THREADS" in env
    for name in _THREADS:
        if not (chosen and name in _FOLLOW_OMP):
            env.setdefault(name, str(limit))


def _add_cuda(env: dict[str, str], prefixes: tuple[str, ...]) -> None:
    if "CUDA_HOME" in env or "CUDA_PATH" in env:
        return
    for prefix in reversed(prefixes):
        if os.path.exists(f"{prefix}/bin/nvcc") or os.path.isdir(f"{prefix}/targets"):
            env["CUDA_HOME"] = env["CUDA_PATH"] = prefix
            return


def _add_overlay(env: dict[str, str], prefixes: tuple[str, ...]) -> None:
    own = prefixes[-1]
    if not os.path.exists(f"{own}/pyvenv.cfg"):
        return
    shared = [f"{prefix}/share/jupyter" for prefix in reversed(prefixes[:-1])]
    given = [path for path in env.get("JUPYTER_PATH", "").split(":") if path and path not in shared]
    if shared:
        env["JUPYTER_PATH"] = ":".join([*shared, *given])
    constraints = f"{own}/conda-meta/condaenv/constraints.txt"
    if os.path.exists(constraints):
        # pip splits the variable at white space; a URL can go without.
        if len(constraints.split()) > 1:
            import re

            constraints = "file://" + re.sub(
                r"[%\s]", lambda m: "".join(f"%{b:02X}" for b in m[0].encode()), constraints
            )
        env["PIP_CONSTRAINT"] = " ".join([constraints, *env.get("PIP_CONSTRAINT", "").split()])
