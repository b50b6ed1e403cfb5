"""Commands that measure, clean and mend."""

from __future__ import annotations

from argparse import Namespace

from ...engine import environments
from ...engine.model import CheckHealth, Clean, Cleaned, Examined, MeasureStorage
from ..exits import Exit
from ..output import Output
from .common import ask, check_somebody_is_there, configured, perform


def storage(arguments: Namespace, output: Output) -> None:
    perform(MeasureStorage(), configured(), arguments, output)


def clean(arguments: Namespace, output: Output) -> None:
    """Shows what it would delete before it asks."""
    settings = configured()
    kinds = tuple(dict.fromkeys(arguments.kinds))
    if arguments.preview or not arguments.yes:
        check_somebody_is_there(arguments, output)
        result = perform(Clean(kinds=kinds, preview=True), settings, arguments, output)
        if arguments.preview or not (isinstance(result, Cleaned) and result.items):
            return
        ask("Delete this? [y/N] ", "Nothing was deleted.")
    perform(Clean(kinds=kinds), settings, arguments, output)


def doctor(arguments: Namespace, output: Output) -> int:
    """Ends with ``BROKEN`` where something is damaged in the end."""
    settings = configured()
    environment = environments.find(arguments.environment, settings)
    result = perform(CheckHealth(prefix=environment.prefix, fix=arguments.fix), settings, arguments, output)
    damaged = isinstance(result, Examined) and any(one.severity == "damage" for one in result.health.findings)
    return Exit.BROKEN if damaged else Exit.OK
