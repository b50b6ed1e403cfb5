"""Activation scripts in the manner of conda-forge's, and small packages that carry only them.

What conda-forge ships is the reason for every oddity here: a name that starts with `~` so that it
sorts last, bash arrays, a command that runs when a shell starts, a folder made as a side effect,
values kept for deactivation. The wording is this project's own. `libgdal-core`, `proj`,
`gcc_linux-64` and `rust` are stand-ins: version 0.1, scripts and a few data files, no program.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .writer import PLACEHOLDER, Content, host_subdir, write_package

_CA_ON = """\
# The operating system's OpenSSL looks for certificates outside of the environment.
if [ -z "${SSL_CERT_FILE:-}" ]; then
    export SSL_CERT_FILE="${CONDA_PREFIX}/ssl/cacert.pem"
    export __CA_CERTIFICATES_SET_SSL_CERT_FILE=1
fi
"""
_CA_OFF = """\
if [ "${__CA_CERTIFICATES_SET_SSL_CERT_FILE:-}" = 1 ]; then
    unset SSL_CERT_FILE __CA_CERTIFICATES_SET_SSL_CERT_FILE
fi
"""
_MKL_ON = """\
export MKL_INTERFACE_LAYER="${MKL_INTERFACE_LAYER:-LP64,GNU}"
export MKL_NUM_THREADS="${MKL_NUM_THREADS:-2}"
"""
_MKL_OFF = """\
unset MKL_INTERFACE_LAYER
unset MKL_NUM_THREADS
"""
_CUDA_ON = """\
#!/bin/bash
# Named to run after the compilers' scripts: it adds to what they set.
[[ -n "${CUDA_HOME:-}" ]] && export CUDA_HOME_CONDA_BACKUP="${CUDA_HOME}"
export CUDA_HOME="${CONDA_PREFIX}"
export CUDA_PATH="${CONDA_PREFIX}"
__cuda_flags=()
for __cuda_dir in include targets/x86_64-linux/include; do
    [[ -d "${CONDA_PREFIX}/${__cuda_dir}" ]] && __cuda_flags+=("-I${CONDA_PREFIX}/${__cuda_dir}")
done
export NVCC_PREPEND_FLAGS="${NVCC_PREPEND_FLAGS:+${NVCC_PREPEND_FLAGS} }-ccbin=${CXX:-c++}"
export CFLAGS="${CFLAGS:+${CFLAGS} }${__cuda_flags[*]}"
unset __cuda_flags __cuda_dir
"""
_CUDA_OFF = """\
#!/bin/bash
unset CUDA_HOME CUDA_PATH
if [[ -n "${CUDA_HOME_CONDA_BACKUP:-}" ]]; then
    export CUDA_HOME="${CUDA_HOME_CONDA_BACKUP}"
    unset CUDA_HOME_CONDA_BACKUP
fi
unset NVCC_PREPEND_FLAGS
"""
_GDAL_ON = """\
#!/bin/bash
if [[ -n "${GDAL_DATA:-}" ]]; then
    export _CONDA_SET_GDAL_DATA="${GDAL_DATA}"
fi
if [[ -d "${CONDA_PREFIX}/share/gdal" ]]; then
    export GDAL_DATA="${CONDA_PREFIX}/share/gdal"
fi
export GDAL_DRIVER_PATH="${CONDA_PREFIX}/lib/gdalplugins"
# A driver path that does not exist makes GDAL complain on every start.
if [[ ! -d "${GDAL_DRIVER_PATH}" ]]; then
    unset GDAL_DRIVER_PATH
fi
export CPL_ZIP_ENCODING=UTF-8
"""
_GDAL_OFF = """\
#!/bin/bash
unset GDAL_DATA GDAL_DRIVER_PATH CPL_ZIP_ENCODING
if [[ -n "${_CONDA_SET_GDAL_DATA:-}" ]]; then
    export GDAL_DATA="${_CONDA_SET_GDAL_DATA}"
    unset _CONDA_SET_GDAL_DATA
fi
"""
_PROJ_ON = """\
#!/bin/sh
if [ -n "${PROJ_DATA:-}" ]; then
    export _CONDA_SET_PROJ_DATA="${PROJ_DATA}"
fi
if [ -d "${CONDA_PREFIX}/share/proj" ]; then
    export PROJ_DATA="${CONDA_PREFIX}/share/proj"
fi
if [ -f "${CONDA_PREFIX}/share/proj/copyright_and_licenses.csv" ]; then
    export PROJ_NETWORK="ON"
else
    export PROJ_NETWORK="OFF"
fi
"""
_PROJ_OFF = """\
#!/bin/sh
unset PROJ_DATA PROJ_NETWORK
if [ -n "${_CONDA_SET_PROJ_DATA:-}" ]; then
    export PROJ_DATA="${_CONDA_SET_PROJ_DATA}"
    unset _CONDA_SET_PROJ_DATA
fi
"""
_GCC_ON = """\
#!/bin/bash
# Sets every variable of a table, keeping what was there in CONDA_BACKUP_<name>.
__gcc_tools=(CC:{triple}-cc CPP:{triple}-cpp AR:{triple}-ar LD:{triple}-ld NM:{triple}-nm)
__gcc_set() {{
    local name="$1" value="$2" backup="CONDA_BACKUP_$1"
    if [[ -n "${{!name+x}}" ]]; then
        export "${{backup}}=${{!name}}"
    fi
    export "${{name}}=${{value}}"
}}
for __gcc_tool in "${{__gcc_tools[@]}}"; do
    __gcc_set "${{__gcc_tool%%:*}}" "${{CONDA_PREFIX}}/bin/${{__gcc_tool#*:}}"
done
__gcc_set CONDA_TOOLCHAIN_HOST "{triple}"
export CFLAGS="${{CFLAGS:-}}${{CFLAGS:+ }}-O2 -isystem ${{CONDA_PREFIX}}/include"
export LDFLAGS="${{LDFLAGS:-}}${{LDFLAGS:+ }}-Wl,-rpath,${{CONDA_PREFIX}}/lib -L${{CONDA_PREFIX}}/lib"
export _CONDA_PYTHON_SYSCONFIGDATA_NAME="${{_CONDA_PYTHON_SYSCONFIGDATA_NAME:-none}}"
unset __gcc_tools __gcc_tool
unset -f __gcc_set
"""
_GCC_OFF = """\
#!/bin/bash
for __gcc_name in CC CPP AR LD NM CONDA_TOOLCHAIN_HOST; do
    __gcc_backup="CONDA_BACKUP_${{__gcc_name}}"
    if [[ -n "${{!__gcc_backup:-}}" ]]; then
        export "${{__gcc_name}}=${{!__gcc_backup}}"
        unset "${{__gcc_backup}}"
    else
        unset "${{__gcc_name}}"
    fi
done
unset CFLAGS LDFLAGS _CONDA_PYTHON_SYSCONFIGDATA_NAME __gcc_name __gcc_backup
"""
_RUST_ON = """\
#!/usr/bin/env bash
export CARGO_HOME="${CARGO_HOME:-${CONDA_PREFIX}/.cargo}"
export CARGO_TARGET_LINKER="${CC:-cc}"
# Without the folder, `cargo install` would change nothing that PATH leads to.
mkdir -p "${CARGO_HOME}/bin"
export PATH="${CARGO_HOME}/bin:${PATH}"
"""
_RUST_OFF = """\
#!/usr/bin/env bash
export PATH="${PATH//${CARGO_HOME}\\/bin:/}"
unset CARGO_HOME CARGO_TARGET_LINKER
"""


def activation(name: str, on: str, off: str) -> dict[str, Content]:
    """The pair of scripts `name` as they lie in a package."""
    return {
        f"etc/conda/activate.d/{name}": on,
        f"etc/conda/deactivate.d/{name}": off,
    }


def for_certificates() -> dict[str, Content]:
    """Points OpenSSL at the environment's certificates unless the user has chosen some."""
    return activation("ca-certificates_activate.sh", _CA_ON, _CA_OFF)


def for_mkl() -> dict[str, Content]:
    """Sets MKL's interface layer, and the number of threads where none was chosen."""
    return activation("mkl_activate.sh", _MKL_ON, _MKL_OFF)


def for_cuda() -> dict[str, Content]:
    """Sets CUDA_HOME, CUDA_PATH and the compiler driver's flags, as cuda-nvcc does."""
    return activation("~cuda-nvcc_activate.sh", _CUDA_ON, _CUDA_OFF)


def write_gdal(channel: Path) -> None:
    """GDAL_DATA, and a driver path that goes away again where it does not exist."""
    files = {
        **activation("libgdal-core_activate.sh", _GDAL_ON, _GDAL_OFF),
        "share/gdal/gdalvrt.xsd": "<schema/>\n",
    }
    _stand_in(channel, "libgdal-core", files, ["proj >=0.1"])


def write_proj(channel: Path) -> None:
    """PROJ_DATA and PROJ_NETWORK, both depending on what is there."""
    files = {
        **activation("proj_activate.sh", _PROJ_ON, _PROJ_OFF),
        "share/proj/proj.ini": "[general]\nnetwork = off\n",
    }
    _stand_in(channel, "proj", files)


def write_gcc(channel: Path) -> None:
    """CC and its kin through a bash array and a function; CFLAGS and LDFLAGS are added to."""
    machine = "x86_64" if host_subdir() == "linux-64" else "aarch64"
    triple = f"{machine}-conda-linux-gnu"
    name = f"activate-gcc_{host_subdir()}.sh"
    files = activation(name, _GCC_ON.format(triple=triple), _GCC_OFF.format(triple=triple))
    files[f"bin/{triple}-cc"] = f'#!/bin/sh\n# prefix: {PLACEHOLDER}\nexec cc "$@"\n'
    _stand_in(channel, f"gcc_{host_subdir()}", files)


def write_rust(channel: Path) -> None:
    """CARGO_HOME inside of the environment, made as the script runs, and an entry in PATH."""
    _stand_in(channel, "rust", activation("rust.sh", _RUST_ON, _RUST_OFF))


STAND_INS: dict[str, Callable[[Path], None]] = {
    "libgdal-core": write_gdal,
    "proj": write_proj,
    "gcc": write_gcc,
    "rust": write_rust,
}


def _stand_in(channel: Path, name: str, files: dict[str, Content], depends: list[str] | None = None) -> None:
    write_package(
        channel,
        name,
        "0.1",
        files=files,
        build="h1_0",
        depends=depends or (),
        summary="Stand-in of the test channel: activation scripts only",
    )
