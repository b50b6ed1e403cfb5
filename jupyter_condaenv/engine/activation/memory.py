"""How much memory this process and those it starts can still have, and whether any was killed for want of it."""

from __future__ import annotations

from .cgroups import GROUPS, ROOT, folders, words

_NO_LIMIT = 1 << 60
"""Version 1 has a number for none, which depends on the size of a page."""


def available(groups: str = GROUPS, root: str = ROOT, machine: str = "/proc/meminfo") -> int | None:
    """Bytes that can be taken before something is killed: of the machine, and of each control group that has a limit.

    What a group keeps of files and does not use now counts as available, as it does for the machine. None where nobody
    knows.
    """
    found = [room for room, _ in _rooms(groups, root)]
    fields = words(machine)
    if "MemAvailable:" in fields:
        found.append(int(fields[fields.index("MemAvailable:") + 1]) * 1024)
    return min(found, default=None)


def limit(groups: str = GROUPS, root: str = ROOT) -> int | None:
    """The lowest limit in bytes of the control groups; None where there is none."""
    return min((most for _, most in _rooms(groups, root)), default=None)


def killed(groups: str = GROUPS, root: str = ROOT) -> int | None:
    """How many processes of this one's control group have been killed for want of memory; None where nobody knows."""
    for folder, version1 in folders("memory", groups, root):
        fields = words(f"{folder}/memory.oom_control" if version1 else f"{folder}/memory.events")
        if "oom_kill" in fields:
            return int(fields[fields.index("oom_kill") + 1])
    return None


def _rooms(groups: str, root: str) -> list[tuple[int, int]]:
    """What is left in each group that has a limit, and the limit."""
    found = []
    for folder, version1 in folders("memory", groups, root):
        names = ("memory.limit_in_bytes", "memory.usage_in_bytes") if version1 else ("memory.max", "memory.current")
        try:
            most, used = (int(word) for name in names for word in words(f"{folder}/{name}"))
        except ValueError:  # no such group here, or "max"
            continue
        if most < _NO_LIMIT:
            fields = words(f"{folder}/memory.stat")
            idle = "total_inactive_file" if version1 else "inactive_file"
            spare = int(fields[fields.index(idle) + 1]) if idle in fields else 0
            found.append((max(0, most - used + spare), most))
    return found
