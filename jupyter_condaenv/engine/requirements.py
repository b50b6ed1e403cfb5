"""What can be asked of pip: requirements (PEP 508), checked before anything is done.

Only packages by their name, from an index or an https address. An option would change what pip does for everything
else, and what lies in a folder or a repository has no hash that a lock could promise.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from .channels import redact
from .errors import InvalidRequest
from .model import PipPackage

_LONGEST = 2000
"""Characters; some have a URL in them."""
INDEX = (
    "Name packages only. Another index goes into pip's own configuration (pip.conf, or PIP_INDEX_URL; uv.toml, or "
    "UV_DEFAULT_INDEX, for uv) where Jupyter runs."
)
INDEX_OPTIONS = ("-i", "--index-url", "--extra-index-url", "-f", "--find-links", "--trusted-host", "--index")
_INSTEAD = {
    **dict.fromkeys(INDEX_OPTIONS, INDEX),
    **dict.fromkeys(
        ("-r", "--requirement", "-c", "--constraint"),
        "No other file is read: write what is in that file in place of this.",
    ),
    **dict.fromkeys(
        ("-e", "--editable"),
        "Leave it out, and have the environment's own pip install it afterwards: python -m pip install -e PATH, in it.",
    ),
}
"""By option of pip, what to do."""
_NAMED = "Write NAME, NAME>=1,<2, NAME[EXTRA], or NAME @ https://host/file.whl."


def checked(texts: Iterable[str]) -> tuple[str, ...]:
    """``texts`` without blanks around them, each once. Raises InvalidRequest for one that cannot be asked of pip."""
    return tuple(dict.fromkeys(_checked(text) for text in texts))


def name_of(text: str) -> str:
    """The package that a checked requirement is about, as names are compared."""
    return canonicalize_name(Requirement(text).name)


def same_version(one: str, other: str) -> bool:
    """Whether they are one version, however it is written.

    >>> same_version("1.0", "1.0.0"), same_version("1.0rc1", "1.0-rc.1"), same_version("1.0", "1.1")
    (True, True, False)
    """
    try:
        return Version(one) == Version(other)
    except InvalidVersion:
        return one == other


def exactly(package: PipPackage) -> str:
    """The line of a requirements file that means this package and no other file."""
    hashes = " ".join(f"--hash=sha256:{file.sha256}" for file in package.files)
    if package.direct:
        return f"{package.name} @ {package.files[0].url} {hashes}"
    return f"{package.name}=={package.version} {hashes}"


def together(before: Iterable[str], more: Iterable[str]) -> tuple[str, ...]:
    """``before`` with ``more``, which counts where both are about one package; a bare name takes nothing back of what
    was asked for."""
    found = {name_of(text): text for text in before}
    for text in more:
        name = name_of(text)
        if name not in found or canonicalize_name(text) != name:
            found[name] = text
    return tuple(found.values())


def _checked(text: str) -> str:
    text = text.strip()
    shown = redact(text)[:_LONGEST]
    if text.startswith("-"):
        option = re.split(r"[=\s]", text)[0] if text.startswith("--") else text[:2]
        hint = _INSTEAD.get(option, "Name packages only, without options.")
        raise InvalidRequest(f"{shown!r} is an option of pip and no requirement.", hint)
    if len(text) > _LONGEST or not text.isprintable():
        raise InvalidRequest(f"{shown!r} is no requirement that pip knows.", _NAMED)
    if "://" in text.partition("@")[0] or text.startswith((".", "/")):
        raise InvalidRequest(f"{shown!r} does not name a package with a file that has a hash.", _NAMED)
    try:
        wanted = Requirement(text)
    except InvalidRequirement:
        raise InvalidRequest(f"{shown!r} is no requirement that pip knows.", _NAMED) from None
    if wanted.url is not None:
        _check_url(wanted.url, shown)
    return text


def _check_url(url: str, shown: str) -> None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and "$" not in url
    except ValueError:
        usable = False
    if not usable:
        raise InvalidRequest(
            f"{shown!r} is from no place that a file with a hash can be had from.",
            "Publish a wheel, and give its https:// address.",
        )
    plain = url.partition("#")[0]
    if redact(plain) != plain:
        raise InvalidRequest(
            f"{shown!r} was given with a token or a password.",
            "Give the URL without it, and put the secret into ~/.netrc.",
        )
