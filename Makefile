# mew-submit: send mail from Emacs in the background.  `make help' lists the targets.
# SPDX-License-Identifier: GPL-3.0-or-later

EMACS ?= emacs
PKG_CONFIG ?= pkg-config
PREFIX ?= /usr/local
MODULEDIR ?= $(PREFIX)/lib/mew-submit
CFLAGS ?= -O2 -g
HARDENING ?= -fstack-protector-strong -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
FUZZ_SECONDS ?= 20
TEST_TIMEOUT ?= 1200
STRICT ?=
BUILD ?= module/build
PORTABLE ?=
JOBS ?=

# What Emacs calls a module here; on a machine that has no Emacs yet, what most systems call it.
ifndef SUFFIX
SUFFIX := $(filter .%,$(shell $(EMACS) -Q --batch --eval '(princ module-file-suffix)' 2>/dev/null))
ifeq ($(SUFFIX),)
SUFFIX := $(if $(filter Darwin,$(shell uname -s)),.dylib,.so)
endif
endif

# No Lisp file has this name: `load' looks for a module first.
NATIVE := mew-submit-native$(SUFFIX)
# `make PORTABLE=yes' compiles what a system without Linux's own would, into a directory of its own.
ifneq ($(PORTABLE),)
override BUILD := $(patsubst %/portable,%,$(BUILD))/portable
override CPPFLAGS += -U__linux__ -DMSUB_PORTABLE
endif

MODULE := $(if $(PORTABLE),$(BUILD),module)/$(NATIVE)
LOADDEFS := lisp/mew-submit-loaddefs.el
LISP := $(wildcard mew-submit.el) $(filter-out $(LOADDEFS),$(sort $(wildcard lisp/*.el)))
TEST_LISP := $(sort $(wildcard test/*.el test/*/*.el))

# C sources, by what they become.
MODULE_C := $(sort $(wildcard module/*.c))
PEER_C := $(sort $(wildcard test/peer/*.c))
# A directory test/NAME with C files becomes the program test/NAME/NAME (test/c aside, and what is preloaded).
PROGRAM_DIRS := $(filter-out test/c test/preload,$(patsubst %/,%,$(sort $(dir $(wildcard test/*/*.c)))))
PROGRAMS := $(foreach dir,$(PROGRAM_DIRS),$(dir)/$(notdir $(dir)))
PURE_C := $(wildcard $(patsubst %,module/%.c,error event reply body verdict))
UNIT_C := $(sort $(wildcard test/c/test-*.c))
FUZZ_C := $(filter-out %/fuzz-main.c,$(sort $(wildcard test/c/fuzz-*.c)))
HELPER_C := $(filter-out $(UNIT_C) test/c/fuzz-%,$(sort $(wildcard test/c/*.c)))
PRELOAD := $(if $(filter .so,$(SUFFIX)),test/preload/preload.so)
# Whatever has a program test/NAME/run is the suite NAME.
CHECK_SUITES := $(patsubst test/%/run,check-%,$(filter-out test/bench/run,$(sort $(wildcard test/*/run))))
ALL_C := $(MODULE_C) $(sort $(wildcard test/*/*.c))

# What Lisp and the module know of each other, as a number: the keys of a request, the functions and how many arguments they
# take, the events and their fields.  Both have it, and a module that was built of other sources is noticed by it.
INTERFACE := $(shell { grep -hoE -e '":?[a-z0-9-]+"' -e '"mew-submit--mod-[a-z-]+", [0-9]+, [0-9]+' module/event.h module/module.c module/lisp.c; \
  grep -hoE 'msub_event_[a-z]+ .[a-z]+, "[a-z-]+"' module/*.c; cat module/*.def 2>/dev/null | grep -o '"[^"]*"'; } 2>/dev/null | \
  LC_ALL=C sort -u | cksum | cut -d ' ' -f 1)

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wvla -Wformat=2
EMACS_INCLUDE ?= $(patsubst %,-I%/../include,$(patsubst %/,%,$(dir $(realpath $(shell command -v $(EMACS))))))
LIB_CFLAGS := $(shell $(PKG_CONFIG) --cflags gnutls libgsasl 2>/dev/null)
LIBS := $(shell $(PKG_CONFIG) --libs gnutls libgsasl 2>/dev/null) -pthread
LINK_SAFELY := $(if $(filter Darwin,$(shell uname -s)),,-Wl,-z,relro,-z,now)
BASE_FLAGS := -std=gnu11 -fPIC -fvisibility=hidden -pthread $(WARNINGS) -Imodule $(LIB_CFLAGS)

# The same sources in several kinds: as they are, with sanitizers, and for the warnings alone.
SAN_FLAGS := -w -O1 -g -fno-omit-frame-pointer
ASAN_FLAGS := $(SAN_FLAGS) -fsanitize=address,undefined -fno-sanitize-recover=undefined
TSAN_FLAGS := $(SAN_FLAGS) -fsanitize=thread
LINT_FLAGS := -O2 $(HARDENING) -Werror
objects = $(patsubst %.c,$(BUILD)/$(1)/%.o,$(2))

# A package has no test/; what it has is compiled all the same, and its loaddefs are true.
compile_lisp = $(if $(wildcard test/tool/lint.el),$(lint_lisp)compile,$(EMACS) -Q --batch -L . -L lisp -f batch-byte-compile)
write_loaddefs = $(EMACS) -Q --batch -l test/tool/loaddefs.el -f mew-submit-loaddefs
manual = $(EMACS) -Q --batch -L . -L lisp -l test/tool/manual.el -f mew-submit-manual-
lint_lisp = $(EMACS) -Q --batch -L . -L lisp -L test -l test/tool/lint.el -f mew-submit-lint-

# The linker writes a new file: an Emacs that has the old module mapped keeps it whole.
link_module = $(CC) $(CFLAGS) -shared $(LINK_SAFELY) $(LDFLAGS) -o $@.new $^ $(LIBS) && mv -f $@.new $@

# `make V=1' shows whole commands.
run = $(if $(V),,@echo '$(1): $(2)';)

DEPS_HINT := $(if $(wildcard test/tool/deps),: run make deps-build)

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
.SUFFIXES:
MAKEFLAGS += --no-print-directory
export BUILD CC EMACS JOBS STRICT SUFFIX TEST_TIMEOUT

# Not every shell expands `make install PREFIX=~/.local'.
override PREFIX := $(patsubst ~/%,$(HOME)/%,$(PREFIX))
override MODULEDIR := $(patsubst ~/%,$(HOME)/%,$(MODULEDIR))

## Building

all: module compile  ## the module and the byte-compiled Lisp (the default)

module: $(MODULE)  ## the C module alone

compile: $(BUILD)/compiled  ## byte-compile the Lisp; a warning is an error with STRICT=yes, as in make lint

programs: $(PROGRAMS) $(PRELOAD)  ## the tests' own programs, such as the SMTP server test/peer/peer

all module compile programs units pure-units lint-c info:
	@:

$(MODULE): $(call objects,obj,$(MODULE_C))
	$(call run,$(CC),$@) $(link_module)

define program
$(1)/$(notdir $(1)): $(call objects,obj,$(sort $(wildcard $(1)/*.c)))
	$(call run,$(CC),$$@) $(CC) $(CFLAGS) $(LINK_SAFELY) $(LDFLAGS) -o $$@ $$^ $(LIBS)
endef
$(foreach dir,$(PROGRAM_DIRS),$(eval $(call program,$(dir))))

test/preload/preload.so: $(call objects,obj,test/preload/preload.c)
	$(call run,$(CC),$@) $(CC) $(CFLAGS) -shared $(LDFLAGS) -o $@ $^

# kind DIRECTORY,COMPILER,FLAGS: how to compile any source into $(BUILD)/DIRECTORY.
define kind
$(BUILD)/$(1)/%.o: %.c Makefile | libraries
	@mkdir -p $$(@D)
	$(call run,$(2) $(1),$$<) $(2) $$(CPPFLAGS) $$(BASE_FLAGS) $(3) -MMD -MP -c -o $$@ $$<
$(BUILD)/$(1)/module/module.o $(BUILD)/$(1)/module/lisp.o: BASE_FLAGS += $(EMACS_INCLUDE) -DMSUB_INTERFACE='"$(INTERFACE)"'
$(BUILD)/$(1)/module/module.o: $(MODULE_C) $(wildcard module/*.def)
endef
$(eval $(call kind,obj,$(CC),$(HARDENING) $(CFLAGS)))
$(eval $(call kind,asan,$(CC),$(ASAN_FLAGS)))
$(eval $(call kind,tsan,$(CC),$(TSAN_FLAGS)))
$(eval $(call kind,lint-gcc,gcc,$(LINT_FLAGS)))
$(eval $(call kind,lint-clang,clang,$(LINT_FLAGS)))

ifneq ($(filter-out $(wildcard $(LISP:.el=.elc)),$(LISP:.el=.elc)),)
.PHONY: $(BUILD)/compiled
endif
# One Emacs compiles all, because a file's macros and structures are compiled into others.
$(BUILD)/compiled: $(LISP) | $(BUILD)/loaddefs
	@mkdir -p $(@D)
	$(call run,$(EMACS),byte-compile) $(compile_lisp) $(LISP)
	@touch $@

$(BUILD)/loaddefs: $(LISP) $(MODULE_C) $(wildcard module/*.def)
	@$(EMACS) -Q --batch --eval '(or (and module-file-suffix (version<= "28.1" emacs-version)) (kill-emacs 1))' 2>/dev/null || \
	  { echo 'Emacs 28.1 (or later) with dynamic modules is missing$(DEPS_HINT)' >&2; exit 1; }
	@$(if $(wildcard test/tool/loaddefs.el),$(MAKE) loaddefs)
	@mkdir -p $(@D)
	@touch $@

libraries:
	@command -v $(firstword $(CC)) >/dev/null || { echo 'a C compiler is missing$(DEPS_HINT)' >&2; exit 1; }
	@command -v $(PKG_CONFIG) >/dev/null || { echo 'pkg-config is missing$(DEPS_HINT)' >&2; exit 1; }
	@$(PKG_CONFIG) --exists 'gnutls >= 3.7.2' || { echo 'GnuTLS 3.7.2 (or later) is missing$(DEPS_HINT)' >&2; exit 1; }
	@$(PKG_CONFIG) --exists 'libgsasl >= 2.0' || { echo 'GNU SASL 2.0 (or later) is missing$(DEPS_HINT)' >&2; exit 1; }

## Testing (each suite alone: check-NAME)

# A package has no tests, and its README.org is that of the sources.
ifeq ($(wildcard test/demo),)
demo check check-fast lint info: no-tests
endif
no-tests:
	@echo "the demo, the tests and what makes the manual are in the sources, not in this package; 'make' builds it" >&2; exit 1

check: deps-check  ## all tests; the only command needed on a fresh Debian machine (JOBS=n suites at once)
	@$(MAKE) check-all

check-fast: all programs units  ## what a minute shows: C, pure Lisp, a delivery by each plan, the demo
	@test/tool/check fast

demo: deps-build  ## the main job on an embedded server: a fallback and a delivery
	@$(MAKE) all programs
	@test/demo/run

# Both would compile the same files at once in `make -j lint check'.
ifneq ($(and $(filter lint,$(MAKECMDGOALS)),$(filter check,$(MAKECMDGOALS))),)
check: | lint
endif

check-all: $(if $(PORTABLE),check-portable,all programs units)
	@$(if $(PORTABLE),,test/tool/check)

# The tests' own programs are those of this system.
plain_build = $(patsubst %/portable,%,$(BUILD))
check-portable:  ## with a module as systems other than Linux have it (ONLY='race faults'); make check PORTABLE=yes is the same
	@$(MAKE) PORTABLE= BUILD=$(plain_build) all programs
	@$(MAKE) PORTABLE=yes BUILD=$(plain_build) module units
	@BUILD=$(plain_build) test/tool/portable $(ONLY)

check-c: units  ## C unit tests, with sanitizers
	@test/tool/check c

check-lisp: all programs  ## ERT
	@test/tool/check lisp

$(CHECK_SUITES): check-%: $(if $(PORTABLE),,all programs)
	@$(if $(PORTABLE),$(MAKE) check-portable ONLY=$*,test/tool/check $*)

units: $(patsubst test/c/%.c,$(BUILD)/c/%,$(UNIT_C))

$(BUILD)/c/test-%: $(BUILD)/asan/test/c/test-%.o $(call objects,asan,$(HELPER_C) $(PURE_C))
	@mkdir -p $(@D)
	$(call run,$(CC) asan,$@) $(CC) $(ASAN_FLAGS) -o $@ $^ $(LDFLAGS) $(LIBS)

# What is not pure needs the whole module but its boundary.
WHOLE_UNITS := $(patsubst %,$(BUILD)/c/test-%,anchors cut gate net request sasl)
$(WHOLE_UNITS): $(call objects,asan,$(filter-out module/module.c module/lisp.c $(PURE_C),$(MODULE_C)))

$(BUILD)/c/test-anchors: LDFLAGS += -Wl,--wrap=msub_now_with_sleep -Wl,--wrap=gnutls_certificate_set_x509_system_trust
$(BUILD)/c/test-sasl: LDFLAGS += -Wl,--wrap=gsasl_property_set -Wl,--wrap=gsasl_saslprep -Wl,--wrap=gsasl_strerror

# Those that need no library: other compilers and processors can have them.
pure-units: $(filter-out $(WHOLE_UNITS),$(patsubst test/c/%.c,$(BUILD)/c/%,$(UNIT_C)))

check-matrix:  ## as root: build and test in roots of other Debians and processors (ONLY='trixie c demo'), with a table
	@test/tool/matrix $(ONLY)

bench: all programs  ## measure round trips, octets and time
	@test/bench/run

walk: all programs  ## count the functions and files that one message goes through (TOP=20 names the most frequent)
	@$(EMACS) -Q --batch -L . -L lisp -L test -l test/bench/walk.el -f mew-submit-walk $(TOP) 2>/dev/null

fuzz:  ## every fuzzer for FUZZ_SECONDS, with clang where there is one
	@BASE_FLAGS='$(BASE_FLAGS)' test/tool/fuzz $(FUZZ_SECONDS) $(FUZZ_C) -- $(HELPER_C) $(PURE_C)

asan: all programs units  ## the tests, with ASan and UBSan in the module and the test server
tsan: all programs  ## the tests, with ThreadSanitizer in the module and the test server
asan tsan:
	@$(MAKE) $(BUILD)/$@/$(NATIVE) $(BUILD)/$@/peer
	@test/tool/sanitize $@

stress: all programs  ## thousands of jobs of each fate (STRESS=2000, STRESS_SECONDS=600), under ASan and then TSan
	@for kind in asan tsan; do $(MAKE) $(BUILD)/$$kind/$(NATIVE) $(BUILD)/$$kind/peer \
	  && test/tool/sanitize $$kind stress || exit 1; done

define sanitized
$(BUILD)/$(1)/$(NATIVE): $(call objects,$(1),$(MODULE_C))
	$(call run,$(CC) $(1),$$@) $(CC) $(2) -shared -o $$@ $$^ $(LIBS)
$(BUILD)/$(1)/peer: $(call objects,$(1),$(PEER_C))
	$(call run,$(CC) $(1),$$@) $(CC) $(2) -o $$@ $$^ $(LIBS)
endef
$(eval $(call sanitized,asan,$(ASAN_FLAGS)))
$(eval $(call sanitized,tsan,$(TSAN_FLAGS)))

confusion: compile  ## how often the cause of a refusal is right, by labelled replies (REPLIES='FILE...')
	@$(EMACS) -Q --batch -L . -L lisp -L test -l test/tool/confusion.el -f mew-submit-confusion $(or $(REPLIES),test/cause/replies.txt)

mutants: all programs units  ## plant single faults (ONLY='C14 L3*'): does a test notice each?
	@test/tool/mutants $(foreach name,$(ONLY),'$(name)')

## Checking the text

lint: lint-c cppcheck exports layers rows loaddefs-check mutants-check manual-check warnings checkdoc package-lint spaces  ## all of these

lint-c: $(foreach cc,$(notdir $(foreach cc,gcc clang,$(shell command -v $(cc)))),$(call objects,lint-$(cc),$(ALL_C)))  ## gcc and clang, warnings as errors

lint: portable
.PHONY: portable
portable:  ## what a system without Linux's own would compile: module and unit tests, warnings as errors, and their run
	@$(MAKE) PORTABLE=yes ALL_C='$(MODULE_C) $(UNIT_C)' lint-c module units
	@BUILD=$(plain_build)/portable test/tool/check c

cppcheck:  ## cppcheck, where it is installed
	@if command -v cppcheck >/dev/null; then \
	  cppcheck --quiet --inline-suppr --error-exitcode=1 --enable=warning,performance --suppress=normalCheckLevelMaxBranches \
	    --suppress=constStatement -U__has_feature --std=c11 --library=posix,gnu -Imodule $(MODULE_C) $(PEER_C) && echo 'cppcheck: clean'; \
	else echo 'cppcheck: skipped, not installed'; fi

tidy:  ## clang-tidy: advice, never an error
	clang-tidy --quiet $(MODULE_C) $(PEER_C) -- $(BASE_FLAGS) $(EMACS_INCLUDE) -DMSUB_INTERFACE='"0"'

exports: $(MODULE)  ## the module shows Emacs two symbols, and no more; letters are ASCII's; what can change in it is job.c's, and what a signal's handler needs
	@nm -D --defined-only $(MODULE) | awk '$$3 !~ /^(emacs_module_init|plugin_is_GPL_compatible)$$/ \
	  { print "$(MODULE) exports " $$3; bad = 1 } END { exit bad }' >&2 && echo 'exports: clean'
	@nm -D --undefined-only $(MODULE) | awk '$$2 ~ /^(strn?case|to(upper|lower)|is(w?alpha|alnum)|__ctype_)/ \
	  { print "$(MODULE) asks the locale about letters: " $$2; bad = 1 } END { exit bad }' >&2 && echo 'letters: clean'
	@size -A $(filter-out %/job.o %/ending.o,$(call objects,obj,$(MODULE_C))) | awk '/ :$$/ { file = $$1 } \
	  (/^\.data /  || /^\.bss /) && $$2 > (file ~ /\/module\.o$$/ ? 4 : 0) { print file " has variables that outlive a call"; bad = 1 } \
	  END { exit bad }' >&2 && echo 'variables: clean'

layers:  ## includes and requires go only downward
	@test/tool/layers

rows:  ## every row of doc/SECURITY.md has a test that names it
	@test/tool/rows

loaddefs:  ## write the file that says which command is in which Lisp file, and the number of the module's interface
	@$(write_loaddefs)-write $(LOADDEFS) $(INTERFACE) $(LISP)

loaddefs-check:  ## that file is true
	@$(write_loaddefs)-check $(LOADDEFS) $(INTERFACE) $(LISP)

mutants-check:  ## the faults of `make mutants' fit the sources
	@test/tool/mutants --check

manual-check: compile programs  ## the manual is up to date, names what there is, and nothing else
	@$(manual)check

warnings:  ## compiler warnings in all Lisp, each file by itself, as Emacs compiles it natively; and in the tests
	@mkdir -p $(BUILD)/alone
	@printf '%s\n' $(LISP) | xargs -n 1 -P 2 $(EMACS) -Q --batch -L . -L lisp --eval \
	  '(setq load-prefer-newer t byte-compile-error-on-warn t byte-compile-dest-file-function (lambda (file) (concat "$(BUILD)/alone/" (file-name-base file) ".elc")))' \
	  -f batch-byte-compile
	@$(lint_lisp)warnings $(TEST_LISP)

checkdoc:  ## docstrings
	@$(lint_lisp)checkdoc $(LISP)

package-lint:  ## package-lint, where it is installed
	@$(lint_lisp)package $(LISP)

spaces:  ## no tabs, no trailing blanks, a newline at the end
	@test/tool/spaces

## Installing

info: mew-submit.info  ## the manual

manual: compile  ## write the lists in the manual anew that are made of the program's own tables
	@$(manual)write

advice: compile  ## every sentence of advice there is, one a line, for review
	@$(EMACS) -Q --batch -L . -L lisp -l test/tool/manual.el -l test/tool/advice.el -f mew-submit-advice

pictures: all programs  ## make the pictures of README.org anew, for light and dark
	@test/tool/pictures

mew-submit.info: doc/mew-submit.org test/tool/info.el
	@mkdir -p $(BUILD)
	$(EMACS) -Q --batch -l test/tool/info.el -f mew-submit-info doc/mew-submit.org $(BUILD)/mew-submit.texi
	makeinfo --no-split -o $@ $(BUILD)/mew-submit.texi

# `sudo make install' leaves nothing of root's in a tree that is somebody else's: that user could not build there again.
# What is root's own, the directory for temporary files that TMPDIR may name included, is closed to that user.
owner := $(if $(filter 0,$(shell id -u)),$(shell ls -nd . | awk '$$3 != 0 { print $$3, $$4 }'))
become_owner = $(if $(shell command -v setpriv),setpriv --reuid $(word 1,$(owner)) --regid $(word 2,$(owner)) --clear-groups,sudo -u '\#$(word 1,$(owner))')
as_owner := $(if $(owner),$(become_owner) env TMPDIR=/tmp)

install:  ## into PREFIX (/usr/local) under DESTDIR; the module into MODULEDIR (PREFIX/lib/mew-submit)
	@$(as_owner) $(MAKE) EMACS='$(EMACS)' CC='$(CC)' all man $(if $(and $(shell command -v makeinfo),$(wildcard test/tool/info.el)),info)
	@DESTDIR="$(DESTDIR)" packaging/install "$(PREFIX)" "$(MODULEDIR)" "$(MODULE)" $(LISP) $(LOADDEFS)

uninstall:  ## remove what install put there
	@DESTDIR="$(DESTDIR)" packaging/install --remove "$(PREFIX)"

man: $(BUILD)/man/mew-submit.1  ## the manual pages, from what the commands say by --help

$(BUILD)/man/mew-submit.1: packaging/man packaging/mew-submit $(BUILD)/compiled
	$(call run,man,$(@D)) packaging/man $(@D)

dist: $(BUILD)/loaddefs  ## the package as a tar file, for package-install-file
	@packaging/dist $(LISP) $(LOADDEFS)

deps:  ## install what building and testing need (only what is missing)
	@test/tool/deps test

deps-build:  ## install what building needs
	@test/tool/deps build

deps-check:
	@test/tool/deps check

clean:  ## remove what make made
	rm -rf $(BUILD) $(MODULE) module/mew-submit-module.* $(PROGRAMS) $(PRELOAD) *.elc lisp/*.elc mew-submit.info mew-submit-*.tar

help:  ## this list
	@sed -nE -e 's/^## (.*)/\n\1/p' \
	  -e 's/^([a-z][a-z -]*):.*  ## (.*)/\1 \t\2/p' Makefile | expand -t 20

.PHONY: all module compile programs libraries no-tests check check-fast demo check-all check-c check-lisp check-matrix check-portable $(CHECK_SUITES) \
  units pure-units bench walk confusion fuzz asan tsan stress lint lint-c cppcheck tidy exports layers rows loaddefs loaddefs-check mutants mutants-check manual-check warnings checkdoc package-lint spaces \
  info manual advice pictures install uninstall man dist deps deps-build deps-check clean help

-include $(shell find $(BUILD) -path $(BUILD)/fetched -prune -o -name '*.d' -type f -print 2>/dev/null)
