# Two commands do everything on a fresh machine: `make run` and `make test`.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run test generate lint tools bench fuzz

help: ## List the targets.
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:[^#]*## /\t/' | expand -t 12

run: ## Serve the graph over a sandbox of every vendor, or with ARGS="--config FILE" over your own accounts.
	go run . $(ARGS)

test: tools lint ## Everything that CI runs.
	go test -race ./...

lint: ## Formatting, vet, staticcheck, tidy modules, generated code up to date.
	@unformatted=$$(gofmt -l .); test -z "$$unformatted" || { echo "not formatted by gofmt:"; echo "$$unformatted"; exit 1; }
	go mod verify
	go mod tidy -diff
	go vet ./...
	go tool staticcheck ./...
	@sh .ci/generated

generate: ## Regenerate graph/ from schema/.
	go generate ./graph

tools: ## Install what the tests need and is missing.
	@sh .ci/tools

bench: ## Benchmarks.
	go test -run '^$$' -bench . -benchmem ./...

FUZZTIME ?= 10s
fuzz: ## Run every fuzz target for FUZZTIME each.
	@set -e; for pkg in $$(go list ./...); do \
	  for target in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "$$pkg $$target"; go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$pkg; \
	  done; done
