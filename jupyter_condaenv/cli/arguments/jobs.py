"""Arguments of what is about jobs."""

from __future__ import annotations

from .parser import Parser


def job(parser: Parser) -> None:
    parser.add_argument("job", metavar="ID", help="id of the job, as `jobs list` shows it")


def jobs_show(parser: Parser) -> None:
    job(parser)
    parser.add_argument("--since", type=int, default=0, metavar="N", help="leave out the first N events")
