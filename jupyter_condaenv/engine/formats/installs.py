"""Commands that install packages, as people write them for a shell or a magic: what they ask for, without running them.

A shell would take ``numpy>=1.20`` for a request of numpy and a file ``=1.20``; what its author meant is taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from .. import requirements
from ..channels import redact
from .source import Refuse, is_request

_TOOLS = {
    "condaenv": "condaenv",
    "conda": "conda",
    "mamba": "conda",
    "micromamba": "conda",
    "pip": "pip",
    "pip3": "pip",
}
_PYTHON = re.compile(r"(?:\S*/)?python[\d.]*\Z|\{sys\.executable\}\Z|\$\{?sys\.executable\}?\Z")
_BEFORE = re.compile(r"(?:sudo|time|then|else|do|!|[A-Za-z_]\w*=.*)\Z")
"""What may stand before a command."""
_PART = re.compile(r""""((?:\\.|[^"\\])*)"|'([^']*)'|\\(.)|(\[[^]]*\]|[^\s"'\\])""", re.DOTALL)
_END = re.compile(r"&&|\|\|?|;|(?<!>)&(?!>)")
_REDIRECTED = re.compile(r"(?:\d|&)?>{1,2}(?!=)|<(?!=)")
_FILLED_IN = re.compile(r"[{$`]")
_LONGEST = 2000
"""Characters of a word."""

_SHORT = re.compile(r"-[qvyUI]+\Z")
_HOW = {
    "conda": ("--yes", "--quiet", "--verbose", "--json", "--override-channels", "--strict-channel-priority"),
    "pip": (
        *("--quiet", "--verbose", "--upgrade", "--ignore-installed", "--force-reinstall", "--user", "--no-cache-dir"),
        *("--no-input", "--disable-pip-version-check", "--no-warn-script-location", "--no-color", "--system"),
        *("--no-warn-conflicts", "--break-system-packages", "--prefer-binary", "--no-build-isolation"),
    ),
    "condaenv": ("--now", "--freeze-installed", "--update-deps"),
}
"""Options that say how, and not what: nothing of them is left to be done in a new environment."""
_HOW_WITH_WORD = {
    "conda": ("--solver", "--experimental-solver", "--repodata-fn"),
    "pip": ("--progress-bar", "--upgrade-strategy", "--root-user-action", "--retries", "--timeout"),
    "condaenv": (),
}
"""The same, with a word behind them."""
_PLACE = ("-n", "--name", "-p", "--prefix")
_HERE = ("{sys.prefix}", "$CONDA_PREFIX", "base")
"""Places that are where the kernel is."""
_FILES = {
    "conda": ("-f", "--file"),
    "pip": ("-r", "--requirement", "-c", "--constraint", "-e", "--editable"),
    "condaenv": ("-f", "--file"),
}


class Install(Struct):
    """What one command asks for, in its order."""

    specs: list[str] = []
    pip: list[str] = []
    channels: list[str] = []
    notes: list[str] = []
    """What a person should know of how it was read."""


def read(text: str, refuse: Refuse) -> Iterator[Install]:
    """What ``text``, one line that may hold several commands, installs. Raises what ``refuse`` gives."""
    if not any(tool in text for tool in ("conda", "mamba", "pip")):
        return
    for words in _commands(text, refuse):
        while words and _BEFORE.match(words[0]):
            words.pop(0)
        if words[1:3] == ["-m", "pip"] and _PYTHON.match(words[0]):
            words = words[2:]
        elif words[:2] == ["uv", "pip"]:
            words = words[1:]
        tool = _TOOLS.get(words[0].rpartition("/")[2], "") if words else ""
        if tool and words[1:2] == ["install"]:
            yield _Arguments(tool, refuse).read(words[2:])
        elif tool and words[1:2] in (["create"], ["env"]):
            yield _elsewhere(words, tool, refuse)


def _commands(text: str, refuse: Refuse) -> Iterator[list[str]]:
    """The words of each command of a line. Quotes hold together, and stay where they are part of a spec, in brackets;
    ``#`` begins a comment where a word would begin; where output goes is left out."""
    ours = text.lstrip().startswith("condaenv")  # which no shell reads
    words: list[str] = []
    place, skip = 0, False
    while True:
        place += len(text[place:]) - len(text[place:].lstrip())
        if place == len(text) or text[place] == "#":
            yield words
            return
        end = None if ours else _END.match(text, place)
        if end is not None:
            yield words
            words, skip = [], False
            place = end.end()
            continue
        start, word = place, ""
        while place < len(text) and not text[place].isspace() and (ours or not _END.match(text, place)):
            part = _PART.match(text, place)
            if part is None:
                raise refuse(f"A quote is not closed: {text[start:][:80]}", "Close it.")
            word += next(group for group in part.groups() if group is not None)
            place = part.end()
        redirected = None if ours else _REDIRECTED.match(text, start)
        if redirected is not None:
            skip = redirected.end() == place
        elif skip:
            skip = False
        else:
            words.append(word)


def _elsewhere(words: list[str], tool: str, refuse: Refuse) -> Install:
    """Of another environment, or of another file."""
    command = " ".join(words[:3] if words[1] == "env" else words[:2])
    if any(word.partition("=")[0] in ("-f", "--file") for word in words) or words[1:3] == ["env", "update"]:
        raise refuse(f"{command} goes by another file, and only this one is read.", "Give that file instead.")
    return Install(notes=[f"left out, since it makes another environment: {command}"])


class _Arguments:
    def __init__(self, tool: str, refuse: Refuse) -> None:
        self._tool = tool
        self._refuse = refuse
        self._found = Install()
        self._left: list[str] = []

    def read(self, words: list[str]) -> Install:
        self._left = list(words)
        of_pip = self._tool == "pip"
        while self._left:
            word = self._left.pop(0)
            if self._tool == "condaenv" and word.partition("=")[0] == "--pip":
                of_pip = True
                if "=" in word:
                    self._found.pip.append(self._requirement(word.partition("=")[2]))
            elif word.startswith("-"):
                self._option(word)
            elif of_pip:
                self._found.pip.append(self._requirement(word))
            else:
                self._found.specs.append(self._spec(word))
        return self._found

    def _option(self, word: str) -> None:
        tool = self._tool
        name, given, value = word.partition("=") if word.startswith("--") else (word[:2], word[2:], word[2:])
        if _SHORT.match(word) or (name in _HOW[tool] and not given):
            return
        if name in _HOW_WITH_WORD[tool]:
            self._value(given, value)
        elif tool != "pip" and name in ("-c", "--channel"):
            self._found.channels.append(self._channel(self._value(given, value)))
        elif tool == "conda" and name in _PLACE:
            place = self._value(given, value)
            if place not in _HERE:
                self._found.notes.append(f"taken, although it is for the environment {redact(place)}")
        elif name == "--no-deps":
            self._found.notes.append("what its packages need comes too, in spite of --no-deps")
        elif name in _FILES[tool]:
            raise self._refuse(f"{name} points elsewhere, and only this file is read.", "Write out what is there.")
        elif tool == "pip" and name in requirements.INDEX_OPTIONS:
            raise self._refuse(f"{name} is an option of pip and no requirement.", requirements.INDEX)
        else:
            raise self._refuse(f"What {redact(word)!r} would change is not known here.", "Take it out.")

    def _value(self, given: str, value: str) -> str:
        if given:
            return value
        return self._left.pop(0) if self._left else ""

    def _spec(self, word: str) -> str:
        self._check(word)
        if not is_request(word):
            raise self._refuse(f"{word!r} is not a package request.", 'Write it like numpy or "numpy>=1.20".')
        if redact(word) != word:
            raise self._refuse("There is a token or a password in a URL.", "Take it out.")
        return word

    def _requirement(self, word: str) -> str:
        self._check(word)
        return word

    def _channel(self, word: str) -> str:
        self._check(word)
        if redact(word) != word or not word:
            raise self._refuse(
                f"The channel {redact(word)!r} is none, or is given with a token or a password.",
                "Give its name or its whole URL, and put secrets into ~/.netrc or the file that RATTLER_AUTH_FILE "
                "names.",
            )
        return word

    def _check(self, word: str) -> None:
        if len(word) > _LONGEST or not word.isprintable():
            raise self._refuse("A word is too long, or holds what no package request has.", "Write it out.")
        if _FILLED_IN.search(word):
            raise self._refuse(
                f"{redact(word)!r} is filled in only when the cell runs, which is not done here.", "Write it out."
            )
