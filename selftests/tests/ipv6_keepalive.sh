#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Keepalives over IPv6, with other makes at the far end, and with somebody who
# means no good: who asks us gets an answer, and nobody else anything. That of
# two of ours is in ipv6_features, the clock and its states in keepalive.

# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck disable=SC2086 # options are words
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

A=fd10::10
B=fd10::11
# somebody else on the same wire, and one that nobody knows
C=fd10::66
D=fd10::77
HERE="local $A remote $B ttl 255"
THERE="local $B remote $A ttl 255"
# how a's probes go out, without a limit for tunnels in tunnels
OUT="ip6 $A $B hop 255 tc ?"
# The answer to the probe of somebody else's router at b, which is $1
ANSWER="ip6 $A $B hop 255"

# a knows the Ethernet address of everybody, so it never asks.
topology() {
	local mac

	ns_add a b
	ns6 a b
	ns6_quiet a b
	wire a eth0 $A/64 -- b eth0 $B/64
	pk_set a 0 ipv6/auto_flowlabels
	pk_set a 0 ipv6/icmp/ratelimit
	[[ $(link_show b eth0) =~ \"address\":\"([0-9a-f:]+) ]]
	mac=${BASH_REMATCH[1]}
	printf "neighbour add %s lladdr $mac dev eth0 nud permanent\n" $B $C $D |
		ipn a
}

setup_each() {
	needs_mygre keepalive
}

cleanup_each() {
	tunnels_del a b
	pk_set a 0 ipv6/conf/all/forwarding
}

has_carrier() {
	[[ $(link_show "$1" "$2") == *'"LOWER_UP"'* ]]
}

has_none() {
	[[ $(link_show "$1" "$2") == *'"NO-CARRIER"'* ]]
}

# probe PACKET: from b, into the tunnel, with the far end's outer header
probe() {
	send_raw b eth0 a eth0 "ip6 $B $A / $*"
}

# --- answering ----------------------------------------------------------------

# Cisco's form, carried over to IPv6
test_cisco() {
	tunnel a gre1 $HERE
	capture back b eth0 in
	probe "gre 000086dd / ip6 $A $B hop 255 / gre 00000000"
	expect back "$ANSWER / gre 00000000"
	# with a mark for the way, which it keeps; with a key and a checksum;
	# behind a limit for tunnels in tunnels
	probe "gre 000086dd / ip6 $A $B hop 255 tc 0xc0 / gre 00000000"
	expect back "$ANSWER tc 0xc0 / gre 00000000"
	probe "gre 000086dd / ip6 $A $B / gre a0000000123400000000002a"
	expect back "$ANSWER / gre a0000000123400000000002a"
	probe "limit 4 / gre 000086dd / ip6 $A $B hop 255 / gre 00000000"
	expect back "$ANSWER / gre 00000000"
	expect_no_more back 86dd
}

# MikroTik's says that there is IPv6 inside, and nothing is
test_mikrotik() {
	tunnel a gre1 $HERE
	capture back b eth0 in
	capture out a gre1 in
	probe "gre 000086dd / ip6 $A $B hop 255 / gre 000086dd"
	expect back "$ANSWER / gre 000086dd"
	# the inner addresses are not always those of the outside
	probe "gre 000086dd / ip6 $A fd88::1 hop 255 / gre 000086dd"
	expect back "$ANSWER / gre 000086dd"
	probe "gre 000086dd / ip6 fd99::9 $B hop 255 / gre 000086dd"
	expect back "$ANSWER / gre 000086dd"
	# not if something is inside
	probe "gre 000086dd / ip6 $A $B / gre 000086dd / ip6 fd09::1 fd09::2"
	expect out "ip6 $A $B / gre 000086dd / ip6 fd09::1 fd09::2"
	expect_no_more back 86dd
	expect_no_more out 86dd
}

# and a key, which is in both
test_key() {
	tunnel a gre1 $HERE key 42
	capture back b eth0 in
	probe "gre 200086dd0000002a / ip6 $A $B / gre 200086dd0000002a"
	expect back "$ANSWER / gre 200086dd0000002a"
	# OpenBSD's has a time and a signature, which come back as they went
	probe "gre 200086dd0000002a / ip6 $A $B /" \
		"gre 200000000000002a / 00112233445566778899aabbccddeeff"
	expect back "$ANSWER / gre 200000000000002a /" \
		"00112233445566778899aabbccddeeff"
	# another tunnel's
	probe "gre 200086dd00000001 / ip6 $A $B / gre 00000000"
	probe "gre 200086dd0000002a / ip6 $A $B tc 4 / gre 00000000"
	expect back "$ANSWER tc 4 / gre 00000000"
	expect_none back "$ANSWER / gre 00000000"
}

# VeloCloud's, which wants to come back through the tunnel, with IPv4 inside
test_velocloud() {
	local probe="ip4 192.168.9.1 192.168.9.2 ttl 255"

	tunnel a gre1 $HERE encaplimit none key 7
	pk address a gre1 192.168.9.1/24 || fail "$PKT"
	capture back b eth0 in
	probe "gre 2000080000000007 / $probe tos 0xc0 id 0x77 / gre 00000000"
	expect back "ip6 $A $B hop 255 tc ? / gre 2000080000000007 /
		${probe% *} 4 tos 0xc0 id 0x77 / gre 00000000"
	expect_no_more back 86dd
}

# what only looks like a probe goes its way, as any packet of the tunnel
test_not_one() {
	local packet

	tunnel a gre1 $HERE
	capture back b eth0 in
	capture out a gre1 in
	for packet in "ip6 fd55::1 fd55::2 / gre 00000000" \
		"ip6 fd55::1 fd55::2 / gre 000086dd" \
		"ip6 $A $B / gre 00000800" "ip6 $A $B / gre 00010000" \
		"ip6 $A $B / gre 40000000" "ip6 $A $B / limit 4 / gre 00000000" \
		"ip6 $A $B next 44 / 2f00000100000001 / gre 00000000" \
		"ip6 $A $B next 4 / zero 8" "ip6 $A $B next 47 / 000000" \
		"ip6 $A $B / gre 000086dd / zero 1" \
		"ip6 $A $B / gre 00000000 / zero 85"; do
		probe "gre 000086dd / $packet"
		expect out "$packet"
	done
	expect_no_more back 86dd
	# the longest that is one
	probe "gre 000086dd / ip6 $A $B / gre 00000000 / zero 84"
	expect back "$ANSWER / gre 00000000 / zero 84"
	expect_no_more out 86dd
}

# answering can be forbidden
test_no_reply() {
	local packet

	tunnel a gre1 $HERE ka-reply off
	capture back b eth0 in
	capture out a gre1 in
	for packet in "ip6 $A $B / gre 00000000" "ip6 $A $B / gre 000086dd"; do
		probe "gre 000086dd / $packet"
		expect out "$packet"
	done
	ipn a link set gre1 type "$KIND" ka-reply on
	probe "gre 000086dd / ip6 $A $B / gre 00000000"
	expect back "$ANSWER / gre 00000000"
	expect_no_more back 86dd
}

# Ethernet tunnels answer as well
test_tap() {
	tunnel_of "${KIND}tap" a gre1 $HERE
	capture back b eth0 in
	probe "gre 000086dd / ip6 $A $B hop 255 / gre 00000000"
	expect back "$ANSWER / gre 00000000"
	probe "gre 000086dd / ip6 $A $B hop 255 / gre 000086dd"
	expect back "$ANSWER / gre 000086dd"
	expect_no_more back 86dd
}

# --- attacks ------------------------------------------------------------------

# whatever stands inside a probe, nobody but the far end gets what we send
test_third_party() {
	local inner

	ns_forward a
	tunnel a gre1 $HERE
	capture back b eth0 in
	for inner in "$A $C" "$C $B" "$D $B" "$A ::1" "$A ff02::1" "ff02::1 $B"; do
		probe "gre 000086dd / ip6 $inner tc 8 / gre 00000000"
		expect back "$ANSWER tc 8 / gre 00000000"
		probe "gre 000086dd / ip6 $inner tc 8 / gre 000086dd"
		expect back "$ANSWER tc 8 / gre 000086dd"
	done
	# a tunnel in the tunnel, to an address of ours
	probe "gre 000086dd / ip6 $C $A / gre 000086dd / ip6 $A $C / gre 00000000"
	[ "$(device_counter a gre1 rx_nested)" -eq 1 ]
	expect_no_more back 86dd
}

# a stranger gets no answer, nor has he one sent to somebody else
test_stranger() {
	local inner

	ns_forward a
	tunnel a gre1 $HERE
	capture back b eth0 in
	# he may be told that there is no tunnel, as any closed port would
	send_raw b eth0 a eth0 "ip6 $C $A / gre 000086dd / \
		ip6 $A $C / gre 00000000"
	send_raw b eth0 a eth0 "ip6 $C $A / gre 000086dd / \
		ip6 $A $D / gre 000086dd"
	# to another address of ours than the tunnel's
	send_raw b eth0 a eth0 "ip6 $B fe80::1 / gre 000086dd / \
		ip6 $A $B / gre 00000000"
	probe "gre 000086dd / ip6 $A $B tc 4 / gre 00000000"
	expect back "$ANSWER tc 4 / gre 00000000"
	for inner in $B $C $D; do
		expect_none back "ip6 $A $inner hop ? tc 0 / gre 00000000"
		expect_none back "ip6 $A $inner hop ? tc 0 / gre 000086dd"
	done
}

# without a far end none is answered, nor sent on where sources are looked at
test_many() {
	local inner

	ns_forward a
	tunnel a gre2 local $A key 9 inner-src rpf
	capture back b eth0 in
	capture out a gre2 in
	for inner in "$A $B" "$A $C" "$C $B"; do
		send_raw b eth0 a eth0 "ip6 $B $A / gre 200086dd00000009 / \
			ip6 $inner / gre 00000000"
	done
	[ "$(device_counter a gre2 rx_spoofed)" -eq 3 ]
	expect_no_more back 86dd
	expect_no_more out 86dd
}

# no more than were asked for, and each half as long as what asked for it
test_amplify() {
	local answers=0

	tunnel a gre1 $HERE
	capture back b eth0 in
	pk repeat 100 raw b eth0 a eth0 "ip6 $B $A / gre 000086dd / \
		ip6 $A $B / gre 00000000" || fail "$PKT"
	answers() {
		pk count back "$ANSWER / gre 00000000" || fail "$PKT"
		answers=$PKT
		[ "$answers" -eq 100 ]
	}
	wait_for answers
	echo "$answers answers to 100 probes"
}

# --- asking -------------------------------------------------------------------

# the token of ours, and the key of the tunnel, on the wire
test_format() {
	capture out b eth0 in
	tunnel a gre1 $HERE encaplimit none keepalive 0.1 ka-auth off
	expect out "$OUT / gre 000086dd / ip6 $B $A hop 255 tc 0xc0 / gre 00000000"
	ipn a link set gre1 type "$KIND" ka-auth on key 4711
	expect out "$OUT / gre 200086dd00001267 / ip6 $B $A hop 255 tc 0xc0 / \
		gre 2000000000001267 / any 16"
}

# a MikroTik is asked: it writes an answer of its own
test_ask_mikrotik() {
	tunnel a gre1 $HERE keepalive 3600,3 ka-auth off
	wait_for ka_is a gre1 sent 1
	send_raw b eth0 a eth0 "ip6 $B $A / gre 00000000"
	wait_for ka_is a gre1 state up
	ka_is a gre1 received 1
}

# who only routes what comes out of the tunnel returns probes, as Cisco's do
test_routed() {
	tunnel_of ip6gre b gre1 $THERE key 7
	ns_forward b
	tunnel a gre1 $HERE key 7 keepalive 0.1,10
	wait_for ka_above a gre1 received 3
	ka_is a gre1 state up
	pk_set b 0 ipv6/conf/all/forwarding
	wait_for has_none a gre1
}

# who cannot sign does not hold a dead tunnel up
test_forged() {
	local i

	tunnel a gre1 $HERE keepalive 0.1,3
	for ((i = 0; i < 1000; i++)); do
		send_raw b eth0 a eth0 "ip6 $B $A / gre 00000000"
		send_raw b eth0 a eth0 "ip6 $B $A / gre 00000000 / zero 16"
		! has_none a gre1 || break
		nap
	done
	has_none a gre1
	ka_is a gre1 received 0
	[ "$(device_counter a gre1 rx_keepalive)" -gt 1 ]
	ipn a link set gre1 type "$KIND" ka-auth off
	send_raw b eth0 a eth0 "ip6 $B $A / gre 00000000"
	has_carrier a gre1
}

# a signed answer counts once, and only from the far end
test_repeated() {
	local token

	capture out b eth0 in
	tunnel a gre1 $HERE encaplimit none keepalive 5,3
	expect out "$OUT / gre 000086dd / ip6 $B $A hop 255 tc 0xc0 / \
		gre 00000000 / any 16"
	token=${PKT: -32}
	send_raw b eth0 a eth0 "ip6 $C $A / gre 00000000 / $token"
	ka_is a gre1 received 0
	send_raw b eth0 a eth0 "ip6 $B $A / gre 00000000 / $token"
	ka_is a gre1 state up
	ka_is a gre1 received 1
	send_raw b eth0 a eth0 "ip6 $B $A / gre 00000000 / $token"
	ka_is a gre1 received 1
	[ "$(device_counter a gre1 rx_keepalive)" -eq 1 ]
}

netns_begin topology
ktap_main "$@"
