# make demo: train, evaluate and export a real model on this machine.   make test: everything CI checks.
# PYTHON=python3.12 picks the interpreter, PIP_ARGS="..." reaches every pip install.
PYTHON ?= python3
PIP_ARGS ?=
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test test-fast lint format install clean

demo: install
	$(BIN)/nlu-rl demo

test: lint
	$(BIN)/pytest -n 2 --dist worksteal

test-fast: install
	$(BIN)/pytest tests/unit

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

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

clean:
	rm -rf .venv build .mypy_cache .ruff_cache .pytest_cache .hypothesis
