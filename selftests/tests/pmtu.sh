#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# How long a packet may be: the device's MTU, the path MTU that routers tell of,
# the outer DF bit, and who hears of it.

# long: super super_gre tracked routes exceptions vrf
# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck disable=SC2086 # options are words
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"
# shellcheck source=selftests/lib/sites.sh
. "$(dirname "$0")/../lib/sites.sh"

HELPERS=$MYGRE_DIR/selftests/helpers

# h1 - r1 - w - r2 - h2: two sites, their routers, and the world between them
topology() {
	if [ ! -x "$HELPERS/room" ]; then
		make -s -C "$HELPERS"
	fi
	sites
	wire r1 eth0 10.1.0.1/24 -- w eth1 10.1.0.254/24
	wire w eth2 10.2.0.254/24 -- r2 eth0 10.2.0.1/24
	ipn r1 route add 10.2.0.0/24 via 10.1.0.254
	ipn r2 route add 10.1.0.0/24 via 10.2.0.254
}

cleanup_each() {
	sites_forget
	# a VRF takes the routes with it
	ipn r1 route replace 10.2.0.0/24 via 10.1.0.254
}

ENDS="local 10.1.0.1 remote 10.2.0.1"
AWAY="local 10.2.0.1 remote 10.1.0.1"
OUTER="ip4 10.1.0.1 10.2.0.1 id ?"

# learnt MTU: r1 finds out that this is all that fits on the way to r2.
learnt() {
	send_ip h1 "$(data 1 1472)"
	wait_for path_is $1 r1 10.2.0.1
}

# the device's MTU is the underlay's less the headers
test_device() {
	local kind words want got

	ipn r1 link set eth0 mtu 1400
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
		1376
		1372 key 7
		1372 csum
		1372 seq
		1368 csum key 7
		1364 csum key 7 seq
		1376 ikey 7 icsum iseq
	END
	ipn r1 link set eth0 mtu 1500
}

# it follows a change of what it depends on, unless the user has chosen it
test_follow() {
	needs_mygre "an MTU that follows each change"
	ipn r1 <<-END
		link add side up group $GROUP mtu 1320 type veth peer name end
		address add 10.9.0.1/24 dev side
	END
	tunnel r1 gre1 $ENDS
	follows 1476 ""
	follows 1472 "key 7"
	follows 1468 "csum"
	follows 1472 "nocsum"
	follows 1292 "local 10.9.0.1 remote 10.9.0.2"
	follows 1296 "nokey"
	follows 1476 "local 10.1.0.1 remote 10.2.0.1"
	follows 1296 "local any remote 10.9.0.2 dev side"
	follows 1476 "$ENDS nodev"
	ipn r1 link set gre1 mtu 1234
	follows 1234 "key 7"
	follows 1234 "nokey"
	tunnels_del r1
	ipn r1 link add gre1 group $GROUP mtu 1333 type "$KIND" $ENDS
	follows 1333 "key 7"
}

# follows MTU WORDS
follows() {
	ipn r1 link change gre1 type "$KIND" $2
	[ "$(mtu r1 gre1)" -eq $1 ] || fail "after '$2': $(mtu r1 gre1), not $1"
}

# a router on the way says how much fits; who sends through the tunnel hears it
test_forwarded() {
	world_mtu 1400
	site_to_site key 7
	capture heard h1 eth0 in
	capture far h2 eth0 in
	# lost, but r1 learns from it
	learnt 1400
	send_ip h1 "$(data 1 1373)"
	expect heard "ip4 172.16.1.1 172.16.1.2 id ? df ? tos 0xc0 /
		icmp 3 4 0000$(printf %04x 1372) / 4500055d000540003f11....
		ac100102 ac100202 / any 528"
	send_ip h1 "$(data 1 1372)"
	expect far "$(forwarded "$(data 1 1372)")"
	send_ip h1 "$(data6 1373)"
	expect heard "ip6 fd01::1 fd01::2 tc ? next 58 /
		0200 .... $(printf %08x 1372) / 6.......$(printf %04x 1333) 113f /
		fd010000000000000000000000000002 fd020000000000000000000000000002 /
		any 1192"
	send_ip h1 "$(data6 1372)"
	expect far "$(forwarded "$(data6 1372)")"
}

# the same for who sends on the router itself: the socket is told
test_local() {
	world_mtu 1400
	site_to_site
	pk address r1 gre1 192.168.9.1/24
	pk address r1 gre1 fd09::1/64
	pk address r2 gre1 192.168.9.2/24
	pk address r2 gre1 fd09::2/64
	must_fail at r1 ping -q -n -c 1 -W 1 -M "do" -s $((1400 - 28)) 192.168.9.2
	wait_for path_is 1400 r1 10.2.0.1
	must_fail at r1 ping -q -n -c 1 -W 1 -M "do" -s $((1377 - 28)) 192.168.9.2
	at r1 ping -q -n -c 1 -W 10 -M "do" -s $((1376 - 28)) 192.168.9.2
	must_fail at r1 ping -q -n -c 1 -W 1 -M "do" -s $((1377 - 48)) fd09::2
	at r1 ping -q -n -c 1 -W 10 -M "do" -s $((1376 - 48)) fd09::2
	# and may split its packets before the tunnel
	at r1 ping -q -n -c 1 -W 10 -M dont -s 4000 192.168.9.2
	at r1 ping -q -n -c 1 -W 10 -s 4000 fd09::2
	[[ $(ipn r1 route get 192.168.9.2) == *"mtu 1376"* ]] ||
		fail "$(ipn r1 route get 192.168.9.2)"
}

# the outer DF bit for each pair of options
test_df() {
	local words zero one six df packet

	while IFS='|' read -r words zero one six; do
		echo "$words: $zero $one $six"
		tunnel r1 gre1 $ENDS $words
		capture wire r1 eth0 out
		for df in 0 1; do
			packet="ip4 1.1.1.1 2.2.2.2 df $df / udp 1 2 / text data"
			send_dev r1 gre1 "$packet"
			[ $df -eq 0 ] || zero=$one
			expect wire "$OUTER df $zero / gre 00000800 / $packet"
		done
		packet="ip6 fd00::1 fd00::2 / udp 1 2 / text data"
		send_dev r1 gre1 "$packet"
		expect wire "$OUTER df $six / gre 000086dd / $packet"
		ipn r1 link del gre1
	done <<-END
		|1|1|1
		pmtudisc|1|1|1
		pmtudisc noignore-df|1|1|1
		nopmtudisc|0|1|0
		nopmtudisc noignore-df|0|1|0
		nopmtudisc ignore-df|0|0|0
	END
}

# what may be split is split and arrives, whatever was learnt before
test_split() {
	world_mtu 1400
	site_to_site
	capture far h2 eth0 in
	learnt 1400
	send_ip h1 "$(data 0 1476)"
	expect far "$(forwarded "$(data 0 1476)")"
	send_ip h1 "$(data 0 1376)"
	expect far "$(forwarded "$(data 0 1376)")"
	# nobody can be told: neither IPv4 nor IPv6
	capture mpls r2 gre1 in
	send_dev r1 gre1 "type 8847 / 000010ff / zero 1472"
	expect mpls "type 8847 / 000010ff / zero 1472"
}

# the options that leave it to the routers on the way, with DF inside or not
test_no_pmtudisc() {
	world_mtu 1400
	site_to_site nopmtudisc ignore-df
	capture far h2 eth0 in
	send_ip h1 "$(data 1 1476)"
	expect far "$(forwarded "$(data 1 1476)")"
	send_ip h1 "$(data6 1476)"
	expect far "$(forwarded "$(data6 1476)")"
	path_is 0 r1 10.2.0.1 || fail "$(ipn r1 route get 10.2.0.1)"
}

# IPv6 wants 1280 bytes; where fewer are left, the outer packet is split
test_ipv6_minimum() {
	site_to_site
	world_mtu 1290
	capture heard h1 eth0 in
	capture far h2 eth0 in
	learnt 1290
	send_ip h1 "$(data6 1280)"
	expect far "$(forwarded "$(data6 1280)")"
	# as h1 would hear of others that do not fit
	expect_none heard "ip6 fd01::1 fd01::2 tc ? next 58 /
		0200 .... ........ / any 1232"
}

# a tunnel whose outer route hangs on its mark
test_fwmark() {
	world_mtu 1400
	ipn r1 <<-END
		rule add fwmark 5 table 100
		route add 10.2.0.0/24 via 10.1.0.254 table 100
		route del 10.2.0.0/24 via 10.1.0.254
		route add unreachable 10.2.0.0/24
	END
	site_to_site fwmark 5
	capture heard h1 eth0 in
	send_ip h1 "$(data 1 1476)"
	wait_for path_is 1400 r1 10.2.0.1 mark 5
	send_ip h1 "$(data 1 1377)"
	expect heard "ip4 172.16.1.1 172.16.1.2 id ? df ? tos 0xc0 /
		icmp 3 4 0000$(printf %04x 1376) / any 548"
	ipn r1 <<-END
		rule del fwmark 5 table 100
		route del unreachable 10.2.0.0/24
	END
}

# a tunnel whose underlay is in a VRF, and the sites are not
test_vrf() {
	world_mtu 1400
	ipn r1 <<-END
		link add vrf1 up group $GROUP type vrf table 101
		link set eth0 master vrf1
		route add 10.2.0.0/24 via 10.1.0.254 table 101
	END
	site_to_site dev eth0
	capture heard h1 eth0 in
	send_ip h1 "$(data 1 1476)"
	wait_for path_is 1400 r1 10.2.0.1 vrf vrf1
	send_ip h1 "$(data 1 1377)"
	expect heard "ip4 172.16.1.1 172.16.1.2 id ? df ? tos 0xc0 /
		icmp 3 4 0000$(printf %04x 1376) / any 548"
}

# exceptions KIND: how many PMTU exceptions does r1 keep when it has forwarded
# to 2,000 destinations behind a tunnel of this kind.
exceptions() {
	local packets

	tunnel_of $1 r1 gre1 $ENDS
	ipn r1 route add 172.20.0.0/16 dev gre1
	pk_set r1 0 ipv4/conf/all/send_redirects
	# an exception is shown once a second packet has used it
	at h1 "$HELPERS/spread" 172.20.0.1 2000 1200
	at h1 "$HELPERS/spread" 172.20.0.1 2000 1200
	packets=$(ipn r1 -s -j link show gre1)
	[[ $packets =~ \"tx\":\{\"bytes\":[0-9]+,\"packets\":([0-9]+) ]]
	[ "${BASH_REMATCH[1]}" -gt 2000 ] || fail "few got through: $packets"
	ipn r1 route show cache | grep -c ^172.20. || :
	ipn r1 link del gre1
	ipn r1 route flush cache
}

# traffic to many destinations fills no route cache, as it does with ip_gre
test_exceptions() {
	local theirs ours

	kind_load gre
	theirs=$(exceptions gre)
	ours=$(exceptions "$KIND")
	echo "gre: $theirs, $KIND: $ours"
	# else nothing is shown by ours
	[ "$theirs" -gt 100 ] || fail "ip_gre does not do it here any more"
	[ "$ours" -eq 0 ] || fail "$ours exceptions"
}

# super4 BYTES SIZE, super6 BYTES SIZE
super4() {
	pk hex "ip4 172.16.1.2 172.16.2.2 df 1 id 5 proto 6 / zero $((20 + $1))"
	super h1 eth0 "$(mac r1 lan)" 800 ${PKT:0:40} $1 $2
}

super6() {
	pk hex "ip6 fd01::2 fd02::2 next 6 / zero $((20 + $1))"
	super h1 eth0 "$(mac r1 lan)" 86dd ${PKT:0:80} $1 $2
}

# What h1 is told when an IPv4 or an IPv6 packet is too long.
TOLD4="ip4 172.16.1.1 172.16.1.2 id ? df ? tos 0xc0 / icmp 3 4 ........ / any 548"
TOLD6="ip6 fd01::1 fd01::2 tc ? next 58 / 0200 .... ........ / any 1232"

# of a super-packet the segments count: if they do not fit, the sender hears it
test_super() {
	local before

	needs_mygre "an answer to super-packets"
	world_mtu 1400
	site_to_site key 7
	learnt 1400
	capture heard h1 eth0 in
	capture far h2 eth0 in
	capture wire r1 eth0 out
	before=$(device_counter r1 gre1 tx_too_big)
	# 1372 fit: 1400 less IPv4 and GRE with a key
	super4 2872 1333
	expect heard "${TOLD4/......../$(printf %08x 1372)}"
	super6 2872 1313
	expect heard "${TOLD6/......../$(printf %08x 1372)}"
	expect_no_more wire 0800
	[ "$(device_counter r1 gre1 tx_too_big)" -eq $((before + 2)) ] ||
		fail "tx_too_big: $before, then $(device_counter r1 gre1 tx_too_big)"
	# one byte less in each, and the whole is longer than before
	super4 3996 1332
	expect far "ip4 172.16.1.2 172.16.2.2 ttl 62 df 1 id 5 proto 6 /
		04570009 / any 4012"
	super6 3936 1312
	expect far "ip6 fd01::2 fd02::2 hop 62 next 6 / 04570009 / any 3952"
	expect_none heard "$TOLD4"
	expect_none heard "$TOLD6"
}

# ip_gre sends such packets off, and nobody hears that they are lost
test_super_gre() {
	needs_mygre "a comparison"
	kind_load gre
	KIND=gre site_to_site key 7
	world_mtu 1400
	learnt 1400
	capture heard h1 eth0 in
	capture far h2 eth0 in
	super4 2872 1333
	send_ip h1 "$(data 0 500)"
	expect far "$(forwarded "$(data 0 500)")"
	expect_no_more far 0800
	expect_none heard "$TOLD4"
}

# inner fragments with DF, put together on the way, get through
test_tracked() {
	site_to_site
	fragments_tracked
}

# routes: how many routes does the kernel keep, in use or still held. (Digits
# follow the names of columns; the first is the same on each CPU.)
routes() {
	pk read r1 /proc/net/stat/rt_cache || fail "$PKT"
	[[ $PKT =~ [a-z]\ ([0-9a-f]{8})\  ]] || fail "no number in $PKT"
	echo $((16#${BASH_REMATCH[1]}))
}

# rounds N: so many times a way comes, is found too narrow, drops a packet, goes.
rounds() {
	local number

	for ((number = 0; number < $1; number++)); do
		# a replacement by the same changes nothing
		ipn r1 <<-END
			route del 10.2.0.0/24 via 10.1.0.254
			route add 10.2.0.0/24 via 10.1.0.254
		END
		# not as h1's routes say: h1 would learn
		send_raw h1 eth0 r1 lan "$(data 1 1472)"
		wait_for path_is 1400 r1 10.2.0.1
		send_raw h1 eth0 r1 lan "$(data 1 1476)"
	done
	ipn r1 route flush cache
}

# who drops a packet lets go of its route
test_routes() {
	local before after drops

	world_mtu 1400
	site_to_site
	drops=$(device_counter r1 gre1 tx_too_big)
	rounds 4
	before=$(routes)
	rounds 20
	[ "$(device_counter r1 gre1 tx_too_big)" -ge $((drops + 24)) ]
	back() {
		after=$(routes)
		[ $after -lt $((before + 10)) ]
	}
	wait_for back
	echo "$before routes before, $after after"
}

# Each asks for what the other one asks for, and more.
#
# two tunnels, each routed over the other, ask for room within bounds
test_headroom() {
	local i used

	tunnel r1 gre1 local 10.1.0.1 remote 10.77.0.2
	tunnel r1 gre2 local 10.1.0.1 remote 10.78.0.2
	ipn r1 <<-END
		route add 10.77.0.0/24 dev gre2
		route add 10.78.0.0/24 dev gre1
	END
	for ((i = 0; i < 60; i++)); do
		echo "link change gre1 type $KIND key $i"
		echo "link change gre2 type $KIND key $i"
	done | ipn r1
	# no more loop: nothing but our own packets shall be in the queue
	ipn r1 route del 10.77.0.0/24 dev gre2
	# a queue that lets one packet through shows what the next one takes
	at r1 tc qdisc add dev gre1 root tbf rate 8bit burst 100 limit 10000
	used=$(at r1 "$HELPERS/room" gre1)
	echo "$used bytes for a packet of 64"
	[ "$used" -gt 64 ] || fail "the packet was not held back"
	# 120 changes, each asking for 28 bytes more, make 3,360
	[ "$used" -le 2500 ] || fail "$used bytes for a packet of 64"
}

netns_begin topology
ktap_main "$@"
