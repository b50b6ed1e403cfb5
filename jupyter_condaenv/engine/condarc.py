"""What ``.condarc`` says, read the way conda reads it as far as it concerns us.

Later files win, lists of later files come first. Places, after conda's documentation ("Searching for .condarc"):
the system's, the root prefix's, the user's, the active environment's, and ``$CONDARC``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct, field

from .errors import InvalidRequest
from .model import ChannelPriority


class Condarc(Struct, frozen=True, kw_only=True):
    """The settings we honour; empty where no file says anything."""

    channels: tuple[str, ...] = ()
    envs_dirs: tuple[str, ...] = ()
    channel_alias: str = ""
    channel_priority: ChannelPriority | None = None
    default_channels: tuple[str, ...] = ()
    custom_channels: dict[str, str] = field(default_factory=dict)
    """Name of a channel (or its first part) -> URL of the place it lies in."""


def places(env: Mapping[str, str] = os.environ) -> list[Path]:
    """The files that may exist, weakest first."""
    home = Path(env.get("HOME", str(Path.home())))
    roots = [Path("/etc/conda"), Path("/var/lib/conda")]
    if "CONDA_ROOT" in env:
        roots.append(Path(env["CONDA_ROOT"]))
    if "XDG_CONFIG_HOME" in env:
        roots.append(Path(env["XDG_CONFIG_HOME"]) / "conda")
    roots += [home / ".config" / "conda", home / ".conda"]
    found: list[Path] = []
    for root in roots:
        found += [root / ".condarc", root / "condarc", *sorted((root / "condarc.d").glob("*.y*ml"))]
    found.append(home / ".condarc")
    if "CONDA_PREFIX" in env:
        found += [Path(env["CONDA_PREFIX"]) / ".condarc", Path(env["CONDA_PREFIX"]) / "condarc"]
    if "CONDARC" in env:
        found.append(Path(env["CONDARC"]).expanduser())
    return [place for place in found if place.is_file()]


def read(files: Iterable[Path] | None = None, env: Mapping[str, str] = os.environ) -> Condarc:
    """All files together. Raises InvalidRequest, naming the file, for one that is not YAML of the right shape."""
    merged: dict[str, Any] = {}
    for path in places(env) if files is None else files:
        for key, value in _load(path, env).items():
            old = merged.get(key)
            if isinstance(value, list) and isinstance(old, list):
                merged[key] = value + [item for item in old if item not in value]
            elif isinstance(value, dict) and isinstance(old, dict):
                merged[key] = old | value
            else:
                merged[key] = value
    alias = str(merged.get("channel_alias") or "")
    custom = {
        str(name): f"{str(url).rstrip('/')}/{name}" for name, url in (merged.get("custom_channels") or {}).items()
    }
    priority = {"true": "strict", "false": "disabled"}.get(
        str(merged.get("channel_priority", "")).lower(), str(merged.get("channel_priority", "")).lower()
    )
    return Condarc(
        channels=_strings(merged.get("channels")),
        envs_dirs=tuple(os.path.abspath(os.path.expanduser(place)) for place in _strings(merged.get("envs_dirs"))),
        channel_alias=alias,
        channel_priority=priority if priority in ("strict", "flexible", "disabled") else None,  # type: ignore[arg-type]
        default_channels=_strings(merged.get("default_channels")),
        custom_channels=custom,
    )


def _load(path: Path, env: Mapping[str, str]) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        data = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidRequest(
            f"{path} cannot be read: {error}", "Mend the file, or move it away to go on without it."
        ) from error
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise InvalidRequest(f"{path} is not a mapping of settings.", "Mend the file, or move it away.")
    return {str(key): _expand(value, env) for key, value in data.items()}


def _expand(value: Any, env: Mapping[str, str]) -> Any:
    """``$NAME`` and ``${NAME}`` in strings, as conda expands them; an unset name stays as it is."""
    if isinstance(value, str):
        return re.sub(r"\$(?:\{(\w+)\}|(\w+))", lambda match: env.get(match[1] or match[2], match[0]), value)
    if isinstance(value, list):
        return [_expand(item, env) for item in value]
    if isinstance(value, dict):
        return {key: _expand(item, env) for key, item in value.items()}
    return value


def _strings(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    return tuple(str(item) for item in value) if isinstance(value, list) else (str(value),)
