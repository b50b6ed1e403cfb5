"""Whether a record is of the archive that it names.

Channels correct ``depends`` and the like of packages that they have already (repodata patches); which package it is
stays as it was built. So name, version, build, build number and subdir say the same in a record, in the name of the
archive (``<name>-<version>-<build>``, CEP 26) and in its ``info/index.json`` (CEP 34), or somebody has altered one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

import msgspec

from .channels import SUBDIR
from .model import Package
from .prefix import Record

_RECORD = re.compile(r"(?P<name>.+)-(?P<version>[^-]+)-(?P<build>[^-]+)\Z")
_ARCHIVE = re.compile(_RECORD.pattern[:-2] + r"\.(conda|tar\.bz2)\Z")
_FIELDS = ("name", "version", "build")


class Mismatch(NamedTuple):
    """Of ``field`` the record says ``stated``, and ``source`` says ``found``."""

    field: str
    stated: str
    found: str
    source: str

    def __str__(self) -> str:
        return f"its {self.field.replace('_', ' ')} is {self.stated!r}, and {self.source} says {self.found!r}"


def of_url(package: Package) -> Mismatch | None:
    """What ``package`` says of itself otherwise than its URL does; nothing where the URL is not one of an archive as
    channels have them."""
    folder, _, file_name = package.url.rpartition("/")
    match = _ARCHIVE.match(unquote(file_name))
    if match is None:
        return None
    stated = {name: getattr(package, name) for name in _FIELDS}
    found: dict[str, Any] = match.groupdict()
    if subdir := SUBDIR.search(folder):
        stated["subdir"], found["subdir"] = package.subdir, subdir[1]
    if _ARCHIVE.match(package.file_name):
        stated["file_name"], found["file_name"] = package.file_name, match[0]
    return _mismatch(stated, found, "the name of its archive")


def of_archive(record: Record) -> Mismatch | None:
    """What ``record`` says otherwise than ``info/index.json`` of the archive it was unpacked from; nothing where that
    lies in no package cache any more."""
    index = _index(record)
    stated = {name: getattr(record, name) for name in (*_FIELDS, "build_number")}
    if SUBDIR.search((record.url or "").rpartition("/")[0]) is None:
        stated["subdir"] = record.package().subdir  # else of_url looks at it: archives are moved between subdirs
    return _mismatch(stated, index, "its archive")


def of_file(stem: str, record: Record) -> Mismatch | None:
    """What ``record``, in a file of that name in ``conda-meta``, says otherwise than that name, its URL or its archive
    does."""
    named = _RECORD.match(stem)
    stated = {field: getattr(record, field) for field in _FIELDS}
    wrong = _mismatch(stated, named.groupdict(), "the name of its file") if named else None
    return of_url(record.package()) or of_archive(record) or wrong


def archive_of(record: Record) -> str:
    """``name-version-build`` of the archive of ``record``: as that says itself, else as the URL or the file name has
    it; empty where none of them does."""
    index = _index(record)
    if all(isinstance(index.get(field), str) for field in _FIELDS):
        return "-".join(index[field] for field in _FIELDS)
    for name in ((record.url or "").rpartition("/")[2], record.fn or ""):
        if match := _ARCHIVE.match(unquote(name)):
            return "-".join(match[field] for field in _FIELDS)
    return ""


def _index(record: Record) -> dict[str, Any]:
    """Nothing where it cannot be read."""
    try:
        data = Path(record.extracted_package_dir or "", "info", "index.json").read_bytes()
        return msgspec.json.decode(data, type=dict[str, Any])
    except (OSError, msgspec.MsgspecError):
        return {}


def _mismatch(stated: Mapping[str, Any], found: Mapping[str, Any], source: str) -> Mismatch | None:
    for field, value in stated.items():
        other = found.get(field)
        if other is not None and str(value).lower() != str(other).lower():
            return Mismatch(field, str(value), str(other), source)
    return None
