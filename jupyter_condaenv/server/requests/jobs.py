"""``jobs``."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from .fields import MOST, Query

LONGEST_WAIT = 60.0
"""Seconds that a long poll may take; proxies cut connections that are silent for longer."""
MOST_JOBS = 200


class JobsQuery(Query, frozen=True, kw_only=True):
    """At most `limit` jobs; with `changing` only those that go on, or were to change more than caches."""

    limit: Annotated[int, Meta(ge=1, le=MOST_JOBS)] = 50
    changing: bool = False


class JobQuery(Query, frozen=True, kw_only=True):
    """Events after number `since`; where there are none yet, those that come within `wait` seconds."""

    since: Annotated[int, Meta(ge=0, le=MOST)] = 0
    wait: Annotated[float, Meta(ge=0, le=LONGEST_WAIT)] = 0.0
