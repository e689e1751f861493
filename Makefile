# make run and make test work on a fresh machine with Python 3.11 or later; both may be repeated.

PYTHON ?= python3
ENV_PYTHON := .venv/bin/python

# Tests run offscreen even where the desktop sets another platform; `make test PLATFORM=xcb` shows
# their windows. Each worker computes on one thread, or two workers on two cores would get in each
# other's way.
WORKERS = 2
PLATFORM = offscreen
# How long `make soak`, `make fuzz` and `make chaos` go on, and each part of `make outside`.
MINUTES = 5
HEADLESS = QT_QPA_PLATFORM=$(PLATFORM)

.DEFAULT_GOAL := help
.PHONY: help set-up peers run test coverage check format bench soak fuzz chaos outside pictures clean python

help:
	@echo 'make run       set up, open the window (without a display: train a preset, write a run folder)'
	@echo 'make test      set up, run all tests (TESTS="tests/commands/test_cli.py -k seed" picks some)'
	@echo 'make coverage  run all tests, fail where branches of storage or settings are not taken'
	@echo 'make check     formatting, lint, types, closed doors'
	@echo 'make format    format, and repair what can be repaired'
	@echo 'make bench     measure against the peers'
	@echo 'make soak      the real window under load, random users, extreme settings (MINUTES=5)'
	@echo 'make fuzz      damaged files, settings through every format, edits undone (MINUTES=5)'
	@echo 'make chaos     saves that are killed, saves whose calls fail (MINUTES=5)'
	@echo 'make outside   kills from outside, edited files, odd environments (MINUTES=5 for each part)'
	@echo 'make pictures  draw the pictures of the README again'
	@echo 'make clean     remove .venv, builds and caches; runs/ stays'

python:
	@command -v $(PYTHON) >/dev/null || { \
	  echo 'error: $(PYTHON) is not installed. Install Python 3.11 or later (Debian, Ubuntu:' \
	       'sudo apt-get install -y python3 python3-venv), or name another: make PYTHON=python3.12' >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "error: Python 3.11 or later is needed, and $(PYTHON) is $$($(PYTHON) -V 2>&1)." \
	       'Name another: make PYTHON=python3.12' >&2; exit 1; }

set-up: python
	@$(PYTHON) tools/set_up.py

run: set-up
	@if [ -n "$$DISPLAY$$WAYLAND_DISPLAY" ] || [ "$$(uname)" = Darwin ]; then \
	  exec $(ENV_PYTHON) -m maml_explorer; \
	fi; \
	echo 'There is no display: training the preset finn-10-shot without a window.'; \
	exec env $(HEADLESS) $(ENV_PYTHON) -m maml_explorer train --preset finn-10-shot \
	  --outer-steps 2000 --out "runs/first-$$(date +%Y-%m-%d-%H%M%S)"

test: set-up
	@OMP_NUM_THREADS=1 $(HEADLESS) $(ENV_PYTHON) -m pytest -q -n $(WORKERS) --dist loadfile --max-worker-restart 0 $(TESTS)

coverage: set-up
	@OMP_NUM_THREADS=1 $(HEADLESS) $(ENV_PYTHON) -m pytest -q -n $(WORKERS) --dist loadfile --max-worker-restart 0 \
	  --cov --cov-report=term --cov-report=json:htmlcov/coverage.json $(TESTS)
	$(ENV_PYTHON) tools/coverage_bounds.py htmlcov/coverage.json

check: set-up
	$(ENV_PYTHON) -m ruff format --check .
	$(ENV_PYTHON) -m ruff check .
	$(ENV_PYTHON) -m mypy
	$(ENV_PYTHON) tools/closed_doors.py

format: set-up
	$(ENV_PYTHON) -m ruff check --fix-only .
	$(ENV_PYTHON) -m ruff format .

peers: python
	@$(PYTHON) tools/set_up.py --peers

bench: peers
	@$(HEADLESS) $(ENV_PYTHON) -m benchmarks

soak fuzz chaos outside: set-up
	@OMP_NUM_THREADS=1 $(HEADLESS) $(ENV_PYTHON) -m tests.long.$@ --minutes $(MINUTES)

pictures: python
	@$(PYTHON) tools/set_up.py --window
	@if command -v xvfb-run >/dev/null; then \
	  exec env QT_QPA_PLATFORM=xcb xvfb-run -a -s '-screen 0 1600x1000x24' $(ENV_PYTHON) -m tools.pictures; \
	fi; \
	exec env $(HEADLESS) $(ENV_PYTHON) -m tools.pictures

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis htmlcov .coverage .coverage.*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
