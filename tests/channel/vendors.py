"""Packages that come out of PyPI but belong under other names: MKL, CUDA, certificates, time zones."""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from . import elf, scripts
from .wheels import version_of
from .writer import Content, Link, host_subdir, write_package

#: Asked of pip besides what Python environments need. Intel's libraries exist for x86_64 only.
CUDA = ("nvidia-cuda-runtime-cu12",)
INTEL = ("mkl", "intel-openmp", "tbb")

#: Of each wheel's libraries, those that serve the processors and the threading the tests use. The
#: rest (other processors, clusters, offloading to GPUs) is most of a gigabyte.
_KEPT = {
    "mkl": re.compile(r"libmkl_(rt|core|intel_lp64|intel_thread|sequential|def|avx2|vml_def|vml_avx2)\.so\.\d+"),
    "intel-openmp": re.compile(r"libiomp5\.so"),
    "tbb": re.compile(r"libtbb(malloc)?\.so\.\d+"),
    "cuda-cudart": re.compile(r"libcudart\.so\.\d+"),
}


def requirements() -> list[str]:
    """What to ask of pip for this module."""
    return [*CUDA, *(INTEL if host_subdir() == "linux-64" else ())]


def write_mkl(channel: Path, wheel: Path) -> None:
    """Intel MKL with the script that chooses its interface layer."""
    depends = ["intel-openmp", "tbb"]
    _write_libraries(channel, "mkl", wheel, depends, scripts.for_mkl())


def write_intel_openmp(channel: Path, wheel: Path) -> None:
    """Intel's OpenMP runtime, without the part that offloads to GPUs."""
    _write_libraries(channel, "intel-openmp", wheel)


def write_tbb(channel: Path, wheel: Path) -> None:
    """Threading Building Blocks: scheduler and allocator."""
    _write_libraries(channel, "tbb", wheel)


def write_cuda(channel: Path, wheel: Path) -> None:
    """The CUDA runtime, and `cuda-version`, which ties it to the driver (`__cuda`)."""
    major, minor = version_of(wheel).split(".")[:2]
    upper = f"{major}.{int(minor) + 1}.0a0"
    depends = [f"cuda-version >={major}.{minor},<{upper}"]
    _write_libraries(channel, "cuda-cudart", wheel, depends, scripts.for_cuda())
    write_package(
        channel,
        "cuda-version",
        f"{major}.{minor}",
        build="h0_3",
        build_number=3,
        noarch="generic",
        constrains=[f"cudatoolkit {major}.{minor}.*", f"__cuda >={major}"],
        summary="Ties CUDA packages to one version and to the driver",
    )


def write_certificates(channel: Path, wheel: Path) -> None:
    """`ca-certificates` out of certifi's wheel."""
    files: dict[str, Content] = {
        "ssl/cacert.pem": _member(wheel, "certifi/cacert.pem"),
        "ssl/cert.pem": Link("cacert.pem"),
        **scripts.for_certificates(),
    }
    write_package(channel, "ca-certificates", version_of(wheel), files=files, build="h1_0", noarch="generic")


def write_zones(channel: Path, wheel: Path) -> None:
    """`tzdata`, the zone files themselves, out of the wheel of the same name."""
    prefix = "tzdata/zoneinfo/"
    with zipfile.ZipFile(wheel) as archive:
        files: dict[str, Content] = {
            f"share/zoneinfo/{name.removeprefix(prefix)}": archive.read(name)
            for name in archive.namelist()
            if name.startswith(prefix) and not name.endswith((".py", "/"))
        }
    write_package(channel, "tzdata", version_of(wheel), files=files, build="h1_0", noarch="generic")


def _write_libraries(
    channel: Path,
    name: str,
    wheel: Path,
    depends: Iterable[str] = (),
    extra: Mapping[str, Content] | None = None,
) -> None:
    with tempfile.TemporaryDirectory(prefix=f"condaenv-{name}-") as folder:
        files: dict[str, Content] = dict(extra or {})
        with zipfile.ZipFile(wheel) as archive:
            for member in archive.namelist():
                file = member.rpartition("/")[2]
                if _KEPT[name].fullmatch(file):
                    copy = Path(folder, file)
                    with archive.open(member) as source, copy.open("wb") as target:
                        shutil.copyfileobj(source, target, 1 << 20)
                    copy.chmod(0o755)
                    elf.set_run_path(copy, "$ORIGIN")
                    files[f"lib/{file}"] = copy
        write_package(
            channel,
            name,
            version_of(wheel),
            files=files,
            build=f"h{hashlib.sha256(wheel.name.encode()).hexdigest()[:7]}_0",
            depends=["__glibc >=2.28", *depends],
            license="LicenseRef-proprietary" if name != "tbb" else "Apache-2.0",
            summary=f"The parts of {wheel.name} that the test channel carries",
        )


def _member(wheel: Path, name: str) -> bytes:
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(name)
