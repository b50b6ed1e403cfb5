"""This machine: its subdir and its virtual packages."""

from __future__ import annotations

import rattler


def platform() -> str:
    """The subdir of this machine, such as ``linux-64``."""
    return str(rattler.Subdir.current())


def virtual_packages() -> tuple[str, ...]:
    """This machine's virtual packages as ``name=version=build``, with ``CONDA_OVERRIDE_*`` honoured (CEP 30)."""
    found = rattler.VirtualPackage.detect(rattler.VirtualPackageOverrides.from_env())
    generic = (package.into_generic() for package in found)
    return tuple(sorted(f"{package.name.normalized}={package.version}={package.build_string}" for package in generic))


def generic(text: str) -> rattler.GenericVirtualPackage:
    name, version, build = text.split("=", 2)
    return rattler.GenericVirtualPackage(
        rattler.PackageName(name), rattler.Version(version), rattler.BuildString(build)
    )
