"""``files``: what a file would be taken for, before anything is made of it."""

from __future__ import annotations

from jupyter_server.auth.decorator import authorized
from tornado import web

from ...engine import specfiles
from ...engine.channels import redact
from ...engine.model import Settings, Strategy
from .. import answers
from ..requests.fields import GivenFile
from ..routing import Route, operation
from .base import Handler


class FilesHandler(Handler):
    @web.authenticated
    @authorized
    @operation(body=GivenFile, answer=answers.ReadFile)
    async def post(self, body: GivenFile) -> answers.ReadFile:
        """Read a file from which an environment could be made; nothing is kept of it."""
        return await self.service.read(lambda settings: _read(body, settings))


def _read(file: GivenFile, settings: Settings) -> answers.ReadFile:
    found = specfiles.read(file.name, file.text, environment=file.environment)
    _, of_strategy = specfiles.chosen(found, file.name, Strategy(), settings.exclude_newer)
    asked = found.lock.packages if found.lock is not None else found.specs
    return answers.ReadFile(
        format=found.format,
        name=found.name,
        channels=tuple(redact(channel) for channel in found.channels),
        packages=len(asked) if found.foreign_lock is None else None,
        pip=len(found.pip),
        environments=found.environments,
        notes=tuple(redact(note) for note in (*found.warnings, *of_strategy)),
    )


ROUTES = (Route("files", FilesHandler),)
