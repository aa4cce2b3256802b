# `make run` and `make test` need Python 3.11 or newer, git and make; all else is fetched, locked by hashes.

PYTHON ?= python3
PORT ?= 8000
DATA_DIR ?= .local
VENV ?= .venv
BIN := $(VENV)/bin
# pytest-xdist workers; the servers of the tests want a core as well.
WORKERS ?= 3

.PHONY: help run test test-fast check format lock bench fuzz clean

help: ## what there is to make
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):.*## /  \1\t/' | expand -t 14

run: ## everything on this machine; PORT=8000 DATA_DIR=.local
	@$(PYTHON) local/bootstrap.py "$(VENV)" requirements/run.txt
	@exec "$(BIN)/python" -m cli up --data-dir "$(DATA_DIR)" --port "$(PORT)"

test: check ## lint, types and the whole suite, on a real Kafka and PostgreSQL
	@"$(BIN)/python" -m pytest -n "$(WORKERS)" --dist worksteal -q

test-fast: .tools ## what needs no server
	@"$(BIN)/python" -m pytest -q -m "not servers"

check: .tools ## lint, format, types and the direction of dependencies
	@"$(BIN)/ruff" check --quiet .
	@"$(BIN)/ruff" format --check --quiet .
	@"$(BIN)/mypy" --no-error-summary
	@"$(BIN)/lint-imports" > .import-linter.log 2>&1 || { cat .import-linter.log; exit 1; }

format: .tools ## format the code
	@"$(BIN)/ruff" check --fix --quiet . ; "$(BIN)/ruff" format .

bench: .tools ## ratios to the limits of this machine, measured in one run
	@"$(BIN)/python" -m bench

fuzz: .tools ## 100,000 hostile requests against a running ingress; a few minutes
	@"$(BIN)/python" -m bench.fuzz

lock: .tools ## lock the newest versions that pyproject.toml allows; needs uv
	@for each in "runtime" "run --extra local" "test --extra local --extra test"; do set -- $$each; name=$$1; shift; \
	  uv pip compile pyproject.toml "$$@" --universal --python-version 3.11 --generate-hashes --no-header \
	    --no-annotate --no-emit-index-url --no-emit-find-links --upgrade --quiet -o requirements/$$name.txt || exit 1; \
	done

clean: ## remove the environment and caches, not the data
	@rm -rf "$(VENV)" build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

.PHONY: .tools
.tools:
	@$(PYTHON) local/bootstrap.py "$(VENV)" requirements/test.txt
