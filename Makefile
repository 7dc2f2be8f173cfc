# Concord: `make run` and `make test` need Python 3.11+, make and git, and set up the rest themselves.
.DEFAULT_GOAL := help
SHELL := /bin/bash

PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	&& { command -v $$p; break; }; done)
BIN := .venv/bin
# The stamp carries the sum of the lock: another lock (a pull, another branch) installs anew.
STAMP := .venv/installed-$(shell cksum < requirements.lock | cut -d ' ' -f 1)
# Older clients that only tests use, in a folder that is on nobody's path.
CLIENTS := .venv/clients/installed-$(shell cksum < tests/clients.lock | cut -d ' ' -f 1)

# Tests side by side: most of their time is spent in other processes that use one core each.
TEST_PROCESSES ?= 2

# The linter compiles SQL through dbt: it needs a database to name, but none to read.
SQLFLUFF := CONCORD_BUILD_FILE=:memory: CONCORD_SEED_PATH=seeds CONCORD_TARGET=duckdb \
	DBT_TARGET_PATH=.concord/lint DBT_LOG_PATH=.concord/lint $(BIN)/sqlfluff

# Settings may be given as make variables too (`make run CONCORD_EXTRACTS=/data/extracts`): make
# hands variables of its command line on by itself. An `export` here would hand on empty ones.
export DAGSTER_HOME := $(CURDIR)/.concord/dagster
export DAGSTER_TELEMETRY_ENABLED := false
export DO_NOT_TRACK := 1

.PHONY: help setup run init replay explain dev dashboard definitions-check definitions-propose definitions-sign \
	definitions-export definitions-import test test-fast test-matrix lint format bench clean

help:
	@printf '%s\n' \
	  'make run    the main job: land, check, build, publish; ends with a summary' \
	  'make init   the first day of a company: looks at its extracts and writes its agreed tables' \
	  'make definitions-check, -propose, -sign, -export, -import   how people own these tables:' \
	  '            see docs/owning-definitions.md' \
	  'make test   the tests (make test-fast leaves out the slow ones; make test-matrix: many' \
	  '            orders of delivery and kills of the whole job)' \
	  'make replay VERSION=…  what a definition version, signed or proposed, would have changed' \
	  'make explain METRIC=… MONTH=…  the passport of a figure, tied out against plain SQL' \
	  'make dev    the Dagster web UI on this machine, with schedules and sensors' \
  'make dashboard  serve the dashboard to those who may open it' \
	  'make lint   ruff, sqlfluff, import contracts' \
	  'make bench  what the main job costs, beside its physical limits' \
	  'make clean  remove the scratch folders; warehouses stay'

setup: $(STAMP)

$(STAMP): requirements.lock
	@test -n "$(PYTHON)" || { echo 'Concord needs Python 3.11 or newer on the path.' >&2; exit 1; }
	@echo 'Setting up: .venv from requirements.lock (once for each lock)'
	@test -x $(BIN)/python || "$(PYTHON)" -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input --no-deps \
		--require-hashes --compile -r requirements.lock
	@$(BIN)/python -m pip check >/dev/null
	@$(BIN)/python -m compileall -q orchestration expectations sample dashboard
	@rm -f .venv/installed-* && touch $@

# Where they cannot be had, the tests that need them are skipped and say so; the next call tries again.
$(CLIENTS): tests/clients.lock $(STAMP)
	@rm -rf $(@D)
	@if $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input --no-deps --require-hashes \
		--only-binary :all: --retries 1 --timeout 15 --target $(@D) -r tests/clients.lock; \
	then touch $@; \
	else rm -rf $(@D); echo 'The clients of tests/clients.lock could not be installed: tests with them are skipped.' >&2; fi

run: $(STAMP)
	@$(BIN)/python -m orchestration run

init: $(STAMP)
	@$(BIN)/python -m orchestration.owning init

# VERSION=, TEAM=, BY=, FILE=, … of the command line are handed on in the environment.
definitions-check definitions-propose definitions-sign definitions-export definitions-import: $(STAMP)
	@$(BIN)/python -m orchestration.owning $(@:definitions-%=%)

replay: $(STAMP)
	@$(BIN)/python -m orchestration replay "$$VERSION"

explain: $(STAMP)
	@$(BIN)/python -m orchestration explain "$$METRIC" "$$MONTH"

dev: $(STAMP)
	@$(BIN)/python -m orchestration dev

dashboard: $(STAMP)
	@$(BIN)/python -m dashboard serve

test: $(STAMP) $(CLIENTS)
	@$(BIN)/python -m pytest -q -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder \
		-m 'not matrix'

test-fast: $(STAMP)
	@$(BIN)/python -m pytest -q -m 'not slow'

test-matrix: $(STAMP)
	@$(BIN)/python -m pytest -v -m matrix --durations=0 -o log_cli=true -o log_cli_level=INFO

lint: $(STAMP)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports
	@$(SQLFLUFF) lint --processes 2 models macros tests/dbt

format: $(STAMP)
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .
	@$(SQLFLUFF) fix --processes 2 models macros tests/dbt

bench: $(STAMP)
	@$(BIN)/python -m benchmarks

clean:
	@rm -rf .concord target logs .pytest_cache .ruff_cache .import_linter_cache .hypothesis
