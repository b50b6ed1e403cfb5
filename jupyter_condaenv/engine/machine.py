"""What a machine has that packages count on: virtual packages (CEP 30), found or declared."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from . import demands
from .errors import InvalidRequest
from .model import Package, Platform, known_by_name
from .rattler import host, matchspec

DEFAULTS: Mapping[Platform, tuple[str, ...]] = {
    "linux-64": ("__archspec=1=x86_64", "__glibc=2.28=0", "__linux=4.18=0", "__unix=0=0"),
    "linux-aarch64": ("__archspec=1=aarch64", "__glibc=2.28=0", "__linux=4.18=0", "__unix=0=0"),
    "osx-64": ("__archspec=1=x86_64", "__osx=13.0=0", "__unix=0=0"),
    "osx-arm64": ("__archspec=1=m1", "__osx=13.0=0", "__unix=0=0"),
    "win-64": ("__archspec=1=x86_64", "__win=0=0"),
}
"""What a machine of that platform can be taken to have (pixi takes the same): all but the oldest have it. No GPU."""
_DECLARED = re.compile(r"(?P<name>__[a-z0-9_]+)=(?P<version>[^=]*)(=(?P<build>[^=]+))?\Z")


def of(platform: str, wanted: Sequence[str]) -> tuple[str, ...]:
    """What a machine of ``platform`` has, or this one where that is empty, with what is ``wanted`` instead.

    Raises InvalidRequest for a platform of which nothing is known, or for what is no virtual package.
    """
    if not platform:
        return declared(host.virtual_packages(), wanted)
    for known, found in DEFAULTS.items():
        if known == platform:
            return declared(found, wanted)
    raise InvalidRequest(f"What a machine of {platform} has is not known.", f"Known are {', '.join(DEFAULTS)}.")


def declared(found: Sequence[str], wanted: Sequence[str]) -> tuple[str, ...]:
    """``found``, each ``name=version=build``, with what is ``wanted`` instead: ``__cuda=12.4``; ``__cuda=`` for none.

    Raises InvalidRequest for what is no virtual package.
    """
    there = {text.partition("=")[0]: text for text in found}
    for text in wanted:
        match = _DECLARED.match(text.strip())
        made = f"{match['name']}={match['version'] or '0'}={match['build'] or '0'}" if match is not None else ""
        if match is None or not host.is_virtual_package(made):
            raise InvalidRequest(
                f"{text!r} is not what a machine can be declared to have.",
                "Write it like __cuda=12.4 or __glibc=2.28; __cuda= stands for a machine without.",
            )
        if match["version"]:
            there[match["name"]] = made
        else:
            there.pop(match["name"], None)
    return tuple(sorted(there.values()))


def lacks(packages: Iterable[Package]) -> list[str]:
    """Sentences about what ``packages`` need and this machine does not have; one for each virtual package."""
    there = {text.partition("=")[0]: known_by_name(*text.split("=", 2)) for text in host.virtual_packages()}
    level = demands.level() or ""
    found: dict[str, str] = {}
    for spec, package in demands.of(packages).items():
        name = matchspec.spec_name(spec)
        if name in found or (name in there and matchspec.matches(spec, there[name])):
            continue
        if name == "__archspec" and demands.fits_level(spec.rpartition(" ")[2], level, otherwise=False):
            continue  # found is the make of the processor, which is of no level by its name
        found[name] = demands.sentence(spec, package, there[name].version if name in there else "") + "."
    return list(found.values())
