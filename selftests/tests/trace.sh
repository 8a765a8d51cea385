#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The tracepoints mygre_transmit, mygre_receive and mygre_drop.

# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

TRACE=/sys/kernel/tracing

topology() {
	ns_add a b
	ns6 a b
	ns6_quiet a b
	wire a eth0 10.10.10.10/24 fd10::10/64 -- b eth0 10.10.10.11/24 fd10::11/64
	tunnel a gre1 local 10.10.10.10 remote 10.10.10.11 ttl 64 key 7
	tunnel b gre1 local 10.10.10.11 remote 10.10.10.10 ttl 64 key 7 csum
}

setup_each() {
	needs_mygre "tracepoints"
	[ -z "${HOST:-}" ] || skip "would trace this machine; run it in the VM"
	[ -e "$TRACE"/trace ] || mount -t tracefs none "$TRACE" ||
		skip "this kernel has no tracing"
	[ -e "$TRACE"/events/mygre ] || skip "this kernel has no tracepoints"
	# as Documentation/troubleshooting.md says
	echo 1 >/sys/kernel/tracing/events/mygre/enable
	echo >"$TRACE"/trace
}

cleanup_each() {
	[ ! -e "$TRACE"/events/mygre ] ||
		echo 0 >/sys/kernel/tracing/events/mygre/enable
}

traced() {
	cat /sys/kernel/tracing/trace >"$NETNS_TMP/trace"
	grep -q "$1" "$NETNS_TMP/trace" ||
		fail "not there: $1 in $(<"$NETNS_TMP/trace")"
}

# a packet on its way, from tunnel to tunnel
test_packet() {
	ipn b link change gre1 type "$KIND" nocsum
	send_dev a gre1 "ip4 192.168.9.1 192.168.9.2 / udp 1 2 / text data"
	traced "mygre_transmit: gre1: 10.10.10.10 to 10.10.10.11, 32 bytes inside"
	traced "mygre_receive: gre1: 10.10.10.10 to 10.10.10.11, 32 bytes inside"
	! grep mygre_drop "$TRACE"/trace || fail "a drop"
}

# the same over IPv6
test_packet6() {
	has_ipv6 || skip "this kernel runs without IPv6"
	tunnel a six local fd10::10 remote fd10::11
	tunnel b six local fd10::11 remote fd10::10
	send_dev a six "ip4 192.168.9.1 192.168.9.2 / udp 1 2 / text data"
	traced "mygre_transmit: six: fd10::10 to fd10::11, 32 bytes inside"
	traced "mygre_receive: six: fd10::10 to fd10::11, 32 bytes inside"
}

# one that is not as agreed on, and one that has no way to go
test_drop() {
	ipn b link change gre1 type "$KIND" csum
	send_dev a gre1 "ip4 192.168.9.1 192.168.9.2 / udp 1 2 / text data"
	traced "mygre_drop: gre1: rx_csum"
	ipn a link set eth0 down
	send_dev a gre1 "ip4 192.168.9.1 192.168.9.2 / udp 1 2 / text data"
	traced "mygre_drop: gre1: tx_no_route"
	ipn a link set eth0 up
}

netns_begin topology
ktap_main "$@"
