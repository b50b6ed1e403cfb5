"""The variables with which a kernel starts: those of activation, and what is found anew at each start."""

from __future__ import annotations

import os
import sys

from .cache import activated
from .threads import add_threads, thread_limit
from .use import note_use
from .variables import inherited_prefixes

FOREIGN = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
"""Variables that name another Python's things: a server's are not a kernel's."""
COMPILED = "bytecode"
"""In the user's data directory: compiled Python of environments that have none and cannot be written."""
_CONSTRAINTS = "conda-meta/condaenv/constraints.txt"
_SET_LATER = ("PYTHONPYCACHEPREFIX", "PYTHONDONTWRITEBYTECODE")
"""What a Python reads when it starts, and whoever activates it can set in it as well."""
_EARLY = ("LD_LIBRARY_PATH", "LD_PRELOAD", "LD_AUDIT", "GLIBC_TUNABLES", "LC_ALL", "LC_CTYPE", "LANG")
_EARLY_FAMILIES = ("PYTHON", "MALLOC_", "DYLD_")


def join_levels(prefixes: tuple[str, ...]) -> str:
    """One argument for several prefixes, bottom first, that survives kernel.json and that ``/bin/sh`` can read.

    Joined by ``:``. What would be mistaken (``:``, ``\\``, the ``{}`` of Jupyter's placeholders, control characters,
    bytes that are not text) is written as ``printf %b`` takes it: ``\\0`` and three octal digits.
    """
    return ":".join("".join(_escaped(character) for character in prefix) for prefix in prefixes)


def split_levels(argument: str) -> tuple[str, ...]:
    """The prefixes that ``join_levels`` made ``argument`` of."""
    return tuple(_unescaped(part) for part in argument.split(":")) if argument else ()


def is_python_of_root(prefixes: tuple[str, ...], path: str = "bin/python") -> bool:
    """Whether ``path`` of a stack leads to the Python of its lowest prefix, as ``engine.stack`` has laid it out."""
    try:
        return os.readlink(f"{prefixes[-1]}/{path}").startswith(f"{prefixes[0]}/bin/python")
    except OSError:
        return False


def _escaped(character: str) -> str:
    if character in ":\\{}" or character < " " or "\udc80" <= character <= "\udcff":
        return "".join(f"\\0{byte:03o}" for byte in os.fsencode(character))
    return character


def _unescaped(text: str) -> str:
    if "\\" not in text:
        return text
    import re

    raw = re.sub(rb"\\0([0-7]{3})", lambda match: bytes([int(match.group(1), 8)]), os.fsencode(text))
    return os.fsdecode(raw)


def launch_environment(
    prefixes: tuple[str, ...], environ: dict[str, str], cache_dir: str, options: tuple[str, ...] = ()
) -> tuple[dict[str, str], list[str]]:
    """The variables with which a kernel of ``prefixes`` (bottom first) runs, and what a person should know of them.

    ``options`` are those of its kernelspec: ``--always-run``, ``--library-path=prefix`` or ``clean``, and
    ``--inherit=NAME`` for one of ``FOREIGN``, for PYTHONNOUSERSITE, or for CONDA, an environment that is active.
    """
    environ = _inherited(prefixes, environ, options)
    note_use(prefixes, cache_dir)
    leave = "--inherit=CONDA" not in options
    if "--always-run" in options:
        from .capture import capture

        changes = capture(prefixes, environ, leave=leave)[0]
    else:
        changes = activated(prefixes, environ, cache_dir, leave=leave)
    env, warnings = changes.apply(environ), list(changes.warnings)
    if "PYTHONHOME" in env and not _is_home(env["PYTHONHOME"], prefixes[0]):
        warnings.append(f"PYTHONHOME={env.pop('PYTHONHOME')} holds no library of this Python; it was left out.")
    if "--inherit=PYTHONNOUSERSITE" not in options:
        env["PYTHONNOUSERSITE"] = "1"
    if "--library-path=prefix" in options:
        env["LD_LIBRARY_PATH"] = ":".join([*_libraries(prefixes), *_other_libraries(prefixes, env)])
    add_threads(env, thread_limit(env))
    _add_cuda(env, prefixes, environ)
    _add_overlay(env, prefixes)
    _add_bytecode(env, prefixes, os.path.dirname(cache_dir))
    return env, warnings


def prepare(prefixes: tuple[str, ...], environ: dict[str, str], cache_dir: str, options: tuple[str, ...]) -> None:
    """Have in the cache what a launch with the same finds there."""
    if "--always-run" not in options:
        given = _inherited(prefixes, environ, options)
        activated(prefixes, given, cache_dir, leave="--inherit=CONDA" not in options)


def _inherited(prefixes: tuple[str, ...], environ: dict[str, str], options: tuple[str, ...]) -> dict[str, str]:
    foreign = {name for name in FOREIGN if f"--inherit={name}" not in options}
    if "--library-path=clean" in options:
        foreign.add("LD_LIBRARY_PATH")
    kept = {name: value for name, value in environ.items() if name not in foreign}
    left = inherited_prefixes(kept)
    if left and "--inherit=CONDA" not in options:
        _leave(left, prefixes, kept)
    if "--library-path=prefix" in options and "LD_LIBRARY_PATH" in kept:
        # The trampoline has put these first already. Scripts see what the server has.
        kept["LD_LIBRARY_PATH"] = ":".join(_other_libraries(prefixes, kept))
        if not kept["LD_LIBRARY_PATH"]:
            del kept["LD_LIBRARY_PATH"]
    return kept


def _leave(left: list[str], prefixes: tuple[str, ...], env: dict[str, str]) -> None:
    """Take out of ``env`` what a launch has added for the environments ``left``: conda's rules know nothing of it."""
    for name, between, added in (
        ("LD_LIBRARY_PATH", ":", [f"{prefix}/lib" for prefix in left]),
        ("JUPYTER_PATH", ":", [f"{prefix}/share/jupyter" for prefix in left[:-1]]),
        ("PIP_CONSTRAINT", " ", [_constraints(prefix) for prefix in left]),
    ):
        rest = between.join(one for one in env.get(name, "").split(between) if one not in added)
        if rest:
            env[name] = rest
        else:
            env.pop(name, None)
    for name in ("CUDA_HOME", "CUDA_PATH"):
        prefix = _prefix_of_cuda(env.get(name, ""))
        if prefix in left and prefix not in prefixes:
            del env[name]


def _libraries(prefixes: tuple[str, ...]) -> list[str]:
    return [f"{prefix}/lib" for prefix in reversed(prefixes)]


def _other_libraries(prefixes: tuple[str, ...], env: dict[str, str]) -> list[str]:
    own = _libraries(prefixes)
    return [path for path in env.get("LD_LIBRARY_PATH", "").split(":") if path and path not in own]


def _is_home(home: str, root: str) -> bool:
    """Whether the Python of the environment ``root`` can start with ``home``: else it ends before it can say so."""
    names = _pythons(f"{root}/lib")
    return not home or any(os.path.isdir(f"{home.partition(':')[0]}/lib/{name}/encodings") for name in names)


def _pythons(lib: str) -> list[str]:
    """Names of the folders of Pythons in ``lib``."""
    try:
        return [name for name in os.listdir(lib) if name.startswith("python3.")]
    except OSError:
        return []


def read_at_start(old: dict[str, str], new: dict[str, str]) -> list[str]:
    """The variables in which ``new`` differs from ``old`` and that a process, or its Python, reads only when it
    starts."""
    return [
        name
        for name in {**old, **new}
        if (name in _EARLY or name.startswith(_EARLY_FAMILIES))
        and old.get(name) != new.get(name)
        and name not in _SET_LATER
        and (name != "PYTHON_CPU_COUNT" or sys.version_info >= (3, 13))
    ]


def _add_cuda(env: dict[str, str], prefixes: tuple[str, ...], environ: dict[str, str]) -> None:
    # Not by the folder of libraries that programs need to run: with those alone a toolkit of the system is found.
    having = [prefix for prefix in prefixes if os.path.exists(f"{prefix}/bin/nvcc")]
    if not having:
        return
    lower = prefixes[: prefixes.index(having[-1])]
    for name in ("CUDA_HOME", "CUDA_PATH"):
        # What a script has set of its own stack, it has set on purpose.
        inherited = env.get(name) == environ.get(name)
        if env.get(name) and not _gives_way(env[name], prefixes, lower if inherited else ()):
            return
    env["CUDA_HOME"] = env["CUDA_PATH"] = having[-1]


def _gives_way(path: str, prefixes: tuple[str, ...], lower: tuple[str, ...]) -> bool:
    """Whether ``path`` is that of an environment, or of a folder ``targets/...`` in one, other than ``prefixes`` or
    among those of them that are ``lower``."""
    prefix = _prefix_of_cuda(path)
    return prefix in lower or (prefix not in prefixes and os.path.isdir(f"{prefix}/conda-meta"))


def _prefix_of_cuda(path: str) -> str:
    return path.partition("/targets/")[0].rstrip("/")


def _add_overlay(env: dict[str, str], prefixes: tuple[str, ...]) -> None:
    own = prefixes[-1]
    if not os.path.exists(f"{own}/pyvenv.cfg"):
        return
    shared = [f"{prefix}/share/jupyter" for prefix in reversed(prefixes[:-1])]
    given = [path for path in env.get("JUPYTER_PATH", "").split(":") if path and path not in shared]
    if shared:
        env["JUPYTER_PATH"] = ":".join([*shared, *given])
    if os.path.exists(f"{own}/{_CONSTRAINTS}"):
        env["PIP_CONSTRAINT"] = " ".join([_constraints(own), *env.get("PIP_CONSTRAINT", "").split()])


def _constraints(prefix: str) -> str:
    """The versions of what lies below the overlay ``prefix``, as pip takes them."""
    path = f"{prefix}/{_CONSTRAINTS}"
    # pip splits the variable at white space; a URL can go without.
    if len(path.split()) > 1:
        import re

        return "file://" + re.sub(r"[%\s]", lambda m: "".join(f"%{b:02X}" for b in m[0].encode()), path)
    return path


def _add_bytecode(env: dict[str, str], prefixes: tuple[str, ...], data_dir: str) -> None:
    """Without bytecode, and where none can be written, each start would compile all that it imports: seconds."""
    if "PYTHONPYCACHEPREFIX" not in env and any(_lacks_bytecode(f"{prefix}/lib") for prefix in prefixes):
        env["PYTHONPYCACHEPREFIX"] = f"{data_dir}/{COMPILED}"
        env.pop("PYTHONDONTWRITEBYTECODE", None)


def _lacks_bytecode(lib: str) -> bool:
    """Whether there is a Python in ``lib`` that nobody has compiled, and that we may not write into."""
    return not os.access(lib, os.W_OK) and any(not os.path.isdir(f"{lib}/{name}/__pycache__") for name in _pythons(lib))
