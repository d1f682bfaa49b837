# Everything is set up below .venv of the checkout; state lives in .user_behaviour (USER_BEHAVIOUR_HOME).
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
SPARK35 := .venv-spark35
.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

.PHONY: setup
setup: $(READY) ## Make the virtual environment with the pinned dependencies

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "CPython 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) -V). Name another: make PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing the pinned dependencies into .venv (a minute or two, once) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[local,training,dev]'
	@echo "Keeping the classes of Spark as Java starts them fastest (half a minute, once) …"
	@$(BIN)/python -m user_behaviour.spark.class_archive spark_jobs/classify_reviews.py
	@$(BIN)/python -m user_behaviour.report.vega_runtime
	@touch $@

.PHONY: spark35
spark35: $(SPARK35)/ready ## Make the environment in which tests run the Spark programs as EMR 7 does

$(SPARK35)/ready: user_behaviour_tests/spark/spark35.txt
	@echo "Installing the Spark of EMR into $(SPARK35) (a minute or two, once) …"
	@# EMR's Python where the machine has it.
	@for python in python3.9 $(wildcard $(HOME)/.pyenv/versions/3.9.*/bin/python) $(PYTHON); do \
		$$python -m venv --clear $(SPARK35) >/dev/null 2>&1 && break; done
	@$(SPARK35)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

.PHONY: demo
demo: $(READY) ## A sample shop, a classifier, every asset for every day, the metric; a second call changes nothing
	@$(BIN)/user-behaviour demo

.PHONY: dev
dev: $(READY) ## The Dagster UI with its daemon, on loopback (PORT=3000)
	@$(BIN)/user-behaviour dev $(if $(PORT),--port $(PORT))

.PHONY: env
env: $(READY) ## Write .env, by which `dagster dev` and `dg dev` find what `make dev` shows
	@$(BIN)/user-behaviour up >/dev/null && $(BIN)/user-behaviour env --write

# The AWS CLI, for the rehearsal of docs/aws.md: apart, since it pins a botocore of its own.
AWS_CLI := .venv/aws/bin/aws
$(AWS_CLI): $(READY)
	@$(PYTHON) -m venv .venv/aws && .venv/aws/bin/pip install --quiet --disable-pip-version-check 'awscli>=1.46,<2'

# The JSON schema by which dbt judges docs/dbt/sources.yml: of its package that file alone.
DBT_SCHEMA := .venv/dbt/dbt/jsonschemas/resources/latest.json
$(DBT_SCHEMA): $(READY)
	@$(BIN)/python -m pip download --quiet --disable-pip-version-check --no-deps --dest .venv/dbt 'dbt-core>=1.12,<2'
	@cd .venv/dbt && for wheel in dbt_core-*.whl; do ../../$(BIN)/python -m zipfile -e "$$wheel" .; done && touch ../../$@

.PHONY: rehearse
rehearse: $(READY) $(AWS_CLI) ## Carry out docs/aws.md on what stands for AWS, and print what happened
	@$(BIN)/python -m pytest --quiet --capture=no -m slow user_behaviour_tests/docs/test_rehearsal.py

.PHONY: test
test: $(READY) $(SPARK35)/ready $(AWS_CLI) $(DBT_SCHEMA) ## Run the tests, but for the slow ones
	@# Three processes for two cores: the tests of the UI mostly wait.
	@$(BIN)/python -m pytest -n 3
	@$(BIN)/python -m pytest -m alone

.PHONY: search
search: $(READY) ## Look at many generated examples and at all real days, where the tests take a few
	@$(BIN)/python -m pytest -m search --hypothesis-profile search

.PHONY: training
training: $(READY) ## Train on all labelled reviews of the real data (minutes), and hold the figures
	@$(BIN)/python -m pytest -m training

.PHONY: check
check: $(READY) $(SPARK35)/ready $(AWS_CLI) $(DBT_SCHEMA) ## What CI runs: format, lint, types, dependency rules, SQL and workflow lint, all tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sqlfluff lint sql
	$(BIN)/zizmor --offline --quiet .github/workflows
	$(BIN)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(BIN)/python -m pytest -n 3 -m "not alone and not training"
	$(BIN)/python -m pytest -m alone

.PHONY: bench
bench: $(READY) ## Measure the project against a plain script, at scale 1 and 10, and against its bounds
	@$(BIN)/python bench/run.py

.PHONY: bench-scale
bench-scale: $(READY) ## Measure the project at scale 10 and 100: 54 million purchase lines, 30 GB of disk
	@$(BIN)/python bench/run.py --grow --json bench/results/scale.json

.PHONY: diff
diff: $(READY) ## Say what the working tree changes in the metric and the marts of the sample, against BASE=main
	@$(BIN)/python bench/diff.py $(or $(BASE),main)

.PHONY: pictures
pictures: $(READY) ## Take the pictures of the UI and the report in docs/pictures, on a demo home
	@$(BIN)/python -m user_behaviour_tests.ui.pictures

.PHONY: browser
browser: ## Install Debian's Chromium for the tests of the UI, where it is absent (root)
	@command -v chromium >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; }

.PHONY: down
down: $(READY) ## Stop the embedded PostgreSQL
	@$(BIN)/user-behaviour down

.PHONY: clean
clean: ## Stop what runs; remove the state, the virtual environment and the caches
	@test ! -x $(BIN)/user-behaviour || $(BIN)/user-behaviour down
	rm -rf .user_behaviour .venv $(SPARK35) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache *.egg-info build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
