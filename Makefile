# Everything one does here. Recipes are one line or a script in scripts/.

BIN := .venv/bin

# The tests run with a network of their own, where they may make namespaces and can disturb nobody.
PYTEST := scripts/private $(BIN)/pytest
PARALLEL := -n auto

# `make test` fails where tests cannot reach the kernel; `make test ANP_REQUIRE_KERNEL=0` lets it skip them.
ANP_REQUIRE_KERNEL ?= 1
# More cases than dev and the same ones every time; `make test ANP_HYPOTHESIS_PROFILE=deep` looks for new ones.
ANP_HYPOTHESIS_PROFILE ?= ci

.DEFAULT_GOAL := help

##@ To try it

.PHONY: setup
setup: ## Make .venv, and install what is missing; quick when nothing is
	@scripts/setup

.PHONY: demo
demo: setup ## Put a small cluster on this machine, enforce its policies, and watch real packets
	@scripts/demo

##@ To work on it

.PHONY: check
check: lint ## Lint and run the fast tests: the loop to develop in
	$(PYTEST) $(PARALLEL) -m "not slow"

.PHONY: test
test: lint ## Lint and run every test, those in the kernel too: what CI runs
	ANP_REQUIRE_KERNEL=$(ANP_REQUIRE_KERNEL) ANP_HYPOTHESIS_PROFILE=$(ANP_HYPOTHESIS_PROFILE) $(PYTEST) $(PARALLEL)

.PHONY: kernel
kernel: setup ## Run only the tests that need the kernel
	ANP_REQUIRE_KERNEL=1 $(PYTEST) -m kernel

# Tests of a real API server run its programs, and have no network to build them with.
test kernel: controlplane

# Tests of pages run in a real browser.
test: browser

.PHONY: browser
browser: setup ## Install the browser that tests of pages run in
	@scripts/setup browser

.PHONY: controlplane
controlplane: setup ## Build the API server that tests run, and the upstream suites: minutes, then quick
	@scripts/controlplane
	@$(BIN)/python -m tests.kubelet --build

.PHONY: conformance
conformance: setup ## Run the conformance suites with real packets; their reports go to build/conformance
	scripts/private $(BIN)/anp conformance --report build/conformance/report.yaml --junit build/conformance/junit.xml

.PHONY: upstream-conformance
upstream-conformance: controlplane ## Run upstream's own suites against the engine as it is installed; reports go to docs/conformance
	$(BIN)/python -m tests.upstream $(ARGUMENTS)

.PHONY: coverage
coverage: setup ## Run every test and show which branches none of them takes
	$(PYTEST) $(PARALLEL) --cov=anp --cov=compiler --cov=enforcer --cov-branch --cov-report=term-missing:skip-covered

.PHONY: mutants
mutants: setup ## Plant bugs into the compiler, one at a time, and see the fast tests find every one
	scripts/private $(BIN)/python scripts/mutants

.PHONY: lint
lint: setup ## Check format, style, types and who imports whom
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: format
format: setup ## Format the code and repair what can be repaired without thought
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

.PHONY: bench
bench: setup ## Measure, on a machine with nothing else to do; ARGUMENTS=--quick for a taste
	@scripts/bench $(ARGUMENTS)

.PHONY: bench-control-plane
bench-control-plane: controlplane ## Measure a whole cluster, from a policy to the first packet; minutes; ARGUMENTS as for bench
	@scripts/private $(BIN)/python -m bench.control_plane $(ARGUMENTS)

##@ To refresh what is checked in

.PHONY: golden
golden: setup ## Rewrite the goldens from what the code says now; review the diff
	$(PYTEST) -q --update-golden

.PHONY: crds
crds: setup ## Rewrite crds/ from the API models
	$(BIN)/python -m anp.api.crds crds

.PHONY: reference
reference: setup ## Rewrite the reference pages from the code
	@scripts/reference

.PHONY: lock
lock: setup ## Rewrite requirements.lock with the newest versions allowed
	@scripts/lock

##@ To tidy up

.PHONY: clean
clean: ## Remove caches and build products; .venv stays
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .benchmarks .coverage build dist
	find anp bench compiler enforcer tests -name __pycache__ -prune -exec rm -rf {} +

.PHONY: distclean
distclean: clean ## Remove .venv as well
	rm -rf .venv *.egg-info

.PHONY: help
help: ## Show this
	@awk 'BEGIN { FS = ":.*## " } \
	    /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	    /^[a-z-]+:.*## / { printf "  make %-21s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
