#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The tunnel that swallows itself: the route to its remote endpoint leads into
# it, as when a routing protocol on the tunnel announces the public network.
# The packets are dropped and counted, one line is logged, nothing hangs, and
# traffic flows again as soon as the route is right.

# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

# b has two addresses that a tunnel can end at, behind its wire.
topology() {
	local nest=

	[ "$KIND" != mygre ] || nest="inner-tunnel allow"
	ns_add a b
	wire a eth0 10.10.10.10/24 -- b eth0 10.10.10.11/24
	pk address b lo 10.20.0.2/32
	pk address b lo 10.30.0.2/32
	ipn a <<-END
		route add 10.20.0.2/32 via 10.10.10.11
		route add 10.30.0.2/32 via 10.10.10.11
	END
	tunnel a gre1 local 10.10.10.10 remote 10.20.0.2 ttl 64
	# shellcheck disable=SC2086 # words
	tunnel b gre1 local 10.20.0.2 remote 10.10.10.10 ttl 64 $nest
	tunnel a gre2 local 10.10.10.10 remote 10.30.0.2 ttl 64
	tunnel b gre2 local 10.30.0.2 remote 10.10.10.10 ttl 64
	pk address a gre1 192.168.1.1/24
	pk address b gre1 192.168.1.2/24
	pk address a gre2 192.168.2.1/24
	pk address b gre2 192.168.2.2/24
}

# flows N: a packet through gre N arrives.
flows() {
	local packet="ip4 192.168.$1.1 192.168.$1.2 / udp 1 2 / text flows"

	capture far b "gre$1" in
	send_ip a "$packet"
	expect far "$packet"
}

# lost N COUNT: so many packets into gre N.
lost() {
	local i

	for ((i = 0; i < $2; i++)); do
		send_ip a "ip4 192.168.$1.1 192.168.$1.2 / udp 1 2 / text lost"
	done
}

# A counter as `ip -s -d -j link` has it.
link_counter() {
	local show

	show=$(ipn "$1" -s -d -j link show "$2")
	[[ $show =~ \"$3\":\ *([0-9]+) ]] || fail "no $3 in $show"
	echo "${BASH_REMATCH[1]}"
}

# expect_loops NUMBER: tx_loop of gre1 has this value, as ethtool and ip say.
expect_loops() {
	local count

	count=$(device_counter a gre1 tx_loop)
	[ "$count" = "$1" ] || fail "tx_loop is $count, not $1"
	count=$(link_counter a gre1 tx_loop)
	[ "$count" = "$1" ] || fail "ip -s -d link: tx_loop is $count, not $1"
}

# the remote endpoint is routed into the tunnel, and back
test_loop() {
	local packet="ip4 192.168.1.1 192.168.1.2 / udp 1 2 / text lost"
	local before

	needs_mygre tx_loop
	flows 1
	before=$(device_counter a gre1 tx_loop)
	ipn a route replace 10.20.0.2/32 dev gre1 proto ospf
	log_mark
	capture wire a eth0
	capture far b gre1 in
	lost 1 50
	expect_loops $((before + 50))
	expect_no_more wire 0800
	expect_none far "$packet"
	pk log 'gre1.*10\.20\.0\.2' || fail "$PKT"
	[[ $PKT == "1 lines"* ]] || fail "one line was wanted: $PKT"
	pk log . || fail "$PKT"
	[[ $PKT == "0 lines"* ]] || fail "also in the kernel log: $PKT"
	ipn a route replace 10.20.0.2/32 via 10.10.10.11
	flows 1
	expect_loops $((before + 50))
}

# the same while it is the default route that leads into the tunnel
test_default_route() {
	local before

	needs_mygre tx_loop
	before=$(device_counter a gre1 tx_loop)
	ipn a <<-END
		route del 10.20.0.2/32 via 10.10.10.11
		route add default dev gre1
	END
	lost 1 5
	expect_loops $((before + 5))
	ipn a <<-END
		route del default
		route add 10.20.0.2/32 via 10.10.10.11
	END
	flows 1
	expect_loops $((before + 5))
}

# two tunnels, each routed through the other
test_mutual() {
	local one two before

	needs_mygre tx_loop
	before=$(($(device_counter a gre1 tx_loop) +
		$(device_counter a gre2 tx_loop)))
	flows 1
	flows 2
	ipn a <<-END
		route replace 10.20.0.2/32 dev gre2
		route replace 10.30.0.2/32 dev gre1
	END
	log_mark
	capture wire a eth0
	lost 1 20
	lost 2 20
	expect_no_more wire 0800
	one=$(device_counter a gre1 tx_loop)
	two=$(device_counter a gre2 tx_loop)
	[ $((one + two - before)) -eq 40 ] ||
		fail "tx_loop of both was $before, is now $one and $two: not 40 more"
	# our own line, not the one that the core has for devices gone wild
	pk log 'Dead loop|BUG|WARNING|stack' || fail "$PKT"
	[[ $PKT == "0 lines"* ]] || fail "kernel log: $PKT"
	ipn a <<-END
		route replace 10.20.0.2/32 via 10.10.10.11
		route replace 10.30.0.2/32 via 10.10.10.11
	END
	flows 1
	flows 2
}

# what comes from the far end of another tunnel
test_forwarded() {
	local before i

	needs_mygre tx_loop
	# it says so once in a minute, and has in the cases before
	ipn a link del gre1
	tunnel a gre1 local 10.10.10.10 remote 10.20.0.2 ttl 64
	pk address a gre1 192.168.1.1/24
	ns_forward a
	ipn a <<-END
		route replace 10.20.0.2/32 dev gre1
		route add 172.16.0.0/16 dev gre1
	END
	log_mark
	before=$(device_counter a gre1 tx_loop)
	for ((i = 0; i < 20; i++)); do
		send_dev b gre2 "ip4 192.168.2.2 172.16.0.1 / udp 1 2 / text lost"
	done
	expect_loops $((before + 20))
	pk log 'gre1.*10\.20\.0\.2' || fail "$PKT"
	[[ $PKT == "1 lines"* ]] || fail "one line was wanted: $PKT"
	pk log . || fail "$PKT"
	[[ $PKT == "0 lines"* ]] || fail "also in the kernel log: $PKT"
	ipn a <<-END
		route del 172.16.0.0/16 dev gre1
		route replace 10.20.0.2/32 via 10.10.10.11
	END
	flows 1
}

# ports of a bond that sends everything to each of them, and through which the
# way to both of their far ends leads
test_bond() {
	local name

	needs_mygre tx_loop
	modprobe bonding max_bonds=0
	ipn a link add bond0 group "$GROUP" type bond mode broadcast
	for name in tap1 tap2; do
		ipn a <<-END
			link add $name group $GROUP type ${KIND}tap local 10.40.0.1 remote 10.40.0.2 key ${name#tap}
			link set $name master bond0
		END
	done
	ipn a link set bond0 up
	pk address a bond0 10.40.0.1/24 || fail "$PKT"
	ipn a neigh add 10.40.0.2 lladdr 02:00:00:00:40:02 dev bond0
	for _ in 1 2 3; do
		send_ip a "ip4 10.40.0.1 10.40.0.2 / udp 1 2 / text lost"
	done
	for name in tap1 tap2; do
		[ "$(device_counter a "$name" tx_loop)" -gt 0 ] ||
			fail "$(at a ethtool -S "$name")"
	done
	ipn a <<-END
		link del bond0
		link del tap1
		link del tap2
	END
	flows 1
}

# a tunnel in a tunnel is no loop: two outer headers, one inside the other
test_nested() {
	local packet="ip4 192.168.2.1 192.168.2.2 / udp 1 2 / text nested" before

	[ "$KIND" != mygre ] || before=$(device_counter a gre2 tx_loop)
	ipn a route replace 10.30.0.2/32 dev gre1
	ipn b route add 10.10.10.10/32 dev eth0
	capture wire a eth0
	capture far b gre2 in
	send_ip a "$packet"
	expect wire "ip4 10.10.10.10 10.20.0.2 ttl 64 df 1 id ? / gre 00000800 /
		ip4 10.10.10.10 10.30.0.2 ttl 64 df 1 id ? / gre 00000800 / $packet"
	expect far "$packet"
	[ "$KIND" != mygre ] || [ "$(device_counter a gre2 tx_loop)" = "$before" ] ||
		fail "counted as a loop"
	ipn a route replace 10.30.0.2/32 via 10.10.10.11
	ipn b route del 10.10.10.10/32 dev eth0
}

# a loop leaves nothing behind: the tunnel can go while its route is wrong
test_delete() {
	needs_mygre tx_loop
	ipn a route replace 10.20.0.2/32 dev gre1
	lost 1 3
	ipn a link del gre1	# and the wrong route with it
	ipn a route add 10.20.0.2/32 via 10.10.10.11
	tunnel a gre1 local 10.10.10.10 remote 10.20.0.2 ttl 64
	pk address a gre1 192.168.1.1/24
	flows 1
}

# --- loop down: there is no carrier while the way leads into the tunnel

looped() {
	[[ $(link_show a "$1") == *'"looped":true'* ]]
}

not_looped() {
	[[ $(link_show a "$1") != *'"looped"'* ]]
}

has_carrier() {
	[[ $(link_show a "$1") == *'"LOWER_UP"'* ]]
}

# loop NAME ACTION
on_loop() {
	ipn a link change "$1" type "$KIND" loop "$2"
}

# known without a packet, told once, and over as soon as the route is right
test_down() {
	local show

	needs_mygre "loop down"
	on_loop gre1 down
	show=$(link_show a gre1)
	[[ $show == *'"loop":"down"'* ]]
	has_carrier gre1
	log_mark
	ipn a route replace 10.20.0.2/32 dev gre1 proto ospf
	wait_for looped gre1
	wait_for must_fail has_carrier gre1
	pk log 'gre1.*10\.20\.0\.2.*carrier off' || fail "$PKT"
	[[ $PKT == "1 lines"* ]] || fail "one line was wanted: $PKT"
	# the others are not concerned
	flows 2
	ipn a route replace 10.20.0.2/32 via 10.10.10.11
	wait_for not_looped gre1
	has_carrier gre1
	pk log 'gre1.*carrier on' || fail "$PKT"
	[[ $PKT == "1 lines"* ]] || fail "one line was wanted: $PKT"
	flows 1
}

# each time it stays away for longer
test_down_again() {
	local i begin last

	needs_mygre "loop down"
	on_loop gre1 drop
	on_loop gre1 down
	for i in 1 2 3; do
		# before it can be off, for a busy machine sees that late
		begin=${EPOCHREALTIME/[.,]/}
		ipn a route replace 10.20.0.2/32 dev gre1
		wait_for looped gre1
		ipn a route replace 10.20.0.2/32 via 10.10.10.11
		wait_for not_looped gre1
		last=$((${EPOCHREALTIME/[.,]/} - begin))
	done
	[ "$last" -gt 3500000 ] || fail "after $last us only"
}

# through another tunnel of ours, and the other way round
test_down_mutual() {
	needs_mygre "loop down"
	on_loop gre1 drop
	on_loop gre1 down
	on_loop gre2 drop
	ipn a <<-END
		route replace 10.20.0.2/32 dev gre2
		route replace 10.30.0.2/32 dev gre1
	END
	wait_for looped gre1
	not_looped gre2
	ipn a <<-END
		route replace 10.20.0.2/32 via 10.10.10.11
		route replace 10.30.0.2/32 via 10.10.10.11
	END
	wait_for not_looped gre1
	flows 1
	flows 2
	on_loop gre1 drop
}

# through one of somebody else's, of whose ways we know nothing until a packet
# comes back
test_down_foreign() {
	needs_mygre "loop down"
	kind_load gre
	tunnel_of gre a old1 local 10.10.10.10 remote 10.30.0.2 ttl 64 key 99
	on_loop gre1 drop
	on_loop gre1 down
	ipn a <<-END
		route replace 10.20.0.2/32 dev old1
		route replace 10.30.0.2/32 dev gre1
	END
	lost 1 3
	wait_for looped gre1
	ipn a <<-END
		route replace 10.20.0.2/32 via 10.10.10.11
		route replace 10.30.0.2/32 via 10.10.10.11
		link del old1
	END
	wait_for not_looped gre1
	flows 1
}

# off and on, with the device, and with the setting
test_down_ends() {
	needs_mygre "loop down"
	on_loop gre1 drop
	on_loop gre1 down
	ipn a route replace 10.20.0.2/32 dev gre1
	wait_for looped gre1
	on_loop gre1 drop
	not_looped gre1
	has_carrier gre1
	ipn a link set gre1 down
	ipn a link set gre1 up
	ipn a route replace 10.20.0.2/32 via 10.10.10.11 2>/dev/null ||
		ipn a route add 10.20.0.2/32 via 10.10.10.11
	flows 1
	must_fail ipn a link add gre3 type "$KIND" key 1 loop down
}

netns_begin topology
ktap_main "$@"
