#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# rx-spread: what one processor receives is handed to all of them, each inner
# flow to one. nft says on which processor a packet came out of the tunnel.

# cpus: 2
# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck disable=SC2086 # options are words
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

ONLINE=/sys/devices/system/cpu/cpu1/online
SPREAD=$MYGRE_DIR/selftests/helpers/spread
STREAM=$MYGRE_DIR/selftests/helpers/stream

topology() {
	ns_add a b
	wire a eth0 10.10.10.10/24 -- b eth0 10.10.10.11/24
}

setup_each() {
	needs_mygre "rx-spread"
}

cleanup_each() {
	[ ! -w "$ONLINE" ] || echo 1 >"$ONLINE"
	at b nft delete table netdev spread 2>/dev/null || :
	tunnels_del a b
}

# ends KIND: a tunnel of which b spreads what it receives, and counts it.
ends() {
	tunnel_of $1 a gre1 local 10.10.10.10 remote 10.10.10.11
	tunnel_of $1 b gre1 local 10.10.10.11 remote 10.10.10.10 rx-spread on
	pk address a gre1 192.168.9.1/24 || fail "$PKT"
	pk address b gre1 192.168.9.2/24 || fail "$PKT"
	ipn a route add 10.99.0.0/16 via 192.168.9.2
	# the far end is known: no ARP in between
	at a ping -c 1 -W 5 192.168.9.2
	at b nft -f - <<-END
		table netdev spread {
			counter on0 { }
			counter on1 { }
			counter pieces0 { }
			counter pieces1 { }
			chain in {
				type filter hook ingress device gre1 priority 0
				meta cpu 0 ip frag-off & 0x3fff != 0 counter name pieces0
				meta cpu 1 ip frag-off & 0x3fff != 0 counter name pieces1
				meta cpu 0 udp dport 9 counter name on0
				meta cpu 1 udp dport 9 counter name on1
			}
		}
	END
}

# counted NAME: packets
counted() {
	local text

	text=$(at b nft list counter netdev spread "$1")
	[[ $text =~ packets\ ([0-9]+) ]]
	echo "${BASH_REMATCH[1]}"
}

# arrived NUMBER NAME...: so many packets, of all those counters together
arrived() {
	local want=$1 sum=0 name

	shift
	for name in "$@"; do
		sum=$((sum + $(counted $name)))
	done
	[ "$sum" -ge "$want" ]
}

# flows COUNT: one packet each, all sent, and received, by processor 0
flows() {
	at a taskset 1 "$SPREAD" 10.99.0.1 "$1" 100
}

both() {
	flows 1000
	wait_for arrived 1000 on0 on1
	echo "$(counted on0) and $(counted on1) packets"
	[ "$(counted on0)" -gt 350 ]
	[ "$(counted on1)" -gt 350 ]
}

# many flows come out on both processors
test_flows() {
	ends "$KIND"
	both
}

# what is inside an Ethernet frame counts, too
test_tap() {
	ends "${KIND}tap"
	both
}

# not if it is off, as it is at first
test_off() {
	ends "$KIND"
	ipn b link change gre1 type "$KIND" rx-spread off
	flows 1000
	wait_for arrived 1000 on0 on1
	[ "$(counted on1)" -eq 0 ] || fail "$(counted on1) on the other processor"
	[[ $(link_show b gre1) != *rx_spread* ]]
	ipn b link change gre1 type "$KIND" rx-spread on
	[[ $(link_show b gre1) == *'"rx_spread":true'* ]]
	[[ $(ipn b -d link show gre1) == *" rx-spread on "* ]]
}

# each flow stays in order
test_order() {
	local flow i word last

	ends "$KIND"
	capture out b gre1 in
	for ((i = 0; i < 30; i++)); do
		for flow in 1 2 3 4 5 6; do
			printf -v word '%02x%06x' $flow $i
			send_dev a gre1 \
				"ip4 192.168.9.1 10.99.9.$flow / udp 7 9 / $word"
		done
	done
	wait_for arrived 180 on0 on1
	if [ "$(counted on0)" -eq 0 ] || [ "$(counted on1)" -eq 0 ]; then
		fail "all on one processor"
	fi
	pk tails out 8 || fail "$PKT"
	for flow in 1 2 3 4 5 6; do
		last=$(tr ' ' '\n' <<<"$PKT" | grep "^0$flow" | tee \
			"$NETNS_TMP/came" | wc -l)
		[ "$last" -eq 30 ] || fail "flow $flow: $last packets"
		sort -c "$NETNS_TMP/came" || fail "flow $flow: $(<"$NETNS_TMP/came")"
	done
}

# one destination with one pair of ports: all on the same
test_one_flow() {
	local i

	ends "$KIND"
	for ((i = 0; i < 50; i++)); do
		send_dev a gre1 "ip4 192.168.9.1 10.99.9.1 / udp 7 9 / text one"
	done
	wait_for arrived 50 on0 on1
	[ "$(counted on0)" -eq 0 ] || [ "$(counted on1)" -eq 0 ] ||
		fail "$(counted on0) and $(counted on1)"
}

# the pieces of a datagram stay together, the first one too, which has ports
test_fragments() {
	local to

	ends "$KIND"
	for to in 1 2 3 4 5 6 7 8; do
		at a taskset 1 "$SPREAD" "10.99.7.$to" 1 4000
		wait_for arrived 3 pieces0 pieces1
		[ "$(counted pieces0)" -eq 0 ] || [ "$(counted pieces1)" -eq 0 ] ||
			fail "$(counted pieces0) and $(counted pieces1) of 10.99.7.$to"
		at b nft reset counters table netdev spread >/dev/null
	done
}

# connections work, byte for byte
test_tcp() {
	ends "$KIND"
	at b "$STREAM" listen 5000 20000000 >"$NETNS_TMP/listen" &
	wait_for grep -q ready "$NETNS_TMP/listen"
	at a "$STREAM" send 192.168.9.2 5000 20000000
	wait $!
}

# a processor goes: what waits there is not lost, and others take over
test_offline() {
	local i

	[ -w "$ONLINE" ] || skip "processors of this machine stay"
	ends "$KIND"
	for i in 1 2 3; do
		flows 300
		echo 0 >"$ONLINE"
		flows 300
		echo 1 >"$ONLINE"
	done
	wait_for arrived 1800 on0 on1
}

[ "$(nproc)" -gt 1 ] || ktap_skip_all "one processor only"
netns_begin topology
ktap_main "$@"
