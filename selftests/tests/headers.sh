#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The GRE header's fields: checksum (RFC 2784), sequence number (RFC 2890),
# reserved bits, and payloads that have something special: WCCP and MPLS.

# long: csum_pieces counters ip_tunnel
# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck disable=SC2086 # options are words
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

# a's wire leaves checksums to hardware that is not there: what is left open
# travels so to r. The wire from r to b does not, so r's stack has to finish it.
topology() {
	ns_add a r b
	ns_forward r
	wire a eth0 10.10.1.10/24 -- r eth0 10.10.1.1/24
	wire r eth1 10.10.2.1/24 -- b eth0 10.10.2.11/24
	at r ethtool -K eth1 tx off >/dev/null
	ipn a route add default via 10.10.1.1
	ipn b route add default via 10.10.2.1
}

cleanup_each() {
	tunnels_del a b
}

ENDS="local 10.10.1.10 remote 10.10.2.11"
AWAY="local 10.10.2.11 remote 10.10.1.10"
OUTER="ip4 10.10.1.10 10.10.2.11 ttl 63 df 1 id ?"
BACK="ip4 10.10.2.11 10.10.1.10"

# ones HEX: the ones' complement sum of some bytes; ffff over a whole packet
# whose checksum is right. Written anew, so that no code checks itself.
ones() {
	local digits=$1 sum=0 i

	(( ${#digits} % 4 == 0 )) || digits+="00"
	for ((i = 0; i < ${#digits}; i += 4)); do
		sum=$((sum + 16#${digits:i:4}))
	done
	while ((sum >> 16)); do
		sum=$(((sum & 0xffff) + (sum >> 16)))
	done
	printf '%04x' $sum
}

# gre FLAGS+PROTO REST PACKET...: the text of a GRE packet with a checksum,
# right but for the number that FLAW adds. REST is what follows the checksum.
FLAW=0
gre() {
	local head=$1 rest=$2 digits sum

	shift 2
	pk hex "$@" || fail "$PKT"
	digits=$PKT
	sum=$(ones "${head}00000000$rest$digits")
	printf 'gre %s %04x 0000 %s / %s' "$head" \
		$(((0xffff - 16#$sum + FLAW) & 0xffff)) "$rest" "$digits"
}

# inject PACKET: to a, as b would.
inject() {
	send_raw r eth0 a eth0 "$*"
}

# packet N: told apart by its identifier.
packet() {
	echo "ip4 2.2.2.2 1.1.1.1 id $1 / udp 1 2 / text data"
}

# counted NAME BY COMMAND...: the command raises a's counter by so much.
counted() {
	local name=$1 by=$2 before now

	shift 2
	before=$(device_counter a opt "$name")
	"$@"
	now=$(device_counter a opt "$name")
	[ $((now - before)) -eq "$by" ] ||
		fail "$name rose from $before to $now, not by $by: $*"
}

# through PACKET: it reaches a through the tunnel, and nothing else does.
through() {
	expect out "$*"
	expect_no_more out
}

# checksums on the wire, finished by a's stack or on the way, at any length
test_csum_tx() {
	local tx flags head size sizes sum

	capture wire b eth0 in
	for flags in csum "csum key 7" "csum seq" "csum key 7 seq"; do
		sizes="0 1 32"
		case $flags in
		csum)
			head="80000800 .... 0000"
			sizes="0 1 2 3 31 32 1399"
			;;
		"csum key 7") head="a0000800 .... 0000 00000007" ;;
		"csum seq") head="90000800 .... 0000 ........" ;;
		*) head="b0000800 .... 0000 00000007 ........" ;;
		esac
		tunnel a opt $ENDS ttl 64 $flags
		for tx in on off; do
			at a ethtool -K eth0 tx $tx >/dev/null
			for size in $sizes; do
				echo "$flags, tx $tx: $size bytes"
				send_dev a opt "ip4 1.1.1.1 2.2.2.2 / udp 1 2 /
					zero $size / text odd"
				expect wire "$OUTER / gre $head /
					ip4 1.1.1.1 2.2.2.2 / udp 1 2 /
					zero $size / text odd"
				# nothing of it is all zero or left open
				[ "${PKT:48:4}" != 0000 ] || fail "no checksum"
				sum=$(ones "${PKT:40}")
				[ "$sum" = ffff ] || fail "sum $sum: $PKT"
			done
		done
		tunnels_del a
	done
	at a ethtool -K eth0 tx on >/dev/null
}

# Whoever finishes it all the same writes into the next Ethernet header.
#
# a checksum that a sender has left to a device goes with its header
test_csum_forwarded() {
	local kind flags inner="ip4 192.168.9.1 10.10.2.11"

	capture out b eth0 in
	for kind in "$KIND" gre; do
		for flags in csum "csum key 7" "csum key 7 seq"; do
			echo "$kind $flags"
			tunnel_of $kind a opt local 10.10.1.10 remote 10.10.1.1 \
				$flags
			tunnel r opt local 10.10.1.1 remote 10.10.1.10 $flags
			send_dev a opt "$inner ttl 64 / udp 1 2 / text data"
			expect out "$inner ttl 63 / udp 1 2 / text data"
			tunnels_del a r
		done
	done
}

# a packet that lies in several pieces of memory
test_csum_pieces() {
	local tx

	ipn a link set eth0 mtu 65535
	ipn r link set eth0 mtu 65535
	ipn r link set eth1 mtu 65535
	ipn b link set eth0 mtu 65535
	tunnel a opt $ENDS csum key 7
	tunnel b opt $AWAY csum key 7
	pk address a opt 192.168.9.1/24
	pk address b opt 192.168.9.2/24
	for tx in off on; do
		at a ethtool -K eth0 tx $tx >/dev/null
		# above 16 kB the stack collects pages
		at a ping -q -n -c 2 -i 0.01 -W 10 -s 30001 192.168.9.2
	done
	capture wire b eth0 in
	at a ping -q -n -c 1 -W 10 -s 17001 192.168.9.2
	expect wire "$OUTER ttl ? / gre a0000800 .... 0000 00000007 /
		ip4 192.168.9.1 192.168.9.2 id ? df ? proto 1 / any 17009"
	[ "$(ones "${PKT:40}")" = ffff ] || fail "wrong checksum"
	[ "$(device_counter b opt rx_csum)" -eq 0 ] || fail "rx_csum"
	for space in "a eth0" "r eth0" "r eth1" "b eth0"; do
		ipn ${space% *} link set ${space#* } mtu 1500
	done
}

# what has no checksum, a wrong one or one too many is dropped and counted
test_csum_rx() {
	tunnel a opt $ENDS csum
	capture out a opt in
	inject "$BACK / $(gre 80000800 "" "$(packet 1)")"
	through "$(packet 1)"
	inject "$BACK / $(gre 80000800 "" "$(packet 2)0")"
	through "$(packet 2)0"
	FLAW=1 counted rx_csum 1 inject_csum 3
	FLAW=0x100 counted rx_csum 1 inject_csum 4
	counted rx_csum 1 inject "$BACK / gre 00000800 / $(packet 5)"
	inject_csum 6
	through "$(packet 6)"
	# the other way about: an expectation that is not met either
	ipn a link change opt type "$KIND" $ENDS nocsum
	counted rx_csum 1 inject_csum 7
	inject "$BACK / gre 00000800 / $(packet 8)"
	through "$(packet 8)"
}

inject_csum() {
	inject "$BACK / $(gre 80000800 "" "$(packet "$1")")"
}

# with one flag for each direction
test_one_way() {
	tunnel a opt $ENDS ttl 64 icsum oseq
	capture wire b eth0 in
	capture out a opt in
	send_dev a opt "$(packet 1)"
	expect wire "$OUTER / gre 10000800 00000000 / $(packet 1)"
	inject_csum 2
	through "$(packet 2)"
	ipn a link change opt type "$KIND" $ENDS ttl 64 \
		noicsum nooseq ocsum iseq
	send_dev a opt "$(packet 3)"
	expect wire "$OUTER / gre 80000800 .... 0000 / $(packet 3)"
	[ "$(ones "${PKT:40}")" = ffff ] || fail "wrong checksum"
	inject "$BACK / gre 10000800 00000009 / $(packet 4)"
	through "$(packet 4)"
}

# packets sent are numbered from 0 without a gap
test_seq_tx() {
	local i

	tunnel a opt $ENDS ttl 64 seq key 7
	capture wire b eth0 in
	for i in 0 1 2 3; do
		send_dev a opt "$(packet "$i")"
		expect wire "$OUTER / gre 30000800 00000007 0000000$i /
			$(packet "$i")"
	done
	# a change of something else does not start over
	ipn a link change opt type "$KIND" $ENDS seq key 7 ttl 65
	send_dev a opt "$(packet 4)"
	expect wire "ip4 10.10.1.10 10.10.2.11 ttl 64 df 1 id ? /
		gre 30000800 00000007 00000004 / $(packet 4)"
	expect_no_more wire 0800
}

seq() {
	inject "$BACK / gre 10000800 $1 / $(packet "$2")"
}

# what comes late is dropped, what comes early is not; numbers wrap
test_seq_rx() {
	local strict=

	[ "$KIND" != mygre ] || strict="seq-window 0"
	tunnel a opt $ENDS seq $strict
	capture out a opt in
	# wherever the peer begins
	seq 00000005 1
	through "$(packet 1)"
	seq 00000006 2
	through "$(packet 2)"
	counted rx_seq 1 seq 00000006 3
	counted rx_seq 1 seq 00000005 4
	seq 00000100 5
	through "$(packet 5)"
	counted rx_seq 1 seq 000000ff 6
	# half of the circle lies ahead
	seq 80000000 7
	through "$(packet 7)"
	seq fffffffe 8
	through "$(packet 8)"
	seq ffffffff 9
	through "$(packet 9)"
	# the number after the last is 0, and to wait for it is to wait
	counted rx_seq 1 seq fffffff0 9
	seq 00000000 10
	through "$(packet 10)"
	counted rx_seq 1 seq 00000000 11
	counted rx_seq 1 seq ffffffff 12
	seq 00000001 13
	through "$(packet 13)"
	counted rx_seq 1 inject "$BACK / gre 00000800 / $(packet 14)"
	expect_no_more out
	# a packet that is dropped for another reason moves nothing on
	ipn a link change opt type "$KIND" $ENDS seq csum
	FLAW=1 counted rx_csum 1 inject_both 00000100 15
	inject_both 00000002 16
	through "$(packet 16)"
	FLAW=0 counted rx_short 1 \
		inject "$BACK / $(gre 90000800 00000200 "zero 19")"
	inject_both 00000003 17
	through "$(packet 17)"
	counted rx_ecn 1 \
		inject "$BACK tos 3 / $(gre 90000800 00000200 "$(packet 18)")"
	inject_both 00000004 19
	through "$(packet 19)"
}

inject_both() {
	inject "$BACK / $(gre 90000800 "$1" "$(packet "$2")")"
}

# in IP fragments the headers lie in several pieces of memory
test_pieces() {
	local flags cut number=0 digits packet

	for flags in "" "key 7" "csum key 7 seq"; do
		tunnel a opt $ENDS $flags
		capture out a opt in
		for cut in 8 16 24 32; do
			echo "$flags: $cut bytes"
			number=$((number + 1))
			# what is short is copied to where there is room
			packet="$(packet $number) / zero 1400"
			case $flags in
			"") digits="gre 00000800 / $packet" ;;
			key*) digits="gre 20000800 00000007 / $packet" ;;
			*) digits=$(gre b0000800 "00000007$(printf %08x $number)" \
				"$packet") ;;
			esac
			pk hex "$digits" || fail "$PKT"
			digits=$PKT
			inject "$BACK id $number frag 0x2000 proto 47 /
				${digits:0:cut * 2}"
			inject "$BACK id $number frag $((cut / 8)) proto 47 /
				${digits:cut * 2}"
			through "$packet"
		done
		tunnels_del a
	done
}

# events: what is good and what is dropped, for each reason that a device of
# either kind counts.
events() {
	local number

	capture out a opt in
	capture wire a eth0 out
	inject_both 00000005 1
	# no checksum; a number of the past, or none
	inject "$BACK / gre 10000800 00000006 / $(packet 3)"
	inject_both 00000001 4
	inject "$BACK / $(gre 80000800 "" "$(packet 5)")"
	# a mark that should not be there, half a header
	inject "$BACK tos 3 / $(gre 90000800 00000007 "$(packet 6)")"
	inject "$BACK / $(gre 90000800 00000008 "zero 19")"
	inject_both 00000009 7
	expect out "$(packet 1)"
	through "$(packet 7)"
	for number in 1 2 3; do
		send_dev a opt "ip4 1.1.1.1 2.2.2.2 id $number / udp 1 2 / zero 50"
	done
	wait_for sent 3
	# no way to the far end
	ipn a route del default via 10.10.1.1
	send_dev a opt "$(packet 8)"
	ipn a route add default via 10.10.1.1
}

sent() {
	pk list wire 0800
	[ "${PKT%% *}" -eq "$1" ]
}

# the counters that every device has count what those of gre count
test_counters() {
	local kind strict=

	kind_load gre
	for kind in gre "$KIND"; do
		[ "$kind" != mygre ] || strict="seq-window 0"
		tunnel_of $kind a opt $ENDS csum seq $strict
		events
		ipn a -s -s -j link show opt | grep -o '"stats64".*' \
			>"$NETNS_TMP/stats.$kind"
		tunnels_del a
	done
	cat "$NETNS_TMP/stats.$KIND"
	grep -q '"crc_errors":1' "$NETNS_TMP/stats.$KIND"
	diff "$NETNS_TMP/stats.gre" "$NETNS_TMP/stats.$KIND"
}

# a number that nobody asked for is no reason to drop
test_seq_extra() {
	tunnel a opt $ENDS
	capture out a opt in
	seq 00000009 1
	through "$(packet 1)"
	seq 00000001 2
	through "$(packet 2)"
}

# WCCP: IPv4 by another name, in version 2 with four bytes before it
test_wccp() {
	tunnel a opt $ENDS
	tunnel a keyed $ENDS key 7
	capture out a opt in
	capture keyed a keyed in
	inject "$BACK / gre 0000883e / $(packet 1)"
	through "$(packet 1)"
	inject "$BACK / gre 0000883e 01020304 / $(packet 2)"
	through "$(packet 2)"
	inject "$BACK / gre 0000883e 00000000 / $(packet 3)"
	through "$(packet 3)"
	# with any flag it is not WCCP, but some other payload
	inject "$BACK / gre 2000883e 00000007 / $(packet 4)"
	expect keyed "type 883e / $(packet 4)"
	expect_no_more keyed
	expect_no_more out
}

# MPLS, to one and to many, in both directions
test_mpls() {
	local type label="000010ff"

	tunnel a opt $ENDS ttl 64
	capture wire b eth0 in
	capture out a opt in
	for type in 8847 8848; do
		send_dev a opt "type $type / $label / $(packet 1)"
		expect wire "$OUTER / gre 0000$type / $label / $(packet 1)"
		inject "$BACK / gre 0000$type / $label / $(packet 2)"
		expect out "type $type / $label / $(packet 2)"
		expect_no_more out
	done
}

# RFC 2784, 2.3: bits 1, 4 and 5 are refused, bits 6 to 12 ignored
test_reserved() {
	local bit word refused

	tunnel a opt $ENDS
	capture out a opt in
	for ((bit = 1; bit <= 12; bit++)); do
		word=$(printf '%04x' $((0x8000 >> bit)))
		# key and number, which RFC 2890 took back
		case $bit in 2 | 3) continue ;; esac
		refused=$(space_counter a rx_flags)
		inject "$BACK / gre ${word}0800 / $(packet $bit)"
		case $bit in
		1 | 4 | 5)
			inject "$BACK / gre 00000800 / $(packet 99)"
			through "$(packet 99)"
			[ "$(space_counter a rx_flags)" -eq $((refused + 1)) ] ||
				fail "bit $bit is not counted"
			;;
		*)
			through "$(packet $bit)"
			;;
		esac
	done
	inject "$BACK / gre 03f80800 / $(packet 50)"
	through "$(packet 50)"
}

# "ip tunnel show" asks in its own way, and sees what it sees of gre
test_ip_tunnel() {
	local kind words number

	kind_load gre
	for kind in gre "$KIND"; do
		number=0
		while read -r words; do
			echo "link add old$((++number)) group $GROUP" \
				"type $kind $words"
		done <<-END | ipn a
			$ENDS
			remote 10.10.2.11
			local 10.10.1.10 key 5 dev eth0
			$ENDS ttl 64 tos 0x10 key 7
			$ENDS ttl inherit tos inherit ikey 1 okey 2
			local 10.10.1.10 remote 10.10.2.13 csum seq
			$ENDS icsum oseq key 9
			remote 10.10.2.12 nopmtudisc
		END
		ipn a tunnel show | grep '^old' | sort >"$NETNS_TMP/old.$kind"
		tunnels_del a
	done
	cat "$NETNS_TMP/old.$KIND"
	[ "$(wc -l <"$NETNS_TMP/old.$KIND")" -eq 8 ] || fail "not all are shown"
	diff "$NETNS_TMP/old.gre" "$NETNS_TMP/old.$KIND"
	# what "ip tunnel" would write is not taken for one of gre's
	tunnel a opt $ENDS ttl 64
	must_fail ipn a tunnel change opt mode gre $ENDS ttl 65
	[[ $(ipn a -d link show opt) == *"ttl 64"* ]] || fail "it was changed"
	# what is deleted the old way is gone
	tunnel a other $ENDS key 3
	ipn a tunnel del other
	must_fail ipn a link show other
	# after a new name, the new name
	ipn a <<-END
		link set opt down
		link set opt name new
	END
	[[ $(ipn a tunnel show) == *"new: gre/ip remote 10.10.2.11"* ]] ||
		fail "$(ipn a tunnel show)"
}

netns_begin topology
ktap_main "$@"
