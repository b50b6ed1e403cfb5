"""What all handlers have in common: who may ask, how a body comes in, and how an answer goes out."""

from __future__ import annotations

import re
from contextlib import suppress
from email.message import Message
from typing import Any, TypeVar
from urllib.parse import quote, unquote

import msgspec
from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado import web

from ...engine.channels import redact
from ...engine.errors import Failure
from .. import decoding, failures
from ..answers import JobSummary
from ..routing import ROOT, VERBS
from ..service import SERVICE, Service

MOST_BYTES = 8 * 1024 * 1024
"""Of a body: a lock of thousands of packages fits into it."""
_JSON = "application/json"

_OF_JUPYTER = re.compile(r"token|_xsrf|no_track_activity|\d+")
"""What may stand in any query: who asks, and a time, by which JupyterLab keeps answers from being cached."""

T = TypeVar("T", bound=msgspec.Struct)


@web.stream_request_body
class Handler(APIHandler):
    """A resource. Each of its verbs is ``@authenticated``, ``@authorized`` and declared by ``@operation``."""

    auth_resource = "condaenv"

    @property
    def service(self) -> Service:
        service: Service = self.settings[SERVICE]
        return service

    async def prepare(self) -> None:  # type: ignore[override]
        self._body = bytearray()
        self._too_large = int(self.request.headers.get("Content-Length") or 0) > MOST_BYTES
        self._refusal: web.HTTPError | None = None
        try:
            await super().prepare()
        except web.HTTPError as error:
            # Nothing is answered before the body has come: the connection would end within it, which a hub's proxy
            # takes for a server that is away.
            self._refusal = error

    def check_admitted(self) -> None:
        """Raises what Jupyter refuses this request with, if it does."""
        if self._refusal is not None:
            raise self._refusal

    def data_received(self, chunk: bytes) -> None:
        """Bodies come in pieces, so that one that is too large, or sent by a stranger, never lies in memory."""
        self._too_large = self._too_large or len(self._body) + len(chunk) > MOST_BYTES
        if self._too_large or not self.current_user:
            self._body.clear()
        else:
            self._body += chunk

    def decoded_body(self, kind: Any) -> Any:
        if self._too_large:
            raise web.HTTPError(413, f"The body is larger than {MOST_BYTES} bytes.")
        header = Message()
        header["Content-Type"] = self.request.headers.get("Content-Type", "")
        if header.get_content_type() != _JSON or header.get_content_charset("utf-8") not in ("utf-8", "utf8"):
            raise web.HTTPError(415, f"The body must be {_JSON} in UTF-8.")
        return decoding.from_json(bytes(self._body), kind)

    def decoded_query(self, kind: type[T]) -> T:
        names = [name for name in self.request.query_arguments if not _OF_JUPYTER.fullmatch(name)]
        texts = {name: self.get_query_arguments(name, strip=False) for name in names}
        return decoding.from_texts(texts, kind)

    def answer(self, answer: Any, status: int) -> None:
        if status == 202 and isinstance(answer, JobSummary):
            self.set_header("Location", url_path_join(self.base_url, ROOT, "jobs", answer.id))
        self._finish(answer, status)

    def refuse(self, failure: Failure) -> None:
        self._finish(failures.shown(failure), failures.status_of(failure))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """What Jupyter and Tornado refuse, and what nobody foresaw, in the form of our own errors."""
        error = kwargs.get("exc_info", (None, None))[1]
        if status_code == 405:
            self.set_header("Allow", ", ".join(verb.upper() for verb in VERBS if self._knows(verb)))
        told = error.log_message % error.args if isinstance(error, web.HTTPError) and error.log_message else ""
        self._finish(failures.failure_of(status_code, told), status_code)

    def update_api_activity(self) -> None:
        # It looks into the query while an answer is finished, where one that is not UTF-8 would leave no answer at all.
        with suppress(web.HTTPError):
            super().update_api_activity()

    def _knows(self, verb: str) -> bool:
        return verb == "options" or hasattr(getattr(self, verb), "operation")

    def _finish(self, answer: Any, status: int) -> None:
        self.set_status(status)
        self.set_header("Cache-Control", "no-store")
        self.request.uri = _without_secrets(self.request.uri or "")  # Jupyter logs it
        self.finish(msgspec.json.encode(answer))


def _without_secrets(address: str) -> str:
    path, mark, query = address.partition("?")
    texts = [*re.split("(/)", path), mark, *re.split("([&=])", query)]
    return "".join(map(_plain, texts))


def _plain(text: str) -> str:
    decoded = unquote(text)
    plain = redact(decoded)
    return text if plain == decoded else quote(plain, safe="")


class Nowhere(Handler):
    """Whatever else lies below our root."""

    @web.authenticated
    async def _miss(self) -> None:
        self.check_admitted()
        raise web.HTTPError(404)

    get = post = put = patch = delete = head = options = _miss  # type: ignore[assignment]
