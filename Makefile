# make run · make test · make check · make help
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.ONESHELL:

PYTHON ?= python3
RUNTIME ?= cpu
VENV := .venv
BIN := $(VENV)/bin
# The stamp's name holds everything that shapes the environment, so a changed pin installs again
# and a set-up that broke half-way has no stamp and is done again.
STAMP := $(VENV)/.installed-$(RUNTIME)-$(shell cat pyproject.toml constraints.txt infra/install.sh infra/current_folder.py 2>/dev/null | sha256sum | cut -c1-16)

export DO_NOT_TRACK := 1
export MLFLOW_DISABLE_TELEMETRY := true
export DVC_NO_ANALYTICS := true
export PREFECT_SERVER_ANALYTICS_ENABLED := false
export HF_HUB_DISABLE_TELEMETRY := 1
export ORT_DISABLE_TELEMETRY := 1

$(STAMP): pyproject.toml constraints.txt infra/install.sh infra/current_folder.py
	PYTHON="$(PYTHON)" RUNTIME="$(RUNTIME)" VENV="$(VENV)" bash infra/install.sh
	touch "$@"

setup:  ## make .venv with the locked dependencies (RUNTIME=cpu or gpu), or mend it
	@echo "Does $(VENV) work? Whatever is missing is installed." >&2
	VENV="$(VENV)" bash infra/install.sh --check 2>/dev/null || rm -f "$(STAMP)"
	$(MAKE) --no-print-directory "$(STAMP)"

run: $(STAMP)  ## raw images in, a judged and registered ONNX model out
	@$(BIN)/python -P -m flows.train

example: $(STAMP)  ## run an example in a workspace of its own: make example NAME=spam
	@$(BIN)/python -P -m examples "$(NAME)"

test: $(STAMP)  ## the tests, without those that take minutes (faults, platform, drift)
	$(BIN)/python -P -m pytest -n auto --dist loadfile --no-loadscope-reorder

faults: $(STAMP)  ## the tests that take minutes: whole lines killed in every stage, damaged or starved, plug-ins in the flow, further backbones
	$(BIN)/python -P -m pytest -n auto --dist loadfile -m faults

drift: $(STAMP)  ## false alarms and power of monitoring, on the demo's data and release (minutes; after make run)
	$(BIN)/python -P -m pytest -m drift

check: $(STAMP)  ## ruff, mypy --strict, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

up: $(STAMP)  ## PostgreSQL, MLflow, Prefect and a worker on this machine (loopback only), or mend them
	@$(BIN)/python -P -m infra.servers up

down: $(STAMP)  ## stop them, and what the worker runs
	@$(BIN)/python -P -m infra.servers down

status: $(STAMP)  ## state, address, health, since when, log file of each server
	@$(BIN)/python -P -m infra.servers status

backup: $(STAMP)  ## databases, artefacts, ledger, locks: make backup TO=FOLDER
	@$(BIN)/python -P -m infra.servers backup "$(TO)"

restore: $(STAMP)  ## make restore FROM=FOLDER/graftline-DATE; FORCE=yes sets aside what is there
	@$(BIN)/python -P -m infra.servers restore "$(FROM)" $(if $(filter yes,$(FORCE)),--force)

deploy: $(STAMP)  ## schedules, work pools and automations of prefect.yaml on the servers of `make up`
	@$(BIN)/python -P -m flows.deploy

platform: $(STAMP)  ## the tests that start all servers, wait for a schedule, kill, back up and restore (minutes)
	$(BIN)/python -P -m pytest -m platform

infra/.env:  # passwords for infra/compose.yaml: made once
	@umask 077
	for name in POSTGRES MLFLOW PREFECT S3; do echo "$${name}_PASSWORD=$$($(PYTHON) -c 'import secrets; print(secrets.token_urlsafe(32))')"; done > $@.part
	echo "MLFLOW_KEY=$$($(PYTHON) -c 'import secrets; print(secrets.token_urlsafe(32))')" >> $@.part
	mv $@.part $@

mlflow: $(STAMP)  ## open the runs and the registered models in a browser (loopback only)
	$(BIN)/python -P -m components mlflow

benchmark-methods: $(STAMP)  ## the transfer methods on pairs of real data, resumable (hours)
	$(BIN)/python -P -m benchmarks methods

benchmark: $(STAMP)  ## what we claim, measured on this machine (about an hour on 2 cores)
	$(BIN)/python -P -m pip install --quiet --disable-pip-version-check -c constraints.txt "transformers>=5.23,<6" "accelerate>=1.15,<2"
	$(BIN)/python -P -m benchmarks

gc: $(STAMP)  ## free caches and versions that nothing needs (OPTIONS=--dry-run: only show them)
	@$(BIN)/python -P -m components gc $(OPTIONS)

clean:  ## remove the environment and all local state; data/source.lock and dvc.lock stay
	[ ! -d .graftline/servers ] || $(BIN)/python -P -m infra.servers down
	rm -rf $(VENV) .graftline dataset checkpoint adapted features head source tuned controls selected release evaluation verdict.json

help:
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/make \1\t\2/' | column -t -s "$$(printf '\t')"

.PHONY: setup run example test faults drift check up down status backup restore deploy platform mlflow benchmark benchmark-methods gc clean help
