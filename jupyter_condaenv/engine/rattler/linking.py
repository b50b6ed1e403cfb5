"""Packages into a prefix."""

from __future__ import annotations

import asyncio
import errno
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import rattler
from rattler.exceptions import CacheDirError, ExtractError, InstallerError, LinkError, TransactionError

from ..channels import redact
from ..errors import Broken, ChannelError, StorageError, Tampered
from ..model import Package
from ..prefix import is_record
from . import package_cache
from .client import new_client
from .failures import first_and_last
from .records import record_of

_FULL = {"no space left": errno.ENOSPC, "disk quota": errno.EDQUOT}
"""What the system says of a full disk, and what it means."""
_HASHES = re.compile(r"expected (?P<promised>[0-9a-f]{32,64}), got (?P<found>[0-9a-f]{32,64})")

Report = Callable[[str, str, int, int], None]
"""``report(kind, package, done, total)``: kind is ``download`` (bytes of that package), ``link`` or ``unlink``."""


def link(
    packages: Sequence[Package],
    stage: Path,
    prefix: Path,
    *,
    cache_dir: Path,
    ignored: set[str],
    platform: str,
    offline: bool = False,
    report: Report,
) -> None:
    """Make ``stage`` hold exactly ``packages`` (without those named in ``ignored``), as if it lay at ``prefix``.

    Downloads what the cache lacks, with no login where ``offline``, which leaves nothing to download; every cache entry
    is validated against the hashes of its files. Link scripts are not run. Raises Tampered, ChannelError or
    StorageError; ``stage`` is then of no more use.
    """

    async def run() -> None:
        await rattler.install(
            [record_of(package) for package in packages],
            stage,
            package_cache=package_cache.at(cache_dir),
            client=None if offline else new_client(),
            ignored_packages=ignored,
            platform=rattler.Subdir(platform),
            execute_link_scripts=False,
            show_progress=False,
            alternative_target_prefix=prefix,
            reporter=_Reporter(report),  # type: ignore[abstract]
        )

    mark = stage / "CACHEDIR.TAG"
    marked = mark.exists()
    try:
        with _only_records(stage):
            asyncio.run(run())
        if not marked:
            mark.unlink(missing_ok=True)  # backups would leave the environment out, with what its user put there
        _open_records(stage)
    except (InstallerError, LinkError, ExtractError, TransactionError, CacheDirError, OSError) as error:
        raise _install_error(error) from error
    except Exception as error:
        if type(error).__name__ != "RustPanic":  # which has no place to be imported from
            raise
        raise Broken(
            f"The packages could not be linked: {first_and_last(redact(str(error)))}",
            "Nothing was changed. An archive that was given another name does this; else please report it.",
        ) from error


@contextmanager
def _only_records(stage: Path) -> Iterator[None]:
    """Without what lies beside the records and is none, such as a copy by another name: py-rattler takes every
    ``.json`` there for one."""
    meta = stage / "conda-meta"
    others = {path: path.with_name(f"{path.name}.beside") for path in meta.glob("*.json") if not is_record(path.name)}
    for path, aside in others.items():
        path.rename(aside)
    try:
        yield
    finally:
        for path, aside in others.items():
            aside.rename(path)


def _open_records(stage: Path) -> None:
    """Let those read the new records who may read the rest: py-rattler writes them for their owner alone."""
    mask = os.umask(0o077)
    os.umask(mask)
    for path in (stage / "conda-meta").glob("*.json"):
        status = path.stat()
        if status.st_nlink == 1 and status.st_mode & 0o777 == 0o600:
            path.chmod(0o666 & ~mask)


class _Reporter(rattler.InstallerReporter):
    """Callbacks come on foreign threads, about a thousand a second; what they raise is swallowed by py-rattler."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._entries: list[str] = []
        self._downloads: list[str] = []
        self._linked = 0
        self._total = 0

    def on_transaction_start(self, total_operations: int) -> None:
        self._total = total_operations

    def on_populate_cache_start(self, operation: int, package_name: str) -> int:
        self._entries.append(package_name)
        return len(self._entries) - 1

    def on_download_start(self, cache_entry: int) -> int:
        self._downloads.append(self._entries[cache_entry])
        return len(self._downloads) - 1

    def on_download_progress(self, download_idx: int, progress: int, total: int | None) -> None:
        self._report("download", self._downloads[download_idx], progress, total or 0)

    def on_link_start(self, operation: int, package_name: str) -> int:
        self._entries.append(package_name)
        return len(self._entries) - 1

    def on_link_complete(self, index: int) -> None:
        self._linked += 1
        self._report("link", self._entries[index], self._linked, self._total)


def _install_error(error: Exception) -> Tampered | ChannelError | StorageError:
    text = redact(str(error))
    lower = text.lower()
    if "hash mismatch" in lower or "checksum" in lower:
        return Tampered(
            f"A package is not what its channel's index promises: {first_and_last(text)}",
            "Nothing of it was installed. Try again; if it stays, the channel or a proxy on the way is damaged.",
            **(hashes.groupdict() if (hashes := _HASHES.search(text)) else {}),
        )
    full = next((code for words, code in _FULL.items() if words in lower), None)
    if full is not None or "read-only file system" in lower or "permission denied" in lower:
        return StorageError(
            f"The packages could not be written: {first_and_last(text)}",
            "Free some space or check the permissions of the package cache and of the environments' folder.",
            errno=full,
        )
    return ChannelError(
        f"The packages could not be fetched and linked: {first_and_last(text)}",
        "Nothing was changed. Check the network and try again; what was downloaded completely is kept.",
    )
