# Everyday commands. `make` alone lists them.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run test check format audit docs docs-check lock clean bench fuzz fuzz-decode chaos health-check \
	docker-health check-deploy sbom release

help:  ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/run.stamp  ## Set everything up and start the service with a demo session in it
	@exec $(BIN)/facepass demo --serve

test: $(VENV)/dev.stamp  ## Set everything up and run all tests, real PostgreSQL included
	$(BIN)/pytest $(SIDE_BY_SIDE) --cov --cov-report= --cov-fail-under=80 $(ARGS)
	$(BIN)/coverage report --include='*/domain/*,*/application/*' --fail-under=90

# Each process has servers of its own; the tests of a file stay together, as they share them.
SIDE_BY_SIDE ?= -n logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

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

health-check:  ## Ask a running service how it is: make health-check URL=http://127.0.0.1:8000
	@scripts/health_check.sh $(URL)

docker-health:  ## Ask the containers of the compose project how they are
	@scripts/docker_health_check.sh

URL ?= http://127.0.0.1:8000

docs: $(VENV)/dev.stamp  ## Write what is generated: references in docs/, dashboards, manifests
	$(BIN)/python -m facepass.entrypoints.reference > docs/configuration.md
	$(BIN)/python -m facepass.entrypoints.reference metrics > docs/metrics.md
	cd $$(mktemp -d) && env -i $(CURDIR)/$(BIN)/facepass openapi > $(CURDIR)/docs/openapi.json
	$(BIN)/python -m facepass.entrypoints.api_reference docs/openapi.json > docs/api.md
	$(BIN)/python deploy/grafana/source/write_dashboards.py
	$(BIN)/python deploy/kubernetes/render.py

docs-check: $(VENV)/dev.stamp  ## Build the documents, follow their links, run their commands against a real service
	$(BIN)/python scripts/docs_check.py

fuzz: $(VENV)/dev.stamp  ## Fuzz the API of a running service by its own document, 200 examples an operation
	$(BIN)/python -m tests.fuzz.api --examples 200

bench: $(VENV)/dev.stamp  ## Measure: models, event loop, database, search, isolation, access, jobs, overload, restarts, telemetry
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
	$(BIN)/python benchmarks/telemetry.py
	$(BIN)/python benchmarks/watching.py

chaos: $(VENV)/dev.stamp  ## Take PostgreSQL, S3 and Redis away under traffic; kill processes in a job, an import, a re-embedding
	$(BIN)/python -m tests.chaos
	$(BIN)/python -m tests.kills
	CHAOS_KILLS=20 $(BIN)/pytest tests/integration/chaos

fuzz-decode: $(VENV)/dev.stamp  ## Search for pictures that break the decoder, SECONDS_TO_FUZZ long
	$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r requirements/fuzz.txt
	$(BIN)/python -m tests.fuzz.fuzz_decode --seconds $(SECONDS_TO_FUZZ)

SECONDS_TO_FUZZ ?= 1800

check-deploy: $(VENV)/dev.stamp $(VENV)-deploy/stamp  ## Check the chart and its manifests, by checkov too, in an environment of its own
	CHECKOV=$(CURDIR)/$(VENV)-deploy/bin/checkov $(BIN)/pytest tests/integration/kubernetes

sbom: $(VENV)/dev.stamp  ## Write dist/facepass.cdx.json: all that an installation consists of (CycloneDX)
	$(BIN)/python scripts/sbom.py --output dist/facepass.cdx.json

release: $(VENV)/dev.stamp  ## Prepare a release: make release VERSION=1.2.3
	@test -n "$(VERSION)" || { echo "Say which: make release VERSION=1.2.3" >&2; exit 1; }
	$(BIN)/python scripts/prepare_release.py $(VERSION)
	rm -rf dist
	$(BIN)/python -m hatchling build -d dist
	$(BIN)/python scripts/sbom.py --output dist/facepass.cdx.json
	$(BIN)/python scripts/release_notes.py $(VERSION) > dist/release-notes.md
	@ls -1 dist

lock: $(VENV)/dev.stamp  ## Pin what pyproject.toml asks for, with hashes
	$(BIN)/python -m pip install -q uv
	$(BIN)/uv pip compile -q pyproject.toml --extra demo --group build $(LOCK) -o requirements/run.txt
	$(BIN)/uv pip compile -q pyproject.toml --extra demo --extra plots --group dev -c requirements/run.txt $(LOCK) -o requirements/dev.txt
	$(BIN)/uv pip compile -q --group fuzz $(LOCK) -o requirements/fuzz.txt
	$(BIN)/uv pip compile -q --group deploy $(LOCK) -o requirements/deploy.txt

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

$(VENV)-deploy/stamp: requirements/deploy.txt | $(BIN)/python
	@$(BIN)/python -m venv $(VENV)-deploy
	@$(VENV)-deploy/bin/python -m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r requirements/deploy.txt
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt pyproject.toml | $(BIN)/python
	@echo "Installing packages (a minute or two the first time)…"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r requirements/dev.txt
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/run.stamp
