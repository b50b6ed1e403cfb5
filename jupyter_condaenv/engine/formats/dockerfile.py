"""A ``Dockerfile`` that makes an image of an environment, from the lock that lies beside it.

Of two stages only the environment itself comes into the image: neither what installs it nor its package cache. The
packages' activation scripts run when a container starts, since what they set may depend on where that is.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence

from ... import __version__
from ..demands import of as demands_of
from ..model import Lock
from .written import BY_HASH, OURS, plain

BUILDER = "python:3.13-slim-trixie"
BASE = "debian:trixie-slim"
PREFIX = "/opt/env"
"""Where it is in both stages: paths in packages are written for the place where they are."""
_SOURCE = '. "$script" </dev/null >&2; set +eu'
"""Input and output are the command's, and an option that a script leaves on would end the next one."""
_LINKERS = ("gcc_impl_", "gfortran_impl_", "sysroot_", "clang-", "binutils_impl_", "cuda-nvcc", "rust-std-")
"""Beginnings of the names of packages that link what is compiled, and may want static libraries for it."""


def write(
    name: str,
    lock: Lock,
    lock_name: str,
    variables: Mapping[str, str],
    comments: Sequence[str] = (),
    pip_name: str = "",
) -> str:
    """For the environment ``name``, whose explicit list lies beside it as ``lock_name``, and as ``pip_name`` what pip
    installs, if anything; it sets ``variables``."""
    install = [f"jupyter condaenv create {PREFIX} --file /opt/{lock_name}"]
    if pip_name:
        install.append(f"pip --python {PREFIX} install --no-cache-dir {BY_HASH} /opt/{pip_name}")
    if not any(package.name.startswith(_LINKERS) for package in lock.packages):
        install.append(f"find {PREFIX} -name '*.a' -type f -delete")
    names = {package.name for package in lock.packages}
    lines = [
        f"# {OURS}: the environment {plain(name)}, as {lock_name} beside this file has it.",
        *comments,
        f"FROM {BUILDER} AS build",
        f"RUN pip install --no-cache-dir jupyter-condaenv=={__version__}",
        *(f"COPY {file} /opt/" for file in (lock_name, pip_name) if file),
        f"RUN {' && '.join(install)}",
        "",
        f"FROM {BASE}",
        "RUN useradd --create-home --uid 1000 user",
        f"COPY --from=build {PREFIX} {PREFIX}",
        f"ENV PATH={PREFIX}/bin:$PATH",
        f"ENV CONDA_PREFIX={PREFIX} CONDA_DEFAULT_ENV={PREFIX} CONDA_SHLVL=1",
    ]
    if any(spec.split()[0] == "__cuda" for spec in demands_of(lock.packages)):
        lines.append("ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility")
    lines += [
        "USER 1000",
        "WORKDIR /home/user",
        f"ENTRYPOINT {_array('/bin/bash', '-c', _activated(variables), 'activated')}",
        f"CMD {_array('python' if 'python' in names else 'bash')}",
    ]
    return "\n".join(lines) + "\n"


def _activated(variables: Mapping[str, str]) -> str:
    """What makes a shell what ``conda activate`` would, and then the command that it is given."""
    exports = [f"export {name.upper()}={shlex.quote(value)}" for name, value in variables.items()]
    each = f'for script in {PREFIX}/etc/conda/activate.d/*.sh; do if [ -r "$script" ]; then {_SOURCE}; fi; done'
    # In a function, as conda has it: scripts may change arguments, and those of the command are not theirs.
    return "; ".join([*exports, f"activate() {{ {each}; }}", "activate", 'exec "$@"'])


def _array(*words: str) -> str:
    """The form in which Docker fills in nothing."""
    return json.dumps(words, ensure_ascii=False)
