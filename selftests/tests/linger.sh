#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A remote that becomes another one while packets are on their way.

# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck disable=SC2086 # options are words
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

A=10.10.10.10
B=10.10.10.11
BACK="ip4 192.168.9.2 192.168.9.1 / udp 1 2 / text"

topology() {
	ns_add a b
	wire a eth0 $A/24 -- b eth0 $B/24
}

setup_each() {
	needs_mygre "packets on their way when the remote changes"
}

cleanup_each() {
	tunnels_del a b
	ipn a link del ppp0 2>/dev/null || :
}

# heard FROM TO WORD: a packet of that outer header reaches the tunnel.
heard() {
	capture in a gre1 in
	send_raw b eth0 a eth0 "ip4 $1 $2 / gre 00000800 / $BACK $3"
	expect in "$BACK $3"
}

# unheard FROM WORD: it is nobody's.
unheard() {
	local before

	before=$(space_counter a rx_no_tunnel)
	send_raw b eth0 a eth0 "ip4 $1 $A / gre 00000800 / $BACK $2"
	counted() {
		[ "$(space_counter a rx_no_tunnel)" -gt "$before" ]
	}
	wait_for counted
}

# what was on its way when the remote changed still comes in, for a while
test_remote() {
	local before begin

	tunnel a gre1 local $A remote 203.0.113.1
	heard 203.0.113.1 $A first
	unheard 203.0.113.2 early
	ipn a link change gre1 type "$KIND" remote 203.0.113.2
	heard 203.0.113.1 $A late
	heard 203.0.113.2 $A new
	ipn a link change gre1 type "$KIND" remote 203.0.113.3
	heard 203.0.113.1 $A later
	heard 203.0.113.2 $A late
	heard 203.0.113.3 $A new
	# and back again: now it is for good
	begin=$SECONDS
	ipn a link change gre1 type "$KIND" remote 203.0.113.2
	before=$(space_counter a rx_no_tunnel)
	over() {
		send_raw b eth0 a eth0 "ip4 203.0.113.3 $A / gre 00000800 / $BACK x"
		[ "$(space_counter a rx_no_tunnel)" -gt "$before" ]
	}
	wait_for over
	# three seconds, and the time that these lines take
	[ $((SECONDS - begin)) -le $((6 * ${MYGRE_SLOW:-1})) ] ||
		fail "it took $((SECONDS - begin)) s"
	heard 203.0.113.2 $A stays
	unheard 203.0.113.1 old
}

# nobody else has to wait for it
test_taken() {
	tunnel a gre1 local $A remote 203.0.113.1
	ipn a link change gre1 type "$KIND" remote 203.0.113.2
	heard 203.0.113.1 $A late
	tunnel a gre2 local $A remote 203.0.113.1
	capture other a gre2 in
	send_raw b eth0 a eth0 "ip4 203.0.113.1 $A / gre 00000800 / $BACK other"
	expect other "$BACK other"
	ipn a link change gre1 type "$KIND" remote 203.0.113.3
	heard 203.0.113.2 $A late
	ipn a link change gre2 type "$KIND" remote 203.0.113.2
	capture other a gre2 in
	send_raw b eth0 a eth0 "ip4 203.0.113.2 $A / gre 00000800 / $BACK other"
	expect other "$BACK other"
}

# whoever takes the tunnel down, or away, means it
test_down() {
	tunnel a gre1 local $A remote 203.0.113.1
	ipn a link change gre1 type "$KIND" remote 203.0.113.2
	ipn a link set gre1 down
	ipn a link set gre1 up
	unheard 203.0.113.1 late
	heard 203.0.113.2 $A new
	ipn a link change gre1 type "$KIND" remote 203.0.113.3
	ipn a link del gre1
	unheard 203.0.113.2 late
	# nor does it come in by another device than before
	wire a ppp0 -- b ppp0
	tunnel a gre1 local $A remote 203.0.113.1
	ipn a link change gre1 type "$KIND" remote 203.0.113.2 dev ppp0
	unheard 203.0.113.1 late
	# nor without the key that there is now
	ipn a link change gre1 type "$KIND" key 5
	unheard 203.0.113.2 late
	# nor does what it was before that
	ipn a link change gre1 type "$KIND" nodev nokey remote 203.0.113.1
	heard 203.0.113.1 $A now
	ipn a link change gre1 type "$KIND" remote 203.0.113.2
	heard 203.0.113.1 $A late
	ipn a link change gre1 type "$KIND" key 5
	unheard 203.0.113.1 later
}

# more changes than are remembered: the last ones count
test_many() {
	local i

	tunnel a gre1 local $A remote 203.0.113.1
	for ((i = 2; i <= 12; i++)); do
		ipn a link change gre1 type "$KIND" remote 203.0.113.$i
	done
	for ((i = 8; i <= 12; i++)); do
		heard 203.0.113.$i $A late$i
	done
	unheard 203.0.113.7 old
}

netns_begin topology
ktap_main "$@"
