"""``pixi.toml``, and ``pyproject.toml`` with ``[tool.pixi]``: what one of their environments asks for.

See https://pixi.prefix.dev/latest/reference/pixi_manifest: an environment is made of features, beside that which the
manifest itself is.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any

from ..channels import redact
from .source import Source
from .specfile import SpecFile

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_OF_A_SPEC = ("version", "build", "channel", "subdir", "build-number")
_FROM_SOURCE = ("path", "git", "branch", "tag", "rev")


def read(source: Source, platform: str, environment: str = "") -> SpecFile:
    """What ``environment`` asks for, by default that which is called ``default``. Raises InvalidRequest."""
    try:
        content = tomllib.loads(source.text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        place = re.search(r"line (\d+)", str(error))
        raise source.refuse(int(place[1]) if place else 0, f"It is not TOML: {error}.", "Mend this line.") from error
    return _Manifest(source, content, platform, environment).read()


class _Manifest:
    def __init__(self, source: Source, content: dict[str, Any], platform: str, environment: str) -> None:
        self._source = source
        self._platform = platform
        self._chosen = environment
        self._groups = _table(content.get("dependency-groups"))
        self._project = _table(content.get("project")) if "tool" in content else {}
        pixi = _table(_table(content.get("tool")).get("pixi"))
        self._pixi = pixi or content
        self._workspace = _table(self._pixi.get("workspace") or self._pixi.get("project"))
        if "channels" not in self._workspace:
            raise source.refuse(
                0, "It is no manifest of pixi: there is no [workspace] with channels.", "Give environment.yml instead."
            )

    def read(self) -> SpecFile:
        whole, features = self._environment()
        found: dict[str, None] = {}
        pip: dict[str, None] = {}
        variables: dict[str, str] = {}
        named = [_table(self._pixi.get("feature")).get(name) for name in features]
        if whole:
            pip |= dict.fromkeys(_texts(self._project.get("dependencies")))
        for name in features:
            pip |= dict.fromkeys(_texts(_table(self._project.get("optional-dependencies")).get(name)))
            pip |= dict.fromkeys(_texts(self._groups.get(name)))
        for number, feature in enumerate([*([self._pixi] if whole else []), *map(_table, named)]):
            specs: dict[str, str] = {}
            python = self._project.get("requires-python")
            if whole and number == 0 and isinstance(python, str):
                specs["python"] = f"python {python.replace(' ', '')}"
            for part in self._parts(feature):
                for name, wanted in _table(part.get("dependencies")).items():
                    specs[name] = self._spec(name, wanted)
                for name, wanted in _table(part.get("pypi-dependencies")).items():
                    if not _table(wanted).get("editable"):  # the project itself, for whoever works on it
                        pip[self._requirement(name, wanted)] = None
                for name, value in _table(_table(part.get("activation")).get("env")).items():
                    variables[name] = str(value)
            found |= dict.fromkeys(specs.values())  # what two features say of a package holds both
        others = [] if self._chosen else [name for name in self._names() if name != "default"]
        told = f"{self._source.name}: the environment default is taken; left out: {', '.join(others)}"
        name = self._workspace.get("name") or self._project.get("name") or ""
        return SpecFile(
            format="pixi",
            name=name if isinstance(name, str) else "",
            specs=tuple(found),
            channels=tuple(self._channels(whole, features)),
            variables=variables,
            pip=tuple(pip),
            platforms=_texts(self._workspace.get("platforms")),
            warnings=(told,) if others else (),
        )

    def _names(self) -> list[str]:
        """Of the environments; there is always one that is called ``default``."""
        return ["default", *sorted(_table(self._pixi.get("environments")).keys() - {"default"})]

    def _environment(self) -> tuple[bool, tuple[str, ...]]:
        """Whether the manifest itself is a part of the environment, and the features that are."""
        if self._chosen and self._chosen not in self._names():
            raise self._source.refuse(
                0, f"There is no environment {self._chosen!r} among {', '.join(self._names())}.", "Choose one of them."
            )
        said = _table(self._pixi.get("environments")).get(self._chosen or "default")
        features = _texts(said if isinstance(said, list) else _table(said).get("features"))
        return _table(said).get("no-default-feature") is not True, features

    def _parts(self, feature: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """A feature itself, and what it has for this platform, which comes in its place."""
        system = self._platform.partition("-")[0]
        yield feature
        for target in (*(["unix"] if system in ("linux", "osx") else []), system, self._platform):
            yield _table(_table(feature.get("target")).get(target))

    def _spec(self, name: str, wanted: Any) -> str:
        line = self._line(name)
        said = {"version": wanted} if isinstance(wanted, str) else _table(wanted)
        if any(key in said for key in _FROM_SOURCE):
            raise self._source.refuse(line, f"{name} is to be built from source, which is not done here.", "Build it.")
        if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", name) or not said:
            raise self._source.refuse(line, f"{name!r} is not a package request.", 'Write it like numpy = ">=1.20".')
        texts = {
            key: str(said[key]) for key in ("version", "build", "channel", "subdir", "build-number") if key in said
        }
        for text in texts.values():
            if re.search(r"['\"\[\]$]", text) or redact(text) != text:
                raise self._source.refuse(line, f"{text!r} of {name} cannot be.", 'Write it like numpy = ">=1.20".')
        version = texts.pop("version", "*")
        channel = texts.pop("channel", "")
        more = ",".join(f"{key.replace('-', '_')}='{text}'" for key, text in texts.items())
        spec = f"{f'{channel}::' if channel else ''}{name}{'' if version == '*' else f' {version}'}"
        return f"{spec}[{more}]" if more else spec

    def _requirement(self, name: str, wanted: Any) -> str:
        said = {"version": wanted} if isinstance(wanted, str) else _table(wanted)
        extras = f"[{','.join(_texts(said.get('extras')))}]" if said.get("extras") else ""
        for key in ("git", "url", "path"):
            if key in said:
                return f"{name}{extras} @ {said[key]}"
        version = said.get("version", "*")
        return f"{name}{extras}{'' if version == '*' else version}"

    def _channels(self, whole: bool, features: tuple[str, ...]) -> Iterator[str]:
        """Those of the features, in their order, and of the manifest itself, which also stand in for those of a feature
        that has none; what is said of their priority counts first."""
        said = [_table(_table(self._pixi.get("feature")).get(name)).get("channels") for name in features]
        lists = [one if one is not None else self._workspace["channels"] for one in [*said, *([None] if whole else [])]]
        found: dict[str, int] = {}
        for one in (one for listed in lists if isinstance(listed, list) for one in listed):
            priority = _table(one).get("priority", 0)
            channel = one if isinstance(one, str) else str(_table(one).get("channel", ""))
            found.setdefault(channel, priority if isinstance(priority, int) else 0)
        for channel in sorted(found, key=lambda name: -found[name]):
            if redact(channel) != channel or "$" in channel or channel.startswith((".", "~")):
                raise self._source.refuse(
                    self._line("channels"),
                    f"The channel {channel} holds a secret or a variable, or is seen from nowhere.",
                    "Give its whole URL, and put secrets into ~/.netrc or the file that RATTLER_AUTH_FILE names.",
                )
            yield channel

    def _line(self, key: str) -> int:
        """Where ``key`` is set; TOML's own reader does not tell."""
        match = re.search(rf"^\s*[\"']?{re.escape(key)}[\"']?\s*=", self._source.text, re.MULTILINE)
        return self._source.text.count("\n", 0, match.end()) + 1 if match is not None else 0


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(one for one in value if isinstance(one, str)) if isinstance(value, list) else ()
