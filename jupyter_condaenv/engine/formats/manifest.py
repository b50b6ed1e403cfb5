"""``pixi.toml``, and ``pyproject.toml`` with ``[tool.pixi]``: what one of their environments asks for.

See https://pixi.prefix.dev/latest/reference/pixi_manifest: an environment is made of features, beside that which the
manifest itself is.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from ..channels import redact
from ..model import Strategy
from . import manifest_keys as keys
from .manifest_keys import table as _table
from .manifest_keys import texts as _texts
from .manifest_strategy import Reader as StrategyReader
from .source import Source
from .specfile import SpecFile

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_FROM_SOURCE = ("path", "git", "branch", "tag", "rev")
_OF_THE_DEFAULT = ("channel-priority", "solve-strategy")
"""What stands under ``[workspace]`` and is said of the feature that the manifest itself is."""


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
        ours = bool(pixi) or not source.name.endswith("pyproject.toml")
        self._warnings = list(keys.check(source, self._pixi, self._workspace)) if ours else []
        self._pip: dict[str, int] = {}
        """Requirements, and where each stands."""
        self._own_index: list[str] = []
        if "channels" not in self._workspace:
            raise source.refuse(
                0, "It is no manifest of pixi: there is no [workspace] with channels.", "Give environment.yml instead."
            )

    def read(self) -> SpecFile:
        whole, features = self._environment()
        found: dict[str, int] = {}
        variables: dict[str, str] = {}
        named = [_table(self._pixi.get("feature")).get(name) for name in features]
        if whole:
            self._plain(self._project, "dependencies")
        for name in features:
            self._plain(_table(self._project.get("optional-dependencies")), name)
            self._plain(self._groups, name)
        for number, feature in enumerate([*([self._pixi] if whole else []), *map(_table, named)]):
            specs: dict[str, tuple[str, int]] = {}
            python = self._project.get("requires-python")
            if whole and number == 0 and isinstance(python, str):
                line = keys.line_of(self._source, "requires-python")
                specs["python"] = (f"python {python.replace(' ', '')}", line)
            for part in self._parts(feature):
                for kind in keys.CONDA:
                    for name, wanted in _table(part.get(kind)).items():
                        line = keys.line_of(self._source, name, kind)
                        specs[name] = (self._spec(name, wanted, line), line)
                for name, wanted in _table(part.get(keys.PYPI)).items():
                    self._require(name, wanted)
                for name, value in _table(_table(part.get("activation")).get("env")).items():
                    variables[name] = str(value)
            self._index(_table(feature.get("pypi-options")))
            for spec, line in specs.values():
                found.setdefault(spec, line)  # what two features say of a package holds both
        others = [] if self._chosen else [name for name in self._names() if name != "default"]
        if others:
            self._warnings.append(
                f"{self._source.name}: the environment default is taken; left out: {', '.join(others)}"
            )
        self._index(_table(self._workspace.get("pypi-options")))
        platforms = tuple(self._platforms())
        if platforms and self._platform not in platforms:
            self._warnings.append(
                f"{self._source.name} is written for {', '.join(platforms)}; this is {self._platform}"
            )
        strategy = self._strategy(whole, [_table(feature) for feature in named])
        channels = dict(self._channels(whole, features))
        name = self._workspace.get("name") or self._project.get("name") or ""
        return SpecFile(
            format="pixi",
            name=name if isinstance(name, str) else "",
            specs=tuple(found),
            spec_lines=found,
            channels=tuple(channels),
            channel_lines=channels,
            variables=variables,
            pip=tuple(self._pip),
            pip_lines=self._pip,
            pip_index=", ".join(dict.fromkeys(self._own_index)),
            platforms=platforms,
            environments=tuple(self._names()) if len(self._names()) > 1 else (),
            strategy=strategy,
            warnings=tuple(self._warnings),
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

    def _platforms(self) -> Iterator[str]:
        """Of the workspace; one that has a name of its own counts as that which it is one of."""
        listed = self._workspace.get("platforms")
        for one in listed if isinstance(listed, list) else ():
            named = one if isinstance(one, str) else _table(one).get("platform", _table(one).get("name"))
            if isinstance(named, str):
                yield named

    def _spec(self, name: str, wanted: Any, line: int) -> str:
        said = {"version": wanted} if isinstance(wanted, str) else _table(wanted)
        if any(key in said for key in _FROM_SOURCE):
            raise self._source.refuse(line, f"{name} is to be built from source, which is not done here.", "Build it.")
        if "url" in said:
            raise self._source.refuse(line, f"{name} is a file at an address.", "Name its version and its channel.")
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

    def _plain(self, where: Mapping[str, Any], name: str) -> None:
        """Requirements as Python has them, listed under ``name``."""
        for text in _texts(where.get(name)):
            at = self._source.text.find(text)
            self._pip.setdefault(text, self._source.text.count("\n", 0, at) + 1 if at >= 0 else 0)

    def _require(self, name: str, wanted: Any) -> None:
        line = keys.line_of(self._source, name, keys.PYPI)
        said = {"version": wanted} if isinstance(wanted, str) else _table(wanted)
        if said.get("editable") and said.get("path") in (".", "./"):
            self._warnings.append(f"{self._source.name}, line {line}: {name} is left out, it is the project itself")
            return
        if "index" in said:
            self._own_index.append(f"{name} in line {line}")
        extras = f"[{','.join(_texts(said.get('extras')))}]" if said.get("extras") else ""
        if "git" in said:
            at = next((f"@{said[key]}" for key in ("rev", "tag", "branch") if key in said), "")
            text = f" @ git+{str(said['git']).removeprefix('git+')}{at}"
        elif "url" in said or "path" in said:
            text = f" @ {said.get('url', said.get('path'))}"
        else:
            text = str(said.get("version", "*")).strip()
            if not said or not re.match(r"[=<>!~]|\*\Z", text):  # numpy = "2" would make another name
                raise self._source.refuse(
                    line, f"{redact(text)!r} is no version of {name} for pip.", 'Write it like requests = ">=2".'
                )
            text = "" if text == "*" else text
        markers = said.get("env-markers")
        self._pip.setdefault(f"{name}{extras}{text}{f' ; {markers}' if markers else ''}", line)

    def _strategy(self, whole: bool, features: list[dict[str, Any]]) -> Strategy:
        """What the first feature says counts first, and what the manifest itself says last."""
        of_workspace = {key: self._workspace[key] for key in _OF_THE_DEFAULT if key in self._workspace}
        default = [{**self._pixi, **of_workspace}] if whole else []
        reader = StrategyReader(self._source, [*features, *default], self._platform)
        found = reader.read(self._workspace)
        self._warnings += reader.warnings
        return found

    def _index(self, options: Mapping[str, Any]) -> None:
        for key in keys.INDEXES:
            if options.get(key):
                self._own_index.append(f"{key} in line {keys.line_of(self._source, key)}")

    def _channels(self, whole: bool, features: tuple[str, ...]) -> Iterator[tuple[str, int]]:
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
            line = self._line_of(channel)
            if redact(channel) != channel or "$" in channel:
                raise self._source.refuse(
                    line,
                    f"The channel {channel} holds a secret or a variable.",
                    "Give its whole URL, and put secrets into ~/.netrc or the file that RATTLER_AUTH_FILE names.",
                )
            yield self._source.channel(channel, partial(self._source.refuse, line)), line

    def _line_of(self, channel: str) -> int:
        at = re.search(rf"[\"']{re.escape(channel)}[\"']", self._source.text)
        return self._source.text.count("\n", 0, at.start()) + 1 if at else keys.line_of(self._source, "channels")
