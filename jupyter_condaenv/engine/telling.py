"""Telling what an operation is about."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .model import AnyEvent, Progress, Step

Emit = Callable[[AnyEvent], None]


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
