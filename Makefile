# Two commands do the main things: `make up` and `make test`. `make help` lists the others.
PYTHON ?= python3
STACK ?= local
SETUP := $(PYTHON) -m toolchain.setup
PULUMI := $(PYTHON) -m toolchain.stack
BIN := .venv/bin
.DEFAULT_GOAL := help
.PHONY: help setup up preview refresh down outputs test test-fast lint format docs lock clean

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  Variables: STACK=$(STACK), PYTHON=$(PYTHON), PURGE=1 (down), AIDC_CACHE=folder of what is built"

setup: ## engine and Python environment; instant when they are there
	@$(SETUP)

up: setup ## bring the stack up: train what is new, start what is down, change what differs
	@$(PULUMI) up --stack $(STACK) --yes --skip-preview --refresh --show-full-output

preview: setup ## what `make up` would change
	@$(PULUMI) preview --stack $(STACK) --diff --refresh

refresh: setup ## look at what is really there
	@$(PULUMI) refresh --stack $(STACK) --yes --skip-preview

outputs: setup ## endpoints, accuracy, the curl line
	@$(PULUMI) stack output --stack $(STACK)

down: setup ## stop the servers; models and data stay, unless PURGE=1
	@AIDC_PURGE=$(PURGE) $(PULUMI) destroy --stack $(STACK) --yes --skip-preview

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
