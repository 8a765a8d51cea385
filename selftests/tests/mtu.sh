#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The device's MTU at its limits. (What follows from the path is in pmtu.sh.)

# long: all
# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck disable=SC2086 # options are words
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

topology() {
	ns_add r1 r2
	ns6 r1 r2
	wire r1 eth0 10.1.0.1/24 -- r2 eth0 10.1.0.2/24
}

cleanup_each() {
	tunnels_del r1 r2
}

ENDS="local 10.1.0.1 remote 10.1.0.2"
AWAY="local 10.1.0.2 remote 10.1.0.1"

# mtu NS DEV: what the device has.
mtu() {
	[[ $(link_show "$1" "$2") =~ \"mtu\":([0-9]+) ]]
	echo "${BASH_REMATCH[1]}"
}

# limits KIND: what is made of an MTU, at creation and later.
limits() {
	local mtu

	for mtu in 68 1500 65493 65497 65511 65512 65535; do
		if ipn r1 link add gre1 group $GROUP mtu $mtu type $1 $ENDS \
			2>/dev/null; then
			echo "created with $mtu: $(mtu r1 gre1)"
			ipn r1 link del gre1
		else
			echo "not created with $mtu"
		fi
	done
	ipn r1 link add gre1 group $GROUP type $1 $ENDS
	for mtu in 67 68 65497 65498 65511 65512 65536; do
		if ipn r1 link set gre1 mtu $mtu 2>/dev/null; then
			echo "set to $mtu: $(mtu r1 gre1)"
		else
			echo "not set to $mtu"
		fi
	done
	ipn r1 link del gre1
}

# the least and the greatest MTU are those of gre
test_limits() {
	local kind mtu

	kind_load gre
	for kind in "" tap; do
		limits gre$kind >"$NETNS_TMP/theirs"
		limits $KIND$kind >"$NETNS_TMP/ours"
		cat "$NETNS_TMP/ours"
		diff "$NETNS_TMP/theirs" "$NETNS_TMP/ours"
	done
	# gre makes the most of what is no MTU at all
	needs_mygre "refusing an MTU when a device is made"
	for mtu in 0 67 65536; do
		must_fail ipn r1 link add gre1 mtu $mtu type "$KIND" $ENDS
		ipn r1 link add gre1 mtu $mtu type gre $ENDS
		ipn r1 link del gre1
	done
}

# every MTU from the least to the greatest, under traffic
test_extremes() {
	local kind mtu

	log_mark
	for kind in "$KIND" "${KIND}tap"; do
		tunnel_of $kind r1 gre1 $ENDS
		tunnel_of $kind r2 gre1 $AWAY
		pk address r1 gre1 192.168.9.1/24
		pk address r2 gre1 192.168.9.2/24
		start r1 ping -q -n -i 0.02 -s 200 192.168.9.2 >/dev/null
		for mtu in 68 69 576 1279 1280 1281 1476 9000 65497 68 1280; do
			echo "$kind: $mtu"
			printf 'link set gre1 mtu %d\n' $mtu 1500 $mtu | ipn r1
			ipn r2 link set gre1 mtu $mtu
			# whole at the least MTU, else in a few pieces
			at r1 ping -q -n -c 1 -W 10 -M dont \
				-s $((mtu < 100 ? 40 : 1600)) 192.168.9.2
		done
		ipn r1 link set gre1 mtu 65497
		at r1 ping -q -n -c 1 -W 10 -M dont -s 30000 192.168.9.2
		kill $STARTED
		tunnels_del r1 r2
	done
	log_expect_nothing
}

netns_begin topology
ktap_main "$@"
