# Everyday commands. `make` alone lists them.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run test check format audit docs lock clean bench fuzz fuzz-decode chaos

help:  ## List the commands
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

run: $(VENV)/run.stamp  ## Set everything up and start the service with a demo session in it
	@exec $(BIN)/facepass demo --serve

test: $(VENV)/dev.stamp  ## Set everything up and run all tests, real PostgreSQL included
	$(BIN)/pytest --cov --cov-report= --cov-fail-under=80 $(ARGS)
	$(BIN)/coverage report --include='*/domain/*,*/application/*' --fail-under=90

check: $(VENV)/dev.stamp  ## Format, lint, types, import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/bandit -q -c pyproject.toml -r src
	$(BIN)/mypy
	$(BIN)/basedpyright
	$(BIN)/lint-imports

format: $(VENV)/dev.stamp  ## Format and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

audit: $(VENV)/dev.stamp  ## Scan our own code, and ask for known vulnerabilities of all that is pinned
	$(BIN)/ruff check --select S .
	$(BIN)/bandit -q -c pyproject.toml -r src
	$(BIN)/python scripts/audit.py requirements/run.txt

docs: $(VENV)/dev.stamp  ## Write docs/configuration.md and docs/openapi.json from the code
	$(BIN)/python -m facepass.entrypoints.reference > docs/configuration.md
	cd $$(mktemp -d) && env -i $(CURDIR)/$(BIN)/facepass openapi > $(CURDIR)/docs/openapi.json

fuzz: $(VENV)/dev.stamp  ## Fuzz the API of a running service by its own document, 200 examples an operation
	$(BIN)/python -m tests.fuzz.api --examples 200

bench: $(VENV)/dev.stamp  ## Measure: models, event loop, database, search, isolation, access, jobs, overload, restarts
	$(BIN)/facepass bench models
	$(BIN)/python benchmarks/event_loop.py
	$(BIN)/python benchmarks/database.py
	$(BIN)/python benchmarks/search.py
	$(BIN)/python benchmarks/search.py --write
	$(BIN)/python benchmarks/isolation.py
	$(BIN)/python benchmarks/access.py
	$(BIN)/python benchmarks/rate_limit.py
	$(BIN)/python benchmarks/jobs.py
	$(BIN)/python benchmarks/jobs.py --scale --photos 1000
	$(BIN)/python benchmarks/overload.py
	$(BIN)/python benchmarks/rolling_restart.py

chaos: $(VENV)/dev.stamp  ## Take PostgreSQL, S3 and Redis away under traffic; kill processes in a job: ten minutes
	$(BIN)/python -m tests.chaos
	$(BIN)/python -m tests.kills

fuzz-decode: $(VENV)/dev.stamp  ## Search for pictures that break the decoder, SECONDS_TO_FUZZ long
	$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r requirements/fuzz.txt
	$(BIN)/python -m tests.fuzz.fuzz_decode --seconds $(SECONDS_TO_FUZZ)

SECONDS_TO_FUZZ ?= 1800

lock: $(VENV)/dev.stamp  ## Pin what pyproject.toml asks for, with hashes
	$(BIN)/python -m pip install -q uv
	$(BIN)/uv pip compile -q pyproject.toml --extra demo --group build $(LOCK) -o requirements/run.txt
	$(BIN)/uv pip compile -q pyproject.toml --extra demo --extra plots --group dev -c requirements/run.txt $(LOCK) -o requirements/dev.txt
	$(BIN)/uv pip compile -q --group fuzz $(LOCK) -o requirements/fuzz.txt

LOCK := --universal --python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url \
	--no-emit-find-links

clean:  ## Remove the environment; data under .facepass stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed: install it, or name it with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "$(PYTHON) is too old: Python 3.11 or newer is needed; name one with PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# The stamps stand for what is installed; dev.txt holds all that run.txt does. A lock file is complete, so pip is not to
# resolve anything itself: it would stumble over a newer release of a package that another one asks for with an extra.
$(VENV)/run.stamp: requirements/run.txt pyproject.toml | $(BIN)/python
	@echo "Installing packages (a minute the first time)…"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r requirements/run.txt
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt pyproject.toml | $(BIN)/python
	@echo "Installing packages (a minute or two the first time)…"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/run.stamp
