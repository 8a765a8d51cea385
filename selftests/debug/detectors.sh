# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What before.sh and after.sh ask the debug kernel.

LEAKS=/sys/kernel/debug/kmemleak
# shellcheck disable=SC2034 # for those who source this
BASELINE=/run/mygre-references

# Lockdep ends at its first finding and when its tables are full, kmemleak and
# debug objects when they run out of memory. Silence of theirs means nothing
# from then on.
detectors_on() {
	grep -E 'debug_locks: +1$' /proc/lockdep_stats || fail "lockdep is off"
	echo scan=off >"$LEAKS" || fail "kmemleak is off"
	[ -e /sys/kernel/debug/debug_objects/stats ] ||
		fail "no debug objects"
	[ -d /sys/kernel/debug/failslab ] || fail "no fault injection"
	[ -d /sys/kernel/debug/fail_skb_realloc ] || fail "no fail_skb_realloc"
	[ -e /proc/self/fail-nth ] || fail "no /proc/self/fail-nth"
}

# Twice, because what is only being moved at the first has arrived at the
# second; and after the age of 5 s from which on kmemleak believes in a leak.
scan_for_leaks() {
	echo scan >"$LEAKS"
	sleep 6
	echo scan >"$LEAKS"
}

# The network namespaces that there are. One that is still there although nobody
# sees it any more is a leaked reference. (What is wrong with those of a device,
# the kernel says by itself, when the device cannot go.)
references() {
	(cd /sys/kernel/debug/ref_tracker && printf '%s\n' net_refcnt@* | sort)
}
