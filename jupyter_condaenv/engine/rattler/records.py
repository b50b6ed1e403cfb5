"""Packages as py-rattler has them, and as we do."""

from __future__ import annotations

from datetime import datetime, timezone

import rattler
from rattler.exceptions import ConversionError, InvalidPackageNameError, InvalidUrlError, InvalidVersionError

from ..channels import SUBDIR, redact
from ..errors import InvalidRequest
from ..model import Package

_MISFITS = (ConversionError, InvalidPackageNameError, InvalidUrlError, InvalidVersionError)
"""What py-rattler makes of records that cannot be: its errors have no class in common."""


def package_of(record: rattler.RepoDataRecord) -> Package:
    noarch = "python" if record.noarch.python else "generic" if record.noarch.generic else ""
    return Package(
        name=record.name.normalized,
        version=str(record.version),
        build=str(record.build),
        build_number=record.build_number,
        subdir=record.subdir,
        url=redact(record.url),
        # A package that was asked for by its URL comes without a channel.
        channel=redact(record.channel or SUBDIR.sub("", record.url.rpartition("/")[0])).rstrip("/"),
        file_name=record.file_name,
        sha256=record.sha256.hex() if record.sha256 else "",
        md5=record.md5.hex() if record.md5 else "",
        size=record.size or 0,
        depends=tuple(record.depends),
        constrains=tuple(record.constrains),
        noarch=noarch,  # type: ignore[arg-type]
        license=record.license or "",
        timestamp=round(record.timestamp.timestamp() * 1000) if record.timestamp else 0,
        python_site_packages_path=record.python_site_packages_path or "",
        track_features=tuple(record.track_features),
    )


def record_of(package: Package) -> rattler.RepoDataRecord:
    try:
        return _record(package)
    except (*_MISFITS, ValueError, TypeError, OverflowError) as error:
        raise InvalidRequest(
            f"{package} is not a package that can be installed: {redact(str(error))}.",
            "Make the lock again.",
            package=package.name,
        ) from error


def _record(package: Package) -> rattler.RepoDataRecord:
    record = rattler.PackageRecord(
        package.name,
        package.version,
        rattler.BuildString(package.build),
        package.build_number,
        package.subdir,
        noarch=package.noarch or None,
        depends=list(package.depends),
        constrains=list(package.constrains),
        sha256=bytes.fromhex(package.sha256) or None,
        md5=bytes.fromhex(package.md5) or None,
        size=package.size or None,
        license=package.license or None,
        python_site_packages_path=package.python_site_packages_path or None,
    )
    if package.timestamp:
        record.timestamp = datetime.fromtimestamp(package.timestamp / 1000, timezone.utc)
    if package.track_features:
        record.track_features = list(package.track_features)
    return rattler.RepoDataRecord(record, package.file_name, package.url, package.channel)
