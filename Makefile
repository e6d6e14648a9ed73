# make demo: train, evaluate and export a real model on this machine.   make test: everything CI checks.
# make bench: measure against the peers, into docs/benchmarks.md.   make bench-quick: less of it, in under 20 minutes.
# PYTHON=python3.12 picks the interpreter, PIP_ARGS="..." reaches every pip install.
PYTHON ?= python3
PIP_ARGS ?=
BENCH_ARGS ?=
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test test-fast lint format install bench bench-quick clean

demo: install
	$(BIN)/nlu-rl demo

test: lint
	$(BIN)/pytest -n 2 --dist loadgroup --no-loadscope-reorder

test-fast: install
	$(BIN)/pytest tests/unit

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Whole screens as tests/tui/golden keeps them, after a wanted change; look at the difference before you commit it.
.PHONY: golden pictures
golden: install
	NLU_RL_WRITE_GOLDEN=1 $(BIN)/pytest -q tests/tui/test_golden.py

# The README's pictures of the interface.
pictures: install
	PYTHONPATH=tests $(BIN)/python -m tui.make_pictures

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Lints and builds the container image and types at it what a person would; TARGET=cuda for the other one.
.PHONY: image-check
TARGET ?= cpu
image-check:
	bash docker/image-check.sh $(TARGET)

install: .venv/.installed

.venv/.installed: pyproject.toml requirements.lock tools/make_venv.py
	$(PYTHON) tools/make_venv.py .venv
	$(BIN)/python -m pip install $(PIP_ARGS) -r requirements.lock
	$(BIN)/python -m pip install $(PIP_ARGS) --no-deps --editable .
	touch $@

bench: install bench/.venv-peers/.installed
	$(BIN)/python -m bench --scaling $(BENCH_ARGS)

bench-quick: install bench/.venv-peers/.installed
	$(BIN)/python -m bench --quick $(BENCH_ARGS)

bench/.venv-peers/.installed: bench/requirements-peers.txt tools/make_venv.py
	$(PYTHON) tools/make_venv.py bench/.venv-peers
	bench/.venv-peers/bin/python -m pip install $(PIP_ARGS) -r bench/requirements-peers.txt
	touch $@

clean:
	rm -rf .venv bench/.venv-peers build .mypy_cache .ruff_cache .pytest_cache .hypothesis
