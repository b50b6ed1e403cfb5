"""What activation scripts read: files that they source, and variables whose names they mention."""

from __future__ import annotations

import re

from .variables import scripts

_SOURCED = r"(?:^|[\s;&|({])(?:\.|source)[ \t]+(\"[^\"\n]*\"|'[^'\n]*'|[^\s;&|)]+)"


def sourced(prefixes: list[str], env: dict[str, str]) -> tuple[list[str], set[str]]:
    """The scripts of ``prefixes`` what their text says they source, and every word in them all."""
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
    return list(texts), words


def _expanded(text: str, env: dict[str, str]) -> str:
    return re.sub(r"\$(?:\{(\w+)\}|(\w+))", lambda match: env.get(match[1] or match[2], ""), text)
