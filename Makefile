# Two commands to know: `make demo` and `make test`. Each sets up what it needs first.
SHELL := /bin/bash
VENV := .venv
PYTHON ?= python3
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help setup system demo test bench lint release screenshots clean

help:  ## list the commands
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## */  make \1\t/' | expand -t 20

setup: $(STAMP) system  ## virtual environment, pinned packages, system packages

$(STAMP): pyproject.toml constraints.txt
	@echo "Setting up $(VENV) (two to five minutes the first time) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[pdf,cluster,test]'
	@install -D -m 644 jupyter-config/jupyter_server_config.d/course_utils.json $(VENV)/etc/jupyter/jupyter_server_config.d/course_utils.json
	@touch $@

system: $(STAMP)
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m course_utils.command.system_packages $(SYSTEM)

demo: setup  ## a made-up class goes through the whole cycle
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/course demo

test: SYSTEM = tests
test: setup  ## everything CI runs: lint, tests, doctests, every notebook
	@$(BIN)/ruff check --quiet . && $(BIN)/ruff format --check --quiet .
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest $(PYTEST_ARGS)

bench: setup  ## the speed and memory figures of docs/benchmarks.md
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m benchmarks

lint: setup  ## format and check the code
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

release: setup  ## write release/ from source/
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/course release --all --no-zip --quick

screenshots: setup  ## the pictures of README and docs
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python docs/screenshots.py

clean:  ## remove what the commands made, student data excepted
	rm -rf demo build .pytest_cache .ruff_cache .hypothesis
