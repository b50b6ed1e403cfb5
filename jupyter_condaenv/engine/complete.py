"""Packages of which only the URL was known: what else has to be known of them, from where it stands.

Locks of other tools say little: an explicit list has no dependencies, and sometimes no hash. Without its dependencies a
package would be torn out by the next change; without a hash nobody can tell whether it is the right one.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

from . import prefix
from .errors import Broken, InvalidRequest, Tampered
from .model import Lock, Package, Settings
from .needs import closure
from .prefix import Record
from .rattler import gateway, matchspec

_FACTS = (
    "subdir", "build_number", "depends", "constrains", "noarch", "license", "timestamp", "track_features",
    "python_site_packages_path",
)  # fmt: skip
"""Of a record, what its archive's ``info/index.json`` has too."""


def with_hashes(lock: Lock, settings: Settings, source: str) -> Lock:
    """``lock`` with the records that channels have of packages without a hash. Raises InvalidRequest for one that its
    channel does not have, or has without a hash; ChannelError where a channel cannot be read."""
    bare = [package for package in lock.packages if package.partial and not package.sha256 and not package.md5]
    if not bare:
        return lock
    found = gateway.indexed(bare, Path(settings.cache_dir), settings.offline)
    missing = [package for package in bare if package.url not in found]
    if missing:
        raise InvalidRequest(
            f"{source} has no hash for {missing[0]}, and the index of its channel does not have it"
            + (f"; nor {len(missing) - 1} others." if len(missing) > 1 else "."),
            "Nobody could tell whether the right archive comes. Write the list again, with hashes.",
            packages=[package.name for package in missing],
        )
    return _with(lock, tuple(found.get(package.url, package) for package in lock.packages))


def from_archives(stage: Path, lock: Lock) -> Lock:
    """``lock`` with what the archives say of its packages, which is written into their records in ``stage`` as well."""
    if not any(package.partial for package in lock.packages):
        return lock
    return _with(
        lock,
        tuple(_complete(stage, package, lock.platform) if package.partial else package for package in lock.packages),
    )


def _with(lock: Lock, packages: tuple[Package, ...]) -> Lock:
    """``lock`` with ``packages``, and with what was asked for as soon as that can be told."""
    whole = not any(package.partial for package in packages)
    return replace(lock, packages=packages, specs=lock.specs or (roots(packages) if whole else ()))


def roots(packages: Iterable[Package]) -> tuple[str, ...]:
    """Names of those that no other needs, and of one in each ring that nothing else leads to: what must have been asked
    for, where nobody said what was."""
    by_name = {package.name: package for package in packages}
    needs = {name: matchspec.names(package.depends) for name, package in by_name.items()}
    needed = {name for mine, names in needs.items() for name in names if name != mine}
    found = sorted(needs.keys() - needed)
    reached = closure(found, by_name)
    for name in sorted(needs):
        if name not in reached:
            found.append(name)
            reached |= closure([name], by_name)
    return tuple(sorted(found))


def _complete(stage: Path, package: Package, platform: str) -> Package:
    path = stage / "conda-meta" / f"{package.name}-{package.version}-{package.build}.json"
    facts = _facts(prefix.read_record(path), package)
    if facts.get("subdir", "noarch") not in ("noarch", platform):
        raise InvalidRequest(
            f"The archive at {package.url} is for {facts['subdir']}, and this is for {platform}.",
            "Nothing of it was installed. Take it out of the list.",
            package=package.name,
        )
    prefix.add_facts(path, facts)
    whole = prefix.read_record(path).package()
    return replace(package, partial=False, **{name: getattr(whole, name) for name in _FACTS})


def _facts(record: Record, package: Package) -> dict[str, Any]:
    file = Path(record.extracted_package_dir or "", "info", "index.json")
    try:
        index = msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
    except (OSError, msgspec.MsgspecError) as error:
        raise Broken(f"{file} cannot be read: {error}.", "Delete that folder, and try again.") from error
    told = tuple(str(index.get(name)) for name in ("name", "version", "build"))
    if told != (package.name, package.version, package.build):
        raise Tampered(
            f"The archive at {package.url} holds {' '.join(told)}.",
            "Nothing of it was installed. Write its real name into the list.",
            package=package.name,
        )
    return {name: index[name] for name in _FACTS if index.get(name) is not None}
