"""A small channel: packages without Python that change in every way a package can."""

from __future__ import annotations

from pathlib import Path

from tests.channel import PLACEHOLDER, Link, index, write_package

WIDE = 1200
"""Files of ``wide``."""


def write(channel: Path) -> Path:
    for version in ("1.0", "2.0"):
        write_package(
            channel,
            "alpha",
            version,
            files={
                "share/alpha/version.txt": f"{version}\n",
                "share/alpha/same.txt": "the same in both\n",
                f"share/alpha/only-{version}.txt": "x" * 5000,
                f"share/alpha/{version}/deep/er.txt": version,
                "etc/alpha.conf": f"prefix = {PLACEHOLDER}\nversion = {version}\n",
                "bin/alpha": f"#!/bin/sh\necho {version}\n",
                "lib/libalpha.so": Link(f"libalpha.so.{version}"),
                f"lib/libalpha.so.{version}": b"\x7fELF" + version.encode(),
            },
            noarch="generic",
        )
        write_package(channel, "wide", version, files=_wide(version), noarch="generic")
    write_package(channel, "beta", "1.0", files={"share/beta.txt": "beta\n"}, depends=["alpha"], noarch="generic")
    write_package(channel, "gamma", "1.0", files={"share/gamma/g.txt": "gamma\n"}, noarch="generic")
    # What is a file in one version is a folder in the other, and a link in the third.
    write_package(channel, "shape", "1.0", files={"share/shape": "a file\n"}, noarch="generic")
    write_package(channel, "shape", "2.0", files={"share/shape/inner.txt": "a folder\n"}, noarch="generic")
    write_package(
        channel,
        "shape",
        "3.0",
        files={"share/shape": Link("shape-3"), "share/shape-3/inner.txt": "a link to a folder\n"},
        noarch="generic",
    )
    index(channel)
    return channel


def _wide(version: str) -> dict[str, str]:
    files = {f"share/wide/{number % 40:02}/{number:04}.txt": f"{version} {number}\n" for number in range(WIDE)}
    other = {f"share/wide/of-{version}/{number:03}.txt": f"{number}\n" for number in range(WIDE // 4)}
    return files | other
