"""What is in a prefix, read from ``conda-meta`` (CEP 34 calls the files *prefix records*)."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field

from .channels import redact
from .errors import Broken
from .model import Package

_DIST = re.compile(r"(?P<name>.+)-(?P<version>[^-]+)-(?P<build>[^-]+)\.json\Z")


class PathEntry(Struct, omit_defaults=True):
    """One path that a package owns, relative to the prefix."""

    path: str = field(name="_path")
    path_type: str = "hardlink"
    sha256: str = ""
    sha256_in_prefix: str = ""
    size_in_bytes: int | None = None
    file_mode: str = ""
    prefix_placeholder: str = ""
    no_link: bool = False


class _Paths(Struct):
    paths: list[PathEntry] = []


class Record(Struct):
    """The part of a prefix record that we read; the file holds more, which is kept when it is rewritten."""

    name: str
    version: str
    build: str
    build_number: int = 0
    subdir: str = ""
    url: str = ""
    channel: str = ""
    fn: str = ""
    sha256: str | None = None
    md5: str | None = None
    size: int | None = None
    depends: list[str] = []
    constrains: list[str] = []
    noarch: str | bool | None = None
    license: str | None = None
    timestamp: int | None = None
    python_site_packages_path: str | None = None
    track_features: str | list[str] | None = None
    paths_data: _Paths = field(default_factory=_Paths)
    extracted_package_dir: str | None = None

    @property
    def paths(self) -> list[PathEntry]:
        return self.paths_data.paths

    def package(self) -> Package:
        subdir = self.subdir or ("noarch" if self.noarch else self.url.rsplit("/", 2)[-2] if "/" in self.url else "")
        features = self.track_features or ()
        return Package(
            name=self.name,
            version=self.version,
            build=self.build,
            build_number=self.build_number,
            subdir=subdir,
            url=redact(self.url),
            channel=redact(_channel_of(self, subdir)),
            file_name=self.fn or self.url.rsplit("/", 1)[-1],
            sha256=self.sha256 or "",
            md5=self.md5 or "",
            size=self.size or 0,
            depends=tuple(self.depends),
            constrains=tuple(self.constrains),
            noarch="python" if self.noarch == "python" else "generic" if self.noarch else "",
            license=self.license or "",
            timestamp=self.timestamp or 0,
            python_site_packages_path=self.python_site_packages_path or "",
            track_features=tuple(features.split() if isinstance(features, str) else features),
        )


def record_files(prefix: Path) -> list[Path]:
    """The record files of ``prefix``, sorted."""
    try:
        names = sorted(name for name in os.listdir(prefix / "conda-meta") if _DIST.match(name))
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [prefix / "conda-meta" / name for name in names]


def read_record(path: Path) -> Record:
    """Raises Broken, naming the file, where it is damaged."""
    try:
        return _DECODER.decode(path.read_bytes())
    except (OSError, msgspec.MsgspecError) as error:
        raise Broken(
            f"The record {path} is damaged: {error}",
            "Make the environment again from its lock, or delete the file and install the package again.",
            file=str(path),
        ) from error


def records(prefix: Path) -> list[Record]:
    return [read_record(path) for path in record_files(prefix)]


def packages(prefix: Path) -> tuple[Package, ...]:
    """The conda packages in ``prefix``, sorted by name. Raises Broken for a damaged record."""
    return tuple(sorted((record.package() for record in records(prefix)), key=lambda package: package.name))


def count_and_python(prefix: Path) -> tuple[int, str]:
    """How many packages there are and the version of Python, by file names alone: listing has to be quick."""
    count, python = 0, ""
    try:
        names = os.listdir(prefix / "conda-meta")
    except (FileNotFoundError, NotADirectoryError):
        return 0, ""
    for name in names:
        if name.endswith(".json") and (match := _DIST.match(name)):
            count += 1
            if match["name"] == "python":
                python = match["version"]
    return count, python


def python_minor(version: str) -> str:
    """``3.11`` of ``3.11.7``."""
    return ".".join(version.split(".")[:2])


def site_packages(python: Package) -> str:
    """Where packages of ``python`` go, relative to the prefix (CEP 17)."""
    return python.python_site_packages_path or f"lib/python{python_minor(python.version)}/site-packages"


def add_paths(path: Path, entries: list[PathEntry]) -> None:
    """Note further ``entries`` in the record at ``path``, which becomes a new file."""
    data: dict[str, Any] = msgspec.json.decode(path.read_bytes())
    data.setdefault("files", []).extend(entry.path for entry in entries)
    data.setdefault("paths_data", {"paths_version": 1}).setdefault("paths", []).extend(
        msgspec.to_builtins(entry) for entry in entries
    )
    part = path.with_name(path.name + ".part")
    part.write_bytes(msgspec.json.encode(data))
    part.replace(path)


def _channel_of(record: Record, subdir: str) -> str:
    """The base URL: what stands before the subdir in the package's URL; conda writes only a name into ``channel``."""
    head, found, _ = record.url.rpartition(f"/{subdir}/")
    return head if found and subdir else record.channel.rstrip("/")


_DECODER = msgspec.json.Decoder(Record)
