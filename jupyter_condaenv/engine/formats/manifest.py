"""``pixi.toml``, and ``pyproject.toml`` with ``[tool.pixi]``: what their environment ``default`` asks for."""

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


def read(source: Source, platform: str) -> SpecFile:
    """Raises InvalidRequest."""
    try:
        content = tomllib.loads(source.text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        place = re.search(r"line (\d+)", str(error))
        raise source.refuse(int(place[1]) if place else 0, f"It is not TOML: {error}.", "Mend this line.") from error
    return _Manifest(source, content, platform).read()


class _Manifest:
    def __init__(self, source: Source, content: dict[str, Any], platform: str) -> None:
        self._source = source
        self._platform = platform
        self._project = _table(content.get("project")) if "tool" in content else {}
        pixi = _table(_table(content.get("tool")).get("pixi"))
        self._pixi = pixi or content
        self._workspace = _table(self._pixi.get("workspace") or self._pixi.get("project"))
        if "channels" not in self._workspace:
            raise source.refuse(
                0, "It is no manifest of pixi: there is no [workspace] with channels.", "Give environment.yml instead."
            )

    def read(self) -> SpecFile:
        specs: dict[str, str] = {}
        pip: dict[str, None] = {}
        variables: dict[str, str] = {}
        python = self._project.get("requires-python")
        if isinstance(python, str):
            specs["python"] = f"python {python.replace(' ', '')}"
        pip |= dict.fromkeys(text for text in _texts(self._project.get("dependencies")))
        for part in self._parts():
            for name, wanted in _table(part.get("dependencies")).items():
                specs[name] = self._spec(name, wanted)
            for name, wanted in _table(part.get("pypi-dependencies")).items():
                if not _table(wanted).get("editable"):  # the project itself, for whoever works on it
                    pip[self._requirement(name, wanted)] = None
            for name, value in _table(_table(part.get("activation")).get("env")).items():
                variables[name] = str(value)
        others = sorted(_table(self._pixi.get("environments")).keys() - {"default"})
        told = f"{self._source.name}: the environment default is taken; left out: {', '.join(others)}"
        name = self._workspace.get("name") or self._project.get("name") or ""
        return SpecFile(
            format="pixi",
            name=name if isinstance(name, str) else "",
            specs=tuple(specs.values()),
            channels=tuple(self._channels()),
            variables=variables,
            pip=tuple(pip),
            platforms=_texts(self._workspace.get("platforms")),
            warnings=(told,) if others else (),
        )

    def _parts(self) -> Iterator[Mapping[str, Any]]:
        """What the default environment is made of: the manifest itself, its features, and of each what is for here."""
        default = _table(self._pixi.get("environments")).get("default")
        features = default if isinstance(default, list) else _table(default).get("features", [])
        system = self._platform.partition("-")[0]
        targets = [*(["unix"] if system in ("linux", "osx") else []), system, self._platform]
        for part in (self._pixi, *(_table(_table(self._pixi.get("feature")).get(name)) for name in _texts(features))):
            yield part
            for target in targets:
                yield _table(_table(part.get("target")).get(target))

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

    def _channels(self) -> Iterator[str]:
        for one in self._workspace["channels"] if isinstance(self._workspace["channels"], list) else []:
            channel = one if isinstance(one, str) else str(_table(one).get("channel", ""))
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
