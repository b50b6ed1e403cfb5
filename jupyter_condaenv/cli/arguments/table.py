"""The commands, and which of them is called."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ...engine.errors import InvalidRequest
from . import changing, channels, health, jobs, looking, running, whole
from .parser import PROGRAM, Command
from .shared import detach, environment, nothing

COMMANDS = (
    Command(("create",), "Make an environment, and its kernel.", "change", changing.create),
    Command(
        ("stack",), "Make an environment that adds to another one, which stays as it is.", "change", changing.stack
    ),
    Command(("clone",), "Make an environment with all that is in another one.", "clone", whole.clone),
    Command(("move",), "Give an environment another name or place, with its history.", "move", whole.move),
    Command(("adopt",), "Take over an environment that conda, mamba or pixi made, as it is.", "adopt", whole.adopt),
    Command(("pack",), "Write an environment to one file that can be carried elsewhere.", "pack", whole.pack),
    Command(("unpack",), "Make an environment of such a file.", "unpack", whole.unpack),
    Command(("protect",), "See to it that an environment is neither deleted nor moved.", "annotate", whole.annotate),
    Command(("unprotect",), "Let it be deleted and moved again.", "annotate", whole.annotate),
    Command(
        ("freeze",), "See to it that an environment is not changed either, by conda too.", "annotate", whole.freeze
    ),
    Command(("unfreeze",), "Let it be changed again.", "annotate", whole.annotate),
    Command(("tag",), "Give an environment tags.", "annotate", whole.tags),
    Command(("untag",), "Take tags away from it.", "annotate", whole.tags),
    Command(("note",), "Write down what an environment is for.", "annotate", whole.note),
    Command(("list",), "Show the environments.", "list_environments", nothing),
    Command(("scan",), "Look for environments that others have made, and make them kernels.", "scan", detach),
    Command(("show",), "Show one environment and what is in it.", "show", environment),
    Command(("add",), "Add packages to an environment.", "change", changing.add),
    Command(("update",), "Move packages of an environment to their newest version.", "change", changing.update),
    Command(("remove",), "Take packages out of an environment.", "change", changing.remove),
    Command(("change",), "Add, update and remove packages in one step.", "change", changing.change),
    Command(("history",), "Show the states that an environment has had.", "history", environment),
    Command(("diff",), "Show what is different between two of them.", "diff", looking.diff),
    Command(("rollback",), "Bring an environment back to one of them.", "change", changing.rollback),
    Command(("delete",), "Delete an environment with all that is in it, and its kernels.", "delete", changing.delete),
    Command(("plan", "create"), "What `create` would do.", "plan", changing.planned(changing.create_request)),
    Command(("plan", "stack"), "What `stack` would do.", "plan", changing.planned(changing.stack_request)),
    Command(("plan", "add"), "What `add` would do.", "plan", changing.planned(changing.add_request)),
    Command(("plan", "update"), "What `update` would do.", "plan", changing.planned(changing.update_request)),
    Command(("plan", "remove"), "What `remove` would do.", "plan", changing.planned(changing.remove_request)),
    Command(("plan", "change"), "What `change` would do.", "plan", changing.planned(changing.change_request)),
    Command(("plan", "rollback"), "What `rollback` would do.", "plan", changing.planned(changing.rollback_request)),
    Command(
        ("explain", "create"),
        "Why `create` fails, and ways out.",
        "explain",
        changing.explained(changing.create_request),
    ),
    Command(
        ("explain", "stack"), "Why `stack` fails, and ways out.", "explain", changing.explained(changing.stack_request)
    ),
    Command(("explain", "add"), "Why `add` fails, and ways out.", "explain", changing.explained(changing.add_request)),
    Command(
        ("explain", "update"),
        "Why `update` fails, and ways out.",
        "explain",
        changing.explained(changing.update_request),
    ),
    Command(
        ("explain", "change"),
        "Why `change` fails, and ways out.",
        "explain",
        changing.explained(changing.change_request),
    ),
    Command(
        ("explain", "lock"),
        "Why a platform cannot be locked for, and ways out.",
        "explain",
        changing.explained(looking.lock_request),
    ),
    Command(("why-not",), "Show what keeps a version of a package out of an environment.", "why_not", changing.why_not),
    Command(
        ("apply",),
        "Do exactly what a plan shows; refused if the environment has changed since.",
        "apply",
        changing.apply,
    ),
    Command(
        ("apply-deferred",),
        "Do the change that waits until no kernel of the environment runs. Kernels do it when they start.",
        "apply_deferred",
        changing.apply_deferred,
    ),
    Command(
        ("drop-deferred",),
        "Give up the change that waits until no kernel of the environment runs.",
        "drop_deferred",
        changing.drop_deferred,
    ),
    Command(
        ("kernel",),
        "Write an environment's kernel anew, or choose how it is shown and started.",
        "kernel",
        changing.kernel,
    ),
    Command(("why",), "Show what a package is in an environment for, up to what was asked for.", "why", looking.why),
    Command(
        ("who-constrains",),
        "Show which packages of an environment say which versions of one can be there.",
        "why",
        looking.why,
    ),
    Command(("search",), "Search the channels for packages.", "search", looking.search),
    Command(
        ("build",),
        "Build a package of your own from a recipe, into a channel that is a directory.",
        "build",
        channels.build,
    ),
    Command(("channel", "list"), "Show the channels that are searched when none is named.", "channel_list", nothing),
    Command(("channel", "add"), "Add a channel to ~/.condarc.", "channel_add", channels.channel_add),
    Command(("channel", "remove"), "Take a channel out of ~/.condarc.", "channel_remove", channels.channel),
    Command(("channel", "logout"), "Forget the login that `channel add` has kept.", "channel_logout", channels.channel),
    Command(
        ("channel", "check"),
        "Ask channels whether packages can be had from them.",
        "channel_check",
        channels.channel_check,
    ),
    Command(("config", "show"), "Show what applies where a command is silent.", "config_show", channels.config_show),
    Command(("storage",), "Measure how much room environments and the package cache take.", "storage", health.storage),
    Command(("clean",), "Delete what no environment needs; asks first.", "clean", health.clean),
    Command(
        ("doctor",), "Look at every file of an environment; say what is wrong, or mend it.", "doctor", health.doctor
    ),
    Command(
        ("lock",),
        "Write down exactly which packages an environment consists of, or would on other platforms.",
        "lock",
        looking.lock,
    ),
    Command(("export",), "Write an environment down for other tools.", "export", looking.export),
    Command(("run",), "Run a command in an environment, as its kernel would see it.", "run", running.run),
    Command(
        ("activate",),
        "Print what a shell has to run to have what an environment's kernel has.",
        "activate",
        running.activate,
    ),
    Command(
        ("--generate-config",),
        "Write a configuration file in which every setting stands with its meaning and default.",
        "generate_config",
        running.generate_config,
        hidden=True,
    ),
    Command(("jobs",), "Show running and past jobs.", "jobs_list", nothing),
    Command(("jobs", "list"), "Show running and past jobs.", "jobs_list", nothing, hidden=True),
    Command(("jobs", "show"), "Show what a job has told, and how it ended.", "jobs_show", jobs.jobs_show),
    Command(
        ("jobs", "follow"),
        "Show what a job tells until it ends; Ctrl-C only looks away.",
        "jobs_follow",
        jobs.jobs_show,
    ),
    Command(("jobs", "cancel"), "Ask a job to stop.", "jobs_cancel", jobs.job),
)
ELSEWHERE = {
    "check": ("doctor",),
    "copy": ("clone",),
    "cp": ("clone",),
    "du": ("storage",),
    "env": ("list", "create", "delete"),
    "health": ("doctor",),
    "info": ("show",),
    "install": ("add",),
    "ls": ("list",),
    "mv": ("move",),
    "rename": ("move",),
    "prune": ("clean",),
    "repair": ("doctor",),
    "revisions": ("history",),
    "rm": ("delete",),
    "find": ("search", "scan"),
    "undo": ("rollback",),
    "uninstall": ("remove",),
}
"""Words that other tools use, and ours."""


def is_group(word: str) -> bool:
    """Whether ``word`` begins commands, and is none by itself."""
    found = [command.words for command in COMMANDS if command.words[0] == word]
    return bool(found) and (word,) not in found


def overview_of(group: str) -> str:
    """What ``GROUP --help`` says."""
    return f"""usage: {PROGRAM} {group} COMMAND [ARGUMENT ...]

{_summaries(command for command in COMMANDS if command.words[0] == group)}

  {PROGRAM} {group} COMMAND --help   the arguments of one command
"""


def overview() -> str:
    """What ``--help`` says."""
    commands = _summaries(command for command in COMMANDS if not command.hidden)
    return f"""usage: {PROGRAM} COMMAND [ARGUMENT ...] [--json]

Conda environments as Jupyter kernels. An environment is meant by its name or by its path.

{commands}

  {PROGRAM} COMMAND --help   the arguments of one command
  {PROGRAM} --generate-config   a configuration file with every setting, to be edited
  {PROGRAM} --version
"""


def _summaries(commands: Iterable[Command]) -> str:
    shown = list(commands)
    width = max(len(command.name) for command in shown)
    return "\n".join(f"  {command.name.ljust(width)}  {command.summary}" for command in shown)


def command_of(argv: Sequence[str]) -> tuple[Command, list[str]]:
    """The command that ``argv`` calls, by as many of its words as there are, and its arguments."""
    for length in (2, 1):
        for command in COMMANDS:
            if len(command.words) == length and command.words == tuple(argv[:length]):
                rest = list(argv[length:])
                if command.function == "jobs_list" and rest and not rest[0].startswith("-"):
                    break
                return command, rest
    groups = [command.name for command in COMMANDS if argv and command.words[0] == argv[0]]
    if groups:
        raise InvalidRequest(f"`{argv[0]}` needs to know what.", f"One of: {', '.join(groups)}.")
    raise unknown(argv[0])


def unknown(word: str) -> InvalidRequest:
    """What is said of a word that is no command."""
    from difflib import get_close_matches

    known = {command.words[0]: (command.words[0],) for command in COMMANDS} | ELSEWHERE
    near = [name for match in get_close_matches(word, known, n=1) for name in known[match]]
    hint = f"Did you mean {' or '.join(near)}?" if near else f"`{PROGRAM} --help` shows the commands."
    return InvalidRequest(f"There is no command {word!r}.", hint)
