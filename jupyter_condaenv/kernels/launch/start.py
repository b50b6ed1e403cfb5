"""Activate a conda environment in this very process, then run the kernel's module, or become its program.

``shim.py LEVELS [--OPTION ...] -m MODULE ...`` in the environment's Python, where the options are those of
``activation.launch``; an IPython kernel has ``%condaenv`` as well. ``shim.py LEVELS --program [--OPTION ...] -- PROGRAM
...`` in any Python.

Standard library only, Python 3.8 and newer. ``LEVELS`` is what its
``join_levels`` makes. When the process was started again after activation, ``--activated`` is among the options, and
``--told=TEXT`` for each thing that is to be told in the notebook; where a port was taken, also ``--since=SECONDS``.
``CONDAENV_DEFERRED`` says what became of a change that has waited for this start, where there was one. With
``--warm=...``, which comes first, it waits until it is needed (warm.py).
"""

from __future__ import annotations

import errno
import gc
import os
import sys
import time
from importlib import import_module

_ACTIVATED = "--activated"
_SINCE = "--since="
_TOLD = "--told="
_WARM = "--warm="
_DEFERRED = "CONDAENV_DEFERRED"
_OURS = ("activation", "crash", "demands", "warm")
_GIVE_UP = 4.0
"""Seconds in which a kernel whose port is taken starts again. With one start more that is less than the ten after which
Jupyter counts it as started: one that ends later is started again without end."""
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def main() -> None:
    here = os.path.dirname(__file__)
    levels, rest = sys.argv[1], sys.argv[2:]
    # Nothing is imported from beside this file but what it names itself.
    sys.path[:] = [path for path in sys.path if path != here]
    at = rest.index("--" if rest[0] == "--program" else "-m")
    options, arguments = rest[:at], rest[at:]
    deferred = [os.environ.pop(_DEFERRED)] if _DEFERRED in os.environ else []
    if arguments[0] == "--":
        _become(here, levels, options, arguments)
        return
    crash = _beside(here, "crash")
    # Before scripts run, which may take so long that somebody asks it to end.
    start = crash.Start(os.environ.get(crash.VARIABLE, ""))
    if _ACTIVATED in options:
        told = [option[len(_TOLD) :] for option in options if option.startswith(_TOLD)]
    else:
        told = _activate(here, levels, options, arguments, deferred)
    _collect_from_here()
    os.environ.pop(crash.VARIABLE, None)
    waiting = None
    if options and options[0].startswith(_WARM):
        waiting = _waiting(here, levels, options, arguments, told)
        arguments = waiting.wait()
    # The environment may have modules of these names.
    for name in [name for name in sys.modules if name.partition(".")[0] in _OURS]:
        del sys.modules[name]
    sys.argv = arguments[1:]
    _run(here, levels, options, arguments, told, waiting, start)


def _collect_from_here() -> None:
    """Collect garbage as any Python does, but as if all that there is were old: else the first time it would be looked
    at once more than in a kernel without us."""
    if hasattr(gc, "freeze"):  # PyPy has none
        gc.freeze()
        gc.unfreeze()
    gc.enable()


def _become(here: str, levels: str, options: list[str], arguments: list[str]) -> None:
    """Run the program in the place of this process, so that it is the one that was started."""
    prefixes, new, _ = _activation(here, levels, options, [*options, *arguments], dict(os.environ))
    program = arguments[1]
    if "/" in program and not program.startswith("/"):
        places = [f"{prefix}/{program}" for prefix in reversed(prefixes)]
        program = next(filter(os.path.exists, places), places[0])
    # Whether this process is the kernel of these, or only one that it has started (engine/deferred.py).
    new["CONDAENV_KERNEL"] = f"{os.getpid()}:{levels}"
    sys.stderr.flush()
    try:
        os.execvpe(program, [program, *arguments[2:]], new)
    except OSError as error:
        failure = f"{program} cannot be run: {error.strerror}"
    _explain(here, levels, [*options, *arguments], failure)


def _waiting(here: str, levels: str, options: list[str], arguments: list[str], told: list[str]) -> Any:
    def activation(environ: dict[str, str]) -> tuple[dict[str, str], list[str]]:
        return _activation(here, levels, options, arguments, environ)[1:]

    prefixes = _beside(here, "activation.launch").split_levels(levels)
    loaded = _beside(here, "condaenv_magics.loaded")
    return _beside(here, "warm").Waiting(options[0], prefixes, activation, told, loaded)


def _run(
    here: str, levels: str, options: list[str], arguments: list[str], told: list[str], waiting: Any, start: Any
) -> None:
    """Run the module; where it fails before there is a kernel, become the one that says why."""
    since = next((float(one[len(_SINCE) :]) for one in options if one.startswith(_SINCE)), time.monotonic())
    up: list[object] = []

    def dress(change: Any) -> None:
        up.append(change.new)
        start.is_over()
        if waiting:
            waiting.listens()
        _dress(here, change.new, told)

    import runpy

    module = arguments[1].replace("_launcher", "")
    try:
        if arguments[1] == "ipykernel_launcher":
            app = import_module("ipykernel.kernelapp").IPKernelApp.instance()
            app.observe(dress, "shell")
            if waiting:
                # The first that comes after the ports.
                app.observe(lambda _: waiting.listens(), "heartbeat")
        else:
            start.is_over()  # of others nobody knows when they are kernels
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    except SystemExit as error:
        start.is_over()
        if up or not error.code:
            raise
        failure = f"ended while it started ({error.code}); the log of the server says more"
        _explain(here, levels, arguments, f"{module} {failure}")
    except Exception as error:  # whatever a broken package raises, it is the reason
        start.is_over()
        if up:
            raise
        if getattr(error, "errno", None) == errno.EADDRINUSE:
            # Ports are chosen before the kernel starts, and somebody was quicker, as a rule for a moment. Nothing can
            # be told in the notebook through these.
            if time.monotonic() - since > _GIVE_UP:
                sys.exit(
                    f"condaenv: Another program has a port that was chosen for this kernel ({error}). "
                    "Shut the kernel down and start another one, for which other ports are chosen."
                )
            options = [*_given(options), f"{_SINCE}{since}"]
            _start_again(here, levels, options, told, arguments, dict(os.environ))
        _explain(here, levels, arguments, f"{module} cannot be started ({type(error).__name__}: {error})")
    except BaseException:
        start.is_over()
        raise


def _activate(here: str, levels: str, options: list[str], arguments: list[str], deferred: list[str]) -> list[str]:
    """What is to be told in the notebook as well, ``deferred`` first."""
    early = _beside(here, "activation.early")
    at_start = dict(os.environ)
    early.take_back(os.environ)
    old = dict(os.environ)
    prefixes, new, told = _activation(here, levels, options, arguments, old)
    told = [*deferred, *told]
    read_at_start = _beside(here, "activation.launch").read_at_start
    if read_at_start(at_start, new):
        values = {name: new[name] for name in read_at_start(old, new) if name in new}
        early.keep(prefixes[-1], _cache_dir(here), values)
        _start_again(here, levels, options, told, arguments, new)
    for name in [name for name in old if name not in new]:
        del os.environ[name]
    os.environ.update({name: value for name, value in new.items() if old.get(name) != value})
    # What this Python has read of these (activation/launch.py) was the server's.
    sys.pycache_prefix = new.get("PYTHONPYCACHEPREFIX") or None
    sys.dont_write_bytecode = bool(new.get("PYTHONDONTWRITEBYTECODE"))
    return told


def _start_again(
    here: str, levels: str, options: list[str], told: list[str], arguments: list[str], activated: dict[str, str]
) -> None:
    shim = os.path.join(here, "shim.py")
    again = [sys.executable, shim, levels, *options, _ACTIVATED, *(_TOLD + text for text in told), *arguments]
    sys.stderr.flush()
    os.execve(sys.executable, again, activated)


def _given(options: list[str]) -> list[str]:
    """Those that do not speak of this one start."""
    return [option for option in options if not option.startswith((_ACTIVATED, _SINCE, _TOLD, _WARM))]


def _activation(
    here: str, levels: str, options: list[str], arguments: list[str], old: dict[str, str]
) -> tuple[tuple[str, ...], dict[str, str], list[str]]:
    """The prefixes; what becomes of the variables ``old`` in the environment; what a person should know of it."""
    demands, launch = _beside(here, "demands"), _beside(here, "activation.launch")
    prefixes: tuple[str, ...] = launch.split_levels(levels)
    if not all(os.path.isdir(prefix) for prefix in prefixes) or _altered(prefixes, launch):
        _explain(here, levels, arguments)
    new, warnings = launch.launch_environment(prefixes, old, _cache_dir(here), tuple(options))
    told = [*warnings, *filter(None, [demands.misfit(prefixes, new)])]
    for text in told:
        print(f"condaenv: {text}", file=sys.stderr)
    return prefixes, new, told


def _cache_dir(here: str) -> str:
    return os.path.join(os.path.dirname(os.path.dirname(here)), _beside(here, "activation").FOLDER)


def _altered(prefixes: tuple[str, ...], launch: Any) -> bool:
    """Whether another tool has given an overlay a Python of its own, which knows nothing of its base, or emptied it."""
    if len(prefixes) == 1:
        return False
    try:
        names = os.listdir(f"{prefixes[-1]}/conda-meta")
    except OSError:
        return True
    if not launch.is_python_of_root(prefixes):
        return True
    return any(name.startswith("python-") and name[7:8].isdigit() for name in names)


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
        _beside(here, "condaenv_magics").register(shell, [_registrar(here), "-I", os.path.join(here, "cli.py")])
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


def _explain(here: str, levels: str, arguments: list[str], failure: str = "") -> None:
    """Become the kernel that says, in the notebook, why this one cannot run."""
    registrar = _registrar(here)
    import resource

    told = [f"--failure={failure}."] if failure else []
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    if soft != resource.RLIM_INFINITY:
        told.append(f"--memory={soft // 1024}")
        # It may be what the kernel has died of.
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
    sys.stderr.flush()
    # Activation names libraries and folders of this environment; the other Python does without them.
    names = ("PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LD_PRELOAD")
    env = {name: value for name, value in os.environ.items() if name not in names}
    os.execve(registrar, [registrar, os.path.join(here, "fallback.py"), "--levels", levels, *told, *arguments], env)
