#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Data races in the module, under the kernel with KCSAN and several processors:
# what happens at once in the tests, and more of it. Reports in which no code of
# ours has a part are the kernel's own, and only named.
# time limit: 7000 s

# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
SELFTESTS=$(cd "$(dirname "$0")/.." && pwd)

export RACE_SECONDS=${RACE_SECONDS:-20}

setup_each() {
	[ "$(nproc)" -gt 1 ] || fail "one processor has nobody to race with"
	[ -e /sys/kernel/debug/kcsan ] || fail "a kernel without KCSAN"
	# It sleeps until now, so that the boot is soon over. It looks more often
	# and longer than by default: what is of interest is a small part of all.
	echo 100 >/sys/module/kcsan/parameters/skip_watch
	echo 200 >/sys/module/kcsan/parameters/udelay_task
	echo on >/sys/kernel/debug/kcsan
	dmesg -C
}

# reports [MODULE]: all of them, each from its title to its last line; or those
# in which MODULE has a part: it touches what is raced for, or calls what does,
# at three removes at most. Our packets go through all of the stack, and further
# down there are races of its own, such as those for the clock.
reports() {
	dmesg | sed 's/^\[[^]]*\] //' | awk -v module="${1:+[$1]}" '
	/^BUG: KCSAN: / { report = ""; inside = 1; part = module == "" }
	inside { report = report $0 "\n" }
	inside && / of [0-9]+ bytes by / { frame = 0; next }
	inside && /^ / && frame++ < 4 && module != "" && index($0, module) {
		part = 1
	}
	inside && /^Reported by Kernel Concurrency Sanitizer/ {
		inside = 0
		if (part)
			printf "%s\n", report
	}'
}

# races MODULE: how many reports it has a part in.
races() {
	reports "$@" | grep -c '^BUG: KCSAN: ' || :
}

# silent SCRIPT [CASE...]: it passes, and no report is about us.
silent() {
	local script=$1 rc=0

	shift
	"$SELFTESTS/tests/$script.sh" "$@" || rc=$?
	echo "$(races) reports, $(races mygre) of them about us"
	reports | awk '/^BUG: KCSAN: / { seen[$0]++ }
		END { for (title in seen) print seen[title], title }'
	reports mygre
	[ "$(races mygre)" -eq 0 ] || fail "data races"
	[ "$rc" -eq 0 ] || fail "$script: status $rc"
}

# a race made on purpose is found
test_control() {
	insmod "$(dirname "$0")/broken.ko" bug=data_race
	rmmod broken
	reports broken
	[ "$(races broken)" -gt 0 ] || fail "nobody saw it"
}

test_races() {
	silent races
}

# settings change under traffic
test_change() {
	silent change
}

# packets that go straight and packets that are merged
test_straight() {
	silent straight
}

test_offload() {
	UNCOUNTED=1 silent offload
}

# received packets that other processors take over
test_spread() {
	silent rxspread
}

# what packets, clocks and notifiers share
test_clocks() {
	silent keepalive
	silent loop
	silent underlay
	silent linger
}

test_sequence() {
	silent sequence
}

# two that count, and one that looks
test_counters() {
	silent headers counters
}

ktap_main "$@"
