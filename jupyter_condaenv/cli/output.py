"""Where a command's words go: a person's terminal, a log, or a program.

What happens while a job runs goes to stderr, what was asked for goes to stdout. With ``--json`` stdout carries one
object a line and nothing else; the README describes the lines.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from ..engine.errors import Failure
from ..engine.model import (
    Adopted,
    Built,
    Changed,
    Checked,
    Cleaned,
    Deferred,
    Dropped,
    Event,
    Examined,
    Explained,
    Indexed,
    Locked,
    Measured,
    Message,
    Moved,
    Noted,
    Notes,
    Packed,
    Planned,
    Progress,
    Registered,
    Removed,
    Result,
    Scanned,
    Solved,
    Step,
    Strategy,
)
from . import answers, plans, text

if TYPE_CHECKING:
    from ..engine.model import AnyResult
    from ..jobs import Job, NumberedEvent

BAR = 16
"""Characters of a full bar."""
PROGRESS_EVERY = 5.0
"""Seconds between two lines about the same step in a log."""


class Followed(Protocol):
    """A job that can be followed: one of ours, whose folder is here, or one that only a server knows."""

    @property
    def id(self) -> str: ...

    @property
    def created(self) -> datetime: ...

    def follow(self, since: int = 0) -> Iterator[NumberedEvent]: ...

    def cancel(self) -> None: ...

    def result(self) -> AnyResult: ...


class Output:
    """For a log, a pipe or a terminal without control codes: plain lines, one a step, each with the time it took."""

    json = False

    def __init__(self) -> None:
        self._lines: Lines | None = None

    # --- while a job runs --------------------------------------------------------------------------------------------

    def job(self, job: Followed) -> None:
        """What follows is about this job."""
        self._lines = Lines(job.created)

    def event(self, numbered: NumberedEvent) -> None:
        """Something that the job tells just now."""
        assert self._lines is not None
        line = self._lines.of(numbered)
        if line:
            self.note(line)

    def history(self, job: Job, since: int) -> None:
        """What the job has told after event number ``since``; here it is part of the answer."""
        lines = Lines(job.created)
        for numbered in job.events(since):
            line = lines.of(numbered)
            if line:
                print(text.harmless(line))

    def note(self, line: str) -> None:
        """A line for a person, beside the answer."""
        print(text.harmless(line), file=sys.stderr, flush=True)

    def close(self, *, failed: bool = False) -> None:
        """The job has ended, or is no longer looked at; the terminal is as it was before."""

    # --- the answer --------------------------------------------------------------------------------------------------

    def result(self, result: Result) -> None:
        self.close()
        for line in answer(result):
            print(self.paint(text.harmless(line)))
        sys.stdout.flush()

    def paint(self, line: str) -> str:
        return line

    def failure(self, failure: Failure) -> None:
        self.close(failed=True)
        sys.stdout.flush()
        self.note(f"error: {failure.message}")
        hint = text.hint(failure)
        if hint:
            self.note(f"hint: {hint}")


class TerminalOutput(Output):
    """For a person in front of a terminal: a line a step that stays, the running one with a bar."""

    def __init__(self) -> None:
        super().__init__()
        self._bars: Bars | None = None

    def event(self, numbered: NumberedEvent) -> None:
        if self._bars is None:
            self._bars = Bars()
        self._bars.tell(numbered.event)

    def note(self, line: str) -> None:
        if self._bars is None:
            super().note(line)
        else:
            self._bars.note(line)

    def close(self, *, failed: bool = False) -> None:
        if self._bars is not None:
            self._bars.close(failed=failed)
            self._bars = None

    def paint(self, line: str) -> str:
        word = line.strip().partition(" ")[0]
        colour = plans.COLOURS.get(word) if line.startswith("  ") and colours(sys.stdout) else None
        return line.replace(word, f"\x1b[{colour}m{word}\x1b[0m", 1) if colour else line


class JsonOutput(Output):
    """For a program: each line an object with one of the keys job, event, result, error; the last is one of the last
    two."""

    json = True

    def job(self, job: Followed) -> None:
        self._line({"job": job.id})

    def event(self, numbered: NumberedEvent) -> None:
        self._line(numbered)

    def history(self, job: Job, since: int) -> None:
        for numbered in job.events(since):
            self._line(numbered)

    def note(self, line: str) -> None:
        """Programs do not need to be told in words."""

    def result(self, result: Result) -> None:
        self._line(result)

    def failure(self, failure: Failure) -> None:
        self._line({"error": failure})

    def _line(self, value: Any) -> None:
        sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
        sys.stdout.flush()


def choose(*, json: bool) -> Output:
    """The output that fits where stdout and stderr go."""
    if json:
        return JsonOutput()
    return TerminalOutput() if sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb" else Output()


def colours(stream: Any) -> bool:
    """Whether ``stream`` takes colours (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR")


def amount(event: Progress) -> str:
    """How far: ``12.1 MB of 40.0 MB``, ``3 of 44 packages``."""
    if event.unit == "bytes":
        return f"{text.size(event.done)} of {text.size(event.total)}" if event.total else text.size(event.done)
    if event.unit == "seconds":
        return text.duration(event.done)
    return f"{event.done} of {event.total} {event.unit}" if event.total else f"{event.done} {event.unit}"


class Lines:
    """The events of a job that began at ``created`` as lines, each with the time since."""

    def __init__(self, created: datetime) -> None:
        self._created = created
        self._last = created

    def of(self, numbered: NumberedEvent) -> str:
        """Empty for progress that came soon after the last line."""
        event = numbered.event
        if isinstance(event, Progress):
            if (numbered.time - self._last).total_seconds() < PROGRESS_EVERY:
                return ""
            words = f"  {amount(event)} {event.item}".rstrip()
        else:
            words = sentence(event)
        self._last = numbered.time
        return f"{text.duration((numbered.time - self._created).total_seconds()).rjust(10)}  {words}"


def sentence(event: Step | Message | Solved) -> str:
    if isinstance(event, Solved):
        return plans.total(event.changes, event.download_bytes)
    return f"warning: {event.text}" if isinstance(event, Message) and event.level == "warning" else event.text


class Bars:
    """The steps of a job on a terminal, drawn by rich."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import Progress as Drawn
        from rich.progress import ProgressColumn, SpinnerColumn, Task
        from rich.table import Column
        from rich.text import Text

        console = Console(stderr=True, highlight=False)
        plain = not console.encoding.startswith("utf")
        self._done, self._failed = ("+", "x") if plain else ("✓", "✗")
        filled, empty = ("=", "-") if plain else ("━", "─")
        spinner = SpinnerColumn("line" if plain else "dots")

        class Mark(ProgressColumn):
            """Turns while the step runs, then says how it ended."""

            def render(self, task: Task) -> Any:
                return Text(task.fields["mark"]) if task.fields["mark"] else spinner.render(task)

        class Line(ProgressColumn):
            """What the step is, how far it is and what it is about; the bar only while it runs."""

            def render(self, task: Task) -> Text:
                parts = [task.description]
                if task.total and not task.fields["mark"]:
                    done = round(BAR * min(task.completed / task.total, 1))
                    parts.append(filled * done + empty * (BAR - done))
                parts += [task.fields["amount"], task.fields["item"]]
                return Text("  ".join(filter(None, parts)), no_wrap=True, overflow="ellipsis")

        class Elapsed(ProgressColumn):
            """How long the step takes."""

            def render(self, task: Task) -> Text:
                return Text(text.duration(task.finished_time or task.elapsed or 0), style="dim", justify="right")

        self._drawn = Drawn(
            Mark(),
            Elapsed(table_column=Column(no_wrap=True, min_width=8, justify="right")),
            Line(table_column=Column(no_wrap=True, ratio=1)),
            console=console,
            expand=True,
        )
        self._tasks: dict[str, Any] = {}
        """Those that run, by phase: two may overlap."""
        self._first: dict[str, tuple[float, int]] = {}
        self._drawn.start()

    def tell(self, event: Event) -> None:
        if isinstance(event, Step):
            self._finish(self._done)
            self._begin(event.phase, text.harmless(event.text))
        elif isinstance(event, Message | Solved):
            self.note(sentence(event))
        elif isinstance(event, Progress):
            if event.phase not in self._tasks:
                self._begin(event.phase, event.phase)
            self._move(event)

    def note(self, line: str) -> None:
        self._drawn.console.print(text.harmless(line), markup=False, soft_wrap=True)

    def close(self, *, failed: bool) -> None:
        self._finish(self._failed if failed else self._done)
        self._drawn.stop()

    def _begin(self, phase: str, words: str) -> None:
        self._first[phase] = (time.monotonic(), 0)
        self._tasks[phase] = self._drawn.add_task(words, total=None, amount="", item="", mark="")

    def _move(self, event: Progress) -> None:
        if event.done < self._first[event.phase][1]:
            self._first[event.phase] = (time.monotonic(), event.done)
        self._drawn.update(
            self._tasks[event.phase],
            completed=event.done,
            total=event.total or None,
            amount=amount(event) + self._rate(event),
            item=text.harmless(event.item),
        )

    def _rate(self, event: Progress) -> str:
        began, already = self._first[event.phase]
        seconds = time.monotonic() - began
        if event.unit != "bytes" or seconds < 0.5:
            return ""
        return f", {text.size((event.done - already) / seconds)}/s"

    def _finish(self, mark: str) -> None:
        """What runs is over: its lines stay, marked with how it ended."""
        for task in self._tasks.values():
            self._drawn.update(task, completed=1, total=1, item="", mark=mark, refresh=True)
        self._tasks.clear()


# --- answers in words ------------------------------------------------------------------------------------------------


def answer(result: Result) -> Iterable[str]:
    """``result`` as lines for a person."""
    if isinstance(result, Planned):
        return plans.plan(result.plan)
    if isinstance(result, Explained):
        return plans.explanation(result.explanation)
    if isinstance(result, Changed):
        return plans.changed(result)
    if isinstance(result, Deferred):
        return plans.deferred(result)
    if isinstance(result, Dropped):
        return [f"Given up: {plans.waiting(result.plan) if result.plan else 'a change that could not be read'}."]
    if isinstance(result, Removed):
        kernels = f" and its kernel {', '.join(result.kernels)}" if result.kernels else ""
        return [f"Deleted {result.prefix}{kernels}."]
    if isinstance(result, Adopted):
        return adopted(result)
    if isinstance(result, Locked):
        return result.file.text.splitlines()
    if isinstance(result, Built):
        return text.built(result)
    if isinstance(result, Packed):
        return [f"Wrote {result.path}: {text.size(result.size)}."]
    if isinstance(result, Moved):
        kernels = f"; kernel {', '.join(result.environment.kernels)}" if result.environment.kernels else ""
        return [f"{result.source} is now {result.environment.prefix}{kernels}."]
    if isinstance(result, Noted):
        return text.table(text.notes(result.notes)) or [f"Nothing is noted of {os.path.basename(result.prefix)}."]
    if isinstance(result, Registered):
        return [f"{result.environment.name}: kernel {', '.join(result.environment.kernels)}"]
    if isinstance(result, Cleaned):
        return text.cleaned(result)
    if isinstance(result, Examined):
        return text.health(result.health)
    if isinstance(result, Measured):
        return text.storage(result.storage)
    if isinstance(result, Scanned):
        return text.scanned(result)
    if isinstance(result, Indexed):
        return [text.index(one) for one in result.indexes]
    if isinstance(result, answers.Found):
        return text.found(result.found, result.fitting, result.offset)
    if isinstance(result, answers.Versions):
        return text.versions(result.package)
    if isinstance(result, Checked):
        return text.channel_reports(result.channels)
    if isinstance(result, answers.Channels):
        refused = [result.refused.message, f"  {result.refused.hint}"] if result.refused else []
        return [*text.channels(result.channels), *refused, *_of_login(result)]
    if isinstance(result, answers.Configuration):
        applied = text.configuration(result.settings, result.condarc)
        return [*(text.sources(result.sources) if result.sources else applied), *text.unused(result.unused)]
    if isinstance(result, answers.Why):
        return text.why(result.reasons)
    if isinstance(result, answers.WhoConstrains):
        return text.who_constrains(result.reasons)
    if isinstance(result, answers.Environments):
        return text.environments(result.environments) or [
            "There are no environments yet. Make one: jupyter condaenv create NAME python ipykernel"
        ]
    if isinstance(result, answers.Shown):
        return shown(result)
    if isinstance(result, answers.Locked):
        return [f"Wrote {result.path}: {text.count(len(result.lock.packages), 'package')}, {result.lock.platform}."]
    if isinstance(result, answers.History):
        none = "It has no history: nothing was changed here yet."
        if result.lost:
            none = "Its history is gone. `doctor ENV --fix` begins a new one with what is there now."
        lines = plans.revisions(result.revisions, result.damaged) or [none]
        waits = "Waiting for the next start of a kernel, and no revision yet"
        return [*lines, *([f"{waits}: {plans.waiting(result.deferred)}"] if result.deferred else ())]
    if isinstance(result, answers.Diff):
        return plans.difference(result.difference)
    if isinstance(result, answers.Written):
        return [f"Wrote {' and '.join([result.path, *result.beside])}."]
    if isinstance(result, answers.Started):
        return [result.id]
    if isinstance(result, answers.JobSummary):
        return job(result)
    assert isinstance(result, answers.Jobs)
    rows = [
        (one.id, one.state, one.words or one.verb, f"{one.created:%Y-%m-%d %H:%M}", one.prefix) for one in result.jobs
    ]
    return text.table(rows, ("JOB", "STATE", "WHAT", "BEGAN (UTC)", "PREFIX")) or ["There are no jobs."]


def job(summary: answers.JobSummary) -> list[str]:
    lines = [f"{summary.id}  {summary.state}  {summary.words or summary.verb}  {summary.prefix}"]
    if summary.outcome and summary.outcome.failure:
        failure = summary.outcome.failure
        hint = text.hint(failure)
        lines += [f"error: {failure.message}"] + ([f"hint: {hint}"] if hint else [])
    elif summary.outcome and summary.outcome.result:
        lines += answer(summary.outcome.result)
    return lines


def _of_login(result: answers.Channels) -> list[str]:
    if result.login_forgotten:
        return [f"The login of {result.login_forgotten} is forgotten."]
    if result.login_kept:
        host = result.login_kept
        return [
            f"The login of {host} is still kept, as other channels there may need it; "
            f"`jupyter condaenv channel logout https://{host}` forgets it."
        ]
    return []


def adopted(result: Adopted) -> list[str]:
    """What it was found to consist of, and why."""
    environment = result.environment
    kernels = f"; kernel {', '.join(environment.kernels)}" if environment.kernels else ""
    return [
        f"{text.count(environment.packages, 'package')} because of {' '.join(result.lock.specs) or 'nothing'}",
        f"{environment.name}: revision {result.revision} in {environment.prefix}{kernels}",
    ]


def _strategy(chosen: Strategy) -> str:
    said = {
        "channel priority": chosen.channel_priority,
        "resolution": chosen.resolution,
        "nothing newer than": chosen.exclude_newer,
        "but for": ", ".join(chosen.exclude_newer_except),
    }
    return "; ".join(f"{what} {value}" for what, value in said.items() if value)


def shown(result: answers.Shown) -> list[str]:
    environment = result.environment
    facts = [
        ("name", environment.name),
        ("prefix", environment.prefix),
        ("kind", environment.kind),
        ("on", environment.base),
        ("python", environment.python),
        ("kernels", ", ".join(environment.kernels)),
        ("asked for", " ".join(result.specs)),
        ("of pip", ", ".join(result.pip_specs)),
        ("chosen by", _strategy(result.strategy)),
        ("channels", " ".join(result.channels)),
        ("revision", str(result.revision) if result.revision else ""),
        ("waiting", plans.waiting(result.deferred) if result.deferred else ""),
        ("problem", environment.problem),
        *text.notes(environment.notes or Notes()),
    ]
    lines = text.table([fact for fact in facts if fact[1]])
    lines += [f"{text.count(len(result.packages), 'package')}:", *text.packages(result.packages, result.channels)]
    if result.pip:
        rows = [(one.name, one.version, one.files[0].name if one.files else "by hand") for one in result.pip]
        lines += [f"of pip, {text.count(len(result.pip), 'package')}:", *text.table(rows, indent="  ")]
    return lines
