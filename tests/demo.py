"""The story of the product, told by doing it: `make demo`.

A base environment with numpy, pandas, MKL and the CUDA runtime is created and locked, a project is stacked on it, and
in each of the two kernels a cell says what it sees. All is done by the command line that people use, and checked: the
exit code is 0 only if it held.

CHANNEL names another channel than the local one, such as conda-forge. Everything lies in ``.demo/``.
"""

from __future__ import annotations

import json
import os
import platform
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / ".demo"
LOCK = DEMO / "base-ml.lock.json"
BASE_SPECS = ["python", "ipykernel", "numpy", "pandas", "cuda-cudart", "proj"]
KERNEL_STARTS_WITHIN = 60.0
CELL_ENDS_WITHIN = 120.0

CELL = """
import importlib.metadata, json, os, sys
names = ["PATH", "CONDA_PREFIX", "CUDA_HOME", "MKL_NUM_THREADS", "PROJ_DATA"]
packages = {}
for name, module in MODULES.items():
    __import__(module)
    packages[name] = importlib.metadata.version(name)
print(json.dumps({
    "prefix": sys.prefix,
    "python": sys.version.split()[0],
    "packages": packages,
    "variables": {name: os.environ.get(name) for name in names},
}))
"""


class StoryEnded(Exception):
    """It cannot be told to its end."""


class Story:
    """Prints each step with the time since the beginning, and remembers what did not hold."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.broken: list[str] = []

    def step(self, text: str) -> None:
        print(f"\n[{time.monotonic() - self.began:6.1f} s] {text}", flush=True)

    def say(self, text: str) -> None:
        print(f"           {text}", flush=True)

    def check(self, what: str, found: Any, expected: Any) -> None:
        if found == expected:
            self.say(f"ok      {what} is {shown(found)}")
        else:
            self.say(f"WRONG   {what} is {shown(found)}, not {shown(expected)}")
            self.broken.append(what)

    def end(self) -> int:
        if self.broken:
            self.step("It did not hold:")
            for what in self.broken:
                self.say(what)
            return 1
        self.step("All of it held.")
        return 0


def shown(value: Any) -> str:
    return "unset" if value is None else str(value)


def own_directories() -> None:
    """From here on this process and those it starts keep to ``.demo/`` and see nothing of the user's settings."""
    for name in list(os.environ):
        if name.startswith(("CONDA", "JUPYTER", "MAMBA", "XDG_")) or name in (
            "CUDA_HOME",
            "MKL_NUM_THREADS",
            "PROJ_DATA",
        ):
            del os.environ[name]
    places = {
        "HOME": "home",
        "IPYTHONDIR": "home/ipython",
        "JUPYTER_CONFIG_DIR": "jupyter-config",
        "JUPYTER_DATA_DIR": "jupyter",
        "JUPYTER_RUNTIME_DIR": "jupyter-runtime",
        "XDG_CACHE_HOME": "cache",
    }
    for name, place in places.items():
        (DEMO / place).mkdir(parents=True, exist_ok=True)
        os.environ[name] = str(DEMO / place)


@contextmanager
def local_channel(story: Story) -> Iterator[str]:
    """The URL of the local channel."""
    from tests.channel import ChannelServer, build

    story.step("Building the local channel (once; later runs only look whether it is up to date)")
    try:
        directory = build(log=story.say)
    except RuntimeError as error:
        raise StoryEnded(f"The local channel cannot be built: {error}") from error
    with ChannelServer(directory) as server:
        yield server.url
    story.step("To try it yourself, with the packages of this channel:")
    program = Path(sys.executable).with_name("jupyter")
    story.say(shlex.join([str(program), "condaenv", "create", "geo", "python", "ipykernel", "-c", str(directory)]))


def condaenv(story: Story, *arguments: str) -> None:
    """Run our command line where the person sees it. Ends the story when it fails."""
    story.step(f"$ jupyter condaenv {shlex.join(arguments)}")
    code = subprocess.run([sys.executable, "-m", "jupyter_condaenv.cli", *arguments], check=False).returncode
    if code:
        raise StoryEnded(f"`jupyter condaenv {arguments[0]}` ended with exit code {code}.")


def facts(environment: str) -> dict[str, Any]:
    """What `show --json` answers."""
    command = [sys.executable, "-m", "jupyter_condaenv.cli", "show", environment, "--json"]
    answer: dict[str, Any] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    return answer


def look_inside(story: Story, kernel: str, modules: dict[str, str]) -> dict[str, Any]:
    """Start ``kernel`` by its name, as any Jupyter client does, and run the cell."""
    from jupyter_client.manager import start_new_kernel

    story.step(f"Starting the kernel {kernel} and running a cell")
    heard: list[str] = []
    log = DEMO / f"{kernel}.log"
    with log.open("wb") as stderr:
        try:
            manager, client = start_new_kernel(KERNEL_STARTS_WITHIN, kernel, stderr=stderr)
        except RuntimeError as error:
            raise StoryEnded(f"The kernel {kernel} did not start: {error}\n{log.read_text()}") from error
    story.say("the kernel is ready")

    def hear(message: dict[str, Any]) -> None:
        content = message["content"]
        heard.append(content.get("text") or "\n".join(content.get("traceback", [])))

    try:
        reply = client.execute_interactive(f"MODULES = {modules!r}\n{CELL}", timeout=CELL_ENDS_WITHIN, output_hook=hear)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    if reply["content"]["status"] != "ok":
        raise StoryEnded(f"The cell failed in {kernel}:\n" + "".join(heard))
    seen: dict[str, Any] = json.loads("".join(heard).strip().splitlines()[-1])
    for name in ("prefix", "python"):
        story.say(f"{name} = {seen[name]}")
    for name, version in seen["packages"].items():
        story.say(f"{name} = {version}")
    for name, value in seen["variables"].items():
        story.say(f"{name} = {shown(value)}")
    return seen


def tell(story: Story, channel: str, *, local: bool) -> None:
    """The story itself, against ``channel``. What only the local channel's scripts set is checked only there."""
    mkl = platform.machine() == "x86_64"
    specs = [*BASE_SPECS, *(["mkl"] if mkl else [])]
    if not mkl:
        story.say(f"MKL is left out: Intel makes it for x86_64, and this is {platform.machine()}.")

    # conda-forge's `matplotlib` brings Qt, its `matplotlib-base` is the library.
    plots = "matplotlib" if local else "matplotlib-base"

    condaenv(story, "create", "base-ml", *specs, "-c", channel)
    condaenv(story, "lock", "base-ml", "-o", str(LOCK))
    condaenv(story, "stack", "project", "scikit-learn", plots, "--on", "base-ml", "-c", channel)
    condaenv(story, "list")

    base, project = facts("base-ml"), facts("project")
    locked = {package["name"]: package["version"] for package in json.loads(LOCK.read_text())["packages"]}
    versions = {package["name"]: package["version"] for package in base["packages"] + project["packages"]}
    base_prefix, project_prefix = base["environment"]["prefix"], project["environment"]["prefix"]
    story.step("Checking the environments")
    story.check("the lock's numpy", locked["numpy"], versions["numpy"])
    story.check("the number of locked packages", len(locked), len(base["packages"]))
    story.check("what project stands on", project["environment"].get("base"), base_prefix)
    story.check("project has a numpy of its own", "numpy" in {one["name"] for one in project["packages"]}, False)

    for name, answer, on_path in (
        ("base-ml", base, [base_prefix]),
        ("project", project, [project_prefix, base_prefix]),
    ):
        modules = {"numpy": "numpy", "pandas": "pandas"}
        if name == "project":
            modules |= {"scikit-learn": "sklearn", "matplotlib": "matplotlib"}
        kernels = answer["environment"].get("kernels", [])
        if not kernels:
            story.check(f"{name}: kernels", kernels, "one")
            continue
        seen = look_inside(story, kernels[0], modules)
        variables = seen["variables"]
        story.check(f"{name}: sys.prefix", seen["prefix"], on_path[0])
        story.check(f"{name}: CONDA_PREFIX", variables["CONDA_PREFIX"], on_path[0])
        story.check(f"{name}: python", seen["python"], versions["python"])
        for package in modules:
            expected = versions[plots if package == "matplotlib" else package]
            story.check(f"{name}: {package}", seen["packages"][package], expected)
        path = (variables["PATH"] or "").split(os.pathsep)
        levels = [entry.removesuffix("/bin") for entry in path if entry.removesuffix("/bin") in on_path]
        story.check(f"{name}: the first of PATH", path[0], f"{on_path[0]}/bin")
        story.check(f"{name}: the levels in PATH", levels, on_path)
        story.check(
            f"{name}: PROJ_DATA, set by an activation script", variables["PROJ_DATA"], f"{base_prefix}/share/proj"
        )
        if local:
            story.check(f"{name}: CUDA_HOME", variables["CUDA_HOME"], base_prefix)
        if local and mkl:
            story.check(f"{name}: MKL_NUM_THREADS", variables["MKL_NUM_THREADS"], "2")


def main() -> int:
    story = Story()
    named = os.environ.get("CHANNEL", "")
    try:
        with nullcontext(named) if named else local_channel(story) as channel:
            if DEMO.exists():
                story.step(f"Clearing away {DEMO}, which an earlier run made")
                shutil.rmtree(DEMO)
            own_directories()
            tell(story, channel, local=not named)
    except StoryEnded as ending:
        story.broken.append(str(ending))
    except KeyboardInterrupt:
        return 130
    return story.end()


if __name__ == "__main__":
    sys.exit(main())
