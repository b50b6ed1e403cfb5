"""Variables as statements of the shells that people use."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from typing import NamedTuple

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+-]+\Z")
"""A word that means itself in every shell."""


class Shell(NamedTuple):
    """``export`` and ``unset`` make a statement, ``quote`` one word of any text; ``use`` is how a person has the
    statements of ``{command}`` run."""

    quote: Callable[[str], str]
    export: Callable[[str, str], str]
    unset: Callable[[str], str]
    use: str


def _fish(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _powershell(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


_POSIX = Shell(
    shlex.quote,
    lambda name, value: f"export {name}={shlex.quote(value)}",
    lambda name: f"unset {name}",
    'eval "$({command})"',
)
SHELLS: Mapping[str, Shell] = {
    "bash": _POSIX,
    "zsh": _POSIX,
    "fish": Shell(
        _fish,
        lambda name, value: f"set -gx {name} {_fish(value)}",
        lambda name: f"set -e {name}",
        "{command} | source",
    ),
    "xonsh": Shell(
        repr,
        lambda name, value: f"${name} = {value!r}",
        lambda name: f"del ${name}",
        "execx($({command}))",
    ),
    "powershell": Shell(
        _powershell,
        lambda name, value: f"$Env:{name} = {_powershell(value)}",
        lambda name: f"Remove-Item Env:{name}",
        "{command} | Out-String | Invoke-Expression",
    ),
}


def of_login(path: str) -> str:
    """The shell that a person logs in with, told by ``$SHELL``; bash, whose statements most understand, for others.

    >>> of_login("/usr/bin/fish"), of_login("/opt/microsoft/powershell/7/pwsh"), of_login("/bin/ksh")
    ('fish', 'powershell', 'bash')
    """
    name = {"pwsh": "powershell"}.get(path.rpartition("/")[2], path.rpartition("/")[2])
    return name if name in SHELLS else "bash"


def statements(shell: str, old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """What makes ``new`` of ``old`` in ``shell``. Names that shells cannot say, such as exported functions, stay."""
    known = SHELLS[shell]
    gone = [known.unset(name) for name in sorted(old.keys() - new.keys()) if _NAME.match(name)]
    return gone + [
        known.export(name, value) for name, value in sorted(new.items()) if old.get(name) != value and _NAME.match(name)
    ]


def line(shell: str, command: list[str]) -> str:
    """What to type in ``shell`` to have the statements run that ``command`` prints.

    >>> line("fish", ["python", "it's"])
    "python 'it\\\\'s' | source"
    """
    known = SHELLS[shell]
    words = [word if _PLAIN.match(word) else known.quote(word) for word in command]
    return known.use.format(command=" ".join(words))
