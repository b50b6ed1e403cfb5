"""Commands about running and past jobs."""

from __future__ import annotations

from argparse import Namespace

from ...jobs import Job, Jobs, Outcome
from .. import answers
from ..follow import follow
from ..output import Output
from .common import configured

CANCEL_TAKES = 10.0
"""Seconds that `jobs cancel` waits for the job to have ended."""


def jobs_list(_arguments: Namespace, output: Output) -> None:
    output.result(answers.Jobs(jobs=tuple(_summary(job) for job in Jobs(configured()).list())))


def jobs_show(arguments: Namespace, output: Output) -> None:
    job = Jobs(configured()).get(arguments.job)
    output.history(job, arguments.since)
    output.result(_summary(job, job.outcome()))


def jobs_follow(arguments: Namespace, output: Output) -> None:
    job = Jobs(configured()).get(arguments.job)
    output.job(job)
    output.result(follow(job, output, since=arguments.since, cancel=False))


def jobs_cancel(arguments: Namespace, output: Output) -> None:
    job = Jobs(configured()).get(arguments.job)
    job.cancel()
    job.wait(CANCEL_TAKES)
    output.result(_summary(job, job.outcome()))


def _summary(job: Job, outcome: Outcome | None = None) -> answers.JobSummary:
    return answers.JobSummary(
        id=job.id,
        state=outcome.state if outcome else job.state,
        verb=job.verb,
        words=job.words,
        prefix=job.prefix,
        created=job.created,
        host=job.host,
        outcome=outcome,
    )
