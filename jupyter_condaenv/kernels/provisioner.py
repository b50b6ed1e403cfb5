"""How Jupyter's server comes to kernels that wait (``pool``): by its own extension point, the kernel provisioner.

The kernelspecs on disk name none, so that they start in every program as ever. It is the default of one process that
changes: the server's, where its configuration says so. https://jupyter-client.readthedocs.io/en/stable/provisioning.html
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any, ClassVar

from jupyter_client.provisioning.factory import KernelProvisionerFactory
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from .pool import Pool

NAME = "condaenv-warm"
"""The entry point in the group ``jupyter_client.kernel_provisioners``."""
PLAIN = "local-provisioner"
"""That of Jupyter, which starts kernels as processes of the same machine."""
_ORDINARY = {"cwd", "env", "kernel_id"}
"""What a start may be asked for besides the command; with anything else it is an ordinary start."""


class WarmProvisioner(LocalProvisioner):
    """Takes a kernel that waits, where there is one; all the rest, and all else, is as in LocalProvisioner."""

    pool: ClassVar[Pool | None] = None

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        pool = self.pool
        if pool is None or not can_wait(cmd, self.kernel_spec.metadata) or not kwargs.keys() <= _ORDINARY:
            return await super().launch_kernel(cmd, **kwargs)
        env, cwd = dict(kwargs["env"]), kwargs.get("cwd") or os.getcwd()
        process = await pool.take(cmd, env, os.fspath(cwd))
        if process is None:
            connection = await super().launch_kernel(cmd, **kwargs)
        else:
            self.process = process
            # It leads its group, as each kernel that was started by ``launch_kernel``.
            self.pid = self.pgid = process.pid
            self.cwd = cwd
            connection = self.connection_info
        pool.started(cmd, env)
        return connection


def can_wait(command: list[str], metadata: dict[str, Any]) -> bool:
    """Whether ``command`` is a kernelspec's of ours, for ipykernel, with scripts that need not run at each start."""
    return (
        "jupyter_condaenv" in metadata
        and command[-4:-2] == ["-m", "ipykernel_launcher"]
        and "--always-run" not in command
        # A kernelspec of another version of this package may have a shim that knows nothing of it.
        and Path(command[1]).with_name("warm.py").exists()
    )


def switch_on(pool: Pool, manager: Any, log: logging.Logger | logging.LoggerAdapter[logging.Logger]) -> bool:
    """Let the kernels that ``manager`` starts come from ``pool``; False, and said in the log, where that cannot be."""
    factory = KernelProvisionerFactory.instance(parent=manager)
    problem = ""
    if factory.default_provisioner_name != PLAIN:
        problem = f"{factory.default_provisioner_name} starts the kernels of this server"
    elif NAME not in factory.get_provisioner_entries():
        problem = "the installation of jupyter_condaenv is older than its files: install it again"
    if problem:
        log.warning("jupyter_condaenv: No kernels wait, as %s.", problem)
        return False
    factory.default_provisioner_name = NAME
    WarmProvisioner.pool = pool
    return True


def switch_off() -> None:
    """Undo :func:`switch_on`, and end what waits. Blocks until that has ended."""
    factory = KernelProvisionerFactory.instance()
    if factory.default_provisioner_name == NAME:
        factory.default_provisioner_name = PLAIN
    pool, WarmProvisioner.pool = WarmProvisioner.pool, None
    if pool is not None:
        pool.close()
