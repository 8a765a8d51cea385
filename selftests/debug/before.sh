#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Before the tests under the debug kernel: its detectors are there and at work,
# and what they have to say about the boot itself is put aside for after.sh.

# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/debug/detectors.sh
. "$(dirname "$0")/detectors.sh"

# the kernel has every option that debug/config asks for
test_options() {
	zcat /proc/config.gz >/tmp/options
	! grep -h '^CONFIG' "$(dirname "$0")"/config "$(dirname "$0")"/config-um |
		grep -vxF -f /tmp/options ||
		fail "these are missing"
}

# the module was built with the sanitizers that the kernel has
test_instrumented() {
	local symbols name

	symbols=$(nm -u "$(dirname "$0")/../../mygre.ko")
	for name in __asan_ __ubsan_handle_ lock_acquire lockdep_rcu_suspicious
	do
		[[ $symbols == *" $name"* ]] || fail "mygre.ko uses no $name"
	done
}

# all that can be turned off is on
test_detectors() {
	detectors_on
}

# the Nth thing that can fail does so when it is told to
test_faults() {
	local file n failed=0

	for file in /sys/kernel/debug/fail*/verbose; do
		echo 0 >"$file"
	done
	# those that may wait too
	echo N >/sys/kernel/debug/failslab/ignore-gfp-wait
	for n in {5..100..5}; do
		bash -c "echo $n >/proc/self/fail-nth
			exec /sbin/ip link show lo" >/dev/null ||
			failed=$((failed + 1))
	done
	echo Y >/sys/kernel/debug/failslab/ignore-gfp-wait
	[ "$failed" -gt 2 ] || fail "only $failed of 20 failed"
}

# leaks of the boot, if any, are not ours
test_baseline() {
	scan_for_leaks
	cat "$LEAKS"
	echo clear >"$LEAKS"
	references >"$BASELINE"
	cat "$BASELINE"
}

ktap_main "$@"
