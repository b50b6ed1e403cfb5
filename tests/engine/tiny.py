"""A channel of a few small packages for tests of solving, which depend on each other in ways that matter there."""

from __future__ import annotations

from pathlib import Path

from tests.channel import File, index, write_package


def write(channel: Path) -> Path:
    for version in ("1.0", "1.1", "2.0"):
        generic(channel, "smallpkg", version)
    generic(channel, "smallpkg", "1.0", build="py36_0")
    for version in ("1.0", "1.5", "2.0"):
        generic(channel, "libbase", version)
    generic(channel, "app", "1.0", depends=["libbase >=1,<2"])
    generic(channel, "app", "2.0", depends=["libbase >=2"])
    generic(channel, "tool", "1.0", depends=["libbase", "helper"])
    generic(channel, "helper", "1.0")
    generic(channel, "cyclic-a", "1.0", depends=["cyclic-b"])
    generic(channel, "cyclic-b", "1.0", depends=["cyclic-a"])
    for variant, depends, number in (("cuda", ["__cuda >=12"], 200), ("cpu", [], 0)):
        generic(channel, "gpudemo", "1.0", build=f"{variant}_{number}", build_number=number, depends=depends)
    index(channel)
    return channel


def generic(
    channel: Path, name: str, version: str, *, build: str = "0", build_number: int = 0, depends: list[str] | None = None
) -> Path:
    """A package of one file, which says what it is of."""
    return write_package(
        channel,
        name,
        version,
        files={f"share/{name}.txt": File(f"{name} {version} {build}\n".encode())},
        build=build,
        build_number=build_number,
        depends=depends or [],
        noarch="generic",
    )
