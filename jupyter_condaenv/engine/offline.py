"""Doing without a network: what is missing is named, so that it can be fetched once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from msgspec.structs import replace

from .channels import OFFLINE, is_here
from .errors import ChannelError, Unsatisfiable
from .model import Package
from .rattler import gateway, package_cache, solving
from .rattler.query import Query


def check(uncached: Sequence[Package]) -> None:
    """Raises ChannelError where one of ``uncached``, which are not in the package cache, lies in no directory."""
    missing = [package for package in uncached if not is_here(package.url)]
    if missing:
        raise ChannelError(
            f"Not in the package cache: {', '.join(map(str, missing))}.",
            f"{OFFLINE} Online they would be downloaded.",
            missing=[package.url for package in missing],
        )


def explain(query: Query, error: Unsatisfiable) -> NoReturn:
    """Why ``query`` has no solution among what is cached: packages, or the indexes of channels, are missing.

    Raises ChannelError for the former, ``error`` with what may be missing for the latter.
    """
    try:
        solved = solving.solve(replace(query, only_cached=False))
    except Unsatisfiable as without:
        unread = gateway.unread(query.channels, (query.platform, "noarch"), query.cache_dir)
        known = "Of its channels only what earlier solves have read is known."
        if unread:
            known = f"Of these channels no index is in the cache: {', '.join(unread)}."
        raise Unsatisfiable(
            without.message, f"{OFFLINE} {known}", **without.details, channels_without_index=unread
        ) from error
    there = package_cache.cached(solved, query.cache_dir)
    stays = {package.identity for package in query.installed}
    check([one for one in solved if one.name not in there and one.identity not in stays])
    raise error
