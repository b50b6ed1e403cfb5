"""``packages``: what the channels have, from indexes that a job makes; this process only reads them."""

from __future__ import annotations

from pathlib import Path

from jupyter_server.auth.decorator import authorized
from tornado import web

from ...engine import history, search
from ...engine.model import FoundPackages, Lock, PackageVersions, Settings
from .. import answers
from ..requests.fields import checked_channels, find
from ..requests.packages import NewIndexes, PackageQuery, SearchQuery
from ..routing import Route, operation
from .base import Handler


class FoundPackagesHandler(Handler):
    @web.authenticated
    @authorized
    @operation(query=SearchQuery, answer=FoundPackages)
    async def get(self, query: SearchQuery) -> FoundPackages:
        """Search the channels; `missing` are those that have no index yet."""
        return await self.service.read(
            lambda settings: search.find(
                query.q,
                settings,
                channels=checked_channels(query.channels, settings),
                environment=_lock(query.environment, settings),
                limit=query.limit,
                offset=query.offset,
            )
        )

    @web.authenticated
    @authorized
    @operation(body=NewIndexes, answer=answers.JobSummary, status=202)
    async def post(self, body: NewIndexes) -> answers.JobSummary:
        """Make channels searchable, or look what is new in them."""
        return await self.service.start(body.request)


class PackageVersionsHandler(Handler):
    @web.authenticated
    @authorized
    @operation(query=PackageQuery, answer=PackageVersions)
    async def get(self, package: str, query: PackageQuery) -> PackageVersions:
        """All versions of a package, the newest first."""
        return await self.service.read(
            lambda settings: search.package(
                package,
                settings,
                channels=checked_channels(query.channels, settings),
                environment=_lock(query.environment, settings),
            )
        )


def _lock(environment: str, settings: Settings) -> Lock | None:
    return history.current_lock(Path(find(environment, settings).prefix)) if environment else None


ROUTES = (
    Route("packages", FoundPackagesHandler),
    Route("packages/{package}", PackageVersionsHandler),
)
