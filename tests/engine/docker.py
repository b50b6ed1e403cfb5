"""What a Dockerfile says, done without Docker: each stage in a root directory of its own.

Such a root is an overlay over this machine's own, in memory, and seen by one process and those that it lets in: it
stands for the image that a stage begins with, and what a step writes stays in it. Nothing of this machine is changed.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

SYSTEM = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PLACES = "set -e; mkdir -p {place}; mount -t tmpfs tmpfs {place}; echo ready; exec sleep infinity"
_ROOT = """set -e
mkdir {root} {root}/upper {root}/work {root}/root
mount -t overlay overlay -o lowerdir=/,upperdir={root}/upper,workdir={root}/work {root}/root
mount --rbind /dev {root}/root/dev
mount --rbind /proc {root}/root/proc
for name in .jupyter .condarc .conda .config; do rm -rf {root}/root/root/$name; done
for file in passwd group shadow; do grep -v -e :1000: -e ^user: /etc/$file >{root}/root/etc/$file || true; done
"""
"""Without the user that it is going to make."""


class Stage:
    """A root directory, and what the instructions so far have said of it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.env = {"PATH": SYSTEM, "HOME": "/root", "LANG": "C.UTF-8"}
        self.user = "0"
        self.workdir = "/"
        self.entrypoint: list[str] = []
        self.command: list[str] = []


class Docker:
    """Does what Dockerfiles say. Use it as a context manager. Skips the test where this machine does not let one."""

    def __init__(self, folder: Path) -> None:
        if os.geteuid():
            pytest.skip("a root directory of one's own needs root")
        self._folder = folder
        self._holder = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", _PLACES.format(place=shlex.quote(str(folder)))],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def __enter__(self) -> Docker:
        assert self._holder.stdout is not None
        if self._holder.stdout.readline().strip() != "ready":
            self.__exit__()
            pytest.skip("this machine refuses to mount")
        return self

    def __exit__(self, *_: object) -> None:
        self._holder.kill()
        self._holder.wait()
        assert self._holder.stdout is not None
        self._holder.stdout.close()

    def build(self, context: Path) -> Stage:
        """The last stage of the Dockerfile in ``context``."""
        stages: dict[str, Stage] = {}
        stage: Stage | None = None
        for line in (context / "Dockerfile").read_text(encoding="utf-8").splitlines():
            word, _, rest = line.partition(" ")
            if not line or word == "#":
                continue
            if word == "FROM":
                name = rest.partition(" AS ")[2] or str(len(stages))
                stage = stages[name] = self._stage(name)
                if rest.startswith("python:"):
                    # In place of that image: pip finds what it is asked for.
                    stage.env |= {"PATH": f"{Path(sys.executable).parent}:{SYSTEM}", "PIP_NO_INDEX": "1"}
                continue
            assert stage is not None
            self._follow(stage, word, rest, context, stages)
        assert stage is not None
        return stage

    def run(self, stage: Stage, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """As ``docker run`` does, with ``arguments`` in place of the image's CMD."""
        return self._run(stage, [*stage.entrypoint, *(arguments or stage.command)], **options)

    def start(self, stage: Stage, *arguments: str) -> subprocess.Popen[bytes]:
        """The same, going on."""
        return subprocess.Popen(self._within(stage, [*stage.entrypoint, *arguments]), env=stage.env)

    def _stage(self, name: str) -> Stage:
        root = self._folder / name
        made = self._in_there("sh", "-c", _ROOT.format(root=shlex.quote(str(root))))
        if made.returncode:
            pytest.skip(f"this machine refuses to mount ({made.stderr.strip()})")
        return Stage(root / "root")

    def _follow(self, stage: Stage, word: str, rest: str, context: Path, stages: dict[str, Stage]) -> None:
        if word == "RUN":
            self._run(stage, ["/bin/sh", "-c", rest])
        elif word == "COPY":
            words = shlex.split(rest)
            of = stages[words.pop(0).removeprefix("--from=")].root if words[0].startswith("--from=") else context
            source, target = words
            done = self._in_there("cp", "-a", f"{of}/{source.lstrip('/')}", f"{stage.root}{target}")
            assert done.returncode == 0, done.stderr
        elif word == "ENV":
            for name, value in (one.split("=", 1) for one in shlex.split(rest)):
                stage.env[name] = re.sub(r"\$(\w+)", lambda match: stage.env[match[1]], value)
        elif word == "USER":
            stage.user = rest
            known = f"{stage.root}/etc/passwd"
            stage.env["HOME"] = self._in_there("awk", "-F:", f"$3 == {rest} {{ print $6 }}", known).stdout.strip()
        elif word == "WORKDIR":
            stage.workdir = rest
        elif word in ("ENTRYPOINT", "CMD"):
            setattr(stage, {"ENTRYPOINT": "entrypoint", "CMD": "command"}[word], json.loads(rest))
        else:
            raise AssertionError(f"{word} is not known")

    def _run(self, stage: Stage, command: Sequence[str], **options: Any) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            self._within(stage, command), env=stage.env, capture_output=True, text=True, timeout=250, **options
        )
        assert done.returncode == 0, f"{command}:\n{done.stdout}\n{done.stderr}"
        return done

    def _within(self, stage: Stage, command: Sequence[str]) -> list[str]:
        start = f'cd {shlex.quote(stage.workdir)} && exec "$@"'
        chroot = ["chroot", f"--userspec={stage.user}:{stage.user}", str(stage.root), "/bin/sh", "-c", start, "sh"]
        return [*self._entering(), *chroot, *command]

    def _in_there(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*self._entering(), *command], capture_output=True, text=True, timeout=250)

    def _entering(self) -> list[str]:
        return ["/usr/bin/nsenter", f"--mount=/proc/{self._holder.pid}/ns/mnt", "--"]
