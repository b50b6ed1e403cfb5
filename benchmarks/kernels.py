"""Starting and listing kernels: through trampoline and shim, and in other ways."""

from __future__ import annotations

import json
import os
import random
import shutil
import statistics
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager

from jupyter_condaenv.engine.model import Settings

from .environments import kernel_environment
from .measure import Sample, children_cpu, compare, wall

KERNEL = ("-m", "ipykernel_launcher", "-f", "{connection_file}")
NOTHING = ("-m", "condaenv_benchmark")
LISTED = 200
RUNNERS = ("conda run", "nb_conda_kernels")
"""Other ways into an environment, which are measured where their commands are given."""
_SOURCED = 'for script in "$0"/etc/conda/activate.d/*.sh; do . "$script"; done; exec "$0/bin/python" "$@"'


def start(settings: Settings, rounds: int, runners: Mapping[str, list[str]]) -> None:
    """Processor time of a start through our kernelspec and in other ways, against ipykernel bare.

    Of a module that does nothing, which shows what is added, and of a kernel to its first reply, which varies by more.
    ``runners`` are the words before ``python`` of other programs, by name, with ``{prefix}`` where that is asked for.
    """
    source = kernel_environment(settings)
    (packages,) = source.glob("lib/python3*/site-packages")
    # What the kernel imports as well is not what the shim costs.
    (packages / f"{NOTHING[1]}.py").write_text("import importlib, json, runpy, signal, warnings, zlib\n")
    ours = _argv(settings, source)[: -len(KERNEL)]
    others = {"bash -c, with the scripts": ["bash", "-c", _SOURCED, str(source)]}
    for name, words in runners.items():
        others[name] = [*(word.replace("{prefix}", str(source)) for word in words), "python"]
    script = source / "etc" / "conda" / "activate.d" / "zz-early.sh"
    script.parent.mkdir(parents=True, exist_ok=True)
    for what, measure, module in (("a module that does nothing", _run, NOTHING), ("a kernel", _start, KERNEL)):
        print(f"start of {what}, processor time")
        bare = [str(source / "bin" / "python"), *module]
        ways = {"through trampoline and shim (bar 5 ms)": ours} | others
        _compared({name: [*words, *module] for name, words in ways.items()}, bare, rounds, measure)
        # A variable that only counts when a process starts makes the shim exec Python again.
        script.write_text(f'export LD_LIBRARY_PATH="{source}/lib"\n')
        _compared({"where it must exec again (bar 20 ms)": [*ours, *module]}, bare, rounds, measure)
        script.unlink()
    for name in RUNNERS:
        if name not in runners:
            print(f"  {name}: not measured, as its command was not given: --runner '{name}=...'", flush=True)


def cold(settings: Settings, rounds: int) -> None:
    """From a base that nobody may write to: with bytecode, and without, where Python compiles at each start."""
    print("kernel start from a base that cannot be written to, processor time")
    source = kernel_environment(settings)
    prefix = source.with_name("uncompiled")
    subprocess.run(["cp", "-al", source, prefix], check=True)
    for folder in list(prefix.rglob("__pycache__")):
        shutil.rmtree(folder)
    argv = _argv(settings, source)
    # root may write wherever it likes: so Python is told not to.
    unwritable = ["env", "PYTHONDONTWRITEBYTECODE=1"]
    without = [*unwritable, *(str(prefix) if word == str(source) else word for word in argv)]
    _compared({"without bytecode": without}, [*unwritable, *argv], rounds, _start, "with bytecode")
    shutil.rmtree(prefix)


def listing(settings: Settings, rounds: int) -> None:
    """The kernelspecs of 200 environments, as Jupyter's server reads them for each page."""
    print(f"list the kernelspecs of {LISTED} environments, against as many plain ones")
    source = kernel_environment(settings)
    (folder,) = (path for path in Path(settings.kernels_dir).iterdir() if path.name == f"condaenv-{source.name}")
    text = (folder / "kernel.json").read_text()
    plain = {"argv": ["python3", *KERNEL], "display_name": "Python", "language": "python", "metadata": {}}
    listers = []
    for kind, content in (("ours", text), ("plain", json.dumps(plain))):
        place = folder.parent.with_name(f"kernels-{kind}")
        for number in range(LISTED):
            name = f"{source.name}-{number}"
            shutil.copytree(folder, place / f"condaenv-{name}")
            written = content.replace(str(source), str(source.with_name(name)))
            (place / f"condaenv-{name}" / "kernel.json").write_text(written)
        listers.append(KernelSpecManager(kernel_dirs=[str(place)], ensure_native_kernel=False))
    ours, theirs = zip(*([wall(lister.get_all_specs) for lister in listers] for _ in range(rounds)), strict=True)
    compare(Sample("ours", list(ours)), Sample("plain", list(theirs)), "none set")


def _compared(
    ways: Mapping[str, list[str]],
    bare: list[str],
    rounds: int,
    measure: Callable[[list[str]], float],
    called: str = "bare",
) -> None:
    """Measure each of ``ways`` and ``bare``, ``rounds`` times after a first that is not counted, and tell.

    In an order of chance: what runs before has a part in what a start costs."""
    all_of_them = {called: bare, **ways}
    seconds = [
        {name: measure(argv) for name, argv in random.sample([*all_of_them.items()], len(all_of_them))}
        for _ in range(rounds + 1)
    ][1:]
    print(f"  {called}: {1000 * statistics.median(row[called] for row in seconds):.0f} ms, {rounds} starts each")
    for name in ways:
        more = sorted(1000 * (row[name] - row[called]) for row in seconds)
        low, middle, high = statistics.quantiles(more, n=4) if rounds > 1 else more * 3
        print(f"  {name}: {middle:+.1f} ms  (half of them {low:+.1f} to {high:+.1f})", flush=True)


def _argv(settings: Settings, prefix: Path) -> list[str]:
    for path in sorted(Path(settings.kernels_dir).glob("*/kernel.json")):
        spec = json.loads(path.read_text())
        if str(prefix) in spec["metadata"]["jupyter_condaenv"]["prefixes"]:
            return list(spec["argv"])
    raise SystemExit(f"{prefix} has no kernel")


def _run(argv: list[str]) -> float:
    """Seconds of processor time of a process to its end."""
    before = children_cpu()
    subprocess.run(argv, env=_environment(), check=True)
    return children_cpu() - before


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("CONDA")}


def _start(argv: list[str]) -> float:
    """Seconds of processor time from start to the first reply and the end of the kernel."""
    before = children_cpu()
    manager = KernelManager()
    manager.kernel_spec.argv = argv  # type: ignore[union-attr]
    manager.start_kernel(
        env=_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=120)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()
    return children_cpu() - before
