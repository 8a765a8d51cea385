#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Each thing that no other GRE has, with each sort of header, on a live tunnel
# over IPv4 and IPv6, and on an external one: it is set at both ends, shows,
# packets pass both ways, and it is taken back.

# long: plain key csum seq tap six six_key six_csum six_seq six_tap external6
# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck disable=SC2086 # options are words
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

A=10.10.10.10
B=10.10.10.11
A6=fd10::10
B6=fd10::11

# What is set, what it is shown as, and how it is taken back. A new one is a
# line.
FEATURES="
keepalive 0.1,200|keepalive 0.1,200 |keepalive off
keepalive 0.1,200 ka-auth off|ka-auth off |keepalive off ka-auth on
seq-window 0|seq-window 0 |seq-window 64
seq-window 1024|seq-window 1024 |seq-window 64
mss auto|mss auto |mss off
mss 1000|mss 1000 |mss off
inner-src rpf|inner-src rpf |inner-src any
inner-tunnel allow|inner-tunnel allow |inner-tunnel refuse
loop down|loop down |loop drop
rx-spread on|rx-spread on |rx-spread off
dev eth0 rx-dev only|rx-dev only |nodev rx-dev any
mtu fixed|mtu fixed |mtu auto
local dev eth0|local dev eth0 (|local HERE
dev eth0|dev eth0 |nodev
keepalive 0.1,200 seq-window 9 mss auto loop down rx-spread on|rx-spread on |keepalive off seq-window 64 mss off loop drop rx-spread off
"

# Those of external tunnels, and what needs one far end, which these have not.
EXTERNAL="
seq-window 0|seq-window 0 |seq-window 64
seq-window 1024|seq-window 1024 |seq-window 64
mss auto|mss auto |mss off
mss 1000|mss 1000 |mss off
inner-src rpf|inner-src rpf |inner-src any
inner-tunnel allow|inner-tunnel allow |inner-tunnel refuse
rx-spread on|rx-spread on |rx-spread off
mtu fixed|mtu fixed |mtu auto
dev eth0 rx-dev only|rx-dev only |nodev rx-dev any
seq-window 9 mss auto inner-src rpf rx-spread on|rx-spread on |seq-window 64 mss off inner-src any rx-spread off
"
NOT_EXTERNAL="
keepalive 1
keepalive 1,3 ka-auth off
loop down
local dev eth0
"

topology() {
	ns_add a b
	ns6 a b
	ns6_quiet a b
	wire a eth0 $A/24 $A6/64 -- b eth0 $B/24 $B6/64
}

setup_each() {
	needs_mygre "what no other GRE has"
}

cleanup_each() {
	tunnels_del a b
}

# shown NS TEXT: what ip says about gre1 has it.
shown() {
	local text

	text=$(ipn $1 -d link show gre1)
	[[ $text == *"$2"* ]] || fail "no '$2' in: $text"
}

# passes: packets, both ways, a number of them.
passes() {
	at a ping -n -q -i 0.01 -c 3 -W 5 192.168.9.2 >/dev/null ||
		fail "a to b does not pass with: $*"
	at b ping -n -q -i 0.01 -c 3 -W 5 192.168.9.1 >/dev/null ||
		fail "b to a does not pass with: $*"
}

answered() {
	[[ $(link_show a gre1) =~ \"received\":[1-9] ]]
}

# feature SET SHOW BACK
feature() {
	local name

	for name in a b; do
		ipn $name link change gre1 type $KIND $1
		shown $name "$2"
	done
	passes "$1"
	[[ $1 != keepalive* ]] || wait_for answered
	ipn a link change gre1 type $KIND ${3/HERE/$A}
	ipn b link change gre1 type $KIND ${3/HERE/$B}
	[[ $(ipn a -d link show gre1) != *"$2"* ]] || fail "'$2' stays"
	passes "$3"
}

# features LIST: every one, one after the other.
features() {
	local set show back

	while IFS='|' read -r set show back; do
		[ -n "$set" ] || continue
		# Ethernet has no way back to ask for
		[[ $KIND != *tap || $set != inner-src* ]] || continue
		feature "$set" "$show" "$back"
	done <<<"$1"
}

# both WORDS_A WORDS_B: gre1 at both ends, with addresses inside.
both() {
	tunnel_of $KIND a gre1 $1
	tunnel_of $KIND b gre1 $2
	pk address a gre1 192.168.9.1/24 || fail "$PKT"
	pk address b gre1 192.168.9.2/24 || fail "$PKT"
}

# with HEADER
with() {
	both "local $A remote $B ttl 64 $1" "local $B remote $A ttl 64 $1"
	passes "$1"
	features "$FEATURES"
}

# with6 HEADER
with6() {
	local A=$A6 B=$B6

	with "$1"
}

# external ENCAP A B WORDS: an external tunnel, whose routes have these
external() {
	local words

	both external external
	ipn a route add 192.168.9.2/32 encap $1 dst $3 $4 dev gre1
	ipn b route add 192.168.9.1/32 encap $1 dst $2 $4 dev gre1
	passes "$1 $4"
	features "$EXTERNAL"
	while read -r words; do
		[ -n "$words" ] || continue
		must_fail ipn a link change gre1 type $KIND $words
	done <<<"$NOT_EXTERNAL"
	passes "$1 $4"
}

# nothing in the header
test_plain() {
	with ""
}

# a key
test_key() {
	with "key 7"
}

# checksums
test_csum() {
	with csum
}

# sequence numbers
test_seq() {
	with seq
}

# all of it
test_all() {
	with "key 7 csum seq tos inherit"
}

# the same for Ethernet
test_tap() {
	KIND=${KIND}tap with ""
}

# and all of it
test_tap_all() {
	KIND=${KIND}tap with "key 7 csum seq tos inherit"
}

# over IPv6, nothing in the header
test_six() {
	with6 ""
}

# a key
test_six_key() {
	with6 "key 7"
}

# checksums
test_six_csum() {
	with6 csum
}

# sequence numbers
test_six_seq() {
	with6 seq
}

# all of it
test_six_all() {
	with6 "key 7 csum seq tos inherit"
}

# and for Ethernet
test_six_tap() {
	KIND=${KIND}tap with6 "key 7 csum seq tos inherit"
}

# packets that bring their settings
test_external() {
	external ip $A $B "id 7 key csum"
}

# over IPv6, with sequence numbers
test_external6() {
	external ip6 $A6 $B6 "id 7 key seq"
}

netns_begin topology
ktap_main "$@"
