"""One file as text: what all readers start from."""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Any

from ..channels import redact
from ..errors import InvalidRequest

MOST_BYTES = 20_000_000
"""The largest lock of five platforms that we have met has 1.4 MB."""
_LONGEST = 10_000
"""Characters of a line: patterns that look for secrets take their time over what has no end."""
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


_REQUEST = re.compile(
    r"([^\s\[]+::)?[A-Za-z0-9_][A-Za-z0-9_.-]*\s*([=<>!~\[*\s].*)?\Z|https?://\S+\Z|file://\S+\Z"
    r"|/.*\.(conda|tar\.bz2)([#\[].*)?\Z"
)
_NO_OPERATOR = re.compile(r"([^\s\[]+::)?[\w.-]+\s*(===|=[<>]|<>|~(?!=)|[=<>!~]=?\s*\Z)")
_UNFINISHED = re.compile(r"[,|][<>=!~]*([,|]|\Z)")
Refuse = Callable[[str, str], InvalidRequest]
"""The error to raise for a problem and a hint, which says where in a file it stands."""


class Source:
    """The text of a file, and the errors that name the place in it."""

    def __init__(self, name: str, content: bytes | str, folder: str = "") -> None:
        """``folder`` is where the file lies, empty where that is not known. Raises InvalidRequest for what is too large
        or no text.

        UTF-8 with or without a mark, and UTF-16 with one, which is what PowerShell's ``>`` writes.
        """
        self.name = name
        self._folder = os.path.abspath(folder) if folder else ""
        self.text = ""
        if len(content) > MOST_BYTES:
            hint = "Clear its outputs, and save it." if name.lower().endswith(".ipynb") else "Is it the right file?"
            raise self.refuse(0, f"It is larger than {MOST_BYTES // 1_000_000} MB.", hint)
        self.text = (content if isinstance(content, str) else self._decoded(content)).removeprefix("\ufeff")
        if not self.text.lstrip().startswith("{"):  # JSON may stand in one line
            for number, length in enumerate(map(len, self.lines), 1):
                if length > _LONGEST:
                    raise self.refuse(number, f"This line has {length} characters.", "Is it the right file?")
        odd = _CONTROL.search(self.text)
        if odd is not None:
            line = self.text.count("\n", 0, odd.start()) + 1
            raise self.refuse(line, f"There is a character that no text has ({odd[0]!r}).", "Is it the right file?")

    def _decoded(self, content: bytes) -> str:
        encoding = next((encoding for bom, encoding in _BOMS if content.startswith(bom)), "utf-8")
        try:
            return content.decode(encoding)
        except UnicodeDecodeError as error:
            raise self.refuse(
                content.count(b"\n", 0, error.start) + 1 if encoding == "utf-8" else 0,
                f"It is not text in {encoding.upper().removesuffix('-SIG')}.",
                "Save the file in UTF-8.",
            ) from error

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    def refuse(self, line: int, problem: str, hint: str = "", /, **details: Any) -> InvalidRequest:
        """The error to raise; ``line`` counts from 1, and 0 means the whole file."""
        where = f"{self.name}, line {line}" if line else self.name
        if line:
            details["line"] = line
        return InvalidRequest(f"{where}: {redact(problem)}", redact(hint), file=self.name, **details)

    def channel(self, channel: str, refuse: Refuse) -> str:
        """``channel``, or a package, as it stands there, but for a path, which is made whole: as pixi does, from the
        folder of the file. Raises InvalidRequest, from ``refuse``, where that is not known."""
        if not channel.startswith((".", "~")):
            return channel
        if not self._folder:
            raise refuse(
                f"{channel!r} is a path seen from where the file lies, which is not known here.",
                "Give its full path.",
            )
        return os.path.normpath(os.path.join(self._folder, os.path.expanduser(channel)))

    def only_one(self, environment: str) -> InvalidRequest:
        """The error to raise where ``environment`` is chosen of a file that says what a single one is to be."""
        return self.refuse(0, f"It is of one environment, so {environment!r} cannot be chosen.", "Choose none.")


def is_request(text: str) -> bool:
    """Whether ``text`` looks like a package request from afar; the solver's own parser says the rest, without a line.

    >>> is_request("numpy>=1.20,<3"), is_request("numpy=>1.20"), is_request("numpy===1"), is_request("numpy >=")
    (True, False, False, False)
    >>> is_request("numpy[version='>=1,<2']"), is_request("numpy[version="), is_request("numpy >=1,<")
    (True, False, False)
    """
    if _REQUEST.match(text) is None or _NO_OPERATOR.match(text) is not None or text.count("[") != text.count("]"):
        return False
    return _UNFINISHED.search("".join(text.partition("[")[0].split())) is None


def meant(word: str, known: Iterable[str]) -> str:
    """The one of ``known`` that ``word`` is a misspelling of; empty where it is none."""
    near = get_close_matches(word.lower().replace("-", "_"), list(known), n=1, cutoff=0.75)
    return near[0] if near else ""
