"""The kernels that an environment has: what its kernelspecs say, and how each of them is started."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any, NamedTuple

KERNELS = Path("share/jupyter/kernels")
CONNECTION = "{connection_file}"
_OLDEST = (3, 8)
"""The oldest Python that the shim runs in."""
_PYTHON = re.compile(r"python(\d+(\.\d+)?)?\Z")


class Kernel(NamedTuple):
    """A kernel, as it is started: in the environment's Python where ``arguments`` begin with ``-m``, and as a program
    where they begin with ``--``, which a relative path such as ``bin/R`` names in one of the levels."""

    name: str
    """Of its kernelspec in the environment; empty for ipykernel, which is the environment's own."""
    arguments: tuple[str, ...]
    language: str
    source: Path
    """The folder of its kernelspec in the environment, which need not be there for ipykernel."""
    display_name: str = ""
    interrupt_mode: str = "signal"
    env: dict[str, str] = {}  # noqa: RUF012 - never changed


def kernels(prefixes: tuple[str, ...], python: str) -> list[Kernel]:
    """Those of the environment that consists of ``prefixes``, bottom first, ipykernel first; ``python`` is its version.

    How a known kernel is started is known here. Of others it is taken from their kernelspec, as variables are of all,
    but only in a prefix that is the user's own: what stands in another one would be executed as this user.
    """
    found: dict[str, Kernel] = {}
    for prefix in reversed(prefixes):
        if "" not in found and any(Path(prefix).glob("lib/python*/*-packages/ipykernel_launcher.py")):
            found[""] = Kernel("", _of_python("ipykernel_launcher", python), "python", Path(prefix, KERNELS, "python3"))
        for source in _folders(Path(prefix, KERNELS)):
            kernel = _kernel(source, Path(prefix), python)
            if kernel is not None:
                found.setdefault(source.name, kernel)
    return sorted(found.values(), key=lambda kernel: kernel.name)


def read(folder: Path) -> dict[str, Any]:
    """The kernel.json in ``folder``; empty if there is none or it is broken."""
    try:
        found = json.loads((folder / "kernel.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _folders(kernels: Path) -> list[Path]:
    try:
        return sorted(kernels.iterdir())
    except OSError:
        return []


def _kernel(source: Path, prefix: Path, python: str) -> Kernel | None:
    """None for what is no kernel, for what only says how ipykernel is started, and for one that may not be trusted."""
    spec = read(source)
    argv, language = spec.get("argv"), spec.get("language")
    if not _is_texts(argv) or not argv or not isinstance(language, str) or not source.name.isprintable():
        return None
    own = _is_own(source / "kernel.json") and _is_own(prefix)
    env = {name: value for name, value in _dict(spec.get("env")).items() if isinstance(value, str)} if own else {}
    if any(argument.startswith("ipykernel") for argument in argv) and (
        source.name == "python3" or (argv[-2:] == ["-f", CONNECTION] and argv[-3].startswith("ipykernel") and not env)
    ):
        return None
    arguments = _known(argv, language, prefix, python)
    if arguments is None:
        if not own:
            return None
        arguments = _taken(argv, source, prefix, python)
    shown, mode = spec.get("display_name"), spec.get("interrupt_mode")
    return Kernel(
        source.name,
        arguments,
        language,
        source,
        display_name=shown if isinstance(shown, str) and shown else source.name,
        interrupt_mode="message" if mode == "message" else "signal",
        env=env,
    )


def _known(argv: list[str], language: str, prefix: Path, python: str) -> tuple[str, ...] | None:
    """How IRkernel, xeus-python, IJulia and bash_kernel are started; None for what is none of these."""
    program = os.path.basename(argv[0])
    if program == "R" and "IRkernel::main()" in argv:
        return ("--", "bin/R", "--slave", "-e", "IRkernel::main()", "--args", CONNECTION)
    if program == "xpython":
        raw = ("--raw-mode",) if "--raw-mode" in argv else ()
        return ("--", "bin/xpython", *raw, "-f", CONNECTION)
    if language == "julia":
        for script in sorted(prefix.glob("share/julia/packages/IJulia/*/src/kernel.jl")):
            return ("--", "bin/julia", "-i", "--color=yes", "--project=@.", str(script), CONNECTION)
    if argv[1:3] == ["-m", "bash_kernel"]:
        return _of_python("bash_kernel", python)
    return None


def _taken(argv: list[str], source: Path, prefix: Path, python: str) -> tuple[str, ...]:
    """``argv`` as its kernelspec has it. Jupyter's placeholders mean the environment, not whoever starts it."""
    here = {"{resource_dir}": str(source), "{prefix}": str(prefix)}
    program, *rest = (re.sub(r"{resource_dir}|{prefix}", lambda match: here[match[0]], one) for one in argv)
    if program.startswith(f"{prefix}/"):
        program = program[len(f"{prefix}/") :]
    if (_PYTHON.match(os.path.basename(program)) and program.startswith("bin/")) or _PYTHON.match(program):
        if rest[:1] == ["-m"] and _is_recent(python):
            return tuple(rest)
        program = f"bin/{os.path.basename(program)}"
    return ("--", program, *rest)


def _of_python(module: str, python: str) -> tuple[str, ...]:
    arguments = ("-m", module, "-f", CONNECTION)
    return arguments if _is_recent(python) else ("--", "bin/python", *arguments)


def _is_recent(python: str) -> bool:
    """Whether the shim runs in Python ``python``; so it is taken for where the version is not known."""
    found = re.match(r"(\d+)\.(\d+)", python)
    return found is None or (int(found[1]), int(found[2])) >= _OLDEST


def _is_own(path: Path) -> bool:
    try:
        return path.stat().st_uid == os.geteuid()
    except OSError:
        return False


def _is_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) and "\0" not in one for one in value)


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
