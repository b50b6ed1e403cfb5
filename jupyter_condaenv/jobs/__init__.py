"""Jobs: operations that run in processes of their own and are remembered in folders.

``Jobs(settings).start(request)`` starts one and returns its ``Job``. Everything that is known of a job is in its folder
(decision 4 of the design), so any process of the same user, on any host that shares the home, can read, follow and
cancel it. Three processes take part:

* the *starter*, any face: writes the folder, launches the supervisor and may then die (``launch``);
* the *supervisor*, detached and light: starts the worker, beats the heart, obeys ``cancel``, ends a worker that stalls
  and says why one died (``supervisor``; it imports the standard library only);
* the *worker*: performs the request and writes events and the result (``worker``).
"""

from __future__ import annotations

TYPE_CHECKING = False  # the supervisor passes through here, and importing typing takes as long as all it needs
if TYPE_CHECKING:
    from .job import Job as Job
    from .records import NumberedEvent as NumberedEvent
    from .records import Outcome as Outcome
    from .records import State as State
    from .store import Jobs as Jobs

_HOME = {"Job": "job", "Jobs": "store", "NumberedEvent": "records", "Outcome": "records", "State": "records"}


def __getattr__(name: str) -> object:
    # Readers import what the supervisor must not wait for.
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
