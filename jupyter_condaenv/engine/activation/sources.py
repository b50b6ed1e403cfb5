"""What activation scripts read, as far as their text names it: files, variables, the name of the host."""

from __future__ import annotations

import re

from .variables import opened, scripts

_SOURCED = r"(?:^|[\s;&|({])(?:\.|source)[ \t]+(\"[^\"\n]*\"|'[^'\n]*'|[^\s;&|)]+)"
_ASSIGNED = r"^[ \t]*(?:export[ \t]+)?([A-Za-z_]\w*)=[\"']?([^\s\"';&|()`]+)"
_PATH = r"(?:\$\{?\w+\}?|~)?/[\w.+@%/${}-]+"
_CHANGES_ALWAYS = ("/dev/", "/proc/", "/sys/")
_MOST = 300
"""Files: each start of a kernel looks at all of them."""


def read(prefixes: list[str], env: dict[str, str]) -> tuple[list[str], set[str]]:
    """The scripts of ``prefixes`` and the files that their text names, also such as are absent; and every word in the
    scripts and in what they source."""
    texts: dict[str, str] = {}
    words: set[str] = set()
    named: dict[str, None] = {}
    for prefix in prefixes:
        waiting = scripts(prefix, "activate.d") + scripts(prefix, "deactivate.d")
        known = {**env, "CONDA_PREFIX": prefix}
        while waiting:
            path = waiting.pop()
            if path in texts:
                continue
            text = texts[path] = _text(path)
            words.update(word.lower() for word in re.findall(r"[A-Za-z_][A-Za-z0-9_]+", text))
            for match in re.finditer(_ASSIGNED, text, re.MULTILINE):
                known[match[1]] = _expanded(match[2], known)
            targets = (_expanded(match[1].strip("\"'"), known) for match in re.finditer(_SOURCED, text))
            waiting += [target for target in targets if target.startswith("/")]
            paths = (_expanded(match[0], known) for match in re.finditer(_PATH, text))
            named |= dict.fromkeys(one for one in paths if "$" not in one and not one.startswith(_CHANGES_ALWAYS))
    return [*texts, *(path for path in named if path not in texts)][:_MOST], words


def _text(path: str) -> str:
    try:
        with opened(path, "replace") as file:
            return file.read(1 << 20)
    except OSError:
        return ""


def _expanded(text: str, env: dict[str, str]) -> str:
    text = re.sub(r"\A~(?=/)", "$HOME", text)
    return re.sub(r"\$(?:\{(\w+)\}|(\w+))", lambda match: env.get(match[1] or match[2], ""), text)
