# `make` lists the targets. Times are for two cores, after `make setup`.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
# Nothing of the caller's environment may steer a run: neither another cloud nor another Ansible configuration.
CLEAN := env -u AWS_PROFILE -u AWS_ENDPOINT_URL -u AWS_URL -u AWS_ACCESS_KEY_ID -u AWS_SECRET_ACCESS_KEY -u AWS_SESSION_TOKEN \
	-u ANSIBLE_CONFIG -u ANSIBLE_COLLECTIONS_PATH -u PYTHONPATH LC_ALL=C.UTF-8 ANSIBLE_HOME=$(CURDIR)/.cache/ansible \
	PATH="$(CURDIR)/$(BIN):$$PATH"
.DEFAULT_GOAL := help
.PHONY: help setup demo test lint types sanity unit simulate mutants bench integration molecule matrix docs package lab-aws lab-down clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /\1\t/' | awk -F'\t' '{printf "  make %-13s %s\n", $$1, $$2}'

setup: .venv/.ready ## virtual environment with pinned versions (1-2 min, 900 MB)

.venv/.ready: requirements.txt requirements-dev.txt tools/check_machine.py
	@$(PYTHON) tools/check_machine.py
	@echo "Installing the pinned packages of requirements-dev.txt into .venv (about 900 MB, 1-2 min) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

demo: setup ## a model goes live on an embedded AWS: one good release, two bad ones (2 min)
	@exec $(CLEAN) $(BIN)/python tools/demo.py

test: setup ## everything CI runs (15-20 min)
	@exec $(CLEAN) $(BIN)/python tools/test.py

lint: setup ## ruff, ansible-lint in the production profile (1 min)
	@$(CLEAN) $(BIN)/python tools/test.py ruff ansible-lint

types: setup ## mypy --strict (20 s)
	@$(CLEAN) $(BIN)/python tools/test.py mypy

sanity: setup ## ansible-test sanity on a staged copy (1-2 min)
	@$(CLEAN) $(BIN)/python tools/test.py sanity

unit: setup ## unit tests and the engine's simulation (2 min)
	@$(CLEAN) $(BIN)/python tools/test.py unit simulation

simulate: setup ## the engine over a simulated cloud (PLATFORM=ecs|asg SEEDS=100000 FIRST=0 JOBS=2)
	@$(CLEAN) $(BIN)/python -m tests.simulation --platform $(or $(PLATFORM),ecs) --seeds $(or $(SEEDS),100000) --first $(or $(FIRST),0) --jobs $(or $(JOBS),2)

mutants: setup ## seeded bugs of the engine, each of which the simulation must find
	@$(CLEAN) $(BIN)/python -m tests.simulation.mutants

bench: setup ## how fast the simulation and the engine are, and what a worker takes (1 min; no part of make test)
	@$(CLEAN) $(BIN)/python -m tests.bench

integration: setup ## modules, roles and failures against the lab (6 min)
	@$(CLEAN) $(BIN)/python tools/test.py integration

molecule: setup ## the roles: converge, idempotence, check, verify, absent (3 min)
	@$(CLEAN) $(BIN)/python tools/test.py molecule

matrix: setup ## the live matrix: PLATFORM=ecs|asg [CELL=name] [FEW=1] (51 + 20 cells, 45 + 35 min; goes on where it was)
	@exec $(CLEAN) $(BIN)/python -m tests.matrix --platform $(or $(PLATFORM),ecs) $(if $(CELL),--cell $(CELL)) $(if $(FEW),--few)

docs: setup ## documentation and changelog (30 s)
	@$(CLEAN) $(BIN)/python tools/test.py docs changelog

package: setup ## build the artifact and run the Galaxy importer on it (1 min)
	@$(CLEAN) $(BIN)/python tools/test.py package

lab-aws: setup ## start the embedded AWS in the background (PORT=0 SCALE=0.1 SEED=1; 5 s)
	@$(CLEAN) $(BIN)/python -m tests.lab.aws up --port $(or $(PORT),0) --scale $(or $(SCALE),0.1) --seed $(or $(SEED),1)

lab-down: ## stop it, with every process that it started
	@test ! -x $(BIN)/python || $(CLEAN) $(BIN)/python -m tests.lab.aws down

clean: lab-down ## remove what the targets above made, but for .venv
	@rm -rf build .cache .lab .mypy_cache .ruff_cache .pytest_cache .hypothesis .ansible tests/output
