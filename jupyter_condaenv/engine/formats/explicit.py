"""``@EXPLICIT`` (CEP 23): one URL of a package a line, with its hash behind a ``#``; read and written.

A line says what is to be fetched and little else: what a package needs is read from its archive once that is there.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from ..channels import SUBDIR, redact
from ..model import Lock, Package
from .source import Source
from .specfile import SpecFile

MARK = "@EXPLICIT"
_PLATFORM = re.compile(r"#\s*platform:\s*(?P<platform>\S+)")
_FILE = re.compile(r"(?P<name>.+)-(?P<version>[^-]+)-(?P<build>[^-]+)\.(conda|tar\.bz2)\Z")
_DIGITS = {"md5": 32, "sha256": 64}
_ARCHIVE = re.compile(r"[a-z0-9]+://\S+\.(conda|tar\.bz2)(#\S*)?\Z")
_SECRET = "Take it out, and put the secret into ~/.netrc or into the file that RATTLER_AUTH_FILE names."


def is_explicit(text: str) -> bool:
    """Whether one of the lines is the mark."""
    return MARK in text and any(line.strip() == MARK for line in text.splitlines())


def lacks_mark(text: str) -> bool:
    """Whether the mark is there in other letters, or all lines are URLs of packages, and none is the mark:
    ``conda list --explicit`` prints it as well."""
    lines = [line for raw in text.splitlines() if (line := raw.strip()) and not line.startswith("#")]
    return bool(lines) and (any(line.upper() == MARK for line in lines) or all(map(_ARCHIVE.match, lines)))


def read(source: Source, platform: str) -> SpecFile:
    """The lock that the lines make. ``platform`` is its own where all its packages are for every platform.

    Raises InvalidRequest.
    """
    found: dict[str, tuple[int, Package]] = {}
    said = ""
    for number, raw in enumerate(source.lines, 1):
        line = raw.strip()
        comment = _PLATFORM.match(line)
        if comment is not None:
            said = said or comment["platform"]
        if not line or line.startswith("#") or line == MARK:
            continue
        package = _package(source, number, line)
        if package.name in found:
            before, other = found[package.name]
            if other.url != package.url:
                raise source.refuse(number, f"{package.name} stands there already, in line {before}.", "Keep one.")
            continue
        found[package.name] = (number, package)
    if not found:
        raise source.refuse(0, "It names no package.", f"Below {MARK} stands the URL of one package a line.")
    packages = tuple(package for _, package in found.values())
    first: dict[str, int] = {}
    for number, package in found.values():
        if package.subdir not in ("", "noarch"):
            first.setdefault(package.subdir, number)
    if len(first) > 1:
        here, there = list(first)[:2]
        raise source.refuse(
            first[there],
            f"A package for {there}, after one for {here} in line {first[here]}.",
            "Keep one platform a file.",
        )
    bare = sum(not package.sha256 and not package.md5 for package in packages)
    lock = Lock(
        platform=next(iter(first), said or platform),
        channels=tuple(dict.fromkeys(package.channel for package in packages)),
        specs=(),
        packages=tuple(sorted(packages, key=lambda package: package.name)),
    )
    warnings = (
        f"{source.name} has no hash for {bare} of its {len(packages)} packages: they are taken from their channels' "
        "indexes",
    )
    return SpecFile(
        format="explicit",
        lock=lock,
        lock_line=next(iter(first.values()), 0),
        platforms=(lock.platform,),
        warnings=warnings if bare else (),
    )


def _package(source: Source, number: int, line: str) -> Package:
    url, _, promised = line.partition("#")
    *prefix, said = re.split("[:=]", promised.strip().lower(), maxsplit=1)
    kind = prefix[0] if prefix else "sha256" if len(said) == _DIGITS["sha256"] else "md5"
    hashes = {kind: digest(source, number, kind, said)}
    return package_at(source, number, url.strip(), hashes.get("md5", ""), hashes.get("sha256", ""))


def digest(source: Source, line: int, kind: str, said: str) -> str:
    """What is ``said`` of a file as it is compared, empty where nothing is. Raises InvalidRequest where it can be no
    hash of that kind."""
    said = said.lower()
    if said and not (len(said) == _DIGITS.get(kind) and set(said) <= set("0123456789abcdef")):
        raise source.refuse(
            line, f"{said!r} is no {kind}.", "An md5 has 32 hexadecimal digits, and a sha256 64: write it anew."
        )
    return said


def package_at(source: Source, line: int, url: str, md5: str, sha256: str) -> Package:
    """What a URL says of its package. Raises InvalidRequest where it is none of a package."""
    if "${" in url or re.search(r"\$[A-Za-z_]", url) or url.startswith("~"):
        raise source.refuse(
            line, f"{url!r} is to be filled in from a variable, and none is looked at.", "Write out the URL."
        )
    url = url.replace("/t/<TOKEN>/", "/")  # as conda writes one that it has hidden
    if url.startswith("/"):
        url = PurePosixPath(url).as_uri()
    if redact(url) != url:
        raise source.refuse(line, f"{url} holds a token or a password.", _SECRET)
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    match = _FILE.match(unquote(parts.path.rpartition("/")[2]))
    folder = url.rpartition("/")[0]
    found = SUBDIR.search(folder)  # of no channel, where there is none: what it is for, its archive says then
    in_channel = found is not None or bool(md5 or sha256)
    if parts.scheme not in ("http", "https", "file", "s3", "oci") or match is None or not in_channel:
        raise source.refuse(
            line,
            f"{url!r} is not the URL of a package.",
            "It ends in <subdir>/<name>-<version>-<build>.conda, or .tar.bz2; without <subdir>, a hash is needed.",
        )
    return Package(
        name=match["name"].lower(),
        version=match["version"],
        build=match["build"],
        subdir=found[0].strip("/") if found is not None else "",
        url=url,
        channel=SUBDIR.sub("", folder),
        file_name=match[0],
        md5=md5,
        sha256=sha256,
        partial=True,
    )
