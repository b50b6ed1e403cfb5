"""All jobs of one user."""

from __future__ import annotations

import getpass
import os
import re
import secrets
import shutil
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path

import msgspec

from ..engine.errors import Broken, CondaEnvError, NotFound, StorageError
from ..engine.model import AnyRequest, ApplyPlan, ChangePackages, Settings
from ..engine.telling import change_in_words
from . import files, processes
from .clock import FileSystemClock
from .job import Job
from .launch import launch
from .records import Assignment, Machine, Outcome, Owner, Written, now, this_machine, without_secrets

PERFORM = "jupyter_condaenv.jobs.worker:perform"
KEPT = 200
"""Ended jobs that are remembered."""
KEPT_FOR = timedelta(days=30)
"""How long an ended job is remembered."""
OLD = timedelta(days=7)
"""After which an ended job may be cleaned away."""
GIVEN_UP_AFTER = timedelta(days=1)
"""How long another host's job must have been without a heartbeat before it is forgotten."""

_ID = re.compile(r"\d{8}-\d{6}-\d{6}-[0-9a-f]{8}\Z")
_TIME = "%Y%m%d-%H%M%S-%f"


class Jobs:
    """The jobs in ``settings.data_dir``, of this and of every other host that shares it.

    ``perform`` names the function that the worker calls, as ``module:name``; ``machine`` is where this process runs.
    """

    def __init__(self, settings: Settings, perform: str = PERFORM, machine: Machine | None = None) -> None:
        self._settings = settings
        self._perform = perform
        self._machine = machine or this_machine(settings.host)
        self._folder = Path(settings.data_dir) / "jobs"
        self._clock = FileSystemClock(self._folder)

    def start(self, request: AnyRequest) -> Job:
        """Perform ``request`` in a process of its own. Returns when that runs, which takes some 50 ms.

        Raises StorageError when the job cannot be written down, WorkerDied when no process can be started.
        """
        job = self._create(request)
        self._launch(job, request)
        self._prune()
        return job

    def get(self, id: str) -> Job:
        """Raises NotFound, or Broken when its folder is damaged."""
        if not _ID.match(id) or not (self._folder / id).is_dir():
            raise NotFound(
                f"There is no job {id!r}.",
                f"The last {KEPT} jobs of the last {KEPT_FOR.days} days are remembered; look at the list of jobs.",
            )
        return self._job(self._folder / id)

    def list(self) -> list[Job]:
        """Newest first; damaged ones are left out."""
        found = []
        for folder in self._folders():
            try:
                found.append(self._job(folder))
            except Broken:
                continue
        return found

    def forget(self, id: str) -> bool:
        """Whether there is no such job any more: one that has ended is not remembered from now on."""
        folder = self._folder / id
        if not _ID.match(id) or not folder.is_dir():
            return True
        if not self._forgettable(folder):
            return False
        shutil.rmtree(folder, ignore_errors=True)
        return True

    def old(self) -> Sequence[Path]:
        """The folders of jobs that ended longer ago than anybody looks at."""
        oldest = now() - OLD
        return [folder for folder in self._folders() if _time(folder) < oldest and self._forgettable(folder)]

    def _job(self, folder: Path) -> Job:
        return Job(folder, self._machine, self._clock)

    def _folders(self) -> Sequence[Path]:
        """Newest first."""
        try:
            names = os.listdir(self._folder)
        except (FileNotFoundError, NotADirectoryError):
            return []
        return [self._folder / name for name in sorted(filter(_ID.match, names), reverse=True)]

    def _create(self, request: AnyRequest) -> Job:
        created = now()
        folder = self._folder / f"{created.strftime(_TIME)}-{secrets.token_hex(4)}"
        written = Written(
            created=created,
            host=self._machine.host,
            author=_author(),
            perform=self._perform,
            words=_words(request),
            request=request,
            settings=self._settings,
        )
        owner = Owner(machine=self._machine, pid=os.getpid(), started=processes.started(os.getpid()))
        try:
            self._folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._folder.mkdir(mode=0o700, exist_ok=True)
            # Under another name until it is complete, so that whoever sees a job sees all of it.
            unborn = folder.with_name(f".{folder.name}")
            unborn.mkdir(mode=0o700)
            files.write_atomically(unborn / files.REQUEST, msgspec.json.encode(without_secrets(written)))
            files.write_atomically(unborn / files.OWNER, msgspec.json.encode(owner))
            files.write_atomically(unborn / files.BALLAST, bytes(files.BALLAST_BYTES))
            files.touch(unborn / files.HEARTBEAT)
            unborn.rename(folder)
        except OSError as error:
            raise StorageError(
                f"The job cannot be written down in {self._folder}: {error.strerror}.",
                "Jupyter's data directory must be writable and have some space left.",
            ) from error
        return self._job(folder)

    def _launch(self, job: Job, request: AnyRequest) -> None:
        assignment = Assignment(request=request, settings=self._settings, perform=self._perform)
        folder = self._folder / job.id
        try:
            launch(folder, assignment)
        except CondaEnvError as error:
            outcome = Outcome(state="failed", time=now(), failure=error.failure())
            with suppress(OSError):
                files.drop_ballast(folder)
                files.write_atomically(folder / files.RESULT, msgspec.json.encode(without_secrets(outcome)))
            raise
        except KeyboardInterrupt:
            job.cancel()
            raise

    def _prune(self) -> None:
        """Forget ended jobs beyond the number and the age that are kept."""
        oldest = now() - KEPT_FOR
        for index, folder in enumerate(self._folders()):
            if (index >= KEPT or _time(folder) < oldest) and self._forgettable(folder):
                shutil.rmtree(folder, ignore_errors=True)

    def _forgettable(self, folder: Path) -> bool:
        if (folder / files.RESULT).exists():
            return True
        long_ago = self._clock.age(folder / files.HEARTBEAT) > GIVEN_UP_AFTER.total_seconds()
        try:
            job = self._job(folder)
        except Broken:
            return long_ago
        return not job.supervised() and (long_ago or job.here())


def _time(folder: Path) -> datetime:
    """When a job was made, by its name."""
    return datetime.strptime(folder.name.rpartition("-")[0], _TIME).replace(tzinfo=timezone.utc)


def _words(request: AnyRequest) -> str:
    if isinstance(request, ChangePackages):
        return change_in_words(request)
    return request.plan.words if isinstance(request, ApplyPlan) else ""


def _author() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return str(os.getuid()) if processes.POSIX else ""
