"""Conda environments that a notebook user never has to fight with: each one a kernel that simply works."""

__version__ = "0.1.0"


def _jupyter_server_extension_points() -> list[dict[str, object]]:
    """Where Jupyter's server finds the extension."""
    from .server.app import CondaEnvExtension

    return [{"module": "jupyter_condaenv", "app": CondaEnvExtension}]
