# Two commands do the main things: `make up` and `make test`. `make help` lists the others.
PYTHON ?= python3
STACK ?= local
SETUP := $(PYTHON) -m toolchain.setup
PULUMI := $(PYTHON) -m toolchain.stack
BIN := .venv/bin
# A stack that costs money shows what it would do and asks first.
ASK := $(if $(YES)$(filter local,$(STACK)),--yes --skip-preview)
.DEFAULT_GOAL := help
.PHONY: help setup up preview preflight rehearse refresh down outputs test test-fast lint format docs lock clean

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  Variables: STACK=$(STACK), PYTHON=$(PYTHON), PURGE=1 (down), DIFF=1 (preview every property),"
	@echo "  YES=1 (do not ask; other stacks than local do), AIDC_CACHE=folder of what is built"

setup: ## engine and Python environment; instant when they are there
	@$(SETUP)

up: setup ## bring the stack up: make what is new, start what is down, change what differs
	@$(PULUMI) up --stack $(STACK) $(ASK) --refresh --show-full-output

preview: setup ## what `make up` would change
	@$(PULUMI) preview --stack $(STACK) --refresh $(if $(DIFF)$(filter local,$(STACK)),--diff)

preflight: setup ## what a Google stack needs, before it is asked for: quota, zones, names, ranges, cost
	@$(BIN)/python -m infra.preflight --stack $(STACK)

rehearse: setup ## a Google stack's whole life over a simulated cloud: preview, up, refresh, import, destroy
	@$(BIN)/python -m rehearsal --stack $(STACK)

refresh: setup ## look at what is really there
	@$(PULUMI) refresh --stack $(STACK) $(ASK)

outputs: setup ## endpoints and accuracy, or how to connect and the estimated cost
	@$(PULUMI) stack output --stack $(STACK)

down: setup ## take the stack down; of the local one models and data stay, unless PURGE=1
	@AIDC_PURGE=$(PURGE) $(PULUMI) destroy --stack $(STACK) $(ASK)

test: setup ## every test that runs on one machine
	@$(BIN)/python -m pytest

test-fast: setup ## the tests that start no training and no engine
	@$(BIN)/python -m pytest tests/unit

lint: setup ## format, style, types, and which part may import which
	@$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/lint-imports

format: setup ## put the code in its format
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

docs: setup ## write the reference pages from the code
	@$(BIN)/python -m infra.settings.reference

lock: ## resolve pyproject.toml anew into toolchain/locks
	@$(PYTHON) -m toolchain.lock

clean: ## remove .venv; state and artefacts in .local stay
	@rm -rf .venv
