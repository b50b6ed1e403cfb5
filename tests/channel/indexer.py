"""Indexes one channel directory with py-rattler: `python indexer.py DIRECTORY`.

A file of its own, started as a process of its own: a process that used py-rattler can crash while
the interpreter shuts down, so this one leaves without shutting down.
"""

from __future__ import annotations

import asyncio
import os
import sys
import traceback
from pathlib import Path

# Started as a file, this folder comes first on the path: its `build` or `server` are not meant.
sys.path[:] = [entry for entry in sys.path if entry != str(Path(__file__).parent)]


def main(directory: str) -> int:
    """Index `directory`, every subdir anew; 0 when it went well."""
    from rattler.index import index_fs

    asyncio.run(index_fs(Path(directory), force=True))
    return 0


if __name__ == "__main__":
    try:
        code = main(sys.argv[1])
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
