#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Packets that take a shorter way through the stack than others: none overtakes
# another, and what the machine counts and remembers is what it would be.

# cpus: 2
# long: order_nested gone
# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck disable=SC2086 # options are words
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

topology() {
	ns_add a b
	wire a eth0 10.10.10.10/24 -- b eth0 10.10.10.11/24
}

# A capture must not outlive its test: ip_gre merges no packets that are watched.
cleanup_each() {
	pk close wire || return
	at a tc qdisc del dev eth0 root 2>/dev/null || :
	tunnels_del a b
}

ENDS="local 10.10.10.10 remote 10.10.10.11"
AWAY="local 10.10.10.11 remote 10.10.10.10"
PACKETS=60

# segment NUMBER: of a TCP stream of its own, with four bytes of data. GRO holds
# it for those that might follow.
segment() {
	printf 'ip4 2.2.2.2 1.1.1.1 proto 6 / %04x0050%08x%08x5010ffff00000000%08x' \
		$((1000 + $1)) 1 1 $1
}

# datagram NUMBER: which nothing can be merged with.
datagram() {
	printf 'ip4 2.2.2.2 1.1.1.1 / udp 7 9 / %08x' $1
}

# echo_request NUMBER: nor with this.
echo_request() {
	printf 'ip4 2.2.2.2 1.1.1.1 proto 1 / 0800000000000000%08x' $1
}

# burst: numbered packets of each sort in turn, which a sends all at once.
# They reach b so fast that some are waiting while others come.
burst() {
	local i sorts=(segment datagram segment echo_request)

	at a tc qdisc replace dev eth0 root netem slot 400ms 400ms
	for ((i = 0; i < PACKETS; i++)); do
		send_dev a gre1 "$(${sorts[i % 4]} $i)"
	done
	wait_for came $PACKETS
}

# came NUMBER: so many packets came out of b's tunnel.
came() {
	pk tails out 8 || fail "$PKT"
	set -- "$1" $PKT
	[ $(($# - 1)) -ge "$1" ]
}

# in_order: as they were sent.
in_order() {
	local i want=""

	for ((i = 0; i < PACKETS; i++)); do
		printf -v want '%s %08x' "$want" $i
	done
	[ "$PKT" = "${want# }" ] || fail "not as they were sent: $PKT"
}

# packets of one burst stay in order, whatever sort they are
test_order() {
	tunnel a gre1 $ENDS
	tunnel b gre1 $AWAY
	capture out b gre1 in
	burst
	in_order
}

# also if somebody looks at the wire, which makes two of each packet
test_order_watched() {
	tunnel a gre1 $ENDS
	tunnel b gre1 $AWAY
	capture out b gre1 in
	capture wire b eth0 in
	burst
	in_order
}

# also in three tunnels, each inside the next
test_order_nested() {
	local space here there nest=

	[ "$KIND" != mygre ] || nest="inner-tunnel allow"
	for space in a b; do
		here=1 there=2
		[ $space = a ] || here=2 there=1
		tunnel $space gre3 local 10.10.10.1$((here - 1)) \
			remote 10.10.10.1$((there - 1)) $nest
		pk address $space gre3 10.33.0.$here/24 || fail "$PKT"
		tunnel $space gre2 local 10.33.0.$here remote 10.33.0.$there $nest
		pk address $space gre2 10.22.0.$here/24 || fail "$PKT"
		tunnel $space gre1 local 10.22.0.$here remote 10.22.0.$there
	done
	capture out b gre1 in
	burst
	in_order
}

# packets_in NS DEV: how many it has received.
packets_in() {
	pk read "$1" /proc/net/dev || fail "$PKT"
	set -- ${PKT#*" $2: "}
	echo $2
}

# burst_merges: of twenty datagrams at once some have been merged. A processor
# that does something else in between may take them one by one.
burst_merges() {
	pk datagrams a 192.168.9.2 9 20 64617461 &&
		pk merged sock 1000 4 20 && [ "$PKT" -gt 1 ]
}

# datagrams in a burst, for a socket that wants them merged, are, as with ip_gre
test_udp() {
	local kind packets_before

	for kind in gre "$KIND"; do
		tunnel_of $kind a gre1 $ENDS
		tunnel_of $kind b gre1 $AWAY
		pk address a gre1 192.168.9.1/24 || fail "$PKT"
		pk address b gre1 192.168.9.2/24 || fail "$PKT"
		pk merging sock b 9 || fail "$PKT"
		# cut to single ones where they enter the tunnel, so that they
		# come out of it one right after the other
		at a ethtool -K gre1 tx-udp-segmentation off
		packets_before=$(packets_in b gre1)
		wait_for burst_merges
		[ $(($(packets_in b gre1) - packets_before)) -ge 20 ] ||
			fail "$kind: they were one in the tunnel"
		echo "$kind: $PKT at once"
		pk close sock || fail "$PKT"
		tunnels_del a b
	done
}

# counted: what a counts as sent. Not every kernel has all of these.
counted() {
	at a nstat -asz | awk '$1 ~ /^(IpOutRequests|IpOutTransmits|IpExtOutOctets)$/ {
		print $1, $2 }' | sort
}

# what the machine counts as sent is what it counts with ip_gre
test_counters() {
	local kind i before now grown want=""

	for kind in gre "$KIND"; do
		tunnel_of $kind a gre1 $ENDS
		# the way to b, and b's address, are known
		send_dev a gre1 "$(datagram 0)"
		before=$(counted)
		for ((i = 0; i < 10; i++)); do
			send_dev a gre1 "$(datagram $i)"
		done
		now=$(counted)
		grown=$(join <(echo "$before") <(echo "$now") |
			awk '{ print $1, $3 - $2 }')
		echo "$kind:" $grown
		[[ $grown == *"IpOutRequests 10"* ]] || fail "$grown"
		[ "$grown" = "${want:-$grown}" ] || fail "$want with gre"
		want=$grown
		ipn a link del gre1
	done
}

# ids: send ten packets; IDS is how many different IP IDs they have.
ids() {
	local i seen=()

	capture wire b eth0 in
	for ((i = 0; i < 10; i++)); do
		send_dev a gre1 "$(datagram $i)"
		expect wire "ip4 10.10.10.10 10.10.10.11 df ? id ? /
			gre 00000800 / $(datagram $i)"
		seen+=("${PKT:8:4}")
	done
	echo "${seen[*]}"
	IDS=$(printf '%s\n' "${seen[@]}" | sort -u | wc -l)
}

# IP IDs count up; of packets that may be cut to pieces no two are the same
test_ids() {
	tunnel a gre1 $ENDS
	ids
	# two processors may be at the same number
	[ $IDS -ge 5 ] || fail "$IDS different IDs"
	tunnels_del a
	tunnel a gre1 $ENDS nopmtudisc ttl inherit
	ids
	[ $IDS -eq 10 ] || fail "$IDS different IDs without DF"
}

# packets that wait below the tunnel outlive it, its route and its address
test_held() {
	local i

	tunnel a gre1 $ENDS
	capture wire b eth0 in
	at a tc qdisc replace dev eth0 root netem delay 500ms
	for ((i = 0; i < 5; i++)); do
		send_dev a gre1 "$(datagram $i)"
	done
	ipn a link del gre1
	ipn a address del 10.10.10.10/24 dev eth0
	for ((i = 0; i < 5; i++)); do
		expect wire "ip4 10.10.10.10 10.10.10.11 df 1 id ? /
			gre 00000800 / $(datagram $i)"
	done
	ipn a address add 10.10.10.10/24 dev eth0
}

# tunnels that go while packets wait to be merged take theirs along
test_gone() {
	local i j

	tunnel a gre1 $ENDS
	at a tc qdisc replace dev eth0 root netem slot 30ms 30ms
	for ((i = 0; i < 20; i++)); do
		tunnel b gre1 $AWAY
		for ((j = 0; j < 10; j++)); do
			send_dev a gre1 "$(segment $j)"
		done
		ipn b link del gre1
	done
}

netns_begin topology
ktap_main "$@"
