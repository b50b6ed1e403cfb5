"""What each command does: make a request of its arguments, start the job, show what comes of it.

The name of each function stands in ``arguments.table.COMMANDS``.
"""

from .changing import (
    adopt,
    annotate,
    apply,
    apply_deferred,
    change,
    clone,
    delete,
    drop_deferred,
    explain,
    kernel,
    move,
    pack,
    plan,
    unpack,
    why_not,
)
from .channels import build, channel_add, channel_check, channel_list, channel_logout, channel_remove, config_show
from .health import clean, doctor, storage
from .jobs import jobs_cancel, jobs_follow, jobs_list, jobs_show
from .looking import diff, export, history, list_environments, lock, scan, search, show, why
from .running import activate, generate_config, run

__all__ = [
    "activate",
    "adopt",
    "annotate",
    "apply",
    "apply_deferred",
    "build",
    "change",
    "channel_add",
    "channel_check",
    "channel_list",
    "channel_logout",
    "channel_remove",
    "clean",
    "clone",
    "config_show",
    "delete",
    "diff",
    "doctor",
    "drop_deferred",
    "explain",
    "export",
    "generate_config",
    "history",
    "jobs_cancel",
    "jobs_follow",
    "jobs_list",
    "jobs_show",
    "kernel",
    "list_environments",
    "lock",
    "move",
    "pack",
    "plan",
    "run",
    "scan",
    "search",
    "show",
    "storage",
    "unpack",
    "why",
    "why_not",
]
