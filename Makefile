# Needs python3 (3.11-3.13) and make; everything else goes into .venv from the hash-pinned lock.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
READY := .venv/ready

.PHONY: demo test test-slow lint docs benchmark clean

demo: $(READY)
	$(BIN)/terraflux demo

test: $(READY)
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m "not slow"

test-slow: $(READY)
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m slow

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/mypy

docs: $(READY)
	$(BIN)/python docs/generate.py
	$(BIN)/python docs/process_tables.py

benchmark: $(READY)
	$(BIN)/python benchmarks/column.py

$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "terraflux needs python3 version 3.11, 3.12 or 3.13; set PYTHON=/path/to/python3"; exit 1; }
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(READY)

clean:
	rm -rf .venv build *.egg-info .pytest_cache .ruff_cache .mypy_cache
