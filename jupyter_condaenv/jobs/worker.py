"""The process that performs one request. It writes events and the result, and ends by ``os._exit``."""

from __future__ import annotations

import faulthandler
import os
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import msgspec

from ..engine.errors import Cancelled, CondaEnvError, Failure, InvalidRequest, Refused, StorageError
from ..engine.model import (
    Adopted,
    AnyEvent,
    AnyRequest,
    AnyResult,
    Changed,
    CheckHealth,
    Clean,
    Cleaned,
    Environment,
    Examined,
    Health,
    KernelOptions,
    Message,
    Moved,
    Registered,
    RegisterKernel,
    Removed,
    Scanned,
    Settings,
    Step,
    Unneeded,
)
from . import files, processes
from .journal import EventWriter
from .records import Assignment, Outcome, now, without_secrets

Perform = Callable[[AnyRequest, Settings, Callable[[AnyEvent], None]], AnyResult]


def perform(request: AnyRequest, settings: Settings, emit: Callable[[AnyEvent], None]) -> AnyResult:
    """Do what ``request`` asks and bring the kernels into line with it. Raises CondaEnvError."""
    from ..engine import operations
    from ..kernels import specs

    if isinstance(request, RegisterKernel):
        return _registered(request, settings, emit)
    result = operations.perform(request, settings, emit)
    if isinstance(result, Changed | Adopted):
        environment = result.environment
        options = KernelOptions(display_name=getattr(request, "display_name", ""))
        kernels = _register(environment, options, settings, emit)
        return msgspec.structs.replace(result, environment=msgspec.structs.replace(environment, kernels=kernels))
    if isinstance(result, Moved):
        environment = result.environment
        kernels = _register(environment, specs.options(result.source, settings), settings, emit)
        specs.unregister(result.source, settings)
        return msgspec.structs.replace(result, environment=msgspec.structs.replace(environment, kernels=kernels))
    if isinstance(result, Scanned):
        return _offered(result, settings, emit)
    if isinstance(result, Examined):
        assert isinstance(request, CheckHealth)
        return Examined(health=_with_kernels(result.health, request, settings, emit))
    if isinstance(result, Cleaned):
        assert isinstance(request, Clean)
        return msgspec.structs.replace(result, items=(*result.items, *_old_jobs(request, settings)))
    if isinstance(result, Removed):
        return msgspec.structs.replace(result, kernels=specs.unregister(result.prefix, settings))
    return result


def _register(
    environment: Environment, options: KernelOptions, settings: Settings, emit: Callable[[AnyEvent], None]
) -> tuple[str, ...]:
    """The kernels of an environment that has just been changed: it has been, so what fails here is only told."""
    try:
        kernels = _written(environment, options, settings, emit)
        if not kernels:
            emit(Message(text=f"{environment.name} has no kernel: add ipykernel to it for one"))
    except StorageError as error:
        emit(Message(level="warning", text=f"{error.message} {error.hint}"))
        return ()
    return kernels


def _offered(found: Scanned, settings: Settings, emit: Callable[[AnyEvent], None]) -> Scanned:
    """``found``, with kernels for what others have made. Raises StorageError."""
    from ..kernels import offers, specs

    emit(Step(phase="register", text="Looking which kernels there are"))
    removed = (*specs.remove_orphans(settings), *offers.withdraw(found.environments, settings))
    written = offers.offer(found.environments, settings, emit) if settings.find_kernels else ()
    registered = specs.registered(settings)
    environments = (msgspec.structs.replace(one, kernels=registered.get(one.prefix, ())) for one in found.environments)
    return msgspec.structs.replace(found, environments=tuple(environments), kernels=written, removed=removed)


def _old_jobs(request: Clean, settings: Settings) -> Iterator[Unneeded]:
    """Jobs that ended long ago, which are deleted but for a preview."""
    from ..engine import storage
    from ..engine.trees import remove_tree
    from .store import Jobs

    if request.kinds and "jobs" not in request.kinds:
        return
    jobs = Jobs(settings)
    for folder in jobs.old():
        freed, what = storage.freed(folder), "a damaged one"
        with suppress(CondaEnvError):
            job = jobs.get(folder.name)
            what = f"{job.verb} {job.prefix}".rstrip()
        if not request.preview:
            try:
                remove_tree(folder)
            except OSError:
                continue
        yield Unneeded(kind="jobs", what=what, path=str(folder), bytes=freed)


def _with_kernels(health: Health, request: CheckHealth, settings: Settings, emit: Callable[[AnyEvent], None]) -> Health:
    """``health`` with what is to be said of the kernels; it is remembered. Raises StorageError."""
    from ..engine import environments
    from ..engine.health import remember
    from ..kernels import specs

    found = specs.examine(request.prefix, settings)
    left = found
    if found is not None and request.fix:
        _written(environments.describe(Path(request.prefix)), KernelOptions(), settings, emit)
        specs.remove_orphans(settings)
        left = specs.examine(request.prefix, settings)
    told = msgspec.structs.replace(
        health,
        findings=(*((left,) if left is not None else ()), *health.findings),
        fixed=(*health.fixed, *((found,) if found is not None and left is None else ())),
    )
    try:
        remember(told, settings)
    except OSError as error:
        emit(Message(level="warning", text=f"What was found cannot be kept: {error.strerror}"))
    return told


def _registered(request: RegisterKernel, settings: Settings, emit: Callable[[AnyEvent], None]) -> Registered:
    """Raises NotFound, StorageError, and Refused where nothing could be started."""
    from ..engine import environments

    prefix = Path(request.prefix)
    environments.check_exists(prefix)
    environment = environments.describe(prefix)
    kernels = _written(environment, request.options, settings, emit)
    if not kernels:
        raise Refused(
            f"{environment.name} has no kernel.", f"ipykernel makes one: jupyter condaenv add {prefix} ipykernel"
        )
    return Registered(environment=msgspec.structs.replace(environment, kernels=kernels))


def _written(
    environment: Environment, options: KernelOptions, settings: Settings, emit: Callable[[AnyEvent], None]
) -> tuple[str, ...]:
    """The kernels that the environment has from now on."""
    from ..engine import stack
    from ..kernels import specs

    emit(Step(phase="register", text=f"Looking which kernels {environment.name} has"))
    with suppress(StorageError):  # what others have left is no fault of this environment's
        specs.remove_orphans(settings)
    return specs.register(environment, settings, options, stack.levels(environment.prefix))


def main() -> None:
    """The last argument is the folder of the job; the assignment comes by standard input."""
    folder = Path(sys.argv[-1])
    processes.die_with_supervisor()
    faulthandler.enable()
    outcome = _outcome(folder, _standard_input())
    try:
        _write(folder, outcome)
    except OSError as error:
        _write(folder, _unwritten(outcome, error))
    sys.stdout.flush()
    sys.stderr.flush()
    # py-rattler crashes in the interpreter's own way out (PyO3/pyo3-async-runtimes#40).
    os._exit(0)


def _standard_input() -> bytes:
    """All of it; whoever reads it afterwards, a link script for instance, finds it empty."""
    with open(os.dup(0), "rb") as pipe:
        data = pipe.read()
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return data


def _outcome(folder: Path, assignment: bytes) -> Outcome:
    try:
        result = _perform(folder, assignment)
    except Cancelled as error:
        return Outcome(state="cancelled", time=now(), failure=error.failure())
    except CondaEnvError as error:
        return Outcome(state="failed", time=now(), failure=error.failure())
    except BaseException as error:  # a panic in Rust is no Exception
        return Outcome(state="failed", time=now(), failure=_unexpected(error))
    return Outcome(state="succeeded", time=now(), result=result)


def _perform(folder: Path, assignment: bytes) -> AnyResult:
    try:
        told = msgspec.json.decode(assignment, type=Assignment)
    except msgspec.MsgspecError as error:
        raise InvalidRequest(
            f"The worker does not understand the request: {error}.",
            "jupyter_condaenv may have been upgraded while this server ran: restart the server and try again.",
        ) from error
    try:
        events = EventWriter(folder / files.EVENTS)
    except OSError as error:
        raise StorageError(f"The events of the job cannot be written: {error.strerror}.") from error
    try:
        return _function(told.perform)(told.request, told.settings, events.emit)
    finally:
        events.close()


def _function(target: str) -> Perform:
    """The function that ``module:name`` stands for."""
    module, _, name = target.partition(":")
    function: Perform = getattr(import_module(module), name)
    return function


def _unexpected(error: BaseException) -> Failure:
    traceback.print_exc()
    return Failure(
        "internal",
        f"Something unforeseen happened: {traceback.format_exception_only(type(error), error)[-1].strip()}",
        "This is a fault in jupyter_condaenv or in what it uses. The job's worker.log says where; please report it.",
        {"exception": type(error).__name__},
    )


def _unwritten(outcome: Outcome, error: OSError) -> Outcome:
    failure = StorageError(
        f"The job ended as {outcome.state}, but how cannot be written down: {error.strerror}.",
        "Free some space, or raise the quota, where Jupyter keeps its data; then look at the environment.",
    )
    return Outcome(state="failed", time=now(), failure=failure.failure())


def _write(folder: Path, outcome: Outcome) -> None:
    files.drop_ballast(folder)
    files.write_atomically(folder / files.RESULT, msgspec.json.encode(without_secrets(outcome)))
