"""Commands that use an environment from outside a notebook."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from argparse import Namespace
from pathlib import Path

from jupyter_core.paths import jupyter_config_dir

from ... import config
from ...engine import environments
from ...engine.activation import shells
from ...engine.errors import AlreadyExists, Broken, InvalidRequest, NotFound, Refused, StorageError
from ...engine.model import Environment, Settings
from .. import answers
from ..arguments.parser import PROGRAM
from ..exits import Exit
from ..output import Output
from .common import configured


def run(arguments: Namespace, output: Output) -> int:
    """Become the command, with the variables that the environment's kernel has."""
    command = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
    if not command:
        raise InvalidRequest(
            "Nothing to run was given.", f"For instance: run {arguments.environment} -- python --version"
        )
    settings = configured()
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
    settings = configured()
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
    from ...engine import demands, stack
    from ...engine.activation.launch import launch_environment
    from ...kernels import launcher, specs

    if environment.problem:
        raise Broken(
            f"{environment.name} cannot be used. {environment.problem}",
            f"Make it again: `lock {environment.name} -o FILE`, `delete {environment.name}`, "
            f"`create {environment.name} --lock FILE`.",
        )
    levels = stack.levels(environment.prefix)
    options = specs.arguments(specs.options(environment.prefix, settings), settings)
    cache_dir = launcher.cache_dir(settings)
    variables, warnings = launch_environment(levels, dict(os.environ), cache_dir, options)
    for warning in filter(None, [*warnings, demands.misfit(levels, variables)]):
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
