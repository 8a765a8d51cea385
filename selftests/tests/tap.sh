#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Ethernet in GRE: the device, bridges and VLANs, the kernel's gretap as the
# peer, and frames that are too big.

# long: peers
# shellcheck disable=SC2317,SC2329 # ktap_main calls the functions
# shellcheck disable=SC2086 # options are words
# shellcheck source=selftests/lib/ktap.sh
. "$(dirname "$0")/../lib/ktap.sh"
# shellcheck source=selftests/lib/netns.sh
. "$(dirname "$0")/../lib/netns.sh"

TAP=${KIND}tap

# h and k are hosts on one Ethernet: a bridge in a and one in b, and between
# them what the tests make.
topology() {
	kind_load gre
	kind_load bridge
	kind_load 8021q
	ns_add h a b k
	ns6 h k a b
	wire a eth0 10.10.10.10/24 -- b eth0 10.10.10.11/24
	wire h eth0 192.168.5.1/24 fd05::1/64 -- a lan
	wire k eth0 192.168.5.2/24 fd05::2/64 -- b lan
	ipn a <<-END
		link add br0 up type bridge mcast_snooping 0
		link set lan master br0
	END
	ipn b <<-END
		link add br0 up type bridge mcast_snooping 0
		link set lan master br0
	END
	# the bridges themselves say nothing
	pk_set a 1 ipv6/conf/br0/disable_ipv6
	pk_set b 1 ipv6/conf/br0/disable_ipv6
}

cleanup_each() {
	tunnels_del a b
}

ENDS="local 10.10.10.10 remote 10.10.10.11"
AWAY="local 10.10.10.11 remote 10.10.10.10"

# tap NS DEV ARGUMENTS...
tap() {
	tunnel_of "$TAP" "$@"
}

# bridged WORDS...: a tunnel between the two bridges.
bridged() {
	ipn a link add tap1 up group $GROUP master br0 type "$TAP" $ENDS "$@"
	ipn b link add tap1 up group $GROUP master br0 type "$TAP" $AWAY "$@"
}

# json NS DEV NAME: a value of "ip -d -j link show".
json() {
	link_show "$1" "$2" | sed "s/.*\"$3\":\"\\{0,1\\}\\([^\",}]*\\).*/\\1/"
}

# an address of its own, or the one that is given; never one of a group
test_address() {
	local one two address

	tap a tap1 $ENDS
	tap a tap2 $ENDS key 2
	one=$(json a tap1 address)
	two=$(json a tap2 address)
	[[ $one == ?[26ae]:*:*:*:*:* ]] || fail "not a local address: $one"
	[ "$one" != "$two" ] || fail "both have $one"
	ipn a link add tap3 group $GROUP address 02:00:00:00:00:07 \
		type "$TAP" $ENDS key 3
	[ "$(json a tap3 address)" = 02:00:00:00:00:07 ] || fail "$(json a tap3 address)"
	ipn a link set tap1 address 02:00:00:00:00:08
	[ "$(json a tap1 address)" = 02:00:00:00:00:08 ] || fail "not changed"
	for address in 01:00:5e:00:00:01 ff:ff:ff:ff:ff:ff 00:00:00:00:00:00; do
		must_fail ipn a link add bad address $address \
			type "$TAP" $ENDS key 4
		must_fail ipn a link set tap1 address $address
	done
	must_fail ipn a link show bad
	[ "$(json a tap1 address)" = 02:00:00:00:00:08 ] || fail "changed"
}

# no remote at all is multipoint, a remote of 0 is a slip
test_remote() {
	pk link add a tap1 "$TAP" 6:0a0a0a0a || fail "$PKT"
	[[ $PKT == 0* ]] || fail "without remote: $PKT"
	ipn a link del tap1
	pk link add a tap1 "$TAP" 6:0a0a0a0a 7:00000000 || fail "$PKT"
	[[ $PKT == EINVAL* ]] || ipn a link del tap1
	[[ $PKT == EINVAL* ]] || fail "remote 0: $PKT"
	[ "$KIND" = gre ] || [[ $PKT == *remote* ]] || fail "no reason: $PKT"
	must_fail ipn a link show tap1
}

# no queue and no queue's lock; and VLANs keep the offloads
test_features() {
	local feature

	needs_mygre "a tap without queue, offloads for VLANs"
	tap a tap1 $ENDS
	[ "$(json a tap1 qdisc)" = noqueue ] || fail "$(json a tap1 qdisc)"
	ipn a link add vlan5 group $GROUP link tap1 type vlan id 5
	at a ethtool -k vlan5 >"$NETNS_TMP/features"
	for feature in tx-checksumming scatter-gather tcp-segmentation-offload \
		generic-segmentation-offload; do
		grep "^$feature: on" "$NETNS_TMP/features"
	done
	# packets with numbers are no super-packets
	tap a tap2 $ENDS seq key 2
	at a ethtool -k tap2 >"$NETNS_TMP/features"
	grep "^tx-checksumming: on" "$NETNS_TMP/features"
	grep "^tcp-segmentation-offload: off" "$NETNS_TMP/features"
}

# ARP, IPv4, neighbour discovery, IPv6 and VLANs with gretap as the peer
test_peers() {
	local kinds words number name

	for kinds in "$TAP gretap" "gretap $TAP" "$TAP $TAP"; do
		number=0
		while read -r words; do
			name=p$((++number))
			echo "$kinds: ${words:-plain}"
			words="${words/key/key $((100 + number))}"
			ipn a <<-END
				link add $name up group $GROUP type ${kinds% *} $ENDS $words
				link add $name.5 up group $GROUP link $name type vlan id 5
			END
			ipn b <<-END
				link add $name up group $GROUP type ${kinds#* } $AWAY $words
				link add $name.5 up group $GROUP link $name type vlan id 5
			END
			pk address a $name 10.1.$number.1/24
			pk address b $name 10.1.$number.2/24
			pk address a $name.5 fd15:$number::1/64
			pk address b $name.5 fd15:$number::2/64
			at a ping -q -n -c 1 -W 10 10.1.$number.2
			at a ping -q -n -c 1 -W 10 fd15:$number::2
			[ "$kinds" != "$TAP $TAP" ] || tunnels_del a b
		done <<-END
			
			key
			csum key
			seq key
			csum seq key
		END
		tunnels_del a b
	done
}

# hosts on the two bridges are on one Ethernet
test_bridge() {
	bridged key 7
	at h ping -q -n -c 1 -W 10 192.168.5.2
	at h ping -q -n -c 1 -W 10 fd05::2
	# each bridge has learnt where the other side's host is
	at a bridge fdb show dev tap1 | grep -i "$(json k eth0 address)"
}

# the smallest frames, tagged frames, odd lengths: not a byte is changed
test_bytes() {
	local frame macs="02aabbccdd01 02aabbccdd02"

	# in by one tap, out by another: this way the wire shows both; and
	# what a says itself would disturb
	pk_set a 1 ipv6/conf/default/disable_ipv6
	ipn a <<-END
		link add tap1 up group $GROUP master br0 type $TAP $ENDS key 1
		link add tap2 up group $GROUP master br0 type $TAP $ENDS key 2
	END
	pk_set a 0 ipv6/conf/default/disable_ipv6
	capture wire b eth0 in
	while read -r frame; do
		echo "$frame"
		send_raw b eth0 a eth0 "ip4 10.10.10.11 10.10.10.10 /
			gre 20006558 00000001 / $frame"
		expect wire "ip4 10.10.10.10 10.10.10.11 tos ? df ? id ? ttl ? /
			gre 20006558 00000002 / $frame"
		expect_no_more wire 0800
	done <<-END
		$macs 88b5 / zero 45 / 01
		$macs 0806 / 0001080006040001 02aabbccdd02 0a000001 000000000000 0a000002 / zero 18
		$macs 0800 / ip4 1.1.1.1 2.2.2.2 / udp 1 2 / zero 14 / 000000
		$macs 0800 / ip4 1.1.1.1 2.2.2.2 / udp 1 2 / text odd
		$macs 86dd / ip6 fd00::1 fd00::2 / udp 1 2 / zero 7
		$macs 8100 6005 0800 / ip4 1.1.1.1 2.2.2.2 / udp 1 2 / text tagged
		$macs 8100 0000 88b5 / zero 46
		$macs 88a8 0006 8100 0007 0800 / ip4 1.1.1.1 2.2.2.2 / udp 1 2 / text twice
		$macs 8100 0006 8100 0007 86dd / ip6 fd00::1 fd00::2 / udp 1 2 / text twice
		$macs 8847 000010ff / ip4 1.1.1.1 2.2.2.2 / udp 1 2 / text label
		ffffffffffff 02aabbccdd02 002b / 424203 / zero 40
		0180c2000021 02aabbccdd02 88b5 / zero 46
		$macs 88b5
	END
	# an Ethernet header that is cut off is none
	send_raw b eth0 a eth0 "ip4 10.10.10.11 10.10.10.10 /
		gre 20006558 00000001 / $macs 88"
	send_raw b eth0 a eth0 "ip4 10.10.10.11 10.10.10.10 /
		gre 20006558 00000001 / $macs 88b5 / text later"
	expect wire "ip4 10.10.10.10 10.10.10.11 tos ? df ? id ? ttl ? /
		gre 20006558 00000002 / $macs 88b5 / text later"
	expect_no_more wire 0800
}

# who sends frames too big for a tunnel in a bridge learns how big they may be
test_too_big() {
	needs_mygre "an answer to bridged frames"
	bridged key 7
	# as bridges are: the wire's MTU, not the tunnel's
	ipn a link set tap1 mtu 1500
	ipn b link set tap1 mtu 1500
	at h ping -q -n -c 1 -W 10 192.168.5.2
	at h ping -q -n -c 1 -W 10 fd05::2
	capture heard h eth0 in
	capture far k eth0 in
	# 1458 is 1500 on the wire less IPv4, GRE with a key, Ethernet
	send_ip h "ip4 192.168.5.1 192.168.5.2 df 1 id 8 / udp 1 2 / zero 1431"
	expect heard "ip4 192.168.5.2 192.168.5.1 id ? ttl ? tos ? df ? /
		icmp 3 4 000005b2 / 450005b3 00084000 4011 .... c0a80501 c0a80502
		/ any 528"
	send_ip h "ip4 192.168.5.1 192.168.5.2 df 1 id 9 / udp 1 2 / zero 1430"
	expect far "ip4 192.168.5.1 192.168.5.2 df 1 id 9 / udp 1 2 / zero 1430"
	[[ $(ipn h route get 192.168.5.2) == *"mtu 1458"* ]] ||
		fail "$(ipn h route get 192.168.5.2)"
	at h ping -q -n -c 1 -W 10 -M dont -s 1472 192.168.5.2
	# of an echo: for UDP, 6.1 heeds a message only if there is a socket
	at h ping -q -n -c 1 -W 1 -M "do" -s 1411 fd05::2 || :
	wait_for path6 1458
	[ "$(device_counter a tap1 tx_too_big)" -ge 2 ] || fail "not counted"
}

# the same if it is a super-packet whose pieces are too big
test_too_big_super() {
	needs_mygre "an answer to bridged frames"
	bridged key 7
	ipn a link set tap1 mtu 1500
	ipn b link set tap1 mtu 1500
	capture heard h eth0 in
	capture far k eth0 in
	pk hex "ip4 192.168.5.1 192.168.5.2 df 1 id 8 proto 6 / zero 2940"
	super h eth0 "$(mac k eth0)" 800 "${PKT:0:40}" 2920 1460
	expect heard "ip4 192.168.5.2 192.168.5.1 id ? ttl ? tos ? df ? /
		icmp 3 4 000005b2 / any 548"
	pk hex "ip6 fd05::1 fd05::2 next 6 / zero 2900"
	super h eth0 "$(mac k eth0)" 86dd "${PKT:0:80}" 2880 1440
	expect heard "ip6 fd05::2 fd05::1 tc ? flow ? hop ? next 58 /
		0200 .... 000005b2 / any 1232"
	expect_no_more far 0800
}

path6() {
	[[ $(ipn h -6 route get fd05::2) == *"mtu $1"* ]]
}

# what must not be dropped is split outside: without DF, or no IP at all
test_split() {
	local frame

	bridged key 7
	ipn a link set tap1 mtu 1500
	ipn b link set tap1 mtu 1500
	at h ping -q -n -c 1 -W 10 192.168.5.2
	capture far k eth0 in
	capture wire a eth0 out
	send_raw h eth0 k eth0 \
		"ip4 192.168.5.1 192.168.5.2 df 0 id 8 / udp 1 2 / zero 1471"
	expect far "ip4 192.168.5.1 192.168.5.2 df 0 id 8 / udp 1 2 / zero 1471"
	expect wire "ip4 10.10.10.10 10.10.10.11 frag 0x2000 id ? ttl ? proto 47 /
		any 1480"
	send_raw h eth0 k eth0 "type 88b5 / zero 1499 / 07"
	expect far "type 88b5 / zero 1499 / 07"
	send_raw h eth0 k eth0 "type 8847 / 000010ff / zero 1496"
	expect far "type 8847 / 000010ff / zero 1496"
}

netns_begin topology
ktap_main "$@"
