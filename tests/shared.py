"""What lies beside the project: files of other people, and what other tools read from them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

SHARED = Path(os.environ.get("CONDAENV_SHARED", Path(__file__).parents[2] / "shared"))
ABSENT = (
    "The corpus of configuration files is not here. Set CONDAENV_SHARED to the folder that has corpus/ and oracle/."
)


def files(kind: str) -> list[Any]:
    """Names of the files of that kind, as parameters of a test; one that is skipped where they are absent."""
    folder = SHARED / "corpus" / kind
    names = sorted(path.name for path in folder.glob("*")) if folder.is_dir() else []
    return names or [pytest.param("", marks=pytest.mark.skip(reason=ABSENT))]


def content(kind: str, name: str) -> bytes:
    return (SHARED / "corpus" / kind / name).read_bytes()


def readings(kind: str, tool: str) -> dict[str, dict[str, Any]]:
    """By names of files, what ``tool`` read from each."""
    found = json.loads((SHARED / "oracle" / "readers" / f"{kind}-{tool}.json").read_text(encoding="utf-8"))["files"]
    return {name.partition("/")[2]: reading for name, reading in found.items()}
