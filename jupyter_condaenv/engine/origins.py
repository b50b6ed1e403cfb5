"""Where in a file stands what an error is about: files are read before anybody has asked a channel or the solver.

What only an error needs is imported when there is one: every operation begins here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from .errors import CondaEnvError, InvalidRequest
from .model import (
    ChangePackages,
    CreateEnvironment,
    EngineRequest,
    Explain,
    LockPlatforms,
    Origin,
    PlanRequest,
    Settings,
)


@contextmanager
def told(request: EngineRequest, settings: Settings) -> Iterator[None]:
    """Raises what is raised inside with file and line before it, where ``request`` was made of a file that asks for
    what the error names by the details ``spec``, ``missing`` (a package), ``channel`` or ``channels``."""
    try:
        yield
    except CondaEnvError as error:
        asked = request.request if isinstance(request, PlanRequest | Explain) else request
        origin = asked.origin if isinstance(asked, CreateEnvironment | ChangePackages | LockPlatforms) else None
        line = _line(origin, error.details, settings) if origin is not None else 0
        if origin is None or not line:
            raise
        details = {**error.details, "file": origin.file, "line": line}
        raise type(error)(f"{origin.file}, line {line}: {error.message}", error.hint, **details) from error


def _line(origin: Origin, details: Mapping[str, object], settings: Settings) -> int:
    spec = details.get("spec")
    if isinstance(spec, str):
        return origin.specs.get(spec, 0)
    if "missing" in details:
        from .rattler.matchspec import spec_name

        return next((line for spec, line in origin.specs.items() if spec_name(spec) == details["missing"]), 0)
    channels = details.get("channels", [details.get("channel")])
    if not isinstance(channels, list) or len(channels) != 1:
        return 0
    # A channel is searched, too, where only a request names it, as in conda-forge::numpy.
    of_specs = {spec.partition("::")[0]: line for spec, line in origin.specs.items() if "::" in spec}
    named = {**of_specs, **origin.channels}
    return next((line for name, line in named.items() if channels[0] in _urls(name, settings)), 0)


def _urls(channel: str, settings: Settings) -> tuple[str, ...]:
    from . import channel_list, condarc

    own = condarc.read()
    with suppress(InvalidRequest):
        return tuple(channel_list.url_of(name, settings, own) for name in own.members(channel))
    return ()
