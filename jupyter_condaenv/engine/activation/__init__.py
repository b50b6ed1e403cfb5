"""What activating a conda environment does to the variables of a process: captured once, kept, applied at each start.

This folder is copied beside the shim and runs in the Pythons of environments: standard library only, Python 3.8 and
newer. A start goes through ``launch``, ``cache`` and what these import; everything that a capture needs (``capture``,
``rules``, ``bash``, ``sources``) is imported only then, as a start that finds its record costs less than ``import re``.
"""

from __future__ import annotations

FOLDER = "activation"
"""Of the cache and of the marks of use, in the data directory."""
TIME_LIMIT = 20.0
"""Seconds one script may take."""
