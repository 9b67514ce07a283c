# cube: `make demo` shows it at work, `make check` tests it, `make help` lists the rest.
#
#   CC=clang            another compiler            SAN=address,undefined | thread   sanitizers
#   WERROR=1            warnings are errors (CI)    BUILD=DIR                        another build folder
#   PREFIX=/usr/local   DESTDIR=                    where `make install` puts things
#   V=1                 whole commands are shown    OPT= CFLAGS= CPPFLAGS= LDFLAGS=  yours, after ours

VERSION  := 0.1.0
PREFIX   ?= /usr/local
BUILD    ?= build$(if $(SAN),-$(firstword $(subst $(comma), ,$(SAN))))
comma    := ,

bindir     = $(PREFIX)/bin
includedir = $(PREFIX)/include
libdir     = $(PREFIX)/lib
plugindir  = $(libdir)/cube/plugins
mandir     = $(PREFIX)/share/man
docdir     = $(PREFIX)/share/doc/cube
compdir    = $(PREFIX)/share/bash-completion/completions
pcdir      = $(PREFIX)/share/pkgconfig
unitdir    = $(PREFIX)/lib/systemd/system

# ---- flags ---------------------------------------------------------------------------------

CSTD     := -std=gnu11
WARN     := -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wformat=2 -Wvla -Wstrict-prototypes \
            -Wmissing-prototypes -Wwrite-strings $(if $(SAN),-Wno-format-truncation) $(if $(WERROR),-Werror)
# A sanitizer's checks are the same at -O1, which compiles in less time; gcc's guesses at what
# may be cut short are not.
OPT      ?= $(if $(SAN),-O1,-O2) -g
FORTIFY  := $(if $(findstring clang,$(CC)),2,3)
HARDEN   := -fstack-protector-strong -fstack-clash-protection -fcf-protection \
            $(if $(SAN),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=$(FORTIFY))
SANFLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all)
DEFINES  := -Iinclude -Icore -Icmd -D_GNU_SOURCE -DCUBE_VERSION='"$(VERSION)"' -DCUBE_PLUGIN_DIR='"$(plugindir)"'
ALLCFLAGS = $(CSTD) $(OPT) $(WARN) $(HARDEN) $(SANFLAGS) -fPIC -fvisibility=hidden \
            -ffunction-sections -fdata-sections -MMD -MP $(DEFINES) $(CPPFLAGS) $(CFLAGS)
LINK      = $(SANFLAGS) -Wl,-z,relro,-z,now,--as-needed,--gc-sections $(LDFLAGS)
LIBS_BASE := -lyajl -luuid -lpthread -lm
LIBS_CORE := -lcivetweb -lcurl -ldl $(LIBS_BASE)

# ---- what there is to build ----------------------------------------------------------------

LAYERS   := base model plugin place manager worker http shell
objects   = $(patsubst %.c,$(BUILD)/obj/%.o,$(sort $(wildcard $(1))))
layer     = $(BUILD)/lib/libcube-$(1).a
# Each layer links to those on its right only; the layer test holds the includes to it.
CORE_ORDER := shell http manager worker place plugin model base
CORE_LIBS  := $(foreach l,$(CORE_ORDER),$(call layer,$(l)))

PROGRAMS := cube cube-manager cube-worker
BINS     := $(PROGRAMS:%=$(BUILD)/bin/%)

# A plugin is one file, plugins/KIND/NAME.c, or one folder, plugins/KIND/NAME/*.c.
PLUGIN_FILES   := $(wildcard plugins/*/*.c)
PLUGIN_FOLDERS := $(patsubst %/,%,$(sort $(dir $(wildcard plugins/*/*/*.c))))
PLUGINS        := $(PLUGIN_FILES:plugins/%.c=$(BUILD)/plugins/%.so) \
                  $(PLUGIN_FOLDERS:plugins/%=$(BUILD)/plugins/%.so)
# process.so starts one of these beside each task; it is a program of its own, in the same folder.
SUPERVISOR      := $(BUILD)/plugins/runtime/process-supervisor
SUPERVISOR_ONLY := $(call objects,plugins/runtime/process/supervisor*.c)
SUPERVISOR_OBJS := $(SUPERVISOR_ONLY) $(call objects,plugins/runtime/process/sweep.c \
                   plugins/runtime/process/ticks.c)
# There is one for each container, so static where libc.a is there: 0.7 MB resident, not 1.2.
SUPERVISOR_PIE  := $(if $(SAN),-pie,$(if $(wildcard $(shell $(CC) -print-file-name=libc.a)),-static-pie,-pie))

UNIT_TESTS   := $(patsubst tests/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/*_test.c))
PLUGIN_TESTS := $(patsubst tests/%.c,$(BUILD)/tests/%,$(wildcard tests/plugin/*_test.c))
FAKES        := $(patsubst tests/fake/%.c,$(BUILD)/tests/fake/%.so,$(wildcard tests/fake/*_plugin.c tests/fake/*_preload.c))
TOOLS        := $(patsubst tests/%.c,$(BUILD)/tests/%,$(wildcard tests/flow/*_tool.c tests/bench/*_tool.c))
FUZZERS      := $(patsubst tests/%.c,$(BUILD)/tests/%,$(wildcard tests/fuzz/*_fuzz.c))

# Man pages and completion come from the tables that --help prints.
MANPAGES   := $(patsubst %,$(BUILD)/man/%,cube.1 cube-plugin.7 cube-manager.8 cube-worker.8)
COMPLETION := $(BUILD)/completion/cube
# What the completion is for beside cube itself: bash loads it by the command's name.
COMPLETED  := cube-manager cube-worker

all: $(BINS) $(PLUGINS) $(SUPERVISOR) $(MANPAGES) $(COMPLETION)

# ---- how it is built -----------------------------------------------------------------------

# A command is shown as one short line, or, with V=1, as it is.
Q   := $(if $(filter-out 0,$(V)),,@)
say  = $(if $(Q),@printf '%-4s %s\n' $(1) $(2:$(BUILD)/%=%))

# Changes when what decides about the code does: then all is compiled anew.
FLAGS := $(strip $(CC) $(OPT) $(SANFLAGS) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS))
ifneq ($(FLAGS),$(file <$(BUILD)/flags))
.PHONY: $(BUILD)/flags
endif
$(BUILD)/flags:
	@mkdir -p $(@D)
	@echo '$(FLAGS)' >$@

$(BUILD)/obj/%.o: %.c Makefile $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(ALLCFLAGS) -c -o $@ $<

define LAYER_RULE
$(call layer,$(1)): $(call objects,core/$(1)/*.c)
	@mkdir -p $$(@D)
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@
	$$(Q)$(AR) rcs $$@ $$^
endef
$(foreach l,$(LAYERS),$(eval $(call LAYER_RULE,$(l))))

define PROGRAM_RULE
$(BUILD)/bin/$(1): $(call objects,cmd/$(1)/*.c cmd/$(1)/*/*.c) $(call objects,cmd/common/*.c) $(CORE_LIBS)
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)
	$$(Q)$(CC) -pie $(LINK) -rdynamic -o $$@ $$^ $(LIBS_CORE)
endef
$(foreach p,$(PROGRAMS),$(eval $(call PROGRAM_RULE,$(p))))

# A plugin sees include/cube and core/base; --exclude-libs keeps base out of its exports.
PLUGIN_LINK = $(CC) -shared $(LINK) $(if $(SAN),,-Wl$(comma)-z$(comma)defs) -Wl,--exclude-libs,ALL
plugin_libs = $(if $(filter sqlite,$(1)),-lsqlite3) $(if $(filter docker,$(1)),-lcurl) $(LIBS_BASE)

define PLUGIN_FILE_RULE
$(BUILD)/plugins/$(1).so: $(BUILD)/obj/plugins/$(1).o $(call layer,base)
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)
	$$(Q)$$(PLUGIN_LINK) -o $$@ $$^ $(call plugin_libs,$(notdir $(1)))
endef
define PLUGIN_FOLDER_RULE
$(BUILD)/plugins/$(1).so: $(filter-out $(SUPERVISOR_ONLY),$(call objects,plugins/$(1)/*.c)) $(call layer,base)
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)
	$$(Q)$$(PLUGIN_LINK) -o $$@ $$^ $(call plugin_libs,$(notdir $(1)))
endef
$(foreach p,$(PLUGIN_FILES:plugins/%.c=%),$(eval $(call PLUGIN_FILE_RULE,$(p))))
$(foreach p,$(PLUGIN_FOLDERS:plugins/%=%),$(eval $(call PLUGIN_FOLDER_RULE,$(p))))

$(SUPERVISOR): $(SUPERVISOR_OBJS)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(SUPERVISOR_PIE) $(LINK) -o $@ $^

# ---- man pages and completion --------------------------------------------------------------

DOCGEN       := $(BUILD)/tools/docgen
DOCGEN_OBJS  := $(call objects,cmd/docgen/*.c cmd/common/*.c) \
                $(filter-out %/main.o,$(call objects,cmd/cube/*.c cmd/cube/*/*.c)) \
                $(call objects,cmd/cube-manager/options.c cmd/cube-worker/options.c)
# The plugins whose options stand in a page.
$(BUILD)/man/cube-manager.8: DOC_PLUGINS = $(filter $(BUILD)/plugins/scheduler/% $(BUILD)/plugins/store/%,$(PLUGINS))
$(BUILD)/man/cube-worker.8:  DOC_PLUGINS = $(filter $(BUILD)/plugins/runtime/% $(BUILD)/plugins/store/%,$(PLUGINS))

$(DOCGEN): $(DOCGEN_OBJS) $(CORE_LIBS)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -pie $(LINK) -rdynamic -o $@ $^ $(LIBS_CORE)

$(BUILD)/man/%: contrib/man/%.in $(DOCGEN) $(PLUGINS)
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q)$(DOCGEN) $(basename $*) $< $(sort $(DOC_PLUGINS)) >$@

$(BUILD)/man/%: contrib/man/%
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q)cp $< $@

$(COMPLETION): contrib/completion/cube.in $(DOCGEN)
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q)$(DOCGEN) cube $< >$@

# ---- tests ---------------------------------------------------------------------------------

# Looked up when a test links: `make check` may have installed check just before.
LIBS_CHECK  = $(shell pkg-config --libs check 2>/dev/null || echo -lcheck)

$(BUILD)/tests/unit/%: $(BUILD)/obj/tests/unit/%.o $(CORE_LIBS)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -pie $(LINK) -rdynamic -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LIBS_CHECK) $(LIBS_CORE)

# Those of the programs link what stands in cmd beside each main.
CMD_OBJS := $(filter-out %/main.o,$(call objects,cmd/cube/*.c cmd/cube/*/*.c)) $(call objects,cmd/common/*.c)
$(filter $(BUILD)/tests/unit/cli_% $(BUILD)/tests/unit/sim_%,$(UNIT_TESTS)): $(CMD_OBJS)

$(BUILD)/tests/plugin/%: $(BUILD)/obj/tests/plugin/%.o $(CORE_LIBS)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -pie $(LINK) -rdynamic -o $@ $^ $(LIBS_CHECK) $(LIBS_CORE)

$(filter $(BUILD)/tests/plugin/process%,$(PLUGIN_TESTS)): | $(BUILD)/plugins/runtime/process.so $(SUPERVISOR)

# Those of docker.so have a client and a fake engine in common, and load the plugin itself.
DOCKER_TESTS := $(filter $(BUILD)/tests/plugin/docker%,$(PLUGIN_TESTS))
$(DOCKER_TESTS): $(BUILD)/obj/tests/plugin/docker_client.o $(BUILD)/obj/tests/fake/docker_daemon.o \
                 | $(BUILD)/plugins/runtime/docker.so

$(BUILD)/tests/fake/%.so: $(BUILD)/obj/tests/fake/%.o $(call layer,base)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(PLUGIN_LINK) -o $@ $^ $(LIBS_BASE)

$(BUILD)/tests/flow/%_tool $(BUILD)/tests/bench/%_tool:
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -pie $(LINK) -o $@ $^ $(LIBS_CORE)
$(TOOLS): $(BUILD)/tests/%: $(BUILD)/obj/tests/%.o $(CORE_LIBS)
$(BUILD)/tests/bench/sqlite_tool: LIBS_CORE += -lsqlite3

$(BUILD)/tests/fuzz/%: $(BUILD)/obj/tests/fuzz/%.o $(CORE_LIBS)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -pie $(LINK) $(FUZZ_LINK) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LIBS_CORE)

# Those of programs and plugins link their objects; to docker.so's, the target is the engine.
$(filter %/cli_fuzz,$(FUZZERS)): $(CMD_OBJS) $(call objects,cmd/cube-manager/options.c cmd/cube-worker/options.c)
$(filter %/sim_fuzz,$(FUZZERS)): $(CMD_OBJS)
$(filter %/docker_fuzz,$(FUZZERS)): $(call objects,plugins/runtime/docker/*.c)
$(filter %/docker_fuzz,$(FUZZERS)): FUZZ_LINK = -Wl,--wrap=http_perform,--wrap=http_wait,--wrap=helper_get
$(filter %/process_fuzz,$(FUZZERS)): $(filter-out $(SUPERVISOR_ONLY),$(call objects,plugins/runtime/process/*.c))
$(filter %/sqlite_fuzz,$(FUZZERS)): $(call objects,plugins/store/sqlite/identify.c)

# The simulator: the real brains on a virtual clock. Plugins are found beside it, in BUILD.
SIM := $(BUILD)/tests/sim/sim
$(SIM): $(call objects,tests/sim/*.c) $(CORE_LIBS)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) -pie $(LINK) -rdynamic -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LIBS_CORE)

# make sim SEEDS=200 SEED=1 SCHEDULER=roundrobin.so UNWILLING=1 HOURS=1 NODES=20 VERBOSE=1
.PHONY: sim
sim: $(SIM) $(PLUGINS)
	@$(SIM) -n $(or $(SEEDS),1) -s $(or $(SEED),1) \
		$(if $(SCHEDULER),-S $(SCHEDULER)) $(if $(UNWILLING),-u) $(if $(HOURS),-t $(HOURS)) \
		$(if $(NODES),-w $(NODES)) $(if $(VERBOSE),-v)

# What the tests of plugins and of the programs need; the rest tests what has but one thread.
tests-plugin: all $(PLUGIN_TESTS) $(FAKES)

tests: tests-plugin $(SIM) $(UNIT_TESTS) $(TOOLS) $(FUZZERS)

# For a make of ours inside a target, unless whoever called make has said -j.
PARALLEL = --no-print-directory $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc 2>/dev/null || echo 2))

# Programs that count their own tests; tests/run adds them up. Flow tests start the real programs.
SCRIPT_TESTS := $(wildcard tests/lint/layers tests/abi/*_test.sh tests/sim/sim_test tests/sim/mutants/run)
FLOW_TESTS   := $(wildcard tests/flow/*_test.py)
# Several run at a time: those that compute first, while the long ones wait.
CHECKED      := $(SCRIPT_TESTS) $(FLOW_TESTS) $(UNIT_TESTS) $(PLUGIN_TESTS) $(FUZZERS)

check:
	@contrib/install-deps check
	@$(MAKE) $(PARALLEL) tests
	@tests/run -b $(BUILD) $(CHECKED)

# The same with long forms: more requests, more cycles, more rounds of fuzzing.
check-long: export CUBE_TEST_LONG = 1
check-long:
	@contrib/install-deps check
	@$(MAKE) $(PARALLEL) tests
	@tests/run -b $(BUILD) -t 3600 $(CHECKED)

# kill -9 of manager, workers and engine under load, as often as wanted: make torture CYCLES=1000
CYCLES ?= 200
torture:
	@contrib/install-deps check
	@$(MAKE) $(PARALLEL) all
	@CUBE_BUILD=$(BUILD) CUBE_TEST_CYCLES=$(CYCLES) python3 tests/flow/torture_test.py -v

fuzz:
	@contrib/install-deps check
	@$(MAKE) $(PARALLEL) $(FUZZERS)
	@tests/run -b $(BUILD) $(FUZZERS)

# ---- install -------------------------------------------------------------------------------

# STRIP=-s installs without symbols. What is built for another PREFIX runs from this one too:
# a program looks for plugins in ../lib/cube/plugins of its own folder.
INSTALL_PROGRAM = install -m 755 $(STRIP)
INSTALL_DATA    = install -m 644

HEADERS    := $(wildcard include/cube/*.h)
UNITS      := $(wildcard contrib/systemd/*.service)
PC_EDIT    := -e 's|@PREFIX@|$(PREFIX)|' -e 's|@includedir@|$(includedir)|' \
              -e 's|@plugindir@|$(plugindir)|' -e 's|@VERSION@|$(VERSION)|'
# Where each of them goes, relative to DESTDIR.
man_path    = $(mandir)/man$(subst .,,$(suffix $(1)))/$(notdir $(1))
plugin_path = $(plugindir)/$(1:$(BUILD)/plugins/%=%)
INSTALLED   = $(PROGRAMS:%=$(bindir)/%) $(HEADERS:include/%=$(includedir)/%) $(pcdir)/cube.pc \
              $(foreach p,$(PLUGINS) $(SUPERVISOR),$(call plugin_path,$(p))) \
              $(foreach m,$(MANPAGES),$(call man_path,$(m))) \
              $(addprefix $(compdir)/,cube $(COMPLETED)) $(UNITS:contrib/systemd/%=$(unitdir)/%) \
              $(addprefix $(docdir)/,README.md LICENSE openapi.json)

install: all
	@echo 'install to $(DESTDIR)$(PREFIX)'
	$(Q)install -d $(sort $(dir $(addprefix $(DESTDIR),$(INSTALLED))))
	$(Q)$(INSTALL_PROGRAM) $(BINS) $(DESTDIR)$(bindir)/
	$(Q)$(foreach p,$(PLUGINS) $(SUPERVISOR),$(INSTALL_PROGRAM) $(p) $(DESTDIR)$(call plugin_path,$(p)) &&) :
	$(Q)$(INSTALL_DATA) $(HEADERS) $(DESTDIR)$(includedir)/cube/
	$(Q)sed $(PC_EDIT) contrib/cube.pc.in >$(DESTDIR)$(pcdir)/cube.pc
	$(Q)$(foreach u,$(UNITS),sed 's|/usr/local/bin|$(bindir)|' $(u) >$(DESTDIR)$(unitdir)/$(notdir $(u)) &&) :
	$(Q)$(foreach m,$(MANPAGES),$(INSTALL_DATA) $(m) $(DESTDIR)$(call man_path,$(m)) &&) :
	$(Q)$(INSTALL_DATA) $(COMPLETION) $(DESTDIR)$(compdir)/cube
	$(Q)$(foreach c,$(COMPLETED),ln -sf cube $(DESTDIR)$(compdir)/$(c) &&) :
	$(Q)$(INSTALL_DATA) README.md LICENSE contrib/openapi.json $(DESTDIR)$(docdir)/

# The folders that are cube's alone go too; what others put into them stays, and keeps them.
uninstall:
	@echo 'uninstall from $(DESTDIR)$(PREFIX)'
	$(Q)rm -f $(addprefix $(DESTDIR),$(INSTALLED))
	$(Q)rmdir $(addprefix $(DESTDIR),$(plugindir)/scheduler $(plugindir)/runtime $(plugindir)/store \
		$(plugindir) $(libdir)/cube $(includedir)/cube $(docdir)) 2>/dev/null || :

# ---- for people ----------------------------------------------------------------------------

demo:
	@contrib/install-deps build
	@$(MAKE) $(PARALLEL) all
	@contrib/demo $(BUILD)

# make bench SECTION=place AGAINST=older/bench.json
bench:
	@contrib/install-deps check
	@$(MAKE) $(PARALLEL) tests
	@tests/bench/run $(if $(AGAINST),--against $(AGAINST)) $(BUILD) $(SECTION)

format:
	@contrib/install-deps ci
	@find cmd contrib core include plugins tests -name '*.[ch]' -exec clang-format -i {} +

lint:
	@contrib/install-deps ci
	@tests/lint/run

clean:
	rm -rf $(sort $(BUILD) build build-address build-thread build-undefined)

# With another goal beside it, as in `make -j clean all`, it is done before the other begins.
ifneq ($(filter clean,$(MAKECMDGOALS)),)
.NOTPARALLEL:
endif

help:
	@echo 'make [all]       build/bin, build/plugins, man pages, completion'
	@echo 'make demo        install what is missing, build, run real tasks, show them, clean up'
	@echo 'make check       install what the tests need, build, run every test'
	@echo 'make check-long  the same with long forms'
	@echo 'make tests       build all that `make check` runs'
	@echo 'make sim         the real brains on a virtual clock: SEEDS=1000 SEED=1, one hour each'
	@echo 'make torture     kill -9 of everybody under load, CYCLES=200 times'
	@echo 'make bench       figures, beside a peer in the same run'
	@echo 'make fuzz        every parser of outside bytes'
	@echo 'make lint        format, layers, scripts, cppcheck, clang-tidy'
	@echo 'make format      clang-format all sources'
	@echo 'make install     PREFIX=/usr/local DESTDIR=; make uninstall takes it back'
	@echo 'make clean       build folders'
	@sed -n '/^#   /s/^#//p' Makefile

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

.PHONY: all tests tests-plugin check check-long torture fuzz demo bench format lint install uninstall clean help
.SECONDARY:
.DELETE_ON_ERROR:
