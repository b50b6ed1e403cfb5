# Everything a developer does, on a machine with Python 3.10+ and git. `make help` lists it.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
READY := $(VENV)/ready
# What a test run is narrowed to: make test ARGS="tests/cli -k json"
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow lint docs bench clean

help:  ## show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

demo: $(READY)  ## have a Jupyter server create, lock and stack environments, and run a cell in each; CHANNEL=conda-forge for the real ones
	@$(RUN) -m tests.demo

test: $(READY)  ## run every test that takes seconds and can run here
	@$(RUN) -m pytest -m "not slow" $(ARGS)

test-slow: $(READY)  ## run the tests that take minutes
	@$(RUN) -m pytest -m slow $(ARGS)

lint: $(READY)  ## style, types, and the direction of imports
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@$(RUN) -m mypy
	@$(RUN) -m pytest -q tests/test_layers.py

docs: $(READY)  ## write the pages that are made from the code
	@$(RUN) -m jupyter_condaenv.config > docs/configuration.md

bench: $(READY)  ## measure, and print what the bars are
	@$(RUN) -m benchmarks $(ARGS)

clean:  ## remove what these commands have made
	rm -rf $(VENV) .demo build dist .mypy_cache .pytest_cache .ruff_cache

# Made anew only when what is needed may have changed.
$(READY): pyproject.toml
	@command -v $(PYTHON) >/dev/null || { \
	  echo "There is no $(PYTHON). Name the Python to use: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
	  echo "$(PYTHON) is older than 3.10. Name a newer one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make virtual environments. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@echo "Installing what is needed into $(VENV): about a minute, once."
	@$(PYTHON) -m venv $(VENV)
	@$(RUN) -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@
