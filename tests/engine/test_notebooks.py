"""What the cells of a notebook ask for, and the forms in which people write that."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jupyter_condaenv.engine import specfiles
from jupyter_condaenv.engine.errors import InvalidRequest
from jupyter_condaenv.engine.formats.specfile import SpecFile


def notebook(*cells: str, **metadata: Any) -> str:
    """With a cell of text before those of code."""
    made = [{"cell_type": "markdown", "metadata": {}, "source": ["!pip install nothing"]}]
    made += [
        {
            "cell_type": "code",
            "execution_count": None,
            "metadata": {},
            "outputs": [],
            "source": cell.splitlines(keepends=True),
        }
        for cell in cells
    ]
    return json.dumps({"cells": made, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}, indent=1)


def read(*cells: str, **metadata: Any) -> SpecFile:
    return specfiles.read("book.ipynb", notebook(*cells, **metadata))


def asked(found: SpecFile) -> tuple[str, ...]:
    """Beside what every kernel has."""
    assert found.specs[:2] == ("python", "ipykernel")
    return found.specs[2:]


def test_all_ways_of_installing_together() -> None:
    found = read(
        "%condaenv install 'numpy >=1.20,<3' -c conda-forge --pip rich 'httpx>=0.27'",
        "import os, numpy as np\nfrom sklearn.cluster import KMeans\nimport rich.table",
        "%conda install -y -c nvidia --channel=pytorch cudatoolkit=11.8\n!pip install -qU seaborn==0.13",
        kernelspec={"name": "python3", "language": "python"},
        language_info={"name": "python", "version": "3.11.4"},
    )
    assert found.format == "notebook"
    assert found.name == ""
    assert found.specs == ("python", "ipykernel", "numpy >=1.20,<3", "cudatoolkit=11.8")
    assert found.pip == ("rich", "httpx>=0.27", "seaborn==0.13")
    assert found.channels == ("conda-forge", "nvidia", "pytorch")
    assert found.warnings == (
        "book.ipynb also imports sklearn; which packages these are from is not guessed",
        "book.ipynb was last run with Python 3.11.4, and does not ask for it",
    )
    made = specfiles.creation(found, "book.ipynb", "/envs/book")
    assert made.specs == (*found.specs, "pip")
    assert made.notes == found.warnings


@pytest.mark.parametrize(
    ("line", "specs"),
    [
        ("%conda install numpy", ["numpy"]),
        ("%mamba install numpy", ["numpy"]),
        ("  %conda   install  numpy  scipy ", ["numpy", "scipy"]),
        ("!conda install -y numpy", ["numpy"]),
        ("!!mamba install numpy", ["numpy"]),
        ("out = !conda install numpy", ["numpy"]),
        ("%system micromamba install numpy", ["numpy"]),
        ("conda install numpy", ["numpy"]),
        ("condaenv install numpy", ["numpy"]),
        ("%condaenv install numpy>=1.20,<3 --now  # as in the paper", ["numpy>=1.20,<3"]),
        (
            "%condaenv install \"scipy[version='>=1.9']\" scipy-extra[build='py*']",
            ["scipy[version='>=1.9']", "scipy-extra[build='py*']"],
        ),
        ("%conda install numpy>=1.20", ["numpy>=1.20"]),
        ("%conda install \"numpy>=1.20,<3\" 'pandas >2'", ["numpy>=1.20,<3", "pandas >2"]),
        ("!conda install numpy\\>=1.20", ["numpy>=1.20"]),
        ("!conda install --yes --prefix {sys.prefix} numpy", ["numpy"]),
        ("!conda install -yq conda-forge::numpy python=3.11", ["conda-forge::numpy", "python=3.11"]),
        ("!conda install numpy \\\n   scipy \\\n   pandas", ["numpy", "scipy", "pandas"]),
        ("!conda install numpy > /dev/null 2>&1", ["numpy"]),
        (
            "!conda install numpy &> log.txt && conda install scipy; mamba install pandas | tail -1",
            ["numpy", "scipy", "pandas"],
        ),
        ("!sudo /opt/conda/bin/conda install numpy", ["numpy"]),
        ("%conda install numpy;", ["numpy"]),
        (
            "%%bash\n# conda install no\nset -e\nif true; then conda install numpy; fi\nmamba install \\\n scipy",
            ["numpy", "scipy"],
        ),
        ("%%capture out\n%conda install numpy", ["numpy"]),
        ("%conda install numpy=1.20\n%conda install scipy numpy=1.26\n%conda install numpy", ["numpy=1.26", "scipy"]),
    ],
)
def test_a_line_for_conda(line: str, specs: list[str]) -> None:
    found = read(line)
    assert [spec for spec in found.specs if spec not in ("python", "ipykernel")] == specs
    assert found.pip == ()


@pytest.mark.parametrize(
    ("line", "pip"),
    [
        ("%pip install rich", ["rich"]),
        ("!pip3 install -q --no-cache-dir rich", ["rich"]),
        ("!python -m pip install rich", ["rich"]),
        ("!{sys.executable} -m pip install -U rich --user", ["rich"]),
        ("!uv pip install --system rich", ["rich"]),
        ("pip install rich", ["rich"]),
        (
            "%pip install rich[jupyter]>=13 'httpx; python_version >= \"3.9\"'",
            ["rich[jupyter]>=13", 'httpx; python_version >= "3.9"'],
        ),
        ("%pip install --progress-bar off rich", ["rich"]),
        ("%pip install rich==13\n%pip install Rich==14", ["Rich==14"]),
        ("!PIP_NO_INPUT=1 pip install rich", ["rich"]),
    ],
)
def test_a_line_for_pip(line: str, pip: list[str]) -> None:
    found = read(line)
    assert list(found.pip) == pip
    assert asked(found) == ()


@pytest.mark.parametrize(
    "cell",
    [
        "# %conda install other",
        "text = '''\n%conda install other\n'''",
        'text = """it\'s\n!pip install other\n"""  # "',
        "%%writefile setup.sh\nconda install other",
        "%%html\n!pip install other",
        "!echo pip install other",
        "%conda list\n%conda update other\n!pip uninstall -y other\n!pip freeze",
        "!apt-get install other",
        "print('conda install other')",
        "x = 5 % pip",
    ],
)
def test_what_installs_nothing(cell: str) -> None:
    found = read(cell, "%conda install numpy")
    assert (asked(found), found.pip) == (("numpy",), ())


def test_a_channel_that_is_a_path_is_seen_from_the_folder_of_the_notebook(tmp_path: Path) -> None:
    (tmp_path / "local").mkdir()
    book = tmp_path / "book.ipynb"
    book.write_text(notebook("%conda install -c ./local pkg"))
    assert specfiles.creation(specfiles.read_file(book), str(book), "/env").channels == (str(tmp_path / "local"),)


@pytest.mark.parametrize(
    ("cell", "line", "told"),
    [
        ("x = 1\n!pip install {package}", 2, "'{package}' is filled in only when the cell runs"),
        ("!pip install $PACKAGE", 1, "is filled in"),
        ("!pip install `cat list`", 1, "is filled in"),
        ("!conda install numpy={version}", 1, "is filled in"),
        ("%conda install -c {channel} numpy", 1, "is filled in"),
        ("!pip install \\\n rich \\\n -r requirements.txt", 1, "-r points elsewhere"),
        ("!pip install -c constraints.txt rich", 1, "-c points elsewhere"),
        ("%pip install -e .", 1, "-e points elsewhere"),
        ("%conda install --file=list.txt", 1, "--file points elsewhere"),
        ("!conda env update -n base -f environment.yml", 1, "conda env update goes by another file"),
        ("%condaenv create --file environment.yml", 1, "condaenv create goes by another file"),
        ("%pip install torch --index-url https://host/cu118", 1, "--index-url is an option of pip"),
        ("%pip install --pre rich", 1, "What '--pre' would change is not known"),
        ("%conda install numpy >=1.20", 1, "'>=1.20' is not a package request"),
        ("%condaenv install numpy >1.20", 1, "'>1.20' is not a package request"),
        ("%conda install 'numpy", 1, "A quote is not closed"),
        ("%conda install -c ./channel numpy", 1, "seen from where the file lies"),
        ("%conda install ../numpy", 1, "'../numpy' is not a package request"),
        ("%%bash\ncd /tmp\npip install {x}", 3, "is filled in"),
    ],
)
def test_a_line_that_is_refused(cell: str, line: int, told: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        read("import os", cell)
    assert caught.value.message.startswith(f"book.ipynb, cell 3, line {line}: ")
    assert told in caught.value.message
    assert caught.value.hint
    assert (caught.value.details["cell"], caught.value.details["line"]) == (3, line)


def test_a_secret_is_not_repeated() -> None:
    for line in (
        "%conda install -c https://host/t/canary-1/c numpy",
        "%conda install https://me:canary-1@host/c::numpy",
    ):
        with pytest.raises(InvalidRequest) as caught:
            read(line)
        assert "canary" not in repr(caught.value.failure())


def test_what_is_told_of_a_line() -> None:
    found = read(
        "if colab:\n    !pip install --no-deps rich", "!conda create -n other numpy\n!conda install -n geo gdal"
    )
    assert found.warnings == (
        "book.ipynb, cell 2, line 2: taken, although it may run only under a condition",
        "book.ipynb, cell 2, line 2: what its packages need comes too, in spite of --no-deps",
        "book.ipynb, cell 3, line 1: left out, since it makes another environment: conda create",
        "book.ipynb, cell 3, line 2: taken, although it is for the environment geo",
    )


def test_what_pip_cannot_be_asked_may_be_left_out() -> None:
    found = read("!pip install git+https://host/me/it.git", "%conda install numpy")
    with pytest.raises(InvalidRequest, match=r"book\.ipynb, for pip: .*git"):
        specfiles.creation(found, "book.ipynb", "/envs/book")
    made = specfiles.creation(found, "book.ipynb", "/envs/book", without_pip=True)
    assert made.pip == ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (notebook("import numpy, os\nfrom . import mine\nfrom pandas import *"), "It imports numpy, pandas."),
        (notebook(), "No cell of it installs anything."),
        (notebook("x", language_info={"name": "R"}), "Its cells are in r"),
        (notebook("x", kernelspec={"language": "julia"}), "Its cells are in julia"),
        ('{"nbformat": 3, "worksheets": []}', "format 3"),
        ("{", "It is not a notebook"),
        ("name: x", "It is not a notebook"),
        ('{"nbformat": 4, "cells": [{"source": "x"}]}', "It is not a notebook"),
        ('{"metadata": ' + "[" * 100_000, "It is not a notebook"),
    ],
)
def test_a_notebook_that_is_refused(text: str, told: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        specfiles.read("book.ipynb", text)
    assert told in caught.value.message
    assert caught.value.hint


def test_one_that_has_another_name_or_odd_metadata() -> None:
    text = notebook("%conda install numpy", language_info=[], kernelspec="x")
    assert asked(specfiles.read("book.json", text)) == ("numpy",)
    shown = {"cell_type": "code", "source": "%conda install numpy", "outputs": [{"package": 1, "metadata": {}}]}
    text = json.dumps({"cells": [shown], "metadata": {}, "nbformat": 4}, indent=1)
    assert asked(specfiles.read("book.ipynb", text)) == ("numpy",)


@pytest.mark.parametrize(
    "text",
    ['"\\" ' * 200_000, " " * 500_000, "x" * 500_000 + "'\\", "!pip install " + "'" * 99_999],
    ids=["quotes", "blanks", "one word", "a command"],
)
def test_what_is_hard_to_read_is_refused_all_the_same(text: str) -> None:
    with pytest.raises(InvalidRequest):
        specfiles.read("book.ipynb", notebook(text, text))
