"""Writes .conda packages by hand, and the index that turns a directory of them into a channel.

Everything that decides the bytes is an argument or a constant, so the same call gives the same file.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import platform
import stat
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import zstandard

#: What stands for the prefix inside packaged files: 255 characters, the length conda uses, because a
#: binary can only be given a prefix that is no longer than what it replaces.
PLACEHOLDER = "/opt/condaenv-test-channel/" + "_placehold" * 22 + "_placeho"
#: Milliseconds since 1970 (October 2025): old enough for `exclude_newer` tests to look past it.
TIMESTAMP = 1_760_000_000_000
#: zstd level; the channel is written far more often than it is shipped.
LEVEL = 2

_ZIP_DATE = (2025, 10, 9, 0, 0, 0)
_SNIFF = 8192
_INDEXER = Path(__file__).with_name("indexer.py")


@dataclass(frozen=True)
class Link:
    """A symbolic link; `target` is written as it is, relative to the link's own folder."""

    target: str


@dataclass(frozen=True)
class File:
    """A regular file with an explicit mode; `data` may be a file on disk."""

    data: bytes | str | Path
    mode: int = 0o644


Content = bytes | str | Path | Link | File


class IndexingError(RuntimeError):
    """py-rattler could not index the channel."""


def host_subdir() -> str:
    """conda's name for this machine's platform; raises where the channel cannot be built."""
    names = {"x86_64": "linux-64", "aarch64": "linux-aarch64"}
    machine = platform.machine()
    if sys.platform != "linux" or machine not in names:
        raise RuntimeError(
            f"tests/channel builds packages on Linux x86_64 and aarch64 only, this is {sys.platform} "
            f"{machine}. Point the tests at an existing channel instead, or run them in a Linux container."
        )
    return names[machine]


def write_package(
    channel_dir: Path,
    name: str,
    version: str,
    *,
    files: Mapping[str, Content] | None = None,
    build: str = "0",
    build_number: int = 0,
    depends: Iterable[str] = (),
    constrains: Iterable[str] = (),
    subdir: str | None = None,
    noarch: str | None = None,
    entry_points: Iterable[str] = (),
    track_features: str | None = None,
    python_site_packages_path: str | None = None,
    license: str | None = None,
    summary: str | None = None,
    timestamp: int = TIMESTAMP,
    index_extra: Mapping[str, Any] | None = None,
    level: int = LEVEL,
) -> Path:
    """Write `<channel_dir>/<subdir>/<name>-<version>-<build>.conda` and return its path.

    `files` maps paths inside the package to contents. Plain `str` and `bytes` below `bin/` and
    `python-scripts/` become executable; use `File` for any other mode. A file that contains
    `PLACEHOLDER` gets its prefix replaced on installation, as text or as binary. `noarch` is
    "python" (files below `site-packages/`, `entry_points` as "command = module:function") or
    "generic"; `subdir` follows from it unless given. `timestamp` is in milliseconds. Nothing is
    checked, so that tests can write packages that are wrong on purpose.
    """
    subdir = subdir or ("noarch" if noarch else host_subdir())
    stem = f"{name}-{version}-{build}"
    destination = channel_dir / subdir / f"{stem}.conda"
    destination.parent.mkdir(parents=True, exist_ok=True)
    index = {
        "name": name,
        "version": version,
        "build": build,
        "build_number": build_number,
        "depends": list(depends),
        "constrains": list(constrains),
        "subdir": subdir,
        "timestamp": timestamp,
        "license": license,
        "noarch": noarch,
        "track_features": track_features,
        "python_site_packages_path": python_site_packages_path,
        **_platform_fields(subdir),
        **(index_extra or {}),
    }
    part = destination.with_name(f"{destination.name}.{os.getpid()}.part")
    # The order of the three members is part of the format: readers stream.
    with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
        _add_bytes(archive, "metadata.json", _json({"conda_pkg_format_version": 2}))
        with archive.open(_zip_info(f"pkg-{stem}.tar.zst"), "w", force_zip64=True) as member:
            paths = _write_payload(member, files or {}, level)
        info = _info_files(index, paths, noarch, list(entry_points), summary)
        _add_bytes(archive, f"info-{stem}.tar.zst", _tar_of(info, level))
    os.replace(part, destination)
    return destination


def index(channel_dir: Path) -> None:
    """Write `repodata.json`, its zstd form and the shards for every subdir of `channel_dir`.

    Runs in a process of its own: a process that used py-rattler is best ended hard.
    """
    (channel_dir / "noarch").mkdir(parents=True, exist_ok=True)
    run = subprocess.run([sys.executable, str(_INDEXER), str(channel_dir)], capture_output=True, text=True, check=False)
    if run.returncode:
        tail = "\n".join((run.stdout + run.stderr).splitlines()[-15:])
        raise IndexingError(
            f"indexing {channel_dir} failed (exit code {run.returncode}):\n{tail}\n"
            "Is py-rattler installed in this environment? It is in the project's `test` extra."
        )


def _platform_fields(subdir: str) -> dict[str, str]:
    if subdir == "noarch":
        return {}
    system, _, arch = subdir.partition("-")
    return {"platform": system, "arch": "x86_64" if arch == "64" else arch}


def _write_payload(stream: Any, files: Mapping[str, Content], level: int) -> list[dict[str, object]]:
    """Write the payload tar and return what `paths.json` says of it."""
    entries = []
    compressor = zstandard.ZstdCompressor(level=level)
    with (
        compressor.stream_writer(stream, closefd=False) as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.GNU_FORMAT, encoding="utf-8") as tar,
    ):
        for path in sorted(files):
            content = files[path]
            if isinstance(content, Link):
                member = _tar_info(path, 0o777)
                member.type, member.linkname = tarfile.SYMTYPE, content.target
                tar.addfile(member)
                entries.append(_link_entry(path, content, files))
            else:
                data, mode = _data_and_mode(path, content)
                member = _tar_info(path, mode)
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
                entries.append(_file_entry(path, data))
    return entries


def _data_and_mode(path: str, content: bytes | str | Path | File) -> tuple[bytes, int]:
    if isinstance(content, File):
        data, mode = content.data, content.mode
    elif isinstance(content, Path):
        data = content
        mode = 0o755 if content.stat().st_mode & stat.S_IXUSR else 0o644
    else:
        data = content
        mode = 0o755 if path.startswith(("bin/", "python-scripts/")) else 0o644
    if isinstance(data, Path):
        return data.read_bytes(), mode
    return (data.encode() if isinstance(data, str) else data), mode


def _file_entry(path: str, data: bytes) -> dict[str, object]:
    entry: dict[str, object] = {
        "_path": path,
        "path_type": "hardlink",
        "sha256": hashlib.sha256(data).hexdigest(),
        "size_in_bytes": len(data),
    }
    if PLACEHOLDER.encode() in data:
        entry["prefix_placeholder"] = PLACEHOLDER
        entry["file_mode"] = "binary" if b"\0" in data[:_SNIFF] else "text"
    return entry


def _link_entry(path: str, link: Link, files: Mapping[str, Content]) -> dict[str, object]:
    """As conda-build writes it: hash and size are those of the file the link leads to."""
    seen = path
    content: Content = link
    for _ in range(40):
        if not isinstance(content, Link):
            break
        seen = os.path.normpath(os.path.join(os.path.dirname(seen), content.target))
        content = files.get(seen, b"")
    data = b"" if isinstance(content, Link) else _data_and_mode(seen, content)[0]
    return {
        "_path": path,
        "path_type": "softlink",
        "sha256": hashlib.sha256(data).hexdigest(),
        "size_in_bytes": len(data),
    }


def _info_files(
    index: Mapping[str, Any],
    paths: list[dict[str, object]],
    noarch: str | None,
    entry_points: list[str],
    summary: str | None,
) -> dict[str, bytes]:
    prefixed = [p for p in paths if "file_mode" in p]
    info = {
        "about.json": _json({k: v for k, v in {"summary": summary}.items() if v}),
        "files": "".join(f"{p['_path']}\n" for p in paths).encode(),
        "index.json": _json({k: v for k, v in index.items() if v is not None}),
        "paths.json": _json({"paths": paths, "paths_version": 1}),
    }
    if prefixed:
        lines = (f'"{PLACEHOLDER}" "{p["file_mode"]}" "{p["_path"]}"\n' for p in prefixed)
        info["has_prefix"] = "".join(lines).encode()
    if noarch == "python":
        info["link.json"] = _json(
            {
                "noarch": {"type": "python", "entry_points": entry_points},
                "package_metadata_version": 1,
            }
        )
    return {f"info/{name}": data for name, data in info.items()}


def _tar_of(files: Mapping[str, bytes], level: int) -> bytes:
    out = io.BytesIO()
    _write_payload(out, {path: File(data) for path, data in files.items()}, level)
    return out.getvalue()


def _tar_info(path: str, mode: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(path)
    member.mode, member.mtime = mode, TIMESTAMP // 1000
    return member


def _zip_info(name: str) -> zipfile.ZipInfo:
    return zipfile.ZipInfo(name, _ZIP_DATE)


def _add_bytes(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    with archive.open(_zip_info(name), "w") as member:
        target: BinaryIO = member  # type: ignore[assignment]
        target.write(data)


def _json(value: object) -> bytes:
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False).encode()
