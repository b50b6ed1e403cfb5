"""Commands that make, change and delete environments."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

import msgspec

from ...engine import deferred, environments, paths
from ...engine.errors import CondaEnvError, InvalidRequest, NotFound
from ...engine.model import (
    Adopt,
    Annotate,
    ApplyDeferred,
    ApplyPlan,
    Clone,
    DropDeferred,
    Environment,
    Explain,
    Explainable,
    KernelOptions,
    Move,
    Pack,
    Planned,
    PlanRequest,
    RegisterKernel,
    RemoveEnvironment,
    Rollback,
    Unpack,
    WhyNot,
)
from ...jobs import Jobs
from .. import plans, text
from ..follow import follow
from ..output import Output
from .common import ask, configured, perform, somebody, write
from .requests import REQUESTS, from_root, lock_request, new_prefix, read_plan, when_of


def change(arguments: Namespace, output: Output) -> None:
    """``create``, ``stack``, ``add``, ``update``, ``remove``, ``change``, ``rollback``."""
    settings = configured()
    perform(REQUESTS[arguments.verb](arguments, settings), settings, arguments, output)


def plan(arguments: Namespace, output: Output) -> None:
    """What they would do."""
    settings = configured()
    request = REQUESTS[arguments.verb](arguments, settings)
    job = Jobs(settings).start(PlanRequest(prefix=request.prefix, request=request))
    output.job(job)
    result = follow(job, output)
    assert isinstance(result, Planned)
    if arguments.output:
        write(Path(arguments.output), msgspec.json.encode(result.plan))
    output.result(result)


def explain(arguments: Namespace, output: Output) -> None:
    """Why they fail, and what could be done."""
    settings = configured()
    request: Explainable | Rollback
    request = (lock_request if arguments.verb == "lock" else REQUESTS[arguments.verb])(arguments, settings)
    if isinstance(request, Rollback):
        raise InvalidRequest("Going back needs no solve, so there is nothing to explain.")
    asked = Explain(prefix=request.prefix, request=request, seconds=arguments.seconds)
    job = Jobs(settings).start(asked)
    output.job(job)
    output.result(follow(job, output))


def why_not(arguments: Namespace, output: Output) -> None:
    settings = configured()
    prefix = environments.find(arguments.environment, settings).prefix
    (spec,) = from_root([arguments.spec])
    job = Jobs(settings).start(WhyNot(prefix=prefix, spec=spec, seconds=arguments.seconds))
    output.job(job)
    output.result(follow(job, output))


def apply(arguments: Namespace, output: Output) -> None:
    shown = read_plan(arguments.plan)
    perform(ApplyPlan(prefix=shown.prefix, plan=shown, when=when_of(arguments)), configured(), arguments, output)


def apply_deferred(arguments: Namespace, output: Output) -> None:
    if arguments.in_a_line:
        _apply_in_a_line(arguments, output)
        return
    settings = configured()
    environment = environments.find(arguments.environment, settings)
    perform(ApplyDeferred(prefix=environment.prefix), settings, arguments, output)


def _apply_in_a_line(arguments: Namespace, output: Output) -> None:
    if arguments.detach or output.json:
        raise InvalidRequest("--in-a-line goes with neither --detach nor --json.", "Leave one of them out.")
    try:
        settings = configured()
        environment = environments.find(arguments.environment, settings)
        job = Jobs(settings).start(ApplyDeferred(prefix=environment.prefix))
        output.job(job)
        print(text.harmless(plans.in_a_line(follow(job, output))))
    except NotFound:
        raise  # another kernel that started has done it
    except CondaEnvError as error:
        print(text.harmless(f"What waited could not be done. {error.message} {text.hint(error.failure())}"))
        raise


def drop_deferred(arguments: Namespace, output: Output) -> None:
    settings = configured()
    environment = environments.find(arguments.environment, settings)
    perform(DropDeferred(prefix=environment.prefix), settings, arguments, output)


def kernel(arguments: Namespace, output: Output) -> None:
    settings = configured()
    environment = environments.find(arguments.environment, settings)
    chosen = arguments.inherit
    options = KernelOptions(
        display_name=arguments.display_name,
        library_path=arguments.library_path,
        always_run=arguments.always_run,
        inherit=None if chosen is None else tuple(name for name in chosen if name != "nothing"),
    )
    perform(RegisterKernel(prefix=environment.prefix, options=options), settings, arguments, output)


def delete(arguments: Namespace, output: Output) -> None:
    settings = configured()
    environment = environments.find(arguments.environment, settings)
    if not arguments.yes:
        _confirm(environment, output)
    perform(RemoveEnvironment(prefix=environment.prefix), settings, arguments, output)


def clone(arguments: Namespace, output: Output) -> None:
    settings = configured()
    request = Clone(
        prefix=new_prefix(arguments.environment, settings),
        source=environments.find(arguments.source, settings).prefix,
        display_name=arguments.display_name,
    )
    perform(request, settings, arguments, output)


def move(arguments: Namespace, output: Output) -> None:
    settings = configured()
    source = environments.find(arguments.environment, settings).prefix
    perform(Move(prefix=new_prefix(arguments.target, settings), source=source), settings, arguments, output)


def adopt(arguments: Namespace, output: Output) -> None:
    settings = configured()
    prefix = environments.find(arguments.environment, settings).prefix
    perform(Adopt(prefix=prefix, display_name=arguments.display_name), settings, arguments, output)


def pack(arguments: Namespace, output: Output) -> None:
    settings = configured()
    prefix = environments.find(arguments.environment, settings).prefix
    request = Pack(prefix=prefix, output=paths.absolute(arguments.output), force=arguments.force)
    perform(request, settings, arguments, output)


def unpack(arguments: Namespace, output: Output) -> None:
    settings = configured()
    request = Unpack(
        prefix=new_prefix(arguments.environment, settings),
        archive=paths.absolute(arguments.archive),
        display_name=arguments.display_name,
    )
    perform(request, settings, arguments, output)


def annotate(arguments: Namespace, output: Output) -> None:
    """``protect``, ``unprotect``, ``freeze``, ``unfreeze``, ``tag``, ``untag``, ``note``."""
    settings = configured()
    prefix = environments.find(arguments.environment, settings).prefix
    said: dict[str, dict[str, Any]] = {
        "protect": {"protected": True},
        "unprotect": {"protected": False},
        "freeze": {"frozen": True, "message": getattr(arguments, "message", "")},
        "unfreeze": {"frozen": False},
        "tag": {"tag": tuple(getattr(arguments, "tags", ()))},
        "untag": {"untag": tuple(getattr(arguments, "tags", ()))},
        "note": {"note": getattr(arguments, "text", None)},
    }
    perform(Annotate(prefix=prefix, **said[arguments.verb]), settings, arguments, output)


def _confirm(environment: Environment, output: Output) -> None:
    """Ask a person. Raises Cancelled where they do not want it, InvalidRequest where nobody can be asked."""
    if output.json or not somebody():
        raise InvalidRequest(
            f"Deleting {environment.prefix} cannot be undone, and there is nobody to ask.", "To go ahead: --yes"
        )
    kernels = len(deferred.living_kernels(Path(environment.prefix)))
    under = f", under {text.count(kernels, 'running kernel')}" if kernels else ""
    question = f"Delete {environment.prefix} with its {text.count(environment.packages, 'package')}{under}? [y/N] "
    ask(question, "Nothing was deleted.")
