"""Channels: from the name a person writes to the base URL that is asked, and back to one that may be shown.

Tokens and passwords are no part of a channel: they are refused in URLs, since URLs end up in locks, records and logs.
:func:`redact` stands between every text from elsewhere and anything that outlives the process.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

from .errors import InvalidRequest

SUBDIR = re.compile(r"/(noarch|(linux|osx|win|emscripten|wasi|freebsd|zos)-[a-z0-9_]+)/?$")
_TOKEN = re.compile(r"/t/[^/\s\"']+/")
_USER = re.compile(r"(?<=://)[^/@\s\"']+@")
_NAME = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_./-]*\Z")


def redact(text: str) -> str:
    """``text`` without the secrets that conda's URLs can carry: ``/t/<token>/`` and ``user:password@``.

    >>> redact("see https://me:pw@host/t/abc-123/channel")
    'see https://host/channel'
    """
    return _USER.sub("", _TOKEN.sub("/", text))


def base_url(channel: str, alias: str, named: dict[str, str] | None = None) -> str:
    """The base URL of ``channel``: a name, a URL, or a path to a directory.

    ``alias`` is put before plain names, ``named`` maps names (or their first part) to the place they lie in.
    A trailing subdir is dropped, since people paste ``.../linux-64`` from their browser.

    >>> base_url("conda-forge", "https://conda.anaconda.org")
    'https://conda.anaconda.org/conda-forge'

    Raises InvalidRequest for what is none of these.
    """
    channel = channel.strip()
    if redact(channel) != channel:
        raise InvalidRequest(
            f"The channel {redact(channel)!r} was given with a token or a password in its URL.",
            "Give the URL without it and put the secret where it stays secret: into ~/.netrc, or into the file that "
            "RATTLER_AUTH_FILE names.",
        )
    if "://" in channel:
        parts = urlsplit(channel)
        if parts.scheme not in ("http", "https", "file", "s3", "oci") or not (parts.netloc or parts.path.strip("/")):
            raise InvalidRequest(
                f"The channel {channel!r} is not a URL that packages can be fetched from.",
                "Give a channel name such as conda-forge, an http(s):// URL or a directory.",
            )
        return SUBDIR.sub("", channel.rstrip("/"))
    if channel.startswith(("/", "./", "../", "~")) or (len(channel) > 2 and channel[1:3] == ":\\"):
        path = Path(channel).expanduser().resolve()
        return SUBDIR.sub("", path.as_uri())
    if not _NAME.match(channel) or ".." in channel.split("/"):
        raise InvalidRequest(
            f"{channel!r} is not a channel name.",
            "Give a channel name such as conda-forge, an http(s):// URL or a directory that starts with / or ./.",
        )
    first, _, rest = channel.partition("/")
    if named and channel in named:
        return f"{named[channel].rstrip('/')}"
    if named and first in named:
        return f"{named[first].rstrip('/')}/{rest}"
    return f"{alias.rstrip('/')}/{channel}"


def local_path(url: str) -> Path | None:
    """The file that a ``file://`` URL names, None for every other URL."""
    parts = urlsplit(url)
    return Path(unquote(parts.path)) if parts.scheme == "file" else None
