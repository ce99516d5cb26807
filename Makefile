# Set-up and daily commands. The environment is made once, and again only when its locked requirements change.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help setup repro study test lint bench tensorboard pipelines lock clean

export PATH := $(CURDIR)/.venv/bin:$(PATH)
export DO_NOT_TRACK := 1
export DVC_NO_ANALYTICS := 1

pythons := $(or $(PYTHON),python3 python3.13 python3.12 python3.11)
run := .venv/$(if $(filter-out 0,$(GPU)),requirements-gpu,requirements).installed
develop := .venv/requirements-dev.installed
studies := $(patsubst pipelines/%/params.yaml,%,$(wildcard pipelines/*/params.yaml))

ifneq ($(filter study,$(MAKECMDGOALS)),)
  ifeq ($(filter $(studies),$(NAME)),)
    $(error $(if $(NAME),no study named '$(NAME)',name a study): make study NAME=..., one of: $(studies))
  endif
endif

help:
	@sed -n 's/^## /  make /p' $(firstword $(MAKEFILE_LIST))

## setup               make .venv and install the locked requirements
setup: $(run)

## repro               run the root study: reports/digits/report.html
repro: $(run)
	.venv/bin/dvc repro

## study NAME=lecture  run a study of pipelines/
study: $(run)
	.venv/bin/dvc repro pipelines/$(NAME)/dvc.yaml

## test                run the tests
test: $(develop)
	.venv/bin/python -m pytest -n 2 --dist loadfile

## lint                check style and types
lint: $(develop)
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy

## bench               run the short benchmarks: benchmarks/README.md
## bench NAME=resume   run one of them, or a long one
bench: $(run)
	.venv/bin/python -m benchmarks.run $(NAME)

## tensorboard         show the training runs in a browser
tensorboard: $(run)
	.venv/bin/tensorboard --logdir runs

## pipelines           copy a changed dvc.yaml to the studies of pipelines/
pipelines:
	@for study in $(studies); do cp dvc.yaml pipelines/$$study/dvc.yaml; done

## lock                compile the requirements from pyproject.toml again
lock: $(develop)
	$(compile) pyproject.toml -o requirements.txt
	$(compile) --extra dev pyproject.toml -o requirements-dev.txt
	$(compile) --extra gpu pyproject.toml -o requirements-gpu.txt

compile := .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes

## clean               remove caches and build products; .venv, data and results stay
clean:
	rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis build src/*.egg-info
	find $(wildcard src tests benchmarks) -name __pycache__ -prune -exec rm -rf {} +

##
## ... GPU=1           with TensorFlow's CUDA libraries
## ... PYTHON=path     with this Python (3.11, 3.12 or 3.13) in a new .venv

.venv/bin/python:
	@for python in $(pythons); do \
	  if "$$python" -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	      2>/dev/null; then \
	    echo "Making .venv with $$python"; \
	    exec "$$python" -m venv --clear .venv; \
	  fi; \
	done; \
	echo 'No Python 3.11, 3.12 or 3.13 with its venv module (Debian: python3-venv) among: $(pythons).' \
	  'Install one or name it: make PYTHON=/path/to/python' >&2; \
	exit 1

# The locks for development and GPU hold everything of requirements.txt, so each install counts for that, too.
.venv/%.installed: %.txt .venv/bin/python
	@echo 'Installing $< into .venv (minutes, the first time)'
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@ .venv/requirements.installed
