# The only commands a newcomer types. Each sets up what it needs.
VENV := .venv
READY := $(VENV)/.ready
TOOLKIT := .toolkit
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
DEMO := demo/config.yaml
TEST_PATH := workflow:demo:tests/workflow:tests/benchmarks

.PHONY: help setup demo test test-slurm test-aws bench soak lint docs lock

help:            ## what the commands do
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## */\t/' | expand -t 14

setup: $(READY)  ## the Python environment, in .venv

# Compile once, here. Jobs that may not write would otherwise compile torch at each start.
$(READY): requirements.lock
	python3 -c 'import sys; sys.exit("flystage needs Python 3.11 or newer, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	python3 -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet uv
	$(VENV)/bin/uv pip sync --quiet --compile-bytecode --python $(VENV)/bin/python requirements.lock
	touch $(READY)

demo: $(READY)   ## synthetic embryos, the whole workflow, and where the report is
	python demo/embryos.py demo/raw --embryos 24
	python demo/embryos.py demo/unlabelled --embryos 1 --first-embryo 101 --unlabelled
	snakemake --cores all --configfile $(DEMO)

test: $(READY)   ## all tests
	python -m pytest

test-slurm: $(READY)  ## the workflow on a Slurm cluster that it installs and starts; takes about nine minutes and needs root
	python -m pytest tests/slurm -n 0 -rs

test-aws: $(TOOLKIT)/.ready   ## SageMaker, against an emulator that runs what is submitted; about nine minutes
	python -m pytest tests/aws

# What runs in SageMaker's containers, in a separate environment. It is built from source, which needs a C compiler.
$(TOOLKIT)/.ready: $(READY)
	@command -v cc gcc clang >/dev/null || { echo "make test-aws builds sagemaker-training, which needs a C compiler (gcc or clang)."; exit 1; }
	python -m venv $(TOOLKIT)
	uv pip install --quiet --python $(TOOLKIT)/bin/python --constraint requirements.lock sagemaker-training==5.1.4 sagemaker-inference==1.10.1
	python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' > $$($(TOOLKIT)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/flystage.pth
	touch $(TOOLKIT)/.ready

bench: $(READY)  ## speed, as ratios measured side by side; takes about half an hour
	PYTHONPATH=$(TEST_PATH) python tests/benchmarks/bench.py

soak: $(READY)   ## every rule fails in turn, then 25 kills at random moments; takes about an hour
	python -m pytest -m soak -n 0
	PYTHONPATH=$(TEST_PATH) python tests/soak/soak.py

lint: $(READY)   ## style of the code, of the workflow and of the words
	ruff check .
	ruff format --check .
	snakefmt --check Snakefile workflow/rules
	codespell
	python docs/prose.py
	python demo/embryos.py .lint --embryos 3 --minutes 51 69 9 --size 222 84 --no-droppings
	snakemake --lint --config raw=.lint

docs: $(READY)   ## config.yaml and docs/settings.md from the schema, the picture of the workflow, the table of rules
	python docs/make_settings.py
	python docs/make_workflow.py

lock: $(READY)   ## resolve the environment anew (names, versions and platforms; no hosts)
	uv pip compile --universal --python-version 3.11 --group dev pyproject.toml --upgrade --no-annotate --no-header --quiet --output-file requirements.lock
