#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ICMP errors about GRE in UDP: who is told, and what fits.

# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck disable=SC2086 # options are words
# long: pmtu6 relay6 relay_gue relay_gue6
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

A=10.10.10.10
B=10.10.10.11
DATA="ip4 192.168.9.1 192.168.9.2 id 3 / udp 1000 2000 / text data"
FRAME="02aabbccdd01 02aabbccdd02 88b5 / zero 46"
NEXT="172.16.1.2 172.16.2.2 df 1 id 5"

# h is behind a, which has a tunnel to b
topology() {
	ns_add h a b
	ns6 h a b
	ns6_quiet h a b
	ns_forward a
	wire h eth0 172.16.1.2/24 fd01::2/64 -- a lan 172.16.1.1/24 fd01::1/64
	wire a eth0 $A/24 fd10::10/64 -- b eth0 $B/24 fd10::11/64
	ipn h route add default via 172.16.1.1
	ipn h -6 route add default via fd01::1
	pk_set a 0 ipv6/icmp/ratelimit
}

setup_each() {
	needs_mygre "GRE in UDP"
}

cleanup_each() {
	at b nft delete table netdev silence 2>/dev/null || :
	tunnels_del a b
	ipn a route flush cache
	ipn a -6 route flush cache
}

# The kernel believes it for the route without a mark, whatever is quoted of UDP.
#
# a router says what fits, on the way that the tunnel takes
test_pmtu() {
	local head="ip4 $B $A / icmp 3 4 00000514 / ip4 $A $B df 1 / udp 4754 4754"
	local quote

	tunnel a gre1 local $A remote $B ttl 64 key 7 fwmark 9 \
		encap udp sport 4754 csum off
	ipn a route add table 9 $B dev eth0
	ipn a rule add fwmark 9 table 9
	for quote in "gre 20000800 00000008 / $DATA" "gre 00000800 / $DATA" \
		"gre 20006558 00000007 / $FRAME" ""; do
		send_raw b eth0 a eth0 "$head / $quote"
		must_fail lowered 1300 $B mark 9
	done
	send_raw b eth0 a eth0 "$head / gre 20000800 00000007 / $DATA"
	wait_for lowered 1300 $B mark 9
	wait_for lowered 1300 $B
	ipn a rule del fwmark 9 table 9
}

# lowered MTU ROUTE...
lowered() {
	[[ $(ipn a route get "${@:2}") == *" mtu $1 "* ]]
}

# the same over IPv6
test_pmtu6() {
	local head="ip6 fd10::11 fd10::10 / icmp6 2 0 00000514 /
		ip6 fd10::10 fd10::11 next 60 / limit 4 / udp 5000 4754"

	tunnel a gre1 local fd10::10 remote fd10::11 key 7 fwmark 9 encap udp
	ipn a -6 route add table 9 fd10::11 dev eth0
	ipn a -6 rule add fwmark 9 table 9
	send_raw b eth0 a eth0 "$head / gre 20000800 00000008 / $DATA"
	must_fail lowered 1300 fd10::11 mark 9
	send_raw b eth0 a eth0 "$head / gre 20000800 00000007 / $DATA"
	wait_for lowered 1300 fd10::11 mark 9
	wait_for lowered 1300 fd10::11
	ipn a -6 rule del fwmark 9 table 9
}

listen() {
	capture heard h eth0 in
	capture gone a eth0 out
}

# silence: the far end says nothing, unless the test does
silence() {
	at b nft 'add table netdev silence; add chain netdev silence in {
		type filter hook ingress device eth0 priority 0; }
		add rule netdev silence in udp dport { 4754, 5556 } drop'
	listen
}

# next OUTER: h sends a packet, which leaves
next() {
	send_ip h "ip4 $NEXT / udp 1 2 / text next"
	expect gone "$1 / ip4 $NEXT ttl 63 / udp 1 2 / text next"
}

# told: and is told that it did not get there
told() {
	expect heard "ip4 172.16.1.1 172.16.1.2 id ? tos 0xc0 df ? /
		icmp 3 1 00000000 / ip4 $NEXT ttl 63 / udp 1 2 / text next"
}

# who sends through the tunnel hears of errors of the way, and of its end
test_relay() {
	local error quote outer="ip4 $A $B df 1 id ? / udp 5000 4754 / gre 20000800 00000007"
	local six="ip6 fd01::2 fd02::2 hop 63 / udp 1 2 / text sent"

	silence
	tunnel a gre1 local $A remote $B ttl 64 key 7 encap udp sport 5000 csum off
	ipn a route add 172.16.2.0/24 dev gre1
	for error in "3 1" "3 3" "11 0"; do
		echo "type and code $error"
		send_raw b eth0 a eth0 "ip4 $B $A / icmp $error 00000000 /
			ip4 $A $B df 1 / udp 5000 4754 / gre 20000800 00000007 / $DATA"
		next "$outer"
		told
	done
	# what the tunnel has not sent, and what does not show it
	for quote in "gre 20000800 00000008 / $DATA" "gre 00000800 / $DATA" \
		"gre 20006558 00000007 / $FRAME" "text nonsense" "text few"; do
		echo "$quote"
		send_raw b eth0 a eth0 "ip4 $B $A / icmp 3 1 00000000 /
			ip4 $A $B df 1 / udp 5000 4754 / $quote"
		next "$outer"
	done
	expect_no_more heard 0800
	# of IPv6 enough is quoted to say it at once
	send_raw b eth0 a eth0 "ip4 $B $A / icmp 3 3 00000000 / ip4 $A $B df 1 /
		udp 5000 4754 / gre 200086dd 00000007 / $six"
	expect heard "ip6 fd01::1 fd01::2 tc ? flow ? next 58 /
		0103 .... 00000000 / $six"
}

# the same over IPv6, whatever the source port
test_relay6() {
	local error limit outer="ip6 fd10::10 fd10::11 hop 64 flow ? next 60 / limit 4 /
		udp ? 4754 / gre 20000800 00000007"

	silence
	tunnel a gre1 local fd10::10 remote fd10::11 key 7 encap udp csum off
	ipn a route add 172.16.2.0/24 dev gre1
	for error in "1 0" "1 4" "3 0"; do
		for limit in "next 60 / limit 4" "next 17"; do
			echo "type and code $error, $limit"
			send_raw b eth0 a eth0 "ip6 fd10::11 fd10::10 /
				icmp6 $error 00000000 / ip6 fd10::10 fd10::11
				$limit / udp 50000 4754 /
				gre 20000800 00000007 / $DATA"
			next "$outer"
			told
		done
	done
	send_raw b eth0 a eth0 "ip6 fd10::11 fd10::10 / icmp6 1 0 00000000 /
		ip6 fd10::10 fd10::11 next 17 / udp 50000 4754 /
		gre 20000800 00000008 / $DATA"
	next "$outer"
	expect_no_more heard 0800
}

# what the kernel's fou hears of GUE, so do we
test_relay_gue() {
	local key outer="udp 5000 5556 / 002f 0000 / gre 20000800 00000007"

	silence
	modprobe fou || skip "this kernel has no fou"
	at a ip fou add port 5556 gue
	tunnel a gre1 local $A remote $B ttl 64 key 7 encap gue \
		encap-sport 5000 encap-dport 5556
	ipn a route add 172.16.2.0/24 dev gre1
	for key in 7 8; do
		send_raw b eth0 a eth0 "ip4 $B $A / icmp 3 1 00000000 /
			ip4 $A $B df 1 / ${outer/%7/$key} / $DATA"
		next "ip4 $A $B df 1 id ? / $outer"
		[ $key = 8 ] || told
	done
	expect_no_more heard 0800
	at a ip fou del port 5556
}

# the same over IPv6, where it is another module
test_relay_gue6() {
	local head="next 60 / limit 4 / udp 5000 5556 / 002f 0000 / gre 20000800 00000007"
	local loaded=1

	module_loaded fou6 || loaded=
	modprobe fou6 || skip "this kernel has no fou6"
	silence
	at a ip fou add port 5556 gue -6
	tunnel a gre1 local fd10::10 remote fd10::11 key 7 encap gue \
		encap-sport 5000 encap-dport 5556 noencap-udp6-csum
	ipn a route add 172.16.2.0/24 dev gre1
	send_raw b eth0 a eth0 "ip6 fd10::11 fd10::10 / icmp6 1 0 00000000 /
		ip6 fd10::10 fd10::11 $head / $DATA"
	next "ip6 fd10::10 fd10::11 flow ? $head"
	told
	at a ip fou del port 5556 -6
	[ -n "$loaded" ] || rmmod fou6
}

# nobody listens: the kernel at the far end says so, and the sender is told
test_nobody() {
	local outer="ip4 $A $B df 1 id ? / udp ? 4754 / gre 20000800 00000007"

	listen
	tunnel a gre1 local $A remote $B ttl 64 key 7 encap udp csum off
	ipn a route add 172.16.2.0/24 dev gre1
	capture back a eth0 in
	next "$outer"
	expect back "ip4 $B $A id ? tos 0xc0 df ? / icmp 3 3 00000000 / $outer /
		ip4 $NEXT ttl 63 / udp 1 2 / text next"
	next "$outer"
	told
}

netns_begin topology
ktap_main "$@"
