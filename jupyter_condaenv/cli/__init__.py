"""``jupyter condaenv``: the engine's verbs on the command line.

A face: it decodes arguments into a request, starts a job and shows its events. It starts fast, because everything that
solves or links runs in the job's own process, and because each command imports only what it needs.
"""

from __future__ import annotations

from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    from .app import run

    return run(argv)
