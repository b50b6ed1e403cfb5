"""Starting kernels: through trampoline and shim, and without."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
from pathlib import Path

from jupyter_client.manager import KernelManager

from jupyter_condaenv.engine.model import Settings

from .environments import kernel_environment
from .measure import children_cpu


def start(settings: Settings, rounds: int) -> None:
    """Processor time of a start to the first reply: through our kernelspec, against ipykernel started bare."""
    print("kernel start through trampoline and shim, against the bare kernel, processor time")
    source = kernel_environment(settings)
    ours = _argv(settings, source)
    bare = [str(source / "bin" / "python"), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    _tell("ours", _pairs(ours, bare, rounds), "5 ms")
    # A variable that only counts when a process starts makes the shim exec Python again.
    script = source / "etc" / "conda" / "activate.d" / "zz-early.sh"
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(f'export LD_LIBRARY_PATH="{source}/lib"\n')
    _tell("ours where it must exec again", _pairs(ours, bare, rounds), "20 ms")
    script.unlink()


def _pairs(ours: list[str], bare: list[str], rounds: int) -> list[tuple[float, float]]:
    """Seconds of ``rounds`` starts each, in turns, after one of each that is not counted."""
    return [(_start(ours), _start(bare)) for _ in range(rounds + 1)][1:]


def _tell(name: str, pairs: list[tuple[float, float]], bar: str) -> None:
    bare = statistics.median(other for _, other in pairs)
    more = statistics.median(one - other for one, other in pairs)
    print(
        f"  bare {1000 * bare:.0f} ms; {name}: {1000 * more:+.1f} ms, {len(pairs)} starts each  (bar {bar})", flush=True
    )


def _argv(settings: Settings, prefix: Path) -> list[str]:
    for path in sorted(Path(settings.kernels_dir).glob("*/kernel.json")):
        spec = json.loads(path.read_text())
        if str(prefix) in spec["metadata"]["jupyter_condaenv"]["prefixes"]:
            return list(spec["argv"])
    raise SystemExit(f"{prefix} has no kernel")


def _start(argv: list[str]) -> float:
    """Seconds of processor time from start to the first reply and the end of the kernel."""
    before = children_cpu()
    manager = KernelManager()
    manager.kernel_spec.argv = argv  # type: ignore[union-attr]
    manager.start_kernel(
        env={name: value for name, value in os.environ.items() if not name.startswith("CONDA")},
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
