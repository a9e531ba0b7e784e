# Targets that run Python set up .venv, once, and again when the requirements change or .venv cannot work (install.py).
# SEED=3 and ARGS="--model.depth 2" reach the runs, PIP_ARGS="…" reaches pip.

SEED ?= 0
ARGS ?=
PIP_ARGS ?=
PORT ?= 6006
QUICK ?=
AXIS ?= model.position
OBJECTIVES ?= causal,masked
RUNS ?=
comma := ,
# A finished run is kept and a stopped one goes on, unless ARGS says otherwise.
ONCE = $(if $(filter --overwrite,$(ARGS)),,--once)
PYTHON ?= python3
RUN := .venv/bin/python -m

.DEFAULT_GOAL := help
.PHONY: help setup train-causal train-bidirectional ask capitals compare compare-objectives compare-context ablate tensorboard page bench test test-slow test-browser chaos lint clean clean-runs

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-20s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/ready ## make .venv with what runs it

train-causal: .venv/ready ## train a causal transformer into checkpoints/causal-SEED
	$(RUN) train causal --seed $(SEED) $(ONCE) $(ARGS)

train-bidirectional: .venv/ready ## train a bidirectional one into checkpoints/bidirectional-SEED
	$(RUN) train bidirectional --seed $(SEED) $(ONCE) $(ARGS)

ask: .venv/ready ## ask both models your own questions, or RUNS="causal-3 bidirectional-3"
	@$(RUN) eval ask $(or $(RUNS),causal-0 bidirectional-0) $(ARGS)

capitals: .venv/ready ## train both on real facts, in half a minute: table and figure in checkpoints/capitals
	$(RUN) train compare --task triples --name capitals --seeds 1 $(ARGS)

compare: .venv/ready ## train both, five seeds each: table and figure in checkpoints/compare
	$(RUN) train compare $(ARGS)

compare-objectives: .venv/ready ## train every objective, five seeds each (QUICK=1: two seeds, half the world)
	$(RUN) train sweep studies/objectives.py --name compare-objectives$(if $(QUICK),-quick --quick) $(ARGS)

compare-context: .venv/ready ## knowledge in weights against facts in prompts, five seeds (QUICK=1: one)
	$(RUN) train sweep studies/context.py --name compare-context$(if $(QUICK), --seeds 1) $(ARGS)

ablate: .venv/ready ## one setting over its values: AXIS=model.position OBJECTIVES=causal,masked
	$(RUN) train ablate $(AXIS) --objectives $(subst $(comma), ,$(OBJECTIVES)) $(ARGS)

tensorboard: .venv/ready ## TensorBoard on all runs or RUNS="causal-0 compare-*", at localhost:6006 (PORT=…)
	$(RUN) train.serve_tensorboard $(foreach run,$(RUNS),'$(run)') --port $(PORT)

page: .venv/page ## write page.html: both models running in one file, offline; trains what is missing
	$(RUN) page $(ARGS)

bench: .venv/dev ## training steps and time to a result against transformers' models
	$(RUN) train.bench $(ARGS)

test: .venv/dev ## the tests, on all cores, in ten to fourteen minutes on two
	$(RUN) pytest -q -n auto --dist loadfile --no-loadscope-reorder $(ARGS)

test-slow: .venv/dev ## train the models that the claims are about, and check the claims
	$(RUN) pytest -q -n auto --dist loadfile --no-loadscope-reorder -m slow $(ARGS)

test-browser: .venv/dev ## open the page in headless Chromium (CHROMIUM=path)
	@for browser in $(or $(CHROMIUM),chromium google-chrome chrome); do command -v $$browser >/dev/null && exit 0; done; \
	echo "error: there is no Chromium: install the package chromium, or set CHROMIUM" >&2; exit 2
	$(RUN) pytest -q -m browser $(ARGS)

chaos: .venv/dev ## kill tiny runs, damage their files and fill their disk, and compare with undisturbed ones
	$(RUN) tests.chaos $(ARGS)

lint: .venv/dev ## style and mistakes
	$(RUN) ruff check .
	$(RUN) ruff format --check .

clean: ## delete caches and .venv, never runs
	rm -rf .venv .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

RUN_FOLDERS := find checkpoints -mindepth 1 -maxdepth 1 -type d ! -name __pycache__

clean-runs: ## delete every run in checkpoints, after asking
	@[ -n "$$($(RUN_FOLDERS))" ] || { echo "there are no runs"; exit 0; }; \
	$(RUN_FOLDERS) -print; printf 'Delete these runs? [y/N] '; read answer; \
	[ "$$answer" = y ] && $(RUN_FOLDERS) -exec rm -rf {} + || echo kept

# They look each time whether .venv works. Of two calls at once, the second waits.
.venv/ready: FORCE
	@$(PYTHON) install.py ready requirements.txt $(PIP_ARGS)

.venv/page: .venv/ready FORCE
	@$(PYTHON) install.py page requirements-page.txt $(PIP_ARGS)

.venv/dev: .venv/ready FORCE
	@$(PYTHON) install.py dev requirements-dev.txt $(PIP_ARGS)

FORCE:
