"""Activate a conda environment in this very process, then run the kernel's module: ``shim.py LEVELS -m MODULE ...``.

Runs in the environment's own Python: standard library only, Python 3.8 and newer. ``LEVELS`` is what
``activation.join_levels`` makes; empty when the process was started again after activation.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module


def main() -> None:
    here = os.path.dirname(os.path.abspath(__file__))
    levels, arguments = sys.argv[1], sys.argv[2:]
    # Nothing is imported from beside this file but what it names itself.
    sys.path[:] = [path for path in sys.path if path != here]
    if levels:
        _activate(here, levels, arguments)
    module = arguments[1]
    sys.argv = arguments[1:]
    if module == "ipykernel_launcher":
        try:
            import_module("ipykernel.kernelapp")
        except Exception as error:  # whatever a broken package raises, it is the reason
            _explain(here, arguments, f"ipykernel cannot be imported ({type(error).__name__}: {error}).")
    import runpy

    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _activate(here: str, levels: str, arguments: list[str]) -> None:
    sys.path.insert(0, here)
    activation = import_module("activation")
    sys.path.remove(here)
    del sys.modules["activation"]
    prefixes = activation.split_levels(levels)
    if not all(os.path.isdir(prefix) for prefix in prefixes):
        _explain(here, ["--levels", levels, *arguments])
    old = dict(os.environ)
    data_dir = os.path.dirname(os.path.dirname(here))
    new, warnings = activation.launch_environment(prefixes, old, os.path.join(data_dir, "activation"))
    for warning in warnings:
        print(f"condaenv: {warning}", file=sys.stderr)
    if activation.read_at_start(old, new):
        again = [sys.executable, os.path.join(here, "shim.py"), "", *arguments]
        sys.stderr.flush()
        os.execve(sys.executable, again, new)
    for name in [name for name in old if name not in new]:
        del os.environ[name]
    os.environ.update({name: value for name, value in new.items() if old.get(name) != value})


def _explain(here: str, arguments: list[str], reason: str = "") -> None:
    """Become the kernel that says, in the notebook, why this one cannot run."""
    with open(os.path.join(here, "registrar"), encoding=sys.getfilesystemencoding(), errors="surrogateescape") as file:
        registrar = file.read().rstrip("\n")
    told = ["--reason", f"In the environment {sys.prefix}, {reason}"] if reason else []
    sys.stderr.flush()
    # Activation names libraries and folders of this environment; the other Python does without them.
    names = ("PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "LD_PRELOAD")
    env = {name: value for name, value in os.environ.items() if name not in names}
    os.execve(registrar, [registrar, os.path.join(here, "fallback.py"), *told, *arguments], env)


main()
