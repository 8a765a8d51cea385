#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Keepalives: who asks learns whether the far end is alive, and its carrier says
# so; who is asked answers, and nobody but the far end. Formats:
# gre_probe.c.

# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck disable=SC2086 # options are words
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

A=10.10.10.10
B=10.10.10.11
# what a has, and what b
HERE="local $A remote $B ttl 255"
THERE="local $B remote $A ttl 255"
# The answer to the probe of somebody else's router at b, which is $1
ANSWER="ip4 $A $B id ? ttl 255"

topology() {
	ns_add a b
	wire a eth0 $A/24 -- b eth0 $B/24
}

cleanup_each() {
	tunnels_del a b
	at b tc qdisc del dev eth0 root 2>/dev/null || :
	at b tc qdisc del dev eth0 clsact 2>/dev/null || :
	ipn a link del eth1 2>/dev/null || :
	ipn a link del eth2 2>/dev/null || :
	ipn a route del unreachable $B/32 2>/dev/null || :
	ipn b link set eth0 up
}

has_carrier() {
	[[ $(link_show "$1" "$2") == *'"LOWER_UP"'* ]]
}

has_none() {
	[[ $(link_show "$1" "$2") == *'"NO-CARRIER"'* ]]
}

# older kernels say LOWERLAYERDOWN
is_down() {
	[[ $(link_show "$1" "$2") =~ \"operstate\":\"(LOWERLAYER)?DOWN\" ]]
}

# probe PACKET: from b, into the tunnel, with the far end's outer header
probe() {
	send_raw b eth0 a eth0 "ip4 $B $A / $*"
}

# the bytes on the wire: those of Cisco, and OpenBSD's token behind them
test_format() {
	needs_mygre keepalive
	capture out b eth0 in
	tunnel a gre1 $HERE keepalive 0.1 ka-auth off
	expect out "ip4 $A $B id ? ttl 255 df 1 / gre 00000800 / \
		ip4 $B $A id 0 ttl 255 tos 0xc0 / gre 00000000"
	ipn a link set gre1 type "$KIND" ka-auth on key 4711
	expect out "ip4 $A $B id ? ttl 255 df 1 / gre 2000080000001267 / \
		ip4 $B $A id 0 ttl 255 tos 0xc0 / gre 2000000000001267 / any 16"
}

# both ends have it: each knows of the other, and of its end
test_pair() {
	needs_mygre keepalive
	tunnel a gre1 $HERE keepalive 0.1,10
	tunnel b gre1 $THERE keepalive 0.1,10
	wait_for ka_is a gre1 state up
	wait_for ka_is b gre1 state up
	wait_for ka_above a gre1 received 5
	has_carrier a gre1
	[ "$(ka a gre1 rtt_min_us)" -le "$(ka a gre1 rtt_avg_us)" ]
	[ "$(ka a gre1 rtt_avg_us)" -le "$(ka a gre1 rtt_max_us)" ]
	[ "$(ka a gre1 rtt_max_us)" -gt 0 ]

	ipn b link set gre1 down
	wait_for has_none a gre1
	ka_is a gre1 state down
	[ "$(ka a gre1 flaps)" -ge 1 ]
	ka_is b gre1 state off
	wait_for is_down a gre1
	ipn b link set gre1 up
	wait_for has_carrier a gre1
	ka_is a gre1 state up
	wait_for ka_is b gre1 state up
}

# routes and daemons see it: what has no carrier is not a way
test_routes() {
	needs_mygre keepalive
	tunnel a gre1 $HERE keepalive 1,3
	pk address a gre1 192.168.9.1/24 || fail "$PKT"
	pk_set a 1 ipv4/conf/gre1/ignore_routes_with_linkdown
	ipn a route add 192.168.99.0/24 via 192.168.9.2
	ipn a route get 192.168.99.1
	wait_for has_none a gre1
	must_fail ipn a route get 192.168.99.1
	tunnel b gre1 $THERE
	wait_for has_carrier a gre1
	ipn a route get 192.168.99.1
}

# b knows nothing of keepalives: it takes packets out of the tunnel and routes
# them, as Cisco's routers do
test_routed() {
	needs_mygre keepalive
	tunnel_of gre b gre1 $THERE key 7
	ns_return b gre1
	tunnel a gre1 $HERE key 7 keepalive 0.1,10
	wait_for ka_above a gre1 received 3
	ka_is a gre1 state up
	ns_return_end b
	wait_for has_none a gre1
}

# the probe of Cisco's routers, and of those that took it over
test_cisco() {
	needs_mygre keepalive
	tunnel a gre1 $HERE
	capture back b eth0 in
	probe "gre 00000800 / ip4 $A $B ttl 255 / gre 00000000"
	expect back "$ANSWER / gre 00000000"
	# with a mark for the way, which it keeps; with a key and a checksum
	probe "gre 00000800 / ip4 $A $B ttl 255 tos 0xc0 / gre 00000000"
	expect back "$ANSWER tos 0xc0 / gre 00000000"
	probe "gre 00000800 / ip4 $A $B / gre a0000000123400000000002a"
	expect back "$ANSWER / gre a0000000123400000000002a"
	expect_no_more back 0800
}

# behind NAT a MikroTik's inner destination is an address of its own network
test_nat() {
	needs_mygre keepalive
	tunnel a gre1 $HERE
	capture back b eth0 in
	probe "gre 00000800 / ip4 $A 192.168.88.1 ttl 255 / gre 00000000"
	expect back "$ANSWER / gre 00000000"
	# and if we are behind one, that is what it takes for our address
	probe "gre 00000800 / ip4 203.0.113.9 $B ttl 255 / gre 00000000"
	expect back "$ANSWER / gre 00000000"
}

# VeloCloud's and Zscaler's has the addresses of the tunnel's own ends, and wants
# to come back through it
test_velocloud() {
	local probe="ip4 192.168.9.1 192.168.9.2 ttl 255"

	needs_mygre keepalive
	tunnel a gre1 $HERE key 7
	pk address a gre1 192.168.9.1/24 || fail "$PKT"
	capture back b eth0 in
	capture out a gre1 in
	probe "gre 2000080000000007 / $probe tos 0xc0 id 0x77 / gre 00000000"
	expect back "ip4 $A $B ttl 255 df 1 id ? / gre 2000080000000007 /
		${probe% *} 4 tos 0xc0 id 0x77 / gre 00000000"
	# nor for ever, if there is somebody at the far end who returns it
	probe "gre 2000080000000007 / ${probe% *} 1 / gre 00000000"
	expect out "${probe% *} 1 / gre 00000000"
	# not if it would leave by another device, or is not from us
	probe "gre 2000080000000007 / ip4 192.168.9.1 10.10.10.77 / gre 00000000"
	expect out "ip4 192.168.9.1 10.10.10.77 / gre 00000000"
	probe "gre 2000080000000007 / ip4 192.168.9.7 192.168.9.2 / gre 00000000"
	expect out "ip4 192.168.9.7 192.168.9.2 / gre 00000000"
	ipn a link change gre1 type "$KIND" ka-reply off
	probe "gre 2000080000000007 / $probe / gre 00000000"
	expect out "$probe / gre 00000000"
	expect_no_more back 0800
}

# Huawei's other form: ethertype 4
test_huawei() {
	needs_mygre keepalive
	tunnel a gre1 $HERE
	capture back b eth0 in
	probe "gre 00000004 / ip4 $A $B ttl 255 / gre 00000000"
	expect back "$ANSWER / gre 00000000"
}

# OpenBSD's has a time and a signature, which come back as they went
test_openbsd() {
	needs_mygre keepalive
	tunnel a gre1 $HERE key 42
	capture back b eth0 in
	probe "gre 200008000000002a / ip4 $A $B ttl 255 /" \
		"gre 200000000000002a / 00112233445566778899aabbccddeeff"
	expect back "$ANSWER / gre 200000000000002a /" \
		"00112233445566778899aabbccddeeff"
	# another tunnel's
	probe "gre 2000080000000001 / ip4 $A $B ttl 255 / gre 00000000"
	send_ip b "ip4 $B $A / icmp 8 0 00010001 / text ping"
	expect back "ip4 $A $B id ? / icmp 0 0 00010001 / text ping"
	expect_none back "$ANSWER / gre 00000000"
}

# what only looks like a probe goes its way, as any packet of the tunnel
test_not_one() {
	local packet

	needs_mygre keepalive
	tunnel a gre1 $HERE
	capture back b eth0 in
	capture out a gre1 in
	for packet in "ip4 192.0.2.1 192.0.2.2 / gre 00000000" \
		"ip4 $A $B / gre 00000800" "ip4 $A $B / gre 00010000" \
		"ip4 $A $B / gre 40000000" "ip4 $A $B frag 0x2000 / gre 00000000" \
		"ip4 $A $B frag 0x10 / gre 00000000" \
		"ip4 $A $B opt 01010101 / gre 00000000" \
		"ip4 $A $B proto 4 / gre 00000000" \
		"ip4 $A $B / gre 00000000 / zero 105"; do
		probe "gre 00000800 / $packet"
		expect out "$packet"
	done
	expect_no_more back 0800
	# the longest that is one
	probe "gre 00000800 / ip4 $A $B / gre 00000000 / zero 104"
	expect back "$ANSWER / gre 00000000 / zero 104"
	expect_no_more out 0800
}

# nobody but the far end is ever answered, nor is anything sent on: also where
# this machine is a router
test_nobody_else() {
	needs_mygre keepalive
	ns_forward a
	tunnel a gre1 $HERE
	tunnel a gre2 local $A key 9
	capture back b eth0 in
	# from a stranger; from anybody, to a tunnel that has no far end
	send_raw b eth0 a eth0 "ip4 10.10.10.66 $A / gre 00000800 / \
		ip4 $A 10.10.10.66 / gre 00000000"
	send_raw b eth0 a eth0 "ip4 10.10.10.66 $A / gre 2000080000000009 / \
		ip4 $A 10.10.10.66 / gre 00000000"
	probe "gre 00000800 / ip4 $A 10.10.10.66 / gre 00000000"
	expect back "$ANSWER / gre 00000000"
	expect_no_more back 0800
	pk_set a 0 ipv4/ip_forward
}

# rx_packets NS DEV
rx_packets() {
	ipn "$1" -s -j link show "$2" |
		sed -n 's/.*"rx":{"bytes":[0-9]*,"packets":\([0-9]*\).*/\1/p'
}

# storm_begin: what b sends arrives 241 times, for the kernel makes copies, by
# another wire, and of each of them when it arrives
storm_begin() {
	local copy="action mirred egress mirror dev eth1"
	local again="action mirred ingress mirror dev eth2"

	wire a eth1 -- b eth1
	ipn a link set eth1 address "$(mac a eth0 | sed 's/../&:/g; s/:$//')"
	ipn a link add eth2 up type bridge
	at a tc qdisc add dev eth1 clsact
	at a tc filter add dev eth1 ingress protocol ip matchall \
		$again $again $again $again $again $again $again $again \
		$again $again $again $again $again $again $again
	at b tc qdisc add dev eth0 clsact
	at b tc filter add dev eth0 egress protocol ip matchall \
		$copy $copy $copy $copy $copy $copy $copy $copy \
		$copy $copy $copy $copy $copy $copy $copy
}

# storm N: so many probes to a, in b's name
storm() {
	pk repeat "$1" raw b eth0 a eth0 "ip4 $B $A / gre 00000800 / \
		ip4 $A $B / gre 00000000" || fail "$PKT"
}

# no more than a thousand at once, and ten in a millisecond
test_limit() {
	local answered dropped may start

	needs_mygre keepalive
	tunnel a gre1 $HERE
	storm_begin
	# the way back leads nowhere, which takes the least time
	ipn a route add unreachable $B/32
	start=${EPOCHREALTIME/[.,]/}
	storm 30
	dropped=$(device_counter a gre1 rx_probes)
	answered=$(rx_packets a gre1)
	may=$((1000 + (${EPOCHREALTIME/[.,]/} - start) / 100 + 1))
	echo "$answered answered, as $may may be, and $dropped not"
	[ $((answered + dropped)) -gt "$may" ] ||
		skip "too slow to send more than may be answered"
	[ "$answered" -ge 1000 ]
	[ "$answered" -le "$may" ]
	[ $((answered + dropped)) -ge 7200 ]
}

# who forges probes does not take the place of the far end's
test_flood() {
	local i

	needs_mygre keepalive
	tunnel a gre1 $HERE
	tunnel b gre1 $THERE keepalive 0.1,3
	wait_for ka_is b gre1 state up
	storm_begin
	for ((i = 0; i < 40; i++)); do
		storm 1
		nap
		nap
	done
	ka_is b gre1 state up
	ka_is b gre1 flaps 0
	[ "$(rx_packets a gre1)" -ge 8000 ]
}

# answering can be forbidden
test_no_reply() {
	needs_mygre keepalive
	tunnel a gre1 $HERE ka-reply off
	[[ $(link_show a gre1) == *'"ka_reply":false'* ]]
	capture back b eth0 in
	capture out a gre1 in
	probe "gre 00000800 / ip4 $A $B / gre 00000000"
	expect out "ip4 $A $B / gre 00000000"
	ipn a link set gre1 type "$KIND" ka-reply on
	probe "gre 00000800 / ip4 $A $B / gre 00000000"
	expect back "$ANSWER / gre 00000000"
	expect_no_more back 0800
	# and what a probe would be like is seen before there is one
	ipn a link set gre1 type "$KIND" ka-auth off
	[[ $(ipn a -d link show gre1) == *"ka-auth off"* ]]
	[[ $(link_show a gre1) == *'"ka_auth":false'* ]]
}

# who cannot sign does not hold a dead tunnel up; who can only repeat, neither
test_forged() {
	local i

	needs_mygre keepalive
	tunnel a gre1 $HERE keepalive 0.1,3
	# while answers without a signature come all the time
	for ((i = 0; i < 1000; i++)); do
		send_raw b eth0 a eth0 "ip4 $B $A / gre 00000000"
		send_raw b eth0 a eth0 "ip4 $B $A / gre 00000000 / zero 16"
		! has_none a gre1 || break
		nap
	done
	has_none a gre1
	ka_is a gre1 received 0
	[ "$(device_counter a gre1 rx_keepalive)" -gt 1 ]
	# the same are good enough if the operator says so
	ipn a link set gre1 type "$KIND" ka-auth off
	send_raw b eth0 a eth0 "ip4 $B $A / gre 00000000"
	has_carrier a gre1
}

# a signed answer that comes a second time
test_repeated() {
	local token

	needs_mygre keepalive
	capture out b eth0 in
	tunnel a gre1 $HERE keepalive 5,3
	expect out "ip4 $A $B id ? ttl 255 df 1 / gre 00000800 / \
		ip4 $B $A id 0 ttl 255 tos 0xc0 / gre 00000000 / any 16"
	token=${PKT: -32}
	send_raw b eth0 a eth0 "ip4 $B $A / gre 00000000 / $token"
	ka_is a gre1 state up
	ka_is a gre1 received 1
	send_raw b eth0 a eth0 "ip4 $B $A / gre 00000000 / $token"
	ka_is a gre1 received 1
	[ "$(device_counter a gre1 rx_keepalive)" -eq 1 ]
}

# a tunnel that asks nobody leaves answers to whoever waits for them
test_none_asked() {
	needs_mygre keepalive
	tunnel a gre1 $HERE
	capture out a gre1 in
	send_raw b eth0 a eth0 "ip4 $B $A / gre 00000000 / text mine"
	expect out "type 0000 / text mine"
}

# what takes long is told from what is lost; probes overtake each other
test_delay() {
	needs_mygre keepalive
	at b tc qdisc add dev eth0 root netem delay 150ms 2>/dev/null ||
		skip "this kernel has no netem"
	tunnel b gre1 $THERE
	tunnel a gre1 $HERE keepalive 0.1,20
	wait_for ka_above a gre1 received 5
	ka_is a gre1 state up
	[ "$(ka a gre1 rtt_min_us)" -ge 150000 ]
	at b tc qdisc change dev eth0 root netem delay 10ms loss 30%
	wait_for ka_above a gre1 lost 3
	at b tc qdisc change dev eth0 root netem loss 100%
	wait_for has_none a gre1
}

# answer: to the last probe, by one who cannot sign
answer() {
	send_raw b eth0 a eth0 "ip4 $B $A / gre 00000000"
}

# a far end that comes and goes has to answer longer each time
test_damping() {
	local sent

	needs_mygre keepalive
	tunnel a gre1 $HERE keepalive 3,1 ka-auth off
	wait_for has_none a gre1
	answer
	has_carrier a gre1
	# it comes and goes
	wait_for has_none a gre1
	[ "$(ka a gre1 flaps)" -ge 2 ]
	answer
	ka_is a gre1 state hold
	has_none a gre1
	sent=$(ka a gre1 sent)
	wait_for ka_above a gre1 sent "$sent"
	answer
	ka_is a gre1 state up
	has_carrier a gre1
}

# settings change while it runs, and each change counts
test_changes() {
	needs_mygre keepalive
	tunnel a gre1 $HERE
	[[ $(link_show a gre1) != *'"keepalive"'* ]]
	ipn a link set gre1 type "$KIND" keepalive 0.1,2
	wait_for has_none a gre1
	ipn a link set gre1 type "$KIND" keepalive off
	has_carrier a gre1
	[[ $(link_show a gre1) != *'"keepalive"'* ]]
	ipn a link set gre1 type "$KIND" keepalive 3600
	ka_is a gre1 retries 2
	ka_is a gre1 interval_ms 3600000
	tunnel b gre1 $THERE
	ipn a link set gre1 type "$KIND" keepalive 0.25,7
	wait_for ka_above a gre1 received 2
	ka_is a gre1 interval_ms 250
	# what is changed besides leaves it alone
	ipn a link set gre1 type "$KIND" ttl 64 tos 0x10
	ka_is a gre1 interval_ms 250
	ka_is a gre1 retries 7
	ka_above a gre1 received 1
	# and it ends and begins with the device
	ipn a link set gre1 down
	ka_is a gre1 state off
	ipn a link set gre1 up
	wait_for ka_is a gre1 state up
}

# Ethernet tunnels have it as well
test_tap() {
	needs_mygre keepalive
	tunnel_of "${KIND}tap" a tap1 $HERE keepalive 0.1,10
	wait_for has_none a tap1
	tunnel_of "${KIND}tap" b tap1 $THERE keepalive 0.1,10
	wait_for ka_is a tap1 state up
	wait_for ka_is b tap1 state up
	has_carrier a tap1
}

# with everything in the header, and an address that the route decides
test_header() {
	needs_mygre keepalive
	tunnel a gre1 remote $B ttl 255 key 5 csum seq keepalive 0.1,10
	tunnel b gre1 $THERE key 5 csum seq keepalive 0.1,10
	wait_for ka_above a gre1 received 3
	wait_for ka_above b gre1 received 3
	ka_is a gre1 state up
	ka_is b gre1 state up
}

# the device in one namespace, its underlay in another
test_moved() {
	needs_mygre keepalive
	ns_add c
	tunnel b gre1 $THERE
	tunnel a gre1 $HERE keepalive 0.1,10
	ipn a link set gre1 netns "c$NS_TAG"
	ipn c link set gre1 up
	wait_for ka_is c gre1 state up
	wait_for ka_above c gre1 received 2
	ipn c link del gre1
	ns_del c
}

# in a VRF, with the underlay in another
test_vrf() {
	needs_mygre keepalive
	ipn a link add red group $GROUP up type vrf table 100 2>/dev/null ||
		skip "this kernel has no VRF"
	ipn a link add blue group $GROUP up type vrf table 200
	ipn a link set eth0 master blue
	tunnel a gre1 $HERE dev eth0 keepalive 0.1,10
	ipn a link set gre1 master red
	tunnel b gre1 $THERE keepalive 0.1,10
	wait_for ka_is a gre1 state up
	wait_for ka_is b gre1 state up
	wait_for ka_above a gre1 received 2
	ipn a link set eth0 nomaster
}

# who has many far ends asks none
test_refused() {
	local words

	needs_mygre keepalive
	for words in "local $A key 1 keepalive 10" \
		"local $A remote 224.1.1.1 keepalive 10" \
		"$HERE keepalive 0.01" "$HERE keepalive 0.0001" "$HERE keepalive 32768" \
		"$HERE keepalive 10,0" "$HERE keepalive 10,256" \
		"$HERE keepalive soon" "$HERE ka-auth yes" "$HERE ka-reply 1"; do
		if ipn a link add gre1 type "$KIND" $words; then
			fail "taken: $words"
		fi
		must_fail ipn a link show gre1
	done
	tunnel a gre1 $HERE
	must_fail ipn a link set gre1 type "$KIND" keepalive 40000
	tunnel a gre2 local $A key 1
	must_fail ipn a link set gre2 type "$KIND" keepalive 10
}

netns_begin topology
ktap_main "$@"
