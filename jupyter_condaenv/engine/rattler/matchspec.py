"""What a package request (a MatchSpec) says."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import rattler
from rattler.exceptions import InvalidMatchSpecError

from ..channels import check_spec, redact
from ..errors import InvalidRequest
from ..model import Package
from .records import record_of

_ARCHIVE = re.compile(
    r"(?P<url>(?:[a-z0-9]+:/)?/.*?\.(?:conda|tar\.bz2))(?:#(?P<hash>.*)|\[(?P<more>.*)\])\Z", re.IGNORECASE
)
"""The URL or path of one, and what is said besides, which py-rattler would pass over."""
_RELATIVE = re.compile(r"(\.{1,2}|~)/.*\.(conda|tar\.bz2)\Z")
_HASH = re.compile(r"(?:(?:md5|sha256)[:=])?(?P<digits>[0-9a-f]{32}|[0-9a-f]{64})\Z", re.IGNORECASE)
_URL = re.compile(r'\burl="([^"]+)"')


def spec_name(spec: str) -> str:
    """The package that a MatchSpec is about. Raises InvalidRequest for text that is no spec."""
    return parse(spec)[0]


def names(specs: Iterable[str]) -> set[str]:
    """The packages that dependencies are about, virtual ones apart."""
    return {spec_name(spec) for spec in specs if not spec.startswith("__")}


def matches(spec: str, package: Package) -> bool:
    """Whether ``package`` is one that ``spec`` allows. A channel counts where it is given by its URL."""
    found = parse(spec)[1]
    if url_of(spec) not in ("", package.url):
        return False
    if found.channel is not None and "://" in spec and found.channel.base_url.rstrip("/") != package.channel:
        return False
    return bool(found.matches(record_of(package)))  # which looks at no channel


def url_of(spec: str) -> str:
    """The URL of the archive that ``spec`` asks for; empty where it asks for none."""
    found = _URL.search(str(parse(spec)[1])) if "/" in spec else None
    return found[1] if found else ""


def without_hash(spec: str) -> bool:
    """Whether ``spec`` asks for an archive, and does not say which it is."""
    found = parse(spec)[1]
    return bool(url_of(spec)) and not found.sha256 and not found.md5


def of_archive(spec: str, sha256: str) -> str:
    """``spec``, which asks for an archive, with its hash."""
    return f'{str(parse(spec)[1])[:-1]}, sha256="{sha256}"]'


def without_build(spec: str) -> str:
    """What ``spec`` asks for in any build; empty where it names no build."""
    name, found = parse(spec)
    return f"{name} {found.version or '*'}" if found.build is not None else ""


def with_channel(spec: str, resolve: Callable[[str], str]) -> tuple[str, str]:
    """``spec`` with the name of its channel, as in ``conda-forge::numpy``, replaced by what ``resolve`` makes of it.

    And that URL, which is empty where the spec names no channel. py-rattler would look for every name below
    https://conda.anaconda.org. Raises InvalidRequest for a relative path.
    """
    parsed = parse(spec)[1]
    channel = parsed.channel
    if channel is None:
        return spec, ""
    if "://" in spec or channel.name is None:
        return spec, channel.base_url.rstrip("/")
    if channel.name.startswith((".", "~")):
        raise InvalidRequest(
            f"The channel {channel.name} in {spec!r} is a path that depends on the folder one is in.",
            "Give the whole path of the channel.",
            spec=redact(spec),
        )
    if channel.base_url.startswith("file:"):
        return str(parsed), channel.base_url.rstrip("/")
    url = resolve(channel.name)
    rest = str(parsed).removeprefix(channel.name)
    return f"{url}{rest}", url


def check_platform(spec: str, platform: str) -> None:
    """Raises InvalidRequest where ``spec`` asks for another platform's package, which py-rattler looks past."""
    subdir = parse(spec)[1].subdir
    if subdir not in (None, "noarch", platform):
        raise InvalidRequest(
            f"{redact(spec)!r} asks for a package of {subdir}, and this is for {platform}.",
            f"Leave {subdir} out.",
            spec=redact(spec),
        )


def parse(spec: str) -> tuple[str, rattler.MatchSpec]:
    check_spec(spec)
    if not spec.isprintable():
        raise InvalidRequest(
            f"{spec!r} holds characters that no package request has.", "Give one package at a time.", spec=spec
        )
    if _RELATIVE.match(spec):
        raise InvalidRequest(
            f"{spec!r} is a path that depends on the folder one is in.",
            "Give the whole path of the package.",
            spec=spec,
        )
    try:
        parsed = _parsed(spec)
    except InvalidMatchSpecError as error:
        raise InvalidRequest(
            f"{redact(spec)!r} is not a package request: {redact(str(error))}",
            'Write it like numpy, "numpy>=1.20,<3" or conda-forge::numpy=2.1.',
            spec=redact(spec),
        ) from error
    if parsed.name is None:
        raise InvalidRequest(
            f"{redact(spec)!r} names no package.", "Name the package, as in numpy>=1.20.", spec=redact(spec)
        )
    return parsed.name.normalized, parsed


def _parsed(spec: str) -> rattler.MatchSpec:
    archive = _ARCHIVE.match(spec.strip())
    if archive is None:
        return rattler.MatchSpec(spec)
    plain = rattler.MatchSpec(archive["url"])
    more = archive["more"]
    if more is None:
        said = _HASH.match(archive["hash"].strip())
        if said is None:
            raise InvalidRequest(
                f"{redact(archive['hash'])!r}, behind the # of {redact(archive['url'])}, is no hash.",
                "An md5 has 32 hexadecimal digits, and a sha256 64.",
                spec=redact(spec),
            )
        more = f"{'md5' if len(said['digits']) == 32 else 'sha256'}={said['digits'].lower()}"
    assert plain.name is not None
    return rattler.MatchSpec(f'{plain.name.normalized}[url="{_URL.findall(str(plain))[0]}", {more}]')
