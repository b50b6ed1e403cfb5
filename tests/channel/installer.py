"""Solves and installs with plain py-rattler: `python installer.py CHANNEL PREFIX CACHE SPEC...`.

Shows that the channel is one for any conda client, without this project's engine. A file of its own
because a process that used py-rattler leaves without shutting down. With `--link-scripts` first,
post-link scripts run. Prints the records as name=version=build.
"""

from __future__ import annotations

import asyncio
import os
import sys
import traceback
from pathlib import Path

# Started as a file, this folder comes first on the path: its `build` or `server` are not meant.
sys.path[:] = [entry for entry in sys.path if entry != str(Path(__file__).parent)]


async def main(arguments: list[str]) -> None:
    """Solve SPECs against CHANNEL and install them into PREFIX; all caches lie below CACHE."""
    from rattler import Channel, Client, Gateway, MatchSpec, Subdir, VirtualPackage, install, solve
    from rattler.virtual_package import VirtualPackageOverrides

    link_scripts = arguments[0] == "--link-scripts"
    channel, prefix, cache, *specs = arguments[link_scripts:]
    client = Client.default_client()
    records = await solve(
        [Channel(channel)],
        [MatchSpec(spec) for spec in specs],
        gateway=Gateway(client=client, cache_dir=Path(cache, "repodata")),
        platforms=[Subdir.current(), Subdir("noarch")],
        virtual_packages=VirtualPackage.detect(VirtualPackageOverrides.from_env()),
    )
    for record in records:
        print(f"{record.name.normalized}={record.version}={record.build}")
    await install(
        records,
        prefix,
        cache_dir=Path(cache, "pkgs"),
        client=client,
        show_progress=False,
        execute_link_scripts=link_scripts,
    )


if __name__ == "__main__":
    try:
        asyncio.run(main(sys.argv[1:]))
        code = 0
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
