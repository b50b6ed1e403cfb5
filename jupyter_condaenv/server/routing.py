"""Which address leads to which handler, and what each verb takes and answers.

An operation is declared once, by a decorator on its verb; decoding, answering and the OpenAPI document all follow from
that declaration, so they cannot say different things.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import Struct

from ..engine.errors import CondaEnvError

if TYPE_CHECKING:
    from .handlers.base import Handler

ROOT = "condaenv"
"""Below the server's base URL."""
VERBS = ("get", "post", "put", "patch", "delete", "head", "options")
_PARAMETER = re.compile(r"\{(\w+)\}")


class Route(NamedTuple):
    path: str
    """Below ``ROOT``; ``{name}`` stands for one segment, which may hold slashes as ``%2F``."""
    handler: type[Handler]

    @property
    def parameters(self) -> list[str]:
        return _PARAMETER.findall(self.path)

    @property
    def operations(self) -> dict[str, Operation]:
        """The operation of each verb that the handler knows."""
        verbs = {verb: getattr(getattr(self.handler, verb), "operation", None) for verb in VERBS}
        return {verb: operation for verb, operation in verbs.items() if operation is not None}


def pattern(path: str) -> str:
    """The regular expression that Tornado matches with an address: before it decodes it, so ``%2F`` is no slash.

    >>> pattern("environments/{environment}/lock")
    'environments/([^/]+)/lock'
    """
    return _PARAMETER.sub("([^/]+)", path)


class Operation(NamedTuple):
    """What a verb takes and answers, as types."""

    summary: str
    answer: Any
    body: Any = None
    query: type[Struct] | None = None
    status: int = 200


Verb = Callable[..., Awaitable[Any]]


def operation(
    *, answer: Any, body: Any = None, query: type[Struct] | None = None, status: int = 200
) -> Callable[[Verb], Verb]:
    """Makes a verb of a method that takes the segments of the path and the decoded body or query, and returns the
    answer. Its docstring is the summary in the OpenAPI document."""

    def decorate(method: Verb) -> Verb:
        @functools.wraps(method)
        async def verb(self: Handler, *segments: str) -> None:
            self.check_admitted()
            try:
                given = [self.decoded_body(body)] if body is not None else []
                given += [self.decoded_query(query)] if query is not None else []
                self.answer(await method(self, *segments, *given), status)
            except CondaEnvError as error:
                self.refuse(error.failure())

        declared = Operation(" ".join((method.__doc__ or "").split()), answer, body, query, status)
        verb.operation = declared  # type: ignore[attr-defined]
        return verb

    return decorate
