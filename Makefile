# Everything a developer does, on a machine with Python 3.10+ and git. `make help` lists it.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
READY := $(VENV)/ready
LINK := $(VENV)/share/jupyter/labextensions/jupyter-condaenv
PANEL := labextension
# Node and jlpm are those of the development dependencies.
NODE := cd $(PANEL) && PATH="$(CURDIR)/$(VENV)/bin:$$PATH"
NODE_READY := $(PANEL)/node_modules/.yarn-state.yml
# What a test run is narrowed to: make test ARGS="tests/cli -k json"
ARGS ?=
# The tests of a file share servers and environments, so that they stay together; tests/conftest.py says which files come
# first. Tests wait about as long as they compute.
WORKERS := -n 4 --dist loadfile --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow bytecode lint docs panel panel-check panel-types bench clean

help:  ## show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

demo: $(READY)  ## create, lock and stack environments, run a cell in each, and show them in JupyterLab; CHANNEL=conda-forge for the real ones
	@$(RUN) -m tests.demo

test: $(READY) bytecode  ## run the tests that show everything once
	@$(RUN) -m pytest -m "not slow" $(WORKERS) $(ARGS)

test-slow: $(READY) bytecode  ## run the others: long ones, and other ways to the same
	@$(RUN) -m pytest -m slow $(WORKERS) $(ARGS)

# Tests start thousands of processes; where PYTHONDONTWRITEBYTECODE is set, each would compile all of the package, and each
# worker all tests.
bytecode: $(READY)
ifdef PYTHONDONTWRITEBYTECODE
	@$(RUN) -m compileall -q jupyter_condaenv
	@PYTHONDONTWRITEBYTECODE= $(RUN) -m pytest --collect-only -q > /dev/null || true
endif

lint: $(READY) $(NODE_READY)  ## style, types, and the direction of imports
	@$(NODE) jlpm lint
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@$(RUN) -m mypy
	@$(RUN) -m pytest -q tests/test_layers.py

panel-types: $(READY) $(NODE_READY)  ## write what the panel knows of the REST interface anew, after that has changed
	@$(RUN) -m jupyter_condaenv.server > $(PANEL)/openapi.json
	@$(NODE) jlpm types

panel: panel-types  ## build the panel; the result is committed
	@$(NODE) jlpm build

panel-check: panel  ## test the panel, and whether what is committed is what a fresh build makes
	@$(NODE) jlpm test
	@git diff --exit-code --stat HEAD -- $(PANEL) jupyter_condaenv/labextension && \
	  test -z "$$(git status --porcelain $(PANEL) jupyter_condaenv/labextension)" || { \
	  echo "The panel that is committed is not what its source makes. Run make panel, and commit the result." >&2; exit 1; }

docs: $(READY)  ## write the pages that are made from the code
	@$(RUN) -m jupyter_condaenv.config > docs/configuration.md

bench: $(READY)  ## measure, and print what the bars are
	@$(RUN) -m benchmarks $(ARGS)

clean:  ## remove what these commands have made
	rm -rf $(VENV) .demo build dist .mypy_cache .pytest_cache .ruff_cache $(PANEL)/lib $(PANEL)/node_modules

# Made anew only when what is needed may have changed.
$(READY): pyproject.toml
	@command -v $(PYTHON) >/dev/null || { \
	  echo "There is no $(PYTHON). Name the Python to use: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
	  echo "$(PYTHON) is older than 3.10. Name a newer one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make virtual environments. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@echo "Installing what is needed into $(VENV), once: one to five minutes, by the speed of disk and network."
	@$(PYTHON) -m venv $(VENV)
	@rm -rf $(LINK)  # pip would write, and delete, what it leads to
	@# A pipe ends as its last program does, so that whether pip went well is told by a file.
	@{ $(RUN) -m pip install --progress-bar off --disable-pip-version-check --editable '.[dev]' && touch $@.pip; } \
	  | awk '/^ *Collecting / { sub(/[<>=!~;].*/, "", $$2); printf "%s ", $$2; fflush() } \
	      /^Installing collected/ { printf "\nFetched; installing them.\n"; fflush() }'; rm $@.pip
	@echo "Linking the panel."
	@# pip copies the panel; linked, it is always the one that is here.
	@$(VENV)/bin/jupyter-builder develop . --overwrite 2>/dev/null
	@touch $@

$(NODE_READY): $(READY) $(PANEL)/package.json $(PANEL)/yarn.lock
	@echo "Installing what the panel is built with, once: one to three minutes."
	@$(NODE) jlpm install --immutable > install.log || { cat install.log >&2; exit 1; }
	@touch $@
