"""Activate a conda environment in this very process, then run the kernel's module.

``shim.py LEVELS [--OPTION ...] -m MODULE ...``, where the options are those of ``activation.launch``. An
IPython kernel has ``%condaenv`` as well.

Runs in the environment's own Python: standard library only, Python 3.8 and newer. ``LEVELS`` is what
its ``join_levels`` makes; empty when the process was started again after activation, and then ``--told=TEXT``
is what this machine lacks.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module

_TOLD = "--told="
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def main() -> None:
    here = os.path.dirname(os.path.abspath(__file__))
    levels, rest = sys.argv[1], sys.argv[2:]
    options, arguments = rest[: rest.index("-m")], rest[rest.index("-m") :]
    # Nothing is imported from beside this file but what it names itself.
    sys.path[:] = [path for path in sys.path if path != here]
    told = [option[len(_TOLD) :] for option in options if option.startswith(_TOLD)]
    if levels:
        told = _activate(here, levels, options, arguments)
    module = arguments[1]
    sys.argv = arguments[1:]
    if module == "ipykernel_launcher":
        try:
            application = import_module("ipykernel.kernelapp").IPKernelApp.instance()
        except Exception as error:  # whatever a broken package raises, it is the reason
            _explain(here, arguments, f"ipykernel cannot be imported ({type(error).__name__}: {error}).")
        application.observe(lambda change: _dress(here, change.new, told), "shell")
    import runpy

    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _activate(here: str, levels: str, options: list[str], arguments: list[str]) -> list[str]:
    """What is to be told in the notebook as well."""
    activation, demands = _beside(here, "activation"), _beside(here, "demands")
    launch = _beside(here, "activation.launch")
    prefixes = launch.split_levels(levels)
    if not all(os.path.isdir(prefix) for prefix in prefixes):
        _explain(here, ["--levels", levels, *arguments])
    old = dict(os.environ)
    data_dir = os.path.dirname(os.path.dirname(here))
    cache_dir = os.path.join(data_dir, activation.FOLDER)
    new, warnings = launch.launch_environment(prefixes, old, cache_dir, tuple(options))
    told = list(filter(None, [demands.misfit(prefixes, new)]))
    for warning in [*warnings, *told]:
        print(f"condaenv: {warning}", file=sys.stderr)
    if launch.read_at_start(old, new):
        again = [sys.executable, os.path.join(here, "shim.py"), "", *(_TOLD + text for text in told), *arguments]
        sys.stderr.flush()
        os.execve(sys.executable, again, new)
    for name in [name for name in old if name not in new]:
        del os.environ[name]
    os.environ.update({name: value for name, value in new.items() if old.get(name) != value})
    # The environment may have modules of these names.
    for name in [name for name in sys.modules if name.partition(".")[0] in ("activation", "demands")]:
        del sys.modules[name]
    return told


def _dress(here: str, shell: Any, told: list[str]) -> None:
    """Give ``shell`` our magic, and have it tell what is ``told`` with the first cell."""
    _add_magic(here, shell)

    def tell(*_: object) -> None:
        shell.events.unregister("pre_run_cell", tell)
        print(*(f"condaenv: {text}" for text in told), sep="\n", file=sys.stderr)

    if told:
        shell.events.register("pre_run_cell", tell)


def _add_magic(here: str, shell: Any) -> None:
    """Give ``shell`` our magic. Whatever IPython it is, there is a kernel."""
    try:
        magic = _beside(here, "condaenv_magics.condaenv")
        magic.register(shell, [_registrar(here), "-I", os.path.join(here, "cli.py")])
    except Exception as error:
        print(f"condaenv: There is no %condaenv here ({type(error).__name__}: {error}).", file=sys.stderr)


def _beside(here: str, name: str) -> Any:
    sys.path.insert(0, here)
    try:
        return import_module(name)
    finally:
        sys.path.remove(here)


def _registrar(here: str) -> str:
    """The Python of the installation that registered the kernel."""
    with open(os.path.join(here, "registrar"), encoding=sys.getfilesystemencoding(), errors="surrogateescape") as file:
        return file.read().rstrip("\n")


def _explain(here: str, arguments: list[str], reason: str = "") -> None:
    """Become the kernel that says, in the notebook, why this one cannot run."""
    registrar = _registrar(here)
    told = ["--reason", f"In the environment {sys.prefix}, {reason}"] if reason else []
    sys.stderr.flush()
    # Activation names libraries and folders of this environment; the other Python does without them.
    names = ("PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LD_PRELOAD")
    env = {name: value for name, value in os.environ.items() if name not in names}
    os.execve(registrar, [registrar, os.path.join(here, "fallback.py"), *told, *arguments], env)


main()
