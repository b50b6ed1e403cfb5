"""What ``.condarc`` says, read the way conda reads it as far as it concerns us.

Later files win, lists of later files come first, and ``#!final``, ``#!top`` and ``#!bottom`` behind a line change that,
after conda's documentation ("Searching for .condarc", "Locking and appending lists"). Places: the system's, the root
prefix's, the user's, the active environment's, ``$CONDARC``, and last the variables ``CONDA_<SETTING>``.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
import yaml
from msgspec import Struct, field

from .channels import redact, redact_proxy
from .errors import InvalidRequest
from .formats import yaml as tree
from .formats.source import Source as Text
from .formats.source import meant
from .model import ChannelPriority

_ANACONDA = "https://repo.anaconda.com"
DEFAULTS = (f"{_ANACONDA}/pkgs/main", f"{_ANACONDA}/pkgs/r")
"""What the channel ``defaults`` stands for where no file says otherwise."""
_OWN_PLACES = {name: f"{_ANACONDA}/{name}" for name in ("pkgs/main", "pkgs/r", "pkgs/msys2", "pkgs/pro")}

_Kind = Literal["list", "paths", "text", "flag", "number", "map", "lists", "records"]
KEYS: dict[str, _Kind] = {
    "channels": "list",
    "default_channels": "list",
    "channel_alias": "text",
    "custom_channels": "map",
    "custom_multichannels": "lists",
    "channel_settings": "records",
    "channel_priority": "text",
    "allowlist_channels": "list",
    "denylist_channels": "list",
    "envs_dirs": "paths",
    "pkgs_dirs": "paths",
    "create_default_packages": "list",
    "pinned_packages": "list",
    "offline": "flag",
    "proxy_servers": "map",
    "ssl_verify": "text",
    "client_ssl_cert": "text",
    "client_ssl_cert_key": "text",
    "remote_connect_timeout_secs": "number",
    "remote_read_timeout_secs": "number",
    "remote_max_retries": "number",
}
"""The settings that are read; a file may hold others, which are conda's own business."""
_UNUSED = {
    "channel_settings": "logins come from elsewhere (docs/channels.md), and exclude_newer holds for all channels",
    "client_ssl_cert": "the engine sends no certificates of clients",
    "client_ssl_cert_key": "the engine sends no certificates of clients",
    "remote_connect_timeout_secs": "an operation without progress ends after stall_timeout",
}
"""Those of them that change nothing here, and why."""
_ALIASES = {
    "channel": "channels",
    "envs_path": "envs_dirs",
    "verify_ssl": "ssl_verify",
    "whitelist_channels": "allowlist_channels",
}
_NO_LOGINS = ("channel", "auth", "username", "exclude_newer")
"""What ``channel_settings`` say that may be shown: those who give logins to conda read what else stands there."""
_OTHERS = ("migrated_custom_channels",)
"""Settings of conda's own that are near one of these."""
_PRIORITIES = {"strict": "strict", "flexible": "flexible", "disabled": "disabled", "true": "flexible"}
_PRIORITIES |= {"yes": "flexible", "on": "flexible", "false": "disabled", "no": "disabled", "off": "disabled"}
_YES, _NO = ("true", "yes", "on", "y", "1"), ("false", "no", "off", "n", "0")
_TRUSTSTORE = ("truststore", "<truststore>")
_MEND = "Mend the file, or move it away to go on without it."
_FLAG = re.compile(r"#\s*!\s*(final|top|bottom)\b")
_SEPARATORS = {"envs_dirs": os.pathsep, "pinned_packages": "&"}
"""Between the items of a list in a variable; a comma in the others."""


class Condarc(Struct, frozen=True, kw_only=True):
    """The settings we honour; empty where no file says anything. URLs are without secrets, proxies' apart."""

    channels: tuple[str, ...] = ()
    default_channels: tuple[str, ...] = DEFAULTS
    channel_alias: str = ""
    custom_channels: dict[str, str] = field(default_factory=lambda: dict(_OWN_PLACES))
    """Name of a channel (or its first parts) -> URL of the place it lies in."""
    custom_multichannels: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Name -> the channels it stands for, ``defaults`` apart."""
    channel_settings: tuple[dict[str, str], ...] = ()
    """What applies to the channel that each names."""
    channel_priority: ChannelPriority | None = None
    allowlist_channels: tuple[str, ...] = ()
    """Where it is not empty, no other channels may be used."""
    denylist_channels: tuple[str, ...] = ()
    envs_dirs: tuple[str, ...] = ()
    pkgs_dirs: tuple[str, ...] = ()
    create_default_packages: tuple[str, ...] = ()
    """Specs that every new environment is made of as well."""
    pinned_packages: tuple[str, ...] = ()
    """Specs that hold for these packages wherever they are installed."""
    offline: bool = False
    proxy_servers: dict[str, str] = field(default_factory=dict)
    """Scheme, or scheme and host -> URL of the proxy, which may have a password in it; empty: none, whatever the
    environment says."""
    ssl_verify: bool | str = True
    """Whether servers' certificates are checked; ``truststore``: with those of the system; else a file or a folder of
    certificates of authorities."""
    client_ssl_cert: str = ""
    client_ssl_cert_key: str = ""
    remote_connect_timeout_secs: float = 0.0
    remote_read_timeout_secs: float = 0.0
    """Seconds without an answer after which a server is given up; 0 where no file says anything."""
    remote_max_retries: int | None = None
    secrets: dict[str, str] = field(default_factory=dict)
    """URL without its secrets -> as it was written, for those that were written with a token or a password."""
    misspelt: dict[str, str] = field(default_factory=dict)
    """What no setting is called -> where it stands, and what it should perhaps say."""

    def members(self, channel: str) -> tuple[str, ...]:
        """The channels that the name ``channel`` stands for: itself, unless it names several."""
        if channel == "defaults":
            return self.default_channels
        return self.custom_multichannels.get(channel, (channel,))


class Source(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one place says, without secrets."""

    place: str
    """A file, or a variable as ``$NAME``."""
    settings: dict[str, Any]
    final: tuple[str, ...] = ()
    """Settings that no stronger place can change."""


class _Item(NamedTuple):
    """A value with the flag behind its line."""

    value: Any
    flag: str = ""


class _Entry(NamedTuple):
    """What one file says about one key."""

    items: dict[str, _Item]
    """Of a list by its items, of a mapping by its keys, of a text by an empty name."""
    final: bool = False


class _Said(NamedTuple):
    """What one place says."""

    place: str
    entries: dict[str, _Entry]
    misspelt: dict[str, str]


def places(env: Mapping[str, str] = os.environ) -> list[Path]:
    """The files that there are, weakest first."""
    home = Path(env.get("HOME", str(Path.home())))
    roots = [Path("/etc/conda"), Path("/var/lib/conda"), *_root_prefix(env)]
    if "XDG_CONFIG_HOME" in env:
        roots.append(Path(env["XDG_CONFIG_HOME"]) / "conda")
    roots += [home / ".config" / "conda", home / ".conda"]
    found: list[Path] = []
    for root in roots:
        found += _in_folder(root)
    found.append(user_file(env))
    if "CONDA_PREFIX" in env:
        found += _in_folder(Path(env["CONDA_PREFIX"]))
    if env.get("CONDARC"):
        own = Path(os.path.expanduser(env["CONDARC"]))
        found += sorted(own.glob("*.y*ml")) if own.is_dir() else [own]
    return list(dict.fromkeys(place for place in found if os.path.isfile(place)))


def user_file(env: Mapping[str, str] = os.environ) -> Path:
    """The file of this user, which conda's own ``config`` command writes; it need not be there."""
    return Path(env.get("HOME", str(Path.home()))) / ".condarc"


def _root_prefix(env: Mapping[str, str]) -> list[Path]:
    """Of the conda that this shell or this Python belongs to, if there is one."""
    if env.get("CONDA_ROOT"):
        return [Path(env["CONDA_ROOT"])]
    if env.get("CONDA_EXE"):  # <root>/bin/conda
        return [Path(env["CONDA_EXE"]).parent.parent]
    own = Path(sys.prefix)
    return [root for root in (own, own.parent.parent) if (root / "condabin").is_dir()][:1]


def _in_folder(root: Path) -> list[Path]:
    return [root / ".condarc", root / "condarc", *sorted((root / "condarc.d").glob("*.y*ml"))]


def read(files: Iterable[Path] | None = None, env: Mapping[str, str] = os.environ) -> Condarc:
    """All places together. Raises InvalidRequest, naming file and line, for a file that is not YAML of the right
    shape."""
    said: dict[str, list[_Entry]] = {}
    misspelt: dict[str, str] = {}
    for one in _said(files, env):
        misspelt |= one.misspelt
        for key, entry in one.entries.items():
            said.setdefault(key, []).append(entry)
    secrets: dict[str, str] = {}
    together = {key: _merged(entries) for key, entries in said.items()}
    merged = {key: _plain(_value(KEYS[key], items), secrets, key) for key, items in together.items() if items}
    defaults = merged["default_channels"] = merged.get("default_channels") or DEFAULTS
    # A mirror of a default channel is meant under the channel's own name too.
    own = {name: next((url for url in defaults if url.endswith(f"/{name}")), url) for name, url in _OWN_PLACES.items()}
    custom = {name: f"{url.rstrip('/')}/{name}" for name, url in merged.get("custom_channels", {}).items()}
    merged["custom_channels"] = own | custom
    merged["channel_alias"] = merged.get("channel_alias", "").rstrip("/")
    if "channel_priority" in merged:
        merged["channel_priority"] = _PRIORITIES[merged["channel_priority"].lower()]
    if "ssl_verify" in merged:
        merged["ssl_verify"] = _verify(merged["ssl_verify"])
    return msgspec.convert(merged | {"secrets": secrets, "misspelt": misspelt}, Condarc, strict=False)


def unused(own: Condarc) -> dict[str, str]:
    """Settings that were made and change nothing here, or not all of what they say, and why."""
    found = {key: why for key, why in _UNUSED.items() if getattr(own, key)}
    single = sorted(redact_proxy(key) for key in own.proxy_servers if key not in ("http", "https", "all"))
    if single:
        found["proxy_servers"] = f"the engine has no proxies for single hosts ({', '.join(single)}), only for a scheme"
    return found | own.misspelt


def shown(own: Condarc) -> dict[str, Any]:
    """``own`` as JSON has it, without secrets."""
    whole = msgspec.to_builtins(own)
    del whole["secrets"], whole["misspelt"]
    return {key: _shown(key, value) for key, value in whole.items()}


def sources(env: Mapping[str, str] = os.environ) -> tuple[Source, ...]:
    """What each place says, weakest first. Raises InvalidRequest as :func:`read` does."""
    return tuple(
        Source(
            place=place,
            settings={
                key: _shown(key, _value(KEYS[key], {name: item.value for name, item in entry.items.items()}))
                for key, entry in entries.items()
            },
            final=tuple(key for key, entry in entries.items() if entry.final),
        )
        for place, entries, _ in _said(None, env)
        if entries
    )


def _shown(key: str, value: Any) -> Any:
    if key == "proxy_servers":
        return {redact_proxy(name): redact_proxy(url) for name, url in value.items()}
    if key == "channel_settings":
        value = [
            {name: text if name in _NO_LOGINS else "(not shown)" for name, text in record.items()} for record in value
        ]
    return _plain(value, {}, key)


def _said(files: Iterable[Path] | None, env: Mapping[str, str]) -> Iterator[_Said]:
    for path in places(env) if files is None else files:
        yield _load(path, env)
    for key, kind in KEYS.items():
        names = (key, *(alias for alias, name in _ALIASES.items() if name == key))
        for name in (f"CONDA_{name.upper()}" for name in names):
            if env.get(name) and kind not in ("map", "lists", "records"):
                yield _Said(f"${name}", {key: _Entry(_from_text(name, key, kind, env[name]))}, {})


def _from_text(name: str, key: str, kind: _Kind, text: str) -> dict[str, _Item]:
    """What the variable ``name`` says."""
    if kind in ("list", "paths"):
        parts = [part.strip() for part in text.split(_SEPARATORS.get(key, ","))]
        return {part: _Item(part) for part in parts if part}
    problem = _problem(key, kind, text)
    if problem:
        raise InvalidRequest(f"The environment variable {name} cannot be used: {problem}.", "Set it anew, or unset it.")
    return {"": _Item(text)}


def _value(kind: _Kind, items: dict[str, Any]) -> Any:
    """What the merged ``items`` of a setting are together."""
    if kind in ("map", "lists"):
        return items
    if kind == "records":
        return tuple(items.values())
    if kind == "list":
        return tuple(items)
    if kind == "paths":
        plain = (redact(place) if "://" in place else place for place in items)  # of a URL, while it is one
        return tuple(dict.fromkeys(os.path.abspath(os.path.expanduser(place)) for place in plain))
    text = items.get("", "")
    return text.lower() in _YES if kind == "flag" else text


def _verify(text: str) -> bool | str:
    lower = text.lower()
    if lower in (*_YES, ""):
        return True
    if lower in _NO:
        return False
    return "truststore" if lower in _TRUSTSTORE else os.path.expanduser(text)


def _plain(value: Any, secrets: dict[str, str], key: str) -> Any:
    """``value`` without secrets; URLs that had one are noted in ``secrets``. The engine needs those of proxies."""
    if isinstance(value, dict):
        if key == "proxy_servers":
            return value
        return {_plain(name, {}, key): _plain(one, secrets, key) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return tuple(_plain(one, secrets, key) for one in value)
    if not isinstance(value, str) or "://" not in value or redact(value) == value:
        return value
    plain = redact(value).rstrip("/")
    secrets[plain] = value
    return plain


def _merged(entries: list[_Entry]) -> dict[str, Any]:
    """What several files, weakest first, say about one key: the first that is final is the last that counts."""
    last = next((number for number, entry in enumerate(entries) if entry.final), len(entries) - 1)
    strongest_first = entries[last::-1]
    fixed = [item for entry in entries[: last + 1] for item in entry.items.items() if item[1].flag == "final"]
    top = [item for entry in reversed(strongest_first) for item in entry.items.items() if item[1].flag == "top"]
    bottom = [item for entry in strongest_first for item in entry.items.items() if item[1].flag == "bottom"]
    plain = [item for entry in strongest_first for item in entry.items.items()]
    found: dict[str, Any] = {}
    last_names = {name for name, _ in bottom}
    for name, item in [*fixed, *top, *(item for item in plain if item[0] not in last_names), *bottom]:
        found.setdefault(name, item.value)
    return found


def _load(path: Path, env: Mapping[str, str]) -> _Said:
    try:
        text = Text(str(path), path.read_bytes())
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be read: {error.strerror}.", _MEND, file=str(path)) from error
    root = tree.load(text)
    said = _Said(str(path), {}, {})
    if root is None:
        return said
    if not isinstance(root, yaml.MappingNode):
        raise _misshapen(path, root, "The file is not a mapping of settings")
    lines = text.lines
    for name, key, value in _pairs(path, root):
        name = _ALIASES.get(name, name)
        if name in said.entries:
            raise _misshapen(path, key, f"{name} is set twice")
        if name in KEYS:
            items = _items(path, name, value, lines, env)
            said.entries[name] = _Entry(items, _flag(lines, key) == "final")
        elif (near := meant(name, (*KEYS, *_ALIASES, *_OTHERS))) and near not in _OTHERS:
            said.misspelt[name] = f"{path}, line {tree.line(key)}, should perhaps say {near}"
    return said


def _items(path: Path, name: str, node: yaml.Node, lines: list[str], env: Mapping[str, str]) -> dict[str, _Item]:
    kind = KEYS[name]
    if tree.is_null(node):
        return {}
    if kind in ("list", "paths"):
        return {
            text: _Item(text, flag if (flag := _flag(lines, item)) != "final" else "")
            for item in _listed(node)
            if (text := _text(path, name, item, env))
        }
    if kind == "records":
        records = [_record(path, name, item, env) for item in _listed(node)]
        return {repr(record): _Item(record) for record in records}
    if kind in ("text", "flag", "number"):
        text = _text(path, name, node, env)
        problem = _problem(name, kind, text)
        if problem:
            raise _misshapen(path, node, problem)
        return {"": _Item(text)}
    if not isinstance(node, yaml.MappingNode):
        raise _misshapen(path, node, f"{name} is not a mapping")
    found = {}
    for key, _, value in _pairs(path, node):
        if name == "proxy_servers" and tree.is_null(value):
            found[key] = _Item("", _flag(lines, value))
        elif kind == "map":
            found[key] = _Item(_text(path, name, value, env), _flag(lines, value))
        else:
            found[key] = _Item([_text(path, name, member, env) for member in _listed(value)])
    return found


def _listed(node: yaml.Node) -> list[yaml.Node]:
    """The items of a list; a single one needs no list."""
    return node.value if isinstance(node, yaml.SequenceNode) else [node]


def _record(path: Path, name: str, node: yaml.Node, env: Mapping[str, str]) -> dict[str, str]:
    if not isinstance(node, yaml.MappingNode):
        raise _misshapen(path, node, f"{name} holds something that is not a mapping")
    return {key: _text(path, name, value, env) for key, _, value in _pairs(path, node)}


def _problem(name: str, kind: _Kind, text: str) -> str:
    """Why ``text`` cannot be the value of the setting ``name``; empty where it can."""
    if name == "channel_priority" and text.lower() not in _PRIORITIES:
        return "channel_priority is none of strict, flexible and disabled"
    if kind == "flag" and text.lower() not in (*_YES, *_NO):
        return f"{name} is neither true nor false"
    if kind == "number":
        whole = name == "remote_max_retries"
        try:
            number = int(text) if whole else float(text)
        except ValueError:
            number = -1
        if not 0 <= number < 1e6:
            return f"{name} is no {'whole ' if whole else ''}number from 0 on"
    return ""


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
    if not isinstance(node, yaml.ScalarNode) or tree.is_null(node):
        raise _misshapen(path, node, f"{name} holds something that is not a text")
    return re.sub(r"\$(?:\{(\w+)\}|(\w+))", lambda match: env.get(match[1] or match[2], match[0]), node.value)


def _flag(lines: list[str], node: yaml.Node) -> str:
    """The flag in the comment behind ``node``; YAML's own reader drops comments."""
    mark = node.end_mark
    match = _FLAG.search(lines[mark.line][mark.column :]) if mark.line < len(lines) else None
    return match[1] if match else ""


def _misshapen(path: Path, node: yaml.Node, problem: str) -> InvalidRequest:
    line = tree.line(node)
    return InvalidRequest(f"{path}, line {line}: {redact(problem)}.", _MEND, file=str(path), line=line)
