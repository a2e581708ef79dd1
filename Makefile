# One command each: `make demo`, `make test`. Both set up their own virtual environment first.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
SPEED  ?=
READY  := $(VENV)/.ready

.PHONY: demo test lint types check record stack soak docs screenshot clean
.DEFAULT_GOAL := help

help: ## what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## */  make \1|/' | column -t -s'|'

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "watchroom needs Python 3.11 or newer: make PYTHON=python3.11 $(MAKECMDGOALS)" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	@touch $@

demo: $(READY) ## the recorded sample, replayed as live traffic (SPEED=20 for faster)
	@$(BIN)/watchroom demo $(if $(SPEED),--speed $(SPEED))

test: $(READY) ## every test that needs no server
	$(BIN)/pytest -n auto --dist worksteal

lint: $(READY) ## ruff and the import contracts
	$(BIN)/ruff check .
	$(BIN)/lint-imports

types: $(READY) ## mypy, strict
	$(BIN)/mypy

check: lint types test ## all that a change must pass

stack: $(READY) ## tests against real PostgreSQL, nginx and Redis
	$(BIN)/pytest -m stack -p no:cacheprovider tests/stack

soak: $(READY) ## the long runs
	$(BIN)/pytest -m soak

record: ## record sample_data/recording anew from real servers
	$(PYTHON) -m venv .venv-record
	.venv-record/bin/pip install --quiet -r sample_data/requirements-record.txt
	.venv-record/bin/python sample_data/record.py

docs: $(READY) ## the pages that are made from the code
	$(BIN)/python scripts/generate_docs.py

screenshot: $(READY) ## docs/screenshot.svg anew: the recorded sample as it happened, up to five minutes
	$(BIN)/python scripts/screenshot.py

clean: ## remove what was built
	rm -rf $(VENV) .venv-record build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
