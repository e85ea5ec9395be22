# Everything a person or CI runs. `make demo` and `make test` need Python 3.11+, make and git; the rest comes from pip.
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
JOBS ?= 2
CLIENTS := .venvs/google-ai/.done .venvs/google-generativeai/.done .venvs/google-cloud/.done

.PHONY: help demo versions test test-all lint format types layers unit coverage bench schemas reference lock clean crash

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	@sh scripts/venv.sh $(VENV)

$(VENV)/.runtime: pyproject.toml requirements/runtime.txt | $(BIN)/python
	@echo "installing tunectl into $(VENV)"
	@$(PIP) install --require-hashes -r requirements/build.txt -r requirements/runtime.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.runtime requirements/dev.txt
	@echo "installing the test tools into $(VENV)"
	@$(PIP) install --require-hashes -r requirements/dev.txt
	@touch $@

demo: $(VENV)/.runtime ## from a manifest to a tuned model that answers, on the embedded emulator
	@sh scripts/demo.sh $(BIN)/tunectl

test: lint types layers unit ## format check, lint, types, layers and all tests

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(VENV)/.dev
	$(BIN)/mypy

layers: $(VENV)/.dev
	$(BIN)/lint-imports

.venvs/%/.done: requirements/%.txt | $(BIN)/python
	@echo "installing $* into .venvs/$*"
	@sh scripts/venv.sh .venvs/$*
	@.venvs/$*/bin/python -m pip --quiet --disable-pip-version-check install --require-hashes -r $<
	@touch $@

unit: $(VENV)/.dev $(CLIENTS)
	$(BIN)/python -m pytest -n $(JOBS) -m "not system"

test-all: test ## the same, and what needs system packages (strace, Chromium, npm)
	$(BIN)/python -m pytest -n $(JOBS) -m system

crash: $(VENV)/.dev ## kill tunectl everywhere, break every wire, print the numbers (docs/crash-safety.md)
	$(BIN)/python scripts/crash.py --workers $(JOBS)
	TUNECTL_STORIES=10 $(BIN)/python -m pytest -n $(JOBS) tests/engine/test_engine_stateful.py tests/stores/test_stores_stateful.py

coverage: $(VENV)/.dev $(CLIENTS) ## all tests with branch coverage
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -m "not system"
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

versions: $(VENV)/.dev ## try the built wheel on every Python that is here
	@sh scripts/versions.sh

bench: $(VENV)/.runtime .venvs/octodns/.done ## measure tunectl beside its peers; writes docs/performance.md
	$(BIN)/python benchmarks/bench.py

format: $(VENV)/.dev ## rewrite the code as the formatter wants it
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

schemas: $(VENV)/.runtime ## write schemas/*.json anew from the models
	$(BIN)/python scripts/schemas.py

reference: $(VENV)/.runtime ## write docs/reference/*.md anew from the code
	$(BIN)/python scripts/reference.py

lock: $(VENV)/.dev ## resolve requirements/*.txt anew
	$(PIP) install --upgrade uv
	sh scripts/lock.sh $(BIN)/uv

clean: ## remove what can be made again
	rm -rf $(VENV) .venvs build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage*
