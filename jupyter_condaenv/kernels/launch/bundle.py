"""``bundle.py``, in the Python of an environment: compile for it what lies beside this, where its kernels cannot.

The modules that each start runs are put into one file, which ``shim.py`` reads. It lies in a folder whose content never
changes, and is named by the very version of Python, so that it is never a wrong one. What no start needs is left out:
docstrings here, with them assertions, and the columns of tracebacks by the option with which this runs.
"""

from __future__ import annotations

import marshal
import os
import sys

EACH = (
    "activation",
    "activation.variables",
    "activation.cgroups",
    "activation.cache",
    "activation.threads",
    "activation.use",
    "activation.memory",
    "activation.launch",
    "activation.early",
    "crash",
    "demands",
    "condaenv_start",
)
"""What each start runs, in an order in which none needs a later one."""


def is_there(bundle: str) -> bool:
    """Whether that has been done, and the machine has not stopped before it was on disk."""
    try:
        with open(bundle, "rb") as file:
            return len(marshal.load(file)) == len(EACH)
    except (OSError, EOFError, ValueError, TypeError):
        return False


def write(here: str, bundle: str) -> None:
    """Put them into one file. OSError when it cannot be written."""
    modules = []
    for name in EACH:
        path = f"{here}/{name.replace('.', '/')}"
        folders = [path] if os.path.isdir(path) else None
        source = f"{path}/__init__.py" if folders else f"{path}.py"
        with open(source, "rb") as file:
            modules.append((name, compile(file.read(), source, "exec", dont_inherit=True, optimize=2), folders))
    part = f"{bundle}.{os.getpid()}.part"
    with open(part, "wb") as file:
        marshal.dump(modules, file)
    os.replace(part, bundle)


def compile_all(here: str) -> None:
    import py_compile

    for folder, _, names in os.walk(here):
        for name in names:
            if name.endswith(".py") and os.path.basename(folder) != "__pycache__":
                py_compile.compile(os.path.join(folder, name))


if __name__ == "__main__":
    place = os.path.dirname(os.path.abspath(__file__))
    path = f"{place}/{sys.implementation.cache_tag}-{sys.hexversion:x}.bundle"
    if not is_there(path):
        compile_all(place)
        write(place, path)
