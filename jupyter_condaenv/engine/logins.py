"""Logins, kept where rattler looks for them and nowhere else: of a host, not of a channel."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .channels import LOGIN_PLACES
from .condarc_edit import change
from .errors import InvalidRequest, NotFound
from .model import Login
from .network import login_file, no_logins


def check(login: Login) -> None:
    """Raises InvalidRequest unless it is one password, of a name that servers can tell from it, or one token."""
    given = [bool(login.username or login.password), bool(login.conda_token), bool(login.bearer_token)]
    if sum(given) != 1 or (given[0] and not login.username):
        raise InvalidRequest(
            "A login is either a user's name with a password, or one token.", "Give one of them, and no other."
        )
    if ":" in login.username:
        raise InvalidRequest(
            "The name of a user has no colon in it.", "Give the password apart, such as through standard input."
        )


def store(url: str, login: Login, guard: Path, env: Mapping[str, str] = os.environ) -> Path:
    """Keep ``login`` for the host of ``url``, in place of the one there is. Returns the file.

    Raises InvalidRequest for a URL without a host, and for a file that is not what rattler reads; StorageError.
    """
    check(login)
    host = urlsplit(url).hostname
    if not host:
        raise InvalidRequest("A directory asks for no login.", "Add the channel without one.")
    path = login_file(env)
    change(path, lambda text: _written({**_known(text, path), host: _as_rattler_has_it(login)}), guard, mode=0o600)
    return path


def kept_for(url: str, env: Mapping[str, str] = os.environ) -> str:
    """The host of ``url``, if a login is kept for it; empty where none is, or where the file cannot be read."""
    host = urlsplit(url).hostname or ""
    path = login_file(env)
    try:
        return host if host in _known(path.read_text(encoding="utf-8"), path) else ""
    except (OSError, UnicodeDecodeError, InvalidRequest):
        return ""


def forget(url: str, guard: Path, env: Mapping[str, str] = os.environ) -> str:
    """Keep no login any more for the host of ``url``, which is returned.

    Raises NotFound where none is kept, InvalidRequest for a file that is not what rattler reads, StorageError.
    """
    path = login_file(env)
    host = urlsplit(url).hostname or ""

    def edit(text: str) -> str:
        known = _known(text, path)
        if host not in known:
            raise NotFound(
                f"No login is kept for {host or url} in {path}.",
                f"One from elsewhere is taken away there: {LOGIN_PLACES}.",
            )
        return _written({other: login for other, login in known.items() if other != host})

    change(path, edit, guard, mode=0o600)
    return host


def _known(text: str, path: Path) -> dict[str, Any]:
    try:
        known = json.loads(text or "{}")
    except ValueError:
        known = None
    if not isinstance(known, dict):
        raise no_logins(path)
    return known


def _written(known: dict[str, Any]) -> str:
    return json.dumps(known, indent=2) + "\n"


def _as_rattler_has_it(login: Login) -> dict[str, Any]:
    if login.conda_token:
        return {"CondaToken": login.conda_token}
    if login.bearer_token:
        return {"BearerToken": login.bearer_token}
    return {"BasicHTTP": {"username": login.username, "password": login.password}}
