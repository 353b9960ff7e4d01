# Everything here needs Python 3.11 or newer and make; the first target makes the rest in .venv.
.DEFAULT_GOAL := help
BIN := .venv/bin
PACKAGES := app pipelines tasks
ARGS ?=

.PHONY: help environment up test check format openapi lock bench chaos soak graphs clean

help: ## show what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

environment: ## make or refresh .venv (the other targets do it by themselves)
	@scripts/environment.sh

up: environment ## start everything on this machine, place a sample order, stay until Ctrl-C (ARGS="--help")
	@$(BIN)/turnup up $(ARGS)

test: environment ## run the whole test suite (ARGS="-k word" for a part of it)
	@$(BIN)/pytest -q -n auto $(ARGS)

check: environment ## format, lint, types, import rules
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy $(PACKAGES)
	@$(BIN)/lint-imports

format: environment ## format the code and mend what ruff can mend
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

openapi: environment ## write docs/openapi.json anew from the routes
	@$(BIN)/python -m tests.openapi

lock: environment ## write requirements.lock anew from pyproject.toml (ARGS=--upgrade: with the newest versions)
	@$(BIN)/uv pip compile pyproject.toml --quiet --all-extras --universal --generate-hashes --no-header \
		--no-emit-index-url --no-emit-find-links --output-file requirements.lock $(ARGS)
	@$(BIN)/uv pip compile --group pyproject.toml:bench --constraints requirements.lock --quiet --universal \
		--python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links \
		--output-file benchmarks/requirements.lock $(ARGS)

bench: environment ## measure beside plain Celery and DBOS (SECONDS=60: a short form; ARGS=scale, ARGS=report, ARGS=--help)
	@VIRTUAL_ENV="$(CURDIR)/.venv" $(BIN)/uv pip install --quiet --require-hashes --requirement benchmarks/requirements.lock
	@$(BIN)/python -m benchmarks $(ARGS)

chaos: environment ## break everything that can break under real orders, and count (SECONDS=1800 ORDERS=2000 SEED=...)
	@$(BIN)/python -m chaos $(ARGS)

soak: environment ## a year of 10,000 subscriptions on a movable clock, and the books to the cent (SUBSCRIPTIONS=500 SEED=...)
	@$(BIN)/python -m soak $(ARGS)

graphs: environment ## run 5,000 random graphs on real workers against a plain model (ARGS="--help")
	@$(BIN)/python -m tests.graphs $(ARGS)

clean: ## remove .venv and all caches; the data in var/ stay
	@rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
