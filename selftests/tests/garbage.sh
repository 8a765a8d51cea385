#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Received garbage is dropped and counted by its reason, and nothing is logged.
# a crafts the frames; b has the tunnels (and c and d do over IPv6):
#
#	plain	10.10.10.11 from 10.10.10.10
#	keyed	the same with key 7

# long: versions_six flags_six unknown_six cut_six
# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

topology() {
	ns_add a b c d
	wire a eth0 10.10.10.10/24 -- b eth0 10.10.10.11/24
	tunnel b plain local 10.10.10.11 remote 10.10.10.10
	tunnel b keyed local 10.10.10.11 remote 10.10.10.10 key 7
	ns6 c d
	ns6_quiet c d
	wire c eth0 fd10::10/64 -- d eth0 fd10::11/64
	[ "$KIND" = mygre ] || return 0
	tunnel d plain local fd10::11 remote fd10::10
	tunnel d keyed local fd10::11 remote fd10::10 key 7
}

# Between whom; c and d are the same over IPv6.
FROM=a
TO=b
OUTER="ip4 10.10.10.10 10.10.10.11"
STRANGER="ip4 10.10.10.99 10.10.10.11"

INNER="ip4 192.168.1.1 192.168.1.2 id 5 / udp 1000 2000 / text 12345678"

setup_each() {
	needs_mygre "a counter per reason"
	log_mark
	capture plain "$TO" plain
	capture keyed "$TO" keyed
}

# gre HEX: a GRE header and an inner packet from a to b.
gre() {
	send_raw "$FROM" eth0 "$TO" eth0 "$OUTER / gre $1 / $INNER"
}

# counters: those of the namespace, and of both devices, as name=value words.
counters() {
	local dev name value all

	pk read "$TO" /proc/net/mygre_stat || fail "$PKT"
	# shellcheck disable=SC2086 # words
	all=$(printf '%s=%s\n' $PKT)
	for dev in plain keyed; do
		while read -r name value; do
			[[ $name != [rt]x_* ]] ||
				all+=$'\n'"$dev.${name%:}=$value"
		done < <(at "$TO" ethtool -S "$dev")
	done
	echo "$all"
}

# counted WORD...: since `before` was taken these rose by this, no other did.
counted() {
	local after line name word want

	after=$(counters)
	while IFS='=' read -r name line; do
		want=0
		for word in "$@"; do
			[ "${word%=*}" != "$name" ] || want=${word#*=}
		done
		[[ $'\n'$before$'\n' =~ $'\n'"$name="([0-9]+) ]] ||
			fail "no counter $name before"
		[ $((line - BASH_REMATCH[1])) -eq "$want" ] ||
			fail "$name rose by $((line - BASH_REMATCH[1])), not $want"
	done <<<"$after"
	for word in "$@"; do
		[[ $after =~ (^|$'\n')"${word%=*}=" ]] || fail "no counter $word"
	done
}

# intact: nothing came out of the tunnels or into the log, and they still work.
intact() {
	gre 00000800
	expect plain "$INNER"
	gre "20000800 00000007"
	expect keyed "$INNER"
	expect_no_more plain
	expect_no_more keyed
	log_expect_nothing
}

# GRE of versions 1 to 7, PPTP's own among them
test_versions() {
	local before v

	before=$(counters)
	for v in 1 2 3 4 5 6 7; do
		gre "000${v}0800"
		gre "200${v}880b 00000007"
	done
	intact
	counted rx_version=14
}

# the routing bit, and the bits of RFC 2784 that must be zero
test_flags() {
	local before bits

	before=$(counters)
	for bits in 4000 0800 0400 4c00 4800 6000 f800; do
		gre "${bits}0800 00000007"
	done
	intact
	counted rx_flags=7
}

# bits 6 to 12 are ignored by who receives them, as RFC 2784 says
test_ignored_flags() {
	local before bits

	before=$(counters)
	for bits in 0200 0100 0080 0040 0020 0010 0008 03f8; do
		gre "${bits}0800"
		expect plain "$INNER"
	done
	gre "23f80800 00000007"
	expect keyed "$INNER"
	intact
	counted
}

# a key that no tunnel has, and none from a stranger
test_unknown() {
	local before

	before=$(counters)
	gre "20000800 00000008"
	gre "20000800 00000000"
	gre "20000800 07000000"
	send_raw "$FROM" eth0 "$TO" eth0 "$STRANGER / gre 00000800 / $INNER"
	intact
	counted rx_no_tunnel=4
}

# a checksum that nobody agreed on, right or wrong
test_checksum() {
	local before

	before=$(counters)
	gre "80000800 00000000"
	gre "80000800 ffff0000"
	gre "a0000800 12340000 00000007"
	intact
	counted plain.rx_csum=2 keyed.rx_csum=1
}

# HEADER of a GRE packet, and how many bytes it has
truncate() {
	local n whole

	pk hex "gre $1 / $INNER" || fail "$PKT"
	whole=$PKT
	# Shorter and shorter, IP's own length right: only the packet that is
	# complete, or at least has its inner header, goes further.
	for ((n = 0; n < ${#whole} / 2 && n <= 60; n++)); do
		send_raw "$FROM" eth0 "$TO" eth0 "$OUTER / gre ${whole:0:2 * n}"
	done
}

# cut after every byte, the outer length telling the truth
test_truncated() {
	local before n

	before=$(counters)
	truncate 00000800
	# Inner headers complete, their payload not: that is for the receiver
	# of the inner packet to find out.
	for ((n = 24; n < 40; n++)); do
		pk hex "$INNER"
		expect plain "type 0800 / ${PKT:0:2 * (n - 4)}"
	done
	intact
	# 0 to 3 bytes: no GRE header; 4 to 23: no inner header
	counted rx_short=4 plain.rx_short=20
}

# the same with a key
test_truncated_key() {
	local before n

	before=$(counters)
	truncate "20000800 00000007"
	for ((n = 28; n < 44; n++)); do
		pk hex "$INNER"
		expect keyed "type 0800 / ${PKT:0:2 * (n - 8)}"
	done
	intact
	counted rx_short=8 keyed.rx_short=20
}

# cut after every byte, the outer header claiming that all is there
test_cut() {
	local before n whole

	before=$(counters)
	pk hex "$OUTER / gre 20000800 00000007 / $INNER"
	whole=$PKT
	for ((n = 1; n < 64 && n < ${#whole} / 2; n++)); do
		send_raw "$FROM" eth0 "$TO" eth0 "type 0800 / ${whole:0:2 * n}"
	done
	intact
	counted
}

# IPv6 and IPv4 headers that lie about themselves inside the tunnel
test_inner() {
	local before

	before=$(counters)
	send_raw "$FROM" eth0 "$TO" eth0 "$OUTER / gre 000086dd / zero 39"
	send_raw "$FROM" eth0 "$TO" eth0 "$OUTER / gre 00000800 / zero 19"
	intact
	counted plain.rx_short=2
}

# over_six TEST: the same over IPv6.
over_six() {
	OUTER="ip6 fd10::10 fd10::11"
	STRANGER="ip6 fd10::99 fd10::11"
	FROM=c
	TO=d
	setup_each
	"$1"
}

test_versions_six() {
	over_six test_versions
}

test_flags_six() {
	over_six test_flags
	over_six test_ignored_flags
}

test_unknown_six() {
	over_six test_unknown
	over_six test_checksum
}

test_truncated_six() {
	over_six test_truncated
	over_six test_truncated_key
	over_six test_inner
}

test_cut_six() {
	over_six test_cut
}

# extension headers that end too early, and such as nobody expects
test_options_six() {
	local before rest

	OUTER="ip6 fd10::10 fd10::11" FROM=c TO=d
	setup_each
	before=$(counters)
	while read -r rest; do
		send_raw c eth0 d eth0 "$OUTER next $rest"
	done <<-END
		60 / 2f
		60 / 2fff 0401 0401 0100 / gre 00000800 / $INNER
		60 / 2f00 04ff 0401 0100 / gre 00000800 / $INNER
		60 / 2f00 c201 0401 0100 / gre 00000800 / $INNER
		43 / 2f00 0401 0401 0100 / gre 00000800 / $INNER
		44 / 2f00 0101 00000009 / gre 00000800
		59 / gre 00000800 / $INNER
	END
	over_six intact
}

netns_begin topology
ktap_main "$@"
