# Everything runs from .venv; `scripts/setup_env.sh dev` makes it.
BIN := .venv/bin
PYTHON_FILES := undertow tests scripts benchmarks examples run_ml_trading_models.py
PRESENT := $(wildcard $(PYTHON_FILES))
LOCK := uv pip compile --universal --python-version 3.11 --fork-strategy fewest --only-binary :all: \
	--generate-hashes --no-emit-index-url --no-header --no-annotate --quiet

.PHONY: check check-format check-lint check-types check-layers check-shape test bench format lock setup

check: check-format check-lint check-types check-layers check-shape ## formatting, lint, types, layers, shape: under a minute

check-format:
	$(BIN)/ruff format --check $(PRESENT)

check-lint:
	$(BIN)/ruff check $(PRESENT)

check-types:
	$(BIN)/mypy --strict undertow

check-layers:
	$(BIN)/lint-imports

check-shape:
	$(BIN)/python -m pytest -q tests/test_shape.py

test: ## every test
	./run_tests.sh

bench: ## the measurements, on this machine; fails at the end if a bound was missed
	@missed=0; for each in benchmarks benchmarks.features benchmarks.flatfiles benchmarks.streams benchmarks.serving benchmarks.latency; do \
		echo "$$each"; $(BIN)/python -m $$each || missed=1; done; exit $$missed

format: ## rewrite the files in the house's format
	$(BIN)/ruff format $(PRESENT)
	$(BIN)/ruff check --fix $(PRESENT)

setup: ## .venv with the libraries for running and for development
	scripts/setup_env.sh dev

# One resolution for every system and Python from 3.11; wheels only; the runtime versions bind the development lock.
lock: ## make both lock files again from pyproject.toml (needs uv; add --upgrade by LOCK_FLAGS=--upgrade)
	@command -v uv >/dev/null || { echo "make lock needs uv on the PATH"; exit 2; }
	$(LOCK) $(LOCK_FLAGS) pyproject.toml --extra deep --output-file requirements.lock
	$(LOCK) $(LOCK_FLAGS) --constraint requirements.lock pyproject.toml --extra deep --group dev --output-file requirements-dev.lock
	@! grep -nE '://|--(extra-)?index|--find-links' requirements.lock requirements-dev.lock
