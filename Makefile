# Two commands do everything on a fresh machine: `make run` and `make test`.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run build release test quick checks chaos page generate lint tools bench fuzz

# The playground, bundled from web/ into the package that embeds it.
PAGE := internal/playground/dist/index.html.gz

help: ## List the targets.
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:[^#]*## /\t/' | expand -t 12

run: ## Serve the graph over a sandbox of every vendor, or with ARGS="--config FILE" over your own accounts.
	@$(MAKE) --no-print-directory page || echo "the playground was not built: / shows GraphiQL from a CDN"
	go run . $(ARGS)

# What the program says it is: a tag, or the tag before it and how far it went.
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null)
BIN ?= bin

# Equal sources, Go and node make equal bytes, wherever they lie: no paths (-trimpath), no build id, and git is not asked by the compiler, as it is not
# there in the Dockerfile.
build: page ## Build bin/partnergraph: static, the playground inside. GOOS, GOARCH and VERSION may be given.
	CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags '-s -w -buildid= -X main.version=$(VERSION)' -o $(BIN)/ .

release: ## Build dist/: an archive for every platform, and their checksums.
	@VERSION='$(VERSION)' sh .ci/release

# The race detector makes tests several times slower, so each test runs once: with it or without it. It watches the
# tests that do things at once. These are all tests of CONCURRENT but ALONE, which send one request after the other or
# measure memory, and of the other packages those named AT_ONCE.
CONCURRENT := ./internal/... ./providers ./providers/internal/... ./providers/sandbox ./providers/*/sandbox
ALONE := ^(TestAnswersAreExact|TestEachWitness|TestLoadMemory|TestDocumentWork|TestDocumentsAreBounded|TestKeptDocuments|TestOverloadCost|TestCodings|TestAudits|TestVendors|TestOddVendors)$$
AT_ONCE := ^(TestQueriesAtOnce|TestTwentyAtOnce|TestOneAccountFails|TestLoader|TestLookParts|TestRefreshesOfRequest|TestReplicas|TestServe|TestServeWithoutItsRedis|TestReload|TestAlerts|TestRollingRestart|TestReloadInFlight|TestChaos)$$
# GOGC: collecting garbage took a fifth of the time. GORACE: the detector sleeps a second at the end of
# each package. vet: lint has done it. parallel: some parallel tests wait.
TEST := GOGC=400 GORACE=atexit_sleep_ms=0 go test -vet=off -parallel 4

# What make build compiles serves the tests and the linters, too: nothing is compiled twice but for the race
# detector, which needs cgo.
test quick lint chaos: export GOFLAGS := -trimpath
test quick lint chaos: export CGO_ENABLED := 0

test: tools page lint ## Everything that CI runs.
	$(TEST) -skip '$(AT_ONCE)' ./resolvers $$(go list ./... | grep -vxF "$$(go list $(CONCURRENT) ./resolvers)")
	$(TEST) -run '$(ALONE)' ./internal/cache ./internal/httpapi ./internal/sweep
	CGO_ENABLED=1 $(TEST) -race -skip '$(ALONE)' $(CONCURRENT)
	CGO_ENABLED=1 $(TEST) -race -run '$(AT_ONCE)' ./resolvers .

quick: ## Lint and test what changed since main, and what imports it: without the race detector and long tests.
	@.ci/quick

checks: ## Take out each check of resolvers/testdata/checks.txt, one by one, and want the tests to fail: it takes long.
	go test -count 1 -v -timeout 5h -run '^TestEachCheck$$' ./resolvers -checks

CHAOS ?= 10m
# CHAOS_SEED has the run decide as the one did that printed it; what happens at once is in another order.
chaos: ## Kill replicas and Redis under subscribers for CHAOS, and want nothing lost, doubled or foreign. CHAOS_SEED repeats a run.
	CHAOS=$(CHAOS) CHAOS_SEED=$(CHAOS_SEED) go test -count 1 -v -timeout 24h -run '^TestChaos$$' .

page: ## Build the playground where node and npm are there, if anything of it changed.
	@if command -v node >/dev/null && command -v npm >/dev/null; then $(MAKE) --no-print-directory -s $(PAGE); \
	else echo "node or npm is missing: the playground is left as it is"; test "$$CI" != true; fi

$(PAGE): web/node_modules/.package-lock.json $(wildcard web/*.mjs web/src/* internal/playground/examples/*)
	cd web && npm run --silent build

web/node_modules/.package-lock.json: web/package.json web/package-lock.json
	cd web && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

lint: ## Formatting, widths, vet, staticcheck, tidy modules, generated code up to date, no silent break of the schema.
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "not formatted by gofmt:"; echo "$$unformatted"; exit 1; }
	@sh .ci/widths
	go mod verify
	go mod tidy -diff
	go vet ./...
	go tool staticcheck ./...
	@sh .ci/generated
	@sh .ci/schema

generate: ## Regenerate graph/ from schema/.
	go generate ./graph

tools: ## Install what the tests need and is missing.
	@sh .ci/tools

# Each package has more: go test -bench . ./internal/cache
bench: ## The tables of docs/benchmarks.md: some minutes, and 10 GB of memory.
	@set -o pipefail; go test -count 1 -v -run '^TestUpstreamCalls$$' ./resolvers | grep -F '|' | sed 's/^ *//' && echo
	@set -o pipefail; go test -timeout 30m -run '^$$' -bench . -benchtime 1x . | grep -Ev '^(goos|goarch|pkg|cpu|Benchmark|PASS|ok)'

FUZZTIME ?= 10s
# Go ends a target with "context deadline exceeded" where its time is over while an input runs, as on a
# busy machine (golang/go#75804). That is no failure: one names the input that it has written.
fuzz: ## Run every fuzz target for FUZZTIME each.
	@set -eo pipefail; log=$$(mktemp); trap 'rm -f "$$log"' EXIT; \
	grep -rE '^func Fuzz' --include='*_test.go' --exclude-dir=node_modules . | sed -E 's#/[^/]*:func (Fuzz[A-Za-z0-9_]*).*# \1#' | sort | \
	while read -r dir target; do \
	  echo "$$dir $$target"; \
	  go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$dir 2>&1 < /dev/null | tee "$$log" || \
	  { grep -q 'context deadline exceeded' "$$log" && ! grep -q 'Failing input' "$$log"; }; \
	done
