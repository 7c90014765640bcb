# Everything a developer runs. CI runs these targets and nothing else.

SHELL := /bin/bash
.DEFAULT_GOAL := help

GO            ?= go
BIN           := $(CURDIR)/bin
# The newest linter that supports the Go version in go.mod.
GOLANGCI      := $(BIN)/golangci-lint-2.12.2
GOVULNCHECK   := $(BIN)/govulncheck-1.1.4
MODULES       := . v3 e2e e2e/clients bench bench/peers/fibermsal-v3 examples/graph-client
FUZZTIME      ?= 30s
# How long random histories are compared with the model of sessions, and the users of the simulated week.
MODELTIME     ?= 10m
WEEKUSERS     ?= 10000
# How much of the proofs the scorecard runs: small or full. FUZZTIME, and FIBERMSAL_MODEL=1m and FIBERMSAL_WEEK=10000 in
# the environment, enlarge parts of small.
SCORESIZE     ?= small
# The tests of the threats in the security model, and of Close. Some of them run longer in a soak.
SOAKED        := ^Test([A-H][0-9]+|Close)_

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: ## Start the example app, with the emulator unless FIBERMSAL_CLIENT_ID is set
	@echo "Compiling. The first time takes some minutes, because Microsoft's Graph SDK is large; the names of the"
	@echo "packages show the progress. Then the app prints an address to open."
	$(GO) run -v ./examples/fiber-app

.PHONY: run-v3
run-v3: ## Start the example app on Fiber v3
	@echo "Compiling. The first time takes some minutes, because Microsoft's Graph SDK is large; the names of the"
	@echo "packages show the progress. Then the app prints an address to open."
	cd v3 && $(GO) run -v ./examples/fiber-app

.PHONY: first-minutes
first-minutes: ## Measure a newcomer's first minutes, by the documents (COLD=1: with an empty build cache; WRITE=1: into docs)
	@GO=$(GO) COLD=$(COLD) scripts/first-minutes $(if $(WRITE),-write)

.PHONY: generate
generate: ## Write the face for Fiber v3 from that for Fiber v2, and the tests of the other faces
	$(GO) run ./internal/fiberv3/generate sources
	@$(MAKE) --no-print-directory generate-tests

# They are not committed.
.PHONY: generate-tests
generate-tests: ## Write only the tests of the faces for Fiber v3 and net/http
	@$(GO) run ./internal/fiberv3/generate tests
	@$(GO) run ./internal/nethttpface/generate

.PHONY: test
# The face for net/http has the tests of the root, and only tests use it: the core runs with -race
# behind both of Fiber's.
test: setup generate-tests ## Run all tests, with -race but for budgets and net/http, on real Redis, Chromium, nginx and MSAL Node, skipping nothing
	FIBERMSAL_TEST_ALL=1 $(GO) test -race -shuffle=on -count=1 -timeout 40m $$($(GO) list ./... | grep -v nethttpface)
	FIBERMSAL_TEST_ALL=1 $(GO) test -shuffle=on -count=1 -timeout 40m ./internal/nethttpface/...
	@if command -v valkey-server >/dev/null; then $(MAKE) --no-print-directory test-valkey; \
	  else echo "no valkey-server here: Valkey is left out"; fi
	cd v3 && FIBERMSAL_TEST_ALL=1 $(GO) test -race -shuffle=on -count=1 -timeout 40m ./...
	cd e2e && FIBERMSAL_TEST_ALL=1 $(GO) test -race -shuffle=on -count=1 -timeout 40m ./...
	cd e2e/clients && $(GO) test -count=1 ./... && $(GO) run . -check ../../docs/emulator.md
	cd bench && FIBERMSAL_TEST_ALL=1 $(GO) test -shuffle=on -count=1 -timeout 20m ./...
	cd bench/peers/fibermsal-v3 && $(GO) test -count=1 -timeout 20m ./...
	cd examples/graph-client && $(GO) test -count=1 -timeout 20m ./...

.PHONY: test-pure
test-pure: ## Run the tests that need no other program, on any system
	@scripts/test-pure

.PHONY: test-valkey
test-valkey: ## Run the tests that use Redis on valkey-server, which must be on PATH
	FIBERMSAL_TEST_ALL=1 FIBERMSAL_TEST_REDIS=valkey-server $(GO) test -race -shuffle=on -count=1 -timeout 40m \
	  . ./internal/record ./internal/redistest ./internal/session

.PHONY: clients
clients: setup ## Run other clients (npm, Python, Go) at the emulator, and write their table into docs/emulator.md
	cd e2e/clients && $(GO) run . -write ../../docs/emulator.md

.PHONY: conformance
conformance: ## Run the tests of relying parties of the OpenID conformance suite, and write docs/conformance.md
	FIBERMSAL_WRITE_DOCS=1 $(GO) test -count=1 -run '^TestConformance' .

# One package at a time, because some tests look at time and memory. H2 needs the race
# detector, which would take too long for the others.
.PHONY: soak
soak: setup ## Run the tests of security rows in full size, where `make test` does a tenth
	FIBERMSAL_TEST_ALL=1 FIBERMSAL_SOAK=1 $(GO) test -p 1 -parallel 8 -count=1 -v -timeout 150m -run '$(SOAKED)' . $$($(GO) list ./internal/... | grep -v nethttpface) ./graph/...
	FIBERMSAL_TEST_ALL=1 FIBERMSAL_SOAK=1 $(GO) test -race -p 1 -count=1 -v -timeout 20m -run '^TestH2_' . ./graph/...
	cd e2e && FIBERMSAL_TEST_ALL=1 FIBERMSAL_SOAK=1 $(GO) test -p 1 -count=1 -v -timeout 60m -run '$(SOAKED)' ./...
	$(MAKE) --no-print-directory model week

.PHONY: model
model: ## Compare random histories of two instances with the model of sessions for MODELTIME (10m)
	FIBERMSAL_MODEL=$(MODELTIME) $(GO) test -count=1 -v -timeout 0 -run '^Test(Model|History)_' ./internal/sessionmodel

.PHONY: week
week: ## Simulate the week of WEEKUSERS (10,000) users, and print it as a table
	FIBERMSAL_WEEK=$(WEEKUSERS) $(GO) test -count=1 -v -timeout 0 -run '^TestWeek$$' ./internal/sessionmodel

.PHONY: scorecard
scorecard: setup ## Run the proofs in SCORESIZE (small: an hour; full: a night), and write docs/scorecard.md with their figures
	$(GO) run ./internal/scorecard -go '$(GO)' -size $(SCORESIZE) $(if $(filter-out file,$(origin FUZZTIME)),-fuzztime $(FUZZTIME))

.PHONY: setup
setup: ## Install what the tests need: redis-server, chromium, nginx, node, and MSAL for Node and browsers with npm
	@scripts/setup

.PHONY: fuzz
fuzz: ## Fuzz every target for FUZZTIME (30s each, or 1000x); scripts/keep-corpus keeps what it finds
	@$(GO) run ./internal/fuzz -go '$(GO)' -time $(FUZZTIME)

.PHONY: bench
bench: setup ## Measure it beside its peers, and write bench/README.md (half an hour)
	mkdir -p bench/results
	cd bench && $(GO) test -run '^$$' -bench . -benchmem -benchtime 200ms -count 5 . | tee results/go.txt
	cd bench && $(GO) run ./load

.PHONY: bench-distance
bench-distance: setup ## Measure it with Redis at a distance only, beside the floor (five minutes)
	cd bench && $(GO) run ./load -workloads distance

.PHONY: bench-build
bench-build: ## Measure what building costs, on a cold cache (ten minutes)
	cd bench && $(GO) run ./buildcost

.PHONY: mutants
mutants: setup ## Remove or weaken each security check in turn, and print the test that notices it (half an hour)
	$(GO) run ./internal/mutants

.PHONY: structure
structure: ## Print the figures that the structure test holds
	@$(GO) run ./internal/structure/figures

.PHONY: docs
docs: docs-build ## Build the documents into a website with search, and serve it on http://localhost:8600
	cd docs && npm run --silent serve

.PHONY: docs-build
docs-build: ## Build the documents into docs/.vitepress/dist
	@cd docs && if [ ! node_modules/.package-lock.json -nt package-lock.json ]; then npm ci --prefer-offline --loglevel=error; fi
	cd docs && npm run --silent build

.PHONY: docs-tables
docs-tables: ## Write the tables of docs that are made from the code
	$(GO) test ./docs -run AADSTS -update

.PHONY: lint
# A cache of this directory only: the default one mixes up copies of the repository.
lint: export GOLANGCI_LINT_CACHE = $(BIN)/lint-cache
lint: $(GOLANGCI) generate-tests ## Run the linters, gofumpt and vet over all modules
	@for module in $(MODULES); do (cd $$module && $(GOLANGCI) run ./...) || exit 1; done
	@for module in $(MODULES); do (cd $$module && $(GO) mod tidy -diff) || exit 1; done
	$(GO) mod verify

.PHONY: fmt
fmt: $(GOLANGCI) ## Format all code
	@for module in $(MODULES); do (cd $$module && $(GOLANGCI) fmt ./...) || exit 1; done

.PHONY: licences
licences: ## Print the licences of all dependencies, and fail for one that is not allowed
	@$(GO) run ./internal/supply/licences $(MODULES)

.PHONY: verify
verify: ## Compare the modules in the cache with go.sum
	@for module in $(MODULES); do (cd $$module && echo "$$module: $$($(GO) mod verify)") || exit 1; done

.PHONY: reproducible
reproducible: ## Build the commands of the last commit twice, in different places, and compare them
	@GO=$(GO) scripts/reproducible

.PHONY: sbom
sbom: ## Write bills of materials (CycloneDX) of the packages and commands into bin/sbom
	@$(GO) run ./internal/supply/sbom -o $(BIN)/sbom

.PHONY: supply
supply: licences verify reproducible sbom ## Check licences, hashes and reproducible builds, and write bills of materials

.PHONY: vuln
vuln: $(GOVULNCHECK) ## Look up known vulnerabilities (needs vuln.go.dev)
	$(GOVULNCHECK) ./...
	cd v3 && $(GOVULNCHECK) ./...

.PHONY: release-check
release-check: ## Check that VERSION, such as v0.1.0, can be tagged (see RELEASING.md)
	@scripts/release-check $(VERSION)

$(GOLANGCI):
	GOBIN=$(BIN) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.12.2
	@mv $(BIN)/golangci-lint $@

$(GOVULNCHECK):
	GOBIN=$(BIN) $(GO) install golang.org/x/vuln/cmd/govulncheck@v1.1.4
	@mv $(BIN)/govulncheck $@
