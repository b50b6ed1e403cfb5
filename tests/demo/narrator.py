"""What a person sees of the story beside the words of the command line."""

from __future__ import annotations

import time
from typing import Any


class StoryEnded(Exception):
    """It cannot be told to its end."""


class Narrator:
    """Prints each step with the time since the beginning, and remembers what did not hold."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.broken: list[str] = []

    def step(self, text: str) -> None:
        print(f"\n[{time.monotonic() - self.began:6.1f} s] {text}", flush=True)

    def say(self, text: str) -> None:
        print(f"           {text}", flush=True)

    def check(self, what: str, found: Any, expected: Any) -> None:
        if found == expected:
            self.say(f"ok      {what} is {shown(found)}")
        else:
            self.say(f"WRONG   {what} is {shown(found)}, not {shown(expected)}")
            self.broken.append(what)

    def end(self) -> int:
        if self.broken:
            self.step("It did not hold:")
            for what in self.broken:
                self.say(what)
            return 1
        self.step("All of it held.")
        return 0


def shown(value: Any) -> str:
    return "unset" if value is None else str(value)
