#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# In a guest that was started with ipv6.disable=1 (vm/check does so): the tables
# and sockets of IPv6 are not there, and what is inside a tunnel may be IPv6 all
# the same.

# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

topology() {
	! has_ipv6 || fail "IPv6 is there: boot with -k ipv6.disable=1"
	ns_add a b
	wire a eth0 10.10.10.10/24 -- b eth0 10.10.10.11/24
}

setup_each() {
	log_mark
}

cleanup_each() {
	tunnels_del a b
}

ENDS="local 10.10.10.10 remote 10.10.10.11"
OUTER="ip4 10.10.10.10 10.10.10.11 ttl ? df ? id ?"
ONE="ip6 fd00::1 fd00::2 / udp 1 2 / text one"
MANY="ip6 fe80::1 ff02::5 hop 1 next 89 / text many"
# what looks like a tunnel to this machine, of which somebody has to be asked
NESTED="ip6 fd00::1 fd00::2 next 47 / 00000800 / zero 40"

# IPv6 goes out and comes in
test_inside() {
	local packet

	# shellcheck disable=SC2086 # options
	tunnel a gre1 $ENDS
	tunnel b gre1 local 10.10.10.11 remote 10.10.10.10
	capture far b gre1 in
	for packet in "$ONE" "$MANY" "$NESTED"; do
		send_dev a gre1 "$packet"
		expect far "$packet"
	done
	log_expect_nothing
}

# the same while a socket wants its datagrams merged: whose addresses are ours
# is then asked for each of them
test_merging() {
	pk merging sock b 9 || fail "$PKT"
	test_inside
	pk close sock || fail "$PKT"
}

# it is too long for the path: there is nobody to tell, so it is split
test_too_big() {
	local packet="ip6 fd00::1 fd00::2 / udp 1 2 / zero 1500"

	# shellcheck disable=SC2086 # options
	tunnel a gre1 $ENDS
	ipn a link set gre1 mtu 3000
	tunnel b gre1 local 10.10.10.11 remote 10.10.10.10
	capture far b gre1 in
	send_dev a gre1 "$packet"
	expect far "$packet"
	log_expect_nothing
}

# a route, or a program, that names a far end over IPv6
test_external() {
	local to

	tunnel a ext external
	pk address a ext 192.168.9.1/24 || fail "$PKT"
	ipn a <<-END
		route add 10.8.0.1/32 encap ip6 id 7 dst fd00::1 dev ext
		route add 10.9.0.1/32 encap ip6 id 7 src fd00::2 dst fd00::1 dev ext
	END
	for to in 10.8.0.1 10.9.0.1; do
		send_ip a "ip4 192.168.9.1 $to / udp 1 2 / text lost"
	done
	[ "$(device_counter a ext tx_no_route)" -eq 2 ] ||
		fail "$(at a ethtool -S ext)"
	log_expect_nothing
}

# neighbours of IPv6 are not looked for: those of IPv4 get what is for many
test_multipoint() {
	local packet

	tunnel a mp local 10.10.10.10 key 7
	ipn a neigh add 192.168.9.2 lladdr 10.10.10.11 dev mp
	capture wire a eth0 out
	for packet in "$ONE" "$MANY"; do
		pk hex "$packet" || fail "$PKT"
		at a "$MYGRE_DIR/selftests/helpers/packet" send mp 86dd \
			00000000 "$PKT"
	done
	expect wire "$OUTER / gre 200086dd 00000007 / $MANY"
	expect_no_more wire 0800
	[ "$(device_counter a mp tx_no_remote)" -eq 1 ] ||
		fail "$(at a ethtool -S mp)"
	log_expect_nothing
}

# ICMP errors that quote it
test_errors() {
	local error

	# shellcheck disable=SC2086 # options
	tunnel a gre1 $ENDS ttl 64
	for error in "3 1 00000000" "3 4 00000578" "11 0 00000000"; do
		send_raw b eth0 a eth0 "ip4 10.10.10.11 10.10.10.10 /
			icmp $error / ip4 10.10.10.10 10.10.10.11 df 1 /
			gre 000086dd / $ONE"
	done
	# the next packet still goes out
	capture wire a eth0 out
	send_dev a gre1 "$ONE"
	expect wire "$OUTER / gre 000086dd / $ONE"
	log_expect_nothing
}

# Ethernet, with frames too big for the tunnel that a bridge hands on
test_bridge() {
	local mac=02aabbccdd01 whole

	# shellcheck disable=SC2086 # options
	ipn a <<-END
		link add br0 up group $GROUP type bridge mcast_snooping 0
		link add tap1 up mtu 1500 group $GROUP master br0 type mygretap $ENDS key 1
		link add tap2 up mtu 1500 group $GROUP master br0 type mygretap $ENDS key 2
	END
	capture wire a eth0 out
	send_raw b eth0 a eth0 "ip4 10.10.10.11 10.10.10.10 /
		gre 20006558 00000001 / $mac 02aabbccdd02 86dd / $ONE"
	expect wire "$OUTER tos ? / gre 20006558 00000002 /
		$mac 02aabbccdd02 86dd / $ONE"
	pk hex "gre 20006558 00000001 / $mac 02aabbccdd02 86dd /
		ip6 fd00::1 fd00::2 / udp 1 2 / zero 1440" || fail "$PKT"
	whole=$PKT
	send_raw b eth0 a eth0 "ip4 10.10.10.11 10.10.10.10 id 9 frag 0x2000
		proto 47 / ${whole:0:2400}"
	send_raw b eth0 a eth0 "ip4 10.10.10.11 10.10.10.10 id 9 frag 150
		proto 47 / ${whole:2400}"
	counted() {
		[ "$(device_counter a tap2 tx_too_big)" -eq 1 ]
	}
	wait_for counted
}

# a tunnel over IPv6 is refused with the reason, as a new one and as a change
test_underlay() {
	local words error

	while read -r words; do
		# shellcheck disable=SC2086 # words
		error=$(ipn a link add six type mygre $words 2>&1) &&
			fail "was accepted: $words"
		[[ $error == *"IPv6 is disabled on this machine"* ]] ||
			fail "'$error' about: $words"
	done <<-END
		local fd10::10 remote fd10::11
		remote fd10::11
		local fe80::1 remote fe80::2 dev eth0
	END
	pk link add a six mygretap 7:fd100000000000000000000000000013
	[[ $PKT == EAFNOSUPPORT* ]] || fail "$PKT"
	# shellcheck disable=SC2086 # options
	tunnel a gre1 $ENDS
	must_fail ipn a link change gre1 type mygre remote fd10::11
	log_expect_nothing
	tunnels_del a b
	test_inside
}

netns_begin topology
ktap_main "$@"
