"""Whose fault it is that an archive has another hash than the plan: the lock's, the channel's, or that of the way."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from .errors import ChannelError, Tampered
from .model import Package, Settings
from .rattler import gateway


def explained(error: Tampered, incoming: Iterable[Package], settings: Settings) -> Tampered:
    """``error`` with what the channel's index says today, where the package is one of ``incoming`` and both hashes are
    known: a plan may be from a lock that somebody has altered."""
    found, promised = error.details.get("found"), error.details.get("promised")
    package = next((one for one in incoming if promised and promised in (one.sha256, one.md5)), None)
    if package is None or not found:
        return error
    told = {**error.details, "package": package.name}
    stated = _stated(package, settings)
    if promised in stated:
        return Tampered(
            f"What came as {package} has the hash {found}, and its channel's index says {promised}.",
            "Nothing of it was installed. Its file in the channel, a mirror or a proxy on the way is damaged: try "
            "again, or ask who looks after the channel. If the file was meant to change, index the channel again.",
            **told,
        )
    if found in stated:
        return Tampered(
            f"The lock says {promised} for {package}, and its channel has {found}, in its index as well.",
            "Nothing of it was installed. Either somebody has altered the lock, or the channel has put another package "
            "in the place of this one: compare with a lock that you trust, or make the lock again.",
            **told,
        )
    return Tampered(
        f"Lock and channel disagree on {package}: the lock says {promised}, and what came has {found}.",
        "Nothing of it was installed. The index of the channel knows neither: compare with a lock that you trust, or "
        "make the lock again.",
        **told,
    )


def _stated(package: Package, settings: Settings) -> tuple[str, ...]:
    """The hashes that the channel's index has of ``package``; none where it does not know it, or cannot be read."""
    with suppress(ChannelError):
        known = gateway.indexed([package], Path(settings.cache_dir), settings.offline).get(package.url)
        return (known.sha256, known.md5) if known is not None else ()
    return ()
