"""A workflow of GitHub Actions that makes an environment from the lock in the repository, and looks whether it works.

It may read the repository and nothing else; actions are pinned to commits. The environment is kept for as long as the
lock is the same.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from ... import __version__
from .written import BY_HASH, OURS, Dumper, plain

FOLDER = ".github/workflows"
RUNNERS: Mapping[str, str] = {"linux-64": "ubuntu-24.04", "linux-aarch64": "ubuntu-24.04-arm"}
"""By platform."""
_ACTIONS = {
    "actions/checkout": ("08c6903cd8c0fde910a37f88322edcfb5dd907a8", "v5.0.0"),
    "actions/setup-python": ("e797f83bcb11b83ae66e0230d6156d7c80228e7c", "v6.0.0"),
    "actions/cache": ("9255dc7a253b0ccc959486e2bca901246202afeb", "v5.0.1"),
}
"""The commit of each, and the version that it is."""


def write(
    name: str,
    platform: str,
    lock_name: str,
    imports: Sequence[str],
    python: bool,
    comments: Sequence[str] = (),
    pip_name: str = "",
) -> str:
    """For the environment ``name``, whose explicit list is ``lock_name``, and what pip installs, if anything,
    ``pip_name``. ``imports`` are modules that it has, and ``python`` says whether it has a Python at all."""
    files = ", ".join(f"'{file}'" for file in (lock_name, pip_name) if file)
    missing = "steps.environment.outputs.cache-hit != 'true'"
    pip = {
        "name": "Have pip install what it had",
        "if": missing,
        "run": f"python -m pip --python ./env install {BY_HASH} {pip_name}",
    }
    look = f"import {', '.join(imports)}" if imports else "import sys"
    command = f"python -c {shlex.quote(look)}" if python else "env"
    content: dict[str, Any] = {
        "name": plain(name),
        "on": {"push": None, "pull_request": None},
        "permissions": {"contents": "read"},
        "concurrency": {"group": "${{ github.workflow }}-${{ github.ref }}", "cancel-in-progress": True},
        "jobs": {
            "environment": {
                "name": "Make it and look whether it works",
                "runs-on": RUNNERS[platform],
                "timeout-minutes": 30,
                "steps": [
                    {"uses": "actions/checkout", "with": {"persist-credentials": False}},
                    {"uses": "actions/setup-python", "with": {"python-version": "3.13"}},
                    {
                        "id": "environment",
                        "uses": "actions/cache",
                        "with": {
                            "path": "env",
                            "key": f"env-${{{{ runner.arch }}}}-${{{{ hashFiles({files}) }}}}",
                        },
                    },
                    {
                        "name": "Install what makes environments",
                        "run": f"python -m pip install jupyter-condaenv=={__version__}",
                    },
                    {
                        "name": "Make the environment",
                        "if": missing,
                        "run": f"jupyter condaenv create ./env --file {lock_name}",
                    },
                    *([pip] if pip_name else []),
                    {"name": "Look whether it works", "run": f"jupyter condaenv run ./env -- {command}"},
                ],
            }
        },
    }
    text = str(yaml.dump(content, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=10_000))
    text = text.replace("push: null", "push:").replace("pull_request: null", "pull_request:").replace("'on':", "on:", 1)
    for action, (commit, version) in _ACTIONS.items():
        text = text.replace(f"uses: {action}\n", f"uses: {action}@{commit} # {version}\n")
    told = [f"# {OURS}: the environment {plain(name)}, as {lock_name} has it.", "# Tests are further steps.", *comments]
    return "".join(f"{line}\n" for line in told) + text
