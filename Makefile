# Everything runs in .venv, which is made when it is needed and made again when the pins change.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt

.PHONY: run family test test-all lint bench clean help

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.venv/.made: constraints.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	  || { echo "l1ae needs Python 3.11, 3.12 or 3.13: make PYTHON=python3.12 ..."; exit 2; }
	@echo "installing l1ae into .venv (TensorFlow is large: about a minute)"
	@$(PYTHON) -m venv .venv
	@$(PIP) --editable .
	@touch $@

.venv/.made-test: .venv/.made
	@echo "installing what the tests need into .venv"
	@$(PIP) --editable '.[dask,export,generate,notebooks,test]'
	@touch $@

run: .venv/.made  ## events -> trained autoencoder -> verified firmware -> report, on the shipped sample
	$(BIN)/l1ae run configs/dense_ae.yaml

family: .venv/.made  ## every preset, and one table over all of them (hours: each has its netlist)
	for preset in configs/*.yaml; do $(BIN)/l1ae run $$preset || exit; done
	$(BIN)/l1ae compare $(patsubst configs/%.yaml,runs/%,$(wildcard configs/*.yaml)) \
	  --markdown runs/family.md --json runs/family.json --html runs/family.html

test: .venv/.made-test  ## the tests (half an hour or more)
	$(BIN)/python -m pytest -m "not slow"

test-all: .venv/.made-test  ## the tests and the exhaustive tier
	$(BIN)/python -m pytest

lint: .venv/.made-test  ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: .venv/.made-test  ## speed and memory, as ratios against a named baseline
	$(BIN)/python -m benchmarks.run

clean:  ## remove what was built (not your runs)
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
