"""Every error a person can meet.

Each class has a stable ``code`` (what programs test for), a sentence that says what happened, and, where there is
something to do, a ``hint`` that says what. Faces render them; nothing else is shown to a person.

CondaEnvError
 ├─ InvalidRequest        the request cannot mean anything: a bad name, spec, path or file
 ├─ NotFound              no such environment, package, job or lock
 ├─ AlreadyExists         the place is taken
 ├─ Unsatisfiable         no set of packages fulfils the request
 ├─ BuildFailed           a recipe was understood, and its packages could not be built or did not pass their tests
 ├─ Outdated              the environment has changed since the plan was made
 ├─ Busy                  another operation holds the environment and waiting was not wanted
 ├─ Refused               it could be done, but would break something; the hint says how else
 │   └─ ReadOnly          the prefix cannot be written
 ├─ ChannelError          a channel or a download failed
 │   └─ Tampered          an archive is not what its record promises
 ├─ StorageError          the file system failed: full, quota, permission
 ├─ Broken                an environment or lock on disk is damaged
 ├─ Cancelled             somebody asked for the job to stop
 └─ WorkerDied            the worker ended without a result: killed, out of memory, crashed
"""

from __future__ import annotations

from typing import Any, ClassVar

from msgspec import Struct, field


class Failure(Struct, frozen=True, omit_defaults=True):
    """An error as it is written down: in a job's result, on the wire, behind ``--json``."""

    code: str
    message: str
    hint: str = ""
    details: dict[str, Any] = field(default_factory=dict)


class CondaEnvError(Exception):
    """The root of the tree. ``details`` holds JSON-able facts for programs."""

    code: ClassVar[str] = "internal"
    """The root itself stands for what nobody foresaw."""

    def __init__(self, message: str, hint: str = "", /, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details

    def failure(self) -> Failure:
        return Failure(self.code, self.message, self.hint, self.details)


class InvalidRequest(CondaEnvError):
    code = "invalid_request"


class NotFound(CondaEnvError):
    code = "not_found"


class AlreadyExists(CondaEnvError):
    code = "already_exists"


class Unsatisfiable(CondaEnvError):
    code = "unsatisfiable"


class BuildFailed(CondaEnvError):
    code = "build_failed"


class Outdated(CondaEnvError):
    code = "outdated"


class Busy(CondaEnvError):
    code = "busy"


class Refused(CondaEnvError):
    code = "refused"


class ReadOnly(Refused):
    code = "read_only"


class ChannelError(CondaEnvError):
    code = "channel_error"


class Tampered(ChannelError):
    code = "tampered"


class StorageError(CondaEnvError):
    code = "storage_error"


class Broken(CondaEnvError):
    code = "broken"


class Cancelled(CondaEnvError):
    code = "cancelled"


class WorkerDied(CondaEnvError):
    code = "worker_died"


def error_from(failure: Failure) -> CondaEnvError:
    """The exception that ``failure`` was written from, so that a face can raise what a worker met."""
    return _BY_CODE.get(failure.code, CondaEnvError)(failure.message, failure.hint, **failure.details)


def _tree(root: type[CondaEnvError]) -> dict[str, type[CondaEnvError]]:
    found = {root.code: root}
    for child in root.__subclasses__():
        found |= _tree(child)
    return found


_BY_CODE = _tree(CondaEnvError)
