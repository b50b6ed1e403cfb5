"""A package of one's own: from a folder with sources to an import in two commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from .conftest import Person

RECIPE = """\
package: {name: hello, version: "1.0"}
source: {path: src}
build:
  noarch: python
  script: mkdir -p $SP_DIR && cp -r hello $SP_DIR/
requirements: {host: [python], run: [python]}
tests: [{python: {imports: [hello], pip_check: false}}]
"""
META = """\
{% set name = "Greet" %}
package:
  name: {{ name|lower }}
  version: "1.0"
source:
  path: src
build:
  noarch: python
  script:
    - mkdir -p $SP_DIR  # [unix]
    - cp -r {{ SRC_DIR }}/greet $SP_DIR/
requirements:
  host: [python]
  run: [python, hello 1]
test:
  imports: [greet]
  commands:
    - python -c "import hello, greet"
"""


@pytest.mark.slow
def test_from_sources_to_an_import_in_two_commands(person: Person, channel_dir: Path, warm_cache: Path) -> None:
    config = person.home / "config"
    config.mkdir()
    traits = {"channels": [channel_dir.as_uri()], "cache_dir": str(warm_cache)}
    (config / "jupyter_condaenv_config.json").write_text(json.dumps({"CondaEnv": traits}))
    project = person.home / "project"
    (project / "src" / "hello").mkdir(parents=True)
    (project / "src" / "hello" / "__init__.py").write_text('GREETING = "hello from here"\n')
    (project / "recipe.yaml").write_text(RECIPE)

    built = person.run("build", "project")
    assert "create NAME local::hello" in built.out
    person.run("create", "demo", "local::hello")

    assert person.run("run", "demo", "python", "-c", "import hello; print(hello.GREETING)").out == "hello from here\n"
    older = person.home / "older"
    (older / "src" / "greet").mkdir(parents=True)
    (older / "src" / "greet" / "__init__.py").write_text("from hello import GREETING\n")
    (older / "meta.yaml").write_text(META)
    person.run("build", "older")
    person.run("add", "demo", "local::greet")
    assert person.run("run", "demo", "python", "-c", "import greet; print(greet.GREETING)").out == "hello from here\n"


@pytest.mark.slow
def test_what_cannot_be_built(person: Person, small_channel: Path) -> None:
    (person.home / "recipe.yaml").write_text(RECIPE)
    (person.home / "src").mkdir()
    failed = person.run("build", ".", "--into", "ours", "-c", small_channel, "--json", code=4)
    assert "python" in failed.last["error"]["message"]
    assert person.run("build", "nowhere", code=3).err.count("There is no recipe") == 1
