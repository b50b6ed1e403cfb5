"""``explanations``: why something cannot be had, and ways out that were tried.

An explanation is made by a job, and ``{explanation}`` is that job's id.
"""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from ...engine.errors import NotFound
from ...engine.model import Explained, Explanation, Settings
from ...jobs import Jobs
from .. import answers
from ..requests.explanations import NewExplanation
from ..routing import Route, operation
from .base import Handler


class ExplanationsHandler(Handler):
    @web.authenticated
    @authorized
    @operation(body=NewExplanation, answer=answers.JobSummary, status=202)
    async def post(self, body: NewExplanation) -> answers.JobSummary:
        """Find out why a request cannot be fulfilled, or what keeps a version out, and try ways out."""
        return await self.service.start(body.explained)


class ExplanationHandler(Handler):
    @web.authenticated
    @authorized
    @operation(answer=Explanation)
    async def get(self, explanation: str) -> Explanation:
        """An explanation; `busy` while it is being made, or the error that came of it."""
        return await self.service.read(lambda settings: _explanation(explanation, settings))


def _explanation(id: str, settings: Settings) -> Explanation:
    job = Jobs(settings).get(id)
    if job.verb not in ("explain", "why_not"):
        raise NotFound(f"The job {id} explains nothing.", "Make an explanation by POST to explanations.")
    result = job.result()
    assert isinstance(result, Explained)
    return result.explanation


ROUTES = (
    Route("explanations", ExplanationsHandler),
    Route("explanations/{explanation}", ExplanationHandler),
)
