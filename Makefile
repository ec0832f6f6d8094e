# Two commands do the main things: `make up` and `make test`. `make help` lists the others.
PYTHON ?= python3
STACK ?= local
IMAGES ?= train-cpu serve
TAG ?= dev
SETUP := $(PYTHON) -m toolchain.setup
PULUMI := $(PYTHON) -m toolchain.stack
BIN := .venv/bin
# A stack that costs money shows what it would do and asks first.
ASK := $(if $(YES)$(filter local,$(STACK)),--yes --skip-preview)
.DEFAULT_GOAL := help
.PHONY: help setup up preview preflight rehearse audit refresh down outputs images cluster cluster-status \
  cluster-down cluster-programs cluster-load test test-fast test-kills test-cluster lint format docs lock clean

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  Variables: STACK=$(STACK), PYTHON=$(PYTHON), PURGE=1 (down), DIFF=1 (preview every property),"
	@echo "  YES=1 (do not ask; other stacks than local do), AIDC_CACHE=folder of what is built;"
	@echo "  of rehearse: FAULTS=what goes wrong, BASE=git revision to compare with, OUT=folder of the report;"
	@echo "  of cluster: NODES=how many simulated nodes to have beside the real one;"
	@echo "  of images: IMAGES=which ($(IMAGES)), TAG=their tag ($(TAG))"

setup: ## engine and Python environment; instant when they are there
	@$(SETUP)

up: setup ## bring the stack up: make what is new, start what is down, change what differs
	@$(PULUMI) up --stack $(STACK) $(ASK) --refresh --show-full-output

preview: setup ## what `make up` would change
	@$(PULUMI) preview --stack $(STACK) --refresh $(if $(DIFF)$(filter local,$(STACK)),--diff)

preflight: setup ## what a Google stack needs, before it is asked for: quota, zones, names, ranges, cost
	@$(BIN)/python -m infra.preflight --stack $(STACK)

rehearse: setup ## a Google stack's whole life over a simulated cloud, and a report; what goes wrong on demand
	@$(BIN)/python -m rehearsal --stack $(STACK) $(if $(FAULTS),--faults "$(FAULTS)") $(if $(BASE),--base "$(BASE)") \
	  $(if $(OUT),--out "$(OUT)")

audit: setup ## hold a state against the policies: FILE=what `pulumi stack export --file` wrote
	@$(BIN)/python -m policies audit $(FILE)

refresh: setup ## look at what is really there
	@$(PULUMI) refresh --stack $(STACK) $(ASK)

outputs: setup ## endpoints and accuracy, or how to connect and the estimated cost
	@$(PULUMI) stack output --stack $(STACK)

down: setup ## take the stack down; of the local one models and data stay, unless PURGE=1
	@AIDC_PURGE=$(PURGE) $(PULUMI) destroy --stack $(STACK) $(ASK)

images: setup ## the containers of the workloads, with docker, podman or buildah, as archives in .local/images
	@$(BIN)/python -m toolchain.images $(IMAGES) --tag $(TAG) --save .local/images

cluster: setup ## a Kubernetes node on this machine, of its own; kubectl's settings are in .local/cluster
	@$(BIN)/python -m toolchain.cluster up $(if $(NODES),--nodes $(NODES))

cluster-status: setup ## what of it runs
	@$(BIN)/python -m toolchain.cluster status

cluster-down: setup ## end it, and leave nothing of it
	@$(BIN)/python -m toolchain.cluster down

cluster-programs: setup ## build what a cluster, its controllers and its images are made of, ahead of their use
	@$(BIN)/python -m toolchain.cluster programs

cluster-load: images ## bring the images of the controllers and the workloads to it
	@$(BIN)/python -m toolchain.kubernetes.controllers load
	@for image in $(IMAGES); do $(BIN)/python -m toolchain.cluster load .local/images/$$image.tar || exit 1; done

test: setup ## every test that runs on one machine
	@$(BIN)/python -m pytest

test-kills: setup ## the engine killed at every operation of a stack, and brought up again
	@$(BIN)/python -m pytest -m every_kill

test-cluster: setup ## the tests on a real Kubernetes API server, which is built on first use
	@$(BIN)/python -m pytest -m cluster

test-fast: setup ## the tests that start no training and no engine
	@$(BIN)/python -m pytest tests/unit

lint: setup ## format, style, types, and which part may import which
	@$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/lint-imports

format: setup ## put the code in its format
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

docs: setup ## write the reference pages from the code
	@$(BIN)/python -m infra.settings.reference
	@$(BIN)/python -m policies docs

lock: ## resolve pyproject.toml anew into toolchain/locks
	@$(PYTHON) -m toolchain.lock

clean: ## remove .venv; state and artefacts in .local stay
	@rm -rf .venv
