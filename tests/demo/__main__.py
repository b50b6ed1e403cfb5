"""The story of the product, told by doing it: `make demo`.

A base environment with numpy, pandas, MKL and the CUDA runtime is created and locked, a project is stacked on it, and
in each of the two kernels a cell says what it sees. All is done by a real JupyterLab, asked over REST, told in the
words of the command line, and checked: the exit code is 0 only if it held. In the end JupyterLab's panel shows what was
made: on a terminal it stays there to be used; elsewhere, and with DEMO=check, the panel is looked at and all ends.

CHANNEL names another channel than the local one, such as conda-forge. Everything lies in ``.demo/``, or in the new
directory that is given as an argument.
"""

from __future__ import annotations

import json
import os
import platform
import secrets
import shlex
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from jupyter_condaenv.engine import lockfiles
from jupyter_condaenv.engine.errors import CondaEnvError
from jupyter_condaenv.server.answers import EnvironmentDetail, Packages
from tests import lab
from tests.channel import build
from tests.jupyter import JupyterServer, ServerError, Visitor

from . import panel
from .commands import Commands, Rest
from .narrator import Narrator, StoryEnded, shown
from .places import Places

DEMO = Path(__file__).resolve().parents[2] / ".demo"
ENVIRONMENTS = ("base-ml", "project")
LOOKED_AT = ("HOME", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR")
BASE_SPECS = ["python", "ipykernel", "numpy", "pandas", "cuda-cudart", "proj"]

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


@contextmanager
def local_channel(narrator: Narrator) -> Iterator[str]:
    """The local channel: the directory, so that what is made here can be changed when the story has ended."""
    narrator.step(
        "Building the local channel (once, about 0.7 GB in your cache; later runs only look whether it is up to date)"
    )
    try:
        directory = build(log=narrator.say)
    except RuntimeError as error:
        raise StoryEnded(f"The local channel cannot be built: {error}") from error
    yield directory.as_uri()
    narrator.step("To try it yourself, with the packages of this channel:")
    narrator.say(shlex.join([jupyter(), "condaenv", "create", "geo", "python", "ipykernel", "-c", str(directory)]))


@contextmanager
def jupyter_lab(narrator: Narrator, places: Places) -> Iterator[tuple[JupyterServer, Visitor]]:
    """A server, and somebody who is logged in there. It ends with this, however that comes about."""
    narrator.step("Starting JupyterLab")
    token = secrets.token_hex(8)
    server = JupyterServer(places.notebooks, os.environ, token=token, application="jupyterlab")
    try:
        address = f"http://127.0.0.1:{server.port}/"
        narrator.say(f"it is at {address}lab?token={token} until the story ends, and our REST API below it:")
        narrator.say(f"curl '{address}condaenv/environments?token={token}'")
        narrator.say(f"curl '{address}condaenv/openapi.json?token={token}'")
        visitor = Visitor(server.port, "/", {"Authorization": f"token {token}"})
        lab.open_panel(visitor)
        yield server, visitor
    finally:
        server.end()
        places.server_log.write_text("".join(server.log))
    narrator.step("To look at what was made, by the command line or in JupyterLab:")
    variables = [f"{name}={place}" for name, place in places.variables.items() if name in LOOKED_AT]
    as_root = ["--allow-root"] if os.getuid() == 0 else []
    for arguments in (["condaenv", "show", "project"], ["lab", *as_root]):
        narrator.say(shlex.join(["env", *variables, jupyter(), *arguments]))


def jupyter() -> str:
    return str(Path(sys.executable).with_name("jupyter"))


def look_inside(narrator: Narrator, visitor: Visitor, kernel: str, modules: dict[str, str]) -> dict[str, Any]:
    """Run the cell as a notebook does: in a kernel that the server starts, over the kernel's websocket."""
    narrator.step(f"Starting the kernel {kernel} and running a cell")
    cell = visitor.run(kernel, f"MODULES = {modules!r}\n{CELL}")
    if cell.error:
        raise StoryEnded(f"The cell failed in {kernel}:\n{cell.error}")
    seen: dict[str, Any] = json.loads(cell.text.strip().splitlines()[-1])
    for name in ("prefix", "python"):
        narrator.say(f"{name} = {seen[name]}")
    for name, version in seen["packages"].items():
        narrator.say(f"{name} = {version}")
    for name, value in seen["variables"].items():
        narrator.say(f"{name} = {shown(value)}")
    return seen


def tell(narrator: Narrator, visitor: Visitor, channel: str, lock: Path, *, local: bool) -> None:
    """The story itself, against ``channel``. What only the local channel's scripts set is checked only there."""
    rest = Rest(visitor)
    commands = Commands(rest, narrator)
    mkl = platform.machine() == "x86_64"
    specs = [*BASE_SPECS, *(["mkl"] if mkl else [])]
    if not mkl:
        narrator.say(f"MKL is left out: Intel makes it for x86_64, and this is {platform.machine()}.")

    # conda-forge's `matplotlib` brings Qt, its `matplotlib-base` is the library.
    plots = "matplotlib" if local else "matplotlib-base"

    commands.create("base-ml", specs, channel)
    commands.lock("base-ml", lock)
    commands.stack("project", "base-ml", ["scikit-learn", plots], channel)
    known = visitor.jupyter("GET", "kernelspecs").body["kernelspecs"]
    commands.list()

    base, project = (rest.get(EnvironmentDetail, f"environments/{name}").environment for name in ("base-ml", "project"))
    below, above = (rest.get(Packages, f"environments/{name}/packages").packages for name in ("base-ml", "project"))
    locked = {package.name: package.version for package in lockfiles.read(lock).packages}
    versions = {package.name: package.version for package in below + above}
    narrator.step("Checking the environments")
    narrator.check("the lock's numpy", locked["numpy"], versions["numpy"])
    narrator.check("the number of locked packages", len(locked), len(below))
    narrator.check("what project stands on", project.base, base.prefix)
    narrator.check("project has a numpy of its own", "numpy" in {package.name for package in above}, False)

    for environment, on_path in ((base, [base.prefix]), (project, [project.prefix, base.prefix])):
        name = environment.name
        modules = {"numpy": "numpy", "pandas": "pandas"}
        if name == "project":
            modules |= {"scikit-learn": "sklearn", "matplotlib": "matplotlib"}
        if not environment.kernels:
            narrator.check(f"{name}: kernels", environment.kernels, "one")
            continue
        kernel = environment.kernels[0]
        seen = look_inside(narrator, visitor, kernel, modules)
        variables = seen["variables"]
        narrator.check(f"{name}: {kernel} among the kernels of the server at once", kernel in known, True)
        narrator.check(f"{name}: sys.prefix", seen["prefix"], on_path[0])
        narrator.check(f"{name}: CONDA_PREFIX", variables["CONDA_PREFIX"], on_path[0])
        narrator.check(f"{name}: python", seen["python"], versions["python"])
        for package in modules:
            expected = versions[plots if package == "matplotlib" else package]
            narrator.check(f"{name}: {package}", seen["packages"][package], expected)
        path = (variables["PATH"] or "").split(os.pathsep)
        levels = [entry.removesuffix("/bin") for entry in path if entry.removesuffix("/bin") in on_path]
        narrator.check(f"{name}: the first of PATH", path[0], f"{on_path[0]}/bin")
        narrator.check(f"{name}: the levels in PATH", levels, on_path)
        proj_data = f"{base.prefix}/share/proj"
        narrator.check(f"{name}: PROJ_DATA, set by an activation script", variables["PROJ_DATA"], proj_data)
        if local:
            narrator.check(f"{name}: CUDA_HOME", variables["CUDA_HOME"], base.prefix)
        if local and mkl:
            narrator.check(f"{name}: MKL_NUM_THREADS", variables["MKL_NUM_THREADS"], "2")


def clear_away(narrator: Narrator, places: Places) -> None:
    """Make room for another run, unless somebody has made something of their own in what an earlier one left."""
    if not places.folder.exists():
        return
    own = places.made_by_hand(ENVIRONMENTS)
    if own:
        raise StoryEnded(
            f"{places.folder} has what you made after an earlier run: {', '.join(own)}. Delete that folder, or give "
            f"another one: python -m tests.demo FOLDER"
        )
    narrator.step(f"Clearing away {places.folder}, which an earlier run made")
    shutil.rmtree(places.folder)


def main(folder: Path) -> int:
    for ended in (signal.SIGTERM, signal.SIGHUP):  # as by Ctrl-C: the server is not left behind
        signal.signal(ended, signal.default_int_handler)
    narrator, places = Narrator(), Places(folder)
    named = os.environ.get("CHANNEL", "")
    try:
        with nullcontext(named) if named else local_channel(narrator) as channel:
            if folder == DEMO:
                clear_away(narrator, Places(DEMO))
            places.occupy(channel)
            with jupyter_lab(narrator, places) as (server, visitor):
                tell(narrator, visitor, channel, places.lock, local=not named)
                panel.show(narrator, server, visitor, ENVIRONMENTS, places.folder)
    except (CondaEnvError, ServerError, StoryEnded) as ending:
        narrator.broken.append(str(ending))
    except KeyboardInterrupt:
        return 130
    return narrator.end()


if __name__ == "__main__":
    sys.exit(main(Path(*sys.argv[1:] or [DEMO]).absolute()))
