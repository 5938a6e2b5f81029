# Every command installs its dependencies. `make` alone lists the commands.
PYTHON  ?= python3
VENV    ?= .venv
BIN      = $(VENV)/bin
RUNTIME ?= $(shell nvidia-smi >/dev/null 2>&1 && echo gpu || echo cpu)
OTHER    = $(if $(filter gpu,$(RUNTIME)),onnxruntime,onnxruntime-gpu)
PIP      = $(BIN)/python -m pip --disable-pip-version-check
# Files with few, slow tests come first, so that no core idles at the end.
ORDER    = tests/test_*.py tests/[a-z]*/
# Where the tests marked `serial` are: nothing else is imported to find them.
SERIAL   = $$(grep -rl --include='test_*.py' 'pytest.mark.serial' tests)
PIN      = $(BIN)/uv pip compile --quiet --constraints constraints.txt --generate-hashes \
           --no-header --no-annotate --python-version 3.13 --python-platform linux

# The tests start many processes, which would compile the same modules again and again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help serve test test-parallel test-serial lint format settings image requirements clean

help:  ## list the commands
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

serve: $(VENV)/.serve-$(RUNTIME)  ## serve on port 8000 (GPU runtime if nvidia-smi works)
	$(BIN)/python -m service

test:  ## run every test
	$(MAKE) test-parallel
	$(MAKE) test-serial

test-parallel: $(VENV)/.dev-$(RUNTIME)  ## run the tests that do not depend on timing
	$(BIN)/python -m pytest -n auto --maxprocesses 8 --dist loadfile --no-loadscope-reorder \
	  -m 'not serial' $(ORDER)

test-serial: $(VENV)/.dev-$(RUNTIME)  ## run the tests that depend on timing, one by one
	$(BIN)/python -m pytest -m serial $(SERIAL)

lint: $(VENV)/.dev-$(RUNTIME)  ## ruff, mypy --strict, import-linter, hadolint, shellcheck
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/hadolint docker/*.Dockerfile
	$(BIN)/shellcheck docker/*.sh .ci/run

format: $(VENV)/.dev-$(RUNTIME)  ## fix what ruff can fix
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

settings: $(VENV)/.dev-$(RUNTIME)  ## generate docs/settings.md
	$(BIN)/python -m service --print-settings > docs/settings.md

image:  ## build the CPU image and relight a photo in it, as strictly as in production
	docker/smoke.sh

# uv ignores pip.conf and writes no addresses, so the files are the same on every machine.
requirements: | $(VENV)/.made  ## pin the dependencies of the images, with hashes
	$(PIP) install -q uv
	printf 'hatchling>=1.26\nhatch-vcs>=0.5\n' | $(PIN) - -o docker/requirements-build.txt
	printf 'cyclonedx-bom>=7.5\ndebsbom>=0.10\n' | $(PIN) - -o docker/requirements-sbom.txt
	$(PIN) pyproject.toml --extra cpu --extra tracing -o docker/requirements-cpu.txt
	$(PIN) pyproject.toml --extra gpu --extra tracing -o docker/requirements-cuda.txt
	$(PIN) pyproject.toml --extra cpu --extra export -o docker/requirements-export.txt

clean:  ## remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis .schemathesis .import_linter_cache

# Debian and Ubuntu ship python3 without ensurepip; their python3-venv package adds it.
$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo 'Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { \
	  echo 'This Python cannot make virtual environments: installing the package python3-venv.'; \
	  as_root=$$([ "$$(id -u)" = 0 ] || echo sudo); \
	  $$as_root apt-get update -qq && \
	  DEBIAN_FRONTEND=noninteractive $$as_root apt-get install -y -qq python3-venv; }
	$(PYTHON) -m venv --clear $(VENV)
	@touch $@

# Both runtimes write the same Python package, so the other one is uninstalled first.
$(VENV)/.serve-$(RUNTIME): pyproject.toml constraints.txt | $(VENV)/.made
	@echo "Installing the dependencies for serving ($(RUNTIME)): a minute or so, once."
	$(PIP) uninstall -q -y $(OTHER)
	$(PIP) install -q -c constraints.txt -e '.[$(RUNTIME)]'
	@rm -f $(VENV)/.serve-* $(VENV)/.dev-* && touch $@

$(VENV)/.dev-$(RUNTIME): pyproject.toml constraints.txt | $(VENV)/.made
	@echo "Installing everything ($(RUNTIME)): a few minutes, once."
	$(PIP) uninstall -q -y $(OTHER)
	$(PIP) install -q -c constraints.txt -e '.[$(RUNTIME),tracing,export,bench,dev]'
	@rm -f $(VENV)/.serve-* $(VENV)/.dev-* && touch $@ $(VENV)/.serve-$(RUNTIME)
