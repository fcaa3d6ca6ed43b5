# Every target sets up what it needs. Only Python 3.11 or newer, make and a package index are taken for granted.
# `make help` lists the targets.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
LOCK_DIR := .cache/lock
SOURCES := spec proofs reference tests
PYTEST_OPTIONS ?=
RUNS ?= 10000000

.DEFAULT_GOAL := help
.PHONY: help setup verify verify-deep test lint docs bench fuzz lock clean python-is-new-enough

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## create the virtual environment (the other targets do it when they need it)

verify: $(READY) ## prove the theorems, search the small scopes, replay the attacks, run the demo
	$(BIN)/python -m boltproofs.main_job

verify-deep: $(READY) ## search the larger scenarios of all families (an hour at most; goes on where it was interrupted)
	$(BIN)/python -m boltproofs.deep_job

replay: $(READY) ## replay 10,000 traces on Bitcoin Core's consensus code, comparing ledger and UTXO set at every step
	@# Without a bitcoind its mempool is left out, loudly; on a CI machine that is a failure.
	$(BIN)/python -m boltchain.provision || test -z "$$CI"
	$(BIN)/python -m boltproofs.replay_job

test: $(READY) ## provide bitcoind and run every test
	@# Without a bitcoind the regtest tests are left out, loudly; on a CI machine that is a failure.
	$(BIN)/python -m boltchain.provision || test -z "$$CI"
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 8 $(PYTEST_OPTIONS)

lint: $(READY) ## check style, types, import directions and spelling
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/mypy tests
	$(BIN)/lint-imports
	$(BIN)/codespell $(SOURCES) docs README.md Makefile .ci

docs: $(READY) ## build the documentation site in docs/_build/html
	$(if $(wildcard proofs/boltproofs/docs.py proofs/boltproofs/docs/__main__.py),$(BIN)/python -m boltproofs.docs)
	$(BIN)/sphinx-build -W --keep-going -b html docs docs/_build/html

bench: $(READY) ## measure
	$(BIN)/python -m boltproofs.bench

fuzz: $(READY) ## fuzz every decoder with RUNS inputs each (hours for the default of ten million)
	$(BIN)/python -m pip install --quiet "atheris==3.0.0"
	$(BIN)/python tests/fuzz/fuzz_messages.py all --runs $(RUNS)
	$(BIN)/python tests/fuzz/fuzz_strings.py bolt11 --runs $(RUNS)
	$(BIN)/python tests/fuzz/fuzz_strings.py bolt12 --runs $(RUNS)
	$(BIN)/python tests/fuzz/fuzz_onion.py --runs $(RUNS)

lock: python-is-new-enough ## resolve the dependencies afresh and pin them in requirements.lock
	@# Resolved for the oldest supported Python, so that the pins hold for all of them; wheels only: no compiler needed.
	rm -rf $(LOCK_DIR)
	$(PYTHON) -m venv $(LOCK_DIR)/venv
	$(LOCK_DIR)/venv/bin/python -m pip install --quiet --upgrade pip
	$(LOCK_DIR)/venv/bin/python -m pip install --quiet --dry-run --report $(LOCK_DIR)/report.json \
	  --target $(LOCK_DIR)/target --python-version 3.11.0 --only-binary :all: "setuptools>=77" ".[all]"
	$(PYTHON) -c 'import json, sys; \
	  pins = ["{name}=={version}".format(**item["metadata"]) for item in json.load(sys.stdin)["install"]]; \
	  pins = sorted((pin for pin in pins if not pin.startswith("boltspec=")), key=str.lower); \
	  print("# Exact versions of everything that is installed, also for building. Made by: make lock", *pins, sep="\n")' \
	  < $(LOCK_DIR)/report.json > requirements.lock
	rm -rf $(LOCK_DIR)

clean: ## remove the virtual environment and everything that was built or fetched
	rm -rf $(VENV) .cache .hypothesis .mypy_cache .ruff_cache .import_linter_cache build dist *.egg-info \
	  docs/_build docs/generated
	find $(SOURCES) -name __pycache__ -type d -prune -exec rm -rf {} +

python-is-new-enough:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Python 3.11 or newer is needed, and '$(PYTHON)' is not. Name another: make PYTHON=/path/to/python3 ..." >&2; \
	  exit 1; }

$(READY): pyproject.toml requirements.lock | python-is-new-enough
	$(PYTHON) -m venv $(VENV) || { echo "venv is missing; on Debian: apt-get install python3-venv" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@
