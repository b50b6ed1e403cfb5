"""What a file asks for, in whatever format it was written."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field

from ..model import ForeignLock, Lock, Strategy

Format = Literal["environment.yml", "explicit", "lock", "pixi", "requirements.txt", "conda list", "notebook"]


class SpecFile(Struct, frozen=True, kw_only=True):
    """What one file asks for. It asks either for ``specs`` or for exactly the packages of a lock."""

    format: Format = "lock"
    """What it was taken for."""
    name: str = ""
    """Of the environment, as the file gives it; empty where it gives none."""
    specs: tuple[str, ...] = ()
    """Package requests, as they stand in the file."""
    spec_lines: dict[str, int] = field(default_factory=dict)
    """Where they stand, as far as that is known."""
    channels: tuple[str, ...] = ()
    """In order of priority; empty: the configured ones."""
    channel_lines: dict[str, int] = field(default_factory=dict)
    """Where they stand, as far as that is known."""
    variables: dict[str, str] = field(default_factory=dict)
    """To be set wherever the environment is active."""
    pip: tuple[str, ...] = ()
    """Requirements for pip, as they stand in the file."""
    pip_lines: dict[str, int] = field(default_factory=dict)
    """Where they stand, as far as that is known."""
    pip_index: str = ""
    """Where the file says that pip is to look elsewhere than pip is configured to; empty where it does not."""
    lock: Lock | None = None
    lock_line: int = 0
    """Where it first names a package that is for its platform alone; 0 where that is not known."""
    foreign_lock: ForeignLock | None = None
    """A lock that is too large to be read on the spot: ``read_lock`` makes ``lock`` of it."""
    platforms: tuple[str, ...] = ()
    """Those it is written for; empty where it does not say."""
    environments: tuple[str, ...] = ()
    """Those that can be chosen of the file; empty where there is only one, or where that is not known yet."""
    strategy: Strategy = Strategy()
    """How its author has packages chosen, and for which machine."""
    warnings: tuple[str, ...] = ()
    """What a person should know of how it was read."""
