"""Kernelspecs on disk: one for each environment that has ipykernel, marked as ours, and nobody else's touched."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from jupyter_condaenv.engine.activation.launch import join_levels, prepare
from jupyter_condaenv.engine.errors import StorageError
from jupyter_condaenv.engine.model import Environment, Finding, KernelOptions, Settings
from jupyter_condaenv.kernels import launcher

SCHEMA = 1
"""Version of the mark that our kernelspecs carry in ``metadata.jupyter_condaenv``."""
_PREFIX = "condaenv-"
_LOGOS = ("logo-32x32.png", "logo-64x64.png", "logo-svg.svg")


def register(
    environment: Environment,
    settings: Settings,
    options: KernelOptions = KernelOptions(),  # noqa: B008 - frozen
    levels: tuple[str, ...] = (),
) -> tuple[str, ...]:
    """Write the kernelspec of ``environment`` and return its name in a tuple; an empty one if it has no ipykernel.

    ``levels`` are the prefixes it consists of, bottom first, its own last; without them only its own. Doing it again
    brings the kernelspec up to date and keeps the ``options`` that were given before. Activation is captured here, so
    that the first start need not.
    ``StorageError`` when the kernelspec cannot be written.
    """
    prefixes = tuple(os.path.normpath(prefix) for prefix in levels) or (os.path.normpath(environment.prefix),)
    source = _kernel_of(prefixes)
    if source is None:
        return ()
    files = launcher.install(settings)
    name = _free_name(environment, prefixes[-1], settings)
    kept = _kept(Path(settings.kernels_dir, name), options)
    mark = {
        "prefixes": list(prefixes),
        "schema": SCHEMA,
        "host": settings.host or socket.gethostname(),
        **msgspec.to_builtins(kept),
    }
    spec = {
        "argv": [
            str(files.trampoline),
            str(files.shim),
            join_levels(prefixes),
            *arguments(kept, settings),
            *("-m", "ipykernel_launcher", "-f", "{connection_file}"),
        ],
        "display_name": kept.display_name or _display_name(environment, prefixes[-1]),
        "language": "python",
        "interrupt_mode": "signal",
        "metadata": {
            **_metadata_of(source),
            "jupyter_condaenv": mark,
        },
    }
    folder = Path(settings.kernels_dir, name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for logo in _LOGOS:
            if (source / logo).is_file():
                launcher.write_whole(folder / logo, (source / logo).read_bytes())
        # Last: only with it is the folder a kernel.
        launcher.write_whole(folder / "kernel.json", json.dumps(spec, indent=1).encode("ascii"))
    except OSError as error:
        raise StorageError(
            f"The kernel {name} cannot be written to {folder}: {error.strerror}.",
            "Free some space or make the folder writable, then register the kernel again.",
        ) from error
    _warm(prefixes, kept, settings, files)
    return (name,)


def unregister(prefix: str, settings: Settings) -> tuple[str, ...]:
    """Remove the kernelspecs that we wrote for the environment at ``prefix`` and return their names.

    ``StorageError`` when one cannot be removed.
    """
    wanted = _resolved(prefix)
    names = []
    for name, prefixes in _ours(settings):
        if _resolved(prefixes[-1]) != wanted:
            continue
        folder = Path(settings.kernels_dir, name)
        try:
            # First: without it the folder is no kernel, however far the rest gets.
            (folder / "kernel.json").unlink(missing_ok=True)
            shutil.rmtree(folder)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise StorageError(
                f"The kernel {name} cannot be removed from {folder}: {error.strerror}.",
                "Make the folder writable, then try again.",
            ) from error
        names.append(name)
    return tuple(sorted(names))


def _resolved(prefix: str) -> str:
    """``prefix`` without links on the way to it. Its last part stays: such a link has kernels of its own."""
    parent, name = os.path.split(os.path.normpath(prefix))
    return os.path.join(os.path.realpath(parent), name)


def registered(settings: Settings) -> dict[str, tuple[str, ...]]:
    """For each prefix that has kernelspecs of ours, their names."""
    found: dict[str, list[str]] = {}
    for name, prefixes in _ours(settings):
        found.setdefault(prefixes[-1], []).append(name)
    return {prefix: tuple(sorted(names)) for prefix, names in found.items()}


def examine(prefix: str, settings: Settings) -> Finding | None:
    """Kernelspecs of ours that start nothing: of the environment at ``prefix``, and of environments that are gone."""
    stuck = [name for name in registered(settings).get(prefix, ()) if not _can_start(Path(settings.kernels_dir, name))]
    gone = _orphans(settings)
    if not stuck and not gone:
        return None
    told = [f"{name} names files that are gone" for name in stuck]
    told += [f"{name} is of {place}, where there is no environment" for name, place in sorted(gone.items())]
    return Finding(
        code="dead_kernel",
        text=f"Kernels that cannot start: {'; '.join(told)}.",
        hint="Kernels of this environment are written anew, those of environments that are gone are removed.",
        fixable=True,
    )


def remove_orphans(settings: Settings) -> None:
    """Remove the kernelspecs of environments that are gone. ``StorageError`` when one cannot be removed."""
    for place in set(_orphans(settings).values()):
        unregister(place, settings)


def _orphans(settings: Settings) -> dict[str, str]:
    """Name -> prefix of each kernelspec that was written on this host for an environment that is gone.

    Where the folder of the environment's folder is gone too, that may be a file system that is not mounted just now.
    """
    host = settings.host or socket.gethostname()
    return {
        name: prefixes[-1]
        for name, prefixes in _ours(settings)
        if _mark_in(Path(settings.kernels_dir, name)).get("host") == host
        and not os.path.lexists(prefixes[-1])
        and os.path.isdir(os.path.dirname(prefixes[-1]))
    }


def _can_start(folder: Path) -> bool:
    """Whether what the kernelspec in ``folder`` starts is there, and what explains a kernel that fails."""
    argv = _read(folder).get("argv")
    if not isinstance(argv, list) or len(argv) < 2:
        return False
    trampoline, shim = (str(part) for part in argv[:2])
    try:
        registrar = Path(shim).with_name("registrar").read_bytes().rstrip(b"\n")
    except OSError:
        return False
    return all(os.path.exists(path) for path in (os.fsencode(trampoline), os.fsencode(shim), registrar))


def options(prefix: str, settings: Settings) -> KernelOptions:
    """What was chosen for the kernel of the environment at ``prefix``."""
    for name in registered(settings).get(prefix, ()):
        return _kept(Path(settings.kernels_dir, name), KernelOptions())
    return KernelOptions()


def arguments(options: KernelOptions, settings: Settings) -> tuple[str, ...]:
    """``options`` as ``activation.launch.launch_environment`` takes them."""
    library_path = options.library_path or settings.library_path
    return (
        *(("--always-run",) if options.always_run else ()),
        *((f"--library-path={library_path}",) if library_path != "off" else ()),
        *(f"--inherit={name}" for name in options.inherit or ()),
    )


def _kept(folder: Path, given: KernelOptions) -> KernelOptions:
    """``given``, and for what is not given there what the kernelspec in ``folder`` has."""
    mark = _mark_in(folder)
    known = {name: mark[name] for name in KernelOptions.__struct_fields__ if name in mark}
    try:
        before = msgspec.convert(known, KernelOptions)
    except msgspec.ValidationError:
        return given
    return msgspec.structs.replace(before, **msgspec.to_builtins(given))


def _ours(settings: Settings) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Name and prefixes of every kernelspec that carries our mark."""
    try:
        names = os.listdir(settings.kernels_dir)
    except OSError:
        return
    for name in names:
        prefixes = _mark(settings, name) if name.startswith(_PREFIX) else ()
        if prefixes:
            yield name, prefixes


def _mark(settings: Settings, name: str) -> tuple[str, ...]:
    """The prefixes of our mark in the kernelspec ``name``; empty if it is absent, unreadable or not ours."""
    prefixes = _mark_in(Path(settings.kernels_dir, name)).get("prefixes")
    return tuple(prefixes) if isinstance(prefixes, list) and all(isinstance(each, str) for each in prefixes) else ()


def _mark_in(folder: Path) -> dict[str, Any]:
    """Our mark in the kernelspec in ``folder``; empty if there is none."""
    metadata = _read(folder).get("metadata")
    mark = metadata.get("jupyter_condaenv") if isinstance(metadata, dict) else None
    return mark if isinstance(mark, dict) else {}


def _read(folder: Path) -> dict[str, Any]:
    """The kernel.json in ``folder``; empty if there is none or it is broken."""
    try:
        found = json.loads((folder / "kernel.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _free_name(environment: Environment, prefix: str, settings: Settings) -> str:
    """The name of the kernelspec, the same whenever the same environment is registered.

    The plain one is for environments in the folders where they are found by name. Where something else has it, an
    environment of the same name in another of these folders or a kernelspec that is not ours, it is left alone.
    """
    wanted = environment.name or os.path.basename(prefix)
    slug = re.sub(r"[^a-z0-9._-]+", "-", wanted.lower()).strip("-") or "env"
    plain = _PREFIX + slug
    hashed = f"{plain}-{hashlib.sha256(os.fsencode(prefix)).hexdigest()[:8]}"
    parent = os.path.realpath(os.path.dirname(prefix))
    named = slug == wanted and parent in {os.path.realpath(folder) for folder in settings.envs_dirs}
    taken = Path(settings.kernels_dir, plain, "kernel.json").exists() and _mark(settings, plain)[-1:] != (prefix,)
    return plain if named and not taken else hashed


def _display_name(environment: Environment, prefix: str) -> str:
    minor = ".".join(environment.python.split(".")[:2])
    return " ".join(filter(None, ("Python", minor, f"[{environment.name or os.path.basename(prefix)}]")))


def _kernel_of(prefixes: tuple[str, ...]) -> Path | None:
    """The folder of ipykernel's own kernelspec in the topmost level that has ipykernel; None if none has it."""
    for prefix in reversed(prefixes):
        if any(Path(prefix).glob("lib/python*/*-packages/ipykernel_launcher.py")):
            return Path(prefix, "share/jupyter/kernels/python3")
    return None


def _metadata_of(folder: Path) -> dict[str, Any]:
    """What ipykernel says of itself: whether it can debug and encrypt depends on its version."""
    metadata = _read(folder).get("metadata")
    if not isinstance(metadata, dict):
        return {}
    return {key: metadata[key] for key in ("debugger", "supported_encryption") if key in metadata}


def _warm(prefixes: tuple[str, ...], options: KernelOptions, settings: Settings, files: launcher.Launch) -> None:
    # The kernel does for itself what cannot be done now, and tells of it where its user looks.
    with contextlib.suppress(Exception):
        launcher.compile_for(f"{prefixes[-1]}/bin/python", files)
    with contextlib.suppress(Exception):
        prepare(prefixes, dict(os.environ), launcher.cache_dir(settings), arguments(options, settings))
