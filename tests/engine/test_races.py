"""Several at once: operations on one prefix, creations over one cache, and a program that writes all the time."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from jupyter_condaenv.engine import exchange
from jupyter_condaenv.engine.model import ChangePackages, CreateEnvironment, RemoveEnvironment, Settings

from .harness import Operation, leftovers, names, poll, problems, run, settled

TAG = "CACHEDIR.TAG"


def prefix_of(settings: Settings, name: str = "demo") -> Path:
    return Path(settings.envs_dirs[0]) / name


def test_a_second_change_waits_says_so_and_takes_effect(little_settings: Settings) -> None:
    prefix = prefix_of(little_settings)
    run(CreateEnvironment(prefix=str(prefix), specs=("wide=1.0",)), little_settings)
    first = ChangePackages(prefix=str(prefix), add=("wide=2.0",))
    second = ChangePackages(prefix=str(prefix), add=("alpha=2.0",))
    with Operation(first, little_settings) as one:
        one.until("stage")
        one.process.send_signal(19)  # SIGSTOP: it holds the lock for as long as we like
        with Operation(second, little_settings) as other:
            other.until("wait")
            assert other.events[-1]["text"] == "Waiting for demo: changing demo is under way"
            other.until("wait", kind="progress")
            one.process.send_signal(18)
            one.expect_result()
            other.expect_result()
    assert names(prefix) == {"wide", "alpha"}
    assert (prefix / "share/wide/of-2.0").is_dir()
    assert problems(prefix, TAG) == []
    settled(prefix)


@pytest.mark.slow
def test_whoever_waits_goes_on_when_the_holder_is_killed(little_settings: Settings) -> None:
    prefix = prefix_of(little_settings)
    run(CreateEnvironment(prefix=str(prefix), specs=("wide=1.0",)), little_settings)
    with Operation(ChangePackages(prefix=str(prefix), add=("wide=2.0",)), little_settings) as one:
        one.until("stage")
        one.process.send_signal(19)
        with Operation(ChangePackages(prefix=str(prefix), add=("alpha=2.0",)), little_settings) as other:
            other.until("wait")
            one.kill()
            other.expect_result()
    assert names(prefix) == {"wide", "alpha"}
    assert not (prefix / "share/wide/of-2.0").exists()
    assert problems(prefix, TAG) == []
    settled(prefix)


def test_of_two_creations_with_one_name_one_is_told(little_settings: Settings) -> None:
    prefix = prefix_of(little_settings)
    request = CreateEnvironment(prefix=str(prefix), specs=("wide=1.0",))
    with Operation(request, little_settings) as one, Operation(request, little_settings) as other:
        one.finish()
        other.finish()
        failed = [each.failure for each in (one, other) if each.failure]
        assert [failure["code"] for failure in failed] == ["already_exists"]
    assert problems(prefix, TAG) == []
    assert leftovers(prefix) == []


def test_a_removal_waits_for_a_change(little_settings: Settings) -> None:
    prefix = prefix_of(little_settings)
    run(CreateEnvironment(prefix=str(prefix), specs=("wide=1.0",)), little_settings)
    with Operation(ChangePackages(prefix=str(prefix), add=("alpha",)), little_settings) as one:
        one.until("stage")
        with Operation(RemoveEnvironment(prefix=str(prefix)), little_settings) as other:
            one.expect_result()
            other.expect_result()
    assert not prefix.exists()
    assert leftovers(prefix) == []
    run(CreateEnvironment(prefix=str(prefix), specs=("alpha",)), little_settings)
    assert problems(prefix, TAG) == []


@pytest.mark.slow
def test_settling_while_a_change_runs_leaves_it_alone(little_settings: Settings) -> None:
    prefix = prefix_of(little_settings)
    run(CreateEnvironment(prefix=str(prefix), specs=("wide=1.0", "alpha=1.0")), little_settings)
    run(ChangePackages(prefix=str(prefix), add=("alpha=2.0",)), little_settings)
    answers = set()
    with Operation(ChangePackages(prefix=str(prefix), add=("wide=2.0",)), little_settings) as change:
        change.until("stage")
        while change.process.poll() is None:
            answers.add(exchange.settle(str(prefix)))
        change.expect_result()
    assert False in answers
    assert problems(prefix, TAG) == []
    settled(prefix)


@pytest.mark.slow
def test_ten_creations_at_once_over_one_cache(little_settings: Settings) -> None:
    with ExitStack() as stack:
        running = [
            stack.enter_context(
                Operation(
                    CreateEnvironment(prefix=str(prefix_of(little_settings, f"e{number}")), specs=("wide", "beta")),
                    little_settings,
                )
            )
            for number in range(10)
        ]
        for operation in running:
            operation.expect_result()
    for number in range(10):
        prefix = prefix_of(little_settings, f"e{number}")
        assert names(prefix) == {"wide", "alpha", "beta"}
        assert problems(prefix, TAG) == []
        assert leftovers(prefix) == []


@pytest.mark.slow
def test_ten_real_creations_from_two_processes(channel_dir: Path, settings) -> None:  # type: ignore[no-untyped-def]
    """Five one after another from each, with a cache that is empty in the beginning."""
    ours = settings(channels=(channel_dir.as_uri(),))
    rows: list[list[str]] = [[], []]
    with ExitStack() as stack:
        for turn in range(5):
            pair = []
            for row in (0, 1):
                rows[row].append(f"e{row}{turn}")
                request = CreateEnvironment(
                    prefix=str(prefix_of(ours, rows[row][-1])), specs=("python", "pip", "smallpkg")
                )
                pair.append(stack.enter_context(Operation(request, ours)))
            for operation in pair:
                operation.expect_result()
    for name in [*rows[0], *rows[1]]:
        assert problems(prefix_of(ours, name), TAG) == []
        python = prefix_of(ours, name) / "bin" / "python"
        done = subprocess.run([python, "-c", "import smallpkg, ssl, sqlite3"], check=False)
        assert done.returncode == 0


WRITER = r"""
import json, os, sys, time
prefix, stop, told = sys.argv[1:]
os.chdir(prefix + "/mine")
log = open(prefix + "/mine/open.log", "a")
wrote = {}
number = 0
while not os.path.exists(stop) or number < 100:
    number += 1
    time.sleep(0.02)  # or there would be a million files
    text = f"{number}\n" * 50
    for path in (f"{prefix}/mine/absolute-{number}", f"relative-{number}"):
        with open(path, "w") as file:
            file.write(text)
        wrote[os.path.relpath(os.path.join(prefix, "mine", path), prefix)] = text
    if number % 5 == 0:
        for folder in (f"{prefix}/mine/folder-{number}/deep", f"here-{number}/deep"):
            while True:
                try:
                    os.makedirs(folder, exist_ok=True)
                    with open(folder + "/file", "w") as file:
                        file.write(text)
                    break
                except FileNotFoundError:
                    pass  # the trees were exchanged between two of its calls: it was told, so nothing is lost
            wrote[os.path.relpath(os.path.join(prefix, "mine", folder, "file"), prefix)] = text
    log.write(f"{number}\n")
    log.flush()
    with open("again.log", "a") as file:
        file.write(f"{number}\n")
    with open("state.part", "w") as file:
        file.write(f"{number}\n")
    os.replace("state.part", "state")
log.close()
with open(told, "w") as file:
    json.dump({"number": number, "wrote": wrote}, file)
"""


@pytest.mark.slow
@pytest.mark.parametrize("place", ["beside", "in place"])
@pytest.mark.parametrize("changes", [4, pytest.param(20, marks=pytest.mark.slow)])
def test_a_program_that_keeps_writing_loses_nothing(
    place: str, changes: int, little_settings: Settings, tmp_path: Path
) -> None:
    from . import places

    prefix = prefix_of(little_settings)
    run(CreateEnvironment(prefix=str(prefix), specs=("alpha=1.0", "gamma")), little_settings)
    (prefix / "mine").mkdir()
    stop, told = tmp_path / "stop", tmp_path / "told"
    with ExitStack() as stack:
        before = stack.enter_context(places.unwritable(prefix.parent)) if place == "in place" else ()
        program = stack.enter_context(
            subprocess.Popen([sys.executable, "-S", "-c", WRITER, str(prefix), str(stop), str(told)])
        )
        poll(lambda: (prefix / "mine/relative-10").exists())
        for number in range(changes):
            change = {"add": ("beta",)} if number % 2 == 0 else {"remove": ("beta",)}
            run(ChangePackages(prefix=str(prefix), **change), little_settings, before)
            if place == "beside":
                assert not exchange.settle(str(prefix)), "the program is still in the old tree"
        assert program.poll() is None
        stop.touch()
        assert program.wait(60) == 0
        poll(lambda: exchange.settle(str(prefix)))
    said = json.loads(told.read_text())
    lost = [
        path
        for path, text in said["wrote"].items()
        if not (prefix / path).is_file() or (prefix / path).read_text() != text
    ]
    assert lost == [], f"{len(lost)} of {len(said['wrote'])}"
    lines = [f"{number}\n" for number in range(1, said["number"] + 1)]
    for log in ("open.log", "again.log"):
        assert (prefix / "mine" / log).read_text() == "".join(lines), log
    assert (prefix / "mine/state").read_text() == lines[-1]
    print(f"{len(said['wrote'])} files, {said['number']} appends, {changes} changes {place}")
    assert leftovers(prefix) == []
