# `make report` and `make test` do all the set-up themselves: a virtual environment in .venv,
# made once and again when pyproject.toml changes. PYTHON chooses the interpreter (3.11 or newer).
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
LOG ?= sample_logs/

.PHONY: report page app test nightly flakes coverage coverage-core mutation lint format docs site bench bench-parse bench-scale validation \
  test-lowest test-wheel clean

report: $(VENV)/.installed
	$(BIN)/keyrota report $(LOG)

page: $(VENV)/.installed
	$(BIN)/keyrota report $(LOG) --format html -o report.html --force

# Sliders for what-if questions, in the browser; Ctrl-C ends it.
app: $(VENV)/.installed-notebooks
	JUPYTER_PATH="$(CURDIR)/notebooks/share" $(BIN)/voila notebooks/app.ipynb --template=keyrota --Voila.ip=127.0.0.1

# The order of the tests is drawn: SEED=7 gives another one, always the same. What is left out is said, with
# the reason (-rs): the tests in a browser, where there is none.
SEED ?= 1
PYTEST = $(BIN)/python -m pytest -q -rs -n 2 --dist worksteal --randomly-seed=$(SEED)

test: $(VENV)/.installed-dev
	$(PYTEST) -m "not nightly"

nightly: $(VENV)/.installed-dev
	$(PYTEST)

# The suite again and again, each time in another order: what fails here is a test that depends on another, or on chance.
RUNS ?= 20
flakes: $(VENV)/.installed-dev
	for seed in $$(seq 101 $$((100 + $(RUNS)))); do $(MAKE) test SEED=$$seed || exit 1; done

# Lines and branches that the quick suite runs, against the floors in tests/measure/coverage_floors.py; and those
# of the pure core alone, by its own tests, in a few minutes. Calibrations, oracles and damaged logs take longest,
# and the floors are to be reached without them.
LAWS = tests/differential tests/property/test_simulation_laws.py tests/known_answer/test_exact_enumeration.py
COVERING = tests/unit tests/golden tests/cluster tests/browser $(LAWS)
CORE = tests/unit/rotation tests/unit/simulation tests/unit/test_display.py tests/unit/quota/test_windows.py \
  tests/unit/quota/test_days.py tests/unit/report/test_atomic.py tests/unit/report/test_whole_files.py \
  tests/unit/report/test_atomic_folder.py tests/unit/report/test_safe_output.py tests/unit/report/test_markdown.py $(LAWS) \
  $(addprefix tests/unit/logs/test_,grammar.py gemini.py own_rules.py times.py values.py)

coverage: $(VENV)/.installed-dev
	rm -f .coverage .coverage.*
	$(BIN)/coverage run -m pytest -q -n 2 --dist worksteal -m "not nightly" $(COVERING)
	$(BIN)/coverage combine -q
	$(BIN)/coverage json -q -o .coverage.json
	$(BIN)/python tests/measure/coverage_floors.py .coverage.json

coverage-core: $(VENV)/.installed-dev
	rm -f .coverage .coverage.*
	$(BIN)/coverage run -m pytest -q -n 2 --dist worksteal -m "not nightly" $(CORE)
	$(BIN)/coverage combine -q
	$(BIN)/coverage json -q -o .coverage.json
	$(BIN)/python tests/measure/coverage_floors.py .coverage.json --core

# What the tests of the pure core do not notice, when it is changed on purpose: docs/mutation.md again.
mutation: $(VENV)/.installed-dev
	$(BIN)/python tests/measure/mutation.py

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.installed-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.installed-dev
	$(BIN)/python benchmarks/bench.py

# Reading against Polars, ripgrep, DuckDB and pandas: writes the tables of docs/performance.md.
bench-parse: $(VENV)/.installed-dev
	$(BIN)/python benchmarks/parse/bench.py

# Rows, history, many keys, many workers: what grows, and how. Writes docs/scaling.md.
bench-scale: $(VENV)/.installed-dev
	$(BIN)/python benchmarks/columns.py 10000000
	$(BIN)/python benchmarks/history.py
	$(BIN)/python benchmarks/growth.py
	$(BIN)/python benchmarks/scale.py

validation: $(VENV)/.installed-dev
	$(BIN)/python docs/validation.py
	$(BIN)/python docs/validate_simulation.py
	$(BIN)/python docs/validate_quota.py
	$(BIN)/python docs/validate_testing.py

# The parts of the documentation that the software prints: the README's report, docs/commands.md.
docs: $(VENV)/.installed-dev
	$(BIN)/python docs/refresh.py

# The documentation as a site, in site/.
site: $(VENV)/.installed-dev
	$(BIN)/mkdocs build --strict

# The suite against the oldest versions that pyproject.toml admits.
test-lowest:
	$(PYTHON) -m venv .venv-lowest
	.venv-lowest/bin/python -m pip install -q uv
	.venv-lowest/bin/uv pip install -q --python .venv-lowest/bin/python --resolution lowest-direct -e '.[dev]'
	.venv-lowest/bin/python -m pytest -q -n 2 -m "not nightly"

# The suite against the built wheel, in a folder without the sources. TESTS chooses a part of it.
TESTS ?= tests
test-wheel:
	rm -rf .venv-wheel build/wheel
	$(PYTHON) -m venv .venv-wheel
	.venv-wheel/bin/python -m pip install -q uv
	mkdir -p build/wheel/home
	.venv-wheel/bin/uv build -q --wheel -o build/wheel
	.venv-wheel/bin/uv pip install -q --python .venv-wheel/bin/python "keyrota[dev] @ file://$$(ls $(CURDIR)/build/wheel/*.whl)"
	git ls-files -z -- ':!analysis' | tar -c --null -T - | tar -x -C build/wheel/home
	cd build/wheel/home && ../../../.venv-wheel/bin/python -m pytest -q -rs -n 2 --dist worksteal -m "not nightly" $(TESTS)

clean:
	rm -rf $(VENV) .venv-lowest .venv-wheel

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "keyrota needs Python 3.11 or newer: make PYTHON=python3.12 ..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install -q --disable-pip-version-check -e .
	@touch $@

$(VENV)/.installed-notebooks: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[notebooks]'
	@touch $@ $(VENV)/.installed

$(VENV)/.installed-dev: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[dev]'
	@touch $@ $(VENV)/.installed
