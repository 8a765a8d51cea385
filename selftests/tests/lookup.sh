#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Which tunnel does a packet belong to. a sends from many addresses, b has a
# tunnel for each way to match.

# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

# Two wires to b; the second is in a VRF there, with the same addresses.
topology() {
	ns_add a b
	wire a eth0 10.0.0.1/24 -- b eth0 10.0.0.2/24 10.0.0.3/24
	wire a eth1 -- b eth1
}

cleanup_each() {
	tunnels_del b
}

# watch DEV...: capture what comes out of each tunnel.
watch() {
	local dev

	WATCHED="$*"
	for dev in "$@"; do
		capture "$dev" b "$dev" in
	done
}

# takes DEV SRC DST [GRE [WIRE]]: a packet between these outer addresses, with
# this GRE header, comes out of DEV and of no other; out of none if DEV is -.
takes() {
	local dev inner="ip4 192.168.1.1 192.168.1.2 / udp 1 2 / text $1-$RANDOM"
	local wire=${5:-eth0} later="ip4 10.0.0.1 10.0.0.2 / udp 9 9 / text $RANDOM"

	capture wire b "$wire" in
	send_raw a "$wire" b "$wire" "ip4 $2 $3 / gre ${4:-00000800} / $inner"
	if [ "$1" = - ]; then
		send_raw a "$wire" b "$wire" "$later"
		expect wire "$later"
	else
		expect "$1" "$inner"
	fi
	for dev in $WATCHED; do
		expect_none "$dev" "$inner"
	done
}

# precedence GRE KEY: local+remote, remote, local, key alone; each time one of
# them goes the next takes its packets.
precedence() {
	local key=${2:-}

	ipn b <<-END
		link add alone up group $GROUP type $KIND $key
		link add local up group $GROUP type $KIND local 10.0.0.2 $key
		link add remote up group $GROUP type $KIND remote 10.0.0.1 $key
		link add both up group $GROUP type $KIND local 10.0.0.2 remote 10.0.0.1 $key
	END
	watch alone local remote both
	takes both 10.0.0.1 10.0.0.2 "$1"
	takes remote 10.0.0.1 10.0.0.3 "$1"
	takes local 10.0.0.9 10.0.0.2 "$1"
	takes alone 10.0.0.9 10.0.0.3 "$1"
	ipn b link del both
	watch alone local remote
	takes remote 10.0.0.1 10.0.0.2 "$1"
	ipn b link del remote
	watch alone local
	takes local 10.0.0.1 10.0.0.2 "$1"
	ipn b link set local down
	takes alone 10.0.0.1 10.0.0.2 "$1"
	ipn b link del alone
	watch local
	takes - 10.0.0.1 10.0.0.2 "$1"
	ipn b link set local up
	takes local 10.0.0.1 10.0.0.2 "$1"
}

# the more exact tunnel wins, without keys
test_precedence() {
	needs_mygre "a tunnel without addresses and key"
	precedence 00000800
}

# and with a key, beside tunnels without
test_precedence_key() {
	tunnel b nokey local 10.0.0.2 remote 10.0.0.1
	tunnel b other local 10.0.0.2 remote 10.0.0.1 key 6
	precedence "20000800 00000007" "key 7"
}

# exactness of the key comes before exactness of the addresses
test_keys() {
	tunnel b none local 10.0.0.2 remote 10.0.0.1
	tunnel b zero local 10.0.0.2 remote 10.0.0.1 key 0
	tunnel b seven local 10.0.0.2 remote 10.0.0.1 key 7
	tunnel b wild key 9
	tunnel b inkey local 10.0.0.2 remote 10.0.0.1 ikey 11 okey 12
	watch none zero seven wild inkey
	takes none 10.0.0.1 10.0.0.2 00000800
	takes zero 10.0.0.1 10.0.0.2 "20000800 00000000"
	takes seven 10.0.0.1 10.0.0.2 "20000800 00000007"
	takes wild 10.0.0.1 10.0.0.2 "20000800 00000009"
	takes inkey 10.0.0.1 10.0.0.2 "20000800 0000000b"
	takes - 10.0.0.1 10.0.0.2 "20000800 0000000c"
	takes - 10.0.0.1 10.0.0.2 "20000800 00000008"
	# without the tunnel that has none, nobody takes a packet without a key
	ipn b link del none
	watch zero seven wild inkey
	takes - 10.0.0.1 10.0.0.2 00000800
	ipn b link del zero
	watch seven wild inkey
	takes - 10.0.0.1 10.0.0.2 "20000800 00000000"
}

# a key of 0 is a key, also for a tunnel that shows nothing else
test_key_zero() {
	needs_mygre "telling a key of 0 from none"
	tunnel b zero key 0
	watch zero
	takes zero 10.0.0.9 10.0.0.2 "20000800 00000000"
	takes - 10.0.0.9 10.0.0.2 00000800
	tunnel b none
	watch zero none
	takes zero 10.0.0.9 10.0.0.2 "20000800 00000000"
	takes none 10.0.0.9 10.0.0.2 00000800
	ipn b link del zero
	watch none
	takes - 10.0.0.9 10.0.0.2 "20000800 00000000"
}

# ip_gre gives packets without a key to such a tunnel
test_key_zero_gre() {
	needs_mygre "a comparison"
	kind_load gre
	tunnel_of gre b zero key 0
	watch zero
	takes zero 10.0.0.9 10.0.0.2 00000800
}

# a tunnel bound to the device that the packet came by is preferred
test_bound() {
	tunnel b free local 10.0.0.2 remote 10.0.0.1
	tunnel b bound local 10.0.0.2 remote 10.0.0.1 dev eth0
	watch free bound
	takes bound 10.0.0.1 10.0.0.2
	ipn b link set bound down
	takes free 10.0.0.1 10.0.0.2
	ipn b link set bound up
	takes bound 10.0.0.1 10.0.0.2
}

# one bound to another device comes last, whichever was made first
test_bound_elsewhere() {
	tunnel b first local 10.0.0.2 remote 10.0.0.1 dev lo
	watch first
	takes first 10.0.0.1 10.0.0.2
	tunnel b free local 10.0.0.2 remote 10.0.0.1
	watch first free
	takes free 10.0.0.1 10.0.0.2
	ipn b link del first
	tunnel b last local 10.0.0.2 remote 10.0.0.1 dev lo
	watch last free
	takes free 10.0.0.1 10.0.0.2
}

# with "rx-dev only" one bound to another device takes nothing, and says so
test_bound_only() {
	needs_mygre "rx-dev"
	tunnel b only local 10.0.0.2 remote 10.0.0.1 dev lo rx-dev only
	watch only
	takes - 10.0.0.1 10.0.0.2
	[[ $(ipn b -d link show only) == *" rx-dev only "* ]]
	[[ $(link_show b only) == *'"rx_dev":"only"'* ]]
	ipn b link change only type "$KIND" dev eth0
	takes only 10.0.0.1 10.0.0.2
	ipn b link change only type "$KIND" dev lo rx-dev any
	takes only 10.0.0.1 10.0.0.2
	ipn b link change only type "$KIND" rx-dev only nodev
	takes only 10.0.0.1 10.0.0.2
}

# in_vrf: eth1 of b is in a VRF now, with the address that eth0 has
in_vrf() {
	modprobe vrf || fail "no vrf in this kernel"
	# a group of its own: the VRF outlives the tunnels
	ipn b link show red >/dev/null 2>&1 || ipn b <<-END
		link add red type vrf table 10
		link set red up
		link set eth1 master red
		address add 10.0.0.2/24 dev eth1
		address add 10.0.0.3/24 dev eth1
	END
}

# a tunnel in one VRF never receives from another
test_vrf() {
	in_vrf
	tunnel b inside local 10.0.0.2 remote 10.0.0.1 dev red
	tunnel b slave local 10.0.0.3 remote 10.0.0.1 dev eth1
	watch inside slave
	takes inside 10.0.0.1 10.0.0.2 00000800 eth1
	takes slave 10.0.0.1 10.0.0.3 00000800 eth1
	needs_mygre "keeping VRFs apart"
	takes - 10.0.0.1 10.0.0.2 00000800 eth0
	takes - 10.0.0.1 10.0.0.3 00000800 eth0
}

# neither does a tunnel outside of it receive from inside
test_vrf_outside() {
	in_vrf
	tunnel b outside local 10.0.0.2 remote 10.0.0.1 dev eth0
	tunnel b unbound local 10.0.0.3 remote 10.0.0.1
	watch outside unbound
	takes outside 10.0.0.1 10.0.0.2 00000800 eth0
	takes unbound 10.0.0.1 10.0.0.3 00000800 eth0
	needs_mygre "keeping VRFs apart"
	takes - 10.0.0.1 10.0.0.2 00000800 eth1
}

# the same addresses in two VRFs are two tunnels
test_vrf_both() {
	in_vrf
	tunnel b inside local 10.0.0.2 remote 10.0.0.1 dev red
	tunnel b outside local 10.0.0.2 remote 10.0.0.1 dev eth0
	watch inside outside
	takes inside 10.0.0.1 10.0.0.2 00000800 eth1
	takes outside 10.0.0.1 10.0.0.2 00000800 eth0
}

# among a thousand tunnels each gets its own
test_thousand() {
	local i

	for ((i = 0; i < 1000; i++)); do
		echo "link add t$i up group $GROUP type $KIND" \
			"local 10.0.0.2 remote 10.0.0.1 key $i"
	done | ipn b
	watch t0 t1 t499 t998 t999
	for i in 0 1 499 998 999; do
		takes "t$i" 10.0.0.1 10.0.0.2 "20000800 $(printf %08x "$i")"
	done
	takes - 10.0.0.1 10.0.0.2 "20000800 $(printf %08x 1000)"
}

netns_begin topology
ktap_main "$@"
