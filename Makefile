# `make` lists the targets. The tools of the build are pinned here and in .make/, and installed below .bin/ and .cache/.

GOLANGCI_LINT_VERSION := v2.15.0
OAPI_CODEGEN_VERSION := v2.8.2
COMPOSE_GO_VERSION := v2.16.2

BINARY_BYTES_MAX := 45000000

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
GO ?= go
NPM ?= npm

golangci_lint := .bin/golangci-lint-$(GOLANGCI_LINT_VERSION)
oapi_codegen := .bin/oapi-codegen-$(OAPI_CODEGEN_VERSION)
compose_go := .bin/compose-go-$(COMPOSE_GO_VERSION)

# Puts what ensure built into .bin/ on the PATH of tests and their child processes.
export PATH := $(CURDIR)/.bin:$(PATH)
export MAKE

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "%-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: build ## Build everything and start it on the embedded SQLite, in data/
	./bin/apikeys serve

.PHONY: build
build: tools console ## Build bin/apikeys, with the console inside
	@GO=$(GO) .make/build-service bin/apikeys '$(VERSION)'

.PHONY: test
test: ## Run every check and test, as CI does
	@.make/test

# The race detector can find nothing in the SQLite that was translated from C, since all of its memory is the translator's own.
# The tests on SQLite take half as long without the detector there, and without checkptr, which comes with -race. In the packages
# around the translated code only checkptr can be turned off: the linker keeps one copy of the generic code that packages share,
# such as sync's map, and if it kept theirs, the detector would see nothing of it. The translated package shares no generic code.
TRANSLATED := -gcflags='modernc.org/...=-d=checkptr=0' -gcflags='modernc.org/sqlite/lib=-race=0'
# The same holds for hashing a password, which fills 19 MiB of its own: the detector would keep a record for every word of them.
PASSWORDS := -gcflags='golang.org/x/crypto/argon2=-race=0'
# The race detector needs a C compiler. With one, GORM's dialect brings along the C sources of SQLite, which nobody calls:
# optimizing them would take longer than the tests of most packages.
C_FLAGS := -O0 -g0
# It also makes garbage collection expensive, so the tests collect less often; the compiler and the services that the tests start
# do not.
LITTER := env GOGC=400
# Packages are tested in this order, one per processor at a time. The longest come first, so that none runs alone at the end.
LONGEST := ./api ./pkg/sqlstore ./cmd/apikeys/e2e
.PHONY: test-go
test-go: ## Run the Go tests with the race detector, on SQLite and on a throwaway PostgreSQL
	CGO_CFLAGS='$(C_FLAGS)' .make/in-memory .make/with-postgres \
		$(GO) test -race $(TRANSLATED) $(PASSWORDS) -vet=off -shuffle=on -timeout 20m -exec '$(LITTER)' $(LONGEST) ./... # `make lint` vets
	CGO_ENABLED=0 $(GO) test -trimpath -vet=off ./pkg/resourceserver # with the tests that are left out above

.PHONY: test-console
test-console: console-deps ## Run the console's unit tests
	cd frontend && $(NPM) test

.PHONY: test-size
test-size: build ## Check the size budgets of the console and of the binary
	cd frontend && $(NPM) run size
	@size=$$(wc -c <bin/apikeys); echo "bin/apikeys: $$size of $(BINARY_BYTES_MAX) bytes"; [ "$$size" -le $(BINARY_BYTES_MAX) ]

.PHONY: test-e2e
test-e2e: build ## Run the console's end-to-end tests against the binary
	cd frontend && ../.make/in-memory $(NPM) run e2e

.PHONY: fuzz
FUZZTIME ?= 10s
fuzz: ## Run every fuzz target for a while (FUZZTIME=10s)
	.make/fuzz $(FUZZTIME)

.PHONY: fuzz-contract
REQUESTS ?= 300000
fuzz-contract: ## Send generated requests to every operation (REQUESTS=300000 SEED=number of a run to repeat)
	CONTRACT_REQUESTS=$(REQUESTS) CONTRACT_SEED=$(SEED) .make/with-postgres \
		$(GO) test -run TestNoRequestIsAnsweredByAFault -timeout 0 -v ./api/

.PHONY: bench
ONLY ?=
bench: build ## Measure the service against bare handlers and write docs/benchmarks.md (ONLY=token,verify)
	APIKEYS_POSTGRES_DURABLE=1 .make/with-postgres $(GO) run ./cmd/bench -binary bin/apikeys -only '$(ONLY)'

.PHONY: bench-go
BENCH ?= .
BENCHTIME ?= 1s
bench-go: ## Run the Go benchmarks (BENCH=regexp BENCHTIME=1s)
	.make/with-postgres $(GO) test -run '^$$' -bench '$(BENCH)' -benchtime '$(BENCHTIME)' -benchmem \
		$$(grep -rl '^func Benchmark' --include='*_test.go' api cmd pkg | xargs -n1 dirname | sort -u | sed 's|^|./|')

# --- The contract and what is generated from it

.PHONY: generate
generate: $(oapi_codegen) console-deps ## Generate the server types and both clients from openapi.yaml
	$(oapi_codegen) -config api/internal/oas/oapi-codegen.yaml openapi.yaml
	$(oapi_codegen) -config pkg/client/oapi-codegen.yaml openapi.yaml
	cp openapi.yaml api/internal/oas/openapi.gen.yaml # a copy, since Go can't embed files from outside the package's folder
	@if [ -e frontend/package.json ]; then cd frontend && $(NPM) run --if-present generate; fi

# --- Lint and format

.PHONY: lint
lint: lint-contract lint-image lint-go lint-console ## Lint everything

.PHONY: lint-go
lint-go: $(golangci_lint) # compiles what the code imports, with the flags of build-service, so that it is compiled only once
	GOGC=$${GOGC:-200} CGO_ENABLED=0 GOFLAGS="$$($(GO) env GOFLAGS) -trimpath" $(golangci_lint) run ./...

.PHONY: lint-contract
lint-contract: .make/node/node_modules/.stamp
	REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true \
		.make/node/node_modules/.bin/redocly lint --config .make/node/redocly.yaml openapi.yaml

.PHONY: lint-image
lint-image: .make/node/node_modules/.stamp $(compose_go)
	.make/check-image $(compose_go)

.PHONY: lint-console
lint-console: console-deps
	@if [ -e frontend/package.json ]; then cd frontend && $(NPM) run check; fi

.PHONY: fmt
fmt: $(golangci_lint) console-deps ## Format the code
	$(golangci_lint) fmt
	@if [ -e frontend/package.json ]; then cd frontend && $(NPM) run --if-present format; fi

# --- The console

console_sources := $(shell find frontend -name node_modules -prune -o -name dist -prune -o -type f -print 2>/dev/null)

.PHONY: console
.PHONY: console-deps
ifeq ($(wildcard frontend/package.json),)
console console-deps:
else
console: frontend/dist/index.html
console-deps: frontend/node_modules/.stamp

frontend/node_modules/.stamp: frontend/package.json frontend/package-lock.json | tools
	cd frontend && $(NPM) ci --no-audit --no-fund
	@touch $@

frontend/dist/index.html: frontend/node_modules/.stamp $(console_sources)
	cd frontend && $(NPM) run build
	@touch $@
endif

# --- Tools

.PHONY: tools
tools:
	@.make/ensure build

$(golangci_lint):
	@.make/install-tool $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)

$(oapi_codegen):
	@.make/install-tool $@ github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@$(OAPI_CODEGEN_VERSION)

$(compose_go):
	@.make/install-tool $@ github.com/compose-spec/compose-go/v2/cmd@$(COMPOSE_GO_VERSION)

.make/node/node_modules/.stamp: .make/node/package.json .make/node/package-lock.json
	cd .make/node && $(NPM) ci --ignore-scripts --silent
	@touch $@

# --- The rest

.PHONY: compose-secrets
compose-secrets: ## Write the secrets that docker-compose.yml reads
	@.make/compose-secrets

.PHONY: clean
clean: ## Remove what builds and tools left; the database in data/ stays
	rm -rf bin .bin .cache frontend/node_modules .make/node/node_modules
	find frontend/dist -mindepth 1 ! -name .gitkeep -delete 2>/dev/null || true
