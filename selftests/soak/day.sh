#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# day: 24 hours, in a machine whose clock leaps over what nobody uses. A packet
# each way every ten seconds, a neighbour that is looked for anew, routes that
# are garbage-collected, a clock (jiffies) that wraps on the way, and sequence
# numbers that wrap at noon.
# time limit: 100000 s

# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck disable=SC2086 # options are words
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

DAY_SECONDS=${DAY_SECONDS:-86400}
LAST="ip4 192.168.9.1 192.168.9.2 / udp 1 2 / text last"

topology() {
	ns_add a b
	wire a eth0 10.10.10.10/24 -- b eth0 10.10.10.11/24
	tunnel a gre1 local 10.10.10.10 remote 10.10.10.11 seq key 7
	tunnel b gre1 local 10.10.10.11 remote 10.10.10.10 seq key 7
	tunnel_of "${KIND}tap" a tap1 local 10.10.10.10 remote 10.10.10.11 csum
	tunnel_of "${KIND}tap" b tap1 local 10.10.10.11 remote 10.10.10.10 csum
	pk address a gre1 192.168.9.1/24 || fail "$PKT"
	pk address b gre1 192.168.9.2/24 || fail "$PKT"
	pk address a tap1 192.168.7.1/24 || fail "$PKT"
	pk address b tap1 192.168.7.2/24 || fail "$PKT"
}

# a day, and not one packet is lost
test_day() {
	local start=$SECONDS count=$((DAY_SECONDS / 10)) pid name

	for name in a b; do
		in_kernel $name do=sequence device=gre1 \
			number=$((0x100000000 - count / 2))
	done
	at a ping -q -n -i 10 -c $count 192.168.7.2 >"$NETNS_TMP/tap" &
	pid=$!
	at a ping -q -n -i 10 -c $count 192.168.9.2
	wait $pid
	cat "$NETNS_TMP/tap"
	echo "$((SECONDS - start)) s went by"
	[ $((SECONDS - start)) -ge $((DAY_SECONDS - 20)) ]
	ipn a -s link show gre1
	capture wire a eth0 out
	send_dev a gre1 "$LAST"
	expect wire "ip4 10.10.10.10 10.10.10.11 ttl ? df ? id ? /
		gre 30000800 00000007 0000.... / $LAST"
}

netns_begin topology
ktap_main "$@"
