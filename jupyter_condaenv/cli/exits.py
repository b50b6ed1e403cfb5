"""What the exit codes mean. Programs may rely on them; the README shows the same table."""

from __future__ import annotations

from enum import IntEnum

from ..engine.errors import Failure


class Exit(IntEnum):
    OK = 0
    INTERNAL = 1
    """A fault of ours."""
    USAGE = 2
    """The command or the request cannot mean anything."""
    NOT_FOUND = 3
    """No such environment, package, job or file."""
    UNSATISFIABLE = 4
    """No set of packages fulfils the request."""
    REFUSED = 5
    """It was not done because it would break something, the place is taken, or the environment has changed."""
    CHANNEL = 6
    """A channel or a download failed, also one that ``channel check`` looked at; or an archive is not what was
    promised."""
    STORAGE = 7
    """The file system failed: full, quota, permission."""
    BROKEN = 8
    """An environment or a lock on disk is damaged; ``doctor`` found damage that is still there."""
    WORKER_DIED = 9
    """The worker ended without a result."""
    BUILD_FAILED = 10
    """A package could not be built, or did not pass its tests."""
    CANNOT_EXECUTE = 126
    """``run``: the command is there and cannot be executed."""
    COMMAND_NOT_FOUND = 127
    """``run``: the environment has no such command."""
    CANCELLED = 130
    """Somebody asked for it to stop."""
    BROKEN_PIPE = 141
    """Whoever read the output has gone."""


_OF_CODE = {
    "invalid_request": Exit.USAGE,
    "not_found": Exit.NOT_FOUND,
    "already_exists": Exit.REFUSED,
    "unsatisfiable": Exit.UNSATISFIABLE,
    "build_failed": Exit.BUILD_FAILED,
    "outdated": Exit.REFUSED,
    "busy": Exit.REFUSED,
    "refused": Exit.REFUSED,
    "read_only": Exit.REFUSED,
    "channel_error": Exit.CHANNEL,
    "tampered": Exit.CHANNEL,
    "storage_error": Exit.STORAGE,
    "broken": Exit.BROKEN,
    "cancelled": Exit.CANCELLED,
    "worker_died": Exit.WORKER_DIED,
}


def exit_code(failure: Failure) -> Exit:
    """The exit code for ``failure``; INTERNAL for a code that nobody declared."""
    return _OF_CODE.get(failure.code, Exit.INTERNAL)
