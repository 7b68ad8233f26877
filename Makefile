# make run      the server, on SQLite in ./kalends-data
# make demo     the whole story in the terminal
# make test     every test, on SQLite and on a private Postgres
# make check    what CI runs: format, vet, staticcheck, modules, then make test
# make fuzz     30 s of each fuzz target (FUZZTIME=5m for longer)
# make soak     two servers on one Postgres, each part restarted under load (LOAD=30s a part; make test has a short one)
# make storm    kill -9 at random moments of a storm of invitations, on both databases (ROUNDS=200 times; make test has a few)
# make e2e      mail through a real Postfix, and our mails read by other programs; CI runs it too
# make pictures the pages as they look, into docs/images (needs Chromium)
# make bench    benchmarks; compare two runs with benchstat

GO       ?= go
FUZZTIME ?= 30s
LOAD     ?= 30s
ROUNDS   ?= 200
PACKAGES ?= ./...
RACE     := $(shell command -v gcc >/dev/null 2>&1 && echo -race)

# SQLite is C made into Go. Its memory is its own, outside Go's heap, where the race detector never looks; watching that code found
# nothing and took two thirds of the tests' time. The driver around it, and all else, is watched.
ifneq ($(RACE),)
RACE     += $(foreach p,modernc.org/sqlite/lib modernc.org/libc/... modernc.org/memory,-gcflags=$p=-race=false)
endif

.PHONY: run demo test check fast setup fuzz soak e2e storm pictures bench hooks rfc

run:
	$(GO) run . serve

demo:
	$(GO) run . demo

# What a test needs that is no Go module: Postgres' server programs.
setup:
	@sh internal/pgtest/install.sh

# Many tests wait: for Postgres, for what is due, for a browser. So three packages run side by side on two cores, and in a package four of
# those tests that may. make fast has vetted the tests.
CORES := $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
SIDE  := -p $(shell echo $$(( ($(CORES) * 3 + 1) / 2 ))) -parallel $(shell echo $$(( $(CORES) * 2 )))

test: setup
	$(GO) test $(RACE) $(SIDE) -vet=off -timeout 20m $(PACKAGES)

# fast is the part of check that a commit waits for.
fast:
	@out=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$out" ]; then echo "gofmt would change:" $$out; exit 1; fi
	$(GO) vet ./...

check: fast
	$(GO) tool -modfile=tools.mod staticcheck ./...
	$(GO) mod tidy -diff
	$(GO) mod verify
	$(MAKE) test

fuzz:
	@$(GO) run ./internal/checks fuzz $(FUZZTIME)

soak: setup
	KALENDS_TEST_LOAD=$(LOAD) $(GO) test -count 1 -v -timeout 30m -run 'TestTwoServersRace|TestNothingIsLostWhenPartsRestart' .

storm: setup
	KALENDS_TEST_ROUNDS=$(ROUNDS) $(GO) test -count 1 -v -timeout 2h -run TestStorm .

e2e:
	@sh e2e/ci.sh

pictures:
	rm -f docs/images/*.png
	KALENDS_PICTURES=$(CURDIR)/docs/images $(GO) test -count 1 -timeout 20m -run 'TestBrowser$$' .

bench:
	$(GO) test -run '^$$' -bench . -benchmem -count 3 $(PACKAGES)

# rfc shows which sections of which RFC the code cites, and those that docs/rfc.md lacks.
rfc:
	@$(GO) run ./internal/checks rfc

hooks:
	git config core.hooksPath .githooks
