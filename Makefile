# make setup     install the dependencies, the development tools and GraphiQL
# make serve     set everything up and run the service on http://127.0.0.1:4040
# make test      set everything up and run the tests (on an embedded PostgreSQL or TEST_DATABASE_URL)
# make test-all  run the tests with long matrices: 10,000 requests of each kind for memory, 20,000
#                operations of the engine, five minutes for each generator of hostile inputs; this
#                takes about an hour (ARGS as for make test)
# make check     run the checks required before a commit: lint, format, types, layers, migrations,
#                committed schema, generated documentation, lock files; one of them alone is
#                make check-NAME, with a name of CHECKS below
# make format    fix and format the code
# make docs      regenerate docs/reference and .env.example
# make dump      write the schema of a new database to tests/models/schema.sql
# make test-without-shortcuts
#                run the tests of the API with GRAPHQL_SHORTCUTS=false
# make test-databases
#                run the core tests on PostgreSQL 15 with unusual settings (POSTGRES_BIN selects
#                another folder of its programs)
# make test-cluster
#                run the service through failovers of a PostgreSQL cluster (Patroni, etcd, HAProxy);
#                this takes seven minutes, and is skipped if a program is missing
# make test-cluster-short
#                run a part of that, in two minutes
# make coverage  run the tests at about half the speed, and print the coverage of each module
# make bench     benchmark this server and its peers (ARGS=--help lists the options)
# make bounds    send hostile inputs to a server, and print what each costs (ARGS=TEXT selects some)
# make graphiql  download the files of GraphiQL, if the set-up could not
# make audit     list known vulnerabilities of the locked packages, or their age
# make sbom      write sbom.cdx.json, the software bill of materials (CycloneDX)
# make lock      update the two lock files from pyproject.toml
#
# Requires Python 3.11 or newer with venv, and make. PYTHON selects another Python.

SHELL := /bin/sh
VENV := .venv
BIN := $(VENV)/bin
# Stamp files record what is set up, so that a second run needs no network.
RUNTIME := $(VENV)/.runtime
DEV := $(VENV)/.dev
GRAPHIQL := $(VENV)/.graphiql
# Patroni has an environment of its own, because it is no dependency of this program.
PATRONI := $(VENV)/patroni

# Checks that the migrations match the models and the committed database schema.
DRIFT := tests/models/test_migrations.py::test_the_models_are_what_the_migrations_say \
	tests/models/test_migrations.py::test_a_new_database_gets_the_committed_schema

# The tests that depend most on the version and the settings of PostgreSQL, without those of the
# embedded PostgreSQL and one that needs a superuser.
CORE := tests/api tests/ops tests/feed tests/models/test_adopted_service.py \
	tests/models/test_shapes.py::test_a_shape_is_adopted_with_every_row_and_the_api_works \
	--ignore tests/ops/test_crashes.py --ignore tests/feed/test_postgres_crash.py \
	-k 'not published_by_a_dropped_index'

# `make check` runs all of them, even if one fails.
CHECKS := check-lint check-format check-types check-schema check-reference check-tests

# Quiet twice, because pip warns about every missing path of the machine's configuration.
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet --quiet
COMPILE = $(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
	--custom-compile-command "make lock"

.PHONY: setup serve test test-all test-without-shortcuts test-databases test-cluster \
	test-cluster-short coverage bench bounds graphiql \
	check format docs dump lock audit sbom \
	$(CHECKS)

setup: $(DEV) $(GRAPHIQL)

serve: $(RUNTIME) $(GRAPHIQL)
	@exec $(BIN)/ticketops serve

test: $(DEV) $(GRAPHIQL)
	@$(BIN)/python -m pytest -n auto $(ARGS)

# By default, pytest ends a test after five minutes, and the process with it.
test-all: $(DEV) $(GRAPHIQL)
	@BOUNDS_REQUESTS=10000 TEST_OPERATIONS=20000 TEST_BOUNDS_SECONDS=300 TEST_GATEWAY=true \
		$(BIN)/python -m pytest -n auto -o faulthandler_timeout=7200 $(ARGS)

test-without-shortcuts: $(DEV)
	@GRAPHQL_SHORTCUTS=false $(BIN)/python -m pytest -q -n auto tests/api tests/engine/test_projection_cases.py $(ARGS)

test-databases: $(DEV)
	@$(BIN)/python -m tests.installed_postgres -q -n auto $(CORE) $(ARGS)

test-cluster: $(DEV) $(PATRONI)/.installed
	@TEST_CLUSTER=true PATH="$(CURDIR)/$(PATRONI)/bin:$$PATH" $(BIN)/python -m pytest -q \
		-o faulthandler_timeout=3600 tests/cluster --ignore tests/cluster/test_short.py $(ARGS)

test-cluster-short: $(DEV) $(PATRONI)/.installed
	@TEST_CLUSTER=true PATH="$(CURDIR)/$(PATRONI)/bin:$$PATH" $(BIN)/python -m pytest -q -rs \
		-o faulthandler_timeout=3600 tests/cluster/test_short.py $(ARGS)

coverage: $(DEV) $(GRAPHIQL)
	@$(BIN)/python -m pytest -n auto --cov $(ARGS)

bench: $(DEV)
	@$(BIN)/python -m tests.benchmarks $(ARGS)

bounds: $(DEV)
	@$(BIN)/python -m tests.bounds $(ARGS)

graphiql: $(RUNTIME)
	@$(BIN)/python -m app.graphiql.assets
	@touch $(GRAPHIQL)

check: $(DEV)
	@$(MAKE) --no-print-directory --keep-going $(CHECKS)

check-lint: $(DEV)
	@$(BIN)/ruff check .

check-format: $(DEV)
	@$(BIN)/ruff format --check .

check-types: $(DEV)
	@$(BIN)/mypy

check-schema: $(DEV)
	@$(BIN)/ticketops schema check

check-reference: $(DEV)
	@$(BIN)/python -m app.reference check

check-tests: $(DEV)
	@$(BIN)/python -m pytest -q tests/test_layers.py tests/test_locks.py \
		tests/docs/test_pages.py $(DRIFT)

format: $(DEV)
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

docs: $(DEV)
	@$(BIN)/python -m app.reference export
	@$(BIN)/ticketops settings --example > .env.example

dump: $(DEV)
	@$(BIN)/python -m tests.models.dump

# The second lock file has the development tools, with the versions of the first one; the third one
# has Patroni.
lock: $(DEV)
	$(COMPILE) $(ARGS) pyproject.toml -o requirements.lock
	$(COMPILE) $(ARGS) -c requirements.lock --group dev -o tests/requirements.lock
	$(COMPILE) $(ARGS) --group cluster -o tests/cluster/requirements.lock

audit: $(DEV)
	@$(BIN)/uv run --quiet --no-project --python $(BIN)/python --script .ci/audit.py

sbom: $(DEV)
	@$(BIN)/uv run --quiet --no-project --python $(BIN)/python --script .ci/sbom.py sbom.cdx.json

# The first Python of the list that is new enough and has venv.
$(RUNTIME): requirements.lock pyproject.toml
	@$(BIN)/python -c 'import pip' 2>/dev/null || { \
		for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11; do \
			"$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' \
				2>/dev/null && found="$$python" && break; \
		done; \
		test -n "$$found" || { \
			echo "Cannot find Python 3.11 or newer with venv (on Debian: apt install python3-venv)." >&2; \
			echo "If it is not on PATH, set PYTHON to its path." >&2; exit 2; }; \
		echo "Setting up $(VENV) with $$found."; \
		umask 022; "$$found" -m venv --clear $(VENV); }
	@echo "Installing the dependencies. The first time, this takes a few minutes."
	@# For root, PostgreSQL runs as another user, which must be able to read its programs.
	@umask 022; $(PIP) install --no-deps --require-hashes -r requirements.lock
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): $(RUNTIME) tests/requirements.lock
	@echo "Installing the development tools. The first time, this takes a few minutes."
	@$(PIP) install --no-deps --require-hashes -r tests/requirements.lock
	@touch $@

$(PATRONI)/.installed: tests/cluster/requirements.lock | $(DEV)
	@echo "Installing Patroni."
	@# For root, it runs as another user, which may not be able to run a Python below /root.
	@for python in /usr/bin/python3 $(BIN)/python; do \
		"$$python" -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' \
			2>/dev/null && break; \
	done; \
	umask 022; "$$python" -m venv --clear $(PATRONI)
	@umask 022; $(PATRONI)/bin/python -m pip --disable-pip-version-check --quiet --quiet \
		install --no-deps --require-hashes -r tests/cluster/requirements.lock && touch $@ || \
		echo "Patroni cannot be installed: the tests that need it are skipped." >&2

# Tried once: everything else works without these files, and later runs do not wait for them.
$(GRAPHIQL): app/graphiql/packages.toml | $(RUNTIME)
	@echo "Downloading GraphiQL."
	@$(BIN)/python -m app.graphiql.assets || true
	@touch $@
