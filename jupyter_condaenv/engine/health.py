"""What was found when an environment was last looked at, kept for those who only want to read it."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import msgspec

from .model import Health, Settings
from .trees import write_whole


def remember(health: Health, settings: Settings) -> None:
    """Keep ``health`` in the place of what was known of that environment before. Raises OSError."""
    file = _file(health.prefix, settings)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_whole(file, msgspec.json.encode(health))


def latest(prefix: str, settings: Settings) -> Health | None:
    """What was found last; None where nobody has looked, or nothing can be read."""
    try:
        return msgspec.json.decode(_file(prefix, settings).read_bytes(), type=Health)
    except (OSError, msgspec.MsgspecError):
        return None


def _file(prefix: str, settings: Settings) -> Path:
    return Path(settings.data_dir) / "health" / f"{hashlib.sha256(os.fsencode(prefix)).hexdigest()[:32]}.json"
