"""What each command does: make a request of its arguments, start the job, show what comes of it.

The name of each function stands in ``arguments.COMMANDS``.
"""

from __future__ import annotations

import getpass
import os
import shlex
import signal
import sys
from argparse import Namespace
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
from jupyter_core.paths import jupyter_config_dir

from .. import config
from ..engine import deferred, environments
from ..engine.errors import (
    AlreadyExists,
    Broken,
    Cancelled,
    ChannelError,
    InvalidRequest,
    NotFound,
    Refused,
    StorageError,
)
from ..engine.model import (
    Adopt,
    Annotate,
    AnyRequest,
    ApplyDeferred,
    ApplyPlan,
    ChangePackages,
    CheckChannels,
    CheckHealth,
    Clean,
    Cleaned,
    Clone,
    CreateEnvironment,
    Environment,
    Examined,
    Explain,
    IndexChannels,
    KernelOptions,
    Login,
    MeasureStorage,
    Move,
    Pack,
    Plan,
    Planned,
    PlanRequest,
    RegisterKernel,
    RemoveEnvironment,
    Result,
    Rollback,
    Settings,
    StackEnvironment,
    Strategy,
    Unpack,
    When,
    WhyNot,
)
from ..jobs import Job, Jobs, Outcome
from . import answers, shells, text
from .arguments import PROGRAM
from .exits import Exit
from .follow import follow
from .output import Output

CANCEL_TAKES = 10.0
"""Seconds that `jobs cancel` waits for the job to have ended."""


def _settings() -> Settings:
    return config.load().settings()


# --- making and changing ---------------------------------------------------------------------------------------------


def change(arguments: Namespace, output: Output) -> None:
    """``create``, ``stack``, ``add``, ``update``, ``remove``, ``change``, ``rollback``."""
    settings = _settings()
    _perform(_REQUESTS[arguments.verb](arguments, settings), settings, arguments, output)


def plan(arguments: Namespace, output: Output) -> None:
    """What they would do."""
    settings = _settings()
    request = _REQUESTS[arguments.verb](arguments, settings)
    job = Jobs(settings).start(PlanRequest(prefix=request.prefix, request=request))
    output.job(job)
    result = follow(job, output)
    assert isinstance(result, Planned)
    if arguments.output:
        _write(Path(arguments.output), msgspec.json.encode(result.plan))
    output.result(result)


def explain(arguments: Namespace, output: Output) -> None:
    """Why they fail, and what could be done."""
    settings = _settings()
    request = _REQUESTS[arguments.verb](arguments, settings)
    if isinstance(request, Rollback):
        raise InvalidRequest("Going back needs no solve, so there is nothing to explain.")
    asked = Explain(prefix=request.prefix, request=request, seconds=arguments.seconds)
    job = Jobs(settings).start(asked)
    output.job(job)
    output.result(follow(job, output))


def why_not(arguments: Namespace, output: Output) -> None:
    settings = _settings()
    prefix = environments.find(arguments.environment, settings).prefix
    job = Jobs(settings).start(WhyNot(prefix=prefix, spec=arguments.spec, seconds=arguments.seconds))
    output.job(job)
    output.result(follow(job, output))


def apply(arguments: Namespace, output: Output) -> None:
    shown = _read_plan(Path(arguments.plan))
    _perform(ApplyPlan(prefix=shown.prefix, plan=shown, when=_when(arguments)), _settings(), arguments, output)


def apply_deferred(arguments: Namespace, output: Output) -> None:
    settings = _settings()
    environment = environments.find(arguments.environment, settings)
    _perform(ApplyDeferred(prefix=environment.prefix), settings, arguments, output)


def kernel(arguments: Namespace, output: Output) -> None:
    settings = _settings()
    environment = environments.find(arguments.environment, settings)
    options = KernelOptions(
        display_name=arguments.display_name, library_path=arguments.library_path, always_run=arguments.always_run
    )
    _perform(RegisterKernel(prefix=environment.prefix, options=options), settings, arguments, output)


def delete(arguments: Namespace, output: Output) -> None:
    settings = _settings()
    environment = environments.find(arguments.environment, settings)
    if not arguments.yes:
        _confirm(environment, output)
    _perform(RemoveEnvironment(prefix=environment.prefix), settings, arguments, output)


def clone(arguments: Namespace, output: Output) -> None:
    settings = _settings()
    request = Clone(
        prefix=_new_prefix(arguments.environment, settings),
        source=environments.find(arguments.source, settings).prefix,
        display_name=arguments.display_name,
    )
    _perform(request, settings, arguments, output)


def move(arguments: Namespace, output: Output) -> None:
    settings = _settings()
    source = environments.find(arguments.environment, settings).prefix
    _perform(Move(prefix=_new_prefix(arguments.target, settings), source=source), settings, arguments, output)


def adopt(arguments: Namespace, output: Output) -> None:
    settings = _settings()
    prefix = environments.find(arguments.environment, settings).prefix
    _perform(Adopt(prefix=prefix, display_name=arguments.display_name), settings, arguments, output)


def pack(arguments: Namespace, output: Output) -> None:
    settings = _settings()
    prefix = environments.find(arguments.environment, settings).prefix
    request = Pack(prefix=prefix, output=config.absolute(arguments.output), force=arguments.force)
    _perform(request, settings, arguments, output)


def unpack(arguments: Namespace, output: Output) -> None:
    settings = _settings()
    request = Unpack(
        prefix=_new_prefix(arguments.environment, settings),
        archive=config.absolute(arguments.archive),
        display_name=arguments.display_name,
    )
    _perform(request, settings, arguments, output)


def annotate(arguments: Namespace, output: Output) -> None:
    """``protect``, ``unprotect``, ``freeze``, ``unfreeze``, ``tag``, ``untag``, ``note``."""
    settings = _settings()
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
    _perform(Annotate(prefix=prefix, **said[arguments.verb]), settings, arguments, output)


def storage(arguments: Namespace, output: Output) -> None:
    _perform(MeasureStorage(), _settings(), arguments, output)


def clean(arguments: Namespace, output: Output) -> None:
    """Shows what it would delete before it asks."""
    settings = _settings()
    kinds = tuple(dict.fromkeys(arguments.kinds))
    if arguments.preview or not arguments.yes:
        _check_somebody_is_there(arguments, output)
        result = _perform(Clean(kinds=kinds, preview=True), settings, arguments, output)
        if arguments.preview or not (isinstance(result, Cleaned) and result.items):
            return
        _ask("Delete this? [y/N] ", "Nothing was deleted.")
    _perform(Clean(kinds=kinds), settings, arguments, output)


def _check_somebody_is_there(arguments: Namespace, output: Output) -> None:
    if not arguments.preview and (output.json or arguments.detach or not _somebody()):
        raise InvalidRequest("There is nobody to ask whether to delete it.", "To go ahead: --yes; to look: --preview")


def doctor(arguments: Namespace, output: Output) -> int:
    """Ends with ``BROKEN`` where something is damaged in the end."""
    settings = _settings()
    environment = environments.find(arguments.environment, settings)
    result = _perform(CheckHealth(prefix=environment.prefix, fix=arguments.fix), settings, arguments, output)
    damaged = isinstance(result, Examined) and any(one.severity == "damage" for one in result.health.findings)
    return Exit.BROKEN if damaged else Exit.OK


def _create_request(arguments: Namespace, settings: Settings) -> CreateEnvironment:
    if arguments.file:
        return _create_of_file(arguments, settings)
    if not arguments.environment:
        raise InvalidRequest("ENV is missing: what is it to be called?", "For instance: create geo python ipykernel")
    if arguments.without_pip:
        raise InvalidRequest("--without-pip goes with --file.", "Leave it out.")
    lock = None
    if arguments.lock:
        if arguments.specs or arguments.channels or _strategy(arguments) != Strategy():
            raise InvalidRequest(
                "A lock says exactly which packages from where: SPEC, --channel and the like cannot go with --lock.",
                "Create it from the lock, then `add` to it.",
            )
        from ..engine import lockfiles

        lock = lockfiles.read(_existing(Path(arguments.lock), "lock"))
    elif not arguments.specs:
        raise InvalidRequest(
            "Nothing was asked for.", f"For a Python kernel: create {arguments.environment} python ipykernel"
        )
    return CreateEnvironment(
        prefix=_new_prefix(arguments.environment, settings),
        specs=tuple(arguments.specs),
        channels=_channels(arguments.channels),
        lock=lock,
        strategy=_strategy(arguments),
        display_name=getattr(arguments, "display_name", ""),
    )


def _create_of_file(arguments: Namespace, settings: Settings) -> CreateEnvironment:
    if arguments.specs or arguments.lock:
        raise InvalidRequest(
            "A file says what is to be there: neither SPEC nor --lock can go with --file.",
            "Create it from the file, then `add` to it.",
        )
    from ..engine import specfiles

    path = _existing(Path(arguments.file), "file")
    found = specfiles.read_file(path)
    place = arguments.environment or found.name
    if not place:
        raise InvalidRequest(f"{path} has no name for the environment.", f"Give one: create NAME --file {path}")
    # The file may be anybody's: what stands in it is a name and no path.
    prefix = _new_prefix(place, settings) if arguments.environment else environments.prefix_for(place, settings)
    channels = _channels(arguments.channels)
    request = specfiles.creation(found, str(path), prefix, channels, without_pip=arguments.without_pip)
    display_name = getattr(arguments, "display_name", "")
    return msgspec.structs.replace(request, strategy=_strategy(arguments), display_name=display_name)


def _stack_request(arguments: Namespace, settings: Settings) -> StackEnvironment:
    return StackEnvironment(
        prefix=_new_prefix(arguments.environment, settings),
        base=environments.find(arguments.base, settings).prefix,
        specs=tuple(arguments.specs),
        channels=_channels(arguments.channels),
        strategy=_strategy(arguments),
        display_name=getattr(arguments, "display_name", ""),
    )


def _add_request(arguments: Namespace, settings: Settings) -> ChangePackages:
    return _change_of(arguments, settings, add=tuple(arguments.specs))


def _update_request(arguments: Namespace, settings: Settings) -> ChangePackages:
    if bool(arguments.packages) == arguments.all:
        raise InvalidRequest(
            "Either the packages that may move are needed, or --all.",
            f"To move all: jupyter condaenv update {arguments.environment} --all",
        )
    return _change_of(arguments, settings, update=tuple(arguments.packages), update_all=arguments.all)


def _change_request(arguments: Namespace, settings: Settings) -> ChangePackages:
    return _change_of(
        arguments,
        settings,
        add=tuple(arguments.add),
        update=tuple(arguments.update),
        remove=tuple(arguments.remove),
    )


def _change_of(
    arguments: Namespace,
    settings: Settings,
    *,
    add: tuple[str, ...] = (),
    update: tuple[str, ...] = (),
    update_all: bool = False,
    remove: tuple[str, ...] = (),
) -> ChangePackages:
    return ChangePackages(
        prefix=environments.find(arguments.environment, settings).prefix,
        add=add,
        update=update,
        update_all=update_all,
        remove=remove,
        dependencies=arguments.dependencies,
        channels=_channels(arguments.channels),
        strategy=_strategy(arguments),
        when=_when(arguments),
    )


def _strategy(arguments: Namespace) -> Strategy:
    return Strategy(
        channel_priority=arguments.channel_priority,
        resolution=arguments.resolution,
        exclude_newer=arguments.exclude_newer,
        exclude_newer_except=tuple(arguments.exclude_newer_except),
        virtual_packages=tuple(arguments.virtual),
    )


def _remove_request(arguments: Namespace, settings: Settings) -> ChangePackages:
    if not arguments.packages:
        raise InvalidRequest(
            "`remove` takes packages out of an environment, and none was named.",
            f"To delete the environment itself: jupyter condaenv delete {arguments.environment}",
        )
    prefix = environments.find(arguments.environment, settings).prefix
    return ChangePackages(prefix=prefix, remove=tuple(arguments.packages), when=_when(arguments))


def _rollback_request(arguments: Namespace, settings: Settings) -> Rollback:
    prefix = environments.find(arguments.environment, settings).prefix
    return Rollback(prefix=prefix, revision=arguments.revision, when=_when(arguments))


def _when(arguments: Namespace) -> When:
    return "now" if getattr(arguments, "now", False) else "next_start"


_REQUESTS: dict[
    str, Callable[[Namespace, Settings], CreateEnvironment | ChangePackages | StackEnvironment | Rollback]
] = {
    "create": _create_request,
    "stack": _stack_request,
    "add": _add_request,
    "update": _update_request,
    "remove": _remove_request,
    "change": _change_request,
    "rollback": _rollback_request,
}


def _new_prefix(name_or_path: str, settings: Settings) -> str:
    """Where a new environment goes: a path is taken as it is, a name has its place."""
    if os.sep in name_or_path or name_or_path in (".", "..") or name_or_path.startswith("~"):
        return config.absolute(name_or_path)
    return environments.prefix_for(name_or_path, settings)


def _channels(given: Iterable[str]) -> tuple[str, ...]:
    """Directories from the root: the job runs elsewhere."""
    return tuple(config.absolute(one) if one.startswith((".", "~")) else one for one in given)


def _perform(request: AnyRequest, settings: Settings, arguments: Namespace, output: Output) -> Result:
    """Have ``request`` done by a job, and show what came of it, which is returned."""
    job = Jobs(settings).start(request)
    result: Result
    if arguments.detach:
        result = answers.Started(id=job.id)
    else:
        output.job(job)
        result = follow(job, output)
    output.result(result)
    return result


def _confirm(environment: Environment, output: Output) -> None:
    """Ask a person. Raises Cancelled where they do not want it, InvalidRequest where nobody can be asked."""
    if output.json or not _somebody():
        raise InvalidRequest(
            f"Deleting {environment.prefix} cannot be undone, and there is nobody to ask.", "To go ahead: --yes"
        )
    kernels = len(deferred.living_kernels(Path(environment.prefix)))
    under = f", under {text.count(kernels, 'running kernel')}" if kernels else ""
    question = f"Delete {environment.prefix} with its {text.count(environment.packages, 'package')}{under}? [y/N] "
    _ask(question, "Nothing was deleted.")


def _somebody() -> bool:
    """Whether there is a person who could be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def _ask(question: str, otherwise: str) -> None:
    """Raises Cancelled, which says ``otherwise``, unless the answer is yes."""
    print(question, end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise Cancelled(otherwise)


# --- looking ---------------------------------------------------------------------------------------------------------


def list_environments(_arguments: Namespace, output: Output) -> None:
    settings = _settings()
    found = environments.list_environments(settings)
    output.result(answers.Environments(environments=tuple(_with_kernels(found, settings))))


def show(arguments: Namespace, output: Output) -> None:
    from ..engine import history

    settings = _settings()
    (environment,) = _with_kernels([environments.find(arguments.environment, settings)], settings)
    prefix = Path(environment.prefix)
    lock = history.current_lock(prefix)
    last = history.latest(prefix)
    output.result(
        answers.Shown(
            environment=environment,
            specs=lock.specs,
            channels=lock.channels,
            revision=last.number if last else 0,
            packages=lock.packages,
            deferred=deferred.read(prefix),
        )
    )


def history(arguments: Namespace, output: Output) -> None:
    from ..engine import history

    prefix = Path(environments.find(arguments.environment, _settings()).prefix)
    output.result(answers.History(revisions=tuple(one.summary for one in history.revisions(prefix))))


def diff(arguments: Namespace, output: Output) -> None:
    from ..engine import changes, history

    prefix = Path(environments.find(arguments.environment, _settings()).prefix)
    one, other = (history.revision(prefix, number).lock for number in (arguments.one, arguments.other))
    output.result(answers.Diff(difference=changes.difference(one, other)))


def search(arguments: Namespace, output: Output) -> None:
    from ..engine import history, search

    settings = _settings()
    query, asked = " ".join(arguments.query), _channels(arguments.channels)
    around = environments.find(arguments.env, settings) if arguments.env else None
    found = search.find(query, settings, channels=asked, limit=arguments.limit)
    if found.missing or arguments.refresh:
        _index(asked if arguments.refresh else found.missing, settings, output, needed=not found.indexes)
        found = search.find(query, settings, channels=asked, limit=arguments.limit)
    lock = history.current_lock(Path(around.prefix)) if around else None
    if arguments.versions:
        package = search.package(query, settings, channels=asked, environment=lock)
        output.result(answers.Versions(package=package))
        return
    fitting = {}
    if lock is not None:
        for one in found.packages:
            versions = search.package(one.name, settings, channels=asked, environment=lock).versions
            fitting[one.name] = next((version.version for version in versions if version.fits), "")
    output.result(answers.Found(found=found, fitting=fitting))


def _index(channels: tuple[str, ...], settings: Settings, output: Output, *, needed: bool) -> None:
    """Make ``channels`` searchable. Where there is something to search without them, failing is no error."""
    job = Jobs(settings).start(IndexChannels(channels=channels))
    output.job(job)
    try:
        follow(job, output)
    except ChannelError as error:
        if needed:
            raise
        output.note(f"warning: {error.message}")
    finally:
        output.close()


def why(arguments: Namespace, output: Output) -> None:
    """``why`` and ``who-constrains``."""
    from ..engine import history, why

    prefix = Path(environments.find(arguments.environment, _settings()).prefix)
    reasons = why.reasons(arguments.package, history.current_lock(prefix))
    kind = answers.Why if arguments.verb == "why" else answers.WhoConstrains
    output.result(kind(reasons=reasons))


def lock(arguments: Namespace, output: Output) -> None:
    from ..engine import history, lockfiles

    current = history.current_lock(Path(environments.find(arguments.environment, _settings()).prefix))
    if arguments.output:
        path = Path(config.absolute(arguments.output))
        lockfiles.write(current, path)
        output.result(answers.Locked(lock=current, path=str(path)))
    elif output.json:
        output.result(answers.Locked(lock=current))
    else:
        print(msgspec.json.format(msgspec.json.encode(current), indent=1).decode(), flush=True)


def export(arguments: Namespace, output: Output) -> None:
    from ..engine import export

    prefix = Path(environments.find(arguments.environment, _settings()).prefix)
    found = export.export(prefix, arguments.format, arguments.wanted)
    if arguments.output:
        path = Path(config.absolute(arguments.output))
        _write(path, found.text.encode())
        output.result(answers.Written(path=str(path)))
    elif output.json:
        output.result(answers.Exported(name=found.name, text=found.text))
    else:
        print(found.text, end="", flush=True)


# --- channels and configuration --------------------------------------------------------------------------------------


def channel_list(_arguments: Namespace, output: Output) -> None:
    output.result(_configured_channels())


def channel_add(arguments: Namespace, output: Output) -> None:
    from ..engine import channel_list

    (channel,) = _channels([arguments.channel])
    channel_list.add(channel, _settings(), first=arguments.first, login=_login(arguments))
    output.result(_configured_channels())


def channel_remove(arguments: Namespace, output: Output) -> None:
    from ..engine import channel_list

    (channel,) = _channels([arguments.channel])
    channel_list.remove(channel, _settings())
    output.result(_configured_channels())


def channel_check(arguments: Namespace, output: Output) -> None:
    _perform(CheckChannels(channels=_channels(arguments.channels)), _settings(), arguments, output)


def config_show(arguments: Namespace, output: Output) -> None:
    from ..engine import condarc
    from ..jobs.records import without_secrets

    own = condarc.read()
    output.result(
        answers.Configuration(
            settings=without_secrets(_settings()),
            condarc=condarc.shown(own),
            unused=condarc.unused(own),
            sources=condarc.sources() if arguments.sources else (),
        )
    )


def _configured_channels() -> answers.Channels:
    from ..engine import channel_list

    settings = _settings()
    return answers.Channels(channels=channel_list.configured(settings), channel_priority=settings.channel_priority)


def _login(arguments: Namespace) -> Login | None:
    """With a secret that was never in an argument, where every process could read it."""
    if arguments.user:
        return Login(username=arguments.user, password=_secret("Password"))
    if arguments.conda_token:
        return Login(conda_token=_secret("Token"))
    if arguments.bearer_token:
        return Login(bearer_token=_secret("Token"))
    return None


def _secret(what: str) -> str:
    """Typed by a person without being shown, or the first line of standard input."""
    if sys.stdin.isatty():
        secret = getpass.getpass(f"{what}: ", stream=sys.stderr)
    else:
        secret = sys.stdin.readline().rstrip("\r\n")
    if not secret:
        raise InvalidRequest(f"No {what.lower()} was given.", "Type it, or send it through standard input.")
    return secret


def _with_kernels(found: Iterable[Environment], settings: Settings) -> list[Environment]:
    from ..kernels import specs

    registered = specs.registered(settings)
    return [msgspec.structs.replace(one, kernels=tuple(registered.get(one.prefix, ()))) for one in found]


# --- running ---------------------------------------------------------------------------------------------------------


def run(arguments: Namespace, output: Output) -> int:
    """Become the command, with the variables that the environment's kernel has."""
    command = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
    if not command:
        raise InvalidRequest(
            "Nothing to run was given.", f"For instance: run {arguments.environment} -- python --version"
        )
    settings = _settings()
    environment = environments.find(arguments.environment, settings)
    variables = _activated(environment, settings, output)
    # Python ignores this signal for itself and would hand that on.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        os.execvpe(command[0], command, variables)
    except FileNotFoundError:
        output.failure(NotFound(f"There is no command {command[0]!r} in {environment.name}.").failure())
        return Exit.COMMAND_NOT_FOUND
    except OSError as error:
        output.failure(Refused(f"{command[0]} cannot be executed: {error.strerror}.").failure())
        return Exit.CANNOT_EXECUTE


def activate(arguments: Namespace, output: Output) -> None:
    """Say what a shell has to run to have the variables that the environment's kernel has."""
    settings = _settings()
    variables = _activated(environments.find(arguments.environment, settings), settings, output)
    if output.json:
        output.result(answers.Activated(variables=variables))
        return
    shell = arguments.shell or shells.of_login(os.environ.get("SHELL", ""))
    if sys.stdout.isatty():
        command = f"{PROGRAM} activate {shlex.quote(arguments.environment)} --shell {shell}"
        output.note(f"To have this in {shell}: {shells.SHELLS[shell].use.format(command=command)}")
    for statement in shells.statements(shell, os.environ, variables):
        print(statement)


def _activated(environment: Environment, settings: Settings, output: Output) -> dict[str, str]:
    """The variables that the kernel of ``environment`` would have if it were started from here. Raises Broken."""
    from ..engine import activation, stack
    from ..kernels import launcher, specs

    if environment.problem:
        raise Broken(
            f"{environment.name} cannot be used. {environment.problem}",
            f"Make it again: `lock {environment.name} -o FILE`, `delete {environment.name}`, "
            f"`create {environment.name} --lock FILE`.",
        )
    levels = stack.levels(environment.prefix)
    options = specs.arguments(specs.options(environment.prefix, settings), settings)
    cache_dir = launcher.cache_dir(settings)
    variables, warnings = activation.launch_environment(levels, dict(os.environ), cache_dir, options)
    for warning in warnings:
        output.note(f"warning: {warning}")
    return variables


def generate_config(arguments: Namespace, output: Output) -> None:
    path = Path(jupyter_config_dir(), f"{config.CONFIG_FILES[-1]}.py")
    if path.exists() and not arguments.yes:
        raise AlreadyExists(f"{path} is there already.", "To have it replaced by the defaults: --yes", path=str(path))
    text = config.generated()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}.", "Set JUPYTER_CONFIG_DIR.") from error
    output.result(answers.Written(path=str(path)))


# --- jobs ------------------------------------------------------------------------------------------------------------


def jobs_list(_arguments: Namespace, output: Output) -> None:
    output.result(answers.Jobs(jobs=tuple(_summary(job) for job in Jobs(_settings()).list())))


def jobs_show(arguments: Namespace, output: Output) -> None:
    job = Jobs(_settings()).get(arguments.job)
    output.history(job, arguments.since)
    output.result(_summary(job, job.outcome()))


def jobs_follow(arguments: Namespace, output: Output) -> None:
    job = Jobs(_settings()).get(arguments.job)
    output.job(job)
    output.result(follow(job, output, since=arguments.since, cancel=False))


def jobs_cancel(arguments: Namespace, output: Output) -> None:
    job = Jobs(_settings()).get(arguments.job)
    job.cancel()
    job.wait(CANCEL_TAKES)
    output.result(_summary(job, job.outcome()))


def _summary(job: Job, outcome: Outcome | None = None) -> answers.JobSummary:
    return answers.JobSummary(
        id=job.id,
        state=outcome.state if outcome else job.state,
        verb=job.verb,
        prefix=job.prefix,
        created=job.created,
        host=job.host,
        outcome=outcome,
    )


# --- files that the person names -------------------------------------------------------------------------------------


def _existing(path: Path, what: str) -> Path:
    if not path.is_file():
        raise NotFound(f"There is no {what} {path}.", path=str(path))
    return path


def _read_plan(path: Path) -> Plan:
    try:
        return msgspec.json.decode(_existing(path, "plan").read_bytes(), type=Plan)
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be read: {error.strerror}.") from error
    except msgspec.MsgspecError as error:
        raise InvalidRequest(f"{path} is not a plan: {error}.", "`plan ... -o FILE` writes one.") from error


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise InvalidRequest(f"{path} cannot be written: {error.strerror}.", "Choose another place with -o.") from error
