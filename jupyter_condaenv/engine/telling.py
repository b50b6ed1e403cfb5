"""Telling what an operation is about."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .channels import redact
from .model import AnyEvent, ChangePackages, Progress, Step

Emit = Callable[[AnyEvent], None]
_TOLD = 3
"""Names behind one verb."""


def size(number: float) -> str:
    """Bytes as people compare them: ``17.3 MB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"


def enumerated(names: Sequence[str]) -> str:
    """``names`` as a person says them: ``a, b and c``."""
    return ", ".join(names[:-1]) + " and " + names[-1] if len(names) > 1 else "".join(names)


def change_in_words(request: ChangePackages) -> str:
    """What it asks for, such as ``add numpy, remove scipy``."""
    asked = (*request.add, *request.pip)
    said = {
        "update to" if request.prune else "add": asked,
        "update": ("all",) if request.update_all else request.update,
        "remove": request.remove,
        "set": tuple(one.name for one in request.variables),
    }
    return redact(", ".join(f"{verb} {_few(names)}" for verb, names in said.items() if names))


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:_TOLD]) + (f" and {len(names) - _TOLD} more" if len(names) > _TOLD else "")


def waiting(what: str, emit: Emit) -> Callable[[str, float], None]:
    """What ``locking.lock`` calls while somebody else holds the lock; ``what`` is waited, such as "for geo"."""
    told = False

    def tell(holder: str, seconds: float) -> None:
        nonlocal told
        if not told:
            emit(Step(phase="wait", text=f"Waiting {what}: {holder} is under way"))
            told = True
        emit(Progress(phase="wait", done=round(seconds), unit="seconds"))

    return tell
