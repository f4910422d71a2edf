# The front door. `make help` lists what there is.
#
# Everything is built in one configuration, release, tests included: the software GPU is only
# useful optimised, and one configuration builds the dependencies once.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

SWIFT_FLAGS := -c release
EMBEDDED_SCRATCH := .build/embedded
TREE := build/ferry
# The parts of the conformance suite that ask most of the kernel, as if it were an old one.
OLDER_KERNEL = python3 Tests/Conformance/run.py --tree $(TREE) --target ferry --older-kernel \
  --filter driver_ --filter managed_memory --filter leases: --filter sharing: --filter processes:

## help: this list
.PHONY: help
help:
	@echo "Targets:"
	@sed -n 's/^## //p' $(MAKEFILE_LIST) | column -t -s ':' | sed 's/^/  make /'

## build: everything, installed below build/ferry
.PHONY: build
build: setup
	dev/step "client library (Embedded Swift)" env FERRY_EMBEDDED=1 swift build $(SWIFT_FLAGS) --scratch-path $(EMBEDDED_SCRATCH) --product cuda --disable-local-rpath --omit-frame-pointers
	dev/step "programs and software GPU" swift build $(SWIFT_FLAGS)
	dev/install-tree $(TREE)

# Only what the demo runs.
.PHONY: demo-build
demo-build: setup
	dev/step "client library (Embedded Swift)" env FERRY_EMBEDDED=1 swift build $(SWIFT_FLAGS) --scratch-path $(EMBEDDED_SCRATCH) --product cuda --disable-local-rpath --omit-frame-pointers
	for product in softcuda softnvml ferry-worker ferry ferryd; do \
	  dev/step "$$product" swift build $(SWIFT_FLAGS) --product $$product; done
	dev/install-tree $(TREE)

# System packages that a build needs.
.PHONY: setup
setup:
	dev/setup

## demo: three unmodified CUDA programs on a GPU that is not in their machine
.PHONY: demo
demo:
	dev/demo

## test: unit tests, conformance programs straight and through Ferry, integration
.PHONY: test
test: setup
	dev/step "tests" swift build $(SWIFT_FLAGS) --build-tests
	$(MAKE) --no-print-directory build
	dev/test-unit
	python3 -m unittest discover -q -s Tests/Packages/tests -t Tests/Packages
	dev/toolchain
	python3 Tests/Conformance/run.py --tree $(TREE)
	$(OLDER_KERNEL)

## test-unit: unit tests only
.PHONY: test-unit
test-unit: setup
	dev/step "tests" swift build $(SWIFT_FLAGS) --build-tests
	dev/test-unit

## conformance: the conformance programs only
.PHONY: conformance
conformance: build
	dev/toolchain
	python3 Tests/Conformance/run.py --tree $(TREE)
	$(OLDER_KERNEL)

## numba-suite: numba-cuda's own tests, straight on the software GPU and through Ferry
.PHONY: numba-suite
numba-suite: build
	python3 Tests/Suites/run.py numba --tree $(TREE)

## numba-suite-quick: a part of them, in some minutes
.PHONY: numba-suite-quick
numba-suite-quick: build
	python3 -m unittest discover -q -s Tests/Suites/tests -t Tests/Suites
	python3 Tests/Suites/run.py numba --tree $(TREE) --quick

## packages-suite: programs on packages of others, both ways (fetches about 15 GB)
.PHONY: packages-suite
packages-suite: build
	python3 Tests/Packages/run.py --tree $(TREE)

## bundle: dist/ferry-VERSION-linux-x86_64.tar.gz, which runs wherever it is unpacked
.PHONY: bundle
bundle: build
	dev/bundle $(TREE) dist

## check-sandbox: conformance programs through Ferry inside gVisor (needs root and runsc)
.PHONY: check-sandbox
check-sandbox: build
	dev/check-sandbox $(TREE)

## check-glibc: the bundle runs on the oldest systems that it is meant for
.PHONY: check-glibc
check-glibc: bundle
	dev/check-glibc dist

## acceptance: the kit for machines with a GPU, here on the software GPU, out of the bundle
.PHONY: acceptance
acceptance: bundle
	dev/acceptance dist

## bench: Ferry beside raw sockets and beside no Ferry at all (build/bench.json)
.PHONY: bench
bench: build setup-bench
	python3 Benchmarks/run.py --tree $(TREE)

## bench-quick: less of it, in under three minutes
.PHONY: bench-quick
bench-quick: build setup-bench
	python3 Benchmarks/run.py --tree $(TREE) --quick

## bench-softgpu: kernels on the software GPU beside plain C (build/bench-softgpu.json)
.PHONY: bench-softgpu
bench-softgpu: build
	python3 Benchmarks/softgpu.py --tree $(TREE)

## bench-instructions: instructions of the hot paths are not more than Benchmarks/thresholds.json
.PHONY: bench-instructions
bench-instructions: build setup-bench
	python3 -m unittest discover -q -s Benchmarks/tests -t Benchmarks
	python3 Benchmarks/instructions.py --tree $(TREE)

# Tools that the benchmarks need beside those of a build.
.PHONY: setup-bench
setup-bench:
	dev/setup valgrind strace libssl-dev

## check: format, generated files and the API description are in order
.PHONY: check
check: setup
	dev/check-format
	dev/step "ferrygen" swift build $(SWIFT_FLAGS) --product ferrygen
	dev/check-generated
	dev/toolchain cuda13
	dev/check-api build/toolchain/cuda13

## generate: write the generated files anew from api/cuda.api
.PHONY: generate
generate:
	swift build $(SWIFT_FLAGS) --product ferrygen
	.build/release/ferrygen

## format: format all hand-written Swift
.PHONY: format
format:
	dev/check-format --fix

## clean: remove everything that was built
.PHONY: clean
clean:
	rm -rf .build build dist
