# make lab    install into .venv and open JupyterLab on the start page
# make test   install with the test extra and run everything that CI runs
# Others: bench, bench-gpu, pages, claims, lint, format, clean. On Windows see README.md for plain pip.

VENV := .venv
BIN := $(VENV)/bin

# The first Python that labkit was tested on; choose yourself with `make lab PYTHON=python3.12`.
SUITS := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	if $$p -c '$(SUITS)' >/dev/null 2>&1; then echo $$p; exit; fi; done; echo python3)

# On Linux the default index serves a CUDA build of several GB, of no use without an NVIDIA driver.
# Empty means: no index besides the default one.
TORCH_INDEX ?= $(shell if [ "$$(uname -s)" = Linux ] && ! command -v nvidia-smi >/dev/null 2>&1; then \
	echo https://download.pytorch.org/whl/cpu; fi)
PIP_INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check \
	$(if $(strip $(TORCH_INDEX)),--extra-index-url $(TORCH_INDEX)) -c binder/pins.txt

# Processes that `make test` shares the test files out to.
JOBS ?= 2
# The browser tests keep their screenshots here.
ARTEFACTS ?= artefacts
ESLINT := eslint@9.39.1

.DEFAULT_GOAL := help
.PHONY: help lab install test lint lint-python lint-javascript format bench bench-gpu pages claims clean

help:
	@sed -n 's/^# \{0,1\}\(.*\)/\1/p;/^$$/q' Makefile

# --- environment: stamps, so that a second call is quick ---------------------------------------

$(VENV)/made.stamp:
	@$(PYTHON) -c '$(SUITS)' 2>/dev/null || { \
		echo "labkit needs Python 3.11, 3.12 or 3.13, but '$(PYTHON)' is: $$($(PYTHON) --version 2>&1)"; \
		echo "Install one of them, or name it: make lab PYTHON=/path/to/python3.12"; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); \
		echo "Could not make $(VENV) (on Debian and Ubuntu: apt install python3-venv)"; exit 1; }
	@touch $@

$(VENV)/lab.stamp: pyproject.toml binder/pins.txt $(VENV)/made.stamp
	@echo "Installing labkit into $(VENV) (a few minutes the first time) ..."
	@$(PIP_INSTALL) -e .
	@touch $@

$(VENV)/test.stamp: pyproject.toml binder/pins.txt $(VENV)/made.stamp
	@echo "Installing labkit and its test tools into $(VENV) (a few minutes the first time) ..."
	@$(PIP_INSTALL) -e '.[test]'
	@touch $(VENV)/lab.stamp $@

install: $(VENV)/lab.stamp

# --- the two commands --------------------------------------------------------------------------

# Waiting threads sleep in every kernel, also where torch is imported before labkit (labkit/_openmp.py).
lab: $(VENV)/lab.stamp
	OMP_WAIT_POLICY=PASSIVE $(BIN)/jupyter lab --ServerApp.root_dir=labs --LabApp.default_url=/lab/tree/00_start.ipynb

# The slow tests too, which a plain `pytest` leaves out.
test: $(VENV)/test.stamp lint
	LABKIT_ARTEFACTS="$(ARTEFACTS)" $(BIN)/python -m pytest -m "not gpu" -n $(JOBS) --dist loadfile

# --- lint --------------------------------------------------------------------------------------

lint: lint-python lint-javascript

lint-python: $(VENV)/test.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/test.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Syntax with node alone (through standard input: only there does node 20 read .js files as modules);
# style with ESLint where npx can fetch it.
lint-javascript:
	@if ! command -v node >/dev/null 2>&1; then echo "JavaScript lint skipped: no node here"; exit 0; fi; \
	for file in $$(find labkit tests -name '*.js' -o -name '*.mjs'); do \
		node --input-type=module --check <"$$file" || { echo "in $$file"; exit 1; }; \
	done; \
	export npm_config_fetch_retries=0 npm_config_fetch_timeout=20000 npm_config_update_notifier=false npm_config_loglevel=error; \
	if command -v npx >/dev/null 2>&1 && npx --yes $(ESLINT) --version </dev/null >/dev/null 2>&1; then \
		npx --yes $(ESLINT) --max-warnings 0 --no-error-on-unmatched-pattern labkit tests </dev/null; \
	else echo "JavaScript style check skipped: npx cannot fetch $(ESLINT)"; fi

# --- products ----------------------------------------------------------------------------------

bench: $(VENV)/test.stamp
	$(BIN)/python -m tests.benchmarks

bench-gpu: $(VENV)/test.stamp
	$(BIN)/python -m tests.benchmarks gpu

# Executes labs/**/*.py in full mode into the .ipynb beside each.
pages: $(VENV)/test.stamp
	$(BIN)/python -m labkit pages labs

claims: $(VENV)/lab.stamp
	$(BIN)/python -m labkit claims

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .ruff_cache .hypothesis $(ARTEFACTS)
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
