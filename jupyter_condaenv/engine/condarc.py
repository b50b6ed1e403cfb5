"""What ``.condarc`` says, read the way conda reads it as far as it concerns us.

Later files win, lists of later files come first, and ``#!final``, ``#!top`` and ``#!bottom`` behind a line change that,
after conda's documentation ("Searching for .condarc", "Locking and appending lists"). Places: the system's, the root
prefix's, the user's, the active environment's, and ``$CONDARC``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from msgspec import Struct, field

from .errors import InvalidRequest
from .model import ChannelPriority

_ANACONDA = "https://repo.anaconda.com"
DEFAULTS = (f"{_ANACONDA}/pkgs/main", f"{_ANACONDA}/pkgs/r")
"""What the channel ``defaults`` stands for where no file says otherwise."""
_OWN_PLACES = {name: f"{_ANACONDA}/{name}" for name in ("pkgs/main", "pkgs/r", "pkgs/msys2", "pkgs/pro")}
_ALIASES = {
    "channel": "channels",
    "envs_path": "envs_dirs",
    "whitelist_channels": "allowlist_channels",
}
_LISTS = ("channels", "envs_dirs", "default_channels", "allowlist_channels", "denylist_channels")
_TEXTS = ("channel_alias", "channel_priority")
_MAPS = ("custom_channels", "custom_multichannels")
_PRIORITIES = {"strict": "strict", "flexible": "flexible", "disabled": "disabled", "true": "flexible"}
_PRIORITIES |= {"yes": "flexible", "on": "flexible", "false": "disabled", "no": "disabled", "off": "disabled"}
_FLAG = re.compile(r"#\s*!\s*(final|top|bottom)\b")


class Condarc(Struct, frozen=True, kw_only=True):
    """The settings we honour; empty where no file says anything."""

    channels: tuple[str, ...] = ()
    envs_dirs: tuple[str, ...] = ()
    channel_alias: str = ""
    channel_priority: ChannelPriority | None = None
    default_channels: tuple[str, ...] = DEFAULTS
    custom_channels: dict[str, str] = field(default_factory=lambda: dict(_OWN_PLACES))
    """Name of a channel (or its first parts) -> URL of the place it lies in."""
    custom_multichannels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Name -> the channels it stands for, ``defaults`` apart."""
    allowlist_channels: tuple[str, ...] = ()
    """Where it is not empty, no other channels may be used."""
    denylist_channels: tuple[str, ...] = ()

    def members(self, channel: str) -> tuple[str, ...]:
        """The channels that the name ``channel`` stands for: itself, unless it names several."""
        if channel == "defaults":
            return self.default_channels
        return self.custom_multichannels.get(channel, (channel,))


class _Item(NamedTuple):
    """A value with the flag behind its line."""

    value: Any
    flag: str


class _Entry(NamedTuple):
    """What one file says about one key."""

    items: dict[str, _Item]
    """Of a list by its items, of a mapping by its keys, of a text by an empty name."""
    final: bool


def places(env: Mapping[str, str] = os.environ) -> list[Path]:
    """The files that there are, weakest first."""
    home = Path(env.get("HOME", str(Path.home())))
    roots = [Path("/etc/conda"), Path("/var/lib/conda")]
    if "CONDA_ROOT" in env:
        roots.append(Path(env["CONDA_ROOT"]))
    if "XDG_CONFIG_HOME" in env:
        roots.append(Path(env["XDG_CONFIG_HOME"]) / "conda")
    roots += [home / ".config" / "conda", home / ".conda"]
    found: list[Path] = []
    for root in roots:
        found += _in_folder(root)
    found.append(home / ".condarc")
    if "CONDA_PREFIX" in env:
        found += _in_folder(Path(env["CONDA_PREFIX"]))
    if env.get("CONDARC"):
        own = Path(os.path.expanduser(env["CONDARC"]))
        found += sorted(own.glob("*.y*ml")) if own.is_dir() else [own]
    return list(dict.fromkeys(place for place in found if os.path.isfile(place)))


def _in_folder(root: Path) -> list[Path]:
    return [root / ".condarc", root / "condarc", *sorted((root / "condarc.d").glob("*.y*ml"))]


def read(files: Iterable[Path] | None = None, env: Mapping[str, str] = os.environ) -> Condarc:
    """All files together. Raises InvalidRequest, naming file and line, for one that is not YAML of the right shape."""
    said: dict[str, list[_Entry]] = {}
    for path in places(env) if files is None else files:
        for key, entry in _load(path, env).items():
            said.setdefault(key, []).append(entry)
    merged = {key: _merged(entries) for key, entries in said.items()}
    lists = {key: tuple(merged.get(key, ())) for key in _LISTS}
    texts = {key: str(merged.get(key, {}).get("", "")) for key in _TEXTS}
    defaults = lists.pop("default_channels") or DEFAULTS
    # A mirror of a default channel is meant under the channel's own name too.
    own = {name: next((url for url in defaults if url.endswith(f"/{name}")), url) for name, url in _OWN_PLACES.items()}
    custom = {name: f"{url.rstrip('/')}/{name}" for name, url in merged.get("custom_channels", {}).items()}
    lists["envs_dirs"] = tuple(os.path.abspath(os.path.expanduser(place)) for place in lists["envs_dirs"])
    return Condarc(
        **lists,
        channel_alias=texts["channel_alias"].rstrip("/"),
        channel_priority=_PRIORITIES.get(texts["channel_priority"].lower()),  # type: ignore[arg-type]
        default_channels=defaults,
        custom_channels=own | custom,
        custom_multichannels={name: tuple(members) for name, members in merged.get("custom_multichannels", {}).items()},
    )


def _merged(entries: list[_Entry]) -> dict[str, Any]:
    """What several files, weakest first, say about one key: the first that is final is the last that counts."""
    last = next((number for number, entry in enumerate(entries) if entry.final), len(entries) - 1)
    strongest_first = entries[last::-1]
    top = [item for entry in reversed(strongest_first) for item in entry.items.items() if item[1].flag == "top"]
    bottom = [item for entry in strongest_first for item in entry.items.items() if item[1].flag == "bottom"]
    plain = [item for entry in strongest_first for item in entry.items.items()]
    found: dict[str, Any] = {}
    last_names = {name for name, _ in bottom}
    for name, item in [*top, *(item for item in plain if item[0] not in last_names), *bottom]:
        found.setdefault(name, item.value)
    return found


def _load(path: Path, env: Mapping[str, str]) -> dict[str, _Entry]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidRequest(
            f"{path} cannot be read: {error}", "Mend the file, or move it away to go on without it.", file=str(path)
        ) from error
    if root is None or (isinstance(root, yaml.ScalarNode) and root.tag.endswith(":null")):
        return {}
    if not isinstance(root, yaml.MappingNode):
        raise _misshapen(path, root, "The file is not a mapping of settings")
    lines = text.splitlines()
    found: dict[str, _Entry] = {}
    for name, key, value in _pairs(path, root):
        name = _ALIASES.get(name, name)
        if name in found:
            raise _misshapen(path, key, f"{name} is set twice")
        if name in _LISTS or name in _TEXTS or name in _MAPS:
            items = _items(path, name, value, lines, env)
            found[name] = _Entry(items, _flag(lines, key) == "final")
    return found


def _items(path: Path, name: str, node: yaml.Node, lines: list[str], env: Mapping[str, str]) -> dict[str, _Item]:
    if isinstance(node, yaml.ScalarNode) and node.tag.endswith(":null"):
        return {}
    if name in _LISTS:
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        return {text: _Item(text, _flag(lines, item)) for item in nodes if (text := _text(path, name, item, env))}
    if name in _TEXTS:
        text = _text(path, name, node, env)
        if name == "channel_priority" and text.lower() not in _PRIORITIES:
            raise _misshapen(path, node, "channel_priority is none of strict, flexible and disabled")
        return {"": _Item(text, "")}
    if not isinstance(node, yaml.MappingNode):
        raise _misshapen(path, node, f"{name} is not a mapping")
    found = {}
    for key, _, value in _pairs(path, node):
        if name == "custom_channels":
            found[key] = _Item(_text(path, name, value, env), _flag(lines, value))
        else:
            members = value.value if isinstance(value, yaml.SequenceNode) else [value]
            found[key] = _Item([_text(path, name, member, env) for member in members], "")
    return found


def _pairs(path: Path, mapping: yaml.MappingNode) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
    seen: set[str] = set()
    for key, value in mapping.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _misshapen(path, key, "A name of a setting is not a text")
        if key.value in seen:
            raise _misshapen(path, key, f"{key.value} is set twice")
        seen.add(key.value)
        yield key.value, key, value


def _text(path: Path, name: str, node: yaml.Node, env: Mapping[str, str]) -> str:
    """A text with ``$NAME`` and ``${NAME}`` expanded as conda does it: an unset name stays as it is."""
    if not isinstance(node, yaml.ScalarNode) or node.tag.endswith(":null"):
        raise _misshapen(path, node, f"{name} holds something that is not a text")
    return re.sub(r"\$(?:\{(\w+)\}|(\w+))", lambda match: env.get(match[1] or match[2], match[0]), node.value)


def _flag(lines: list[str], node: yaml.Node) -> str:
    """The flag in the comment behind ``node``; YAML's own reader drops comments."""
    mark = node.end_mark
    match = _FLAG.search(lines[mark.line][mark.column :]) if mark.line < len(lines) else None
    return match[1] if match else ""


def _misshapen(path: Path, node: yaml.Node, problem: str) -> InvalidRequest:
    line = node.start_mark.line + 1
    return InvalidRequest(
        f"{path}, line {line}: {problem}.",
        "Mend the file, or move it away to go on without it.",
        file=str(path),
        line=line,
    )
