# `make run` and `make test` are all that one needs; both set up what is missing first.

PY := .venv/bin/python
JOBS ?= 2
export PYTHONDONTWRITEBYTECODE ?= 1

.PHONY: run test check lint bench kill screenshots setup setup-dev clean help

help:  ## Show this list.
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

run: setup  ## Open the window: small_cnn on real handwritten digits, training. Off screen without a display.
	@scripts/run.sh

test: setup-dev lint  ## Every check: lint, types, import rules, all tests.
	$(PY) -m pytest -n $(JOBS) --dist loadfile -q

check: setup-dev lint  ## The fast checks: lint, types, import rules, unit tests.
	$(PY) -m pytest -n $(JOBS) -q tests/unit -m "not slow"

lint: setup-dev
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	.venv/bin/lint-imports

bench: setup-dev  ## Measure speed: ratios taken side by side, with repeats.
	$(PY) -m tests.bench

kill: setup-dev  ## Kill training at 200 random moments and count what was lost.
	$(PY) -m tests.bench.kill --times 200

screenshots: setup  ## Make the pictures in docs/images again; ONLY=train for some of them.
	$(PY) scripts/screenshots.py $(ONLY)

setup:
	@scripts/setup.sh

setup-dev:
	@scripts/setup.sh dev,mnist

clean:  ## Remove what the tools left behind, but not .venv.
	rm -rf build dist out *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
