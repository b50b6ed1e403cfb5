"""What fetches."""

from __future__ import annotations

import json

import rattler
from rattler.exceptions import AuthenticationStorageError

from .. import condarc, network


def new_client() -> rattler.Client:
    """What fetches: with the logins of ``.condarc``, ``~/.netrc``, rattler's own files and the keyring.

    A channel is asked for by its URL without secrets, so that they get into no record, cache or error; what adds them
    is below all that. Raises InvalidRequest for settings that cannot be used.
    """
    reached = network.of(condarc.read())
    config = rattler.Config()
    if reached.verify is False:
        config.set("tls-no-verify", "true")
    if reached.verify == "truststore":
        config.set("tls-root-certs", "system")
    for scheme, url in reached.proxies.items():
        if url:
            config.set(f"proxy-config.{scheme}", url)
    if reached.no_proxy:
        config.set("proxy-config.non-proxy-hosts", json.dumps(reached.no_proxy))
    if reached.with_token:
        config.set("mirrors", json.dumps({plain: [url] for plain, url in reached.with_token.items()}))
    try:
        with reached.variables():
            return rattler.Client.from_config(config, max_retries=reached.retries)
    except AuthenticationStorageError as error:
        at_home = network.home_file()
        raise network.no_logins(at_home if str(at_home) in str(error) else network.login_file()) from None
    except ValueError as error:
        if not reached.authorities:
            raise
        raise network.no_certificates(reached.authorities) from error
