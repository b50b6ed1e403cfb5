"""What packages of an environment demand of the machine: noted when they are installed, looked at whenever it starts.

They demand it by virtual packages (CEP 30). Of these only what a moment's look can tell is looked at here, and what
cannot be told counts as fulfilled: a kernel starts in any case, and is not to warn of nothing. At installation
``machine.lacks`` looks more closely.

This file is copied beside the shim and runs in the Pythons of environments: standard library only, Python 3.8 and
newer, and nothing imported that is not needed, such as ``re``.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

FILE = "conda-meta/condaenv/demands"
"""One demand a line: the spec, a tab and the package. There is none where nothing is demanded."""
WORDS = {
    "__cuda": "a GPU driver for CUDA",
    "__glibc": "the C library glibc",
    "__osx": "macOS",
    "__linux": "the Linux kernel",
    "__archspec": "the processor",
}
_EVERYWHERE = ("__unix", "__linux")
"""What every machine has that starts kernels here, unless a version is asked for."""
_LEVELS = (
    ("cx16", "lahf_lm", "popcnt", "pni", "sse4_1", "sse4_2", "ssse3"),
    ("abm", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe", "xsave"),
    ("avx512bw", "avx512cd", "avx512dq", "avx512f", "avx512vl"),
)
"""What Linux calls the features that x86_64_v2, v3 and v4 (the psABI's levels) have each on top of the one before."""
_OPERATORS = (">=", "<=", "==", "!=", "~=", ">", "<", "=")


def of(packages: Iterable[Any]) -> dict[str, str]:
    """Each spec of a virtual package that one of ``packages`` (records) depends on, with the first that does."""
    found: dict[str, str] = {}
    for package in packages:
        for spec in package.depends:
            if spec.startswith("__") and spec not in _EVERYWHERE:
                found.setdefault(spec, f"{package.name} {package.version}")
    return found


def sentence(spec: str, package: str, version: str) -> str:
    """What is to be told where the machine has ``version`` of the virtual package, none where that is empty."""
    name = spec.partition(" ")[0]
    what = f" ({WORDS[name]})" if name in WORDS else ""
    has = f"has {name} {version}" if version else f"has no {name}"
    return f"{package} needs {spec}{what}, and this machine {has}"


def misfit(prefixes: Sequence[str], environ: Mapping[str, str]) -> str:
    """What this machine lacks of what is demanded in ``prefixes``, in one sentence; empty where it lacks nothing.

    Variables such as ``CONDA_OVERRIDE_CUDA`` count for what they say, as everywhere.
    """
    has: dict[str, str | None] = {}
    told: dict[str, str] = {}
    for prefix in prefixes:
        for line in _lines(f"{prefix}/{FILE}"):
            spec, _, package = line.partition("\t")
            name, _, wanted = spec.partition(" ")
            if name not in has:
                has[name] = _found(name, environ)
            version = has[name]
            if version is not None and not _fits(name, wanted, version):
                told.setdefault(name, sentence(spec, package, version))
    return f"This environment is for another machine: {'; '.join(told.values())}." if told else ""


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().splitlines()
    except OSError:
        return []


def _found(name: str, environ: Mapping[str, str]) -> str | None:
    """The version that this machine has; empty where it has none, None where that cannot be told."""
    override = environ.get(f"CONDA_OVERRIDE_{name[2:].upper()}")
    if override is not None:
        return override.strip()
    finder = {"__glibc": _glibc, "__linux": _linux, "__cuda": _cuda, "__archspec": level}.get(name)
    return finder() if finder is not None else None


def _glibc() -> str | None:
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").rpartition(" ")[2]
    except (AttributeError, OSError, ValueError):  # another C library does not know the question
        return ""


def _linux() -> str | None:
    return os.uname().release if os.uname().sysname == "Linux" else None


def _cuda() -> str | None:
    """As the driver says, which need not be set up for that."""
    from ctypes import CDLL, byref, c_int

    for path in ("libcuda.so.1", "/usr/lib/wsl/lib/libcuda.so.1", "/usr/lib64/nvidia/libcuda.so.1"):
        number = c_int()
        try:
            if CDLL(path).cuDriverGetVersion(byref(number)) == 0:
                return f"{number.value // 1000}.{number.value % 1000 // 10}"
        except (OSError, AttributeError):
            continue
    return ""


def level() -> str | None:
    """Of this processor, such as ``x86_64_v3``; None on others. Of the file no more is made than is read of it."""
    if os.uname().machine != "x86_64":
        return None
    try:
        with open("/proc/cpuinfo", "rb", buffering=0) as file:
            start = file.read(8192).decode("ascii", "replace")
    except OSError:
        return None
    flags = next((line.partition(":")[2].split() for line in start.splitlines() if line.startswith("flags")), [])
    number = 1
    for features in _LEVELS:
        if not set(features) <= set(flags):
            break
        number += 1
    return f"x86_64_v{number}" if flags else None


def _fits(name: str, wanted: str, version: str) -> bool:
    if name == "__archspec":
        return fits_level(wanted.rpartition(" ")[2], version)
    if not version:
        return False
    constraint, _, build = wanted.strip().partition(" ")
    if build or "|" in constraint or "(" in constraint:
        return True
    return all(_holds(part, version) for part in constraint.split(",") if part)


def fits_level(wanted: str, found: str, otherwise: bool = True) -> bool:
    """Whether a processor of the level ``found`` does what one of the level ``wanted`` does; ``otherwise`` where one of
    them is no level, but a make."""
    numbers = [text[len("x86_64_v") :] for text in (wanted, found) if text.startswith("x86_64_v")]
    return numbers[0] <= numbers[1] if len(numbers) == 2 else otherwise


def _holds(part: str, version: str) -> bool:
    """Whether ``version`` is one that ``part``, such as ``>=2.17`` or ``12.*``, allows."""
    operator = next((one for one in _OPERATORS if part.startswith(one)), "")
    text = part[len(operator) :].strip()
    wanted, found = _numbers(text), _numbers(version)
    if not wanted or not found:
        return True
    if operator == "=" or (not operator and text.endswith("*")):
        return found[: len(wanted)] == wanted
    length = max(len(wanted), len(found))
    wanted, found = ([*numbers, *[0] * (length - len(numbers))] for numbers in (wanted, found))
    return {
        ">=": found >= wanted,
        "~=": found >= wanted,
        ">": found > wanted,
        "<=": found <= wanted,
        "<": found < wanted,
        "!=": found != wanted or text.endswith("*"),
    }.get(operator, found == wanted)


def _numbers(text: str) -> list[int]:
    """The numbers that ``text`` begins with: those of ``3.0.a0`` are 3 and 0."""
    found = []
    for part in text.replace("-", ".").split("."):
        if not part.isdigit():
            break
        found.append(int(part))
    return found
