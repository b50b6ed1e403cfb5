"""Kernelspecs on disk: one for each kernel that an environment has, marked as ours, and nobody else's touched."""

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

from jupyter_condaenv.engine import environments, places
from jupyter_condaenv.engine.activation.launch import FOREIGN, join_levels, prepare
from jupyter_condaenv.engine.errors import StorageError
from jupyter_condaenv.engine.model import Environment, Finding, KernelOptions, Settings
from jupyter_condaenv.kernels import found, launcher
from jupyter_condaenv.kernels.found import read

SCHEMA = 1
"""Version of the mark that our kernelspecs carry in ``metadata.jupyter_condaenv``."""
_PREFIX = "condaenv"
_OFFERED = "offered"
_LOGOS = ("logo-32x32.png", "logo-64x64.png", "logo-svg.svg")


def register(
    environment: Environment,
    settings: Settings,
    options: KernelOptions = KernelOptions(),  # noqa: B008 - frozen
    levels: tuple[str, ...] = (),
    *,
    warm: bool = True,
) -> tuple[str, ...]:
    """Write a kernelspec for each kernel that ``environment`` has and return their names, ipykernel's first.

    ``levels`` are the prefixes it consists of, bottom first, its own last; without them only its own. Doing it again
    brings the kernelspecs up to date, removes those of kernels that it no longer has, and keeps the ``options`` that
    were given before. Activation is captured here, so that the first start need not, unless nothing of the environment
    is to run before somebody wants it (``warm``): such kernelspecs say that nobody has asked for them, until somebody
    does. ``StorageError`` when a kernelspec cannot be written.
    """
    prefixes = tuple(os.path.normpath(prefix) for prefix in levels) or (os.path.normpath(environment.prefix),)
    kernels = found.kernels(prefixes, environment.python)
    names: list[str] = []
    if kernels:
        files = launcher.install(settings)
        kept = _kept_of(prefixes[-1], options, settings)
        before = registered(settings).get(prefixes[-1], ())
        offered = not warm and all(_mark_in(Path(settings.kernels_dir, name)).get(_OFFERED) is True for name in before)
        for kernel in kernels:
            name = _free_name(environment, prefixes[-1], kernel.name, settings)
            spec = _spec(environment, prefixes, kernel, kept, settings, files)
            if kept.display_name and kernel is kernels[0]:
                spec["display_name"] = kept.display_name
            if offered:
                spec["metadata"]["jupyter_condaenv"][_OFFERED] = True
            _write(Path(settings.kernels_dir, name), spec, kernel.source)
            names.append(name)
        if warm:
            _warm(prefixes, kept, settings, files)
    for name, theirs in _ours(settings):
        if name not in names and _resolved(theirs[-1]) == _resolved(prefixes[-1]):
            _remove(name, settings)
    return tuple(names)


def _spec(
    environment: Environment,
    prefixes: tuple[str, ...],
    kernel: found.Kernel,
    kept: KernelOptions,
    settings: Settings,
    files: launcher.Launch,
) -> dict[str, Any]:
    is_program = kernel.arguments[0] == "--"
    mark = {
        "prefixes": list(prefixes),
        "schema": SCHEMA,
        "host": settings.host or socket.gethostname(),
        "folders": list(places.folders_of(prefixes[-1])),
        **({"kernel": kernel.name} if kernel.name else {}),
        **msgspec.to_builtins(kept),
    }
    return {
        "argv": [
            str(files.trampoline),
            str(files.shim),
            join_levels(prefixes),
            *(("--program",) if is_program else ()),
            *arguments(kept, settings),
            *(f"--inherit={name}" for name in FOREIGN if name in kernel.env),
            *((f"--language={kernel.language}",) if kernel.language != "python" else ()),
            *kernel.arguments,
        ],
        "display_name": _display_name(environment, prefixes[-1], kernel, settings),
        "language": kernel.language,
        "interrupt_mode": kernel.interrupt_mode,
        **({"env": kernel.env} if kernel.env else {}),
        "metadata": {
            **_metadata_of(kernel.source),
            "jupyter_condaenv": mark,
        },
    }


def _write(folder: Path, spec: dict[str, Any], source: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for logo in _LOGOS:
            if (source / logo).is_file():
                launcher.write_whole(folder / logo, (source / logo).read_bytes())
        # Last: only with it is the folder a kernel.
        launcher.write_whole(folder / "kernel.json", json.dumps(spec, indent=1).encode("ascii"))
    except OSError as error:
        raise StorageError(
            f"The kernel {folder.name} cannot be written to {folder}: {error.strerror}.",
            "Free some space or make the folder writable, then register the kernel again.",
        ) from error


def unregister(prefix: str, settings: Settings) -> tuple[str, ...]:
    """Remove the kernelspecs that we wrote for the environment at ``prefix`` and return their names.

    ``StorageError`` when one cannot be removed.
    """
    wanted = _resolved(prefix)
    names = []
    for name, prefixes in _ours(settings):
        if _resolved(prefixes[-1]) != wanted:
            continue
        _remove(name, settings)
        names.append(name)
    return tuple(sorted(names))


def _remove(name: str, settings: Settings) -> None:
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


def _resolved(prefix: str) -> str:
    """``prefix`` without links on the way to it. Its last part stays: such a link has kernels of its own."""
    parent, name = os.path.split(os.path.normpath(prefix))
    return os.path.join(os.path.realpath(parent), name)


def registered(settings: Settings) -> dict[str, tuple[str, ...]]:
    """For each prefix that has kernelspecs of ours, their names."""
    names: dict[str, list[str]] = {}
    for name, prefixes in _ours(settings):
        names.setdefault(prefixes[-1], []).append(name)
    return {prefix: tuple(sorted(those)) for prefix, those in names.items()}


def is_offered(name: str, settings: Settings) -> bool:
    """Whether the kernelspec ``name`` was written on this host for an environment that was found, and nobody has asked
    for it or chosen anything for it since."""
    mark = _mark_in(Path(settings.kernels_dir, name))
    return mark.get(_OFFERED) is True and mark.get("host") == (settings.host or socket.gethostname())


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


def remove_orphans(settings: Settings) -> tuple[str, ...]:
    """Remove the kernelspecs of environments that are gone, and return their names.

    ``StorageError`` when one cannot be removed.
    """
    places_gone = sorted(set(_orphans(settings).values()))
    return tuple(name for place in places_gone for name in unregister(place, settings))


def _orphans(settings: Settings) -> dict[str, str]:
    """Name -> prefix of each kernelspec that was written on this host for an environment that is gone."""
    host = settings.host or socket.gethostname()
    orphans = {}
    for name, prefixes in _ours(settings):
        mark = _mark_in(Path(settings.kernels_dir, name))
        if mark.get("host") == host and places.is_gone(prefixes[-1], _inodes(mark.get("folders"))):
            orphans[name] = prefixes[-1]
    return orphans


def _inodes(value: object) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, list) and all(isinstance(one, int) for one in value) else ()


def _can_start(folder: Path) -> bool:
    """Whether what the kernelspec in ``folder`` starts is there, and what explains a kernel that fails."""
    argv = read(folder).get("argv")
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
        return _options_in(Path(settings.kernels_dir, name))
    return KernelOptions()


def arguments(options: KernelOptions, settings: Settings) -> tuple[str, ...]:
    """``options`` as ``activation.launch.launch_environment`` takes them."""
    library_path = options.library_path or settings.library_path
    return (
        *(("--always-run",) if options.always_run else ()),
        *((f"--library-path={library_path}",) if library_path != "off" else ()),
        *(f"--inherit={name}" for name in options.inherit or ()),
    )


def _kept_of(prefix: str, given: KernelOptions, settings: Settings) -> KernelOptions:
    """``given``, and for what is not given there what was chosen before."""
    return msgspec.structs.replace(options(prefix, settings), **msgspec.to_builtins(given))


def _options_in(folder: Path) -> KernelOptions:
    """What the kernelspec in ``folder`` was written with; nothing where that cannot be read."""
    mark = _mark_in(folder)
    try:
        return msgspec.convert(
            {name: mark[name] for name in KernelOptions.__struct_fields__ if name in mark}, KernelOptions
        )
    except msgspec.ValidationError:
        return KernelOptions()


def _ours(settings: Settings) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Name and prefixes of every kernelspec that carries our mark."""
    try:
        names = os.listdir(settings.kernels_dir)
    except OSError:
        return
    for name in names:
        prefixes = _mark(settings, name) if name.startswith((f"{_PREFIX}-", f"{_PREFIX}.")) else ()
        if prefixes:
            yield name, prefixes


def _mark(settings: Settings, name: str) -> tuple[str, ...]:
    """The prefixes of our mark in the kernelspec ``name``; empty if it is absent, unreadable or not ours."""
    prefixes = _mark_in(Path(settings.kernels_dir, name)).get("prefixes")
    return tuple(prefixes) if isinstance(prefixes, list) and all(isinstance(each, str) for each in prefixes) else ()


def _mark_in(folder: Path) -> dict[str, Any]:
    """Our mark in the kernelspec in ``folder``; empty if there is none."""
    metadata = read(folder).get("metadata")
    mark = metadata.get("jupyter_condaenv") if isinstance(metadata, dict) else None
    return mark if isinstance(mark, dict) else {}


def _free_name(environment: Environment, prefix: str, kernel: str, settings: Settings) -> str:
    """The name of the kernelspec of ``kernel``, the same whenever the same environment is registered.

    The plain one is for environments in the folders where they are found by name. Where something else has it, an
    environment of the same name in another of these folders or a kernelspec that is not ours, it is left alone.
    """
    wanted = environment.name or os.path.basename(prefix)
    slug = _slug(wanted)
    # No environment's own kernel has a dot there, whatever the environment is called.
    plain = f"{_PREFIX}.{_slug(kernel).replace('-', '_')}-{slug}" if kernel else f"{_PREFIX}-{slug}"
    hashed = f"{plain}-{hashlib.sha256(os.fsencode(prefix)).hexdigest()[:8]}"
    parent = os.path.realpath(os.path.dirname(prefix))
    named = slug == wanted and parent in {os.path.realpath(folder) for folder in settings.envs_dirs}
    taken = Path(settings.kernels_dir, plain, "kernel.json").exists() and _mark(settings, plain)[-1:] != (prefix,)
    return plain if named and not taken else hashed


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-") or "env"


def _display_name(environment: Environment, prefix: str, kernel: found.Kernel, settings: Settings) -> str:
    minor = ".".join(environment.python.split(".")[:2])
    shown = (kernel.display_name,) if kernel.name else ("Python", minor)
    return " ".join(filter(None, (*shown, f"[{environments.label(Path(prefix), settings)}]")))


def _metadata_of(folder: Path) -> dict[str, Any]:
    """What a kernel says of itself: whether it can debug and encrypt depends on its version."""
    metadata = read(folder).get("metadata")
    if not isinstance(metadata, dict):
        return {}
    return {key: metadata[key] for key in ("debugger", "supported_encryption") if key in metadata}


def _warm(prefixes: tuple[str, ...], options: KernelOptions, settings: Settings, files: launcher.Launch) -> None:
    # The kernel does for itself what cannot be done now, and tells of it where its user looks.
    with contextlib.suppress(Exception):
        launcher.compile_for(f"{prefixes[-1]}/bin/python", files)
    with contextlib.suppress(Exception):
        prepare(prefixes, dict(os.environ), launcher.cache_dir(settings), arguments(options, settings))
