"""The order of versions is that of py-rattler, which solves by it."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from jupyter_condaenv.engine import versions

from .child import in_child

ORDERED = [
    "0.4",
    "0.4.1.rc",
    "0.4.1",
    "0.5a1",
    "0.5b3",
    "0.5C1",
    "0.5",
    "0.9.6",
    "0.960923",
    "1.0",
    "1.1dev1",
    "1.1_",
    "1.1a1",
    "1.1.dev1",
    "1.1.a1",
    "1.1",
    "1.1.post1",
    "1.1.1dev1",
    "1.1.1rc1",
    "1.1.1",
    "1.1.1post1",
    "1.1post1",
    "1996.07.12",
    "1!0.4.1",
    "1!3.1.1.6",
    "2!0.4.1",
]
"""After the list in CEP 33."""
SAME = [("1.0", "1.0.0"), ("0.4", "0.4.0"), ("0.4.1.rc", "0.4.1.RC"), ("1.1dev", "1.1DEV"), ("1-2", "1_2")]


def sign(number: int) -> int:
    return (number > 0) - (number < 0)


@pytest.mark.parametrize(("one", "other"), SAME)
def test_the_same_version_in_other_words(one: str, other: str) -> None:
    assert versions.compare(one, other) == versions.compare(other, one) == 0


def test_the_order_of_the_standard() -> None:
    pairs = list(pairwise(ORDERED))
    assert [sign(versions.compare(*pair)) for pair in pairs] == rattlers(pairs) == [-1] * len(pairs)


def test_a_text_that_is_no_version_is_compared_all_the_same() -> None:
    assert versions.compare("", "") == 0
    assert versions.compare("", "1") == -versions.compare("1", "") != 0
    assert versions.compare("..", "1") < 0


def made_up(chance: random.Random) -> str:
    """A version of parts that are easily got wrong."""
    numbers = [f"{chance.randrange(3)}{chance.choice(('', 'post', 'dev', 'rc', 'a', 'a1'))}"]
    others = chance.choices(("0", "1", "10", "post", "post1", "dev", "rc2", "a", "b0c"), k=chance.randrange(3))
    epoch, local = chance.choice(("", "", "1!")), chance.choice(("", "", "+1", "+1.a"))
    return f"{epoch}{chance.choice('._').join(numbers + others)}{chance.choice(('', '', '_'))}{local}"


def test_any_two_are_as_py_rattler_has_them() -> None:
    """In one process: a call of py-rattler's costs a child."""
    seed = random.SystemRandom().randrange(1 << 32)
    chance = random.Random(seed)
    pairs = [(made_up(chance), made_up(chance)) for _ in range(5000)]
    wrong = [
        pair for pair, theirs in zip(pairs, rattlers(pairs), strict=True) if sign(versions.compare(*pair)) != theirs
    ]
    assert wrong == [], f"seed {seed}"


def rattlers(pairs: list[tuple[str, str]]) -> list[int]:
    return in_child(rattlers_own, pairs)


def rattlers_own(pairs: list[tuple[str, str]]) -> list[int]:
    from rattler import Version

    parsed = [(Version(one), Version(other)) for one, other in pairs]
    return [(one > other) - (one < other) for one, other in parsed]


def test_the_newest_first() -> None:
    for found in (["1.10", "1.9", "1.9.0", "2024.1", "0"], ["1.10", "1.10rc1", "1.9", "1!0"], []):
        ordered = versions.newest_first(found)
        assert sorted(ordered) == sorted(found)
        assert all(versions.compare(*pair) >= 0 for pair in pairwise(ordered))


def test_the_beginning_of_a_version() -> None:
    begins = {"1.2": ["1.2", "1.2.3", "1.2rc1", "1.2+local", "1.2.0"], "1.2.0": ["1.2", "1.2.0.1", "1.2rc1"]}
    begins |= {"1!1": ["1!1.5"], "2024a": ["2024a"], "1.2+loc": ["1.2+loc"], "": ["1", "1!2"]}
    for beginning, whole in begins.items():
        assert all(versions.starts_with(one, beginning) for one in whole), beginning
    others = [("1.20", "1.2"), ("1", "1.2"), ("1.2.3", "1.2.0"), ("1.5", "1!1"), ("2024", "2024a"), ("1.2", "1.2+loc")]
    assert not any(versions.starts_with(*pair) for pair in others)
