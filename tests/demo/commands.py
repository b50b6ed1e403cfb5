"""The command line's commands, done by a server.

Each is shown as a person would type it and asked for over REST; what comes back are the engine's own types, which the
command line's own code puts into words.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from jupyter_condaenv.cli import answers as said
from jupyter_condaenv.cli.follow import follow
from jupyter_condaenv.cli.output import choose
from jupyter_condaenv.engine import lockfiles
from jupyter_condaenv.engine.errors import Cancelled, CondaEnvError, Failure, error_from
from jupyter_condaenv.engine.model import AnyResult, Lock
from jupyter_condaenv.jobs import NumberedEvent, Outcome
from jupyter_condaenv.server import answers as served
from tests.jupyter import Visitor

from .narrator import Narrator, StoryEnded

POLL = 20
"""Seconds that the server may wait for an event before it answers that there is none."""

T = TypeVar("T")


class Rest:
    """``<base_url>/condaenv/``, with answers as types. Raises what the server refuses as the error that it is."""

    def __init__(self, visitor: Visitor) -> None:
        self._visitor = visitor
        self.root = f"{visitor.base_url}condaenv/"

    def ask(self, kind: type[T], verb: str, path: str, body: object = None) -> T:
        data = None if body is None else json.dumps(body).encode()
        answer = self._visitor.raw(verb, self.root + path, data, **{"Content-Type": "application/json"})
        if answer.status >= 400:
            raise error_from(msgspec.convert(answer.body, Failure))
        return msgspec.convert(answer.body, kind)

    def get(self, kind: type[T], path: str) -> T:
        return self.ask(kind, "GET", path)


class Job:
    """A job of the server, as the command line follows one."""

    def __init__(self, rest: Rest, summary: served.JobSummary) -> None:
        self.id = summary.id
        self.created: datetime = summary.created
        self._rest = rest
        self._outcome: Outcome | None = None

    def follow(self, since: int = 0) -> Iterator[NumberedEvent]:
        """By long polls: each is answered when there is something new."""
        while True:
            history = self._rest.get(served.JobHistory, f"jobs/{self.id}?since={since}&wait={POLL}")
            for numbered in history.events:
                yield numbered
                since = numbered.number
            if history.outcome and not history.more:
                self._outcome = history.outcome
                return

    def cancel(self) -> None:
        self._rest.ask(served.JobSummary, "DELETE", f"jobs/{self.id}")

    def result(self) -> AnyResult:
        """Once it has been followed to its end."""
        assert self._outcome is not None
        if self._outcome.failure:
            raise error_from(self._outcome.failure)
        assert self._outcome.result is not None
        return self._outcome.result


class Commands:
    def __init__(self, rest: Rest, narrator: Narrator) -> None:
        self._rest = rest
        self._narrator = narrator
        self._output = choose(json=False)

    def create(self, name: str, specs: list[str], channel: str) -> None:
        self._typed("create", name, *specs, "-c", channel)
        self._change("POST", "environments", {"name": name, "specs": specs, "channels": [channel]})

    def stack(self, name: str, base: str, specs: list[str], channel: str) -> None:
        self._typed("stack", name, *specs, "--on", base, "-c", channel)
        self._change("POST", "stacks", {"name": name, "base": base, "specs": specs, "channels": [channel]})

    def lock(self, name: str, path: Path) -> None:
        self._typed("lock", name, "-o", str(path))
        lock = self._get(Lock, f"environments/{name}/lock")
        path.write_bytes(lockfiles.encode(lock))
        self._output.result(said.Locked(lock=lock, path=str(path)))

    def list(self) -> None:
        self._typed("list")
        found = self._get(served.Environments, "environments")
        self._output.result(said.Environments(environments=found.environments))

    def _typed(self, *arguments: str) -> None:
        self._narrator.step(f"$ jupyter condaenv {shlex.join(arguments)}")

    def _get(self, kind: type[T], path: str) -> T:
        self._narrator.say(f"GET {self._rest.root}{path}")
        return self._rest.get(kind, path)

    def _change(self, verb: str, path: str, body: dict[str, Any]) -> None:
        """Have it done while the person looks on. Ends the story when it fails, or when it is stopped."""
        try:
            job = Job(self._rest, self._rest.ask(served.JobSummary, verb, path, body))
            self._narrator.say(f"{verb} {self._rest.root}{path}: followed at {self._rest.root}jobs/{job.id}")
            self._output.job(job)
            self._output.result(follow(job, self._output))
        except Cancelled as error:
            self._output.failure(error.failure())
            raise KeyboardInterrupt from error
        except CondaEnvError as error:
            self._output.failure(error.failure())
            raise StoryEnded(f"{verb} {self._rest.root}{path}: {error.message}") from error
