"""What can be asked of pip, and what it is told otherwise."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.pylock import Pylock

from jupyter_condaenv.engine import requirements
from jupyter_condaenv.engine.errors import InvalidRequest
from jupyter_condaenv.engine.formats import pylock
from jupyter_condaenv.engine.model import PipFile, PipPackage

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@pytest.mark.parametrize(
    "text",
    [
        "requests",
        " Ruamel.Yaml >=0.17,<1 ",
        "uvicorn[standard]~=0.30",
        "tomli; python_version < '3.11'",
        "x @ https://host/x-1.0-py3-none-any.whl#sha256=abc",
    ],
)
def test_requirements_are_taken_as_they_are(text: str) -> None:
    assert requirements.checked([text, text]) == (text.strip(),)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("--index-url https://me:hush@host/simple", "option"),
        ("-e .", "option"),
        ("-r more.txt", "option"),
        ("git+https://me:hush@host/x", "does not name"),
        ("./x", "does not name"),
        ("x @ git+https://host/x", "hash"),
        ("x @ file:///tmp/x.whl", "hash"),
        ("x @ https://${HOST}/x.whl", "hash"),
        ("x @ https://me:hush@host/x.whl", "password"),
        ("x @ https://host/t/hush-1/x.whl", "token"),
        ("x @ https://host/x.whl?key=hush", "token"),
        ("x --hash=sha256:00", "no requirement"),
        ("x\n-r y", "no requirement"),
        ("x; rm -rf /", "no requirement"),
        ("", "no requirement"),
        ("x" * 3000, "no requirement"),
    ],
)
def test_what_cannot_be_asked_of_pip(text: str, words: str) -> None:
    with pytest.raises(InvalidRequest, match=words) as caught:
        requirements.checked(["fine", text])
    assert "hush" not in caught.value.message and caught.value.hint


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("-r more.txt", "what is in that file"),
        ("--requirement=more.txt", "what is in that file"),
        ("-cpins.txt", "what is in that file"),
        ("-e .", "the environment's own pip"),
        ("--editable git+https://host/x", "the environment's own pip"),
        ("--extra-index-url=https://host/simple", "pip.conf"),
        ("-i https://host/simple", "pip.conf"),
        ("--no-deps", "Name packages only"),
    ],
)
def test_what_to_do_about_an_option(text: str, words: str) -> None:
    with pytest.raises(InvalidRequest, match="is an option of pip") as caught:
        requirements.checked([text])
    assert words in caught.value.hint and ("pip.conf" in caught.value.hint) == ("index" in text or "-i" in text)


@given(st.text())
def test_whatever_is_asked_is_refused_in_words_or_names_a_package(text: str) -> None:
    try:
        (found,) = requirements.checked([text])
    except InvalidRequest as error:
        assert error.message and error.hint
        return
    assert requirements.name_of(found) and "\n" not in found


def test_a_later_requirement_counts_and_a_bare_name_takes_nothing_back() -> None:
    assert requirements.together(("A_b<2", "c"), ("a-b", "C>=1", "d")) == ("A_b<2", "C>=1", "d")


def test_pylock_toml() -> None:
    wheel = PipFile(name="a-1-py3-none-any.whl", url="https://host/a-1-py3-none-any.whl", sha256="0" * 64)
    source = PipFile(name="b-1.tar.gz", url="https://host/b-1.tar.gz", sha256="1" * 64)
    packages = (
        PipPackage(name="a", version="1", files=(wheel,), dependencies=("b", "of-conda")),
        PipPackage(name="b", version="1", files=(source,), dependencies=("of-an-extra",)),
        PipPackage(name="c", version="1", files=(wheel,), direct=True),
    )
    text = pylock.written(packages, "3.11.7")
    assert text.startswith('lock-version = "1.0"\ncreated-by = "jupyter_condaenv"\nrequires-python = ">=3.11.7"\n')
    assert f'wheels = [{{ name = "{wheel.name}", url = "{wheel.url}", hashes = {{ sha256 = "{"0" * 64}" }} }}]' in text
    assert 'dependencies = [{ name = "b" }]' in text and "sdist = {" in text and "archive = { url = " in text
    # Every package that another one names is in the file, and so says the reader of packaging.
    read = Pylock.from_dict(tomllib.loads(text))
    assert [(str(one.name), [need["name"] for need in one.dependencies or ()]) for one in read.packages] == [
        ("a", ["b"]),
        ("b", []),
        ("c", []),
    ]
