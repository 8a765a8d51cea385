#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Received is not trusted: tunnels inside the tunnel that end here, and sources
# that are not behind it.

# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck disable=SC2086 # options are words
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

A=10.10.10.10
B=10.10.10.11
ENDS="local $A remote $B ttl 64"
DATA="udp 1000 2000 / text data"

topology() {
	ns_add a b
	! has_ipv6 || ns6 a
	wire a eth0 $A/24 -- b eth0 $B/24
	ns_forward a
}

setup_each() {
	needs_mygre "not trusting what is received"
}

cleanup_each() {
	tunnels_del a
}

# inner GRE PACKET: from b, through the tunnel
inner() {
	send_raw b eth0 a eth0 "ip4 $B $A / gre $1 / $2"
}

# comes_out GRE PACKET, and does_not COUNTER GRE PACKET
comes_out() {
	inner "$1" "$2"
	expect out "$2"
}

does_not() {
	local before

	before=$(device_counter a gre1 "$1")
	inner "$2" "$3"
	[ "$(device_counter a gre1 "$1")" -eq $((before + 1)) ] ||
		fail "not refused: $3"
}

# a tunnel packet to an address of ours would be taken out by the next tunnel
test_nested() {
	tunnel a gre1 $ENDS
	pk address a gre1 192.168.9.1/24 || fail "$PKT"
	capture out a gre1 in
	for what in "gre 00000800 / ip4 1.1.1.1 2.2.2.2 / $DATA" \
		"ip4 1.1.1.1 2.2.2.2 / $DATA"; do
		does_not rx_nested 00000800 "ip4 8.8.8.8 192.168.9.1 / $what"
		does_not rx_nested 00000800 "ip4 8.8.8.8 $A / $what"
		# it is somebody else's
		comes_out 00000800 "ip4 8.8.8.8 192.168.9.7 / $what"
	done
	does_not rx_nested 00000800 "ip4 8.8.8.8 $A proto 41 / zero 60"
	does_not rx_nested 00000800 "ip4 8.8.8.8 $A proto 97 / zero 60"
	does_not rx_nested 00000800 "ip4 8.8.8.8 $A proto 137 / zero 60"
	comes_out 00000800 "ip4 8.8.8.8 $A proto 132 / zero 60"
	comes_out 00000800 "ip4 8.8.8.8 $A / $DATA"
	# a later piece of one
	does_not rx_nested 00000800 "ip4 8.8.8.8 $A proto 47 frag 0x20 / zero 60"
	ipn a link change gre1 type "$KIND" inner-tunnel allow
	[[ $(link_show a gre1) == *'"inner_tunnel":"allow"'* ]]
	comes_out 00000800 "ip4 8.8.8.8 $A / $what"
	ipn a link change gre1 type "$KIND" inner-tunnel refuse
	does_not rx_nested 00000800 "ip4 8.8.8.8 $A / $what"
	expect_no_more out
}

# IPv6, also behind extension headers
test_nested_ipv6() {
	local head="ip6 fd99::1 fd09::1"

	has_ipv6 || skip "no IPv6"
	tunnel a gre1 $ENDS
	ipn a addr add fd09::1/64 dev gre1 nodad
	capture out a gre1 in
	does_not rx_nested 000086dd "$head next 47 / 00000800 / zero 40"
	does_not rx_nested 000086dd "$head next 41 / zero 40"
	does_not rx_nested 000086dd "$head next 4 / zero 40"
	# destination options, a fragment, options in a fragment
	does_not rx_nested 000086dd "$head next 60 / 2f00010400000000 / zero 40"
	does_not rx_nested 000086dd "$head next 44 / 2f00000000000001 / zero 40"
	does_not rx_nested 000086dd \
		"$head next 44 / 3c00000100000001 / 2900010400000000 / zero 40"
	# a piece that does not say what it will be
	does_not rx_nested 000086dd \
		"$head next 44 / 3c00000100000001 / 3c07010400000000"
	comes_out 000086dd "$head next 60 / 1100010400000000 / zero 40"
	comes_out 000086dd "$head next 59 / zero 40"
	comes_out 000086dd "ip6 fd99::1 fd09::7 next 47 / 00000800 / zero 40"
	# an address that is on no device, but here
	ipn a route add local fd07::/64 dev lo
	does_not rx_nested 000086dd \
		"ip6 fd99::1 fd07::7 next 47 / 00000800 / zero 40"
	ipn a route del local fd07::/64 dev lo
	expect_no_more out 86dd
}

# in frames, too
test_nested_tap() {
	local head

	ipn a link add gre1 up group $GROUP address 02:00:00:00:00:0a \
		type "${KIND}tap" $ENDS
	capture out a gre1 in
	head=02000000000a0200000000bb0800
	does_not rx_nested 00006558 \
		"$head / ip4 8.8.8.8 $A / gre 00000800 / zero 60"
	inner 00006558 "$head / ip4 8.8.8.8 $A / $DATA"
	expect out "ip4 8.8.8.8 $A / $DATA"
}

# what is for all on the wire is for us, too
test_nested_all() {
	local to

	tunnel a gre1 $ENDS
	pk address a gre1 192.168.9.1/24 || fail "$PKT"
	capture out a gre1 in
	for to in 255.255.255.255 192.168.9.255 224.0.0.1; do
		does_not rx_nested 00000800 \
			"ip4 8.8.8.8 $to / gre 00000800 / zero 40"
		comes_out 00000800 "ip4 8.8.8.8 $to / $DATA"
	done
	# a group that nobody here is in
	comes_out 00000800 "ip4 8.8.8.8 239.7.7.7 / gre 00000800 / zero 40"
	expect_no_more out
	has_ipv6 || return 0
	ipn a addr add fd09::1/64 dev gre1 nodad
	pk_set a 1 ipv6/conf/all/forwarding
	# all nodes, and all routers of a subnet
	for to in ff02::1 fd09::; do
		does_not rx_nested 000086dd \
			"ip6 fd99::1 $to next 47 / 00000800 / zero 40"
		comes_out 000086dd "ip6 fd99::1 $to next 59 / zero 40"
	done
	comes_out 000086dd "ip6 fd99::1 ff05::77 next 47 / 00000800 / zero 40"
	pk_set a 0 ipv6/conf/all/forwarding
	expect_no_more out 86dd
}

# As the kernel's documentation of VRFs advises
rules_local_last() {
	ipn a "$1" route add unreachable default table 99
	ipn a "$1" rule add pref 32765 table local
	ipn a "$1" rule del pref 0
}

rules_local_first() {
	ipn a "$1" rule add pref 0 table local
	ipn a "$1" rule del pref 32765
}

# in a VRF too; an address outside of it is ours there unless rules are changed
test_nested_vrf() {
	tunnel a gre1 $ENDS
	ipn a <<-END
		link add red9 up type vrf table 99
		link set gre1 master red9
		address add 192.168.9.1/24 dev gre1
	END
	capture out a gre1 in
	does_not rx_nested 00000800 \
		"ip4 8.8.8.8 192.168.9.1 / gre 00000800 / zero 40"
	modprobe ip_gre
	ipn a link add other up type gre local $A remote 8.8.8.8
	capture other a other in
	does_not rx_nested 00000800 \
		"ip4 8.8.8.8 $A / gre 00000800 / ip4 1.1.1.1 2.2.2.2 / $DATA"
	# so it would have been taken out once more
	ipn a link change gre1 type "$KIND" inner-tunnel allow
	comes_out 00000800 \
		"ip4 8.8.8.8 $A / gre 00000800 / ip4 1.1.1.1 2.2.2.2 / $DATA"
	expect other "ip4 1.1.1.1 2.2.2.2 / $DATA"
	ipn a link change gre1 type "$KIND" inner-tunnel refuse
	ipn a link del other
	if has_ipv6; then
		ipn a addr add fd09::1/64 dev gre1 nodad
		ipn a addr add fd08::1/64 dev lo nodad
		does_not rx_nested 000086dd \
			"ip6 fd99::1 fd09::1 next 47 / 00000800 / zero 40"
		does_not rx_nested 000086dd \
			"ip6 fd99::1 fd08::1 next 47 / 00000800 / zero 40"
		rules_local_last -6
		comes_out 000086dd \
			"ip6 fd99::1 fd08::1 next 47 / 00000800 / zero 40"
		does_not rx_nested 000086dd \
			"ip6 fd99::1 fd09::1 next 47 / 00000800 / zero 40"
		rules_local_first -6
		ipn a addr del fd08::1/64 dev lo
	fi
	rules_local_last -4
	comes_out 00000800 "ip4 8.8.8.8 $A / gre 00000800 / zero 40"
	does_not rx_nested 00000800 \
		"ip4 8.8.8.8 192.168.9.1 / gre 00000800 / zero 40"
	rules_local_first -4
	ipn a link del red9
}

# in frames that bear tags, to a VLAN's address in a VRF, and to a bridge's
test_nested_tags() {
	local mac=02000000000a0200000000bb tags number

	ipn a <<-END
		link add red9 up type vrf table 99
		link add gre1 up group $GROUP address 02:00:00:00:00:0a \
			type ${KIND}tap $ENDS
		link add vlan5 up master red9 link gre1 type vlan id 5
		address add 192.168.5.1/24 dev vlan5
	END
	# in a VLAN in a VLAN; in none that there is
	ipn a <<-END
		link add outer6 up link gre1 type vlan proto 802.1ad id 6
		link add inner7 up link outer6 type vlan id 7
	END
	does_not rx_nested 00006558 "${mac}88a8000681000007 0800 / \
		ip4 8.8.8.8 $A / gre 00000800 / zero 60"
	number=$(device_counter a gre1 rx_nested)
	inner 00006558 "${mac}81000009 0800 / ip4 8.8.8.8 $A / gre 00000800 / zero 60"
	[ "$(device_counter a gre1 rx_nested)" -eq "$number" ]
	does_not rx_nested 00006558 "${mac}81000005 0800 / \
		ip4 8.8.8.8 192.168.5.1 / gre 00000800 / zero 60"
	for tags in 8100000081000005 81000000810000008100000081000005; do
		does_not rx_nested 00006558 "$mac$tags 0800 / \
			ip4 8.8.8.8 192.168.5.1 / gre 00000800 / zero 60"
	done
	# nobody has that many
	tags=$(printf '81000000%.0s' 1 2 3 4 5 6 7 8 9)
	does_not rx_nested 00006558 "$mac$tags 0800 / ip4 8.8.8.8 $A / $DATA"
	capture vlan a vlan5 in
	inner 00006558 "${mac}81000005 0800 / ip4 8.8.8.8 192.168.5.1 / $DATA"
	expect vlan "ip4 8.8.8.8 192.168.5.1 / $DATA"
	inner 00006558 "${mac}81000005 0800 / \
		ip4 8.8.8.8 192.168.5.7 / gre 00000800 / zero 60"
	expect vlan "ip4 8.8.8.8 192.168.5.7 / gre 00000800 / zero 60"
	ipn a <<-END
		link add br9 up master red9 type bridge
		address add 192.168.6.1/24 dev br9
		link set gre1 master br9
	END
	does_not rx_nested 00006558 "${mac}0800 / \
		ip4 8.8.8.8 192.168.6.1 / gre 00000800 / zero 60"
	if has_ipv6; then
		ipn a addr add fd06::1/64 dev br9 nodad
		does_not rx_nested 00006558 "${mac}86dd / \
			ip6 fd99::1 fd06::1 next 47 / 00000800 / zero 40"
	fi
	ipn a link del br9
	ipn a link del red9
}

# to a bridge with VLANs, where tags are taken off and added
test_nested_bridge_vlan() {
	local mac=02000000000a0200000000bb nested="gre 00000800 / zero 60"
	local number

	ipn a <<-END
		link add red9 up type vrf table 99
		link add br9 up address 02:00:00:00:00:0a type bridge \
			vlan_filtering 1
		address add 192.168.6.1/24 dev br9
		link add gre1 up group $GROUP address 02:00:00:00:00:0a \
			master br9 type ${KIND}tap $ENDS
		link add vlan5 up master red9 link gre1 type vlan id 5
		address add 192.168.5.1/24 dev vlan5
		link add br9.7 up master red9 link br9 type vlan id 7
		address add 192.168.7.1/24 dev br9.7
	END
	does_not rx_nested 00006558 \
		"${mac}81000001 0800 / ip4 8.8.8.8 192.168.6.1 / $nested"
	does_not rx_nested 00006558 \
		"${mac}81000005 0800 / ip4 8.8.8.8 192.168.5.1 / $nested"
	does_not rx_nested 00006558 \
		"${mac}81000007 0800 / ip4 8.8.8.8 192.168.7.1 / $nested"
	# with a tag that the bridge adds, it is that of br9.7
	does_not rx_nested 00006558 \
		"${mac}0800 / ip4 8.8.8.8 192.168.7.1 / $nested"
	capture out a br9 in
	inner 00006558 "${mac}81000001 0800 / ip4 8.8.8.8 192.168.6.1 / $DATA"
	expect out "ip4 8.8.8.8 192.168.6.1 / $DATA"
	inner 00006558 \
		"${mac}81000001 0800 / ip4 8.8.8.8 192.168.6.7 / $nested"
	expect out "ip4 8.8.8.8 192.168.6.7 / $nested"
	# the MAC address of any device on the way makes it ours
	ipn a link set br9.7 address 02:00:00:00:00:0d
	does_not rx_nested 00006558 \
		"${mac}81000007 0800 / ip4 8.8.8.8 192.168.7.1 / $nested"
	ipn a link set br9 address 02:00:00:00:00:0c
	does_not rx_nested 00006558 "02000000000c0200000000bb 81000007 0800 / \
		ip4 8.8.8.8 192.168.7.1 / $nested"
	does_not rx_nested 00006558 "02000000000d0200000000bb 81000007 0800 / \
		ip4 8.8.8.8 192.168.7.1 / $nested"
	# a frame to somebody else goes past, whose address it may be there
	number=$(device_counter a gre1 rx_nested)
	inner 00006558 "0200000000cc0200000000bb 81000014 0800 / \
		ip4 8.8.8.8 192.168.7.1 / $nested"
	[ "$(device_counter a gre1 rx_nested)" -eq "$number" ]
	ipn a link del br9
	ipn a link del red9
}

# what is on top of the tunnel in a VRF has other addresses
test_nested_macvlan() {
	local mac=02000000000b0200000000bb

	ipn a <<-END
		link add red9 up type vrf table 99
		link add gre1 up group $GROUP address 02:00:00:00:00:0a \
			type ${KIND}tap $ENDS
		link add mac1 up master red9 link gre1 address 02:00:00:00:00:0b \
			type macvlan mode bridge
		address add 192.168.5.1/24 dev mac1
	END
	capture out a mac1 in
	inner 00006558 "${mac}0800 / ip4 8.8.8.8 192.168.5.1 / $DATA"
	expect out "ip4 8.8.8.8 192.168.5.1 / $DATA"
	does_not rx_nested 00006558 \
		"${mac}0800 / ip4 8.8.8.8 192.168.5.1 / gre 00000800 / zero 60"
	expect_no_more out 0800
	ipn a link del red9
}

# a tag with no VLAN in it is as good as none, also where nobody expects one
test_nested_tag_l3() {
	tunnel a gre1 $ENDS inner-src rpf
	pk address a gre1 192.168.9.1/24 || fail "$PKT"
	does_not rx_nested 00008100 \
		"0000 0800 / ip4 192.168.9.2 $A / gre 00000800 / zero 40"
	does_not rx_nested 00008100 "0000 8100 0000 8100 0000 0800 / \
		ip4 192.168.9.2 $A / gre 00000800 / zero 40"
	does_not rx_spoofed 00008100 \
		"0000 0800 / ip4 203.0.113.1 192.168.9.1 / $DATA"
}

# in UDP, where a tunnel of ours listens; also for addresses of a bridge
test_nested_udp() {
	local inside="ip4 8.8.8.8 192.168.8.66 / $DATA"
	local outside="ip4 192.168.9.2 $A / udp 1111 4754 / gre 2000080000000002"

	tunnel a gre1 $ENDS key 1
	tunnel a gre2 local $A remote 192.168.9.2 key 2 encap udp
	pk address a gre1 192.168.9.1/24 || fail "$PKT"
	capture out a gre2 in
	does_not rx_nested 2000080000000001 "$outside / $inside"
	expect_no_more out
	# other ports and other hosts are nothing to us, nor a later piece
	capture in a gre1 in
	for what in "ip4 192.168.9.2 $A / udp 1111 4755 / text 1" \
		"ip4 192.168.9.2 10.9.9.9 / udp 1111 4754 / text 2" \
		"ip4 192.168.9.2 $A proto 17 frag 0x20 / zero 60"; do
		inner 2000080000000001 "$what"
		expect in "$what"
	done
	ipn a link change gre1 type "$KIND" inner-tunnel allow
	inner 2000080000000001 "$outside / $inside"
	expect out "$inside"
	ipn a link change gre1 type "$KIND" inner-tunnel refuse
	# the header with the port is only in the second piece
	if has_ipv6; then
		ipn a addr add fd09::1/64 dev gre1 nodad
		does_not rx_nested 200086dd00000001 "ip6 fd99::1 fd09::1 \
			next 44 / 3c00000100000001 / 1100010400000000"
	fi
	# nobody listens any more
	ipn a link set gre2 down
	inner 2000080000000001 "$outside / $inside"
	expect in "$outside / $inside"
}

# in UDP that the kernel's fou takes off, it is the tunnel inside that refuses
test_nested_fou() {
	local number inside="ip4 8.8.8.8 192.168.8.66 / $DATA"

	modprobe fou 2>/dev/null || skip "this kernel has no fou"
	tunnel a gre1 $ENDS key 1
	tunnel a gre2 local $A remote 192.168.9.2 key 2 encap fou encap-dport 5555
	pk address a gre1 192.168.9.1/24 || fail "$PKT"
	tunnel a gre3 local $A remote 192.168.9.2 key 3
	at a ip fou add port 5555 ipproto 47
	# one that has nothing to do with UDP gets it as well
	for number in 2 3; do
		capture out a gre$number in
		inner 2000080000000001 "ip4 192.168.9.2 $A / udp 1111 5555 / \
			gre 200008000000000$number / $inside"
		[ "$(device_counter a gre$number rx_nested)" -eq 1 ]
		ipn a link change gre1 type "$KIND" inner-tunnel allow
		inner 2000080000000001 "ip4 192.168.9.2 $A / udp 1111 5555 / \
			gre 200008000000000$number / $inside"
		expect out "$inside"
		ipn a link change gre1 type "$KIND" inner-tunnel refuse
	done
	at a ip fou del port 5555
}

# the attack itself: a host with two tunnels sends what a stranger wants sent
test_ping_pong() {
	tunnel a gre1 local $A key 1
	tunnel a gre2 local $A key 2
	pk address a gre1 192.168.9.1/24 || fail "$PKT"
	pk address a gre2 192.168.8.1/24 || fail "$PKT"
	ipn a neigh add 192.168.8.66 lladdr $B dev gre2
	capture out b eth0 in
	inner 2000080000000001 \
		"ip4 8.8.8.8 $A / gre 2000080000000002 / \
		ip4 8.8.8.8 192.168.8.66 / $DATA"
	[ "$(device_counter a gre1 rx_nested)" -eq 1 ]
	# what is none is forwarded
	inner 2000080000000001 "ip4 8.8.8.8 192.168.8.66 / $DATA"
	expect out "ip4 $A $B id ? df 1 ttl ? / gre 2000080000000002 / \
		ip4 8.8.8.8 192.168.8.66 ttl 63 / $DATA"
	expect_no_more out 0800
}

# the source must be where the routes say
test_rpf() {
	tunnel a gre1 $ENDS inner-src rpf
	[[ $(link_show a gre1) == *'"inner_src":"rpf"'* ]]
	pk address a gre1 192.168.9.1/24 || fail "$PKT"
	ipn a route add 198.51.100.0/24 dev gre1
	capture out a gre1 in
	comes_out 00000800 "ip4 192.168.9.2 192.168.9.1 / $DATA"
	comes_out 00000800 "ip4 198.51.100.7 192.168.9.1 / $DATA"
	# on the wire, ourselves, nobody, a group, everybody
	does_not rx_spoofed 00000800 "ip4 10.10.10.77 192.168.9.1 / $DATA"
	does_not rx_spoofed 00000800 "ip4 192.168.9.1 192.168.9.1 / $DATA"
	does_not rx_spoofed 00000800 "ip4 203.0.113.1 192.168.9.1 / $DATA"
	does_not rx_spoofed 00000800 "ip4 224.0.0.5 192.168.9.1 / $DATA"
	does_not rx_spoofed 00000800 "ip4 255.255.255.255 192.168.9.1 / $DATA"
	does_not rx_spoofed 00000800 "ip4 127.0.0.1 192.168.9.1 / $DATA"
	# by a rule about what this machine sends itself
	ipn a <<-END
		route add 203.0.113.128/25 dev gre1 table 55
		rule add iif lo to 203.0.113.128/25 lookup 55
	END
	comes_out 00000800 "ip4 203.0.113.129 192.168.9.1 / $DATA"
	ipn a rule del iif lo to 203.0.113.128/25 lookup 55
	# payload that has none
	inner 000088b5 "text data"
	expect out "type 88b5 / text data"
	ipn a link change gre1 type "$KIND" inner-src any
	comes_out 00000800 "ip4 203.0.113.1 192.168.9.1 / $DATA"
	expect_no_more out 0800
}

test_rpf_ipv6() {
	has_ipv6 || skip "no IPv6"
	tunnel a gre1 $ENDS inner-src rpf
	ipn a addr add fd09::1/64 dev gre1 nodad
	ipn a route add fd98::/64 dev gre1
	capture out a gre1 in
	comes_out 000086dd "ip6 fd09::2 fd09::1 / $DATA"
	comes_out 000086dd "ip6 fd98::2 fd09::1 / $DATA"
	comes_out 000086dd "ip6 fe80::2 fd09::1 / $DATA"
	does_not rx_spoofed 000086dd "ip6 fd97::2 fd09::1 / $DATA"
	does_not rx_spoofed 000086dd "ip6 fd09::1 fd09::1 / $DATA"
	does_not rx_spoofed 000086dd "ip6 ff02::1 fd09::1 / $DATA"
	does_not rx_spoofed 000086dd "ip6 ::1 fd09::1 / $DATA"
}

# of several ways to the source any will do, but no worse route
test_rpf_multipath() {
	local number

	tunnel a gre1 $ENDS key 1 inner-src rpf
	tunnel a gre2 $ENDS key 2
	pk address a gre1 192.168.9.1/24 || fail "$PKT"
	ipn a <<-END
		route add 198.51.100.0/24 nexthop dev gre1 nexthop dev gre2
		route add 198.51.100.128/25 dev gre2
		nexthop add id 91 dev gre1
		nexthop add id 92 dev gre2
		nexthop add id 93 group 91/92
		route add 203.0.113.0/24 nhid 93
	END
	capture out a gre1 in
	for number in 1 2 3 4 5 6 7 8; do
		comes_out 2000080000000001 \
			"ip4 198.51.100.$number 192.168.9.1 / $DATA"
		comes_out 2000080000000001 \
			"ip4 203.0.113.$number 192.168.9.1 / $DATA"
	done
	does_not rx_spoofed 2000080000000001 \
		"ip4 198.51.100.129 192.168.9.1 / $DATA"
	expect_no_more out 0800
	has_ipv6 || return 0
	ipn a <<-END
		addr add fd09::1/64 dev gre1 nodad
		addr add fd0a::1/64 dev gre2 nodad
		route add fd98::/64 nexthop via fd09::2 dev gre1 \
			nexthop via fd0a::2 dev gre2
		route add fd98::8000:0:0:0/65 dev gre2
		route add fd97::/64 dev gre2 metric 10
		route add fd97::/64 dev gre1 metric 20
	END
	ipn a -6 nexthop add id 94 dev gre1
	ipn a -6 nexthop add id 95 dev gre2
	ipn a nexthop add id 96 group 94/95
	ipn a route add fd96::/64 nhid 96
	for number in 1 2 3 4 5 6 7 8; do
		comes_out 200086dd00000001 "ip6 fd98::$number fd09::1 / $DATA"
		comes_out 200086dd00000001 "ip6 fd96::$number fd09::1 / $DATA"
	done
	does_not rx_spoofed 200086dd00000001 \
		"ip6 fd98::8000:0:0:1 fd09::1 / $DATA"
	does_not rx_spoofed 200086dd00000001 "ip6 fd97::1 fd09::1 / $DATA"
	expect_no_more out 86dd
}

# in a VRF its routes count
test_rpf_vrf() {
	ipn a link add red group $GROUP up type vrf table 100 2>/dev/null ||
		skip "this kernel has no VRF"
	tunnel a gre1 $ENDS inner-src rpf
	ipn a link set gre1 master red
	pk address a gre1 192.168.9.1/24 || fail "$PKT"
	capture out a gre1 in
	comes_out 00000800 "ip4 192.168.9.2 192.168.9.1 / $DATA"
	does_not rx_spoofed 00000800 "ip4 10.10.10.77 192.168.9.1 / $DATA"
	expect_no_more out 0800
}

test_refused() {
	local words

	for words in "inner-src strict" "inner-tunnel on"; do
		if ipn a link add gre1 type "$KIND" $ENDS $words; then
			fail "taken: $words"
		fi
	done
	must_fail ipn a link add gre1 type "${KIND}tap" $ENDS inner-src rpf
}

netns_begin topology
ktap_main "$@"
