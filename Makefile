# Needs Python >= 3.11 and nothing else: every target makes .venv first, with the tested versions of everything.

PYTHON ?= python3
CONSTRAINTS ?= constraints.txt
WORKERS ?= auto
ARGS ?=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
.PHONY: FORCE help setup demo test test-long test-kernels check format docs wheel bench figures clean

help: ## Show this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile
	@echo
	@echo '  PYTHON=python3.13 chooses the interpreter, ARGS="-k regret" goes to pytest (or ARGS=--resume to the demo), WORKERS=2 sets its processes.'

setup: .venv/.stamp ## Make .venv, or make it again where what it is made from changed
	@:

demo: .venv/.stamp ## Train the reference agent
	.venv/bin/python examples/train_reference_agent.py $(ARGS)

# One torch thread a process: the processes share the cores already.
test test-long test-kernels: export OMP_NUM_THREADS = 1

test: .venv/.stamp ## Run the tests
	.venv/bin/pytest -n $(WORKERS) --maxprocesses 8 $(ARGS)

test-long: .venv/.stamp ## Run the long trainings too slow for `make test`
	.venv/bin/pytest -n $(WORKERS) --maxprocesses 8 -m slow $(ARGS)

# What is equal to the last bit has to be so on other processors too: these are their kernels, on this one.
test-kernels: .venv/.stamp ## Run the tests of equal bits with the kernels of other processors
	ATEN_CPU_CAPABILITY=default .venv/bin/pytest -n $(WORKERS) --maxprocesses 8 -m "bits and not slow" $(ARGS)
	ONEDNN_MAX_CPU_ISA=AVX2 .venv/bin/pytest -n $(WORKERS) --maxprocesses 8 -m "bits and not slow" $(ARGS)

check: .venv/.stamp ## Check style, format, types, imports and spelling
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy
	.venv/bin/lint-imports --no-cache
	.venv/bin/codespell

format: .venv/.stamp ## Format the code, and repair what ruff can
	.venv/bin/ruff check --fix-only
	.venv/bin/ruff format

docs: .venv/.stamp ## Build the documentation into docs/_build/html
	.venv/bin/sphinx-build -W --keep-going -b html docs docs/_build/html

wheel: .venv/.stamp ## Build sdist and wheel, and try the wheel in an empty environment
	rm -rf build dist meta_envs.egg-info
	PIP_CONSTRAINT=constraints.txt .venv/bin/python -m build --quiet
	.venv/bin/python .ci/check_wheel.py

bench: .venv/.stamp ## Measure steps per second
	.venv/bin/meta-envs bench

figures: .venv/.stamp ## Make all figures of the paper, and renew what the documentation shows of them
	.venv/bin/meta-envs reproduce all --output docs/reproduction --again
	.venv/bin/python docs/paper.py

clean: ## Remove what was built, but neither .venv nor runs/
	rm -rf build dist docs/_build docs/_generated meta_envs.egg-info oldest.txt .hypothesis .grimp_cache .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . \( -name .git -o -name .venv -o -name runs \) -prune -o -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamp holds what .venv was made from; it comes last, so that an interrupted installation does not count as made.
.venv/.stamp: $(CONSTRAINTS) FORCE
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'meta-envs needs Python >= 3.11; choose one, as in: make PYTHON=python3.13 setup' >&2; exit 1; }
	@key="$$({ cat pyproject.toml $(CONSTRAINTS); $(PYTHON) --version; pwd; } | cksum)"; \
	if [ "$$(cat $@ 2>/dev/null)" != "$$key" ]; then \
		echo "Making .venv from $(CONSTRAINTS) ($$($(PYTHON) --version)): some minutes, most of them torch ..."; \
		rm -rf .venv && $(PYTHON) -m venv .venv && \
		.venv/bin/python -m pip install --quiet --disable-pip-version-check -c $(CONSTRAINTS) -e ".[all]" && \
		echo "$$key" > $@ && echo 'Made .venv.'; \
	fi

oldest.txt: pyproject.toml constraints.txt .ci/oldest.py
	$(PYTHON) .ci/oldest.py > $@
