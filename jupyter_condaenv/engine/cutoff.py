"""Up to when packages count: a date, a time or an age, as a person writes it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

from .errors import InvalidRequest

_AGE = re.compile(r"(\d{1,5})\s*(w|weeks?|d|days?|h|hours?|(?-i:m)|mins?|minutes?)\s*", re.IGNORECASE)
"""One part of an age; ``M`` stands for months elsewhere, and for nothing here."""
_MINUTES = {"m": 1, "h": 60, "d": 60 * 24, "w": 60 * 24 * 7}
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}\Z")


def parse(text: str, now: datetime | None = None) -> datetime | None:
    """The time that ``text`` means, in UTC; None for an empty text. A date means the end of that day in UTC, a time
    without a zone is one in UTC, and an age is counted back from ``now``.

    >>> parse("2024-05-16").isoformat()
    '2024-05-17T00:00:00+00:00'
    >>> parse("7 days", now=datetime(2024, 5, 17, tzinfo=timezone.utc)).isoformat()
    '2024-05-10T00:00:00+00:00'

    Raises InvalidRequest for what is none of these.
    """
    plain = text.strip()
    if not plain:
        return None
    try:
        if re.fullmatch(f"({_AGE.pattern})+", plain, re.IGNORECASE):
            minutes = sum(int(number) * _MINUTES[unit[0].lower()] for number, unit in _AGE.findall(plain))
            return (now or datetime.now(timezone.utc)) - timedelta(minutes=minutes)
        # Python 3.10 reads no Z.
        found = datetime.fromisoformat(re.sub(r"[zZ]\Z", "+00:00", plain))
        found = found.astimezone(timezone.utc) if found.tzinfo else found.replace(tzinfo=timezone.utc)
        return found + timedelta(days=1) if _DATE.match(plain) else found
    except (ValueError, OverflowError) as error:
        raise InvalidRequest(
            f"{text!r} is no date, no time and no age, up to which packages could count.",
            "Write it like 2026-03-31, 2026-03-31T12:00Z or 7 days.",
        ) from error
