"""Installs what starts a kernel in the user's data directory, where it lives on without this package.

The files lie in a folder named by the hash of their content, so that the kernelspecs of several versions of this
package, and of several servers that share a home, each keep the files they were written for.
"""

from __future__ import annotations

import hashlib
import os
import site
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from jupyter_condaenv.engine import activation, demands
from jupyter_condaenv.engine.errors import StorageError
from jupyter_condaenv.engine.model import Settings

MAGICS = "condaenv_magics"
"""Name of the copy of ``magics``, as kernels import it."""
START = "condaenv_start"
"""Name of the copy of ``launch.start``, as the shim imports it."""
ACTIVATION = Path(activation.__file__).parent
"""The folder that is copied beside the shim."""
STARTING = "starting"
"""In the data directory: a file of each kernel that is starting (``launch.crash``)."""
FORGOTTEN = 24 * 3600.0
"""Seconds."""
PACKAGE = Path(__file__).resolve().parents[2]
"""Where this package is imported from."""


class Launch(NamedTuple):
    """The installed files that a kernelspec names."""

    trampoline: Path
    shim: Path


def cache_dir(settings: Settings) -> str:
    """The activation cache. The shim finds it from where it lies itself."""
    return os.path.join(settings.data_dir, activation.FOLDER)


def install(settings: Settings) -> Launch:
    """Put the files where kernelspecs can name them, if they are not there, and say where.

    ``StorageError`` when they cannot be written.
    """
    here = Path(__file__).parent
    source = here / "launch"
    # The Python that registers is the one that explains a kernel that cannot start, so it is part of the content.
    files = {
        **{f"activation/{path.name}": path.read_bytes() for path in sorted(ACTIVATION.glob("*.py"))},
        "bundle.py": (source / "bundle.py").read_bytes(),
        "cli.py": _command_line(),
        "crash.py": (source / "crash.py").read_bytes(),
        "demands.py": Path(demands.__file__).read_bytes(),
        **{f"{MAGICS}/{path.name}": path.read_bytes() for path in sorted((here.parent / "magics").glob("*.py"))},
        "fallback.py": (source / "fallback.py").read_bytes(),
        "registrar": os.fsencode(sys.executable) + b"\n",
        "shim.py": (source / "shim.py").read_bytes(),
        f"{START}.py": (source / "start.py").read_bytes(),
        "trampoline": (source / "trampoline.sh").read_bytes(),
        "warm.py": (source / "warm.py").read_bytes(),
    }
    digest = hashlib.sha256(b"\0".join(name.encode() + b"\0" + content for name, content in files.items()))
    folder = Path(settings.data_dir, "launch", digest.hexdigest()[:16])
    try:
        Path(settings.data_dir).mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            _write(folder / name, content, 0o755 if name == "trampoline" else 0o644)
        _forget_starts(Path(settings.data_dir, STARTING))
    except OSError as error:
        raise StorageError(
            f"The files that start kernels cannot be written to {folder}: {error.strerror}.",
            "Free some space or make the folder writable, then register the kernel again.",
        ) from error
    return Launch(folder / "trampoline", folder / "shim.py")


def _forget_starts(folder: Path) -> None:
    """Have the folder of kernels that are starting, without those that nobody has started again when they died."""
    folder.mkdir(mode=0o700, exist_ok=True)
    for entry in os.scandir(folder):
        with suppress(OSError):
            if entry.stat(follow_symlinks=False).st_mtime < time.time() - FORGOTTEN:
                os.unlink(entry)


def compile_for(python: str, launch: Launch) -> None:
    """Compile for ``python`` what its kernels run before they are kernels.

    ``OSError`` or ``subprocess.SubprocessError`` when it cannot.
    """
    command = [python, "-I", "-S", "-X", "no_debug_ranges", str(launch.shim.with_name("bundle.py"))]
    subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=True)


def _command_line() -> bytes:
    """Our command line for the Python that runs this, isolated as it may be from where its user installs things."""
    paths = [str(PACKAGE), *(path for path in [site.getusersitepackages()] if path in sys.path)]
    lines = ("import sys", f"sys.path += {paths!a}", "from jupyter_condaenv.cli import main", "sys.exit(main())")
    return "\n".join(lines).encode("ascii") + b"\n"


def _write(path: Path, content: bytes, mode: int) -> None:
    try:
        if path.read_bytes() == content:
            return
    except FileNotFoundError:
        pass
    write_whole(path, content, mode)


def write_whole(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Write ``content`` to ``path`` so that a reader finds the old file or the new one. OSError when that fails."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        part.chmod(mode)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
