"""Where things are, and what applies when a request is silent."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

ChannelPriority = Literal["strict", "flexible", "disabled"]
LibraryPath = Literal["off", "prefix", "clean"]
"""What becomes of ``LD_LIBRARY_PATH`` in a kernel: nothing of ours (conda's packages find their libraries without it);
the environment's ``lib`` put in front; or what the server had taken away."""
Inherited = Literal["PYTHONPATH", "PYTHONHOME", "PYTHONNOUSERSITE", "VIRTUAL_ENV", "CONDA"]
"""Variables of another Python, by their names, and an environment that is active (``CONDA_PREFIX`` and its kin)."""


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where things are and what applies when a request is silent. Every path is absolute.

    The faces make it from their configuration; a worker finds it beside its request.
    """

    envs_dirs: tuple[str, ...]
    """Where environments are looked for by name. New ones go to the first that can be written."""
    find: tuple[str, ...] = ()
    """Where else environments are looked for now and then: patterns, as ``places.pattern`` gives them."""
    find_every: float = 600.0
    """Seconds after which a server has them looked for again; 0: only when it is told to."""
    find_kernels: bool = True
    """Whether environments that others have made become kernels when they are found."""
    cache_dir: str
    """Downloaded and unpacked packages, channel indexes and compiled bytecode; best on the file system of the
    environments, because packages are hard-linked from here."""
    data_dir: str
    """Jobs, activation cache, trampoline and shim. One user's; mode 0700."""
    kernels_dir: str
    """Where kernelspecs are written."""
    channels: tuple[str, ...] = ("conda-forge",)
    channels_chosen: bool = True
    """Whether ``channels`` were chosen for this program, rather than found in a ``.condarc``."""
    offline: bool = False
    """Whether the engine does without a network: with indexes and packages that are cached, or lie in directories."""
    channel_alias: str = "https://conda.anaconda.org"
    channel_priority: ChannelPriority = "strict"
    exclude_newer: str = ""
    """As in ``Strategy``."""
    exclude_newer_except: tuple[str, ...] = ()
    uv: bool = True
    """Whether uv, where it is there, installs what is asked of pip."""
    solve_timeout: float = 120.0
    """Seconds after which a solve is given up."""
    stall_timeout: float = 120.0
    """Seconds without any sign of progress after which a job is ended."""
    quota: int = 0
    """Bytes on disk that environments and package cache may take together; 0: as many as there are."""
    reserve: int = 0
    """Bytes that a change leaves free on each file system."""
    library_path: LibraryPath = "off"
    """Of kernels that have no choice of their own."""
    host: str = ""
    """What this host is called; empty: as the system says."""
