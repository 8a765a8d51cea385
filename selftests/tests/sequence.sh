#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Sequence numbers that survive: packets that overtake each other, and a far end
# that begins anew. What is as with ip_gre (seq-window 0) is in headers.sh.

# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck disable=SC2086 # options are words
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

A=10.10.10.10
B=10.10.10.11
ENDS="local $A remote $B ttl 64"
INNER="ip4 192.168.9.1 192.168.9.2 id"

topology() {
	ns_add a b
	wire a eth0 $A/24 -- b eth0 $B/24
}

setup_each() {
	needs_mygre "a window of sequence numbers"
}

cleanup_each() {
	tunnels_del a b
}

# numbered N: from b, a packet with that number
numbered() {
	local hex

	printf -v hex '%08x' $(($1 & 0xffffffff))
	send_raw b eth0 a eth0 "ip4 $B $A / gre 10000800$hex / \
		$INNER $(($1 & 0xffff)) / udp 1 2 / text $hex"
}

# taken N...: each comes out of the tunnel
taken() {
	local n hex

	for n; do
		numbered "$n"
		printf -v hex '%08x' $((n & 0xffffffff))
		expect out "$INNER $((n & 0xffff)) / udp 1 2 / text $hex"
		LAST=$SECONDS
	done
}

# not_taken COUNTER N...: none does, and that is why
not_taken() {
	local counter=$1 before n

	shift
	before=$(device_counter a gre1 "$counter")
	for n; do
		numbered "$n"
	done
	[ "$(device_counter a gre1 "$counter")" -ne $((before + $#)) ] || return 0
	[ -n "${QUIET:-}" ] || [ $((SECONDS - LAST)) -lt 5 ] ||
		skip "this machine is so slow that the tunnel was quiet for 5 s"
	fail "$counter has not counted $*"
}

begin() {
	tunnel a gre1 $ENDS iseq "$@"
	capture out a gre1 in
}

# in the window packets may come in any order, but each only once
test_window() {
	begin
	taken 1000 1003 1001 1002
	not_taken rx_seq_dup 1000 1001 1002 1003
	taken 1064
}

# the same, and what the window is at first
test_edge() {
	begin
	taken 5000 4937
	not_taken rx_seq 4936 4900 5
	not_taken rx_seq_dup 4937 5000
	taken 5063
	# it has moved on
	not_taken rx_seq 4999 4937
	not_taken rx_seq_dup 5000
	taken 5001
	expect_no_more out
}

# windows of other lengths, changed while packets come
test_lengths() {
	begin seq-window 1
	taken 100 101
	not_taken rx_seq_dup 101
	not_taken rx_seq 100
	ipn a link change gre1 type "$KIND" seq-window 1024
	[[ $(link_show a gre1) == *'"seq_window":1024'* ]]
	taken 2000 977
	not_taken rx_seq 976
	not_taken rx_seq_dup 977 2000
	ipn a link change gre1 type "$KIND" seq-window 0
	not_taken rx_seq 2000 1999
	taken 2001
	# to the default, of which nothing is shown
	ipn a link change gre1 type "$KIND" seq-window 64
	[[ $(link_show a gre1) != *seq_window* ]]
	taken 1999
	expect_no_more out
}

# a great leap forward, by more than there is to remember
test_leap() {
	begin seq-window 1024
	taken 10 11 13
	# as far as the bits that remember go
	taken $((13 + 2048))
	not_taken rx_seq 12 1037
	taken 1039 $((13 + 2047))
	taken $((13 + 2048 + 100000)) $((13 + 2048 + 100000 - 1023))
	not_taken rx_seq_dup $((13 + 2048 + 100000 - 1023))
	expect_no_more out
}

# from the last number to 0
test_wrap() {
	begin
	taken 0xfffffff0 0xffffffff 0xfffffffe 1 0 0xfffffff5
	not_taken rx_seq_dup 0xffffffff 0 1 0xfffffff5
	taken 2
	expect_no_more out
}

# the same, sent: who counts has no other number than the next
test_wrap_sent() {
	local number packet

	tunnel a gre1 $ENDS oseq
	tunnel b gre1 local $B remote $A iseq
	in_kernel a do=sequence device=gre1 number=$((0xfffffffe))
	capture wire a eth0 out
	capture far b gre1 in
	for number in fffffffe ffffffff 00000000 00000001; do
		packet="$INNER 5 / udp 1 2 / text $number"
		send_dev a gre1 "$packet"
		expect wire "ip4 $A $B ttl 64 df 1 id ? /
			gre 10000800 $number / $packet"
		expect far "$packet"
	done
}

# the far end has restarted: after eight packets at most it is heard again
test_restart() {
	local n

	begin
	taken 5000000 5000001
	not_taken rx_seq 0 1 2 3 4 5 6
	for n in 7 8 9 10; do
		taken $n
	done
	not_taken rx_seq_dup 7
	# and what was late is not lost, nor what came before it restarted
	taken 12 11
	taken 5000002
}

# on a quiet tunnel, after two
test_restart_idle() {
	local QUIET=1

	begin
	taken 5000000
	not_taken rx_seq 0
	not_taken rx_seq 7000
	sleep_quiet
	not_taken rx_seq 20
	taken 21 22 23
	expect_no_more out
}

# Longer than five seconds, which is the time that is meant.
sleep_quiet() {
	local end=$((${EPOCHREALTIME/[.,]/} + 5200000))

	while [ "${EPOCHREALTIME/[.,]/}" -lt $end ]; do
		nap
	done
}

# old packets now and then begin nothing: packets of today come between
test_stragglers() {
	local n

	begin
	taken 100000
	for n in 1 2 3 4 5 6 7 8 9 10; do
		not_taken rx_seq $n
		taken $((100000 + n))
	done
	# nor do they if they are not in a row
	not_taken rx_seq 10 9 8 7 6 5 4 3 2 1 10 9 8 7
	not_taken rx_seq 50 2000 4000 6000 8000 10000 12000 14000 16000
	expect_no_more out
}

# somebody forges a number far ahead: the true far end is soon heard again
test_forged() {
	begin
	taken 100 101
	taken $((101 + 0x70000000))
	not_taken rx_seq 102 103 104 105 106 107 108
	taken 109 110
}

# what it cannot be
test_refused() {
	local words

	for words in 1025 65535 -1 many; do
		if ipn a link add gre1 type "$KIND" $ENDS iseq \
			seq-window $words; then
			fail "taken: $words"
		fi
	done
	begin seq-window 1024
	must_fail ipn a link change gre1 type "$KIND" seq-window 1025
	[[ $(link_show a gre1) == *'"seq_window":1024'* ]]
}

netns_begin topology
ktap_main "$@"
