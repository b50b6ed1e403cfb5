"""The parser of a command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from ...engine.channels import redact
from ...engine.errors import InvalidRequest

PROGRAM = "jupyter condaenv"


class Parser(argparse.ArgumentParser):
    """One command's. What it cannot make sense of is an error like every other."""

    secrets = ""
    """How they are given, where they may be taken for arguments: errors then repeat nothing of what was given."""

    def error(self, message: str) -> NoReturn:
        usage = self.format_usage().strip()
        if self.secrets:
            message = "the arguments make no sense, and are not repeated, since one may be a secret"
            usage = f"{self.secrets}\n{usage}"
        raise InvalidRequest(f"{redact(message)}.", usage)


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


def own_arguments(argv: Sequence[str]) -> list[str]:
    """The part of ``argv`` that is ours: all but, of ``run``, the command it runs, and what stands behind ``--``."""
    given = list(argv)
    if "--" in given:
        given = given[: given.index("--")]
    if given[:1] == ["run"]:
        words = [place for place, one in enumerate(given) if not one.startswith("-")]
        given = given[: words[2]] if len(words) > 2 else given
    return given


def _check_text(arguments: Sequence[str]) -> None:
    """Raises InvalidRequest for bytes that this terminal's encoding has no characters for."""
    for argument in arguments:
        if not argument.isascii() and any("\ud800" <= character <= "\udfff" for character in argument):
            raise InvalidRequest(
                f"{argument!a} is no text in the encoding of this terminal, {sys.getfilesystemencoding()}.",
                "Where it is UTF-8: set the environment variable PYTHONUTF8 to 1.",
            )
