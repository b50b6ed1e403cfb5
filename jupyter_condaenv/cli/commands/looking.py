"""Commands that show what is there."""

from __future__ import annotations

from argparse import Namespace
from functools import partial
from pathlib import Path

from ...engine import deferred, environments, paths
from ...engine.errors import AlreadyExists, ChannelError, InvalidRequest
from ...engine.model import Exported, IndexChannels, Locked, Scan, Settings, Strategy
from ...jobs import Jobs
from .. import answers, text
from ..follow import follow
from ..output import Output
from .common import configured, perform, with_kernels, write
from .requests import from_root, lock_request, strategy_of


def list_environments(_arguments: Namespace, output: Output) -> None:
    settings = configured()
    found = environments.list_environments(settings)
    output.result(answers.Environments(environments=tuple(with_kernels(found, settings))))


def scan(arguments: Namespace, output: Output) -> None:
    perform(Scan(), configured(), arguments, output)


def show(arguments: Namespace, output: Output) -> None:
    from ...engine import history, sites

    settings = configured()
    (environment,) = with_kernels([environments.find(arguments.environment, settings)], settings)
    prefix = Path(environment.prefix)
    lock = history.current_lock(prefix)
    last = history.latest(prefix)
    output.result(
        answers.Shown(
            environment=environment,
            specs=lock.specs,
            pip_specs=lock.pip_specs,
            channels=lock.channels,
            strategy=lock.strategy,
            revision=last.number if last else 0,
            packages=lock.packages,
            pip=sites.listed(prefix, lock),
            deferred=deferred.read(prefix),
        )
    )


def history(arguments: Namespace, output: Output) -> None:
    from ...engine import history

    prefix = Path(environments.find(arguments.environment, configured()).prefix)
    found, damaged = history.readable(prefix)
    revisions = tuple(one.summary for one in found)
    numbers = tuple(map(history.number_of, damaged))
    lost = history.is_lost(prefix)
    output.result(answers.History(revisions=revisions, damaged=numbers, lost=lost, deferred=deferred.read(prefix)))


def diff(arguments: Namespace, output: Output) -> None:
    from ...engine import changes, history

    prefix = Path(environments.find(arguments.environment, configured()).prefix)
    one, other = (history.revision(prefix, number) for number in (arguments.one, arguments.other))
    output.result(answers.Diff(difference=changes.difference(one, other)))


def search(arguments: Namespace, output: Output) -> None:
    from ...engine import history, search

    settings = configured()
    query = " ".join(arguments.query)
    around = environments.find(arguments.env, settings) if arguments.env else None
    lock = history.current_lock(Path(around.prefix)) if around else None
    asked = from_root(arguments.channels)
    page = {"limit": arguments.limit, "offset": arguments.offset}
    find = partial(search.find, query, settings, channels=asked, environment=lock, **page)
    found = find()
    if found.missing or arguments.refresh:
        there = tuple(one.channel for one in found.indexes) if arguments.refresh else ()
        _index((*found.missing, *there), settings, output, needed=not found.indexes)
        found = find()
    if arguments.versions:
        package = search.package(query, settings, channels=asked, environment=lock)
        output.result(answers.Versions(package=package))
        return
    fitting = {}
    if lock is not None:
        for one in found.packages:
            versions = search.package(one.name, settings, channels=asked, environment=lock).versions
            fitting[one.name] = next((version.version for version in versions if version.fits), "")
    output.result(answers.Found(found=found, offset=arguments.offset, fitting=fitting))


def _index(channels: tuple[str, ...], settings: Settings, output: Output, *, needed: bool) -> None:
    """Make ``channels`` searchable. Where there is something to search without them, failing is no error."""
    job = Jobs(settings).start(IndexChannels(channels=channels))
    output.job(job)
    try:
        follow(job, output)
    except ChannelError as error:
        if needed:
            raise
        output.note(f"warning: {error.message}")
    finally:
        output.close()


def why(arguments: Namespace, output: Output) -> None:
    """``why`` and ``who-constrains``."""
    from ...engine import why

    prefix = Path(environments.find(arguments.environment, configured()).prefix)
    reasons = why.reasons_in(prefix, arguments.package)
    kind = answers.Why if arguments.verb == "why" else answers.WhoConstrains
    output.result(kind(reasons=reasons))


def lock(arguments: Namespace, output: Output) -> None:
    """Of what is there, or, by a job, of what there would be on other platforms."""
    if arguments.platforms or arguments.file:
        _lock_platforms(arguments, output)
        return
    given = (arguments.channels, arguments.virtual, arguments.format, arguments.detach, arguments.without_pip)
    if any(given) or strategy_of(arguments) != Strategy():
        raise InvalidRequest(
            "Nothing is solved without --platform or --file: the lock is of what is there, in our own format.",
            "Name a platform, or leave the other options out. In the format of another tool, `jupyter condaenv export "
            "--format` writes down what is there.",
        )
    if not arguments.environment:
        raise InvalidRequest("ENV is missing: what is to be locked?", "For instance: lock geo -o geo.lock")
    from ...engine import export, history, lockfiles

    current = history.current_lock(Path(environments.find(arguments.environment, configured()).prefix))
    for note in export.not_elsewhere(current):
        output.note(f"warning: {note}")
    if arguments.output:
        path = Path(paths.absolute(arguments.output))
        write(path, lockfiles.encode(current))
        output.result(answers.Locked(lock=current, path=str(path)))
    elif output.json:
        output.result(answers.Locked(lock=current))
    else:
        print(lockfiles.encode(current).decode(), end="", flush=True)


def _lock_platforms(arguments: Namespace, output: Output) -> None:
    settings = configured()
    job = Jobs(settings).start(lock_request(arguments, settings))
    if arguments.detach:
        output.result(answers.Started(id=job.id))
        return
    output.job(job)
    made = follow(job, output)
    assert isinstance(made, Locked)
    if arguments.output:
        path = Path(paths.absolute(arguments.output))
        write(path, made.file.text.encode())
        output.note(text.platforms(made.file.platforms))
        output.result(answers.Written(path=str(path)))
    elif output.json:
        output.result(made)
    else:
        output.close()
        print(made.file.text, end="", flush=True)


def export(arguments: Namespace, output: Output) -> None:
    from ...engine import export

    prefix = Path(environments.find(arguments.environment, configured()).prefix)
    found = export.export(prefix, arguments.format, arguments.wanted)
    for note in found.notes:
        output.note(f"warning: {note}")
    if arguments.output and found.beside:
        output.result(_written_with_what_it_reads(found, Path(paths.absolute(arguments.output))))
    elif arguments.output:
        path = Path(paths.absolute(arguments.output))
        write(path, found.text.encode())
        output.result(answers.Written(path=str(path)))
    elif output.json:
        output.result(answers.Exported(name=found.name, text=found.text, beside=found.beside, notes=found.notes))
    else:
        for file in found.beside:
            output.note(f"It reads {file.name}, which is not shown. To have both written into a folder: -o FOLDER")
        print(found.text, end="", flush=True)


def _written_with_what_it_reads(found: Exported, folder: Path) -> answers.Written:
    """Into ``folder``, which is made; a file that somebody else wrote is left alone."""
    from ...engine.formats.written import OURS

    path = folder / found.name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and OURS not in path.read_text(encoding="utf-8", errors="replace"):
            raise AlreadyExists(f"{path} is there already, and not from here.", "Choose another folder with -o.")
    except OSError as error:
        raise InvalidRequest(
            f"{path} cannot be written: {error.strerror}.", "Choose another folder with -o."
        ) from error
    files = [(folder / file.name, file.text) for file in found.beside]
    for place, content in [*files, (path, found.text)]:
        write(place, content.encode())
    return answers.Written(path=str(path), beside=tuple(str(place) for place, _ in files))
