#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A far end that is found by what it sends ("learn on"), behind a translator of
# addresses and without one.

# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck disable=SC2086 # options are words
# long: ipv6 keepalive6
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

A=10.10.10.10
B=10.10.10.11
DATA="ip4 192.168.9.1 192.168.9.2 id 3 / udp 1000 2000 / text data"
NAT=

topology() {
	ns_add a b
	ns6 a b
	ns6_quiet a b
	wire a eth0 $A/24 fd10::10/64 -- b eth0 $B/24 fd10::11/64
}

setup_each() {
	needs_mygre "GRE in UDP"
}

cleanup_each() {
	tunnels_del a b
	nat_end
}

# nat CLIENTS...: clients behind a translator n, and the hub h
nat() {
	local client number=1

	NAT="n h $*"
	ns_add n h "$@"
	wire n wan 203.0.113.1/24 -- h wan 203.0.113.9/24
	ns_forward n
	for client; do
		wire n "lan$number" 10.0.$number.1/24 -- \
			"$client" eth0 10.0.$number.2/24
		ipn "$client" route add default via 10.0.$number.1
		number=$((number + 1))
	done
	at n nft 'add table ip t; add chain ip t p {
		type nat hook postrouting priority 100; }
		add rule ip t p oifname wan masquerade'
}

nat_end() {
	local name

	for name in $NAT; do
		ns_del "$name" 2>/dev/null || :
	done
	NAT=
}

# reaches NS ADDRESS
reaches() {
	at $1 ping -n -q -c 1 -W 1 $2 >/dev/null
}

# two clients behind one translator: the hub knows them by their keys, and finds
# them again when the translator gives them another port
test_nat() {
	nat c d
	ipn h link add hub1 up type $KIND local 203.0.113.9 key 1 encap udp learn on
	ipn h link add hub2 up type $KIND local 203.0.113.9 key 2 encap udp learn on
	ipn h address add 192.168.1.9/24 dev hub1
	ipn h address add 192.168.2.9/24 dev hub2
	ipn c link add up1 up type $KIND remote 203.0.113.9 key 1 encap udp sport 4754
	ipn d link add up1 up type $KIND remote 203.0.113.9 key 2 encap udp sport 4754
	ipn c address add 192.168.1.1/24 dev up1
	ipn d address add 192.168.2.1/24 dev up1
	# nobody has been heard of
	must_fail reaches h 192.168.1.1
	[ "$(device_counter h hub1 tx_no_remote)" -ge 1 ] || fail "not counted"
	wait_for reaches c 192.168.1.9
	wait_for reaches d 192.168.2.9
	reaches h 192.168.1.1 || fail "the hub does not find the first"
	reaches h 192.168.2.1 || fail "the hub does not find the second"
	# it gets another address, so that the translator gives it another port
	ipn c address del 10.0.1.2/24 dev eth0
	ipn c address add 10.0.1.3/24 dev eth0
	ipn c route replace default via 10.0.1.1
	must_fail reaches h 192.168.1.1
	wait_for reaches c 192.168.1.9
	wait_for reaches h 192.168.1.1
}

learned_port() {
	link_show h hub1 | sed -n 's/.*"learned_port":\([0-9]*\).*/\1/p'
}

port_differs() {
	local port

	port=$(learned_port)
	[ -n "$port" ] && [ "$port" != "$1" ]
}

# Probes alone tell the hub where a client is, and keep the translator's mapping.
#
# through a translator, too, either end knows whether the other is alive
test_keepalive() {
	local kind hub="key 1 encap udp learn on keepalive 0.1,3"
	local client="remote 203.0.113.9 key 1 encap udp sport 4754"
	local address=2 port

	nat c
	for kind in $KIND ${KIND}tap; do
		ipn h link add hub1 up type $kind $hub
		# nobody has been heard of
		wait_for ka_is h hub1 state down
		[ "$(device_counter h hub1 tx_no_remote)" -ge 1 ] ||
			fail "not counted"
		ipn c link add up1 up type $kind $client keepalive 0.1,50
		wait_for ka_is c up1 state up
		wait_for ka_is h hub1 state up
		# it gets another address, so that the translator gives it another port
		port=$(learned_port)
		ipn c address del 10.0.1.$address/24 dev eth0
		address=$((address + 1))
		ipn c address add 10.0.1.$address/24 dev eth0
		ipn c route replace default via 10.0.1.1
		wait_for port_differs $port
		wait_for ka_above c up1 received $(($(ka c up1 received) + 3))
		wait_for ka_is h hub1 state up
		ipn c link set up1 down
		wait_for ka_is h hub1 state down
		ipn c link del up1
		ipn h link del hub1
	done
}

# the same over IPv6; and answers can be forbidden here, too
test_keepalive6() {
	local hub="local fd10::11 key 7 encap udp learn on"

	ipn b link add hub1 up group $GROUP type $KIND $hub keepalive 0.1,50
	tunnel a gre1 local fd10::10 remote fd10::11 key 7 encap udp sport 4754 \
		keepalive 0.1,50
	wait_for ka_is a gre1 state up
	wait_for ka_is b hub1 state up
	ipn b link set hub1 type $KIND ka-reply off
	ipn a link set gre1 type $KIND keepalive 0.1,3
	wait_for ka_is a gre1 state down
}

# without UDP the translator cannot tell two clients of one hub apart
test_nat_plain() {
	nat c d
	ipn h link add hub1 up type $KIND local 203.0.113.9 remote 203.0.113.1 key 1
	ipn h link add hub2 up type $KIND local 203.0.113.9 remote 203.0.113.1 key 2
	ipn h address add 192.168.1.9/24 dev hub1
	ipn h address add 192.168.2.9/24 dev hub2
	ipn c link add up1 up type $KIND remote 203.0.113.9 key 1
	ipn d link add up1 up type $KIND remote 203.0.113.9 key 2
	ipn c address add 192.168.1.1/24 dev up1
	ipn d address add 192.168.2.1/24 dev up1
	wait_for reaches c 192.168.1.9
	must_fail reaches d 192.168.2.9
}

# the key decides who is believed: with a wrong one nobody moves the far end
test_forged() {
	ipn b link add hub up group $GROUP type $KIND local $B key 7 encap udp csum off learn on
	capture wire b eth0 out
	send_raw a eth0 b eth0 "ip4 $A $B / udp 1111 4754 / gre 20000800 00000007 / $DATA"
	send_dev b hub "$DATA"
	expect wire "ip4 $B $A df 1 id ? ttl ? / udp ? 1111 / gre 20000800 00000007 / $DATA"
	send_raw a eth0 b eth0 "ip4 10.10.10.66 $B / udp 2222 4754 / gre 20000800 00000008 / $DATA"
	send_raw a eth0 b eth0 "ip4 10.10.10.66 $B / gre 20000800 00000007 / $DATA"
	send_dev b hub "$DATA"
	expect wire "ip4 $B $A df 1 id ? ttl ? / udp ? 1111 / gre 20000800 00000007 / $DATA"
	# who has the key takes it over, until the true far end sends again
	ipn b neigh add 10.10.10.66 lladdr 02:00:00:00:00:66 dev eth0
	send_raw a eth0 b eth0 "ip4 10.10.10.66 $B / udp 3333 4754 / gre 20000800 00000007 / $DATA"
	send_dev b hub "$DATA"
	expect wire "ip4 $B 10.10.10.66 df 1 id ? ttl ? / udp ? 3333 / gre 20000800 00000007 / $DATA"
	send_raw a eth0 b eth0 "ip4 $A $B / udp 1111 4754 / gre 20000800 00000007 / $DATA"
	send_dev b hub "$DATA"
	expect wire "ip4 $B $A df 1 id ? ttl ? / udp ? 1111 / gre 20000800 00000007 / $DATA"
	ipn b neigh del 10.10.10.66 dev eth0
	[[ $(ipn b -d link show hub) == *" learn on learned $A port 1111 "* ]]
	[[ $(link_show b hub) == *'"learned":"'$A'","learned_port":1111'* ]]
	# down and up again, nobody is known
	ipn b link set hub down
	[[ $(ipn b -d link show hub) != *" learned "* ]]
	ipn b link set hub up
	send_dev b hub "$DATA"
	[ "$(device_counter b hub tx_no_remote)" -ge 1 ] || fail "not forgotten"
}

# who was known by the old key does not get the new one
test_new_key() {
	ipn b link add hub up group $GROUP type $KIND local $B key 7 \
		encap udp csum off learn on
	capture wire b eth0 out
	send_raw a eth0 b eth0 "ip4 $A $B / udp 1111 4754 / gre 20000800 00000007 / $DATA"
	send_dev b hub "$DATA"
	expect wire "ip4 $B $A df 1 id ? ttl ? / udp ? 1111 / gre 20000800 00000007 / $DATA"
	# what has nothing to do with it changes nothing
	ipn b link set hub type $KIND tos 4
	send_dev b hub "$DATA"
	expect wire "ip4 $B $A df 1 id ? ttl ? tos 4 / udp ? 1111 / gre 20000800 00000007 / $DATA"
	ipn b link set hub type $KIND tos 0 key 8
	[[ $(link_show b hub) != *'"learned"'* ]]
	send_dev b hub "$DATA"
	[ "$(device_counter b hub tx_no_remote)" -ge 1 ] || fail "not counted"
	send_raw a eth0 b eth0 "ip4 $A $B / udp 1111 4754 / gre 20000800 00000007 / $DATA"
	send_dev b hub "$DATA"
	expect_no_more wire 0800
	send_raw a eth0 b eth0 "ip4 $A $B / udp 2222 4754 / gre 20000800 00000008 / $DATA"
	send_dev b hub "$DATA"
	expect wire "ip4 $B $A df 1 id ? ttl ? / udp ? 2222 / gre 20000800 00000008 / $DATA"
}

# the same over IPv6
test_ipv6() {
	local back="flow ? next 60 / limit 4 / udp ? 1111 / gre 20000800 00000007 / $DATA"
	local from

	ipn b link add hub up group $GROUP type $KIND local fd10::11 key 7 \
		encap udp csum off learn on
	capture wire b eth0 out
	for from in fd10::10 fd10::12; do
		ipn a address replace $from/64 dev eth0
		send_raw a eth0 b eth0 "ip6 $from fd10::11 next 17 / udp 1111 4754 /
			gre 20000800 00000007 / $DATA"
		# another key, and another port, to which nothing goes
		send_raw a eth0 b eth0 "ip6 fd10::66 fd10::11 next 17 / udp 2222 4754 /
			gre 20000800 00000008 / $DATA"
		send_dev b hub "$DATA"
		expect wire "ip6 fd10::11 $from $back"
	done
	ipn a address del fd10::12/64 dev eth0
}

netns_begin topology
ktap_main "$@"
