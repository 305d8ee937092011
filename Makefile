# Every target works on a machine that has nothing but Python (>= 3.11) and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
WORKERS ?= 2
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.PHONY: help install demo test lint types docs sample clean

help:
	@echo "make demo    install, animate the sample person, say where the plate lies"
	@echo "make test    install with the development extras; ruff, mypy, pytest"
	@echo "make docs    build the documentation into docs/_build/html"
	@echo "make sample  paint the sample person anew"
	@echo "make clean   remove what was built; .venv stays"

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

# --no-compile: Python compiles what is used, when it first is; a minute less to wait here
$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --no-compile --editable ".[fast]" --constraint constraints.txt
	@touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --no-compile --editable ".[dev]" --constraint constraints.txt
	@touch $@ $(VENV)/.installed

install: $(VENV)/.installed

demo: $(VENV)/.installed
	@$(BIN)/python examples/01_photo_to_plate.py out/demo

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check src tests examples benchmarks tools docs/conf.py

types: $(VENV)/.installed-dev
	$(BIN)/mypy

# types are looked at beside the tests: mypy has one thread, and a minute of it
test: lint
	@$(BIN)/mypy > $(VENV)/types.txt 2>&1 & types=$$!; \
	OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile; \
	tests=$$?; wait $$types; typed=$$?; cat $(VENV)/types.txt; \
	[ $$tests -eq 0 ] && [ $$typed -eq 0 ]

docs: $(VENV)/.installed-dev
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo docs/_build/html/index.html

sample: $(VENV)/.installed
	$(BIN)/python tools/make_sample.py

clean:
	rm -rf build dist out docs/_build .pytest_cache .mypy_cache .ruff_cache src/*.egg-info
