"""Hints that a job has come further, as Jupyter's event system carries them to every client."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ..jobs import State

SCHEMA_FILE = Path(__file__).with_name("events") / "job.yaml"
SCHEMA = "urn:jupyter_condaenv:events:job:v1"
"""The ``$id`` in that file."""


class Hint(NamedTuple):
    id: str
    state: State
    number: int
    """Of the latest event; 0 while there is none."""
