#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Traffic while the packet moves in memory whenever it may (fail_skb_realloc):
# who has kept a pointer to where a header was reads freed memory, and KASAN
# says so. The tests of everything that looks at packets, once more.
# time limit: 900 s

# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
SELFTESTS=$(cd "$(dirname "$0")/.." && pwd)

FAULT=/sys/kernel/debug/fail_skb_realloc

setup_each() {
	[ -e "$FAULT/times" ] || fail "a kernel without fail_skb_realloc"
	echo 0 >"$FAULT/verbose"
	echo >"$FAULT/devname"
	echo -1 >"$FAULT/times"
	echo 100 >"$FAULT/probability"
}

cleanup_each() {
	echo 0 >"$FAULT/probability"
	echo 0 >"$FAULT/times"
}

# again SCRIPT [CASE...]: all of it passes, and it did something.
again() {
	local script=$1 out=$KTAP_OUT.again rc=0

	shift
	"$SELFTESTS/tests/$script.sh" "$@" >"$out" 2>&1 || rc=$?
	grep -v '^ok\|^KTAP\|^1\.\.' "$out" || :
	grep -q '^ok ' "$out" || fail "$script has done nothing"
	rm "$out"
	return "$rc"
}

# moved: all packets did, or this was no test.
moved() {
	[ "$(<"$FAULT/probability")" = 100 ] && [ "$(<"$FAULT/times")" = -1 ]
}

test_headers() {
	again headers
	moved
}

test_multipoint() {
	again multipoint
	moved
}

test_icmp() {
	again icmp
	moved
}

# what goes back to the sender
test_pmtu() {
	again pmtu
	moved
}

# the rest of what looks at packets, or writes into them
test_keepalive() {
	again keepalive
	moved
}

test_keepalive6() {
	again ipv6_keepalive
	moved
}

test_guard() {
	again guard
	moved
}

test_mss() {
	again mss
	moved
}

test_learn() {
	again learn
	moved
}

test_sequence() {
	again sequence
	moved
}

test_garbage() {
	again garbage
	moved
}

test_unmatched() {
	again unmatched
	moved
}

test_lookup() {
	again lookup
	moved
}

test_straight() {
	again straight
	moved
}

# the same over IPv6: each option, and what fits
test_ipv6() {
	again ipv6
	moved
}

test_path6() {
	again ipv6_path
	moved
}

test_ends6() {
	again ipv6_ends
	moved
}

test_features6() {
	again ipv6_features
	moved
}

# GRE in UDP, what others say of it, and packets that bring their settings
test_udp() {
	UNCOUNTED=1 again udp
	moved
}

test_error() {
	again udp_err
	moved
}

test_external() {
	UNCOUNTED=1 again external
	moved
}

test_tap() {
	again tap
	moved
}

test_ecn() {
	again ecn
	moved
}

test_hooks() {
	again hooks
	moved
}

# super-packets
test_offload() {
	UNCOUNTED=1 again offload
	moved
}

# random packets to both kinds
test_differential() {
	CASES=6000 again differential
	moved
}

# wrong packets; none that come in pieces from the device, for then the kernel's
# own GRO (udp4_gro_receive, udp6_gro_receive) keeps a pointer too long
test_mutated() {
	NO_FRAGS=1 CASES=5000 again mutated
	moved
}

ktap_main "$@"
