"""Logins, kept where rattler looks for them and nowhere else: of a host, not of a channel."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .condarc_edit import change
from .errors import InvalidRequest
from .model import Login
from .network import AUTH_FILE


def check(login: Login) -> None:
    """Raises InvalidRequest unless it is one password or one token."""
    given = [bool(login.username or login.password), bool(login.conda_token), bool(login.bearer_token)]
    if sum(given) != 1 or (given[0] and not login.username):
        raise InvalidRequest(
            "A login is either a user's name with a password, or one token.", "Give one of them, and no other."
        )


def store(url: str, login: Login, guard: Path, env: Mapping[str, str] = os.environ) -> Path:
    """Keep ``login`` for the host of ``url``, in place of the one there is. Returns the file.

    Raises InvalidRequest for a URL without a host, and for a file that is not what rattler reads; StorageError.
    """
    check(login)
    host = urlsplit(url).hostname
    if not host:
        raise InvalidRequest("A directory asks for no login.", "Add the channel without one.")
    path = Path(env[AUTH_FILE]).expanduser() if env.get(AUTH_FILE) else Path.home() / ".rattler" / "credentials.json"
    change(path, lambda text: _with(text, path, host, login), guard, mode=0o600)
    return path


def _with(text: str, path: Path, host: str, login: Login) -> str:
    try:
        known = json.loads(text or "{}")
    except ValueError:
        known = None
    if not isinstance(known, dict):
        raise InvalidRequest(f"{path} is not a JSON object with a login for each host.", "Mend it, or move it away.")
    return json.dumps(known | {host: _as_rattler_has_it(login)}, indent=2) + "\n"


def _as_rattler_has_it(login: Login) -> dict[str, Any]:
    if login.conda_token:
        return {"CondaToken": login.conda_token}
    if login.bearer_token:
        return {"BearerToken": login.bearer_token}
    return {"BasicHTTP": {"username": login.username, "password": login.password}}
