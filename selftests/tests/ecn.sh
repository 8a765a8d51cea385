#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Congestion marks, RFC 6040: every combination in both directions, and nothing
# else in the payload is touched; over IPv4 and over IPv6.

# long: receive_six receive_tap_six send_tap_six
# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck disable=SC2086 # options are words
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

TAP=${KIND}tap

# What enters a's tap of key 1 leaves by its tap of key 2: between them is a
# bridge. So Ethernet frames are seen whole, on the wire, on either side.
topology() {
	local six=

	ns_add a b
	if [ "$KIND" = mygre ] && has_ipv6; then
		six=1
		# before there is a device that could say something
		ns6 a b
		ns6_quiet a b
	fi
	wire a eth0 10.10.10.10/24 -- b eth0 10.10.10.11/24
	ipn a <<-END
		link add l3 up type $KIND $ENDS ttl 64
		link add br0 up type bridge mcast_snooping 0
		link add tap1 up mtu 1400 master br0 type $TAP $ENDS key 1
		link add tap2 up mtu 1400 master br0 type $TAP $ENDS key 2
	END
	[ -n "$six" ] || return 0
	pk_set a 0 ipv6/auto_flowlabels
	pk_set a 1 ipv6/conf/br0/disable_ipv6
	pk address a eth0 fd10::10/64
	pk address b eth0 fd10::11/64
	ipn a <<-END
		link add six up type $KIND $ENDS6 hoplimit 64
		link add br6 up type bridge mcast_snooping 0
		link add tap61 up mtu 1400 master br6 type $TAP $ENDS6 key 1
		link add tap62 up mtu 1400 master br6 type $TAP $ENDS6 key 2
	END
}

# over_six TEST: the same over IPv6.
over_six() {
	needs_mygre "both families in one kind"
	has_ipv6 || skip "this kernel runs without IPv6"
	ENDS=$ENDS6 L3=six TAP1=tap61 TYPES=86dd CLASS=tc HOP=hop \
		IN="ip6 fd10::11 fd10::10" OUT="ip6 fd10::10 fd10::11" "$1"
}

# The devices, and words of an outer header
L3=l3
TAP1=tap1
TYPES=0800
CLASS=tos
HOP=ttl
ENDS6="local fd10::10 remote fd10::11 encaplimit none"
ENDS="local 10.10.10.10 remote 10.10.10.11"
IN="ip4 10.10.10.11 10.10.10.10"
OUT="ip4 10.10.10.10 10.10.10.11 df 1 id ?"
MACS="02aabbccdd01 02aabbccdd02"

# inner NAME VERSION TOS: an IP packet into a variable. ($(...) would cost a
# process for each of some hundred packets.)
inner() {
	case $2 in
	4) printf -v "$1" 'ip4 2.2.2.2 1.1.1.1 tos %s id 7' "$3" ;;
	6) printf -v "$1" 'ip6 fd00::2 fd00::1 tc %s' "$3" ;;
	esac
	printf -v "$1" '%s / udp 1 2 / text data' "${!1}"
}

declare -A TYPE=([4]=0800 [6]=86dd)
inner INNER4 4 2
inner INNER6 6 1
inner TAIL4 4 0x80
inner TAIL6 6 0x80

# each RUN: for all combinations, with the DSCP different inside and outside,
# call RUN with VERSION, OUTER, PACKET sent and RESULT wanted, or "drop"; as
# figure 4 of RFC 6040 has it. Codepoints are numbers: 0 not ECT, 1 ECT(1),
# 2 ECT(0), 3 CE.
each() {
	local version outer inner mark sent result

	for version in 4 6; do
		for outer in 0 1 2 3; do
			for inner in 0 1 2 3; do
				case $outer$inner in
				30) mark=drop ;;
				?0) mark=0 ;;
				?3 | 3?) mark=3 ;;
				12) mark=1 ;;
				*) mark=$inner ;;
				esac
				echo "$1: IPv$version, outer $outer," \
					"inner $inner: $mark"
				inner sent $version $((0x48 | inner))
				result=drop
				[ $mark = drop ] ||
					inner result $version $((0x48 | mark))
				"$1" $version $((0xb8 | outer)) "$sent" "$result"
			done
		done
	done
}

l3_one() {
	local tail=TAIL$1

	send_raw b eth0 a eth0 "$IN $CLASS $2 / gre 0000${TYPE[$1]} / $3"
	if [ "$4" = drop ]; then
		# what is not there before the next packet was dropped
		send_raw b eth0 a eth0 "$IN / gre 0000${TYPE[$1]} / ${!tail}"
		expect out "${!tail}"
	else
		expect out "$4"
	fi
}

# all combinations into a layer 3 tunnel
test_receive() {
	local before now

	capture out a $L3 in
	before=$(device_counter a $L3 rx_ecn)
	each l3_one
	expect_no_more out
	now=$(device_counter a $L3 rx_ecn)
	[ "$now" -eq $((before + 2)) ] || fail "rx_ecn: $before, then $now"
}

# tap TOS DIGITS: a frame to the tap of key 1.
tap() {
	send_raw b eth0 a eth0 "$IN $CLASS $1 / gre 20006558 00000001 / $2"
}

# tapped PACKET: it leaves by the tap of key 2.
tapped() {
	expect out "$OUT $CLASS ? $HOP ? / gre 20006558 00000002 / $1"
}

tap_one() {
	local head="$MACS ${TYPE[$1]}" tail=TAIL$1

	tap "$2" "$head / $3"
	if [ "$4" = drop ]; then
		tap 0 "$head / ${!tail}"
		tapped "$head / ${!tail}"
	else
		tapped "$head / $4"
	fi
}

# all combinations into an Ethernet tunnel; the frame comes out whole
test_receive_tap() {
	local before now

	capture out a eth0 out
	before=$(device_counter a $TAP1 rx_ecn)
	each tap_one
	expect_no_more out $TYPES
	now=$(device_counter a $TAP1 rx_ecn)
	[ "$now" -eq $((before + 2)) ] || fail "rx_ecn: $before, then $now"
}

test_receive_six() {
	over_six test_receive
}

test_receive_tap_six() {
	over_six test_receive_tap
}

# a mark on a frame that bears no IP, or VLAN tags, changes no byte of it
test_receive_other() {
	local frame

	capture out a eth0 out
	while read -r frame; do
		echo "$frame"
		tap 3 "$frame"
		tapped "$frame"
		expect_no_more out $TYPES
	done <<-END
		$MACS 0806 / 0001080006040001 02aabbccdd02 0a000001 000000000000 0a000002
		$MACS 8100 0005 0800 / $INNER4
		$MACS 8100 0005 0800 / $INNER4
		$MACS 8100 a005 86dd / $INNER6
		$MACS 88a8 0006 8100 0007 0800 / $INNER4
		$MACS 8847 000010ff / $INNER4
		$MACS 88b5 / 45 / zero 60
		$MACS 0026 424203 / zero 35
	END
}

# the same for layer 3: MPLS has marks of its own, and others have none
test_receive_l3_other() {
	local type

	capture out a $L3 in
	for type in 8847 88b5; do
		send_raw b eth0 a eth0 "$IN $CLASS 3 / gre 0000$type /
			000010ff / $INNER4"
		expect out "type $type / 000010ff / $INNER4"
		expect_no_more out
	done
}

# who watches the wire sees what was on it, although the payload is marked
test_shared() {
	local version type sent marked

	capture wire a eth0 in
	capture l3 a l3 in
	capture tap a tap1 in
	for version in 4 6; do
		type=${TYPE[$version]}
		inner sent $version 2
		inner marked $version 3
		send_raw b eth0 a eth0 "$IN $CLASS 3 / gre 0000$type / $sent"
		expect l3 "$marked"
		expect wire "$IN $CLASS 3 / gre 0000$type / $sent"
		tap 3 "$MACS $type / $sent"
		expect tap "$marked"
		expect wire "$IN $CLASS 3 / gre 20006558 00000001 /
			$MACS $type / $sent"
	done
}

# all marks on the way out: as they are, but CE becomes ECT(0)
test_send() {
	local version mark want tos packet

	capture wire a eth0 out
	for tos in 0xb8 inherit; do
		ipn a link change $L3 type "$KIND" $ENDS ttl 64 tos $tos
		for version in 4 6; do
			for mark in 0 1 2 3; do
				want=$((mark == 3 ? 2 : mark))
				case $tos in
				inherit) want=$((0x48 | want)) ;;
				*) want=$((tos | want)) ;;
				esac
				inner packet $version $((0x48 | mark))
				send_dev a $L3 "$packet"
				expect wire "$OUT $HOP 64 $CLASS $want /
					gre 0000${TYPE[$version]} / $packet"
			done
		done
		send_dev a $L3 "type 8847 / 000010ff / $INNER4"
		[ $tos != inherit ] || tos=0
		expect wire "$OUT $HOP 64 $CLASS $tos / gre 00008847 / 000010ff /
			$INNER4"
	done
}

# the same for Ethernet; behind VLAN tags there is an IP header too
test_send_tap() {
	local version mark want tag packet

	capture out a eth0 out
	for version in 4 6; do
		for mark in 0 1 2 3; do
			want=$((mark == 3 ? 2 : mark))
			inner packet $version $((0x48 | mark))
			for tag in "" "8100 0005"; do
				tap 0 "$MACS $tag ${TYPE[$version]} / $packet"
				expect out "$OUT $HOP ? $CLASS $want /
					gre 20006558 00000002 /
					$MACS $tag ${TYPE[$version]} / $packet"
			done
		done
	done
	tap 0 "$MACS 88b5 / 4503 / zero 60"
	expect out "$OUT $HOP ? $CLASS 0 / gre 20006558 00000002 /
		$MACS 88b5 / 4503 / zero 60"
}

test_send_six() {
	over_six test_send
}

test_send_tap_six() {
	over_six test_send_tap
}

netns_begin topology
ktap_main "$@"
