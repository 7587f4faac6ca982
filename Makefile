# The front door. Every target depends on an installed .venv; each works as the first command.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export CHURN_HOME ?= $(CURDIR)/data
# tests of one file stay together, so that what they share is made once
# three on two cores: a test often waits, for a browser, a server or a process it has started;
# LightGBM's second thread would wait for a core as well, and its models are the same without
SIDE_BY_SIDE := -n 3 --dist loadfile --no-loadscope-reorder
PYTEST := OMP_THREAD_LIMIT=1 $(BIN)/pytest
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps

.DEFAULT_GOAL := help
.PHONY: help install install-sail install-spark demo app test test-slow test-long test-spark lint bench
.PHONY: docs sbom lock clean

help:  ## show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 14

install: $(VENV)/.base  ## make .venv with .venv/bin/churn

$(VENV)/.base: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "Python 3.11 or newer is needed; set PYTHON=/path/to/python3"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) --require-hashes -r requirements.txt
	$(PIP) --editable .
	@$(BIN)/python -c 'import lightgbm' || \
	    { echo "LightGBM needs the OpenMP runtime: apt-get install libgomp1"; exit 1; }
	@touch $@

$(VENV)/.dev: $(VENV)/.base requirements-dev.txt
	$(PIP) --require-hashes -r requirements-dev.txt
	@touch $@

install-sail: .venv-sail/.done  ## Sail in .venv-sail, for churn run --engine sail

install-spark: .venv-spark/.done  ## Spark in .venv-spark; it needs Java 17

.venv-%/.done: requirements-%.txt
	$(PYTHON) -m venv .venv-$*
	.venv-$*/bin/python -m pip install --quiet --disable-pip-version-check --no-deps \
	    --require-hashes -r $<
	@touch $@

demo: install  ## demo data, everything, published; then what to look at
	$(BIN)/churn demo

app: install  ## API and viewer together, on the demo if there is nothing else
	@test -e $(CHURN_HOME)/published/current.duckdb || $(BIN)/churn demo
	$(BIN)/churn app

test: $(VENV)/.dev lint  ## lint, types and the fast tests
	$(PYTEST) $(SIDE_BY_SIDE) -m "not slow and not long"

test-slow: $(VENV)/.dev  ## the tests that take minutes
	$(PYTEST) $(SIDE_BY_SIDE) -m "slow and not long" --durations 15

test-spark: $(VENV)/.dev install-spark  ## the same rows on Spark; run by hand
	CHURN_NEEDS_SPARK=1 $(BIN)/pytest tests/python/engines/test_spark.py --durations 5

test-long: $(VENV)/.dev  ## what is run by hand: every seed, size and kill
	$(PYTEST) $(SIDE_BY_SIDE) -m long --durations 15

lint: $(VENV)/.dev  ## ruff, mypy, layers, sqlfluff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sqlfluff lint models tests/assertions --processes 2
	$(BIN)/python tests/lint_macros.py

bench: $(VENV)/.dev  ## ratios measured in one run on generated files
	$(BIN)/python -m benchmarks

docs: $(VENV)/.dev  ## guide, dictionary, notebooks and dbt's pages as a site under target/docs
	$(BIN)/churn docs

sbom: $(VENV)/.dev  ## what the platform is made of under target/supply: parts, licences, known faults
	mkdir -p target/supply
	$(BIN)/cyclonedx-py requirements --output-format JSON --output-reproducible \
	    --pyproject pyproject.toml --output-file target/supply/locked.cdx.json requirements.txt
	$(BIN)/cyclonedx-py environment --output-format JSON --output-reproducible \
	    --pyproject pyproject.toml --output-file target/supply/installed.cdx.json $(BIN)/python
	$(BIN)/pip-licenses --python $(BIN)/python --from mixed --with-urls --format markdown \
	    --output-file target/supply/licences.md
	@$(BIN)/pip-audit --requirement requirements.txt --require-hashes --disable-pip --strict \
	    > target/supply/advisories.txt 2>&1 \
	    && echo "No known fault in what is locked" \
	    || { tail -n 3 target/supply/advisories.txt; \
	    echo "Faults, or no advisory database in reach: see target/supply/advisories.txt"; }

LOCK := uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
    --no-emit-index-url --no-header --quiet
lock:  ## write both lock files again; needs uv
	$(LOCK) --extra dev --upgrade --output-file requirements-dev.txt
	$(LOCK) --constraint requirements-dev.txt --output-file requirements.txt
	for engine in sail spark; do \
	    $(PYTHON) -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['optional-dependencies']['$$engine'], sep='\n')" | \
	    $(patsubst pyproject.toml,-,$(LOCK)) --output-file requirements-$$engine.txt; done

clean:  ## remove the environment; data stay
	rm -rf $(VENV) build *.egg-info
