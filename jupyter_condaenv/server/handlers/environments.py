"""``environments``: those there are, one of them, and what is in it.

``{environment}`` is its name, or its prefix with every slash written ``%2F``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from jupyter_server.auth.decorator import authorized
from msgspec.structs import replace
from tornado import web

from ...engine import changes, deferred, environments, export, health, history, sites, why
from ...engine.errors import NotFound
from ...engine.model import (
    ApplyDeferred,
    Difference,
    DropDeferred,
    Environment,
    Exported,
    Health,
    Lock,
    Notes,
    Plan,
    Reasons,
    RemoveEnvironment,
    Revision,
    Rollback,
    Settings,
)
from ...kernels import specs
from .. import answers
from ..requests.environments import (
    ChangesQuery,
    ExportQuery,
    KernelChoice,
    NewAdoption,
    NewClone,
    NewEnvironment,
    NewExamination,
    NewNotes,
    NewPack,
    NewPlace,
    PackageChange,
    PackedEnvironment,
)
from ..requests.fields import Body, NewApplication, find
from ..routing import Route, operation
from .base import Handler

_NUMBER = re.compile(r"[1-9]\d{0,15}\Z", re.ASCII)
"""Of a revision."""


class EnvironmentsHandler(Handler):
    @web.authenticated
    @authorized
    @operation(answer=answers.Environments)
    async def get(self) -> answers.Environments:
        """All environments that are known."""
        return await self.service.read(listed)

    @web.authenticated
    @authorized
    @operation(body=NewEnvironment, answer=answers.JobSummary, status=202)
    async def post(self, body: NewEnvironment) -> answers.JobSummary:
        """Make an environment."""
        return await self.service.start(body.request)


class EnvironmentHandler(Handler):
    @web.authenticated
    @authorized
    @operation(answer=answers.EnvironmentDetail)
    async def get(self, environment: str) -> answers.EnvironmentDetail:
        """One environment, and what was asked for."""
        return await self.service.read(lambda settings: _detail(environment, settings))

    @web.authenticated
    @authorized
    @operation(answer=answers.JobSummary, status=202)
    async def delete(self, environment: str) -> answers.JobSummary:
        """Delete an environment with all that is in it, and its kernels."""
        return await self.service.start(lambda settings: RemoveEnvironment(prefix=find(environment, settings).prefix))


class PackagesHandler(Handler):
    @web.authenticated
    @authorized
    @operation(answer=answers.Packages)
    async def get(self, environment: str) -> answers.Packages:
        """The packages of an environment."""
        return await self.service.read(lambda settings: _packages(environment, settings))

    @web.authenticated
    @authorized
    @operation(body=PackageChange, answer=answers.JobSummary, status=202)
    async def patch(self, environment: str, body: PackageChange) -> answers.JobSummary:
        """Add, remove and update packages in one step."""
        return await self.service.start(lambda settings: body.request(environment, settings))


class ReasonsHandler(Handler):
    @web.authenticated
    @authorized
    @operation(answer=Reasons)
    async def get(self, environment: str, package: str) -> Reasons:
        """Why a package is in an environment, and what the others there say of it."""
        return await self.service.read(
            lambda settings: why.reasons_in(Path(environments.find(environment, settings).prefix), package)
        )


class LockHandler(Handler):
    @web.authenticated
    @authorized
    @operation(answer=Lock)
    async def get(self, environment: str) -> Lock:
        """The lock of what is in an environment now."""
        return await self.service.read(lambda settings: _lock(environment, settings))


class ExportHandler(Handler):
    @web.authenticated
    @authorized
    @operation(query=ExportQuery, answer=Exported)
    async def get(self, environment: str, query: ExportQuery) -> Exported:
        """An environment as a file that other tools read."""
        return await self.service.read(lambda settings: _exported(environment, query, settings))


class RevisionsHandler(Handler):
    @web.authenticated
    @authorized
    @operation(answer=answers.Revisions)
    async def get(self, environment: str) -> answers.Revisions:
        """The states that an environment has had."""
        return await self.service.read(lambda settings: _revisions(environment, settings))


class RevisionHandler(Handler):
    @web.authenticated
    @authorized
    @operation(answer=Revision)
    async def get(self, environment: str, number: str) -> Revision:
        """One state that an environment has had, with its lock."""
        return await self.service.read(
            lambda settings: history.without_secrets(_revision(environment, number, settings))
        )


class RevisionChangesHandler(Handler):
    @web.authenticated
    @authorized
    @operation(query=ChangesQuery, answer=Difference)
    async def get(self, environment: str, number: str, query: ChangesQuery) -> Difference:
        """What is different in another revision."""
        return await self.service.read(lambda settings: _difference(environment, number, query.until, settings))


class RevisionApplicationHandler(Handler):
    @web.authenticated
    @authorized
    @operation(body=NewApplication, answer=answers.JobSummary, status=202)
    async def post(self, environment: str, number: str, body: NewApplication) -> answers.JobSummary:
        """Bring an environment back to what it was at a revision."""
        return await self.service.start(lambda settings: _rollback(environment, number, body, settings))


class ClonesHandler(Handler):
    @web.authenticated
    @authorized
    @operation(body=NewClone, answer=answers.JobSummary, status=202)
    async def post(self, environment: str, body: NewClone) -> answers.JobSummary:
        """Make another environment with all that is in this one, which stays as it is."""
        return await self.service.start(lambda settings: body.request(environment, settings))


class AdoptionHandler(Handler):
    @web.authenticated
    @authorized
    @operation(body=NewAdoption, answer=answers.JobSummary, status=202)
    async def post(self, environment: str, body: NewAdoption) -> answers.JobSummary:
        """Take over an environment that another tool made, as it is."""
        return await self.service.start(lambda settings: body.request(environment, settings))


class PacksHandler(Handler):
    @web.authenticated
    @authorized
    @operation(body=NewPack, answer=answers.JobSummary, status=202)
    async def post(self, environment: str, body: NewPack) -> answers.JobSummary:
        """Write an environment to one file that can be unpacked elsewhere."""
        return await self.service.start(lambda settings: body.request(environment, settings))


class PackedHandler(Handler):
    @web.authenticated
    @authorized
    @operation(body=PackedEnvironment, answer=answers.JobSummary, status=202)
    async def post(self, body: PackedEnvironment) -> answers.JobSummary:
        """Make an environment of such a file."""
        return await self.service.start(body.request)


class MovesHandler(Handler):
    @web.authenticated
    @authorized
    @operation(body=NewPlace, answer=answers.JobSummary, status=202)
    async def post(self, environment: str, body: NewPlace) -> answers.JobSummary:
        """Give an environment another name or place, with its history and its notes."""
        return await self.service.start(lambda settings: body.request(environment, settings))


class NotesHandler(Handler):
    @web.authenticated
    @authorized
    @operation(answer=Notes)
    async def get(self, environment: str) -> Notes:
        """What is noted of an environment."""
        return await self.service.read(lambda settings: find(environment, settings).notes or Notes())

    @web.authenticated
    @authorized
    @operation(body=NewNotes, answer=answers.JobSummary, status=202)
    async def patch(self, environment: str, body: NewNotes) -> answers.JobSummary:
        """Protect, freeze, tag or describe an environment."""
        return await self.service.start(lambda settings: body.request(environment, settings))


class DeferredHandler(Handler):
    @web.authenticated
    @authorized
    @operation(answer=Plan)
    async def get(self, environment: str) -> Plan:
        """The change that waits for the next start of a kernel; `not_found` where none does, `broken` where it cannot
        be read and only be given up."""
        return await self.service.read(lambda settings: _deferred(environment, settings))

    @web.authenticated
    @authorized
    @operation(answer=answers.JobSummary, status=202)
    async def delete(self, environment: str) -> answers.JobSummary:
        """Give up the change that waits."""
        return await self.service.start(lambda settings: DropDeferred(prefix=find(environment, settings).prefix))


class DeferredApplicationHandler(Handler):
    @web.authenticated
    @authorized
    @operation(body=Body, answer=answers.JobSummary, status=202)
    async def post(self, environment: str, _body: Body) -> answers.JobSummary:
        """Apply the change that waits, if no kernel of the environment lives."""
        return await self.service.start(lambda settings: ApplyDeferred(prefix=find(environment, settings).prefix))


class KernelHandler(Handler):
    @web.authenticated
    @authorized
    @operation(answer=answers.Kernel)
    async def get(self, environment: str) -> answers.Kernel:
        """The kernel of an environment, and what was chosen for it."""
        return await self.service.read(lambda settings: _kernel(environment, settings))

    @web.authenticated
    @authorized
    @operation(body=KernelChoice, answer=answers.JobSummary, status=202)
    async def put(self, environment: str, body: KernelChoice) -> answers.JobSummary:
        """Write the kernel anew; what is left out stays as it was."""
        return await self.service.start(lambda settings: body.request(environment, settings))


class HealthHandler(Handler):
    @web.authenticated
    @authorized
    @operation(answer=Health | None)
    async def get(self, environment: str) -> Health | None:
        """What was found when an environment was last looked at; null where nobody has."""
        return await self.service.read(lambda settings: health.latest(find(environment, settings).prefix, settings))

    @web.authenticated
    @authorized
    @operation(body=NewExamination, answer=answers.JobSummary, status=202)
    async def post(self, environment: str, body: NewExamination) -> answers.JobSummary:
        """Look at every file of an environment, and mend what is wrong if that is wanted."""
        return await self.service.start(lambda settings: body.request(environment, settings))


def listed(settings: Settings) -> answers.Environments:
    return answers.Environments(environments=with_kernels(environments.list_environments(settings), settings))


def with_kernels(found: Iterable[Environment], settings: Settings) -> tuple[Environment, ...]:
    registered = specs.registered(settings)
    return tuple(replace(one, kernels=registered.get(one.prefix, ())) for one in found)


def _detail(name_or_prefix: str, settings: Settings) -> answers.EnvironmentDetail:
    (environment,) = with_kernels([find(name_or_prefix, settings)], settings)
    prefix = Path(environment.prefix)
    lock, last = history.current_lock(prefix), history.latest(prefix)
    return answers.EnvironmentDetail(
        environment=environment,
        specs=lock.specs,
        channels=lock.channels,
        revision=last.number if last else 0,
        deferred=deferred.is_there(prefix),
    )


def _kernel(name_or_prefix: str, settings: Settings) -> answers.Kernel:
    (environment,) = with_kernels([find(name_or_prefix, settings)], settings)
    return answers.Kernel(kernels=environment.kernels, options=specs.options(environment.prefix, settings))


def _lock(name_or_prefix: str, settings: Settings) -> Lock:
    return history.current_lock(Path(find(name_or_prefix, settings).prefix))


def _packages(name_or_prefix: str, settings: Settings) -> answers.Packages:
    prefix = Path(find(name_or_prefix, settings).prefix)
    lock = history.current_lock(prefix)
    packages = tuple(sorted(lock.packages, key=lambda package: package.name))
    return answers.Packages(packages=packages, pip=sites.listed(prefix, lock))


def _revisions(name_or_prefix: str, settings: Settings) -> answers.Revisions:
    prefix = Path(find(name_or_prefix, settings).prefix)
    found, damaged = history.readable(prefix)
    return answers.Revisions(
        revisions=tuple(one.summary for one in found), damaged=tuple(map(history.number_of, damaged))
    )


def _revision(name_or_prefix: str, number: str, settings: Settings) -> Revision:
    prefix = Path(find(name_or_prefix, settings).prefix)
    if not _NUMBER.match(number):
        raise NotFound(f"{name_or_prefix} has no revision {number}.", "The list of revisions says which there are.")
    return history.revision(prefix, int(number))


def _difference(name_or_prefix: str, number: str, until: int, settings: Settings) -> Difference:
    one = _revision(name_or_prefix, number, settings)
    return changes.difference(one, _revision(name_or_prefix, str(until), settings))


def _rollback(name_or_prefix: str, number: str, body: NewApplication, settings: Settings) -> Rollback:
    prefix = find(name_or_prefix, settings).prefix
    return Rollback(prefix=prefix, revision=_revision(name_or_prefix, number, settings).number, when=body.when)


def _deferred(name_or_prefix: str, settings: Settings) -> Plan:
    return deferred.waiting(Path(find(name_or_prefix, settings).prefix))


def _exported(name_or_prefix: str, query: ExportQuery, settings: Settings) -> Exported:
    return export.export(Path(find(name_or_prefix, settings).prefix), query.format, query.wanted)


ROUTES = (
    Route("environments", EnvironmentsHandler),
    Route("environments/{environment}", EnvironmentHandler),
    Route("environments/{environment}/packages", PackagesHandler),
    Route("environments/{environment}/packages/{package}/reasons", ReasonsHandler),
    Route("environments/{environment}/kernel", KernelHandler),
    Route("environments/{environment}/lock", LockHandler),
    Route("environments/{environment}/export", ExportHandler),
    Route("environments/{environment}/revisions", RevisionsHandler),
    Route("environments/{environment}/revisions/{number}", RevisionHandler),
    Route("environments/{environment}/revisions/{number}/changes", RevisionChangesHandler),
    Route("environments/{environment}/revisions/{number}/application", RevisionApplicationHandler),
    Route("environments/{environment}/clones", ClonesHandler),
    Route("environments/{environment}/adoption", AdoptionHandler),
    Route("environments/{environment}/packs", PacksHandler),
    Route("packed", PackedHandler),
    Route("environments/{environment}/moves", MovesHandler),
    Route("environments/{environment}/notes", NotesHandler),
    Route("environments/{environment}/health", HealthHandler),
    Route("environments/{environment}/deferred", DeferredHandler),
    Route("environments/{environment}/deferred/application", DeferredApplicationHandler),
)
