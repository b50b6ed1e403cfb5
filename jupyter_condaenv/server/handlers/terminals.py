"""``environments/{environment}/terminals``: Jupyter's terminals, in which an environment is active."""

from __future__ import annotations

import asyncio
import sys
from time import monotonic
from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from ...engine.activation import shells
from ...engine.errors import Refused
from .. import answers
from ..requests.fields import Body, find
from ..routing import Route, operation
from .base import Handler

PATIENCE = 3.0
"""Seconds for which it is waited that a shell edits its line: some never do."""
LOOK = 0.02
"""Seconds between two looks whether it does."""


class TerminalsHandler(Handler):
    @web.authenticated
    @authorized
    @authorized(resource="terminals")  # type: ignore[untyped-decorator]
    @operation(body=Body, answer=answers.Terminal, status=201)
    async def post(self, environment: str, _body: Body) -> answers.Terminal:
        """Open a terminal in which an environment is active, with the variables that its kernel has."""
        found = await self.service.read(lambda settings: find(environment, settings))
        manager: Any = self.settings.get("terminal_manager")
        if manager is None:
            raise Refused("This server has no terminals.", "Whoever runs it may have switched them off.")
        shell = shells.of_login(manager.shell_command[0])
        command = [sys.executable, "-m", "jupyter_condaenv.cli", "activate", found.prefix, "--shell", shell]
        name: str = manager.create()["name"]
        terminal = manager.terminals[name].ptyproc
        await _edited(terminal)
        # Typed, because what a shell reads when it starts would undo what it inherits. The blank keeps it out of the
        # history of many.
        if not terminal.closed:
            terminal.write(f" {shells.line(shell, command)}\n")
        return answers.Terminal(name=name)


async def _edited(terminal: Any) -> None:
    """Wait until the shell shows what is typed: what comes before that, the terminal would show as well."""
    end = monotonic() + PATIENCE
    while not terminal.closed and terminal.getecho() and monotonic() < end:
        await asyncio.sleep(LOOK)


ROUTES = (Route("environments/{environment}/terminals", TerminalsHandler),)
