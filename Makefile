.DEFAULT_GOAL := help
SHELL := /bin/bash

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: help
help:  ## Show what can be made here
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

# --- set-up ---------------------------------------------------------------------------------------------------------

$(VENV)/.run-installed: locks/run.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Sitting needs Python 3.11 or newer, this is " + sys.version) if sys.version_info < (3, 11) else 0'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet --require-hashes -r locks/run.txt
	$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev-installed: locks/dev.txt $(VENV)/.run-installed
	$(PIP) install --quiet --require-hashes -r locks/dev.txt
	@touch $@

clients/js/node_modules/.installed: clients/js/package-lock.json | system-packages
	cd clients/js && npm ci --silent --no-audit --no-fund
	@touch $@

.PHONY: setup
setup: $(VENV)/.run-installed  ## Make .venv with what Sitting needs to run (both run and test use it)

.PHONY: system-packages
system-packages: $(VENV)/.dev-installed
	@./tests/support/system_packages.sh

.PHONY: setup-dev
setup-dev: $(VENV)/.dev-installed system-packages clients/js/node_modules/.installed  ## …and with what the tests need, browser and PostgreSQL included

.PHONY: lock
lock:  ## Look for newer versions and write the lock files (names, versions and hashes only)
	$(PYTHON) -m venv build/lock && build/lock/bin/pip install --quiet uv
	build/lock/bin/uv pip compile $(LOCK) pyproject.toml locks/build.in --extra pg --extra llm -o locks/run.txt
	build/lock/bin/uv pip compile $(LOCK) pyproject.toml locks/build.in --extra pg --extra llm --extra picows --group dev -c locks/run.txt -o locks/dev.txt
	cd clients/js && npm install --package-lock-only --omit-lockfile-registry-resolved
LOCK := --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-annotate

# --- running --------------------------------------------------------------------------------------------------------

.PHONY: run
run: setup  ## Serve the demo on http://127.0.0.1:8000 and print the links
	$(BIN)/sitting demo

# --- checking -------------------------------------------------------------------------------------------------------

.PHONY: format
format: $(VENV)/.dev-installed  ## Put the code into its one form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: check
check: $(VENV)/.dev-installed  ## Types, lint, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m tests.support.ruler

.PHONY: test
test: $(VENV)/.dev-installed  ## All tests: unit, property, integration on both databases, faults, browser
	$(MAKE) --no-print-directory --jobs=2 --output-sync=target setup-dev check
	$(BIN)/python -m tests.support.whole_run

.PHONY: test-quick
test-quick: $(VENV)/.dev-installed  ## The tests that need neither browser nor PostgreSQL
	$(BIN)/python -m pytest tests/unit tests/property tests/docs

.PHONY: fuzz
fuzz: setup-dev  ## Hostile frames and forged tokens at length, on both databases
	$(BIN)/python -m tests.support.fuzz_results $(FUZZ)

.PHONY: mutants
mutants: setup-dev  ## Plant every bug of tests/faults/planted, one at a time, and see its test fail (takes a while)
	$(BIN)/python -m tests.support.mutants

.PHONY: machine
machine: $(VENV)/.dev-installed  ## Answers, takeover and time against a bad network, for STEPS steps from SEED on: build/machine.txt
	$(BIN)/python -m tests.property.long_run --steps $(STEPS) --seed $(SEED) --file build/machine.txt
STEPS := 1000000
SEED := 1

.PHONY: power-cuts
power-cuts: setup-dev  ## Power cuts on both databases, CYCLES of each from SEED: build/power-cuts.json (needs root)
	$(BIN)/python -m tests.support.power_cut_results --cycles $(CYCLES) --seed $(SEED)
CYCLES := 20

.PHONY: bench
bench: setup-dev  ## What answers cost, against baselines in the same run; writes the tables of docs/performance.md
	for script in $(BENCHES); do $(BIN)/python -m bench.$$script || exit 1; done
	$(BIN)/python -m bench.tables
BENCHES := answers paced draw gates live_runs whole_candidates memory start_storm deadline_storm reconnect_storm candidate_hour

.PHONY: faults
faults: setup-dev  ## Nodes, database, disk and network fail under candidates at work, for MINUTES, from SEED on, on DATABASE (postgresql, sqlite)
	@command -v nft >/dev/null || apt-get install -qq -y --no-install-recommends nftables || echo "no nft here: the result names what could not be injected"
	$(BIN)/python -m tests.faults.nemesis.run --database $(DATABASE) --minutes $(MINUTES) --seed $(SEED) --publish
DATABASE := postgresql
MINUTES := 30

.PHONY: kill-runs
kill-runs: setup-dev  ## kill -9 at every node of the question graph, KILLS times from SEED on, on DATABASE: build/kill-runs-*.json
	$(BIN)/python -m tests.faults.kills.run --database $(DATABASE) --kills $(KILLS) --seed $(SEED) --publish
KILLS := 100

.PHONY: rolling
rolling: setup-dev  ## Three nodes restarted one after the other under CANDIDATES who answer: build/rolling.json
	$(BIN)/python -m tests.faults.nemesis.rolling --candidates $(CANDIDATES) --seed $(SEED) --publish
CANDIDATES := 1000

.PHONY: clean
clean:  ## Remove what was made here, but keep the demo's data
	rm -rf $(VENV) build dist clients/js/node_modules .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
