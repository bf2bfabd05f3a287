# Every command sets up what it needs. `make help` lists them.
STACK ?= local
OUT ?= out/$(STACK)
PYTHON ?= python3
RUN := .venv/bin/python
AGREED := $(if $(filter 1,$(YES)),--yes)

.DEFAULT_GOAL := help
.PHONY: help up preview destroy down status validate drill render topology test test-unit test-slow check lint bench schema lock

help: ## What there is
	@grep -hE '^[a-z-]+:.*##' Makefile | sed -E 's/^([a-z-]+):[^#]*## /  make \1\t/' | expand -t 20

.venv/.done: requirements-dev.txt
	@$(PYTHON) -m local.packages venv $(AGREED)
	@echo "installing Python packages into .venv (a minute or two, once) …"
	@$(PYTHON) -m venv .venv
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

up: .venv/.done ## Deploy: STACK=local (default) on this machine, any other with the pulumi CLI (YES=1: install and download without asking)
	@$(RUN) -m local up --stack $(STACK) $(AGREED)

preview: .venv/.done ## Show what `make up` would change (OFFLINE=1: the stack's resources, without credentials or a cluster)
	@$(RUN) -m local preview --stack $(STACK) $(if $(OFFLINE),--offline)

destroy: .venv/.done ## Delete what `make up` deployed, except retained volumes, namespaces and buckets
	@$(RUN) -m local destroy --stack $(STACK)

down: .venv/.done ## Stop everything that `make up` started on this machine, and delete its data
	@$(RUN) -m local down

status: .venv/.done ## Show what runs on this machine
	@$(RUN) -m local status

validate: .venv/.done ## Prove on what runs, disturbing nothing: isolation, snapshots, sidecars, SOP and HR flow (COMPANIES="a b")
	@$(RUN) -m ops validate --stack $(STACK) $(if $(COMPANIES),--companies $(COMPANIES))

drill: .venv/.done ## Take REGION down, watch it fail over, bring it back (WAY=scale|node|zone|network|gray|all)
	@$(RUN) -m ops drill --stack $(STACK) --region $(REGION) $(if $(WAY),--way $(WAY))

render: .venv/.done ## Write the resources of STACK to OUT, without touching anything
	@$(RUN) -m ops render --config Pulumi.$(STACK).yaml --out $(OUT)

topology: .venv/.done ## Draw STACK: topology/STACK.svg and .html
	@$(RUN) -m ops topology --stack $(STACK)

test: lint ## Format, lint, types and all tests but the slow ones
	@$(RUN) -m tests

test-slow: .venv/.done ## Tests that take minutes each: drills with every fault, MCP, Global Accelerator, kills, failovers, scanners, external-dns
	@$(RUN) -m tests slow

test-unit: .venv/.done ## The unit tests: those that start no process and need no network
	@$(RUN) -m tests unit

check: lint ## Format, lint and types alone
	@$(RUN) -m mypy

lint: .venv/.done
	@$(RUN) -m ruff format --check --quiet . || { echo "run: .venv/bin/ruff format ." >&2; exit 1; }
	@$(RUN) -m ruff check --quiet .

bench: .venv/.done ## The figures, measured side by side in one run
	@$(RUN) -m bench

schema: .venv/.done ## Write schema/stack.schema.json anew from the settings
	@$(RUN) -m settings.schema

lock: .venv/.done ## Pin every version in requirements*.in anew, with hashes
	@$(RUN) -m pip install --quiet uv
	@.venv/bin/uv pip compile --quiet --custom-compile-command "make lock" --generate-hashes --no-emit-index-url --no-emit-find-links --universal --python-version 3.11 requirements.in -o requirements.txt
	@.venv/bin/uv pip compile --quiet --custom-compile-command "make lock" --generate-hashes --no-emit-index-url --no-emit-find-links --universal --python-version 3.11 requirements-dev.in -o requirements-dev.txt
	@.venv/bin/uv pip compile --quiet --custom-compile-command "make lock" --generate-hashes --no-emit-index-url --no-emit-find-links --universal --python-version 3.11 -c requirements-dev.txt local/reference_app/requirements.in -o local/reference_app/requirements.txt
	@.venv/bin/uv pip compile --quiet --custom-compile-command "make lock" --generate-hashes --no-emit-index-url --no-emit-find-links --universal --python-version 3.11 tests/scanners/requirements.in -o tests/scanners/requirements.txt
