# make table: environment, then the table of the law.  make test: everything CI asks.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
RUN ?= runs/law

.PHONY: env table test lint docs readme clean

env: $(VENV)/.made

$(VENV)/.made: requirements.lock setup.cfg pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "$(PYTHON) is Python " + sys.version.split()[0] + ": needs >= 3.11; name another: make PYTHON=python3.13 ...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps -e .
	touch $@

table: env
	$(BIN)/isorobust run --config=configs/law.py --workdir=$(RUN)

test: env
	$(BIN)/python -m pytest -n auto

lint: env
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

docs: env
	$(BIN)/python docs/reference.py build/docs

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache build *.egg-info

readme: env
	$(BIN)/python benchmarks/publish.py --renew
