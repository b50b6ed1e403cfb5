"""Errors on the wire: the one place where what went wrong becomes a status and a ``Failure``."""

from __future__ import annotations

from ..engine.channels import redact
from ..engine.errors import Failure
from ..jobs.records import without_secrets

_STATUS = {
    "invalid_request": 400,
    "not_found": 404,
    "already_exists": 409,
    "outdated": 409,
    "busy": 409,
    "refused": 409,
    "read_only": 409,
    "cancelled": 409,
    "broken": 409,
    "unsatisfiable": 422,
    "build_failed": 422,
    "channel_error": 502,
    "tampered": 502,
    "worker_died": 503,
    "storage_error": 507,
}
"""Of the codes in ``engine.errors``. ``broken`` is a state of the environment that the person can mend."""
_REFUSED_BY_SERVER = {
    400: ("invalid_request", "The request is malformed."),
    403: ("forbidden", "You may not do this, or are not logged in."),
    404: ("not_found", "There is nothing at this address."),
    405: ("method_not_allowed", "This address does not know that verb."),
    413: ("too_large", "The body of the request is too large."),
    415: ("unsupported_media_type", "The body of the request must be JSON."),
}
"""What the server itself answers, before or instead of the engine."""

_HINTS = {
    413: "What lists packages is much smaller. Clear the outputs of a notebook, save it, and send that.",
    415: "Send it with the header Content-Type: application/json.",
}


def status_of(failure: Failure) -> int:
    """500 for what nobody foresaw."""
    return _STATUS.get(failure.code, 500)


def failure_of(status: int, message: str = "") -> Failure:
    """What is told of the HTTP error ``status``; ``message`` says more than the status does."""
    if status in _REFUSED_BY_SERVER:
        code, usual = _REFUSED_BY_SERVER[status]
        return Failure(code, redact(message) or usual, _HINTS.get(status, ""))
    if status < 500:
        return Failure("invalid_request", redact(message) or "The request was refused.")
    return Failure("internal", "Something unforeseen happened in the server.", "The server's log says what.")


def shown(failure: Failure) -> Failure:
    """``failure`` without tokens and passwords."""
    return without_secrets(failure)
