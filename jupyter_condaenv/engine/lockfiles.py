"""Locks as files: what was decided, to be kept, shared and made again elsewhere, hash by hash."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import msgspec

from . import identity, requirements
from .channels import redact
from .errors import InvalidRequest
from .model import Lock, Package, PipPackage, digest

_MOST_BYTES = 100_000_000
_DIST = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\Z")
_PLAIN = re.compile(r"[A-Za-z0-9_.+!-]+\Z")
_SCHEMES = ("http://", "https://", "file:///", "s3://", "oci://")


def read(path: Path) -> Lock:
    """The lock in the file at ``path``. Raises InvalidRequest, naming the file and the place in it."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InvalidRequest(f"{path} is far too large for a lock.", "Is it the right file?")
        lock = msgspec.json.decode(path.read_bytes(), type=Lock)
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be read: {error.strerror}.", "Check the path.") from error
    except msgspec.MsgspecError as error:
        raise InvalidRequest(
            f"{path} is not a lock of jupyter_condaenv: {error}.",
            "Give a file that `jupyter condaenv lock` wrote.",
        ) from error
    check(lock, str(path))
    return lock


def encode(lock: Lock) -> bytes:
    """``lock`` as a file of it has it."""
    return msgspec.json.format(msgspec.json.encode(lock), indent=1) + b"\n"


def check(lock: Lock, source: str, *, bare: bool = False) -> None:
    """Raises InvalidRequest for a lock that leaves open what would be installed, or that carries a secret.

    With ``bare`` a package of which only the URL is known may have no hash yet.
    """
    _check_packages(lock.packages, source, bare)
    _check_pip(lock, source)
    secret = next((text for text in (*lock.channels, *lock.specs) if redact(text) != text), None)
    if secret is not None:
        raise InvalidRequest(
            f"{source} holds a token or a password, in {redact(secret)}.",
            "Take it out, and put the secret into ~/.netrc or into the file that RATTLER_AUTH_FILE names.",
        )
    if lock.base is not None:
        _check_packages(lock.base.packages, source, bare=False)
        if digest(lock.base.packages, lock.base.pip) != lock.base.digest:
            raise InvalidRequest(f"{source}: the digest of the base is not that of its packages.", "Make it again.")
        both = {package.name for package in lock.packages} & {package.name for package in lock.base.packages}
        if both:
            raise InvalidRequest(f"{source} holds {min(both)} both in the overlay and in its base.", "Make it again.")


def _check_pip(lock: Lock, source: str) -> None:
    try:
        requirements.checked(lock.pip_specs)
    except InvalidRequest as error:
        raise InvalidRequest(f"{source}: {error.message}", error.hint) from error
    names = [one.name for one in lock.pip]
    twice = next((name for name in names if names.count(name) > 1), "")
    problem = f"it holds {twice} twice" if twice else next(filter(None, map(_pip_problem, lock.pip)), "")
    if problem:
        raise InvalidRequest(f"{source}: {problem}.", "Make the lock again.")


def _pip_problem(one: PipPackage) -> str:
    """What is wrong with ``one``; empty when nothing is."""
    if not _DIST.match(one.name) or not _PLAIN.match(one.version):
        return f"{one.name!r} {one.version!r} is no name and version of a package of pip"
    if not one.files:
        return f"there is no hash for {one} of pip"
    for file in one.files:
        if "/" in file.name or not file.name.isprintable() or file.name in ("", ".", ".."):
            return f"{file.name!r} is not the name of a file of {one}"
        if not file.url.startswith(("http://", "https://", "file:///")) or redact(file.url) != file.url:
            return f"{redact(file.url)!r} is not a plain URL from which {one} can be fetched"
        if any(character.isspace() or not character.isprintable() for character in file.url):
            return f"{file.url!r} is not the URL of a file"
        if len(file.sha256) != 64 or not set(file.sha256) <= set("0123456789abcdef"):
            return f"the sha256 of {one} is no sha256"
    return ""


def _check_packages(packages: Iterable[Package], source: str, bare: bool) -> None:
    seen: set[str] = set()
    for package in packages:
        if package.name in seen:
            raise InvalidRequest(f"{source} holds {package.name} twice.", "Make the lock again.")
        seen.add(package.name)
        problem = _problem(package, bare)
        if problem:
            raise InvalidRequest(f"{source}: {problem}.", "Make the lock again.", package=package.name)
        mismatch = identity.of_url(package)
        if mismatch is not None:
            raise InvalidRequest(
                f"{source}: {package.name} is not what its URL is of: {mismatch}.",
                "Somebody has altered it. Make it again, or compare with a copy that you trust.",
                package=package.name,
                field=mismatch.field,
            )


def _problem(package: Package, bare: bool) -> str:
    """What is wrong with ``package``; empty when nothing is."""
    # They become parts of file names.
    subdir = () if package.partial and not package.subdir else (package.subdir,)  # its archive will say it
    for part in (package.name, package.version, package.build, *subdir):
        if not _PLAIN.match(part) or part in (".", ".."):
            return f"{part!r} is no name, version, build or subdir of a package"
    if "/" in package.file_name or package.file_name in ("", ".", ".."):
        return f"{package.file_name!r} is not the name of a package file"
    if package.python_site_packages_path.startswith("/") or ".." in package.python_site_packages_path.split("/"):
        return f"{package.python_site_packages_path!r} of {package} leads out of the environment"
    if not package.url.startswith(_SCHEMES) or redact(package.url) != package.url:
        return f"{redact(package.url)!r} is not a plain URL from which {package} can be fetched"
    if not package.sha256 and not package.md5 and not (bare and package.partial):
        return f"there is no hash for {package}"
    for name, value, digits in (("sha256", package.sha256, 64), ("md5", package.md5, 32)):
        if value and (len(value) != digits or not set(value) <= set("0123456789abcdef")):
            return f"the {name} of {package} is no {name}"
    return ""
