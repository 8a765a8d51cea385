#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Tunnels whose remote is a multicast group: one device, many far ends.
#
#	a, b, c: eth0 on one LAN, 10.10.10.1 to 10.10.10.3; lan is the switch
#	a, b: a second wire, 10.11.0.1 and 10.11.0.2

# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck disable=SC2086 # options are words
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

topology() {
	local name number=0

	ns_add a b c lan
	ipn lan link add br0 up type bridge mcast_snooping 0
	for name in a b c; do
		wire $name eth0 10.10.10.$((++number))/24 -- lan to_$name
		ipn lan link set to_$name master br0
	done
	wire_two
	kind_load gre
}

wire_two() {
	wire a eth1 10.11.0.1/24 -- b eth1 10.11.0.2/24
}

cleanup_each() {
	tunnels_del a b c
}

ALL=239.1.2.3
DATA="id 3 / udp 1000 2000 / text data"

# member NS DEV GROUP: has joined; outsider: has not. The kernel's list names a
# device, a colon, and then its groups, their bytes in reverse.
member() {
	local byte word hex='' dev='' last=''

	for byte in ${3//./ }; do
		printf -v hex '%02X%s' "$byte" "$hex"
	done
	pk read "$1" /proc/net/igmp || fail "$PKT"
	for word in $PKT; do
		[ "$word" != : ] || dev=$last
		[ "$dev $word" != "$2 $hex" ] || return 0
		last=$word
	done
	return 1
}

outsider() {
	! member "$@"
}

must_be() {
	"$@" || fail "not $*: $PKT"
}

# members KIND-OF-A KIND-OF-B KIND-OF-C: one tunnel each, all in one group.
members() {
	local name number=0 kind

	for name in a b c; do
		kind=$1
		shift
		tunnel_of "$kind" $name grp local 10.10.10.$((++number)) \
			remote $ALL ttl 8 key 9
		ipn $name route add 192.168.9.255/32 dev grp
	done
}

# hears_from NS OTHER OTHER: what one sends reaches both others, once, and
# does not come back.
hears_from() {
	local sender=$1 name packet number outer

	number=$(($(printf '%d' "'$sender") - 96))
	packet="ip4 192.168.9.$number 192.168.9.255 $DATA"
	for name in a b c; do
		capture $name $name grp in
	done
	capture wire "$sender" eth0 out
	send_ip "$sender" "$packet"
	outer="ip4 10.10.10.$number $ALL ttl 8 df 1 id ? / gre 20000800 00000009"
	expect wire "$outer / $packet"
	expect_none wire "$outer / $packet"
	shift
	for name in "$@"; do
		expect "$name" "$packet"
		expect_no_more "$name"
	done
	expect_no_more "$sender"
}

# the group is joined where the way to it leads, while the tunnel is up
test_join() {
	must_be outsider a eth0 $ALL
	ipn a link add grp group $GROUP type "$KIND" \
		local 10.10.10.1 remote $ALL
	must_be outsider a eth0 $ALL
	ipn a link set grp up
	must_be member a eth0 $ALL
	must_be outsider a eth1 $ALL
	ipn a link set grp down
	must_be outsider a eth0 $ALL
	ipn a link set grp up
	must_be member a eth0 $ALL
	ipn a link del grp
	must_be outsider a eth0 $ALL

	# bound to a device, it is there that it joins
	tunnel a grp local 10.10.10.1 remote $ALL dev eth1
	must_be member a eth1 $ALL
	must_be outsider a eth0 $ALL
	# two tunnels are one membership, until both are gone
	tunnel a two local 10.10.10.1 remote $ALL dev eth1 key 2
	ipn a link del grp
	must_be member a eth1 $ALL
	ipn a link del two
	must_be outsider a eth1 $ALL
}

# without a way to the group the tunnel does not go up
test_no_way() {
	ipn a link add grp group $GROUP type "$KIND" \
		local 10.99.0.1 remote $ALL
	must_fail ipn a link set grp up
	[[ $(ipn a link show grp) != *"<"*UP*">"* ]] || fail "it is up"
	ipn a address add 10.99.0.1/32 dev eth1
	ipn a link set grp up
	must_be member a eth1 $ALL
	ipn a link del grp
	ipn a address del 10.99.0.1/32 dev eth1
}

# each of three members hears the others
test_three() {
	members "$KIND" "$KIND" "$KIND"
	hears_from a b c
	hears_from b a c
	hears_from c a b
}

# the kernel's gre among them, as most and as one of them
test_interop() {
	local kinds

	for kinds in "$KIND gre gre" "gre $KIND $KIND"; do
		members $kinds
		hears_from a b c
		hears_from c a b
		tunnels_del a b c
	done
}

# what we sent and the underlay hands back is counted, and no error
test_own() {
	local before after

	needs_mygre "the counter rx_own"
	members "$KIND" "$KIND" "$KIND"
	# Only what leaves from a queue comes back: the kernel does not loop
	# packets of a device that is itself called by the stack.
	at a tc qdisc add dev grp root pfifo
	before=$(errors a grp)
	hears_from a b c
	hears_from a b c
	[ "$(device_counter a grp rx_own)" -eq 2 ] ||
		fail "rx_own is $(device_counter a grp rx_own)"
	after=$(errors a grp)
	[ "$before" = "$after" ] || fail "errors: $before became $after"
	# what comes in by the wire under our address is not our own
	[ "$(device_counter b grp rx_own)" -eq 0 ] || fail "b counts rx_own"
}

# errors NS DEV: all counters of a device but those of what went well.
errors() {
	ipn "$1" -s -j link show "$2" | grep -o '"[a-z_]*":[0-9]*' |
		grep -E 'errors|dropped|multicast' | tr '\n' ' '
}

# the second wire, with the group on it
two() {
	tunnel a two local 10.11.0.1 remote $ALL
	tunnel b two local 10.11.0.2 remote $ALL
}

two_works() {
	local packet="ip4 192.168.8.1 192.168.8.255 $DATA"

	capture two b two in
	send_dev a two "$packet"
	expect two "$packet"
	capture two a two in
	send_dev b two "$packet"
	expect two "$packet"
}

# the underlay is deleted and comes back: joined again, on the new device
test_underlay_again() {
	local before after

	two
	two_works
	before=$(ipn a -o link show eth1)
	ipn a link del eth1
	must_be outsider a eth0 $ALL
	must_be outsider b eth0 $ALL
	# something else, so that the new device has another number
	ipn a link add other type bridge
	wire_two
	after=$(ipn a -o link show eth1)
	[ "${before%%:*}" != "${after%%:*}" ] || fail "the same device number"
	must_be member a eth1 $ALL
	must_be member b eth1 $ALL
	two_works
	ipn a link del other
}

# address and route go and come back, and so does the link
test_address_again() {
	two
	ipn a <<-END
		address del 10.11.0.1/24 dev eth1
		address add 10.11.0.1/24 dev eth1
	END
	two_works
	ipn a link set eth1 down
	must_fail ipn a route get $ALL from 10.11.0.1 oif eth1
	ipn a link set eth1 up
	member_again() {
		member a eth1 $ALL && member b eth1 $ALL
	}
	wait_for member_again
	wait_for ipn b route get 10.11.0.1
	two_works
}

# another group, on a device that is up: the old one is left
test_change() {
	local other=239.7.7.7

	needs_mygre "a change that merges"
	members "$KIND" "$KIND" "$KIND"
	hears_from a b c
	# ip_gre does not know that its own device is one of these
	tunnel_of gre c theirs local 10.10.10.3 remote $ALL key 10
	must_fail ipn c link change theirs type gre remote $other
	ipn a link change grp type "$KIND" remote $other
	must_be outsider a eth0 $ALL
	must_be member a eth0 $other
	# alone now
	capture wire a eth0 out
	capture b b grp in
	send_dev a grp "ip4 1.1.1.1 2.2.2.2 $DATA"
	expect wire "ip4 10.10.10.1 $other ttl 8 df 1 id ? / gre 20000800 00000009 /
		ip4 1.1.1.1 2.2.2.2 $DATA"
	expect_no_more b
	ipn b link change grp type "$KIND" remote $other
	must_be member b eth0 $other
	send_dev a grp "ip4 1.1.1.1 2.2.2.2 $DATA"
	expect b "ip4 1.1.1.1 2.2.2.2 $DATA"
	# while it is down nothing is joined
	ipn b <<-END
		link set grp down
		link change grp type $KIND remote $ALL
	END
	must_be outsider b eth0 $ALL
	must_be outsider b eth0 $other
	ipn b link set grp up
	must_be member b eth0 $ALL
}

# another underlay, on a device that is up: so is the membership
test_change_underlay() {
	needs_mygre "a change that merges"
	tunnel a grp local 10.10.10.1 remote $ALL ttl 8 key 9
	tunnel b two local 10.11.0.2 remote $ALL ttl 8 key 9
	must_be member a eth0 $ALL
	ipn a link change grp type "$KIND" local 10.11.0.1
	must_be member a eth1 $ALL
	must_be outsider a eth0 $ALL
	capture two b two in
	send_dev a grp "ip4 1.1.1.1 2.2.2.2 $DATA"
	expect two "ip4 1.1.1.1 2.2.2.2 $DATA"
	ipn a link change grp type "$KIND" dev eth0
	must_be member a eth0 $ALL
	must_be outsider a eth1 $ALL
	# a change of something else does not leave, not even for a moment: the
	# record of a report that says so has type 3
	capture wire a eth0 out
	ipn a link change grp type "$KIND" ttl 9
	send_dev a grp "ip4 1.1.1.1 2.2.2.2 $DATA"
	expect wire "ip4 10.11.0.1 $ALL ttl 9 df 1 id ? / gre 20000800 00000009 /
		ip4 1.1.1.1 2.2.2.2 $DATA"
	leave_seen() {
		pk list wire 0800
		[[ $PKT == *0103000000"$(printf '%02x' 239 1 2 3)"* ]]
	}
	must_fail leave_seen
}

# toggle: microseconds that a device takes to go down and up, many times
toggle() {
	local i start=${EPOCHREALTIME/[.,]/}

	for ((i = 0; i < 300; i++)); do
		echo "link set other down"
		echo "link set other up"
	done | ipn a
	echo $((${EPOCHREALTIME/[.,]/} - start))
}

# by the bytes alone: to read a long list takes long
is_member_of_last() {
	pk read a /proc/net/igmp || fail "$PKT"
	[[ $PKT == *" F90302EF "* ]]
}

# a thousand tunnels do not make the coming and going of other devices slow
test_many() {
	local few many i

	ipn a link add other type bridge
	few=$(toggle)
	for ((i = 0; i < 1000; i++)); do
		echo "link add grp$i up type $KIND local 10.10.10.1" \
			"remote 239.2.$((i / 250)).$((i % 250)) key $i"
	done | ipn a
	must_be is_member_of_last
	many=$(toggle)
	echo "$few and $many us"
	ipn a link del other
	[ "$KIND" = gre ] || [ $many -lt $((2 * few)) ]
	# and all are members again when the way to their groups has changed
	ipn a link set eth0 down
	ipn a link set eth0 up
	wait_for is_member_of_last
}

# Ethernet to a group: a LAN of its own, ARP included
test_tap() {
	local tap=${KIND}tap name number=0

	for name in a b c; do
		tunnel_of "$tap" $name grp local 10.10.10.$((++number)) \
			remote $ALL key 5
		pk address $name grp 192.168.7.$number/24 || fail "$PKT"
	done
	capture wire a eth0 out
	at a ping -q -n -c 1 -W 10 192.168.7.2
	at a ping -q -n -c 1 -W 10 192.168.7.3
	at c ping -q -n -c 1 -W 10 192.168.7.2
	# to everybody, whatever the Ethernet address inside
	pk list wire 0800
	[[ $PKT == *ef010203200065580000000"5"* ]] || fail "on the wire: $PKT"
}

netns_begin topology
ktap_main "$@"
