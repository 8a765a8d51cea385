#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The MSS in TCP SYNs that go through a tunnel, in either direction: lowered to
# what fits, and never raised.

# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck disable=SC2086 # options are words
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

A=10.10.10.10
B=10.10.10.11
ENDS="local $A remote $B ttl 64"
IN4="ip4 192.168.9.2 192.168.9.1"
OUT4="ip4 192.168.9.1 192.168.9.2"
IN6="ip6 fd09::2 fd09::1"
OUT6="ip6 fd09::1 fd09::2"

topology() {
	ns_add a b
	! has_ipv6 || ns6 a
	wire a eth0 $A/24 -- b eth0 $B/24
}

setup_each() {
	needs_mygre "MSS clamping"
}

cleanup_each() {
	tunnels_del a
	ipn a link set eth0 mtu 1500
}

# tcp HEAD FLAGS OPTIONS: a packet
tcp() {
	echo "$1 / tcp $2 $3"
}

SYN=02
ACK=10

# mss N: as TCP options
mss() {
	printf '0204%04x' "$1"
}

# received HEAD FLAGS OPTIONS WANTED-OPTIONS: through the tunnel into a
received() {
	local type=00000800

	[[ $1 == ip4* ]] || type=000086dd
	send_raw b eth0 a eth0 "ip4 $B $A / gre $type / $(tcp "$1" "$2" "$3")"
	expect in "$(tcp "$1" "$2" "$4")"
}

# sent HEAD FLAGS OPTIONS WANTED-OPTIONS: out of a through the tunnel
sent() {
	local type=00000800

	[[ $1 == ip4* ]] || type=000086dd
	send_dev a gre1 "$(tcp "$1" "$2" "$3")"
	expect out "ip4 $A $B id ? df 1 / gre $type / $(tcp "$1" "$2" "$4")"
}

begin() {
	tunnel a gre1 $ENDS "$@"
	capture in a gre1 in
	capture out b eth0 in
}

# what fits: 1500 less 24 for the tunnel, less 40 or 60
test_auto() {
	begin mss auto
	[[ $(link_show a gre1) == *'"mss":"auto"'* ]]
	sent "$OUT4" $SYN "$(mss 1460)" "$(mss 1436)"
	received "$IN4" $SYN "$(mss 1460)" "$(mss 1436)"
	# both directions of the handshake
	sent "$OUT4" 12 "$(mss 8960)" "$(mss 1436)"
	received "$IN4" 12 "$(mss 8960)" "$(mss 1436)"
	# never raised
	sent "$OUT4" $SYN "$(mss 1000)" "$(mss 1000)"
	sent "$OUT4" $SYN "$(mss 1436)" "$(mss 1436)"
	# and nothing else is changed
	sent "$OUT4" $ACK "$(mss 1460)" "$(mss 1460)"
	received "$IN4" $ACK "$(mss 1460)" "$(mss 1460)"
	sent "$OUT4" $SYN "" ""
	sent "$OUT4" $SYN 01010101 01010101
}

test_ipv6() {
	has_ipv6 || skip "no IPv6"
	begin mss auto
	sent "$OUT6" $SYN "$(mss 1440)" "$(mss 1416)"
	received "$IN6" $SYN "$(mss 1440)" "$(mss 1416)"
	sent "$OUT6" $SYN "$(mss 1300)" "$(mss 1300)"
}

# wherever among the options it is, at an odd place as well
test_places() {
	local before after

	begin mss 1000
	while read -r before after; do
		sent "$OUT4" $SYN "$before$(mss 1460)$after" \
			"$before$(mss 1000)$after"
		received "$IN4" $SYN "$before$(mss 1460)$after" \
			"$before$(mss 1000)$after"
	done <<-END
		01 010101
		0101 0101
		010101 01
		0402 0101
		0303070402 010101
		080a0000000100000000 0101
	END
	# behind the end of the options there are none
	sent "$OUT4" $SYN "00000000$(mss 1460)" "00000000$(mss 1460)"
}

# what is broken is nobody's to mend
test_broken() {
	local options

	begin mss 1000
	for options in 02030101 02050a0a 02060a0a 0b000204 01010102 0101010b; do
		sent "$OUT4" $SYN $options $options
		received "$IN4" $SYN $options $options
	done
	# longer than it is
	for options in "$OUT4 proto 6 / \
		000100020000000000000000f002000000000000 / $(mss 1460)" \
		"$OUT4 proto 6 / 00010002000000000000000060020000" \
		"$OUT4 proto 6 / 0001000200000000000000004002000000000000" \
		"$OUT4 proto 6 / 00"; do
		send_dev a gre1 "$options"
		expect out "ip4 $A $B id ? df 1 / gre 00000800 / $options"
	done
}

# a number of one's own, and the least that makes sense
test_number() {
	begin mss 600
	sent "$OUT4" $SYN "$(mss 1460)" "$(mss 600)"
	! has_ipv6 || sent "$OUT6" $SYN "$(mss 1440)" "$(mss 1220)"
	ipn a link change gre1 type "$KIND" mss 536
	received "$IN4" $SYN "$(mss 1460)" "$(mss 536)"
	ipn a link change gre1 type "$KIND" mss off
	[[ $(link_show a gre1) != *'"mss"'* ]]
	sent "$OUT4" $SYN "$(mss 1460)" "$(mss 1460)"
	received "$IN4" $SYN "$(mss 1460)" "$(mss 1460)"
}

# the path is what counts, not the device: it may be narrower
test_path() {
	begin mss auto
	ipn a route add $B/32 dev eth0 mtu 1400
	sent "$OUT4" $SYN "$(mss 1460)" "$(mss 1336)"
	received "$IN4" $SYN "$(mss 1460)" "$(mss 1336)"
	# the floor
	ipn a route change $B/32 dev eth0 mtu 580
	sent "$OUT4" $SYN "$(mss 1460)" "$(mss 536)"
	ipn a route del $B/32 dev eth0
	sent "$OUT4" $SYN "$(mss 1460)" "$(mss 1436)"
	# or the device is
	ipn a link set gre1 mtu 1300
	sent "$OUT4" $SYN "$(mss 1460)" "$(mss 1260)"
	received "$IN4" $SYN "$(mss 1460)" "$(mss 1260)"
}

# fragments: the first one has the header, the others only look so
test_fragments() {
	local packet

	begin mss 1000
	packet=$(tcp "$IN4 frag 0x2000" $SYN "$(mss 1460)")
	send_raw b eth0 a eth0 "ip4 $B $A / gre 00000800 / $packet"
	expect in "$(tcp "$IN4 frag 0x2000" $SYN "$(mss 1000)")"
	packet=$(tcp "$IN4 frag 0x10" $SYN "$(mss 1460)")
	send_raw b eth0 a eth0 "ip4 $B $A / gre 00000800 / $packet"
	expect in "$packet"
}

# with the other fields of the header, which make less room
test_header() {
	begin mss auto key 7 csum seq
	send_dev a gre1 "$(tcp "$OUT4" $SYN "$(mss 1460)")"
	expect out "ip4 $A $B id ? df 1 / \
		gre b0000800 ....0000 00000007 00000000 / \
		$(tcp "$OUT4" $SYN "$(mss 1424)")"
}

# frames, with and without tags
test_tap() {
	local mac=02000000000a0200000000bb

	ipn a link add gre1 up group $GROUP address 02:00:00:00:00:0a \
		type "${KIND}tap" $ENDS mss auto
	capture out b eth0 in
	capture in a gre1 in
	pk frame a gre1 "$mac 0800 / $(tcp "$OUT4" $SYN "$(mss 1460)")"
	expect out "ip4 $A $B id ? df 1 / gre 00006558 / $mac 0800 / \
		$(tcp "$OUT4" $SYN "$(mss 1422)")"
	pk frame a gre1 "$mac 81000005 0800 / $(tcp "$OUT4" $SYN "$(mss 1460)")"
	expect out "ip4 $A $B id ? df 1 / gre 00006558 / $mac 81000005 0800 / \
		$(tcp "$OUT4" $SYN "$(mss 1418)")"
	send_raw b eth0 a eth0 "ip4 $B $A / gre 00006558 / $mac 0800 / \
		$(tcp "$IN4" $SYN "$(mss 1460)")"
	expect in "$(tcp "$IN4" $SYN "$(mss 1422)")"
}

# two real hosts agree on it
test_connection() {
	tunnel a gre1 $ENDS mss 900
	tunnel b gre1 local $B remote $A ttl 64
	pk address a gre1 192.168.9.1/24 || fail "$PKT"
	pk address b gre1 192.168.9.2/24 || fail "$PKT"
	start b socat -u TCP-LISTEN:5000,reuseaddr OPEN:/dev/null
	wait_for at a socat -u OPEN:/etc/passwd TCP:192.168.9.2:5000
	tunnels_del b
	[ "$(at a nstat -asz TcpInCsumErrors | awk '$1 ~ /Csum/ { print $2 }')" -eq 0 ]
	[ "$(at b nstat -asz TcpInCsumErrors | awk '$1 ~ /Csum/ { print $2 }')" -eq 0 ]
}

test_refused() {
	local words

	for words in "mss 0" "mss 535" "mss 65536" "mss much"; do
		if ipn a link add gre1 type "$KIND" $ENDS $words; then
			fail "taken: $words"
		fi
	done
}

netns_begin topology
ktap_main "$@"
