"""What commands have in common: configuration, starting a job, asking a person, files."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterable
from pathlib import Path

import msgspec

from ... import config
from ...engine import limits, paths, trees
from ...engine.errors import Cancelled, InvalidRequest, NotFound
from ...engine.model import AnyRequest, Environment, Result, Settings
from ...jobs import Jobs
from .. import answers
from ..follow import follow
from ..output import Output


def configured() -> Settings:
    return config.load().settings()


def check_somebody_is_there(arguments: Namespace, output: Output) -> None:
    if not arguments.preview and (output.json or arguments.detach or not somebody()):
        raise InvalidRequest("There is nobody to ask whether to delete it.", "To go ahead: --yes; to look: --preview")


def perform(request: AnyRequest, settings: Settings, arguments: Namespace, output: Output) -> Result:
    """Have ``request`` done by a job, and show what came of it, which is returned."""
    job = Jobs(settings).start(request)
    result: Result
    if arguments.detach:
        result = answers.Started(id=job.id)
    else:
        output.job(job)
        result = follow(job, output)
    output.result(result)
    return result


def somebody() -> bool:
    """Whether there is a person who could be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask(question: str, otherwise: str) -> None:
    """Raises Cancelled, which says ``otherwise``, unless the answer is yes."""
    print(question, end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise Cancelled(otherwise)


def with_kernels(found: Iterable[Environment], settings: Settings) -> list[Environment]:
    from ...kernels import specs

    registered = specs.registered(settings)
    return [msgspec.structs.replace(one, kernels=tuple(registered.get(one.prefix, ()))) for one in found]


def existing(given: str, what: str) -> Path:
    paths.check(given)
    path = Path(given)
    if path.is_dir():
        raise InvalidRequest(f"{path} is a folder, and no {what}.", "Name a file in it.", path=str(path))
    if not path.is_file():
        raise NotFound(f"There is no {what} {path}.", "Check the path.", path=str(path))
    return path


def write(path: Path, data: bytes) -> None:
    """Whole or not at all, unless ``path`` is no file, such as a pipe.

    Raises StorageError where there is no room, InvalidRequest where nothing can be written.
    """
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(data)
        else:
            trees.write_whole(path.resolve(), data)
    except OSError as error:
        failure = trees.storage_error(error)
        if limits.is_full(failure):
            raise failure from error
        raise InvalidRequest(f"{path} cannot be written: {error.strerror}.", "Choose another place with -o.") from error
