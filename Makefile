# `make` lists what there is to do. Works from any folder: `make -C path/to/clone run`, `make -f path/to/Makefile run`.

# The folder of this file; the shell finds it because make's own functions stop at a blank in a path.
ROOT := $(shell cd "$$(dirname "$$(printf '%s' '$(MAKEFILE_LIST)' | sed 's/^ *//')")" && pwd -P)
BIN = "$(ROOT)/.venv/bin"
PORT ?= 8000
PLAYERS ?= 1000000
ONLY ?=
TESTS ?=
export PYTHON

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup run stop test lint types contracts migrations-check pytest test-long format migrations bench clean

# $(call stage,NAME,COMMAND): say what runs, and at the end which stage failed.
stage = @cd "$(ROOT)" && echo '==> $(1)' && { $(2); } || { echo '==> failed: $(1)'; exit 1; }

help: ## List the targets
	@printf 'Usage: make TARGET\n\n'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' "$(ROOT)/Makefile" | awk -F'|' '{ printf "%-20s %s\n", $$1, $$2 }'

setup: ## Make .venv and install the pinned packages (PYTHON=… names another Python)
	@"$(ROOT)/.ci/setup"

run: setup ## Start everything: servers, sample data, one night, admin, worker and beat (PORT=8000)
	@cd "$(ROOT)" && exec $(BIN)/python manage.py start --port $(PORT)

stop: ## Stop what runs from this clone
	@cd "$(ROOT)" && if [ -x .venv/bin/python ]; then $(BIN)/python manage.py stop; fi

test: lint types contracts migrations-check pytest ## Lint, types, import contracts, migrations check, tests

lint: setup ## Check style and formatting
	$(call stage,lint,$(BIN)/ruff check --quiet && $(BIN)/ruff format --check --quiet)

types: setup ## Check the types
	$(call stage,types,$(BIN)/mypy)

contracts: setup ## Check that apps import downwards only
	$(call stage,contracts,$(BIN)/lint-imports --no-logo)

migrations-check: setup ## Check that no migration is missing
	$(call stage,migrations check,$(BIN)/python manage.py makemigrations --check --dry-run)

# In the order that conftest.py gives: by their number of tests the longest files, which have few, would come last.
pytest: setup ## Run the tests alone (TESTS='players -k import' for some of them)
	$(call stage,tests,$(BIN)/pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder $(TESTS))

test-long: setup ## Run the tests that take minutes, which `make test` leaves out
	$(call stage,long tests,$(BIN)/pytest -m long $(TESTS))

format: setup ## Format the code and mend what the linter can mend
	@cd "$(ROOT)" && $(BIN)/ruff check --fix --quiet; $(BIN)/ruff format

migrations: setup ## Write the migrations that the models need
	@cd "$(ROOT)" && $(BIN)/python manage.py makemigrations

bench: setup ## Measure speed and memory, write bench/results.md (PLAYERS=1000000; ONLY=night,floors writes nothing)
	@cd "$(ROOT)" && exec $(BIN)/python -m bench --players $(PLAYERS) $(if $(ONLY),--only $(ONLY),--results bench/results.md)

clean: stop ## Remove .venv, the embedded servers' data and all caches
	@cd "$(ROOT)" && if [ -x .venv/bin/python ]; then $(BIN)/python -m loyalty.embedded remove; fi
	@cd "$(ROOT)" && rm -rf .venv var .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@cd "$(ROOT)" && find . -name __pycache__ -prune -exec rm -rf {} +
