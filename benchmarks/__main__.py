"""``python -m benchmarks [NAME...]``: see the package."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from jupyter_condaenv.engine.model import Settings
from tests.channel import build

from . import environments, kernels, panel, pool, scale, search
from .measure import machine

ALL: dict[str, Callable[..., None]] = {
    "create": environments.create_from_lock,
    "clone": environments.clone,
    "add": environments.add_one,
    "start": kernels.start,
    "cold": kernels.cold,
    "kernelspecs": kernels.listing,
    "pool": pool.hand_over,
    "list": environments.listing,
    "scan": environments.scan,
    "fetch": environments.fetch,
    "search": search.small,
    "panel": panel.panel,
}
ONLY_NAMED = {"search-large": search.large}
"""These take minutes."""
BESIDE_OTHERS = {"solve": scale.solve, "create-beside": scale.create}
"""These also measure other programs, where they are given; and take minutes."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"of {', '.join(ALL)}, all of which when none is named, and {', '.join([*ONLY_NAMED, *BESIDE_OTHERS])}",
    )
    parser.add_argument("--rounds", type=int, default=7, help="rounds of each (7)")
    parser.add_argument("--starts", type=int, default=50, help="kernel starts of each kind (50)")
    parser.add_argument("--dir", type=Path, help="where to work; on the file system that is of interest")
    parser.add_argument(
        "--beside",
        action="append",
        default=[],
        metavar="NAME=COMMAND",
        help="measure this program too, which takes conda's arguments, such as micromamba=/opt/bin/micromamba",
    )
    parser.add_argument(
        "--runner",
        action="append",
        default=[],
        metavar="NAME=COMMAND",
        help="start kernels by this too, such as 'conda run=conda run --no-capture-output -p {prefix}'",
    )
    options = parser.parse_args()
    if unknown := set(options.names) - {*ALL, *ONLY_NAMED, *BESIDE_OTHERS}:
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    channel = build()
    print(machine())
    with tempfile.TemporaryDirectory(dir=options.dir) as folder:
        settings = Settings(
            envs_dirs=(f"{folder}/envs",),
            cache_dir=f"{folder}/cache",
            data_dir=f"{folder}/data",
            kernels_dir=f"{folder}/kernels",
            channels=(channel.as_uri(),),
        )
        for name in options.names or ALL:
            if name in BESIDE_OTHERS:
                BESIDE_OTHERS[name](settings, options.rounds, scale.Others.of(options.beside))
                continue
            if name == "start":
                kernels.start(settings, options.starts, scale.Others.of(options.runner).commands)
                continue
            (ALL | ONLY_NAMED)[name](settings, options.rounds)


if __name__ == "__main__":
    main()
