"""A real conda channel made of what this machine has, and a server that can misbehave.

    from tests.channel import ChannelServer, build
    channel = build()                       # a directory; only what is missing is made
    with ChannelServer(channel) as server:
        server.latency = 0.05               # seconds
        use(server.url)

Unit tests that need no real packages write their own: `write_package(...)`, then `index(...)`.
"""

from __future__ import annotations

from .build import BuildError, build, home
from .interpreters import UnsupportedInterpreter
from .server import ChannelServer
from .wheels import DownloadError
from .writer import PLACEHOLDER, File, IndexingError, Link, host_subdir, index, write_package

__all__ = [
    "PLACEHOLDER",
    "BuildError",
    "ChannelServer",
    "DownloadError",
    "File",
    "IndexingError",
    "Link",
    "UnsupportedInterpreter",
    "build",
    "home",
    "host_subdir",
    "index",
    "write_package",
]
