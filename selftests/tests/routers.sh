#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Routers hold the tunnel, hosts behind them know nothing of it:
#
#	h1 --- r1 === r2 --- h2
#
# IPv4, IPv6 islands, multicast, OSPF, MPLS and whatever has an ethertype.

# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

topology() {
	ns_add h1 r1 r2 h2
	ns6 h1 r1 r2 h2
	ns_forward r1 r2
	wire h1 eth0 10.1.0.2/24 fd00:1::2/64 -- r1 lan 10.1.0.1/24 fd00:1::1/64
	wire r2 lan 10.2.0.1/24 fd00:2::1/64 -- h2 eth0 10.2.0.2/24 fd00:2::2/64
	wire r1 wan 192.0.2.1/24 -- r2 wan 192.0.2.2/24
	ipn h1 <<-END
		route add default via 10.1.0.1
		route add default via fd00:1::1
	END
	ipn h2 <<-END
		route add default via 10.2.0.1
		route add default via fd00:2::1
	END
	ipn r1 <<-END
		link add gre1 type $KIND local 192.0.2.1 remote 192.0.2.2 ttl 64
		link set gre1 up multicast on
		address add 10.0.0.1/30 dev gre1
		route add 10.2.0.0/24 dev gre1
		route add fd00:2::/64 dev gre1
	END
	ipn r2 <<-END
		link add gre1 type $KIND local 192.0.2.2 remote 192.0.2.1 ttl 64
		link set gre1 up multicast on
		address add 10.0.0.2/30 dev gre1
		route add 10.1.0.0/24 dev gre1
		route add fd00:1::/64 dev gre1
	END
}

# The outer header from r1 to r2, and back.
OUTER="ip4 192.0.2.1 192.0.2.2 ttl 64 df 1 id ?"
BACK="ip4 192.0.2.2 192.0.2.1 ttl 64 df 1 id ?"

# IPv4 from host to host and back, two hops
test_ipv4() {
	local udp="id 9 / udp 1000 2000 / text four"

	capture wire r1 wan
	capture far h2 eth0 in
	capture near h1 eth0 in
	send_ip h1 "ip4 10.1.0.2 10.2.0.2 ttl 64 $udp"
	expect wire "$OUTER / gre 00000800 / ip4 10.1.0.2 10.2.0.2 ttl 63 $udp"
	expect far "ip4 10.1.0.2 10.2.0.2 ttl 62 $udp"
	send_ip h2 "ip4 10.2.0.2 10.1.0.2 ttl 64 $udp"
	expect wire "$BACK / gre 00000800 / ip4 10.2.0.2 10.1.0.2 ttl 63 $udp"
	expect near "ip4 10.2.0.2 10.1.0.2 ttl 62 $udp"
}

# IPv6 islands over the IPv4 wire
test_ipv6() {
	local udp="/ udp 1000 2000 / text six"

	capture wire r1 wan
	capture far h2 eth0 in
	capture near h1 eth0 in
	send_ip h1 "ip6 fd00:1::2 fd00:2::2 hop 64 tc 0x48 $udp"
	expect wire "$OUTER / gre 000086dd /
		ip6 fd00:1::2 fd00:2::2 hop 63 tc 0x48 $udp"
	expect far "ip6 fd00:1::2 fd00:2::2 hop 62 tc 0x48 $udp"
	send_ip h2 "ip6 fd00:2::2 fd00:1::2 hop 64 $udp"
	expect wire "$BACK / gre 000086dd / ip6 fd00:2::2 fd00:1::2 hop 63 $udp"
	expect near "ip6 fd00:2::2 fd00:1::2 hop 62 $udp"
}

# a sender of multicast behind r1, a receiver behind r2
test_multicast() {
	local udp="/ udp 5000 5000 / text group"

	ipn h1 route add 224.0.0.0/4 dev eth0
	pk mroute mroute1 r1 239.1.2.3 10.1.0.2 lan gre1 || fail "$PKT"
	pk mroute mroute2 r2 239.1.2.3 10.1.0.2 gre1 lan || fail "$PKT"
	pk listen member h2 5000 239.1.2.3 eth0 || fail "$PKT"
	capture wire r1 wan
	send_ip h1 "ip4 10.1.0.2 239.1.2.3 ttl 8 $udp"
	expect wire "$OUTER / gre 00000800 / ip4 10.1.0.2 239.1.2.3 ttl 7 $udp"
	pk got member "$WAIT_MS" text group || fail "$PKT"
	[ "$PKT" = "10.1.0.2 5000" ] || fail "from $PKT"
	pk close mroute1
	pk close mroute2
}

# An OSPF hello of router 10.0.0.1, area 0: what the daemon on r1 would send.
HELLO="ip4 10.0.0.1 224.0.0.5 tos 0xc0 ttl 1 proto 89 /
	0201002c 0a000001 00000000 f38f0000 00000000 00000000
	fffffffc 000a0201 00000028 00000000 00000000"

# an OSPF hello crosses to the daemon that listens on the tunnel
test_ospf() {
	ipn r1 route add 224.0.0.5/32 dev gre1
	pk listen daemon r2 proto89 224.0.0.5 gre1 || fail "$PKT"
	capture wire r1 wan
	send_ip r1 "$HELLO"
	expect wire "$OUTER / gre 00000800 / $HELLO"
	pk got daemon "$WAIT_MS" "$HELLO" || fail "$PKT"
	ipn r1 route del 224.0.0.5/32 dev gre1
}

# broadcast crosses, and is broadcast on the other side
test_broadcast() {
	pk listen hears r2 5001 || fail "$PKT"
	capture wire r1 wan
	send_dev r1 gre1 "ip4 10.0.0.1 255.255.255.255 ttl 1 / udp 5001 5001 / text all"
	expect wire "$OUTER / gre 00000800 /
		ip4 10.0.0.1 255.255.255.255 ttl 1 / udp 5001 5001 / text all"
	pk got hears "$WAIT_MS" text all || fail "$PKT"
}

# MPLS and an ethertype that nobody knows cross, byte for byte
test_ethertypes() {
	local packet proto

	while read -r proto packet; do
		capture wire r1 wan
		capture far r2 gre1 in
		send_dev r1 gre1 "type $proto / $packet"
		expect wire "$OUTER / gre 0000$proto / $packet"
		expect far "type $proto / $packet"
		expect_no_more far "$proto"
	done <<-END
		8847 0006413f / ip4 10.1.0.2 10.2.0.2 ttl 63 / udp 1 2 / text label100
		8848 0006413f / 60 / zero 39
		88b5 0123456789abcdef / zero 80
		0806 000108000604 / zero 22
	END
}

# payloads of a few bytes, which ip_gre loses
test_short() {
	local packet

	needs_mygre "a payload under 8 bytes"
	for packet in ff 0102 0102030405060708; do
		capture far r2 gre1 in
		send_dev r1 gre1 "type 88b5 / $packet"
		expect far "type 88b5 / $packet"
		expect_no_more far 88b5
	done
}

# MPLS is switched where it comes out: label 100 leads to h2
test_mpls() {
	modprobe mpls_router || skip "no mpls_router in this kernel"
	pk_set r2 1000 mpls/platform_labels
	pk_set r2 1 mpls/conf/gre1/input
	ipn r2 -f mpls route add 100 via inet 10.2.0.2 dev lan
	capture far h2 eth0 in
	send_dev r1 gre1 "type 8847 / 0006413f /
		ip4 10.1.0.2 10.2.0.2 ttl 63 / udp 1 2 / text label"
	# the label's time to live, 63, less one, is that of the packet now
	expect far "ip4 10.1.0.2 10.2.0.2 ttl 62 / udp 1 2 / text label"
}

# a packet too big for the path is answered, and fragments get through
test_big() {
	capture near h1 eth0 in
	capture far h2 eth0 in
	send_ip h1 "ip4 10.1.0.2 10.2.0.2 df 1 id 3 / zero 1457"
	# 1500 less 24: destination unreachable, fragmentation needed, 1476
	expect near "ip4 10.1.0.1 10.1.0.2 tos ? id ? df ? proto 1 /
		0304 .... 0000 05c4 / any 548"
	send_ip h1 "ip4 10.1.0.2 10.2.0.2 df 1 id 4 / zero 1456"
	expect far "ip4 10.1.0.2 10.2.0.2 ttl 62 df 1 id 4 / zero 1456"
	send_ip h1 "ip4 10.1.0.2 10.2.0.2 df 0 id 5 / zero 1457"
	expect far "ip4 10.1.0.2 10.2.0.2 ttl 62 frag 0x2000 id 5 / zero 1456"
	expect far "ip4 10.1.0.2 10.2.0.2 ttl 62 frag 182 id 5 / 00"
	expect_none far "ip4 10.1.0.2 10.2.0.2 ttl 62 df 1 id 3 / zero 1457"
}

netns_begin topology
ktap_main "$@"
