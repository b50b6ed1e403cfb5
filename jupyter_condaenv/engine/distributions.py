"""Python distributions in a ``site-packages``, whoever installed them (PyPA's *recording installed projects*)."""

from __future__ import annotations

import base64
import csv
import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Set
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from .prefix import Record

_METADATA = {".dist-info": "METADATA", ".egg-info": "PKG-INFO"}


class Distribution(NamedTuple):
    """``info`` is its ``.dist-info`` or ``.egg-info``; ``metadata`` the file in it that says what it is."""

    name: str
    """As its metadata has it; empty where nobody can tell."""
    version: str
    info: Path
    metadata: Path


def installed(site: Path) -> Iterator[Distribution]:
    """Every distribution in the folder ``site``."""
    for suffix, file in _METADATA.items():
        for info in sorted(site.glob(f"*{suffix}")):
            metadata = info / file if info.is_dir() else info
            yield Distribution(*_name_and_version(metadata), info, metadata)


class Site(NamedTuple):
    """The Python packages in a folder ``site-packages`` of an environment at ``root``, by normalized name."""

    root: Path
    conda: dict[str, Distribution]
    others: dict[str, Distribution]
    """What pip, uv or a person put there."""
    owned: Set[str]
    """All paths of the environment that are conda's, relative to ``root``."""


def look(root: Path, folder: str, records: Iterable[Record]) -> Site:
    owned = {entry.path for record in records for entry in record.paths}
    conda: dict[str, Distribution] = {}
    others: dict[str, Distribution] = {}
    for one in installed(root / folder):
        if one.name and one.version:
            whose = conda if os.path.relpath(one.metadata, root) in owned else others
            whose[normalized(one.name)] = one
    return Site(root, conda, others, owned)


def files(distribution: Distribution) -> list[Path]:
    """What was installed with it according to its ``RECORD``, as full paths; may lead out of the environment."""
    return [path for path, _ in promises(distribution)]


def promises(distribution: Distribution) -> list[tuple[Path, str]]:
    """The same, each with what its ``RECORD`` says is in it (``record_hash``); empty where it does not say."""
    try:
        with (distribution.info / "RECORD").open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.reader(file) if row and row[0]]
    except (OSError, ValueError, csv.Error):
        return []
    site = distribution.info.parent
    sha256 = [row[1] if len(row) > 1 and row[1].startswith("sha256=") else "" for row in rows]
    return [(Path(os.path.normpath(site / row[0])), said) for row, said in zip(rows, sha256, strict=True)]


def requires(distribution: Distribution) -> list[str]:
    """What it needs according to its metadata (``Requires-Dist``), whatever the conditions."""
    from email.parser import HeaderParser  # slow to import, and few operations need it

    try:
        text = distribution.metadata.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return [str(one) for one in HeaderParser().parsestr(text).get_all("Requires-Dist", [])]


def record_hash(data: bytes) -> str:
    """How a ``RECORD`` says what is in a file."""
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def normalized(name: str) -> str:
    """How names are compared (PEP 503).

    >>> normalized("Ruamel_Yaml")
    'ruamel-yaml'
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def name_of(info: str) -> str:
    """The normalized name that the folder ``info`` begins with; empty for a folder that is none of a distribution.

    >>> name_of("Ruamel.Yaml-0.18.5.dist-info"), name_of("six-1.16-py3.11.egg-info"), name_of("six")
    ('ruamel-yaml', 'six', '')
    """
    stem, suffix = os.path.splitext(info)
    return normalized(stem.split("-")[0]) if suffix in _METADATA else ""


def _name_and_version(metadata: Path) -> tuple[str, str]:
    """From the header of a distribution's metadata: folder names do not tell where the name ends."""
    fields: dict[str, str] = {}
    with suppress(OSError), metadata.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            key, _, value = line.partition(":")
            if not line.strip():
                break
            fields.setdefault(key.strip().lower(), value.strip())
    return fields.get("name", ""), fields.get("version", "")
