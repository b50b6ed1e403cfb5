"""What a cell shows while it waits: lines that stay, and below them one that is written over and over.

It is plain text with carriage returns, which every front end knows: notebooks, consoles, and programs that run a
notebook and keep only what stayed.
"""

from __future__ import annotations

import time
from typing import Sequence

BAR = 16
"""Characters of a full bar."""
WIDTH = 78
"""Characters of the line that is written over: it must not wrap in a console."""
SHORTEST = 0.2
"""Seconds between two moves of it; the longer it takes, the fewer there are."""


class Status:
    """``live`` is whether somebody looks on while it comes; without, only the lines that stay are written."""

    def __init__(self, *, live: bool) -> None:
        self._live = live
        self._began = time.monotonic()
        self._moved = self._began
        self._shown = ""
        self._step = ""

    def say(self, *lines: str) -> None:
        """Lines that stay."""
        first, *rest = map(harmless, lines)
        self._write("\n".join([first.ljust(len(self._shown)), *rest]) + "\n")
        self._shown = ""

    def show(self, step: str) -> None:
        """What goes on now."""
        self._step = step
        self._moved = time.monotonic()
        self._replace(step)

    def progress(self, done: int, total: int, unit: str, item: str) -> None:
        """How far it has come."""
        now = time.monotonic()
        if now - self._moved >= max(SHORTEST, (now - self._began) / 50):
            self._moved = now
            self._replace("  ".join(filter(None, (self._step, bar(done, total), amount(done, total, unit), item))))

    def keep(self) -> None:
        """The line that is written over stays as it is: so far it came."""
        if self._shown:
            print(flush=True)
            self._shown = ""

    def _replace(self, line: str) -> None:
        if not self._live:
            return
        line = harmless(line)
        line = line if len(line) <= WIDTH else line[: WIDTH - 1] + "…"
        self._write(line.ljust(len(self._shown)))
        self._shown = line

    def _write(self, text: str) -> None:
        print(("\r" if self._shown else "") + text, end="", flush=True)


def harmless(line: str) -> str:
    """``line`` without anything that would steer a terminal: names and messages come from channels and from disk."""
    return "".join(character if character.isprintable() else "?" for character in line)


def bar(done: int, total: int) -> str:
    """Empty where it is not known how long it is."""
    return ("█" * round(BAR * min(done / total, 1))).ljust(BAR, "░") if total else ""


def amount(done: int, total: int, unit: str) -> str:
    """How far: ``12.1 MB of 40.0 MB``, ``3 of 44 packages``."""
    if unit == "bytes":
        return f"{size(done)} of {size(total)}" if total else size(done)
    if unit == "seconds":
        return f"{done} s"
    return f"{done} of {total} {unit}" if total else f"{done} {unit}"


def size(number: float) -> str:
    """Bytes as people compare them: ``17.3 MB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"


def count(number: int, noun: str) -> str:
    """``1 package``, ``2 packages``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines with aligned columns."""
    widths = [max(map(len, column)) for column in zip(*rows)]
    return ["  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
