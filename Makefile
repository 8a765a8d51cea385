# SPDX-License-Identifier: GPL-2.0
# What a person types; Kbuild is what the kernel's build system reads.

KDIR    ?= /lib/modules/$(shell uname -r)/build
RELEASE ?= trixie

# The kernel's build system includes this file too when it finds no Kbuild;
# there is one, so everything here is for the command line.

all: modules plugin

help:
	@echo 'mygre: GRE tunnels for routers'
	@echo
	@echo '  make [KDIR=DIR]     module for the running kernel, iproute2 plugin'
	@echo '  make install        install both (uninstall removes them)'
	@echo '  make clean          remove what was built'
	@echo
	@echo 'In a virtual machine with a stock Debian kernel; the first time'
	@echo 'this installs qemu and fetches a release tree:'
	@echo
	@echo '  make demo           a tunnel at work'
	@echo '  make check          lint, unit tests, tests: six minutes'
	@echo '  make check-all      the same on all three kernels'
	@echo '  make shell          a shell with module and plugin loaded'
	@echo '  make lint, unit     only these'
	@echo '  make fuzz           libFuzzer on the wire format: TIME=60 seconds'
	@echo '  make check-kselftest  the GRE tests of the kernel itself'
	@echo '  make check-debug    all tests under a kernel that looks for bugs'
	@echo '  make bench          what packets, tunnels and memory cost, and ip_gre'
	@echo '  make soak           long forms, races, fuzzing, load, a day'
	@echo '  make bench-profile  in which functions: TESTS="gre.all mygre.all"'
	@echo
	@echo '  RELEASE=bookworm|trixie|trixie-backports   Linux 6.1, 6.12, 7.3'
	@echo '  TESTS="two_hosts plugin:words"  only these scripts, functions'
	@echo '  LONG=1              make check in its long form: all of every test'
	@echo '  HOST=1              make check on the running kernel instead'
	@echo '  KTAP_VERBOSE=1      output of passing tests as well'
	@echo '  SEED=N|new CASES=N  of tests that make up their cases'
	@echo '  MYGRE_SLOW=N        time limits times N'
	@echo '  MYGRE_CACHE=DIR     release trees (/var/cache/mygre)'
	@echo '  MYGRE_BUILD=DIR     build directories (build)'

modules:
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules

plugin:
	$(MAKE) -C iproute2

iproute2/link_mygre.so: plugin

clean:
	@if [ -e $(KDIR)/Makefile ]; then \
		$(MAKE) -C $(KDIR) M=$(CURDIR) clean; \
	fi
	$(MAKE) -C iproute2 clean
	rm -rf --one-file-system build

demo:
	@selftests/vm/build $(RELEASE)
	@selftests/vm/boot -r $(RELEASE) -t 120 -- selftests/demo.sh

check:
	@TESTS="$(TESTS)" HOST="$(HOST)" LONG="$(LONG)" \
		SEED="$(SEED)" CASES="$(CASES)" selftests/vm/check $(RELEASE)

check-all:
	@TESTS="$(TESTS)" LONG="$(LONG)" \
		selftests/vm/check bookworm trixie trixie-backports

check-kselftest:
	@TESTS="$(TESTS)" selftests/kselftest/run $(RELEASE)

check-debug:
	@TESTS="$(TESTS)" QUICK="$(QUICK)" selftests/debug/check

bench:
	@selftests/bench/run $(RELEASE) $(TESTS)

soak:
	@selftests/soak/run $(RELEASE) $(TESTS)

bench-profile:
	@BENCH_CASES="$(TESTS)" selftests/bench/run $(RELEASE) profile

shell:
	@selftests/vm/build $(RELEASE)
	@selftests/vm/boot -i -r $(RELEASE) -- selftests/vm/shell

lint:
	@selftests/vm/build $(RELEASE)
	@selftests/vm/enter -k $(RELEASE) selftests/run -n selftests/lint

unit:
	@selftests/vm/build $(RELEASE)
	@selftests/vm/enter $(RELEASE) selftests/run -n selftests/vm/unit

fuzz:
	@TIME="$(TIME)" SEED="$(SEED)" selftests/unit/fuzz $(RELEASE)

.PHONY: all help modules plugin clean demo check check-all soak check-kselftest \
	check-debug shell lint unit fuzz bench bench-profile

-include install.mk
