"""This machine: its subdir and its virtual packages."""

from __future__ import annotations

import rattler
from rattler.exceptions import DetectVirtualPackageError, InvalidVersionError

from ..errors import InvalidRequest


def platform() -> str:
    """The subdir of this machine, such as ``linux-64``."""
    return str(rattler.Subdir.current())


def virtual_packages() -> tuple[str, ...]:
    """This machine's virtual packages as ``name=version=build``, with ``CONDA_OVERRIDE_*`` honoured (CEP 30).

    Raises InvalidRequest where such a variable holds no version.
    """
    try:
        found = rattler.VirtualPackage.detect(rattler.VirtualPackageOverrides.from_env())
    except DetectVirtualPackageError as error:
        raise InvalidRequest(
            f"What this machine has cannot be told: {error}",
            "Give each variable CONDA_OVERRIDE_... a version, such as 12.4, or unset it.",
        ) from error
    generic = (package.into_generic() for package in found)
    return tuple(sorted(f"{package.name.normalized}={package.version}={package.build_string}" for package in generic))


def is_virtual_package(text: str) -> bool:
    """Whether ``text`` is a ``name=version=build`` that the solver can be given."""
    try:
        generic(text)
    except (InvalidVersionError, ValueError):
        return False
    return True


def generic(text: str) -> rattler.GenericVirtualPackage:
    name, version, build = text.split("=", 2)
    return rattler.GenericVirtualPackage(
        rattler.PackageName(name), rattler.Version(version), rattler.BuildString(build)
    )
