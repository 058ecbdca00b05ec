# Everything runs in .venv, which each target makes or brings up to date by itself.
# Works with GNU make 3.81 (macOS) and later, and with any POSIX shell.

PYTHON ?= python3
ARGS ?=
SECONDS ?= 60
DURATION ?= 300
SEED ?= 1
PROCESSES ?= 3
BIN := .venv/bin
STAMP := .venv/.stamp
CHECKOV := .venv/checkov
CHECKOV_STAMP := $(CHECKOV)/.stamp
IS_NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--custom-compile-command "make lock" $(UPGRADE)

PEERS := benchmarks/peers/rust/Cargo.toml
CLIPPY := cargo fmt --check --manifest-path native/Cargo.toml && cargo fmt --check --manifest-path $(PEERS) --all && \
	cargo clippy --quiet --locked --manifest-path native/Cargo.toml -- --deny warnings
NATIVE := native/Cargo.toml native/Cargo.lock native/pyproject.toml $(wildcard native/src/*.rs)

UNIT := not integration and not faults and not fuzz and not image and not package
# Three at once keep two cores busy: many tests wait for a process. One with the daemon needs nearly a core.
PYTEST = $(BIN)/pytest -n $(PROCESSES) --dist worksteal

# A test module is compiled once, with what `assert` tells, and not by each process of each run.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo up test test-unit test-smoke test-rest test-all coverage fuzz faults measure gameday soak mutants audit deploy-check deploy-lint check hooks format docs site pictures notices bench bench-quick bench-long image image-test lambda-package lambda-test lock clean
.DELETE_ON_ERROR:

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

setup: $(STAMP) ## make .venv, or bring it up to date (PYTHON=python3.12 to choose)
	@echo ".venv is up to date: $(BIN)/sanitizer --help"

demo: $(STAMP) ## the whole service on this machine; ARGS="--records 5000" and so on
	$(BIN)/sanitizer demo $(ARGS)

up: $(STAMP) ## the same with steady load and Prometheus, until Ctrl-C; ARGS="--rate 200 --seconds 60" and so on
	$(BIN)/python -m consumer.local up $(ARGS)

test: test-unit ## what to run before a commit, within 10 minutes: test-unit, a moment of fuzzing, test-smoke
	FUZZ_SECONDS=15 FUZZ_SEED=$(SEED) $(BIN)/pytest -m fuzz tests/fuzz
	$(MAKE) --no-print-directory test-smoke ARGS=

test-unit: $(STAMP) ## the unit suite alone; ARGS="-k name" to select, PROCESSES=0 to run it in one process
	$(PYTEST) -m "$(UNIT)" $(ARGS)

test-smoke: $(STAMP) ## with the real KCL daemon: a demo, the death of each process, the way of a record; ARGS="-k name"
	$(BIN)/pytest -n 2 --dist worksteal -v -m smoke tests/integration tests/faults $(ARGS)

test-rest: $(STAMP) ## what test-all has beyond test: all examples of the property tests, either engine, integration, some faults
	HYPOTHESIS_PROFILE=full $(PYTEST) -m "hypothesis and $(UNIT)"
	REDACTION_NATIVE=off $(PYTEST) -m "$(UNIT)" tests/unit/redaction
	$(BIN)/pytest -v -m "(integration or sample) and not smoke"

test-all: test test-rest ## everything but the whole fault suite, the image and the Lambda package

coverage: $(STAMP) ## the unit suite, and which lines and branches of consumer and redaction it does not reach
	$(PYTEST) -m "$(UNIT)" --cov --cov-report=term $(ARGS)

fuzz: $(STAMP) ## random and mutated input for SECONDS in all; SEED=number repeats a run
	FUZZ_SECONDS=$(SECONDS) FUZZ_SEED=$(SEED) $(BIN)/pytest -m fuzz tests/fuzz $(ARGS)

faults: $(STAMP) ## the whole fault suite; ARGS="-k name" to select
	$(BIN)/pytest -m faults tests/faults $(ARGS)

measure: $(STAMP) ## how long faults, alerts and upgrades take, anew, for the pages' tables: over an hour, on an idle machine
	rm -f $(addprefix tests/faults/results/,applications.json recovery.json soak.json gameday.json)
	FAULT_RESULTS=tests/faults/results $(BIN)/pytest -m measured tests/faults
	FAULT_RESULTS=tests/faults/results $(BIN)/python -m tests.faults.soak --duration 300 --seed 1
	FAULT_RESULTS=tests/faults/results $(BIN)/python -m tests.faults.gameday
	$(MAKE) --no-print-directory docs

gameday: $(STAMP) ## each alert made to fire by a real fault, and to clear, in a real Prometheus; ARGS="--only words"
	$(BIN)/python -m tests.faults.gameday $(ARGS)

soak: $(STAMP) ## load and random faults, then the ledger; DURATION=seconds SEED=number
	$(BIN)/python -m tests.faults.soak --duration $(DURATION) --seed $(SEED) $(ARGS)

mutants: $(STAMP) ## broken versions of the worker, each of which a test must catch
	$(BIN)/python -m tests.faults.mutants $(ARGS)

check: $(STAMP) ## formatting, lint, types, import contracts, known vulnerabilities of what is pinned
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@if command -v cargo >/dev/null; then $(CLIPPY); else echo "No cargo: native/ is NOT CHECKED."; fi
	$(BIN)/python requirements/audit.py

hooks: $(STAMP) ## git hooks: the quick ones of these before a commit, types before a push
	$(BIN)/pre-commit install

audit: $(STAMP) ## known vulnerabilities alone, as for a release: nobody to ask is a failure
	AUDIT=required $(BIN)/python requirements/audit.py

deploy-check: deploy-lint ## the ECS templates: linted, compared with the calls of real runs, made in moto; Terraform, compose, dashboards
	$(BIN)/pytest -m "not image and not package" tests/deploy $(ARGS)

deploy-lint: $(STAMP) $(CHECKOV_STAMP) ## cfn-lint, checkov, actionlint and hclfmt alone; the tests are part of `make test`
	$(BIN)/cfn-lint deploy/ecs/*.yaml deploy/lambda/template.yaml deploy/pipeline/*.yaml
	CKV_SKIP_PACKAGE_UPDATE_CHECK=true $(CHECKOV)/bin/checkov --framework cloudformation \
		--directory deploy/ecs --directory deploy/lambda --directory deploy/pipeline \
		--compact --quiet --skip-download
	CKV_SKIP_PACKAGE_UPDATE_CHECK=true $(CHECKOV)/bin/checkov --framework terraform --directory deploy/terraform \
		--compact --quiet --skip-download
	@if command -v actionlint >/dev/null && command -v shellcheck >/dev/null; then actionlint .github/workflows/*.yml; \
	elif [ -n "$${CI:-}" ]; then echo "No actionlint, or no shellcheck: .ci/install installs them." >&2; exit 1; \
	else echo "No actionlint, or no shellcheck: .github/workflows is NOT CHECKED."; fi
	@if command -v hclfmt >/dev/null; then \
		find deploy/terraform \( -name '*.tf' -o -name '*.tfvars' \) -exec hclfmt -require-no-change {} + >/dev/null; \
	elif [ -n "$${CI:-}" ]; then echo "No hclfmt: .ci/install installs it." >&2; exit 1; \
	else echo "No hclfmt: the format of deploy/terraform is NOT CHECKED."; fi

format: $(STAMP) ## format, and mend what the linter can mend
	if command -v cargo >/dev/null; then cargo fmt --manifest-path native/Cargo.toml; cargo fmt --manifest-path $(PEERS) --all; fi
	if command -v hclfmt >/dev/null; then find deploy/terraform \( -name '*.tf' -o -name '*.tfvars' \) -exec hclfmt -w {} +; fi
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(STAMP) ## the generated tables of the pages in docs/, and Grafana's dashboard
	$(BIN)/python -m docs.generate
	$(BIN)/python -m deploy.observability.grafana.generate

site: $(STAMP) ## the documentation as a site, build/site/index.html, to be opened from the file system or served
	NO_MKDOCS_2_WARNING=true $(BIN)/python -m mkdocs build --quiet --strict
	@echo "Open build/site/index.html"

pictures: $(STAMP) ## the pictures of the status page in docs/img, after a change of it; needs chromium
	WRITE_PICTURES=1 $(BIN)/pytest -n 0 tests/unit/consumer/web/test_page_in_browser.py

notices: $(STAMP) ## THIRD-PARTY-NOTICES, after a change of dependencies; needs cargo
	mkdir -p build
	$(BIN)/python -m deploy.image.notices > build/notices
	mv build/notices THIRD-PARTY-NOTICES

bench: $(STAMP) ## the benchmark, under 20 minutes, on a quiet machine; ARGS="--only path" to select
	$(BIN)/python -m benchmarks.bench $(ARGS)

bench-quick: $(STAMP) ## its most telling rows in small, under 2 minutes
	$(BIN)/python -m benchmarks.bench --quick $(ARGS)

bench-long: $(STAMP) ## its rows of 10 minutes of load each: flat memory, and a table that is too slow
	$(BIN)/python -m benchmarks.bench --long $(ARGS)

image: $(STAMP) ## the container image, with docker, podman or buildah; ARGS="--target local" for one with the embedded cloud
	$(BIN)/python deploy/image/build.py $(ARGS)

image-test: $(STAMP) ## build it with buildah and run it as ECS would, without a container engine; needs root
	$(BIN)/pytest -m image tests/deploy $(ARGS)

lambda-package: $(STAMP) ## build/lambda.zip, without the JVM parts; ARGS="--platform x86_64 --include policy.yaml" and so on
	$(BIN)/python deploy/lambda/package.py $(ARGS)

lambda-test: $(STAMP) ## make it twice, and run the functions out of it alone
	$(BIN)/pytest -m package tests/deploy $(ARGS)

lock: $(STAMP) ## write requirements/*.txt from pyproject.toml; UPGRADE=--upgrade for newer versions
	$(LOCK) --group build --output-file requirements/build.txt
	$(LOCK) --constraints requirements/build.txt pyproject.toml --extra local --group dev --output-file requirements/dev.txt
	$(LOCK) --constraints requirements/dev.txt pyproject.toml --extra local --output-file requirements/local.txt
	$(LOCK) --constraints requirements/dev.txt pyproject.toml --output-file requirements/base.txt
	$(LOCK) --constraints requirements/dev.txt pyproject.toml --extra worker --extra formats --output-file requirements/runtime.txt
	$(LOCK) --constraints requirements/dev.txt pyproject.toml --extra worker --extra formats --no-emit-package amazon-kclpy \
		--no-emit-package setproctitle --no-emit-package click --no-emit-package rich --no-emit-package markdown-it-py \
		--no-emit-package mdurl --no-emit-package pygments --output-file requirements/lambda.txt
	$(LOCK) --constraints requirements/dev.txt --group sbom --output-file requirements/sbom.txt
	$(LOCK) --group deploy --output-file requirements/deploy.txt
	$(LOCK) --group peers --output-file requirements/peers.txt
	$(LOCK) --group native --output-file requirements/native.txt

clean: ## remove .venv, build results and caches
	rm -rf .venv build dist ./*.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .import_linter_cache native/target benchmarks/peers/rust/target
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# With uv where it is on the PATH, else with venv and pip. Build isolation is off because what an isolated build fetches
# is neither pinned nor checked: requirements/build.txt brings the build tools, with hashes, first. What setuptools warns of
# while it builds is for the authors of packages.
$(STAMP): requirements/build.txt requirements/dev.txt requirements/native.txt pyproject.toml consumer/kcl/jvm/jars.txt $(NATIVE)
	@if ! $(BIN)/python -c '$(IS_NEW_ENOUGH)' 2>/dev/null; then \
		$(PYTHON) -c '$(IS_NEW_ENOUGH)' || { \
			echo "Python 3.11 or later is needed, and '$(PYTHON)' is not. Name another: make PYTHON=python3.12" >&2; exit 1; }; \
		rm -rf .venv; \
		if command -v uv >/dev/null; then \
			uv venv --quiet --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" .venv || exit 1; \
		elif $(PYTHON) -c 'import ensurepip, venv' 2>/dev/null; then \
			$(PYTHON) -m venv .venv || exit 1; \
		else \
			echo "'$(PYTHON)' cannot make virtual environments. Install python3-venv (Debian, Ubuntu), or uv." >&2; exit 1; \
		fi; \
	fi
	@echo "Installing into .venv: a few minutes the first time, with KCL's jars from Maven Central"
	@export PYTHONWARNINGS=ignore; \
	if command -v uv >/dev/null; then \
		install="uv pip install --quiet --python $(BIN)/python"; \
	else \
		$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null || exit 1; \
		install="$(BIN)/python -m pip install --quiet --disable-pip-version-check"; \
	fi; \
	$$install --require-hashes -r requirements/build.txt && \
	$(BIN)/python -m consumer.kcl.jvm.fetch_jars --requirements requirements/dev.txt && \
	$$install --require-hashes --no-build-isolation -r requirements/dev.txt && \
	$$install --no-build-isolation --no-deps --editable . && \
	if ! command -v cargo >/dev/null; then \
		echo "No cargo: the redaction engine runs without its compiled part, which is faster (native/README.md)"; \
	elif $$install --require-hashes -r requirements/native.txt && \
		PATH="$(CURDIR)/$(BIN):$$PATH" $$install --no-build-isolation --no-deps --force-reinstall ./native; then :; \
	elif [ -n "$${CI:-}" ]; then exit 1; \
	else echo "The compiled part cannot be built, see above: the redaction engine runs without it"; fi
	@touch $@

# An environment of its own: see the group `deploy` in pyproject.toml.
$(CHECKOV_STAMP): requirements/deploy.txt | $(STAMP)
	@rm -rf $(CHECKOV)
	@if command -v uv >/dev/null; then \
		uv venv --quiet --python $(BIN)/python $(CHECKOV) || exit 1; \
		install="uv pip install --quiet --python $(CHECKOV)/bin/python"; \
	else \
		$(BIN)/python -m venv $(CHECKOV) || exit 1; \
		install="$(CHECKOV)/bin/python -m pip install --quiet --disable-pip-version-check"; \
	fi; \
	$$install --require-hashes --only-binary :all: -r requirements/deploy.txt
	@touch $@
