"""Up to when packages count."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_condaenv.engine import cutoff
from jupyter_condaenv.engine.errors import InvalidRequest

NOW = datetime(2026, 3, 31, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("7 days", NOW - timedelta(days=7)),
        (" 1 Day ", NOW - timedelta(days=1)),
        ("7d", NOW - timedelta(days=7)),
        ("1h30m", NOW - timedelta(minutes=90)),
        ("1 week 2 days", NOW - timedelta(days=9)),
        ("45 min", NOW - timedelta(minutes=45)),
        ("36h", NOW - timedelta(hours=36)),
        ("2 weeks", NOW - timedelta(days=14)),
        ("2026-03-01", datetime(2026, 3, 2, tzinfo=timezone.utc)),
        ("2026-03-01T10:00", datetime(2026, 3, 1, 10, tzinfo=timezone.utc)),
        ("2026-03-01T10:00:00Z", datetime(2026, 3, 1, 10, tzinfo=timezone.utc)),
        ("2026-03-01T10:00:00+02:00", datetime(2026, 3, 1, 8, tzinfo=timezone.utc)),
        ("", None),
    ],
)
def test_what_is_meant(text: str, time: datetime | None) -> None:
    assert cutoff.parse(text, NOW) == time


@pytest.mark.parametrize(
    "text", ["soon", "7", "days", "1M", "7 days ago", "-7 days", "2026-13-01", "999999 weeks", "0001-01-01T00:00+14:00"]
)
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(InvalidRequest, match="no date"):
        cutoff.parse(text, NOW)


@given(st.text())
def test_any_text_is_a_time_or_is_refused(text: str) -> None:
    try:
        found = cutoff.parse(text)
    except InvalidRequest:
        return
    assert found is None or found.tzinfo is timezone.utc
