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
    statements of ``{command}`` run; ``own`` are names whose value is the shell's: to set one fails, or means something
    else there."""

    quote: Callable[[str], str]
    export: Callable[[str, str], str]
    unset: Callable[[str], str]
    use: str
    own: frozenset[str] = frozenset()


def _fish(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _powershell(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _xonsh(name: str, value: str) -> str:
    """As text, where it holds what xonsh would fill in: it takes names that end in ``PATH`` or ``DIRS`` for lists of
    paths."""
    plain = name == "PATH" or not re.search(r"[~$]", value)
    return f"${name} = {value!r}" if plain else f"${{...}}.register({name!r}, type='str'); ${name} = {value!r}"


_BASH = Shell(
    shlex.quote,
    lambda name, value: f"export {name}={shlex.quote(value)}",
    lambda name: f"unset {name}",
    'eval "$({command})"',
    frozenset(("BASHOPTS", "BASH_VERSINFO", "EUID", "PPID", "SHELLOPTS", "UID")),
)
_OF_ZSH = (
    "ARGC EGID EUID GID HISTCMD LINENO PPID TTYIDLE UID USERNAME ZSH_EVAL_CONTEXT ZSH_SUBSHELL aliases argv "
    "builtins cdpath commands dirstack fignore fpath functions galiases history historywords jobdirs jobstates "
    "jobtexts keymaps mailpath manpath module_path modules nameddirs options parameters path patchars pipestatus "
    "psvar reswords saliases status termcap terminfo userdirs usergroups watch widgets zsh_eval_context"
)
_OF_FISH = "FISH_VERSION PWD SHLVL _ fish_pid history hostname pipestatus status umask version"
SHELLS: Mapping[str, Shell] = {
    "bash": _BASH,
    "zsh": _BASH._replace(own=frozenset(_OF_ZSH.split())),
    "fish": Shell(
        _fish,
        lambda name, value: f"set -gx {name} {_fish(value)}",
        lambda name: f"set -e {name}",
        "{command} | source",
        frozenset(_OF_FISH.split()),
    ),
    "xonsh": Shell(
        repr,
        _xonsh,
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
    """What makes ``new`` of ``old`` in ``shell``. Names that it cannot say, such as exported functions, or that are its
    own, stay."""
    known = SHELLS[shell]
    gone = old.keys() - new.keys()
    changed = sorted(name for name in gone | new.keys() if old.get(name) != new.get(name))
    said = [name for name in changed if _NAME.match(name) and name not in known.own]
    return [known.unset(name) for name in said if name in gone] + [
        known.export(name, new[name]) for name in said if name in new
    ]


def line(shell: str, command: list[str]) -> str:
    """What to type in ``shell`` to have the statements run that ``command`` prints.

    >>> line("fish", ["python", "it's"])
    "python 'it\\\\'s' | source"
    """
    known = SHELLS[shell]
    words = [word if _PLAIN.match(word) else known.quote(word) for word in command]
    return known.use.format(command=" ".join(words))
