"""The commands, their arguments and what ``--help`` says.

argparse: it is in the standard library and starts in 10 ms. Each command has a parser of its own, because only such a
parser can take options between positional arguments (``create geo -c conda-forge python``).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn, get_args

from ..engine.errors import InvalidRequest
from ..engine.model import ChannelPriority, CleanKind, ExportFormat, LibraryPath, LockFormat, Platform, Resolution
from .shells import SHELLS

PROGRAM = "jupyter condaenv"
ENVIRONMENT = "name of the environment, or its path (anything with a slash in it)"
SPEC = 'what to look for, such as numpy, "numpy>=1.20,<3" or conda-forge::numpy'


class Parser(argparse.ArgumentParser):
    """One command's. What it cannot make sense of is an error like every other."""

    def error(self, message: str) -> NoReturn:
        raise InvalidRequest(f"{message}.", self.format_usage().strip())


@dataclass(frozen=True)
class Command:
    """``words`` call it; ``function`` names what does it, in ``commands``."""

    words: tuple[str, ...]
    summary: str
    function: str
    build: Callable[[Parser], None]
    hidden: bool = False

    @property
    def name(self) -> str:
        return " ".join(self.words)

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        parser = Parser(f"{PROGRAM} {self.name}", description=self.summary, allow_abbrev=False)
        self.build(parser)
        parser.add_argument("--json", action="store_true", help="answer in JSON, one object a line")
        ours = own_arguments([*self.words, *arguments])[len(self.words) :]
        _check_text(ours)
        if self.function == "run":
            # What is run has options of its own; --json may stand before or after ENV.
            plain = [one for one in ours if one != "--json"]
            parsed = parser.parse_args([*plain, *arguments[len(ours) :]])
            parsed.json = len(plain) < len(ours)
        else:
            parsed = parser.parse_intermixed_args(arguments)
        parsed.verb = self.words[-1]
        return parsed


def _check_text(arguments: Sequence[str]) -> None:
    """Raises InvalidRequest for bytes that this terminal's encoding has no characters for."""
    for argument in arguments:
        if not argument.isascii() and any("\ud800" <= character <= "\udfff" for character in argument):
            raise InvalidRequest(
                f"{argument!a} is no text in the encoding of this terminal, {sys.getfilesystemencoding()}.",
                "Where it is UTF-8: set the environment variable PYTHONUTF8 to 1.",
            )


# --- arguments that several commands have ----------------------------------------------------------------------------


def _environment(parser: Parser) -> None:
    parser.add_argument("environment", metavar="ENV", help=ENVIRONMENT)


def _channels(parser: Parser, text: str) -> None:
    parser.add_argument("-c", "--channel", action="append", default=[], metavar="CHANNEL", dest="channels", help=text)


def _strategy(parser: Parser, virtual: str = "") -> None:
    parser.add_argument(
        "--channel-priority",
        choices=get_args(ChannelPriority),
        default="",
        help="whether a later channel counts where an earlier one has a package of that name",
    )
    parser.add_argument(
        "--resolution",
        choices=get_args(Resolution),
        default="highest",
        help="take the newest versions that fit, the oldest, or the oldest of SPEC alone",
    )
    parser.add_argument(
        "--exclude-newer",
        default="",
        metavar="WHEN",
        help='leave out what is newer than a date, a time or an age: 2026-03-31, "7 days"',
    )
    parser.add_argument(
        "--exclude-newer-except",
        action="append",
        default=[],
        metavar="PACKAGE",
        help="this package may be newer all the same",
    )
    parser.add_argument(
        "--virtual",
        action="append",
        default=[],
        metavar="PACKAGE=VERSION",
        help=virtual or "for a machine that has this, such as __cuda=12.4 (`__cuda=`: none), whatever this one has",
    )


def _dependencies(parser: Parser) -> None:
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument(
        "--freeze-installed",
        action="store_const",
        const="freeze",
        default="keep",
        dest="dependencies",
        help="what is installed and not named does not move at all; without it, where it must",
    )
    choice.add_argument(
        "--update-deps",
        action="store_const",
        const="update",
        default="keep",
        dest="dependencies",
        help="what the named packages need moves to its newest version too",
    )


def _pip(parser: Parser) -> None:
    parser.add_argument(
        "--pip",
        action="append",
        default=[],
        metavar="REQ",
        help="have pip install this beside conda's packages, none of which it replaces",
    )


def _detach(parser: Parser) -> None:
    parser.add_argument("--detach", action="store_true", help="start the job, print its id and return at once")


def _now(parser: Parser) -> None:
    parser.add_argument(
        "--now",
        action="store_true",
        help="also while a kernel runs that may have loaded what goes or moves; else that waits for its next start",
    )


def _display_name(parser: Parser) -> None:
    parser.add_argument("--display-name", default="", metavar="TEXT", help="the kernel's name in launchers")


def _create_request(parser: Parser) -> None:
    parser.add_argument(
        "environment", nargs="?", default="", metavar="ENV", help=f"{ENVIRONMENT}; a FILE may have a name for it"
    )
    parser.add_argument("specs", nargs="*", metavar="SPEC", help=SPEC)
    _channels(
        parser,
        "take packages from this name, URL or directory; the first has priority; instead of the configured ones",
    )
    _pip(parser)
    parser.add_argument("--lock", metavar="FILE", help="exactly the packages of this lock, instead of SPEC")
    parser.add_argument(
        "-f",
        "--file",
        metavar="FILE",
        help="what this file says, such as environment.yml, @EXPLICIT, conda-lock.yml or pixi.lock",
    )
    parser.add_argument("--without-pip", action="store_true", help="leave out what FILE has for pip")
    _strategy(parser)


def _stack_request(parser: Parser) -> None:
    _environment(parser)
    parser.add_argument("specs", nargs="*", metavar="SPEC", help=SPEC)
    _pip(parser)
    parser.add_argument("--on", required=True, metavar="BASE", dest="base", help="the environment it stands on")
    _channels(
        parser,
        "take packages from this name, URL or directory; the first has priority; instead of the configured ones",
    )
    _strategy(parser)


def _change_options(parser: Parser) -> None:
    _channels(parser, "search here too, after the channels of the environment")
    _dependencies(parser)
    _strategy(parser)


def _add_request(parser: Parser) -> None:
    _environment(parser)
    parser.add_argument("specs", nargs="*", metavar="SPEC", help=SPEC)
    _pip(parser)
    _change_options(parser)


def _remove_request(parser: Parser) -> None:
    _environment(parser)
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", help="name of a package, also of one of pip's")


def _update_request(parser: Parser) -> None:
    _environment(parser)
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", help="name of a package that may move")
    parser.add_argument("--all", action="store_true", help="all packages may")
    _change_options(parser)


def _change_request(parser: Parser) -> None:
    _environment(parser)
    parser.add_argument("--add", action="append", default=[], metavar="SPEC", help=SPEC)
    _pip(parser)
    parser.add_argument("--update", action="append", default=[], metavar="PACKAGE", help="this package may move")
    parser.add_argument("--remove", action="append", default=[], metavar="PACKAGE", help="take this package out")
    _change_options(parser)


# --- each command ----------------------------------------------------------------------------------------------------


def _create(parser: Parser) -> None:
    _create_request(parser)
    _display_name(parser)
    _detach(parser)


def _stack(parser: Parser) -> None:
    _stack_request(parser)
    _display_name(parser)
    _detach(parser)


def _add(parser: Parser) -> None:
    _add_request(parser)
    _now(parser)
    _detach(parser)


def _remove(parser: Parser) -> None:
    _remove_request(parser)
    _now(parser)
    _detach(parser)


def _update(parser: Parser) -> None:
    _update_request(parser)
    _now(parser)
    _detach(parser)


def _change(parser: Parser) -> None:
    _change_request(parser)
    _now(parser)
    _detach(parser)


def _rollback_request(parser: Parser) -> None:
    _environment(parser)
    parser.add_argument(
        "revision",
        nargs="?",
        type=_number,
        default=0,
        metavar="N",
        help="number of the revision, as `history` shows it; without it the last that is not as things are now",
    )


def _rollback(parser: Parser) -> None:
    _rollback_request(parser)
    _now(parser)
    _detach(parser)


def _diff(parser: Parser) -> None:
    _environment(parser)
    parser.add_argument("one", type=_number, metavar="A", help="number of a revision, as `history` shows it")
    parser.add_argument("other", type=_number, metavar="B", help="number of another one")


def _number(text: str) -> int:
    """The number of a revision; they begin at 1."""
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _delete(parser: Parser) -> None:
    _environment(parser)
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")
    _detach(parser)


def _planned(request: Callable[[Parser], None]) -> Callable[[Parser], None]:
    def build(parser: Parser) -> None:
        request(parser)
        parser.add_argument("-o", "--output", metavar="FILE", help="write the plan here, for `apply`")

    return build


def _seconds(parser: Parser) -> None:
    parser.add_argument(
        "--seconds", type=_time, default=60.0, metavar="S", help="for how long ways out are tried; 60 by default"
    )


def _explained(request: Callable[[Parser], None]) -> Callable[[Parser], None]:
    def build(parser: Parser) -> None:
        request(parser)
        _seconds(parser)

    return build


def _why_not(parser: Parser) -> None:
    _environment(parser)
    parser.add_argument("spec", metavar="SPEC", help='what is missed, such as "numpy=2"')
    _seconds(parser)


def _time(text: str) -> float:
    """At most an hour."""
    seconds = float(text)
    if not 0 < seconds <= 3600:
        raise ValueError
    return seconds


def _apply(parser: Parser) -> None:
    parser.add_argument("plan", metavar="FILE", help="a plan written by `plan ... -o FILE`")
    _now(parser)
    _detach(parser)


def _apply_deferred(parser: Parser) -> None:
    _environment(parser)
    _detach(parser)


def _kernel(parser: Parser) -> None:
    _environment(parser)
    _display_name(parser)
    parser.add_argument(
        "--library-path",
        choices=get_args(LibraryPath),
        default="",
        help="LD_LIBRARY_PATH: leave it alone, put the environment's lib in front, or take away what the server has",
    )
    parser.add_argument(
        "--always-run",
        action=argparse.BooleanOptionalAction,
        help="run activation scripts at each start, also where nothing they depend on has changed",
    )
    _detach(parser)


def _list(parser: Parser) -> None:
    """Nothing to say."""


def _clone(parser: Parser) -> None:
    parser.add_argument("source", metavar="SOURCE", help="the environment that is cloned, which stays as it is")
    parser.add_argument("environment", metavar="ENV", help=ENVIRONMENT)
    _display_name(parser)
    _detach(parser)


def _move(parser: Parser) -> None:
    _environment(parser)
    parser.add_argument("target", metavar="NEW", help="its new name, or its new path")
    _detach(parser)


def _adopt(parser: Parser) -> None:
    _environment(parser)
    _display_name(parser)
    _detach(parser)


def _pack(parser: Parser) -> None:
    _environment(parser)
    parser.add_argument("output", metavar="FILE", help="such as geo.tar.gz, geo.zip or geo.squashfs")
    parser.add_argument("--force", action="store_true", help="also in the place of a file that is there")
    _detach(parser)


def _unpack(parser: Parser) -> None:
    parser.add_argument("archive", metavar="FILE", help="written by `pack` or by conda-pack")
    _environment(parser)
    _display_name(parser)
    _detach(parser)


def _annotate(parser: Parser) -> None:
    _environment(parser)
    _detach(parser)


def _freeze(parser: Parser) -> None:
    _environment(parser)
    parser.add_argument("-m", "--message", default="", metavar="TEXT", help="why; whoever wants to change it is told")
    _detach(parser)


def _tags(parser: Parser) -> None:
    _environment(parser)
    parser.add_argument("tags", nargs="+", metavar="TAG", help="a word, such as prod or 2026-teaching")
    _detach(parser)


def _note(parser: Parser) -> None:
    _environment(parser)
    parser.add_argument("text", metavar="TEXT", help='what it is for, or whose it is; "" takes the note away')
    _detach(parser)


def _storage(parser: Parser) -> None:
    _detach(parser)


def _search(parser: Parser) -> None:
    parser.add_argument("query", nargs="*", metavar="QUERY", help="words to look for in names and summaries")
    _channels(parser, "search this name, URL or directory; instead of the configured ones")
    parser.add_argument("--limit", type=_number, default=20, metavar="N", help="show at most N packages (20)")
    parser.add_argument("--versions", action="store_true", help="show all versions of the package that is called so")
    parser.add_argument("--env", metavar="ENV", help="say which version fits into this environment as it is")
    parser.add_argument("--refresh", action="store_true", help="look first what is new in the channels")


def _build(parser: Parser) -> None:
    parser.add_argument("recipe", metavar="RECIPE", help="a recipe.yaml, or the folder that has it")
    parser.add_argument("--into", default="", metavar="DIR", help="the channel's directory; that of `local` by default")
    _channels(parser, "look here for what the recipe requires; instead of the configured channels")
    _detach(parser)


def _channel(parser: Parser) -> None:
    parser.add_argument("channel", metavar="CHANNEL", help="name, URL or directory of a channel")


def _channel_add(parser: Parser) -> None:
    _channel(parser)
    parser.add_argument("--first", action="store_true", help="before the others, instead of after them")
    login = parser.add_mutually_exclusive_group()
    login.add_argument("--user", default="", metavar="NAME", help="log in by this name; its password is asked for")
    login.add_argument("--conda-token", action="store_true", help="log in by a token that stands in URLs behind /t/")
    login.add_argument("--bearer-token", action="store_true", help="log in by a token that is sent as a header")


def _channel_check(parser: Parser) -> None:
    parser.add_argument(
        "channels", nargs="*", metavar="CHANNEL", help="name, URL or directory; without it, the configured ones"
    )
    _detach(parser)


def _config_show(parser: Parser) -> None:
    parser.add_argument("--sources", action="store_true", help="what each file and variable says")


def _why(parser: Parser) -> None:
    _environment(parser)
    parser.add_argument("package", metavar="PACKAGE", help="name of a package")


def _doctor(parser: Parser) -> None:
    _environment(parser)
    parser.add_argument("--fix", action="store_true", help="mend what can be mended")
    _detach(parser)


def _kind(text: str) -> str:
    """What `clean` deletes. As a type: argparse takes no ``choices`` for what may be left out altogether."""
    if text not in get_args(CleanKind):
        raise argparse.ArgumentTypeError(f"invalid choice: {text!r} (choose from {', '.join(get_args(CleanKind))})")
    return text


def _clean(parser: Parser) -> None:
    kinds = ", ".join(get_args(CleanKind))
    parser.add_argument("kinds", nargs="*", type=_kind, metavar="KIND", help=f"one of {kinds}; without any, all")
    parser.add_argument("--preview", action="store_true", help="only show what would be deleted")
    parser.add_argument("-y", "--yes", action="store_true", help="do not ask")
    _detach(parser)


def _lock_request(parser: Parser) -> None:
    parser.add_argument("environment", nargs="?", default="", metavar="ENV", help=ENVIRONMENT)
    parser.add_argument(
        "--platform",
        action="append",
        choices=get_args(Platform),
        default=[],
        dest="platforms",
        help="solve for such a machine; several times: one lock for all of them",
    )
    parser.add_argument(
        "-f", "--file", metavar="FILE", help="lock what this file asks for, such as environment.yml, instead of ENV"
    )
    parser.add_argument("--without-pip", action="store_true", help="leave out what FILE has for pip")
    _channels(parser, "with --platform or --file: take packages from here, instead of from where ENV has them")
    _strategy(
        parser,
        "a machine that is locked for has this: linux-64:__cuda=12.4; with one --platform, __cuda=12.4 is enough",
    )


def _lock(parser: Parser) -> None:
    _lock_request(parser)
    parser.add_argument(
        "--format", choices=get_args(LockFormat), default="", help="with --platform or --file; without it, conda-lock"
    )
    parser.add_argument("-o", "--output", metavar="FILE", help="write the lock here; without it, to standard output")
    _detach(parser)


def _export(parser: Parser) -> None:
    _environment(parser)
    parser.add_argument(
        "--format", choices=get_args(ExportFormat), default="environment.yml", help="without it, environment.yml"
    )
    wanted = parser.add_mutually_exclusive_group()
    for option, value, text in (
        ("--from-history", "history", "what conda's history says was asked for"),
        ("--pinned", "pinned", "each package at its version"),
        ("--builds", "builds", "each package at its version and build"),
    ):
        wanted.add_argument(
            option, action="store_const", const=value, dest="wanted", default="asked", help=f"environment.yml: {text}"
        )
    parser.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        help="write it here; without it, to standard output. dockerfile and github-workflow: the folder for it and "
        "the lock that it reads",
    )


def _run(parser: Parser) -> None:
    _environment(parser)
    parser.add_argument(
        "command", nargs=argparse.REMAINDER, metavar="-- COMMAND ...", help="what to run, and with what"
    )


def _activate(parser: Parser) -> None:
    _environment(parser)
    parser.add_argument("--shell", choices=SHELLS, default="", help="whose language; without it that of $SHELL")


def _generate_config(parser: Parser) -> None:
    parser.add_argument("-y", "--yes", action="store_true", help="also in place of one that is there")


def _job(parser: Parser) -> None:
    parser.add_argument("job", metavar="ID", help="id of the job, as `jobs list` shows it")


def _jobs_show(parser: Parser) -> None:
    _job(parser)
    parser.add_argument("--since", type=int, default=0, metavar="N", help="leave out the first N events")


COMMANDS = (
    Command(("create",), "Make an environment, and its kernel.", "change", _create),
    Command(("stack",), "Make an environment that adds to another one, which stays as it is.", "change", _stack),
    Command(("clone",), "Make an environment with all that is in another one.", "clone", _clone),
    Command(("move",), "Give an environment another name or place, with its history.", "move", _move),
    Command(("adopt",), "Take over an environment that conda, mamba or pixi made, as it is.", "adopt", _adopt),
    Command(("pack",), "Write an environment to one file that can be carried elsewhere.", "pack", _pack),
    Command(("unpack",), "Make an environment of such a file.", "unpack", _unpack),
    Command(("protect",), "See to it that an environment is neither deleted nor moved.", "annotate", _annotate),
    Command(("unprotect",), "Let it be deleted and moved again.", "annotate", _annotate),
    Command(("freeze",), "See to it that an environment is not changed either, by conda too.", "annotate", _freeze),
    Command(("unfreeze",), "Let it be changed again.", "annotate", _annotate),
    Command(("tag",), "Give an environment tags.", "annotate", _tags),
    Command(("untag",), "Take tags away from it.", "annotate", _tags),
    Command(("note",), "Write down what an environment is for.", "annotate", _note),
    Command(("list",), "Show the environments.", "list_environments", _list),
    Command(("show",), "Show one environment and what is in it.", "show", _environment),
    Command(("add",), "Add packages to an environment.", "change", _add),
    Command(("update",), "Move packages of an environment to their newest version.", "change", _update),
    Command(("remove",), "Take packages out of an environment.", "change", _remove),
    Command(("change",), "Add, update and remove packages in one step.", "change", _change),
    Command(("history",), "Show the states that an environment has had.", "history", _environment),
    Command(("diff",), "Show what is different between two of them.", "diff", _diff),
    Command(("rollback",), "Bring an environment back to one of them.", "change", _rollback),
    Command(("delete",), "Delete an environment with all that is in it, and its kernels.", "delete", _delete),
    Command(("plan", "create"), "What `create` would do.", "plan", _planned(_create_request)),
    Command(("plan", "stack"), "What `stack` would do.", "plan", _planned(_stack_request)),
    Command(("plan", "add"), "What `add` would do.", "plan", _planned(_add_request)),
    Command(("plan", "update"), "What `update` would do.", "plan", _planned(_update_request)),
    Command(("plan", "remove"), "What `remove` would do.", "plan", _planned(_remove_request)),
    Command(("plan", "change"), "What `change` would do.", "plan", _planned(_change_request)),
    Command(("plan", "rollback"), "What `rollback` would do.", "plan", _planned(_rollback_request)),
    Command(("explain", "create"), "Why `create` fails, and ways out.", "explain", _explained(_create_request)),
    Command(("explain", "stack"), "Why `stack` fails, and ways out.", "explain", _explained(_stack_request)),
    Command(("explain", "add"), "Why `add` fails, and ways out.", "explain", _explained(_add_request)),
    Command(("explain", "update"), "Why `update` fails, and ways out.", "explain", _explained(_update_request)),
    Command(("explain", "change"), "Why `change` fails, and ways out.", "explain", _explained(_change_request)),
    Command(
        ("explain", "lock"), "Why a platform cannot be locked for, and ways out.", "explain", _explained(_lock_request)
    ),
    Command(("why-not",), "Show what keeps a version of a package out of an environment.", "why_not", _why_not),
    Command(("apply",), "Do exactly what a plan shows; refused if the environment has changed since.", "apply", _apply),
    Command(
        ("apply-deferred",),
        "Do the change that waits until no kernel of the environment runs. Kernels do it when they start.",
        "apply_deferred",
        _apply_deferred,
    ),
    Command(
        ("kernel",), "Write an environment's kernel anew, or choose how it is shown and started.", "kernel", _kernel
    ),
    Command(("why",), "Show what a package is in an environment for, up to what was asked for.", "why", _why),
    Command(
        ("who-constrains",),
        "Show which packages of an environment say which versions of one can be there.",
        "why",
        _why,
    ),
    Command(("search",), "Search the channels for packages.", "search", _search),
    Command(
        ("build",), "Build a package of your own from a recipe, into a channel that is a directory.", "build", _build
    ),
    Command(("channel", "list"), "Show the channels that are searched when none is named.", "channel_list", _list),
    Command(("channel", "add"), "Add a channel to ~/.condarc.", "channel_add", _channel_add),
    Command(("channel", "remove"), "Take a channel out of ~/.condarc.", "channel_remove", _channel),
    Command(
        ("channel", "check"), "Ask channels whether packages can be had from them.", "channel_check", _channel_check
    ),
    Command(("config", "show"), "Show what applies where a command is silent.", "config_show", _config_show),
    Command(("storage",), "Measure how much room environments and the package cache take.", "storage", _storage),
    Command(("clean",), "Delete what no environment needs; asks first.", "clean", _clean),
    Command(("doctor",), "Look at every file of an environment; say what is wrong, or mend it.", "doctor", _doctor),
    Command(
        ("lock",),
        "Write down exactly which packages an environment consists of, or would on other platforms.",
        "lock",
        _lock,
    ),
    Command(("export",), "Write an environment down for other tools.", "export", _export),
    Command(("run",), "Run a command in an environment, as its kernel would see it.", "run", _run),
    Command(
        ("activate",), "Print what a shell has to run to have what an environment's kernel has.", "activate", _activate
    ),
    Command(
        ("--generate-config",),
        "Write a configuration file in which every setting stands with its meaning and default.",
        "generate_config",
        _generate_config,
        hidden=True,
    ),
    Command(("jobs",), "Show running and past jobs.", "jobs_list", _list),
    Command(("jobs", "list"), "Show running and past jobs.", "jobs_list", _list, hidden=True),
    Command(("jobs", "show"), "Show what a job has told, and how it ended.", "jobs_show", _jobs_show),
    Command(
        ("jobs", "follow"), "Show what a job tells until it ends; Ctrl-C only looks away.", "jobs_follow", _jobs_show
    ),
    Command(("jobs", "cancel"), "Ask a job to stop.", "jobs_cancel", _job),
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
    "find": ("search",),
    "undo": ("rollback",),
    "uninstall": ("remove",),
}
"""Words that other tools use, and ours."""


def overview() -> str:
    """What ``--help`` says."""
    shown = [command for command in COMMANDS if not command.hidden]
    width = max(len(command.name) for command in shown)
    commands = "\n".join(f"  {command.name.ljust(width)}  {command.summary}" for command in shown)
    return f"""usage: {PROGRAM} COMMAND [ARGUMENT ...] [--json]

Conda environments as Jupyter kernels. An environment is meant by its name or by its path.

{commands}

  {PROGRAM} COMMAND --help   the arguments of one command
  {PROGRAM} --generate-config   a configuration file with every setting, to be edited
  {PROGRAM} --version
"""


def own_arguments(argv: Sequence[str]) -> list[str]:
    """The part of ``argv`` that is ours: all but, of ``run``, the command it runs, and what stands behind ``--``."""
    given = list(argv)
    if "--" in given:
        given = given[: given.index("--")]
    if given[:1] == ["run"]:
        words = [place for place, one in enumerate(given) if not one.startswith("-")]
        given = given[: words[2]] if len(words) > 2 else given
    return given


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
