"""Where the story happens: directories of its own, in which nothing of the user's settings is seen."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from tests import lab

FOREIGN = ("CONDA", "JUPYTER", "MAMBA", "XDG_", "CUDA_HOME", "MKL_NUM_THREADS", "PROJ_DATA")
"""What the names of variables begin with that may change what is told."""


class Places:
    """All below ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lock = folder / "base-ml.lock.json"
        self.notebooks = folder / "notebooks"
        self.server_log = folder / "server.log"
        self.variables = {
            "HOME": folder / "home",
            "IPYTHONDIR": folder / "home" / "ipython",
            "JUPYTER_CONFIG_DIR": folder / "jupyter-config",
            "JUPYTER_DATA_DIR": folder / "jupyter",
            "JUPYTER_RUNTIME_DIR": folder / "jupyter-runtime",
            "XDG_CACHE_HOME": folder / "cache",
        }

    def made_by_hand(self, environments: Sequence[str]) -> list[str]:
        """The environments beside ``environments``, and the notebooks, that somebody has made here."""
        envs = self.variables["JUPYTER_DATA_DIR"] / "condaenv" / "envs"
        notebooks = (path for path in self.notebooks.rglob("*.ipynb") if ".ipynb_checkpoints" not in path.parts)
        # What an interrupted operation has left begins with a dot.
        own = (path.name for path in envs.glob("[!.]*") if path.name not in environments)
        return sorted([*own, *(str(path.relative_to(self.notebooks)) for path in notebooks)])

    def occupy(self, channel: str) -> None:
        """From here on this process and those it starts keep to these places, and take packages from ``channel``."""
        self.notebooks.mkdir(parents=True)
        for name in list(os.environ):
            if name.startswith(FOREIGN):
                del os.environ[name]
        for name, place in self.variables.items():
            place.mkdir(parents=True, exist_ok=True)
            os.environ[name] = str(place)
        config = self.variables["JUPYTER_CONFIG_DIR"]
        # What else this machine has is no part of the story.
        traits = {"channels": [channel], "find": []}
        (config / "jupyter_condaenv_config.json").write_text(json.dumps({"CondaEnv": traits}))
        lab.settle(config)
