"""A child bash that sources one activation script at a time."""

from __future__ import annotations

import fcntl
import os
import re
import select
import signal
import subprocess
import time

from .variables import NAME, SHELLS_OWN

# Scripts are sourced in a function, because conda does so: a plain `declare` in one is local there too. The report is
# written after each script, so that the state before a script that kills its shell is never lost. A function that
# calls itself is stopped before it has taken all memory.
_LOOP = r"""
__condaenv_env=$1 __condaenv_in=$2 __condaenv_out=$3 FUNCNEST=1000
shift 3
__condaenv_report() {
  "$__condaenv_env" -0 >&"$__condaenv_out"
  builtin printf '=%s %s %s %s\0' "$1" "$?" "$2" "$-" >&"$__condaenv_out"
}
__condaenv_source() { builtin . "$__condaenv_script"; }
while IFS= builtin read -r -d '' -u "$__condaenv_in" __condaenv_line; do builtin eval "$__condaenv_line"; done
"""


class End:
    """How the sourcing of a script ended: ``done``, ``died`` or ``hung``; ``env`` is None when it could not be read."""

    __slots__ = ("detail", "env", "flags", "kind")

    def __init__(self, kind: str, env: dict[str, str] | None, detail: str, flags: str = "") -> None:
        self.kind = kind
        self.env = env
        self.detail = detail
        self.flags = flags


class Bash:
    """A child bash without start-up files, terminal or input, in a session of its own; its output goes to stderr.

    Raises OSError when there is no bash.
    """

    def __init__(self, env: dict[str, str]) -> None:
        # High numbers: scripts that open 3 or 4 must not meet our pipes.
        ends = [*os.pipe(), *os.pipe()]
        high = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 200) for end in ends]
        for end in ends:
            os.close(end)
        commands, self._commands, self._reports, reports = high
        program = next((path for path in ("/usr/bin/env", "/bin/env") if os.path.exists(path)), "env")
        # BASH_ENV would be sourced and SHELLOPTS obeyed; the former is exported again before the first script.
        self._known = {name: value for name, value in env.items() if name not in ("BASH_ENV", *SHELLS_OWN)}
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

    def source(self, path: str, env: dict[str, str], limit: float) -> End:
        """Make the shell's variables those of ``env``, source ``path``, and tell what they are then."""
        lines = [f"export {name}={_quoted(env[name])}" for name in env if self._differs(name, env)]
        foreign = self._known.keys() - env.keys() - set(SHELLS_OWN)
        lines += [f"unset {name}" for name in sorted(foreign) if re.match(NAME, name)]
        lines += [
            "trap '__condaenv_report died $?' EXIT",
            f"__condaenv_script={_quoted(path)}",
            "__condaenv_source",
            "__condaenv_report done $?",
            "\\set +eu",
            "\\shopt -u expand_aliases",
        ]
        try:
            os.write(self._commands, os.fsencode("\n".join(lines)) + b"\0")
        except OSError:
            return End("died", None, "before it began")
        end = self._read(limit)
        if end.env is not None:
            self._known = end.env
        return end

    def misread(self, path: str) -> str:
        """What bash does not understand in the script ``path``, which is not run; empty where it does."""
        try:
            done = subprocess.run(
                ["bash", "-n", path],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                timeout=1,
                env={"LC_ALL": "C", "PATH": os.defpath},
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return ""
        said = done.stderr.decode("utf-8", "replace").splitlines()
        return said[0].replace(f"{path}: ", "", 1)[:200] if done.returncode and said else ""

    def _differs(self, name: str, env: dict[str, str]) -> bool:
        return name not in SHELLS_OWN and re.match(NAME, name) is not None and self._known.get(name) != env[name]

    def _read(self, limit: float) -> End:
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
                return End("died", None, _ending(self._process.returncode))
            if time.monotonic() >= deadline:
                return End("hung", None, "")
        *entries, report, _ = data.split(b"\0")
        kind, readable, status, *flags = report[1:].decode("ascii", "replace").split(" ")
        env = None
        if readable == "0":
            pairs = (os.fsdecode(entry).partition("=") for entry in entries)
            env = {name: value for name, _, value in pairs if name}
        return End(kind, env, f"exit status {status}", "".join(flags))

    def kill(self) -> None:
        """End it and all that scripts left running in its session."""
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
