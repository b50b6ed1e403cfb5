"""What is in a prefix, read from ``conda-meta`` (CEP 34 calls the files *prefix records*)."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Mapping, Set
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct, field

from .channels import SUBDIR, redact
from .errors import Broken, InvalidRequest, StorageError
from .model import Package, Variable
from .trees import write_whole

_UNSET = "***unset***"
_PIN = re.compile(r"(\S+::)?[A-Za-z0-9_][A-Za-z0-9_.-]*\s*([=<>!~\[*\s].*)?\Z")
"""What every package request looks like from afar; the solver's own parser says the rest."""
"""What conda writes in place of the value of a variable that was taken back."""
_DIST = re.compile(r"(?P<name>.+)-(?P<version>[^-]+)-(?P<build>[^-]+)\.json\Z")


class PathEntry(Struct, omit_defaults=True):
    """One path that a package owns, relative to the prefix."""

    path: str = field(name="_path")
    path_type: str = "hardlink"
    sha256: str | None = None
    sha256_in_prefix: str | None = None
    size_in_bytes: int | None = None
    file_mode: str | None = None
    prefix_placeholder: str | None = None
    no_link: bool | None = None

    @property
    def holds_prefix(self) -> bool:
        """Whether linking wrote the prefix into it. Entry points are made then; records of old conda versions do not
        tell."""
        return bool(self.prefix_placeholder) or self.path_type not in ("hardlink", "softlink", "pyc_file")


class _Paths(Struct):
    paths: list[PathEntry] = []


class Record(Struct):
    """The part of a prefix record that we read; the file holds more, which is kept when it is rewritten.

    Tools differ in what they leave out and what they write as null.
    """

    name: str
    version: str
    build: str
    build_number: int = 0
    subdir: str | None = None
    url: str | None = None
    channel: str | None = None
    fn: str | None = None
    sha256: str | None = None
    md5: str | None = None
    size: int | None = None
    depends: list[str] | None = None
    constrains: list[str] | None = None
    noarch: str | bool | None = None
    license: str | None = None
    timestamp: float | None = None
    python_site_packages_path: str | None = None
    track_features: str | list[str] | None = None
    paths_data: _Paths | None = None
    files: list[str] | None = None
    extracted_package_dir: str | None = None

    @property
    def paths(self) -> list[PathEntry]:
        """Records of old conda versions have only the names."""
        if self.paths_data is not None and self.paths_data.paths:
            return self.paths_data.paths
        return [PathEntry(path=path) for path in self.files or ()]

    def package(self) -> Package:
        url = self.url or ""
        subdir = self.subdir or ("noarch" if self.noarch else url.rsplit("/", 2)[-2] if "/" in url else "")
        features = self.track_features or ()
        return Package(
            name=self.name,
            version=self.version,
            build=self.build,
            build_number=self.build_number,
            subdir=subdir,
            url=redact(url),
            channel=redact(_channel_of(url, self.channel or "", subdir)),
            file_name=self.fn or url.rsplit("/", 1)[-1],
            sha256=self.sha256 or "",
            md5=self.md5 or "",
            size=self.size or 0,
            depends=tuple(self.depends or ()),
            constrains=tuple(self.constrains or ()),
            noarch="python" if self.noarch == "python" else "generic" if self.noarch else "",
            license=self.license or "",
            timestamp=round(self.timestamp or 0),
            python_site_packages_path=self.python_site_packages_path or "",
            track_features=tuple(features.split() if isinstance(features, str) else features),
        )


def record_files(prefix: Path) -> list[Path]:
    """The record files of ``prefix``, sorted."""
    try:
        names = sorted(name for name in os.listdir(prefix / "conda-meta") if is_record(name))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise StorageError(
            f"{prefix / 'conda-meta'} cannot be read: {error.strerror}.", "Check its permissions.", prefix=str(prefix)
        ) from error
    return [prefix / "conda-meta" / name for name in names]


def is_record(name: str) -> bool:
    """Whether a file of that name in ``conda-meta`` is the record of a package."""
    return _DIST.match(name) is not None


def name_of(record_file: str) -> str:
    """The package that a record file of that name is about."""
    match = _DIST.match(record_file)
    return match["name"] if match else record_file


def sha256(path: Path) -> str:
    """Of the content of a file."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            found.update(block)
    return found.hexdigest()


def read_record(path: Path) -> Record:
    """Raises Broken, naming the file, where it is damaged."""
    try:
        return _DECODER.decode(path.read_bytes())
    except PermissionError as error:
        raise StorageError(
            f"{path} cannot be read by you.",
            "Ask the owner of the environment to let you read it, as with `chmod -R a+rX`.",
            file=str(path),
        ) from error
    except (OSError, msgspec.MsgspecError) as error:
        raise Broken(
            f"The record {path} is damaged: {error}",
            "`jupyter condaenv doctor --fix` links the package anew, which gives it a new record.",
            file=str(path),
        ) from error


def records(prefix: Path) -> list[Record]:
    return [read_record(path) for path in record_files(prefix)]


def packages(prefix: Path) -> tuple[Package, ...]:
    """The conda packages in ``prefix``, sorted by name. Raises Broken for a damaged record, and for two of one name."""
    found: dict[str, Package] = {}
    for path in record_files(prefix):
        package = read_record(path).package()
        if package.name in found:
            raise Broken(
                f"{prefix} has two records of {package.name}: {found[package.name]} and {package}.",
                "Another tool was interrupted there. Delete the record of the one that is not installed.",
                file=str(path),
            )
        found[package.name] = package
    return tuple(sorted(found.values(), key=lambda package: package.name))


def count_and_python(prefix: Path) -> tuple[int, str]:
    """How many packages there are and the version of Python, by file names alone: listing has to be quick."""
    count, python = 0, ""
    try:
        names = os.listdir(prefix / "conda-meta")
    except OSError:
        return 0, ""
    for name in names:
        if name.endswith(".json") and (match := _DIST.match(name)):
            count += 1
            if match["name"] == "python":
                python = match["version"]
    return count, python


def pins(prefix: Path) -> tuple[str, ...]:
    """What ``conda-meta/pinned`` says must hold for packages if they are there: a spec a line, ``#`` begins a comment
    (conda's documentation, "Preventing packages from updating").

    Raises StorageError for a file that cannot be read, and InvalidRequest for a line that pins nothing, which conda
    refuses too: whoever wrote it counts on something staying as it is.
    """
    path = prefix / "conda-meta" / "pinned"
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        return ()
    except (OSError, UnicodeDecodeError) as error:
        raise StorageError(f"{path} cannot be read: {error}.", "Mend the file, or move it away.") from error
    lines = [line.partition("#")[0].strip() for line in text.splitlines()]
    for number, line in enumerate(lines, 1):
        if line and not _PIN.match(line):
            raise InvalidRequest(
                f"{path}, line {number}: {redact(line)!r} is no package request, and so pins nothing.",
                "Mend the line, such as numpy <2, or take it out.",
                file=str(path),
                line=number,
            )
    return tuple(line for line in lines if line)


def python_minor(version: str) -> str:
    """``3.11`` of ``3.11.7``."""
    return ".".join(version.split(".")[:2])


def site_packages(python: Package) -> str:
    """Where packages of ``python`` go, relative to the prefix (CEP 17)."""
    return python.python_site_packages_path or f"lib/python{python_minor(python.version)}/site-packages"


def decode_paths(data: bytes) -> list[PathEntry]:
    """The paths that ``info/paths.json`` of a package names. Raises msgspec.MsgspecError."""
    return _PATHS_DECODER.decode(data).paths


def add_paths(path: Path, entries: list[PathEntry]) -> None:
    """Note further ``entries`` in the record at ``path``, which becomes a new file."""
    data: dict[str, Any] = msgspec.json.decode(path.read_bytes())
    data.setdefault("files", []).extend(entry.path for entry in entries)
    data.setdefault("paths_data", {"paths_version": 1}).setdefault("paths", []).extend(
        msgspec.to_builtins(entry) for entry in entries
    )
    write_whole(path, msgspec.json.encode(data))


def set_variables(prefix: Path, variables: Iterable[Variable], unset: Iterable[str] = ()) -> None:
    """Set ``variables`` wherever ``prefix`` is active, where conda keeps them: in ``conda-meta/state``. Others that are
    there stay, but for those named in ``unset``, and so does what else the file says."""
    found = {**_variables(prefix), **{one.name: one.value for one in variables}}
    for name in unset:
        found.pop(name, None)
    file = prefix / "conda-meta" / "state"
    state = _state(prefix)
    if found or state.keys() - {"version", "env_vars"}:
        write_whole(file, msgspec.json.encode({"version": 1, **state, "env_vars": found}))
    else:
        file.unlink(missing_ok=True)


def variables(prefix: Path) -> dict[str, str]:
    """Those that :func:`set_variables` or conda has set; what is no text is left out, as a damaged file is."""
    return {name: value for name, value in _variables(prefix).items() if value != _UNSET}


def _variables(prefix: Path) -> dict[str, str]:
    """With those that conda keeps unset whatever else sets them."""
    found = _state(prefix).get("env_vars")
    return {name: value for name, value in found.items() if isinstance(value, str)} if isinstance(found, dict) else {}


def _state(prefix: Path) -> dict[str, Any]:
    """What conda keeps of the environment beside its packages; nothing where that is damaged."""
    try:
        return msgspec.json.decode((prefix / "conda-meta" / "state").read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.MsgspecError):
        return {}


def without_secrets(record: bytes) -> bytes:
    """``record`` without the tokens and passwords that other programs leave in its URLs; as it is where it has none, or
    is no record: people keep files beside them."""
    try:
        data = msgspec.json.decode(record, type=dict[str, Any])
    except msgspec.MsgspecError:
        return record
    plain = {name: _plain(value) for name, value in data.items()}
    return record if plain == data else msgspec.json.encode(plain)


def _plain(value: Any) -> Any:
    """Of a text or a list of texts: paths lie deeper, and are none of URLs."""
    if isinstance(value, list):
        return [_plain(one) if isinstance(one, str) else one for one in value]
    return redact(value) if isinstance(value, str) and "://" in value else value


def add_facts(path: Path, facts: Mapping[str, Any]) -> None:
    """Note what is known of the package beside its files in the record at ``path``, which becomes a new file."""
    data: dict[str, Any] = msgspec.json.decode(path.read_bytes())
    write_whole(path, msgspec.json.encode({**data, **facts}))


def change_paths(path: Path, written: Mapping[str, tuple[str, int]], gone: Set[str]) -> None:
    """Note in the record at ``path``, which becomes a new file, the sha256 and the size in bytes that files have in
    this prefix, and that others are no more."""
    data: dict[str, Any] = msgspec.json.decode(path.read_bytes())
    data["files"] = [name for name in data.get("files") or () if name not in gone]
    paths = data.get("paths_data") or {}
    paths["paths"] = [entry for entry in paths.get("paths") or () if entry["_path"] not in gone]
    for entry in paths["paths"]:
        sha256, size = written.get(entry["_path"], ("", 0))
        if sha256 and entry.get("prefix_placeholder"):
            entry["sha256_in_prefix"] = sha256  # the other hash and the size are those in the package
        elif sha256:
            entry["sha256"], entry["size_in_bytes"] = sha256, size
    data["paths_data"] = paths
    write_whole(path, msgspec.json.encode(data))


def _channel_of(url: str, channel: str, subdir: str) -> str:
    """The base URL: what stands before the subdir in the package's URL; conda writes only a name into ``channel``."""
    head, found, _ = url.rpartition(f"/{subdir}/")
    return head if found and subdir else SUBDIR.sub("", channel).rstrip("/")


_DECODER = msgspec.json.Decoder(Record)
_PATHS_DECODER = msgspec.json.Decoder(_Paths)
