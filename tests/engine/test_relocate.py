"""Another prefix in a file: as a fresh link would write it, and back again."""

from __future__ import annotations

import random

import pytest

from jupyter_condaenv.engine import relocate

PLACEHOLDER = "/opt/" + "placehold_" * 20
PREFIXES = ("/a", "/srv/envs/geo", "/srv/envs/geo two", "/srv/Bücher/x", "/" + "long/" * 30 + "env")


@pytest.mark.parametrize("old", PREFIXES)
@pytest.mark.parametrize("new", PREFIXES)
def test_from_any_to_any_and_back(old: str, new: str) -> None:
    for pattern in (
        "#!{}/bin/python3.11\nprint('{}/lib')\n",
        "#!{}/bin/python -E -s\n",
        "#! {}/bin/python\n",
        "#!/bin/sh\nexec {}/bin/tool\n",
        "home = {}\n\xa0lib={}/lib\n",
        "nothing of it",
    ):
        first = relocate.text(pattern.replace("{}", PLACEHOLDER).encode(), PLACEHOLDER, old)
        second = relocate.text(pattern.replace("{}", PLACEHOLDER).encode(), PLACEHOLDER, new)
        assert relocate.text(first, old, new) == second
        assert old == new or old.encode() not in second or old in new


def test_a_line_that_the_kernel_would_not_understand() -> None:
    script = b"#!/old/bin/python -E\nimport sys\n"
    moved = b"""#!/bin/sh\n'''exec' "/with space/bin/python" -E "$0" "$@" #'''\nimport sys\n"""
    assert relocate.text(script, "/old", "/with space") == moved
    assert relocate.text(moved, "/with space", "/old") == script
    assert relocate.text(b"#!/old/bin/perl -w\n", "/old", "/with space") == b"#!/usr/bin/env perl -w\n"


def test_only_whole_paths() -> None:
    text = (
        b"/envs/geo /envs/geo/lib '/envs/geo' file:///envs/geo:/x /envs/geology /envs/geo-2 /envs/geo.old -I/envs/geo\n"
    )
    assert relocate.text(text, "/envs/geo", "/n", whole=True) == (
        b"/n /n/lib '/n' file:///n:/x /envs/geology /envs/geo-2 /envs/geo.old -I/n\n"
    )
    assert relocate.text(b"/a/b", "/a", r"/\1") == rb"/\1/b"


def test_strings_in_binaries_keep_their_room() -> None:
    seed = random.SystemRandom().randrange(1 << 32)
    chance = random.Random(seed)
    for _ in range(300):
        parts = [chance.randbytes(chance.randrange(9)).replace(b"/", b"x") + b"\1"]
        for _ in range(chance.randrange(4)):
            string = b":".join([PLACEHOLDER.encode() + b"/lib"] * chance.choice((1, 1, 2)))
            parts += [
                string + b"\0" * chance.choice((1, 1, 4)),
                b"tail\0",
                chance.randbytes(3).replace(b"/", b"x") + b"\2",
            ]
        original = b"".join(parts)
        old, new = chance.choice(PREFIXES[1:]), chance.choice(PREFIXES[1:])
        room = len(PLACEHOLDER)
        first = relocate.binary(original, PLACEHOLDER, old, room)
        moved = relocate.binary(first, old, new, room)
        assert len(moved) == len(original), f"seed {seed}"
        assert moved == relocate.binary(original, PLACEHOLDER, new, room), f"seed {seed}"


def test_what_has_no_room() -> None:
    with pytest.raises(ValueError, match="longer than 20 bytes"):
        relocate.binary(b"/old\0", "/old", "/" + "x" * 20, 20)
