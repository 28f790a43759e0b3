# Needs Python 3.11 or later with venv and pip, and make; installs only what the locks pin by hash.

# The first of these that runs; choose another with `make PYTHON=… `.
ifndef PYTHON
PYTHON = $(shell for python in python3.11 python3; do $$python -c '' 2>/dev/null && break; done; echo $$python)
endif
# Arguments for pytest, `itemroom serve` or the lock's compiler.
ARGS ?=

# The project is installed with what a lock brought, so the lock comes first, also under -j.
.NOTPARALLEL:

VENV := .venv
BIN := $(VENV)/bin
NODE := tests/node

# A stamp's name holds a checksum of the folder and of the files that it stands for, so a stamp
# that exists is true: no clock decides, and a moved or copied folder builds its own environment.
key = $(firstword $(shell { pwd; cat $(1); } | cksum))
MADE = $(VENV)/.made-$(call key,requirements-install.lock)
PROJECT = $(VENV)/.project-$(call key,pyproject.toml clients/python/pyproject.toml)
RUN = $(VENV)/.run-$(call key,requirements.lock)
DEV = $(VENV)/.dev-$(call key,requirements-dev.lock)
BENCH = $(VENV)/.bench-$(call key,requirements-bench.lock)
NODE_MODULES = $(NODE)/node_modules/.made-$(call key,$(NODE)/package-lock.json)

PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --no-input
# Both believe whom the system believes, as behind a company's proxy.
UV := UV_SYSTEM_CERTS=1 $(BIN)/uv --quiet
NPM := NODE_USE_SYSTEM_CA=1 PATH="$(CURDIR)/$(BIN):$$PATH" npm
# What a lock names, and nothing that is found out on the way: what is published later changes
# nothing. uv takes a fifth of pip's time; pip knows mirrors and proxies that only pip was told of.
install = $(UV) pip install --no-deps --require-hashes --python $(BIN)/python -r $(1) \
	|| $(PIP) install --no-deps --require-hashes -r $(1)
# Extras stay in the locks: without them pip below 23.3 refuses a lock as soon as a newer release
# of what an extra is required of is published.
COMPILE := $(UV) pip compile --universal --python-version 3.11 --generate-hashes --no-strip-extras \
	--no-emit-index-url --no-emit-package itemroom-client --no-annotate --no-header $(ARGS)

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: serve
serve: $(RUN) $(PROJECT) ## Serve on http://127.0.0.1:8000
	$(BIN)/itemroom serve $(ARGS)

# Dozens of processes start in the suite: each would compile everything again.
test test-fast test-postgresql torture: export PYTHONDONTWRITEBYTECODE :=

.PHONY: test
test: $(DEV) $(PROJECT) $(NODE_MODULES) ## Run all tests with coverage, or some: ARGS="tests/test_x.py -x"
	$(BIN)/python -m pytest $(or $(ARGS),--cov)

.PHONY: test-fast
test-fast: $(DEV) $(PROJECT) ## Those tests that need no server, no other program and no browser
	$(BIN)/python -m pytest -m "not live and not torture" $(ARGS)

.PHONY: test-postgresql
test-postgresql: $(DEV) $(PROJECT) $(NODE_MODULES) ## All tests but those of SQLite itself, on PostgreSQL
	ITEMROOM_TEST_DATABASE=postgresql $(BIN)/python -m pytest $(ARGS)

.PHONY: torture
torture: $(DEV) $(PROJECT) ## What takes long: the large cases of the Autobahn suite, kills, disasters of many servers
	$(BIN)/python -m pytest -m torture $(ARGS)

.PHONY: check
check: $(DEV) $(PROJECT) ## Lint, types, import contracts, dependencies
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(BIN)/python -m tests.locks requirements*.lock
	$(BIN)/python clients/javascript/bundle.py --check

.PHONY: dist
dist: $(DEV) ## Build what is published, the server and the Python client, into dist/
	rm -rf dist build *.egg-info clients/python/build
	$(UV) build --no-build-isolation --out-dir dist clients/python
	$(UV) build --no-build-isolation --out-dir dist .
	$(BIN)/twine check --strict dist/*.tar.gz dist/*.whl

.PHONY: client
client: $(MADE) ## Put the JavaScript client together, after a change of its sources
	$(BIN)/python clients/javascript/bundle.py

.PHONY: bench
bench: $(BENCH) $(PROJECT) ## Measure against the peers, 40 minutes; some: ARGS="--only fan-out"
	$(BIN)/python -m bench $(ARGS)

.PHONY: bench-quick
bench-quick: $(BENCH) $(PROJECT) ## The same as a look in between, two minutes
	$(BIN)/python -m bench --quick $(ARGS)

.PHONY: bench-docs
bench-docs: $(BENCH) $(PROJECT) ## Put the last run of `make bench` into the README and the docs
	$(BIN)/python -m bench.docs $(ARGS)

.PHONY: format
format: $(DEV) ## Sort imports, mend what can be mended, format
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

.PHONY: lock
lock: $(DEV) ## Bring the locks up to pyproject.toml; to newer versions with ARGS=--upgrade
	$(COMPILE) --group install --output-file requirements-install.lock
	$(COMPILE) pyproject.toml --group build --output-file requirements.lock
	$(COMPILE) pyproject.toml --group bench --extra postgresql --extra redis --constraints requirements.lock --output-file requirements-bench.lock
	$(COMPILE) pyproject.toml --group dev --all-extras --constraints requirements-bench.lock --output-file requirements-dev.lock
	$(COMPILE) pyproject.toml --group build --extra postgresql --extra redis --constraints requirements-dev.lock --output-file requirements-servers.lock
	cd $(NODE) && $(NPM) install --package-lock-only \
		--omit-lockfile-registry-resolved --no-audit --no-fund

.PHONY: clean
clean: ## Remove all that make, the tools and the tests left; never a database
	rm -rf $(VENV) $(NODE)/node_modules bench/.peers bench/results build dist *.egg-info htmlcov \
		.coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache \
		.ruff_cache
	find api bench migrations tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(MADE):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or later is needed, with venv; name one with PYTHON=…" >&2; exit 1; }
	$(PYTHON) -m venv --clear $(VENV)
	$(PIP) install --no-deps --require-hashes -r requirements-install.lock
	@touch $@

$(RUN): | $(MADE)
	$(call install,requirements.lock)
	@rm -f $(VENV)/.run-*
	@touch $@

# The dev lock is a superset of the others, which it therefore satisfies.
$(DEV): | $(MADE)
	$(call install,requirements-dev.lock)
	@rm -f $(VENV)/.dev-* $(VENV)/.bench-* $(VENV)/.run-*
	@touch $@ $(BENCH) $(RUN)

$(BENCH): | $(MADE)
	$(call install,requirements-bench.lock)
	@rm -f $(VENV)/.bench-* $(VENV)/.run-*
	@touch $@ $(RUN)

$(PROJECT): | $(MADE)
	$(PIP) install --no-deps --no-build-isolation \
		-e clients/python -e .
	@rm -f $(VENV)/.project-*
	@touch $@

$(NODE_MODULES): | $(DEV)
	cd $(NODE) && $(NPM) ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@
