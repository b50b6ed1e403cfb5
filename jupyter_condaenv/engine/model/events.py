"""What is told while an operation goes on."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from .plans import Brief, Unasked

Phase = Literal[
    "wait",
    "solve",
    "download",
    "stage",
    "link",
    "compile",
    "pip",
    "check",
    "commit",
    "register",
    "remove",
    "measure",
    "index",
    "pack",
    "build",
    "clean",
    "scan",
]


class Event(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="event"):
    """Anything an operation reports."""


class Step(Event, frozen=True, kw_only=True, tag="step"):
    """A phase begins; ``text`` says so to a person."""

    phase: Phase
    text: str


class Progress(Event, frozen=True, kw_only=True, tag="progress"):
    """How far a phase has come. ``total`` is 0 while it is unknown."""

    phase: Phase
    done: int
    total: int = 0
    unit: Literal["bytes", "files", "packages", "seconds"] = "packages"
    item: str = ""
    """What it is about just now, such as the package being downloaded."""


class Message(Event, frozen=True, kw_only=True, tag="message"):
    """Something a person should know that does not stop the operation."""

    level: Literal["info", "warning"] = "info"
    text: str


class Solved(Event, frozen=True, kw_only=True, tag="solved"):
    """What is going to be done, before it is. The result has the whole plan."""

    changes: tuple[Brief, ...]
    unasked: tuple[Unasked, ...] = ()
    download_bytes: int


AnyEvent = Step | Progress | Message | Solved

# --- results ---
