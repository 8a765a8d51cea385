#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ip_gre and mygre in one kernel: loaded in either order both carry traffic,
# unloading either leaves the other working, and what is neither's goes where
# it went before.

# long: other_way erspan
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

setup_each() {
	needs_mygre "coexistence"
	log_mark
}

cleanup_each() {
	tunnels_del a b
}

# The key of each kind's tunnel.
declare -A KEY=([gre]=1 [mygre]=2)

# pair KIND: a tunnel of this kind between a and b.
pair() {
	tunnel_of "$1" a "$1" local 10.10.10.10 remote 10.10.10.11 key "${KEY[$1]}"
	tunnel_of "$1" b "$1" local 10.10.10.11 remote 10.10.10.10 key "${KEY[$1]}"
}

# carries KIND: in both directions.
carries() {
	local there="ip4 192.168.1.1 192.168.1.2 / udp 1 2 / text $1"

	capture far b "$1" in
	capture near a "$1" in
	send_dev a "$1" "$there"
	expect far "$there"
	send_dev b "$1" "$there"
	expect near "$there"
}

# modules KIND...: load just these, in this order.
modules() {
	local module

	needs_own_kernel
	for module in pptp mygre ip_gre gre; do
		! module_loaded "$module" || rmmod "$module"
	done
	for module in "$@"; do
		kind_load "$module"
	done
}

# ip_gre first, then mygre, then without ip_gre, then with it again
test_gre_first() {
	modules gre mygre
	pair gre
	pair mygre
	carries gre
	carries mygre
	rmmod ip_gre
	carries mygre
	kind_load gre
	pair gre
	carries gre
	carries mygre
	log_clean
}

# mygre first, then ip_gre, then without mygre, then with it again
test_mygre_first() {
	modules mygre gre
	pair gre
	pair mygre
	carries gre
	carries mygre
	rmmod mygre
	carries gre
	kind_load mygre
	pair mygre
	carries gre
	carries mygre
	log_clean
}

# mygre came first and ip_gre goes; mygre came second and goes
test_other_way() {
	modules mygre gre
	pair gre
	pair mygre
	rmmod ip_gre
	carries mygre
	modules gre mygre
	pair gre
	pair mygre
	rmmod mygre
	carries gre
	must_fail ipn a link show mygre
	log_clean
}

# gre.ko stays as long as mygre may call it, and can go after
test_pinned() {
	modules gre mygre
	rmmod ip_gre
	must_fail rmmod gre
	rmmod mygre
	rmmod gre
	mygre_load
}

# Lines that the modules write when they are loaded are no news.
log_clean() {
	pk log '^(?!.*(gre: GRE over|ip_gre: GRE over|mygre:.*loaded))' ||
		fail "$PKT"
	[[ $PKT == "0 lines"* ]] || fail "kernel log: $PKT"
}

# needs_frag KEY MTU: b's side says that a packet of this tunnel did not fit.
needs_frag() {
	send_raw b eth0 a eth0 "ip4 10.10.10.11 10.10.10.10 /
		icmp 3 4 0000$(printf %04x "$2") /
		ip4 10.10.10.10 10.10.10.11 df 1 ttl 63 /
		gre 20000800 $(printf %08x "$1") / zero 100"
}

learnt() {
	[[ $(ipn a route get 10.10.10.11) == *"mtu $1 "* ]]
}

# ICMP errors go on to ip_gre, and ours come to us
test_icmp() {
	modules gre mygre
	pair gre
	needs_frag "${KEY[gre]}" 1300
	wait_for learnt 1300
	# ip_gre learns from any GRE packet, so it must go for the rest. What is
	# learnt stays for minutes and only gets smaller: had the first message,
	# about a tunnel that nobody has, any effect, the second had none.
	modules mygre
	pair mygre
	needs_frag 3 1280
	needs_frag "${KEY[mygre]}" 1290
	wait_for learnt 1290
}

# PPTP goes on to whoever speaks it
test_pptp() {
	local lcp="c021 01010004"

	modprobe pptp || fail "no pptp in this kernel"
	pk pptp ppp b 10.10.10.11 77 10.10.10.10 88 || fail "$PKT"
	# version 1: key and sequence, length of the payload, call, number
	send_raw a eth0 b eth0 "ip4 10.10.10.10 10.10.10.11 /
		gre 3001880b 0008 004d 00000001 / ff03 $lcp"
	pk got ppp "$WAIT_MS" "$lcp" || fail "$PKT"
	pk close ppp
}

# a tunnel of ip_gre receives what no tunnel of ours matches, byte for byte
test_passed_on() {
	local inner="ip4 192.168.1.1 192.168.1.2 / udp 1 2 / text passed" before

	kind_load gre
	pair gre
	pair mygre
	before=$(space_counter b rx_no_tunnel)
	capture gre b gre in
	capture mygre b mygre in
	send_raw a eth0 b eth0 "ip4 10.10.10.10 10.10.10.11 /
		gre 20000800 00000001 / $inner"
	expect gre "$inner"
	expect_no_more gre
	expect_no_more mygre
	[ "$(space_counter b rx_no_tunnel)" -eq $((before + 1)) ]
}

# ERSPAN is for ip_gre's devices, whatever tunnels of ours have the same ends
test_erspan() {
	local words

	kind_load gre
	KEY[mygre]=9 pair mygre
	tunnel_of mygretap a tap local 10.10.10.10 remote 10.10.10.11 key 9
	tunnel_of mygretap b tap local 10.10.10.11 remote 10.10.10.10 key 9
	capture l3 b mygre in
	capture tap b tap in
	while read -r words; do
		echo "$words"
		tunnel_of erspan a span local 10.10.10.10 remote 10.10.10.11 \
			$words
		tunnel_of erspan b span local 10.10.10.11 remote 10.10.10.10 \
			$words
		pk address a span 192.168.7.1/24
		pk address b span 192.168.7.2/24
		capture wire a eth0
		at a ping -q -n -c 2 -i 0.01 -W 10 192.168.7.2
		at b ping -q -n -c 1 -W 10 192.168.7.1
		# it was ERSPAN indeed
		pk list wire 0800
		[[ $PKT =~ 0a0a0a0a0a0a0a0b[0-9a-f]{4}(88be|22eb) ]] ||
			fail "on the wire: $PKT"
		ipn a link del span
		ipn b link del span
	done <<-END
		erspan_ver 0
		seq key 9 erspan_ver 1 erspan 5
		seq key 9 erspan_ver 2 erspan_dir egress erspan_hwid 3
	END
	expect_no_more l3
	expect_no_more tap
	carries mygre
}

netns_begin topology
ktap_main "$@"
