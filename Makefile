# Everything a contributor runs. `make test` is what CI runs.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
RUN := PYTHONSAFEPATH=1 $(BIN)/python -P

.PHONY: setup demo check test types lint serve clean

$(BIN)/firewarden: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet -c requirements.lock -e '.[dev]'
	@touch $@

setup: $(BIN)/firewarden  ## virtual environment with the serving half and the tools of `make check`

demo: setup  ## inspect the photo that ships with the repository
	$(BIN)/firewarden inspect inference/sample.jpg --venue-type office --save-annotated inspections

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: setup  ## mypy cannot follow an editable install's import hook: check an installed copy
	rm -rf build .types
	$(BIN)/pip install --quiet --no-deps --target .types .
	MYPYPATH=.types $(BIN)/mypy -p firewarden
	rm -rf build

check: lint types test  ## all that must be green before a commit

test: setup
	$(RUN) -m pytest

serve: setup
	$(BIN)/firewarden serve

clean:
	rm -rf build dist .types .mypy_cache .pytest_cache .ruff_cache *.egg-info
