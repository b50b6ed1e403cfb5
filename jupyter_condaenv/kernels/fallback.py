"""The kernel that opens where an environment's own cannot, and says in every cell what is wrong and what to do.

``python -m jupyter_condaenv.kernels.fallback -f CONNECTION (--reason TEXT | --levels LEVELS) [--hint TEXT]``. A copy of
this file lies beside the trampoline, so it needs ipykernel and nothing of this package.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from typing import Any

from ipykernel.kernelapp import IPKernelApp
from ipykernel.kernelbase import Kernel

HINT = (
    "Make the environment again (jupyter condaenv lock, delete, create --lock), then restart the kernel; or choose "
    "another kernel. "
    "The notebook itself is not harmed."
)


class FallbackKernel(Kernel):
    """Answers as a kernel must; runs nothing."""

    implementation = "condaenv-fallback"
    implementation_version = "1"
    # The notebook stays one in Python: front ends write this into its metadata.
    language_info = {  # noqa: RUF012
        "name": "python",
        "version": "3",
        "mimetype": "text/x-python",
        "file_extension": ".py",
    }
    reason = ""
    hint = ""

    async def do_execute(self, code: str, silent: bool, *_: Any, **__: Any) -> dict[str, Any]:
        """Every cell fails with the reason, so that whatever runs a whole notebook stops at the first and shows it."""
        error = {
            "ename": "KernelCannotStart",
            "evalue": self.reason,
            "traceback": [f"This kernel cannot run code. {self.reason}", self.hint],
        }
        if not silent:
            self.send_response(self.iopub_socket, "error", error)  # type: ignore[no-untyped-call]
        return {"status": "error", "execution_count": self.execution_count, **error}

    async def do_is_complete(self, code: str) -> dict[str, Any]:
        return {"status": "complete"}


def explain(levels: str) -> tuple[str, str]:
    """Why the environment of ``levels`` (``activation.launch.join_levels``) cannot start, and what to do."""
    prefixes = [_decoded(part) for part in levels.split(":")]
    for prefix in prefixes:
        if not os.path.isdir(prefix):
            if prefix == prefixes[-1]:
                return f"The environment {prefix} is gone.", HINT
            return (
                f"The environment {prefixes[-1]} stands on {prefix}, which is gone.",
                "Bring the lower environment back, or stack this one on another; then restart the kernel.",
            )
    python = f"{prefixes[-1]}/bin/python"
    if os.path.islink(python) and not os.path.exists(python):
        return f"{python} leads to {os.path.realpath(python)}, which does not exist.", HINT
    what = "cannot be run" if os.path.exists(python) else "does not exist"
    return f"The environment's Python, {python}, {what}.", HINT


def _decoded(text: str) -> str:
    raw = re.sub(rb"\\0([0-7]{3})", lambda match: bytes([int(match.group(1), 8)]), os.fsencode(text))
    return os.fsdecode(raw)


def main(arguments: list[str]) -> None:
    """Serve the connection file that ``arguments`` name; what else is in them, for another kernel, is passed over."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("-f", "--f", dest="connection", required=True)
    parser.add_argument("--reason", default="")
    parser.add_argument("--hint", default="")
    parser.add_argument("--levels", default="")
    given, _ = parser.parse_known_args(arguments)
    reason, hint = given.reason, given.hint
    if not reason:
        reason, found = explain(given.levels)
        hint = hint or found
    # Text of the reason may hold bytes that no message can carry.
    FallbackKernel.reason = reason.encode("utf-8", "replace").decode()
    FallbackKernel.hint = hint or HINT
    FallbackKernel.banner = f"{FallbackKernel.reason} {FallbackKernel.hint}"
    print(f"condaenv: {FallbackKernel.banner}", file=sys.stderr)
    IPKernelApp.launch_instance(argv=["-f", given.connection], kernel_class=FallbackKernel)


if __name__ == "__main__":
    main(sys.argv[1:])
