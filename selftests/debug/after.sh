#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# After the tests under the debug kernel: nothing has leaked, no reference is
# left, and the detectors have been at work to the end. (What the kernel says is
# judged by debug/boot, over the whole log.)
# time limit: 120 s

# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/debug/detectors.sh
. "$(dirname "$0")/detectors.sh"

# nothing in memory that nobody knows of
test_leaks() {
	# what is freed after a grace period, or by a worker
	sleep 2
	scan_for_leaks
	[ -z "$(head -n 1 "$LEAKS")" ] || fail "$(head -n 200 "$LEAKS")"
}

same_references() {
	[ "$(references)" = "$(<"$BASELINE")" ]
}

# there are no other namespaces than at the beginning
test_references() {
	local name end=$((SECONDS + 10))

	while [ "$SECONDS" -lt "$end" ]; do
		! same_references || return 0
		sleep 0.5
	done
	references | comm -13 "$BASELINE" - | while read -r name; do
		echo "$name"
		cat "/sys/kernel/debug/ref_tracker/$name"
	done
	fail "these have references left"
}

# all detectors are still on
test_detectors() {
	detectors_on
}

# the module's counts of what was executed, for debug/coverage
test_coverage() {
	cp --no-preserve=mode \
		/sys/kernel/debug/gcov/mygre/*.gcda /run/out
}

ktap_main "$@"
