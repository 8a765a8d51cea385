#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# How long a packet may be over an IPv6 underlay, and what routers on the way
# say about it: the device's MTU, path MTU, outer fragments, ICMPv6 errors.

# long: tcp local vrf
# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck disable=SC2086 # options are words
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
# shellcheck source=selftests/lib/sites.sh
. "$(dirname "$0")/../lib/sites.sh"

HELPERS=$MYGRE_DIR/selftests/helpers

# h1 - r1 - w - r2 - h2: two sites, their routers, and the world between them,
# which speaks IPv6 only
topology() {
	if [ ! -x "$HELPERS/stream" ]; then
		make -s -C "$HELPERS"
	fi
	sites
	wire r1 eth0 fd0a:1::1/64 fe80::1/64 -- w eth1 fd0a:1::fe/64 fe80::fe/64
	wire w eth2 fd0a:2::fe/64 fe80::fe/64 -- r2 eth0 fd0a:2::1/64 fe80::1/64
	ipn r1 route add fd0a:2::/64 via fd0a:1::fe
	ipn r2 route add fd0a:1::/64 via fd0a:2::fe
	pk_set w 0 ipv6/icmp/ratelimit
	# nobody is there, and nothing is said about it
	at h2 nft -f - <<-END
		table inet t {
			chain out {
				type filter hook output priority 0
				icmp type 3 drop
				icmpv6 type 1 drop
			}
		}
	END
}

cleanup_each() {
	sites_forget
	ipn r1 route del unreachable fd0a:2::1 2>/dev/null || :
	# a device that goes to another VRF loses addresses and routes
	ipn r1 <<-END
		link set eth0 mtu 1500
		address replace fd0a:1::1/64 dev eth0 nodad
		route replace fd0a:2::/64 via fd0a:1::fe
	END
}

ENDS="local fd0a:1::1 remote fd0a:2::1"
AWAY="local fd0a:2::1 remote fd0a:1::1"
OUT="ip6 fd0a:1::1 fd0a:2::1"

# learnt MTU [MARK...]: r1 finds out that this is all that fits on the way.
learnt() {
	local mtu=$1

	shift
	send_ip h1 "$(data 1 1440)"
	wait_for path_is $mtu r1 fd0a:2::1 "$@"
}

# What h1 hears of a packet that is longer than MTU.
too_big4() {
	expect heard "ip4 172.16.1.1 172.16.1.2 id ? df ? tos 0xc0 /
		icmp 3 4 $(printf %08x $1) / any 548"
}

too_big6() {
	expect heard "ip6 fd01::1 fd01::2 tc ? flow ? next 58 /
		0200 .... $(printf %08x $1) / any 1232"
}

# the device's MTU is the underlay's less the headers
test_device() {
	local kind words want got

	while read -r want words; do
		for kind in "$KIND" "${KIND}tap"; do
			ipn r1 link add gre1 group $GROUP type $kind $ENDS $words
			got=$(mtu r1 gre1)
			echo "$kind $words: $got"
			[ $kind = $KIND ] || want=$((want - 14))
			[ "$got" -eq $want ] || fail "not $want"
			ipn r1 link del gre1
		done
	done <<-END
		1448
		1456 encaplimit none
		1444 key 7
		1452 encaplimit none key 7
		1444 csum
		1444 seq
		1436 csum key 7 seq
		1448 ikey 7 icsum iseq
		1444 okey 7 encaplimit 0
	END
}

# it follows what it depends on
test_follow() {
	local words want

	needs_mygre "an MTU that follows each change"
	tunnel r1 gre1 $ENDS
	while read -r want words; do
		ipn r1 link change gre1 type $KIND $words
		[ "$(mtu r1 gre1)" -eq $want ] ||
			fail "after '$words': $(mtu r1 gre1), not $want"
	done <<-END
		1456 encaplimit none
		1452 key 7
		1444 encaplimit 4
		1448 nokey
	END
	ipn r1 link set eth0 mtu 1400
	follows() {
		[ "$(mtu r1 gre1)" -eq $1 ]
	}
	wait_for follows 1348
	ipn r1 link set eth0 mtu 1500
	wait_for follows 1448
}

# what IPv6 wants of any device it has, however little the underlay leaves
test_small() {
	local kind

	ipn r1 link set eth0 mtu 1300
	for kind in "$KIND" "${KIND}tap"; do
		tunnel_of $kind r1 gre1 $ENDS
		[ "$(mtu r1 gre1)" -eq 1280 ] || fail "$kind: $(mtu r1 gre1)"
		pk address r1 gre1 fd09::1/64 || fail "$PKT"
		ipn r1 link del gre1
	done
}

# a router says how much fits; who sends through the tunnel hears it
test_forwarded() {
	world_mtu 1400
	site_to_site key 7
	capture heard h1 eth0 in
	capture far h2 eth0 in
	learnt 1400
	send_ip h1 "$(data 1 1345)"
	too_big4 1344
	send_ip h1 "$(data 1 1344)"
	expect far "$(forwarded "$(data 1 1344)")"
	send_ip h1 "$(data6 1345)"
	too_big6 1344
	send_ip h1 "$(data6 1344)"
	expect far "$(forwarded "$(data6 1344)")"
}

# without the limit of encapsulations there is more room
test_no_limit() {
	world_mtu 1400
	site_to_site encaplimit none
	capture heard h1 eth0 in
	capture far h2 eth0 in
	learnt 1400
	send_ip h1 "$(data 1 1357)"
	too_big4 1356
	send_ip h1 "$(data 1 1356)"
	expect far "$(forwarded "$(data 1 1356)")"
	send_ip h1 "$(data6 1357)"
	too_big6 1356
	send_ip h1 "$(data6 1356)"
	expect far "$(forwarded "$(data6 1356)")"
}

# a stream finds its size, and arrives whole: IPv4 and IPv6, with and without DF
test_tcp() {
	local address

	world_mtu 1320
	site_to_site key 7
	listening() {
		grep -q ready "$NETNS_TMP/listen"
	}
	for address in 172.16.2.2 fd02::2; do
		: >"$NETNS_TMP/listen"
		start h2 "$HELPERS/stream" listen 7777 200000 \
			>"$NETNS_TMP/listen"
		wait_for listening
		at h1 "$HELPERS/stream" send $address 7777 200000
		wait "$STARTED" || fail "the stream did not arrive whole"
	done
}

# the same for who sends on the router itself: the socket is told
test_local() {
	world_mtu 1400
	site_to_site
	pk address r1 gre1 192.168.9.1/24
	pk address r1 gre1 fd09::1/64
	pk address r2 gre1 192.168.9.2/24
	pk address r2 gre1 fd09::2/64
	learnt 1400
	must_fail at r1 ping -q -n -c 1 -W 1 -M "do" -s $((1349 - 28)) 192.168.9.2
	at r1 ping -q -n -c 1 -W 10 -M "do" -s $((1348 - 28)) 192.168.9.2
	must_fail at r1 ping -q -n -c 1 -W 1 -M "do" -s $((1349 - 48)) fd09::2
	at r1 ping -q -n -c 1 -W 10 -M "do" -s $((1348 - 48)) fd09::2
	# and may split its packets before the tunnel
	at r1 ping -q -n -c 1 -W 10 -M dont -s 4000 192.168.9.2
	at r1 ping -q -n -c 1 -W 10 -s 4000 fd09::2
}

# what may be split is split and arrives, whatever was learnt before; ip6gre
# drops it
test_split() {
	needs_mygre "outer fragments"
	world_mtu 1400
	site_to_site
	capture heard h1 eth0 in
	capture far h2 eth0 in
	capture wire r1 eth0 out
	learnt 1400
	pk flush wire heard
	send_ip h1 "$(data 0 1448)"
	expect far "$(forwarded "$(data 0 1448)")"
	pieces 2
	send_ip h1 "$(data 0 1348)"
	expect far "$(forwarded "$(data 0 1348)")"
	expect wire "$OUT / limit 4 / gre 00000800 /
		$(forwarded "$(data 0 1348)" | sed 's/ttl 62/ttl 63/')"
	# nobody can be told: neither IPv4 nor IPv6
	capture mpls r2 gre1 in
	send_dev r1 gre1 "type 8847 / 000010ff / zero 1440"
	expect mpls "type 8847 / 000010ff / zero 1440"
	pieces 2
	expect_no_more heard 0800 86dd
}

# pieces N: so many outer fragments, and nothing else, are on the wire.
pieces() {
	local text

	pk list wire 86dd || fail "$PKT"
	text=$PKT
	[[ $text == "$1 packets"* ]] || fail "not $1: $text"
	# each has a fragment header, behind the limit that each router may see
	[ "$(grep -oE '86dd:6.{11}(2c|3c.{66}2c)' <<<"$text" | wc -l)" -eq $1 ] ||
		fail "not in fragments: $text"
	pk flush wire
}

# IPv6 wants 1280 bytes; where fewer are left, the outer packet is split
test_minimum() {
	needs_mygre "outer fragments"
	site_to_site
	world_mtu 1290
	capture heard h1 eth0 in
	capture far h2 eth0 in
	capture wire r1 eth0 out
	learnt 1290
	pk flush heard wire
	send_ip h1 "$(data6 1280)"
	expect far "$(forwarded "$(data6 1280)")"
	pieces 2
	expect_no_more heard 86dd
	send_ip h1 "$(data6 1281)"
	too_big6 1280
	# IPv4 with DF may be told less
	send_ip h1 "$(data 1 1239)"
	too_big4 1238
}

# a path MTU below 1280 is no IPv6 router's: it is not believed, or 1280 is
test_below_minimum() {
	needs_mygre "outer fragments"
	site_to_site
	capture far h2 eth0 in
	send_raw w eth1 r1 eth0 "ip6 fd0a:1::fe fd0a:1::1 /
		icmp6 2 0 00000100 / $OUT / limit 4 / gre 00000800 /
		$(data 1 1000)"
	send_ip h1 "$(data 1 1200)"
	expect far "$(forwarded "$(data 1 1200)")"
	send_ip h1 "$(data6 1280)"
	expect far "$(forwarded "$(data6 1280)")"
}

# frames: those that may be split are, and who can be told is
test_tap() {
	needs_mygre "outer fragments"
	world_mtu 1400
	tunnel_of "${KIND}tap" r1 tap1 $ENDS
	tunnel_of "${KIND}tap" r2 tap1 $AWAY
	capture far r2 tap1 in
	capture wire r1 eth0 out
	frame() {
		pk frame r1 tap1 "02aabbccdd01 02aabbccdd02 $1"
	}
	frame "88b5 / zero 1434"
	path_learnt() {
		frame "88b5 / zero 1434"
		path_is 1400 r1 fd0a:2::1
	}
	wait_for path_learnt
	frame "88b5 / 01 / zero 1433"
	expect far "type 88b5 / 01 / zero 1433"
	frame "0800 / ip4 1.1.1.1 2.2.2.2 / udp 1 2 / zero 1406"
	expect far "ip4 1.1.1.1 2.2.2.2 / udp 1 2 / zero 1406"
}

# the underlay of the tunnel is in a VRF, and the sites are not
test_vrf() {
	world_mtu 1400
	ipn r1 <<-END
		link add vrf1 up group $GROUP type vrf table 101
		link set eth0 master vrf1
		address add fd0a:1::1/64 dev eth0 nodad
		route add fd0a:2::/64 via fd0a:1::fe table 101
	END
	site_to_site dev eth0
	capture heard h1 eth0 in
	learnt 1400 vrf vrf1
	send_ip h1 "$(data 1 1349)"
	too_big4 1348
}

# errors: type and code | what h1 is told over IPv4 and IPv6, if anything
ERRORS="
	1 0|yes
	1 3|yes
	3 0|yes
	1 4|no
	4 0|no"

# complain TYPE CODE PACKET: w says so of a packet of r1.
complain() {
	send_raw w eth1 r1 eth0 "ip6 fd0a:1::fe fd0a:1::1 / $EXTENSION
		icmp6 $1 $2 00000000 / $3"
}

# What is before the complaint, of which the kernel takes notes.
EXTENSION=

# there is no way to the far end: senders are told at once
test_no_way() {
	local packet="fd01::2 fd02::2 hop 63 / udp 1 2 / text sent"

	site_to_site key 7
	capture heard h1 eth0 in
	ipn r1 route add unreachable fd0a:2::1
	send_ip h1 "ip6 ${packet/hop 63 /}"
	expect heard "ip6 fd01::1 fd01::2 tc ? flow ? / icmp6 1 3 00000000 /
		ip6 $packet"
}

# an error about a tunnel's packet is relayed to who has sent what was inside:
# at once, or when it sends more
test_errors() {
	local told code quote4 quote6 next4 next6 six

	site_to_site key 7
	next4="172.16.1.2 172.16.2.2 ttl 63 df 1 id 5 / udp 1 2 / text sent"
	next6="fd01::2 fd02::2 hop 63 / udp 1 2 / text sent"
	quote4="$OUT hop 63 / limit 4 / gre 20000800 00000007 / ip4 $next4"
	quote6="$OUT hop 63 / limit 4 / gre 200086dd 00000007 / ip6 $next6"
	capture heard h1 eth0 in
	capture wire r1 eth0 out
	while IFS='|' read -r code told; do
		[ -n "$code" ] || continue
		echo "$code: $told"
		complain $code "$quote4"
		send_ip h1 "ip4 ${next4/ttl 63 /}"
		expect wire "$OUT / limit 4 / gre 20000800 00000007 / ip4 $next4"
		[ $told = no ] ||
			expect heard "ip4 172.16.1.1 172.16.1.2 id ? tos 0xc0 df ? /
				icmp 3 1 00000000 / ip4 $next4"
		# an IPv6 sender is answered at once, and told more exactly
		six="1 3"
		[[ $KIND$code != mygre*"3 0" ]] || six="3 0"
		complain $code "$quote6"
		send_ip h1 "ip6 ${next6/hop 63 /}"
		expect wire "$OUT / limit 4 / gre 200086dd 00000007 / ip6 $next6"
		[ $told = no ] ||
			expect heard "ip6 fd01::1 fd01::2 tc ? flow ? /
				icmp6 $six 00000000 / ip6 $next6"
		# whoever is told may be told once more
		[ $told = no ] || pk flush heard
		expect_no_more heard 0800 86dd
	done <<<"$ERRORS"
}

# the same when complaints have extension headers, of which the kernel takes notes
test_errors_extension() {
	EXTENSION="limit 4 /"
	test_errors
	EXTENSION=
}

# inner fragments with DF, put together on the way, get through
test_tracked() {
	site_to_site
	fragments_tracked
}

# said WORDS: just that is said of gre1 in the log.
said() {
	pk log "gre1: $1" || fail "$PKT"
	[[ $PKT == "1 lines"* ]] || fail "the log: $PKT"
	log_mark
}

# who refuses what the tunnel puts before a packet is the operator's business
test_header_refused() {
	needs_mygre "a line in the log for each kind"
	tunnel r1 gre1 $ENDS key 7
	log_mark
	complain 4 0 "$OUT / limit 4 / gre 20000800 00000007 / $(data 1 100)"
	said "in too many tunnels"
	complain 4 1 "$OUT / limit 4 / gre 20000800 00000007 / $(data 1 100)"
	said "an outer header is refused"
	complain 4 0 "$OUT / limit 4 / gre 20000800 00000008 / $(data 1 100)"
	log_expect_nothing
	ipn r1 link change gre1 type $KIND encaplimit none
	complain 4 0 "$OUT / gre 20000800 00000007 / $(data 1 100)"
	said "an outer header is refused"
}

# what no tunnel of ours has sent is nothing to us
test_foreign() {
	local gre quote

	needs_mygre "errors that are checked"
	! module_loaded ip6_gre || skip "ip6_gre is loaded, and believes all"
	site_to_site key 7
	while IFS='|' read -r quote gre; do
		send_raw w eth1 r1 eth0 "ip6 fd0a:1::fe fd0a:1::1 /
			icmp6 2 0 00000514 / ip6 $quote / limit 4 / gre $gre /
			$(data 1 1000)"
		path_is 0 r1 fd0a:2::1 || fail "believed: $quote $gre"
	done <<-END
		fd0a:1::1 fd0a:2::1|00000800
		fd0a:1::1 fd0a:2::1|20000800 00000008
		fd0a:1::1 fd0a:2::1|20006558 00000007
		fd0a:1::1 fd0a:2::9|20000800 00000007
	END
	send_raw w eth1 r1 eth0 "ip6 fd0a:1::fe fd0a:1::1 /
		icmp6 2 0 00000514 / $OUT / limit 4 / gre 20000800 00000007 /
		$(data 1 1000)"
	wait_for path_is 1300 r1 fd0a:2::1
}

# redirected QUOTE: fe80::fe says that fe80::fd is nearer to the far end.
redirected() {
	local hex units

	pk hex "$1" || fail "$PKT"
	hex=$PKT
	# the option's length, its first 8 bytes and all, in units of 8 bytes
	units=$(((${#hex} / 2 + 7) / 8))
	printf -v hex '%s%0*d' "$hex" $((units * 16 - ${#hex})) 0
	send_raw w eth1 r1 eth0 "ip6 fe80::fe fd0a:1::1 hop 255 /
		icmp6 137 0 00000000 / fe8000000000000000000000000000fd
		fd0a0002000000000000000000000001
		04$(printf %02x $((units + 1))) 000000000000 $hex"
}

# a nearer router, if it is about a packet of ours
test_redirect() {
	needs_mygre "errors that are checked"
	! module_loaded ip6_gre || skip "ip6_gre is loaded, and believes all"
	ipn r1 route replace fd0a:2::/64 via fe80::fe dev eth0
	pk_set r1 0 ipv6/conf/eth0/forwarding
	pk_set r1 1 ipv6/conf/eth0/accept_redirects
	tunnel r1 gre1 $ENDS key 7
	redirected "$OUT / limit 4 / gre 20000800 00000008 / $(data 1 100)"
	[[ $(ipn r1 route get fd0a:2::1) == *"via fe80::fe "* ]] ||
		fail "it is not about a packet of ours"
	redirected "$OUT / limit 4 / gre 20000800 00000007 / $(data 1 100)"
	[[ $(ipn r1 route get fd0a:2::1) == *"via fe80::fd "* ]] ||
		fail "$(ipn r1 route get fd0a:2::1)"
	pk_set r1 1 ipv6/conf/eth0/forwarding
}

# quotes that are cut short, or are no packets at all
test_garbage() {
	local bytes whole

	site_to_site key 7
	log_mark
	pk hex "$OUT / limit 4 / gre 20000800 00000007 / $(data 1 100)"
	whole=$PKT
	for ((bytes = 0; bytes <= 64; bytes += 4)); do
		complain 1 0 "${whole:0:bytes * 2}"
		complain 2 0 "${whole:0:bytes * 2}"
	done
	# a chain of options that points beyond the end, and at itself
	complain 1 0 "$OUT next 60 / 3cff 0401 / zero 8"
	complain 1 0 "$OUT next 60 / 3c00 010400000000 / 3c00 0104000000 00"
	complain 1 0 "$OUT next 44 / 2f00 0100 00000001 / 20000800 00000007"
	capture far h2 eth0 in
	send_ip h1 "$(data 1 1000)"
	expect far "$(forwarded "$(data 1 1000)")"
	log_expect_nothing
}

netns_begin topology
ktap_main "$@"
