"""The magic itself: from a line in a cell to words below it."""

from __future__ import annotations

import importlib
import os
import re
import sys
from typing import Any

from . import HELP, loaded
from .operation import CondaEnvError, perform
from .status import Status, count, size, table

KINDS = {
    "add": "new",
    "upgrade": "up",
    "downgrade": "down",
    "rebuild": "rebuilt",
    "rechannel": "elsewhere",
    "remove": "removed",
}
"""The command line's words for what happens to a package, in its order."""

_PART = re.compile(r""""([^"]*)"|'([^']*)'|(\[[^]]*\]|[^\s"'])""")


def watched(shell: Any) -> bool:
    """Whether somebody looks on. Programs that run a notebook from end to end let no cell ask for input."""
    request: dict[str, Any] = getattr(shell, "get_parent", dict)()
    return bool(request.get("content", {}).get("allow_stdin", True))


def run(line: str, command: list[str], *, live: bool = True) -> None:
    """What ``%condaenv LINE`` does; ``live`` shows how far it has come. Raises CondaEnvError."""
    words = split(line)
    if not words or words[0] == "help" or "-h" in words or "--help" in words:
        print(HELP, end="")
    elif words[0] == "install":
        install(words[1:], command, Status(live=live))
    else:
        raise CondaEnvError(
            "invalid_request",
            f"%condaenv does not know {words[0]!r}.",
            "In a cell there is %condaenv install SPEC..., and %condaenv help says more of it. All else is done in a "
            "terminal: jupyter condaenv --help",
        )


def split(line: str) -> list[str]:
    """The words of ``line``. Quotes hold together what has blanks, and stay where they are part of a spec, in brackets;
    ``#`` begins a comment where a word would begin; all else is text. Raises CondaEnvError.

    >>> split("install numpy>=1.20,<3 'pandas >2' scipy[version='>=1.9']  # as in the paper")
    ['install', 'numpy>=1.20,<3', 'pandas >2', "scipy[version='>=1.9']"]
    """
    words: list[str] = []
    place = 0
    while True:
        place += len(line[place:]) - len(line[place:].lstrip())
        if place == len(line) or line[place] == "#":
            return words
        word = ""
        while place < len(line) and not line[place].isspace():
            part = _PART.match(line, place)
            if part is None:
                raise CondaEnvError("invalid_request", f"A quote is not closed: {line[place:]}", "")
            word += next(group for group in part.groups() if group is not None)
            place = part.end()
        words.append(word)


def install(arguments: list[str], command: list[str], status: Status) -> None:
    if not arguments:
        raise CondaEnvError("invalid_request", "Nothing was asked for.", "%condaenv install SPEC...")
    prefix = sys.prefix
    if not os.path.isdir(os.path.join(prefix, "conda-meta")):
        raise CondaEnvError(
            "not_found",
            f"The Python of this kernel is in no conda environment, but in {prefix}.",
            "Choose the kernel of one, or make one in a terminal: jupyter condaenv create NAME ipykernel",
        )
    files, start = loaded.files(prefix), loaded.at_start(prefix)
    try:
        result = perform([*command, "add", prefix, "--json", *for_pip(arguments)], lambda event: tell(event, status))
    except CondaEnvError as failure:
        status.keep()
        if failure.hint.startswith("usage:"):
            failure.hint = "What can be said: %condaenv help"
        raise
    importlib.invalidate_caches()
    if result["result"] == "changed":
        newer = loaded.newer(start, loaded.at_start(prefix))
        status.say(*changed(result, loaded.replaced(files), newer))
    elif result["result"] == "deferred":
        status.say(*deferred(result))
    elif result["result"] == "started":
        status.say(f"To look at it: jupyter condaenv jobs follow {result['id']}")


def for_pip(arguments: list[str]) -> list[str]:
    """``arguments`` with ``--pip`` before each requirement that follows one.

    >>> for_pip(["numpy", "--pip", "rich", "httpx>=0.27", "--now"])
    ['numpy', '--pip=rich', '--pip=httpx>=0.27', '--now']
    """
    words: list[str] = []
    of_pip = False
    for word in arguments:
        if word == "--pip":
            of_pip = True
        else:
            words.append(f"--pip={word}" if of_pip and not word.startswith("-") else word)
    return words


def tell(event: dict[str, Any], status: Status) -> None:
    """Show what the operation tells. What a newer command line may tell besides is passed over."""
    kind = event.get("event")
    if kind == "step":
        status.show(event["text"])
    elif kind == "progress":
        status.progress(
            event.get("done", 0), event.get("total", 0), event.get("unit", "packages"), event.get("item", "")
        )
    elif kind == "message":
        status.say(("warning: " if event.get("level") == "warning" else "") + event["text"])
    elif kind == "solved":
        status.say(*plan(event))


def plan(solved: dict[str, Any]) -> list[str]:
    """What is going to happen: a line a package, why those move that nobody named, then what is to download, as far as
    it is known: of pip it is not."""
    rows = [
        (
            KINDS.get(change["kind"], change["kind"]),
            change["name"],
            " -> ".join(filter(None, (change.get("before"), change.get("after")))),
            size(change["size"]) if change.get("size") else "",
        )
        for change in sorted(solved["changes"], key=lambda change: [*KINDS, change["kind"]].index(change["kind"]))
    ]
    unasked = [f"  {one['name']}: {one.get('because') or 'moves as well'}" for one in solved.get("unasked", ())]
    download = solved["download_bytes"]
    return [
        *table(rows),
        *(["Not asked for, but:", *unasked] if unasked else []),
        *([f"{size(download)} to download"] if download else []),
    ]


def changed(result: dict[str, Any], replaced: list[str], newer: list[str]) -> list[str]:
    """What was done, and whether this kernel has to be restarted for it, and why."""
    by_pip = (result["plan"].get("pip") or {}).get("changes", [])
    if not result["plan"]["changes"] and not by_pip:
        return ["No package changed."]
    steps = [
        (one["name"], " -> ".join(filter(None, (one.get("before"), one.get("after") or "removed")))) for one in by_pip
    ]
    told = [f"By pip: {', '.join(f'{name} {versions}' for name, versions in steps)}."] if steps else []
    done = f"{result['environment']['name']} is at revision {result['revision']}."
    reasons = [f"what this kernel has loaded was replaced ({', '.join(replaced)})"] if replaced else []
    if newer:
        reasons.append(f"this takes effect when it starts: {', '.join(newer)}")
    if reasons:
        return [*told, done, f"Restart the kernel, because {'; '.join(reasons)}."]
    return [*told, f"{done} No restart is needed."]


def deferred(result: dict[str, Any]) -> list[str]:
    """What waits, and for what."""
    kernels = len(result["kernels"])
    others = f" and {count(kernels - 1, 'other kernel')}" if kernels > 1 else ""
    return [
        f"Nothing is changed yet, because this kernel{others} may have loaded what would be replaced.",
        "It is done when a kernel of this environment starts and no other one runs: restart the kernel.",
        "To have it now all the same: --now",
    ]
