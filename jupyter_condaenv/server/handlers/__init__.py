"""One file for each resource, with its routes."""

from __future__ import annotations

from ..routing import Route
from . import (
    channels,
    configuration,
    description,
    environments,
    explanations,
    files,
    jobs,
    locks,
    packages,
    plans,
    scan,
    stacks,
    storage,
    terminals,
)
from .base import Nowhere

DOCUMENTED: tuple[Route, ...] = (
    *environments.ROUTES,
    *terminals.ROUTES,
    *stacks.ROUTES,
    *files.ROUTES,
    *plans.ROUTES,
    *explanations.ROUTES,
    *locks.ROUTES,
    *jobs.ROUTES,
    *channels.ROUTES,
    *packages.ROUTES,
    *configuration.ROUTES,
    *storage.ROUTES,
    *scan.ROUTES,
    *description.ROUTES,
)


def routes() -> tuple[Route, ...]:
    """All, in the order in which they are tried."""
    return (*DOCUMENTED, Route(".*", Nowhere))
