"""Channels: from the name a person writes to the base URL that is asked, and back to one that may be shown.

Tokens and passwords are no part of a channel: they are refused in URLs, since URLs end up in locks, records and logs.
Only the person's own ``.condarc`` may have them, which ``condarc`` takes apart.
:func:`redact` stands between every text from elsewhere and anything that outlives the process.
"""

from __future__ import annotations

import platform
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from .errors import InvalidRequest

SUBDIR = re.compile(r"/(noarch|(linux|osx|win|emscripten|wasi|freebsd|zos)-[a-z0-9_]+)/?$")
_WORD = re.compile(r"[^\s\"'<>()]+")
_LOCAL = re.compile(r"(file:|[/~]|\.{1,2}/|[A-Za-z]:\\)")
_TOKEN = re.compile(r"(?<!:/)/t/[^/?#]+")
_USER = re.compile(r"(?:(?<=://)|(?<=http:/)|(?<=https:/))([^/?#\s]*|[^/?#\s:@]*:(?!\d+([^\w@]|$))[^\s\"'<>]*)@")
"""Also with a slash in the password, which is wrong and happens."""
_LOGIN = re.compile(r"\A([a-z0-9+.-]+://)?.*@", re.IGNORECASE | re.DOTALL)
SCHEME_END = re.compile(r"://|(?<=http):/|(?<=https):/")
"""One slash is left of two where a URL was taken for a path."""
_TOLD = re.compile(
    r"#((sha\d+|md5)[=:][0-9a-fA-F]+|egg=[A-Za-z0-9._-]+|((?<=\.conda#)|(?<=\.bz2#))([0-9a-fA-F]{32}){1,2})\Z"
)
"""What packages' URLs say of what they lead to."""
_NAME = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_./-]*\Z")
LOGIN_PLACES = "~/.netrc, the file that RATTLER_AUTH_FILE names, the keyring, or the channel's URL in ~/.condarc"
OFFLINE = "You are offline: by the trait offline, by CONDA_OFFLINE, or by .condarc (`config show --sources`)."
_SCHEMES = ("http", "https", "file", "s3", "oci")
_SYSTEMS = {"darwin": "osx", "windows": "win"}
_MACHINES = {"x86_64": "64", "amd64": "64", "i386": "32", "i686": "32", "x86": "32"}


def host_subdir() -> str:
    """The subdir of this machine's packages, such as ``linux-64``, for those that do without py-rattler."""
    system, machine = platform.system().lower(), platform.machine().lower()
    return f"{_SYSTEMS.get(system, system)}-{_MACHINES.get(machine, machine)}"


def redact(text: str) -> str:
    """``text`` without the secrets that conda's URLs can carry: ``/t/<token>/``, ``user:password@`` and, since signed
    links end in it, the query, and what follows a ``#`` unless it says what is at the URL.

    >>> redact("see https://me:pw@host/t/abc-123/channel")
    'see https://host/channel'
    >>> redact("demo @ https://host/demo-1.zip?sign=abc#egg=demo"), redact("https://host/demo.whl#sha256=0f")
    ('demo @ https://host/demo-1.zip#egg=demo', 'https://host/demo.whl#sha256=0f')
    >>> redact("https://host/a-1-0.conda#d41d8cd98f00b204e9800998ecf8427e")
    'https://host/a-1-0.conda#d41d8cd98f00b204e9800998ecf8427e'
    """
    text = _USER.sub("", text) if "@" in text else text  # it looks far ahead for the sign
    return _WORD.sub(lambda word: _without_secrets(word[0]), text)


def _without_secrets(word: str) -> str:
    """Paths may have a folder ``t``, and query marks, of their own."""
    if _LOCAL.match(word):
        return word
    word = _TOKEN.sub("", word)
    end = SCHEME_END.search(word)
    if not end:
        return word
    rest = word[end.end() :]
    told = _TOLD.search(rest)
    return word[: end.end()] + re.split(r"[?#]", rest, maxsplit=1)[0] + (told[0] if told else "")


def redact_proxy(url: str) -> str:
    """The URL of a proxy without its login. It need not have a scheme, and a password may hold anything.

    >>> redact_proxy("me:p w@host:3128")
    'host:3128'
    """
    return redact(_LOGIN.sub(r"\1", url))


def base_url(channel: str, alias: str, named: Mapping[str, str] | None = None) -> str:
    """The base URL of ``channel``: a name, a URL, or a path to a directory.

    ``alias`` is put before plain names, ``named`` maps names (or their first parts) to the place they lie in.
    A trailing subdir is dropped, since people paste ``.../linux-64`` from their browser.

    >>> base_url("conda-forge", "https://conda.anaconda.org")
    'https://conda.anaconda.org/conda-forge'

    Raises InvalidRequest for what is none of these, and for a URL with a secret in it.
    """
    channel = channel.strip()
    _check_secrets(channel)
    if "://" in channel:
        return _plain_url(channel)
    if channel.startswith(("/", "./", "../", "~")) or channel in (".", "..") or channel[1:3] == ":\\":
        return _plain_url(_directory(channel).as_uri())
    if not _NAME.match(channel) or ".." in channel.split("/"):
        raise InvalidRequest(
            f"{channel!r} is not a channel name.",
            "Give a channel name such as conda-forge, an http(s):// URL or a directory that starts with / or ./.",
        )
    place = _named(channel, named or {}) or f"{alias.rstrip('/')}/{channel}"
    _check_secrets(place)
    return _plain_url(place)


def _named(channel: str, named: Mapping[str, str]) -> str:
    """Where the longest first parts of ``channel`` that have a name lie; empty where none has."""
    parts = channel.strip("/").split("/")
    for end in range(len(parts), 0, -1):
        place = named.get("/".join(parts[:end]))
        if place is not None:
            return "/".join([place.rstrip("/"), *parts[end:]])
    return ""


def _check_secrets(channel: str) -> None:
    if redact(channel) != channel:
        raise InvalidRequest(
            f"The channel {redact(channel)!r} was given with a token or a password in its URL.",
            f"Give the URL without it and put the secret where it stays secret: {LOGIN_PLACES}.",
        )


def check_spec(spec: str) -> None:
    """Raises InvalidRequest for a package request with a secret in it. What else may be wrong only the solver knows."""
    if redact(spec) != spec:
        raise InvalidRequest(
            f"{redact(spec)!r} was given with a token or a password in its URL.",
            f"Put the secret where it stays secret: {LOGIN_PLACES}.",
        )


def _directory(channel: str) -> Path:
    try:
        return Path(channel).expanduser().resolve()
    except (RuntimeError, OSError, ValueError) as error:
        raise InvalidRequest(f"{channel!r} is not a directory: {error}.", "Give its full path.") from error


def _plain_url(url: str) -> str:
    """``url`` without a slash or a subdir at its end."""
    try:
        parts = urlsplit(url)
        whole = parts.port is None or parts.netloc
    except ValueError:
        parts, whole = urlsplit(""), ""
    scheme, host = parts.scheme.lower(), parts.netloc
    is_place = parts.path.strip("/") and host in ("", "localhost") if scheme == "file" else host and parts.hostname
    if scheme not in _SCHEMES or not whole or not is_place or re.search(r"[\s\x00-\x1f\x7f\\]", url):
        raise InvalidRequest(
            f"The channel {redact(url)!r} is not a URL that packages can be fetched from.",
            "Give a channel name such as conda-forge, an http(s):// URL or a directory.",
        )
    path, shorter = parts.path.rstrip("/"), ""
    while path != shorter:
        path, shorter = SUBDIR.sub("", path).rstrip("/"), path
    return f"{scheme}://{'' if scheme == 'file' else host.lower()}{path}"


def local_path(url: str) -> Path | None:
    """The file that a ``file://`` URL names, None for every other URL."""
    parts = urlsplit(url)
    return Path(unquote(parts.path)) if parts.scheme == "file" else None


def is_here(url: str) -> bool:
    """Whether ``url`` is that of a file, and there is one."""
    path = local_path(url)
    return path is not None and path.is_file()
