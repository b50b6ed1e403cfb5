"""How channels are reached: proxies, certificates, logins and retries, from ``.condarc`` to what the engine takes.

What is here holds secrets. It is made in the worker, just before a connection is, and is written nowhere.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from msgspec import Struct

from .channels import redact_proxy
from .condarc import Condarc
from .errors import InvalidRequest

RETRIES = 3
NO_LOGINS: Mapping[str, object] = {}
_SCHEMES = ("http", "https")
_DIRECT = dict.fromkeys(_SCHEMES, "")
"""No proxy for any host: to py-rattler ``*`` in ``no_proxy`` is none that has an address and no name."""
_TOKEN = re.compile(r"/t/([^/]+)/")
AUTH_FILE = "RATTLER_AUTH_FILE"
"""The variable that names the file in which rattler looks first for logins: host -> kind -> what is needed."""


class Network(Struct, frozen=True, kw_only=True):
    """How servers are reached."""

    retries: int
    proxies: dict[str, str]
    """``http`` and ``https`` -> URL of the proxy, empty for none; without any: as the environment says."""
    no_proxy: tuple[str, ...]
    """Hosts."""
    verify: bool | str
    """As ``Condarc.ssl_verify``."""
    with_token: dict[str, str]
    """Base URL -> the same with the token that gives access to it."""
    logins: dict[str, tuple[str, str]]
    """Host -> user and password."""

    @contextmanager
    def variables(self) -> Iterator[None]:
        """While a client is made, the variables by which it is told of logins, certificates and proxies.

        Raises InvalidRequest where one of their files cannot be used.
        """
        logins = self._login_file()
        try:
            given = self._certificates() | self._proxy_variables() | _naming(logins)
            before = {name: os.environ.get(name) for name in given}
            os.environ.update(given)
            try:
                yield
            finally:
                for name, value in before.items():
                    if value is None:
                        del os.environ[name]
                    else:
                        os.environ[name] = value
        finally:
            if logins is not None:
                os.close(logins)

    @contextmanager
    def for_child(self) -> Iterator[tuple[dict[str, str], tuple[int, ...]]]:
        """The variables by which a program is told of all this that knows rattler's files and nothing of ours, and the
        descriptors that it has to inherit. Of a host's tokens it can be told one.

        Raises InvalidRequest where one of their files cannot be used.
        """
        tokens = {}
        for url in self.with_token.values():
            found = _TOKEN.search(urlsplit(url).path)
            if found:
                tokens[str(urlsplit(url).hostname)] = {"CondaToken": found[1]}
        logins = self._login_file(tokens)
        try:
            given = self._certificates() | self._proxy_variables() | _naming(logins)
            yield given, () if logins is None else (logins,)
        finally:
            if logins is not None:
                os.close(logins)

    def _login_file(self, more: Mapping[str, object] = NO_LOGINS) -> int | None:
        """A file in memory with our logins, ``more`` and those of the person's own file."""
        if not self.logins and not more:
            return None
        own = _own_logins()
        ours = {
            host: {"BasicHTTP": {"username": user, "password": password}}
            for host, (user, password) in self.logins.items()
        } | dict(more)
        descriptor = os.memfd_create("logins")
        os.write(descriptor, json.dumps(own | ours).encode())
        return descriptor

    def _proxy_variables(self) -> dict[str, str]:
        """What ``.condarc`` says instead of the environment, in both spellings, as either may be there already."""
        told = {}
        if self.proxies:
            told = {"all_proxy": "", **{f"{scheme}_proxy": self.proxies.get(scheme, "") for scheme in _SCHEMES}}
        return told | {name.upper(): value for name, value in told.items()}

    @property
    def authorities(self) -> str:
        """The file or the folder with the certificates of authorities; empty where nobody names one."""
        named = os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR", "")
        return self._own_authorities or ("" if self.verify in (False, "truststore") else named)

    @property
    def _own_authorities(self) -> str:
        return self.verify if isinstance(self.verify, str) and self.verify != "truststore" else ""

    def _certificates(self) -> dict[str, str]:
        if not self._own_authorities:
            return {}
        path = Path(self._own_authorities)
        if not path.exists():
            raise InvalidRequest(
                f"ssl_verify in .condarc names {path}, and there is no such file or folder.",
                "Name the certificates of the authorities that you trust, or remove the line.",
            )
        return {"SSL_CERT_DIR" if path.is_dir() else "SSL_CERT_FILE": str(path)}


def of(own: Condarc, env: Mapping[str, str] = os.environ) -> Network:
    """What ``own`` says. Raises InvalidRequest for a proxy that is none."""
    with_token: dict[str, str] = {}
    logins: dict[str, tuple[str, str]] = {}
    for plain, written in own.secrets.items():
        if "${" in written:
            continue  # of a variable that is not set
        parts = urlsplit(written)
        host = parts.netloc.rpartition("@")[2]
        if parts.username and parts.hostname:
            logins[parts.hostname] = (unquote(parts.username), unquote(parts.password or ""))
        without_login = urlunsplit((parts.scheme, host, parts.path, "", "")).rstrip("/")
        if without_login != plain:
            with_token[f"{plain}/"] = f"{without_login}/"
    bundle = env.get("REQUESTS_CA_BUNDLE", "") if "SSL_CERT_FILE" not in env else ""
    no_proxy = tuple(filter(None, (env.get("no_proxy") or env.get("NO_PROXY", "")).replace(" ", "").split(",")))
    proxies = {} if "*" in no_proxy else _proxies(own.proxy_servers, env)
    return Network(
        retries=RETRIES if own.remote_max_retries is None else own.remote_max_retries,
        proxies=proxies or (_DIRECT if own.proxy_servers or "*" in no_proxy else {}),
        no_proxy=no_proxy,
        verify=bundle if own.ssl_verify is True and bundle else own.ssl_verify,
        with_token=with_token,
        logins=logins,
    )


def _proxies(said: Mapping[str, str], env: Mapping[str, str]) -> dict[str, str]:
    """Of each scheme that has one; what ``said`` leaves out is as the environment says."""
    found: dict[str, str] = {}
    for scheme in _SCHEMES if said else ():
        variables = (f"{scheme}_proxy", f"{scheme.upper()}_PROXY", "all_proxy", "ALL_PROXY")
        url = said.get(scheme) or said.get("all", "")
        if scheme not in said and "all" not in said:
            url = next((env[name] for name in variables if env.get(name)), "")
        if url:
            found[scheme] = _proxy(url)
    return found


def _proxy(url: str) -> str:
    whole = url if "://" in url else f"http://{url}"
    try:
        usable = urlsplit(whole).hostname and urlsplit(whole).port != 0
    except ValueError:
        usable = False
    if not usable or not whole.isprintable() or " " in whole:
        raise InvalidRequest(
            f"The proxy {redact_proxy(whole)!r} is not the URL of a server.",
            "Mend proxy_servers in .condarc, such as `https: http://proxy.example.org:3128`.",
        )
    return whole


def login_file(env: Mapping[str, str] = os.environ) -> Path:
    """The file that logins are kept in."""
    named = _named_file(env)
    return Path(named) if named else home_file()


def home_file() -> Path:
    """The one that rattler reads in any case."""
    return Path.home() / ".rattler" / "credentials.json"


def no_logins(path: Path) -> InvalidRequest:
    """What is told of a login file that rattler cannot read: nothing of what stands in it, which is secret."""
    return InvalidRequest(
        f"{path} is not a JSON object with a login for each host, of a kind that rattler knows, or cannot be read.",
        "Mend it, or delete it: `jupyter condaenv channel add URL --user NAME` makes it anew.",
        path=str(path),
    )


def no_certificates(place: str) -> InvalidRequest:
    """What is told of certificates that the engine cannot read."""
    return InvalidRequest(
        f"{place} holds no certificates of authorities that can be read.",
        "Name a file of them as PEM, or a folder, by ssl_verify in .condarc or by SSL_CERT_FILE.",
        path=place,
    )


def _named_file(env: Mapping[str, str]) -> str:
    """The one that the person names; empty where none is."""
    return os.path.expanduser(env.get(AUTH_FILE, ""))


def _naming(logins: int | None) -> dict[str, str]:
    """The variable that names ``logins``, a file in memory, or else the person's own: rattler knows no ``~``."""
    named = f"/proc/self/fd/{logins}" if logins is not None else _named_file(os.environ)
    return {AUTH_FILE: named} if named else {}


def _own_logins() -> dict[str, object]:
    """What the file says that the person names. Raises InvalidRequest for one that is not what rattler reads."""
    path = Path(_named_file(os.environ))
    if not path.name:
        return {}
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}  # as to rattler
    except (OSError, ValueError):
        found = None
    if not isinstance(found, dict):
        raise no_logins(path)
    return found
