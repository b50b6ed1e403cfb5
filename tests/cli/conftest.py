"""The command line as a person or a program meets it: processes of their own, in a home of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.channel import ChannelServer, index, write_package
from tests.engine.child import in_child

COMMAND = [sys.executable, "-m", "jupyter_condaenv.cli"]
TAKES_AT_MOST = 120.0
"""Seconds, for one command of these tests."""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """What ``--json`` printed."""
        return [msgspec.json.decode(line) for line in self.out.splitlines()]

    @property
    def last(self) -> dict[str, Any]:
        return self.lines[-1]


class Person:
    """Somebody with a home directory who types commands."""

    def __init__(self, home: Path) -> None:
        self.home = home
        home.mkdir(parents=True, exist_ok=True)
        foreign = ("CONDA", "JUPYTER", "MAMBA", "XDG_", "NO_COLOR", "CONDARC", "COLUMNS")
        self.env = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        self.env |= {
            "HOME": str(home),
            "JUPYTER_DATA_DIR": str(home / "jupyter"),
            "JUPYTER_CONFIG_DIR": str(home / "config"),
            "XDG_CACHE_HOME": str(home / "cache"),
        }

    @property
    def envs(self) -> Path:
        """Where environments go by default."""
        return self.home / "jupyter" / "condaenv" / "envs"

    def start(self, *arguments: str | Path, **options: Any) -> subprocess.Popen[str]:
        streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        env = self.env | options.pop("env", {})
        command = [*COMMAND, *map(str, arguments)]
        return subprocess.Popen(command, text=True, encoding="utf-8", env=env, cwd=self.home, **(streams | options))

    def run(self, *arguments: str | Path, code: int | None = 0, input: str | None = None, **options: Any) -> Ended:
        """Run a command to its end. It must end with ``code``, unless that is None.

        Without options that is in a process which has the modules already: most of a command's time goes into them.
        ``run`` is left out, as that process becomes another program.
        """
        if options or arguments[:1] == ("run",):
            with self.start(*arguments, **options) as process:
                out, err = process.communicate(input, timeout=TAKES_AT_MOST)
            ended = Ended(process.returncode, out or "", err or "")
        else:
            foreign = dict.fromkeys(os.environ.keys() - self.env.keys())
            ended = in_child(type_in, [*map(str, arguments)], input, env={**foreign, **self.env}, cwd=self.home)
        assert code in (None, ended.code), f"{arguments} ended with {ended.code}:\n{ended.out}\n{ended.err}"
        return ended


def type_in(arguments: list[str], input: str | None) -> Ended:
    """The command line in this process, with files for its streams."""
    from jupyter_condaenv.cli import main

    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        given.write((input or "").encode())
        given.seek(0)
        for number, file in enumerate((given, out, err)):
            os.dup2(file.fileno(), number)
        sys.stdin = os.fdopen(os.dup(0), encoding="utf-8")
        sys.argv = [COMMAND[-1], *arguments]
        try:
            code = main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode())
        return Ended(code, *texts)


@pytest.fixture
def person(tmp_path: Path) -> Person:
    """With nothing yet."""
    return Person(tmp_path / "home")


@pytest.fixture(scope="session")
def small_channel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Packages of a few bytes, for all that does not need a Python: `tool` in two versions, `extra` that needs the
    newer one, `old` that needs the older one, and `big`, half a megabyte that does not compress."""
    channel = tmp_path_factory.mktemp("small") / "channel"
    for version in ("1.0", "2.0"):
        write_package(
            channel, "tool", version, files={"bin/tool": f"#!/bin/sh\necho tool {version}\n"}, noarch="generic"
        )
    write_package(channel, "extra", "1.0", depends=["tool >=2"], files={"share/extra": "extra"}, noarch="generic")
    write_package(channel, "old", "1.0", depends=["tool <2"], files={"share/old": "old"}, noarch="generic")
    write_package(channel, "big", "1.0", files={"share/big": os.urandom(500_000)}, noarch="generic")
    index(channel)
    return channel


@pytest.fixture
def small(small_channel: Path) -> Iterator[ChannelServer]:
    """The same over HTTP, to misbehave for one test."""
    with ChannelServer(small_channel) as server:
        yield server


@pytest.fixture(scope="session")
def owner(tmp_path_factory: pytest.TempPathFactory, channel: ChannelServer) -> Person:
    """With `base` (a real Python with a kernel and activation scripts) and `over`, stacked on it. Not to be changed."""
    person = Person(tmp_path_factory.mktemp("owner") / "home")
    person.run("create", "base-env", "python", "ipykernel", "cuda-cudart", "proj", "-c", channel.url)
    person.run("stack", "over", "threadpoolctl", "--on", "base-env", "-c", channel.url)
    return person


@pytest.fixture
def make(person: Person, small_channel: Path) -> Callable[..., Path]:
    """Makes an environment of `specs` for ``person`` and returns its prefix."""

    def create(name: str, *specs: str) -> Path:
        person.run("create", name, *specs, "-c", small_channel)
        return person.envs / name

    return create
