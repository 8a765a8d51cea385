#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# IPv6 underlays: what each option makes of the outer header, byte for byte, and
# what is done with it on receive.
#
# KIND=ip6gre says what of this the kernel's own kind does, too.

# long: interop dscp
# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck disable=SC2086 # options are words
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

TAP=${KIND}tap

# b is reached over two wires; h is a host behind a; c is where tunnels move to.
topology() {
	has_ipv6 || skip "this kernel runs without IPv6"
	ns_add h a b c
	ns6 h a b c
	ns6_quiet h a b c
	ns_forward a
	wire a eth0 fd10::10/64 fe80::10/64 -- b eth0 fd10::11/64 fe80::11/64
	wire a eth1 fd11::10/64 fe80::10/64 -- b eth1 fd11::11/64 fe80::11/64
	wire h eth0 fd01::2/64 172.16.1.2/24 -- a lan fd01::1/64 172.16.1.1/24
	ipn h route add default via fd01::1
	ipn h route add default via 172.16.1.1
	pk_set a 0 ipv6/auto_flowlabels
	pk_set a 0 ipv6/icmp/ratelimit
}

setup_each() {
	log_mark
}

cleanup_each() {
	tunnels_del a b c
	# ip6gre writes a line about each end that it does not like
	[ "$KIND" != mygre ] || log_expect_nothing
}

ENDS="local fd10::10 remote fd10::11"
AWAY="local fd10::11 remote fd10::10"
OUT="ip6 fd10::10 fd10::11"
IN="ip6 fd10::11 fd10::10"
DATA="id 3 / udp 1000 2000 / text data"
FOUR="ip4 1.1.1.1 2.2.2.2 $DATA"
SIX="ip6 fd00::1 fd00::2 / udp 1 2 / text data"
FRAME="02aabbccdd01 02aabbccdd02 0800 / $FOUR"

# what a new tunnel sends: hop limit 64, and a limit of encapsulations of 4
test_default() {
	local type packet

	tunnel a opt $ENDS
	tunnel_of $TAP a tap $ENDS
	capture wire a eth0 out
	for packet in "$FOUR" "$SIX" "type 8847 / 000010ff / $FOUR"; do
		case $packet in
		ip4*) type=0800 ;;
		ip6*) type=86dd ;;
		*) type=8847 ;;
		esac
		send_dev a opt "$packet"
		expect wire "$OUT hop 64 / limit 4 / gre 0000$type /
			${packet#type 8847 /}"
	done
	pk frame a tap "$FRAME" || fail "$PKT"
	expect wire "$OUT hop 64 / limit 4 / gre 00006558 / $FRAME"
	expect_no_more wire 86dd
}

# each row: options | words of the inner header | words of the outer header.
# ip6gre knows nothing of those that begin with "+".
test_header() {
	local options inner outer packet type

	tunnel a opt $ENDS encaplimit none
	tunnel_of $TAP a tap $ENDS encaplimit none key 9
	capture wire a eth0 out
	while IFS='|' read -r options inner outer; do
		echo "$options: $inner"
		[[ $options != +* ]] || [ "$KIND" = mygre ] || continue
		ipn a link change opt type $KIND ${options#+}
		ipn a link change tap type $TAP ${options#+}
		case $inner in
		4*) packet="ip4 1.1.1.1 2.2.2.2 ${inner#4} $DATA" type=0800 ;;
		6*) packet="ip6 fd00::1 fd00::2 ${inner#6} / udp 1 2 / text b"
			type=86dd ;;
		*) packet="zero 40" type=88b5 ;;
		esac
		send_dev a opt "type $type / $packet"
		expect wire "$OUT $outer / gre 0000$type / $packet"
		packet="02aabbccdd01 02aabbccdd02 $type / $packet"
		pk frame a tap "$packet" || fail "$PKT"
		expect wire "$OUT $outer / gre 20006558 00000009 / $packet"
		expect_no_more wire 86dd
	done <<-END
		ttl 99|4 ttl 33|hop 99
		hoplimit 1|4 ttl 33|hop 1
		hlim 255|6 hop 44|hop 255
		ttl inherit|4 ttl 33|hop 33
		ttl inherit|6 hop 44|hop 44
		ttl inherit|other|hop 64
		ttl 64 tclass 0x10|4 tos 0x28|tc 0x10
		dsfield 0x14|6 tc 0x28|tc 0x14
		tclass 0x10|other|tc 0x10
		+tclass 0x10|4 tos 0x2a|tc 0x12
		+tclass 0x10|4 tos 0x2b|tc 0x12
		+tclass 0x10|6 tc 0x29|tc 0x11
		+tclass 0x10|other|tc 0x10
		tos inherit|4 tos 0x28|tc 0x28
		tclass inherit|4 tos 0x29|tc 0x29
		+tclass inherit|4 tos 0x2b|tc 0x2a
		tclass inherit|6 tc 0x48|tc 0x48
		tc inherit|other|tc 0
		flowlabel 0x12345|4 tos 0x28|tc 0x28 flow 0x12345
		flowlabel 0x12345|6 tc 0x48 flow 0x777|tc 0x48 flow 0x12345
		flowlabel 0xfffff tclass 0x20|other|tc 0x20 flow 0xfffff
		flowlabel inherit tclass 0|6 flow 0x777|flow 0x777
		flowlabel inherit tclass 0x20|6 flow 0x777|tc 0x20 flow 0x777
		flowlabel inherit tclass inherit|6 tc 0x48 flow 0xabcde|tc 0x48 flow 0xabcde
		flowlabel inherit tclass 0|4|flow 0
		flowlabel inherit|other|flow 0
		flowlabel 0|6 flow 0x777|flow 0
	END
}

# what is not named in a change stays, of one word of flags and of one of a flow
test_merge() {
	tunnel a opt $ENDS tclass 0x28 flowlabel 0x12345 encaplimit 7 ttl 9
	capture wire a eth0 out
	goes() {
		ipn a link change opt type $KIND $1
		send_dev a opt "$SIX"
		expect wire "$OUT $2 / gre 000086dd / $SIX"
	}
	goes "ttl 9" "tc 0x28 flow 0x12345 hop 9 / limit 7"
	goes "tclass 0x14" "tc 0x14 flow 0x12345 hop 9 / limit 7"
	goes "flowlabel 0x777" "tc 0x14 flow 0x777 hop 9 / limit 7"
	goes "tclass inherit" "flow 0x777 hop 9 / limit 7"
	goes "encaplimit none" "flow 0x777 hop 9"
	goes "flowlabel inherit" "hop 9"
	goes "tclass 0x30" "tc 0x30 hop 9"
	goes "encaplimit 2" "tc 0x30 hop 9 / limit 2"
}

# the limit of encapsulations, RFC 2473 section 4.1.1
test_encaplimit() {
	local words inner limit

	tunnel a opt $ENDS
	capture wire a eth0 out
	while IFS='|' read -r words inner limit; do
		echo "$words: $inner"
		ipn a link change opt type $KIND $words
		inner="ip6 fd00::1 fd00::2 $inner / udp 1 2 / text data"
		send_dev a opt "$inner"
		expect wire "$OUT $limit / gre 000086dd / $inner"
		expect_no_more wire 86dd
	done <<-END
		encaplimit 4||/ limit 4
		encaplimit 0||/ limit 0
		encaplimit 255||/ limit 255
		encaplimit none||
		encaplimit 4|/ limit 9|/ limit 8
		encaplimit 4|/ limit 1|/ limit 0
		encaplimit none|/ limit 3|/ limit 2
		encaplimit 4|next 0 / 3c00 010400000000 / limit 6|/ limit 5
		encaplimit 4|next 60 / 1100 010400000000|/ limit 4
		encaplimit 4|next 60 / 1108 040103010200|/ limit 4
		encaplimit 4|next 43 / 3c00 040000000000 / limit 6|/ limit 5
	END
	send_dev a opt "$FOUR"
	expect wire "$OUT / limit 4 / gre 00000800 / $FOUR"
}

# a packet that must not be encapsulated again goes back to its sender
test_encaplimit_0() {
	local words limit inner="/ limit 0 / udp 1 2 / text last"

	tunnel a opt $ENDS
	ipn a route add fd02::/64 dev opt
	capture heard h eth0 in
	capture wire a eth0 out
	for words in 4 none; do
		ipn a link change opt type $KIND encaplimit $words
		send_ip h "ip6 fd01::2 fd02::2 $inner"
		# "erroneous header field", at the number itself
		expect heard "ip6 fd01::1 fd01::2 tc ? /
			icmp6 4 0 0000002c / ip6 fd01::2 fd02::2 hop 63 $inner"
		send_ip h "ip6 fd01::2 fd02::2 / udp 1 2 / text next"
		limit="/ limit 4"
		[ $words = 4 ] || limit=
		expect wire "$OUT $limit / gre 000086dd /
			ip6 fd01::2 fd02::2 hop 63 / udp 1 2 / text next"
		expect_no_more wire 86dd
	done
}

# labels PACKET...: the flow label that each gets, in LABELS.
labels() {
	local packet

	LABELS=()
	for packet in "$@"; do
		send_dev a opt "$packet"
		expect wire "$OUT flow ? / gre 0000.... / $packet"
		LABELS+=("${PKT:3:5}")
	done
}

# 0 stands for a label by flow, if the machine says so
test_auto_flowlabel() {
	local port flows=()

	for port in 1 2 3 4 1 2 3 4; do
		flows+=("ip6 fd00::1 fd00::2 / udp $port 2 / text data")
	done
	tunnel a opt $ENDS encaplimit none
	capture wire a eth0 out
	pk_set a 1 ipv6/auto_flowlabels
	labels "${flows[@]}"
	pk_set a 0 ipv6/auto_flowlabels
	echo "${LABELS[@]}"
	[ "${LABELS[*]:0:4}" = "${LABELS[*]:4}" ] || fail "a flow has several"
	# ip6gre only knows flows that somebody has hashed before
	[ "$KIND" != mygre ] ||
		[ "$(printf '%s\n' "${LABELS[@]}" | sort -u | wc -l)" -ge 3 ] ||
		fail "flows have the same"
	[[ " ${LABELS[*]} " != *" 00000 "* ]] || fail "a flow has none"
	labels "${flows[@]:0:2}"
	[ "${LABELS[*]}" = "00000 00000" ] || fail "not asked for: ${LABELS[*]}"
	[ "$KIND" = mygre ] || return 0
	# whatever the machine says
	ipn a link change opt type "$KIND" entropy flowlabel
	labels "${flows[@]}"
	[ "${LABELS[*]:0:4}" = "${LABELS[*]:4}" ] || fail "a flow has several"
	[ "$(printf '%s\n' "${LABELS[@]}" | sort -u | wc -l)" -ge 3 ] ||
		fail "entropy: flows have the same: ${LABELS[*]}"
	pk_set a 1 ipv6/auto_flowlabels
	ipn a link change opt type "$KIND" entropy none
	labels "${flows[@]:0:2}"
	pk_set a 0 ipv6/auto_flowlabels
	[ "${LABELS[*]}" = "00000 00000" ] || fail "entropy none: ${LABELS[*]}"
}

# each row: options | outer class | inner class | what it becomes
test_dscp() {
	local words outer inner want

	tunnel a opt $ENDS
	capture out a opt in
	while IFS='|' read -r words outer inner want; do
		echo "$words: outer $outer, inner $inner: $want"
		ipn a link change opt type $KIND $words
		send_raw b eth0 a eth0 "$IN tc $outer / gre 00000800 /
			ip4 2.2.2.2 1.1.1.1 tos $inner $DATA"
		expect out "ip4 2.2.2.2 1.1.1.1 tos $want $DATA"
		send_raw b eth0 a eth0 "$IN tc $outer / gre 000086dd /
			ip6 fd00::2 fd00::1 tc $inner / udp 1 2 / text data"
		expect out "ip6 fd00::2 fd00::1 tc $want / udp 1 2 / text data"
		# ip6gre writes a DSCP into whatever comes
		[ "$KIND" = mygre ] || continue
		send_raw b eth0 a eth0 "$IN tc $outer / gre 00008847 /
			000010ff / $FOUR"
		expect out "type 8847 / 000010ff / $FOUR"
		expect_no_more out
	done <<-END
		ttl 64|0xb8|0x48|0x48
		dscp inherit|0xb8|0x48|0xb8
		dscp inherit|0|0x48|0
		dscp inherit|0xb8|0x4a|0xba
		dscp inherit|0xbb|0x4a|0xbb
	END
}

# a far end on this machine is only sent to if that is wanted
test_localremote() {
	local packet

	tunnel a one local fd10::10 remote fd11::10
	tunnel a two local fd11::10 remote fd10::10
	capture two a two in
	send_dev a one "$FOUR"
	ipn a link change one type $KIND allow-localremote
	send_dev a one "$SIX"
	expect two "$SIX"
	expect_no_more two
	needs_mygre "taking it back"
	ipn a link change one type $KIND noallow-localremote
	send_dev a one "$FOUR"
	ipn a link change one type $KIND allow-localremote
	send_dev a one "$SIX"
	expect two "$SIX"
	expect_no_more two
}

# nothing is sent from an address that the machine does not have, or no more
test_local_gone() {
	# or it answers, perhaps when nobody has the address any more
	tunnel b opt local fd10::11 remote fd10::77
	tunnel a opt local fd10::77 remote fd10::11
	capture wire a eth0 out
	send_dev a opt "$FOUR"
	pk address a eth0 fd10::77/64
	send_dev a opt "$SIX"
	expect wire "ip6 fd10::77 fd10::11 / limit 4 / gre 000086dd / $SIX"
	ipn a address del fd10::77/64 dev eth0
	send_dev a opt "$FOUR"
	pk address a eth0 fd10::77/64
	send_dev a opt "$SIX"
	expect wire "ip6 fd10::77 fd10::11 / limit 4 / gre 000086dd / $SIX"
	expect_no_more wire 86dd
	ipn a address del fd10::77/64 dev eth0
}

# forwarded WIRE PORT: what h sends to this port leaves by that wire.
forwarded() {
	send_ip h "ip6 fd01::2 fd02::2 / udp 1 $2 / text data"
	expect $1 "$OUT / limit 4 / gre 000086dd /
		ip6 fd01::2 fd02::2 hop 63 / udp 1 $2 / text data"
}

# the mark decides about the way: one of its own, or that of each packet
test_fwmark() {
	ipn a -6 rule add fwmark 5 lookup 50
	ipn a route add fd10::11/128 via fd11::11 dev eth1 table 50
	at a nft -f - <<-END
		table ip6 t {
			chain p {
				type filter hook prerouting priority 0
				iifname lan udp dport 5 meta mark set 5
			}
		}
	END
	tunnel a opt $ENDS
	ipn a -6 route add fd02::/64 dev opt
	capture eth0 a eth0 out
	capture eth1 a eth1 out
	forwarded eth0 5
	ipn a link change opt type $KIND fwmark 5
	forwarded eth1 7
	ipn a link change opt type $KIND fwmark 6
	forwarded eth0 5
	ipn a link change opt type $KIND fwmark inherit
	forwarded eth1 5
	forwarded eth0 7
	ipn a link change opt type $KIND fwmark 0
	forwarded eth0 5
	expect_no_more eth0 86dd
	expect_no_more eth1 86dd
	at a nft delete table ip6 t
	ipn a -6 rule del fwmark 5 lookup 50
}

# each row: options | GRE header sent | one that is received | one that is not
test_flags() {
	local words sent right wrong id=0

	capture wire a eth0 out
	while IFS='|' read -r words sent right wrong; do
		echo "$words"
		tunnel a opt $ENDS $words
		capture in a opt in
		send_dev a opt "$FOUR"
		expect wire "$OUT / limit 4 / gre $sent / $FOUR"
		expect_no_more wire 86dd
		send_raw b eth0 a eth0 "$IN / gre $wrong /
			ip4 2.2.2.2 1.1.1.1 id $((++id)) / text no"
		send_raw b eth0 a eth0 "$IN / gre $right /
			ip4 2.2.2.2 1.1.1.1 id $((++id)) / text yes"
		expect in "ip4 2.2.2.2 1.1.1.1 id $id / text yes"
		expect_no_more in
		ipn a link del opt
		# the sender of the wrong one is told
		pk flush wire
	done <<-END
		|00000800|00000800|20000800 00000007
		key 7|20000800 00000007|20000800 00000007|20000800 00000008
		key 1.2.3.4|20000800 01020304|20000800 01020304|00000800
		ikey 1 okey 2|20000800 00000002|20000800 00000001|20000800 00000002
		okey 2|20000800 00000002|00000800|20000800 00000002
		seq|10000800 00000000|10000800 00000009|00000800
		oseq|10000800 00000000|00000800|80000800 00000000
		key 7 seq|30000800 00000007 00000000|30000800 00000007 00000005|20000800 00000007
		ocsum|80000800 ........|00000800|80000800 00000000
	END
}

# what came before is not taken again, nor what is older by far
test_sequence() {
	local number

	tunnel a opt $ENDS key 7 seq
	capture in a opt in
	for number in 00000005 00000005 00000006 00000006 ffffff00 00000007; do
		send_raw b eth0 a eth0 "$IN / gre 30000800 00000007 $number /
			ip4 2.2.2.2 1.1.1.1 / text $number"
	done
	for number in 00000005 00000006 00000007; do
		expect in "ip4 2.2.2.2 1.1.1.1 / text $number"
	done
	expect_no_more in
}

# the kernel's own kind at the far end: each understands the other
test_interop() {
	local words kind space

	kind_load ip6gre
	while read -r words; do
		for kind in "" tap; do
			echo "$kind: $words"
			tunnel_of $KIND$kind a opt $ENDS $words
			tunnel_of ip6gre$kind b opt $AWAY $words
			for space in a b; do
				ipn $space link set opt mtu 1400
			done
			pk address a opt 192.168.9.1/24
			pk address b opt 192.168.9.2/24
			pk address a opt fd09::1/64
			pk address b opt fd09::2/64
			at a ping -q -n -c 2 -i 0.01 -W 10 -s 57 192.168.9.2
			at b ping -q -n -c 2 -i 0.01 -W 10 -s 1600 192.168.9.1
			at a ping -q -n -c 2 -i 0.01 -W 10 -s 1600 fd09::2
			at b ping -q -n -c 1 -W 10 -s 1352 fd09::1
			tunnels_del a b
		done
	done <<-END

		encaplimit none
		key 7
		csum
		csum key 7 seq
		seq encaplimit none
	END
}

# what this machine's checksum says of a packet with one bit wrong
test_csum() {
	local digits sum

	# else the device is left to fill it in, behind the capture
	at a ethtool -K eth0 tx off >/dev/null
	tunnel a opt $ENDS csum encaplimit none
	tunnel b opt $AWAY csum encaplimit none
	capture wire a eth0 out
	capture in a opt in
	send_dev b opt "$FOUR"
	expect in "$FOUR"
	send_dev a opt "$FOUR"
	expect wire "$OUT / gre 80000800 .... 0000 / $FOUR"
	digits=${PKT:80}
	sum=${digits:8:4}
	at a ethtool -K eth0 tx on >/dev/null
	[ $sum != 0000 ] || fail "no checksum"
	# the same from the other end, whose addresses are not in the sum
	send_raw b eth0 a eth0 "$IN next 47 / $digits"
	expect in "$FOUR"
	printf -v sum '%04x' $((16#$sum ^ 1))
	send_raw b eth0 a eth0 "$IN next 47 / ${digits:0:8}$sum${digits:12}"
	send_raw b eth0 a eth0 "$IN next 47 / $digits"
	expect in "$FOUR"
	expect_no_more in
}

# counted NAME COMMAND...: the counter goes up by one.
counted() {
	local name=$1 before now

	shift
	before=$(device_counter a opt $name)
	"$@"
	now=$(device_counter a opt $name)
	[ "$now" -eq $((before + 1)) ] ||
		fail "$name: $before, then $now, by $*"
}

tx_errors() {
	ipn a -s -j link show opt | grep -o '"tx":{[^}]*' |
		grep -o '"errors":[0-9]*' | cut -d: -f2
}

# each reason to drop a packet is counted
test_counters() {
	local name packet before

	needs_mygre "a counter for each reason"
	tunnel a opt $ENDS
	while IFS='|' read -r name packet; do
		echo "$name: $packet"
		counted $name send_raw b eth0 a eth0 "$IN $packet"
	done <<-END
		rx_short|/ gre 00000800 / 4500
		rx_short|/ gre 000086dd / 60000000 0000
		rx_csum|/ gre 80000800 12340000 / $FOUR
		rx_ecn|tc 3 / gre 00000800 / $FOUR
		rx_ecn|tc 3 / gre 000086dd / $SIX
		rx_nested|/ gre 000086dd / $IN / gre 00000800 / $FOUR
		rx_nested|/ gre 000086dd / $IN / limit 3 / gre 00000800 / $FOUR
	END
	# whose tunnel it would be for cannot be told
	before=$(space_counter a rx_flags)
	send_raw b eth0 a eth0 "$IN / gre 04000800 / $FOUR"
	[ "$(space_counter a rx_flags)" -eq $((before + 1)) ] ||
		fail "rx_flags: $before, then the same"
	before=$(space_counter a rx_no_tunnel)
	send_raw b eth0 a eth0 "$IN / gre 20000800 00000077 / $FOUR"
	[ "$(space_counter a rx_no_tunnel)" -eq $((before + 1)) ] ||
		fail "rx_no_tunnel: $before, then the same"
	ipn a link change opt type $KIND seq
	counted rx_seq send_raw b eth0 a eth0 "$IN / gre 00000800 / $FOUR"
	ipn a link change opt type $KIND noseq
	counted tx_short send_dev a opt "type 0800 / 4500"
	before=$(tx_errors)
	counted tx_limit send_dev a opt "ip6 fd00::1 fd00::2 / limit 0 / udp 1 2"
	[ "$(tx_errors)" -eq $((before + 1)) ] || fail "tx_limit is no error"
	ipn a route add unreachable fd10::11/128
	counted tx_no_route send_dev a opt "$FOUR"
	ipn a route del unreachable fd10::11/128
	at a nft 'add table ip6 t; add chain ip6 t o {
		type filter hook output priority 0; policy drop; }'
	counted tx_underlay send_dev a opt "$FOUR"
	at a nft delete table ip6 t
}

# extension headers in front of GRE: options of any kind, and fragments
test_extensions() {
	local packet

	tunnel a opt $ENDS key 7
	capture in a opt in
	pk hex "gre 20000800 00000007 / $FOUR"
	packet=$PKT
	send_raw b eth0 a eth0 "$IN / limit 4 / gre 20000800 00000007 / $FOUR"
	expect in "$FOUR"
	send_raw b eth0 a eth0 "$IN / limit 0 / gre 20000800 00000007 / $FOUR"
	expect in "$FOUR"
	echo "padding only, and for each router on the way"
	send_raw b eth0 a eth0 "$IN next 60 / 2f00 0104 00000000 / $packet"
	expect in "$FOUR"
	send_raw b eth0 a eth0 "$IN next 0 / 3c00 010400000000 / limit 4 /
		gre 20000800 00000007 / $FOUR"
	expect in "$FOUR"
	echo "the second piece first"
	send_raw b eth0 a eth0 "$IN next 44 / 2f00 0010 00000009 / ${packet:32}"
	send_raw b eth0 a eth0 "$IN next 44 / 2f00 0001 00000009 / ${packet:0:32}"
	expect in "$FOUR"
	expect_no_more in
}

# "ip -6 tunnel show" asks in its own way, and sees what it sees of ip6gre
test_ip_tunnel() {
	local kind words number

	kind_load ip6gre
	for kind in ip6gre "$KIND"; do
		number=0
		while read -r words; do
			echo "link add old$((++number)) group $GROUP" \
				"type $kind $words"
		done <<-END | ipn a
			$ENDS
			local fd10::10 remote fd10::12 key 7 dev eth0
			$ENDS hoplimit 9 tclass 0x10 flowlabel 0x12345 key 8
			$ENDS encaplimit none ikey 1 okey 2
			local fd10::10 remote fd10::13 csum seq
			$ENDS tclass inherit flowlabel inherit key 9
			$ENDS encaplimit 9 dscp inherit icsum oseq key 10
		END
		ipn a -6 tunnel show | grep '^old' | sort >"$NETNS_TMP/old.$kind"
		tunnels_del a
	done
	cat "$NETNS_TMP/old.$KIND"
	[ "$(wc -l <"$NETNS_TMP/old.$KIND")" -eq 7 ] || fail "not all are shown"
	diff "$NETNS_TMP/old.ip6gre" "$NETNS_TMP/old.$KIND"
}

netns_begin topology
ktap_main "$@"
