"""``plans``: dry runs that can be looked at and then applied exactly as shown.

A plan is made by a job, and ``{plan}`` is that job's id.
"""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from ...engine.errors import NotFound
from ...engine.model import ApplyPlan, Plan, Planned, PlanRequest, Settings
from ...jobs import Jobs
from .. import answers
from ..requests.fields import NewApplication
from ..requests.plans import NewPlan
from ..routing import Route, operation
from .base import Handler


class PlansHandler(Handler):
    @web.authenticated
    @authorized
    @operation(body=NewPlan, answer=answers.JobSummary, status=202)
    async def post(self, body: NewPlan) -> answers.JobSummary:
        """Find out what a change would do, without doing it."""
        return await self.service.start(lambda settings: _dry(body, settings))


class PlanHandler(Handler):
    @web.authenticated
    @authorized
    @operation(answer=Plan)
    async def get(self, plan: str) -> Plan:
        """A plan; `busy` while it is being made, or the error that came of it."""
        return await self.service.read(lambda settings: _plan(plan, settings))


class ApplicationHandler(Handler):
    @web.authenticated
    @authorized
    @operation(body=NewApplication, answer=answers.JobSummary, status=202)
    async def post(self, plan: str, body: NewApplication) -> answers.JobSummary:
        """Do exactly what the plan showed; the job fails as `outdated` when the environment has changed since."""
        return await self.service.start(lambda settings: _application(plan, body, settings))


def _dry(body: NewPlan, settings: Settings) -> PlanRequest:
    request = body.request(settings)
    return PlanRequest(prefix=request.prefix, request=request)


def _plan(id: str, settings: Settings) -> Plan:
    job = Jobs(settings).get(id)
    if job.verb != "plan":
        raise NotFound(f"The job {id} made no plan.", "Make one by POST to plans.")
    result = job.result()
    assert isinstance(result, Planned)
    return result.plan


def _application(id: str, body: NewApplication, settings: Settings) -> ApplyPlan:
    plan = _plan(id, settings)
    return ApplyPlan(prefix=plan.prefix, plan=plan, when=body.when)


ROUTES = (
    Route("plans", PlansHandler),
    Route("plans/{plan}", PlanHandler),
    Route("plans/{plan}/application", ApplicationHandler),
)
