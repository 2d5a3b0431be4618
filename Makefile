# Bakehour. `make demo` and `make check` install what they need on Debian; `make` alone only builds.
#
#   make all|check|check-report|demo|bench|study|soak|fuzz|lint|coverage|install|uninstall|dist|deb|clean
#   PARTS='house tidy' make lint only these parts of the lint
#   SANITIZE=address,undefined   builds with sanitizers, in a build folder of its own
#   PREFIX=/usr/local DESTDIR=   where install puts things
#   REPO=path make demo          the demo on another repository
#   V=1                          shows each command

CC ?= cc
PREFIX ?= /usr/local
DESTDIR ?=
SANITIZE ?=
REPO ?= .
VERSION := 0.1.0
Q := $(if $(V),,@)

comma := ,
VARIANT := $(if $(SANITIZE),$(subst $(comma),-,$(SANITIZE)),release)$(if $(COVERAGE),-coverage)
BUILD := build/$(VARIANT)

PKGS := sqlite3 libcjson zlib libcrypto libssl libcurl expat libmicrohttpd yajl
PKG_CONFIG ?= pkg-config
PKG_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PKGS) 2>/dev/null)
PKG_LIBS := $(shell $(PKG_CONFIG) --libs $(PKGS) 2>/dev/null)
CMOCKA_LIBS := $(shell $(PKG_CONFIG) --libs cmocka 2>/dev/null)

# Sanitizers need lines, not variables, and half the time to compile at -O1; their tests hardly take longer.
OPTIMISE ?= $(if $(SANITIZE),-O1,-O2)
CFLAGS ?= $(OPTIMISE) $(if $(SANITIZE),-g1,-g)
WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wvla -Wmissing-prototypes -Wstrict-prototypes -Wformat=2 \
            -Wno-format-nonliteral $(if $(WERROR),-Werror)
DEFINES := -D_POSIX_C_SOURCE=200809L -D_DEFAULT_SOURCE -DBAKEHOUR_VERSION='"$(VERSION)"'
HARDEN := -fstack-protector-strong $(if $(SANITIZE)$(COVERAGE),,-U_FORTIFY_SOURCE $(if $(findstring -O0,$(CFLAGS)),,-D_FORTIFY_SOURCE=2)) -fPIE
ALL_CFLAGS := -std=c11 -ffp-contract=off -I. $(DEFINES) $(WARNINGS) $(HARDEN) $(CFLAGS) $(PKG_CFLAGS) \
              $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer) \
              $(if $(COVERAGE),--coverage)
ALL_LDFLAGS := -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(LDFLAGS) $(if $(SANITIZE),-fsanitize=$(SANITIZE)) \
               $(if $(COVERAGE),--coverage)

ROOMS := base billing scheduler scheduler/aws sim sim/twin
LIB_SOURCES := $(wildcard $(addsuffix /*.c,$(ROOMS)))
LIB_OBJECTS := $(LIB_SOURCES:%.c=$(BUILD)/%.o)
LIB := $(BUILD)/libbakehour.a
PROGRAM := $(BUILD)/bakehour

TEST_SOURCES := $(wildcard tests/test_*.c)
TEST_BINARIES := $(TEST_SOURCES:%.c=$(BUILD)/%)
FUZZ_SOURCES := $(wildcard tests/fuzz_*.c)
FUZZ_BINARIES := $(FUZZ_SOURCES:%.c=$(BUILD)/%)
TEST_SUPPORT := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/support_*.c))
MAKER_BINARIES := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/make_*.c))
CLI_TESTS := $(wildcard tests/cli/*.t)

.PHONY: all tests objects check check-variant demo bench study fuzz lint coverage install uninstall clean deps-build deps-check \
        deps-demo deps-lint deps-coverage deps-dist deps-browser docs
.DELETE_ON_ERROR:
.SUFFIXES:

all: bakehour docs

# The program at the top is the one of the variant that was built last.
bakehour: $(PROGRAM)
	@cmp -s $< $@ || { cp $< $@.tmp && mv -f $@.tmp $@; }

# Who asks for no number of jobs gets one a processor where all is built anew.
PARALLEL = $(if $(filter -j% --jobserver%,$(MAKEFLAGS)),,-j$(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2))

# Objects depend on the flags they were compiled with.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(CC) $(subst ','\'',$(ALL_CFLAGS)) | $(ALL_LDFLAGS)' | cmp -s - $@ || \
	    printf '%s\n' '$(CC) $(subst ','\'',$(ALL_CFLAGS)) | $(ALL_LDFLAGS)' > $@
FORCE:

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	@echo '  CC   $<'
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# The sample data is part of the program, so that it runs from anywhere.
$(BUILD)/billing/builtin.o: $(wildcard data/*.csv)

$(BUILD)/sim/calibration.o: data/calibration-original.json data/calibration-steps.json

$(BUILD)/sim/sample_app.o: $(wildcard data/sample-app/* data/sample-app/*/*)

# A source that is gone leaves the library, though no object is newer.
$(BUILD)/members: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(LIB_OBJECTS)' | cmp -s - $@ || printf '%s\n' '$(LIB_OBJECTS)' > $@

$(LIB): $(LIB_OBJECTS) $(BUILD)/members
	@rm -f $@
	@echo '  AR   $@'
	$(Q)$(AR) rcs $@ $(LIB_OBJECTS)

$(PROGRAM): $(BUILD)/bakehour.o $(LIB)
	@echo '  LINK $@'
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS) -lm -pthread

$(BUILD)/tests/test_%: $(BUILD)/tests/test_%.o $(TEST_SUPPORT) $(LIB)
	@echo '  LINK $@'
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS) $(CMOCKA_LIBS) -lm -pthread

$(BUILD)/tests/fuzz_%: $(BUILD)/tests/fuzz_%.o $(BUILD)/tests/fuzz.o $(LIB)
	@echo '  LINK $@'
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS) -lm -pthread

# What makes big inputs for tests and measurements.
$(BUILD)/tests/make_%: $(BUILD)/tests/make_%.o $(LIB)
	@echo '  LINK $@'
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS) -lm -pthread

$(BUILD)/tests/bench_twin: $(BUILD)/tests/bench_twin.o $(BUILD)/tests/support_twin.o $(LIB)
	@echo '  LINK $@'
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS) -lm -pthread

$(BUILD)/tests/bench_%: $(BUILD)/tests/bench_%.o $(LIB)
	@echo '  LINK $@'
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS) -lm -pthread

docs: $(BUILD)/bakehour.1 $(BUILD)/bakehour.bash

$(BUILD)/bakehour.1: docs/bakehour.1.in $(PROGRAM)
	@$(PROGRAM) --man-page > $@.options
	@sed -e '/@OPTIONS@/{r $@.options' -e 'd}' -e 's/@VERSION@/$(VERSION)/' $< > $@
	@rm -f $@.options

$(BUILD)/bakehour.bash: $(PROGRAM)
	@$(PROGRAM) --completion > $@

tests: $(PROGRAM) $(TEST_BINARIES) $(FUZZ_BINARIES) $(MAKER_BINARIES)

# All that compiles, not linked: for the lint.
objects: $(LIB_OBJECTS) $(BUILD)/bakehour.o $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/*.c))
.SECONDARY: $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/*.c))

# Everything below that needs packages goes through tests/deps.sh, then starts make again: the flags that pkg-config
# gives are read when make starts.
deps-build deps-check deps-demo deps-lint deps-coverage deps-dist deps-browser:
	@sh tests/deps.sh $(@:deps-%=%)

check: deps-check
	@$(MAKE) --no-print-directory $(PARALLEL) check-variant
	@$(MAKE) --no-print-directory $(PARALLEL) check-variant SANITIZE=address,undefined

check-variant: tests docs
	BAKEHOUR=$(abspath $(PROGRAM)) BUILD=$(BUILD) VARIANT=$(VARIANT) sh tests/run.sh $(TEST_BINARIES) \
	    $(FUZZ_BINARIES) $(CLI_TESTS)

# What takes too long for each check: every action times every fault, thousands of seeds and of random months.
.PHONY: soak
MONEY_SOAK := bill_vectors clock_hour ledger_bill pool settled
LEAVE_SOAK := leave deploy_more ci_deploy open_port
soak: deps-check
	@$(MAKE) --no-print-directory $(BUILD)/tests/test_pipeline_faults $(BUILD)/tests/test_pipeline_kills \
	    $(BUILD)/tests/test_pipeline_seeds $(BUILD)/tests/test_pipeline_gone \
	    $(BUILD)/tests/test_runners
	RUNNERS=50 RUNNERS_SEEDS=200 $(BUILD)/tests/test_runners
	@$(MAKE) --no-print-directory $(PROGRAM)
	RUNNERS=50 COMMITS=12 BAKEHOUR=$(abspath $(PROGRAM)) VARIANT=$(VARIANT) sh tests/cli/runners.t
	for t in $(LEAVE_SOAK); do BENCH=1 BAKEHOUR=$(abspath $(PROGRAM)) VARIANT=$(VARIANT) sh tests/cli/$$t.t || exit 1; done
	KILLS_EVERY=1 $(BUILD)/tests/test_pipeline_kills
	GONE_EVERY=1 $(BUILD)/tests/test_pipeline_gone
	FAULTS_EVERY=1 $(BUILD)/tests/test_pipeline_faults
	SEEDS=2000 $(BUILD)/tests/test_pipeline_seeds
	@$(MAKE) --no-print-directory $(addprefix $(BUILD)/tests/test_,$(MONEY_SOAK))
	for t in $(MONEY_SOAK); do BAKEHOUR_SOAK=1 $(BUILD)/tests/test_$$t || exit 1; done

# The report as Chromium renders it: too big to install for each check, which skips that part where it is missing.
.PHONY: check-report
check-report: deps-browser
	@$(MAKE) --no-print-directory $(PROGRAM) $(BUILD)/tests/make_ledger
	BAKEHOUR=$(abspath $(PROGRAM)) BUILD=$(BUILD) VARIANT=$(VARIANT) sh tests/run.sh tests/cli/report.t

demo: deps-demo
	@$(MAKE) --no-print-directory $(PARALLEL) bakehour
	@REPO='$(REPO)' sh data/demo.sh

# Policies against the exact optimum on all histories at hand: the tables of docs/study.md.
study: deps-check
	@$(MAKE) --no-print-directory $(BUILD)/tests/study_policies
	@sh tests/study.sh $(BUILD)

$(BUILD)/tests/study_policies: $(BUILD)/tests/study_policies.o $(BUILD)/tests/study.o \
    $(BUILD)/tests/support_arrivals.o $(LIB)
	@echo '  LINK $@'
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS) -lm -pthread

bench: deps-check
	@sh tests/deps.sh bench || echo 'bench: without the peers that are missing'
	@$(MAKE) --no-print-directory $(BUILD)/tests/bench_replay $(BUILD)/tests/bench_lanes $(BUILD)/tests/bench_des \
	    $(BUILD)/tests/bench_cloud $(BUILD)/tests/bench_twin \
	    $(BUILD)/tests/test_ledger_log $(BUILD)/tests/test_runners $(MAKER_BINARIES) bakehour
	@sh tests/bench.sh $(BUILD)

# Coverage-guided, with clang's libFuzzer: make fuzz FUZZ=history SECONDS=60
FUZZ ?= history
SECONDS ?= 60
fuzz: deps-lint
	@mkdir -p build/fuzz/corpus-$(FUZZ)
	clang -std=c11 -I. $(DEFINES) -O1 -g -fsanitize=fuzzer,address,undefined $(PKG_CFLAGS) -DFUZZ_LIBFUZZER \
	    -o build/fuzz/$(FUZZ) tests/fuzz_$(FUZZ).c $(LIB_SOURCES) $(PKG_LIBS) -lm -pthread
	build/fuzz/$(FUZZ) -max_total_time=$(SECONDS) -max_len=4096 build/fuzz/corpus-$(FUZZ)

lint: deps-lint
	@$(MAKE) --no-print-directory lint-run

.PHONY: lint-run
lint-run:
	@CFLAGS_FOR_LINT='$(subst ','\'',-std=c11 -I. $(DEFINES) $(PKG_CFLAGS))' sh tests/lint.sh $(PARTS)

coverage: deps-coverage
	@$(MAKE) --no-print-directory $(PARALLEL) check-variant COVERAGE=1 OPTIMISE=-O0
	gcovr --root . --object-directory build/release-coverage --exclude tests --print-summary \
	    --txt build/coverage.txt --html-details build/coverage.html
	@echo "build/coverage.txt and build/coverage.html hold the lines"

install: all
	install -d '$(DESTDIR)$(PREFIX)/bin' '$(DESTDIR)$(PREFIX)/share/man/man1' \
	    '$(DESTDIR)$(PREFIX)/share/bash-completion/completions' '$(DESTDIR)$(PREFIX)/share/bakehour'
	install -m 755 $(PROGRAM) '$(DESTDIR)$(PREFIX)/bin/bakehour'
	install -m 644 $(BUILD)/bakehour.1 '$(DESTDIR)$(PREFIX)/share/man/man1/bakehour.1'
	install -m 644 $(BUILD)/bakehour.bash '$(DESTDIR)$(PREFIX)/share/bash-completion/completions/bakehour'
	install -m 644 $(wildcard data/*.csv data/*.tsv.gz data/*.json) '$(DESTDIR)$(PREFIX)/share/bakehour'
	find data/ci -type f -exec sh -c 'for f; do m=644; [ ! -x "$$f" ] || m=755; install -D -m $$m "$$f" "$$0/$${f#data/}"; done' \
	    '$(DESTDIR)$(PREFIX)/share/bakehour' {} +

# A tarball with all libraries, for machines without a compiler; a Debian package.
.PHONY: dist deb
dist: deps-dist
	@$(MAKE) --no-print-directory all
	@sh data/dist.sh $(PROGRAM) $(BUILD)/bakehour.1 $(BUILD)/bakehour.bash build/dist

deb: deps-dist
	@$(MAKE) --no-print-directory all
	@rm -rf $(BUILD)/staged
	@$(MAKE) --no-print-directory install PREFIX=/usr DESTDIR=$(BUILD)/staged >/dev/null
	@sh data/deb.sh $(BUILD)/staged build/dist

uninstall:
	rm -rf '$(DESTDIR)$(PREFIX)/bin/bakehour' '$(DESTDIR)$(PREFIX)/share/man/man1/bakehour.1' \
	    '$(DESTDIR)$(PREFIX)/share/bash-completion/completions/bakehour' '$(DESTDIR)$(PREFIX)/share/bakehour'

clean:
	rm -rf build bakehour demo

-include $(LIB_OBJECTS:.o=.d) $(BUILD)/bakehour.d $(wildcard $(BUILD)/tests/*.d)
