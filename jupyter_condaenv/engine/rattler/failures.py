"""What py-rattler says of a failure, in our own errors."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rattler.exceptions import FetchRepoDataError, GatewayError, InvalidChannelError, InvalidUrlError

from .. import condarc
from ..channels import LOGIN_PLACES, OFFLINE, redact
from ..errors import ChannelError, Tampered

UNREADABLE = (GatewayError, FetchRepoDataError, InvalidChannelError, InvalidUrlError, OSError)
"""What is raised where a channel cannot be read."""
_NOT_CACHED = re.compile(r"no usable repodata cache|is not in the cache")
"""What the gateway says of an index, or of a part of it, that it may not fetch."""
_PACKAGE = re.compile(r"direct url query failed for (\S+?):?(?=\s|\Z)")
"""What it says of one that is asked for by its URL."""
_OTHER_NAME = re.compile(r"package from url '(?P<name>[^']+)'.* intents '(?P<asked>[^']+)'")
"""What it says where the file's name is not that of the package in it."""
_NO_ARCHIVE = re.compile(r"zip archive|bzip2")
_OTHER_HASH = re.compile(r"hash mismatch .* expected (?P<promised>\w+), got (?P<found>\w+)", re.DOTALL)
_NO_ANSWER = re.compile(r"lookup address|[Cc]onnection refused|timed out|unreachable|No route to host")


def channel_error(error: Exception, channels: Sequence[str]) -> ChannelError | Tampered:
    text = redact(str(error))
    urls = [redact(url) for url in channels]
    named = sorted((url for url in urls if f"{url}/" in text), key=len)
    package = _PACKAGE.search(text)
    if package is not None and (hashes := _OTHER_HASH.search(text)) is not None:
        return Tampered(
            f"{package[1]} is not what its hash promises ({hashes['found']}, not {hashes['promised']}).",
            "Nothing of it was installed. Ask for it with the right hash, if the change was meant.",
            promised=hashes["promised"],
            found=hashes["found"],
        )
    if (other := _OTHER_NAME.search(text)) is not None:
        return ChannelError(
            f"The package that was asked for as {other['asked']}, by its URL or path, calls itself {other['name']}.",
            f'Ask for {other["name"]}[url="URL"], or give the file the name that it had.',
        )
    if package is not None:
        return _package_error(text, package[1])
    failed = named[-1:] or urls  # it does not always say which
    without = [f"{key} in .condarc has no effect: {why}." for key, why in condarc.unused(condarc.read()).items()]
    return ChannelError(
        f"A channel could not be read ({', '.join(failed)}): {first_and_last(text)}",
        " ".join([_hint(text, "the channel's name"), *without]),
        channels=failed,
    )


def archive_error(error: Exception, url: str) -> ChannelError:
    """For one that was asked for by its ``url``."""
    if isinstance(error, OSError) and error.strerror:
        return ChannelError(f"{url} cannot be read: {error.strerror}.", "Check how it is spelt.", package=url)
    return _package_error(redact(str(error)), url)


def _package_error(text: str, url: str) -> ChannelError:
    return ChannelError(
        f"A package could not be read ({url}): {first_and_last(text)}", _hint(text, "how it is spelt"), package=url
    )


def _hint(text: str, spelling: str) -> str:
    """What to do about what py-rattler says in ``text``."""
    if "401 Unauthorized" in text or "403 Forbidden" in text:
        return f"A login is needed, or it is not the right one: {LOGIN_PLACES}."
    if _NOT_CACHED.search(text):
        return f"{OFFLINE} Its index has to be fetched once."
    if _NO_ARCHIVE.search(text):
        return "It is no conda package, or not all of one. Fetch the file again."
    if "certificate" in text:
        return "Name the certificates of the authority that you trust by ssl_verify in .condarc."
    if _NO_ANSWER.search(text):
        return "Nothing answers there. Check how it is spelt, the network, and proxies (https_proxy, or .condarc)."
    return f"Check {spelling}, the network and proxies. Where a login is needed: {LOGIN_PLACES}."


def first_and_last(text: str) -> str:
    """What failed and, of the chain of reasons below it, the last."""
    told = list(dict.fromkeys(line.strip().removeprefix("Caused by: ") for line in text.splitlines() if line.strip()))
    return ": ".join([*told[:1], *told[1:][-1:]])
