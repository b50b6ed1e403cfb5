"""The story of the product, told by doing it: `make demo`.

A base environment with numpy, pandas, MKL and the CUDA runtime is created and locked, a project is stacked on it, and
in each of the two kernels a cell says what it sees. All is done by a real Jupyter server, asked over REST, told in the
words of the command line, and checked: the exit code is 0 only if it held.

CHANNEL names another channel than the local one, such as conda-forge. Everything lies in ``.demo/``.
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
from tests.channel import ChannelServer, build
from tests.jupyter import JupyterServer, ServerError, Visitor

from .commands import Commands, Rest
from .narrator import Narrator, StoryEnded, shown

DEMO = Path(__file__).resolve().parents[2] / ".demo"
LOCK = DEMO / "base-ml.lock.json"
PLACES = {
    "HOME": DEMO / "home",
    "IPYTHONDIR": DEMO / "home" / "ipython",
    "JUPYTER_CONFIG_DIR": DEMO / "jupyter-config",
    "JUPYTER_DATA_DIR": DEMO / "jupyter",
    "JUPYTER_RUNTIME_DIR": DEMO / "jupyter-runtime",
    "XDG_CACHE_HOME": DEMO / "cache",
}
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


def own_directories() -> None:
    """From here on this process and those it starts keep to ``.demo/`` and see nothing of the user's settings."""
    for name in list(os.environ):
        if name.startswith(("CONDA", "JUPYTER", "MAMBA", "XDG_")) or name in (
            "CUDA_HOME",
            "MKL_NUM_THREADS",
            "PROJ_DATA",
        ):
            del os.environ[name]
    for name, place in PLACES.items():
        place.mkdir(parents=True, exist_ok=True)
        os.environ[name] = str(place)


@contextmanager
def local_channel(narrator: Narrator) -> Iterator[str]:
    """The URL of the local channel."""
    narrator.step("Building the local channel (once; later runs only look whether it is up to date)")
    try:
        directory = build(log=narrator.say)
    except RuntimeError as error:
        raise StoryEnded(f"The local channel cannot be built: {error}") from error
    with ChannelServer(directory) as server:
        yield server.url
    narrator.step("To try it yourself, with the packages of this channel:")
    narrator.say(shlex.join([jupyter(), "condaenv", "create", "geo", "python", "ipykernel", "-c", str(directory)]))


@contextmanager
def jupyter_server(narrator: Narrator) -> Iterator[Visitor]:
    """Somebody who is logged in at a server. It ends with this, however that comes about."""
    narrator.step("Starting a Jupyter server")
    token = secrets.token_hex(8)
    server = JupyterServer(DEMO, os.environ, token=token)
    try:
        address = f"http://127.0.0.1:{server.port}/condaenv/"
        narrator.say(f"its REST API is at {address} until the story ends; to look at it:")
        narrator.say(f"curl '{address}environments?token={token}'")
        narrator.say(f"curl '{address}openapi.json?token={token}'")
        yield Visitor(server.port, "/", {"Authorization": f"token {token}"})
    finally:
        server.end()
        (DEMO / "server.log").write_text("".join(server.log))
    narrator.step("To look at what was made, by the command line or by REST:")
    places = [f"{name}={PLACES[name]}" for name in ("HOME", "JUPYTER_DATA_DIR")]
    as_root = ["--allow-root"] if os.getuid() == 0 else []
    for arguments in (["condaenv", "show", "project"], ["server", *as_root]):
        narrator.say(shlex.join(["env", *places, jupyter(), *arguments]))


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


def tell(narrator: Narrator, visitor: Visitor, channel: str, *, local: bool) -> None:
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
    commands.lock("base-ml", LOCK)
    commands.stack("project", "base-ml", ["scikit-learn", plots], channel)
    known = visitor.jupyter("GET", "kernelspecs").body["kernelspecs"]
    commands.list()

    base, project = (rest.get(EnvironmentDetail, f"environments/{name}").environment for name in ("base-ml", "project"))
    below, above = (rest.get(Packages, f"environments/{name}/packages").packages for name in ("base-ml", "project"))
    locked = {package.name: package.version for package in lockfiles.read(LOCK).packages}
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


def main() -> int:
    for ended in (signal.SIGTERM, signal.SIGHUP):  # as by Ctrl-C: the server is not left behind
        signal.signal(ended, signal.default_int_handler)
    narrator = Narrator()
    named = os.environ.get("CHANNEL", "")
    try:
        with nullcontext(named) if named else local_channel(narrator) as channel:
            if DEMO.exists():
                narrator.step(f"Clearing away {DEMO}, which an earlier run made")
                shutil.rmtree(DEMO)
            own_directories()
            with jupyter_server(narrator) as visitor:
                tell(narrator, visitor, channel, local=not named)
    except (CondaEnvError, ServerError, StoryEnded) as ending:
        narrator.broken.append(str(ending))
    except KeyboardInterrupt:
        return 130
    return narrator.end()


if __name__ == "__main__":
    sys.exit(main())
