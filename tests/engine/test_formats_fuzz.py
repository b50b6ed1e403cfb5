"""Readers of files that anybody may have written meet anything: an error that is meant for people, and soon."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_condaenv.engine import specfiles
from jupyter_condaenv.engine.errors import InvalidRequest
from jupyter_condaenv.engine.formats import locked
from jupyter_condaenv.engine.formats.source import Source

from . import test_locked, test_notebooks, test_specfiles

NAMES = (
    *("environment.yml", "pixi.lock", "conda-lock.yml", "list.txt", "pixi.toml", "pyproject.toml", "lock.json"),
    *("book.ipynb", "x"),
)
SEEDS = tuple(
    text.encode()
    for text in (
        test_locked.CONDA_LOCK,
        test_locked.PIXI,
        test_specfiles.PIXI,
        f"# platform: linux-64\n@EXPLICIT\n{test_specfiles.URL}#{test_specfiles.MD5}\n",
        "name: n\nchannels: [a]\ndependencies:\n  - a=1=0 # [linux]\n  - &x b\n  - pip: [c]\n  - *x\nvariables: {A: b}",
        '{"version": 1, "platform": "linux-64", "channels": [], "specs": [], "packages": []}',
        test_notebooks.notebook("%conda install -c x 'a >1' b[c=d] \\\n e", "!pip install -q 'f; g' && pip install h"),
        "a=1\nb==2\nc @ https://h/c \\\n --hash=sha256:1\n",
    )
)
PARTS = (
    b"\xff\xfe", b"\0", b"\t", b"*x", b"&x ", b"[", b"{", b"!!python/name:os.system ", b"- ", b": ", b"'", b'"', b"\n",
    b"---\n", b"|\n", b"? ", b"\\", b"<<: *x", b"@EXPLICIT\n", b"${A}", b"://a:b@", b"\xc3\x28", b"1e999", b"=pypi_0",
)  # fmt: skip
SECONDS = 60
"""For all readers together."""


def read(name: str, content: bytes) -> None:
    try:
        found = specfiles.read(name, content, "linux-64")
        if found.foreign_lock is not None:
            locked.read(Source(name, found.foreign_lock.text), "linux-64")
    except InvalidRequest as error:
        assert error.message.startswith(name) and error.hint


@given(name=st.sampled_from(NAMES), content=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_anything_is_read_or_refused(name: str, content: bytes) -> None:
    read(name, content)


@pytest.mark.slow
def test_files_that_were_damaged_are_read_or_refused() -> None:
    chance = random.Random(20261126)
    end = time.monotonic() + SECONDS
    read_so_far, slowest = 0, 0.0
    while time.monotonic() < end:
        content = bytearray(chance.choice(SEEDS))
        for _ in range(chance.randint(1, 6)):
            place = chance.randrange(len(content) + 1)
            what = chance.random()
            if what < 0.4:
                content[place:place] = chance.choice(PARTS) * chance.choice((1, 1, 1, 50, 5000))
            elif what < 0.7:
                del content[place : place + chance.randint(1, 40)]
            else:
                start = chance.randrange(len(content) + 1)
                content[place:place] = content[start : start + chance.randint(1, 60)]
        began = time.process_time()
        read(chance.choice(NAMES), bytes(content))
        read_so_far, slowest = read_so_far + 1, max(slowest, time.process_time() - began)
    print(f"{read_so_far} files, the slowest took {slowest:.2f} s")
    assert read_so_far > 100
