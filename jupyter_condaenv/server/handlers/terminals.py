"""``environments/{environment}/terminals``: Jupyter's terminals, in which an environment is active."""

from __future__ import annotations

import sys
from typing import Any

from jupyter_server.auth.decorator import authorized
from tornado import web

from ...engine.activation import shells
from ...engine.errors import Refused
from .. import answers
from ..requests.fields import Body, find
from ..routing import Route, operation
from .base import Handler


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
        # Typed, because what a shell reads when it starts would undo what it inherits. The blank keeps it out of the
        # history of many.
        manager.terminals[name].ptyproc.write(f" {shells.line(shell, command)}\n")
        return answers.Terminal(name=name)


ROUTES = (Route("environments/{environment}/terminals", TerminalsHandler),)
