"""Conda environments that a notebook user never has to fight with: each one a kernel that simply works."""

from __future__ import annotations

__version__ = "0.1.0"


def _jupyter_server_extension_points() -> list[dict[str, object]]:
    """Where Jupyter's server finds the extension."""
    from .server.app import CondaEnvExtension

    return [{"module": "jupyter_condaenv", "app": CondaEnvExtension}]


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Where JupyterLab's tools find the panel."""
    return [{"src": "labextension", "dest": "jupyter-condaenv"}]


def load_ipython_extension(shell: object) -> None:
    """``%load_ext jupyter_condaenv``: ``%condaenv`` in a kernel that we did not register."""
    import sys

    from .magics import register

    register(shell, [sys.executable, "-m", "jupyter_condaenv.cli"])
