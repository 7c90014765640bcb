# Everything a developer runs. CI runs `make test` and nothing else.

SHELL := /bin/bash
.DEFAULT_GOAL := help

GO            ?= go
BIN           := $(CURDIR)/bin
# The newest linter that supports the Go version in go.mod.
GOLANGCI      := $(BIN)/golangci-lint-2.12.2
GOVULNCHECK   := $(BIN)/govulncheck-1.1.4
MODULES       := . e2e bench examples/graph-client
FUZZTIME      ?= 10s

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: ## Start the example app, with the emulator unless FIBERMSAL_CLIENT_ID is set
	$(GO) run ./examples/fiber-app

.PHONY: test
test: setup ## Run all tests, with -race but for budgets, on real Redis, Chromium and MSAL Node, skipping nothing
	FIBERMSAL_TEST_ALL=1 $(GO) test -race -shuffle=on -count=1 -timeout 20m ./...
	cd e2e && FIBERMSAL_TEST_ALL=1 $(GO) test -race -count=1 -timeout 30m ./...
	cd bench && FIBERMSAL_TEST_ALL=1 $(GO) test -count=1 -timeout 20m ./...
	cd examples/graph-client && $(GO) test -count=1 -timeout 20m ./...

.PHONY: soak
soak: setup ## Run the tests with faults in full size, where `make test` does a tenth
	FIBERMSAL_TEST_ALL=1 FIBERMSAL_SOAK=1 $(GO) test -count=1 -timeout 60m -run '^Test[DEG][0-9]+_' .
	cd e2e && FIBERMSAL_TEST_ALL=1 FIBERMSAL_SOAK=1 $(GO) test -count=1 -v -timeout 60m -run '^Test[DEGH][0-9]+_' ./...

.PHONY: setup
setup: ## Install what the tests need: redis-server, chromium, node, and MSAL Node with npm
	@scripts/setup

.PHONY: fuzz
fuzz: ## Fuzz every target for FUZZTIME (10s each)
	@for package in $$($(GO) list ./internal/...); do \
	  for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz'); do \
	    $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$package || exit 1; \
	  done; \
	done

.PHONY: bench
bench: setup ## Measure it beside its peers, and write bench/README.md (a quarter of an hour)
	mkdir -p bench/results
	cd bench && $(GO) test -run '^$$' -bench . -benchmem -benchtime 200ms -count 5 . | tee results/go.txt
	cd bench && $(GO) run ./load

.PHONY: bench-build
bench-build: ## Measure what building costs, on a cold cache (ten minutes)
	cd bench && $(GO) run ./buildcost

.PHONY: lint
lint: $(GOLANGCI) ## Run the linters, gofumpt and vet over all modules
	@for module in $(MODULES); do (cd $$module && $(GOLANGCI) run ./...) || exit 1; done
	@for module in $(MODULES); do (cd $$module && $(GO) mod tidy -diff) || exit 1; done
	$(GO) mod verify

.PHONY: fmt
fmt: $(GOLANGCI) ## Format all code
	@for module in $(MODULES); do (cd $$module && $(GOLANGCI) fmt ./...) || exit 1; done

.PHONY: vuln
vuln: $(GOVULNCHECK) ## Look up known vulnerabilities (needs vuln.go.dev)
	$(GOVULNCHECK) ./...

$(GOLANGCI):
	GOBIN=$(BIN) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.12.2
	@mv $(BIN)/golangci-lint $@

$(GOVULNCHECK):
	GOBIN=$(BIN) $(GO) install golang.org/x/vuln/cmd/govulncheck@v1.1.4
	@mv $(BIN)/govulncheck $@
