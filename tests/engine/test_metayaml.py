"""Recipes of conda-build: what is converted means the same, all else is refused with its line."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_condaenv.engine import metayaml
from jupyter_condaenv.engine.channels import host_subdir
from jupyter_condaenv.engine.errors import InvalidRequest, NotFound

PACKAGE = "package:\n  name: mine\n  version: 1.10\n"
WHOLE = """\
{% set name = "Mine" %}
{% set version = '1.10' %}
{% set build = 3 %}  # [linux]
{% set build = 4 %}  # [not linux]
# {{ what is in a comment }} is nobody's
  # [neither]

package:
  name: {{ name|lower }}
  version: "{{ version }}"
source:
  - url: https://host/{{ name }}-{{ version }}.tar.gz
    sha256: 0000000000000000000000000000000000000000000000000000000000000000
    fn: x.tgz
    patches: [a.patch]
  - path: ../src
    folder: there
  - git_url: https://host/x.git
    git_rev: 0123456789abcdef0123456789abcdef01234567
build:
  number: {{ build }}
  noarch: python
  script:
    - {{ PYTHON }} -m pip install .  # [unix]
    - win.bat  # [win]
    - cp a {{ PREFIX }}/${HOME}
  skip: true  # [win or osx]
  entry_points: [mine = mine:main]
requirements:
  build: ["{{ compiler('c') }}"]
  host: [python >=3.8, pip]
  run:
    - numpy 1.26
    - other {{ version }}
    - exact 1.0 py_0
    - star 1.*
    - {{ pin_subpackage(name, max_pin='x.x') }}
    - {{ pin_subpackage("libmine", exact=True) }}
    - arm  # [aarch64]
    - never  # [linux and win]
  run_constrained: [less <2]
test:
  imports: [mine]
  commands: [mine --help]
about:
  home: https://h
  dev_url: https://d
  doc_url: https://o
  license: MIT
  license_family: MIT
  license_file: LICENSE
  summary: A {{ name }}
extra:
  recipe-maintainers: [me]
"""


def converted(folder: Path, text: str, platform: str = "linux-64") -> dict[str, Any]:
    (folder / "meta.yaml").write_text(text)
    made: dict[str, Any] = json.loads(metayaml.convert(folder / "meta.yaml", platform))
    return made


def test_what_a_recipe_says(tmp_path: Path) -> None:
    assert converted(tmp_path, WHOLE) == {
        "context": {"name": "Mine", "version": "1.10", "build": "3"},
        "package": {"name": "${{ name|lower }}", "version": "${{ version }}"},
        "source": [
            {
                "url": "https://host/${{ name }}-${{ version }}.tar.gz",
                "sha256": "0" * 64,
                "file_name": "x.tgz",
                "patches": [str(tmp_path / "a.patch")],
            },
            {"path": str(tmp_path / "../src"), "target_directory": "there"},
            {"git": "https://host/x.git", "rev": "0123456789abcdef0123456789abcdef01234567"},
        ],
        "build": {
            "number": "${{ build }}",
            "noarch": "python",
            "script": ["${PYTHON} -m pip install .", "cp a ${PREFIX}/${HOME}"],
            "python": {"entry_points": ["mine = mine:main"]},
        },
        "requirements": {
            "build": ["${{ compiler('c') }}"],
            "host": ["python >=3.8", "pip"],
            "run": [
                "numpy 1.26.*",
                "other ${{ version }}.*",
                "exact ==1.0 py_0",
                "star 1.*",
                "${{ pin_subpackage(name, upper_bound='x.x') }}",
                '${{ pin_subpackage("libmine", exact=True) }}',
            ],
            "run_constraints": ["less <2"],
        },
        "tests": [{"python": {"imports": ["mine"], "pip_check": False}}, {"script": ["mine --help"]}],
        "about": {
            "homepage": "https://h",
            "repository": "https://d",
            "documentation": "https://o",
            "license": "MIT",
            "license_file": "LICENSE",
            "summary": "A ${{ name }}",
        },
        "extra": {"recipe-maintainers": ["me"]},
    }


def test_rattler_build_takes_it(tmp_path: Path) -> None:
    """In a process of its own, as it is done."""
    (tmp_path / "meta.yaml").write_text(WHOLE.replace('"libmine"', '"mine"').replace("(name, ", "('mine', "))
    (tmp_path / "recipe.yaml").write_text(metayaml.convert(tmp_path / "meta.yaml", host_subdir()))
    told = subprocess.run(
        [sys.executable, "-c", RENDER, tmp_path / "recipe.yaml", host_subdir()], check=True, capture_output=True
    )
    (rendered,) = json.loads(told.stdout)
    assert (rendered["package"], rendered["build"]["number"]) == ({"name": "mine", "version": "1.10"}, 3)
    assert rendered["requirements"]["run"][:4] == ["numpy 1.26.*", "other 1.10.*", "exact ==1.0 py_0", "star 1.*"]


RENDER = """
import json, os, pathlib, sys
from jupyter_condaenv.engine.rattler_build import _variants
print(json.dumps([one.recipe.to_dict() for one in _variants(pathlib.Path(sys.argv[1]), sys.argv[2])]), flush=True)
os._exit(0)
"""


@pytest.mark.parametrize(
    ("more", "part", "made"),
    [
        ("", "build", {}),
        ("build: {number: 2}\n", "build", {"number": 2}),
        ("requirements: {build: [python], run: [a]}\n", "requirements", {"host": ["python"], "run": ["a"]}),
        ("requirements:\n  run:\n    - a  # a note [of mine] (here)\n", "requirements", {"run": ["a"]}),
        (
            "test: {imports: [a], requires: [b 1], source_files: [c]}\n",
            "tests",
            [
                {
                    "script": ['python -c "import a"'],
                    "requirements": {"run": ["python", "b 1.*"]},
                    "files": {"source": ["c"]},
                }
            ],
        ),
    ],
)
def test_parts_of_it(more: str, part: str, made: object, tmp_path: Path) -> None:
    assert converted(tmp_path, PACKAGE + more)[part] == made


def test_a_script_beside_it_is_run(tmp_path: Path) -> None:
    (tmp_path / "build.sh").write_text("true\n")
    assert converted(tmp_path, PACKAGE)["build"] == {"script": {"file": str(tmp_path / "build.sh")}}


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        (f"{PACKAGE}outputs: []\n", 4, "`outputs` is not converted"),
        (f"{PACKAGE}build:\n  string: x\n", 5, "`string` is not converted"),
        (f"{PACKAGE}build:\n  run_exports: [x]\n", 5, "`run_exports` is not converted"),
        (f"{PACKAGE}test:\n  files: [x]\n", 5, "`files` is not converted"),
        (f"{PACKAGE}test:\n  downstreams: [x]\n", 5, "`downstreams` is not converted"),
        (f"{PACKAGE}source:\n  svn_url: x\n", 5, "`svn_url` is not converted"),
        (f"{PACKAGE}source:\n  git_url: x\n  git_rev: main\n", 6, "`git_rev` may be a branch"),
        (f"{PACKAGE}requirements:\n  run: [numpy x.x]\n", 5, "takes its version from elsewhere"),
        (f"{PACKAGE}requirements:\n  build: ['{{{{ compiler(\"c\") }}}}']\n", 5, "a compiler in `build`"),
        (f"{PACKAGE}about:\n  hme: x\n", 5, "`hme` is not converted"),
        ("{% set data = load_setup_py_data() %}\n" + PACKAGE, 1, "more than a literal"),
        ("{% set v = environ.get('V') %}\n" + PACKAGE, 1, "more than a literal"),
        (PACKAGE + "{% if linux %}\nabout: {}\n{% endif %}\n", 4, "more than a literal"),
        ("package:\n  name: {{ environ['USER'] }}\n", 2, "`{{ environ['USER'] }}` is not understood"),
        ("package:\n  name: {{ nowhere }}\n", 2, "`{{ nowhere }}` is not understood"),
        ("{% set v = '1.2' %}\npackage:\n  name: a{{ v.split('.')[0] }}\n", 3, "is not understood"),
        ("package:\n  name: {{ PYTHON }}\n", 2, "known in a script alone"),
        (f"{PACKAGE}build:\n  noarch: python  # [py3k]\n", 5, "The selector [py3k] is not understood"),
        (f"{PACKAGE}build:\n  noarch: python  # [linux and (win or osx)]\n", 5, "is not understood"),
        ("{% set v = '${{ env.get(1) }}' %}\n" + PACKAGE, 1, "sets a template"),
        (f'{PACKAGE}about:\n  summary: "$\\x7b\\x7b env.get(1) }}}}"\n', 5, "a template comes together"),
        (f"{PACKAGE}about:\n  summary: __expression_99__\n", 5, "no text that can be converted"),
        (f"{PACKAGE}build: yes\n", 4, "keys and values are expected"),
        (f"{PACKAGE}build:\n  number: {{a: b}}\n", 5, "not a text"),
        ("about: {}\n", 0, "no `package`"),
        ("- a\n", 0, "no recipe"),
        ("", 0, "no recipe"),
        ("package: [\n", 2, "not YAML"),
    ],
)
def test_what_is_refused(text: str, line: int, told: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest) as caught:
        converted(tmp_path, text)
    assert told in caught.value.message and caught.value.hint
    assert caught.value.message.startswith(f"{tmp_path / 'meta.yaml'}{f', line {line}' if line else ''}: ")


@pytest.mark.parametrize("name", ["conda_build_config.yaml", "run_test.py", "post-link.sh"])
def test_files_beside_it_that_count_to_conda_build(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("")
    with pytest.raises(InvalidRequest, match=f"{name} lies beside it"):
        converted(tmp_path, PACKAGE)


def test_a_platform_that_it_is_not_built_for(tmp_path: Path) -> None:
    text = f"{PACKAGE}build:\n  skip: True  # [osx or not x86_64]\n"
    assert converted(tmp_path, text)["build"] == {}
    for platform in ("osx-arm64", "linux-aarch64"):
        with pytest.raises(NotFound, match=f"line 5: It is not built for {platform}"):
            converted(tmp_path, text, platform)


@given(st.text() | st.lists(st.sampled_from([*WHOLE.splitlines(True), *WHOLE.split()])).map("".join))
def test_anything_is_converted_or_refused(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "meta.yaml").write_bytes(text.encode())
        try:
            json.loads(metayaml.convert(Path(folder) / "meta.yaml", "linux-64"))
        except (InvalidRequest, NotFound) as error:
            assert error.hint
