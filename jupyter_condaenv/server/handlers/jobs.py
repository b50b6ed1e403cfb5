"""``jobs``: everything that was started, by whichever face, with its numbered history."""

from __future__ import annotations

from itertools import islice

from jupyter_server.auth.decorator import authorized
from tornado import web

from ...engine.model import Settings
from ...jobs import Jobs
from .. import answers
from ..requests.jobs import JobQuery, JobsQuery
from ..routing import Route, operation
from .base import Handler

LOOKING = frozenset({"plan", "explain", "why_not", "lock", "storage", "index", "check_channels", "scan"})
"""Verbs that change nothing but caches."""


class JobsHandler(Handler):
    # A page that looks on is no reason to keep alive a server that nobody uses.
    _track_activity = False

    @web.authenticated
    @authorized
    @operation(query=JobsQuery, answer=answers.JobList)
    async def get(self, query: JobsQuery) -> answers.JobList:
        """The latest jobs."""
        return await self.service.read(lambda settings: _latest(query, settings))


class JobHandler(Handler):
    _track_activity = False

    @web.authenticated
    @authorized
    @operation(query=JobQuery, answer=answers.JobHistory)
    async def get(self, job: str, query: JobQuery) -> answers.JobHistory:
        """A job and its events, at once or, as a long poll, when there are any."""
        return await self.service.follow(job, query.since, query.wait)

    @web.authenticated
    @authorized
    @operation(answer=answers.JobSummary, status=202)
    async def delete(self, job: str) -> answers.JobSummary:
        """Ask a job to stop; it then ends as `cancelled`, unless it has ended already."""
        return await self.service.read(lambda settings: _cancelled(job, settings))


def _latest(query: JobsQuery, settings: Settings) -> answers.JobList:
    wanted = (job for job in Jobs(settings).list() if not (query.changing and job.verb in LOOKING and job.ended))
    return answers.JobList(jobs=tuple(answers.summary(job) for job in islice(wanted, query.limit)))


def _cancelled(id: str, settings: Settings) -> answers.JobSummary:
    job = Jobs(settings).get(id)
    job.cancel()
    return answers.summary(job)


ROUTES = (
    Route("jobs", JobsHandler),
    Route("jobs/{job}", JobHandler),
)
