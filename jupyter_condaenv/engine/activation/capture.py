"""Activation, run: in a child process, once."""

from __future__ import annotations

from . import TIME_LIMIT
from .rules import Activation
from .variables import Changes, changes_between, inherited_prefixes


def capture(
    prefixes: tuple[str, ...], environ: dict[str, str], limit: float = TIME_LIMIT, leave: bool = True
) -> tuple[Changes, bool]:
    """Run what activating ``prefixes`` (bottom first) runs, after leaving what is active in ``environ``; without
    ``leave``, on top of it.

    Never fails because of a script. The second of the result is whether one met its time limit of ``limit`` seconds.
    """
    with Activation(environ, limit) as activation:
        if leave:
            activation.leave_inherited()
        for prefix in prefixes:
            activation.activate(prefix, stack=True)
    changes = changes_between(environ, activation.env, inherited_prefixes(environ) if leave else [])
    changes.warnings = activation.warnings
    return changes, activation.hung
