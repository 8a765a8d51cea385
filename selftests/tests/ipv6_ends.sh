#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Ends of a tunnel over IPv6: link-local ones, groups, none at all (multipoint),
# ends that change, in another namespace or VRF, and those of ip6_gre's tunnels.
#
#	a, b, c: eth0 on one LAN, fd10::1 to fd10::3; lan is the switch
#	a, b: a second wire, fd11::1 and fd11::2
#
# On both, fe80::1 to fe80::3 as well.

# long: space vrf group_change
# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck disable=SC2086 # options are words
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

PACKET=$MYGRE_DIR/selftests/helpers/packet

topology() {
	local name number=0

	ns_add a b c e lan
	ns6 a b c e
	ns6_quiet a b c e
	ipn lan link add br0 up type bridge mcast_snooping 0
	for name in a b c; do
		number=$((number + 1))
		wire $name eth0 fd10::$number/64 fe80::$number/64 -- lan to_$name
		ipn lan link set to_$name master br0
		pk_set $name 0 ipv6/auto_flowlabels
	done
	wire a eth1 fd11::1/64 fe80::1/64 -- b eth1 fd11::2/64 fe80::2/64
}

setup_each() {
	log_mark
}

cleanup_each() {
	tunnels_del a b c e
	# a device that goes to another VRF loses its addresses
	ipn b address flush dev eth0 to fd12::/64
	ipn a <<-END
		address replace fd10::1/64 dev eth0 nodad
		address replace fe80::1/64 dev eth0 nodad
		address replace fd11::1/64 dev eth1 nodad
		address replace fe80::1/64 dev eth1 nodad
	END
	# ip6gre writes a line about each end that it does not like
	[ "$KIND" != mygre ] || log_expect_nothing
}

ENDS="local fd10::1 remote fd10::2"
AWAY="local fd10::2 remote fd10::1"
DATA="id 3 / udp 1000 2000 / text data"
ONE="ip4 1.1.1.1 2.2.2.2 $DATA"
TWO="ip6 fd00::2 fd00::1 / udp 1 2 / text data"

# talks DEV WIRE LOCAL REMOTE [KEY]: what goes into DEV of a leaves by that wire
# between these ends, and what b sends there the other way comes out of DEV.
talks() {
	local gre4="gre 00000800" gre6="gre 000086dd"

	if [ -n "${5:-}" ]; then
		printf -v gre4 'gre 20000800 %08x' $5
		printf -v gre6 'gre 200086dd %08x' $5
	fi
	capture wire a $2 out
	capture in ${SPACE:-a} $1 in
	send_dev ${SPACE:-a} $1 "$ONE"
	expect wire "ip6 $3 $4 / limit 4 / $gre4 / $ONE"
	expect_no_more wire 86dd
	send_raw b $2 a $2 "ip6 $4 $3 / $gre6 / $TWO"
	expect in "$TWO"
	expect_no_more in
}

# link-local ends belong to a wire: two tunnels with the same ones
test_link_local() {
	tunnel a t0 local fe80::1 remote fe80::2 dev eth0
	tunnel a t1 local fe80::1 remote fe80::2 dev eth1
	talks t0 eth0 fe80::1 fe80::2
	talks t1 eth1 fe80::1 fe80::2
	# with two real ends
	tunnel b t0 local fe80::2 remote fe80::1 dev eth0
	pk address a t0 192.168.9.1/24
	pk address b t0 192.168.9.2/24
	at a ping -q -n -c 2 -i 0.01 -W 10 192.168.9.2
}

# without local the route chooses the source, with dev the way
test_source() {
	needs_mygre "sending without a local address"
	tunnel a t0 remote fd10::2
	talks t0 eth0 fd10::1 fd10::2
	ipn a route add fd10::2/128 via fd11::2 dev eth1
	talks t0 eth1 fd11::1 fd10::2
	ipn a route del fd10::2/128 via fd11::2 dev eth1
	ipn a link del t0
	tunnel a t0 remote fe80::2 dev eth1
	talks t0 eth1 fe80::1 fe80::2
}

# both ends and the key of a tunnel that is up
test_change() {
	tunnel a t0 $ENDS key 7
	talks t0 eth0 fd10::1 fd10::2 7
	ipn a link change t0 type $KIND remote fd10::3
	ipn a address add fd10::33/64 dev eth0 nodad
	ipn a link change t0 type $KIND local fd10::33 key 8
	ipn a link change t0 type $KIND remote fd10::2
	talks t0 eth0 fd10::33 fd10::2 8
	ipn a link change t0 type $KIND local fd11::1 remote fd11::2 nokey
	talks t0 eth1 fd11::1 fd11::2
	ipn a address del fd10::33/64 dev eth0
	[[ $(ipn a link show t0) == *"fd11::1 peer fd11::2"* ]] ||
		fail "$(ipn a link show t0)"
}

# a device that moves to another namespace leaves its underlay where it was
test_space() {
	tunnel a t0 $ENDS key 7
	ipn a link set t0 netns "e$NS_TAG"
	ipn e link set t0 up group $GROUP
	SPACE=e talks t0 eth0 fd10::1 fd10::2 7
	ipn e link set t0 netns "a$NS_TAG"
	ipn a link set t0 up
	talks t0 eth0 fd10::1 fd10::2 7
}

# the wires in two VRFs, the same ends in both
test_vrf() {
	needs_mygre "a tunnel that is in a VRF and in no other"
	ipn a <<-END
		link add red up group $GROUP type vrf table 10
		link add blue up group $GROUP type vrf table 20
		link set eth0 master red
		link set eth1 master blue
		address add fd10::1/64 dev eth0 nodad
		address add fd12::1/64 dev eth0 nodad
		address add fd12::1/64 dev eth1 nodad
		address add fe80::1/64 dev eth0 nodad
		address add fe80::1/64 dev eth1 nodad
	END
	ipn b <<-END
		address add fd12::2/64 dev eth0 nodad
	END
	ipn a neigh add fd12::2 dev eth1 lladdr 02:00:00:00:00:77
	tunnel a t0 local fd12::1 remote fd12::2 dev eth0
	tunnel a t1 local fd12::1 remote fd12::2 dev eth1
	talks t0 eth0 fd12::1 fd12::2
	talks t1 eth1 fd12::1 fd12::2
	# one that is bound to the VRF itself
	tunnel a t2 local fd12::1 remote fd12::2 dev blue key 2
	talks t2 eth1 fd12::1 fd12::2 2
	# one that is bound to nothing takes from every VRF
	ipn a link set t1 down
	tunnel a t3 local fd12::1 remote fd12::2
	capture t3 a t3 in
	capture t0 a t0 in
	send_raw b eth1 a eth1 "ip6 fd12::2 fd12::1 / gre 000086dd / $TWO"
	expect t3 "$TWO"
	talks t2 eth1 fd12::1 fd12::2 2
	expect_no_more t0
	expect_no_more t3
}

# --- groups -----------------------------------------------------------------

ALL=ff05::1:3

# member NS DEV ADDRESS: has joined.
member() {
	[[ $(ipn $1 -6 maddress show dev $2) == *"inet6 $3"* ]]
}

# one device, many far ends; what one sends reaches the others, once
test_group() {
	local name other number=0 packet

	needs_mygre "being a member of the group"
	for name in a b c; do
		number=$((number + 1))
		tunnel $name grp local fd10::$number remote $ALL dev eth0 \
			ttl 8 key 9
		member $name eth0 $ALL || fail "$name is no member"
	done
	for name in a b; do
		[ $name = a ] && number=1 || number=2
		packet="ip4 192.168.9.$number 192.168.9.255 $DATA"
		capture wire $name eth0 out
		for other in a b c; do
			capture $other $other grp in
		done
		send_dev $name grp "$packet"
		expect wire "ip6 fd10::$number $ALL hop 8 / limit 4 /
			gre 20000800 00000009 / $packet"
		for other in a b c; do
			[ $other = $name ] || expect $other "$packet"
			expect_no_more $other
		done
	done
	ipn a link set grp down
	! member a eth0 $ALL || fail "still a member"
	ipn a link set grp up
	member a eth0 $ALL || fail "no member again"
	ipn a link del grp
	! member a eth0 $ALL || fail "still a member"
}

# a change of the group, and of what it is on
test_group_change() {
	needs_mygre "being a member of the group"
	tunnel a grp local fd10::1 remote $ALL dev eth0
	ipn a link change grp type $KIND remote ff05::1:4
	member a eth0 ff05::1:4 || fail "not in the new one"
	! member a eth0 $ALL || fail "in the old one"
	ipn a link change grp type $KIND local fd11::1 dev eth1
	member a eth1 ff05::1:4 || fail "not on the new wire"
	! member a eth0 ff05::1:4 || fail "on the old one"
}

# a wire too narrow for IPv6 forgets all that it had of it; then it is wide again
test_group_mtu() {
	needs_mygre "being a member of the group"
	tunnel a grp local fd10::1 remote $ALL dev eth0
	tunnel a other local fd10::1 remote $ALL dev eth0 key 2
	member a eth0 $ALL
	ipn a link set eth0 mtu 1200
	! member a eth0 $ALL || fail "a member without IPv6"
	ipn a link set eth0 mtu 1500
	pk address a eth0 fd10::1/64 || fail "$PKT"
	wait_for member a eth0 $ALL
	# each is a member for itself
	ipn a link set grp down
	member a eth0 $ALL
	ipn a link set other down
	! member a eth0 $ALL || fail "still a member"
}

# the device goes, and another that has been there all the time is the way
test_group_other() {
	needs_mygre "being a member of the group"
	ipn a link add other up type bridge
	ipn a -6 route add $ALL/128 dev other metric 5 table local
	ipn a -6 route add $ALL/128 dev eth1 metric 10 table local
	tunnel a grp local fd10::1 remote $ALL
	member a other $ALL
	ipn a link del other
	wait_for member a eth1 $ALL
	ipn a -6 route del $ALL/128 dev eth1 table local
}

# --- multipoint -------------------------------------------------------------

# lladdr ADDRESS: its bytes, as ip wants them; digits ADDRESS: without colons.
digits() {
	pk hex "ip6 $1 $1" || fail "$PKT"
	echo "${PKT:16:32}"
}

lladdr() {
	digits $1 | sed 's/../:&/g; s/^://'
}

multipoint() {
	needs_mygre "a multipoint tunnel over IPv6 that works"
	tunnel a mp local fd10::1 ttl 64 key 7
	pk address a mp 192.168.9.1/24 || fail "$PKT"
	pk address a mp fd09::1/64 || fail "$PKT"
	capture wire a eth0 out
}

# to REMOTE PACKET: it went out to that far end.
to() {
	local type=0800

	[[ $2 != ip6* ]] || type=86dd
	expect wire "ip6 fd10::1 $1 / limit 4 / gre 2000$type 00000007 / $2"
	expect_no_more wire 86dd
}

# the neighbour's link-layer address is the far end, for IPv4 and for IPv6
test_neighbour() {
	local packet number

	multipoint
	ipn a <<-END
		neigh replace 192.168.9.2 lladdr $(lladdr fd10::2) dev mp
		neigh replace 192.168.9.3 lladdr $(lladdr fd10::3) dev mp
		neigh replace fd09::2 lladdr $(lladdr fd10::2) dev mp
		neigh replace fd09::3 lladdr $(lladdr fd10::3) dev mp
		route add 192.168.19.0/24 via 192.168.9.3 dev mp
		route add fd19::/64 via fd09::3 dev mp
	END
	for number in 2 3; do
		packet="ip4 192.168.9.1 192.168.9.$number $DATA"
		send_ip a "$packet"
		to fd10::$number "$packet"
		packet="ip6 fd09::1 fd09::$number / udp 1 2 / text six"
		send_ip a "$packet"
		to fd10::$number "$packet"
	done
	packet="ip4 192.168.9.1 192.168.19.9 $DATA"
	send_ip a "$packet"
	to fd10::3 "$packet"
	packet="ip6 fd09::1 fd19::7 / udp 1 2 / text six"
	send_ip a "$packet"
	to fd10::3 "$packet"
	# it moves, and the next packet follows
	ipn a neigh replace 192.168.9.2 lladdr "$(lladdr fd10::3)" dev mp
	packet="ip4 192.168.9.1 192.168.9.2 $DATA"
	send_ip a "$packet"
	to fd10::3 "$packet"
	[[ $(ipn a neigh show 192.168.9.2 dev mp) == *" fd10::3 "* ]] ||
		fail "$(ipn a neigh show dev mp)"
}

# far ends that are ordinary tunnels, both ways
test_multipoint_both() {
	local name number=1

	multipoint
	for name in b c; do
		number=$((number + 1))
		tunnel $name t0 local fd10::$number remote fd10::1 key 7
		pk address $name t0 192.168.9.$number/24
		ipn a neigh replace 192.168.9.$number dev mp \
			lladdr "$(lladdr fd10::$number)"
	done
	at a ping -q -n -c 2 -i 0.01 -W 10 192.168.9.2
	at a ping -q -n -c 2 -i 0.01 -W 10 192.168.9.3
	at c ping -q -n -c 2 -i 0.01 -W 10 -s 3000 192.168.9.1
}

# a packet socket names the far end, and is told who has sent
test_packet_socket() {
	multipoint
	at a "$PACKET" send mp 2001 "$(digits fd10::3)" 0001020304
	expect wire "ip6 fd10::1 fd10::3 / limit 4 / gre 20002001 00000007 /
		0001020304"
	# The source is in the header alone, for most who ask for an address have
	# room for eight bytes.
	start a "$PACKET" show mp in 1 raw >"$NETNS_TMP/heard"
	wait_for grep -q ready "$NETNS_TMP/heard"
	send_raw c eth0 a eth0 "ip6 fd10::3 fd10::1 / gre 20002001 00000007 /
		010203"
	wait "$STARTED"
	cat "$NETNS_TMP/heard"
	grep -qx "2001 - 6.*$(digits fd10::3)$(digits fd10::1)2000200100000007010203" \
		"$NETNS_TMP/heard"
	# nobody
	at a "$PACKET" send mp 2001 "$(digits ::)" 0001020304
	[ "$(device_counter a mp tx_no_remote)" -eq 1 ] ||
		fail "$(at a ethtool -S mp)"
	expect_no_more wire 86dd
}

# a firewall that logs asks for the source, and has room for eight bytes of it
test_nflog() {
	multipoint
	nflog_start a mp
	send_raw c eth0 a eth0 "ip6 fd10::3 fd10::1 / gre 20000800 00000007 /
		ip4 2.2.2.2 1.1.1.1 / udp 1 2"
	nflog_expect a '2.2.2.2.1 > 1.1.1.1.2'
}

# in UDP the header that senders write is a longer one
test_udp() {
	local packet="ip4 192.168.9.1 192.168.9.2 / udp 1 2 / text data" limit

	needs_mygre "a multipoint tunnel in UDP that works"
	for limit in none 4; do
		tunnel a mp local fd10::1 ttl 64 key 7 encap udp csum off \
			encaplimit $limit
		pk address a mp 192.168.9.1/24 || fail "$PKT"
		ipn a neigh add 192.168.9.2 lladdr "$(lladdr fd10::2)" dev mp
		capture wire a eth0 out
		send_ip a "$packet"
		[ $limit = none ] || limit="next 60 / limit 4 /"
		expect wire "ip6 fd10::1 fd10::2 flow ? ${limit/none/next 17 /}
			udp ? 4754 / gre 20000800 00000007 / $packet"
		tunnels_del a
	done
}

# multicast goes to each permanent neighbour, once
test_multicast() {
	local hello="ip4 192.168.9.1 224.0.0.5 ttl 1 id 3 proto 89 / text hello"
	local number

	multipoint
	ipn a <<-END
		neigh add 192.168.9.2 lladdr $(lladdr fd10::2) dev mp
		neigh add 192.168.9.3 lladdr $(lladdr fd10::3) dev mp
		neigh add 192.168.9.33 lladdr $(lladdr fd10::3) dev mp
	END
	at a "$PACKET" send mp 0800 "$(digits ::)" \
		"$(pk hex "$hello" && echo "$PKT")"
	for number in 2 3; do
		expect wire "ip6 fd10::1 fd10::$number / limit 4 /
			gre 20000800 00000007 / $hello"
	done
	expect_no_more wire 86dd
}

# --- ip6_gre beside mygre ---------------------------------------------------

# fresh MODULE...: load just these, in this order.
fresh() {
	local module

	needs_mygre "coexistence"
	needs_own_kernel
	for module in mygre ip6_gre ip_gre; do
		! module_loaded $module || rmmod $module
	done
	for module in "$@"; do
		kind_load $module
	done
}

# beside KIND KEY: a tunnel of this kind between a and b; carries KIND.
beside() {
	tunnel_of $1 a $1 $ENDS key $2
	tunnel_of $1 b $1 $AWAY key $2
}

carries() {
	capture far b $1 in
	capture near a $1 in
	send_dev a $1 "$ONE"
	expect far "$ONE"
	send_dev b $1 "$TWO"
	expect near "$TWO"
	expect_no_more far
	expect_no_more near
}

# whichever was there first, each kind takes its own and no more
test_coexist() {
	local first second

	for first in mygre ip6gre; do
		second=mygre
		[ $first != mygre ] || second=ip6gre
		fresh $first $second
		beside ip6gre 1
		beside mygre 2
		carries mygre
		carries ip6gre
		tunnels_del a b
	done
}

# without mygre, ip6_gre is as it was; while mygre is there, it cannot go
test_unload() {
	fresh ip6gre mygre
	beside ip6gre 1
	carries ip6gre
	must_fail rmmod ip6_gre
	rmmod mygre
	carries ip6gre
	rmmod ip6_gre
	kind_load mygre
	beside mygre 2
	carries mygre
}

# who sends to no tunnel of ours hears so: from ip6_gre if that is there, or us
test_no_tunnel() {
	fresh ip6gre mygre
	hears_no_tunnel
}

test_no_tunnel_alone() {
	fresh mygre
	hears_no_tunnel
}

hears_no_tunnel() {
	beside mygre 2
	pk_set a 0 ipv6/icmp/ratelimit
	capture heard b eth0 in
	send_raw b eth0 a eth0 "ip6 fd10::2 fd10::1 / gre 20000800 00000009 / $ONE"
	expect heard "ip6 fd10::1 fd10::2 tc ? flow ? / icmp6 1 4 00000000 /
		ip6 fd10::2 fd10::1 / gre 20000800 00000009 / $ONE"
	carries mygre
}

netns_begin topology
ktap_main "$@"
