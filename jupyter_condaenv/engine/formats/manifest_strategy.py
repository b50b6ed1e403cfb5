"""What a manifest of pixi says of how packages are chosen, and of the machine that they are chosen for.

See ``channel-priority``, ``solve-strategy`` and ``exclude-newer`` in
https://pixi.prefix.dev/latest/reference/pixi_manifest, the virtual packages of ``platforms`` there, and
``system-requirements``, which they have taken the place of. What cannot be followed exactly is told.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cmp_to_key
from typing import Any, cast, get_args

from .. import cutoff, versions
from ..channels import redact
from ..errors import InvalidRequest
from ..model import ChannelPriority, Resolution, Strategy
from . import manifest_keys as keys
from .manifest_keys import table as _table
from .source import Source

_PRIORITIES = ("strict", "disabled")
_RESOLUTIONS = get_args(Resolution)
_VIRTUAL = {
    "cuda": "__cuda",
    "archspec": "__archspec",
    "linux": "__linux",
    "libc": "__glibc",
    "glibc": "__glibc",
    "macos": "__osx",
    "osx": "__osx",
    "windows": "__win",
}
_ONLY_ON = {"__linux": "linux", "__glibc": "linux", "__musl": "linux", "__osx": "osx", "__win": "win"}
_CUTOFF = ("cutoff", "exemptions")
_NOW = re.compile(r"0\s*[a-z]+\Z")
"""An age of nothing: such a package is not left out however new it is."""


class Reader:
    """``features`` are those of the environment, first the one that counts first; ``warnings`` is what is told."""

    def __init__(self, source: Source, features: Sequence[Mapping[str, Any]], platform: str) -> None:
        self._source = source
        self._features = features
        self._platform = platform
        self.warnings: list[str] = []

    def read(self, workspace: Mapping[str, Any]) -> Strategy:
        """Raises InvalidRequest for what pixi would not take either."""
        priorities = list(self._said("channel-priority", _PRIORITIES))
        if len(set(priorities)) > 1:
            self._tell("channel-priority", "`channel-priority` is not applied, as the features have several")
            priorities = []
        until, exempt = self._until(workspace)
        return Strategy(
            channel_priority=cast("ChannelPriority", priorities[0]) if priorities else "",
            resolution=cast("Resolution", next(self._said("solve-strategy", _RESOLUTIONS), "")),
            exclude_newer=until,
            exclude_newer_except=exempt if until else (),
            virtual_packages=tuple(self._machine(workspace)),
        )

    def _said(self, key: str, known: Sequence[str]) -> Iterator[str]:
        for feature in self._features:
            if key in feature:
                text = str(feature[key])
                if text not in known:
                    raise self._refuse(key, f"`{key} = {text}` is not known.", f"Known are {', '.join(known)}.")
                yield text

    def _until(self, workspace: Mapping[str, Any]) -> tuple[str, tuple[str, ...]]:
        """Up to when packages count, and those that count in any case."""
        key = "exclude-newer"
        given = workspace.get(key, "")
        whole = given if isinstance(given, dict) else {"cutoff": given}
        unknown = [name for name in whole if name not in _CUTOFF]
        if unknown:
            raise self._refuse(unknown[0], f"`{key}` has no key `{unknown[0]}`.", f"Known are {', '.join(_CUTOFF)}.")
        until = str(whole.get("cutoff", ""))
        try:
            cutoff.parse(until)
        except InvalidRequest as error:
            raise self._refuse(key, error.message, error.hint) from error
        exempt: dict[str, None] = {}
        left: list[str] = []
        for name, wanted in _table(whole.get("exemptions")).items():
            text = wanted if isinstance(wanted, str) else _table(wanted).get("version")
            if text == "*" and (isinstance(wanted, str) or len(_table(wanted)) == 1):
                exempt[name] = None
            else:
                left.append(name)
        for feature in self._features:
            for name, age in _table(feature.get(key)).items():
                if _NOW.match(str(age)):
                    exempt[name] = None
                else:
                    left.append(name)
        if left:
            self._tell(
                key, f"what `{key}` says of {', '.join(left)} alone is not applied: what is new of it is left out"
            )
        return until, tuple(exempt)

    def _machine(self, workspace: Mapping[str, Any]) -> Iterator[str]:
        """Virtual packages, the highest version of each that any part asks for."""
        found: dict[str, list[str]] = {}
        declared = self._entry(workspace)
        for said in (declared, *(_table(feature.get("system-requirements")) for feature in self._features)):
            for key, wanted in said.items():
                if key not in _VIRTUAL and not key.startswith("__"):
                    raise self._refuse(
                        key, f"`{key}` is nothing that a machine has.", f"Known are {', '.join(_VIRTUAL)}."
                    )
                family = _table(wanted).get("family") if key == "libc" else None
                name = f"__{family}" if family else _VIRTUAL.get(key, key)
                text = str(_table(wanted).get("version", wanted)).strip()
                if not re.fullmatch(r"[A-Za-z0-9_.+!-]+", text) or not re.fullmatch(r"__[a-z0-9_]+", name):
                    raise self._refuse(key, f"{text!r} is no version of `{key}`.", 'Write it like cuda = "12.4".')
                if _ONLY_ON.get(name, self._platform.partition("-")[0]) == self._platform.partition("-")[0]:
                    found.setdefault(name, []).append(text)
        for name, texts in found.items():
            if name != "__archspec":
                yield f"{name}={max(texts, key=cmp_to_key(versions.compare))}"
            elif len(set(texts)) == 1:
                yield f"{name}=1={texts[0]}"
            else:
                self._tell("archspec", f"no processor is declared, as several are asked for: {', '.join(texts)}")

    def _entry(self, workspace: Mapping[str, Any]) -> Mapping[str, Any]:
        """What ``platforms`` says of the machine, where it says one thing of this platform."""
        listed = workspace.get("platforms")
        wanted = [name for feature in self._features for name in keys.texts(feature.get("platforms"))]
        found: list[dict[str, Any]] = []
        for one in listed if isinstance(listed, list) else ():
            entry = {"platform": one} if isinstance(one, str) else _table(one)
            name = entry.get("name", entry.get("platform"))
            if entry.get("platform", name) == self._platform and (not wanted or name in wanted):
                found.append({key: value for key, value in entry.items() if key not in ("name", "platform")})
        if any(one != found[0] for one in found):
            self._tell("platforms", f"there are several machines of {self._platform}, and none of them is taken")
            return {}
        return found[0] if found else {}

    def _tell(self, key: str, text: str) -> None:
        line = keys.line_of(self._source, key)
        self.warnings.append(redact(f"{self._source.name}{f', line {line}' if line else ''}: {text}"))

    def _refuse(self, key: str, problem: str, hint: str) -> InvalidRequest:
        return self._source.refuse(keys.line_of(self._source, key), problem, hint)
